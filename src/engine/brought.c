/* Scores that a team's own algorithm made, uploaded by source and reader (store/brought.c). They
 * are one more source of candidates, and `brought.SOURCE` in score expressions.
 *
 * Documents are kept by number: scores of one that is deleted go with it, also if another comes
 * under its id. */
#include "engine/recommend_impl.h"
#include "recommend/expression.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum err source_check(struct str source, struct err_info *e)
{
    if (expression_source_is_valid(source))
        return 0;
    return err_set(e, ERR_INVALID, "source",
                   "must be 1 to 64 of a-z, 0-9 and _, not beginning with a digit");
}

/* ---- uploading ---- */

struct entry {
    uint32_t number;
    float score;
    size_t row; /* of the upload */
};

static int by_number(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static enum err score_check(const struct scores_in *in, size_t k, struct err_info *e)
{
    char pointer[64];
    double score = in->scores[k].score;
    if (isfinite(score) && fabs(score) <= SCORE_MAX)
        return 0;
    snprintf(pointer, sizeof pointer, "/scores/%zu/score", k);
    return err_set(e, ERR_INVALID, pointer, "must be a number from -1e15 to 1e15");
}

/* The known documents by number; the others are named. */
static enum err entries_make(struct collection *c, const struct scores_in *in, struct arena *a,
                             struct entry *entries, size_t *n, struct scores_result *result,
                             struct err_info *e)
{
    struct str *ids = arena_array(a, in->count + 1, sizeof *ids);
    uint32_t *numbers = arena_array(a, in->count + 1, sizeof *numbers);
    enum err err = 0;
    for (size_t k = 0; k < in->count && !err; k++) {
        ids[k] = in->scores[k].document;
        err = score_check(in, k, e);
    }
    if (!err)
        err = numbers_of_ids(c, NULL, a, ids, in->count, numbers, e);
    if (err)
        return err;
    result->unknown = arena_array(a, in->count + 1, sizeof *result->unknown);
    for (size_t k = 0; k < in->count; k++) {
        if (numbers[k])
            entries[(*n)++] = (struct entry){numbers[k], (float)in->scores[k].score, k};
        else
            result->unknown[result->unknown_count++] = ids[k];
    }
    qsort(entries, *n, sizeof *entries, by_number);
    for (size_t i = 1; i < *n; i++)
        if (entries[i].number == entries[i - 1].number) {
            char pointer[64];
            snprintf(pointer, sizeof pointer, "/scores/%zu/document", entries[i].row);
            return err_set(e, ERR_INVALID, pointer, "is named twice");
        }
    return 0;
}

static enum err record_make(struct collection *c, struct str source, const struct scores_in *in,
                            struct arena *a, struct brought_record *out,
                            struct scores_result *result, struct err_info *e)
{
    size_t n = 0;
    if (in->user.n) {
        enum err bad = id_check(in->user, "/user", e);
        if (bad)
            return bad;
    }
    if (in->count > STORE_SCORES_MAX)
        return err_set(e, ERR_TOO_LARGE, "/scores", "at most %d scores of one reader and source",
                       STORE_SCORES_MAX);
    struct entry *entries = arena_array(a, in->count + 1, sizeof *entries);
    enum err err = entries_make(c, in, a, entries, &n, result, e);
    if (err)
        return err;
    uint32_t *numbers = arena_array(a, n + 1, sizeof *numbers);
    float *scores = arena_array(a, n + 1, sizeof *scores);
    for (size_t i = 0; i < n; i++) {
        numbers[i] = entries[i].number;
        scores[i] = entries[i].score;
    }
    *out = (struct brought_record){.collection = c->id,
                                   .source = source,
                                   .user = in->user,
                                   .numbers = numbers,
                                   .scores = scores,
                                   .count = n};
    result->count = n;
    return 0;
}

static enum err uploads_write(struct collection *c, struct str source, const struct scores_in *in,
                              size_t count, struct arena *a, struct scores_result *results,
                              struct err_info *e)
{
    struct store_act *acts = arena_array(a, count + 1, sizeof *acts);
    struct scores_result **of = arena_array(a, count + 1, sizeof *of);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        struct scores_result *r = &results[i];
        *r = (struct scores_result){.status = "failed"};
        acts[n].kind = ACT_BROUGHT_PUT;
        r->err = record_make(c, source, &in[i], a, &acts[n].brought, r, &r->info);
        if (!r->err)
            of[n++] = r;
    }
    enum err err = n ? store_write(c->engine->store, acts, n, false, NULL, e) : 0;
    for (size_t i = 0; i < n && !err; i++) {
        of[i]->err = acts[i].err;
        of[i]->info = acts[i].info;
        if (!acts[i].err)
            of[i]->status = acts[i].status == ACT_CREATED ? "created" : "updated";
    }
    return err;
}

