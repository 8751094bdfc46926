/* Checkpoints on a thread of their own: PASSIVE, which makes neither readers nor the writer wait,
 * whenever the WAL has grown by 16 MiB: pages that
 * many commits touch are copied once. Under writes without a pause the WAL never starts again that
 * way; above 64 MiB the writer waits for it and copies the (short) rest between two groups, after
 * which it does. */
#include "base/clock.h"
#include "base/log.h"
#include "base/sqlite.h"
#include "store/inside.h"
#include <string.h>

#define PAGE_BYTES 4096
#define CHECKPOINT_PAGES ((16u << 20) / PAGE_BYTES)
#define RESTRAIN_PAGES ((64u << 20) / PAGE_BYTES)

static enum err checkpoint_run(struct store *s, struct conn *conn)
{
    struct err_info info = {0};
    int64_t started_ns = clock_mono_ns();
    int rc = sqlite3_wal_checkpoint_v2(conn->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    enum err err =
        rc == SQLITE_OK || rc == SQLITE_BUSY ? ERR_OK : sqlite_error(conn->db, rc, &info);

    db_op_end(s, OP_CHECKPOINT, started_ns, err);
    if (err) /* nothing is lost: the WAL keeps what it has */
        log_event(LOG_WARN, "a checkpoint failed", LOG_S("reason", info.message));
    return err;
}

static void checkpointer_run(void *arg)
{
    struct checkpointer *c = arg;

    for (;;) {
        lock_take(&c->lock);
        while (!c->due && !c->stop)
            cond_wait(&c->wake, &c->lock);
        c->due = false;
        bool stop = c->stop;
        c->running = !stop;
        lock_drop(&c->lock);
        if (stop)
            break;
        (void)checkpoint_run(c->store, &c->conn);
        lock_take(&c->lock);
        c->running = false;
        cond_broadcast(&c->ended);
        lock_drop(&c->lock);
    }
}

enum err checkpointer_open(struct checkpointer *c, struct store *s, struct err_info *e)
{
    enum err err = conn_open(&c->conn, s->path, false, e);

    if (err)
        return err;
    c->store = s;
    lock_init(&c->lock, LOCK_STORE);
    cond_init(&c->wake);
    cond_init(&c->ended);
    c->thread = thread_start("store-wal", checkpointer_run, c);
    return ERR_OK;
}

void checkpointer_close(struct checkpointer *c)
{
    if (!c->thread)
        return;
    lock_take(&c->lock);
    c->stop = true;
    cond_signal(&c->wake);
    lock_drop(&c->lock);
    thread_join(c->thread);
    cond_release(&c->wake);
    cond_release(&c->ended);
    lock_release(&c->lock);
    conn_close(&c->conn);
}

void checkpointer_committed(struct checkpointer *c, unsigned wal_pages)
{
    unsigned before = atomic_exchange(&c->wal_pages, wal_pages);

    if (wal_pages / CHECKPOINT_PAGES == before / CHECKPOINT_PAGES)
        return;
    lock_take(&c->lock);
    c->due = wal_pages >= CHECKPOINT_PAGES;
    cond_signal(&c->wake);
    lock_drop(&c->lock);
}

void checkpointer_restrain(struct checkpointer *c, struct conn *writer)
{
    unsigned pages = atomic_load(&c->wal_pages);

    if (pages < RESTRAIN_PAGES)
        c->restrained_pages = 0;
    if (pages < RESTRAIN_PAGES || pages < c->restrained_pages + CHECKPOINT_PAGES)
        return;
    c->restrained_pages = pages;
    /* Two cannot run at a time, and the other may have begun before the last writes. */
    lock_take(&c->lock);
    while (c->running)
        cond_wait(&c->ended, &c->lock);
    lock_drop(&c->lock);
    (void)checkpoint_run(c->store, writer);
}

bool checkpointer_cut(struct checkpointer *c, struct conn *writer)
{
    lock_take(&c->lock);
    while (c->running)
        cond_wait(&c->ended, &c->lock);
    lock_drop(&c->lock);
    int rc = sqlite3_wal_checkpoint_v2(writer->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc == SQLITE_OK) {
        atomic_store(&c->wal_pages, 0);
        c->restrained_pages = 0;
    }
    return rc == SQLITE_OK;
}
