/* The store: an id -> the document; collections, passages, vectors, feedback, users, tasks, and the
 * change log that everything else follows. The store is the truth, indexes are caches of it.
 *
 * Knows no SQL, transaction or connection in this header: a write is a whole act with its
 * conditions, judged inside the commit, each under its own savepoint, so that one writer thread
 * commits a group (an fsync costs about 4 ms). SQLite behind it now, PostgreSQL later, both held to
 * tests/unit/store/test_conformance.c.
 *
 * Change numbers follow commit order: they come from a counter row inside the commit. The row of a
 * change is also the outbox row of its event. A position is "<lineage>-<n>"; a restore starts a new
 * lineage. A document's revision is the change number of its last change.
 *
 * A collection has embedding versions, one of them active: passages are kept per (version,
 * document), since a model's tokenizer decides the cuts. The active one's are what a document read
 * without naming a version has. A passage never outlives its text: when the text changes, every
 * version's passages of it go, in the same commit, and the document is `missing` in each version
 * until it is embedded for it again. (Missing in the active version is DOCUMENT_PENDING.)
 *
 * Payloads (title, text, tags, attributes as JSON) are opaque bytes that no query looks into.
 * Keys sort bytewise. Vectors are float16, as they were rounded once after normalising.
 *
 * Threads: any thread may call anything but store_close. Reads take a connection of the read pool
 * and wait for one if need be (measured: akin_db_wait_seconds); a read that passes its time limit
 * is ERR_TIMEOUT. Out data lives in the caller's arena. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct store_options {
    unsigned readers;         /* connections of the read pool; 0: 4 */
    unsigned read_timeout_ms; /* of one read; 0: 10,000 */
    unsigned slow_ms;         /* statements over this are logged; 0: 100 */
    unsigned group_max;       /* acts in one commit at most; 0: 512 */
    uint64_t
        embedding_cache_bytes; /* bound of the embedding cache; 0: 256 MiB; EMBEDDING_CACHE_NONE:
                                  none is kept, and one that is there is removed */
    uint64_t kept_bytes, kept_owner_bytes; /* of kept answers: in all, 0: 256 MiB, and of one owner,
                                              0: 16 MiB. Beyond, the oldest go */
};
#define EMBEDDING_CACHE_NONE UINT64_MAX

/* DIR/akin.db, made if absent, migrated if older (numbered migrations). ERR_CORRUPT refuses with
 * the next step ("restore a backup with `akin restore`"); a newer FORMAT is ERR_UNSUPPORTED. */
enum err store_open(const char *dir, const struct store_options *o, struct store **out,
                    struct err_info *e) MUST_CHECK;
void store_close(struct store *s); /* finishes the writes that were accepted */

/* ---- positions ---- */
#define LINEAGE_DIGITS 12
struct position {
    char lineage[LINEAGE_DIGITS + 1];
    uint64_t change;
};
#define POSITION_TEXT 40
void position_format(const struct position *p, char out[POSITION_TEXT]);
enum err position_parse(struct str s, struct position *out); /* ERR_INVALID */
/* The last committed change. Cheap (kept in memory). */
void store_position(struct store *s, struct position *out);

/* ---- records ---- */
struct collection_record {
    uint32_t id; /* never reused */
    struct str name;
    struct str settings; /* JSON, opaque here */
    uint32_t version;    /* id of the active embedding version; what follows is of it: */
    struct str model_digest;
    uint32_t dims;
    int64_t created_us, updated_us;
    uint64_t revision;
    uint64_t documents, passages, pending; /* counts, kept in the same transactions */
    uint64_t bytes;                        /* of the payloads: the same */
    uint64_t documents_max, bytes_max;     /* quotas; 0: none */
    float mean_cosine;                     /* mu of design.md section 3; NaN until it is fixed */
};

#define STORE_VERSIONS_MAX 8 /* of one collection */
enum version_state {
    VERSION_BUILDING, /* made, being filled */
    VERSION_READY,    /* said to be complete and compared; may become the active one */
    VERSION_ACTIVE,   /* exactly one a collection */
    VERSION_RETIRED   /* was active; kept up to date so that it may be again */
};
struct version_record {
    uint32_t id; /* never reused, over the whole store */
    uint32_t collection;
    enum version_state state;
    struct str model; /* name */
    struct str model_digest;
    struct str settings; /* JSON, opaque here: precision, dimensions, prefixes ... */
    uint32_t dims;
    float mean_cosine; /* NaN until it is fixed */
    uint64_t missing;  /* documents that have no passages of this version, or had some of an older
                          text; in the active one: the pending ones */
    uint64_t passages;
    int64_t created_us, updated_us;
    struct str report; /* JSON, opaque here, "" at first: how it compares with the active one */
    uint64_t revision; /* the change number of its last act */
};

