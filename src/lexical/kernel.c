#include "lexical/kernel.h"

#include "math/simd.h"
#if SIMD_X86
#include <immintrin.h>
#endif

/* --- plain C --- */

static inline float posting_score(const struct scoring *s, uint32_t tf, uint32_t length)
{
    float t = (float)tf;
    return s->factor * t / (t + s->k0 + s->k1 * (float)length);
}

static inline void add_plain(const struct scoring *s, const struct block *b, unsigned from,
                             unsigned to, float *into)
{
    for (unsigned i = from; i < to; i++) {
        uint32_t at = block_slot(b, i) - s->start;
        into[at] += posting_score(s, block_tf(b, i), s->lengths[at]);
    }
}

static inline void most_plain(const struct scoring *s, const struct block *b, unsigned from,
                              unsigned to, float *into)
{
    for (unsigned i = from; i < to; i++) {
        uint32_t at = block_slot(b, i) - s->start;
        float score = posting_score(s, block_tf(b, i), s->lengths[at]);
        into[at] = score > into[at] ? score : into[at];
    }
}

static unsigned collect_plain(float *scores, float least, uint32_t *places, float *found)
{
    unsigned n = 0;
    for (unsigned i = 0; i < CHUNK; i++)
        if (scores[i] >= least) {
            found[n] = scores[i];
            places[n++] = i;
        }
    memset(scores, 0, CHUNK * sizeof *scores);
    return n;
}

static void join_plain(float *sums, float *scores)
{
    for (unsigned i = 0; i < CHUNK; i++)
        sums[i] += scores[i];
    memset(scores, 0, CHUNK * sizeof *scores);
}

static unsigned list_plain(const struct scoring *s, const struct block *b, unsigned from,
                           unsigned to, float least, uint32_t *places, float *found)
{
    unsigned n = 0;
    for (unsigned i = from; i < to; i++) {
        uint32_t at = block_slot(b, i) - s->start;
        places[n] = at;
        found[n] = posting_score(s, block_tf(b, i), s->lengths[at]);
        n += found[n] >= least;
    }
    return n;
}

static unsigned apply_plain(const float *scores, enum kernel_keep keep, float add, float least,
                            unsigned from, unsigned count, unsigned kept, uint32_t *places,
                            float *found)
{
    for (unsigned i = from; i < count; i++) {
        float score = scores[places[i]], sum = found[i] + add * score;
        bool stays = keep == KEEP_ALL || (score > 0) == (keep == KEEP_WITH);
        places[kept] = places[i];
        found[kept] = sum;
        kept += stays && sum >= least;
    }
    return kept;
}

static unsigned seek_plain(const struct block *b, unsigned from, unsigned to, uint32_t slot)
{
    while (from < to) {
        unsigned middle = (from + to) / 2;
        if (block_slot(b, middle) < slot)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

#if SIMD_X86

/* --- AVX-512: 16 postings; what is beyond the last is not touched --- */

struct lanes16 {
    _Alignas(64) uint32_t at[16];
    float score[16];
};

TARGET_AVX512 static inline void lanes_avx512(const struct scoring *s, const struct block *b,
                                              unsigned i, __mmask16 mask, struct lanes16 *out)
{
    const uint8_t *offsets = b->data, *tfs = block_tfs(b);
    __m512i at, tf;
    if (b->wide & WIDE_OFFSETS)
        at = _mm512_maskz_loadu_epi32(mask, offsets + 4 * (size_t)i);
    else
        at = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, offsets + 2 * (size_t)i));
    if (b->wide & WIDE_TF)
        tf = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, tfs + 2 * (size_t)i));
    else
        tf = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, tfs + i));
    at = _mm512_add_epi32(at, _mm512_set1_epi32((int)(b->base - s->start)));
    __m512i length = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), mask, at, s->lengths, 4);
    __m512 t = _mm512_cvtepu32_ps(tf);
    __m512 k =
        _mm512_fmadd_ps(_mm512_cvtepu32_ps(length), _mm512_set1_ps(s->k1), _mm512_set1_ps(s->k0));
    __m512 score = _mm512_div_ps(_mm512_mul_ps(t, _mm512_set1_ps(s->factor)), _mm512_add_ps(t, k));
    _mm512_store_si512(out->at, at);
    _mm512_store_ps(out->score, score);
}

TARGET_AVX512 static void add_avx512(const struct scoring *s, const struct block *b, unsigned from,
                                     unsigned to, float *into)
{
    struct lanes16 l;
    unsigned i = from;
    for (; i + 16 <= to; i += 16) {
        lanes_avx512(s, b, i, 0xffff, &l);
        for (unsigned j = 0; j < 16; j++)
            into[l.at[j]] += l.score[j];
    }
    if (i == to)
        return;
    lanes_avx512(s, b, i, (__mmask16)((1u << (to - i)) - 1), &l);
    for (unsigned j = 0; j < to - i; j++)
        into[l.at[j]] += l.score[j];
}

