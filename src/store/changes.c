/* The change log as others follow it. Its rows are written by writer_change and forgotten by
 * purge.c. */
#include "store/inside.h"
#include <inttypes.h>
#include <string.h>

/* In the snapshot of the read: a cursor below what was forgotten, or ahead of the store, is of no
 * use. */
static enum err cursor_check(struct conn *c, uint64_t after, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(c, STMT_STATE_GET, &st, e);

    if (!err)
        err = conn_step(c, st, &row, e);
    if (!err && !row)
        err = err_set(e, ERR_CORRUPT, NULL, "the row of the change counter is missing");
    if (err)
        return err;
    uint64_t change = (uint64_t)sqlite3_column_int64(st, 1);
    uint64_t pruned = (uint64_t)sqlite3_column_int64(st, 2);
    err = conn_run(c, st, e);
    if (!err && (after < pruned || after > change))
        err = err_set(e, ERR_GONE, "after",
                      "changes after %" PRIu64 " are not here: %" PRIu64 " to %" PRIu64 " are",
                      after, pruned + 1, change);
    return err;
}

static void change_row(sqlite3_stmt *st, struct arena *a, struct change_record *r)
{
    r->change = (uint64_t)sqlite3_column_int64(st, 0);
    r->kind = (enum change_kind)sqlite3_column_int(st, 1);
    r->at_us = sqlite3_column_int64(st, 2);
    r->collection = (uint32_t)sqlite3_column_int64(st, 3);
    r->collection_name = get_str(st, 4, a);
    r->number = (uint32_t)sqlite3_column_int64(st, 5);
    r->subject = get_str(st, 6, a);
}

enum err store_changes(struct store *s, struct arena *a, uint64_t after, size_t limit,
                       struct change_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_CHANGES, &c, e);

    if (err)
        return err;
    err = cursor_check(c, after, e);
    if (!err)
        err = conn_stmt(c, STMT_CHANGE_LIST, &st, e);
    if (!err) {
        put_int(st, 1, (int64_t)after);
        put_int(st, 2, limit_clamp(limit));
        while (!(err = conn_step(c, st, &row, e)) && row)
            change_row(st, a, list_add(&list, a));
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}

enum err store_erased_since(struct store *s, uint32_t collection, uint64_t after, bool *erased,
                            struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row = false;
    enum err err = read_begin(s, OP_CHANGES, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_CHANGE_ERASED, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        put_int(st, 2, (int64_t)after);
        err = conn_step(c, st, &row, e);
    }
    read_end(s, c, err);
    if (!err)
        *erased = row;
    return err;
}

bool store_changes_wait(struct store *s, uint64_t after, int64_t deadline_ns)
{
    bool in_time = true;

    if (atomic_load(&s->change) > after)
        return true;
    lock_take(&s->lock);
    while (atomic_load(&s->change) <= after && in_time)
        in_time = cond_wait_until(&s->committed, &s->lock, deadline_ns);
    lock_drop(&s->lock);
    return atomic_load(&s->change) > after;
}

enum err consumer_set(struct writer *w, struct store_act *act, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_CONSUMER_SET, &st, e);

    if (err)
        return err;
    put_str(st, 1, act->consumer);
    put_int(st, 2, (int64_t)act->consumer_change);
    act->status = ACT_UPDATED;
    return conn_run(&w->conn, st, e);
}

enum err store_consumer_get(struct store *s, struct str name, uint64_t *change, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_CONSUMER_GET, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_CONSUMER_GET, &st, e);
    if (!err) {
        put_str(st, 1, name);
        err = conn_step(c, st, &row, e);
    }
    if (!err)
        *change = row ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    read_end(s, c, err);
    return err;
}
