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
#define STORE_USER_STEP 4096 /* rows of a user that are removed at once */
#define SPAN_BYTES 12        /* schema.c */
#define PASSAGE_TEXT_BYTES 16
#define STORE_EMBEDDINGS_MAX 65536 /* of one act */
#define STORE_KEPT_BYTES (256u << 20)
#define STORE_KEPT_OWNER_BYTES (16u << 20)

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
    OP_VERSION_GET,
    OP_VERSION_LIST,
    OP_VERSION_PASSAGES,
    OP_VERSION_SCAN,
    OP_VERSION_MISSING,
    OP_RECOMMENDER_GET,
    OP_RECOMMENDER_LIST,
    OP_EMBEDDING_CACHE_GET,
    OP_PENDING_LIST,
    OP_EXPIRED_LIST,
    OP_FEEDBACK_LIST,
    OP_FEEDBACK_SCAN,
    OP_FEEDBACK_COUNT,
    OP_SERVED_GET,
    OP_SERVED_LIST,
    OP_BROUGHT_GET,
    OP_BROUGHT_SOURCES,
    OP_EXPERIMENT_GET,
    OP_EXPERIMENT_LIST,
    OP_KEY_LIST,
    OP_ALIAS_GET,
    OP_ALIAS_LIST,
    OP_KEPT_GET,
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
struct held_version {
    uint32_t id, dims;
    enum version_state state;
    uint64_t revision, missing, passages;   /* `missing` of the active one: pending documents */
    uint32_t unmarked_after, unmarked_last; /* schema.c */
    bool dirty;
};
struct held_collection {
    uint32_t id, last_number;
    uint64_t revision, documents, bytes, documents_max, bytes_max;
    bool dirty;
    char name[65];
    uint8_t name_n;
    unsigned version_count;
    struct held_version versions[STORE_VERSIONS_MAX];
};
struct held_version *held_active(struct held_collection *c); /* never NULL */
#define HELD_MAX 16
/* All that an act changes outside the database: copied before an act and put back if it fails. */
struct ledger {
    uint64_t change, pruned, last_task, cache_bytes;
    uint32_t last_collection, last_version, last_recommender;
    bool dirty;
    unsigned held_count;
    struct held_collection held[HELD_MAX];
};

