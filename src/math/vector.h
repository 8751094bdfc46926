/* Functions of a whole vector register (private to math/). */
#ifndef MATH_VECTOR_H
#define MATH_VECTOR_H

#include "math/simd.h"
#include <math.h>
#include <stddef.h>
#if SIMD_X86
#include <immintrin.h>

/* exp as 2^k e^r with |r| <= ln 2 / 2 and the polynomial of Cephes expf (Moshier): 2 ulp.
 * Below -87.3 the result is 0 instead of a subnormal. */
#define EXP_LOW (-87.3f)
#define EXP_LOG2E 1.44269504088896341f
#define EXP_LN2_HIGH 0.693359375f
#define EXP_LN2_LOW (-2.12194440e-4f)
static const float exp_terms[6] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                   4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};

/* erf as an odd rational function on [-4, 4], beyond which it is +-1 in float (Eigen's
 * coefficients): absolute error below 3e-7. */
static const float erf_top[7] = {
    -2.72614225801306e-10f, 2.77068142495902e-08f,  -2.10102402082508e-06f, -5.69250639462346e-05f,
    -7.34990630326855e-04f, -2.95459980854025e-03f, -1.60960333262415e-02f};
static const float erf_bottom[5] = {-1.45660718464996e-05f, -2.13374055278905e-04f,
                                    -1.68282697438203e-03f, -7.37332916720468e-03f,
                                    -1.42647390514189e-02f};

TARGET_AVX2 static inline __m256 exp_avx2(__m256 x)
{
    __m256 in = _mm256_cmp_ps(x, _mm256_set1_ps(EXP_LOW), _CMP_GE_OQ);
    x = _mm256_max_ps(x, _mm256_set1_ps(EXP_LOW));
    __m256 k = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(EXP_LOG2E)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(k, _mm256_set1_ps(EXP_LN2_HIGH), x);
    r = _mm256_fnmadd_ps(k, _mm256_set1_ps(EXP_LN2_LOW), r);
    __m256 p = _mm256_set1_ps(exp_terms[0]);
    for (unsigned i = 1; i < 6; i++)
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(exp_terms[i]));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1)));
    __m256i bits = _mm256_slli_epi32(_mm256_cvtps_epi32(k), 23);
    p = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), bits));
    return _mm256_and_ps(p, in);
}

TARGET_AVX2 static inline __m256 gelu_one_avx2(__m256 x)
{
    __m256 z = _mm256_mul_ps(x, _mm256_set1_ps((float)M_SQRT1_2));
    z = _mm256_max_ps(_mm256_min_ps(z, _mm256_set1_ps(4)), _mm256_set1_ps(-4));
    __m256 s = _mm256_mul_ps(z, z), top = _mm256_set1_ps(erf_top[0]);
    for (unsigned i = 1; i < 7; i++)
        top = _mm256_fmadd_ps(top, s, _mm256_set1_ps(erf_top[i]));
    __m256 bottom = _mm256_set1_ps(erf_bottom[0]);
    for (unsigned i = 1; i < 5; i++)
        bottom = _mm256_fmadd_ps(bottom, s, _mm256_set1_ps(erf_bottom[i]));
    __m256 erf = _mm256_div_ps(_mm256_mul_ps(z, top), bottom), half = _mm256_set1_ps(.5f);
    return _mm256_mul_ps(x, _mm256_fmadd_ps(erf, half, half));
}

/* Lane sums of four accumulators: [sum s0, sum s1, sum s2, sum s3]. */
TARGET_AVX512 static inline __m128i reduce4(__m512i s0, __m512i s1, __m512i s2, __m512i s3)
{
    __m512i a = _mm512_add_epi32(_mm512_unpacklo_epi32(s0, s1), _mm512_unpackhi_epi32(s0, s1));
    __m512i b = _mm512_add_epi32(_mm512_unpacklo_epi32(s2, s3), _mm512_unpackhi_epi32(s2, s3));
    __m512i c = _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    __m256i d = _mm256_add_epi32(_mm512_castsi512_si256(c), _mm512_extracti64x4_epi64(c, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(d), _mm256_extracti128_si256(d, 1));
}

TARGET_AVX512 static inline __mmask16 tail16(size_t n)
{
    return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1);
}

