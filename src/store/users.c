#include "store/inside.h"
#include <string.h>

struct stored_user {
    uint64_t revision; /* 0: not there */
    int64_t created_us;
    bool same; /* its payload is the wanted one */
};

static enum err user_find(struct writer *w, uint32_t collection, const struct user_record *u,
                          struct stored_user *out, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_USER_GET, &st, e);

    memset(out, 0, sizeof *out);
    if (err)
        return err;
    put_int(st, 1, collection);
    put_str(st, 2, u->id);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    out->revision = (uint64_t)sqlite3_column_int64(st, 1);
    out->created_us = sqlite3_column_int64(st, 2);
    out->same =
        (size_t)sqlite3_column_bytes(st, 4) == u->payload.n &&
        (u->payload.n == 0 || memcmp(sqlite3_column_blob(st, 4), u->payload.s, u->payload.n) == 0);
    return conn_run(&w->conn, st, e);
}

enum err user_put(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct user_record *u = &act->user;
    struct held_collection *c;
    struct stored_user old;
    sqlite3_stmt *st;
    enum err err = writer_hold(w, act->user_collection, &c, e);

    if (!err)
        err = user_find(w, c->id, u, &old, e);
    if (!err)
        err = act_revision_check(act, old.revision, e);
    if (err)
        return err;
    act->revision = old.revision;
    if (old.revision && old.same)
        return ERR_OK;
    err = writer_change(w, CHANGE_USER_PUT, c, 0, u->id, &act->revision, e);
    if (!err)
        err = conn_stmt(&w->conn, STMT_USER_SET, &st, e);
    if (err)
        return err;
    put_int(st, 1, c->id);
    put_str(st, 2, u->id);
    put_int(st, 3, (int64_t)act->revision);
    put_int(st, 4, old.revision ? old.created_us : u->created_us ? u->created_us : w->now_us);
    put_int(st, 5, u->updated_us ? u->updated_us : w->now_us);
    put_blob(st, 6, u->payload.s, u->payload.n);
    act->status = old.revision ? ACT_UPDATED : ACT_CREATED;
    return conn_run(&w->conn, st, e);
}

static enum err user_rows_remove(struct writer *w, enum statement id, uint32_t collection,
                                 struct str user, int *removed, bool *more, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, id, &st, e);

    if (err)
        return err;
    put_int(st, 1, collection);
    put_str(st, 2, user);
    if (sqlite3_bind_parameter_count(st) > 2)
        put_int(st, 3, STORE_USER_STEP);
    err = conn_run(&w->conn, st, e);
    int n = sqlite3_changes(w->conn.db);
    *removed += n;
    *more |= n == STORE_USER_STEP;
    return err;
}

enum err user_delete(struct writer *w, struct store_act *act, struct err_info *e)
{
    static const enum statement rows[] = {STMT_USER_REMOVE, STMT_FEEDBACK_REMOVE_USER,
                                          STMT_SERVED_REMOVE_USER, STMT_BROUGHT_REMOVE_USER};
    struct held_collection *c;
    struct stored_user old;
    int removed = 0, remains = 0;
    bool more = false;
    enum err err = writer_hold(w, act->user_collection, &c, e);

    if (!err)
        err = user_find(w, c->id, &act->user, &old, e);
    if (!err)
        err = act_revision_check(act, old.revision, e);
    if (!err)
        err = user_rows_remove(w, STMT_FEEDBACK_REMAINS_USER, c->id, act->user.id, &remains, &more,
                               e);
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !err; i++)
        err = user_rows_remove(w, rows[i], c->id, act->user.id, &removed, &more, e);
    if (!err && removed == 0 && !act->user_rest)
        err =
            err_set(e, ERR_NOT_FOUND, "id", "there is no user of this id, and no feedback of one");
    remains = 0;
    if (!err)
        err = user_rows_remove(w, STMT_CHANGE_FORGET_USER, c->id, act->user.id, &remains, &more, e);
    if (!err)
        err = kept_erase(w, c->id, &more, e);
    if (!err && !more)
        err = writer_change(w, CHANGE_USER_DELETED, c, 0, STR(""), &act->revision, e);
    w->scrub = true;
    act->id = more;
    act->status = ACT_DELETED;
    return err;
}

/* ---- reads ---- */

static void user_row(sqlite3_stmt *st, struct arena *a, struct user_record *u)
{
    u->id = get_str(st, 0, a);
    u->revision = (uint64_t)sqlite3_column_int64(st, 1);
    u->created_us = sqlite3_column_int64(st, 2);
    u->updated_us = sqlite3_column_int64(st, 3);
    u->payload = get_blob(st, 4, a);
}

enum err store_user_get(struct store *s, struct arena *a, uint32_t collection, struct str id,
                        struct user_record *out, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_USER_GET, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_USER_GET, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        put_str(st, 2, id);
        err = conn_step(c, st, &row, e);
    }
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, "id", "there is no user of this id");
    if (!err)
        user_row(st, a, out);
    read_end(s, c, err);
    return err;
}

enum err store_user_list(struct store *s, struct arena *a, uint32_t collection, struct str after,
                         size_t limit, struct user_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_USER_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_USER_LIST, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        put_str(st, 2, after);
        put_int(st, 3, limit_clamp(limit));
        while (!(err = conn_step(c, st, &row, e)) && row)
            user_row(st, a, list_add(&list, a));
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
