/* Dense algebra of training: OpenBLAS, which carries LAPACK. It is loaded when training asks for
 * it: a process that only serves has none of its threads and none of its memory. Matrices row by
 * row, float. One caller at a time says dense_threads; the products may be called by many threads
 * after dense_threads(1). */
#ifndef MATH_DENSE_H
#define MATH_DENSE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* Loads the library, once. ERR_UNAVAILABLE: it is not installed; the message names the package.
 * Before any of the functions below. */
enum err dense_open(struct err_info *e) MUST_CHECK;
void dense_threads(unsigned threads);
/* a (n x n, symmetric, its lower half is read) -> its inverse, both halves, by Cholesky's
 * factors. False: not positive definite, and `a` is spoilt. n^3 multiply-adds. */
bool dense_invert(float *a, size_t n);

/* x, which holds the right side, becomes the solution of a x = right side; `a` as for
 * dense_invert, and spoilt. n^3 / 6 multiply-adds. Any thread, after dense_threads(1). */
bool dense_solve(float *a, size_t n, float *x);

/* Principal axes: a (n x n, symmetric, its lower half is read) -> rows that are its eigenvectors,
 * of length 1, values[n] their eigenvalues, rising. In double: axes of sums over millions of rows.
 * False: they were not found, and `a` is spoilt. About 10 n^3 multiply-adds. */
bool dense_axes(double *a, size_t n, double *values);

/* A matrix as it lies in memory; `turned`: its transpose is meant. */
struct dense {
    const float *at;
    size_t stride;
    bool turned;
};
/* c (rows x columns) = alpha * a (rows x depth) * b (depth x columns) + beta * c. */
void dense_product(size_t rows, size_t columns, size_t depth, float alpha, struct dense a,
                   struct dense b, float beta, float *c, size_t c_stride);

/* to[n] += factor * from. For runs of some dozens of floats and more. */
void dense_add(size_t n, float factor, const float *from, float *to);

#endif
