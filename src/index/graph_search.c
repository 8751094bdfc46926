/* From a pool to an answer: int8, then float16. */
#include "index/graph_impl.h"

#include "base/arena.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/topk.h"
#include <stdlib.h>
#include <string.h>

#define RERANK_MIN 12
#define RERANK_MORE 2

static struct walk *reader_walk(struct graph_reader *r, unsigned at)
{
    if (!r->walks[at]) {
        r->walks[at] = xmalloc(sizeof *r->walks[at]);
        walk_init(r->walks[at], r->g);
    }
    return r->walks[at];
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
    struct walk *w = reader_walk(r, 0);
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

/* Some walks take turns: while one waits for links or lines, the next one scores. */
struct lane {
    struct walk *walk;
    size_t query; /* which it is at */
};

static bool lane_next(struct lane *l, const float *queries, size_t count, size_t *at,
                      unsigned width)
{
    if (*at == count)
        return false;
    l->query = (*at)++;
    walk_query(l->walk, queries + l->query * l->walk->g->dims);
    walk_start(l->walk, width);
    return true;
}

void graph_search_many(struct graph_reader *r, const float *queries, size_t count, size_t k,
                       size_t width, struct graph_hit *out, size_t *found)
{
    struct lane lanes[TOGETHER];
    unsigned n = 0;
    size_t at = 0;
    memset(found, 0, count * sizeof *found);
    if (!k || !graph_count(r->g))
        return;
    while (n < TOGETHER && at < count) {
        lanes[n].walk = reader_walk(r, n);
        (void)lane_next(&lanes[n++], queries, count, &at, walk_width(k, width));
    }
    for (unsigned i = 0; n; i = i + 1 < n ? i + 1 : 0) {
        struct lane *l = &lanes[i];
        if (walk_step(l->walk))
            continue;
        const float *query = queries + l->query * r->g->dims;
        found[l->query] = walk_answer(l->walk, query, k, NULL, out + l->query * k);
        if (!lane_next(l, queries, count, &at, walk_width(k, width)))
            *l = lanes[--n];
    }
}

size_t graph_scored(const struct graph_reader *r)
{
    return r->walks[0] ? r->walks[0]->scored : 0;
}
