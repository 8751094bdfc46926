/* The applier: one thread that follows the change log and brings what it names into the indexes,
 * own and foreign writes alike. A change names a document; its present state is read from the
 * store, so applying twice does no harm: the same code is crash recovery. A write that is waited
 * for is acknowledged when the applier has passed it. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/experiments.h"
#include "engine/internal.h"
#include "engine/recommenders.h"
#include "engine/training.h"
#include <stdlib.h>
#include <string.h>

#define STEP_CHANGES 200
#define WAIT_NS 50000000      /* how late a stop may be noticed */
#define RETRY_NS 200000000    /* after an error */
#define LANGUAGE_ASSUMED "en" /* of a text whose language is not known: as if it were English */
#define FAILURES_TOLD 3       /* in a row, before waiting writers are told */

/* ---- one document ---- */

/* The words of a stored document, as near-duplicates are told by them. */
static size_t document_marks(struct arena *a, const json_t *object, uint64_t **out)
{
    struct str title = json_str(json_object_get(object, "title")),
               text = json_str(json_object_get(object, "text"));
    uint64_t *of_title, *of_text;
    size_t n = text_word_marks(a, title, DUPLICATES_WORDS_MAX, &of_title),
           m = text_word_marks(a, text, DUPLICATES_WORDS_MAX - n, &of_text);
    *out = arena_array(a, n + m + 1, sizeof **out);
    memcpy(*out, of_title, n * sizeof **out);
    memcpy(*out + n, of_text, m * sizeof **out);
    return n + m;
}

/* Of another document, for comparing (duplicates_read_fn). */
static bool document_read_marks(void *ctx, uint32_t number, const uint64_t **words, size_t *count)
{
    struct collection *c = ctx;
    struct document_record d = {0};
    struct err_info info = {0};
    json_t *object = NULL;
    uint64_t *marks;
    arena_reset(c->duplicates_arena);
    if (store_documents_by_number(c->engine->store, c->duplicates_arena, c->id, &number, 1,
                                  DOCUMENT_PAYLOAD, &d, &info)) {
        log_event(LOG_WARN, "a document was not compared with one that may be its original",
                  LOG_S("collection", c->name), LOG_S("reason", info.message));
        return false;
    }
    if (!d.number || json_parse_stored(d.payload, &object, NULL))
        return false;
    *count = document_marks(c->duplicates_arena, object, &marks);
    *words = marks;
    json_decref(object);
    return true;
}

/* 0: of none. Among tenants nobody's copy is of another's document. */
static uint64_t tenant_group(const struct collection *c, const json_t *object)
{
    struct str tenant = document_tenant(c, object);
    struct sha256 h;
    uint8_t digest[32];
    uint64_t group = 0;
    if (!tenant.n)
        return 0;
    sha256_init(&h);
    sha256_add(&h, tenant.s, tenant.n);
    sha256_end(&h, digest);
    for (int i = 0; i < 8; i++)
        group = group << 8 | digest[i];
    return group ? group : 1;
}

static void document_compare(struct collection *c, uint32_t number, const json_t *object)
{
    struct arena *a = arena_new(0); /* reading another one resets the collection's */
    uint64_t *words;
    size_t count = document_marks(a, object, &words);
    duplicates_put(c->duplicates, number, tenant_group(c, object), words, count,
                   document_read_marks, c);
    arena_free(a);
}

enum err document_index(struct collection *c, const struct document_record *d, struct err_info *e)
{
    json_t *object = document_for_filters(d);
    if (!object)
        return err_set(e, ERR_CORRUPT, NULL, "the stored document \"%.*s\" is not JSON",
                       STR_ARG(d->id));
    attributes_put(c->attributes, d->number, object);
    document_compare(c, d->number, object);
    json_decref(object);
    live_set(c, d->number, (struct live_row){d->revision});
    return 0;
}

static void document_forget(struct collection *c, uint32_t number)
{
    attributes_delete(c->attributes, number);
    duplicates_delete(c->duplicates, number, document_read_marks, c);
    live_set(c, number, (struct live_row){0});
}

