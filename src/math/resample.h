/* How sure a mean over queries is, and whether two ways to answer them differ: by resampling, since
 * measures such as nDCG are far from normal. Seeded: the same numbers give the same answer.
 * Any thread; cost: rounds x count. */
#ifndef MATH_RESAMPLE_H
#define MATH_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

struct resample_range {
    double low, high;
};

double resample_mean(const double *x, size_t count); /* 0 of none */
/* 95 % interval of the mean: percentile bootstrap over the values (Efron and Tibshirani 1993,
 * chapter 13; for retrieval Sakai 2006). */
struct resample_range resample_mean_range(const double *x, size_t count, unsigned rounds,
                                          uint64_t seed);
/* Two-sided p of "the pairs differ by chance alone": Fisher's randomisation test as of Smucker,
 * Allan, Carterette 2007, (1 + as extreme) / (1 + rounds). `difference`: a pair each. 1 of none. */
double resample_paired_p(const double *difference, size_t count, unsigned rounds, uint64_t seed);
/* p of several tests, in place, so that a wrong one among them all stays rare (Holm 1979). At most
 * 64. */
void resample_holm(double *p, size_t count);

/* The chance that one of `own` is above one of `foreign`, ties count half (the area under the ROC
 * curve), and its 95 % interval (DeLong, DeLong, Clarke-Pearson 1988), cut to [0, 1]. Both are
 * sorted in place. .5 if either is empty. */
double resample_auc(double *own, size_t own_count, double *foreign, size_t foreign_count,
                    struct resample_range *range);

#endif
