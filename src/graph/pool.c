/* The pool of a walk: the best so far, sorted. A walk puts hundreds into it, so it compares and
 * moves many places at once. */
#include "graph/internal.h"

#include "math/simd.h"
#include <string.h>
#if SIMD_X86
#include <immintrin.h>
#endif

static inline float pool_worst(const struct pool_of *p)
{
    return p->count < p->width ? NORM_DEAD / 2 : p->keys[p->width - 1];
}

/* How many keys are smaller or equal: the place of a new one. Without branches, since which way
 * each would go is a coin's throw. */
static unsigned place_scalar(const struct pool_of *p, float key)
{
    const float *at = p->keys;
    unsigned n = p->count;
    if (!n)
        return 0;
    while (n > 1) {
        unsigned half = n / 2;
        at += (at[half - 1] <= key) * half;
        n -= half;
    }
    return (unsigned)(at - p->keys) + (*at <= key);
}

static void put_scalar(struct pool_of *p, float key, uint32_t slot)
{
    unsigned at = place_scalar(p, key), last = p->count < p->width ? p->count : p->width - 1;
    memmove(p->keys + at + 1, p->keys + at, (last - at) * sizeof *p->keys);
    memmove(p->slots + at + 1, p->slots + at, (last - at) * sizeof *p->slots);
    p->keys[at] = key;
    p->slots[at] = slot;
    p->count = last + 1;
    p->cursor = at < p->cursor ? at : p->cursor;
}

static void add_scalar(struct pool_of *p, const float *keys, const uint32_t *slots, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (keys[i] < pool_worst(p))
            put_scalar(p, keys[i], slots[i]);
}

#if SIMD_X86
TARGET_AVX512 static inline __mmask16 first16(unsigned n)
{
    return n >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1);
}

#define BLOCK 64u

TARGET_AVX512 static inline unsigned place_avx512(const struct pool_of *p, float key)
{
    const __m512 k = _mm512_set1_ps(key);
    unsigned at = 0;
    for (unsigned from = 0; from < p->count && at == from; from += BLOCK)
        for (unsigned i = from; i < from + BLOCK && i < p->count; i += 16) {
            __m512 v = _mm512_maskz_loadu_ps(first16(p->count - i), p->keys + i);
            __mmask16 less = _mm512_mask_cmp_ps_mask(first16(p->count - i), v, k, _CMP_LE_OQ);
            at += (unsigned)__builtin_popcount(less);
        }
    return at;
}

/* Places from..to-1 move up by one. */
TARGET_AVX512 static inline void shift_avx512(uint32_t *x, unsigned from, unsigned to)
{
    for (; to - from >= 16; to -= 16)
        _mm512_storeu_si512(x + to - 15, _mm512_loadu_si512(x + to - 16));
    __mmask16 rest = first16(to - from);
    _mm512_mask_storeu_epi32(x + from + 1, rest, _mm512_maskz_loadu_epi32(rest, x + from));
}

TARGET_AVX512 static inline void put_avx512(struct pool_of *p, float key, uint32_t slot)
{
    unsigned at = place_avx512(p, key), last = p->count < p->width ? p->count : p->width - 1;
    shift_avx512((uint32_t *)p->keys, at, last);
    shift_avx512(p->slots, at, last);
    p->keys[at] = key;
    p->slots[at] = slot;
    p->count = last + 1;
    p->cursor = at < p->cursor ? at : p->cursor;
}

TARGET_AVX512 static void add_avx512(struct pool_of *p, const float *keys, const uint32_t *slots,
                                     unsigned count)
{
    for (unsigned i = 0; i < count; i += 16) {
        __mmask16 all = first16(count - i);
        __m512 v = _mm512_maskz_loadu_ps(all, keys + i);
        unsigned in = _mm512_mask_cmp_ps_mask(all, v, _mm512_set1_ps(pool_worst(p)), _CMP_LT_OQ);
        for (; in; in &= in - 1) {
            unsigned j = i + (unsigned)__builtin_ctz(in);
            if (keys[j] < pool_worst(p))
                put_avx512(p, keys[j], slots[j]);
        }
    }
}
#endif

void pool_add(struct pool_of *p, const float *keys, const uint32_t *slots, unsigned count)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512) {
        add_avx512(p, keys, slots, count);
        return;
    }
#endif
    add_scalar(p, keys, slots, count);
}
