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
    struct group group;
    uint32_t seeds[SEEDS];
    unsigned seed_count;
    struct vector_hit *out;
};

static void prefetch_row(const struct vectors *v, uint32_t slot)
{
    const char *p = (const char *)graph_row(v->graph, slot);
    for (size_t i = 0; i < 2 * (size_t)v->dims; i += 64)
        __builtin_prefetch(p + i);
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

static size_t hits_best(struct search *s)
{
    struct topk best;
    topk_init(&best, xmalloc(s->k * sizeof(struct topk_item)), s->k);
    for (size_t i = 0; i < s->group.count; i++) { /* id: by number, and where it stands */
        const struct vector_hit *hit = &s->group.found[i].hit;
        topk_add(&best, hit->cosine, (uint64_t)hit->number << 32 | i);
    }
    topk_sort(&best);
    for (size_t i = 0; i < best.count; i++)
        s->out[i] = s->group.found[(uint32_t)best.items[i].id].hit;
    free(best.items);
    return best.count;
}

static size_t scan(struct search *s, enum scan_what what)
{
    group_release(&s->group);
    group_init(&s->group);
    vectors_scan(s->v, s->seq, s->query, s->k, s->within, what, &s->group);
    return hits_best(s);
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

/* How wide to walk for `ask` slots: v->width is that of 10. On 200,000 x 384, 128 gives recall .983
 * at 10, .98 at 50 and 200, .987 at 1,000. */
static size_t width_for(const struct search *s, size_t ask)
{
    return vectors_width(s->v) * (ask + 22) / 32;
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
    size_t n = graph_search(r, s->query, ask, width_for(s, ask), s->within ? &filter : NULL, hits,
                            &gave_up);
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
        n = hits_best(s);
        if (n == s->k && s->out[n - 1].cosine >= least)
            return n;
    }
    return scan_exact(s);
}

/* --- the planner --- */

/* A walk under a filter costs the more the fewer pass, about width * documents / matches; a scan of
 * the matches, their number. */
static bool few_match(const struct search *s)
{
    double matches = (double)s->within->count, documents = (double)vectors_documents(s->v);
    return matches * matches < s->v->scan_to_walk * (double)width_for(s, s->k) * documents;
}

static bool scan_is_better(const struct search *s)
{
    size_t linked = graph_count(s->v->graph), tail = vectors_tail(s->v);
    double steps = s->v->scan_to_walk * (double)width_for(s, s->k);
    return linked < s->v->scan_rows || (double)linked < steps || tail > linked ||
           (s->within && few_match(s));
}

size_t vectors_search(struct vectors *v, const float *query, size_t k, const struct docset *within,
                      bool exact, struct vector_hit *out)
{
    size_t documents = vectors_documents(v);
    if (within && within->count < documents)
        documents = within->count;
    k = k < documents ? k : documents;
    if (!k)
        return 0;
    struct search s = {.v = v, .query = query, .k = k, .within = within, .out = out};
    group_init(&s.group);
    struct reader *r = vectors_enter(v, &s.seq);
    size_t n = exact || scan_is_better(&s) ? scan_exact(&s) : walk_rounds(&s);
    vectors_leave(r);
    group_release(&s.group);
    return n;
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