TARGET_AVX512 static void most_avx512(const struct scoring *s, const struct block *b, unsigned from,
                                      unsigned to, float *into)
{
    struct lanes16 l;
    for (unsigned i = from; i < to; i += 16) {
        unsigned n = to - i < 16 ? to - i : 16;
        lanes_avx512(s, b, i, (__mmask16)((1u << n) - 1), &l);
        for (unsigned j = 0; j < n; j++)
            into[l.at[j]] = l.score[j] > into[l.at[j]] ? l.score[j] : into[l.at[j]];
    }
}

TARGET_AVX512 static inline unsigned kept_store(__mmask16 mask, __m512i at, __m512 score,
                                                uint32_t *places, float *found)
{
    _mm512_storeu_si512(places, _mm512_maskz_compress_epi32(mask, at));
    _mm512_storeu_ps(found, _mm512_maskz_compress_ps(mask, score));
    return (unsigned)__builtin_popcount(mask);
}

TARGET_AVX512 static unsigned list_avx512(const struct scoring *s, const struct block *b,
                                          unsigned from, unsigned to, float least, uint32_t *places,
                                          float *found)
{
    struct lanes16 l;
    unsigned count = 0;
    for (unsigned i = from; i < to; i += 16) {
        unsigned n = to - i < 16 ? to - i : 16;
        __mmask16 mask = (__mmask16)((1u << n) - 1);
        lanes_avx512(s, b, i, mask, &l);
        __m512 score = _mm512_load_ps(l.score);
        mask = _mm512_mask_cmp_ps_mask(mask, score, _mm512_set1_ps(least), _CMP_GE_OQ);
        count += kept_store(mask, _mm512_load_si512(l.at), score, places + count, found + count);
    }
    return count;
}

TARGET_AVX512 static unsigned apply_avx512(const float *scores, enum kernel_keep keep, float add,
                                           float least, unsigned count, uint32_t *places,
                                           float *found)
{
    unsigned kept = 0, i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512i at = _mm512_loadu_si512(places + i);
        __m512 score = _mm512_i32gather_ps(at, scores, 4);
        __m512 sum = _mm512_fmadd_ps(score, _mm512_set1_ps(add), _mm512_loadu_ps(found + i));
        __mmask16 has = _mm512_cmp_ps_mask(score, _mm512_setzero_ps(), _CMP_GT_OQ);
        __mmask16 mask = _mm512_cmp_ps_mask(sum, _mm512_set1_ps(least), _CMP_GE_OQ);
        if (keep != KEEP_ALL)
            mask &= keep == KEEP_WITH ? has : (__mmask16)~has;
        kept += kept_store(mask, at, sum, places + kept, found + kept);
    }
    return apply_plain(scores, keep, add, least, i, count, kept, places, found);
}

TARGET_AVX512 static inline unsigned less_avx512(const struct block *b, unsigned from, unsigned to,
                                                 __m512i limit)
{
    unsigned n = to <= from ? 0 : to - from < 32 ? to - from : 32;
    __mmask32 mask = (__mmask32)(((uint64_t)1 << n) - 1);
    __m512i v = _mm512_maskz_loadu_epi16(mask, b->data + 2 * (size_t)from);
    return (unsigned)__builtin_popcount(_mm512_mask_cmplt_epu16_mask(mask, v, limit));
}

/* Of u16 offsets those that are less are counted, without a branch. */
TARGET_AVX512 static unsigned seek_avx512(const struct block *b, unsigned from, unsigned to,
                                          uint32_t slot)
{
    if (b->wide & WIDE_OFFSETS || slot <= b->base)
        return seek_plain(b, from, to, slot);
    if (slot - b->base > UINT16_MAX)
        return to;
    const __m512i limit = _mm512_set1_epi16((short)(slot - b->base));
    unsigned less = less_avx512(b, from, to, limit) + less_avx512(b, from + 32, to, limit);
    if (from + 64 < to)
        less += less_avx512(b, from + 64, to, limit) + less_avx512(b, from + 96, to, limit);
    return from + less;
}

TARGET_AVX512 static unsigned collect_avx512(float *scores, float least, uint32_t *places,
                                             float *found)
{
    unsigned n = 0;
    const __m512 limit = _mm512_set1_ps(least);
    for (unsigned i = 0; i < CHUNK; i += 16) {
        __m512 v = _mm512_loadu_ps(scores + i);
        unsigned mask = _mm512_cmp_ps_mask(v, limit, _CMP_GE_OQ);
        for (; mask; mask &= mask - 1, n++) {
            places[n] = i + (unsigned)__builtin_ctz(mask);
            found[n] = scores[places[n]];
        }
        _mm512_storeu_ps(scores + i, _mm512_setzero_ps());
    }
    return n;
}

TARGET_AVX512 static void join_avx512(float *sums, float *scores)
{
    for (unsigned i = 0; i < CHUNK; i += 16) {
        _mm512_storeu_ps(sums + i,
                         _mm512_add_ps(_mm512_loadu_ps(sums + i), _mm512_loadu_ps(scores + i)));
        _mm512_storeu_ps(scores + i, _mm512_setzero_ps());
    }
}

