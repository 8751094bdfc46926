/* The inner product kernel that the encoder is made of (private to math/).
 *
 *     out[r][c] = sum over k of x[r * x_stride + k] * panel[k * panel_stride + c]
 *
 * for up to 14 rows and exactly 32 columns, `out` being rows x 32 floats without gaps. 14 x 2
 * AVX-512 registers hold the sums for the whole of k: measured on Zen 4 at 110-115 GFLOP/s of 116,
 * 1-8 % above oneDNN 2.6 at the products of MiniLM with 12 to 256 rows. */
#ifndef MATH_TILE_H
#define MATH_TILE_H

#include "math/simd.h"
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#define TILE_ROWS 14
#define TILE_COLUMNS 32

void tile_f32(const float *x, size_t x_stride, unsigned rows, size_t k, const float *panel,
              size_t panel_stride, float *out);

/* bfloat16 with float sums: k even; panel[(k / 2) * 64 + 2 * c + k % 2]. Only if simd_bf16(). */
void tile_bf16(const uint16_t *x, size_t x_stride, unsigned rows, size_t k, const uint16_t *panel,
               float *out);

/* u8 times s8 with int32 sums: k % 4 == 0; panel[(k / 4) * 128 + 4 * c + k % 4]. The same sums at
 * every level, as long as 255 * 128 * k fits. `fresh`: the panel was not used just before, so it
 * and what lies behind it is fetched ahead. */
void tile_int8(const uint8_t *x, size_t x_stride, unsigned rows, size_t k, const int8_t *panel,
               bool fresh, int32_t *out);

/* How many rows the next tile takes of `left`: even shares instead of a short last tile; of AVX2
 * two times the six rows that its registers hold. */
static inline unsigned tile_share(size_t left)
{
    if (simd_level() == SIMD_AVX2)
        return left < 12 ? (unsigned)left : 12;
    if (left <= TILE_ROWS)
        return (unsigned)left;
    unsigned rows = (unsigned)left, tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    return (rows + tiles - 1) / tiles;
}

/* For the kernels: the accumulators must stay in registers, so each loop over rows has to be
 * unrolled, which needs a constant count: every kernel is made once for each number of rows. */
#if defined(TILE_ROLLED) /* a sanitizer checks the same lines, and compiles ten times sooner */
#define UNROLLED
#elif defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif
#define ALWAYS static inline __attribute__((always_inline))

/* Up to 14 rows by three pointers and two distances: an address of its own for each would not fit
 * in the general registers beside the rest, and gcc keeps what does not fit on the stack. */
struct tile_rows {
    const char *at[3];
    size_t stride, stride3; /* bytes */
};

ALWAYS struct tile_rows tile_rows(const void *x, size_t stride)
{
    struct tile_rows t = {
        {x, (const char *)x + 5 * stride, (const char *)x + 10 * stride}, stride, 3 * stride};
    /* so that the compiler does not find out, and keeps them apart */
    __asm__("" : "+r"(t.at[0]), "+r"(t.at[1]), "+r"(t.at[2]), "+r"(t.stride), "+r"(t.stride3));
    return t;
}

ALWAYS const void *tile_row(const struct tile_rows *t, const unsigned row)
{
    const size_t away[5] = {0, t->stride, 2 * t->stride, t->stride3, 4 * t->stride};
    return t->at[row / 5] + away[row % 5];
}

ALWAYS void tile_rows_step(struct tile_rows *t, size_t bytes)
{
    for (unsigned i = 0; i < 3; i++)
        t->at[i] += bytes;
}

/* 4 kB ahead: the processor's own fetching stops at the end of each page. A query of 13 tokens:
 * 1.0 ms without, .76 with. */
ALWAYS void tile_fetch(const void *panel)
{
    __builtin_prefetch((const char *)panel + 4096);
    __builtin_prefetch((const char *)panel + 4096 + 64);
}

#define EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)

#endif
