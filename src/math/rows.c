#include "math/rows.h"
#include "math/simd.h"
#include "math/vector.h"
#include <math.h>

/* --- the references --- */

static void layernorm_row_scalar(float *x, size_t dims, const float *gamma, const float *beta,
                                 float epsilon)
{
    double sum = 0, square = 0;
    for (size_t i = 0; i < dims; i++)
        sum += (double)x[i];
    double mean = sum / (double)dims;
    for (size_t i = 0; i < dims; i++)
        square += ((double)x[i] - mean) * ((double)x[i] - mean);
    float inverse = (float)(1 / sqrt(square / (double)dims + (double)epsilon));
    for (size_t i = 0; i < dims; i++)
        x[i] = (x[i] - (float)mean) * inverse * gamma[i] + beta[i];
}

static void gelu_scalar(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] * .5f * (1 + erff(x[i] * (float)M_SQRT1_2));
}

static float softmax_scalar(float *x, size_t n, float scale)
{
    float max = x[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        max = fmaxf(max, x[i]);
    for (size_t i = 0; i < n; i++)
        sum += x[i] = expf(scale * (x[i] - max));
    return sum;
}

#if SIMD_X86
/* --- AVX2 --- */

TARGET_AVX2 static float sum_avx2(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

TARGET_AVX2 static void gelu_avx2(float *x, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(x + i, gelu_one_avx2(_mm256_loadu_ps(x + i)));
    gelu_scalar(x + i, n - i);
}

TARGET_AVX2 static float softmax_avx2(float *x, size_t n, float scale)
{
    if (n < 8)
        return softmax_scalar(x, n, scale);
    __m256 m = _mm256_loadu_ps(x), s = _mm256_setzero_ps();
    size_t i = 8;
    for (; i + 8 <= n; i += 8)
        m = _mm256_max_ps(m, _mm256_loadu_ps(x + i));
    float lanes[8], max = x[0], sum = 0;
    _mm256_storeu_ps(lanes, m);
    for (unsigned j = 0; j < 8; j++)
        max = fmaxf(max, lanes[j]);
    for (; i < n; i++)
        max = fmaxf(max, x[i]);
    m = _mm256_set1_ps(max);
    for (i = 0; i + 8 <= n; i += 8) {
        __m256 d = _mm256_sub_ps(_mm256_loadu_ps(x + i), m);
        __m256 v = exp_avx2(_mm256_mul_ps(d, _mm256_set1_ps(scale)));
        _mm256_storeu_ps(x + i, v);
        s = _mm256_add_ps(s, v);
    }
    for (; i < n; i++)
        sum += x[i] = expf(scale * (x[i] - max));
    return sum + sum_avx2(s);
}

TARGET_AVX2 static void layernorm_row_avx2(float *x, size_t dims, const float *gamma,
                                           const float *beta, float epsilon)
{
    size_t whole = dims & ~(size_t)7, i;
    __m256 s = _mm256_setzero_ps(), q = s;
    for (i = 0; i < whole; i += 8)
        s = _mm256_add_ps(s, _mm256_loadu_ps(x + i));
    float sum = sum_avx2(s), square = 0;
    for (; i < dims; i++)
        sum += x[i];
    float mean = sum / (float)dims;
    for (i = 0; i < whole; i += 8) {
        __m256 d = _mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(mean));
        q = _mm256_fmadd_ps(d, d, q);
    }
    square = sum_avx2(q);
    for (; i < dims; i++)
        square += (x[i] - mean) * (x[i] - mean);
    float inverse = 1 / sqrtf(square / (float)dims + epsilon);
    for (i = 0; i < whole; i += 8) {
        __m256 d = _mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(mean));
        d = _mm256_mul_ps(d, _mm256_set1_ps(inverse));
        d = _mm256_fmadd_ps(d, _mm256_loadu_ps(gamma + i), _mm256_loadu_ps(beta + i));
        _mm256_storeu_ps(x + i, d);
    }
    for (; i < dims; i++)
        x[i] = (x[i] - mean) * inverse * gamma[i] + beta[i];
}

/* --- AVX-512 --- */

TARGET_AVX512 static void gelu_avx512(float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = tail16(n - i);
        _mm512_mask_storeu_ps(x + i, m, gelu_one_avx512(_mm512_maskz_loadu_ps(m, x + i)));
    }
}

TARGET_AVX512 static float softmax_avx512(float *x, size_t n, float scale)
{
    __m512 low = _mm512_set1_ps(-INFINITY), m = low, s = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16)
        m = _mm512_max_ps(m, _mm512_mask_loadu_ps(low, tail16(n - i), x + i));
    m = _mm512_set1_ps(_mm512_reduce_max_ps(m));
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = tail16(n - i);
        __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(k, x + i), m);
        __m512 v = exp_avx512(_mm512_mul_ps(d, _mm512_set1_ps(scale)));
        _mm512_mask_storeu_ps(x + i, k, v);
        s = _mm512_mask_add_ps(s, k, s, v);
    }
    return _mm512_reduce_add_ps(s);
}

TARGET_AVX512 static void layernorm_row_avx512(float *x, size_t dims, const float *gamma,
                                               const float *beta, float epsilon)
{
    __m512 s = _mm512_setzero_ps(), q = s;
    for (size_t i = 0; i < dims; i += 16)
        s = _mm512_add_ps(s, _mm512_maskz_loadu_ps(tail16(dims - i), x + i));
    __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(s) / (float)dims);
    for (size_t i = 0; i < dims; i += 16) {
        __mmask16 m = tail16(dims - i);
        __m512 d = _mm512_maskz_sub_ps(m, _mm512_maskz_loadu_ps(m, x + i), mean);
        q = _mm512_fmadd_ps(d, d, q);
    }
    float variance = _mm512_reduce_add_ps(q) / (float)dims;
    __m512 inverse = _mm512_set1_ps(1 / sqrtf(variance + epsilon));
    for (size_t i = 0; i < dims; i += 16) {
        __mmask16 m = tail16(dims - i);
        __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(m, x + i), mean);
        d = _mm512_fmadd_ps(_mm512_mul_ps(d, inverse), _mm512_maskz_loadu_ps(m, gamma + i),
                            _mm512_maskz_loadu_ps(m, beta + i));
        _mm512_mask_storeu_ps(x + i, m, d);
    }
}
#endif

/* --- the choice --- */

#if SIMD_X86
#define CHOOSE(avx512, avx2, scalar)                                                               \
    (simd_level() == SIMD_AVX512 ? avx512 : simd_level() == SIMD_AVX2 ? avx2 : scalar)
#else
#define CHOOSE(avx512, avx2, scalar) (scalar)
#endif

void layernorm_f32(float *x, size_t rows, size_t dims, const float *gamma, const float *beta,
                   float epsilon)
{
    for (size_t r = 0; r < rows; r++)
        CHOOSE(layernorm_row_avx512, layernorm_row_avx2, layernorm_row_scalar)
    (x + r * dims, dims, gamma, beta, epsilon);
}

void gelu_f32(float *x, size_t n)
{
    CHOOSE(gelu_avx512, gelu_avx2, gelu_scalar)(x, n);
}

float softmax_f32(float *x, size_t n, float scale)
{
    return CHOOSE(softmax_avx512, softmax_avx2, softmax_scalar)(x, n, scale);
}

/* Plain loops that every compiler vectorises by itself. */

void rows_add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += y[i];
}

void rows_scale(float *x, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}
