/* How alike two ranked lists are, and how good one is. Lists are best first and name nothing twice.
 * Plain C, any thread; about depth^2 to depth^3 comparisons, for lists of some ten. */
#ifndef MATH_RANKING_H
#define MATH_RANKING_H

#include <stddef.h>
#include <stdint.h>

/* What share of the first `depth` they have in common; 1 of two empty ones. */
double ranking_overlap(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count,
                       size_t depth);
/* Rank-biased overlap, extrapolated beyond lists that may differ in length (Webber, Moffat, Zobel
 * 2010, equation 32); 0 < p < 1. */
double ranking_rbo(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count, double p);

/* Discounted cumulative gain, linear (Järvelin and Kekäläinen 2002, as trec_eval has it), of the
 * gains in the order of the list; and the most that a list of `depth` can have of these, which are
 * sorted in place. Their quotient is nDCG. */
double ranking_dcg(const double *gains, size_t count);
double ranking_dcg_ideal(double *gains, size_t count, size_t depth);

#endif
