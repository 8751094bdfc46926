/* Trained models in memory: read, lent, swapped, dropped. The applier alone decides which one
 * serves; a swap is one assignment under the collection's lock, and whoever holds the old one
 * keeps it to the end of the answer. */
#include "engine/recommenders.h"
#include "engine/classifiers.h"
#include "engine/experiments.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/recommend_impl.h"
#include "recommend/newcomers.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LOADED_MAX 3                 /* beside the one that serves: for rollback and experiments */
#define FAILED_AGAIN_NS 30000000000L /* a file that could not be read is tried again after */

struct held {
    struct recommender r; /* model NULL: it could not be read, and why: */
    char error[200];
    int64_t failed_ns;
    struct collection *collection;
    unsigned refs; /* the list has one */
    uint64_t used; /* larger: later */
    struct held *next;
};

struct recommenders {
    struct collection *collection;
    struct cond read; /* a file was read, or could not be */
    struct held *all; /* collection->lock, as all that follows */
    uint32_t serving; /* 0: none */
    uint32_t reading; /* 0: nobody reads a file */
    uint64_t uses;
};

struct recommenders *recommenders_new(struct collection *c)
{
    struct recommenders *r = xcalloc(1, sizeof *r);
    r->collection = c;
    cond_init(&r->read);
    return r;
}

char *recommender_path(struct collection *c, uint32_t id, struct arena *a)
{
    const char *data = c->engine->data_dir;
    return id ? arena_printf(a, "%s/recommenders/%u/%u.model", data, c->id, id)
              : arena_printf(a, "%s/recommenders/%u", data, c->id);
}

/* ---- the list ---- */

static struct held *held_find(struct recommenders *r, uint32_t id)
{
    struct held *h = r->all;
    lock_assert_held(&r->collection->lock);
    while (h && h->r.id != id)
        h = h->next;
    return h;
}

static void held_free(struct held *h)
{
    newcomers_free(h->r.newcomers);
    recommend_model_free(h->r.model);
    free(h);
}

/* Out of the list; the caller frees what is returned, without the lock. NULL: it is lent. */
static struct held *held_remove(struct recommenders *r, struct held *h)
{
    struct held **at = &r->all;
    lock_assert_held(&r->collection->lock);
    while (*at != h)
        at = &(*at)->next;
    *at = h->next;
    return --h->refs == 0 ? h : NULL;
}

void recommenders_free(struct recommenders *r)
{
    if (!r)
        return;
    while (r->all) {
        struct held *h = r->all;
        r->all = h->next;
        assert(h->refs == 1);
        held_free(h);
    }
    cond_release(&r->read);
    free(r);
}

/* The one that was asked for longest ago, if there are too many; the caller frees it. */
static struct held *held_evict(struct recommenders *r)
{
    struct held *oldest = NULL;
    unsigned n = 0;
    for (struct held *h = r->all; h; h = h->next) {
        if (h->r.id == r->serving)
            continue;
        n++;
        if (!oldest || h->used < oldest->used)
            oldest = h;
    }
    return n > LOADED_MAX ? held_remove(r, oldest) : NULL;
}

struct recommender *recommender_for(const struct sight *s, uint32_t id)
{
    return sight_is_tenants(s) ? NULL : recommender_take(s->collection, id);
}

void recommender_release(struct recommender *lent)
{
    if (!lent)
        return;
    struct held *h = (struct held *)lent;
    lock_take(&h->collection->lock);
    assert(h->refs > 0);
    bool last = --h->refs == 0;
    lock_drop(&h->collection->lock);
    if (last)
        held_free(h);
}

/* ---- reading a file ---- */

/* A file that is whole but not the one that the record tells of is refused as well. */
static enum err foreign_check(const char *path, const struct recommender_record *r,
                              struct err_info *e)
{
    char digest[65];
    enum err err = file_sha256(path, digest, e);
    if (err || str_eq_c(r->digest, digest))
        return err;
    return err_set(e, ERR_CORRUPT, "recommender", "%s is not the file that was made", path);
}

static enum err model_read(struct collection *c, uint32_t id, struct held *out, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct recommender_record r;
    struct recommend_model *m = NULL;
    enum err err = store_recommender_get(c->engine->store, a, id, &r, e);
    if (!err && r.collection != c->id)
        err = err_set(e, ERR_NOT_FOUND, "recommender", "collection \"%s\" has no recommender %u",
                      c->name, id);
    const char *path = recommender_path(c, id, a);
    if (!err && !file_exists(path))
        err = err_set(e, ERR_NOT_FOUND, "recommender", "the file %s is missing: train again", path);
    if (!err)
        err = foreign_check(path, &r, e);
    if (!err)
        err = recommend_model_load(path, &m, e);
    if (!err)
        out->r = (struct recommender){.id = id, .version = r.version, .model = m};
    arena_free(a);
    return err;
}