#define STORE_RECOMMENDERS_MAX 16 /* of one collection, and of its classifiers of one label */
#define STORE_LABEL_MAX 255
enum recommender_state {
    RECOMMENDER_CANDIDATE, /* trained */
    RECOMMENDER_ACTIVE,    /* at most one a collection and label */
    RECOMMENDER_RETIRED    /* was active */
};
struct recommender_record {
    uint32_t id; /* never reused, over the whole store */
    uint32_t collection;
    enum recommender_state state;
    struct str label;  /* empty: a recommender; else a classifier, of this label */
    struct str kind;   /* opaque here, as digest and report */
    struct str digest; /* of its file */
    uint64_t bytes;    /* of its file */
    uint32_t version;  /* embedding version whose vectors it learned from; 0: none */
    uint64_t change;   /* what the store held when its data were read */
    uint64_t acts;     /* of feedback that it learned from */
    struct str report; /* JSON: parameters, data, metrics, why it was promoted or not */
    int64_t created_us, updated_us;
    uint64_t revision; /* the change number of its last act */
};

enum document_state {
    DOCUMENT_READY,
    DOCUMENT_PENDING /* words only, its vectors are being made */
};

struct passage_record {
    uint32_t start, end; /* byte offsets in the document's text */
    uint32_t tokens;
    const uint16_t *vector; /* float16 x dims; NULL while pending */
};

/* SHA-256 of a payload as its sender wrote it: without what akin noted in it, a first member
 * "detected_lang" with its comma. So a note that comes out otherwise changes no document. */
#define PAYLOAD_NOTE "{\"detected_lang\":\""
void payload_digest(struct str payload, uint8_t out[32]);

struct document_record {
    uint32_t collection;
    uint32_t number; /* dense in its collection, never reused: the key in indexes */
    struct str id;
    uint64_t revision;
    enum document_state state;
    struct str payload;      /* opaque */
    uint8_t digest[32];      /* payload_digest (checked): equal means unchanged */
    uint8_t text_digest[32]; /* of what is embedded, and how it is cut, but not with which model:
                                equal means that the passages of every version can be kept */
    int64_t created_us, updated_us;
    int64_t expires_us;              /* 0: never */
    struct passage_record *passages; /* NULL unless asked for */
    uint32_t passage_count;          /* 0 unless passages are asked for. A pending document may have
                                        none: cut it again */
    uint32_t attempts;               /* of embedding it, while pending */
    uint32_t version, dims;          /* of the passages and vectors that were asked for */
};

struct feedback_record {
    uint64_t change; /* of its acceptance */
    uint32_t collection;
    struct str event_id, user, document, type, session, recommendation_id;
    double value;
    int32_t position; /* in the list it came from; -1 unknown */
    int64_t time_us;
};

struct user_record {
    struct str id, payload; /* attributes and labels as JSON, opaque */
    int64_t created_us, updated_us;
    uint64_t revision;
};

/* An answer that was given: what was recommended to whom. */
#define SERVED_TOKEN 16
#define SERVED_PAYLOAD_MAX (1u << 20)
struct served_record {
    uint64_t id; /* when read: rises with the order of storing; 0: not there */
    uint32_t collection;
    uint8_t token[SERVED_TOKEN];                    /* the recommendation id */
    struct str user, scenario, experiment, variant; /* may be empty */
    uint32_t recommender;
    int64_t at_us;
    struct str payload; /* the slots, opaque (recommend/served.h) */
};

/* Scores that a team brought, of one source for one reader. */
#define STORE_SOURCES_MAX 32   /* of one collection */
#define STORE_SCORES_MAX 10000 /* of one source and reader */
struct brought_record {
    uint32_t collection;
    struct str source;       /* 1 to 64 bytes */
    struct str user;         /* empty: for all readers */
    const uint32_t *numbers; /* of documents, rising */
    const float *scores;     /* finite */
    size_t count;
    int64_t updated_us; /* 0: now */
};

#define STORE_EXPERIMENTS_MAX 1000 /* of one collection */
enum experiment_state {
    EXPERIMENT_DRAFT,
    EXPERIMENT_RUNNING, /* at most one a scenario */
    EXPERIMENT_STOPPED
};
struct experiment_record {
    uint32_t collection;
    struct str name;     /* 1 to 64 bytes */
    struct str scenario; /* may be empty */
    enum experiment_state state;
    struct str payload; /* JSON, opaque here: variants, metric, what came out */
    int64_t created_us, updated_us;
    uint64_t revision; /* the change number of its last act */
};

/* A key of the API. Its secret is not here, only hashes of it. */
#define STORE_KEY_HASH 32
struct key_record {
    struct str id;
    uint8_t hash[STORE_KEY_HASH];
    uint8_t old_hash[STORE_KEY_HASH]; /* before the last rotation; works until: */
    int64_t old_until_us;
    struct str payload; /* JSON, opaque here: what it allows */
    int64_t created_us, updated_us, used_us;
};

