/* Which way to an answer: the planner.
 *
 *     exact, or few rows              scan of all rows
 *     few of the documents within     scan of their rows
 *     within, or all                  scan of the tail, then a walk of the graph
 *
 * A walk gives passages, and some that ended or began meanwhile; what is asked of it grows until
 * what it did not give is no better than the k-th document. When it cannot, a scan answers: always
 * as many documents as there are, up to k. A hit's score is its document's best passage, whichever
 * passage was met: it does not depend on the way. */
#include "index/vectors_impl.h"

#include "base/arena.h"
#include "math/dot.h"
#include "math/simd.h"
#include "math/topk.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 64u
#define ASK_MORE 4 /* each round asks the graph for so many times as many */

struct search {
    struct vectors *v;
    const float *query;
    size_t k;
    const struct docset *within;
    uint64_t seq;
    unsigned width; /* of a walk for 10 */
    struct group group;
    uint32_t seeds[SEEDS];
    unsigned seed_count;
    struct vector_hit *out;
};

static void prefetch_row(const struct vectors *v, uint32_t slot)
{
    lines_fetch(graph_row(v->graph, slot), 2 * (size_t)v->dims);
}

/* The best passage of a document as it is now. False: it has none. */
static bool document_best(struct vectors *v, uint32_t number, const float *query, struct found *out)
{
    uint32_t slot = vectors_head(v, number);
    bool any = slot != SLOT_NONE;
    if (any)
        out->hit.cosine = NAN;
    for (; slot != SLOT_NONE; slot = slot_next(v, slot)) {
        float cosine = dot_f16_f32(graph_row(v->graph, slot), query, v->dims);
        struct vector_hit hit = slot_hit(v, slot, cosine);
        if (isnan(out->hit.cosine) || hit_better(&hit, &out->hit))
            *out = (struct found){hit, slot};
    }
    return any;
}

/* A walk may have met only a lesser passage of a document. */
static void passages_score(struct search *s)
{
    for (size_t i = 0; i < s->group.count; i++) {
        struct found *f = &s->group.found[i];
        if (f->hit.passage > 0 || slot_next(s->v, f->slot) != SLOT_NONE)
            document_best(s->v, f->hit.number, s->query, f);
    }
}

size_t group_best(const struct group *g, size_t k, struct vector_hit *out)
{
    struct topk best;
    topk_init(&best, xmalloc(k * sizeof(struct topk_item)), k);
    for (size_t i = 0; i < g->count; i++) { /* id: by number, and where it stands */
        const struct vector_hit *hit = &g->found[i].hit;
        topk_add(&best, hit->cosine, (uint64_t)hit->number << 32 | i);
    }
    topk_sort(&best);
    for (size_t i = 0; i < best.count; i++)
        out[i] = g->found[(uint32_t)best.items[i].id].hit;
    free(best.items);
    return best.count;
}

static size_t scan(struct search *s, enum scan_what what)
{
    group_release(&s->group);
    group_init(&s->group);
    vectors_scan(s->v, s->seq, s->query, s->k, s->within, what, &s->group);
    return group_best(&s->group, s->k, s->out);
}

static size_t scan_exact(struct search *s)
{
    bool few = s->within && s->within->count < vectors_documents(s->v) / 4;
    return scan(s, few ? SCAN_MEMBERS : SCAN_ALL);
}

/* --- walking --- */

/* Called inside the graph: what is asked for is not given out again meanwhile. */
static void slots_pass(void *ctx, const uint32_t *slots, unsigned count, bool *pass)
{
    const struct search *s = ctx;
    for (unsigned i = 0; i < count; i++) {
        const struct chunk *c = chunk_of(s->v, slots[i]);
        uint32_t at = index_of(slots[i]);
        pass[i] = slot_visible(c, at, s->seq) && docset_has(s->within, c->number[at]);
    }
}

/* Some of the documents within, spread over all numbers: where a filtered walk starts. */
static void seeds_choose(struct search *s)
{
    uint64_t end = 64 * (uint64_t)s->within->word_count;
    for (unsigned i = 0; i < SEEDS; i++) {
        uint32_t number = docset_next(s->within, (uint32_t)(end * i / SEEDS));
        uint32_t slot = number == UINT32_MAX ? SLOT_NONE : vectors_head(s->v, number);
        if (slot != SLOT_NONE)
            s->seeds[s->seed_count++] = slot;
    }
}

/* How wide to walk for `ask` slots. On 200,000 x 384, 128 gives recall .983
 * at 10, .98 at 50 and 200, .987 at 1,000. */
static size_t width_for(unsigned width, size_t ask)
{
    return width * (ask + 22) / 32;
}

/* The walk's `ask` best slots into the group. *least: what it did not give is no better, as far as
 * it knows. False: it gave up. */
