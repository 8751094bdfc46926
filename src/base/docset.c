#include "base/docset.h"

#include "base/arena.h"
#include <stdlib.h>
#include <string.h>

void docset_init(struct docset *d)
{
    *d = (struct docset){0};
}

void docset_release(struct docset *d)
{
    free(d->words);
    docset_init(d);
}

static void docset_grow(struct docset *d, size_t word_count)
{
    if (word_count <= d->word_count)
        return;
    size_t least = d->word_count + d->word_count / 2;
    size_t count = word_count > least ? word_count : least;
    d->words = xrealloc(d->words, count * sizeof *d->words);
    memset(d->words + d->word_count, 0, (count - d->word_count) * sizeof *d->words);
    d->word_count = count;
}

void docset_add(struct docset *d, uint32_t number)
{
    size_t w = number / 64;
    uint64_t bit = UINT64_C(1) << (number % 64);
    docset_grow(d, w + 1);
    d->count += !(d->words[w] & bit);
    d->words[w] |= bit;
}

void docset_remove(struct docset *d, uint32_t number)
{
    if (!docset_has(d, number))
        return;
    d->words[number / 64] &= ~(UINT64_C(1) << (number % 64));
    d->count--;
}

void docset_and(struct docset *d, const struct docset *with)
{
    size_t shared = d->word_count < with->word_count ? d->word_count : with->word_count;
    size_t count = 0;
    for (size_t w = 0; w < shared; w++) {
        d->words[w] &= with->words[w];
        count += (size_t)__builtin_popcountll(d->words[w]);
    }
    if (d->word_count > shared)
        memset(d->words + shared, 0, (d->word_count - shared) * sizeof *d->words);
    d->count = count;
}

void docset_or(struct docset *d, const struct docset *with)
{
    docset_grow(d, with->word_count);
    size_t added = 0;
    for (size_t w = 0; w < with->word_count; w++) {
        added += (size_t)__builtin_popcountll(with->words[w] & ~d->words[w]);
        d->words[w] |= with->words[w];
    }
    d->count += added;
}

void docset_minus(struct docset *d, const struct docset *with)
{
    size_t shared = d->word_count < with->word_count ? d->word_count : with->word_count;
    size_t taken = 0;
    for (size_t w = 0; w < shared; w++) {
        taken += (size_t)__builtin_popcountll(d->words[w] & with->words[w]);
        d->words[w] &= ~with->words[w];
    }
    d->count -= taken;
}

void docset_copy(struct docset *d, const struct docset *from)
{
    docset_grow(d, from->word_count);
    if (from->word_count)
        memcpy(d->words, from->words, from->word_count * sizeof *d->words);
    if (d->word_count > from->word_count)
        memset(d->words + from->word_count, 0,
               (d->word_count - from->word_count) * sizeof *d->words);
    d->count = from->count;
}

uint32_t docset_next(const struct docset *d, uint32_t from)
{
    size_t w = from / 64;
    if (w >= d->word_count)
        return UINT32_MAX;
    uint64_t left = d->words[w] & (~UINT64_C(0) << (from % 64));
    while (!left) {
        if (++w >= d->word_count)
            return UINT32_MAX;
        left = d->words[w];
    }
    return (uint32_t)(w * 64 + (size_t)__builtin_ctzll(left));
}
