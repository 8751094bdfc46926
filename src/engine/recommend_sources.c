/* Where candidates come from. Each source gives a list of its best; whoever is on one of them is
 * scored by all sources, and then blended: by the expression of the request, or as follows.
 *
 * The default blend asks the sources in order (the session, if the request is about one; the
 * trained model with a little of the profile; the profile; what is popular) and takes what the
 * first says that knows something of the document. What a later source says counts a thousandth of
 * it: such a document stands behind those of which the earlier one thinks well. With readers of
 * whom nothing is known all is left to the last; then come the newest documents. */
#include "engine/recommend_sources.h"
#include "math/topk.h"
#include "recommend/expression.h"
#include "recommend/popularity.h"
#include "recommend/text_model.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BEHIND 1e-3
#define PROFILE_SLACK 32 /* the index finds by the best passage, the profile scores whole texts */
#define DAY_S 86400.

/* ---- lists ---- */

struct list {
    struct recommendation *m;
    struct docset taken;
    uint32_t *numbers;
    size_t count, room;
};

static void list_init(struct list *l, struct recommendation *m)
{
    *l = (struct list){.m = m};
    docset_init(&l->taken);
}

static bool list_add(struct list *l, uint32_t number)
{
    if (docset_has(&l->taken, number))
        return false;
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 256;
        l->numbers = xrealloc(l->numbers, l->room * sizeof *l->numbers);
    }
    docset_add(&l->taken, number);
    l->numbers[l->count++] = number;
    return true;
}

static void list_release(struct list *l)
{
    docset_release(&l->taken);
    free(l->numbers);
}

static void list_learned(struct list *l, size_t depth, bool session)
{
    uint32_t *numbers = arena_array(l->m->a, 2 * depth + 1, sizeof *numbers);
    size_t n =
        session ? learned_session_list(l->m, depth, numbers) : learned_list(l->m, depth, numbers);
    for (size_t i = 0; i < n; i++)
        list_add(l, numbers[i]);
}

static void list_profile(struct list *l, size_t depth)
{
    const struct sources *s = l->m->sources;
    size_t documents = s->allowed.count, k = depth + PROFILE_SLACK;
    k = k < documents ? k : documents;
    struct vector_hit *hits = arena_array(l->m->a, k + 1, sizeof *hits);
    size_t n = s->has_profile ? vectors_search(l->m->v->vectors, s->profile.direction, k,
                                               &s->allowed, sight_is_tenants(l->m->sight), hits)
                              : 0;
    for (size_t i = 0; i < n; i++)
        list_add(l, hits[i].number);
}

/* Of a tenant: what its own readers like. */
static const struct docset *popular_among(const struct recommendation *m)
{
    return sight_is_tenants(m->sight) ? sight_documents(m->sight) : NULL;
}

static void list_popular(struct list *l, enum popularity_kind kind, size_t depth)
{
    struct popular *best = arena_array(l->m->a, depth + 1, sizeof *best);
    size_t n = popularity_top(l->m->c->popular.sums, kind, popular_among(l->m),
                              &l->m->sources->allowed, NULL, depth, best);
    for (size_t i = 0; i < n; i++)
        list_add(l, best[i].number);
}

/* Numbers rise with the time of creation. */
static void list_newest(struct list *l, size_t depth)
{
    const struct docset *allowed = &l->m->sources->allowed;
    for (size_t w = allowed->word_count; w-- > 0 && l->count < depth;)
        for (uint64_t bits = allowed->words[w]; bits && l->count < depth;) {
            unsigned bit = 63 - (unsigned)__builtin_clzll(bits);
            bits &= ~(1ULL << bit);
            list_add(l, (uint32_t)(w * 64 + bit));
        }
}

static void list_brought(struct list *l, const struct brought *b, size_t depth)
{
    struct topk_item *best = arena_array(l->m->a, depth + 1, sizeof *best);
    struct topk top;
    topk_init(&top, best, depth);
    for (size_t i = 0; i < b->count; i++)
        if (docset_has(&l->m->sources->allowed, b->numbers[i]))
            topk_add(&top, b->scores[i], b->numbers[i]);
    topk_sort(&top);
    for (size_t i = 0; i < top.count; i++)
        list_add(l, (uint32_t)best[i].id);
}

bool blend_reads(const struct recommendation *m, enum recommend_feature f)
{
    return m->blend && (m->blend->features >> f & 1);
}

