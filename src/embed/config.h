/* What a model directory says about itself (private to embed/). */
#ifndef EMBED_CONFIG_H
#define EMBED_CONFIG_H

#include "base/file.h"
#include "base/json.h"
#include "embed/bert.h"
#include "embed/embed.h"

struct model_config {
    struct bert_shape shape;
    enum bert_pooling pooling;
    unsigned tokens_best;
    char prefix[ROLE_COUNT][MODEL_PREFIX_MAX];
};
/* config.json, modules.json, the pooling's config.json, sentence_bert_config.json,
 * config_sentence_transformers.json, akin.json. */
enum err model_config_read(const char *dir, struct model_config *out,
                           struct err_info *e) MUST_CHECK;
const char *pooling_name(enum bert_pooling p); /* "mean", "cls", "last" */

/* config.json alone; the second from memory, for tests and the fuzzer. */
enum err model_shape_read(const char *dir, struct bert_shape *out, struct err_info *e) MUST_CHECK;
enum err model_shape_parse(struct str text, struct bert_shape *out, struct err_info *e) MUST_CHECK;

/* akin.json: what somebody says who knows the model better than its files do. Text that a file
 * does not name is NULL. */
struct model_settings {
    const char *query_prefix, *passage_prefix, *pooling; /* borrowed */
};
/* Adds them to DIR/akin.json, whose other words stay. ERR_INVALID names the option. */
enum err model_settings_write(const char *dir, const struct model_settings *s,
                              struct err_info *e) MUST_CHECK;

/* An object or an array out of a file of at most 1 MiB; ERR_CORRUPT names the file and the place.
 * A file that may be absent leaves *out. */
enum err config_parse(struct str text, const char *file, json_t **out,
                      struct err_info *e) MUST_CHECK;
enum err config_read(const char *dir, const char *file, json_t **out,
                     struct err_info *e) MUST_CHECK;
enum err config_read_optional(const char *dir, const char *file, json_t **out,
                              struct err_info *e) MUST_CHECK;

#endif