struct request {
    struct store_act *acts;
    size_t count;
    bool atomic;
    uint64_t prune_through;         /* not 0: forget changes instead of running acts */
    const struct kept_record *kept; /* its row is wanted; NULL: none */
    store_told_fn *told;            /* of store_write_later; NULL: the caller waits */
    void *told_ctx;
    /* results */
    bool marked; /* it was made */
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
    bool scrub;            /* somebody was erased: the WAL still has what they were */
    unsigned scrub_tries;
    bool purge;        /* rows of removed collections or forgotten changes wait */
    bool purge_failed; /* the last step: again when a write has gone through */
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
/* A version and its collection; the same errors and validity. */
enum err writer_hold_version(struct writer *w, uint32_t version, struct held_collection **c,
                             struct held_version **out, struct err_info *e) MUST_CHECK;
void writer_forget(struct writer *w, uint32_t collection); /* its row has gone */
/* One statement with one or two whole numbers. */
enum err writer_run_1(struct writer *w, enum statement id, uint64_t a,
                      struct err_info *e) MUST_CHECK;
enum err writer_run_2(struct writer *w, enum statement id, uint64_t a, uint64_t b,
                      struct err_info *e) MUST_CHECK;
/* The first column of the only row; 0 without one, or NULL. */
enum err writer_number(struct writer *w, enum statement id, uint64_t a, uint64_t b, uint64_t *out,
                       struct err_info *e) MUST_CHECK;
/* Read again if it is stale; the first in a transaction. */
enum err writer_refresh(struct writer *w, struct err_info *e) MUST_CHECK;
/* The counters as they are stored; nothing is held. */
enum err ledger_load(struct writer *w, struct err_info *e) MUST_CHECK;
void ledger_copy(struct ledger *to, const struct ledger *from);
/* What the ledger has ahead of its rows; part of the transaction that is open. */
enum err writer_flush(struct writer *w, struct err_info *e) MUST_CHECK;
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
enum err version_create(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err version_update(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err version_activate(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err version_delete(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err version_embedded(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err recommender_create(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err recommender_activate(struct writer *w, struct store_act *act,
                              struct err_info *e) MUST_CHECK;
enum err recommender_retire(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err recommender_delete(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err feedback_add(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err brought_put(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err brought_delete(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err experiment_put(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err experiment_delete(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err key_put(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err key_used(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err key_delete(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err aliases_set(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
/* The number of the collection of this name; 0: there is none. */
enum err collection_named(struct writer *w, struct str name, uint32_t *out,
                          struct err_info *e) MUST_CHECK;
/* ERR_CONFLICT: it is an alias. */
enum err alias_absent(struct writer *w, struct str name, struct err_info *e) MUST_CHECK;
/* ERR_CONFLICT names the aliases of a collection. */
enum err aliases_absent(struct writer *w, uint32_t collection, struct err_info *e) MUST_CHECK;
enum err kept_add(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err kept_answer(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err kept_forget(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
/* The row of a request that has written something. */
enum err kept_mark(struct writer *w, const struct kept_record *k, struct err_info *e) MUST_CHECK;
struct store_ticket *store_ticket_get(void); /* of the calling thread */
/* What rows of a collection say that may name readers, a bounded number of them; *more: there may
 * be others. */
enum err kept_erase(struct writer *w, uint32_t collection, bool *more,
                    struct err_info *e) MUST_CHECK;
enum err user_put(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err user_delete(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err task_put(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err served_add_all(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err served_forget(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;
enum err consumer_set(struct writer *w, struct store_act *act, struct err_info *e) MUST_CHECK;

/* ---- embedding versions, between the acts ---- */
uint64_t passages_key(uint32_t version, uint32_t number);
/* The row of a new version; counts from 0 documents but for `missing`. */
enum err version_insert(struct writer *w, uint32_t id, uint32_t collection,
                        enum version_state state, const struct version_record *v, uint64_t missing,
                        uint64_t revision, struct err_info *e) MUST_CHECK;
/* Marks some of the documents that a new version misses; unmarked_last is 0 when all are. */
enum err version_mark(struct writer *w, struct held_collection *c, struct held_version *v,
                      struct err_info *e) MUST_CHECK;
/* A document is missing in a version from now on, or not any more; *changed: it was not, or was.
 * Its passages are the caller's. */
enum err missing_set(struct writer *w, struct held_version *v, uint32_t number, bool missing,
                     bool *changed, struct err_info *e) MUST_CHECK;
/* The text of a document has changed, or it is new: missing in all versions but the active one. */
enum err versions_miss(struct writer *w, struct held_collection *c, uint32_t number,
                       struct err_info *e) MUST_CHECK;
/* A document goes: its passages in all versions but the active one. */
enum err versions_drop(struct writer *w, struct held_collection *c, uint32_t number,
                       struct err_info *e) MUST_CHECK;
/* The row of VERSION_COLUMNS that `st` stands on. */
void version_row(sqlite3_stmt *st, struct arena *a, struct version_record *out);
/* ERR_NOT_FOUND: not in the snapshot of `c`. */
enum err version_read(struct conn *c, struct arena *a, uint32_t version, struct version_record *out,
                      struct err_info *e) MUST_CHECK;
/* The document row that acts need; key 0: not there. */
struct stored {
    uint64_t key;
    uint64_t revision;
    enum document_state state;
    int64_t created_us, updated_us, expires_us;
    uint32_t attempts;
    uint8_t digest[32], text_digest[32];
};
enum err stored_find(struct writer *w, const struct document_record *d, struct stored *out,
                     struct err_info *e) MUST_CHECK;
/* The passages of a document in a version, in place of those that it had; the version's count of
 * passages follows. Without vectors: spans of a pending one. */
enum err passages_set(struct writer *w, struct held_version *v, uint32_t number,
                      const struct document_record *d, const uint8_t text_digest[32], bool vectors,
                      struct err_info *e) MUST_CHECK;
/* The same where there are none. */
enum err passages_add(struct writer *w, struct held_version *v, uint32_t number,
                      const struct document_record *d, const uint8_t text_digest[32], bool vectors,
                      struct err_info *e) MUST_CHECK;
enum err passages_remove(struct writer *w, struct held_version *v, uint32_t number,
                         struct err_info *e) MUST_CHECK;
/* A pending document gets its vectors, as ACT_DOCUMENT_EMBEDDED. */
enum err document_become_ready(struct writer *w, struct store_act *act, struct held_collection *c,
                               const struct stored *old, struct err_info *e) MUST_CHECK;

/* The row of FEEDBACK_COLUMNS that `st` stands on. */
void feedback_row(sqlite3_stmt *st, struct arena *a, struct feedback_record *f);

/* ---- the embedding cache ---- */
enum err embeddings_put(struct writer *w, const struct embedding_record *rows, size_t count,
                        struct err_info *e) MUST_CHECK;
/* Removes the oldest, at most `rows` of them, until the bound holds with some room. */
enum err embeddings_evict(struct writer *w, size_t rows, struct err_info *e) MUST_CHECK;
bool embeddings_over(const struct writer *w);

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
/* Writer, between groups: copies the WAL and cuts it to nothing. False: a reader still needs it. */
bool checkpointer_cut(struct checkpointer *c, struct conn *writer);
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

/* One version's passages instead of the active one's; 0: the active one's. */
enum err documents_read(struct conn *c, struct arena *a, sqlite3_stmt *st, unsigned parts,
                        uint32_t version, struct list *list, struct err_info *e) MUST_CHECK;
enum err document_by_number(struct conn *c, struct arena *a, uint32_t collection, uint32_t number,
                            unsigned parts, uint32_t version, struct document_record *out,
                            struct err_info *e) MUST_CHECK;
/* store_document_scan and store_version_scan are this: all of `collection` with the passages of the
 * active version, or all with those of `version`, whose collection is looked up in each step. */
struct document_range {
    uint32_t collection, version;
    unsigned parts;
};
enum err documents_scan(struct store *s, const struct document_range *range, document_fn *each,
                        void *ctx, struct position *position, struct err_info *e) MUST_CHECK;
int64_t limit_clamp(size_t limit);

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
