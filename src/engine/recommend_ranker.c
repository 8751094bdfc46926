/* The trained ranker puts the best candidates of the default blend in order. It says nothing of how
 * much better one is than another, so what it moves is the order alone: the first of them gets the
 * relevance that the most relevant has, the second the next, and so on. Boosts, diversity and
 * thresholds then mean what they mean without it. What it adds to a candidate's own relevance is
 * told apart from that; explanations are of the own one. */
#include "engine/recommend_sources.h"
#include "recommend/rank_trees.h"
#include <math.h>
#include <stdlib.h>

struct placing {
    float score;
    size_t place; /* by relevance */
};

static const struct rank_trees *ranker_of(const struct recommendation *m)
{
    return m->learned && !m->blend && !m->r->ranker_off ? m->learned->model->ranker : NULL;
}

size_t ranker_depth(const struct recommendation *m)
{
    return ranker_of(m) && !m->r->blend.n ? RANKER_POOL : 0;
}

/* What is known after the blend. */
static void features_fill(struct recommendation *m)
{
    float kind = m->learned ? (float)m->learned->model->kind : NAN;
    for (size_t i = 0; i < m->candidate_count; i++) {
        struct candidate *k = &m->candidates[i];
        k->features[FEATURE_KNOWN] = isfinite(k->learned) ? (float)k->known : NAN;
        k->features[FEATURE_ACTS] = (float)m->example_count;
        k->features[FEATURE_RELEVANCE] = (float)k->relevance;
        k->features[FEATURE_RANK] = (float)i;
        k->features[FEATURE_KIND] = kind;
    }
}

static int placing_compare(const void *a, const void *b)
{
    const struct placing *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

void ranker_apply(struct recommendation *m)
{
    const struct rank_trees *t = ranker_of(m);
    size_t n = m->candidate_count < RANKER_POOL ? m->candidate_count : RANKER_POOL;
    if (m->blend)
        return;
    features_fill(m);
    if (!t || n == 0)
        return;
    const float **rows = arena_array(m->a, n, sizeof *rows);
    float *scores = arena_array(m->a, n, sizeof *scores);
    struct placing *order = arena_array(m->a, n, sizeof *order);
    struct candidate *own = arena_array(m->a, n, sizeof *own);
    for (size_t i = 0; i < n; i++)
        rows[i] = m->candidates[i].features;
    rank_trees_score(t, rows, n, scores);
    for (size_t i = 0; i < n; i++) {
        order[i] = (struct placing){scores[i], i};
        own[i] = m->candidates[i];
    }
    qsort(order, n, sizeof *order, placing_compare);
    for (size_t i = 0; i < n; i++) {
        struct candidate *k = &m->candidates[i];
        *k = own[order[i].place];
        k->ranked = own[i].relevance - k->relevance;
        k->features[FEATURE_RANKED] = order[i].score;
    }
}
