/* The encoder of a model: out of its pack, or out of its safetensors file and into a pack (private
 * to embed/). One thread. */
#ifndef EMBED_WEIGHTS_H
#define EMBED_WEIGHTS_H

#include "embed/model.h"

struct weights {
    const char *dir;
    struct home *home;
    const struct model_config *config;
    const struct tokenizer *tokenizer;
    const char *sha256; /* of model.safetensors */
};

/* At the precision: from the pack if there is a good one, else made, packed and mapped; from memory
 * if it cannot be written. */
enum err weights_open(const struct weights *w, enum precision p, struct bert **out,
                      struct err_info *e) MUST_CHECK;

/* The two halves of it. `exact`: the same at fp32, if it is there already (int8 is calibrated by
 * it). weights_keep packs what was made in memory. */
enum err weights_make(const struct weights *w, enum precision p, const struct bert *exact,
                      struct bert **out, struct err_info *e) MUST_CHECK;
void weights_keep(const struct weights *w, struct bert **b);

/* What `auto` is for this model on this processor: remembered, or tried out. If it had to be tried,
 * *out holds the weights already, else NULL. */
struct fidelity {
    float mean, least; /* 0: not measured */
};
enum err weights_auto(const struct weights *w, enum precision *p, struct fidelity *f,
                      struct bert **out, struct err_info *e) MUST_CHECK;
/* False: not tried here yet. */
bool weights_auto_known(const struct weights *w, enum precision *p, struct fidelity *f);
/* The measured fidelity of a precision, if `auto` has come to it here. */
void weights_fidelity(const struct weights *w, enum precision p, struct fidelity *f);

/* Every pack of these weights that is there is read whole; a damaged one is removed, with a line in
 * the log. */
void weights_check(const struct weights *w);

/* The vectors of texts, `count` x hidden floats, by one thread. */
void weights_embed(const struct weights *w, const struct bert *b, const char *const *texts,
                   size_t count, float *out);

#endif
