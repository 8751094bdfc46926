/* What to show a reader next: a profile from examples, a session or the reader's own feedback;
 * without any of it what is popular now, and without feedback at all the newest documents. */
#include "base/clock.h"
#include "base/rng.h"
#include "engine/internal.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_ROWS 1000
#define HALF_LIFE_US (30LL * 86400 * 1000000)
#define SESSION_DECAY .8           /* weight of each step back in a session */
#define POPULAR_ROWS 10000         /* newest feedback that counts */
#define POPULAR_MAX 1000           /* documents that are kept */
#define POPULAR_PAUSE_NS 500000000 /* made anew at most this often */
#define SLACK 16
#define EXAMPLES_MAX 1000

struct recommendation {
    struct engine *x;
    struct collection *c;
    struct version *v; /* whose vectors they are */
    const struct recommend_request *r;
    struct arena *a;
    struct docset within, without;
    struct recommend_example *examples;
    size_t example_count;
    struct recommend_hit *hits;
    size_t hit_count;
    const char *model;
};

/* ---- examples ---- */

static enum err examples_of_ids(struct recommendation *m, const struct str *ids, size_t count,
                                double weight, double decay, const char *pointer,
                                struct err_info *e)
{
    uint32_t *numbers = arena_array(m->a, count + 1, sizeof *numbers);
    enum err err = numbers_of_ids(m->c, m->a, ids, count, numbers, e);
    for (size_t i = count; i-- > 0 && !err; weight *= decay) { /* the newest is the last */
        char field[64];
        snprintf(field, sizeof field, "%s/%zu", pointer, i);
        if (numbers[i] == 0)
            return err_set(e, ERR_NOT_FOUND, field,
                           "there is no document \"%.*s\" in this collection",
                           (int)(ids[i].n < 200 ? ids[i].n : 200), ids[i].s);
        m->examples[m->example_count++] = (struct recommend_example){numbers[i], weight};
        docset_add(&m->without, numbers[i]);
    }
    return err;
}

static int example_compare(const void *a, const void *b)
{
    const struct recommend_example *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* What was done to one document counts together. */
static void examples_join(struct recommendation *m)
{
    size_t n = 0;
    qsort(m->examples, m->example_count, sizeof *m->examples, example_compare);
    for (size_t i = 0; i < m->example_count; i++) {
        if (n > 0 && m->examples[n - 1].number == m->examples[i].number)
            m->examples[n - 1].weight += m->examples[i].weight;
        else
            m->examples[n++] = m->examples[i];
    }
    m->example_count = n;
}

static enum err examples_of_user(struct recommendation *m, struct err_info *e)
{
    struct feedback_record *rows;
    size_t n;
    int64_t now_us = clock_wall_us();
    enum err err = store_feedback_list(m->x->store, m->a, m->c->id, m->r->user, STR(""), 0,
                                       PROFILE_ROWS, &rows, &n, e);
    if (err)
        return err;
    struct str *ids = arena_array(m->a, n + 1, sizeof *ids);
    uint32_t *numbers = arena_array(m->a, n + 1, sizeof *numbers);
    for (size_t i = 0; i < n; i++)
        ids[i] = rows[i].document;
    if ((err = numbers_of_ids(m->c, m->a, ids, n, numbers, e)))
        return err;
    m->examples = arena_array(m->a, n + 1, sizeof *m->examples);
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] == 0)
            continue; /* deleted since */
        if (m->r->exclude_seen)
            docset_add(&m->without, numbers[i]);
        int64_t age_us = now_us > rows[i].time_us ? now_us - rows[i].time_us : 0;
        m->examples[m->example_count++] = (struct recommend_example){
            numbers[i], recommend_weight(rows[i].type, rows[i].value, age_us, HALF_LIFE_US)};
    }
    examples_join(m);
    return 0;
}

