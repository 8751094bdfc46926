#include "lexical/edits.h"

#include "math/simd.h"
#include <string.h>
#if SIMD_X86
#include <immintrin.h>
#endif

static uint32_t char_next(struct str s, size_t *at)
{
    static const uint8_t lead[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    struct str rest = {s.s + *at, s.n - *at};
    if ((uint8_t)rest.s[0] < 0x80) {
        ++*at;
        return (uint8_t)rest.s[0];
    }
    size_t n = str_utf8_size(rest);
    if (!n) {
        ++*at;
        return 0x110000u + (uint8_t)rest.s[0];
    }
    uint32_t c = (uint8_t)rest.s[0] & lead[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((uint8_t)rest.s[i] & 0x3F);
    *at += n;
    return c;
}

uint64_t edits_signature(struct str word, unsigned *chars)
{
    uint32_t once = 0, twice = 0;
    unsigned n = 0;
    for (size_t at = 0; at < word.n && n <= EDITS_CHARS_MAX; n++) {
        uint32_t bit = UINT32_C(1) << (char_next(word, &at) & 31);
        twice |= once & bit;
        once |= bit;
    }
    *chars = n;
    return (uint64_t)twice << 32 | once;
}

static uint64_t places_of(const struct edits_word *w, uint32_t c)
{
    if (c < 128)
        return w->ascii[c];
    for (unsigned i = 0; i < w->others; i++)
        if (w->other[i].c == c)
            return w->other[i].at;
    return 0;
}

static void place_add(struct edits_word *w, uint32_t c, uint64_t at)
{
    if (c < 128) {
        w->ascii[c] |= at;
        return;
    }
    unsigned i = 0;
    while (i < w->others && w->other[i].c != c)
        i++;
    if (i == w->others)
        w->other[w->others++] = (struct edits_other){c, 0};
    w->other[i].at |= at;
}

bool edits_prepare(struct edits_word *w, struct str word)
{
    memset(w->ascii, 0, sizeof w->ascii);
    w->others = 0;
    w->signature = edits_signature(word, &w->chars);
    if (!w->chars || w->chars > EDITS_CHARS_MAX)
        return false;
    unsigned i = 0;
    for (size_t at = 0; at < word.n; i++)
        place_add(w, char_next(word, &at), UINT64_C(1) << i);
    return true;
}

/* A column of the matrix of distances a character of the term: vp and vn say where it rises and
 * falls from row to row, the last row is counted. */
unsigned edits_between(const struct edits_word *w, struct str term)
{
    uint64_t vp = ~UINT64_C(0), vn = 0, same = 0, before = 0;
    const uint64_t last = UINT64_C(1) << (w->chars - 1);
    unsigned edits = w->chars;
    for (size_t at = 0; at < term.n;) {
        uint64_t here = places_of(w, char_next(term, &at));
        uint64_t swapped = ((~same & here) << 1) & before;
        same = (((here & vp) + vp) ^ vp) | here | vn | swapped;
        uint64_t hp = vn | ~(same | vp), hn = same & vp;
        edits += (hp & last) != 0;
        edits -= (hn & last) != 0;
        hp = hp << 1 | 1;
        vp = hn << 1 | ~(same | hp);
        vn = hp & same;
        before = here;
    }
    return edits;
}

static size_t scan_scalar(const uint64_t *signatures, size_t count, uint64_t of, unsigned bits_max,
                          uint32_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        out[n] = (uint32_t)i;
        n += (unsigned)__builtin_popcountll(signatures[i] ^ of) <= bits_max;
    }
    return n;
}

#if SIMD_X86
/* Bits a word of 64, by halves of bytes. */
TARGET_AVX2 static size_t scan_avx2(const uint64_t *signatures, size_t count, uint64_t of,
                                    unsigned bits_max, uint32_t *out)
{
    const __m256i bits = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                          2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
    const __m256i query = _mm256_set1_epi64x((long long)of),
                  over = _mm256_set1_epi64x((long long)bits_max);
    size_t n = 0, i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256i v = _mm256_xor_si256(_mm256_loadu_si256((const void *)(signatures + i)), query);
        __m256i halves = _mm256_add_epi8(
            _mm256_shuffle_epi8(bits, _mm256_and_si256(v, low)),
            _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(v, 4), low)));
        __m256i more = _mm256_cmpgt_epi64(_mm256_sad_epu8(halves, zero), over);
        for (unsigned m = 15 & ~(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(more)); m;
             m &= m - 1)
            out[n++] = (uint32_t)i + (uint32_t)__builtin_ctz(m);
    }
    for (; i < count; i++)
        if ((unsigned)__builtin_popcountll(signatures[i] ^ of) <= bits_max)
            out[n++] = (uint32_t)i;
    return n;
}

TARGET_AVX512 static size_t scan_avx512(const uint64_t *signatures, size_t count, uint64_t of,
                                        unsigned bits_max, uint32_t *out)
{
    const __m512i bits =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m512i low = _mm512_set1_epi8(15), zero = _mm512_setzero_si512();
    const __m512i query = _mm512_set1_epi64((long long)of),
                  over = _mm512_set1_epi64((long long)bits_max);
    size_t n = 0;
    for (size_t i = 0; i < count; i += 8) {
        __mmask8 valid = (__mmask8)(count - i < 8 ? (1u << (count - i)) - 1 : 255);
        __m512i v = _mm512_xor_si512(_mm512_maskz_loadu_epi64(valid, signatures + i), query);
        __m512i halves = _mm512_add_epi8(
            _mm512_shuffle_epi8(bits, _mm512_and_si512(v, low)),
            _mm512_shuffle_epi8(bits, _mm512_and_si512(_mm512_srli_epi16(v, 4), low)));
        __mmask8 few = _mm512_mask_cmple_epu64_mask(valid, _mm512_sad_epu8(halves, zero), over);
        for (unsigned m = few; m; m &= m - 1)
            out[n++] = (uint32_t)i + (uint32_t)__builtin_ctz(m);
    }
    return n;
}
#endif

size_t edits_scan(const uint64_t *signatures, size_t count, uint64_t of, unsigned bits_max,
                  uint32_t *out)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512)
        return scan_avx512(signatures, count, of, bits_max, out);
    if (simd_level() == SIMD_AVX2)
        return scan_avx2(signatures, count, of, bits_max, out);
#endif
    return scan_scalar(signatures, count, of, bits_max, out);
}
