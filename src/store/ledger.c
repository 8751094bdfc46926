/* What the writer keeps beside the database while a group runs: counters, and the counts of the
 * collections that its acts touch. Read once, written back when the group ends. And the short ways
 * in which acts run their statements. */
#include "store/inside.h"
#include <assert.h>
#include <string.h>

/* ---- statements in one call ---- */

enum err writer_run_2(struct writer *w, enum statement id, uint64_t a, uint64_t b,
                      struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, id, &st, e);

    if (err)
        return err;
    put_int(st, 1, (int64_t)a);
    put_int(st, 2, (int64_t)b);
    return conn_run(&w->conn, st, e);
}

enum err writer_run_1(struct writer *w, enum statement id, uint64_t a, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, id, &st, e);

    if (err)
        return err;
    put_int(st, 1, (int64_t)a);
    return conn_run(&w->conn, st, e);
}

enum err writer_number(struct writer *w, enum statement id, uint64_t a, uint64_t b, uint64_t *out,
                       struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, id, &st, e);

    *out = 0;
    if (err)
        return err;
    put_int(st, 1, (int64_t)a);
    if (sqlite3_bind_parameter_count(st) > 1)
        put_int(st, 2, (int64_t)b);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    *out = (uint64_t)sqlite3_column_int64(st, 0);
    return conn_run(&w->conn, st, e);
}

/* ---- the ledger ---- */

void ledger_copy(struct ledger *to, const struct ledger *from)
{
    memcpy(to, from, offsetof(struct ledger, held) + from->held_count * sizeof *from->held);
}

enum err ledger_load(struct writer *w, struct err_info *e)
{
    struct ledger *l = &w->ledger;
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_STATE_GET, &st, e);

    if (!err)
        err = conn_step(&w->conn, st, &row, e);
    if (err)
        return err;
    if (!row)
        return err_set(e, ERR_CORRUPT, NULL, "the row of the change counter is missing");
    memset(l, 0, sizeof *l);
    l->change = (uint64_t)sqlite3_column_int64(st, 1);
    l->pruned = (uint64_t)sqlite3_column_int64(st, 2);
    l->last_collection = (uint32_t)sqlite3_column_int64(st, 3);
    l->last_task = (uint64_t)sqlite3_column_int64(st, 4);
    l->last_version = (uint32_t)sqlite3_column_int64(st, 5);
    l->cache_bytes = (uint64_t)sqlite3_column_int64(st, 6);
    l->last_recommender = (uint32_t)sqlite3_column_int64(st, 7);
    err = conn_run(&w->conn, st, e);
    w->stale = err != ERR_OK;
    return err;
}

enum err writer_refresh(struct writer *w, struct err_info *e)
{
    return w->stale ? ledger_load(w, e) : ERR_OK;
}

static enum err versions_flush(struct writer *w, struct held_collection *c, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = ERR_OK;

    for (unsigned i = 0; i < c->version_count && !err; i++) {
        struct held_version *v = &c->versions[i];
        if (!v->dirty)
            continue;
        err = conn_stmt(&w->conn, STMT_VERSION_COUNTS, &st, e);
        if (err)
            return err;
        put_int(st, 1, v->id);
        put_int(st, 2, (int64_t)v->missing);
        put_int(st, 3, (int64_t)v->passages);
        put_int(st, 4, v->unmarked_after);
        put_int(st, 5, v->unmarked_last);
        v->dirty = false;
        err = conn_run(&w->conn, st, e);
    }
    return err;
}

static enum err held_flush(struct writer *w, struct held_collection *c, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = versions_flush(w, c, e);

    if (err || !c->dirty)
        return err;
    err = conn_stmt(&w->conn, STMT_COLLECTION_COUNTS, &st, e);
    if (err)
        return err;
    put_int(st, 1, c->id);
    put_int(st, 2, (int64_t)c->documents);
    put_int(st, 3, c->last_number);
    put_int(st, 4, (int64_t)c->bytes);
    c->dirty = false;
    return conn_run(&w->conn, st, e);
}

enum err writer_flush(struct writer *w, struct err_info *e)
{
    struct ledger *l = &w->ledger;
    sqlite3_stmt *st;
    enum err err = ERR_OK;

    for (unsigned i = 0; i < l->held_count && !err; i++)
        err = held_flush(w, &l->held[i], e);
    if (err || !l->dirty)
        return err;
    err = conn_stmt(&w->conn, STMT_STATE_SET, &st, e);
    if (err)
        return err;
    put_int(st, 1, (int64_t)l->change);
    put_int(st, 2, (int64_t)l->pruned);
    put_int(st, 3, l->last_collection);
    put_int(st, 4, (int64_t)l->last_task);
    put_int(st, 5, l->last_version);
    put_int(st, 6, (int64_t)l->cache_bytes);
    put_int(st, 7, l->last_recommender);
    l->dirty = false;
    return conn_run(&w->conn, st, e);
}

struct held_version *held_active(struct held_collection *c)
{
    for (unsigned i = 0; i < c->version_count; i++)
        if (c->versions[i].state == VERSION_ACTIVE)
            return &c->versions[i];
    assert(!"a collection has an active version"); /* held_read saw to it */
    return NULL;
}

