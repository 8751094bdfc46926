/* The encoder inside (private to bert*.c): bert_load.c and bert_pack.c fill it, bert.c runs it. */
#ifndef EMBED_BERT_IMPL_H
#define EMBED_BERT_IMPL_H

#include "embed/bert.h"

struct norm {
    const float *gamma, *beta;
};
struct layer {
    struct linear qkv, attention_out, up, down;
    struct norm attention_norm, feed_norm;
    const float *norms; /* where the four are, behind each other */
};
/* All pointers lead into `pack`, or into `owned`. */
struct bert {
    struct bert_shape shape;
    struct bert_form form;
    enum linear_type type;  /* form.type */
    const void *words;      /* vocab x hidden: floats, or float16 (form.words_half) */
    const float *positions; /* positions x hidden; the row of token type 0 is added in */
    const float *norms;     /* gamma and beta of `norm` */
    /* heads x (2 positions - 1): what the score of a query at q and a key at k gets for k - q, in
     * units of q k' before its division by sqrt(head_dims). NULL: nothing. Of head h and distance d
     * at [h * (2 positions - 1) + positions - 1 + d]. */
    const float *relative;
    struct norm norm;
    struct layer *layers;
    struct pack *pack;
    void **owned;
    size_t owned_count;
};

struct bert_work {
    size_t tokens_max;
    float *x;       /* tokens x hidden: the residual stream */
    void *inputs;   /* tokens rows: the input of a product, unless that is floats */
    void *qkv;      /* tokens x 3 hidden: floats, and 32 that attention may read; or panels */
    float *context; /* tokens x hidden */
    void *scratch;
    float *wide;       /* FEED_ROWS x intermediate */
    void *wide_inputs; /* the same as rows of the way down, if `wide` is not what it takes */
    struct linear_seen **seen; /* while calibrating: what the products of a layer get */
};

enum bert_product { BERT_QKV, BERT_ATTENTION_OUT, BERT_UP, BERT_DOWN, BERT_PRODUCTS };

/* The steps of bert_run over a whole block: words and positions, then layer by layer. */
size_t bert_start(const struct bert *b, struct bert_work *w, const uint32_t *ids,
                  const uint32_t *lengths, size_t count);
void bert_layer(const struct bert *b, struct bert_work *w, unsigned layer, const uint32_t *lengths,
                size_t count, size_t tokens);

/* The next layer's inputs, by product; they are there until the next call. */
struct linear_seen *const *bert_calibration_next(struct bert_calibration *c);

/* bert.shape and bert.form are set, the rest is empty. */
struct bert *bert_new(const struct bert_shape *shape, const struct bert_form *form);
void *bert_own(struct bert *b, void *p); /* returns p, which bert_free frees */
/* Sets what follows from `norms` and the shape, once all sections are there. */
void bert_settle(struct bert *b);

/* Every block of weights: its name in a pack, where its pointer is, its bytes. */
struct bert_block {
    char name[PACK_NAME_MAX + 1];
    const void **at;
    size_t bytes;
    bool lazy; /* not read at a start */
};
#define BERT_BLOCKS_MAX(layers) (4 + 5 * (layers))
size_t bert_blocks(struct bert *b, struct bert_block *out);

#endif
