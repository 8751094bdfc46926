/* Where candidates come from: a profile of the examples; without any of it what is popular now, and
 * without feedback at all the newest documents. */
#include "base/clock.h"
#include "engine/recommend_impl.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POPULAR_ROWS 10000         /* newest feedback that counts */
#define POPULAR_MAX 1000           /* documents that are kept */
#define POPULAR_PAUSE_NS 500000000 /* made anew at most this often */

/* ---- popular ---- */

static int popular_compare(const void *a, const void *b)
{
    const struct popular_row *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int popular_number_compare(const void *a, const void *b)
{
    const struct popular_row *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* The decayed sum of positive feedback of each document, best first; malloc'd. */
static enum err popular_count(struct recommendation *m, struct popular_row **out, size_t *count,
                              struct err_info *e)
{
    struct feedback_record *rows;
    size_t n, kept = 0;
    int64_t now_us = clock_wall_us();
    struct feedback_settings f;
    struct arena *a = arena_new(0);
    collection_feedback(m->c, &f);
    enum err err = store_feedback_list(m->x->store, a, m->c->id, STR(""), STR(""), 0, POPULAR_ROWS,
                                       &rows, &n, e);
    struct str *ids = arena_array(a, n + 1, sizeof *ids);
    uint32_t *numbers = arena_array(a, n + 1, sizeof *numbers);
    for (size_t i = 0; i < n && !err; i++)
        ids[i] = rows[i].document;
    if (!err)
        err = numbers_of_ids(m->c, a, ids, n, numbers, e);
    struct popular_row *all = xcalloc(n + 1, sizeof *all);
    for (size_t i = 0; i < n && !err; i++) {
        int64_t age_us = now_us > rows[i].time_us ? now_us - rows[i].time_us : 0;
        double weight = feedback_weight(&f, rows[i].type, rows[i].value, age_us);
        if (numbers[i] && weight > 0)
            all[kept++] = (struct popular_row){numbers[i], weight};
    }
    arena_free(a);
    qsort(all, kept, sizeof *all, popular_number_compare);
    size_t joined = 0;
    for (size_t i = 0; i < kept; i++) {
        if (joined > 0 && all[joined - 1].number == all[i].number)
            all[joined - 1].score += all[i].score;
        else
            all[joined++] = all[i];
    }
    qsort(all, joined, sizeof *all, popular_compare);
    *out = all;
    *count = joined < POPULAR_MAX ? joined : POPULAR_MAX;
    if (err)
        free(all);
    return err;
}

/* Counts again if there was feedback since. */
static enum err popular_refresh(struct recommendation *m, struct err_info *e)
{
    struct collection *c = m->c;
    struct popular_row *rows;
    size_t count;
    int64_t now_ns = clock_mono_ns();
    lock_take(&c->lock);
    uint64_t change = c->feedback_change;
    bool fresh =
        c->popular && (c->popular_change == change || now_ns - c->popular_ns < POPULAR_PAUSE_NS);
    lock_drop(&c->lock);
    if (fresh)
        return 0;
    enum err err = popular_count(m, &rows, &count, e);
    if (err)
        return err;
    lock_take(&c->lock);
    struct popular_row *old = c->popular;
    c->popular = rows;
    c->popular_count = count;
    c->popular_change = change;
    c->popular_ns = now_ns;
    lock_drop(&c->lock);
    free(old);
    return 0;
}

static bool shown(const struct recommendation *m, uint32_t number)
{
    return docset_has(&m->within, number) && !docset_has(&m->without, number);
}

static void candidate_add(struct recommendation *m, uint32_t number, uint64_t revision,
                          double score, const char *source)
{
    struct candidate *k = &m->candidates[m->candidate_count++];
    *k = (struct candidate){.number = number,
                            .revision = revision,
                            .relevance = score,
                            .score = score,
                            .source = source,
                            .propensity = 1};
    for (size_t f = 0; f < FEATURE_COUNT; f++)
        k->features[f] = NAN;
}

static void live_add(struct recommendation *m, uint32_t number, double score, const char *source)
{
    struct live_row row = live_get(m->c, number);
    if (row.revision)
        candidate_add(m, number, row.revision, score, source);
}

/* Popular ones first, then the newest: numbers rise with the time of creation. */
static enum err fall_back(struct recommendation *m, size_t depth, struct err_info *e)
{
    enum err err = popular_refresh(m, e);
    if (err)
        return err;
    struct docset rest;
    struct popular_row *rows = arena_array(m->a, POPULAR_MAX, sizeof *rows);
    m->candidates = arena_array(m->a, depth + 1, sizeof *m->candidates);
    lock_take(&m->c->lock);
    size_t n = m->c->popular_count;
    memcpy(rows, m->c->popular, n * sizeof *rows);
    lock_drop(&m->c->lock);
    docset_init(&rest);
    docset_copy(&rest, &m->within);
    docset_minus(&rest, &m->without);
    for (size_t i = 0; i < n && m->candidate_count < depth; i++)
        if (shown(m, rows[i].number)) {
            live_add(m, rows[i].number, rows[i].score / rows[0].score, "popular");
            docset_remove(&rest, rows[i].number);
        }
    m->model = m->candidate_count ? "popular" : "newest";
    for (uint32_t number = (uint32_t)(rest.word_count * 64);
         number-- > 0 && m->candidate_count < depth;)
        if (docset_has(&rest, number))
            live_add(m, number, 0, "newest");
    docset_release(&rest);
    return 0;
}

static enum err profile_candidates(struct recommendation *m, size_t depth, struct err_info *e)
{
    struct recommend_query q = {
        .examples = examples_weighted(m),
        .example_count = m->example_count,
        .without = &m->without,
        .within = &m->within,
        .depth = depth,
        .explain = m->r->explain,
        .mean_cosine = version_mean_cosine(m->v),
    };
    enum err err = recommend_run(m->v->vectors, &q, m->a, &m->hits, &m->hit_count, e);
    if (err)
        return err;
    m->candidates = arena_array(m->a, m->hit_count + 1, sizeof *m->candidates);
    for (size_t i = 0; i < m->hit_count; i++) {
        const struct recommend_hit *h = &m->hits[i];
        candidate_add(m, h->number, h->revision, h->score, h->source);
        m->candidates[i].features[FEATURE_PROFILE] = (float)h->score;
    }
    return 0;
}

enum err candidates_make(struct recommendation *m, size_t depth, struct err_info *e)
{
    m->model = "profile";
    m->candidate_count = 0;
    enum err err = m->example_count ? profile_candidates(m, depth, e) : 0;
    if (!err && m->candidate_count == 0)
        err = fall_back(m, depth, e);
    return err;
}
