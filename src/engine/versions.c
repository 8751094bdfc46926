/* What a user does with embedding versions: make, look at, compare, promote, roll back, delete. */
#include "base/clock.h"
#include "engine/internal.h"
#include <math.h>
#include <string.h>

static const char *const state_names[] = {[VERSION_BUILDING] = "building",
                                          [VERSION_READY] = "ready",
                                          [VERSION_ACTIVE] = "active",
                                          [VERSION_RETIRED] = "retired"};

/* A version's act, in effect when it returns. */
static enum err act_run(struct engine *x, struct store_act *act, struct err_info *e)
{
    struct position at;
    enum err err = store_write(x->store, act, 1, false, &at, e);
    if (!err && act->err)
        err = err_set(e, act->err, act->info.field, "%s", act->info.message);
    return err ? err : applied_wait(x, at.change, 0, e);
}

/* ---- looking ---- */

/* What only this process knows. */
static void info_of_memory(struct version *v, struct arena *a, struct version_info *out)
{
    lock_take(&v->collection->lock);
    struct version_progress p = v->progress;
    lock_drop(&v->collection->lock);
    bool building = strcmp(out->state, "building") == 0;
    out->model = arena_str(a, str_c(v->model_name));
    out->bytes = vectors_bytes(v->vectors);
    out->failed = p.failed;
    out->rate = building ? p.rate : 0;
    if (building && p.rate > 0)
        out->eta_s = (int64_t)ceil((double)out->missing / p.rate);
    out->error = arena_str(a, str_c(v->model ? p.error : v->reason));
}

static void info_make(struct collection *c, const struct version_record *r, uint64_t documents,
                      struct arena *a, struct version_info *out)
{
    struct version_settings s;
    version_settings_read(r->settings, &s);
    *out = (struct version_info){
        .id = r->id,
        .state = state_names[r->state],
        .model = r->model,
        .model_digest = r->model_digest,
        .precision = str_c(precision_name(s.precision)),
        .dims = r->dims,
        .documents = documents,
        .missing = r->missing,
        .passages = r->passages,
        .eta_s = -1,
        .error = STR(""),
        .report = r->report,
        .created_us = r->created_us,
        .updated_us = r->updated_us,
        .revision = r->revision,
    };
    struct version *v = version_find(c, r->id);
    if (v)
        info_of_memory(v, a, out);
    version_unref(v);
}

static enum err records_of(struct collection *c, struct arena *a, struct version_record **rows,
                           size_t *count, uint64_t *documents, struct err_info *e)
{
    struct collection_record r;
    enum err err = store_collection_get(c->engine->store, a, str_c(c->name), &r, e);
    if (err)
        return err;
    *documents = r.documents;
    return store_version_list(c->engine->store, a, c->id, rows, count, e);
}

static enum err record_find(struct collection *c, uint32_t id, struct arena *a,
                            struct version_record *out, uint64_t *documents, struct err_info *e)
{
    struct version_record *rows;
    size_t count;
    enum err err = records_of(c, a, &rows, &count, documents, e);
    for (size_t i = 0; i < count && !err; i++)
        if (rows[i].id == id) {
            *out = rows[i];
            return 0;
        }
    return err ? err
               : err_set(e, ERR_NOT_FOUND, "version",
                         "collection \"%s\" has no embedding version %u", c->name, id);
}

static enum err info_get(struct collection *c, uint32_t id, struct arena *a,
                         struct version_info *out, struct err_info *e)
{
    struct version_record r;
    uint64_t documents;
    enum err err = record_find(c, id, a, &r, &documents, e);
    if (!err)
        info_make(c, &r, documents, a, out);
    return err;
}

enum err engine_version_list(struct engine *x, struct str collection, struct arena *a,
                             struct version_info **out, size_t *count, struct err_info *e)
{
    struct collection *c;
    struct version_record *rows;
    uint64_t documents;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    if (!(err = records_of(c, a, &rows, count, &documents, e))) {
        *out = arena_array(a, *count + 1, sizeof **out);
        for (size_t i = 0; i < *count; i++)
            info_make(c, &rows[i], documents, a, &(*out)[i]);
    }
    collection_unref(c);
    return err;
}

enum err engine_version_get(struct engine *x, struct str collection, uint32_t id, struct arena *a,
                            struct version_info *out, struct err_info *e)
{
    struct collection *c;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = info_get(c, id, a, out, e);
    collection_unref(c);
    return err;
}

/* ---- making ---- */

