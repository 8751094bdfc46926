#include "math/tile.h"
#include "math/simd.h"
#include <assert.h>
#include <string.h>
#if SIMD_X86
#include <immintrin.h>
#endif

static void tile_int8_scalar(const uint8_t *x, size_t x_stride, unsigned rows, size_t k,
                             const int8_t *panel, int32_t *out)
{
    for (unsigned r = 0; r < rows; r++, x += x_stride, out += TILE_COLUMNS) {
        int32_t sums[TILE_COLUMNS] = {0};
        for (size_t i = 0; i < k; i += 4)
            for (unsigned c = 0; c < TILE_COLUMNS; c++)
                for (unsigned j = 0; j < 4; j++)
                    sums[c] += x[i + j] * panel[i * TILE_COLUMNS + 4 * c + j];
        memcpy(out, sums, sizeof sums);
    }
}

#if SIMD_X86
/* vpmaddubsw would saturate at full range, and Intel and AMD both do as many multiplications a
 * cycle by vpmaddwd as by vpmaddubsw + vpmaddwd, so this level widens to 16 bits and is exact. */
#define WIDE_ROWS 6
#define WIDE_K 512                /* inputs at a time: they and their weights fit in the L1 cache */
#define WIDE_STRIDE (WIDE_K + 16) /* rows begin in different sets of it */

TARGET_AVX2 static void widen(const uint8_t *x, size_t x_stride, unsigned rows, size_t k,
                              int16_t *wide)
{
    for (unsigned r = 0; r < rows; r++, x += x_stride, wide += WIDE_STRIDE) {
        size_t i = 0;
        for (; i + 16 <= k; i += 16)
            _mm256_storeu_si256((__m256i *)(wide + i),
                                _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(x + i))));
        for (; i < k; i++)
            wide[i] = x[i];
    }
}

/* By hand, since gcc 12 puts off the additions, for which it then has no registers. */
TARGET_AVX2 ALWAYS void dot2(__m256i *sums, __m256i x, __m256i w)
{
    __m256i product;
    __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0"
            : "+x"(*sums), "=&x"(product)
            : "x"(x), "x"(w));
}

/* Up to 6 rows x 8 columns; each accumulator holds two sums of each of four columns. */
TARGET_AVX2 ALWAYS void rows_avx2(const int16_t *wide, const unsigned rows, size_t k,
                                  const int8_t *panel, int32_t *out)
{
    __m256i a0[WIDE_ROWS], a1[WIDE_ROWS];
    UNROLLED
    for (unsigned r = 0; r < rows; r++)
        a0[r] = a1[r] = _mm256_setzero_si256();
    for (size_t i = 0; i < k; i += 4) {
        const __m128i *w = (const __m128i *)(panel + i * TILE_COLUMNS);
        __m256i w0 = _mm256_cvtepi8_epi16(_mm_loadu_si128(w));
        __m256i w1 = _mm256_cvtepi8_epi16(_mm_loadu_si128(w + 1));
        UNROLLED
        for (unsigned r = 0; r < rows; r++) {
            long long four;
            memcpy(&four, wide + r * WIDE_STRIDE + i, sizeof four);
            __m256i v = _mm256_set1_epi64x(four);
            dot2(&a0[r], v, w0);
            dot2(&a1[r], v, w1);
        }
    }
    UNROLLED
    for (unsigned r = 0; r < rows; r++) {
        __m256i *to = (__m256i *)(out + r * TILE_COLUMNS);
        __m256i sums = _mm256_permute4x64_epi64(_mm256_hadd_epi32(a0[r], a1[r]), 0xd8);
        _mm256_storeu_si256(to, _mm256_add_epi32(_mm256_loadu_si256(to), sums));
    }
}