/* All lists that the blend asks for; then, while there are too few, the others in their order. */
static void lists_make(struct list *l, size_t depth)
{
    struct recommendation *m = l->m;
    if (!m->blend || blend_reads(m, FEATURE_SESSION))
        list_learned(l, depth, true);
    if (!m->blend || blend_reads(m, FEATURE_MODEL))
        list_learned(l, depth, false);
    for (unsigned i = 0; m->blend && i < m->blend->source_count; i++)
        list_brought(l, &m->sources->brought[i], depth);
    if (l->count < depth || m->sources->learned.like > 0 || blend_reads(m, FEATURE_PROFILE))
        list_profile(l, depth);
    if (l->count < depth || blend_reads(m, FEATURE_TRENDING))
        list_popular(l, POPULARITY_FAST, depth);
    if (l->count < depth || blend_reads(m, FEATURE_POPULAR))
        list_popular(l, POPULARITY_SLOW, depth);
    if (l->count < depth)
        list_newest(l, depth);
}

/* ---- scores of all sources ---- */

static void profile_features(struct recommendation *m, struct candidate *all, size_t count)
{
    const struct profile *p = &m->sources->profile;
    float *row = arena_array(m->a, m->v->dims, sizeof *row);
    for (size_t i = 0; i < count && m->sources->has_profile; i++) {
        if (!profile_row(p, all[i].number, row))
            continue;
        all[i].features[FEATURE_PROFILE] = (float)profile_likeness(p, row);
        all[i].profile = profile_score(p, row);
    }
}

static void learned_features(struct recommendation *m, struct candidate *all, size_t count)
{
    struct learned_score *scores = arena_array(m->a, count + 1, sizeof *scores);
    uint32_t *numbers = arena_array(m->a, count + 1, sizeof *numbers);
    uint64_t *revisions = arena_array(m->a, count + 1, sizeof *revisions);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = all[i].number;
        revisions[i] = all[i].revision;
    }
    learned_score(m, numbers, revisions, count, scores);
    for (size_t i = 0; i < count; i++) {
        all[i].learned = scores[i].model;
        all[i].known = scores[i].known;
        all[i].new = scores[i].new;
        all[i].features[FEATURE_MODEL] = (float)scores[i].model;
        all[i].features[FEATURE_SESSION] = (float)scores[i].session;
    }
}

