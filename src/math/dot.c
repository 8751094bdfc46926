#include "math/dot.h"
#include "math/half.h"
#include "math/simd.h"
#include "math/vector.h"
#include <assert.h>
#include <math.h>

/* --- the references --- */

static float dot_f32_scalar(const float *a, const float *b, size_t n)
{
    float s[4] = {0}; /* four chains: closer to the vector sums, and no slower */
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++)
            s[j] += a[i + j] * b[i + j];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static float dot_f16_scalar(const uint16_t *row, const float *query, size_t n)
{
    float s[4] = {0};
    for (size_t i = 0; i < n; i++)
        s[i % 4] += half_to_float(row[i]) * query[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static int32_t dot_i8_scalar(const int8_t *a, const int8_t *b, size_t n)
{
    int32_t s = 0;
    for (size_t i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

static float quantise_scalar(const float *x, int8_t *out, size_t n)
{
    float max = 0;
    for (size_t i = 0; i < n; i++)
        max = fmaxf(max, fabsf(x[i]));
    float inverse = max < 1e-30f ? 0 : 127 / max;
    for (size_t i = 0; i < n; i++)
        out[i] = (int8_t)rintf(x[i] * inverse);
    return max < 1e-30f ? 0 : max / 127;
}

#if SIMD_X86
/* --- AVX2 --- */

TARGET_AVX2 static float sum_avx2(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

TARGET_AVX2 static int32_t sum_i32_avx2(__m256i v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

TARGET_AVX2 static float dot_f32_avx2(const float *a, const float *b, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
        s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), s1);
        s2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16), s2);
        s3 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24), s3);
    }
    for (; i + 8 <= n; i += 8)
        s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
    float s = sum_avx2(_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3)));
    for (; i < n; i++)
        s += a[i] * b[i];
    return s;
}

TARGET_AVX2 static float dot_f16_avx2(const uint16_t *row, const float *query, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256 r0 = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(row + i)));
        __m256 r1 = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(row + i + 8)));
        s0 = _mm256_fmadd_ps(r0, _mm256_loadu_ps(query + i), s0);
        s1 = _mm256_fmadd_ps(r1, _mm256_loadu_ps(query + i + 8), s1);
    }
    float s = sum_avx2(_mm256_add_ps(s0, s1));
    for (; i < n; i++)
        s += half_to_float(row[i]) * query[i];
    return s;
}

TARGET_AVX2 static __m256i wide_avx2(const int8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
}

TARGET_AVX2 static int32_t dot_i8_avx2(const int8_t *a, const int8_t *b, size_t n)
{
    __m256i s0 = _mm256_setzero_si256(), s1 = s0;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(wide_avx2(a + i), wide_avx2(b + i)));
        s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(wide_avx2(a + i + 16), wide_avx2(b + i + 16)));
    }
    for (; i + 16 <= n; i += 16)
        s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(wide_avx2(a + i), wide_avx2(b + i)));
    int32_t s = sum_i32_avx2(_mm256_add_epi32(s0, s1));
    for (; i < n; i++)
        s += a[i] * b[i];
    return s;
}

TARGET_AVX2 static float quantise_avx2(const float *x, int8_t *out, size_t n)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 m = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        m = _mm256_max_ps(m, _mm256_andnot_ps(sign, _mm256_loadu_ps(x + i)));
    float lanes[8], max = 0;
    _mm256_storeu_ps(lanes, m);
    for (size_t j = 0; j < 8; j++)
        max = fmaxf(max, lanes[j]);
    for (; i < n; i++)
        max = fmaxf(max, fabsf(x[i]));
    float inverse = max < 1e-30f ? 0 : 127 / max;
    for (i = 0; i + 8 <= n; i += 8) {
        __m256i v =
            _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(inverse)));
        __m128i w = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
        _mm_storel_epi64((__m128i *)(out + i), _mm_packs_epi16(w, w));
    }
    for (; i < n; i++)
        out[i] = (int8_t)rintf(x[i] * inverse);
    return max < 1e-30f ? 0 : max / 127;
}

/* --- AVX-512 --- */

TARGET_AVX512 static __mmask64 tail64(size_t n)
{
    return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

TARGET_AVX512 static float dot_f32_avx512(const float *a, const float *b, size_t n)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
        s1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), s1);
        s2 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32), s2);
        s3 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48), s3);
    }
    for (; i < n; i += 16) {
        __mmask16 m = tail16(n - i);
        s0 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, a + i), _mm512_maskz_loadu_ps(m, b + i), s0);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

TARGET_AVX512 static float dot_f16_avx512(const uint16_t *row, const float *query, size_t n)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m512i r = _mm512_loadu_si512(row + i);
        __m512 r0 = _mm512_cvtph_ps(_mm512_castsi512_si256(r));
        __m512 r1 = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(r, 1));
        s0 = _mm512_fmadd_ps(r0, _mm512_loadu_ps(query + i), s0);
        s1 = _mm512_fmadd_ps(r1, _mm512_loadu_ps(query + i + 16), s1);
    }
    for (; i < n; i += 16) {
        __mmask16 m = tail16(n - i);
        s0 = _mm512_fmadd_ps(_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, row + i)),
                             _mm512_maskz_loadu_ps(m, query + i), s0);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
}