enum act_status { ACT_CREATED, ACT_UPDATED, ACT_UNCHANGED, ACT_DELETED };

/* A second name of a collection. No collection has the name of an alias. */
#define STORE_ALIASES_MAX 100     /* of one collection */
#define STORE_ALIASES_SET_MAX 100 /* in one act */
struct alias_record {
    struct str name;
    struct str collection_name; /* to be set: empty: the alias goes */
    /* When read, and results of ACT_ALIASES_SET: */
    uint32_t collection;
    int64_t created_us, updated_us;
    uint64_t revision; /* the change number of its last act */
    enum act_status status;
};

/* One text's vector, whoever has it. */
#define EMBEDDING_KEY 32
struct embedding_record {
    uint8_t key[EMBEDDING_KEY]; /* a digest of model version, role and normalised text */
    uint32_t dims, tokens;
    const uint16_t *vector; /* float16 x dims; NULL: not there */
};

/* The answer to a request that came with an Idempotency-Key. */
#define KEPT_DIGEST 32
#define STORE_KEPT_BODY_MAX (128u << 10)
#define STORE_KEPT_ROW 512   /* what a row counts for beside headers and body */
#define STORE_KEPT_STEP 1024 /* rows that one ACT_KEPT_FORGET takes at most */
enum kept_state {
    KEPT_BEGUN,    /* something was written; what was answered is not known (yet) */
    KEPT_ANSWERED, /* status, headers and body are what was answered */
    KEPT_DONE      /* done, and the body is not kept */
};
struct kept_record {
    uint8_t key[KEPT_DIGEST];     /* a digest of who asked where under which Idempotency-Key */
    uint8_t request[KEPT_DIGEST]; /* of what was asked; zeros: erased */
    uint8_t rights[KEPT_DIGEST];  /* of what the asker was bound to */
    struct str owner;             /* opaque; may be empty */
    uint32_t collection;          /* it goes with that; 0: of none */
    bool readers;                 /* may name readers of the collection: see ACT_USER_DELETE */
    int64_t at_us;                /* when it was asked */
    enum kept_state state;
    int status;
    struct str headers; /* opaque */
    struct str body;    /* at most STORE_KEPT_BODY_MAX */
};

enum task_state { TASK_QUEUED, TASK_RUNNING, TASK_DONE, TASK_FAILED, TASK_CANCELLED };
struct task_record {
    uint64_t id;
    struct str kind;
    enum task_state state;
    struct str payload; /* progress, errors: JSON, opaque */
    int64_t created_us, updated_us;
};

/* ---- writes ---- */
enum act_kind {
    ACT_COLLECTION_CREATE, /* collection: name, settings, quotas, model_digest, dims; version:
                              model, settings (both may be empty): of its first, active version.
                              ERR_CONFLICT: exists, or there is an alias of this name. version_id:
                              of that version */
    ACT_COLLECTION_UPDATE, /* collection: id, settings, quotas, mean_cosine, model_digest, dims, all
                              as they shall be (the last three: of the active version); if_revision.
                              A quota may be below what is there.
                              ERR_CONFLICT: other dims while documents have vectors */
    ACT_COLLECTION_DELETE, /* collection.id: at once hidden, rows removed in bounded steps
                              afterwards. ERR_CONFLICT: it has aliases (named) */
    ACT_DOCUMENT_PUT, /* document: all but number and revision; created_us counts for a new one.
                         ACT_UNCHANGED: both digests and expiry equal, and it does not bring a
                         pending one its vectors; `attempts` is kept. ERR_QUOTA: quota_check.
                         Its passages are of the
                         active version, and if the text digest is another, it becomes missing in
                         every other version. version.id: see below */
    ACT_DOCUMENT_EMBEDDED, /* document: collection, id, passages with vectors of the active version;
                              if_revision: pending -> ready. ERR_CONFLICT: ready. version.id: see
                              below */
    ACT_DOCUMENT_DELETE,   /* document: collection, id */
    ACT_FEEDBACK_ADD,      /* feedback; the same event_id again is ACT_UNCHANGED */
    ACT_USER_PUT,          /* user_collection, user */
    ACT_USER_DELETE, /* user_collection, user.id: the user, the scores that were brought for it, and
                        the oldest 4,096 rows of its feedback and of the answers that it got; and
                        what kept answers say that may name readers of the collection. `id`
                        1: there is more: again, with user_rest. The last one makes the change row
                      */
    ACT_TASK_PUT,    /* task: id 0 makes one; TASK_DONE and TASK_FAILED make a change row */
    ACT_CONSUMER_SET, /* consumer name, consumer_change: no change row */

