/* Recommenders and classifiers: what a training has made, the file of which lies beside the store.
 * Of a collection's recommenders at most one is active, and of its classifiers of a label; rollback
 * activates one that was retired. */
#include "store/inside.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void recommender_row(sqlite3_stmt *st, struct arena *a, struct recommender_record *r)
{
    r->id = (uint32_t)sqlite3_column_int64(st, 0);
    r->collection = (uint32_t)sqlite3_column_int64(st, 1);
    r->state = (enum recommender_state)sqlite3_column_int(st, 2);
    r->kind = get_str(st, 3, a);
    r->digest = get_str(st, 4, a);
    r->bytes = (uint64_t)sqlite3_column_int64(st, 5);
    r->version = (uint32_t)sqlite3_column_int64(st, 6);
    r->change = (uint64_t)sqlite3_column_int64(st, 7);
    r->acts = (uint64_t)sqlite3_column_int64(st, 8);
    r->report = get_blob(st, 9, a);
    r->created_us = sqlite3_column_int64(st, 10);
    r->updated_us = sqlite3_column_int64(st, 11);
    r->revision = (uint64_t)sqlite3_column_int64(st, 12);
    r->label = get_str(st, 13, a);
}

/* ---- writes ---- */

struct held_recommender {
    uint32_t id;
    enum recommender_state state;
    uint64_t revision;
    char label[STORE_LABEL_MAX + 1];
    struct held_collection *c;
};

/* The one that the act names, as its condition wants it. */
static enum err recommender_hold(struct writer *w, const struct store_act *act,
                                 struct held_recommender *out, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_RECOMMENDER_GET, &st, e);

    if (err)
        return err;
    put_int(st, 1, act->recommender.id);
    err = conn_step(&w->conn, st, &row, e);
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, "recommender", "the recommender does not exist");
    if (err)
        return err;
    uint32_t collection = (uint32_t)sqlite3_column_int64(st, 1);
    out->id = act->recommender.id;
    out->state = (enum recommender_state)sqlite3_column_int(st, 2);
    out->revision = (uint64_t)sqlite3_column_int64(st, 12);
    snprintf(out->label, sizeof out->label, "%s", (const char *)sqlite3_column_text(st, 13));
    err = conn_run(&w->conn, st, e);
    if (!err)
        err = writer_hold(w, collection, &out->c, e);
    return err ? err : act_revision_check(act, out->revision, e);
}

static enum err recommender_change(struct writer *w, enum change_kind kind,
                                   const struct held_collection *c, uint32_t id, uint64_t *revision,
                                   struct err_info *e)
{
    char subject[16];

    snprintf(subject, sizeof subject, "%" PRIu32, id);
    return writer_change(w, kind, c, 0, str_c(subject), revision, e);
}

static enum err recommender_state_set(struct writer *w, uint32_t id, enum recommender_state state,
                                      uint64_t revision, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_RECOMMENDER_STATE, &st, e);

    if (err)
        return err;
    put_int(st, 1, id);
    put_int(st, 2, state);
    put_int(st, 3, w->now_us);
    put_int(st, 4, (int64_t)revision);
    return conn_run(&w->conn, st, e);
}

static enum err recommender_insert(struct writer *w, uint32_t id,
                                   const struct recommender_record *r, uint64_t revision,
                                   struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_RECOMMENDER_INSERT, &st, e);

    if (err)
        return err;
    put_int(st, 1, id);
    put_int(st, 2, r->collection);
    put_str(st, 3, r->kind);
    put_str(st, 4, r->digest);
    put_int(st, 5, (int64_t)r->bytes);
    put_int(st, 6, r->version);
    put_int(st, 7, (int64_t)r->change);
    put_int(st, 8, (int64_t)r->acts);
    put_blob(st, 9, r->report.s, r->report.n);
    put_int(st, 10, r->created_us ? r->created_us : w->now_us);
    put_int(st, 11, (int64_t)revision);
    put_str(st, 12, r->label);
    return conn_run(&w->conn, st, e);
}

/* One number about those of a label: STMT_RECOMMENDER_COUNT, STMT_RECOMMENDER_ACTIVE (0: none). */
static enum err label_number(struct writer *w, enum statement what, uint32_t collection,
                             struct str label, uint64_t *out, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, what, &st, e);

    *out = 0;
    if (err)
        return err;
    put_int(st, 1, collection);
    put_str(st, 2, label);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    *out = (uint64_t)sqlite3_column_int64(st, 0);
    return conn_run(&w->conn, st, e);
}

