/* The writer thread: takes what waits in the queue, runs it act by act in one transaction, commits
 * it (one fsync), answers. An act is judged where it stands in that order, inside its own
 * savepoint, so one that fails leaves no trace; a fault of the database itself (disk full, I/O)
 * fails the whole group, which is then as if it had never been asked for. A group in which nobody
 * waits is put off a little for one that somebody waits for.
 *
 * Between groups it removes rows of deleted collections and forgotten changes, and marks what a new
 * version misses, a bounded step at a time. */
#include "store/inside.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include <assert.h>
#include <string.h>

#define GROUP_REQUESTS_MAX 256
#define FEEDBACK_A_DOCUMENT 8 /* acts of feedback that cost what one of a document does */
#define SCRUB_PAUSE_NS 10000000
#define SCRUB_TRIES 2000      /* some 20 s: longer than a read may take */
#define PURGE_EVERY_GROUPS 16 /* while writes never pause */
#define LATER_MAX 64          /* that nobody waits for, before they get a commit of their own */

struct group {
    struct request *requests[GROUP_REQUESTS_MAX];
    size_t count, weight;
    bool awaited;     /* somebody waits for it */
    int64_t until_ns; /* else it waits until then for somebody who does */
};

/* Of store_write_later; begins with the request. */
struct later {
    struct request r;
    struct store_act act;
};

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
    case ACT_RECOMMENDER_CREATE:
        return recommender_create(w, act, e);
    case ACT_RECOMMENDER_ACTIVATE:
        return recommender_activate(w, act, e);
    case ACT_RECOMMENDER_RETIRE:
        return recommender_retire(w, act, e);
    case ACT_RECOMMENDER_DELETE:
        return recommender_delete(w, act, e);
    case ACT_BROUGHT_PUT:
        return brought_put(w, act, e);
    case ACT_BROUGHT_DELETE:
    case ACT_BROUGHT_CLEAR:
        return brought_delete(w, act, e);
    case ACT_EXPERIMENT_PUT:
        return experiment_put(w, act, e);
    case ACT_EXPERIMENT_DELETE:
        return experiment_delete(w, act, e);
    case ACT_KEY_PUT:
        return key_put(w, act, e);
    case ACT_KEY_USED:
        return key_used(w, act, e);
    case ACT_KEY_DELETE:
        return key_delete(w, act, e);
    case ACT_ALIASES_SET:
        return aliases_set(w, act, e);
    case ACT_EMBEDDINGS_PUT:
        act->status = ACT_UPDATED;
        return ERR_OK;
    case ACT_KEPT_ADD:
        return kept_add(w, act, e);
    case ACT_KEPT_ANSWER:
        return kept_answer(w, act, e);
    case ACT_KEPT_FORGET:
        return kept_forget(w, act, e);
    case ACT_SERVED_ADD:
        return served_add_all(w, act, e);
    case ACT_SERVED_FORGET:
        return served_forget(w, act, e);
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

    if (act->kind == ACT_FEEDBACK_ADD && !act->embedding_count) {
        act->err = feedback_add(w, act, &act->info);
        return fatal(w, act->err) ? act->err : ERR_OK;
    }
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