TARGET_AVX512 static inline __m512 exp_avx512(__m512 x)
{
    x = _mm512_max_ps(x, _mm512_set1_ps(-150)); /* 2^-216: 0 after scaling */
    __m512 k = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(EXP_LOG2E)), 8);
    __m512 r = _mm512_fnmadd_ps(k, _mm512_set1_ps(EXP_LN2_HIGH), x);
    r = _mm512_fnmadd_ps(k, _mm512_set1_ps(EXP_LN2_LOW), r);
    __m512 p = _mm512_set1_ps(exp_terms[0]);
    for (unsigned i = 1; i < 6; i++)
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(exp_terms[i]));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1)));
    return _mm512_scalef_ps(p, k);
}

TARGET_AVX512 static inline __m512 gelu_one_avx512(__m512 x)
{
    __m512 z = _mm512_mul_ps(x, _mm512_set1_ps((float)M_SQRT1_2));
    z = _mm512_max_ps(_mm512_min_ps(z, _mm512_set1_ps(4)), _mm512_set1_ps(-4));
    __m512 s = _mm512_mul_ps(z, z), top = _mm512_set1_ps(erf_top[0]);
    for (unsigned i = 1; i < 7; i++)
        top = _mm512_fmadd_ps(top, s, _mm512_set1_ps(erf_top[i]));
    __m512 bottom = _mm512_set1_ps(erf_bottom[0]);
    for (unsigned i = 1; i < 5; i++)
        bottom = _mm512_fmadd_ps(bottom, s, _mm512_set1_ps(erf_bottom[i]));
    __m512 erf = _mm512_div_ps(_mm512_mul_ps(z, top), bottom), half = _mm512_set1_ps(.5f);
    return _mm512_mul_ps(x, _mm512_fmadd_ps(erf, half, half));
}

/* The same for results that become bfloat16 or bytes: the normal distribution function as
 * .5 + x Q(x^2), minimax on [-4, 4], exact at the ends: absolute error below 2e-4, no division. */
static const float gelu_terms[7] = {2.258666058e-08f,  -1.588740683e-06f, 4.776199978e-05f,
                                    -8.121672245e-04f, 8.763581121e-03f,  -6.455413756e-02f,
                                    3.978700356e-01f};

TARGET_AVX512 static inline __attribute__((always_inline)) __m512
gelu_by_avx512(__m512 x, float end, const float *terms, unsigned count)
{
    __m512 t = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(end)), _mm512_set1_ps(-end));
    __m512 s = _mm512_mul_ps(t, t), q = _mm512_set1_ps(terms[0]);
    for (unsigned i = 1; i < count; i++)
        q = _mm512_fmadd_ps(q, s, _mm512_set1_ps(terms[i]));
    return _mm512_mul_ps(x, _mm512_fmadd_ps(t, q, _mm512_set1_ps(.5f)));
}

TARGET_AVX512 static inline __m512 gelu_near_avx512(__m512 x)
{
    return gelu_by_avx512(x, 4, gelu_terms, 7);
}

/* For bytes: on [-3.4, 3.4], below 1.2e-3, a tenth of a step of a row that reaches 3. */
static const float gelu_terms_byte[5] = {1.061924100e-05f, -4.167341101e-04f, 6.725628151e-03f,
                                         -5.985298225e-02f, 3.943243311e-01f};

TARGET_AVX512 static inline __m512 gelu_byte_avx512(__m512 x)
{
    return gelu_by_avx512(x, 3.4f, gelu_terms_byte, 5);
}

/* bfloat16, nearest even; NaN stays one. */
TARGET_AVX512 static inline __m256i bf16_avx512(__m512 x)
{
    __m512i u = _mm512_castps_si512(x),
            odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    __m512i up = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    up = _mm512_mask_or_epi32(up, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), u,
                              _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(up, 16));
}
#endif

#endif
