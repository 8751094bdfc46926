/* Embedding versions, written. A new version misses every document; they are marked so in steps of
 * MARK_ROWS, the first with the version itself, the others between commits (purge.c). Activation is
 * one commit whose cost follows from the documents that change their state, not from the
 * collection's size: passages stay where they are, under their version's keys, and the collection
 * names another version. */
#include "store/inside.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MARK_ROWS 4096 /* in one commit; some 3 us each */

static uint64_t key_base(uint32_t id)
{
    return (uint64_t)id << 32;
}

static enum err version_change(struct writer *w, enum change_kind kind,
                               const struct held_collection *c, uint32_t version,
                               uint64_t *revision, struct err_info *e)
{
    char subject[16];

    snprintf(subject, sizeof subject, "%" PRIu32, version);
    return writer_change(w, kind, c, 0, str_c(subject), revision, e);
}

enum err version_insert(struct writer *w, uint32_t id, uint32_t collection,
                        enum version_state state, const struct version_record *v, uint64_t missing,
                        uint64_t revision, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_VERSION_INSERT, &st, e);

    if (err)
        return err;
    put_int(st, 1, id);
    put_int(st, 2, collection);
    put_int(st, 3, state);
    put_str(st, 4, v->model);
    put_str(st, 5, v->model_digest);
    put_blob(st, 6, v->settings.s, v->settings.n);
    put_int(st, 7, v->dims);
    put_int(st, 8, (int64_t)missing);
    put_int(st, 9, w->now_us);
    put_int(st, 10, (int64_t)revision);
    return conn_run(&w->conn, st, e);
}

/* ---- creation ---- */

/* The key of the last document of a step; `to` if no more are left. */
static enum err mark_last(struct writer *w, uint64_t from, uint64_t to, uint64_t *last,
                          struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_MISSING_FILL_LAST, &st, e);

    *last = to;
    if (err)
        return err;
    put_int(st, 1, (int64_t)from);
    put_int(st, 2, (int64_t)to);
    put_int(st, 3, MARK_ROWS - 1);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    *last = (uint64_t)sqlite3_column_int64(st, 0);
    return conn_run(&w->conn, st, e);
}

enum err version_mark(struct writer *w, struct held_collection *c, struct held_version *v,
                      struct err_info *e)
{
    uint64_t from = key_base(c->id) | v->unmarked_after, to = key_base(c->id) | v->unmarked_last;
    uint64_t last;
    sqlite3_stmt *st;
    enum err err = mark_last(w, from, to, &last, e);

    if (!err)
        err = conn_stmt(&w->conn, STMT_MISSING_FILL, &st, e);
    if (err)
        return err;
    put_int(st, 1, (int64_t)from);
    put_int(st, 2, (int64_t)last);
    put_int(st, 3, (int64_t)key_base(v->id));
    v->unmarked_after = last == to ? 0 : (uint32_t)last;
    v->unmarked_last = last == to ? 0 : v->unmarked_last;
    v->dirty = true;
    return conn_run(&w->conn, st, e);
}

enum err version_create(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct version_record *v = &act->version;
    struct held_collection *c;
    enum err err = writer_hold(w, v->collection, &c, e);

    if (!err && c->version_count == STORE_VERSIONS_MAX)
        err = err_set(e, ERR_CONFLICT, "version",
                      "a collection has at most %d versions: delete one", STORE_VERSIONS_MAX);
    if (!err && w->ledger.last_version >= INT32_MAX)
        err = err_set(e, ERR_FULL, NULL, "all numbers of versions are used up");
    if (err)
        return err;
    uint32_t id = ++w->ledger.last_version;
    err = version_change(w, CHANGE_VERSION_CREATED, c, id, &act->revision, e);
    if (!err)
        err = version_insert(w, id, c->id, VERSION_BUILDING, v, c->documents, act->revision, e);
    if (err)
        return err;
    struct held_version *held = &c->versions[c->version_count++];
    *held = (struct held_version){.id = id,
                                  .dims = v->dims,
                                  .state = VERSION_BUILDING,
                                  .revision = act->revision,
                                  .missing = c->documents,
                                  .unmarked_last = c->last_number};
    err = version_mark(w, c, held, e);
    w->purge |= held->unmarked_last > 0;
    act->id = act->version_id = id;
    act->status = ACT_CREATED;
    return err;
}

/* ---- update ---- */

