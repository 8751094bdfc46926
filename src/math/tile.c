#include "math/tile.h"
#include "math/simd.h"
#include <assert.h>
#include <string.h>
#if SIMD_X86
#include <immintrin.h>
#endif

static void tile_f32_scalar(const float *x, size_t x_stride, unsigned rows, size_t k,
                            const float *panel, size_t panel_stride, float *out)
{
    for (unsigned r = 0; r < rows; r++) {
        float sums[TILE_COLUMNS] = {0};
        for (size_t i = 0; i < k; i++)
            for (unsigned c = 0; c < TILE_COLUMNS; c++)
                sums[c] += x[r * x_stride + i] * panel[i * panel_stride + c];
        memcpy(out + r * TILE_COLUMNS, sums, sizeof sums);
    }
}

#if SIMD_X86
TARGET_AVX2 ALWAYS void rows_avx2(const float *x, size_t x_stride, const unsigned rows, size_t k,
                                  const float *panel, size_t panel_stride, float *out)
{
    __m256 a0[6], a1[6];
    UNROLLED
    for (unsigned r = 0; r < rows; r++)
        a0[r] = a1[r] = _mm256_setzero_ps();
    for (size_t i = 0; i < k; i++) {
        __m256 w0 = _mm256_loadu_ps(panel + i * panel_stride);
        __m256 w1 = _mm256_loadu_ps(panel + i * panel_stride + 8);
        UNROLLED
        for (unsigned r = 0; r < rows; r++) {
            __m256 v = _mm256_set1_ps(x[r * x_stride + i]);
            a0[r] = _mm256_fmadd_ps(v, w0, a0[r]);
            a1[r] = _mm256_fmadd_ps(v, w1, a1[r]);
        }
    }
    UNROLLED
    for (unsigned r = 0; r < rows; r++) {
        _mm256_storeu_ps(out + r * TILE_COLUMNS, a0[r]);
        _mm256_storeu_ps(out + r * TILE_COLUMNS + 8, a1[r]);
    }
}

/* 6 rows x 16 columns fill the 16 registers; the panel's two halves one after the other. */
TARGET_AVX2 static void tile_f32_avx2(const float *x, size_t x_stride, unsigned rows, size_t k,
                                      const float *panel, size_t panel_stride, float *out)
{
    while (rows > 0) {
        unsigned n = rows == 7 || rows == 8 ? 4 : rows < 6 ? rows : 6;
        for (unsigned c = 0; c < TILE_COLUMNS; c += 16) {
            switch (n) {
            case 6:
                rows_avx2(x, x_stride, 6, k, panel + c, panel_stride, out + c);
                break;
            case 5:
                rows_avx2(x, x_stride, 5, k, panel + c, panel_stride, out + c);
                break;
            case 4:
                rows_avx2(x, x_stride, 4, k, panel + c, panel_stride, out + c);
                break;
            case 3:
                rows_avx2(x, x_stride, 3, k, panel + c, panel_stride, out + c);
                break;
            case 2:
                rows_avx2(x, x_stride, 2, k, panel + c, panel_stride, out + c);
                break;
            default:
                rows_avx2(x, x_stride, 1, k, panel + c, panel_stride, out + c);
            }
        }
        x += n * x_stride;
        out += n * TILE_COLUMNS;
        rows -= n;
    }
}

TARGET_AVX512 ALWAYS void rows_avx512(const float *x, size_t x_stride, const unsigned rows,
                                      size_t k, const float *panel, size_t panel_stride, float *out)
{
    __m512 a0[TILE_ROWS], a1[TILE_ROWS];
    UNROLLED
    for (unsigned r = 0; r < rows; r++)
        a0[r] = a1[r] = _mm512_setzero_ps();
    struct tile_rows at = tile_rows(x, x_stride * sizeof *x);
    for (size_t i = 0; i < k; i++, tile_rows_step(&at, sizeof *x)) {
        __m512 w0 = _mm512_loadu_ps(panel + i * panel_stride);
        __m512 w1 = _mm512_loadu_ps(panel + i * panel_stride + 16);
        tile_fetch(panel + i * panel_stride);
        UNROLLED
        for (unsigned r = 0; r < rows; r++) {
            __m512 v = _mm512_set1_ps(*(const float *)tile_row(&at, r));
            a0[r] = _mm512_fmadd_ps(v, w0, a0[r]);
            a1[r] = _mm512_fmadd_ps(v, w1, a1[r]);
        }
    }
    UNROLLED
    for (unsigned r = 0; r < rows; r++) {
        _mm512_storeu_ps(out + r * TILE_COLUMNS, a0[r]);
        _mm512_storeu_ps(out + r * TILE_COLUMNS + 16, a1[r]);
    }
}

