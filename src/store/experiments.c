/* Experiments: what is compared with what (opaque here), and whether it runs. Of one scenario at
 * most one runs, so that a request is in one. */
#include "store/inside.h"
#include <string.h>

struct stored_experiment {
    uint64_t revision; /* 0: not there */
    int64_t created_us;
};

static enum err experiment_find(struct writer *w, const struct experiment_record *x,
                                struct stored_experiment *out, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_EXPERIMENT_GET, &st, e);

    memset(out, 0, sizeof *out);
    if (err)
        return err;
    put_int(st, 1, x->collection);
    put_str(st, 2, x->name);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    out->created_us = sqlite3_column_int64(st, 4);
    out->revision = (uint64_t)sqlite3_column_int64(st, 6);
    return conn_run(&w->conn, st, e);
}

static enum err running_check(struct writer *w, const struct experiment_record *x,
                              struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_EXPERIMENT_RUNNING, &st, e);

    if (err)
        return err;
    put_int(st, 1, x->collection);
    put_str(st, 2, x->scenario);
    put_str(st, 3, x->name);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    err = err_set(e, ERR_CONFLICT, "scenario", "the experiment %.*s is running in this scenario%s",
                  sqlite3_column_bytes(st, 0), (const char *)sqlite3_column_text(st, 0),
                  x->scenario.n ? "" : " (that of requests of no other)");
    enum err ended = conn_run(&w->conn, st, e);
    return ended == ERR_OK ? err : ended;
}

static enum err too_many_check(struct writer *w, uint32_t collection, struct err_info *e)
{
    uint64_t count = 0;
    enum err err = writer_number(w, STMT_EXPERIMENT_COUNT, collection, 0, &count, e);

    if (!err && count >= STORE_EXPERIMENTS_MAX)
        err = err_set(e, ERR_CONFLICT, "name",
                      "the collection has %d experiments already, which is the most; delete one "
                      "first",
                      STORE_EXPERIMENTS_MAX);
    return err;
}

static enum err experiment_set(struct writer *w, const struct experiment_record *x,
                               int64_t created_us, uint64_t revision, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_EXPERIMENT_SET, &st, e);

    if (err)
        return err;
    put_int(st, 1, x->collection);
    put_str(st, 2, x->name);
    put_int(st, 3, x->state);
    put_blob(st, 4, x->payload.s, x->payload.n);
    put_int(st, 5, created_us);
    put_int(st, 6, w->now_us);
    put_int(st, 7, (int64_t)revision);
    put_str(st, 8, x->scenario);
    return conn_run(&w->conn, st, e);
}

enum err experiment_put(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct experiment_record *x = &act->experiment;
    struct held_collection *c;
    struct stored_experiment old;
    enum err err = writer_hold(w, x->collection, &c, e);

    if (!err)
        err = experiment_find(w, x, &old, e);
    if (!err)
        err = act_revision_check(act, old.revision, e);
    if (!err && !old.revision)
        err = too_many_check(w, c->id, e);
    if (!err && x->state == EXPERIMENT_RUNNING)
        err = running_check(w, x, e);
    if (!err)
        err = writer_change(w, CHANGE_EXPERIMENT_PUT, c, 0, x->name, &act->revision, e);
    if (!err)
        err = experiment_set(w, x, old.revision ? old.created_us : w->now_us, act->revision, e);
    act->status = !err && old.revision ? ACT_UPDATED : ACT_CREATED;
    return err;
}

enum err experiment_delete(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct experiment_record *x = &act->experiment;
    struct held_collection *c;
    struct stored_experiment old;
    sqlite3_stmt *st;
    enum err err = writer_hold(w, x->collection, &c, e);

    if (!err)
        err = experiment_find(w, x, &old, e);
    if (!err)
        err = act_revision_check(act, old.revision, e);
    if (!err && !old.revision)
        err = err_set(e, ERR_NOT_FOUND, "name", "there is no experiment of this name");
    if (!err)
        err = writer_change(w, CHANGE_EXPERIMENT_DELETED, c, 0, x->name, &act->revision, e);
    if (!err)
        err = conn_stmt(&w->conn, STMT_EXPERIMENT_REMOVE, &st, e);
    if (err)
        return err;
    put_int(st, 1, c->id);
    put_str(st, 2, x->name);
    act->status = ACT_DELETED;
    return conn_run(&w->conn, st, e);
}

/* ---- reads ---- */

static void experiment_row(sqlite3_stmt *st, struct arena *a, struct experiment_record *x)
{
    x->collection = (uint32_t)sqlite3_column_int64(st, 0);
    x->name = get_str(st, 1, a);
    x->state = (enum experiment_state)sqlite3_column_int(st, 2);
    x->payload = get_blob(st, 3, a);
    x->created_us = sqlite3_column_int64(st, 4);
    x->updated_us = sqlite3_column_int64(st, 5);
    x->revision = (uint64_t)sqlite3_column_int64(st, 6);
    x->scenario = get_str(st, 7, a);
}

enum err store_experiment_get(struct store *s, struct arena *a, uint32_t collection,
                              struct str name, struct experiment_record *out, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_EXPERIMENT_GET, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_EXPERIMENT_GET, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        put_str(st, 2, name);
        err = conn_step(c, st, &row, e);
    }
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, "name", "there is no experiment of this name");
    if (!err) {
        experiment_row(st, a, out);
        err = conn_run(c, st, e);
    }
    read_end(s, c, err);
    return err;
}

enum err store_experiment_list(struct store *s, struct arena *a, uint32_t collection,
                               struct experiment_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_EXPERIMENT_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_EXPERIMENT_LIST, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        while (!(err = conn_step(c, st, &row, e)) && row)
            experiment_row(st, a, list_add(&list, a));
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
