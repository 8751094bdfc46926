#include "math/linear.h"
#include "math/half.h"
#include "math/rows.h"
#include "math/simd.h"
#include "math/tile.h"
#include "math/vector.h"
#include <assert.h>
#include <string.h>

/* Rows that go through all panels before the next rows: their inputs and results stay in the L2
 * cache, and the weights stream past. Measured: 56 to 112 are equal, 256 is 6 % slower. */
#define ROWS_AT_ONCE 84

/* Packed: the bias, padded to whole panels with zeros, then the weights: fp32 [panel][k][32],
 * bf16 [panel][k / 2][32][2]. */
static size_t panel_count(size_t out)
{
    return (out + TILE_COLUMNS - 1) / TILE_COLUMNS;
}

static size_t weight_count(size_t in, size_t out)
{
    return panel_count(out) * TILE_COLUMNS * in;
}

static size_t bias_bytes(size_t out)
{
    return panel_count(out) * TILE_COLUMNS * sizeof(float);
}

size_t linear_packed_bytes(size_t in, size_t out, enum linear_type type)
{
    return bias_bytes(out) +
           weight_count(in, out) * (type == LINEAR_F32 ? sizeof(float) : sizeof(uint16_t));
}

void linear_pack(const float *weights, const float *bias, size_t in, size_t out,
                 enum linear_type type, void *packed)
{
    assert(in > 0 && in <= 65536 && in % 2 == 0 && out > 0 && out <= 65536);
    memset(packed, 0, bias_bytes(out));
    memcpy(packed, bias, out * sizeof *bias);
    float *f32 = (float *)((char *)packed + bias_bytes(out));
    uint16_t *bf16 = (uint16_t *)f32;
    for (size_t o = 0; o < panel_count(out) * TILE_COLUMNS; o++) {
        size_t panel = o / TILE_COLUMNS * TILE_COLUMNS * in, c = o % TILE_COLUMNS;
        for (size_t k = 0; k < in; k++) {
            float w = o < out ? weights[o * in + k] : 0;
            if (type == LINEAR_F32)
                f32[panel + k * TILE_COLUMNS + c] = w;
            else
                bf16[panel + (k & ~(size_t)1) * TILE_COLUMNS + 2 * c + k % 2] = bf16_of_float(w);
        }
    }
}

static const float *bias_of(const struct linear *l)
{
    return l->packed;
}

static const void *weights_of(const struct linear *l)
{
    return (const char *)l->packed + bias_bytes(l->out);
}

/* A finished tile of sums to its place: `at` is the first element of y, `columns` of 32 count. */
static void finish_plain(const struct linear *l, float *sums, unsigned rows, const float *bias,
                         size_t columns, enum linear_then then, void *y, size_t at)
{
    rows_add_bias(sums, rows, TILE_COLUMNS, bias);
    if (then == LINEAR_GELU)
        gelu_f32(sums, rows * TILE_COLUMNS);
    for (unsigned r = 0; r < rows; r++, at += l->out, sums += TILE_COLUMNS) {
        if (then == LINEAR_ADD)
            rows_add((float *)y + at, sums, columns);
        else if (then == LINEAR_GELU && l->type == LINEAR_BF16)
            bf16_from_f32(sums, (uint16_t *)y + at, columns);
        else
            memcpy((float *)y + at, sums, columns * sizeof *sums);
    }
}

#if SIMD_X86
/* The same in registers: a tile has 24 to 96 multiplications a result, so this is worth it. */
TARGET_AVX512 static void finish_half_avx512(const struct linear *l, const float *sums,
                                             unsigned rows, const float *bias, __mmask16 m,
                                             enum linear_then then, void *y, size_t at)
{
    __m512 b = _mm512_loadu_ps(bias);
    for (unsigned r = 0; r < rows; r++, at += l->out, sums += TILE_COLUMNS) {
        __m512 s = _mm512_add_ps(_mm512_loadu_ps(sums), b);
        if (then == LINEAR_ADD)
            s = _mm512_add_ps(s, _mm512_maskz_loadu_ps(m, (float *)y + at));
        else if (then == LINEAR_GELU)
            s = gelu_one_avx512(s);
        if (then == LINEAR_GELU && l->type == LINEAR_BF16)
            _mm256_mask_storeu_epi16((uint16_t *)y + at, m, bf16_avx512(s));
        else
            _mm512_mask_storeu_ps((float *)y + at, m, s);
    }
}
#endif

static void finish(const struct linear *l, float *sums, unsigned rows, size_t column,
                   enum linear_then then, void *y, size_t row)
{
    size_t columns = l->out - column < TILE_COLUMNS ? l->out - column : TILE_COLUMNS;
    size_t at = row * l->out + column;
    const float *bias = bias_of(l) + column;
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        finish_half_avx512(l, sums, rows, bias, tail16(columns), then, y, at);
        if (columns > 16)
            finish_half_avx512(l, sums + 16, rows, bias + 16, tail16(columns - 16), then, y,
                               at + 16);
        return;
    }
#endif
    finish_plain(l, sums, rows, bias, columns, then, y, at);
}

static void run_rows(const struct linear *l, const void *x, size_t first, size_t rows,
                     enum linear_then then, void *y)
{
    _Alignas(64) float sums[TILE_ROWS * TILE_COLUMNS];
    for (size_t p = 0; p < panel_count(l->out); p++) {
        size_t panel = p * TILE_COLUMNS * l->in;
        for (size_t r = first; r < first + rows;) {
            unsigned n = tile_share(first + rows - r);
            if (l->type == LINEAR_F32)
                tile_f32((const float *)x + r * l->in, l->in, n, l->in,
                         (const float *)weights_of(l) + panel, TILE_COLUMNS, sums);
            else
                tile_bf16((const uint16_t *)x + r * l->in, l->in, n, l->in,
                          (const uint16_t *)weights_of(l) + panel, sums);
            finish(l, sums, n, p * TILE_COLUMNS, then, y, r);
            r += n;
        }
    }
}

void linear_run(const struct linear *l, const void *x, size_t rows, enum linear_then then, void *y)
{
    for (size_t r = 0; r < rows; r += ROWS_AT_ONCE)
        run_rows(l, x, r, rows - r < ROWS_AT_ONCE ? rows - r : ROWS_AT_ONCE, then, y);
}
