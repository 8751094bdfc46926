/* Answers to requests with an Idempotency-Key. The row of one is made in the transaction that did
 * what was asked for (store_ticket_set), its answer follows when it is known. Rows go by age, with
 * their collection, and the oldest when they are too many, of their owner or in all. */
#include "store/inside.h"
#include <assert.h>
#include <string.h>

#define ALL_OWNERS STR("*")

static _Thread_local struct store_ticket *current;

void store_ticket_set(struct store_ticket *t)
{
    current = t;
}

struct store_ticket *store_ticket_get(void)
{
    return current;
}

/* ---- bounds ---- */

static enum err bytes_of(struct writer *w, struct str owner, uint64_t *out, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_KEPT_BYTES, &st, e);

    *out = 0;
    if (err)
        return err;
    put_str(st, 1, owner);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    *out = (uint64_t)sqlite3_column_int64(st, 0);
    return conn_run(&w->conn, st, e);
}

/* Some 20 us a row that goes. */
static enum err trim(struct writer *w, struct str owner, uint64_t bytes_max, enum statement oldest,
                     struct err_info *e)
{
    sqlite3_stmt *st;
    uint64_t bytes;
    enum err err = bytes_of(w, owner, &bytes, e);

    while (!err && bytes > bytes_max) {
        err = conn_stmt(&w->conn, oldest, &st, e);
        if (err)
            return err;
        if (oldest == STMT_KEPT_OLDEST_OF)
            put_str(st, 1, owner);
        err = conn_run(&w->conn, st, e);
        if (!err && sqlite3_changes(w->conn.db) == 0)
            return ERR_OK;
        if (!err)
            err = bytes_of(w, owner, &bytes, e);
    }
    return err;
}

static enum err trim_all(struct writer *w, struct str owner, struct err_info *e)
{
    const struct store_options *o = &w->store->options;
    enum err err = trim(w, owner, o->kept_owner_bytes, STMT_KEPT_OLDEST_OF, e);

    return err ? err : trim(w, ALL_OWNERS, o->kept_bytes, STMT_KEPT_OLDEST, e);
}

/* ---- acts ---- */

static enum err row_remove(struct writer *w, const uint8_t key[KEPT_DIGEST], struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_KEPT_REMOVE, &st, e);

    if (err)
        return err;
    put_blob(st, 1, key, KEPT_DIGEST);
    return conn_run(&w->conn, st, e);
}

static enum err row_add(struct writer *w, const struct kept_record *k, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = row_remove(w, k->key, e); /* one of long ago */

    if (!err)
        err = conn_stmt(&w->conn, STMT_KEPT_ADD, &st, e);
    if (err)
        return err;
    put_blob(st, 1, k->key, sizeof k->key);
    put_blob(st, 2, k->request, sizeof k->request);
    put_blob(st, 3, k->rights, sizeof k->rights);
    put_str(st, 4, k->owner);
    put_int(st, 5, k->collection);
    put_int(st, 6, k->readers);
    put_int(st, 7, k->at_us);
    put_int(st, 8, k->state);
    put_int(st, 9, k->status);
    put_str(st, 10, k->headers);
    put_blob(st, 11, k->body.s, k->body.n);
    err = conn_run(&w->conn, st, e);
    return err ? err : trim_all(w, k->owner, e);
}

/* Of a collection that has gone meanwhile nothing is to be said any more. */
static enum err collection_settle(struct writer *w, struct kept_record *k, struct err_info *e)
{
    struct held_collection *c;
    struct err_info info = {0};
    enum err err = k->collection ? writer_hold(w, k->collection, &c, &info) : ERR_OK;

    if (err == ERR_NOT_FOUND) {
        k->collection = 0;
        k->state = KEPT_DONE;
        k->headers = k->body = STR("");
        return ERR_OK;
    }
    return err ? err_set(e, err, info.field, "%s", info.message) : ERR_OK;
}

enum err kept_mark(struct writer *w, const struct kept_record *k, struct err_info *e)
{
    struct kept_record row = *k;

    row.state = KEPT_BEGUN;
    row.status = 0;
    row.headers = row.body = STR("");
    enum err err = collection_settle(w, &row, e);
    return err ? err : row_add(w, &row, e);
}

enum err kept_add(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct kept_record row = *act->kept;
    enum err err = collection_settle(w, &row, e);

    act->status = ACT_CREATED;
    return err ? err : row_add(w, &row, e);
}

enum err kept_answer(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct kept_record *k = act->kept;
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_KEPT_ANSWER, &st, e);

    if (err)
        return err;
    put_blob(st, 1, k->key, sizeof k->key);
    put_int(st, 2, k->at_us);
    put_int(st, 3, k->state);
    put_int(st, 4, k->status);
    put_str(st, 5, k->headers);
    put_blob(st, 6, k->body.s, k->body.n);
    err = conn_run(&w->conn, st, e);
    act->status = ACT_UPDATED;
    return err ? err : trim_all(w, k->owner, e);
}

enum err kept_forget(struct writer *w, struct store_act *act, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_KEPT_FORGET, &st, e);

    if (err)
        return err;
    put_int(st, 1, act->kept_before_us);
    put_int(st, 2, STORE_KEPT_STEP);
    err = conn_run(&w->conn, st, e);
    act->id = err ? 0 : (uint64_t)sqlite3_changes(w->conn.db);
    act->status = ACT_DELETED;
    return err;
}

enum err kept_erase(struct writer *w, uint32_t collection, bool *more, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_KEPT_ERASE, &st, e);

    if (err)
        return err;
    put_int(st, 1, collection);
    put_int(st, 2, STORE_USER_STEP);
    err = conn_run(&w->conn, st, e);
    *more |= !err && sqlite3_changes(w->conn.db) == STORE_USER_STEP;
    return err;
}

/* ---- reads ---- */

static void kept_row(sqlite3_stmt *st, struct arena *a, struct kept_record *k)
{
    get_digest(st, 0, k->key);
    get_digest(st, 1, k->request);
    get_digest(st, 2, k->rights);
    k->owner = get_str(st, 3, a);
    k->collection = (uint32_t)sqlite3_column_int64(st, 4);
    k->readers = sqlite3_column_int(st, 5) != 0;
    k->at_us = sqlite3_column_int64(st, 6);
    k->state = (enum kept_state)sqlite3_column_int(st, 7);
    k->status = sqlite3_column_int(st, 8);
    k->headers = get_str(st, 9, a);
    k->body = get_blob(st, 10, a);
}

enum err store_kept_get(struct store *s, struct arena *a, const uint8_t key[KEPT_DIGEST],
                        struct kept_record *out, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row = false;
    enum err err = read_begin(s, OP_KEPT_GET, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_KEPT_GET, &st, e);
    if (!err) {
        put_blob(st, 1, key, KEPT_DIGEST);
        err = conn_step(c, st, &row, e);
    }
    if (row)
        kept_row(st, a, out);
    read_end(s, c, err);
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, NULL, "no answer is kept under this key");
    return err;
}

enum err store_kept_before(struct store *s, int64_t before_us, bool *any, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    enum err err = read_begin(s, OP_KEPT_GET, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_KEPT_BEFORE, &st, e);
    if (!err) {
        put_int(st, 1, before_us);
        err = conn_step(c, st, any, e);
    }
    read_end(s, c, err);
    return err;
}