enum err reader_profile(struct collection *c, struct version *v, struct str user, struct arena *a,
                        float **out, struct err_info *e)
{
    struct recommend_request r = {.user = user};
    struct recommendation m = {.x = c->engine, .c = c, .v = v, .r = &r, .a = a};
    enum err err = examples_of_user(&m, e);
    if (err)
        return err;
    *out = arena_array(a, v->dims, sizeof **out);
    if (!recommend_profile(v->vectors, m.examples, m.example_count, a, *out))
        *out = NULL;
    return 0;
}

static enum err examples_make(struct recommendation *m, struct err_info *e)
{
    const struct recommend_request *r = m->r;
    if (r->user.n)
        return examples_of_user(m, e);
    size_t all = r->positive_count + r->negative_count + r->session_count;
    if (all == 0)
        return err_set(e, ERR_INVALID, "",
                       "needs a user, examples (positive, negative) or a session");
    if (all > EXAMPLES_MAX)
        return err_set(e, ERR_TOO_LARGE, "", "at most %d examples", EXAMPLES_MAX);
    m->examples = arena_array(m->a, all, sizeof *m->examples);
    enum err err = examples_of_ids(m, r->positive, r->positive_count, 1, 1, "/positive", e);
    if (!err)
        err = examples_of_ids(m, r->negative, r->negative_count, -1, 1, "/negative", e);
    if (!err)
        err = examples_of_ids(m, r->session, r->session_count, 1, SESSION_DECAY, "/session", e);
    examples_join(m);
    return err;
}

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
    struct arena *a = arena_new(0);
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
        double weight = recommend_weight(rows[i].type, rows[i].value, age_us, HALF_LIFE_US);
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

static void hit_add(struct recommendation *m, uint32_t number, double score, const char *source)
{
    struct live_row row = live_get(m->c, number);
    if (row.revision)
        m->hits[m->hit_count++] = (struct recommend_hit){
            .number = number, .revision = row.revision, .score = score, .source = source};
}

/* Popular ones first, then the newest: numbers rise with the time of creation. */
static enum err fall_back(struct recommendation *m, size_t depth, struct err_info *e)
{
    enum err err = popular_refresh(m, e);
    if (err)
        return err;
    struct docset rest;
    struct popular_row *rows = arena_array(m->a, POPULAR_MAX, sizeof *rows);
    m->hits = arena_array(m->a, depth, sizeof *m->hits);
    lock_take(&m->c->lock);
    size_t n = m->c->popular_count;
    memcpy(rows, m->c->popular, n * sizeof *rows);
    lock_drop(&m->c->lock);
    docset_init(&rest);
    docset_copy(&rest, &m->within);
    docset_minus(&rest, &m->without);
    for (size_t i = 0; i < n && m->hit_count < depth; i++)
        if (shown(m, rows[i].number)) {
            hit_add(m, rows[i].number, rows[i].score / rows[0].score, "popular");
            docset_remove(&rest, rows[i].number);
        }
    m->model = m->hit_count ? "popular" : "newest";
    for (uint32_t number = (uint32_t)(rest.word_count * 64); number-- > 0 && m->hit_count < depth;)
        if (docset_has(&rest, number))
            hit_add(m, number, 0, "newest");
    docset_release(&rest);
    return 0;
}

static enum err candidates(struct recommendation *m, size_t depth, struct err_info *e)
{
    struct recommend_query q = {
        .examples = m->examples,
        .example_count = m->example_count,
        .without = &m->without,
        .within = &m->within,
        .depth = depth,
        .diversity = m->r->diversity,
        .explain = m->r->explain,
        .mean_cosine = version_mean_cosine(m->v),
    };
    m->model = "profile";
    m->hit_count = 0;
    enum err err =
        m->example_count ? recommend_run(m->v->vectors, &q, m->a, &m->hits, &m->hit_count, e) : 0;
    if (!err && m->hit_count == 0)
        err = fall_back(m, depth, e);
    return err;
}

/* ---- the answer ---- */

