#include "train/gate.h"

#include <assert.h>
#include <stdio.h>

#define METRIC MEASURE_NDCG_100

static double mean_of(const struct contender *c)
{
    return resample_mean(c->all.values[METRIC], c->all.cases);
}

/* The best of what stands beside; -1: nothing does. */
static int best_beside(const struct evaluation *v)
{
    int best = -1;
    for (unsigned i = 0; i < v->count; i++)
        if ((int)i != v->best && (int)i != v->active &&
            (best < 0 || mean_of(&v->contenders[i]) > mean_of(&v->contenders[best])))
            best = (int)i;
    return best;
}

static bool not_worse(const struct contender *a, const struct contender *b, uint64_t seed,
                      struct measured_difference *d)
{
    *d = measured_compare(&a->all, &b->all, METRIC, seed);
    return d->mean >= 0 || (d->mean > -GATE_MARGIN * mean_of(b) && d->p >= GATE_P);
}

struct gate gate_decide(const struct evaluation *v, uint64_t seed)
{
    struct gate g = {.promote = true};
    struct measured_difference d;
    assert(v->best >= 0);
    const struct contender *own = &v->contenders[v->best];
    int n = snprintf(g.reason, sizeof g.reason, "ndcg@100 %.4f on %u test readers", mean_of(own),
                     own->all.cases);
    const int against[] = {v->active, best_beside(v)};
    for (int i = 0; i < 2; i++) {
        if (against[i] < 0)
            continue;
        const struct contender *other = &v->contenders[against[i]];
        bool passed = not_worse(own, other, seed, &d);
        g.promote = g.promote && passed;
        n += snprintf(g.reason + n, sizeof g.reason - (size_t)n,
                      "; %s than %s %s (%.4f, difference %+.4f, p %.4f)",
                      passed ? d.mean >= 0 ? "not worse" : "not certainly worse" : "worse",
                      i == 0 ? "what is active" : "the best baseline,",
                      i == 0 ? "now" : other->name, mean_of(other), d.mean, d.p);
    }
    assert((size_t)n < sizeof g.reason);
    return g;
}
