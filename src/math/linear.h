/* A linear layer, y = x W' + b, for a block of packed rows: the products of the encoder.
 * Immutable after it is made; any thread. */
#ifndef MATH_LINEAR_H
#define MATH_LINEAR_H

#include "math/linear_seen.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum linear_type {
    LINEAR_F32,
    LINEAR_BF16, /* weights and inputs bfloat16, sums float; only if simd_bf16() */
    /* Weights s8 with a scale an output, inputs u8 with a scale and a least value a row, sums
     * int32: the same at every SIMD level for the same inputs. */
    LINEAR_INT8,
};
/* What becomes of s = x W' + b. */
enum linear_then {
    LINEAR_SET,  /* y = s, floats */
    LINEAR_ADD,  /* y += s, floats: the residual, in place */
    LINEAR_GELU, /* y = gelu(s): bfloat16 of a LINEAR_BF16 layer, else floats */
    /* y = s, bfloat16 as attention_bf16 reads it: [out / 32][rows][32]. out % 32 == 0; only if
     * simd_bf16(). */
    LINEAR_HEADS,
};

/* A layer is a view of packed bytes, which somebody else owns: memory, or a mapped file. */
struct linear {
    enum linear_type type;
    size_t in, out;
    const void *packed; /* 64-byte aligned */
};
/* in is 1..65,536 and even, out likewise. The packed form depends on the type alone, not on the
 * processor. */
size_t linear_packed_bytes(size_t in, size_t out, enum linear_type type);
/* `weights`: out x in floats, a row an output as PyTorch stores them; `bias`: out floats.
 * `seen`: for LINEAR_INT8, what its inputs are like, by which weights are rounded so that results
 * are nearest (linear_round.h) and the bias makes good what is left on average; NULL: each weight
 * to the nearest. Costs in^3 / 3 + in^2 out / 2 multiply-adds. `smooth`: with `seen`, the
 * difficulty of inputs that are far larger than others moves into the weights (SmoothQuant, Xiao et
 * al. 2022), for a multiplication an input. */
void linear_pack(const float *weights, const float *bias, size_t in, size_t out,
                 enum linear_type type, const struct linear_seen *seen, bool smooth, void *packed);

/* The input rows as the layer wants them, of linear_row_bytes(l) each: floats, bfloat16, or
 * quantised. Allowed in place (x == out) for LINEAR_F32, where it then does nothing. */
size_t linear_row_bytes(const struct linear *l);
void linear_input(const struct linear *l, const float *x, size_t rows, void *out);
/* layernorm_f32 of x in place, and linear_input of that. */
void linear_input_normed(const struct linear *l, float *x, size_t rows, const float *gamma,
                         const float *beta, float epsilon, void *out);

/* `x`: `rows` input rows; `y`: rows x out. No allocation. */
void linear_run(const struct linear *l, const void *x, size_t rows, enum linear_then then, void *y);
/* The share `part` of `parts` of its columns, by which threads divide one product between them.
 * Shares touch different elements of y. */
void linear_run_part(const struct linear *l, const void *x, size_t rows, enum linear_then then,
                     void *y, unsigned part, unsigned parts);

#endif
