/* What a search is asked for. */
#include "lexical/plan.h"

size_t lexical_search(struct lexical *x, const struct lexical_query *q, size_t k, struct arena *a,
                      struct lexical_hit **out)
{
    struct plan p;
    struct best b;
    plan_open(&p, x, q, a);
    best_init(&b, k, p.slots_end, a);
    if (p.possible && b.k)
        windows_run(&p, window_new(a), &(struct sink){.best = &b});
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

void lexical_match(struct lexical *x, const struct lexical_query *q, struct arena *a,
                   struct docset *out)
{
    struct plan p;
    plan_open(&p, x, q, a);
    if (p.possible)
        windows_run(&p, window_new(a), &(struct sink){.all = out});
    plan_close(&p);
}