static struct str tags_joined(struct arena *a, const json_t *tags)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    for (size_t i = 0; i < json_array_size(tags); i++) {
        strbuf_add_str(&b, json_str(json_array_get(tags, i)));
        strbuf_add_char(&b, ' ');
    }
    struct str joined = b.n ? arena_str(a, strbuf_str(&b)) : STR("");
    strbuf_release(&b);
    return joined;
}

void document_words(const struct collection *c, struct arena *a, const struct document_record *d,
                    struct words_document *out)
{
    json_t *object = NULL;
    *out = (struct words_document){.number = d->number,
                                   .revision = d->revision,
                                   .lang = STR(""),
                                   .title = STR(""),
                                   .text = STR(""),
                                   .tags = STR(""),
                                   .tenant = STR("")};
    if (json_parse_stored(d->payload, &object, NULL))
        return;
    out->lang = arena_str(a, document_lang(object));
    if (!out->lang.n)
        out->lang = STR(LANGUAGE_ASSUMED);
    out->title = arena_str(a, json_str(json_object_get(object, "title")));
    out->text = arena_str(a, json_str(json_object_get(object, "text")));
    out->tags = tags_joined(a, json_object_get(object, "tags"));
    out->tenant = arena_str(a, document_tenant(c, object));
    json_decref(object);
}

/* ---- a group of documents of one collection ---- */

static void group_words(struct collection *c, const struct document_record *docs,
                        const uint32_t *numbers, size_t n, uint64_t through, struct arena *a)
{
    for (size_t i = 0; i < n; i++) {
        struct words_document d;
        if (docs[i].number) {
            document_words(c, a, &docs[i], &d);
            words_put(c->words, &d);
        } else {
            words_delete(c->words, numbers[i]);
        }
    }
    __atomic_store_n(&c->words_at, through, __ATOMIC_RELAXED); /* the merger reads it */
}

static enum err group_rows(struct collection *c, const struct document_record *docs,
                           const uint32_t *numbers, size_t n, uint64_t through, struct err_info *e)
{
    for (size_t i = 0; i < n; i++) {
        if (docs[i].number == 0) {
            document_forget(c, numbers[i]);
            continue;
        }
        enum err err = document_index(c, &docs[i], e);
        if (err)
            return err;
    }
    __atomic_store_n(&c->rows_at, through, __ATOMIC_RELAXED); /* the merger reads it */
    return 0;
}

static enum err group_version(struct version *v, const struct document_record *docs,
                              const uint32_t *numbers, size_t n, uint64_t through,
                              struct err_info *e)
{
    enum err err = version_apply(v, docs, numbers, n, e);
    if (!err)
        __atomic_store_n(&v->at, through, __ATOMIC_RELAXED); /* the merger reads it */
    return err;
}

/* The vectors that the other versions have of these documents. */
static enum err group_others(struct collection *c, const struct version *active,
                             const uint32_t *numbers, size_t n, uint64_t through, struct arena *a,
                             struct err_info *e)
{
    enum err err = 0;
    struct version *v = NULL;
    while ((v = version_next(c, v))) {
        if (v == active || through <= v->at)
            continue;
        struct document_record *docs = arena_array(a, n, sizeof *docs);
        struct err_info info = {0};
        err = version_passages(v, a, numbers, n, DOCUMENT_PASSAGES | DOCUMENT_VECTORS, docs, &info);
        if (err == ERR_NOT_FOUND) { /* deleted; that change follows */
            err = 0;
            continue;
        }
        if (!err)
            err = group_version(v, docs, numbers, n, through, &info);
        if (err) {
            version_unref(v);
            return err_set(e, err, info.field, "%s", info.message);
        }
    }
    return err;
}

