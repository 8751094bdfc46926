/* What the files of store/ share: the store itself, its writer, and the acts and reads by subject.
 *
 * Threads: one writer (writer.c) owns the only connection that writes; one checkpointer
 * (checkpoint.c) moves the WAL into the database; callers read over a pool (reader.c). `lock`
 * guards what they tell each other: the position, finished requests, idle readers. It is never held
 * across I/O. */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include "base/metrics.h"
#include "base/pool.h"
#include "base/thread.h"
#include "store/conn.h"
#include "store/store.h"
#include <stdatomic.h>
#include <stdlib.h>

#define STORE_FILE "akin.db"
#define STORE_ID_MAX 255     /* bytes of an id */
#define STORE_LIST_MAX 10000 /* rows of one list call */
#define STORE_OFFSET_MAX 1000
#define STORE_REQUESTS_MAX 1024 /* store_write calls that wait */
#define STORE_ACTS_MAX 16384    /* in one call */
#define STORE_BLOB_MAX (256u << 20)
#define STORE_DIMS_MAX 4096
#define SPAN_BYTES 12 /* schema.c */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blobs are little endian");

/* ---- what is measured ---- */
enum db_op {
    OP_COLLECTION_GET,
    OP_COLLECTION_LIST,
    OP_DOCUMENT_GET,
    OP_DOCUMENTS_BY_NUMBER,
    OP_DOCUMENTS_BY_ID,
    OP_DOCUMENT_LIST,
    OP_DOCUMENT_SCAN,
    OP_PENDING_LIST,
    OP_EXPIRED_LIST,
    OP_FEEDBACK_LIST,
    OP_USER_GET,
    OP_USER_LIST,
    OP_TASK_GET,
    OP_TASK_LIST,
    OP_CHANGES,
    OP_CONSUMER_GET,
    OP_CHECK,
    OP_WRITE,
    OP_COMMIT,
    OP_PURGE,
    OP_CHECKPOINT,
    OP_BACKUP,
    OP_COUNT
};
struct db_metrics {
    struct gauge *idle, *busy;
    struct histogram *wait;
    struct histogram *op[OP_COUNT];
    struct counter *errors;
};
void db_metrics_init(struct db_metrics *m);
/* The end of an operation: its time, an error of the database if it was one, a line if it was slow.
 */
void db_op_end(struct store *s, enum db_op op, int64_t started_ns, enum err err);

/* ---- the writer ---- */
/* What of a collection acts need over and over; written back when the group ends. */
struct held_collection {
    uint32_t id, dims, last_number;
    uint64_t revision, documents, passages, pending;
    bool dirty;
    char name[65];
    uint8_t name_n;
};
#define HELD_MAX 16
/* All that an act changes outside the database: copied before an act and put back if it fails. */
struct ledger {
    uint64_t change, pruned, last_task;
    uint32_t last_collection;
    bool dirty;
    unsigned held_count;
    struct held_collection held[HELD_MAX];
};

struct request {
    struct store_act *acts;
    size_t count;
    bool atomic;
    uint64_t prune_through; /* not 0: forget changes instead of running acts */
    /* results */
    enum err err;
    struct err_info info;
    uint64_t change;
    bool done; /* under the store's lock */
    struct cond finished;
};

struct writer {
    struct store *store;
    struct conn conn;
    struct ledger ledger;
    bool stale;            /* the ledger is ahead of what was committed: read it again */
    int64_t now_us;        /* of the group */
    struct request *carry; /* popped, but too large for the last group */
    bool purge;            /* rows of removed collections or forgotten changes wait */
    unsigned groups_since_purge;
    struct thread *thread;
};
enum err writer_open(struct writer *w, struct store *s, struct err_info *e) MUST_CHECK;
void writer_start(struct writer *w);
void writer_finish(
    struct writer *w); /* the queue is closed; waits until all that is in it is done */

/* For acts. A change row; its number is the act's revision. `c` may be NULL (tasks). */
enum err writer_change(struct writer *w, enum change_kind kind, const struct held_collection *c,
                       uint32_t number, struct str subject, uint64_t *change,
                       struct err_info *e) MUST_CHECK;
/* ERR_NOT_FOUND: no such collection, or removed. Valid until the next call. */
enum err writer_hold(struct writer *w, uint32_t collection, struct held_collection **out,
                     struct err_info *e) MUST_CHECK;
void writer_forget(struct writer *w, uint32_t collection); /* its row has gone */
enum err writer_purge_step(struct writer *w,
                           struct err_info *e) MUST_CHECK; /* clears w->purge when all is gone */
/* ERR_PRECONDITION unless the wish fits what is there (`revision` 0: nothing). */
enum err act_revision_check(const struct store_act *act, uint64_t revision,
                            struct err_info *e) MUST_CHECK;

/* What can be known before the writer sees an act; the caller's thread. */
enum err act_check(const struct store_act *act, struct err_info *e) MUST_CHECK;
enum err collection_create(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err collection_update(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err collection_delete(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err document_put(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err document_embedded(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err document_delete(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err feedback_add(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err user_put(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err user_delete(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err task_put(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err consumer_set(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;

/* ---- checkpoints ---- */
struct checkpointer {
    struct store *store;
    struct conn conn;
    struct thread *thread;
    struct lock lock;
    struct cond wake, ended;
    bool due, running, stop;
    atomic_uint wal_pages;     /* after the last commit */
    unsigned restrained_pages; /* the writer's: where it last waited; 0: not at all */
};
enum err checkpointer_open(struct checkpointer *c, struct store *s, struct err_info *e) MUST_CHECK;
void checkpointer_close(struct checkpointer *c);
/* Writer, after a commit. */
void checkpointer_committed(struct checkpointer *c, unsigned wal_pages);
/* Writer, between groups: the WAL is so large that writes wait until it can start again. */
void checkpointer_restrain(struct checkpointer *c, struct conn *writer);

/* ---- readers ---- */
struct readers {
    struct conn *all;
    unsigned count;
    struct conn *idle; /* under the store's lock */
    struct cond returned;
};
enum err readers_open(struct store *s, struct err_info *e) MUST_CHECK;
void readers_close(struct store *s);
/* A connection inside a read transaction: one snapshot until read_end, which every read_begin that
 * succeeded needs. */
enum err read_begin(struct store *s, enum db_op op, struct conn **out,
                    struct err_info *e) MUST_CHECK;
void read_end(struct store *s, struct conn *c, enum err err);

/* A growing list in an arena. */
struct list {
    void *items;
    size_t count, cap, size;
};
void *list_add(struct list *l, struct arena *a); /* zeroed */

/* ---- the store ---- */
struct store {
    struct store_options options;
    char *path;
    char lineage[LINEAGE_DIGITS + 1];
    _Atomic uint64_t change; /* committed */
    struct lock lock;
    struct cond committed;
    struct queue *requests;
    atomic_bool closing;
    struct writer writer;
    struct checkpointer checkpointer;
    struct readers readers;
    struct db_metrics metrics;
};

/* Every invariant over one connection; also for backups. */
enum err check_all(struct conn *c, struct err_info *e) MUST_CHECK;
/* What can be checked in a few milliseconds, whatever the size. */
enum err check_quick(struct conn *c, struct err_info *e) MUST_CHECK;

#endif
