/* The end of a training of kind "adapter": what its report lets through becomes a model of the data
 * directory and an embedding version of it, made of stored vectors. Search judges it last: pieces
 * of documents' texts, as queries, must find their documents as well as before. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/rng.h"
#include "engine/training.h"
#include "math/adapter.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>

#define LOSS_MAX .005 /* of nDCG@10 */
#define QUERIES 300
#define QUERY_WORDS 5
#define TRIES 4             /* numbers drawn for each wanted: some are gone */
#define TEXT_BYTES_MAX 4000 /* a piece is taken from so far in front */
#define LOOK_NS 100000000
#define COMPARE_NS 600000000000LL

struct version *training_adapter_base(struct collection *c, struct err_info *e)
{
    struct version *active = version_active(c), *found = NULL;
    if (!active->model) {
        err_set(e, ERR_UNAVAILABLE, NULL, "the model cannot be opened: %s", active->reason);
        version_unref(active);
        return NULL;
    }
    const char *base = model_info(active->model)->base_digest;
    if (!base[0])
        return active;
    for (struct version *v = NULL; (v = version_next(c, v));)
        if (!found && strcmp(v->model_digest, base) == 0)
            found = version_find(c, v->id);
    version_unref(active);
    if (!found)
        err_set(e, ERR_CONFLICT, NULL,
                "the active embedding version has an adapter, and the version that it was made of "
                "is gone: make one of that model first");
    return found;
}

/* ---- queries ---- */

/* Some words in a row; empty: it has too few. */
static struct str piece_of(struct str text, struct rng *rng, struct arena *a)
{
    struct strbuf b;
    struct str words[TEXT_BYTES_MAX / 2];
    size_t n = 0, max = text.n < TEXT_BYTES_MAX ? text.n : utf8_floor(text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < max;) {
        size_t from = i;
        while (i < max && (unsigned char)text.s[i] > ' ')
            i++;
        if (i > from)
            words[n++] = (struct str){text.s + from, i - from};
        while (i < max && (unsigned char)text.s[i] <= ' ')
            i++;
    }
    if (n < 2 * QUERY_WORDS)
        return STR("");
    size_t at = rng_below(rng, n - QUERY_WORDS);
    strbuf_init(&b, 0);
    for (size_t i = 0; i < QUERY_WORDS; i++) {
        strbuf_add_c(&b, i ? " " : "");
        strbuf_add(&b, words[at + i].s, words[at + i].n);
    }
    struct str out = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return out;
}

static enum err queries_make(struct training_job *j, struct compare_judgment *out, size_t *count,
                             struct err_info *e)
{
    struct rng rng;
    uint32_t numbers[QUERIES * TRIES];
    struct document_record *docs = arena_array(j->a, QUERIES * TRIES, sizeof *docs);
    lock_take(&j->c->lock);
    size_t live = j->c->live_count;
    lock_drop(&j->c->lock);
    rng_init(&rng, j->order->seed);
    *count = 0;
    for (size_t i = 0; i < QUERIES * TRIES; i++)
        numbers[i] = (uint32_t)(live > 1 ? 1 + rng_below(&rng, live - 1) : 0);
    enum err err = store_documents_by_number(j->x->store, j->a, j->c->id, numbers, QUERIES * TRIES,
                                             DOCUMENT_PAYLOAD, docs, e);
    for (size_t i = 0; i < QUERIES * TRIES && *count < QUERIES && !err; i++) {
        json_t *payload = NULL;
        if (!docs[i].number || json_parse_stored(docs[i].payload, &payload, NULL))
            continue;
        struct str q = piece_of(json_str(json_object_get(payload, "text")), &rng, j->a);
        if (q.n)
            out[(*count)++] = (struct compare_judgment){q, arena_str(j->a, docs[i].id), 1};
        json_decref(payload);
    }
    return err;
}

/* ---- what search says ---- */

static double ndcg_of(const json_t *report, const char *side)
{
    return json_number_value(json_object_get(json_object_get(report, side), "ndcg_at_10"));
}

static enum err search_judges(struct training_job *j, uint32_t version, bool *passed,
                              struct err_info *e)
{
    struct training_order *o = j->order;
    struct compare_judgment *judgments = arena_array(j->a, QUERIES, sizeof *judgments);
    struct compare_request r = {.judgments = judgments};
    struct version_info info;
    json_t *report = NULL;
    enum err err = queries_make(j, judgments, &r.judgment_count, e);
    *passed = false;
    if (!err && r.judgment_count == 0) {
        snprintf(o->why, sizeof o->why, "there are no texts that search could be judged by");
        return 0;
    }
    if (!err)
        err = engine_version_compare(j->x, str_c(j->c->name), version, &r,
                                     clock_mono_ns() + COMPARE_NS, j->a, &info, e);
    if (!err)
        err = json_parse_stored(info.report, &report, e);
    if (err)
        return err;
    double before = ndcg_of(report, "active"), after = ndcg_of(report, "candidate");
    json_decref(report);
    *passed = after >= before - LOSS_MAX;
    snprintf(o->why, sizeof o->why,
             "held-out readers and new documents gain; nDCG@10 of %zu pieces of texts as queries "
             "is %.4f, and was %.4f%s",
             r.judgment_count, after, before, *passed ? "" : ": search loses too much");
    return 0;
}

/* ---- the version ---- */

static enum err version_wait(struct training_job *j, uint32_t id, struct err_info *e)
{
    struct version_info info;
    for (;;) {
        enum err err = engine_version_get(j->x, str_c(j->c->name), id, j->a, &info, e);
        if (err || strcmp(info.state, "building") != 0)
            return err;
        if (training_cancelled(j->x, j->task) || trainer_stopping(j->x))
            return err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
        training_at(j->x, "adapting vectors",
                    info.documents ? 1 - (double)info.missing / (double)info.documents : 1);
        clock_sleep_ns(LOOK_NS);
    }
}

