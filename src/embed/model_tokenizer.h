/* The tokenizer of a model: out of its pack, or read from the model's files and packed (private to
 * embed/). One thread. */
#ifndef EMBED_MODEL_TOKENIZER_H
#define EMBED_MODEL_TOKENIZER_H

#include "embed/home.h"
#include "embed/pack.h"
#include "text/tokenizer.h"

struct model_tokenizer {
    char file[16];   /* "tokenizer.json" or "vocab.txt" */
    char sha256[65]; /* of it */
    char config[65]; /* of tokenizer_config.json if vocab.txt is read with it, else empty */
};
/* *pack is what *out lies in: it has to be closed after *out is freed. NULL: in memory. */
enum err model_tokenizer_open(struct home *h, struct model_tokenizer *w, struct tokenizer **out,
                              struct pack **pack, struct err_info *e) MUST_CHECK;
/* Each pack of these files is read whole; a damaged one is removed. */
void model_tokenizer_check(struct home *h);

#endif
