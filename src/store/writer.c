/* The writer thread: takes what waits in the queue, runs it act by act in one transaction, commits
 * it (one fsync), answers. An act is judged where it stands in that order, inside its own
 * savepoint, so one that fails leaves no trace; a fault of the database itself (disk full, I/O)
 * fails the whole group, which is then as if it had never been asked for.
 *
 * Between groups it removes rows of deleted collections and forgotten changes, and marks what a new
 * version misses, a bounded step at a time. */
#include "store/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include <assert.h>
#include <string.h>

#define GROUP_REQUESTS_MAX 256
#define PURGE_EVERY_GROUPS 16 /* while writes never pause */

struct group {
    struct request *requests[GROUP_REQUESTS_MAX];
    size_t count, acts;
};

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

static void ledger_copy(struct ledger *to, const struct ledger *from)
{
    memcpy(to, from, offsetof(struct ledger, held) + from->held_count * sizeof *from->held);
}

static enum err ledger_load(struct writer *w, struct err_info *e)
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

/* ---- acts ---- */

static enum err act_dispatch(struct writer *w, struct store_act *act, struct err_info *e)
{
    switch (act->kind) {
    case ACT_COLLECTION_CREATE:
        return collection_create(w, act, e);
    case ACT_COLLECTION_UPDATE:
        return collection_update(w, act, e);
    case ACT_COLLECTION_DELETE:
        return collection_delete(w, act, e);
    case ACT_DOCUMENT_PUT:
        return document_put(w, act, e);
    case ACT_DOCUMENT_EMBEDDED:
        return document_embedded(w, act, e);
    case ACT_DOCUMENT_DELETE:
        return document_delete(w, act, e);
    case ACT_FEEDBACK_ADD:
        return feedback_add(w, act, e);
    case ACT_USER_PUT:
        return user_put(w, act, e);
    case ACT_USER_DELETE:
        return user_delete(w, act, e);
    case ACT_TASK_PUT:
        return task_put(w, act, e);
    case ACT_CONSUMER_SET:
        return consumer_set(w, act, e);
    case ACT_VERSION_CREATE:
        return version_create(w, act, e);
    case ACT_VERSION_UPDATE:
        return version_update(w, act, e);
    case ACT_VERSION_ACTIVATE:
        return version_activate(w, act, e);
    case ACT_VERSION_DELETE:
        return version_delete(w, act, e);
    case ACT_VERSION_EMBEDDED:
        return version_embedded(w, act, e);
    case ACT_EMBEDDINGS_PUT:
        act->status = ACT_UPDATED;
        return ERR_OK;
    }
    return err_set(e, ERR_INVALID, NULL, "no such act");
}

/* Errors after which the transaction cannot go on. */
static bool fatal(const struct writer *w, enum err err)
{
    return err == ERR_FULL || err == ERR_IO || err == ERR_NO_MEMORY ||
           sqlite3_get_autocommit(w->conn.db);
}

/* Returns only what is fatal to the group. */
static enum err act_run(struct writer *w, struct store_act *act)
{
    struct ledger before;
    bool purge = w->purge;
    enum err err = conn_exec(&w->conn, STMT_SAVE_ACT, &act->info);

    if (err)
        return err;
    ledger_copy(&before, &w->ledger);
    act->err = act_dispatch(w, act, &act->info);
    if (!act->err && act->embedding_count)
        act->err = embeddings_put(w, act->embeddings, act->embedding_count, &act->info);
    if (act->err) {
        if (fatal(w, act->err))
            return act->err;
        ledger_copy(&w->ledger, &before);
        w->purge = purge;
        err = conn_exec(&w->conn, STMT_UNDO_ACT, &act->info);
    }
    if (!err)
        err = conn_exec(&w->conn, STMT_RELEASE_ACT, &act->info);
    return err;
}

static void act_clear(struct store_act *act)
{
    act->status = ACT_UNCHANGED;
    act->revision = 0;
    act->id = 0;
    act->version_id = 0;
}