    /* Embedding versions. Each but EMBEDDED makes a change row; if_revision: the version's. */
    ACT_VERSION_CREATE, /* version: collection, model, model_digest, settings, dims. BUILDING; all
                           documents become missing in it: the first 4,096 are listed by
                           store_version_missing at once, the others in bounded steps afterwards,
                           and until then it cannot become READY. ERR_CONFLICT: STORE_VERSIONS_MAX
                         */
    ACT_VERSION_UPDATE, /* version: id, settings, report, mean_cosine, state, all as they shall be.
                           ERR_CONFLICT: another change of state than BUILDING <-> READY, or
                           READY while a new one's documents are being marked */
    ACT_VERSION_ACTIVATE, /* version.id: it becomes ACTIVE, the active one RETIRED (promotion and
                             rollback alike). Documents that are missing in it become pending, those
                             that were pending in the other but are not missing in it become ready,
                             all without a new revision of their own: the cost grows with their
                             number only. ERR_CONFLICT: it is not READY or RETIRED */
    ACT_VERSION_DELETE,   /* version.id: at once hidden, its rows are removed in bounded steps
                             afterwards. ERR_CONFLICT: the active one */
    ACT_VERSION_EMBEDDED, /* version.id; document: collection, id, text_digest, passages with
                             vectors of this version, whatever its state; if_revision: the
                             *document's*. ERR_CONFLICT: the document's revision or text is another
                             by now. ERR_NOT_FOUND: the document or version has gone. ACT_UNCHANGED:
                             it is not missing there. No change row, and no new revision of the
                             document; but for the active version, where it is ACT_DOCUMENT_EMBEDDED
                           */

    /* Recommenders and classifiers: what was trained. Each makes a change row; if_revision: the
     * recommender's. */
    ACT_RECOMMENDER_CREATE,   /* recommender: collection, label, kind, digest, bytes, version,
                                 change, acts, report. CANDIDATE. ERR_CONFLICT:
                                 STORE_RECOMMENDERS_MAX */
    ACT_RECOMMENDER_ACTIVATE, /* recommender.id: it becomes ACTIVE, the active one of its label, if
                                 there is one, RETIRED (promotion and rollback alike).
                                 ERR_CONFLICT: it is active */
    ACT_RECOMMENDER_RETIRE,   /* recommender.id: none of its label is active then. ERR_CONFLICT: it
                                 is not */
    ACT_RECOMMENDER_DELETE,   /* recommender.id. ERR_CONFLICT: the active one */

    ACT_ALIASES_SET, /* aliases, alias_count: all or none, each with a change row unless it is so
                        already. ERR_NOT_FOUND: the collection, or an alias that is to go;
                        ERR_CONFLICT: a collection has that name, STORE_ALIASES_MAX; alias_failed:
                        the row, field: "name" or "collection" */

    /* Keys: no change rows, nobody who follows the log is told. */
    ACT_KEY_PUT,    /* key: all of it, as it shall be; in place of one with its id */
    ACT_KEY_USED,   /* key: id, used_us; an earlier time changes nothing */
    ACT_KEY_DELETE, /* key.id. ERR_NOT_FOUND */

    ACT_EMBEDDINGS_PUT, /* `embeddings` only: no change row */

    ACT_BROUGHT_PUT,    /* brought: in place of what was there. No change row. ERR_CONFLICT:
                           STORE_SOURCES_MAX */
    ACT_BROUGHT_DELETE, /* brought: collection, source, user. No change row */
    ACT_BROUGHT_CLEAR,  /* brought: collection, source: 256 rows at most; id: how many there were.
                           ERR_NOT_FOUND: none. No change row */

    ACT_EXPERIMENT_PUT,    /* experiment: all but created_us, updated_us, revision; if_revision.
                              ERR_CONFLICT: it is to run, and another one of its scenario runs;
                              STORE_EXPERIMENTS_MAX */
    ACT_EXPERIMENT_DELETE, /* experiment: collection, name; if_revision */

    ACT_KEPT_ADD,    /* *kept: all of it, in place of one with its key. No change row */
    ACT_KEPT_ANSWER, /* *kept: state, status, headers, body into the row with its key and at_us that
                        is KEPT_BEGUN; if there is none, nothing. No change row */
    ACT_KEPT_FORGET, /* kept_before_us: STORE_KEPT_STEP rows at most that are of before; id: how
                        many there were. No change row */

    ACT_SERVED_ADD, /* served, served_count: no change row. A row whose token is there already, or
                       whose collection has gone, is passed over */
    ACT_SERVED_FORGET, /* served_collection, served_before_us: the oldest 1,024 rows at most that
                          are of before; id: how many there were. No change row */
};

#define REVISION_ANY 0ULL
#define REVISION_NONE UINT64_MAX /* must not exist yet */

