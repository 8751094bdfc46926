/* From a pool to an answer: int8, then float16. */
#include "graph/internal.h"

#include "base/arena.h"
#include "math/dot.h"
#include "math/topk.h"
#include <stdlib.h>
#include <string.h>

#define RERANK_MIN 12
#define RERANK_MORE 2

static struct walk *reader_walk(struct graph_reader *r)
{
    if (!r->walk) {
        r->walk = xmalloc(sizeof *r->walk);
        walk_init(r->walk, r->g);
    }
    return r->walk;
}

static void row_fetch(const struct graph *g, uint32_t slot)
{
    lines_fetch(half_of(g, slot), g->half_bytes);
}

static bool slot_passes(const struct graph_filter *filter, uint32_t slot)
{
    bool pass = true;
    if (filter)
        filter->pass(filter->ctx, &slot, 1, &pass);
    return pass;
}

/* The best by their codes, twins among them; the heap's ids are slots. */
static void best_codes(const struct graph *g, const struct walk *w,
                       const struct graph_filter *filter, struct topk *best)
{
    for (size_t i = 0; i < w->found_count; i++) {
        float score = -w->found[i].distance;
        uint32_t slot = w->found[i].slot, next;
        for (bool first = true; slot != GRAPH_NONE && topk_wants(best, score, slot);
             slot = next, first = false) {
            const struct line *line = line_in(g, w->coding, slot);
            next = atomic_load_explicit(&line->twin, memory_order_acquire);
            bool twins = !first || next != GRAPH_NONE; /* one of them passed */
            if (!twins || slot_passes(filter, slot))
                topk_add(best, score, slot);
        }
    }
}

static size_t best_rows(const struct graph *g, const float *query, const struct topk *from,
                        size_t k, struct graph_hit *out)
{
    struct topk best;
    struct topk_item few[64], *items = k <= 64 ? few : xmalloc(k * sizeof *items);
    topk_init(&best, items, k);
    for (size_t i = 0; i < from->count; i++)
        row_fetch(g, (uint32_t)from->items[i].id);
    for (size_t i = 0; i < from->count; i++) {
        uint32_t slot = (uint32_t)from->items[i].id;
        topk_add(&best, dot_f16_f32(half_of(g, slot), query, g->dims), slot);
    }
    topk_sort(&best);
    size_t n = 0;
    for (size_t i = 0; i < best.count; i++) { /* a slot may be met twice while twins change */
        uint32_t slot = (uint32_t)best.items[i].id;
        if (n && out[n - 1].slot == slot)
            continue;
        out[n++] = (struct graph_hit){slot, best.items[i].score};
    }
    if (items != few)
        free(items);
    return n;
}

/* What a walk found -> the answer. */
static size_t walk_answer(struct walk *w, const float *query, size_t k,
                          const struct graph_filter *filter, struct graph_hit *out)
{
    const struct graph *g = w->g;
    walk_rank(w, false);
    walk_clear(w);
    size_t want = k + RERANK_MORE > RERANK_MIN ? k + RERANK_MORE : RERANK_MIN;
    struct topk best;
    struct topk_item few[64], *items = want <= 64 ? few : xmalloc(want * sizeof *items);
    topk_init(&best, items, want);
    best_codes(g, w, filter, &best);
    size_t n = best_rows(g, query, &best, k, out);
    if (items != few)
        free(items);
    return n;
}

static unsigned walk_width(size_t k, size_t width)
{
    width = width > k ? width : k;
    return (unsigned)(width < GRAPH_WIDTH_MAX ? width : GRAPH_WIDTH_MAX);
}

size_t graph_search(struct graph_reader *r, const float *query, size_t k, size_t width,
                    const struct graph_filter *filter, struct graph_hit *out, bool *gave_up)
{
    struct walk *w = reader_walk(r);
    bool done = true;
    if (gave_up)
        *gave_up = false;
    if (!k || !graph_count(r->g))
        return 0;
    walk_query(w, query);
    if (filter)
        done = walk_run_filtered(w, walk_width(k, width), filter);
    else
        walk_run(w, walk_width(k, width));
    size_t n = walk_answer(w, query, k, filter, out);
    if (gave_up)
        *gave_up = !done || (filter && n < k);
    return n;
}

void graph_search_many(struct graph_reader *r, const float *queries, size_t count, size_t k,
                       size_t width, struct graph_hit *out, size_t *found)
{
    for (size_t i = 0; i < count; i++)
        found[i] = graph_search(r, queries + i * r->g->dims, k, width, NULL, out + i * k, NULL);
}

size_t graph_scored(const struct graph_reader *r)
{
    return r->walk ? r->walk->scored : 0;
}