/* Put back all acts of an atomic request; `failed` is the one that stopped it. */
static enum err batch_undo(struct writer *w, struct request *r, size_t failed)
{
    for (size_t i = 0; i < r->count; i++) {
        act_clear(&r->acts[i]);
        if (i == failed)
            continue;
        err_clear(&r->acts[i].info);
        r->acts[i].err = err_set(&r->acts[i].info, ERR_CANCELLED, NULL,
                                 "not done: another part of the same atomic write failed");
    }
    r->err = r->acts[failed].err;
    r->info = r->acts[failed].info;
    return conn_exec(&w->conn, STMT_UNDO_BATCH, &r->info);
}

static enum err request_acts(struct writer *w, struct request *r, struct err_info *e)
{
    struct ledger before;
    bool purge = w->purge;
    enum err err = r->atomic ? conn_exec(&w->conn, STMT_SAVE_BATCH, e) : ERR_OK;
    size_t i;

    ledger_copy(&before, &w->ledger);
    for (i = 0; i < r->count && !err; i++) {
        if (!r->acts[i].err) /* refused before the queue */
            err = act_run(w, &r->acts[i]);
        if (err && e)
            *e = r->acts[i].info;
        if (r->acts[i].err && r->atomic && !err)
            break;
    }
    if (!err && r->atomic && i < r->count) {
        ledger_copy(&w->ledger, &before);
        w->purge = purge;
        err = batch_undo(w, r, i);
    }
    if (!err && r->atomic)
        err = conn_exec(&w->conn, STMT_RELEASE_BATCH, e);
    r->change = w->ledger.change;
    return err;
}

static void request_prune(struct writer *w, struct request *r)
{
    struct ledger *l = &w->ledger;
    uint64_t through = r->prune_through < l->change ? r->prune_through : l->change;

    if (through <= l->pruned)
        return;
    l->pruned = through;
    l->dirty = true;
    w->purge = true;
}

/* ---- groups ---- */

static bool group_add(struct group *g, struct request *r, size_t acts_max)
{
    if (g->count && g->acts + r->count > acts_max)
        return false;
    g->requests[g->count++] = r;
    g->acts += r->count;
    return true;
}

static void purge_step(struct writer *w)
{
    struct store *s = w->store;
    int64_t started_ns = clock_mono_ns();
    struct err_info info = {0};

    w->groups_since_purge = 0;
    enum err err = writer_purge_step(w, &info);
    db_op_end(s, OP_PURGE, started_ns, err);
    if (err) {
        log_event(LOG_WARN, "rows of removed data stay for now", LOG_S("reason", info.message));
        w->purge = false;
        w->purge_failed = true;
    }
}

/* Waits for work. False: closed, and nothing is left. */
static bool group_collect(struct writer *w, struct group *g)
{
    struct store *s = w->store;
    struct request *r = w->carry;

    memset(g, 0, sizeof *g);
    w->carry = NULL;
    while (!r) {
        r = queue_try_pop(s->requests);
        if (r)
            break;
        if (w->purge && !atomic_load(&s->closing)) {
            purge_step(w);
            continue;
        }
        r = queue_pop(s->requests);
        if (!r)
            return false;
    }
    group_add(g, r, s->options.group_max);
    while (g->count < GROUP_REQUESTS_MAX && (r = queue_try_pop(s->requests)))
        if (!group_add(g, r, s->options.group_max)) {
            w->carry = r;
            break;
        }
    return true;
}

static enum err group_run(struct writer *w, struct group *g, struct err_info *e)
{
    enum err err = conn_exec(&w->conn, STMT_BEGIN_WRITE, e);

    if (!err)
        err = writer_refresh(w, e);
    if (err)
        return err;
    w->now_us = clock_wall_us();
    for (size_t i = 0; i < g->count && !err; i++) {
        struct request *r = g->requests[i];
        if (r->prune_through)
            request_prune(w, r);
        else
            err = request_acts(w, r, e);
    }
    if (!err)
        err = writer_flush(w, e);
    if (err)
        return err;
    int64_t started_ns = clock_mono_ns();
    err = conn_exec(&w->conn, STMT_COMMIT, e);
    db_op_end(w->store, OP_COMMIT, started_ns, err);
    return err;
}

