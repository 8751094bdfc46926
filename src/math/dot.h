/* Dot products, lengths and int8 rows: what scans and graphs over vectors are made of.
 * Pointers need no alignment; `n` and `dims` are 0..65,536 (asserted). Any thread. */
#ifndef MATH_DOT_H
#define MATH_DOT_H

#include <stddef.h>
#include <stdint.h>

#define DOT_DIMS_MAX 65536

/* Sums of floats: relative error about n * 2^-24 of sum |a_i b_i|; last bits depend on the level.
 */
float dot_f32(const float *a, const float *b, size_t n);
float dot_f16_f32(const uint16_t *row, const float *query, size_t n); /* `row`: float16 */

/* Exact, the same at every level; -128 is allowed. */
int32_t dot_i8(const int8_t *a, const int8_t *b, size_t n);
/* out[r] = dot_i8(query, rows + r * dims, dims): a scan, about as fast as memory gives the rows. */
void dot_i8_rows(const int8_t *query, const int8_t *rows, size_t count, size_t dims, int32_t *out);
/* The same for rows that lie apart; `rows[r]` are prefetched a few ahead. */
void dot_i8_gather(const int8_t *query, const int8_t *const *rows, size_t count, size_t dims,
                   int32_t *out);

/* The first r with dot_i8(query, rows[r]) * scales[r] >= limit, or count: the question that
 * choosing the links of a graph asks. The same answer at every level. */
size_t dot_i8_first(const int8_t *query, const int8_t *const *rows, const float *scales,
                    size_t count, size_t dims, float limit);

float norm_f32(const float *x, size_t n); /* Euclidean length */
float normalise_f32(float *x, size_t n);  /* to length 1; returns the length it had; 0 stays 0 */

/* out[i] = round(x[i] / scale), nearest even, in [-127, 127], with scale = max|x| / 127 returned:
 * x ~ scale * out. A row of zeros (or below 1e-30) gives zeros and scale 0. `x` finite.
 * dot(a, b) ~ scale_a * scale_b * dot_i8. The same bits at every level. */
float quantise_i8(const float *x, int8_t *out, size_t n);

#endif