/* A new row of the list, with the model or with why there is none. */
static struct held *held_read(struct collection *c, uint32_t id)
{
    struct held *h = xcalloc(1, sizeof *h);
    struct err_info info = {0};
    h->collection = c;
    h->refs = 1;
    h->r.id = id;
    if (model_read(c, id, h, &info)) {
        h->failed_ns = clock_mono_ns();
        snprintf(h->error, sizeof h->error, "%.199s", info.message);
        log_event(LOG_ERROR, "a recommender cannot be used", LOG_S("collection", c->name),
                  LOG_I("recommender", id), LOG_S("reason", info.message));
    }
    return h;
}

/* Reads it in place of what was known of it; one at a time, so that many who ask do not read the
 * same file. With the lock, which is dropped meanwhile. */
static void held_refresh(struct recommenders *r, uint32_t id)
{
    struct collection *c = r->collection;
    struct held *old, *evicted;
    r->reading = id;
    lock_drop(&c->lock);
    struct held *h = held_read(c, id);
    lock_take(&c->lock);
    old = held_find(r, id);
    old = old ? held_remove(r, old) : NULL;
    h->next = r->all;
    h->used = ++r->uses;
    r->all = h;
    evicted = held_evict(r);
    r->reading = 0;
    cond_broadcast(&r->read);
    lock_drop(&c->lock);
    if (old)
        held_free(old);
    if (evicted)
        held_free(evicted);
    lock_take(&c->lock);
}

static bool worth_reading(const struct held *h)
{
    return !h || (!h->r.model && clock_mono_ns() - h->failed_ns > FAILED_AGAIN_NS);
}

/* With the lock, which may be dropped meanwhile. NULL: evicted by others at once. */
static struct held *held_get(struct recommenders *r, uint32_t id, bool again)
{
    while (r->reading)
        cond_wait(&r->read, &r->collection->lock);
    struct held *h = held_find(r, id);
    if (worth_reading(h) || (again && !h->r.model)) {
        held_refresh(r, id);
        h = held_find(r, id);
    }
    if (h)
        h->used = ++r->uses;
    return h;
}

struct recommender *recommender_take(struct collection *c, uint32_t id)
{
    struct recommenders *r = c->recommenders;
    lock_take(&c->lock);
    struct held *h = id ? held_get(r, id, false) : held_find(r, r->serving);
    if (h && !h->r.model)
        h = NULL;
    if (h)
        h->refs++;
    lock_drop(&c->lock);
    return h ? &h->r : NULL;
}

enum err recommender_check(struct collection *c, uint32_t id, struct err_info *e)
{
    enum err err = 0;
    lock_take(&c->lock);
    struct held *h = held_get(c->recommenders, id, true);
    if (!h || !h->r.model)
        err = err_set(e, ERR_CORRUPT, "recommender", "recommender %u cannot be used: %s", id,
                      h ? h->error : "others are asked for all the time");
    lock_drop(&c->lock);
    return err;
}

/* ---- following the store ---- */

const struct recommender_record *recommender_retired(const struct recommender_record *rows,
                                                     size_t count, struct str label,
                                                     const struct recommender_record *before)
{
    const struct recommender_record *last = NULL;
    for (size_t i = 0; i < count; i++)
        if (rows[i].state == RECOMMENDER_RETIRED && str_eq(rows[i].label, label) &&
            (!before || rows[i].revision < before->revision) &&
            (!last || rows[i].revision > last->revision))
            last = &rows[i];
    return last;
}

static bool listed(const struct recommender_record *rows, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].id == id)
            return true;
    return false;
}

/* Deleted ones leave memory, and their files go. */
static void gone_remove(struct collection *c, const struct recommender_record *rows, size_t count)
{
    struct recommenders *r = c->recommenders;
    lock_take(&c->lock);
    struct held *h = r->all;
    while (h && (listed(rows, count, h->r.id) || h->r.id == r->serving))
        h = h->next;
    bool more = h != NULL;
    h = h ? held_remove(r, h) : NULL;
    lock_drop(&c->lock);
    if (h)
        held_free(h);
    if (more)
        gone_remove(c, rows, count);
}