static void age_features(struct recommendation *m, struct candidate *all, size_t count)
{
    double *created_s = arena_array(m->a, count + 1, sizeof *created_s);
    uint32_t *numbers = arena_array(m->a, count + 1, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = all[i].number;
    attributes_number(m->c->attributes, STR("created"), ATTRIBUTES_LEAST, numbers, count,
                      created_s);
    for (size_t i = 0; i < count; i++)
        all[i].features[FEATURE_AGE] = (float)(((double)m->now_us / 1e6 - created_s[i]) / DAY_S);
}

static void popular_features(struct recommendation *m, struct candidate *all, size_t count)
{
    static const enum recommend_feature features[] = {
        [POPULARITY_SLOW] = FEATURE_POPULAR, [POPULARITY_FAST] = FEATURE_TRENDING};
    float *scores = arena_array(m->a, count + 1, sizeof *scores);
    uint32_t *numbers = arena_array(m->a, count + 1, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = all[i].number;
    for (int k = 0; k < POPULARITY_KINDS; k++) {
        popularity_scores(m->c->popular.sums, k, popular_among(m), numbers, count, scores);
        for (size_t i = 0; i < count; i++)
            all[i].features[features[k]] = scores[i];
    }
}

static int number_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static float brought_score(const struct brought *b, uint32_t number)
{
    const uint32_t *at =
        b->count ? bsearch(&number, b->numbers, b->count, sizeof number, number_compare) : NULL;
    return at ? b->scores[at - b->numbers] : NAN;
}

static void brought_features(struct recommendation *m, struct candidate *all, size_t count)
{
    unsigned n = m->blend ? m->blend->source_count : 0;
    for (size_t i = 0; i < count && n > 0; i++) {
        float *scores = arena_array(m->a, n, sizeof *scores);
        for (unsigned k = 0; k < n; k++)
            scores[k] = brought_score(&m->sources->brought[k], all[i].number);
        all[i].brought = scores;
        all[i].features[FEATURE_BROUGHT] = scores[0];
    }
}

/* Only if the blend asks: it is read from the store. What was taken is not shown in vain. */
static void shown_features(struct recommendation *m, struct candidate *all, size_t count)
{
    float *shown = arena_array(m->a, count + 1, sizeof *shown);
    uint32_t *numbers = arena_array(m->a, count + 1, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = all[i].number;
    if (!blend_reads(m, FEATURE_SHOWN) ||
        served_counts(m->c, m->r->user, numbers, count, m->a, shown, NULL))
        return; /* not known; a store that cannot be read fails the answer's rows */
    for (size_t i = 0; i < count; i++)
        all[i].features[FEATURE_SHOWN] =
            example_find(m, numbers[i]) < m->example_count ? 0 : shown[i];
}

/* ---- the blend ---- */

/* What the first source that knows the document says, times `factor`. True: this one did. */
static bool tier(struct candidate *k, double *factor, double score, const char *source)
{
    bool first = !k->source && isfinite(score) && score != 0;
    if (first) {
        k->relevance = *factor * score;
        k->source = source;
    }
    *factor *= BEHIND;
    return first;
}

/* The model and, a little, the profile: it tells known documents apart where few acts say little.
 * New ones are judged by their text as it is, and get worse by it. */
static void tier_learned(double liked, struct candidate *k, double *factor)
{
    bool likes = k->known && isfinite(k->profile);
    double like = likes ? liked : 0, times = *factor;
    double of_profile = likes ? like * k->profile : 0;
    bool profile = fabs(of_profile) > fabs(k->learned);
    if (tier(k, factor, k->learned + of_profile,
             profile    ? "profile"
             : k->known ? "model"
                        : "text")) {
        k->by_learned = times;
        k->by_profile = times * like;
    }
}

struct voices voices_of(const struct recommendation *m)
{
    const struct learned *l = &m->sources->learned;
    return (struct voices){.session = m->r->session_count > 0 && l->session_scores,
                           .learned = learned_speaks(l),
                           .profile = m->sources->has_profile,
                           .like = l->like};
}

static void blend_default(const struct voices *v, struct candidate *k)
{
    double factor = 1, times;
    k->source = NULL;
    k->by_session = k->by_learned = k->by_profile = 0;
    if (v->session && tier(k, &factor, (double)k->features[FEATURE_SESSION], "session"))
        k->by_session = 1;
    if (v->learned)
        tier_learned(v->like, k, &factor);
    times = factor;
    if (v->profile && tier(k, &factor, k->profile, "profile"))
        k->by_profile = times;
    double slow = (double)k->features[FEATURE_POPULAR],
           fast = (double)k->features[FEATURE_TRENDING];
    tier(k, &factor, (slow + fast) / 2, fast > slow ? "trending" : "popular");
    double age = (double)k->features[FEATURE_AGE];
    if (!k->source) { /* above 0, so that boosts lift it */
        k->relevance = factor / (1 + (age > 0 ? age : 0));
        k->source = "newest";
    }
}

/* The source that the score hangs on most. */
static void blend_expression(const struct recommendation *m, struct candidate *k)
{
    static const char *const names[FEATURE_COUNT] = {
        [FEATURE_PROFILE] = "profile",
        [FEATURE_SESSION] = "session",
        [FEATURE_POPULAR] = "popular",
        [FEATURE_TRENDING] = "trending",
    };
    float nothing[EXPRESSION_SOURCES_MAX] = {0};
    double most = 0;
    k->relevance = expression_value(m->blend, k->features, k->brought);
    k->source = "newest";
    for (int f = 0; f < FEATURE_COUNT; f++) {
        double part = fabs(blend_slope(m, k, f) * (double)k->features[f]);
        const char *name = f == FEATURE_MODEL ? (k->known ? "model" : "text") : names[f];
        if (!name || !(part > most))
            continue;
        most = part;
        k->source = name;
    }
    if (m->blend->source_count > 0 &&
        fabs(k->relevance - expression_value(m->blend, k->features, nothing)) > most)
        k->source = "brought";
}

double blend_slope(const struct recommendation *m, const struct candidate *k,
                   enum recommend_feature f)
{
    float at[FEATURE_COUNT], x = k->features[f];
    if (!blend_reads(m, f) || isnan(x))
        return 0;
    memcpy(at, k->features, sizeof at);
    float step = (fabsf(x) > 1 ? fabsf(x) : 1) / 64, up = x + step, down = x - step;
    at[f] = up;
    double above = expression_value(m->blend, at, k->brought);
    at[f] = down;
    return (above - expression_value(m->blend, at, k->brought)) / ((double)up - (double)down);
}

void candidate_blend(const struct recommendation *m, const struct voices *v, struct candidate *k)
{
    if (m->blend)
        blend_expression(m, k);
    else
        blend_default(v, k);
    k->score = k->relevance;
}

static int candidate_compare(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->relevance != y->relevance)
        return x->relevance > y->relevance ? -1 : 1;
    return (x->number < y->number) - (x->number > y->number); /* the newer one first */
}

static const char *strategy_of(const struct recommendation *m)
{
    const char *first = m->candidate_count ? m->candidates[0].source : "newest";
    if (m->blend)
        return "blend";
    return strcmp(first, "text") == 0 ? "model" : first;
}

/* ---- all of it ---- */

void candidates_score(struct recommendation *m, const uint32_t *numbers, size_t count,
                      struct candidate *out, size_t *found)
{
    uint64_t *revisions = arena_array(m->a, count + 1, sizeof *revisions);
    size_t n = 0;
    live_revisions(m->c, numbers, count, revisions);
    for (size_t i = 0; i < count; i++) {
        if (!revisions[i])
            continue; /* deleted meanwhile */
        struct candidate *k = &out[n++];
        *k = (struct candidate){.number = numbers[i],
                                .revision = revisions[i],
                                .learned = NAN,
                                .profile = NAN,
                                .propensity = 1};
        for (int f = 0; f < FEATURE_COUNT; f++)
            k->features[f] = NAN;
    }
    learned_features(m, out, n);
    profile_features(m, out, n);
    popular_features(m, out, n);
    age_features(m, out, n);
    brought_features(m, out, n);
    shown_features(m, out, n);
    struct voices v = voices_of(m);
    for (size_t i = 0; i < n; i++)
        candidate_blend(m, &v, &out[i]);
    *found = n;
}

static enum err blend_make(struct recommendation *m, struct err_info *e)
{
    struct err_info why = {0};
    if (m->r->blend.n == 0)
        return 0;
    enum err err = expression_parse(m->a, m->r->blend, &m->blend, &why);
    if (err)
        return err_set(e, err, "/blend", "%s", why.message);
    struct brought *b = m->sources->brought =
        arena_array(m->a, m->blend->source_count + 1, sizeof *b);
    for (unsigned i = 0; i < m->blend->source_count && !err; i++)
        err = brought_scores(m->c, m->blend->sources[i], m->r->user, m->a, &b[i].numbers,
                             &b[i].scores, &b[i].count, e);
    return err;
}

static size_t example_of(const struct recommendation *m, const struct profile_part *p)
{
    size_t i = 0;
    while (m->examples[i].number != p->number || m->examples[i].vector != p->vector)
        i++;
    return i;
}

/* The model's, so that profile and text part share their rows; else the version's. None for a
 * tenant: it is that of everybody's documents. */
static const float *centre_of(const struct recommendation *m)
{
    const struct centre *own = atomic_load(&m->v->centre);
    if (sight_is_tenants(m->sight))
        return NULL;
    if (learned_text_fits(m->learned, m->v))
        return m->learned->model->text->mean;
    return own ? own->mean : NULL;
}

static enum err sources_make(struct recommendation *m, struct err_info *e)
{
    struct sources *s = m->sources = arena_zalloc(m->a, sizeof *s);
    const float *centre = centre_of(m);
    s->has_profile = profile_make(m->v->vectors, centre, (double)version_mean_cosine(m->v),
                                  examples_weighted(m), m->example_count, m->a, &s->profile);
    s->example_of = arena_array(m->a, s->profile.count + 1, sizeof *s->example_of);
    for (size_t k = 0; k < s->profile.count; k++)
        s->example_of[k] = example_of(m, &s->profile.parts[k]);
    learned_make(m, &s->learned);
    enum err err = blend_make(m, e);
    return err ? err : popular_follow(m->c, false, e);
}

void candidates_sort(struct recommendation *m)
{
    size_t i = 1;
    while (i < m->candidate_count &&
           candidate_compare(&m->candidates[i - 1], &m->candidates[i]) <= 0)
        i++;
    if (i < m->candidate_count)
        qsort(m->candidates, m->candidate_count, sizeof *m->candidates, candidate_compare);
}

enum err candidates_make(struct recommendation *m, size_t depth, struct err_info *e)
{
    struct list l;
    enum err err = m->sources ? 0 : sources_make(m, e);
    if (err)
        return err;
    list_init(&l, m);
    docset_init(&m->sources->allowed);
    docset_copy(&m->sources->allowed, &m->within);
    docset_minus(&m->sources->allowed, &m->without);
    lists_make(&l, depth);
    m->candidates = arena_array(m->a, l.count + 1, sizeof *m->candidates);
    candidates_score(m, l.numbers, l.count, m->candidates, &m->candidate_count);
    list_release(&l);
    docset_release(&m->sources->allowed);
    candidates_sort(m);
    m->model = strategy_of(m);
    return 0;
}
