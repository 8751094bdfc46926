/* What a candidate would score if one document were neither in the request nor in the feedback. The
 * reader without it is worked out once a request, for all candidates whose reasons name it. */
#include "engine/recommend_sources.h"
#include <math.h>

static void profile_remain(struct recommendation *m, struct remaining *left)
{
    const struct sources *s = m->sources;
    double *weights = arena_array(m->a, s->profile.count + 1, sizeof *weights);
    for (size_t k = 0; k < s->profile.count; k++)
        weights[k] = left->weights[s->example_of[k]];
    left->has_profile =
        s->profile.count > 0 && profile_changed(&s->profile, weights, m->a, &left->profile);
}

static const struct remaining *remaining_of(struct recommendation *m, size_t gone)
{
    struct sources *s = m->sources;
    if (!s->remaining)
        s->remaining = arena_array(m->a, m->example_count, sizeof(struct remaining *));
    if (s->remaining[gone])
        return s->remaining[gone];
    struct remaining *left = s->remaining[gone] = arena_zalloc(m->a, sizeof *left);
    left->gone = gone;
    left->weights = arena_array(m->a, m->example_count, sizeof *left->weights);
    examples_without(m, gone, left->weights, &left->session, &left->session_count);
    profile_remain(m, left);
    learned_remain(m, left);
    return left;
}

static bool of_the_reader(const struct candidate *k)
{
    return k->by_session != 0 || k->by_learned != 0 || k->by_profile != 0;
}

double relevance_without(struct recommendation *m, const struct candidate *k, size_t gone,
                         const double *linear, const float *row)
{
    const struct remaining *left = remaining_of(m, gone);
    const struct voices v = voices_of(m);
    struct candidate now = *k;
    now.learned = learned_without(m, left, k, linear);
    now.profile = row && left->has_profile ? profile_score(&left->profile, row) : NAN;
    now.features[FEATURE_MODEL] = (float)now.learned;
    now.features[FEATURE_SESSION] = (float)learned_session_without(m, left, k);
    now.features[FEATURE_PROFILE] =
        row && left->has_profile ? (float)profile_likeness(&left->profile, row) : NAN;
    candidate_blend(m, &v, &now);
    return m->blend || of_the_reader(&now) ? now.relevance : 0;
}