/* vpdpbusd multiplies unsigned by signed bytes: a + 128 is a with its top bit flipped, and
 * sum (a + 128) b - 128 sum b = sum a b. Sums may wrap on the way; the difference is exact. */
TARGET_AVX512 static int32_t sum128_avx512(const int8_t *b, size_t n)
{
    __m512i s = _mm512_setzero_si512(), u128 = _mm512_set1_epi8((char)0x80);
    for (size_t i = 0; i < n; i += 64)
        s = _mm512_dpbusd_epi32(s, u128, _mm512_maskz_loadu_epi8(tail64(n - i), b + i));
    return _mm512_reduce_add_epi32(s);
}

TARGET_AVX512 static int32_t dot_i8_offset(const int8_t *row, const int8_t *query, size_t n)
{
    const __m512i flip = _mm512_set1_epi8((char)0x80);
    __m512i s0 = _mm512_setzero_si512(), s1 = s0;
    size_t i = 0;
    for (; i + 128 <= n; i += 128) {
        s0 = _mm512_dpbusd_epi32(s0, _mm512_xor_si512(flip, _mm512_loadu_si512(row + i)),
                                 _mm512_loadu_si512(query + i));
        s1 = _mm512_dpbusd_epi32(s1, _mm512_xor_si512(flip, _mm512_loadu_si512(row + i + 64)),
                                 _mm512_loadu_si512(query + i + 64));
    }
    for (; i < n; i += 64) {
        __mmask64 m = tail64(n - i);
        s0 = _mm512_dpbusd_epi32(s0, _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(m, row + i)),
                                 _mm512_maskz_loadu_epi8(m, query + i));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
}

static int32_t wrap_sub(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

TARGET_AVX512 static int32_t dot_i8_avx512(const int8_t *a, const int8_t *b, size_t n)
{
    return wrap_sub(dot_i8_offset(a, b, n), sum128_avx512(b, n));
}

/* Four rows at a time, so that a load of the query serves four products. */
TARGET_AVX512 static inline void dot_i8_4_avx512(const int8_t *query, const int8_t *const row[4],
                                                 size_t n, int32_t query128, int32_t *out)
{
    const __m512i flip = _mm512_set1_epi8((char)0x80);
    const int8_t *r0 = row[0], *r1 = row[1], *r2 = row[2], *r3 = row[3];
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        __m512i q = _mm512_loadu_si512(query + i);
        s0 = _mm512_dpbusd_epi32(s0, _mm512_xor_si512(flip, _mm512_loadu_si512(r0 + i)), q);
        s1 = _mm512_dpbusd_epi32(s1, _mm512_xor_si512(flip, _mm512_loadu_si512(r1 + i)), q);
        s2 = _mm512_dpbusd_epi32(s2, _mm512_xor_si512(flip, _mm512_loadu_si512(r2 + i)), q);
        s3 = _mm512_dpbusd_epi32(s3, _mm512_xor_si512(flip, _mm512_loadu_si512(r3 + i)), q);
    }
    if (i < n) {
        __mmask64 m = tail64(n - i);
        __m512i q = _mm512_maskz_loadu_epi8(m, query + i);
        s0 = _mm512_dpbusd_epi32(s0, _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(m, r0 + i)), q);
        s1 = _mm512_dpbusd_epi32(s1, _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(m, r1 + i)), q);
        s2 = _mm512_dpbusd_epi32(s2, _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(m, r2 + i)), q);
        s3 = _mm512_dpbusd_epi32(s3, _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(m, r3 + i)), q);
    }
    _mm_storeu_si128((__m128i *)out,
                     _mm_sub_epi32(reduce4(s0, s1, s2, s3), _mm_set1_epi32(query128)));
}

/* How far ahead of the sums the rows are asked for: the hardware does not keep up by itself. */
#define ROWS_AHEAD_BYTES 3072

TARGET_AVX512 static void dot_i8_rows_avx512(const int8_t *query, const int8_t *rows, size_t count,
                                             size_t dims, int32_t *out)
{
    int32_t query128 = sum128_avx512(query, dims);
    size_t r = 0;
    for (; r + 4 <= count; r += 4) {
        const int8_t *first = rows + r * dims;
        const int8_t *const four[4] = {first, first + dims, first + 2 * dims, first + 3 * dims};
        for (size_t i = 0; i < 4 * dims; i += 64)
            __builtin_prefetch(first + ROWS_AHEAD_BYTES + i);
        dot_i8_4_avx512(query, four, dims, query128, out + r);
    }
    for (; r < count; r++)
        out[r] = wrap_sub(dot_i8_offset(rows + r * dims, query, dims), query128);
}

