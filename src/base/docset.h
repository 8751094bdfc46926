/* A set of document numbers as a bitmap with its count. Grows with the largest number. Not shared
 * between threads while it changes; borrowed as const by searches. */
#ifndef BASE_DOCSET_H
#define BASE_DOCSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct docset {
    uint64_t *words;
    size_t word_count; /* numbers >= 64 * word_count are absent */
    size_t count;      /* members */
};

void docset_init(struct docset *d);
void docset_release(struct docset *d);
void docset_add(struct docset *d, uint32_t number);
void docset_remove(struct docset *d, uint32_t number);
void docset_and(struct docset *d, const struct docset *with);
void docset_or(struct docset *d, const struct docset *with);
void docset_minus(struct docset *d, const struct docset *with);
void docset_copy(struct docset *d, const struct docset *from);
/* The first member >= from, or UINT32_MAX. */
uint32_t docset_next(const struct docset *d, uint32_t from);

static inline bool docset_has(const struct docset *d, uint32_t number)
{
    size_t w = number / 64;
    return w < d->word_count && (d->words[w] >> (number % 64) & 1);
}

#endif
