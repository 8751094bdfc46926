/* A model, as the parts of embed/ see it (private). */
#ifndef EMBED_MODEL_H
#define EMBED_MODEL_H

#include "embed/bert.h"
#include "embed/config.h"
#include "embed/home.h"
#include "embed/embed.h"
#include "math/adapter.h"

struct model {
    int refs; /* atomic */
    struct model_info info;
    struct tokenizer *tokenizer;
    struct pack *tokenizer_pack; /* it lies in this; NULL: in memory */
    struct bert *bert;           /* NULL: the stub */
    enum bert_pooling pooling;
    struct adapter *adapter; /* NULL: none */
    struct remote *remote;   /* NULL: it runs here */
    bool remote_learned;
};

/* precision.c: how numbers are kept at a precision on this processor, and its name in packs. */
struct bert_form precision_form(enum precision p);
const char *form_name(const struct bert_form *f); /* "f32", "bf16", "bf16-f32", "int8" */
/* What the digest of a model says of its precision: another number where the same weights give
 * other vectors than before. */
const char *precision_scheme(enum precision p);

/* Weights that are known by their SHA-256: their name, and constants measured for them. */
struct model_known {
    const char *weights_sha256, *name;
    float mean_cosine;
};
const struct model_known *model_known_by_weights(const char *sha256); /* NULL: not known */
const struct model_known *model_known_by_name(const char *name);
void model_name_from_dir(const char *dir, char *out, size_t cap); /* the last part of the path */

/* adapted.c: gives an opened model its adapter, and the digest that names both; the name is that of
 * the adapter's folder. */
enum err model_adapt(struct model *m, const char *path, struct err_info *e) MUST_CHECK;
void model_adapter_name(const char *path, char *out, size_t cap);

/* The stub: 64 floats from the ids, in a space that follows from the seed. */
#define STUB_DIMS 64u
void stub_embed(const uint32_t *ids, uint32_t length, uint64_t seed, float *out);

#endif
