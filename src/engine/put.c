/* Writing documents: put, patch. A write is acknowledged when it is durable, embedded and
 * searchable.
 *
 * Embedding happens outside of any transaction; the store judges conditions inside of the commit.
 * What another writer changed in between is planned again, a bounded number of times. */
#include "base/clock.h"
#include "engine/internal.h"
#include <string.h>

#define PUT_MAX 10000 /* documents in one call */

/* One request to write documents. */
struct write {
    struct engine *x;
    struct collection *c;
    struct version *v;  /* that it is embedded for */
    struct sight sight; /* of who writes */
    struct document_rules rules;
    const struct put_options *o;
    struct draft *drafts;
    size_t count;
    struct arena *a;
    struct position position;
};

static enum err write_begin(struct write *w, struct engine *x, struct str collection,
                            const struct put_options *o, struct arena *a, struct err_info *e)
{
    static const struct put_options none;
    *w = (struct write){.x = x, .o = o ? o : &none, .a = a};
    enum err err = collection_find(x, collection, &w->c, e);
    if (err)
        return err;
    w->v = version_active(w->c);
    err = sight_read(w->c, a, w->o->within, &w->sight, e);
    if (err || (err = version_check_model(w->v, e))) {
        sight_close(&w->sight);
        version_unref(w->v);
        collection_unref(w->c);
        return err;
    }
    collection_rules(w->c, &w->rules);
    return 0;
}

static void write_end(struct write *w)
{
    sight_close(&w->sight);
    version_unref(w->v);
    collection_unref(w->c);
}

/* Another version was promoted meanwhile: once more, with its model. */
static enum err write_version_again(struct write *w, struct err_info *e)
{
    version_unref(w->v);
    w->v = version_active(w->c);
    drafts_uncut(w->drafts, w->count);
    return version_check_model(w->v, e);
}

static size_t drafts_waiting(const struct draft *drafts, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += !drafts[i].done;
    return n;
}

/* All or nothing: the first failure is everybody's. */
static enum err atomic_failure(struct write *w, struct err_info *e)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct draft *d = &w->drafts[i];
        if (!d->err)
            continue;
        char pointer[sizeof d->info.field + 24];
        snprintf(pointer, sizeof pointer, "/%zu%s", i, d->info.field);
        return err_set(e, d->err, w->count > 1 ? pointer : d->info.field, "%s", d->info.message);
    }
    return 0;
}

/* Plan, split, embed, commit: once. */
static enum err write_round(struct write *w, bool judge_in_store, struct err_info *e)
{
    int64_t t0 = clock_mono_ns(), t1, t2, t3;
    bool moved = false;
    size_t n = drafts_waiting(w->drafts, w->count);
    enum err err = drafts_plan(w->c, w->drafts, w->count, w->o->async,
                               judge_in_store || w->sight.filter, w->a, e);
    if (err)
        return err;
    drafts_split(w->v, &w->rules, w->drafts, w->count, w->a);
    if (w->o->atomic && (err = atomic_failure(w, e)))
        return err;
    t1 = clock_mono_ns();
    metric_stage(w->x, STAGE_SPLIT, n, 0, t1 - t0);
    err = drafts_embed_or_defer(w->v, w->drafts, w->count, w->o->lane, w->o->deadline_ns, w->a, e);
    t2 = clock_mono_ns();
    metric_stage(w->x, STAGE_EMBED, err ? 0 : n, err ? n : 0, t2 - t1);
    if (err)
        return err;
    err = drafts_commit(w->v, &w->sight, &moved, w->drafts, w->count, w->o->atomic, w->a,
                        &w->position, e);
    t3 = clock_mono_ns();
    metric_stage(w->x, STAGE_COMMIT, err ? 0 : n, err ? n : 0, t3 - t2);
    return !err && moved ? write_version_again(w, e) : err;
}

