/* Dense algebra of training: OpenBLAS and LAPACK behind it. Matrices row by row, float. The
 * functions of one call use as many threads as dense_threads said last; one caller at a time. */
#ifndef MATH_DENSE_H
#define MATH_DENSE_H

#include <stdbool.h>
#include <stddef.h>

void dense_threads(unsigned threads);
/* a (n x n, symmetric, its lower half is read) -> its inverse, both halves. False: not positive
 * definite; `a` is spoilt. n^3 multiply-adds. */
bool dense_invert(float *a, size_t n);
/* c (rows x columns, stride) = alpha * a * b + beta * c; a: rows x depth, or depth x rows if
 * `a_turned`; b: depth x columns, or columns x depth if `b_turned`. */
void dense_product(size_t rows, size_t columns, size_t depth, float alpha, const float *a,
                   size_t a_stride, bool a_turned, const float *b, size_t b_stride, bool b_turned,
                   float beta, float *c, size_t c_stride);

#endif
