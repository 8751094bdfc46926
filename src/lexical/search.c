/* Searching: window by window of slots. */
#include "lexical/plan.h"

#include <assert.h>

#define WORDS (CHUNK / 64)

struct window {
    uint32_t start, end;
    uint64_t bits[WORDS];
    float scores[CHUNK], group[CHUNK];
};

static void group_bits(struct plan_group *g, const struct window *w, uint64_t bits[WORDS])
{
    struct span s;
    memset(bits, 0, WORDS * sizeof *bits);
    for (size_t i = 0; i < g->count; i++) {
        member_skip(&g->members[i], w->start);
        while (member_next(&g->members[i], w->end, &s))
            for (unsigned j = s.from; j < s.to; j++) {
                uint32_t at = block_slot(s.block, j) - w->start;
                bits[at / 64] |= UINT64_C(1) << at % 64;
            }
    }
}

static bool bits_and(uint64_t *bits, const uint64_t *with, bool invert)
{
    uint64_t some = 0;
    for (unsigned i = 0; i < WORDS; i++)
        some |= bits[i] &= invert ? ~with[i] : with[i];
    return some != 0;
}

/* The documents of the window that have what is required and nothing that is forbidden. */
static bool window_required(struct plan *p, struct window *w)
{
    uint64_t bits[WORDS];
    memset(w->bits, 0xff, sizeof w->bits);
    for (size_t i = 0; i < p->required_count; i++) {
        group_bits(&p->required[i], w, bits);
        if (!bits_and(w->bits, bits, false))
            return false;
    }
    for (size_t i = 0; i < p->forbidden_count; i++) {
        group_bits(&p->forbidden[i], w, bits);
        if (!bits_and(w->bits, bits, true))
            return false;
    }
    return true;
}

static void group_score(const struct plan *p, struct plan_group *g, struct window *w)
{
    const uint32_t *lengths = slots_of(p->x, w->start)->lengths;
    float k0 = (float)p->saturation.k0, k1 = (float)p->saturation.k1;
    struct span s;
    memset(w->group, 0, sizeof w->group);
    for (size_t i = 0; i < g->count; i++) {
        struct member *m = &g->members[i];
        member_skip(m, w->start);
        while (member_next(m, w->end, &s))
            for (unsigned j = s.from; j < s.to; j++) {
                uint32_t at = block_slot(s.block, j) - w->start;
                float tf = (float)block_tf(s.block, j);
                float score = m->factor * tf / (tf + k0 + k1 * (float)lengths[at]);
                w->group[at] = score > w->group[at] ? score : w->group[at];
            }
    }
    for (unsigned i = 0; i < CHUNK; i++)
        w->scores[i] += w->group[i];
}

static void window_begin(struct window *w, uint32_t slot)
{
    w->start = slot / CHUNK * CHUNK;
    w->end = w->start + CHUNK;
}

static uint32_t next_slot(struct plan *p, uint32_t from)
{
    uint32_t least = NONE, most = 0;
    bool all = p->required_count > 0;
    struct plan_group *groups = all ? p->required : p->ranked;
    for (size_t i = 0; i < (all ? p->required_count : p->ranked_count); i++) {
        group_skip(&groups[i], from);
        uint32_t slot = group_peek(&groups[i]);
        least = slot < least ? slot : least;
        most = slot > most ? slot : most;
    }
    uint32_t slot = all ? most : least;
    return slot < p->slots_end ? slot : NONE;
}

static void window_search(struct plan *p, struct window *w, struct best *b)
{
    if (!window_required(p, w))
        return;
    memset(w->scores, 0, sizeof w->scores);
    for (size_t i = 0; i < p->ranked_count; i++)
        group_score(p, &p->ranked[i], w);
    bool all = p->required_count > 0;
    for (unsigned i = 0; i < CHUNK; i++) {
        uint32_t slot = w->start + i;
        if ((w->bits[i / 64] >> i % 64 & 1) && (all || w->scores[i] > 0) &&
            w->scores[i] >= b->least && slot < p->slots_end && plan_may(p, slot) &&
            phrases_match(p, slot))
            best_add(b, w->scores[i], slot);
    }
}

size_t lexical_search(struct lexical *x, const struct lexical_query *q, size_t k, struct arena *a,
                      struct lexical_hit **out)
{
    struct plan p;
    struct best b;
    struct window *w = arena_alloc(a, sizeof *w);
    plan_open(&p, x, q, a);
    best_init(&b, k, p.slots_end, a);
    for (uint32_t slot = 0; p.possible && (slot = next_slot(&p, slot)) != NONE; slot = w->end) {
        window_begin(w, slot);
        window_search(&p, w, &b);
    }
    size_t n = best_end(&b, &p, out);
    plan_close(&p);
    return n;
}

void lexical_score(struct lexical *x, const struct lexical_query *q, const uint32_t *numbers,
                   size_t count, struct arena *a, struct lexical_hit *out)
{
    struct plan p;
    plan_open(&p, x, q, a);
    for (size_t i = 0; i < count; i++) {
        uint32_t slot = slot_at(x, numbers[i], p.version);
        out[i] = (struct lexical_hit){.number = numbers[i]};
        if (slot == NONE)
            continue;
        out[i].revision = slots_of(x, slot)->revisions[slot % CHUNK];
        if ((!p.within || docset_has(p.within, numbers[i])) && plan_matches(&p, slot))
            out[i].score = plan_score(&p, slot);
    }
    plan_close(&p);
}

static void window_match(struct plan *p, struct window *w, struct docset *out)
{
    if (!window_required(p, w))
        return;
    uint64_t some[WORDS] = {0}, bits[WORDS];
    for (size_t i = 0; i < p->ranked_count && !p->required_count; i++) {
        group_bits(&p->ranked[i], w, bits);
        for (unsigned j = 0; j < WORDS; j++)
            some[j] |= bits[j];
    }
    if (!p->required_count)
        bits_and(w->bits, some, false);
    for (unsigned j = 0; j < WORDS; j++)
        for (uint64_t left = w->bits[j]; left; left &= left - 1) {
            uint32_t slot = w->start + 64 * j + (uint32_t)__builtin_ctzll(left);
            if (slot < p->slots_end && plan_may(p, slot) && phrases_match(p, slot))
                docset_add(out, slots_of(p->x, slot)->numbers[slot % CHUNK]);
        }
}

void lexical_match(struct lexical *x, const struct lexical_query *q, struct arena *a,
                   struct docset *out)
{
    struct plan p;
    struct window *w = arena_alloc(a, sizeof *w);
    plan_open(&p, x, q, a);
    for (uint32_t slot = 0; p.possible && (slot = next_slot(&p, slot)) != NONE; slot = w->end) {
        window_begin(w, slot);
        window_match(&p, w, out);
    }
    plan_close(&p);
}
