#include "math/rotate.h"

#include "math/simd.h"
#include <assert.h>
#include <math.h>
#include <stdint.h>
#if SIMD_X86
#include <immintrin.h>
#endif

/* The sign of coordinate i in round r: a bit of a hash of both (splitmix64, Steele and others
 * 2014). 32 coordinates share a word. */
static uint32_t signs_of(size_t word, unsigned round)
{
    uint64_t z = ((uint64_t)word << 3 | round) + 1;
    z *= UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)(z >> 32);
}

static void flip(float *x, size_t n, unsigned round, float scale)
{
    for (size_t i = 0; i < n; i += 32) {
        uint32_t signs = signs_of(i / 32, round);
        size_t some = n - i < 32 ? n - i : 32;
        for (size_t j = 0; j < some; j++)
            x[i + j] *= (signs >> j & 1) ? -scale : scale;
    }
}

static void hadamard_from(float *x, size_t n, size_t h)
{
    for (; h < n; h *= 2)
        for (size_t i = 0; i < n; i += 2 * h)
            for (size_t j = i; j < i + h; j++) {
                float a = x[j], b = x[j + h];
                x[j] = a + b;
                x[j + h] = a - b;
            }
}

static void hadamard_scalar(float *x, size_t n)
{
    hadamard_from(x, n, 1);
}

#if SIMD_X86
TARGET_AVX2 static void hadamard_avx2(float *x, size_t n)
{
    if (n < 8) {
        hadamard_from(x, n, 1);
        return;
    }
    const __m256 s1 = _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1);
    const __m256 s2 = _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1);
    const __m256 s4 = _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1);
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_loadu_ps(x + i);
        v = _mm256_fmadd_ps(v, s1, _mm256_permute_ps(v, 0xb1));
        v = _mm256_fmadd_ps(v, s2, _mm256_permute_ps(v, 0x4e));
        v = _mm256_fmadd_ps(v, s4, _mm256_permute2f128_ps(v, v, 1));
        _mm256_storeu_ps(x + i, v);
    }
    for (size_t h = 8; h < n; h *= 2)
        for (size_t i = 0; i < n; i += 2 * h)
            for (size_t j = i; j < i + h; j += 8) {
                __m256 a = _mm256_loadu_ps(x + j), b = _mm256_loadu_ps(x + j + h);
                _mm256_storeu_ps(x + j, _mm256_add_ps(a, b));
                _mm256_storeu_ps(x + j + h, _mm256_sub_ps(a, b));
            }
}

TARGET_AVX512 static void hadamard_avx512(float *x, size_t n)
{
    if (n < 16) {
        hadamard_from(x, n, 1);
        return;
    }
    const __m512 s1 = _mm512_castsi512_ps(_mm512_set1_epi64(INT64_C(0xbf8000003f800000)));
    const __m512 s2 = _mm512_setr_ps(1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1);
    const __m512 s4 = _mm512_setr_ps(1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1);
    const __m512 s8 = _mm512_setr_ps(1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1);
    for (size_t i = 0; i < n; i += 16) {
        __m512 v = _mm512_loadu_ps(x + i);
        v = _mm512_fmadd_ps(v, s1, _mm512_permute_ps(v, 0xb1));
        v = _mm512_fmadd_ps(v, s2, _mm512_permute_ps(v, 0x4e));
        v = _mm512_fmadd_ps(v, s4, _mm512_shuffle_f32x4(v, v, 0xb1));
        v = _mm512_fmadd_ps(v, s8, _mm512_shuffle_f32x4(v, v, 0x4e));
        _mm512_storeu_ps(x + i, v);
    }
    for (size_t h = 16; h < n; h *= 2)
        for (size_t i = 0; i < n; i += 2 * h)
            for (size_t j = i; j < i + h; j += 16) {
                __m512 a = _mm512_loadu_ps(x + j), b = _mm512_loadu_ps(x + j + h);
                _mm512_storeu_ps(x + j, _mm512_add_ps(a, b));
                _mm512_storeu_ps(x + j + h, _mm512_sub_ps(a, b));
            }
}
#endif

static void hadamard(float *x, size_t n)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512)
        hadamard_avx512(x, n);
    else if (simd_level() == SIMD_AVX2)
        hadamard_avx2(x, n);
    else
#endif
        hadamard_scalar(x, n);
}

void rotate_f32(float *x, size_t dims)
{
    assert(dims >= 1 && dims <= 65536);
    size_t n = 1;
    while (2 * n <= dims)
        n *= 2;
    float scale = 1 / sqrtf((float)n);
    for (unsigned round = 0; round < 4; round++) {
        float *part = round % 2 ? x + (dims - n) : x;
        flip(part, n, round, scale);
        hadamard(part, n);
    }
}
