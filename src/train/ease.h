/* EASE: a linear model of what is read together, in closed form.
 *
 *     P = (Z'Z + lambda I)^-1,   B_ij = -P_ij / P_jj (i != j),   score(reader, j) = sum_i x_i B_ij
 *
 * Z: the readers' rows, and below them sqrt(gamma) E', the centred vectors of the items' texts, as
 * if each dimension were one more reader: it lifts what few have read. Steck: Embarrassingly
 * Shallow Autoencoders for Sparse Data (WWW 2019). With fewer rows than items by Woodbury's
 * identity, P = (I - Z' (lambda I + Z Z')^-1 Z) / lambda, so that the cost is the cube of the
 * smaller side and no matrix of items x items is ever made: of each row of B the `kept` weights of
 * the largest size stay. */
#ifndef TRAIN_EASE_H
#define TRAIN_EASE_H

#include "base/err.h"
#include "recommend/item_model.h"
#include "train/interactions.h"
#include <stdatomic.h>
#include <stdbool.h>

#define EASE_KEPT 500

struct ease_options {
    double lambda;     /* > 0; 0: 30 */
    double gamma;      /* of the text; 0: none */
    const float *text; /* items x dims, centred, of length 1; NULL: none */
    uint32_t dims;
    unsigned kept;     /* weights a row; 0: EASE_KEPT */
    unsigned threads;  /* 0: one a core; at most 8 */
    size_t memory_max; /* bytes; 0: no bound */
    /* On the caller's thread: about so much of it is done, rising to 1. May be NULL. */
    void (*progress)(const void *ctx, double done);
    const void *ctx;
    const atomic_bool *stop; /* may be NULL */
};

/* The same to the last bit whatever the threads. ERR_FULL: it would take more than memory_max; the
 * message says how much. ERR_CANCELLED: `stop`. ERR_INVALID: lambda too small for these rows.
 * ERR_UNAVAILABLE: no OpenBLAS. */
enum err ease_train(const struct interactions *x, const struct ease_options *o,
                    struct item_model **out, struct err_info *e) MUST_CHECK;
/* What training takes at most, beside `x`. */
size_t ease_train_bytes(uint32_t readers, uint32_t items, const struct ease_options *o);

#endif
