/* The BERT encoder (Devlin et al. 2018) over packed texts: embeddings, layers of attention and
 * feed-forward, pooling, length 1. The weights are immutable, any thread; a `bert_work` belongs to
 * one thread at a time. */
#ifndef EMBED_BERT_H
#define EMBED_BERT_H

#include "base/err.h"
#include "embed/safetensors.h"
#include "math/linear.h"

struct bert_shape {
    unsigned layers, hidden, heads, intermediate; /* hidden % heads == 0, hidden even */
    unsigned vocab, positions, types;
    float epsilon;
};

struct bert;
/* Reads and checks every tensor; names with and without the prefix "bert." are known. */
enum err bert_load(struct safetensors *s, const struct bert_shape *shape, enum linear_type type,
                   struct bert **out, struct err_info *e) MUST_CHECK;
void bert_free(struct bert *b); /* NULL is allowed */
uint64_t bert_bytes(const struct bert *b);

enum bert_pooling { BERT_MEAN, BERT_CLS };

struct bert_work;
struct bert_work *bert_work_new(const struct bert *b, size_t tokens_max);
void bert_work_free(struct bert_work *w);
/* One block: the sum of `lengths` is at most tokens_max, each at least 1 and at most positions,
 * each id below vocab (all asserted). `out`: count x hidden, each row of length 1. */
void bert_run(const struct bert *b, struct bert_work *w, const uint32_t *ids,
              const uint32_t *lengths, size_t count, enum bert_pooling pooling, float *out);

#endif