TARGET_AVX2 static void tile_int8_avx2(const uint8_t *x, size_t x_stride, unsigned rows, size_t k,
                                       const int8_t *panel, int32_t *out)
{
    _Alignas(32) int16_t wide[WIDE_ROWS * WIDE_STRIDE];
    memset(out, 0, rows * TILE_COLUMNS * sizeof *out);
    for (unsigned n; rows > 0; rows -= n, x += n * x_stride, out += n * TILE_COLUMNS) {
        n = rows == 7 || rows == 8 ? 4 : rows < WIDE_ROWS ? rows : WIDE_ROWS;
        for (size_t i = 0; i < k; i += WIDE_K) {
            size_t step = k - i < WIDE_K ? k - i : WIDE_K;
            widen(x + i, x_stride, n, step, wide);
            for (unsigned c = 0; c < TILE_COLUMNS; c += 8) {
                const int8_t *w = panel + i * TILE_COLUMNS + 4 * c;
                switch (n) {
                case 6:
                    rows_avx2(wide, 6, step, w, out + c);
                    break;
                case 5:
                    rows_avx2(wide, 5, step, w, out + c);
                    break;
                case 4:
                    rows_avx2(wide, 4, step, w, out + c);
                    break;
                case 3:
                    rows_avx2(wide, 3, step, w, out + c);
                    break;
                case 2:
                    rows_avx2(wide, 2, step, w, out + c);
                    break;
                default:
                    rows_avx2(wide, 1, step, w, out + c);
                }
            }
        }
    }
}

/* By hand, since gcc 12 copies accumulators around the intrinsic, and in other shapes of the loop
 * keeps half of them on the stack. */
TARGET_AVX512 ALWAYS void dot4(__m512i *sums, __m512i x, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sums) : "v"(x), "v"(w));
}

TARGET_AVX512 ALWAYS void rows_avx512(const uint8_t *x, size_t x_stride, const unsigned rows,
                                      size_t k, const int8_t *panel, const bool fresh, int32_t *out)
{
    __m512i a0[TILE_ROWS], a1[TILE_ROWS];
    UNROLLED
    for (unsigned r = 0; r < rows; r++)
        a0[r] = a1[r] = _mm512_setzero_si512();
    struct tile_rows at = tile_rows(x, x_stride);
    for (size_t i = 0; i < k; i += 4, tile_rows_step(&at, 4)) {
        __m512i w0 = _mm512_loadu_si512(panel + i * TILE_COLUMNS);
        __m512i w1 = _mm512_loadu_si512(panel + i * TILE_COLUMNS + 64);
        if (fresh)
            tile_fetch(panel + i * TILE_COLUMNS);
        UNROLLED
        for (unsigned r = 0; r < rows; r++) {
            int four;
            memcpy(&four, tile_row(&at, r), sizeof four);
            __m512i v = _mm512_set1_epi32(four);
            dot4(&a0[r], v, w0);
            dot4(&a1[r], v, w1);
        }
    }
    UNROLLED
    for (unsigned r = 0; r < rows; r++) {
        _mm512_storeu_si512(out + r * TILE_COLUMNS, a0[r]);
        _mm512_storeu_si512(out + r * TILE_COLUMNS + 16, a1[r]);
    }
}

#define MAKE(n)                                                                                    \
    TARGET_AVX512 static void int8_##n(const uint8_t *x, size_t x_stride, size_t k,                \
                                       const int8_t *panel, bool fresh, int32_t *out)              \
    {                                                                                              \
        if (fresh)                                                                                 \
            rows_avx512(x, x_stride, n, k, panel, true, out);                                      \
        else                                                                                       \
            rows_avx512(x, x_stride, n, k, panel, false, out);                                     \
    }
EACH_ROWS(MAKE)

#define NAME(n) int8_##n,
static void (*const int8_of_rows[])(const uint8_t *, size_t, size_t, const int8_t *, bool,
                                    int32_t *) = {NULL, EACH_ROWS(NAME)};
#endif

void tile_int8(const uint8_t *x, size_t x_stride, unsigned rows, size_t k, const int8_t *panel,
               bool fresh, int32_t *out)
{
    assert(rows >= 1 && rows <= TILE_ROWS && k % 4 == 0);
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        int8_of_rows[rows](x, x_stride, k, panel, fresh, out);
        return;
    }
    if (simd_level() == SIMD_AVX2) {
        tile_int8_avx2(x, x_stride, rows, k, panel, out);
        return;
    }
#endif
    tile_int8_scalar(x, x_stride, rows, k, panel, out);
}
