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

#include <assert.h>
#include <stdlib.h>

#define PROBE_COST 8u   /* of a posting's, that is scored with its neighbours */
#define DENSE_COST 256u /* the same: what a window costs that is to be cleared */
#define SOME 1e-36f     /* less than any score */
#define SLACK (1 + ROUNDING)

struct window {
    uint32_t start, end;
    float least; /* what a document must reach */
    struct plan_group **order;
    size_t order_count;
    unsigned count; /* documents in question */
    uint16_t places[CHUNK];
    float found[CHUNK];
    float sums[CHUNK], scores[CHUNK]; /* 0 between uses */
};

struct window *window_new(struct arena *a)
{
    return arena_zalloc(a, sizeof(struct window));
}

/* --- one group in one window --- */

static void group_begin(const struct plan *p, struct window *w, struct plan_group *g)
{
    g->bound = 0;
    g->postings = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct member *m = &g->members[i];
        float most = 1;
        if (m->next < w->start)
            member_skip(m, w->start);
        g->postings +=
            BLOCK_MAX *
            member_blocks(m, w->end, g->ranked && w->least > 0 ? &p->saturation : NULL, &most);
        if (m->next < w->end && most * m->factor > g->bound)
            g->bound = most * m->factor;
    }
    g->bound *= SLACK;
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

static float group_probe(const struct plan *p, const struct window *w, struct plan_group *g,
                         uint32_t slot)
{
    float most = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct member *m = &g->members[i];
        uint32_t tf = member_tf(m, slot);
        if (!tf)
            continue;
        struct scoring s = scoring_of(p, w, m);
        float score =
            m->factor * (float)tf / ((float)tf + s.k0 + s.k1 * (float)s.lengths[slot - w->start]);
        most = score > most ? score : most;
    }
    return most;
}

/* --- the documents in question --- */

/* One list's, as they stand there. */
static void list_collect(const struct plan *p, struct window *w, struct member *m)
{
    struct scoring scoring = scoring_of(p, w, m);
    struct span s;
    while (member_next(m, w->end, &s)) {
        kernel_list(&scoring, s.block, s.from, s.to, w->places + w->count, w->found + w->count);
        w->count += s.to - s.from;
    }
}

static void groups_collect(const struct plan *p, struct window *w, struct plan_group **groups,
                           size_t count, float least)
{
    w->count = 0;
    if (count == 1 && groups[0]->count == 1) {
        list_collect(p, w, &groups[0]->members[0]);
        return;
    }
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

/* Those in question that have the group, or need not, or must not; `rest`: what the groups to come
 * may add. */
static void group_apply(const struct plan *p, struct window *w, struct plan_group *g,
                        bool forbidden, float rest)
{
    bool dense = w->count * PROBE_COST * g->count > g->postings + DENSE_COST;
    unsigned kept = 0;
    if (dense)
        group_score(p, w, g);
    for (unsigned i = 0; i < w->count; i++) {
        unsigned place = w->places[i];
        float score = dense ? w->scores[place] : group_probe(p, w, g, w->start + place);
        if (score > 0 ? forbidden : g->required)
            continue;
        float sum = w->found[i] + (g->ranked ? score : 0);
        w->places[kept] = (uint16_t)place;
        w->found[kept] = sum;
        kept += sum + rest >= w->least;
    }
    w->count = kept;
    if (dense)
        memset(w->scores, 0, sizeof w->scores);
}

static void found_give(const struct plan *p, struct window *w, const struct sink *to)
{
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

/* false: there is nothing in this window. */
static bool order_groups(struct plan *p, struct window *w)
{
    float sum = 0;
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
        sum += g->bound;
        size_t at = w->order_count++;
        for (; at > 0 && group_before(g, w->order[at - 1]); at--)
            w->order[at] = w->order[at - 1];
        w->order[at] = g;
    }
    return w->order_count && sum * SLACK >= w->least;
}

/* How many of the groups say which documents come into question, and what the others may add. */
static size_t essential(const struct plan *p, const struct window *w, float *rest)
{
    float sum = 0;
    size_t n = w->order_count;
    *rest = 0;
    if (p->required) {
        for (size_t i = 1; i < n; i++)
            *rest += w->order[i]->bound;
        return 1;
    }
    for (; n > 1; n--, *rest = sum) {
        sum += w->order[n - 1]->bound;
        if (sum * SLACK >= w->least)
            break;
    }
    return n;
}

static void window_run(struct plan *p, struct window *w, const struct sink *to)
{
    float rest;
    w->least = to->best ? to->best->least : 0;
    if (!order_groups(p, w))
        return;
    size_t n = essential(p, w, &rest);
    groups_collect(p, w, w->order, n, w->least - rest * SLACK);
    for (size_t i = 0; i < n && !w->order[i]->ranked; i++)
        memset(w->found, 0, w->count * sizeof *w->found);
    for (size_t i = n; i < w->order_count && w->count; i++) {
        rest -= w->order[i]->bound;
        group_apply(p, w, w->order[i], false, rest > 0 ? rest * SLACK + w->least * ROUNDING : 0);
    }
    for (size_t i = 0; i < p->forbidden_count && w->count; i++) {
        group_begin(p, w, &p->forbidden[i]);
        group_apply(p, w, &p->forbidden[i], true, 0);
    }
    found_give(p, w, to);
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
    if (!p->possible)
        return;
    for (uint32_t slot = 0; (slot = next_window(p, slot)) != NONE; slot = w->end) {
        w->start = slot;
        w->end = slot + CHUNK;
        window_run(p, w, to);
    }
}
