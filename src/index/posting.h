/* The documents that hold one value: one number in place, a few as a sorted list, many as a bitmap.
 * A list becomes a bitmap where that is smaller, so a posting never takes more than about 4 bytes a
 * member. */
#ifndef INDEX_POSTING_H
#define INDEX_POSTING_H

#include "base/docset.h"

#define POSTING_BITMAP UINT32_MAX
struct posting {
    uint32_t count;
    uint32_t cap; /* 0: `one`; POSTING_BITMAP: `bits`; else room in `list` */
    union {
        uint32_t one;
        uint32_t *list;
        struct docset *bits;
    };
};

void posting_release(struct posting *p);
bool posting_add(struct posting *p, uint32_t number);    /* false: was there */
bool posting_remove(struct posting *p, uint32_t number); /* false: was not */
bool posting_has(const struct posting *p, uint32_t number);
void posting_into(const struct posting *p, struct docset *out);            /* out |= p */
size_t posting_shared(const struct posting *p, const struct docset *with); /* members of both */
size_t posting_bytes(const struct posting *p);
/* The first member >= from, or UINT32_MAX. */
uint32_t posting_next(const struct posting *p, uint32_t from);

#endif
