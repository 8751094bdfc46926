/* Feedback as trainings read it: all of a collection, in the order in which it was accepted; and
 * how much there is, counted no further than somebody asks. */
#include "store/inside.h"
#include <string.h>

#define SCAN_CHANGES 16384 /* of one read transaction: some 30 ms */

static enum err scan_step(struct store *s, struct arena *a, uint32_t collection, uint64_t after,
                          uint64_t through, feedback_fn *each, void *ctx, struct err_info *e)
{
    struct feedback_record f;
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_FEEDBACK_SCAN, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_FEEDBACK_SCAN, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        put_int(st, 2, (int64_t)after);
        put_int(st, 3, (int64_t)through);
        while (!err && !(err = conn_step(c, st, &row, e)) && row) {
            arena_reset(a);
            feedback_row(st, a, &f);
            err = each(ctx, &f);
        }
    }
    read_end(s, c, err);
    return err;
}

enum err store_feedback_scan(struct store *s, uint32_t collection, uint64_t after, uint64_t through,
                             feedback_fn *each, void *ctx, struct err_info *e)
{
    struct arena *a = arena_new(0);
    enum err err = ERR_OK;

    while (after < through && !err) {
        uint64_t to = through - after > SCAN_CHANGES ? after + SCAN_CHANGES : through;
        err = scan_step(s, a, collection, after, to, each, ctx, e);
        after = to;
    }
    arena_free(a);
    return err;
}

enum err store_feedback_since(struct store *s, uint32_t collection, uint64_t after, uint64_t max,
                              uint64_t *count, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    uint64_t n = 0;
    enum err err = read_begin(s, OP_FEEDBACK_COUNT, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_FEEDBACK_SINCE, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        put_int(st, 2, (int64_t)after);
        put_int(st, 3, (int64_t)max);
        while (!(err = conn_step(c, st, &row, e)) && row)
            n++;
    }
    read_end(s, c, err);
    if (!err)
        *count = n;
    return err;
}

static enum err reader_next(struct conn *c, struct arena *a, uint32_t collection, struct str *user,
                            bool *row, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(c, STMT_FEEDBACK_READER, &st, e);

    if (err)
        return err;
    put_int(st, 1, collection);
    put_str(st, 2, *user);
    err = conn_step(c, st, row, e);
    if (err || !*row)
        return err;
    *user = get_str(st, 0, a);
    return conn_run(c, st, e);
}

enum err store_feedback_readers(struct store *s, uint32_t collection, unsigned max, unsigned *count,
                                struct err_info *e)
{
    struct str user = STR("");
    struct conn *c;
    bool row = true;
    unsigned n = 0;
    enum err err = read_begin(s, OP_FEEDBACK_COUNT, &c, e);

    if (err)
        return err;
    struct arena *a = arena_new(0);
    while (!err && row && n < max)
        if (!(err = reader_next(c, a, collection, &user, &row, e)) && row)
            n++;
    arena_free(a);
    read_end(s, c, err);
    if (!err)
        *count = n;
    return err;
}