static enum err write_rounds(struct write *w, struct err_info *e)
{
    store_position(w->x->store, &w->position);
    for (int try = 0; drafts_waiting(w->drafts, w->count) > 0; try++) {
        if (try == WRITE_TRIES)
            return err_set(e, ERR_CONFLICT, NULL,
                           "changed by others %d times while it was written; try again", try);
        if (collection_gone(w->c))
            return err_set(e, ERR_NOT_FOUND, NULL, "the collection was deleted meanwhile");
        enum err err = write_round(w, try > 0, e);
        if (err)
            return err;
    }
    return 0;
}

static enum err write_wait(struct write *w, struct err_info *e)
{
    int64_t t0 = clock_mono_ns();
    enum err err = applied_wait(w->x, w->position.change, w->o->deadline_ns, e);
    metric_stage(w->x, STAGE_APPLY, err ? 0 : w->count, err ? w->count : 0, clock_mono_ns() - t0);
    return err;
}

/* ---- put ---- */

static void put_read(struct write *w, const json_t *const *documents)
{
    int64_t t0 = clock_mono_ns();
    size_t failed = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct err_info info = {0};
        enum err err = draft_read(&w->rules, documents[i], STR(""), w->a, &w->drafts[i], &info);
        if (!err)
            err = draft_admit(&w->sight, &w->drafts[i], &info);
        if (err)
            draft_fail(&w->drafts[i], err, &info);
        w->drafts[i].if_revision = w->o->if_revision_set ? w->o->if_revision : REVISION_ANY;
        failed += err != 0;
    }
    metric_stage(w->x, STAGE_PARSE, w->count - failed, failed, clock_mono_ns() - t0);
}

static enum err put_run(struct write *w, struct err_info *e)
{
    enum err err;
    if (w->o->atomic && (err = atomic_failure(w, e)))
        return err;
    if ((err = write_rounds(w, e)))
        return err;
    if (w->o->atomic && (err = atomic_failure(w, e)))
        return err;
    return write_wait(w, e);
}

/* Returns how many failed. */
static size_t put_results(struct write *w, struct put_result *results, enum err err,
                          const struct err_info *info)
{
    size_t failed = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct draft *d = &w->drafts[i];
        if (err && !d->err && (!d->done || w->o->atomic)) {
            d->done = false;
            draft_fail(d, w->o->atomic ? ERR_CANCELLED : err, info);
        }
        failed += d->err != 0;
        metric_error(w->x, d->err);
        draft_result(d, &results[i]);
    }
    return failed;
}

enum err engine_put(struct engine *x, struct str collection, const json_t *const *documents,
                    size_t count, const struct put_options *o, struct arena *a,
                    struct put_result *results, struct str *position, struct err_info *e)
{
    struct write w;
    struct err_info info = {0};
    int64_t t0 = clock_mono_ns();
    enum err err;
    if (count > PUT_MAX)
        return err_set(e, ERR_TOO_LARGE, "",
                       "at most %d documents in one request; a stream of NDJSON has no limit",
                       PUT_MAX);
    if ((err = write_begin(&w, x, collection, o, a, &info))) {
        metric_error(x, err);
        return err_set(e, err, info.field, "%s", info.message);
    }
    w.count = count;
    w.drafts = arena_array(a, count + 1, sizeof *w.drafts);
    put_read(&w, documents);
    err = put_run(&w, &info);
    size_t failed = put_results(&w, results, err, &info);
    metric_stage(x, STAGE_ALL, count - failed, failed, clock_mono_ns() - t0);
    write_end(&w);
    if (w.o->async)
        keeper_wake(x);
    if (err)
        return err_set(e, err, info.field, "%s", info.message);
    if (position)
        *position = position_text(a, &w.position);
    return 0;
}

/* ---- patch ---- */

/* RFC 7396 with the names of the collection: a patch of "body" is one of the text. Returns what is
 * to be freed. */
static json_t *merge_patch(json_t *target, const json_t *patch)
{
    if (!json_is_object(patch)) {
        json_decref(target);
        return json_deep_copy(patch);
    }
    if (!json_is_object(target)) {
        json_decref(target);
        target = json_object();
    }
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)patch, key, v)
    {
        if (json_is_null(v))
            json_object_del(target, key);
        else
            json_object_set_new(target, key,
                                merge_patch(json_incref(json_object_get(target, key)), v));
    }
    return target;
}

