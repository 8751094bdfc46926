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

/* A layer is a view of packed bytes, which somebody else owns: memory, or a mapped file. */
struct linear {
    enum linear_type type;
    size_t in, out;
    const void *packed; /* 64-byte aligned */
};
/* in is 1..65,536 and even, out likewise. The packed form depends on the type alone. */
size_t linear_packed_bytes(size_t in, size_t out, enum linear_type type);
/* `weights`: out x in floats, a row an output as PyTorch stores them; `bias`: out floats. */
void linear_pack(const float *weights, const float *bias, size_t in, size_t out,
                 enum linear_type type, void *packed);

/* `x`: rows x in, of the layer's type; `y`: rows x out. No allocation. */
void linear_run(const struct linear *l, const void *x, size_t rows, enum linear_then then, void *y);

#endif
