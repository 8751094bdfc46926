#include "search/boost.h"
#include "index/filter.h"
#include "index/vectors.h"
#include "search/fuse.h"
#include <assert.h>
#include <math.h>

double boost_of(const struct search_boost *b, double value)
{
    if (isnan(value))
        return 0;
    if (b->kind == SEARCH_BOOST_PROFILE)
        return fuse_semantic(value, b->origin);
    if (b->kind == SEARCH_BOOST_RECENCY)
        return value >= b->origin ? 1 : exp2((value - b->origin) / b->scale);
    if (!(value > 0))
        return 0;
    return isinf(value) ? 1 : 1 / (1 + b->scale / value);
}

double boost_factor(const struct search_boost *boosts, size_t count, const double *of)
{
    double lost = 0;
    for (size_t i = 0; i < count; i++)
        lost += boosts[i].weight * (1 - of[i]);
    return fmax(0, 1 - lost);
}

/* The cosines of documents to a profile. */
static void cosines_of(const struct search_view *v, const float *profile, const uint32_t *numbers,
                       size_t count, struct arena *a, double *out)
{
    struct vector_hit *hits = arena_alloc(a, (count + 1) * sizeof *hits);
    vectors_score(v->vectors, profile, numbers, count, hits);
    for (size_t i = 0; i < count; i++)
        out[i] = (double)hits[i].cosine;
}

/* boosts_of[i * boost_count + b]: of hit i. */
static double *values_of(const struct search_view *v, const struct search_query *q,
                         const struct search_hit *hits, size_t count, struct arena *a)
{
    uint32_t *numbers = arena_alloc(a, (count + 1) * sizeof *numbers);
    double *column = arena_alloc(a, (count + 1) * sizeof *column);
    double *out = arena_alloc(a, (count * q->boost_count + 1) * sizeof *out);
    for (size_t i = 0; i < count; i++)
        numbers[i] = hits[i].number;
    for (size_t b = 0; b < q->boost_count; b++) {
        if (q->boosts[b].kind == SEARCH_BOOST_PROFILE)
            cosines_of(v, q->boosts[b].vector, numbers, count, a, column);
        else
            attributes_number(v->attributes, q->boosts[b].field, ATTRIBUTES_GREATEST, numbers,
                              count, column);
        for (size_t i = 0; i < count; i++)
            out[i * q->boost_count + b] = column[i];
    }
    return out;
}

void boost_hits(const struct search_view *v, const struct search_query *q, struct search_hit *hits,
                size_t count, struct arena *a)
{
    size_t n = q->boost_count;
    assert(n <= SEARCH_BOOSTS_MAX);
    if (!n) {
        for (size_t i = 0; i < count; i++)
            hits[i].score = hits[i].relevance;
        return;
    }
    double *values = values_of(v, q, hits, count, a);
    double *of = arena_alloc(a, (count * n + 1) * sizeof *of);
    for (size_t i = 0; i < count; i++) {
        for (size_t b = 0; b < n; b++)
            of[i * n + b] = boost_of(&q->boosts[b], values[i * n + b]);
        hits[i].boosts = of + i * n;
        hits[i].boost_values = values + i * n;
        hits[i].score = hits[i].relevance * boost_factor(q->boosts, n, hits[i].boosts);
    }
}

double boost_factor_max(const struct search_view *v, const struct search_query *q)
{
    double greatest[SEARCH_BOOSTS_MAX];
    for (size_t b = 0; b < q->boost_count; b++) {
        double least, most = 1;
        if (q->boosts[b].kind != SEARCH_BOOST_PROFILE)
            attributes_number_range(v->attributes, q->boosts[b].field, &least, &most);
        greatest[b] = boost_of(&q->boosts[b], most);
    }
    return boost_factor(q->boosts, q->boost_count, greatest);
}
