/* Unigram: the segmentation of a piece with the highest sum of scores (Kudo 2018), as Hugging Face
 * `tokenizers` computes it. Immutable after reading; any thread. */
#ifndef TEXT_UNIGRAM_H
#define TEXT_UNIGRAM_H

#include "text/node.h"
#include "text/normal.h"
#include "text/vocab.h"

struct unigram {
    double *scores; /* by id */
    uint32_t n;
    bool borrowed; /* the scores are another's */
    uint32_t unk;
    double unk_score;    /* of each character that no token of its own covers */
    bool byte_fallback;  /* and all of `bytes` are tokens */
    uint32_t bytes[256]; /* "<0x41>" */
};

struct unigram_node;
/* Scratch: the best way to each byte of a piece. */
struct lattice {
    struct unigram_node *nodes;
    size_t cap;
};
void lattice_release(struct lattice *l);

typedef void token_fn(void *ctx, uint32_t id, struct span from);
/* Calls `emit` for each token of the piece. */
void unigram_encode(const struct unigram *u, const struct vocab *v, struct lattice *l,
                    struct view piece, token_fn *emit, void *ctx);
void unigram_release(struct unigram *u);

#endif
