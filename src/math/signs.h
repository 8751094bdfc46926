/* Codes of one bit a dimension: the signs of a centred, rotated vector, and the estimate of a
 * distance that they give (RaBitQ: Gao and Long 2024, without the query's rounding to 4 bits).
 *
 * For a residual r = x - c and a query residual y: with b the signs of r,
 *     r.y  is about  (|r|^2 / sum |r_i|)  *  sum over i of b_i y_i
 * and |x - q|^2 = |r|^2 + |y|^2 - 2 r.y. The sum over the signs is 2 * (sum of y where the bit is
 * set) - sum of y; the query is rounded to bytes, so that a line of bits is masked moves and byte
 * products. The same sums at every SIMD level. Any thread. */
#ifndef MATH_SIGNS_H
#define MATH_SIGNS_H

#include <stddef.h>
#include <stdint.h>

static inline size_t signs_words(size_t dims)
{
    return (dims + 63) / 64;
}

/* The bits of x (bit i % 64 of word i / 64: x[i] > 0; words beyond dims are 0), |x|^2 and sum |x|.
 */
void signs_encode(const float *x, size_t dims, uint64_t *bits, float *square, float *sum);

/* out[i] = the sum of query[j] where bit j of lines[i] is set. `query`: 64 * words bytes, aligned
 * to 64. Words 1..64. `out` has room for count rounded up to a multiple of 4. */
void signs_sums(const int8_t *query, size_t words, const uint64_t *const *lines, size_t count,
                int32_t *out);

#endif
