/* What an encoder does to rows of floats between its products. Each beside its plain C reference
 * (libm's expf, erff); the vector forms are within 1e-6 of it. Pointers need no alignment. */
#ifndef MATH_ROWS_H
#define MATH_ROWS_H

#include <stddef.h>

/* Each row to mean 0 and variance 1, times gamma plus beta, in place. */
void layernorm_f32(float *x, size_t rows, size_t dims, const float *gamma, const float *beta,
                   float epsilon);
/* x * (1 + erf(x / sqrt 2)) / 2, in place. Absolute error below 1e-6 for |x| < 100. */
void gelu_f32(float *x, size_t n);
/* x = exp(scale * (x - max x)), in place, for any finite x and scale > 0; returns the sum, > 0.
 * Dividing by it is the caller's, who has fewer numbers to divide. */
float softmax_f32(float *x, size_t n, float scale);

void rows_add(float *x, const float *y, size_t n); /* x += y */
void rows_scale(float *x, float factor, size_t n);

#endif
