/* What to show a reader next: the steps of an answer, in order, and its rows. */
#include "base/clock.h"
#include "base/rng.h"
#include "engine/recommend_impl.h"
#include <string.h>

#define EXPLANATION_PARTS 3
/* Diversity chooses from this many times what is wanted, and at most POOL_MAX: it is quadratic. */
enum { POOL_TIMES = 4, POOL_MIN = 50, POOL_MAX = 1000 };

static enum err explain(struct recommendation *m, const struct candidate *k,
                        struct recommend_row *row, struct err_info *e)
{
    struct explanation_part *parts;
    size_t n;
    double rest, sum = 0;
    enum err err = explanation_make(m, k, EXPLANATION_PARTS, &parts, &n, &rest, e);
    if (err || n == 0)
        return err;
    uint32_t *numbers = arena_array(m->a, n, sizeof *numbers);
    struct document_record *docs = arena_array(m->a, n, sizeof *docs);
    for (size_t i = 0; i < n; i++) {
        numbers[i] = parts[i].number;
        sum += parts[i].part;
    }
    err =
        store_documents_by_number(m->x->store, m->a, m->c->id, numbers, n, DOCUMENT_HEAD, docs, e);
    row->explanation = arena_array(m->a, n, sizeof *row->explanation);
    for (size_t i = 0; i < n && !err; i++) {
        if (!docs[i].number)
            continue; /* deleted this very moment */
        row->explanation[row->explanation_count].document = docs[i].id;
        row->explanation[row->explanation_count++].share = sum > 0 ? parts[i].part / sum : 0;
    }
    return err;
}

/* Rows of the slots whose revision is still the stored one; from `offset` on, `limit` of them. */
static enum err rows_make(struct recommendation *m, struct candidate **slots, size_t n,
                          struct recommend_answer *out, struct err_info *e)
{
    size_t offset = m->r->offset, limit = m->r->limit, standing = 0;
    uint32_t *numbers = arena_array(m->a, n + 1, sizeof *numbers);
    struct document_record *docs = arena_array(m->a, n + 1, sizeof *docs);
    enum err err = 0;
    for (size_t i = 0; i < n; i++)
        numbers[i] = slots[i]->number;
    if (n > 0)
        err = store_documents_by_number(m->x->store, m->a, m->c->id, numbers, n, DOCUMENT_PAYLOAD,
                                        docs, e);
    out->rows = arena_array(m->a, limit + 1, sizeof *out->rows);
    for (size_t i = 0; i < n && !err && !out->more; i++) {
        const struct candidate *k = slots[i];
        if (!docs[i].number || docs[i].revision != k->revision ||
            document_expired(&docs[i], m->now_us) || standing++ < offset)
            continue;
        if (out->count == limit) {
            out->more = true;
            continue;
        }
        struct recommend_row *row = &out->rows[out->count++];
        document_out_make(m->a, &docs[i], &row->document);
        row->score = k->score;
        row->source = k->source;
        if (m->r->explain)
            err = explain(m, k, row, e);
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

static size_t depth_of(const struct recommend_request *r)
{
    size_t depth = r->offset + r->limit + 1 + RECOMMEND_SLACK, n = depth * POOL_TIMES;
    if (r->diversity <= 0)
        return depth;
    n = n < POOL_MIN ? POOL_MIN : n > POOL_MAX ? POOL_MAX : n;
    return n > depth ? n : depth;
}

static enum err answer_make(struct recommendation *m, struct recommend_answer *out,
                            struct err_info *e)
{
    size_t count;
    enum err err = filter_select(m->c, m->a, m->r->filter, &m->within, e);
    if (!err)
        err = examples_make(m, e);
    if (!err)
        err = candidates_make(m, depth_of(m->r), e);
    if (err)
        return err;
    struct candidate **slots = arena_array(m->a, m->candidate_count + 1, sizeof *slots);
    err = slots_make(m, slots, &count, e);
    return err ? err : rows_make(m, slots, count, out, e);
}

enum err engine_recommend(struct engine *x, struct str collection,
                          const struct recommend_request *r, struct arena *a,
                          struct recommend_answer *out, struct err_info *e)
{
    struct recommendation m = {
        .x = x, .r = r, .a = a, .now_us = clock_wall_us(), .model = "profile"};
    int64_t t0 = clock_mono_ns();
    enum err err = recommend_check(r, e);
    if (err || (err = collection_find(x, collection, &m.c, e)))
        return err;
    memset(out, 0, sizeof *out);
    m.v = version_active(m.c);
    docset_init(&m.within);
    docset_init(&m.without);
    m.learned = recommender_take(m.c, 0);
    err = answer_make(&m, out, e);
    recommender_release(m.learned);
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
