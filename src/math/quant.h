/* Rows of floats as rows of bytes, the inputs of an int8 product. Private to math/.
 *
 * A row: its scale and its least value (two floats), then `dims` bytes and zeros up to a multiple
 * of 4. x[k] * factors[k] is about low + scale * byte: all 256 steps lie between the least and the
 * greatest value of the row. */
#ifndef MATH_QUANT_H
#define MATH_QUANT_H

#include <stddef.h>
#include <stdint.h>

struct quant_row {
    float scale, low;
    uint8_t bytes[];
};

static inline size_t quant_k(size_t dims)
{
    return (dims + 3) / 4 * 4;
}

static inline size_t quant_row_bytes(size_t dims)
{
    return sizeof(struct quant_row) + quant_k(dims);
}

/* Finite values. `factors` NULL: all 1. */
void quant_rows(const float *x, size_t rows, size_t dims, const float *factors, void *out);
/* layernorm_f32 in place, then quant_rows, in one pass. */
struct quant_norm {
    const float *gamma, *beta;
    float epsilon;
};
void quant_rows_normed(float *x, size_t rows, size_t dims, const struct quant_norm *n,
                       const float *factors, void *out);

#endif
