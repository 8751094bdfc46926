#include "index/shingles.h"
#include "base/arena.h"
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

static uint32_t pair_hash(uint32_t first, uint32_t second)
{
    return mix32(mix32(first) * 0x9e3779b1u + second);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

#define INSERTION_MAX 24

static void sort(uint32_t *x, size_t n)
{
    if (n > INSERTION_MAX) {
        qsort(x, n, sizeof *x, compare);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        uint32_t v = x[i];
        size_t at = i;
        for (; at > 0 && x[at - 1] > v; at--)
            x[at] = x[at - 1];
        x[at] = v;
    }
}

static size_t unique(uint32_t *x, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || x[kept - 1] != x[i])
            x[kept++] = x[i];
    return kept;
}

void shingles_init(struct shingles *s, const uint32_t *words, size_t count)
{
    s->words = xmalloc((2 * count + 1) * sizeof *s->words);
    s->pairs = s->words + count;
    s->word_count = count;
    for (size_t i = 0; i + 1 < count; i++)
        s->pairs[i] = pair_hash(words[i], words[i + 1]);
    if (count == 1)
        s->pairs[0] = mix32(words[0]);
    if (count > 0)
        memcpy(s->words, words, count * sizeof *words);
    s->pair_count = count > 1 ? count - 1 : count;
    sort(s->words, s->word_count);
    sort(s->pairs, s->pair_count);
    s->pair_count = unique(s->pairs, s->pair_count);
}

void shingles_release(struct shingles *s)
{
    free(s->words);
    *s = (struct shingles){0};
}

static double jaccard(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    size_t i = 0, j = 0, common = 0;
    while (i < n && j < m) {
        if (a[i] == b[j]) {
            common++;
            i++;
            j++;
        } else if (a[i] < b[j]) {
            i++;
        } else {
            j++;
        }
    }
    return n + m ? (double)common / (double)(n + m - common) : 0;
}

double shingles_resemblance(const struct shingles *a, const struct shingles *b)
{
    return (jaccard(a->words, a->word_count, b->words, b->word_count) +
            jaccard(a->pairs, a->pair_count, b->pairs, b->pair_count)) /
           2;
}

void shingles_sketch(const struct shingles *s, uint8_t out[SKETCH_BYTES])
{
    uint32_t factor[SKETCH_BYTES], offset[SKETCH_BYTES], least[SKETCH_BYTES];
    for (uint32_t i = 0; i < SKETCH_BYTES; i++) {
        factor[i] = mix32(2 * i + 1) | 1;
        offset[i] = mix32(2 * i + 2);
        least[i] = UINT32_MAX;
    }
    for (size_t k = 0; k < s->pair_count; k++) {
        for (unsigned i = 0; i < SKETCH_BYTES; i++) {
            uint32_t h = s->pairs[k] * factor[i] + offset[i];
            h ^= h >> 15; /* else the order of a few values is nearly the same for all i */
            least[i] = h < least[i] ? h : least[i];
        }
    }
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
