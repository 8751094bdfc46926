#include "index_exact.h"

#include "base/arena.h"
#include "graph/internal.h"
#include "math/dot.h"
#include <stdlib.h>
#include <string.h>

struct place {
    float score;
    uint32_t slot;
    bool expanded;
};

struct exact_walk {
    struct graph *g;
    struct walk w; /* for the entries only */
    const float *query;
    uint8_t *seen;
    struct place *pool;
    size_t count, width;
};

struct exact_walk *exact_walk_new(struct graph *g)
{
    struct exact_walk *x = xcalloc(1, sizeof *x);
    x->g = g;
    walk_init(&x->w, g);
    x->seen = xmalloc(graph_slots_end(g) + 1);
    return x;
}

void exact_walk_free(struct exact_walk *x)
{
    walk_release(&x->w);
    free(x->seen);
    free(x->pool);
    free(x);
}

static void offer(struct exact_walk *x, uint32_t slot)
{
    if (slot >= x->w.limit || x->seen[slot])
        return;
    x->seen[slot] = 1;
    if (slot_dead(x->g, slot))
        return;
    struct place p = {dot_f16_f32(half_of(x->g, slot), x->query, x->g->dims), slot, false};
    if (x->count == x->width && x->pool[x->count - 1].score >= p.score)
        return;
    size_t at = x->count < x->width ? x->count++ : x->count - 1;
    for (; at > 0 && x->pool[at - 1].score < p.score; at--)
        x->pool[at] = x->pool[at - 1];
    x->pool[at] = p;
}

static void walk(struct exact_walk *x)
{
    uint32_t entries[ENTRIES];
    unsigned n = entries_pick(&x->w, entries);
    for (unsigned i = 0; i < n; i++)
        offer(x, entries[i]);
    for (size_t i = 0; i < x->count;) {
        if (x->pool[i].expanded) {
            i++;
            continue;
        }
        const struct links *l = links_of(x->g, x->pool[i].slot);
        x->pool[i].expanded = true;
        for (unsigned j = 0; j < DEGREE && link_at(l, j) != GRAPH_NONE; j++)
            offer(x, link_at(l, j));
        i = 0;
    }
}

size_t exact_walk_search(struct exact_walk *x, const float *query, size_t k, size_t width,
                         uint32_t *out)
{
    size_t n = 0;
    x->query = query;
    x->width = width > k ? width : k;
    x->count = 0;
    x->pool = xrealloc(x->pool, (x->width + 1) * sizeof *x->pool);
    memset(x->seen, 0, graph_slots_end(x->g));
    walk_query(&x->w, query);
    walk(x);
    for (size_t i = 0; i < x->count && n < k; i++) /* and its twins: rows of the same code */
        for (uint32_t slot = x->pool[i].slot; slot != GRAPH_NONE && n < k;
             slot = atomic_load(&line_of(x->g, slot)->twin))
            out[n++] = slot;
    return n;
}
