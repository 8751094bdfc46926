/* What an item says for another: a sparse matrix of items x items, made by EASE (train/ease.h) or
 * by counting (train/neighbours.h).
 *
 *     score(reader, j) = sum over what was read of weight_i * B_ij
 *
 * so each term is the share of the score that reading i has. Immutable once made: any thread. */
#ifndef RECOMMEND_ITEM_MODEL_H
#define RECOMMEND_ITEM_MODEL_H

#include "math/sparse.h"

struct item_model {
    uint32_t items;
    struct sparse rows; /* B: row i, the items j that i speaks for */
};

/* From rows of at most `kept` entries each: row i has counts[i] at to[i * kept], rising. */
struct item_model *item_model_new(uint32_t items, unsigned kept, const uint32_t *counts,
                                  const uint32_t *to, const float *weights);
/* Row i with room for counts[i] entries, which the caller fills in, rising. */
struct item_model *item_model_room(uint32_t items, const uint32_t *counts);
void item_model_free(struct item_model *m);
/* scores[items] += sum of weights[k] * B[given[k]]. Cost: the kept entries of each given item. */
void item_model_score(const struct item_model *m, const uint32_t *given, const float *weights,
                      size_t count, float *scores);
/* Of all weights of items x items, those that were not kept being 0. Cost: a pass over them. */
double item_model_deviation(const struct item_model *m);
/* The mean over the rows of their greatest weight, of those that have one above 0; 0: none has. */
double item_model_greatest(const struct item_model *m);
/* B_ij; 0 if it was not kept. */
float item_model_weight(const struct item_model *m, uint32_t i, uint32_t j);

/* In a section of the model file (model.h). Load: NULL, and the reader has an error, unless it is
 * of so many items. */
struct section_writer;
struct section_reader;
void item_model_save(const struct item_model *m, struct section_writer *w);
struct item_model *item_model_load(struct section_reader *r, uint32_t items);
size_t item_model_bytes(const struct item_model *m);

#endif
