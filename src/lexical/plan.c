/* Queries become plans; what a plan says of one document. */
#include "lexical/plan.h"

#include <assert.h>
#include <math.h>

#define FACTOR_MIN 1e-30

static void group_open(struct plan *p, struct plan_group *g, const struct lexical_group *from)
{
    assert(from->term_count <= LEXICAL_MEMBERS_MAX);
    g->members = arena_array(p->arena, from->term_count, sizeof *g->members);
    g->factor = from->role == LEXICAL_MUST_NOT ? 0 : from->idf * from->weight;
    assert(g->factor >= 0 && g->factor < 1e30);
    for (size_t i = 0; i < from->term_count; i++) {
        struct member *m = &g->members[g->count];
        if (!list_open(&m->list, term_find(p->x, from->terms[i].term)))
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
        struct plan_group g = {0};
        group_open(p, &g, &q->groups[i]);
        if (q->groups[i].role == LEXICAL_MUST) {
            p->possible = p->possible && g.count > 0;
            p->required[p->required_count] = g;
            /* Each with cursors of its own. */
            p->required[p->required_count++].members =
                arena_array(p->arena, g.count, sizeof *g.members);
            for (size_t j = 0; j < g.count; j++)
                p->required[p->required_count - 1].members[j] = g.members[j];
        }
        if (g.count == 0)
            continue;
        if (q->groups[i].role == LEXICAL_MUST_NOT)
            p->forbidden[p->forbidden_count++] = g;
        else
            p->ranked[p->ranked_count++] = g;
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
        for (size_t g = 0; g < f.count && !f.forbidden; g++)
            p->required[p->required_count++] = f.groups[g];
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
    *p = (struct plan){.x = x, .arena = a, .within = q->within, .possible = true};
    size_t required = q->group_count;
    for (size_t i = 0; i < q->phrase_count; i++)
        required += q->phrases[i].count;
    p->ranked = arena_array(a, q->group_count, sizeof *p->ranked);
    p->forbidden = arena_array(a, q->group_count, sizeof *p->forbidden);
    p->required = arena_array(a, required, sizeof *p->required);
    p->phrases = arena_array(a, q->phrase_count, sizeof *p->phrases);
    p->reader = epoch_enter(&x->epochs, &p->version);
    p->slots_end = atomic_load_explicit(&x->slots_end, memory_order_acquire);
    p->saturation = saturation_of(x);
    groups_open(p, q);
    phrases_open(p, q);
    lists_settle(p->ranked, p->ranked_count);
    lists_settle(p->required, p->required_count);
    lists_settle(p->forbidden, p->forbidden_count);
    for (size_t i = 0; i < p->phrase_count; i++)
        lists_settle(p->phrases[i].groups, p->phrases[i].count);
    p->possible = p->possible && (p->ranked_count || p->required_count);
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
    bool some = p->required_count > 0;
    if (!p->possible)
        return false;
    for (size_t i = 0; i < p->required_count; i++)
        if (!group_has(&p->required[i], slot))
            return false;
    for (size_t i = 0; i < p->ranked_count && !some; i++)
        some = group_has(&p->ranked[i], slot);
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

/* --- cursors --- */

void member_rewind(struct member *m)
{
    if (m->list.count == 1)
        m->list.blocks = &m->list.one;
    m->at = 0;
    m->i = m->n = 0;
    m->block = NULL;
}

static bool member_load(struct member *m)
{
    while (!m->block || m->i == m->n) {
        m->at += m->block != NULL;
        m->block = NULL;
        if (m->at >= m->list.count)
            return false;
        m->block = list_block(&m->list, m->at);
        m->n = block_count(m->block);
        m->i = 0;
    }
    return true;
}

bool member_next(struct member *m, uint32_t end, struct span *s)
{
    if (!member_load(m) || block_slot(m->block, m->i) >= end)
        return false;
    *s = (struct span){m->block, m->i, m->n};
    if (block_slot(m->block, m->n - 1) >= end)
        s->to = block_seek(m->block, m->n, end);
    m->i = s->to;
    return true;
}

uint32_t member_peek(struct member *m)
{
    return member_load(m) ? block_slot(m->block, m->i) : NONE;
}

void member_skip(struct member *m, uint32_t slot)
{
    if (!member_load(m) || block_slot(m->block, m->i) >= slot)
        return;
    uint32_t at = list_seek(&m->list, m->at, slot);
    if (at != m->at) {
        m->at = at;
        m->block = NULL;
        if (!member_load(m))
            return;
    }
    unsigned i = block_seek(m->block, m->n, slot);
    m->i = i > m->i ? i : m->i;
    member_load(m);
}

uint32_t group_peek(struct plan_group *g)
{
    uint32_t least = NONE;
    for (size_t i = 0; i < g->count; i++) {
        uint32_t slot = member_peek(&g->members[i]);
        least = slot < least ? slot : least;
    }
    return least;
}

void group_skip(struct plan_group *g, uint32_t slot)
{
    for (size_t i = 0; i < g->count; i++)
        member_skip(&g->members[i], slot);
}