static enum err version_make(struct training_job *j, struct str name, uint32_t *id,
                             struct err_info *e)
{
    const struct model_info *m = model_info(j->v->model);
    struct version_choice choice = {.model = name,
                                    .precision = str_c(precision_name(m->precision)),
                                    .dimensions = m->dims < m->dims_full ? m->dims : 0};
    struct version_info info;
    enum err err = engine_version_create(j->x, str_c(j->c->name), &choice, j->a, &info, e);
    *id = err ? 0 : info.id;
    return err;
}

/* Nothing of it stays. */
static void version_undo(struct engine *x, const char *collection, uint32_t id, const char *dir)
{
    struct err_info info = {0};
    enum err err = id ? engine_version_delete(x, str_c(collection), id, &info) : 0;
    if (err)
        log_event(LOG_WARN, "an embedding version could not be removed",
                  LOG_S("collection", collection), LOG_I("version", id),
                  LOG_S("reason", info.message));
    if (!err || err == ERR_NOT_FOUND)
        (void)!file_remove_tree(dir, NULL);
}

static bool was_used(const struct version_info *v)
{
    return strcmp(v->state, "building") != 0 && strcmp(v->state, "ready") != 0;
}

void training_adapter_cut_off(struct engine *x, struct training_order *o)
{
    struct version_info v;
    struct arena *a = arena_new(0);
    if (o->version && !engine_version_get(x, str_c(o->collection), o->version, a, &v, NULL) &&
        !was_used(&v))
        version_undo(x, o->collection, o->version,
                     arena_printf(a, "%s/models/%.*s", x->data_dir, STR_ARG(v.model)));
    o->version = 0;
    arena_free(a);
}

/* Has the model been here before? What has no version, or one that an attempt before this was cut
 * off at, is cleared away. */
static bool adapter_is_known(struct training_job *j, const char *name, const char *dir)
{
    struct version_info *all;
    struct str collection = str_c(j->c->name);
    size_t count;
    uint32_t id = 0;
    if (!file_is_dir(dir) || engine_version_list(j->x, collection, j->a, &all, &count, NULL))
        return false;
    for (size_t i = 0; i < count; i++)
        if (str_eq_c(all[i].model, name)) {
            if (j->order->attempt < 2 || was_used(&all[i]))
                return true;
            id = all[i].id;
        }
    version_undo(j->x, j->c->name, id, dir);
    return false;
}

/* One that search refuses is undone: *passed false. */
static enum err adapter_try(struct training_job *j, const struct adapter *adapter, bool *passed,
                            struct err_info *e)
{
    uint32_t id = 0;
    char *name = arena_printf(j->a, "%.48s-adapter-%.8s", j->c->name, adapter->digest);
    char *dir = arena_printf(j->a, "%s/models/%s", j->x->data_dir, name);
    if ((*passed = adapter_is_known(j, name, dir))) {
        snprintf(j->order->why, sizeof j->order->why,
                 "the same adapter was learned before: it is the model %s", name);
        return 0;
    }
    enum err err = model_adapter_install(dir, j->v->model_name, adapter, e);
    if (!err)
        err = version_make(j, str_c(name), &id, e);
    j->order->version = id; /* known, should akin end here */
    if (!err)
        err = training_task_write(j->x, j->task, TASK_RUNNING, j->order, e);
    if (!err)
        err = version_wait(j, id, e);
    if (!err)
        err = search_judges(j, id, passed, e);
    if (!err && *passed)
        return 0;
    version_undo(j->x, j->c->name, id, dir);
    j->order->version = 0;
    return err;
}

static enum err version_promote(struct training_job *j, struct err_info *e)
{
    struct training_order *o = j->order;
    struct version_info info;
    if (!o->version || !o->promote)
        return 0;
    enum err err = engine_version_promote(j->x, str_c(j->c->name), o->version, j->a, &info, e);
    o->promoted = !err;
    return err;
}

/* The strongest by which readers gain and search loses nothing. */
static enum err adapter_use(struct training_job *j, const struct adapter *adapter,
                            const json_t *strengths, struct err_info *e)
{
    size_t n = (size_t)adapter->dims * adapter->dims, i;
    float *matrix = xmalloc(n * sizeof *matrix);
    const json_t *s;
    enum err err = 0;
    bool passed = false;
    json_array_foreach((json_t *)strengths, i, s)
    {
        double strength = json_number_value(json_object_get(s, "strength"));
        if (err || passed || !json_is_true(json_object_get(s, "gains")))
            continue;
        for (size_t k = 0; k < n; k++)
            matrix[k] = (float)strength * adapter->matrix[k];
        struct adapter *scaled = adapter_new(adapter->dims, matrix);
        err = adapter_try(j, scaled, &passed, e);
        j->order->strength = strength;
        adapter_free(scaled);
    }
    free(matrix);
    return err ? err : version_promote(j, e);
}

enum err training_adapter_keep(struct training_job *j, struct err_info *e)
{
    struct adapter *adapter;
    json_t *report = NULL;
    enum err err = adapter_load(j->model, &adapter, e);
    if (err)
        return err;
    if (!(err = json_parse_stored(j->report, &report, e))) {
        struct str reason = json_str(json_object_get(report, "reason"));
        snprintf(j->order->why, sizeof j->order->why, "%.*s", STR_ARG(reason));
        if (json_is_true(json_object_get(report, "promote")))
            err = adapter_use(j, adapter, json_object_get(report, "strengths"), e);
    }
    json_decref(report);
    adapter_free(adapter);
    j->order->report = j->report;
    return err;
}