static enum err explanation_make(struct recommendation *m, const struct recommend_hit *h,
                                 struct recommend_row *row, struct err_info *e)
{
    size_t n = h->share_count;
    uint32_t *numbers = arena_array(m->a, n + 1, sizeof *numbers);
    struct document_record *docs = arena_array(m->a, n + 1, sizeof *docs);
    if (n == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        numbers[i] = h->shares[i].number;
    enum err err =
        store_documents_by_number(m->x->store, m->a, m->c->id, numbers, n, DOCUMENT_HEAD, docs, e);
    row->explanation = arena_array(m->a, n, sizeof *row->explanation);
    for (size_t i = 0; i < n && !err; i++) {
        if (!docs[i].number)
            continue; /* deleted this very moment */
        row->explanation[row->explanation_count].document = docs[i].id;
        row->explanation[row->explanation_count++].share = h->shares[i].share;
    }
    return err;
}

/* Rows of the hits whose revision is still the stored one; from `offset` on, `limit` of them. */
static enum err rows_make(struct recommendation *m, struct recommend_answer *out,
                          struct err_info *e)
{
    size_t n = m->hit_count, offset = m->r->offset, limit = m->r->limit, standing = 0;
    uint32_t *numbers = arena_array(m->a, n + 1, sizeof *numbers);
    struct document_record *docs = arena_array(m->a, n + 1, sizeof *docs);
    int64_t now_us = clock_wall_us();
    enum err err = 0;
    for (size_t i = 0; i < n; i++)
        numbers[i] = m->hits[i].number;
    if (n > 0)
        err = store_documents_by_number(m->x->store, m->a, m->c->id, numbers, n, DOCUMENT_PAYLOAD,
                                        docs, e);
    out->rows = arena_array(m->a, limit + 1, sizeof *out->rows);
    for (size_t i = 0; i < n && !err && !out->more; i++) {
        const struct recommend_hit *h = &m->hits[i];
        if (!docs[i].number || docs[i].revision != h->revision ||
            document_expired(&docs[i], now_us) || standing++ < offset)
            continue;
        if (out->count == limit) {
            out->more = true;
            continue;
        }
        struct recommend_row *row = &out->rows[out->count++];
        document_out_make(m->a, &docs[i], &row->document);
        row->score = h->score;
        row->source = h->source;
        err = explanation_make(m, h, row, e);
    }
    struct document_out **all = arena_array(m->a, out->count + 1, sizeof *all);
    for (size_t i = 0; i < out->count; i++)
        all[i] = &out->rows[i].document;
    return err ? err : documents_mark_copies(m->c, m->a, all, out->count, e);
}

static enum err recommend_check(const struct recommend_request *r, struct err_info *e)
{
    if (r->limit > 1000)
        return err_set(e, ERR_INVALID, "/limit", "must be 0 to 1000");
    if (r->offset + r->limit > 2000)
        return err_set(e, ERR_INVALID, "/offset", "offset and limit together must not pass 2000");
    if (!(r->diversity >= 0 && r->diversity <= 1))
        return err_set(e, ERR_INVALID, "/diversity", "must be from 0 to 1");
    return 0;
}

enum err engine_recommend(struct engine *x, struct str collection,
                          const struct recommend_request *r, struct arena *a,
                          struct recommend_answer *out, struct err_info *e)
{
    struct recommendation m = {.x = x, .r = r, .a = a, .model = "profile"};
    int64_t t0 = clock_mono_ns();
    enum err err = recommend_check(r, e);
    if (err || (err = collection_find(x, collection, &m.c, e)))
        return err;
    memset(out, 0, sizeof *out);
    m.v = version_active(m.c);
    docset_init(&m.within);
    docset_init(&m.without);
    err = filter_select(m.c, a, r->filter, &m.within, e);
    if (!err)
        err = examples_make(&m, e);
    if (!err)
        err = candidates(&m, r->offset + r->limit + 1 + SLACK, e);
    if (!err)
        err = rows_make(&m, out, e);
    docset_release(&m.within);
    docset_release(&m.without);
    out->embedding_version = m.v->id;
    version_unref(m.v);
    collection_unref(m.c);
    out->model = m.model;
    rng_hex(out->recommendation_id, 32);
    metric_recommend(x, m.model, clock_mono_ns() - t0);
    metric_error(x, err);
    return err;
}