static bool usable(struct collection *c, uint32_t id)
{
    lock_take(&c->lock);
    struct held *h = held_get(c->recommenders, id, true);
    bool there = h && h->r.model;
    lock_drop(&c->lock);
    return there;
}

static void serve(struct collection *c, uint32_t id, struct str report)
{
    struct recommenders *r = c->recommenders;
    lock_take(&c->lock);
    bool swap = r->serving != id;
    r->serving = id;
    lock_drop(&c->lock);
    if (swap)
        metric_recommender(c, report);
    if (swap)
        log_event(LOG_INFO, id ? "a trained recommender serves" : "no trained recommender serves",
                  LOG_S("collection", c->name), LOG_I("recommender", id));
}

/* The active one cannot be read: the one that serves stays; at a start one that was active before.
 */
static void serve_other(struct collection *c, const struct recommender_record *rows, size_t count)
{
    lock_take(&c->lock);
    uint32_t serving = c->recommenders->serving;
    lock_drop(&c->lock);
    if (serving && listed(rows, count, serving))
        return;
    for (const struct recommender_record *p = NULL;
         (p = recommender_retired(rows, count, STR(""), p));)
        if (usable(c, p->id)) {
            serve(c, p->id, p->report);
            return;
        }
    serve(c, 0, STR(""));
}

enum err recommenders_follow(struct collection *c, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct recommender_record *rows;
    size_t count;
    uint32_t active = 0;
    struct str report = STR("");
    enum err err = store_recommender_list(c->engine->store, a, c->id, &rows, &count, e);
    for (size_t i = 0; i < count && !err; i++)
        if (rows[i].state == RECOMMENDER_ACTIVE && !rows[i].label.n)
            active = rows[i].id, report = rows[i].report;
    if (!err && active && !usable(c, active))
        serve_other(c, rows, count);
    else if (!err)
        serve(c, active, report);
    if (!err)
        gone_remove(c, rows, count);
    if (!err)
        classifiers_follow(c, rows, count);
    arena_free(a);
    return err;
}

/* ---- what a user does ---- */

static const char *const state_names[] = {[RECOMMENDER_CANDIDATE] = "candidate",
                                          [RECOMMENDER_ACTIVE] = "active",
                                          [RECOMMENDER_RETIRED] = "retired"};

enum err recommender_act(struct engine *x, struct store_act *act, struct err_info *e)
{
    struct position at;
    enum err err = store_write(x->store, act, 1, false, &at, e);
    if (!err && act->err)
        err = err_set(e, act->err, act->info.field, "%s", act->info.message);
    return err ? err : applied_wait(x, at.change, 0, e);
}

static void info_make(struct collection *c, const struct recommender_record *r, struct arena *a,
                      struct recommender_info *out)
{
    struct recommenders *all = c->recommenders;
    struct position at;
    store_position(c->engine->store, &at);
    at.change = r->change;
    *out = (struct recommender_info){.id = r->id,
                                     .state = state_names[r->state],
                                     .label = r->label,
                                     .kind = r->kind,
                                     .digest = r->digest,
                                     .bytes = r->bytes,
                                     .embedding_version = r->version,
                                     .position = position_text(a, &at),
                                     .acts = r->acts,
                                     .report = r->report,
                                     .error = STR(""),
                                     .created_us = r->created_us,
                                     .updated_us = r->updated_us,
                                     .revision = r->revision};
    if (r->label.n) {
        classifiers_tell(c, a, out);
        return;
    }
    lock_take(&c->lock);
    struct held *h = held_find(all, r->id);
    if (h)
        out->error = arena_str(a, str_c(h->error));
    out->memory_bytes = h && h->r.model ? h->r.model->bytes : 0;
    out->serving = all->serving == r->id;
    lock_drop(&c->lock);
}

static enum err record_find(struct collection *c, uint32_t id, struct arena *a,
                            struct recommender_record *out, struct err_info *e)
{
    enum err err = store_recommender_get(c->engine->store, a, id, out, NULL);
    if (!err && out->collection == c->id)
        return 0;
    return err_set(e, err && err != ERR_NOT_FOUND ? err : ERR_NOT_FOUND, "recommender",
                   "collection \"%s\" has no recommender %u", c->name, id);
}

static enum err info_get(struct collection *c, uint32_t id, struct arena *a,
                         struct recommender_info *out, struct err_info *e)
{
    struct recommender_record r;
    enum err err = record_find(c, id, a, &r, e);
    if (!err)
        info_make(c, &r, a, out);
    return err;
}

