#include "math/topk.h"

void topk_init(struct topk *t, struct topk_item *items, size_t count_max)
{
    *t = (struct topk){.items = items, .count_max = count_max};
}

static void sift_up(struct topk_item *items, size_t at)
{
    struct topk_item x = items[at];
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!topk_before(items[parent], x))
            break;
        items[at] = items[parent];
        at = parent;
    }
    items[at] = x;
}

static void sift_down(struct topk_item *items, size_t count, struct topk_item x)
{
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && topk_before(items[child], items[child + 1]))
            child++;
        if (!topk_before(x, items[child]))
            break;
        items[at] = items[child];
        at = child;
    }
    items[at] = x;
}

bool topk_add(struct topk *t, float score, uint64_t id)
{
    if (!topk_wants(t, score, id))
        return false;
    struct topk_item x = {score, id};
    if (t->count < t->count_max) {
        t->items[t->count] = x;
        sift_up(t->items, t->count++);
    } else {
        sift_down(t->items, t->count, x);
    }
    return true;
}

void topk_sort(struct topk *t)
{
    for (size_t left = t->count; left > 1; left--) {
        struct topk_item worst = t->items[0];
        sift_down(t->items, left - 1, t->items[left - 1]);
        t->items[left - 1] = worst;
    }
}