struct store_act {
    enum act_kind kind;
    uint64_t if_revision; /* REVISION_ANY, REVISION_NONE or an exact one: ERR_PRECONDITION */
    /* ACT_DOCUMENT_PUT, ACT_DOCUMENT_DELETE: may it touch the document that stands there (with id,
     * payload and times)? Asked inside of the commit, before any other condition, on the writer's
     * thread: quick, without I/O. NULL: yes. False: putting is ERR_DENIED, and for deleting it is
     * not there. */
    bool (*guard)(const void *ctx, const struct document_record *stands);
    const void *guard_ctx;
    bool keep_passages; /* ACT_DOCUMENT_PUT: text_digest equals the stored one, passages stay (else
                           ERR_CONFLICT: embed again) */
    struct collection_record collection;
    struct document_record document;
    struct feedback_record feedback;
    uint32_t user_collection;
    struct user_record user;
    bool user_rest; /* ACT_USER_DELETE goes on: nothing left is no error */
    struct task_record task;
    struct str consumer;
    uint64_t consumer_change;
    /* In ACT_DOCUMENT_PUT and ACT_DOCUMENT_EMBEDDED version.id names the version that the passages
     * were made with: ERR_CONFLICT (field "version") if it is not the active one any more: embed
     * again. 0 is taken only while the collection has no other version. */
    struct version_record version;
    struct recommender_record recommender;
    struct brought_record brought;
    struct experiment_record experiment;
    struct key_record key;
    struct alias_record *aliases; /* distinct names, at most STORE_ALIASES_SET_MAX */
    size_t alias_count;
    /* Of any act: go into the embedding cache with it, if the act is done (unchanged included).
     * Those that are there already stay. */
    const struct embedding_record *embeddings;
    size_t embedding_count;
    const struct served_record *served;
    size_t served_count; /* at most 16,384 */
    uint32_t served_collection;
    int64_t served_before_us;
    const struct kept_record *kept;
    int64_t kept_before_us;
    /* results */
    enum err err;
    struct err_info info;
    enum act_status status;
    uint64_t revision;   /* the change number of this act; the standing one if unchanged */
    uint64_t id;         /* collection id, document number, version id or task id */
    uint32_t version_id; /* of ACT_COLLECTION_CREATE: the version that was made with it */
    size_t alias_failed;
};

/* Commits acts in order, in one transaction with whatever else is waiting. Returns when it is
 * durable (WAL synced). Each act has its own result in act->err; the return value is not 0 only if
 * none of them was done (ERR_FULL disk, ERR_IO, ERR_CANCELLED closing, ERR_BUSY queue full).
 * `atomic`: all or none; then the first failure is also returned and the others are ERR_CANCELLED.
 * `position` (may be NULL): after the last act. ERR_TOO_LARGE: more than 16,384 acts. Waits; about
 * one fsync. Acts stay the caller's and untouched but for results. */
enum err store_write(struct store *s, struct store_act *acts, size_t count, bool atomic,
                     struct position *position, struct err_info *e) MUST_CHECK;

/* One act that nobody waits for, such as bookkeeping: it joins the next commit that somebody waits
 * for, or has one of its own within STORE_LATER_MS, and in any case before store_close returns.
 * Acts keep the order of the calls, of store_write too. `told` is called once, when it is durable
 * or has failed, before any store_write that came behind it returns: on the writer's thread, under
 * no lock; it must be quick and may not write. *act is copied; what it points to is the caller's
 * and must stay until then. If an error comes back (of the act itself; ERR_CANCELLED closing,
 * ERR_BUSY queue full) `told` is not called. Does not wait. No ticket counts for it. */
#define STORE_LATER_MS 100
typedef void store_told_fn(void *ctx, enum err err, const struct err_info *e);
enum err store_write_later(struct store *s, const struct store_act *act, store_told_fn *told,
                           void *ctx, struct err_info *e) MUST_CHECK;

/* What the calling thread writes from now on, until it is set anew, is what was asked for with
 * *t->record: the first store_write of which an act is done makes the row of it, KEPT_BEGUN, in the
 * same transaction. So there is a row if and only if something was written. Bookkeeping
 * (embeddings, the log of answers, key use, consumers, kept answers) counts for nothing. NULL:
 * nothing. *t is the caller's and must outlive that. */
struct store_ticket {
    const struct kept_record *record;
    bool written; /* the row is there */
};
void store_ticket_set(struct store_ticket *t);
/* May a document have `after` bytes of payload where there were `before`, or none (fresh)?
 * ERR_QUOTA if that makes the collection grow over a quota, or further over it. */
struct quota_use {
    uint64_t documents, bytes, documents_max, bytes_max;
};
enum err quota_check(const struct quota_use *u, bool fresh, uint64_t before, uint64_t after,
                     struct err_info *e) MUST_CHECK;

