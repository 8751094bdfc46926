/* The log of what was recommended. Rows come in batches and make no change rows: nobody follows
 * them, and an answer a request would else be a change a request. They go by age, with their user
 * and with their collection. */
#include "store/inside.h"
#include <string.h>

#define FORGET_ROWS 1024

static enum err served_insert(struct writer *w, const struct served_record *r, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_SERVED_INSERT, &st, e);

    if (err)
        return err;
    put_int(st, 1, r->collection);
    put_blob(st, 2, r->token, sizeof r->token);
    put_str(st, 3, r->user);
    put_int(st, 4, r->at_us);
    put_int(st, 5, r->recommender);
    put_str(st, 6, r->scenario);
    put_str(st, 7, r->experiment);
    put_str(st, 8, r->variant);
    put_blob(st, 9, r->payload.s, r->payload.n);
    return conn_run(&w->conn, st, e);
}

enum err served_add_all(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_collection *c;
    enum err err = ERR_OK;

    for (size_t i = 0; i < act->served_count && !err; i++) {
        err = writer_hold(w, act->served[i].collection, &c, e);
        if (err == ERR_NOT_FOUND) { /* the collection went meanwhile, and its log with it */
            err_clear(e);
            err = ERR_OK;
        } else if (!err) {
            err = served_insert(w, &act->served[i], e);
        }
    }
    act->status = ACT_CREATED;
    return err;
}

enum err served_forget(struct writer *w, struct store_act *act, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_SERVED_FORGET, &st, e);

    if (err)
        return err;
    put_int(st, 1, act->served_collection);
    put_int(st, 2, act->served_before_us);
    put_int(st, 3, FORGET_ROWS);
    err = conn_run(&w->conn, st, e);
    act->id = err ? 0 : (uint64_t)sqlite3_changes(w->conn.db);
    act->status = ACT_DELETED;
    return err;
}

/* ---- reads ---- */

static void served_row(sqlite3_stmt *st, struct arena *a, struct served_record *r)
{
    const void *token = sqlite3_column_blob(st, 2);

    memset(r, 0, sizeof *r);
    r->id = (uint64_t)sqlite3_column_int64(st, 0);
    r->collection = (uint32_t)sqlite3_column_int64(st, 1);
    if (token && sqlite3_column_bytes(st, 2) == (int)sizeof r->token)
        memcpy(r->token, token, sizeof r->token);
    r->user = get_str(st, 3, a);
    r->at_us = sqlite3_column_int64(st, 4);
    r->recommender = (uint32_t)sqlite3_column_int64(st, 5);
    r->scenario = get_str(st, 6, a);
    r->experiment = get_str(st, 7, a);
    r->variant = get_str(st, 8, a);
    r->payload = get_blob(st, 9, a);
}

static enum err served_one(struct conn *c, struct arena *a, uint32_t collection,
                           const uint8_t token[SERVED_TOKEN], struct served_record *out,
                           struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(c, STMT_SERVED_GET, &st, e);

    memset(out, 0, sizeof *out);
    if (err)
        return err;
    put_int(st, 1, collection);
    put_blob(st, 2, token, SERVED_TOKEN);
    err = conn_step(c, st, &row, e);
    if (err || !row)
        return err;
    served_row(st, a, out);
    return conn_run(c, st, e);
}

enum err store_served_get(struct store *s, struct arena *a, uint32_t collection,
                          const uint8_t (*tokens)[SERVED_TOKEN], size_t count,
                          struct served_record *out, struct err_info *e)
{
    struct conn *c;
    enum err err = read_begin(s, OP_SERVED_GET, &c, e);

    if (err)
        return err;
    for (size_t i = 0; i < count && !err; i++)
        err = served_one(c, a, collection, tokens[i], &out[i], e);
    read_end(s, c, err);
    return err;
}

static enum err served_rows(struct conn *c, struct arena *a, sqlite3_stmt *st, struct list *list,
                            struct err_info *e)
{
    bool row;
    enum err err;

    while (!(err = conn_step(c, st, &row, e)) && row)
        served_row(st, a, list_add(list, a));
    return err;
}

enum err store_served_list(struct store *s, struct arena *a, uint32_t collection,
                           const struct served_range *range, size_t limit,
                           struct served_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    enum err err = read_begin(s, OP_SERVED_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_SERVED_BY_TIME, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        put_int(st, 2, range->from_us);
        put_int(st, 3, (int64_t)range->after);
        put_int(st, 4, range->before_us ? range->before_us : INT64_MAX);
        put_int(st, 5, limit_clamp(limit));
        err = served_rows(c, a, st, &list, e);
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}

enum err store_served_of_user(struct store *s, struct arena *a, uint32_t collection,
                              struct str user, int64_t before_us, uint64_t before, size_t limit,
                              struct served_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    enum err err = read_begin(s, OP_SERVED_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_SERVED_OF_USER, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        put_str(st, 2, user);
        put_int(st, 3, before_us ? before_us : INT64_MAX);
        put_int(st, 4, before ? (int64_t)before : INT64_MAX);
        put_int(st, 5, limit_clamp(limit));
        err = served_rows(c, a, st, &list, e);
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
