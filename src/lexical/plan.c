/* Queries become plans; what a plan says of one document. */
#include "lexical/plan.h"

#include <assert.h>
#include <math.h>

#define FACTOR_MIN 1e-24

static void group_open(struct plan *p, struct plan_group *g, const struct lexical_group *from)
{
    assert(from->term_count <= LEXICAL_MEMBERS_MAX);
    g->members = arena_array(p->arena, from->term_count, sizeof *g->members);
    g->factor = from->role == LEXICAL_MUST_NOT ? 0 : from->idf * from->weight;
    assert(g->factor >= 0 && g->factor < 1e30);
    for (size_t i = 0; i < from->term_count; i++) {
        struct member *m = &g->members[g->count];
        if (!list_open(&m->list, term_find(p->x, p->part, from->terms[i].term)))
            continue;
        m->boost = from->terms[i].boost;
        double factor = g->factor * m->boost;
        m->factor = (float)(factor > FACTOR_MIN ? factor : FACTOR_MIN);
        g->count++;
    }
}

static void groups_open(struct plan *p, const struct lexical_query *q)
{
    for (size_t i = 0; i < q->group_count; i++) {
        enum lexical_role role = q->groups[i].role;
        struct plan_group g = {.required = role == LEXICAL_MUST,
                               .ranked = role != LEXICAL_MUST_NOT};
        group_open(p, &g, &q->groups[i]);
        p->required = p->required || g.required;
        p->possible = p->possible && (g.count > 0 || !g.required);
        if (g.count == 0)
            continue;
        if (g.ranked)
            p->ranked[p->ranked_count++] = g;
        else
            p->forbidden[p->forbidden_count++] = g;
    }
}

static bool phrase_open(struct plan *p, struct plan_phrase *f, const struct lexical_phrase *from)
{
    *f =
        (struct plan_phrase){.offsets = from->offsets, .forbidden = from->role == LEXICAL_MUST_NOT};
    f->groups = arena_array(p->arena, from->count, sizeof *f->groups);
    f->count = from->count;
    bool possible = true;
    for (size_t i = 0; i < from->count; i++) {
        group_open(p, &f->groups[i], &from->groups[i]);
        possible = possible && f->groups[i].count > 0;
    }
    return possible;
}

static void phrases_open(struct plan *p, const struct lexical_query *q)
{
    for (size_t i = 0; i < q->phrase_count; i++) {
        struct plan_phrase f;
        bool possible = phrase_open(p, &f, &q->phrases[i]);
        if (f.forbidden && !possible)
            continue; /* nowhere */
        p->possible = p->possible && possible;
        p->phrases[p->phrase_count++] = f;
        p->required = p->required || !f.forbidden;
        for (size_t g = 0; g < f.count && !f.forbidden; g++) {
            f.groups[g].required = true;
            p->filters[p->filter_count++] = f.groups[g];
        }
    }
}

/* Lists without directory point into themselves: again, now that all stand where they stay. */
static void lists_settle(struct plan_group *groups, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < groups[i].count; j++)
            member_rewind(&groups[i].members[j]);
}

void plan_open(struct plan *p, struct lexical *x, const struct lexical_query *q, struct arena *a)
{
    assert(q->group_count <= LEXICAL_GROUPS_MAX);
    *p = (struct plan){.x = x, .arena = a, .part = q->part, .within = q->within, .possible = true};
    size_t filters = 0;
    for (size_t i = 0; i < q->phrase_count; i++)
        filters += q->phrases[i].count;
    p->ranked = arena_array(a, q->group_count, sizeof *p->ranked);
    p->forbidden = arena_array(a, q->group_count, sizeof *p->forbidden);
    p->filters = arena_array(a, filters, sizeof *p->filters);
    p->phrases = arena_array(a, q->phrase_count, sizeof *p->phrases);
    p->reader = epoch_enter(&x->epochs, &p->version);
    p->slots_end = atomic_load_explicit(&x->slots_end, memory_order_acquire);
    p->saturation = saturation_of(x, p->part);
    groups_open(p, q);
    phrases_open(p, q);
    lists_settle(p->ranked, p->ranked_count);
    lists_settle(p->filters, p->filter_count);
    lists_settle(p->forbidden, p->forbidden_count);
    for (size_t i = 0; i < p->phrase_count; i++)
        lists_settle(p->phrases[i].groups, p->phrases[i].count);
    p->possible = p->possible && (p->ranked_count || p->filter_count);
}

void plan_close(struct plan *p)
{
    epoch_leave(p->reader);
}

/* --- one document --- */

static bool group_has(const struct plan_group *g, uint32_t slot)
{
    unsigned at;
    for (size_t i = 0; i < g->count; i++)
        if (list_find(&g->members[i].list, slot, &at))
            return true;
    return false;
}

bool phrases_match(const struct plan *p, uint32_t slot)
{
    for (size_t i = 0; i < p->phrase_count; i++)
        if (phrase_matches(p, &p->phrases[i], slot) == p->phrases[i].forbidden)
            return false;
    return true;
}

bool plan_matches(const struct plan *p, uint32_t slot)
{
    bool some = p->required;
    if (!p->possible)
        return false;
    for (size_t i = 0; i < p->filter_count; i++)
        if (!group_has(&p->filters[i], slot))
            return false;
    for (size_t i = 0; i < p->ranked_count; i++) {
        if (some && !p->ranked[i].required)
            continue;
        bool has = group_has(&p->ranked[i], slot);
        if (!has && p->ranked[i].required)
            return false;
        some = some || has;
    }
    for (size_t i = 0; i < p->forbidden_count; i++)
        if (group_has(&p->forbidden[i], slot))
            return false;
    return some && phrases_match(p, slot);
}

double plan_score(const struct plan *p, uint32_t slot)
{
    double score = 0;
    double length = slots_of(p->x, slot)->lengths[slot % CHUNK];
    double k = p->saturation.k0 + p->saturation.k1 * length;
    for (size_t i = 0; i < p->ranked_count; i++) {
        const struct plan_group *g = &p->ranked[i];
        double most = 0;
        for (size_t j = 0; j < g->count; j++) {
            unsigned at;
            const struct block *b = list_find(&g->members[j].list, slot, &at);
            double tf = b ? block_tf(b, at) : 0;
            most = fmax(most, g->members[j].boost * tf / (tf + k));
        }
        score += g->factor * most;
    }
    return score;
}