/* ---- reads ---- */
/* ERR_NOT_FOUND. */
enum err store_kept_get(struct store *s, struct arena *a, const uint8_t key[KEPT_DIGEST],
                        struct kept_record *out, struct err_info *e) MUST_CHECK;
/* Is there one of before? */
enum err store_kept_before(struct store *s, int64_t before_us, bool *any,
                           struct err_info *e) MUST_CHECK;
enum err store_collection_get(struct store *s, struct arena *a, struct str name,
                              struct collection_record *out, struct err_info *e) MUST_CHECK;
/* By name, after `after` (empty: from the start), at most limit (and, in every list, at most
 * 10,000). */
enum err store_collection_list(struct store *s, struct arena *a, struct str after, size_t limit,
                               struct collection_record **out, size_t *count,
                               struct err_info *e) MUST_CHECK;

enum document_parts {
    DOCUMENT_HEAD = 0,
    DOCUMENT_PAYLOAD = 1,
    DOCUMENT_PASSAGES = 2,
    DOCUMENT_VECTORS = 4
};
enum err store_document_get(struct store *s, struct arena *a, uint32_t collection, struct str id,
                            unsigned parts, struct document_record *out,
                            struct err_info *e) MUST_CHECK;
/* out[i] belongs to numbers[i]; one that is gone has number 0 (numbers start at 1). One connection,
 * one snapshot. */
enum err store_documents_by_number(struct store *s, struct arena *a, uint32_t collection,
                                   const uint32_t *numbers, size_t count, unsigned parts,
                                   struct document_record *out, struct err_info *e) MUST_CHECK;
enum err store_documents_by_id(struct store *s, struct arena *a, uint32_t collection,
                               const struct str *ids, size_t count, unsigned parts,
                               struct document_record *out, struct err_info *e) MUST_CHECK;
/* By id bytewise, after `after`; `offset` skips (at most 1,000). */
enum err store_document_list(struct store *s, struct arena *a, uint32_t collection,
                             struct str after, size_t offset, size_t limit, unsigned parts,
                             struct document_record **out, size_t *count,
                             struct err_info *e) MUST_CHECK;
/* Every document by number, in bounded steps; for rebuilding an index. `each` may not call the
 * store's writes; non-zero stops the scan and is returned. `*position`: what the scan is consistent
 * with or later (replay the changes after it). */
typedef enum err document_fn(void *ctx, const struct document_record *d);
enum err store_document_scan(struct store *s, uint32_t collection, unsigned parts,
                             document_fn *each, void *ctx, struct position *position,
                             struct err_info *e) MUST_CHECK;
/* Pending documents of a collection with payload and passages, those of fewer than `attempts_max`
 * attempts: fewest first, then oldest change. */
enum err store_pending_list(struct store *s, struct arena *a, uint32_t collection,
                            uint32_t attempts_max, size_t limit, struct document_record **out,
                            size_t *count, struct err_info *e) MUST_CHECK;
/* Documents (heads) whose expires_us <= now, oldest first. */
enum err store_expired_list(struct store *s, struct arena *a, int64_t now_us, size_t limit,
                            struct document_record **out, size_t *count,
                            struct err_info *e) MUST_CHECK;

/* ---- embedding versions ---- */
/* ERR_NOT_FOUND: no such version, or deleted. */
enum err store_version_get(struct store *s, struct arena *a, uint32_t version,
                           struct version_record *out, struct err_info *e) MUST_CHECK;
/* All of a collection by id: at most STORE_VERSIONS_MAX. */
enum err store_version_list(struct store *s, struct arena *a, uint32_t collection,
                            struct version_record **out, size_t *count,
                            struct err_info *e) MUST_CHECK;
/* As store_documents_by_number and store_document_scan, of the version's collection, with the
 * passages of this version; `state` is DOCUMENT_PENDING where it is missing in this version (then
 * no vectors). */
enum err store_version_passages(struct store *s, struct arena *a, uint32_t version,
                                const uint32_t *numbers, size_t count, unsigned parts,
                                struct document_record *out, struct err_info *e) MUST_CHECK;
enum err store_version_scan(struct store *s, uint32_t version, unsigned parts, document_fn *each,
                            void *ctx, struct position *position, struct err_info *e) MUST_CHECK;
/* The next documents to embed for a version, with payload, by number after `after` (0: from the
 * start; a document that cannot be embedded is passed over that way). Exact: what
 * ACT_VERSION_EMBEDDED stored does not come again. */
enum err store_version_missing(struct store *s, struct arena *a, uint32_t version, uint32_t after,
                               size_t limit, struct document_record **out, size_t *count,
                               struct err_info *e) MUST_CHECK;