static void group_fail(struct writer *w, struct group *g, enum err err, const struct err_info *e)
{
    conn_rollback(&w->conn);
    for (size_t i = 0; i < g->count; i++) {
        struct request *r = g->requests[i];
        r->err = err;
        r->info = *e;
        for (size_t k = 0; k < r->count; k++) {
            act_clear(&r->acts[k]);
            r->acts[k].err = err;
            r->acts[k].info = *e;
        }
    }
    w->stale = true;
}

static void group_answer(struct writer *w, struct group *g)
{
    struct store *s = w->store;

    lock_take(&s->lock);
    if (!w->stale && atomic_load(&s->change) != w->ledger.change) {
        atomic_store(&s->change, w->ledger.change);
        cond_broadcast(&s->committed);
    }
    for (size_t i = 0; i < g->count; i++) {
        g->requests[i]->done = true;
        cond_signal(&g->requests[i]->finished);
    }
    lock_drop(&s->lock);
}

static void writer_run(void *arg)
{
    struct writer *w = arg;
    struct group g;

    while (group_collect(w, &g)) {
        struct err_info info = {0};
        int64_t started_ns = clock_mono_ns();
        enum err err = group_run(w, &g, &info);
        if (err) {
            group_fail(w, &g, err, &info);
        } else if (w->purge_failed) {
            w->purge = true;
            w->purge_failed = false;
        }
        group_answer(w, &g);
        db_op_end(w->store, OP_WRITE, started_ns, err);
        checkpointer_restrain(&w->store->checkpointer, &w->conn);
        if (w->purge && ++w->groups_since_purge >= PURGE_EVERY_GROUPS)
            purge_step(w);
    }
}

static int wal_grown(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct writer *w = arg;

    checkpointer_committed(&w->store->checkpointer, (unsigned)pages);
    return SQLITE_OK;
}

enum err writer_open(struct writer *w, struct store *s, struct err_info *e)
{
    enum err err = conn_file_make(s->path, e);

    if (!err)
        err = conn_open(&w->conn, s->path, false, e);
    w->store = s;
    w->purge = true; /* looks once whether a removal was cut off */
    if (err)
        return err;
    err = schema_migrate(w->conn.db, s->path, e);
    return err ? err : ledger_load(w, e);
}

void writer_start(struct writer *w)
{
    sqlite3_wal_hook(w->conn.db, wal_grown, w);
    w->thread = thread_start("store-writer", writer_run, w);
}

void writer_finish(struct writer *w)
{
    if (w->thread)
        thread_join(w->thread);
    w->thread = NULL;
}

/* ---- callers ---- */

static enum err request_wait(struct store *s, struct request *r, struct err_info *e)
{
    cond_init(&r->finished);
    enum err err = queue_try_push(s->requests, r);

    if (err) {
        err_set(&r->info, err, NULL,
                err == ERR_BUSY ? "too many writes are waiting; try again later"
                                : "the store is closing");
    } else {
        lock_take(&s->lock);
        while (!r->done)
            cond_wait(&r->finished, &s->lock);
        lock_drop(&s->lock);
        err = r->err;
    }
    cond_release(&r->finished);
    if (err && e && !e->code)
        *e = r->info;
    return err;
}

enum err store_write(struct store *s, struct store_act *acts, size_t count, bool atomic,
                     struct position *position, struct err_info *e)
{
    struct request r = {.acts = acts, .count = count, .atomic = atomic};

    assert(count > 0);
    if (count > STORE_ACTS_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "%zu acts in one write, at most %d are taken", count,
                       STORE_ACTS_MAX);
    for (size_t i = 0; i < count; i++) {
        act_clear(&acts[i]);
        err_clear(&acts[i].info);
        acts[i].err = act_check(&acts[i], &acts[i].info);
    }
    enum err err = request_wait(s, &r, e);
    if (position && !err) {
        memcpy(position->lineage, s->lineage, sizeof position->lineage);
        position->change = r.change;
    }
    return err;
}

enum err store_changes_prune(struct store *s, uint64_t through, struct err_info *e)
{
    struct request r = {.prune_through = through};

    return through ? request_wait(s, &r, e) : ERR_OK;
}