enum err recommender_create(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_collection *c;
    uint64_t there;
    enum err err = writer_hold(w, act->recommender.collection, &c, e);

    if (!err)
        err = label_number(w, STMT_RECOMMENDER_COUNT, c->id, act->recommender.label, &there, e);
    if (!err && there >= STORE_RECOMMENDERS_MAX)
        err =
            err_set(e, ERR_CONFLICT, "recommender",
                    "a collection has at most %d recommenders, and classifiers of a label: delete "
                    "one",
                    STORE_RECOMMENDERS_MAX);
    if (!err && w->ledger.last_recommender >= INT32_MAX)
        err = err_set(e, ERR_FULL, NULL, "all numbers of recommenders are used up");
    if (err)
        return err;
    uint32_t id = ++w->ledger.last_recommender;
    w->ledger.dirty = true;
    err = recommender_change(w, CHANGE_RECOMMENDER_CREATED, c, id, &act->revision, e);
    if (!err && act->recommender.change > act->revision)
        err = err_set(e, ERR_INVALID, "change", "its data are newer than the store");
    if (!err)
        err = recommender_insert(w, id, &act->recommender, act->revision, e);
    act->id = id;
    act->status = ACT_CREATED;
    return err;
}

enum err recommender_activate(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_recommender r;
    uint64_t active = 0;
    enum err err = recommender_hold(w, act, &r, e);

    if (!err && r.state == RECOMMENDER_ACTIVE)
        err = err_set(e, ERR_CONFLICT, "state", "the recommender is active already");
    if (!err)
        err = label_number(w, STMT_RECOMMENDER_ACTIVE, r.c->id, str_c(r.label), &active, e);
    if (!err)
        err = recommender_change(w, CHANGE_RECOMMENDER_ACTIVATED, r.c, r.id, &act->revision, e);
    if (!err && active)
        err = recommender_state_set(w, (uint32_t)active, RECOMMENDER_RETIRED, act->revision, e);
    if (!err)
        err = recommender_state_set(w, r.id, RECOMMENDER_ACTIVE, act->revision, e);
    act->id = act->recommender.id;
    act->status = ACT_UPDATED;
    return err;
}

enum err recommender_retire(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_recommender r;
    enum err err = recommender_hold(w, act, &r, e);

    if (!err && r.state != RECOMMENDER_ACTIVE)
        err = err_set(e, ERR_CONFLICT, "state", "the recommender is not active");
    if (!err)
        err = recommender_change(w, CHANGE_RECOMMENDER_RETIRED, r.c, r.id, &act->revision, e);
    if (!err)
        err = recommender_state_set(w, r.id, RECOMMENDER_RETIRED, act->revision, e);
    act->id = act->recommender.id;
    act->status = ACT_UPDATED;
    return err;
}

enum err recommender_delete(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_recommender r;
    enum err err = recommender_hold(w, act, &r, e);

    if (!err && r.state == RECOMMENDER_ACTIVE)
        err = err_set(e, ERR_CONFLICT, "state",
                      "the active recommender cannot be deleted: activate another one, or retire "
                      "it, before");
    if (!err)
        err = recommender_change(w, CHANGE_RECOMMENDER_DELETED, r.c, r.id, &act->revision, e);
    if (!err)
        err = writer_run_1(w, STMT_RECOMMENDER_REMOVE, r.id, e);
    act->id = act->recommender.id;
    act->status = ACT_DELETED;
    return err;
}

/* ---- reads ---- */

enum err store_recommender_get(struct store *s, struct arena *a, uint32_t id,
                               struct recommender_record *out, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_RECOMMENDER_GET, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_RECOMMENDER_GET, &st, e);
    if (!err) {
        put_int(st, 1, id);
        err = conn_step(c, st, &row, e);
    }
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, "recommender", "the recommender does not exist");
    if (!err)
        recommender_row(st, a, out);
    read_end(s, c, err);
    return err;
}

enum err store_recommender_list(struct store *s, struct arena *a, uint32_t collection,
                                struct recommender_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_RECOMMENDER_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_RECOMMENDER_LIST, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        while (!(err = conn_step(c, st, &row, e)) && row)
            recommender_row(st, a, list_add(&list, a));
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
