/* A linear layer, y = x W' + b, for a block of packed rows: the products of the encoder.
 * Immutable after it is made; any thread. */
#ifndef MATH_LINEAR_H
#define MATH_LINEAR_H

#include <stddef.h>
#include <stdint.h>

enum linear_type {
    LINEAR_F32,
    LINEAR_BF16, /* weights and inputs bfloat16, sums float; only if simd_bf16() */
};
/* What becomes of s = x W' + b. */
enum linear_then {
    LINEAR_SET,  /* y = s, floats */
    LINEAR_ADD,  /* y += s, floats: the residual, in place */
    LINEAR_GELU, /* y = gelu(s), of the layer's type: the input of the next layer */
};

struct linear;
/* `weights`: out x in floats, a row an output as PyTorch stores them; `bias`: out floats.
 * Both are copied, the weights into panels of 32 outputs. in is 1..65,536 and even, out likewise.
 */
struct linear *linear_new(const float *weights, const float *bias, size_t in, size_t out,
                          enum linear_type type);
void linear_free(struct linear *l); /* NULL is allowed */
size_t linear_bytes(const struct linear *l);

/* `x`: rows x in, of the layer's type; `y`: rows x out. No allocation. */
void linear_run(const struct linear *l, const void *x, size_t rows, enum linear_then then, void *y);

#endif
