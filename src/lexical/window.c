/* Searching window by window: CHUNK slots at a time, whose scores fit the nearest cache.
 *
 * Of what must be there the group with the fewest postings says which documents come into question;
 * of a query without such groups, those groups do that a document needs one of to be among the
 * best: all but the lowest ones whose bounds together do not reach what is asked for (MaxScore:
 * Turtle and Flood, Query evaluation: strategies and optimizations, 1995; by windows and with
 * bounds of blocks: Ding and Suel, Faster top-k document retrieval using block-max indexes, 2011).
 * The other groups follow, the best bound first, and documents drop out as soon as what is left
 * cannot raise them enough. A group is looked up document by document, or its postings of the
 * window are all scored, whichever is less. */
#include "lexical/kernel.h"
#include "lexical/plan.h"

#include <float.h>

#define PROBE_COST 8u   /* of a posting's, that is scored with its neighbours */
#define DENSE_COST 256u /* the same: what a window costs that is to be cleared */
#define SOME 1e-36f     /* less than any score */
#define SLACK (1 + ROUNDING)

struct window {
    uint32_t start, end;
    float least; /* what a document must reach */
    struct plan_group **order;
    float *rests; /* by order: what the groups from there on may add */
    size_t order_count;
    unsigned count;              /* documents in question */
    uint32_t places[CHUNK + 16]; /* slots, from start */
    float found[CHUNK + 16];
    bool clear;
    float sums[CHUNK], scores[CHUNK]; /* 0 between uses, once `clear` */
};

struct window *window_new(struct arena *a)
{
    struct window *w = arena_alloc(a, sizeof *w);
    w->clear = false;
    return w;
}

/* --- one group in one window --- */

static void group_begin(const struct plan *p, struct window *w, struct plan_group *g)
{
    g->bound = 0;
    g->postings = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct member *m = &g->members[i];
        float most = 0;
        if (m->next < w->start)
            member_skip(m, w->start);
        g->postings += BLOCK_MAX * member_blocks(m, w->end, &p->saturation, &most);
        if (most * m->factor > g->bound)
            g->bound = most * m->factor;
    }
    g->bound *= SLACK;
}

static void window_clear(struct window *w)
{
    if (w->clear)
        return;
    memset(w->sums, 0, sizeof w->sums);
    memset(w->scores, 0, sizeof w->scores);
    w->clear = true;
}

static struct scoring scoring_of(const struct plan *p, const struct window *w,
                                 const struct member *m)
{
    return (struct scoring){slots_of(p->x, w->start)->lengths, w->start, (float)p->saturation.k0,
                            (float)p->saturation.k1, m->factor};
}

static void member_score(const struct plan *p, struct window *w, struct member *m, float *into,
                         bool most)
{
    struct scoring scoring = scoring_of(p, w, m);
    struct span s;
    while (member_next(m, w->end, &s))
        (most ? kernel_most : kernel_add)(&scoring, s.block, s.from, s.to, into);
}

/* Into w->scores, of several members the best. */
static void group_score(const struct plan *p, struct window *w, struct plan_group *g)
{
    for (size_t i = 0; i < g->count; i++)
        member_score(p, w, &g->members[i], w->scores, true);
}

static inline float score_of(const struct plan *p, const struct member *m, uint32_t tf,
                             uint32_t slot)
{
    float length = (float)slots_of(p->x, slot)->lengths[slot % CHUNK];
    float k = (float)p->saturation.k0 + (float)p->saturation.k1 * length;
    return m->factor * (float)tf / ((float)tf + k);
}

/* Of some of the documents in question. */
static void group_probe(const struct plan *p, struct plan_group *g, uint32_t start,
                        const uint32_t *places, unsigned count, float scores[PROBES])
{
    uint32_t tfs[PROBES];
    memset(scores, 0, PROBES * sizeof *scores);
    for (size_t i = 0; i < g->count; i++) {
        struct member *m = &g->members[i];
        member_tfs(m, start, places, count, tfs);
        for (unsigned j = 0; j < count; j++) {
            float score = tfs[j] ? score_of(p, m, tfs[j], start + places[j]) : 0;
            scores[j] = score > scores[j] ? score : scores[j];
        }
    }
}

/* --- the documents in question --- */

/* One list's, as they stand there. */
static void list_collect(const struct plan *p, struct window *w, struct member *m, float least)
{
    struct scoring scoring = scoring_of(p, w, m);
    struct span s;
    while (member_next(m, w->end, &s)) {
        w->count += kernel_list(&scoring, s.block, s.from, s.to, least, w->places + w->count,
                                w->found + w->count);
    }
}

static void groups_collect(const struct plan *p, struct window *w, struct plan_group **groups,
                           size_t count, float least)
{
    w->count = 0;
    if (count == 1 && groups[0]->count == 1) {
        list_collect(p, w, &groups[0]->members[0], groups[0]->ranked ? least : 0);
        return;
    }
    window_clear(w);
    for (size_t i = 0; i < count; i++) {
        if (groups[i]->count == 1) {
            member_score(p, w, &groups[i]->members[0], w->sums, false);
            continue;
        }
        group_score(p, w, groups[i]);
        kernel_join(w->sums, w->scores);
    }
    w->count = kernel_collect(w->sums, least > SOME ? least : SOME, w->places, w->found);
}