enum err engine_recommender_list(struct engine *x, struct str collection, struct arena *a,
                                 struct recommender_info **out, size_t *count, struct err_info *e)
{
    struct collection *c;
    struct recommender_record *rows;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    if (!(err = store_recommender_list(x->store, a, c->id, &rows, count, e))) {
        *out = arena_array(a, *count + 1, sizeof **out);
        for (size_t i = 0; i < *count; i++)
            info_make(c, &rows[i], a, &(*out)[i]);
    }
    collection_unref(c);
    return err;
}

enum err engine_recommender_get(struct engine *x, struct str collection, uint32_t id,
                                struct arena *a, struct recommender_info *out, struct err_info *e)
{
    struct collection *c;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = info_get(c, id, a, out, e);
    collection_unref(c);
    return err;
}

/* ---- promotion, rollback, retirement ---- */

/* Its file is read before, so that the swap itself costs nothing. */
static enum err activate(struct collection *c, const struct recommender_record *r, struct arena *a,
                         struct recommender_info *out, struct err_info *e)
{
    struct store_act act = {
        .kind = ACT_RECOMMENDER_ACTIVATE, .if_revision = r->revision, .recommender.id = r->id};
    enum err err = r->label.n ? classifier_check(c, r, e) : recommender_check(c, r->id, e);
    if (!err)
        err = recommender_act(c->engine, &act, e);
    return err ? err : info_get(c, r->id, a, out, e);
}

static enum err changed_meanwhile(struct err_info *e)
{
    return err_set(e, ERR_CONFLICT, NULL,
                   "the recommender was changed by others meanwhile; try again");
}

static enum err promote(struct collection *c, uint32_t id, struct arena *a,
                        struct recommender_info *out, struct err_info *e)
{
    for (int try = 0; try < WRITE_TRIES; try++) {
        struct recommender_record r;
        struct err_info info = {0};
        enum err err = record_find(c, id, a, &r, e);
        if (err)
            return err;
        if (r.state == RECOMMENDER_ACTIVE)
            return info_get(c, id, a, out, e);
        err = activate(c, &r, a, out, &info);
        if (err == ERR_CORRUPT)
            err = ERR_CONFLICT;
        if (err != ERR_PRECONDITION)
            return err ? err_set(e, err, info.field, "%s", info.message) : 0;
    }
    return changed_meanwhile(e);
}

enum err engine_recommender_promote(struct engine *x, struct str collection, uint32_t id,
                                    struct arena *a, struct recommender_info *out,
                                    struct err_info *e)
{
    struct collection *c;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = promote(c, id, a, out, e);
    collection_unref(c);
    metric_error(x, err);
    return err;
}

/* One that cannot be read any more is passed over. */
static enum err rollback(struct collection *c, struct str label, struct arena *a,
                         struct recommender_info *out, struct err_info *e)
{
    struct recommender_record *rows;
    size_t count;
    enum err err = store_recommender_list(c->engine->store, a, c->id, &rows, &count, e);
    if (err)
        return err;
    for (const struct recommender_record *r = NULL;
         (r = recommender_retired(rows, count, label, r));) {
        struct err_info info = {0};
        err = activate(c, r, a, out, &info);
        if (err == ERR_PRECONDITION)
            return changed_meanwhile(e);
        if (err != ERR_CORRUPT)
            return err ? err_set(e, err, info.field, "%s", info.message) : 0;
    }
    return err_set(e, ERR_CONFLICT, "recommender", "collection \"%s\" has no %s%.*s to go back to",
                   c->name, label.n ? "classifier of " : "recommender", STR_ARG(label));
}

enum err engine_recommender_rollback(struct engine *x, struct str collection, struct str label,
                                     struct arena *a, struct recommender_info *out,
                                     struct err_info *e)
{
    struct collection *c;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = rollback(c, label, a, out, e);
    collection_unref(c);
    metric_error(x, err);
    return err;
}

enum err engine_recommender_retire(struct engine *x, struct str collection, uint32_t id,
                                   struct arena *a, struct recommender_info *out,
                                   struct err_info *e)
{
    struct collection *c;
    struct recommender_record r;
    struct store_act act = {.kind = ACT_RECOMMENDER_RETIRE, .recommender.id = id};
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = record_find(c, id, a, &r, e);
    if (!err)
        err = recommender_act(x, &act, e);
    if (!err)
        err = info_get(c, id, a, out, e);
    collection_unref(c);
    metric_error(x, err);
    return err;
}