static bool patch_touches_text(const json_t *patch)
{
    return json_object_get(patch, "text") || json_object_get(patch, "title") ||
           json_object_get(patch, "vector");
}

/* The stored document with the patch laid over it, as a draft that holds only for the revision that
 * was read. */
static enum err patch_read(struct write *w, struct str id, const json_t *patch, struct draft *d,
                           struct err_info *e)
{
    struct document_record old;
    json_t *merged = NULL, *renamed = NULL;
    enum err err = store_document_get(w->x->store, w->a, w->c->id, id, DOCUMENT_PAYLOAD, &old, e);
    if (err)
        return err;
    if (!sight_sees(&w->sight, &old))
        return err_set(e, ERR_NOT_FOUND, "id", "there is no document of this id");
    if ((err = json_parse_stored(old.payload, &merged, e)))
        return err;
    struct str tenant = arena_str(w->a, document_tenant(w->c, merged));
    struct str vector_digest = payload_vector_digest(old.payload);
    json_object_del(merged, "vector_digest");
    renamed = json_copy((json_t *)patch);
    document_canonical_names(&w->rules.settings, renamed);
    if (patch_touches_text(renamed))
        vector_digest = STR(""); /* the client's vector was of the old text */
    merged = merge_patch(merged, renamed);
    json_object_set_new(merged, "id", json_stringn(id.s, id.n));
    struct document_rules own_names = w->rules;
    memset(own_names.settings.mapping, 0, sizeof own_names.settings.mapping);
    err = draft_read(&own_names, merged, vector_digest, w->a, d, e);
    if (!err && !str_eq(d->tenant, tenant))
        err = tenant_stays(w->c, e);
    if (!err)
        err = draft_admit(&w->sight, d, e);
    if (!err) {
        struct str kept = arena_str(w->a, d->id);
        d->id = kept;
        d->title = arena_str(w->a, d->title);
        d->text = arena_str(w->a, d->text);
        d->if_revision =
            w->o->if_revision_set && w->o->if_revision ? w->o->if_revision : old.revision;
    }
    json_decref(merged);
    json_decref(renamed);
    return err;
}

static enum err patch_run(struct write *w, struct str id, const json_t *patch, struct err_info *e)
{
    for (int try = 0;; try++) {
        struct err_info info = {0};
        enum err err = patch_read(w, id, patch, w->drafts, &info);
        if (!err)
            err = write_rounds(w, &info);
        if (!err && w->drafts->err) {
            err = w->drafts->err;
            info = w->drafts->info;
        }
        bool moved = err == ERR_PRECONDITION && !(w->o->if_revision_set && w->o->if_revision);
        if (!moved || try == WRITE_TRIES)
            return err ? err_set(e, err, info.field, "%s", info.message) : 0;
    }
}

enum err engine_patch(struct engine *x, struct str collection, struct str id, const json_t *patch,
                      const struct put_options *o, struct arena *a, struct put_result *result,
                      struct str *position, struct err_info *e)
{
    struct write w;
    enum err err;
    if (!json_is_object(patch))
        return err_set(e, ERR_INVALID, "", "a patch must be a JSON object (RFC 7396)");
    const json_t *given = json_object_get(patch, "id");
    if (given && !str_eq(json_str(given), id))
        return err_set(e, ERR_INVALID, "/id", "the id of a document cannot be changed");
    if ((err = write_begin(&w, x, collection, o, a, e)))
        return err;
    w.count = 1;
    w.drafts = arena_array(a, 1, sizeof *w.drafts);
    err = patch_run(&w, id, patch, e);
    if (!err)
        err = write_wait(&w, e);
    write_end(&w);
    metric_error(x, err);
    if (err)
        return err;
    draft_result(w.drafts, result);
    if (position)
        *position = position_text(a, &w.position);
    return 0;
}