static bool walk(struct search *s, size_t ask, float *least)
{
    struct graph_filter filter = {.pass = slots_pass,
                                  .ctx = s,
                                  .visits_max = s->within ? 2 * s->within->count : 0,
                                  .seeds = s->seeds,
                                  .seed_count = s->seed_count};
    struct graph_hit *hits = xmalloc(ask * sizeof *hits);
    bool gave_up = false;
    struct graph_reader *r = graph_enter(s->v->graph);
    size_t n = graph_search(r, s->query, ask, width_for(s->width, ask), s->within ? &filter : NULL,
                            hits, &gave_up);
    for (size_t i = 0; i < n; i++)
        if (slot_visible(chunk_of(s->v, hits[i].slot), index_of(hits[i].slot), s->seq))
            group_add(&s->group, slot_hit(s->v, hits[i].slot, hits[i].cosine), hits[i].slot);
    graph_leave(r);
    *least = n == ask ? hits[n - 1].cosine : -INFINITY;
    free(hits);
    return !gave_up;
}

static size_t walk_rounds(struct search *s)
{
    size_t linked = graph_count(s->v->graph), n = 0;
    float least = 0;
    if (s->within)
        seeds_choose(s);
    vectors_scan(s->v, s->seq, s->query, s->k, s->within, SCAN_TAIL, &s->group);
    for (size_t ask = s->k; ask < linked / 8 + 1; ask *= ASK_MORE) {
        if (!walk(s, ask, &least))
            break;
        passages_score(s);
        n = group_best(&s->group, s->k, s->out);
        if (n == s->k && s->out[n - 1].cosine >= least)
            return n;
    }
    return scan_exact(s);
}

/* --- the planner --- */

/* A walk under a filter costs the more the fewer pass, about width * documents / matches; a scan of
 * the matches, their number. */
static bool few_match(const struct search *s, double steps)
{
    double matches = (double)s->within->count, documents = (double)vectors_documents(s->v);
    return matches * matches < steps * documents;
}

static bool scan_is_better(const struct search *s, unsigned width)
{
    size_t linked = graph_count(s->v->graph), tail = vectors_tail(s->v);
    double steps = s->v->scan_to_walk * (double)width_for(width, s->k);
    return linked < s->v->scan_rows || (double)linked < steps || tail > linked ||
           (s->within && few_match(s, steps));
}

static enum way way_choose(const struct search *s)
{
    if (!scan_is_better(s, s->width))
        return WAY_WALK;
    return scan_is_better(s, VECTORS_WIDTH) ? WAY_SCAN : WAY_SCAN_FOR_WIDTH;
}

static bool search_begin(struct search *s)
{
    size_t documents = vectors_documents(s->v);
    if (s->within && s->within->count < documents)
        documents = s->within->count;
    s->k = s->k < documents ? s->k : documents;
    s->width = atomic_load(&s->v->width[s->within != NULL]);
    if (s->k)
        group_init(&s->group);
    return s->k > 0;
}

size_t vectors_search(struct vectors *v, const float *query, size_t k, const struct docset *within,
                      bool exact, struct vector_hit *out)
{
    struct search s = {.v = v, .query = query, .k = k, .within = within, .out = out};
    if (!search_begin(&s))
        return 0;
    struct reader *r = vectors_enter(v, &s.seq);
    enum way way = exact ? WAY_SCAN : way_choose(&s);
    size_t n = way == WAY_WALK ? walk_rounds(&s) : scan_exact(&s);
    vectors_leave(r);
    group_release(&s.group);
    if (!exact)
        meter_offer(v->meter, query, s.k, within, way);
    return n;
}

enum way vectors_walk(struct vectors *v, uint64_t seq, const float *query, size_t k,
                      const struct docset *within, struct vector_hit *out, size_t *count)
{
    struct search s = {.v = v, .query = query, .k = k, .within = within, .seq = seq, .out = out};
    if (!search_begin(&s))
        return WAY_SCAN;
    enum way way = way_choose(&s);
    if (way == WAY_WALK)
        *count = walk_rounds(&s);
    group_release(&s.group);
    return way;
}

void vectors_score(struct vectors *v, const float *query, const uint32_t *numbers, size_t count,
                   struct vector_hit *out)
{
    uint64_t seq = 0;
    struct reader *r = vectors_enter(v, &seq);
    for (size_t i = 0; i < count; i++) {
        uint32_t ahead = i + 4 < count ? vectors_head(v, numbers[i + 4]) : SLOT_NONE;
        if (ahead != SLOT_NONE)
            prefetch_row(v, ahead);
        struct found f = {.hit = {.number = numbers[i], .cosine = NAN}};
        document_best(v, numbers[i], query, &f);
        out[i] = f.hit;
    }
    vectors_leave(r);
}