/* ---- deletion ---- */

static enum err delete (struct collection *c, const struct recommender_record *r, struct arena *a,
                        struct err_info *e) {
    struct store_act act = {.kind = ACT_RECOMMENDER_DELETE,
                            .if_revision = r->revision,
                            .recommender.id = r->id};
    struct err_info info = {0};
    enum err err = recommender_act(c->engine, &act, e);
    if (!err && file_remove(recommender_path(c, r->id, a), &info))
        log_event(LOG_WARN, "the file of a deleted recommender was not removed",
                  LOG_S("reason", info.message));
    return err;
}

enum err engine_recommender_delete(struct engine *x, struct str collection, uint32_t id,
                                   struct err_info *e)
{
    struct collection *c;
    struct recommender_record r;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    struct arena *a = arena_new(0);
    err = record_find(c, id, a, &r, e);
    if (!err && r.state == RECOMMENDER_ACTIVE)
        err = err_set(e, ERR_CONFLICT, "recommender",
                      "recommender %u is the active one: promote another one, or retire it", id);
    if (!err && experiments_use(c, id))
        err = err_set(e, ERR_CONFLICT, "recommender",
                      "recommender %u is served by a running experiment: stop that first", id);
    if (!err)
        err = delete (c, &r, a, e);
    if (err == ERR_PRECONDITION)
        err = changed_meanwhile(e);
    arena_free(a);
    collection_unref(c);
    metric_error(x, err);
    return err;
}

void recommenders_trim(struct collection *c, uint32_t made)
{
    struct arena *a = arena_new(0);
    struct recommender_record *rows;
    size_t count = 0;
    if (store_recommender_list(c->engine->store, a, c->id, &rows, &count, NULL))
        count = 0;
    struct str label = STR("");
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        label = rows[i].id == made ? rows[i].label : label;
    for (size_t i = 0; i < count; i++)
        left += str_eq(rows[i].label, label);
    const struct recommender_record *back = recommender_retired(rows, count, label, NULL);
    for (size_t i = 0; i < count && left > RECOMMENDERS_KEPT; i++) {
        if (!str_eq(rows[i].label, label) || rows[i].state == RECOMMENDER_ACTIVE ||
            &rows[i] == back || rows[i].id == made || experiments_use(c, rows[i].id))
            continue;
        left -= delete (c, &rows[i], a, NULL) == 0;
    }
    arena_free(a);
}

/* ---- at a start ---- */

static void files_tidy(struct collection *c, struct arena *a)
{
    struct recommender_record *rows;
    size_t records, count;
    char **names;
    const char *dir = recommender_path(c, 0, a);
    if (store_recommender_list(c->engine->store, a, c->id, &rows, &records, NULL))
        return;
    for (size_t i = 0; i < records; i++)
        if (rows[i].state == RECOMMENDER_CANDIDATE &&
            !file_exists(recommender_path(c, rows[i].id, a)))
            (void)!delete (c, &rows[i], a, NULL); /* akin ended before its file was there */
    if (file_list(dir, &names, &count, NULL))
        return;
    for (size_t i = 0; i < count; i++) {
        int64_t id = 0;
        size_t n = strlen(names[i]);
        bool model = n > 6 && strcmp(names[i] + n - 6, ".model") == 0 &&
                     !str_to_i64((struct str){names[i], n - 6}, 1, UINT32_MAX, &id);
        if (!model || !listed(rows, records, (uint32_t)id))
            (void)!file_remove_tree(arena_printf(a, "%s/%s", dir, names[i]), NULL);
        free(names[i]);
    }
    free(names);
}

void recommenders_tidy(struct engine *x)
{
    struct arena *a = arena_new(0);
    const char *dir = arena_printf(a, "%s/recommenders", x->data_dir);
    char **names;
    size_t count;
    for (struct collection *c = NULL; (c = collection_next(x, c));)
        files_tidy(c, a);
    if (file_list(dir, &names, &count, NULL) == 0) {
        for (size_t i = 0; i < count; i++) {
            int64_t id;
            struct collection *c = str_to_i64(str_c(names[i]), 0, UINT32_MAX, &id)
                                       ? NULL
                                       : collection_find_id(x, (uint32_t)id);
            if (c)
                collection_unref(c);
            else
                (void)!file_remove_tree(arena_printf(a, "%s/%s", dir, names[i]), NULL);
            free(names[i]);
        }
        free(names);
    }
    arena_free(a);
}
