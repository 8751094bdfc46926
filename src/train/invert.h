/* The inverse of a symmetric, positive definite matrix by blocks, on several threads, the same to
 * the last bit whatever their number (a library's own threads divide the work by their number, and
 * sums differ).
 *
 * The symmetric sweep (Goodnight: A Tutorial on the SWEEP Operator, The American Statistician 1979)
 * of a block at a time: with D the inverse of the block k of the diagonal,
 *     A_kk -> -D,  A_ik -> A_ik D,  A_ij -> A_ij - A_ik D A_kj,
 * and when each was swept, A holds minus its inverse. n^3 / 2 multiply-adds, all but a few in
 * products of blocks. */
#ifndef TRAIN_INVERT_H
#define TRAIN_INVERT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* a: n x n, its lower half is read -> its inverse, both halves. False: not positive definite, or
 * `stop`, and `a` is spoilt. After dense_open; says dense_threads(1). Memory: invert_bytes.
 * swept(ctx, share), on this thread: so much of it is done (NULL: nobody asks). */
bool invert(float *a, size_t n, unsigned threads, const atomic_bool *stop,
            void (*swept)(void *ctx, double share), void *ctx);
size_t invert_bytes(size_t n);

#endif
