#include "index/shingles.h"
#include "base/arena.h"
#include "base/wordmark.h"
#include <stdlib.h>
#include <string.h>

static uint32_t mix32(uint32_t x) /* the finalizer of MurmurHash3 */
{
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    return x ^ x >> 16;
}

static uint32_t word_hash(uint64_t word)
{
    return mix32((uint32_t)(word >> 32) * 0x9e3779b1u + mix32((uint32_t)word));
}

static uint32_t pair_hash(uint32_t first, uint32_t second)
{
    return mix32(first * 0x9e3779b1u + second);
}

static int compare32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int compare64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t unique(uint32_t *x, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || x[kept - 1] != x[i])
            x[kept++] = x[i];
    return kept;
}

void shingles_init(struct shingles *s, const uint64_t *words, size_t count)
{
    size_t bytes = count * sizeof *s->words + count * sizeof *s->pairs + 1;
    *s = (struct shingles){.words = xmalloc(bytes), .word_count = count};
    s->pairs = (uint32_t *)(s->words + count);
    uint32_t before = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t h = word_hash(words[i]);
        if (i < SHINGLES_FIRSTS)
            s->firsts[i] = h;
        if (i > 0)
            s->pairs[s->pair_count++] = pair_hash(before, h);
        s->digest = pair_hash(s->digest, h);
        s->dense_count += (words[i] & WORDMARK_DENSE) != 0;
        before = h;
    }
    if (count > 0)
        memcpy(s->words, words, count * sizeof *words);
    qsort(s->words, count, sizeof *s->words, compare64);
    qsort(s->pairs, s->pair_count, sizeof *s->pairs, compare32);
    s->pair_count = unique(s->pairs, s->pair_count);
}

void shingles_release(struct shingles *s)
{
    free(s->words);
    *s = (struct shingles){0};
}

static void sketch_add(const uint32_t *hashes, size_t count, const uint32_t factor[SKETCH_BYTES],
                       const uint32_t offset[SKETCH_BYTES], uint32_t least[SKETCH_BYTES])
{
    for (size_t k = 0; k < count; k++) {
        for (unsigned i = 0; i < SKETCH_BYTES; i++) {
            uint32_t h = hashes[k] * factor[i] + offset[i];
            h ^= h >> 15; /* else the order of a few values is nearly the same for all i */
            least[i] = h < least[i] ? h : least[i];
        }
    }
}

void shingles_sketch(const struct shingles *s, uint8_t out[SKETCH_BYTES])
{
    uint32_t factor[SKETCH_BYTES], offset[SKETCH_BYTES], least[SKETCH_BYTES];
    for (uint32_t i = 0; i < SKETCH_BYTES; i++) {
        factor[i] = mix32(2 * i + 1) | 1;
        offset[i] = mix32(2 * i + 2);
        least[i] = UINT32_MAX;
    }
    sketch_add(s->pairs, s->pair_count, factor, offset, least);
    sketch_add(s->firsts, s->word_count < SHINGLES_FIRSTS ? s->word_count : SHINGLES_FIRSTS, factor,
               offset, least);
    for (unsigned i = 0; i < SKETCH_BYTES; i++)
        out[i] = (uint8_t)mix32(least[i]);
}

unsigned sketch_agreement(const uint8_t a[SKETCH_BYTES], const uint8_t b[SKETCH_BYTES])
{
    unsigned same = 0;
    for (unsigned i = 0; i < SKETCH_BYTES; i++)
        same += a[i] == b[i];
    return same;
}
