/* A model, as the parts of embed/ see it (private). */
#ifndef EMBED_MODEL_H
#define EMBED_MODEL_H

#include "embed/bert.h"
#include "embed/embed.h"

struct model {
    int refs; /* atomic */
    struct model_info info;
    struct tokenizer *tokenizer;
    struct bert *bert; /* NULL: the stub */
    enum bert_pooling pooling;
    struct remote *remote; /* NULL: it runs here */
    bool remote_learned;
};

/* What config.json and its neighbours say. */
struct model_config {
    struct bert_shape shape;
    enum bert_pooling pooling;
    unsigned tokens_best;
};
enum err model_config_read(const char *dir, struct model_config *out,
                           struct err_info *e) MUST_CHECK;

/* Weights that are known by their SHA-256: their name, and constants measured for them. */
struct model_known {
    const char *weights_sha256, *name;
    float mean_cosine;
};
const struct model_known *model_known_by_weights(const char *sha256); /* NULL: not known */
const struct model_known *model_known_by_name(const char *name);

/* The stub: 64 floats from the ids. */
#define STUB_DIMS 64u
void stub_embed(const uint32_t *ids, uint32_t length, float *out);

#endif
