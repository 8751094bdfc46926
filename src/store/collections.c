#include "store/inside.h"
#include "base/clock.h"
#include <math.h>
#include <string.h>

static void collection_row(sqlite3_stmt *st, struct arena *a, struct collection_record *out)
{
    memset(out, 0, sizeof *out);
    out->id = (uint32_t)sqlite3_column_int64(st, 0);
    out->name = get_str(st, 1, a);
    out->settings = get_blob(st, 2, a);
    out->model_digest = get_str(st, 3, a);
    out->dims = (uint32_t)sqlite3_column_int64(st, 4);
    out->created_us = sqlite3_column_int64(st, 5);
    out->updated_us = sqlite3_column_int64(st, 6);
    out->revision = (uint64_t)sqlite3_column_int64(st, 7);
    out->documents = (uint64_t)sqlite3_column_int64(st, 8);
    out->passages = (uint64_t)sqlite3_column_int64(st, 9);
    out->pending = (uint64_t)sqlite3_column_int64(st, 10);
    out->mean_cosine =
        sqlite3_column_type(st, 11) == SQLITE_NULL ? NAN : (float)sqlite3_column_double(st, 11);
    out->version = (uint32_t)sqlite3_column_int64(st, 13);
    out->bytes = (uint64_t)sqlite3_column_int64(st, 14);
    out->documents_max = (uint64_t)sqlite3_column_int64(st, 15);
    out->bytes_max = (uint64_t)sqlite3_column_int64(st, 16);
}

/* ---- acts ---- */

enum err collection_named(struct writer *w, struct str name, uint32_t *out, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_COLLECTION_BY_NAME, &st, e);

    *out = 0;
    if (err)
        return err;
    put_str(st, 1, name);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    *out = (uint32_t)sqlite3_column_int64(st, 0);
    return conn_run(&w->conn, st, e);
}

static enum err name_is_free(struct writer *w, struct str name, struct err_info *e)
{
    uint32_t same;
    enum err err = collection_named(w, name, &same, e);

    if (!err && same)
        err = err_set(e, ERR_CONFLICT, "name", "a collection of this name exists already");
    return err;
}

enum err collection_create(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct collection_record *c = &act->collection;
    struct held_collection named = {.name_n = (uint8_t)c->name.n};
    sqlite3_stmt *st;
    enum err err = name_is_free(w, c->name, e);

    if (!err)
        err = alias_absent(w, c->name, e);
    if (!err && (w->ledger.last_collection >= INT32_MAX || w->ledger.last_version >= INT32_MAX))
        err = err_set(e, ERR_FULL, NULL, "all numbers of collections are used up");
    if (err)
        return err;
    named.id = ++w->ledger.last_collection;
    memcpy(named.name, c->name.s, c->name.n);
    err = writer_change(w, CHANGE_COLLECTION_CREATED, &named, 0, STR(""), &act->revision, e);
    if (!err)
        err = conn_stmt(&w->conn, STMT_COLLECTION_INSERT, &st, e);
    if (err)
        return err;
    put_int(st, 1, named.id);
    put_str(st, 2, c->name);
    put_blob(st, 3, c->settings.s, c->settings.n);
    put_int(st, 4, w->now_us);
    put_int(st, 5, (int64_t)act->revision);
    put_int(st, 6, ++w->ledger.last_version);
    put_int(st, 7, (int64_t)c->documents_max);
    put_int(st, 8, (int64_t)c->bytes_max);
    act->id = named.id;
    act->version_id = w->ledger.last_version;
    act->status = ACT_CREATED;
    err = conn_run(&w->conn, st, e);
    struct version_record first = {.model = act->version.model,
                                   .model_digest = c->model_digest,
                                   .settings = act->version.settings,
                                   .dims = c->dims};
    return err ? err
               : version_insert(w, act->version_id, named.id, VERSION_ACTIVE, &first, 0,
                                act->revision, e);
}

/* What would not change: of the collection itself, of its active version. */
static enum err collection_compare(struct writer *w, const struct collection_record *c, bool *same,
                                   bool *version_same, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct collection_record old;
    sqlite3_stmt *st;
    bool row = false;
    enum err err = conn_stmt(&w->conn, STMT_COLLECTION_BY_ID, &st, e);

    *same = *version_same = false;
    if (!err) {
        put_int(st, 1, c->id);
        err = conn_step(&w->conn, st, &row, e);
    }
    if (!err && row) {
        collection_row(st, a, &old);
        *same = str_eq(old.settings, c->settings) && old.documents_max == c->documents_max &&
                old.bytes_max == c->bytes_max;
        *version_same = str_eq(old.model_digest, c->model_digest) && old.dims == c->dims &&
                        (old.mean_cosine == c->mean_cosine ||
                         (isnan(old.mean_cosine) && isnan(c->mean_cosine)));
        err = conn_run(&w->conn, st, e);
    }
    arena_free(a);
    return err;
}

