/* The best k of a stream of (score, id): a bounded heap in memory of the caller.
 * Order, total and deterministic: higher score first, then lower id first. A NaN score is never
 * taken. One thread at a time. */
#ifndef MATH_TOPK_H
#define MATH_TOPK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct topk_item {
    float score;
    uint64_t id;
};
/* Invariant: items[0] is the worst that is kept; count <= count_max. */
struct topk {
    struct topk_item *items;
    size_t count, count_max;
};

static inline bool topk_before(struct topk_item a, struct topk_item b)
{
    return a.score > b.score || (a.score == b.score && a.id < b.id);
}

/* `items`: room for count_max, borrowed until the last call. count_max 0 keeps nothing. */
void topk_init(struct topk *t, struct topk_item *items, size_t count_max);
/* Would topk_add keep it? The test for hot loops: most candidates end here. */
static inline bool topk_wants(const struct topk *t, float score, uint64_t id)
{
    if (t->count < t->count_max)
        return score == score;
    return t->count_max > 0 && topk_before((struct topk_item){score, id}, t->items[0]);
}
bool topk_add(struct topk *t, float score, uint64_t id); /* false: not among the best */
/* Sorts items[0..count) best first. The heap is over: only topk_init makes it one again. */
void topk_sort(struct topk *t);

#endif