TARGET_AVX512 static void dot_i8_gather_avx512(const int8_t *query, const int8_t *const *rows,
                                               size_t count, size_t dims, int32_t *out)
{
    int32_t query128 = sum128_avx512(query, dims);
    size_t r = 0;
    for (; r + 4 <= count; r += 4) {
        for (size_t ahead = r + 4; ahead < r + 8 && ahead < count; ahead++)
            for (size_t i = 0; i < dims; i += 64)
                __builtin_prefetch(rows[ahead] + i);
        dot_i8_4_avx512(query, rows + r, dims, query128, out + r);
    }
    for (; r < count; r++)
        out[r] = wrap_sub(dot_i8_offset(rows[r], query, dims), query128);
}

TARGET_AVX512 static size_t dot_i8_first_avx512(const int8_t *query, const int8_t *const *rows,
                                                const float *scales, size_t count, size_t dims,
                                                float limit)
{
    int32_t query128 = sum128_avx512(query, dims);
    size_t r = 0;
    for (; r + 4 <= count; r += 4) {
        int32_t dots[4];
        dot_i8_4_avx512(query, rows + r, dims, query128, dots);
        for (size_t i = 0; i < 4; i++)
            if ((float)dots[i] * scales[r + i] >= limit)
                return r + i;
    }
    for (; r < count; r++)
        if ((float)wrap_sub(dot_i8_offset(rows[r], query, dims), query128) * scales[r] >= limit)
            return r;
    return count;
}

TARGET_AVX512 static float quantise_avx512(const float *x, int8_t *out, size_t n)
{
    __m512 m = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16)
        m = _mm512_max_ps(m, _mm512_abs_ps(_mm512_maskz_loadu_ps(tail16(n - i), x + i)));
    float max = _mm512_reduce_max_ps(m);
    float inverse = max < 1e-30f ? 0 : 127 / max;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = tail16(n - i);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(k, x + i), _mm512_set1_ps(inverse));
        _mm_mask_storeu_epi8(out + i, k, _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v)));
    }
    return max < 1e-30f ? 0 : max / 127;
}
#endif

/* --- the choice --- */

#if SIMD_X86
#define CHOOSE(avx512, avx2, scalar)                                                               \
    (simd_level() == SIMD_AVX512 ? avx512 : simd_level() == SIMD_AVX2 ? avx2 : scalar)
#else
#define CHOOSE(avx512, avx2, scalar) (scalar)
#endif

float dot_f32(const float *a, const float *b, size_t n)
{
    assert(n <= DOT_DIMS_MAX);
    return CHOOSE(dot_f32_avx512, dot_f32_avx2, dot_f32_scalar)(a, b, n);
}

float dot_f16_f32(const uint16_t *row, const float *query, size_t n)
{
    assert(n <= DOT_DIMS_MAX);
    return CHOOSE(dot_f16_avx512, dot_f16_avx2, dot_f16_scalar)(row, query, n);
}

int32_t dot_i8(const int8_t *a, const int8_t *b, size_t n)
{
    assert(n <= DOT_DIMS_MAX);
    return CHOOSE(dot_i8_avx512, dot_i8_avx2, dot_i8_scalar)(a, b, n);
}

void dot_i8_rows(const int8_t *query, const int8_t *rows, size_t count, size_t dims, int32_t *out)
{
    assert(dims <= DOT_DIMS_MAX);
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        dot_i8_rows_avx512(query, rows, count, dims, out);
        return;
    }
#endif
    for (size_t r = 0; r < count; r++)
        out[r] = dot_i8(query, rows + r * dims, dims);
}

void dot_i8_gather(const int8_t *query, const int8_t *const *rows, size_t count, size_t dims,
                   int32_t *out)
{
    assert(dims <= DOT_DIMS_MAX);
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        dot_i8_gather_avx512(query, rows, count, dims, out);
        return;
    }
#endif
    for (size_t r = 0; r < count; r++)
        out[r] = dot_i8(query, rows[r], dims);
}

size_t dot_i8_first(const int8_t *query, const int8_t *const *rows, const float *scales,
                    size_t count, size_t dims, float limit)
{
    assert(dims <= DOT_DIMS_MAX);
#if SIMD_X86
    if (simd_level() == SIMD_AVX512)
        return dot_i8_first_avx512(query, rows, scales, count, dims, limit);
#endif
    for (size_t r = 0; r < count; r++)
        if ((float)dot_i8(query, rows[r], dims) * scales[r] >= limit)
            return r;
    return count;
}

float norm_f32(const float *x, size_t n)
{
    return sqrtf(dot_f32(x, x, n));
}

float normalise_f32(float *x, size_t n)
{
    float norm = norm_f32(x, n);
    if (norm > 0)
        for (size_t i = 0; i < n; i++)
            x[i] /= norm;
    return norm;
}

float quantise_i8(const float *x, int8_t *out, size_t n)
{
    assert(n <= DOT_DIMS_MAX);
    return CHOOSE(quantise_avx512, quantise_avx2, quantise_scalar)(x, out, n);
}