static enum err unlike_others(struct collection *c, const struct model_info *m, struct err_info *e)
{
    enum err err = 0;
    for (struct version *v = NULL; (v = version_next(c, v));)
        if (!err && strcmp(v->model_digest, m->digest) == 0)
            err = err_set(e, ERR_CONFLICT, "/model",
                          "version %u is of this model, precision and dimensions already", v->id);
    return err;
}

/* A passage as long as the collection wants; but no longer than what the model was trained for if
 * the collection leaves that to its model. */
static unsigned passage_tokens(struct collection *c, const struct model *m)
{
    struct document_rules rules;
    struct version *active = version_active(c);
    collection_rules(c, &rules);
    bool usual =
        !active->model || rules.settings.passage_tokens <= model_tokens_best(active->model);
    version_unref(active);
    return usual ? model_tokens_best(m) : 0;
}

static enum err create_with(struct collection *c, const struct version_choice *choice,
                            struct model *m, struct arena *a, uint32_t *id, struct err_info *e)
{
    struct engine *x = c->engine;
    const struct model_info *i = model_info(m);
    char name[96];
    enum err err = unlike_others(c, i, e);
    if (err)
        return err;
    struct version_settings s = {.precision = i->precision,
                                 .dimensions = i->dims < i->dims_full ? i->dims : 0,
                                 .passage_tokens = passage_tokens(c, m)};
    struct store_act act = {.kind = ACT_VERSION_CREATE};
    model_take_name(x, choice->model, name);
    act.version.collection = c->id;
    act.version.model = str_c(name);
    act.version.model_digest = str_c(i->digest);
    act.version.settings = version_settings_text(a, &s);
    act.version.dims = i->dims;
    err = act_run(x, &act, e);
    *id = act.version_id;
    return err;
}

enum err engine_version_create(struct engine *x, struct str collection,
                               const struct version_choice *choice, struct arena *a,
                               struct version_info *out, struct err_info *e)
{
    struct collection *c;
    struct model *m;
    uint32_t id;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    if (!(err = choice_take(x, choice, &m, e))) {
        err = create_with(c, choice, m, a, &id, e);
        model_release(x, m); /* the version has its own by now */
    }
    if (!err)
        err = info_get(c, id, a, out, e);
    collection_unref(c);
    metric_error(x, err);
    return err;
}

enum err engine_version_delete(struct engine *x, struct str collection, uint32_t id,
                               struct err_info *e)
{
    struct collection *c;
    struct version_record r;
    uint64_t documents;
    struct store_act act = {.kind = ACT_VERSION_DELETE, .version.id = id};
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    struct arena *a = arena_new(0);
    err = record_find(c, id, a, &r, &documents, e);
    if (!err && r.state == VERSION_ACTIVE)
        err = err_set(e, ERR_CONFLICT, "version", "version %u is the active one", id);
    if (!err)
        err = act_run(x, &act, e);
    arena_free(a);
    collection_unref(c);
    metric_error(x, err);
    return err;
}

/* ---- promotion and rollback ---- */

/* The one that was retired last; only activation changes a retired one. NULL: none. */
static const struct version_record *retired_last(const struct version_record *rows, size_t count,
                                                 const struct version_record *before)
{
    const struct version_record *last = NULL;
    for (size_t i = 0; i < count; i++) {
        bool earlier = !before || rows[i].revision < before->revision;
        if (rows[i].state == VERSION_RETIRED && earlier &&
            (!last || rows[i].revision > last->revision))
            last = &rows[i];
    }
    return last;
}

/* Those beyond what the collection keeps. One that could not be deleted goes the next time. */
static void retired_trim(struct collection *c, struct arena *a)
{
    struct version_record *rows;
    struct document_rules rules;
    uint64_t documents;
    size_t count;
    collection_rules(c, &rules);
    if (records_of(c, a, &rows, &count, &documents, NULL))
        return;
    unsigned kept = 0;
    for (const struct version_record *r = NULL; (r = retired_last(rows, count, r));) {
        struct store_act act = {
            .kind = ACT_VERSION_DELETE, .if_revision = r->revision, .version.id = r->id};
        if (kept++ >= rules.settings.versions_kept)
            (void)!act_run(c->engine, &act, NULL);
    }
}

static enum err model_there(struct collection *c, uint32_t id, struct err_info *e)
{
    struct version *v = version_find(c, id);
    enum err err = v ? version_check_model(v, e) : 0;
    version_unref(v);
    return err;
}

