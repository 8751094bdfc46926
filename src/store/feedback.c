/* What readers did. Append-only but for the removal of a user. Pages go backwards by (time,
 * change); the cursor is the change of the last row seen, whose time is looked up. */
#include "store/inside.h"
#include <string.h>

static enum err feedback_find(struct writer *w, const struct feedback_record *f, int64_t hash,
                              uint64_t *change, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_FEEDBACK_FIND, &st, e);

    *change = 0;
    if (err)
        return err;
    put_int(st, 1, f->collection);
    put_str(st, 2, f->event_id);
    put_int(st, 3, hash);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    *change = (uint64_t)sqlite3_column_int64(st, 0);
    return conn_run(&w->conn, st, e);
}

/* One row is all that it writes, and its change counts only when that is done: it needs no
 * savepoint of its own (writer.c). */
enum err feedback_add(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct feedback_record *f = &act->feedback;
    int64_t hash = event_hash(f->collection, f->event_id);
    struct held_collection *c;
    sqlite3_stmt *st;
    enum err err = writer_hold(w, f->collection, &c, e);

    if (!err)
        err = feedback_find(w, f, hash, &act->revision, e);
    if (err || act->revision)
        return err;
    err = conn_stmt(&w->conn, STMT_FEEDBACK_INSERT, &st, e);
    if (err)
        return err;
    put_int(st, 1, (int64_t)w->ledger.change + 1);
    put_int(st, 2, f->collection);
    put_str(st, 3, f->event_id);
    put_str(st, 4, f->user);
    put_str(st, 5, f->document);
    put_str(st, 6, f->type);
    put_str(st, 7, f->session);
    put_str(st, 8, f->recommendation_id);
    put_double(st, 9, f->value);
    put_int(st, 10, f->position);
    put_int(st, 11, f->time_us ? f->time_us : w->now_us);
    put_int(st, 12, hash);
    put_int(st, 13, w->now_us);
    err = conn_run(&w->conn, st, e);
    if (err)
        return err;
    act->revision = ++w->ledger.change;
    w->ledger.dirty = true;
    act->status = ACT_CREATED;
    return ERR_OK;
}

void feedback_row(sqlite3_stmt *st, struct arena *a, struct feedback_record *f)
{
    f->change = (uint64_t)sqlite3_column_int64(st, 0);
    f->collection = (uint32_t)sqlite3_column_int64(st, 1);
    f->event_id = get_str(st, 2, a);
    f->user = get_str(st, 3, a);
    f->document = get_str(st, 4, a);
    f->type = get_str(st, 5, a);
    f->session = get_str(st, 6, a);
    f->recommendation_id = get_str(st, 7, a);
    f->value = sqlite3_column_double(st, 8);
    f->position = sqlite3_column_int(st, 9);
    f->time_us = sqlite3_column_int64(st, 10);
}

/* The time of the row that the page goes on from. */
static enum err cursor_time(struct conn *c, uint32_t collection, uint64_t before, int64_t *time_us,
                            struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(c, STMT_FEEDBACK_TIME, &st, e);

    if (err)
        return err;
    put_int(st, 1, collection);
    put_int(st, 2, (int64_t)before);
    err = conn_step(c, st, &row, e);
    if (!err && !row)
        err = err_set(e, ERR_GONE, "cursor",
                      "the feedback that the cursor names was removed; start again");
    if (err)
        return err;
    *time_us = sqlite3_column_int64(st, 0);
    return conn_run(c, st, e);
}

static enum err feedback_page(struct conn *c, struct arena *a, uint32_t collection, struct str user,
                              struct str document, uint64_t before, size_t limit, struct list *list,
                              struct err_info *e)
{
    enum statement id = user.n ? (document.n ? STMT_FEEDBACK_OF_BOTH : STMT_FEEDBACK_OF_USER)
                               : (document.n ? STMT_FEEDBACK_OF_DOCUMENT : STMT_FEEDBACK_ALL);
    int64_t time_us = INT64_MAX;
    sqlite3_stmt *st;
    bool row;
    enum err err = before ? cursor_time(c, collection, before, &time_us, e) : ERR_OK;

    if (!err)
        err = conn_stmt(c, id, &st, e);
    if (err)
        return err;
    put_int(st, 1, collection);
    put_int(st, 2, time_us);
    put_int(st, 3, before ? (int64_t)before : INT64_MAX);
    put_int(st, 4, limit_clamp(limit));
    if (id != STMT_FEEDBACK_ALL)
        put_str(st, 5, user.n ? user : document);
    if (id == STMT_FEEDBACK_OF_BOTH)
        put_str(st, 6, document);
    while (!(err = conn_step(c, st, &row, e)) && row)
        feedback_row(st, a, list_add(list, a));
    return err;
}

enum err store_feedback_list(struct store *s, struct arena *a, uint32_t collection, struct str user,
                             struct str document, uint64_t before_change, size_t limit,
                             struct feedback_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    enum err err = read_begin(s, OP_FEEDBACK_LIST, &c, e);

    if (err)
        return err;
    err = feedback_page(c, a, collection, user, document, before_change, limit, &list, e);
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
