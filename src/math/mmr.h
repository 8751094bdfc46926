/* Maximal marginal relevance (Carbonell, Goldstein: The Use of MMR, SIGIR 1998): an order in which
 * each next one is good and unlike those before it. Any thread. */
#ifndef MATH_MMR_H
#define MATH_MMR_H

#include <stddef.h>
#include <stdint.h>

/* order[0..n): places of the candidates, n = min(count, depth) returned. Each is the argmax of
 *     (1 - diversity) * scores[i] - diversity * max over the chosen j of rows[i] . rows[j]
 * ties to the lower place. `rows`: count x dims floats of length 1 (zeros: like nothing). diversity
 * in [0, 1]. `nearest`: count doubles of working memory. Cost: depth x count dot products. */
size_t mmr_order(const double *scores, const float *rows, size_t dims, size_t count, size_t depth,
                 double diversity, double *nearest, uint32_t *order);

#endif