static enum err version_compare(struct writer *w, const struct version_record *v, bool *same,
                                struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct version_record old;
    sqlite3_stmt *st;
    bool row = false;
    enum err err = conn_stmt(&w->conn, STMT_VERSION_GET, &st, e);

    *same = false;
    if (!err) {
        put_int(st, 1, v->id);
        err = conn_step(&w->conn, st, &row, e);
    }
    if (!err && row) {
        version_row(st, a, &old);
        *same = str_eq(old.settings, v->settings) && str_eq(old.report, v->report) &&
                old.state == v->state &&
                (old.mean_cosine == v->mean_cosine ||
                 (isnan(old.mean_cosine) && isnan(v->mean_cosine)));
        err = conn_run(&w->conn, st, e);
    }
    arena_free(a);
    return err;
}

static bool may_become(enum version_state from, enum version_state to)
{
    return from == to || (from == VERSION_BUILDING && to == VERSION_READY) ||
           (from == VERSION_READY && to == VERSION_BUILDING);
}

enum err version_update(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct version_record *v = &act->version;
    struct held_collection *c;
    struct held_version *held;
    sqlite3_stmt *st;
    bool same;
    enum err err = writer_hold_version(w, v->id, &c, &held, e);

    if (!err)
        err = act_revision_check(act, held->revision, e);
    if (!err && v->state == VERSION_READY && held->unmarked_last > 0)
        err = err_set(e, ERR_CONFLICT, "state",
                      "the version is new: its documents are being marked still, so it cannot be "
                      "ready yet");
    if (!err && !may_become(held->state, v->state))
        err =
            err_set(e, ERR_CONFLICT, "state",
                    "a version is built and said to be ready or not by an update; it is activated "
                    "by itself");
    if (!err)
        err = version_compare(w, v, &same, e);
    if (err)
        return err;
    act->id = act->version_id = v->id;
    act->revision = held->revision;
    if (same)
        return ERR_OK;
    err = version_change(w, CHANGE_VERSION_UPDATED, c, v->id, &act->revision, e);
    if (!err)
        err = conn_stmt(&w->conn, STMT_VERSION_UPDATE, &st, e);
    if (err)
        return err;
    put_int(st, 1, v->id);
    put_blob(st, 2, v->settings.s, v->settings.n);
    put_blob(st, 3, v->report.s, v->report.n);
    put_double(st, 4, (double)v->mean_cosine);
    put_int(st, 5, v->state);
    put_int(st, 6, w->now_us);
    put_int(st, 7, (int64_t)act->revision);
    held->state = v->state;
    held->revision = act->revision;
    act->status = ACT_UPDATED;
    return conn_run(&w->conn, st, e);
}

/* ---- activation ---- */

static enum err version_state_set(struct writer *w, struct held_version *v,
                                  enum version_state state, uint64_t revision, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_VERSION_STATE, &st, e);

    if (err)
        return err;
    put_int(st, 1, v->id);
    put_int(st, 2, state);
    put_int(st, 3, w->now_us);
    put_int(st, 4, (int64_t)revision);
    v->state = state;
    v->revision = revision;
    v->dirty = true;
    return conn_run(&w->conn, st, e);
}

/* Pending documents become missing ones, without the spans that they had; all are ready then. */
static enum err pending_to_missing(struct writer *w, const struct held_collection *c,
                                   struct held_version *v, struct err_info *e)
{
    uint64_t documents = key_base(c->id), passages = key_base(v->id), spans;
    enum err err = writer_number(w, STMT_WAITING_PASSAGES, documents, passages, &spans, e);

    if (!err)
        err = writer_run_2(w, STMT_WAITING_REMOVE, documents, passages, e);
    if (!err)
        err = writer_run_2(w, STMT_MISSING_WAITING, documents, passages, e);
    if (!err)
        err = writer_run_1(w, STMT_WAITING_READY, documents, e);
    v->passages -= spans;
    v->dirty = true;
    return err;
}

/* Missing documents become pending ones; none is before. */
static enum err missing_to_pending(struct writer *w, const struct held_collection *c,
                                   const struct held_version *v, struct err_info *e)
{
    uint64_t missing = key_base(v->id);
    enum err err = writer_run_2(w, STMT_WAITING_SET, key_base(c->id), missing, e);

    return err ? err : writer_run_2(w, STMT_MISSING_CLEAR, missing, missing | UINT32_MAX, e);
}

