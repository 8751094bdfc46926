/* Keys of the API: read once, when the engine opens, and kept in memory there. */
#include "store/inside.h"
#include <string.h>

enum err key_put(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct key_record *k = &act->key;
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_KEY_SET, &st, e);

    if (err)
        return err;
    put_str(st, 1, k->id);
    put_blob(st, 2, k->hash, sizeof k->hash);
    put_blob(st, 3, k->old_hash, sizeof k->old_hash);
    put_int(st, 4, k->old_until_us);
    put_blob(st, 5, k->payload.s, k->payload.n);
    put_int(st, 6, k->created_us);
    put_int(st, 7, k->updated_us);
    put_int(st, 8, k->used_us);
    act->status = ACT_UPDATED;
    return conn_run(&w->conn, st, e);
}

enum err key_used(struct writer *w, struct store_act *act, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_KEY_USED, &st, e);

    if (err)
        return err;
    put_str(st, 1, act->key.id);
    put_int(st, 2, act->key.used_us);
    act->status = ACT_UPDATED;
    return conn_run(&w->conn, st, e);
}

enum err key_delete(struct writer *w, struct store_act *act, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_KEY_REMOVE, &st, e);

    if (err)
        return err;
    put_str(st, 1, act->key.id);
    err = conn_run(&w->conn, st, e);
    if (!err && sqlite3_changes(w->conn.db) == 0)
        err = err_set(e, ERR_NOT_FOUND, "id", "there is no key of this id");
    act->status = ACT_DELETED;
    return err;
}

static void key_row(sqlite3_stmt *st, struct arena *a, struct key_record *k)
{
    k->id = get_str(st, 0, a);
    get_digest(st, 1, k->hash);
    get_digest(st, 2, k->old_hash);
    k->old_until_us = sqlite3_column_int64(st, 3);
    k->payload = get_blob(st, 4, a);
    k->created_us = sqlite3_column_int64(st, 5);
    k->updated_us = sqlite3_column_int64(st, 6);
    k->used_us = sqlite3_column_int64(st, 7);
}

enum err store_key_list(struct store *s, struct arena *a, struct str after, size_t limit,
                        struct key_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_KEY_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_KEY_LIST, &st, e);
    if (!err) {
        put_str(st, 1, after);
        put_int(st, 2, limit_clamp(limit));
        while (!(err = conn_step(c, st, &row, e)) && row)
            key_row(st, a, list_add(&list, a));
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