enum err engine_scores_put(struct engine *x, struct str collection, struct str source,
                           const struct scores_in *in, size_t count, struct arena *a,
                           struct scores_result *results, struct err_info *e)
{
    struct collection *c;
    size_t scores = 0;
    for (size_t i = 0; i < count; i++)
        scores += in[i].count;
    if (count > SCORES_READERS_MAX || scores > SCORES_UPLOAD_MAX)
        return err_set(e, ERR_TOO_LARGE, "", "at most %d readers and %d scores in one request",
                       SCORES_READERS_MAX, SCORES_UPLOAD_MAX);
    enum err err = source_check(source, e);
    if (err || (err = collection_find(x, collection, &c, e)))
        return err;
    err = uploads_write(c, source, in, count, a, results, e);
    collection_unref(c);
    metric_error(x, err);
    return err;
}

/* ---- reading and deleting ---- */

enum err engine_scores_get(struct engine *x, struct str collection, struct str source,
                           struct str user, struct arena *a, struct scores_out *out,
                           struct err_info *e)
{
    struct collection *c;
    struct brought_record b = {0};
    enum err err = source_check(source, e);
    if (err || (err = collection_find(x, collection, &c, e)))
        return err;
    err = store_brought_get(x->store, a, c->id, source, user, &b, e);
    struct document_record *docs = arena_array(a, b.count + 1, sizeof *docs);
    if (!err && b.count)
        err = store_documents_by_number(x->store, a, c->id, b.numbers, b.count, DOCUMENT_HEAD, docs,
                                        e);
    collection_unref(c);
    if (err)
        return err;
    *out = (struct scores_out){.updated_us = b.updated_us};
    out->scores = arena_array(a, b.count + 1, sizeof *out->scores);
    for (size_t i = 0; i < b.count; i++)
        if (docs[i].number)
            out->scores[out->count++] = (struct score_of){docs[i].id, (double)b.scores[i]};
    return 0;
}

enum err engine_scores_sources(struct engine *x, struct str collection, struct arena *a,
                               struct str **out, size_t *count, struct err_info *e)
{
    struct collection *c;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = store_brought_sources(x->store, a, c->id, out, count, e);
    collection_unref(c);
    return err;
}

static enum err brought_act(struct collection *c, struct store_act *act, struct err_info *e)
{
    enum err err = store_write(c->engine->store, act, 1, false, NULL, e);
    if (!err && act->err)
        err = err_set(e, act->err, act->info.field, "%s", act->info.message);
    return err;
}

enum err engine_scores_delete(struct engine *x, struct str collection, struct str source,
                              struct str user, struct err_info *e)
{
    struct collection *c;
    enum err err = source_check(source, e);
    if (err || (err = collection_find(x, collection, &c, e)))
        return err;
    struct store_act act = {
        .kind = ACT_BROUGHT_DELETE,
        .brought = {.collection = c->id, .source = source, .user = user},
    };
    err = brought_act(c, &act, e);
    collection_unref(c);
    return err;
}

enum err engine_scores_clear(struct engine *x, struct str collection, struct str source,
                             struct err_info *e)
{
    struct collection *c;
    struct err_info info = {0};
    bool some = false;
    enum err err = source_check(source, e);
    if (err || (err = collection_find(x, collection, &c, e)))
        return err;
    while (!err) {
        struct store_act act = {
            .kind = ACT_BROUGHT_CLEAR,
            .brought = {.collection = c->id, .source = source},
        };
        err = engine_closing(x) ? err_set(&info, ERR_CANCELLED, "", "the server is stopping")
                                : brought_act(c, &act, &info);
        some |= !err;
    }
    collection_unref(c);
    if (err == ERR_NOT_FOUND && some)
        return 0;
    return err_set(e, err, info.field, "%s", info.message);
}

/* ---- for recommending ---- */

static enum err brought_read(struct collection *c, struct str source, struct str user,
                             struct arena *a, struct brought_record *out, struct err_info *e)
{
    struct err_info info = {0};
    enum err err = store_brought_get(c->engine->store, a, c->id, source, user, out, &info);
    if (err == ERR_NOT_FOUND) {
        out->count = 0;
        return 0;
    }
    return err ? err_set(e, err, info.field, "%s", info.message) : 0;
}

enum err brought_scores(struct collection *c, struct str source, struct str user, struct arena *a,
                        const uint32_t **numbers, const float **scores, size_t *count,
                        struct err_info *e)
{
    struct brought_record all, own = {0};
    enum err err = brought_read(c, source, STR(""), a, &all, e);
    if (!err && user.n)
        err = brought_read(c, source, user, a, &own, e);
    if (err)
        return err;
    uint32_t *n = arena_array(a, all.count + own.count + 1, sizeof *n);
    float *s = arena_array(a, all.count + own.count + 1, sizeof *s);
    size_t i = 0, k = 0, total = 0;
    while (i < own.count || k < all.count) {
        bool mine = k == all.count || (i < own.count && own.numbers[i] <= all.numbers[k]);
        n[total] = mine ? own.numbers[i] : all.numbers[k];
        s[total++] = mine ? own.scores[i] : all.scores[k];
        k += k < all.count && n[total - 1] == all.numbers[k];
        i += mine;
    }
    *numbers = n;
    *scores = s;
    *count = total;
    return 0;
}