static void probe_apply(const struct plan *p, struct window *w, struct plan_group *g,
                        enum kernel_keep keep, float least)
{
    float scores[PROBES];
    unsigned kept = 0;
    for (unsigned i = 0; i < w->count; i++) {
        if (i % PROBES == 0)
            group_probe(p, g, w->start, w->places + i,
                        w->count - i < PROBES ? w->count - i : PROBES, scores);
        float score = scores[i % PROBES], sum = w->found[i] + (g->ranked ? score : 0);
        bool stays = keep == KEEP_ALL || (score > 0) == (keep == KEEP_WITH);
        w->places[kept] = w->places[i];
        w->found[kept] = sum;
        kept += stays && sum >= least;
    }
    w->count = kept;
}

/* Those in question that have the group, or need not, or must not; `rest`: what the groups to come
 * may add. */
static void group_apply(const struct plan *p, struct window *w, struct plan_group *g,
                        bool forbidden, float rest)
{
    bool dense = w->count * PROBE_COST * g->count > g->postings + DENSE_COST;
    enum kernel_keep keep = forbidden ? KEEP_WITHOUT : g->required ? KEEP_WITH : KEEP_ALL;
    if (!dense) {
        probe_apply(p, w, g, keep, w->least - rest);
        return;
    }
    window_clear(w);
    group_score(p, w, g);
    w->count =
        kernel_apply(w->scores, keep, g->ranked, w->least - rest, w->count, w->places, w->found);
    memset(w->scores, 0, sizeof w->scores);
}

static void found_give(const struct plan *p, struct window *w, const struct sink *to)
{
    for (unsigned i = 0; i < w->count; i++)
        if (!to->best || w->found[i] >= to->best->least)
            slot_fetch(p->x, w->start + w->places[i]);
    for (unsigned i = 0; i < w->count; i++) {
        uint32_t slot = w->start + w->places[i];
        if (to->best && w->found[i] < to->best->least)
            continue;
        if (slot >= p->slots_end || !plan_may(p, slot) || !phrases_match(p, slot))
            continue;
        if (to->best)
            best_add(to->best, w->found[i], slot);
        else
            docset_add(to->all, slots_of(p->x, slot)->numbers[slot % CHUNK]);
    }
}

/* --- a window --- */

/* Required ones first, those with few postings before others; then the best bound. */
static bool group_before(const struct plan_group *a, const struct plan_group *b)
{
    if (a->required != b->required)
        return a->required;
    return a->required ? a->postings < b->postings : a->bound > b->bound;
}

static void order_add(struct window *w, struct plan_group *g)
{
    size_t at = w->order_count++;
    for (; at > 0 && group_before(g, w->order[at - 1]); at--)
        w->order[at] = w->order[at - 1];
    w->order[at] = g;
}

static void order_rests(struct window *w)
{
    w->rests[w->order_count] = 0;
    for (size_t i = w->order_count; i > 0; i--)
        w->rests[i - 1] = (w->rests[i] + w->order[i - 1]->bound) * (1 + 2 * FLT_EPSILON);
}

/* false: there is nothing in this window. */
static bool order_groups(struct plan *p, struct window *w)
{
    w->order_count = 0;
    for (size_t i = 0; i < p->ranked_count + p->filter_count; i++) {
        struct plan_group *g =
            i < p->ranked_count ? &p->ranked[i] : &p->filters[i - p->ranked_count];
        group_begin(p, w, g);
        if (!g->postings && g->required)
            return false;
        if (!g->postings)
            continue;
        if (!g->ranked)
            g->bound = 0;
        order_add(w, g);
    }
    order_rests(w);
    return w->order_count && w->rests[0] >= w->least;
}

/* How many of the groups say which documents come into question. */
static size_t essential(const struct plan *p, const struct window *w)
{
    size_t n = w->order_count;
    while (n > 1 && w->rests[n - 1] < w->least)
        n--;
    return p->required ? 1 : n;
}

static void window_run(struct plan *p, struct window *w, const struct sink *to)
{
    w->least = to->best ? to->best->least : 0;
    if (!order_groups(p, w))
        return;
    size_t n = essential(p, w);
    groups_collect(p, w, w->order, n, w->least - w->rests[n]);
    if (!w->order[0]->ranked) /* then it was the only one */
        memset(w->found, 0, w->count * sizeof *w->found);
    for (size_t i = n; i < w->order_count && w->count; i++)
        group_apply(p, w, w->order[i], false, w->rests[i + 1]);
    for (size_t i = 0; i < p->forbidden_count && w->count; i++) {
        group_begin(p, w, &p->forbidden[i]);
        group_apply(p, w, &p->forbidden[i], true, 0);
    }
    found_give(p, w, to);
}