static enum err activate(struct collection *c, const struct version_record *r, struct arena *a,
                         struct version_info *out, struct err_info *e)
{
    struct store_act act = {
        .kind = ACT_VERSION_ACTIVATE, .if_revision = r->revision, .version.id = r->id};
    enum err err = model_there(c, r->id, e);
    if (!err)
        err = act_run(c->engine, &act, e);
    if (!err) {
        retired_trim(c, a);
        err = info_get(c, r->id, a, out, e);
    }
    return err;
}

static enum err promote(struct collection *c, uint32_t id, struct arena *a,
                        struct version_info *out, struct err_info *e)
{
    for (int try = 0; try < WRITE_TRIES; try++) {
        struct version_record r;
        struct err_info info = {0};
        uint64_t documents;
        enum err err = record_find(c, id, a, &r, &documents, e);
        if (err)
            return err;
        if (r.state == VERSION_ACTIVE)
            return info_get(c, id, a, out, e);
        if (r.state == VERSION_BUILDING)
            return err_set(e, ERR_CONFLICT, "version",
                           "version %u is being built: %llu of %llu documents are missing", id,
                           (unsigned long long)r.missing, (unsigned long long)documents);
        err = activate(c, &r, a, out, &info);
        if (err != ERR_PRECONDITION)
            return err ? err_set(e, err, info.field, "%s", info.message) : 0;
    }
    return err_set(e, ERR_CONFLICT, NULL, "the version was changed by others meanwhile; try again");
}

enum err engine_version_promote(struct engine *x, struct str collection, uint32_t id,
                                struct arena *a, struct version_info *out, struct err_info *e)
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

enum err engine_version_rollback(struct engine *x, struct str collection, struct arena *a,
                                 struct version_info *out, struct err_info *e)
{
    struct collection *c;
    struct version_record *rows;
    uint64_t documents;
    size_t count;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    if (!(err = records_of(c, a, &rows, &count, &documents, e))) {
        const struct version_record *last = retired_last(rows, count, NULL);
        err = last ? activate(c, last, a, out, e)
                   : err_set(e, ERR_CONFLICT, "version",
                             "collection \"%s\" has no version to go back to", c->name);
    }
    if (err == ERR_PRECONDITION)
        err = err_set(e, ERR_CONFLICT, NULL,
                      "the version was changed by others meanwhile; try again");
    collection_unref(c);
    metric_error(x, err);
    return err;
}

/* ---- comparison ---- */

/* Only a ready one keeps it: the last act on a retired one tells when it was retired. */
static enum err report_keep(struct engine *x, uint32_t id, struct str report, struct arena *a,
                            struct err_info *e)
{
    struct version_record r;
    enum err err = store_version_get(x->store, a, id, &r, e);
    if (err || r.state != VERSION_READY)
        return err;
    struct store_act act = {.kind = ACT_VERSION_UPDATE, .if_revision = r.revision, .version = r};
    act.version.report = report;
    err = act_run(x, &act, e);
    return err == ERR_PRECONDITION || err == ERR_NOT_FOUND ? 0 : err; /* it goes on without */
}

static enum err compare(struct collection *c, uint32_t id, const struct compare_request *r,
                        int64_t deadline_ns, struct arena *a, struct str *report,
                        struct err_info *e)
{
    struct version_record record;
    uint64_t documents;
    enum err err = record_find(c, id, a, &record, &documents, e);
    if (err)
        return err;
    if (record.state == VERSION_BUILDING)
        return err_set(e, ERR_CONFLICT, "version", "version %u is being built", id);
    struct version *active = version_active(c), *v = version_find(c, id);
    if (!v)
        err = err_set(e, ERR_NOT_FOUND, "version", "version %u was deleted meanwhile", id);
    else if (v == active)
        err = err_set(e, ERR_CONFLICT, "version", "version %u is the active one", id);
    else
        err = version_compare(active, v, r, deadline_ns, a, report, e);
    version_unref(v);
    version_unref(active);
    return err;
}

enum err engine_version_compare(struct engine *x, struct str collection, uint32_t id,
                                const struct compare_request *r, int64_t deadline_ns,
                                struct arena *a, struct version_info *out, struct err_info *e)
{
    struct collection *c;
    struct str report;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = compare(c, id, r, deadline_ns, a, &report, e);
    if (!err)
        err = report_keep(x, id, report, a, e);
    if (!err)
        err = info_get(c, id, a, out, e);
    if (!err)
        out->report = report;
    collection_unref(c);
    metric_error(x, err);
    return err;
}
