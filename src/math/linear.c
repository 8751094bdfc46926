#include "math/linear.h"
#include "base/arena.h"
#include "math/half.h"
#include "math/rows.h"
#include "math/simd.h"
#include "math/tile.h"
#include "math/vector.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Rows that go through all panels before the next rows: their inputs and results stay in the L2
 * cache, and the weights stream past. Measured: 56 to 112 are equal, 256 is 6 % slower. */
#define ROWS_AT_ONCE 84

struct linear {
    enum linear_type type;
    size_t in, out, panels;
    float *bias;    /* padded to whole panels with zeros */
    float *f32;     /* [panel][k][32] */
    uint16_t *bf16; /* [panel][k / 2][32][2] */
};

static size_t weight_count(const struct linear *l)
{
    return l->panels * TILE_COLUMNS * l->in;
}

static void pack(struct linear *l, const float *weights)
{
    for (size_t o = 0; o < l->panels * TILE_COLUMNS; o++) {
        size_t panel = o / TILE_COLUMNS * TILE_COLUMNS * l->in, c = o % TILE_COLUMNS;
        for (size_t k = 0; k < l->in; k++) {
            float w = o < l->out ? weights[o * l->in + k] : 0;
            if (l->type == LINEAR_F32)
                l->f32[panel + k * TILE_COLUMNS + c] = w;
            else
                l->bf16[panel + (k & ~(size_t)1) * TILE_COLUMNS + 2 * c + k % 2] = bf16_of_float(w);
        }
    }
}

struct linear *linear_new(const float *weights, const float *bias, size_t in, size_t out,
                          enum linear_type type)
{
    assert(in > 0 && in <= 65536 && in % 2 == 0 && out > 0 && out <= 65536);
    struct linear *l = xcalloc(1, sizeof *l);
    l->type = type;
    l->in = in;
    l->out = out;
    l->panels = (out + TILE_COLUMNS - 1) / TILE_COLUMNS;
    l->bias = xaligned(l->panels * TILE_COLUMNS * sizeof *l->bias);
    memset(l->bias, 0, l->panels * TILE_COLUMNS * sizeof *l->bias);
    memcpy(l->bias, bias, out * sizeof *bias);
    if (type == LINEAR_F32)
        l->f32 = xaligned(weight_count(l) * sizeof *l->f32);
    else
        l->bf16 = xaligned(weight_count(l) * sizeof *l->bf16);
    pack(l, weights);
    return l;
}

void linear_free(struct linear *l)
{
    if (!l)
        return;
    free(l->bias);
    free(l->f32);
    free(l->bf16);
    free(l);
}

size_t linear_bytes(const struct linear *l)
{
    return l->panels * TILE_COLUMNS * sizeof *l->bias +
           weight_count(l) * (l->type == LINEAR_F32 ? sizeof *l->f32 : sizeof *l->bf16);
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
    const float *bias = l->bias + column;
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
    for (size_t p = 0; p < l->panels; p++) {
        size_t panel = p * TILE_COLUMNS * l->in;
        for (size_t r = first; r < first + rows;) {
            unsigned n = tile_share(first + rows - r);
            if (l->type == LINEAR_F32)
                tile_f32((const float *)x + r * l->in, l->in, n, l->in, l->f32 + panel,
                         TILE_COLUMNS, sums);
            else
                tile_bf16((const uint16_t *)x + r * l->in, l->in, n, l->in, l->bf16 + panel, sums);
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