/* Has it done anything that somebody asked for? */
static bool request_wrote(const struct request *r)
{
    for (size_t i = 0; i < r->count; i++)
        switch (r->acts[i].kind) {
        case ACT_CONSUMER_SET:
        case ACT_EMBEDDINGS_PUT:
        case ACT_KEY_USED:
        case ACT_KEPT_ADD:
        case ACT_KEPT_ANSWER:
        case ACT_KEPT_FORGET:
        case ACT_SERVED_ADD:
        case ACT_SERVED_FORGET:
            break;
        default:
            if (!r->acts[i].err)
                return true;
        }
    return false;
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
    r->marked = !err && r->kept && request_wrote(r);
    if (r->marked)
        err = kept_mark(w, r->kept, e);
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

/* An act of feedback is one small row: many go into one commit, where they share the pages of
 * their indexes. What nobody waits for is in nobody's way. */
static size_t request_weight(const struct request *r)
{
    size_t weight = 0;

    for (size_t i = 0; i < r->count && !r->told; i++)
        weight += r->acts[i].kind == ACT_FEEDBACK_ADD ? 1 : FEEDBACK_A_DOCUMENT;
    return weight;
}

static bool group_add(struct group *g, struct request *r, size_t acts_max)
{
    size_t weight = request_weight(r);

    if (g->weight && g->weight + weight > acts_max * FEEDBACK_A_DOCUMENT)
        return false;
    if (!g->count)
        g->until_ns = clock_mono_ns() + STORE_LATER_MS * 1000000LL;
    g->awaited |= !r->told;
    g->requests[g->count++] = r;
    g->weight += weight;
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

/* A reader of the database may hold the WAL: for as long as one may read, it is tried again. */
static void scrub_step(struct writer *w)
{
    if (checkpointer_cut(&w->store->checkpointer, &w->conn)) {
        w->scrub = false;
    } else if (++w->scrub_tries > SCRUB_TRIES) {
        log_event(LOG_WARN, "the WAL keeps what was erased until it is next cut",
                  LOG_S("reason", "the database is being read"));
        w->scrub = false;
    }
    if (!w->scrub)
        w->scrub_tries = 0;
}

/* A step of what is done while nobody asks for a write. False: there is nothing to do. */
static bool idle_step(struct writer *w)
{
    if (atomic_load(&w->store->closing) || (!w->purge && !w->scrub))
        return false;
    if (w->purge) {
        purge_step(w);
        return true;
    }
    scrub_step(w);
    if (w->scrub)
        clock_sleep_ns(SCRUB_PAUSE_NS);
    return true;
}

/* Waits for a request. NULL: closed, and nothing is left; or the group has waited long enough. */
static struct request *request_next(struct writer *w, const struct group *g)
{
    struct queue *q = w->store->requests;
    struct request *r = w->carry;

    w->carry = NULL;
    while (!r && !(r = queue_try_pop(q))) {
        if (g->count && clock_mono_ns() >= g->until_ns)
            break;
        if (!idle_step(w))
            return g->count ? queue_pop_until(q, g->until_ns) : queue_pop(q);
    }
    return r;
}

/* Waits for work. False: closed, and nothing is left. */
static bool group_collect(struct writer *w, struct group *g)
{
    struct store *s = w->store;
    struct request *r;

    memset(g, 0, sizeof *g);
    while (!g->awaited && g->count < LATER_MAX) {
        r = request_next(w, g);
        if (!r)
            return g->count > 0;
        bool added = group_add(g, r, s->options.group_max);
        assert(added); /* what waits weighs nothing */
    }
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

/* First those that nobody waits for: whoever came behind them finds them told. */
static void group_answer(struct writer *w, struct group *g)
{
    struct store *s = w->store;
    size_t awaited = 0;

    for (size_t i = 0; i < g->count; i++) {
        struct request *r = g->requests[i];
        if (!r->told) {
            g->requests[awaited++] = r;
            continue;
        }
        r->told(r->told_ctx, r->acts->err, &r->acts->info);
        free(r);
    }
    lock_take(&s->lock);
    if (!w->stale && atomic_load(&s->change) != w->ledger.change) {
        atomic_store(&s->change, w->ledger.change);
        cond_broadcast(&s->committed);
    }
    for (size_t i = 0; i < awaited; i++) {
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

/* A store that was not closed may have erased somebody just before. */
static bool wal_was_left(const char *path)
{
    size_t room = strlen(path) + sizeof "-wal";
    char *wal = xmalloc(room);
    struct file *f = NULL;
    uint64_t bytes = 0;

    snprintf(wal, room, "%s-wal", path);
    bool left = file_open(wal, FILE_READ_ONLY, &f, NULL) == ERR_OK &&
                file_size(f, &bytes, NULL) == ERR_OK && bytes > 0;
    file_close(f);
    free(wal);
    return left;
}

enum err writer_open(struct writer *w, struct store *s, struct err_info *e)
{
    enum err err = conn_file_make(s->path, e);

    w->scrub = wal_was_left(s->path);
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

static enum err request_push(struct store *s, struct request *r, struct err_info *e)
{
    enum err err = queue_try_push(s->requests, r);

    return err ? err_set(e, err, NULL,
                         err == ERR_BUSY ? "too many writes are waiting; try again later"
                                         : "the store is closing")
               : ERR_OK;
}

static enum err request_wait(struct store *s, struct request *r, struct err_info *e)
{
    cond_init(&r->finished);
    enum err err = request_push(s, r, &r->info);

    if (!err) {
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
    struct store_ticket *ticket = store_ticket_get();
    struct request r = {.acts = acts, .count = count, .atomic = atomic};

    assert(count > 0);
    if (ticket && !ticket->written)
        r.kept = ticket->record;
    if (count > STORE_ACTS_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "%zu acts in one write, at most %d are taken", count,
                       STORE_ACTS_MAX);
    for (size_t i = 0; i < count; i++) {
        act_clear(&acts[i]);
        err_clear(&acts[i].info);
        acts[i].err = act_check(&acts[i], &acts[i].info);
    }
    enum err err = request_wait(s, &r, e);
    if (r.marked && !err)
        ticket->written = true;
    if (position && !err) {
        memcpy(position->lineage, s->lineage, sizeof position->lineage);
        position->change = r.change;
    }
    return err;
}

enum err store_write_later(struct store *s, const struct store_act *act, store_told_fn *told,
                           void *ctx, struct err_info *e)
{
    enum err err = act_check(act, e);

    assert(told);
    if (err)
        return err;
    struct later *l = xcalloc(1, sizeof *l);
    l->act = *act;
    act_clear(&l->act);
    err_clear(&l->act.info);
    l->act.err = ERR_OK;
    l->r = (struct request){.acts = &l->act, .count = 1, .told = told, .told_ctx = ctx};
    err = request_push(s, &l->r, e);
    if (err)
        free(l);
    return err;
}

enum err store_changes_prune(struct store *s, uint64_t through, struct err_info *e)
{
    struct request r = {.prune_through = through};

    return through ? request_wait(s, &r, e) : ERR_OK;
}
