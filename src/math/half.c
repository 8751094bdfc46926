#include "math/half.h"
#include "math/simd.h"
#include "math/vector.h"
#include <string.h>

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static float of_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

uint16_t half_of_float(float x)
{
    uint32_t u = bits_of(x), sign = u >> 16 & 0x8000, mag = u & 0x7fffffff;
    if (mag >= 0x7f800000) /* infinity, NaN: the quiet bit is set as the hardware does */
        return (uint16_t)(sign | 0x7c00 | (mag > 0x7f800000 ? 0x200 | (mag >> 13 & 0x3ff) : 0));
    if (mag >= 0x477ff000) /* 65520 and more rounds up to infinity */
        return (uint16_t)(sign | 0x7c00);
    if (mag < 0x38800000) /* below 2^-14: adding 0.5 leaves the rounded subnormal in the low bits */
        return (uint16_t)(sign | (bits_of(of_bits(mag) + 0.5f) - 0x3f000000));
    return (uint16_t)(sign | ((mag - 0x38000000 + 0xfff + (mag >> 13 & 1)) >> 13));
}

float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent == 31)
        return of_bits(sign | 0x7f800000 | fraction << 13 | (fraction ? 0x400000 : 0));
    if (exponent == 0) {
        float x = (float)fraction * 0x1p-24f;
        return sign ? -x : x;
    }
    return of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t bf16_of_float(float x)
{
    uint32_t u = bits_of(x);
    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

float bf16_to_float(uint16_t b)
{
    return of_bits((uint32_t)b << 16);
}

#if SIMD_X86
TARGET_AVX2 static void from_avx2(const float *x, uint16_t *out, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < n; i++)
        out[i] = half_of_float(x[i]);
}

TARGET_AVX2 static void to_avx2(const uint16_t *x, float *out, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
    for (; i < n; i++)
        out[i] = half_to_float(x[i]);
}

TARGET_AVX512 static void from_avx512(const float *x, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = tail16(n - i);
        __m256i h = _mm512_cvtps_ph(_mm512_maskz_loadu_ps(m, x + i), _MM_FROUND_TO_NEAREST_INT);
        _mm256_mask_storeu_epi16(out + i, m, h);
    }
}

TARGET_AVX512 static void to_avx512(const uint16_t *x, float *out, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = tail16(n - i);
        _mm512_mask_storeu_ps(out + i, m, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, x + i)));
    }
}

TARGET_AVX512 static void bf16_from_avx512(const float *x, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = tail16(n - i);
        _mm256_mask_storeu_epi16(out + i, m, bf16_avx512(_mm512_maskz_loadu_ps(m, x + i)));
    }
}
#endif

void half_from_f32(const float *x, uint16_t *out, size_t n)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        from_avx512(x, out, n);
        return;
    }
    if (simd_level() == SIMD_AVX2) {
        from_avx2(x, out, n);
        return;
    }
#endif
    for (size_t i = 0; i < n; i++)
        out[i] = half_of_float(x[i]);
}

void half_to_f32(const uint16_t *x, float *out, size_t n)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        to_avx512(x, out, n);
        return;
    }
    if (simd_level() == SIMD_AVX2) {
        to_avx2(x, out, n);
        return;
    }
#endif
    for (size_t i = 0; i < n; i++)
        out[i] = half_to_float(x[i]);
}

void bf16_from_f32(const float *x, uint16_t *out, size_t n)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        bf16_from_avx512(x, out, n);
        return;
    }
#endif
    for (size_t i = 0; i < n; i++)
        out[i] = bf16_of_float(x[i]);
}

void bf16_to_f32(const uint16_t *x, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = bf16_to_float(x[i]);
}
