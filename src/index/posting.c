#include "index/posting.h"

#include "base/arena.h"
#include <stdlib.h>
#include <string.h>

static bool is_list(const struct posting *p)
{
    return p->cap && p->cap != POSTING_BITMAP;
}

static const uint32_t *members(const struct posting *p)
{
    return p->cap ? p->list : &p->one;
}

void posting_release(struct posting *p)
{
    if (p->cap == POSTING_BITMAP) {
        docset_release(p->bits);
        free(p->bits);
    } else if (p->cap) {
        free(p->list);
    }
    *p = (struct posting){0};
}

/* Where `number` is or belongs in a list. */
static uint32_t position(const struct posting *p, uint32_t number)
{
    const uint32_t *list = members(p);
    uint32_t low = 0, high = p->count;
    if (high && list[high - 1] < number)
        return high;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (list[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool posting_has(const struct posting *p, uint32_t number)
{
    if (p->cap == POSTING_BITMAP)
        return docset_has(p->bits, number);
    uint32_t at = position(p, number);
    return at < p->count && members(p)[at] == number;
}

static void to_bitmap(struct posting *p)
{
    struct docset *bits = xmalloc(sizeof *bits);
    docset_init(bits);
    for (uint32_t i = p->count; i-- > 0;) /* the largest first: one allocation */
        docset_add(bits, p->list[i]);
    free(p->list);
    p->bits = bits;
    p->cap = POSTING_BITMAP;
}

static void to_list(struct posting *p)
{
    struct docset *bits = p->bits;
    uint32_t n = 0, cap = p->count + p->count / 2 + 2;
    uint32_t *list = xmalloc(cap * sizeof *list);
    for (uint32_t x = docset_next(bits, 0); x != UINT32_MAX; x = docset_next(bits, x + 1))
        list[n++] = x;
    docset_release(bits);
    free(bits);
    p->list = list;
    p->cap = cap;
}

static void list_grow(struct posting *p)
{
    if (!p->cap) {
        uint32_t one = p->one;
        p->cap = 4;
        p->list = xmalloc(p->cap * sizeof *p->list);
        p->list[0] = one;
    } else if (p->count == p->cap) {
        p->cap += p->cap / 2;
        p->list = xrealloc(p->list, p->cap * sizeof *p->list);
    }
}

bool posting_add(struct posting *p, uint32_t number)
{
    if (posting_has(p, number))
        return false;
    if (p->cap == POSTING_BITMAP) {
        docset_add(p->bits, number);
    } else if (!p->count) {
        members(p) == &p->one ? (p->one = number) : (p->list[0] = number);
    } else {
        list_grow(p);
        uint32_t at = position(p, number);
        memmove(p->list + at + 1, p->list + at, (p->count - at) * sizeof *p->list);
        p->list[at] = number;
    }
    p->count++;
    if (is_list(p) && p->count > 64 && p->count > p->list[p->count - 1] / 32)
        to_bitmap(p);
    return true;
}

bool posting_remove(struct posting *p, uint32_t number)
{
    if (!posting_has(p, number))
        return false;
    if (p->cap == POSTING_BITMAP) {
        docset_remove(p->bits, number);
    } else if (p->cap) {
        uint32_t at = position(p, number);
        memmove(p->list + at, p->list + at + 1, (p->count - at - 1) * sizeof *p->list);
    }
    p->count--;
    if (p->cap == POSTING_BITMAP && (p->count < 32 || p->count < p->bits->word_count / 2))
        to_list(p);
    return true;
}

void posting_into(const struct posting *p, struct docset *out)
{
    if (p->cap == POSTING_BITMAP) {
        docset_or(out, p->bits);
        return;
    }
    const uint32_t *list = members(p);
    for (uint32_t i = p->count; i-- > 0;)
        docset_add(out, list[i]);
}

size_t posting_shared(const struct posting *p, const struct docset *with)
{
    size_t n = 0;
    if (p->cap != POSTING_BITMAP) {
        const uint32_t *list = members(p);
        for (uint32_t i = 0; i < p->count; i++)
            n += docset_has(with, list[i]);
        return n;
    }
    size_t words = p->bits->word_count < with->word_count ? p->bits->word_count : with->word_count;
    for (size_t w = 0; w < words; w++)
        n += (size_t)__builtin_popcountll(p->bits->words[w] & with->words[w]);
    return n;
}

size_t posting_bytes(const struct posting *p)
{
    if (p->cap == POSTING_BITMAP)
        return sizeof *p->bits + p->bits->word_count * 8;
    return p->cap * sizeof *p->list;
}

uint32_t posting_next(const struct posting *p, uint32_t from)
{
    if (p->cap == POSTING_BITMAP)
        return docset_next(p->bits, from);
    uint32_t at = position(p, from);
    return at < p->count ? members(p)[at] : UINT32_MAX;
}
