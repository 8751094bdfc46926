#include "store/inside.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool finished(enum task_state state)
{
    return state == TASK_DONE || state == TASK_FAILED;
}

/* What is there: its creation and state. */
static enum err task_find(struct writer *w, uint64_t id, int64_t *created_us,
                          enum task_state *state, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_TASK_GET, &st, e);

    if (err)
        return err;
    put_int(st, 1, (int64_t)id);
    err = conn_step(&w->conn, st, &row, e);
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, "id", "there is no task %" PRIu64, id);
    if (err)
        return err;
    *state = (enum task_state)sqlite3_column_int(st, 2);
    *created_us = sqlite3_column_int64(st, 3);
    return conn_run(&w->conn, st, e);
}

enum err task_put(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct task_record *t = &act->task;
    int64_t created_us = t->created_us ? t->created_us : w->now_us;
    enum task_state was = TASK_QUEUED;
    uint64_t id = t->id;
    char subject[24];
    sqlite3_stmt *st;
    enum err err = id ? task_find(w, id, &created_us, &was, e) : ERR_OK;

    if (err)
        return err;
    if (!id) {
        id = ++w->ledger.last_task;
        w->ledger.dirty = true;
    }
    snprintf(subject, sizeof subject, "%" PRIu64, id);
    if (finished(t->state) && !finished(was))
        err = writer_change(w, CHANGE_TASK_FINISHED, NULL, 0, str_c(subject), &act->revision, e);
    if (!err)
        err = conn_stmt(&w->conn, STMT_TASK_SET, &st, e);
    if (err)
        return err;
    put_int(st, 1, (int64_t)id);
    put_str(st, 2, t->kind);
    put_int(st, 3, t->state);
    put_int(st, 4, created_us);
    put_int(st, 5, t->updated_us ? t->updated_us : w->now_us);
    put_blob(st, 6, t->payload.s, t->payload.n);
    act->id = id;
    act->status = t->id ? ACT_UPDATED : ACT_CREATED;
    return conn_run(&w->conn, st, e);
}

static void task_row(sqlite3_stmt *st, struct arena *a, struct task_record *t)
{
    t->id = (uint64_t)sqlite3_column_int64(st, 0);
    t->kind = get_str(st, 1, a);
    t->state = (enum task_state)sqlite3_column_int(st, 2);
    t->created_us = sqlite3_column_int64(st, 3);
    t->updated_us = sqlite3_column_int64(st, 4);
    t->payload = get_blob(st, 5, a);
}

enum err store_task_get(struct store *s, struct arena *a, uint64_t id, struct task_record *out,
                        struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_TASK_GET, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_TASK_GET, &st, e);
    if (!err) {
        put_int(st, 1, (int64_t)id);
        err = conn_step(c, st, &row, e);
    }
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, "id", "there is no task %" PRIu64, id);
    if (!err)
        task_row(st, a, out);
    read_end(s, c, err);
    return err;
}

enum err store_task_open(struct store *s, struct arena *a, size_t limit, struct task_record **out,
                         size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_TASK_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_TASK_OPEN, &st, e);
    if (!err) {
        put_int(st, 1, limit_clamp(limit));
        while (!(err = conn_step(c, st, &row, e)) && row)
            task_row(st, a, list_add(&list, a));
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}

enum err store_task_list(struct store *s, struct arena *a, uint64_t before_id, size_t limit,
                         struct task_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_TASK_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_TASK_LIST, &st, e);
    if (!err) {
        put_int(st, 1, before_id ? (int64_t)before_id : INT64_MAX);
        put_int(st, 2, limit_clamp(limit));
        while (!(err = conn_step(c, st, &row, e)) && row)
            task_row(st, a, list_add(&list, a));
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
