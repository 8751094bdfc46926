/* Scores that a team brought: of one source and one reader (or of all readers: the user is empty) a
 * row.
 *
 *   scores   numbers u32 x n, rising, then scores float32 x n, little endian
 *
 * No change rows: nobody follows them, they are read when they are wanted. Sources are found by
 * leaps over the primary key, never by reading the rows between. */
#include "store/inside.h"
#include <string.h>

#define ENTRY_BYTES 8
#define CLEAR_ROWS 256

static enum err sources_count(struct writer *w, const struct brought_record *b, unsigned *others,
                              struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_BROUGHT_SOURCES, &st, e);

    *others = 0;
    if (err)
        return err;
    put_int(st, 1, b->collection);
    while (!(err = conn_step(&w->conn, st, &row, e)) && row)
        *others += !((size_t)sqlite3_column_bytes(st, 0) == b->source.n &&
                     memcmp(sqlite3_column_text(st, 0), b->source.s, b->source.n) == 0);
    return err;
}

static enum err brought_found(struct writer *w, const struct brought_record *b, bool *found,
                              struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_BROUGHT_GET, &st, e);

    if (err)
        return err;
    put_int(st, 1, b->collection);
    put_str(st, 2, b->source);
    put_str(st, 3, b->user);
    err = conn_step(&w->conn, st, found, e);
    return err || !*found ? err : conn_run(&w->conn, st, e);
}

static enum err brought_set(struct writer *w, const struct brought_record *b, struct err_info *e)
{
    sqlite3_stmt *st;
    uint8_t *blob = xmalloc(b->count * ENTRY_BYTES + 1);
    enum err err = conn_stmt(&w->conn, STMT_BROUGHT_SET, &st, e);

    if (b->count) {
        memcpy(blob, b->numbers, b->count * sizeof *b->numbers);
        memcpy(blob + b->count * sizeof *b->numbers, b->scores, b->count * sizeof *b->scores);
    }
    if (!err) {
        put_int(st, 1, b->collection);
        put_str(st, 2, b->source);
        put_str(st, 3, b->user);
        put_blob(st, 4, blob, b->count * ENTRY_BYTES);
        put_int(st, 5, b->updated_us ? b->updated_us : w->now_us);
        err = conn_run(&w->conn, st, e);
    }
    free(blob);
    return err;
}

enum err brought_put(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct brought_record *b = &act->brought;
    struct held_collection *c;
    unsigned others = 0;
    bool found = false;
    enum err err = writer_hold(w, b->collection, &c, e);

    if (!err)
        err = brought_found(w, b, &found, e);
    if (!err && !found)
        err = sources_count(w, b, &others, e);
    if (!err && others >= STORE_SOURCES_MAX)
        err = err_set(e, ERR_CONFLICT, "source",
                      "the collection has %d sources of scores already, which is the most; delete "
                      "one first",
                      STORE_SOURCES_MAX);
    if (!err)
        err = brought_set(w, b, e);
    act->status = found ? ACT_UPDATED : ACT_CREATED;
    return err;
}

enum err brought_delete(struct writer *w, struct store_act *act, struct err_info *e)
{
    const struct brought_record *b = &act->brought;
    bool all = act->kind == ACT_BROUGHT_CLEAR;
    struct held_collection *c;
    sqlite3_stmt *st;
    enum err err = writer_hold(w, b->collection, &c, e);

    if (!err)
        err = conn_stmt(&w->conn, all ? STMT_BROUGHT_CLEAR : STMT_BROUGHT_REMOVE, &st, e);
    if (err)
        return err;
    put_int(st, 1, b->collection);
    put_str(st, 2, b->source);
    if (all)
        put_int(st, 3, CLEAR_ROWS);
    else
        put_str(st, 3, b->user);
    err = conn_run(&w->conn, st, e);
    act->id = err ? 0 : (uint64_t)sqlite3_changes(w->conn.db);
    if (!err && !act->id)
        err = err_set(e, ERR_NOT_FOUND, "source", "there are no such scores");
    act->status = ACT_DELETED;
    return err;
}

/* ---- reads ---- */

static enum err brought_row(sqlite3_stmt *st, struct arena *a, struct brought_record *out,
                            struct err_info *e)
{
    struct str blob = get_blob(st, 0, a);

    if (blob.n % ENTRY_BYTES || blob.n / ENTRY_BYTES > STORE_SCORES_MAX)
        return err_set(e, ERR_CORRUPT, "scores", "scores of %zu bytes", blob.n);
    out->count = blob.n / ENTRY_BYTES;
    out->numbers = (const uint32_t *)(const void *)blob.s;
    out->scores = (const float *)(const void *)(blob.s + out->count * sizeof *out->numbers);
    out->updated_us = sqlite3_column_int64(st, 1);
    return ERR_OK;
}

enum err store_brought_get(struct store *s, struct arena *a, uint32_t collection, struct str source,
                           struct str user, struct brought_record *out, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_BROUGHT_GET, &c, e);

    if (err)
        return err;
    *out = (struct brought_record){.collection = collection, .source = source, .user = user};
    err = conn_stmt(c, STMT_BROUGHT_GET, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        put_str(st, 2, source);
        put_str(st, 3, user);
        err = conn_step(c, st, &row, e);
    }
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, "source", "there are no such scores");
    if (!err)
        err = brought_row(st, a, out, e);
    if (!err)
        err = conn_run(c, st, e);
    read_end(s, c, err);
    return err;
}

enum err store_brought_sources(struct store *s, struct arena *a, uint32_t collection,
                               struct str **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_BROUGHT_SOURCES, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_BROUGHT_SOURCES, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        while (!(err = conn_step(c, st, &row, e)) && row)
            *(struct str *)list_add(&list, a) = get_str(st, 0, a);
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
