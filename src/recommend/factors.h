/* iALS as the server has it: a vector an item; a reader's vector is made from what was read, at
 * each request, so that the newest feedback counts at once (train/ials.h makes the items').
 *
 *     w = (sum |x_i| v_i v_i' + G + ridge I)^-1 sum x_i v_i,   score_j = v_j . w
 *     ridge = lambda (readings + alpha * known)^nu
 *
 * x_i < 0, not wanted: the answer to aim at is -1. G, alpha times the sum of all v v', is diagonal:
 * the vectors stand in its principal axes. So with fewer readings than dimensions the system has
 * the size of the readings, by Woodbury's identity. Score and parts: Hu, Koren, Volinsky:
 * Collaborative Filtering for Implicit Feedback Datasets (ICDM 2008), sections 4 and 5. Plain C: no
 * library of dense algebra. Immutable once made: any thread. */
#ifndef RECOMMEND_FACTORS_H
#define RECOMMEND_FACTORS_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

#define FACTORS_DIMS_MAX 1024

struct model_read;
struct section_reader;
struct section_writer;
struct factors {
    uint32_t items, dims;
    uint32_t known; /* items that somebody read */
    double alpha, lambda, nu;
    double *gram;      /* dims: the diagonal of G, >= 0 */
    uint16_t *vectors; /* items x dims, float16; zeros: nobody read it */
};

void factors_free(struct factors *f); /* NULL is allowed */
size_t factors_bytes(const struct factors *f);
/* Its item i becomes item[i], rising, of `items`; nobody read the others. */
void factors_spread(struct factors *f, const uint32_t *item, uint32_t items);
/* Errors are the section's. */
void factors_save(const struct factors *f, struct section_writer *w);
/* NULL: section_error says why; a count is bounded before memory is taken. */
struct factors *factors_load(struct section_reader *r, uint32_t items) MUST_CHECK;

/* out[dims]: the reader's vector. m^2 (n + m / 3) multiply-adds at most, m the smaller of the
 * readings and the dimensions, n the larger: tens of microseconds for some dozens of readings. */
void factors_reader(const struct factors *f, const struct model_read *read, size_t count,
                    float *out);
/* scores[items] = the scores; 0 of nobody. Cost: reading all the vectors, items * dims * 2 bytes.
 */
void factors_score(const struct factors *f, const struct model_read *read, size_t count,
                   float *scores);
/* The score of one item, the reader's vector given. */
double factors_item(const struct factors *f, const float *reader, uint32_t item);
/* parts[k]: the share of the score of `item` that read[k] has: x_k v_item' (...)^-1 v_k. They add
 * up to the score (1e-6 of its size). Without read[k] the score is not just less by parts[k], since
 * the others then count for more: factors_fold_changed says what is left. */
void factors_parts(const struct factors *f, const struct model_read *read, size_t count,
                   uint32_t item, double *parts);

/* A reader's system, solved once and asked more than once. In the arena, which what is asked takes
 * some of too: (dims + readings) * 50 bytes a call. */
struct arena;
struct factors_fold;
struct factors_fold *factors_fold(const struct factors *f, const struct model_read *read,
                                  size_t count, struct arena *a);
/* The parts of the sum over `items` (`count`) of weights * score. Cost: dims * readings. */
void factors_fold_parts(const struct factors_fold *r, const uint32_t *items, const double *weights,
                        size_t count, double *parts);
/* out[dims]: the reader's vector if the readings `at` (`count`, none twice) had `times` their
 * weight. `gone`: so many of them, times 0, were not read at all, which makes the ridge smaller. As
 * factors_reader of the others says it (1e-9 of its size). Cost: some steps of 3 dims * readings
 * or, if those are more than the dimensions, 2 dims^2: tens of microseconds. */
void factors_fold_changed(const struct factors_fold *r, const size_t *at, const double *times,
                          size_t count, size_t gone, float *out);

#endif