/* ---- recommenders ---- */
/* ERR_NOT_FOUND. */
enum err store_recommender_get(struct store *s, struct arena *a, uint32_t id,
                               struct recommender_record *out, struct err_info *e) MUST_CHECK;
/* All of a collection by id, classifiers too. */
enum err store_recommender_list(struct store *s, struct arena *a, uint32_t collection,
                                struct recommender_record **out, size_t *count,
                                struct err_info *e) MUST_CHECK;

/* ---- the embedding cache ---- */
/* Vectors by digest, so that a text that was embedded once (in another collection, in a document
 * that was deleted) is not again. Put by the acts' `embeddings`; the oldest go when the bound is
 * passed. out[i] belongs to keys[i]; one that is not there has vector NULL. Some microseconds a
 * key. */
enum err store_embedding_cache_get(struct store *s, struct arena *a,
                                   const uint8_t (*keys)[EMBEDDING_KEY], size_t count,
                                   struct embedding_record *out, struct err_info *e) MUST_CHECK;

/* Newest first by (time, change); before `before_change` (0: from the newest; ERR_GONE: that one
 * was removed). `user` or `document` may be empty (then all). */
enum err store_feedback_list(struct store *s, struct arena *a, uint32_t collection, struct str user,
                             struct str document, uint64_t before_change, size_t limit,
                             struct feedback_record **out, size_t *count,
                             struct err_info *e) MUST_CHECK;
/* All feedback of a collection that was accepted after change `after` and until `through`, by
 * change, in bounded steps of reading; strings live during the call of `each`, which may not call
 * the store's writes; non-zero stops the scan and is returned. What is erased meanwhile may be seen
 * or not. */
typedef enum err feedback_fn(void *ctx, const struct feedback_record *f);
enum err store_feedback_scan(struct store *s, uint32_t collection, uint64_t after, uint64_t through,
                             feedback_fn *each, void *ctx, struct err_info *e) MUST_CHECK;
/* How many acts of feedback came after change `after`; counted up to `max`. */
enum err store_feedback_since(struct store *s, uint32_t collection, uint64_t after, uint64_t max,
                              uint64_t *count, struct err_info *e) MUST_CHECK;
/* How many users have given any feedback; counted up to `max`, each some 20 us. */
enum err store_feedback_readers(struct store *s, uint32_t collection, unsigned max, unsigned *count,
                                struct err_info *e) MUST_CHECK;
/* ---- what was recommended ---- */
/* out[i] belongs to tokens[i]; id 0: there is none. */
enum err store_served_get(struct store *s, struct arena *a, uint32_t collection,
                          const uint8_t (*tokens)[SERVED_TOKEN], size_t count,
                          struct served_record *out, struct err_info *e) MUST_CHECK;
/* Oldest first by (at_us, id): those at or after from_us, and after row `after` of that very time;
 * before before_us. To go on: from_us and after of the last row. A row may come up to a second
 * after its time, so whoever reads as it grows stays that far behind. */
struct served_range {
    int64_t from_us;
    uint64_t after;    /* 0: all of from_us too */
    int64_t before_us; /* 0: no end */
};
enum err store_served_list(struct store *s, struct arena *a, uint32_t collection,
                           const struct served_range *range, size_t limit,
                           struct served_record **out, size_t *count,
                           struct err_info *e) MUST_CHECK;
/* Newest first, those before (before_us, before); 0 and 0: from the newest. */
enum err store_served_of_user(struct store *s, struct arena *a, uint32_t collection,
                              struct str user, int64_t before_us, uint64_t before, size_t limit,
                              struct served_record **out, size_t *count,
                              struct err_info *e) MUST_CHECK;
/* ---- scores that were brought, experiments ---- */
/* Arrays in the arena. ERR_NOT_FOUND. */
enum err store_brought_get(struct store *s, struct arena *a, uint32_t collection, struct str source,
                           struct str user, struct brought_record *out,
                           struct err_info *e) MUST_CHECK;
/* The names of a collection's, rising: at most STORE_SOURCES_MAX. Some microseconds each, however
 * many rows they have. */
enum err store_brought_sources(struct store *s, struct arena *a, uint32_t collection,
                               struct str **out, size_t *count, struct err_info *e) MUST_CHECK;
enum err store_experiment_get(struct store *s, struct arena *a, uint32_t collection,
                              struct str name, struct experiment_record *out,
                              struct err_info *e) MUST_CHECK;
/* All of a collection by name. */
enum err store_experiment_list(struct store *s, struct arena *a, uint32_t collection,
                               struct experiment_record **out, size_t *count,
                               struct err_info *e) MUST_CHECK;
/* By id, after `after`. */
enum err store_key_list(struct store *s, struct arena *a, struct str after, size_t limit,
                        struct key_record **out, size_t *count, struct err_info *e) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err store_alias_get(struct store *s, struct arena *a, struct str name,
                         struct alias_record *out, struct err_info *e) MUST_CHECK;
