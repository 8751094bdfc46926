/* What the files of `akin model` share. */
#ifndef MAIN_CMD_MODEL_H
#define MAIN_CMD_MODEL_H

#include "base/config.h"
#include "base/json.h"
#include "embed/embed.h"
#include "main/command.h"

/* DATA/packed, where packed weights go if a model's folder cannot be written; NULL as long as there
 * is no data directory. `buf` is the caller's. */
#define MODEL_CACHE_BYTES 4000
const char *model_cache_dir(const struct config *c, char buf[MODEL_CACHE_BYTES]);

/* The members of a JSON object that tell of a model. */
void model_put(struct json_writer *w, const struct model_info *m, const char *dir);

/* akin model bench: models side by side on one's own documents. */
enum err model_bench(const struct config *c, const struct args *a, struct err_info *e) MUST_CHECK;

#endif
