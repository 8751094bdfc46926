/* What of a candidate's relevance came from which example. All sources are sums over the examples
 * (the model's factors aside, which are one for fixed examples), so the parts add up; what no
 * example has (what is popular, the level of new documents) is the rest. */
#include "engine/recommend_sources.h"
#include "recommend/expression.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_profile(struct recommendation *m, const struct candidate *k, double times,
                        double *parts)
{
    const struct profile *p = &m->sources->profile;
    double *own = arena_array(m->a, p->count + 1, sizeof *own);
    float *row = arena_array(m->a, p->dims, sizeof *row);
    if (!profile_row(p, k->number, row))
        return;
    profile_parts(p, row, own);
    for (size_t j = 0; j < p->count; j++)
        parts[m->sources->example_of[j]] += times * own[j];
}

static void add_learned(struct recommendation *m, const struct candidate *k, double times,
                        double *parts)
{
    double *own = arena_array(m->a, m->example_count + 1, sizeof *own);
    learned_parts(m, k, own);
    for (size_t i = 0; i < m->example_count; i++)
        parts[i] += times * own[i];
}

static void add_session(struct recommendation *m, const struct candidate *k, double times,
                        double *parts)
{
    double *own = arena_array(m->a, m->example_count + 1, sizeof *own);
    learned_session_parts(m, k, own);
    for (size_t i = 0; i < m->example_count; i++)
        parts[i] += times * own[i];
}

static void parts_default(struct recommendation *m, const struct candidate *k, double *parts)
{
    if (k->by_session != 0)
        add_session(m, k, k->by_session, parts);
    if (k->by_learned != 0)
        add_learned(m, k, k->by_learned, parts);
    if (k->by_profile != 0)
        add_profile(m, k, k->by_profile, parts);
}

/* Of an expression that is a sum exactly; of another as it runs through here. */
static void parts_expression(struct recommendation *m, const struct candidate *k, double *parts)
{
    double model = blend_slope(m, k, FEATURE_MODEL), session = blend_slope(m, k, FEATURE_SESSION),
           profile = blend_slope(m, k, FEATURE_PROFILE);
    if (model != 0)
        add_learned(m, k, model, parts);
    if (session != 0)
        add_session(m, k, session, parts);
    if (profile != 0)
        add_profile(m, k, profile / m->sources->profile.length, parts);
}

static int part_compare(const void *a, const void *b)
{
    const struct explanation_part *x = a, *y = b;
    if (x->part != y->part)
        return x->part > y->part ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

enum err explanation_make(struct recommendation *m, const struct candidate *k, size_t parts_max,
                          struct explanation_part **out, size_t *count, double *rest,
                          struct err_info *e)
{
    size_t n = m->example_count, kept = 0;
    double *parts = arena_array(m->a, n + 1, sizeof *parts);
    struct explanation_part *all = arena_array(m->a, n + 1, sizeof *all);
    (void)e;
    if (m->blend)
        parts_expression(m, k, parts);
    else
        parts_default(m, k, parts);
    for (size_t i = 0; i < n; i++)
        if (parts[i] != 0)
            all[kept++] = (struct explanation_part){m->examples[i].number, parts[i]};
    qsort(all, kept, sizeof *all, part_compare);
    *count = kept < parts_max ? kept : parts_max;
    *rest = k->relevance;
    for (size_t i = 0; i < *count; i++)
        *rest -= all[i].part;
    *out = all;
    return 0;
}
