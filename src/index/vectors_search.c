/* Which way to an answer: the planner.
 *
 *     exact, or few rows              scan of all rows
 *     few of the documents within     scan of their rows
 *     many of them                    scan of the tail, then a walk of the graph under the filter
 *     most of them                    the same, after a try without the filter: a wider walk, of
 *                                     which what passes is taken. It is several times as quick, and
 *                                     fails where what passes is not what is near the query
 *     all                             scan of the tail, then a walk
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
    size_t try_ask; /* of a walk without the filter first; 0: none */
    bool gave_up;
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

/* Called inside the graph: what is asked for is not given out again meanwhile. Slots that ended
 * pass, and walk() leaves them out: to ask each when it ended costs more than the rest. */
static void slots_pass(void *ctx, const uint32_t *slots, unsigned count, bool *pass)
{
    const struct search *s = ctx;
    for (unsigned i = 0; i < count; i++)
        pass[i] = docset_has(s->within, chunk_of(s->v, slots[i])->number[index_of(slots[i])]);
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

/* The walk's `ask` best slots, those within, into the group. *least: what it did not give is no
 * better, as far as it knows. False: it gave up. */
static bool walk(struct search *s, size_t ask, const struct graph_filter *filter, float *least)
{
    struct graph_hit *hits = xmalloc(ask * sizeof *hits);
    bool gave_up = false;
    struct graph_reader *r = graph_enter(s->v->graph);
    size_t n = graph_search(r, s->query, ask, width_for(s->width, ask), filter, hits, &gave_up);
    for (size_t i = 0; i < n; i++) {
        const struct chunk *c = chunk_of(s->v, hits[i].slot);
        uint32_t at = index_of(hits[i].slot);
        if (slot_visible(c, at, s->seq) && (!s->within || docset_has(s->within, c->number[at])))
            group_add(&s->group, slot_hit(s->v, hits[i].slot, hits[i].cosine), hits[i].slot);
    }
    graph_leave(r);
    *least = n == ask ? hits[n - 1].cosine : -INFINITY;
    free(hits);
    return !gave_up;
}

/* One walk for `ask` slots. True: the k best of what it and the tail gave are in s->out. */
static bool walk_answers(struct search *s, size_t ask, const struct graph_filter *filter)
{
    float least = 0;
    s->gave_up = !walk(s, ask, filter, &least);
    if (s->gave_up)
        return false;
    passages_score(s);
    return group_best(&s->group, s->k, s->out) == s->k && s->out[s->k - 1].cosine >= least;
}

static size_t walk_rounds(struct search *s)
{
    size_t linked = graph_count(s->v->graph);
    struct graph_filter filter = {.pass = slots_pass, .ctx = s, .seeds = s->seeds};
    vectors_scan(s->v, s->seq, s->query, s->k, s->within, SCAN_TAIL, &s->group);
    bool done = s->try_ask && walk_answers(s, s->try_ask, NULL);
    if (s->within && !done) {
        seeds_choose(s);
        filter.seed_count = s->seed_count;
        filter.visits_max = 2 * s->within->count;
    }
    for (size_t ask = s->k; !done && !s->gave_up && ask < linked / 8 + 1; ask *= ASK_MORE)
        done = walk_answers(s, ask, s->within ? &filter : NULL);
    s->gave_up = !done;
    return done ? s->k : scan_exact(s);
}

/* --- the planner --- */

/* What a try without the filter asks for: k of it, and some more, are likely to pass. */
static size_t ask_unfiltered(const struct search *s, double share)
{
    return (size_t)((double)s->k / share * 1.3) + 8;
}

/* Costs in rows of a scan, which costs the matches. A walk under a filter costs the more the fewer
 * pass, about width / share. */
static double filtered_cost(const struct search *s, unsigned width)
{
    double share = (double)s->within->count / (double)vectors_documents(s->v);
    return s->v->scan_to_walk * (double)width_for(width, s->k) / share;
}

/* The try is worth it if it and the filtered walk together cost less than the scan: its failing
 * then costs little. */
static size_t try_choose(const struct search *s)
{
    double documents = (double)vectors_documents(s->v), matches = (double)s->within->count;
    size_t ask = ask_unfiltered(s, matches / documents);
    double cost = s->v->scan_to_walk / 3 * (double)width_for(s->width, ask);
    return cost + filtered_cost(s, s->width) < matches && (double)ask < documents / 8 ? ask : 0;
}

static bool scan_is_better(const struct search *s, unsigned width)
{
    size_t linked = graph_count(s->v->graph), tail = vectors_tail(s->v);
    double steps = s->v->scan_to_walk * (double)width_for(width, s->k);
    return linked < s->v->scan_rows || (double)linked < steps || tail > linked ||
           (s->within && (double)s->within->count < filtered_cost(s, width));
}

static enum way way_choose(struct search *s)
{
    if (!scan_is_better(s, s->width)) {
        s->try_ask = s->within ? try_choose(s) : 0;
        return WAY_WALK;
    }
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
    struct epoch_reader *r = epoch_enter(&v->epochs, &s.seq);
    enum way way = exact ? WAY_SCAN : way_choose(&s);
    size_t n = way == WAY_WALK ? walk_rounds(&s) : scan_exact(&s);
    epoch_leave(r);
    group_release(&s.group);
    if (exact)
        return n;
    enum vectors_way gone = way != WAY_WALK ? VECTORS_SCANNED
                            : s.gave_up     ? VECTORS_GAVE_UP
                                            : VECTORS_WALKED;
    atomic_fetch_add_explicit(&v->ways[gone], 1, memory_order_relaxed);
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

void vectors_ways(const struct vectors *v, uint64_t out[VECTORS_WAYS])
{
    for (int i = 0; i < VECTORS_WAYS; i++)
        out[i] = atomic_load_explicit(&v->ways[i], memory_order_relaxed);
}

void vectors_score(struct vectors *v, const float *query, const uint32_t *numbers, size_t count,
                   struct vector_hit *out)
{
    uint64_t seq = 0;
    struct epoch_reader *r = epoch_enter(&v->epochs, &seq);
    for (size_t i = 0; i < count; i++) {
        uint32_t ahead = i + 4 < count ? vectors_head(v, numbers[i + 4]) : SLOT_NONE;
        if (ahead != SLOT_NONE)
            prefetch_row(v, ahead);
        struct found f = {.hit = {.number = numbers[i], .cosine = NAN}};
        document_best(v, numbers[i], query, &f);
        out[i] = f.hit;
    }
    epoch_leave(r);
}
