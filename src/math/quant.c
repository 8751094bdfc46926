#include "math/quant.h"
#include "math/simd.h"
#include <math.h>
#include <string.h>
#if SIMD_X86
#include <immintrin.h>
#endif

/* The bytes behind the values are zeros, and so are the weights that meet them. */
static void row_finish(struct quant_row *q, float low, float high, size_t dims)
{
    q->low = low;
    q->scale = (high - low) / 255;
    memset(q->bytes + dims, 0, quant_k(dims) - dims);
}

/* A row of equal values has scale 0 and bytes 0: it is its least value. */
static float inverse_of(const struct quant_row *q)
{
    return q->scale > 1e-30f ? 1 / q->scale : 0;
}

static void quant_row_scalar(const float *x, size_t dims, const float *factors, struct quant_row *q)
{
    float low = x[0] * factors[0], high = low;
    for (size_t i = 1; i < dims; i++) {
        low = fminf(low, x[i] * factors[i]);
        high = fmaxf(high, x[i] * factors[i]);
    }
    row_finish(q, low, high, dims);
    float inverse = inverse_of(q);
    for (size_t i = 0; i < dims; i++) {
        float v = rintf((x[i] * factors[i] - low) * inverse);
        q->bytes[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

#if SIMD_X86
TARGET_AVX2 static float least_avx2(__m256 v)
{
    __m128 m = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    m = _mm_min_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_min_ss(m, _mm_movehdup_ps(m)));
}

TARGET_AVX2 static __m128i bytes_avx2(const float *x, const float *factors, __m256 low,
                                      __m256 inverse)
{
    __m256i v[2];
    for (unsigned j = 0; j < 2; j++) {
        __m256 f = _mm256_mul_ps(_mm256_loadu_ps(x + 8 * j), _mm256_loadu_ps(factors + 8 * j));
        v[j] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_sub_ps(f, low), inverse));
    }
    __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(v[0], v[1]), 0xd8);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

TARGET_AVX2 static void quant_row_avx2(const float *x, size_t dims, const float *factors,
                                       struct quant_row *q)
{
    size_t whole = dims & ~(size_t)15, i;
    if (whole == 0) {
        quant_row_scalar(x, dims, factors, q);
        return;
    }
    __m256 least = _mm256_mul_ps(_mm256_loadu_ps(x), _mm256_loadu_ps(factors)), most = least;
    for (i = 8; i < whole; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(factors + i));
        least = _mm256_min_ps(least, v);
        most = _mm256_max_ps(most, v);
    }
    float low = least_avx2(least), high = -least_avx2(_mm256_sub_ps(_mm256_setzero_ps(), most));
    for (i = whole; i < dims; i++) {
        low = fminf(low, x[i] * factors[i]);
        high = fmaxf(high, x[i] * factors[i]);
    }
    row_finish(q, low, high, dims);
    float inverse = inverse_of(q);
    for (i = 0; i < whole; i += 16)
        _mm_storeu_si128(
            (__m128i *)(q->bytes + i),
            bytes_avx2(x + i, factors + i, _mm256_set1_ps(low), _mm256_set1_ps(inverse)));
    for (; i < dims; i++)
        q->bytes[i] = (uint8_t)rintf((x[i] * factors[i] - low) * inverse);
}

#define TAIL(n) ((n) >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n)) - 1))

TARGET_AVX512 static void quant_row_avx512(const float *x, size_t dims, const float *factors,
                                           struct quant_row *q)
{
    __m512 most = _mm512_set1_ps(-INFINITY), least = _mm512_set1_ps(INFINITY);
    for (size_t i = 0; i < dims; i += 16) {
        __mmask16 m = TAIL(dims - i);
        __m512 v =
            _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x + i), _mm512_maskz_loadu_ps(m, factors + i));
        least = _mm512_mask_min_ps(least, m, least, v);
        most = _mm512_mask_max_ps(most, m, most, v);
    }
    row_finish(q, _mm512_reduce_min_ps(least), _mm512_reduce_max_ps(most), dims);
    __m512 low = _mm512_set1_ps(q->low), inverse = _mm512_set1_ps(inverse_of(q));
    for (size_t i = 0; i < dims; i += 16) {
        __mmask16 m = TAIL(dims - i);
        __m512 v =
            _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x + i), _mm512_maskz_loadu_ps(m, factors + i));
        __m512i n = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_sub_ps(v, low), inverse));
        n = _mm512_max_epi32(n, _mm512_setzero_si512());
        _mm_mask_storeu_epi8(q->bytes + i, m, _mm512_cvtusepi32_epi8(n));
    }
}
#endif

static void quant_row(const float *x, size_t dims, const float *factors, struct quant_row *q)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        quant_row_avx512(x, dims, factors, q);
        return;
    }
    if (simd_level() == SIMD_AVX2) {
        quant_row_avx2(x, dims, factors, q);
        return;
    }
#endif
    quant_row_scalar(x, dims, factors, q);
}

void quant_rows(const float *x, size_t rows, size_t dims, const float *factors, void *out)
{
    for (size_t r = 0; r < rows; r++)
        quant_row(x + r * dims, dims, factors,
                  (struct quant_row *)((char *)out + r * quant_row_bytes(dims)));
}