static enum err collection_version_set(struct writer *w, struct held_collection *c,
                                       uint32_t version, uint64_t revision, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_COLLECTION_VERSION, &st, e);

    if (err)
        return err;
    put_int(st, 1, c->id);
    put_int(st, 2, version);
    put_int(st, 3, w->now_us);
    put_int(st, 4, (int64_t)revision);
    c->revision = revision;
    return conn_run(&w->conn, st, e);
}

enum err version_activate(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_collection *c;
    struct held_version *v, *active;
    enum err err = writer_hold_version(w, act->version.id, &c, &v, e);

    if (!err)
        err = act_revision_check(act, v->revision, e);
    if (!err && v->state != VERSION_READY && v->state != VERSION_RETIRED)
        err = err_set(e, ERR_CONFLICT, "state",
                      v->state == VERSION_ACTIVE ? "the version is active already"
                                                 : "the version is not said to be ready");
    if (!err)
        err = version_change(w, CHANGE_VERSION_ACTIVATED, c, v->id, &act->revision, e);
    if (err)
        return err;
    active = held_active(c);
    err = pending_to_missing(w, c, active, e);
    if (!err)
        err = missing_to_pending(w, c, v, e);
    if (!err)
        err = version_state_set(w, active, VERSION_RETIRED, act->revision, e);
    if (!err)
        err = version_state_set(w, v, VERSION_ACTIVE, act->revision, e);
    act->id = act->version_id = v->id;
    act->status = ACT_UPDATED;
    return err ? err : collection_version_set(w, c, v->id, act->revision, e);
}

/* ---- removal ---- */

enum err version_delete(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_collection *c;
    struct held_version *v;
    uint32_t id = act->version.id;
    enum err err = writer_hold_version(w, id, &c, &v, e);

    if (!err)
        err = act_revision_check(act, v->revision, e);
    if (!err && v->state == VERSION_ACTIVE)
        err = err_set(e, ERR_CONFLICT, "state",
                      "the active version cannot be deleted: activate another one before");
    if (!err)
        err = version_change(w, CHANGE_VERSION_DELETED, c, id, &act->revision, e);
    if (!err)
        err = writer_run_1(w, STMT_VERSION_REMOVE, id, e);
    if (!err)
        err = writer_run_1(w, STMT_PURGE_VERSION_INSERT, id, e);
    if (err)
        return err;
    *v = c->versions[--c->version_count];
    w->purge = true;
    act->id = act->version_id = id;
    act->status = ACT_DELETED;
    return ERR_OK;
}

/* ---- one document for one version ---- */

/* The document as it was when it was embedded, or it is refused. */
static enum err embedded_expect(struct writer *w, const struct store_act *act,
                                const struct held_collection *c, struct stored *old,
                                struct err_info *e)
{
    if (act->document.collection != c->id)
        return err_set(e, ERR_INVALID, "collection", "the version belongs to collection %u", c->id);
    enum err err = stored_find(w, &act->document, old, e);
    if (err)
        return err;
    if (!old->key)
        return err_set(e, ERR_NOT_FOUND, "id", "there is no document of this id");
    if (act->if_revision != REVISION_ANY && act->if_revision != old->revision)
        return err_set(e, ERR_CONFLICT, "if_revision",
                       "the document is at revision %" PRIu64 ", %" PRIu64 " was embedded",
                       old->revision, act->if_revision);
    if (memcmp(act->document.text_digest, old->text_digest, 32) != 0)
        return err_set(e, ERR_CONFLICT, "text_digest", "the text changed meanwhile: embed again");
    return ERR_OK;
}

enum err version_embedded(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_collection *c;
    struct held_version *v;
    struct stored old;
    enum err err = writer_hold_version(w, act->version.id, &c, &v, e);

    if (!err)
        err = embedded_expect(w, act, c, &old, e);
    if (err)
        return err;
    uint32_t number = (uint32_t)old.key;
    act->id = number;
    act->version_id = v->id;
    act->revision = old.revision;
    if (v->state == VERSION_ACTIVE)
        return old.state == DOCUMENT_PENDING ? document_become_ready(w, act, c, &old, e) : ERR_OK;
    bool missing;
    err = missing_set(w, v, number, false, &missing, e);
    if (err || !missing)
        return err; /* it is there: stored before, perhaps by this very act */
    act->status = ACT_UPDATED;
    return passages_add(w, v, number, &act->document, old.text_digest, true, e);
}
