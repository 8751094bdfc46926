/* iALS: readers and items as vectors, for sizes where a closed form is too dear (its cost grows
 * with the interactions, not with a cube of readers or items).
 *
 *     minimise  sum over what was read of |x_ui| (sign(x_ui) - w_u . v_i)^2
 *               + alpha * sum over all of (w_u . v_i)^2
 *               + lambda * sum over u of size(u)^nu |w_u|^2, and so for items,
 *     size(u) = interactions of u + alpha * items
 *
 * by turns exact in w and in v. Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback
 * Datasets (ICDM 2008); the frequency-scaled regulariser and that it has to be tuned: Rendle,
 * Krichene, Zhang, Koren: Revisiting the Performance of iALS on Item Recommendation Benchmarks
 * (RecSys 2022), section 3.
 *
 * Each half of an epoch turns the given side into its principal axes, so that the common matrix is
 * diagonal; a row of n interactions is then a system of min(n, dims) equations. What is made serves
 * as recommend/factors.h says. */
#ifndef TRAIN_IALS_H
#define TRAIN_IALS_H

#include "base/err.h"
#include "recommend/factors.h"
#include "train/interactions.h"
#include <stdatomic.h>
#include <stdbool.h>

#define IALS_DIMS 128
#define IALS_EPOCHS 8

struct ials_options {
    uint32_t dims;    /* at most FACTORS_DIMS_MAX; 0: IALS_DIMS */
    double alpha;     /* weight of what was not read; 0: .01 */
    double lambda;    /* 0: .001 */
    double nu;        /* 0: 1 */
    unsigned epochs;  /* 0: IALS_EPOCHS */
    unsigned threads; /* 0: one a core */
    uint64_t seed;
    const atomic_bool *stop; /* may be NULL */
};

/* The same interactions, options and seed give the same bytes, whatever the threads. ERR_CANCELLED;
 * ERR_UNAVAILABLE: no OpenBLAS. An epoch takes, for each reader and each item of n interactions,
 * n^2 dims multiply-adds; n dims^2 where n is larger than dims. */
enum err ials_train(const struct interactions *x, const struct ials_options *o,
                    struct factors **out, struct err_info *e) MUST_CHECK;
/* What training takes at most, beside the interactions. */
size_t ials_train_bytes(uint32_t readers, uint32_t items, const struct ials_options *o);

#endif
