/* Who read what: a sparse matrix of readers x items, by rows and by columns. Immutable once made:
 * any thread. */
#ifndef TRAIN_INTERACTIONS_H
#define TRAIN_INTERACTIONS_H

#include "math/sparse.h"

struct interaction {
    uint32_t reader, item;
    float weight;
};

struct interactions {
    uint32_t readers, items;
    size_t count;
    struct sparse rows;    /* by reader: items */
    struct sparse columns; /* by item: readers */
};

/* Rows of the same reader and item are added up; what adds up to 0 is left out. Every reader and
 * item is below the given numbers. Cost: a counting sort. */
struct interactions *interactions_new(const struct interaction *all, size_t count, uint32_t readers,
                                      uint32_t items);
void interactions_free(struct interactions *x);

#endif