TARGET_BF16 ALWAYS __m512i pair_bf16(const void *x)
{
    int pair;
    memcpy(&pair, x, sizeof pair);
    return _mm512_set1_epi32(pair);
}

TARGET_BF16 ALWAYS void rows_bf16(const uint16_t *x, size_t x_stride, const unsigned rows, size_t k,
                                  const uint16_t *panel, float *out)
{
    __m512 a0[TILE_ROWS], a1[TILE_ROWS];
    UNROLLED
    for (unsigned r = 0; r < rows; r++)
        a0[r] = a1[r] = _mm512_setzero_ps();
    struct tile_rows at = tile_rows(x, x_stride * sizeof *x);
    for (size_t i = 0; i < k; i += 2, tile_rows_step(&at, 2 * sizeof *x)) {
        __m512bh w0 = (__m512bh)_mm512_loadu_si512(panel + i * TILE_COLUMNS);
        __m512bh w1 = (__m512bh)_mm512_loadu_si512(panel + i * TILE_COLUMNS + 32);
        tile_fetch(panel + i * TILE_COLUMNS);
        UNROLLED
        for (unsigned r = 0; r < rows; r++) {
            __m512bh v = (__m512bh)pair_bf16(tile_row(&at, r));
            a0[r] = _mm512_dpbf16_ps(a0[r], v, w0);
            a1[r] = _mm512_dpbf16_ps(a1[r], v, w1);
        }
    }
    UNROLLED
    for (unsigned r = 0; r < rows; r++) {
        _mm512_storeu_ps(out + r * TILE_COLUMNS, a0[r]);
        _mm512_storeu_ps(out + r * TILE_COLUMNS + 16, a1[r]);
    }
}

#define MAKE(n)                                                                                    \
    TARGET_AVX512 static void f32_##n(const float *x, size_t x_stride, size_t k,                   \
                                      const float *panel, size_t panel_stride, float *out)         \
    {                                                                                              \
        rows_avx512(x, x_stride, n, k, panel, panel_stride, out);                                  \
    }                                                                                              \
    TARGET_BF16 static void bf16_##n(const uint16_t *x, size_t x_stride, size_t k,                 \
                                     const uint16_t *panel, float *out)                            \
    {                                                                                              \
        rows_bf16(x, x_stride, n, k, panel, out);                                                  \
    }
EACH_ROWS(MAKE)

#define NAME_F32(n) f32_##n,
#define NAME_BF16(n) bf16_##n,
static void (*const f32_of_rows[])(const float *, size_t, size_t, const float *, size_t,
                                   float *) = {NULL, EACH_ROWS(NAME_F32)};
static void (*const bf16_of_rows[])(const uint16_t *, size_t, size_t, const uint16_t *,
                                    float *) = {NULL, EACH_ROWS(NAME_BF16)};
#endif

void tile_f32(const float *x, size_t x_stride, unsigned rows, size_t k, const float *panel,
              size_t panel_stride, float *out)
{
    assert(rows >= 1 && rows <= TILE_ROWS);
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        f32_of_rows[rows](x, x_stride, k, panel, panel_stride, out);
        return;
    }
    if (simd_level() == SIMD_AVX2) {
        tile_f32_avx2(x, x_stride, rows, k, panel, panel_stride, out);
        return;
    }
#endif
    tile_f32_scalar(x, x_stride, rows, k, panel, panel_stride, out);
}

void tile_bf16(const uint16_t *x, size_t x_stride, unsigned rows, size_t k, const uint16_t *panel,
               float *out)
{
    assert(rows >= 1 && rows <= TILE_ROWS && k % 2 == 0 && simd_bf16());
#if SIMD_X86
    bf16_of_rows[rows](x, x_stride, k, panel, out);
#endif
}
