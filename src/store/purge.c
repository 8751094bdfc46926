/* What was given up is removed here, in bounded steps, each a transaction of its own: rows of
 * deleted collections and versions (their ids stand in `purge` and `purge_version` until nothing is
 * left), changes that were forgotten, and embeddings beyond the bound of their cache. In the same
 * steps the documents of new versions are marked missing (version_acts.c). */
#include "store/inside.h"
#include "base/sqlite.h"
#include <inttypes.h>

#define PURGE_ROWS 256

/* Run with up to three numbers; *changed grows by the rows it changed. */
static enum err purge_run(struct conn *c, enum statement id, int64_t a, int64_t b, int *changed,
                          struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(c, id, &st, e);

    if (err)
        return err;
    put_int(st, 1, a);
    if (sqlite3_bind_parameter_count(st) > 1)
        put_int(st, 2, b);
    err = conn_run(c, st, e);
    *changed += sqlite3_changes(c->db);
    return err;
}

static enum err purge_next(struct conn *c, enum statement id, uint32_t *next, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(c, id, &st, e);

    *next = 0;
    if (!err)
        err = conn_step(c, st, &row, e);
    if (err || !row)
        return err;
    *next = (uint32_t)sqlite3_column_int64(st, 0);
    return conn_run(c, st, e);
}

static enum err documents_last(struct conn *c, int64_t from, int64_t to, int64_t *last,
                               struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(c, STMT_PURGE_DOCUMENTS_LAST, &st, e);

    *last = 0;
    if (err)
        return err;
    put_int(st, 1, from);
    put_int(st, 2, to);
    put_int(st, 3, PURGE_ROWS);
    err = conn_step(c, st, &row, e);
    if (err || !row)
        return err;
    *last = sqlite3_column_int64(st, 0);
    return conn_run(c, st, e);
}

static enum err purge_documents(struct conn *c, uint32_t collection, int *changed,
                                struct err_info *e)
{
    int64_t from = (int64_t)((uint64_t)collection << 32), last;
    enum err err = documents_last(c, from, from | UINT32_MAX, &last, e);

    if (err || !last)
        return err;
    err = purge_run(c, STMT_PURGE_PAYLOADS, from, last, changed, e);
    return err ? err : purge_run(c, STMT_PURGE_DOCUMENTS, from, last, changed, e);
}

static enum err purge_feedback(struct conn *c, uint32_t collection, int *changed,
                               struct err_info *e)
{
    int remains = 0;
    enum err err = purge_run(c, STMT_PURGE_FEEDBACK_REMAINS, collection, PURGE_ROWS, &remains, e);

    return err ? err : purge_run(c, STMT_PURGE_FEEDBACK, collection, PURGE_ROWS, changed, e);
}

static enum err purge_collection(struct conn *c, uint32_t collection, struct err_info *e)
{
    int changed = 0;
    enum err err = purge_documents(c, collection, &changed, e);

    if (!err && !changed)
        err = purge_feedback(c, collection, &changed, e);
    if (!err && !changed)
        err = purge_run(c, STMT_PURGE_SERVED, collection, PURGE_ROWS, &changed, e);
    if (!err && !changed)
        err = purge_run(c, STMT_PURGE_USERS, collection, PURGE_ROWS, &changed, e);
    if (!err && !changed)
        err = purge_run(c, STMT_PURGE_BROUGHT, collection, PURGE_ROWS, &changed, e);
    if (!err && !changed)
        err = purge_run(c, STMT_PURGE_KEPT, collection, PURGE_ROWS, &changed, e);
    if (!err && !changed)
        err = purge_run(c, STMT_PURGE_DONE, collection, 0, &changed, e);
    return err;
}

static enum err purge_version(struct conn *c, uint32_t version, struct err_info *e)
{
    int64_t from = (int64_t)((uint64_t)version << 32);
    int changed = 0;
    enum err err = purge_run(c, STMT_PURGE_PASSAGES, from, PURGE_ROWS, &changed, e);

    if (!err && !changed)
        err = purge_run(c, STMT_PURGE_MISSING, from, PURGE_ROWS * 16, &changed, e);
    if (!err && !changed)
        err = purge_run(c, STMT_PURGE_VERSION_DONE, version, 0, &changed, e);
    return err;
}

/* *marked: there was a version that documents had to be marked in. */
static enum err versions_mark(struct writer *w, bool *marked, struct err_info *e)
{
    struct held_collection *c;
    struct held_version *v;
    uint32_t version;
    enum err err = purge_next(&w->conn, STMT_VERSION_UNMARKED, &version, e);

    *marked = version != 0;
    if (err || !version)
        return err;
    err = writer_hold_version(w, version, &c, &v, e);
    return err ? err : version_mark(w, c, v, e);
}

enum err writer_purge_step(struct writer *w, struct err_info *e)
{
    struct conn *c = &w->conn;
    uint32_t collection = 0, version = 0;
    struct ledger *l = &w->ledger;
    bool over = false, marked = false;
    int forgotten = 0;
    enum err err = conn_exec(c, STMT_BEGIN_WRITE, e);

    if (!err)
        err = writer_refresh(w, e);
    if (!err)
        err = versions_mark(w, &marked, e);
    if (!err)
        err = purge_next(c, STMT_PURGE_NEXT, &collection, e);
    if (!err && collection)
        err = purge_collection(c, collection, e);
    if (!err)
        err = purge_next(c, STMT_PURGE_VERSION_NEXT, &version, e);
    if (!err && version)
        err = purge_version(c, version, e);
    over = !err && embeddings_over(w);
    if (over)
        err = embeddings_evict(w, PURGE_ROWS, e);
    if (!err && (over || marked))
        err = writer_flush(w, e);
    if (!err)
        err = purge_run(c, STMT_PURGE_CHANGES, (int64_t)l->pruned, PURGE_ROWS * 4, &forgotten, e);
    if (!err)
        err = conn_exec(c, STMT_COMMIT, e);
    if (err) {
        conn_rollback(c);
        w->stale = true;
    } else if (!collection && !version && !over && !marked && !forgotten) {
        w->purge = false;
    }
    return err;
}