/* What an update of the collection says of its active version. */
static enum err version_model_set(struct writer *w, struct held_version *v,
                                  const struct collection_record *c, uint64_t revision,
                                  struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_VERSION_MODEL, &st, e);

    if (err)
        return err;
    put_int(st, 1, v->id);
    put_str(st, 2, c->model_digest);
    put_int(st, 3, c->dims);
    put_double(st, 4, (double)c->mean_cosine);
    put_int(st, 5, w->now_us);
    put_int(st, 6, (int64_t)revision);
    v->dims = c->dims;
    v->revision = revision;
    return conn_run(&w->conn, st, e);
}

enum err collection_update(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct collection_record *c = &act->collection;
    struct held_collection *held;
    sqlite3_stmt *st;
    struct held_version *active;
    bool same, version_same;
    enum err err = writer_hold(w, c->id, &held, e);

    if (err)
        return err;
    active = held_active(held);
    err = act_revision_check(act, held->revision, e);
    if (!err && c->dims != active->dims && held->documents > active->missing)
        err = err_set(e, ERR_CONFLICT, "dims", "documents have vectors of %u dimensions",
                      active->dims);
    if (!err)
        err = collection_compare(w, c, &same, &version_same, e);
    if (err)
        return err;
    act->id = c->id;
    act->revision = held->revision;
    if (same && version_same)
        return ERR_OK;
    err = writer_change(w, CHANGE_COLLECTION_UPDATED, held, 0, STR(""), &act->revision, e);
    if (!err)
        err = conn_stmt(&w->conn, STMT_COLLECTION_UPDATE, &st, e);
    if (err)
        return err;
    put_int(st, 1, c->id);
    put_blob(st, 2, c->settings.s, c->settings.n);
    put_int(st, 3, w->now_us);
    put_int(st, 4, (int64_t)act->revision);
    put_int(st, 5, (int64_t)c->documents_max);
    put_int(st, 6, (int64_t)c->bytes_max);
    held->revision = act->revision;
    held->documents_max = c->documents_max;
    held->bytes_max = c->bytes_max;
    act->status = ACT_UPDATED;
    err = conn_run(&w->conn, st, e);
    return err || version_same ? err : version_model_set(w, active, c, act->revision, e);
}

enum err collection_delete(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_collection *held;
    uint32_t id = act->collection.id;
    enum err err = writer_hold(w, id, &held, e);

    if (!err)
        err = act_revision_check(act, held->revision, e);
    if (!err)
        err = aliases_absent(w, id, e);
    if (!err)
        err = writer_change(w, CHANGE_COLLECTION_DELETED, held, 0, STR(""), &act->revision, e);
    if (!err)
        err = writer_run_1(w, STMT_COLLECTION_REMOVE, id, e);
    if (!err)
        err = writer_run_1(w, STMT_PURGE_VERSION_ALL, id, e);
    if (!err)
        err = writer_run_1(w, STMT_VERSION_REMOVE_ALL, id, e);
    if (!err)
        err = writer_run_1(w, STMT_RECOMMENDER_REMOVE_ALL, id, e);
    if (!err)
        err = writer_run_1(w, STMT_EXPERIMENT_REMOVE_ALL, id, e);
    if (!err)
        err = writer_run_1(w, STMT_PURGE_INSERT, id, e);
    if (err)
        return err;
    writer_forget(w, id);
    w->purge = true;
    act->id = id;
    act->status = ACT_DELETED;
    return ERR_OK;
}

/* ---- reads ---- */

enum err store_collection_get(struct store *s, struct arena *a, struct str name,
                              struct collection_record *out, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_COLLECTION_GET, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_COLLECTION_BY_NAME, &st, e);
    if (!err) {
        put_str(st, 1, name);
        err = conn_step(c, st, &row, e);
    }
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, "collection", "there is no collection of this name");
    if (!err)
        collection_row(st, a, out);
    read_end(s, c, err);
    return err;
}

enum err store_collection_list(struct store *s, struct arena *a, struct str after, size_t limit,
                               struct collection_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_COLLECTION_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_COLLECTION_LIST, &st, e);
    if (!err) {
        put_str(st, 1, after);
        put_int(st, 2, limit_clamp(limit));
        while (!(err = conn_step(c, st, &row, e)) && row)
            collection_row(st, a, list_add(&list, a));
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
