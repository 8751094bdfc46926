/* The encoder inside (private to bert*.c): bert_load.c fills it, bert.c runs it. */
#ifndef EMBED_BERT_IMPL_H
#define EMBED_BERT_IMPL_H

#include "embed/bert.h"

struct norm {
    float *gamma, *beta;
};
struct layer {
    struct linear qkv, attention_out, up, down;
    struct norm attention_norm, feed_norm;
};
struct bert {
    struct bert_shape shape;
    enum linear_type type;
    float *words;     /* vocab x hidden */
    float *positions; /* positions x hidden; the row of token type 0 is added in */
    struct norm norm;
    struct layer *layers;
    void **owned; /* packed layers that this process made */
    size_t owned_count;
};

#endif
