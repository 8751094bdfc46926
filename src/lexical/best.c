/* The best of a search: kept by rough scores, decided by exact ones. */
#include "lexical/plan.h"

#include <stdlib.h>

#define CAP_MIN 256u
#define TINY 1e-20f /* scores that small are all alike */

void best_init(struct best *b, size_t k, size_t documents, struct arena *a)
{
    *b = (struct best){.k = k < documents ? k : documents, .arena = a};
    b->heap = arena_alloc(a, (b->k + 1) * sizeof *b->heap);
    b->cap = 2 * b->k + CAP_MIN;
    b->found = arena_alloc(a, b->cap * sizeof *b->found);
}

static void heap_sink(float *heap, size_t count, size_t i, float score)
{
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        child += child + 1 < count && heap[child + 1] < heap[child];
        if (score <= heap[child])
            break;
        heap[i] = heap[child];
    }
    heap[i] = score;
}

static void heap_add(struct best *b, float score)
{
    if (b->heap_count < b->k) {
        size_t i = b->heap_count++;
        for (; i > 0 && b->heap[(i - 1) / 2] > score; i = (i - 1) / 2)
            b->heap[i] = b->heap[(i - 1) / 2];
        b->heap[i] = score;
    } else if (score > b->heap[0])
        heap_sink(b->heap, b->k, 0, score);
    if (b->heap_count == b->k)
        b->least = b->heap[0] * (1 - 2 * ROUNDING) - TINY;
}

/* Those that cannot be among the best any more go; if few did, there is more room. */
static void found_shrink(struct best *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->found[i].score >= b->least)
            b->found[kept++] = b->found[i];
    b->count = kept;
    if (kept <= b->cap / 2)
        return;
    struct found *bigger = arena_alloc(b->arena, 2 * b->cap * sizeof *bigger);
    memcpy(bigger, b->found, kept * sizeof *bigger);
    b->found = bigger;
    b->cap *= 2;
}

void best_add(struct best *b, float score, uint32_t slot)
{
    if (!b->k || score < b->least)
        return;
    if (b->count == b->cap)
        found_shrink(b);
    b->found[b->count++] = (struct found){score, slot};
    heap_add(b, score);
}

static int hit_cmp(const void *a, const void *b)
{
    const struct lexical_hit *p = a, *q = b;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    return p->number < q->number ? -1 : p->number > q->number;
}

/* qsort takes longer for the few that there mostly are. */
static void hits_sort(struct lexical_hit *hits, size_t count)
{
    if (count > 64) {
        qsort(hits, count, sizeof *hits, hit_cmp);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct lexical_hit h = hits[i];
        size_t at = i;
        for (; at > 0 && hit_cmp(&h, &hits[at - 1]) < 0; at--)
            hits[at] = hits[at - 1];
        hits[at] = h;
    }
}

size_t best_end(struct best *b, const struct plan *p, struct lexical_hit **out)
{
    found_shrink(b);
    struct lexical_hit *hits = arena_alloc(b->arena, (b->count + 1) * sizeof *hits);
    for (size_t i = 0; i < b->count; i++) {
        uint32_t slot = b->found[i].slot;
        const struct slot_chunk *c = slots_of(p->x, slot);
        hits[i] = (struct lexical_hit){c->numbers[slot % CHUNK], c->revisions[slot % CHUNK],
                                       plan_score(p, slot)};
    }
    hits_sort(hits, b->count);
    *out = hits;
    return b->count < b->k ? b->count : b->k;
}