/* By name, after `after`. */
enum err store_alias_list(struct store *s, struct arena *a, struct str after, size_t limit,
                          struct alias_record **out, size_t *count, struct err_info *e) MUST_CHECK;
enum err store_user_get(struct store *s, struct arena *a, uint32_t collection, struct str id,
                        struct user_record *out, struct err_info *e) MUST_CHECK;
enum err store_user_list(struct store *s, struct arena *a, uint32_t collection, struct str after,
                         size_t limit, struct user_record **out, size_t *count,
                         struct err_info *e) MUST_CHECK;
enum err store_task_get(struct store *s, struct arena *a, uint64_t id, struct task_record *out,
                        struct err_info *e) MUST_CHECK;
enum err store_task_list(struct store *s, struct arena *a, uint64_t before_id, size_t limit,
                         struct task_record **out, size_t *count, struct err_info *e) MUST_CHECK;

/* Those that are queued or running, oldest first. */
enum err store_task_open(struct store *s, struct arena *a, size_t limit, struct task_record **out,
                         size_t *count, struct err_info *e) MUST_CHECK;

/* ---- the change log ---- */
enum change_kind {
    CHANGE_DOCUMENT_PUT, /* with its vectors, or kept those it had */
    CHANGE_DOCUMENT_DELETED,
    CHANGE_DOCUMENT_EMBEDDED,
    CHANGE_COLLECTION_CREATED,
    CHANGE_COLLECTION_UPDATED,
    CHANGE_COLLECTION_DELETED,
    CHANGE_FEEDBACK,
    CHANGE_USER_PUT,
    CHANGE_USER_DELETED,
    CHANGE_TASK_FINISHED,
    CHANGE_DOCUMENT_PENDING, /* put; its vectors come with CHANGE_DOCUMENT_EMBEDDED */
    CHANGE_VERSION_CREATED,
    CHANGE_VERSION_UPDATED,
    CHANGE_VERSION_ACTIVATED,
    CHANGE_VERSION_DELETED,
    CHANGE_RECOMMENDER_CREATED,
    CHANGE_RECOMMENDER_ACTIVATED,
    CHANGE_RECOMMENDER_RETIRED,
    CHANGE_RECOMMENDER_DELETED,
    CHANGE_EXPERIMENT_PUT,
    CHANGE_EXPERIMENT_DELETED,
    CHANGE_ALIAS_SET,     /* of the collection that it stands for now */
    CHANGE_ALIAS_DELETED, /* of the collection that it stood for */
};
struct change_record {
    uint64_t change;
    enum change_kind kind;
    int64_t at_us;
    uint32_t collection;
    struct str collection_name; /* as it was */
    uint32_t number;            /* of the document, if it is about one; of an alias: how many
                                   changes that belong to the same act follow */
    struct str subject; /* id of the document, user, task, version, recommender, alias; event
                   id of feedback; empty of readers
                   who were erased, and of their feedback */
};
/* Changes after `after`, in order, at most limit. ERR_GONE: they were pruned (or another lineage's
 * cursor). */
enum err store_changes(struct store *s, struct arena *a, uint64_t after, size_t limit,
                       struct change_record **out, size_t *count, struct err_info *e) MUST_CHECK;
/* Was a reader of the collection erased after change `after`? What was trained before knows them.
 */
enum err store_erased_since(struct store *s, uint32_t collection, uint64_t after, bool *erased,
                            struct err_info *e) MUST_CHECK;
/* Waits until a change after `after` is committed or the deadline passes (false). */
bool store_changes_wait(struct store *s, uint64_t after, int64_t deadline_ns);
/* Forget changes up to and including `through`. */
enum err store_changes_prune(struct store *s, uint64_t through, struct err_info *e) MUST_CHECK;
enum err store_consumer_get(struct store *s, struct str name, uint64_t *change,
                            struct err_info *e) MUST_CHECK; /* 0 if unknown */

/* ---- care ---- */
/* Every invariant: counts, orphans, vector sizes, digests, SQLite's integrity check. ERR_CORRUPT
 * names the first fault. */
enum err store_check(struct store *s, struct err_info *e) MUST_CHECK;
typedef void store_progress_fn(void *ctx, uint64_t done, uint64_t total);
/* A consistent copy while reads and writes go on; written beside, checked, renamed. */
enum err store_backup(struct store *s, const char *path, store_progress_fn *progress, void *ctx,
                      struct err_info *e) MUST_CHECK;
/* Checks the backup, installs it as DIR/akin.db under a new lineage. DIR must not be in use; an
 * akin.db that is there is kept as akin.db.before-<time>. */
enum err store_restore(const char *dir, const char *backup, struct err_info *e) MUST_CHECK;

#endif
