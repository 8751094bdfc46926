/* The BERT encoder (Devlin et al. 2018) and those of its shape (RoBERTa, XLM-R, MPNet, DistilBERT)
 * over packed texts: embeddings, layers of attention and feed-forward, pooling, length 1. The
 * weights are immutable, any thread; a `bert_work` belongs to one thread at a time. */
#ifndef EMBED_BERT_H
#define EMBED_BERT_H

#include "base/err.h"
#include "embed/bert_names.h"
#include "embed/pack.h"
#include "embed/safetensors.h"
#include "math/linear.h"

struct bert_shape {
    unsigned layers, hidden, heads, intermediate; /* hidden % heads == 0, hidden even */
    unsigned vocab, types;                        /* types 0: no token types */
    unsigned positions;                           /* that a text can have */
    unsigned position_first; /* row of the table for a text's first token: 2 in RoBERTa */
    unsigned buckets;        /* of relative positions (MPNet); 0: none */
    float epsilon;
    const struct bert_names *names;
};

/* How the numbers are kept. */
struct bert_form {
    enum linear_type type;
    bool words_half; /* word vectors as float16: half the memory, cosine 1e-7 from float */
    bool round_bf16; /* LINEAR_F32 with weights rounded to bfloat16: a processor without bfloat16
                        products keeps the vectors of a model that was embedded with them */
};

struct bert;
struct bert_calibration;
/* Reads all tensors; names with and without the model's prefix are known. All shapes are checked,
 * and that no part of another encoder is left over, before anything is allocated. `calibration`:
 * for LINEAR_INT8, used up by it; else NULL. */
enum err bert_load(struct safetensors *s, const struct bert_shape *shape,
                   const struct bert_form *form, struct bert_calibration *calibration,
                   struct bert **out, struct err_info *e) MUST_CHECK;
/* Only looks: what bert_load would refuse. */
enum err bert_check(struct safetensors *s, const struct bert_shape *shape,
                    struct err_info *e) MUST_CHECK;
/* From a pack that bert_write made of the same shape and form; owns the pack if it succeeds.
 * ERR_CORRUPT otherwise. */
enum err bert_map(struct pack *p, const struct bert_shape *shape, const struct bert_form *form,
                  struct bert **out, struct err_info *e) MUST_CHECK;
enum err bert_write(const struct bert *b, const char *path, const uint8_t key[PACK_KEY_BYTES],
                    struct err_info *e) MUST_CHECK;
/* What the inputs of every product are like over the texts, for linear_pack. `fp32`: of LINEAR_F32,
 * borrowed until the end. Layer by layer, so that the memory of one is enough: 4 (3 hidden^2 +
 * intermediate^2) bytes, and the activations of all texts. */
struct bert_calibration *bert_calibration_new(const struct bert *fp32, const uint32_t *ids,
                                              const uint32_t *lengths, size_t count);
void bert_calibration_free(struct bert_calibration *c); /* NULL is allowed */
void bert_free(struct bert *b);                         /* NULL is allowed */
uint64_t bert_bytes(const struct bert *b);
const struct bert_form *bert_form(const struct bert *b);
const struct pack *bert_pack(const struct bert *b); /* NULL: in memory */

/* BERT_ROWS: none, the row of each token as it is. */
enum bert_pooling { BERT_MEAN, BERT_CLS, BERT_LAST, BERT_ROWS };

struct bert_work;
struct bert_work *bert_work_new(const struct bert *b, size_t tokens_max);
void bert_work_free(struct bert_work *w);
/* One block: the sum of `lengths` is at most tokens_max, each at least 1 and at most positions,
 * each id below vocab (all asserted). `out`: count x hidden, each row of length 1; BERT_ROWS:
 * a row a token. */
void bert_run(const struct bert *b, struct bert_work *w, const uint32_t *ids,
              const uint32_t *lengths, size_t count, enum bert_pooling pooling, float *out);

#endif
