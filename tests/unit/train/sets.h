/* Training sets for tests, made from a seed. */
#ifndef TESTS_TRAIN_SETS_H
#define TESTS_TRAIN_SETS_H

#include "base/arena.h"
#include "base/rng.h"
#include "math/half.h"
#include "recommend/training_set.h"
#include <math.h>
#include <stdlib.h>

/* Every reader reads `each` to twice as many different documents, each tenth of them unwanted if
 * `unwanted`. With groups > 1 reader and document of the same group (place modulo groups) find each
 * other nine times in ten, and so do their texts. Times rise with the reader: reader r begins at r
 * seconds, one act every 100. */
static inline struct training_set *set_make(uint32_t readers, uint32_t items, uint32_t each,
                                            uint32_t groups, bool unwanted, uint32_t dims,
                                            uint64_t seed)
{
    struct training_set *s = xcalloc(1, sizeof *s);
    struct rng rng;
    rng_init(&rng, seed);
    s->items = items, s->readers = readers, s->dims = dims;
    s->numbers = xcalloc((size_t)items + 1, sizeof *s->numbers);
    s->created_us = xcalloc((size_t)items + 1, sizeof *s->created_us);
    s->keys = xcalloc((size_t)readers + 1, sizeof *s->keys);
    s->start = xcalloc((size_t)readers + 1, sizeof *s->start);
    s->acts = xcalloc((size_t)readers * each * 2 + 1, sizeof *s->acts);
    s->vectors = xcalloc((size_t)items * dims + 1, sizeof *s->vectors);
    for (uint32_t i = 0; i < items; i++)
        s->numbers[i] = 10 + 3 * i;
    uint64_t key = 0;
    bool *has = xmalloc(items);
    for (uint32_t r = 0; r < readers; r++) {
        s->keys[r] = key += 1 + rng_below(&rng, 1u << 20);
        uint32_t count = each + (uint32_t)rng_below(&rng, each);
        struct training_act *a = s->acts + s->start[r];
        for (uint32_t i = 0; i < items; i++)
            has[i] = false;
        for (uint32_t k = 0; k < count; k++) {
            uint32_t item;
            do {
                item = (uint32_t)rng_below(&rng, items);
                if (groups > 1 && rng_unit(&rng) < .9)
                    item = item / groups * groups + r % groups;
            } while (item >= items || has[item]);
            has[item] = true;
            a[k] = (struct training_act){.item = item,
                                         .weight = unwanted && rng_below(&rng, 10) == 0 ? -1 : 1,
                                         .time_us = (r + 100 * (int64_t)k) * 1000000};
        }
        s->start[r + 1] = s->start[r] + count;
    }
    float *v = xcalloc((size_t)dims + 1, sizeof *v);
    for (uint32_t i = 0; i < items && dims; i++) {
        double length = 0;
        for (uint32_t d = 0; d < dims; d++) {
            v[d] = .3f * rng_normal(&rng) + (groups && d == i % groups % dims ? 1 : 0);
            length += (double)(v[d] * v[d]);
        }
        for (uint32_t d = 0; d < dims; d++)
            s->vectors[(size_t)i * dims + d] = half_of_float(v[d] / (float)sqrt(length));
    }
    free(v);
    free(has);
    return s;
}

static inline void set_free(struct training_set *s)
{
    free(s->numbers);
    free(s->created_us);
    free(s->keys);
    free(s->start);
    free(s->acts);
    free(s->vectors);
    free(s);
}

#endif