/* --- AVX2: 8 postings; the last few in plain C --- */

struct lanes8 {
    _Alignas(32) uint32_t at[8];
    float score[8];
};

TARGET_AVX2 static inline void lanes_avx2(const struct scoring *s, const struct block *b,
                                          unsigned i, struct lanes8 *out)
{
    const uint8_t *offsets = b->data, *tfs = block_tfs(b);
    __m256i at, tf;
    if (b->wide & WIDE_OFFSETS)
        at = _mm256_loadu_si256((const void *)(offsets + 4 * (size_t)i));
    else
        at = _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)(offsets + 2 * (size_t)i)));
    if (b->wide & WIDE_TF)
        tf = _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)(tfs + 2 * (size_t)i)));
    else
        tf = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(tfs + i)));
    at = _mm256_add_epi32(at, _mm256_set1_epi32((int)(b->base - s->start)));
    __m256i length = _mm256_i32gather_epi32((const int *)s->lengths, at, 4);
    __m256 t = _mm256_cvtepi32_ps(tf);
    __m256 k =
        _mm256_fmadd_ps(_mm256_cvtepi32_ps(length), _mm256_set1_ps(s->k1), _mm256_set1_ps(s->k0));
    __m256 score = _mm256_div_ps(_mm256_mul_ps(t, _mm256_set1_ps(s->factor)), _mm256_add_ps(t, k));
    _mm256_store_si256((void *)out->at, at);
    _mm256_store_ps(out->score, score);
}

TARGET_AVX2 static void add_avx2(const struct scoring *s, const struct block *b, unsigned from,
                                 unsigned to, float *into)
{
    struct lanes8 l;
    for (; from + 8 <= to; from += 8) {
        lanes_avx2(s, b, from, &l);
        for (unsigned j = 0; j < 8; j++)
            into[l.at[j]] += l.score[j];
    }
    add_plain(s, b, from, to, into);
}

TARGET_AVX2 static void most_avx2(const struct scoring *s, const struct block *b, unsigned from,
                                  unsigned to, float *into)
{
    struct lanes8 l;
    for (; from + 8 <= to; from += 8) {
        lanes_avx2(s, b, from, &l);
        for (unsigned j = 0; j < 8; j++)
            into[l.at[j]] = l.score[j] > into[l.at[j]] ? l.score[j] : into[l.at[j]];
    }
    most_plain(s, b, from, to, into);
}

TARGET_AVX2 static unsigned collect_avx2(float *scores, float least, uint32_t *places, float *found)
{
    unsigned n = 0;
    const __m256 limit = _mm256_set1_ps(least);
    for (unsigned i = 0; i < CHUNK; i += 8) {
        __m256 v = _mm256_loadu_ps(scores + i);
        unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(v, limit, _CMP_GE_OQ));
        for (; mask; mask &= mask - 1, n++) {
            places[n] = i + (unsigned)__builtin_ctz(mask);
            found[n] = scores[places[n]];
        }
        _mm256_storeu_ps(scores + i, _mm256_setzero_ps());
    }
    return n;
}
#endif

/* --- by level --- */

void kernel_add(const struct scoring *s, const struct block *b, unsigned from, unsigned to,
                float *into)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        add_avx512(s, b, from, to, into);
        return;
    }
    if (simd_level() == SIMD_AVX2) {
        add_avx2(s, b, from, to, into);
        return;
    }
#endif
    add_plain(s, b, from, to, into);
}

void kernel_most(const struct scoring *s, const struct block *b, unsigned from, unsigned to,
                 float *into)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        most_avx512(s, b, from, to, into);
        return;
    }
    if (simd_level() == SIMD_AVX2) {
        most_avx2(s, b, from, to, into);
        return;
    }
#endif
    most_plain(s, b, from, to, into);
}

unsigned kernel_collect(float *scores, float least, uint32_t *places, float *found)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512)
        return collect_avx512(scores, least, places, found);
    if (simd_level() == SIMD_AVX2)
        return collect_avx2(scores, least, places, found);
#endif
    return collect_plain(scores, least, places, found);
}

void kernel_join(float *sums, float *scores)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        join_avx512(sums, scores);
        return;
    }
#endif
    join_plain(sums, scores);
}

unsigned kernel_list(const struct scoring *s, const struct block *b, unsigned from, unsigned to,
                     float least, uint32_t *places, float *found)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512)
        return list_avx512(s, b, from, to, least, places, found);
#endif
    return list_plain(s, b, from, to, least, places, found);
}

unsigned kernel_apply(const float *scores, enum kernel_keep keep, float add, float least,
                      unsigned count, uint32_t *places, float *found)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512)
        return apply_avx512(scores, keep, add, least, count, places, found);
#endif
    return apply_plain(scores, keep, add, least, 0, count, 0, places, found);
}

unsigned kernel_seek(const struct block *b, unsigned from, unsigned to, uint32_t slot)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512)
        return seek_avx512(b, from, to, slot);
#endif
    return seek_plain(b, from, to, slot);
}