/* --- few documents in question, over many windows --- */

#define SPARSE 20u /* postings a window, on the average */

static size_t group_size(const struct plan_group *g)
{
    size_t postings = 0;
    for (size_t i = 0; i < g->count; i++) {
        const struct list *l = &g->members[i].list;
        postings += l->count == 1 ? g->members[i].n : (size_t)l->count * BLOCK_MAX;
    }
    return postings;
}

/* All groups in order, by their sizes; false: the first of them has many postings. */
static bool order_sparse(struct plan *p, struct window *w)
{
    w->order_count = 0;
    for (size_t i = 0; i < p->ranked_count + p->filter_count; i++) {
        struct plan_group *g =
            i < p->ranked_count ? &p->ranked[i] : &p->filters[i - p->ranked_count];
        g->postings = group_size(g);
        g->bound = 0;
        for (size_t j = 0; j < g->count && g->ranked; j++)
            g->bound = g->members[j].factor > g->bound ? g->members[j].factor : g->bound;
        order_add(w, g);
    }
    order_rests(w);
    return w->order[0]->required &&
           w->order[0]->postings <= (size_t)SPARSE * (p->slots_end / CHUNK + 1);
}

static void sparse_collect(const struct plan *p, struct window *w, struct plan_group *lead)
{
    uint32_t slot;
    w->count = 0;
    while (w->count < BLOCK_MAX && (slot = group_next(lead)) < p->slots_end) {
        float most = 0;
        for (size_t i = 0; i < lead->count; i++) {
            struct member *m = &lead->members[i];
            uint32_t tf = m->next == slot ? block_tf(m->block, m->i) : 0;
            float score = tf ? score_of(p, m, tf, slot) : 0;
            most = score > most ? score : most;
        }
        w->found[w->count] = most;
        w->places[w->count++] = slot;
        group_skip(lead, slot + 1);
    }
}

/* A block's worth at a time, each group looked up. */
static void sparse_run(struct plan *p, struct window *w, const struct sink *to)
{
    w->start = 0;
    w->end = NONE;
    for (;;) {
        sparse_collect(p, w, w->order[0]);
        if (!w->count)
            return;
        w->least = to->best ? to->best->least : 0;
        if (!w->order[0]->ranked)
            memset(w->found, 0, w->count * sizeof *w->found);
        for (size_t i = 1; i < w->order_count && w->count; i++)
            probe_apply(p, w, w->order[i], w->order[i]->required ? KEEP_WITH : KEEP_ALL,
                        w->least - w->rests[i + 1]);
        for (size_t i = 0; i < p->forbidden_count && w->count; i++)
            probe_apply(p, w, &p->forbidden[i], KEEP_WITHOUT, w->least);
        found_give(p, w, to);
    }
}

/* --- few documents that may be found at all --- */

#define LOOKED_UP 64u /* postings read cost as much as a document looked up */

static bool few_within(const struct plan *p)
{
    size_t postings = 0;
    for (size_t i = 0; p->within && i < p->ranked_count + p->filter_count; i++)
        postings +=
            group_size(i < p->ranked_count ? &p->ranked[i] : &p->filters[i - p->ranked_count]);
    return p->within && p->within->count * LOOKED_UP < postings;
}

static void within_run(const struct plan *p, const struct sink *to)
{
    const struct docset *d = p->within;
    for (uint32_t number = 0; (number = docset_next(d, number)) != NONE; number++) {
        uint32_t slot = slot_at(p->x, number, p->version);
        if (slot == NONE || !plan_matches(p, slot))
            continue;
        if (to->best)
            best_add(to->best, (float)plan_score(p, slot), slot);
        else
            docset_add(to->all, number);
    }
}

static uint32_t next_window(struct plan *p, uint32_t from)
{
    uint32_t least = NONE, most = 0;
    for (size_t i = 0; i < p->ranked_count + p->filter_count; i++) {
        struct plan_group *g =
            i < p->ranked_count ? &p->ranked[i] : &p->filters[i - p->ranked_count];
        if (p->required && !g->required)
            continue;
        group_skip(g, from);
        uint32_t slot = group_next(g);
        least = slot < least ? slot : least;
        most = slot > most ? slot : most;
    }
    uint32_t slot = p->required ? most : least;
    return slot < p->slots_end ? slot / CHUNK * CHUNK : NONE;
}

void windows_run(struct plan *p, struct window *w, const struct sink *to)
{
    w->order = arena_array(p->arena, p->ranked_count + p->filter_count, sizeof *w->order);
    w->rests = arena_array(p->arena, p->ranked_count + p->filter_count + 1, sizeof *w->rests);
    if (!p->possible)
        return;
    if (few_within(p)) {
        within_run(p, to);
        return;
    }
    if (order_sparse(p, w)) {
        sparse_run(p, w, to);
        return;
    }
    for (uint32_t slot = 0; (slot = next_window(p, slot)) != NONE; slot = w->end) {
        w->start = slot;
        w->end = slot + CHUNK;
        window_run(p, w, to);
    }
}