static enum err versions_read(struct writer *w, struct held_collection *c, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    unsigned active = 0;
    enum err err = conn_stmt(&w->conn, STMT_VERSION_LIST, &st, e);

    if (err)
        return err;
    put_int(st, 1, c->id);
    while (!(err = conn_step(&w->conn, st, &row, e)) && row) {
        if (c->version_count == STORE_VERSIONS_MAX)
            return err_set(e, ERR_CORRUPT, NULL, "collection %u has too many versions", c->id);
        struct held_version *v = &c->versions[c->version_count++];
        v->id = (uint32_t)sqlite3_column_int64(st, 0);
        v->state = (enum version_state)sqlite3_column_int(st, 2);
        v->dims = (uint32_t)sqlite3_column_int64(st, 6);
        v->missing = (uint64_t)sqlite3_column_int64(st, 8);
        v->passages = (uint64_t)sqlite3_column_int64(st, 9);
        v->revision = (uint64_t)sqlite3_column_int64(st, 13);
        v->unmarked_after = (uint32_t)sqlite3_column_int64(st, 14);
        v->unmarked_last = (uint32_t)sqlite3_column_int64(st, 15);
        active += v->state == VERSION_ACTIVE;
    }
    if (!err && active != 1)
        err = err_set(e, ERR_CORRUPT, NULL, "collection %u has %u active versions", c->id, active);
    return err;
}

static enum err held_read(struct writer *w, uint32_t id, struct held_collection *c,
                          struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_COLLECTION_BY_ID, &st, e);

    if (err)
        return err;
    put_int(st, 1, id);
    err = conn_step(&w->conn, st, &row, e);
    if (err)
        return err;
    if (!row)
        return err_set(e, ERR_NOT_FOUND, "collection", "the collection does not exist");
    int name_n = sqlite3_column_bytes(st, 1);
    if (name_n <= 0 || name_n >= (int)sizeof c->name)
        return err_set(e, ERR_CORRUPT, NULL, "the name of collection %u has %d bytes", id, name_n);
    memset(c, 0, sizeof *c);
    c->id = id;
    c->name_n = (uint8_t)name_n;
    memcpy(c->name, sqlite3_column_text(st, 1), c->name_n);
    c->revision = (uint64_t)sqlite3_column_int64(st, 7);
    c->documents = (uint64_t)sqlite3_column_int64(st, 8);
    c->last_number = (uint32_t)sqlite3_column_int64(st, 12);
    c->bytes = (uint64_t)sqlite3_column_int64(st, 14);
    c->documents_max = (uint64_t)sqlite3_column_int64(st, 15);
    c->bytes_max = (uint64_t)sqlite3_column_int64(st, 16);
    err = conn_run(&w->conn, st, e);
    return err ? err : versions_read(w, c, e);
}

enum err writer_hold(struct writer *w, uint32_t id, struct held_collection **out,
                     struct err_info *e)
{
    struct ledger *l = &w->ledger;
    enum err err = ERR_OK;

    for (unsigned i = 0; i < l->held_count; i++)
        if (l->held[i].id == id) {
            *out = &l->held[i];
            return ERR_OK;
        }
    if (l->held_count == HELD_MAX) {
        for (unsigned i = 0; i < HELD_MAX && !err; i++)
            err = held_flush(w, &l->held[i], e);
        if (err)
            return err;
        l->held_count = 0;
    }
    err = held_read(w, id, &l->held[l->held_count], e);
    if (!err)
        *out = &l->held[l->held_count++];
    return err;
}

static bool version_held(struct ledger *l, uint32_t version, struct held_collection **c,
                         struct held_version **out)
{
    for (unsigned i = 0; i < l->held_count; i++)
        for (unsigned k = 0; k < l->held[i].version_count; k++)
            if (l->held[i].versions[k].id == version) {
                *c = &l->held[i];
                *out = &l->held[i].versions[k];
                return true;
            }
    return false;
}

enum err writer_hold_version(struct writer *w, uint32_t version, struct held_collection **c,
                             struct held_version **out, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;

    if (version_held(&w->ledger, version, c, out))
        return ERR_OK;
    enum err err = conn_stmt(&w->conn, STMT_VERSION_GET, &st, e);
    if (err)
        return err;
    put_int(st, 1, version);
    err = conn_step(&w->conn, st, &row, e);
    if (err)
        return err;
    if (!row)
        return err_set(e, ERR_NOT_FOUND, "version", "the embedding version does not exist");
    uint32_t collection = (uint32_t)sqlite3_column_int64(st, 1);
    err = conn_run(&w->conn, st, e);
    if (!err)
        err = writer_hold(w, collection, c, e);
    if (!err && !version_held(&w->ledger, version, c, out))
        err = err_set(e, ERR_CORRUPT, NULL, "version %u is not among its collection's", version);
    return err;
}

void writer_forget(struct writer *w, uint32_t id)
{
    struct ledger *l = &w->ledger;

    for (unsigned i = 0; i < l->held_count; i++)
        if (l->held[i].id == id)
            l->held[i] = l->held[--l->held_count];
}

enum err writer_change(struct writer *w, enum change_kind kind, const struct held_collection *c,
                       uint32_t number, struct str subject, uint64_t *change, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_CHANGE_INSERT, &st, e);

    if (err)
        return err;
    *change = ++w->ledger.change;
    w->ledger.dirty = true;
    put_int(st, 1, (int64_t)*change);
    put_int(st, 2, kind);
    put_int(st, 3, w->now_us);
    put_int(st, 4, c ? c->id : 0);
    put_str(st, 5, c ? (struct str){c->name, c->name_n} : STR(""));
    put_int(st, 6, number);
    put_str(st, 7, subject);
    return conn_run(&w->conn, st, e);
}