/* One reading of the store for words, attributes and the active version. */
static enum err group_apply(struct collection *c, const uint32_t *numbers, size_t n,
                            uint64_t through, struct arena *a, struct err_info *e)
{
    struct version *v = version_active(c);
    struct document_record *docs = arena_array(a, n, sizeof *docs);
    enum err err = 0;
    if (through > c->words_at || through > c->rows_at || through > v->at)
        err = version_passages(v, a, numbers, n,
                               DOCUMENT_PAYLOAD | DOCUMENT_PASSAGES | DOCUMENT_VECTORS, docs, e);
    if (!err && through > c->words_at)
        group_words(c, docs, numbers, n, through, a);
    if (!err && through > c->rows_at)
        err = group_rows(c, docs, numbers, n, through, e);
    if (!err && through > v->at)
        err = group_version(v, docs, numbers, n, through, e);
    if (!err)
        err = group_others(c, v, numbers, n, through, a, e);
    version_unref(v);
    return err;
}

/* ---- a step: the changes that are there ---- */

struct touched {
    uint32_t collection, number;
};

static int touched_compare(const void *a, const void *b)
{
    const struct touched *x = a, *y = b;
    if (x->collection != y->collection)
        return x->collection < y->collection ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Applies what was gathered, each document once, grouped by collection. */
static enum err touched_apply(struct engine *x, struct touched *t, size_t n, uint64_t through,
                              struct arena *a, struct err_info *e)
{
    uint32_t *numbers = arena_array(a, n + 1, sizeof *numbers);
    qsort(t, n, sizeof *t, touched_compare);
    for (size_t i = 0; i < n;) {
        uint32_t id = t[i].collection;
        size_t count = 0;
        for (; i < n && t[i].collection == id; i++)
            if (count == 0 || numbers[count - 1] != t[i].number)
                numbers[count++] = t[i].number;
        struct collection *c = collection_find_id(x, id);
        if (!c)
            continue; /* deleted meanwhile */
        enum err err = group_apply(c, numbers, count, through, a, e);
        collection_unref(c);
        if (err)
            return err;
    }
    return 0;
}

static enum err collection_change(struct engine *x, const struct change_record *r, struct arena *a,
                                  struct err_info *e)
{
    struct collection_record record;
    struct collection *c = collection_find_id(x, r->collection);
    if (r->kind == CHANGE_COLLECTION_DELETED) {
        if (c)
            collection_unref(c);
        collection_remove(x, r->collection);
        return 0;
    }
    enum err err = store_collection_get(x->store, a, r->collection_name, &record, NULL);
    bool ours = !err && record.id == r->collection; /* else deleted since; that change follows */
    if (ours && c) {
        collection_settings_set(c, &record);
        err = versions_follow(c, e);
    } else if (ours)
        err = collection_open(x, &record, e);
    if (c)
        collection_unref(c);
    return err == ERR_NOT_FOUND ? 0 : err;
}

/* A version was made, promoted or deleted: in effect when this change is passed. */
static enum err version_change(struct engine *x, const struct change_record *r, struct err_info *e)
{
    struct collection *c = collection_find_id(x, r->collection);
    if (!c)
        return 0; /* deleted since */
    enum err err = versions_follow(c, e);
    collection_unref(c);
    return err == ERR_NOT_FOUND ? 0 : err;
}

/* What was trained is promoted, retired or deleted: the same. */
static enum err recommender_change(struct engine *x, const struct change_record *r,
                                   struct err_info *e)
{
    struct collection *c = collection_find_id(x, r->collection);
    if (!c)
        return 0;
    enum err err = recommenders_follow(c, e);
    collection_unref(c);
    return err;
}

static enum err experiment_change(struct engine *x, const struct change_record *r,
                                  struct err_info *e)
{
    struct collection *c = collection_find_id(x, r->collection);
    if (!c)
        return 0;
    enum err err = experiments_follow(c, e);
    collection_unref(c);
    return err;
}

static void feedback_change(struct engine *x, const struct change_record *r)
{
    struct collection *c = collection_find_id(x, r->collection);
    if (!c)
        return;
    lock_take(&c->lock);
    c->feedback_change = r->change;
    lock_drop(&c->lock);
    if (r->kind == CHANGE_USER_DELETED)
        training_erased(c, r->change);
    collection_unref(c);
}

static bool about_document(enum change_kind k)
{
    return k == CHANGE_DOCUMENT_PUT || k == CHANGE_DOCUMENT_DELETED ||
           k == CHANGE_DOCUMENT_PENDING || k == CHANGE_DOCUMENT_EMBEDDED;
}

static bool about_collection(enum change_kind k)
{
    return k == CHANGE_COLLECTION_CREATED || k == CHANGE_COLLECTION_UPDATED ||
           k == CHANGE_COLLECTION_DELETED;
}

static bool about_version(enum change_kind k)
{
    return k == CHANGE_VERSION_CREATED || k == CHANGE_VERSION_UPDATED ||
           k == CHANGE_VERSION_ACTIVATED || k == CHANGE_VERSION_DELETED;
}

static bool about_recommender(enum change_kind k)
{
    return k == CHANGE_RECOMMENDER_CREATED || k == CHANGE_RECOMMENDER_ACTIVATED ||
           k == CHANGE_RECOMMENDER_RETIRED || k == CHANGE_RECOMMENDER_DELETED;
}

static bool about_alias(enum change_kind k)
{
    return k == CHANGE_ALIAS_SET || k == CHANGE_ALIAS_DELETED;
}

/* All of an act come with its first one. */
static bool alias_follows(const struct change_record *rows, size_t i)
{
    return i > 0 && about_alias(rows[i - 1].kind) && rows[i - 1].number > 0;
}

static enum err changes_apply(struct engine *x, const struct change_record *rows, size_t count,
                              struct arena *a, struct err_info *e)
{
    struct touched *t = arena_array(a, count + 1, sizeof *t);
    size_t n = 0;
    enum err err = 0;
    for (size_t i = 0; i < count && !err; i++) {
        const struct change_record *r = &rows[i];
        if (about_document(r->kind)) {
            t[n++] = (struct touched){r->collection, r->number};
        } else if (about_collection(r->kind) || about_version(r->kind)) {
            if (n > 0)
                err = touched_apply(x, t, n, rows[i - 1].change, a, e);
            n = 0;
            if (!err)
                err = about_version(r->kind) ? version_change(x, r, e)
                                             : collection_change(x, r, a, e);
        } else if (r->kind == CHANGE_FEEDBACK || r->kind == CHANGE_USER_DELETED) {
            feedback_change(x, r);
        } else if (about_recommender(r->kind)) {
            err = recommender_change(x, r, e);
        } else if (r->kind == CHANGE_EXPERIMENT_PUT || r->kind == CHANGE_EXPERIMENT_DELETED) {
            err = experiment_change(x, r, e);
        } else if (about_alias(r->kind) && !alias_follows(rows, i)) {
            err = alias_changes(x, r, a, e);
        }
    }
    if (!err && n > 0)
        err = touched_apply(x, t, n, rows[count - 1].change, a, e);
    return err;
}

static void applied_set(struct engine *x, uint64_t change)
{
    lock_take(&x->applied_lock);
    x->applied = change;
    x->applier_err = 0;
    cond_broadcast(&x->applied_cond);
    lock_drop(&x->applied_lock);
}

/* Applies at most STEP_CHANGES. *count: how many. */
static enum err applier_step(struct engine *x, struct arena *a, size_t *count, struct err_info *e)
{
    struct change_record *rows;
    enum err err = store_changes(x->store, a, x->applied, STEP_CHANGES, &rows, count, e);
    if (err || *count == 0)
        return err;
    err = changes_apply(x, rows, *count, a, e);
    if (!err)
        applied_set(x, rows[*count - 1].change);
    return err;
}

enum err applier_catch_up(struct engine *x, struct err_info *e)
{
    struct arena *a = arena_new(0);
    size_t count = 1;
    enum err err = 0;
    while (!err && count > 0) {
        err = applier_step(x, a, &count, e);
        arena_reset(a);
    }
    arena_free(a);
    return err;
}

/* ---- the thread ---- */

static bool applier_stopping(struct engine *x)
{
    lock_take(&x->applied_lock);
    bool stop = x->applier_stop;
    lock_drop(&x->applied_lock);
    return stop;
}

static void applier_failed(struct engine *x, unsigned failures, enum err err,
                           const struct err_info *info)
{
    if (failures == 1 || failures % 100 == 0)
        log_event(LOG_ERROR, "changes could not be applied to the indexes; trying again",
                  LOG_S("reason", info->message), LOG_I("failures", failures));
    metric_error(x, err);
    lock_take(&x->applied_lock);
    if (failures >= FAILURES_TOLD) {
        x->applier_err = err;
        snprintf(x->applier_reason, sizeof x->applier_reason, "%.199s", info->message);
        cond_broadcast(&x->applied_cond);
    }
    lock_drop(&x->applied_lock);
    clock_sleep_ns(RETRY_NS);
}

/* What the builder has stored meanwhile. */
static enum err versions_fetch(struct engine *x, struct arena *a, struct err_info *e)
{
    enum err err = 0;
    for (struct collection *c = NULL; (c = collection_next(x, c));)
        for (struct version *v = NULL; (v = version_next(c, v));)
            if (!err)
                err = version_fetch(v, a, e);
    return err == ERR_NOT_FOUND ? 0 : err; /* deleted; that change follows */
}

static void applier_run(void *arg)
{
    struct engine *x = arg;
    struct arena *a = arena_new(0);
    unsigned failures = 0;
    while (!applier_stopping(x)) {
        struct err_info info = {0};
        size_t count = 0;
        enum err err = 0;
        if (store_changes_wait(x->store, x->applied, clock_mono_ns() + WAIT_NS))
            err = applier_step(x, a, &count, &info);
        if (!err)
            err = versions_fetch(x, a, &info);
        failures = err ? failures + 1 : 0;
        if (err)
            applier_failed(x, failures, err, &info);
        arena_reset(a);
    }
    arena_free(a);
}

void applier_start(struct engine *x)
{
    x->applier = thread_start("applier", applier_run, x);
}

void applier_stop(struct engine *x)
{
    lock_take(&x->applied_lock);
    x->applier_stop = true;
    lock_drop(&x->applied_lock);
    thread_join(x->applier);
    x->applier = NULL;
}

uint64_t applied_now(struct engine *x)
{
    lock_take(&x->applied_lock);
    uint64_t change = x->applied;
    lock_drop(&x->applied_lock);
    return change;
}

enum err applied_wait(struct engine *x, uint64_t change, int64_t deadline_ns, struct err_info *e)
{
    enum err err = 0;
    char reason[sizeof x->applier_reason] = "";
    bool in_time = true;
    lock_take(&x->applied_lock);
    while (x->applied < change && !x->applier_err && !x->applier_stop && in_time) {
        if (deadline_ns)
            in_time = cond_wait_until(&x->applied_cond, &x->applied_lock, deadline_ns);
        else
            cond_wait(&x->applied_cond, &x->applied_lock);
    }
    if (x->applied < change) {
        err = x->applier_err == ERR_FULL ? ERR_FULL
              : x->applier_err           ? ERR_UNAVAILABLE
              : in_time                  ? ERR_CANCELLED
                                         : ERR_TIMEOUT;
        memcpy(reason, x->applier_reason, sizeof reason);
    }
    lock_drop(&x->applied_lock);
    if (err == ERR_TIMEOUT)
        return err_set(e, err, NULL, "stored, but not searchable before the deadline");
    if (err == ERR_CANCELLED)
        return err_set(e, err, NULL, "stored, but akin stops before it is searchable");
    return err ? err_set(e, err, NULL, "stored, but not searchable yet: %s", reason) : 0;
}
