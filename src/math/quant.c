#include "math/quant.h"
#include "math/rows.h"
#include "math/tile.h"
#include "math/vector.h"
#include <math.h>
#include <string.h>

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

static float scaled_one(const float *x, const float *factors, size_t i)
{
    return factors ? x[i] * factors[i] : x[i];
}

static void quant_row_scalar(const float *x, size_t dims, const float *factors, struct quant_row *q)
{
    float low = scaled_one(x, factors, 0), high = low;
    for (size_t i = 1; i < dims; i++) {
        low = fminf(low, scaled_one(x, factors, i));
        high = fmaxf(high, scaled_one(x, factors, i));
    }
    row_finish(q, low, high, dims);
    float inverse = inverse_of(q);
    for (size_t i = 0; i < dims; i++) {
        float v = rintf((scaled_one(x, factors, i) - low) * inverse);
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

TARGET_AVX2 static __m256 scaled_avx2(const float *x, const float *factors, size_t i)
{
    __m256 v = _mm256_loadu_ps(x + i);
    return factors ? _mm256_mul_ps(v, _mm256_loadu_ps(factors + i)) : v;
}

TARGET_AVX2 static __m128i bytes_avx2(const float *x, const float *factors, size_t i, __m256 low,
                                      __m256 inverse)
{
    __m256i v[2];
    for (unsigned j = 0; j < 2; j++) {
        __m256 f = scaled_avx2(x, factors, i + 8 * j);
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
    __m256 least = scaled_avx2(x, factors, 0), most = least;
    for (i = 8; i < whole; i += 8) {
        __m256 v = scaled_avx2(x, factors, i);
        least = _mm256_min_ps(least, v);
        most = _mm256_max_ps(most, v);
    }
    float low = least_avx2(least), high = -least_avx2(_mm256_sub_ps(_mm256_setzero_ps(), most));
    for (i = whole; i < dims; i++) {
        low = fminf(low, scaled_one(x, factors, i));
        high = fmaxf(high, scaled_one(x, factors, i));
    }
    row_finish(q, low, high, dims);
    float inverse = inverse_of(q);
    for (i = 0; i < whole; i += 16)
        _mm_storeu_si128((__m128i *)(q->bytes + i),
                         bytes_avx2(x, factors, i, _mm256_set1_ps(low), _mm256_set1_ps(inverse)));
    for (; i < dims; i++)
        q->bytes[i] = (uint8_t)rintf((scaled_one(x, factors, i) - low) * inverse);
}

TARGET_AVX512 ALWAYS __m512 scaled(const float *x, const float *factors, __mmask16 m)
{
    __m512 v = _mm512_maskz_loadu_ps(m, x);
    return factors ? _mm512_mul_ps(v, _mm512_maskz_loadu_ps(m, factors)) : v;
}

/* The least and the greatest of four vectors at a time, so that no addition waits for another. */
struct range {
    __m512 least[4], most[4];
};

TARGET_AVX512 ALWAYS void range_start(struct range *r)
{
    for (unsigned j = 0; j < 4; j++) {
        r->least[j] = _mm512_set1_ps(INFINITY);
        r->most[j] = _mm512_set1_ps(-INFINITY);
    }
}

TARGET_AVX512 ALWAYS void range_add(struct range *r, unsigned j, __m512 v, __mmask16 m)
{
    r->least[j] = _mm512_mask_min_ps(r->least[j], m, r->least[j], v);
    r->most[j] = _mm512_mask_max_ps(r->most[j], m, r->most[j], v);
}

TARGET_AVX512 ALWAYS void range_end(const struct range *r, size_t dims, struct quant_row *q)
{
    __m512 least = _mm512_min_ps(_mm512_min_ps(r->least[0], r->least[1]),
                                 _mm512_min_ps(r->least[2], r->least[3]));
    __m512 most =
        _mm512_max_ps(_mm512_max_ps(r->most[0], r->most[1]), _mm512_max_ps(r->most[2], r->most[3]));
    row_finish(q, _mm512_reduce_min_ps(least), _mm512_reduce_max_ps(most), dims);
}

TARGET_AVX512 ALWAYS void bytes_avx512(const float *x, size_t dims, const float *factors,
                                       struct quant_row *q)
{
    float inverse = inverse_of(q);
    __m512 times = _mm512_set1_ps(inverse), plus = _mm512_set1_ps(-q->low * inverse);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    size_t i = 0;
    for (; i + 64 <= dims; i += 64) {
        __m512i n[4];
        for (unsigned j = 0; j < 4; j++) {
            __m512 v = scaled(x + i + 16 * j, factors ? factors + i + 16 * j : NULL, 0xffff);
            n[j] = _mm512_cvtps_epi32(_mm512_fmadd_ps(v, times, plus));
        }
        __m512i bytes =
            _mm512_packus_epi16(_mm512_packs_epi32(n[0], n[1]), _mm512_packs_epi32(n[2], n[3]));
        _mm512_storeu_si512(q->bytes + i, _mm512_permutexvar_epi32(order, bytes));
    }
    for (; i < dims; i += 16) {
        __mmask16 m = tail16(dims - i);
        __m512 v = scaled(x + i, factors ? factors + i : NULL, m);
        __m512i n = _mm512_cvtps_epi32(_mm512_fmadd_ps(v, times, plus));
        n = _mm512_max_epi32(n, _mm512_setzero_si512());
        _mm_mask_storeu_epi8(q->bytes + i, m, _mm512_cvtusepi32_epi8(n));
    }
}

TARGET_AVX512 ALWAYS void row_avx512(const float *x, size_t dims, const float *factors,
                                     struct quant_row *q)
{
    struct range r;
    range_start(&r);
    size_t i = 0;
    for (; i + 64 <= dims; i += 64)
        for (unsigned j = 0; j < 4; j++)
            range_add(&r, j, scaled(x + i + 16 * j, factors ? factors + i + 16 * j : NULL, 0xffff),
                      0xffff);
    for (; i < dims; i += 16)
        range_add(&r, 0, scaled(x + i, factors ? factors + i : NULL, tail16(dims - i)),
                  tail16(dims - i));
    range_end(&r, dims, q);
    bytes_avx512(x, dims, factors, q);
}

TARGET_AVX512 static void quant_row_avx512(const float *x, size_t dims, const float *factors,
                                           struct quant_row *q)
{
    if (factors)
        row_avx512(x, dims, factors, q);
    else
        row_avx512(x, dims, NULL, q);
}

TARGET_AVX512 ALWAYS __m512 sum4(const __m512 s[4])
{
    return _mm512_add_ps(_mm512_add_ps(s[0], s[1]), _mm512_add_ps(s[2], s[3]));
}

/* The row normalised as layernorm_f32 does, but with both moments (about the first value) in one
 * pass, which bytes do not mind; and its range on the way. dims % 64 == 0. */
TARGET_AVX512 ALWAYS void normed_avx512(float *x, size_t dims, const struct quant_norm *n,
                                        const float *factors, struct quant_row *q)
{
    __m512 s[4], t[4], first = _mm512_set1_ps(x[0]);
    for (unsigned j = 0; j < 4; j++)
        s[j] = t[j] = _mm512_setzero_ps();
    for (size_t i = 0; i < dims; i += 64)
        for (unsigned j = 0; j < 4; j++) {
            __m512 d = _mm512_sub_ps(_mm512_loadu_ps(x + i + 16 * j), first);
            s[j] = _mm512_add_ps(s[j], d);
            t[j] = _mm512_fmadd_ps(d, d, t[j]);
        }
    float away = _mm512_reduce_add_ps(sum4(s)) / (float)dims;
    float variance = fmaxf(_mm512_reduce_add_ps(sum4(t)) / (float)dims - away * away, 0);
    __m512 mean = _mm512_set1_ps(x[0] + away);
    __m512 inverse = _mm512_set1_ps(1 / sqrtf(variance + n->epsilon));
    struct range r;
    range_start(&r);
    for (size_t i = 0; i < dims; i += 64)
        for (unsigned j = 0; j < 4; j++) {
            size_t at = i + 16 * j;
            __m512 d = _mm512_sub_ps(_mm512_loadu_ps(x + at), mean);
            d = _mm512_fmadd_ps(_mm512_mul_ps(d, inverse), _mm512_loadu_ps(n->gamma + at),
                                _mm512_loadu_ps(n->beta + at));
            _mm512_storeu_ps(x + at, d);
            range_add(&r, j, factors ? _mm512_mul_ps(d, _mm512_loadu_ps(factors + at)) : d, 0xffff);
        }
    range_end(&r, dims, q);
    bytes_avx512(x, dims, factors, q);
}

TARGET_AVX512 static void normed_row_avx512(float *x, size_t dims, const struct quant_norm *n,
                                            const float *factors, struct quant_row *q)
{
    if (factors)
        normed_avx512(x, dims, n, factors, q);
    else
        normed_avx512(x, dims, n, NULL, q);
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

void quant_rows_normed(float *x, size_t rows, size_t dims, const struct quant_norm *n,
                       const float *factors, void *out)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512 && dims % 64 == 0) {
        for (size_t r = 0; r < rows; r++)
            normed_row_avx512(x + r * dims, dims, n, factors,
                              (struct quant_row *)((char *)out + r * quant_row_bytes(dims)));
        return;
    }
#endif
    layernorm_f32(x, rows, dims, n->gamma, n->beta, n->epsilon);
    quant_rows(x, rows, dims, factors, out);
}
