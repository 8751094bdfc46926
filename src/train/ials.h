/* iALS: readers and items as vectors, for sizes where a closed form is too dear (its cost grows
 * with the interactions, not with a cube of readers or items).
 *
 *     minimise  sum over what was read of x_ui (1 - w_u . v_i)^2  +  alpha * sum over all of
 *               (w_u . v_i)^2  +  lambda * sum of size(u)^nu |w_u|^2, and so for items,
 *     size(u) = interactions of u + alpha * items
 *
 * by turns exact in w and in v. Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback
 * Datasets (ICDM 2008); the frequency-scaled regulariser and that it has to be tuned: Rendle,
 * Krichene, Zhang, Koren: Revisiting the Performance of iALS (RecSys 2022), section 3.
 *
 * A reader's vector follows from what was read alone (ials_fold_in), so the newest feedback counts
 * at once, and a score is a sum over it: score_j = sum over i of x_i v_j' S v_i, S = (alpha V'V +
 * sum x_i v_i v_i' + ridge)^-1 (Hu et al., section 5). Immutable once made: any thread. */
#ifndef TRAIN_IALS_H
#define TRAIN_IALS_H

#include "base/err.h"
#include "train/interactions.h"
#include <stdatomic.h>
#include <stdbool.h>

struct ials_options {
    uint32_t dims;   /* 0: 128 */
    double alpha;    /* weight of what was not read; 0: .1 */
    double lambda;   /* 0: .003 */
    double nu;       /* 1 */
    unsigned epochs; /* 0: 16 */
    unsigned threads;
    uint64_t seed;
    _Atomic uint32_t *done; /* epochs, for progress; may be NULL */
    const atomic_bool *stop;
};
struct ials {
    uint32_t items, dims;
    double alpha, lambda, nu;
    float *vectors; /* items x dims */
    float *gram;    /* dims x dims: alpha * V'V */
};

/* ERR_CANCELLED, ERR_UNAVAILABLE (no OpenBLAS). Memory: 4 * dims * (readers + items) bytes. */
enum err ials_train(const struct interactions *x, const struct ials_options *o, struct ials **out,
                    struct err_info *e) MUST_CHECK;
void ials_free(struct ials *m);
/* out[dims]: the vector of one who read these; its scores are dot products with m->vectors.
 * dims^2 * (count + dims / 3) multiply-adds: about 0.2 ms at 128. After dense_open. */
void ials_fold_in(const struct ials *m, const uint32_t *given, const float *weights, size_t count,
                  float *out);

#endif
