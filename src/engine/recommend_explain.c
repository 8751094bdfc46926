/* What of a candidate's relevance came from which example: what it would be without it. The shares
 * in the sum that a score is say which examples to ask about. */
#include "engine/recommend_sources.h"
#include <math.h>
#include <stdlib.h>

#define NOTHING 1e-7 /* of the relevance: a score's own rounding */

/* What explains one candidate. Of each example: */
struct reasons {
    struct recommendation *m;
    const struct candidate *k;
    double *linear;                      /* as relevance_without takes it */
    double *learned, *session, *profile; /* shares of what these sources say */
    float *row;                          /* NULL: it has no vector */
};

static void reasons_make(struct reasons *r, struct recommendation *m, const struct candidate *k)
{
    const struct profile *p = &m->sources->profile;
    size_t n = m->example_count;
    *r = (struct reasons){.m = m, .k = k};
    r->linear = arena_array(m->a, n + 1, sizeof *r->linear);
    r->learned = arena_array(m->a, n + 1, sizeof *r->learned);
    r->session = arena_array(m->a, n + 1, sizeof *r->session);
    r->profile = arena_array(m->a, n + 1, sizeof *r->profile);
    learned_parts(m, k, r->linear, r->learned);
    if (isfinite((double)k->features[FEATURE_SESSION]) && k->features[FEATURE_SESSION] != 0)
        learned_session_parts(m, k, r->session);
    float *row = arena_array(m->a, p->dims + 1, sizeof *row);
    if (p->count == 0 || !profile_row(p, k->number, row))
        return;
    r->row = row;
    if (!m->sources->has_profile)
        return;
    double *own = arena_array(m->a, p->count + 1, sizeof *own);
    profile_parts(p, row, own);
    for (size_t j = 0; j < p->count; j++)
        r->profile[m->sources->example_of[j]] += own[j];
}

/* By what the blend took of each source: of an expression, as it runs through here. */
static double share_of(const struct reasons *r, const double times[3], size_t i)
{
    return (times[0] != 0 ? times[0] * r->session[i] : 0) +
           (times[1] != 0 ? times[1] * r->learned[i] : 0) +
           (times[2] != 0 ? times[2] * r->profile[i] : 0);
}

static void times_make(const struct reasons *r, double times[3])
{
    const struct recommendation *m = r->m;
    const struct candidate *k = r->k;
    times[0] = m->blend ? blend_slope(m, k, FEATURE_SESSION) : k->by_session;
    times[1] = m->blend ? blend_slope(m, k, FEATURE_MODEL) : k->by_learned;
    times[2] = m->blend ? blend_slope(m, k, FEATURE_PROFILE) : k->by_profile;
    if (m->blend && m->sources->has_profile)
        times[2] /= m->sources->profile.length;
}

struct named {
    size_t example;
    double part;
};

static int named_compare(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->part != y->part)
        return x->part > y->part ? -1 : 1;
    return (x->example > y->example) - (x->example < y->example);
}

/* The documents to ask about: the largest shares first. Returns how many. */
static size_t named_choose(const struct reasons *r, struct named *all, size_t most)
{
    double times[3];
    size_t n = 0;
    times_make(r, times);
    for (size_t i = 0; i < r->m->example_count; i++)
        if (r->m->examples[i].number)
            all[n++] = (struct named){i, share_of(r, times, i)};
    qsort(all, n, sizeof *all, named_compare);
    return n < most ? n : most;
}

void explanation_make(struct recommendation *m, const struct candidate *k, size_t parts_max,
                      struct explanation_part **out, size_t *count, double *rest)
{
    struct named *all = arena_array(m->a, m->example_count + 1, sizeof *all);
    struct reasons r;
    size_t n = 0, kept = 0;
    if (m->blend || k->by_session != 0 || k->by_learned != 0 || k->by_profile != 0) {
        reasons_make(&r, m, k);
        n = named_choose(&r, all, parts_max > EXACT_MAX ? parts_max : EXACT_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        size_t of = all[i].example;
        double part = k->relevance - relevance_without(m, k, of, r.linear, r.row);
        if (fabs(part) > NOTHING * fabs(k->relevance))
            all[kept++] = (struct named){of, part};
    }
    qsort(all, kept, sizeof *all, named_compare);
    *count = kept < parts_max ? kept : parts_max;
    *out = arena_array(m->a, *count + 1, sizeof **out);
    *rest = k->relevance;
    for (size_t i = 0; i < *count; i++) {
        (*out)[i] = (struct explanation_part){m->examples[all[i].example].number, all[i].part};
        *rest -= all[i].part;
    }
}
