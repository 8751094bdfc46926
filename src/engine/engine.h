/* The engine: collections and all that is done with them. One call here is one thing that a user
 * can do; api/ and main/ translate, nothing more.
 *
 * Opens the store, the model, the indexes of every collection, the applier, the events and the
 * background work; a document goes  validate -> NFC -> passages -> tokens -> vectors -> ONE store
 * act -> applier -> acknowledged.
 *
 * Threads: any thread may call anything but engine_close; calls may wait (disk, embedding). What a
 * call returns lives in the caller's arena. `within` is a filter (index/filter.h) that stands above
 * the request, a key's: documents that do not pass it do not exist for the call, and writing one
 * that would not, or over one that does not, is ERR_DENIED; empty: all exist. `e->field` is a JSON
 * pointer into the body that was given ("/0/text"), or a parameter's name. JSON values are
 * borrowed. A collection is named by its name; unknown is ERR_NOT_FOUND. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/str.h"
#include "index/filter.h" /* facets */
#include "index/order.h"
#include "search/highlight.h"
#include "search/search.h"
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct remote_options; /* embed/embed.h */

#define EMBED_CACHE_NONE UINT64_MAX
#define RECALL_TARGET_MIN .5
#define RECALL_TARGET_MAX .9999
struct engine_options {
    const char
        *data_dir; /* made with mode 0700; LOCK, FORMAT, akin.db, index/, models/, tmp/, backups/ */
    const char *model_dir;               /* a Hugging Face directory, or "stub" */
    const struct remote_options *remote; /* not NULL: a provider embeds, model_dir is not read.
                                            Borrowed until engine_open returns */
    const char *languages;  /* the detector's table (text/language.h); NULL: DATA/languages.table */
    const char *precision;  /* "auto", "fp32", "bf16" */
    unsigned embed_threads; /* 0: one a core */
    unsigned ingest_workers;      /* 0: one a core */
    size_t embed_queue_tokens;    /* 0: default */
    size_t embed_cache_bytes;     /* of vectors in memory; 0: 16 MiB; EMBED_CACHE_NONE: none */
    uint64_t store_cache_bytes;   /* of vectors in the store; 0: 256 MiB; EMBED_CACHE_NONE: none */
    unsigned event_workers;       /* 0: 3 */
    unsigned store_readers;       /* 0: 4 */
    unsigned slow_ms;             /* statements over this are logged; 0: 100 */
    unsigned snapshot_seconds;    /* index snapshots at most this often; 0: 60 */
    uint64_t train_memory_bytes;  /* of a training; 0: half of what there is, 4 GiB at most */
    unsigned train_threads;       /* 0: one a core */
    unsigned train_check_seconds; /* how often the schedules are looked at; 0: not at all */
    const char *worker_path;      /* the program whose train-worker trains; NULL: this one. The
                                     caller's until engine_close */
    unsigned repeat_hours;        /* how long requests with an Idempotency-Key are known; 0: 24 */
    bool quiet;           /* nothing happens by itself: no expiry, no embedding. For checks */
    double recall_target; /* of searches among vectors; 0: .98 */
};

/* ERR_CONFLICT: another process holds the data directory (the message names its pid and address
 * from LOCK). Index files that are damaged are rebuilt, never a failed start; a damaged database is
 * ERR_CORRUPT. Returns when every collection can be searched (readiness). */
enum err engine_open(const struct engine_options *o, struct engine **out,
                     struct err_info *e) MUST_CHECK;
/* What was accepted is finished, indexes are saved, events drained until deadline_ns. */
void engine_close(struct engine *x, int64_t deadline_ns);
/* Written into LOCK once the server listens: "http://127.0.0.1:8000". */
enum err engine_set_address(struct engine *x, const char *url, struct err_info *e) MUST_CHECK;
/* The address that the process holding this directory serves at; ERR_NOT_FOUND if none does. For
 * commands. */
enum err engine_address(const char *data_dir, struct arena *a, struct str *url,
                        struct err_info *e) MUST_CHECK;
/* Ready to serve? `reason` names what is missing. */
bool engine_ready(struct engine *x, const char **reason);

/* ---- collections ---- */
struct collection_info {
    struct str name;
    struct str settings; /* JSON object */
    struct str model;    /* name */
    struct str model_digest;
    unsigned dims;
    uint32_t embedding_version; /* the active one */
    uint64_t documents, passages, pending;
    uint64_t bytes; /* of the documents as they are stored, their payloads: what a quota counts */
    int64_t created_us, updated_us;
    uint64_t revision;
    struct { /* of the active version's vectors, as it is in memory */
        uint64_t passages, linked, tail, unrefined, bytes;
        double recall, recall_target; /* as measured on live searches; 1 until they were */
        uint64_t recall_samples;
        unsigned width, width_filtered; /* of a walk for 10 */
    } index;
};
/* Which model, and how it is run. */
struct version_choice {
    struct str model;     /* a name in DATA/models; empty: the default one */
    struct str precision; /* "fp32", "bf16", "int8", "auto"; empty: auto, the fastest faithful one
                             of this CPU, resolved once */
    unsigned dimensions;  /* fewer than the model has (Matryoshka); 0: all */
};
/* `settings` (NULL: defaults):
 * {"passage_tokens":n,"overlap_tokens":n,"extra_fields":"attributes|error",
 * "mapping":{"text":"body",..}}; unknown keys are ERR_INVALID with their pointer. `choice` (NULL:
 * the default model): ERR_NOT_FOUND, ERR_INVALID /model, /precision, /dimensions. */
enum err engine_collection_create(struct engine *x, struct str name, const json_t *settings,
                                  const struct version_choice *choice, struct arena *a,
                                  struct collection_info *out, struct err_info *e) MUST_CHECK;
enum err engine_collection_update(struct engine *x, struct str name, const json_t *settings,
                                  struct arena *a, struct collection_info *out,
                                  struct err_info *e) MUST_CHECK;
enum err engine_collection_get(struct engine *x, struct str name, struct arena *a,
                               struct collection_info *out, struct err_info *e) MUST_CHECK;
enum err engine_collection_list(struct engine *x, struct str after, size_t limit, struct arena *a,
                                struct collection_info **out, size_t *count,
                                struct err_info *e) MUST_CHECK;
/* ERR_CONFLICT names the aliases that stand for it. */
enum err engine_collection_delete(struct engine *x, struct str name, struct err_info *e) MUST_CHECK;

/* ---- aliases: second names of collections ---- */
/* Calls of the engine take the names of collections alone: who lets users name an alias resolves it
 * first, and judges rights on what it stands for. */
#define ALIASES_SET_MAX 100 /* in one call */
struct alias_in {
    struct str name;
    struct str collection; /* empty: the alias goes */
};
struct alias_out {
    struct str name, collection;
    int64_t created_us, updated_us;
    uint64_t revision;     /* the change number of its last act */
    bool created, deleted; /* by engine_aliases_set */
};
/* What each stands for, in place of it; what is no alias stays. All as of one moment: no change of
 * several is seen in part. Under a microsecond. */
void engine_aliases_resolve(struct engine *x, struct arena *a, struct str *names, size_t count);
/* ERR_NOT_FOUND. */
enum err engine_alias_get(struct engine *x, struct str name, struct arena *a, struct alias_out *out,
                          struct err_info *e) MUST_CHECK;
/* By name, after `after`. */
enum err engine_alias_list(struct engine *x, struct str after, size_t limit, struct arena *a,
                           struct alias_out **out, size_t *count, struct err_info *e) MUST_CHECK;
/* All or none, in one step for everybody; in effect when it returns. out[i] belongs to in[i].
 * e->field: "/<i>/name" or "/<i>/collection". ERR_NOT_FOUND: the collection, or an alias that is to
 * go; ERR_CONFLICT: a collection has that name, or the collection has as many as it may. */
enum err engine_aliases_set(struct engine *x, const struct alias_in *in, size_t count,
                            struct arena *a, struct alias_out *out, struct err_info *e) MUST_CHECK;

/* ---- documents ---- */
struct document_out {
    struct str id;
    struct str
        payload; /* JSON object: title, text, url, lang, tags, attributes; only what is there */
    uint64_t revision;
    int64_t created_us, updated_us, expires_us;
    bool pending;
    uint32_t number;
    struct str duplicate_of; /* the id of an older document that it is a near-copy of; or empty */
    struct str predicted;    /* JSON object: labels that it does not have, by the active
                                classifiers; empty: none */
    const float *vector;     /* exported: the one that its sender brought; NULL: none */
    unsigned vector_dims;
    struct str id_name; /* exported: what the collection calls it; empty: "id" */
    unsigned hidden;    /* bits of enum document_part: not asked for */
};
enum document_part {
    PART_CREATED = 1,
    PART_UPDATED = 2,
    PART_REVISION = 8,
    PART_PENDING = 16,
    PART_DUPLICATE_OF = 32,
    PART_PREDICTED = 64,
};
struct put_options {
    struct str within;
    bool atomic;          /* all or nothing */
    bool async;           /* stored pending, words at once, vectors by the background */
    uint64_t if_revision; /* one document only: 0 any, UINT64_MAX must not exist */
    bool if_revision_set;
    enum lane lane;
    int64_t deadline_ns;
};
struct put_result {
    struct str id;
    const char *status; /* "created", "updated", "unchanged", "failed" */
    uint64_t revision;
    bool pending;        /* stored and found by its words; its vectors come later */
    const char *warning; /* of feedback: about its recommendation_id; NULL: none */
    enum err err;
    struct err_info info;
};
/* documents: array of objects. A document is judged alone: its failure is in its result. The return
 * value is for what concerns all (unknown collection, full disk, atomic failure). Acknowledged =
 * durable, embedded, searchable; `pending` if async, or while a remote model is away: searchable by
 * words. */
enum err engine_put(struct engine *x, struct str collection, const json_t *const *documents,
                    size_t count, const struct put_options *o, struct arena *a,
                    struct put_result *results, struct str *position,
                    struct err_info *e) MUST_CHECK;
/* RFC 7396 merge of one document; recomputed if its revision moves meanwhile. */
enum err engine_patch(struct engine *x, struct str collection, struct str id, const json_t *patch,
                      const struct put_options *o, struct arena *a, struct put_result *result,
                      struct str *position, struct err_info *e) MUST_CHECK;
enum err engine_delete(struct engine *x, struct str collection, const struct str *ids, size_t count,
                       const struct put_options *o, struct arena *a,
                       struct put_result *results /* "deleted", "not_found" */,
                       struct str *position, struct err_info *e) MUST_CHECK;
/* Deletes what matches a filter (not empty), DELETE_MATCHING_MAX at most; what is changed meanwhile
 * stays. */
#define DELETE_MATCHING_MAX 10000
struct deleted {
    size_t deleted, remaining; /* remaining: matched, and stays for another call */
};
enum err engine_delete_matching(struct engine *x, struct str collection, struct str filter,
                                const struct put_options *o, struct arena *a, struct deleted *out,
                                struct str *position, struct err_info *e) MUST_CHECK;
enum err engine_get(struct engine *x, struct str collection, struct str within, struct str id,
                    struct arena *a, struct document_out *out, struct err_info *e) MUST_CHECK;
/* What of each document comes back beside its id: "title", "attributes.year", "revision"; not
 * `given`: everything. */
struct field_choice {
    bool given;
    const struct str *names;
    size_t count;
};
/* The documents of these ids in their order, an id as often as it is asked for; where there is
 * none, `number` is 0. ERR_TOO_LARGE with /ids/N: up to that one they take more than bytes_max. */
enum err engine_get_many(struct engine *x, struct str collection, struct str within,
                         const struct str *ids, size_t count, const struct field_choice *fields,
                         size_t bytes_max, struct arena *a, struct document_out *out,
                         struct err_info *e) MUST_CHECK;
/* All documents by id, behind `after`, a few at a time. What stood at `position` (in the arena)
 * comes exactly once, unless it was changed meanwhile: then it comes as it was before, or after, or
 * not at all, and the changes behind the position tell. A few hundred bytes a document that matches
 * are held at most, no lock and no snapshot of the store. Without `fields` a document comes as
 * engine_put takes it for a collection of these settings, with its own vector if it brought one. */
struct export_request {
    struct str within, filter, after;
    struct field_choice fields;
};
struct export;
enum err engine_export_open(struct engine *x, struct str collection, const struct export_request *r,
                            struct arena *a, struct str *position, struct export **out,
                            struct err_info *e) MUST_CHECK;
/* *count 0: that were all. In the export's own memory until the next call. ERR_GONE: the collection
 * was deleted meanwhile. */
enum err engine_export_next(struct export *x, const struct document_out **out, size_t *count,
                            struct err_info *e) MUST_CHECK;
void engine_export_close(struct export *x); /* NULL is allowed */
/* By id after `after`, `filter` may be empty. */
enum err engine_list(struct engine *x, struct str collection, struct str within, struct str filter,
                     struct str after, size_t offset, size_t limit, struct arena *a,
                     struct document_out **out, size_t *count, bool *more,
                     struct err_info *e) MUST_CHECK;
/* How many there are. */
enum err engine_count(struct engine *x, struct str collection, struct str within, size_t *out,
                      struct err_info *e) MUST_CHECK;

/* ---- bulk: any number of documents in constant memory, order kept ---- */
struct ingest_source {
    /* The next document as one JSON text into `line` (cleared). 0; ERR_NOT_FOUND at the end;
     * ERR_TOO_LARGE: this one line was over the bound (reported as failed, the stream goes on);
     * others end the import. One caller at a time. */
    enum err (*next)(void *ctx, struct strbuf *line, struct err_info *e);
    void *ctx;
};
struct ingest_sink {
    /* One result, in input order. `line`: from 1. Non-zero ends the import. One caller at a time.
     */
    enum err (*result)(void *ctx, uint64_t line, const struct put_result *r);
    void *ctx;
};
struct ingest_progress {
    uint64_t read, done, failed, bytes;
    double documents_per_s;
};
enum err engine_ingest(struct engine *x, struct str collection, const struct ingest_source *source,
                       const struct ingest_sink *sink, const struct put_options *o,
                       struct ingest_progress *progress /* updated; may be NULL */,
                       struct str *position, struct arena *a, struct err_info *e) MUST_CHECK;
#define INGEST_LINE_MAX (10u << 20)

/* ---- find ---- */
struct facet_request {
    struct str field;
    size_t limit;                     /* of values, 1 ... 1000; 0: 50 */
    const struct facet_range *ranges; /* instead of values (index/filter.h) */
    size_t range_count;               /* at most 100 */
    bool stats;
};
/* What `similar` goes by: the texts, who reads both documents, or both together; of its own accord
 * by both where there are readers to go by. */
enum similar_by { SIMILAR_BY_WHAT_IS_THERE, SIMILAR_BY_TEXT, SIMILAR_BY_READERS, SIMILAR_BY_BOTH };
struct find_request {
    struct str within;
    enum search_mode mode;
    struct str
        q; /* index/words.h has its syntax; search: empty or "*": all that the filter passes */
    bool match_all;            /* every word must be there; else any */
    bool prefix;               /* the last word may go on */
    bool typos;                /* words that no document has may be misspelt */
    struct str filter;         /* text; empty: none */
    size_t limit;              /* 0 ... 1000 */
    size_t offset;             /* offset + limit <= 2000 */
    double min_score;          /* of linear fusion alone */
    enum search_fusion fusion; /* hybrid */
    bool weighted;             /* hybrid: by these instead of .6 and .4 */
    double words_weight, vectors_weight;
    const struct search_boost *boosts; /* origin NaN: now */
    size_t boost_count;
    const struct facet_request *facets; /* at most 16, each field once */
    size_t facet_count;
    bool explain;
    struct str user;    /* empty: nobody; else what is like this reader's profile ranks higher */
    double user_weight; /* of that boost */
    /* All that match (by score: the 100,000 best), in an order of its own; ties as they came. */
    const struct order_key *sort; /* at most ORDER_KEYS_MAX */
    size_t sort_count;
    /* At most so many hits of each value of a field, in groups by their best; limit and offset
     * count groups. A document without a value is a group alone. */
    struct str group_by; /* empty: no groups */
    size_t group_limit;  /* 1 ... 100; limit * group_limit <= 1000 */
    struct str after;    /* `next` of the answer before: behind its last document */
    /* similar: one of these */
    const struct str *ids;
    size_t id_count;
    bool id_alone; /* it was given as "id", not as "ids" */
    struct str text;
    const float *vector;
    size_t vector_dims;
    enum similar_by by; /* READERS: the examples are documents, and a recommender serves */
    const struct str *exclude;
    size_t exclude_count;
    double diversity;
    bool hide_copies; /* those with duplicate_of */
    bool exact;       /* among vectors: all are compared */
    /* What of each document comes back beside its id: "title", "attributes.year", "revision".
     * Unknown ones are passed over: documents differ. */
    bool fields_given; /* else all */
    const struct str *fields;
    size_t field_count;
    size_t snippet_chars; /* code points of a piece where the query's words stand; 0: none */
    int64_t deadline_ns;
};
/* A piece of a document's text, or its title. */
struct find_piece {
    struct str text;               /* empty: there is none */
    size_t start, end;             /* bytes in the document's text */
    struct text_range *highlights; /* within the piece */
    size_t highlight_count;
};
#define FIND_USER_FIELD "_user" /* the field of the profile's boost */
struct find_hit {
    double distance_m; /* from the point that is sorted or filtered by first; NaN: none */
    double score, semantic, lexical;         /* NaN: not part */
    double readers;                          /* similar by readers: their part; else NaN */
    double cosine, bm25, bound, mean_cosine; /* explain */
    double relevance;                        /* the score before boosts */
    const struct search_boost *boosts;       /* of each: what it gives, and from what */
    const double *boost_of, *boost_values;
    size_t boost_count;
    struct find_piece passage, title;
    struct find_piece snippet; /* out of the passage */
    struct document_out document;
};
struct find_facet {
    struct str field;
    struct {
        struct str value;
        size_t count;
    } * values; /* value as JSON */
    size_t count;
    const struct facet_range *ranges; /* as asked for */
    size_t *range_counts;
    size_t range_count;
    bool stated; /* stats were asked for */
    struct facet_stats stats;
};
/* How the hits were found: each list so deep, so many documents scored; complete: no other can be
 * better than the last hit (but for what a walk of the graph misses). */
struct find_lists {
    struct search_depth depth;
    size_t scored;
    bool complete;
};
struct find_group {
    struct str value; /* as JSON; null */
    size_t first, count;
};
struct find_answer {
    struct find_lists lists;
    struct find_hit *hits;
    size_t count;
    struct find_group *groups; /* of hits, in order; if asked for */
    size_t group_count;
    size_t total;
    bool total_exact, more;
    struct str next; /* there are more: what `after` of the next page is; empty: none is given */
    struct find_facet *facets;
    size_t facet_count;
    struct search_stages stages;
    int64_t load_ns;
    uint32_t embedding_version; /* whose vectors and passages these are */
    struct str degraded;        /* not empty: why hybrid search had only words to go by */
    bool personalised;          /* there is a profile of the user */
    const char *by;             /* similar: "text", "readers", "both"; else NULL */
};
enum err engine_search(struct engine *x, struct str collection, const struct find_request *r,
                       struct arena *a, struct find_answer *out, struct err_info *e) MUST_CHECK;
/* Before several searches of one collection: embeds their queries together. */
void engine_searches_embed(struct engine *x, struct str collection,
                           struct find_request *const *requests, size_t count, struct arena *a);
enum err engine_similar(struct engine *x, struct str collection, const struct find_request *r,
                        struct arena *a, struct find_answer *out, struct err_info *e) MUST_CHECK;

/* ---- embedding versions: a model's vectors of a collection, one of them active ---- */
struct version_info {
    uint32_t id;
    const char *state; /* "building", "ready", "active", "retired" */
    struct str model, model_digest;
    struct str precision;
    unsigned dims;
    uint64_t documents;       /* of the collection */
    uint64_t missing;         /* not embedded for this version yet, or with an older text */
    uint64_t passages, bytes; /* of its vectors in memory */
    uint64_t failed;          /* documents that its model cannot read, passed over */
    double rate;              /* documents a second, while it is built */
    int64_t eta_s;            /* -1: not known */
    struct str error;         /* why it pauses, or why its model cannot be opened; empty: nothing */
    struct str report;        /* JSON: how it compares with the active one; empty: not yet */
    int64_t created_us, updated_us;
    uint64_t revision;
};
enum err engine_version_list(struct engine *x, struct str collection, struct arena *a,
                             struct version_info **out, size_t *count,
                             struct err_info *e) MUST_CHECK;
enum err engine_version_get(struct engine *x, struct str collection, uint32_t id, struct arena *a,
                            struct version_info *out, struct err_info *e) MUST_CHECK;
/* Built in the background, from the texts that are there. ERR_CONFLICT: there is one of this model,
 * precision and dimensions already, or there are too many. */
enum err engine_version_create(struct engine *x, struct str collection,
                               const struct version_choice *choice, struct arena *a,
                               struct version_info *out, struct err_info *e) MUST_CHECK;
/* Ends its building too. ERR_CONFLICT: the active one. */
enum err engine_version_delete(struct engine *x, struct str collection, uint32_t id,
                               struct err_info *e) MUST_CHECK;
/* It becomes the active one for every request that begins after the return. ERR_CONFLICT: it is
 * being built; ERR_UNAVAILABLE: its model cannot be opened. The one that is retired is kept, and
 * kept up to date, for engine_version_rollback; of retired ones as many as the collection's setting
 * versions_kept says. */
enum err engine_version_promote(struct engine *x, struct str collection, uint32_t id,
                                struct arena *a, struct version_info *out,
                                struct err_info *e) MUST_CHECK;
/* Back to the one that was retired last. ERR_CONFLICT: there is none. */
enum err engine_version_rollback(struct engine *x, struct str collection, struct arena *a,
                                 struct version_info *out, struct err_info *e) MUST_CHECK;
/* Held against the active one on the given queries, or on some sampled from the documents. */
struct compare_judgment {
    struct str query, document;
    double grade; /* 0: not relevant */
};
struct compare_request {
    const struct str *queries; /* none, and no judgments: titles or first sentences of documents */
    size_t query_count;
    const struct compare_judgment *judgments;
    size_t judgment_count;
};
#define COMPARE_QUERIES_MAX 1000
/* The report is also kept in the version if it is ready. ERR_CONFLICT: it is active or being
 * built. */
enum err engine_version_compare(struct engine *x, struct str collection, uint32_t id,
                                const struct compare_request *r, int64_t deadline_ns,
                                struct arena *a, struct version_info *out,
                                struct err_info *e) MUST_CHECK;

/* ---- recommenders: what was trained from a collection's readers; at most one is active. Beside
 * them classifiers, trained from what documents are labelled with; at most one of a label ---- */
struct recommender_info {
    uint32_t id;
    const char *state; /* "candidate", "active", "retired" */
    struct str label;  /* empty: a recommender; else a classifier, of this label */
    struct str kind, digest;
    uint64_t bytes, memory_bytes; /* of its file; in memory, 0: not there */
    bool serving;                 /* the active one, or in place of one that cannot be read */
    uint32_t embedding_version;   /* whose vectors it learned from; 0: none */
    struct str position;          /* what the store held when its data were read */
    uint64_t acts;                /* of feedback that it learned from */
    struct str report;            /* JSON: parameters, data, metrics, why it was promoted or not */
    struct str error;             /* why its file cannot be used; empty: nothing is known */
    int64_t created_us, updated_us;
    uint64_t revision;
};
enum err engine_recommender_list(struct engine *x, struct str collection, struct arena *a,
                                 struct recommender_info **out, size_t *count,
                                 struct err_info *e) MUST_CHECK;
enum err engine_recommender_get(struct engine *x, struct str collection, uint32_t id,
                                struct arena *a, struct recommender_info *out,
                                struct err_info *e) MUST_CHECK;
/* It serves every request that begins after the return. ERR_CONFLICT: its file cannot be used; the
 * active one stays. */
enum err engine_recommender_promote(struct engine *x, struct str collection, uint32_t id,
                                    struct arena *a, struct recommender_info *out,
                                    struct err_info *e) MUST_CHECK;
/* Back to the one of that label (empty: the recommender) that was retired last. ERR_CONFLICT: there
 * is none. */
enum err engine_recommender_rollback(struct engine *x, struct str collection, struct str label,
                                     struct arena *a, struct recommender_info *out,
                                     struct err_info *e) MUST_CHECK;
/* No trained one serves then: profiles and popularity do. ERR_CONFLICT: it is not the active one.
 */
enum err engine_recommender_retire(struct engine *x, struct str collection, uint32_t id,
                                   struct arena *a, struct recommender_info *out,
                                   struct err_info *e) MUST_CHECK;
/* Queues a training, in a process of its own; what it makes is promoted if its gate says so.
 * ERR_CONFLICT: too few readers; one of this collection is queued or runs. */
struct train_request {
    struct str kind;  /* "ease", "neighbours", "walks", "ials"; empty: those that suit the size;
                         "adapter", "classifier" */
    struct str label; /* of a classifier: "tags", "attributes.topic" */
    double min_probability; /* of a classifier: from which it tells a label */
    uint64_t seed;
    double held_out; /* share of readers to judge by; 0: .2 */
    bool promote;    /* false: it stays a candidate whatever the gate says */
};
#define TRAIN_SEED 42
struct task_info;
enum err engine_train(struct engine *x, struct str collection, const struct train_request *r,
                      struct arena *a, struct task_info *out, struct err_info *e) MUST_CHECK;
/* ERR_CONFLICT: the active one. */
enum err engine_recommender_delete(struct engine *x, struct str collection, uint32_t id,
                                   struct err_info *e) MUST_CHECK;

/* ---- classification: labels for what has none, by the active classifiers ---- */
#define CLASSIFY_LABELS_MAX 100 /* of a classifier in one answer */
struct classify_request {       /* one of id, text, vector */
    struct str id;
    struct str text;
    const float *vector;
    size_t vector_dims;
    struct str label; /* of one classifier; empty: of all */
    size_t limit;     /* 1 ... CLASSIFY_LABELS_MAX labels of each */
    int64_t deadline_ns;
};
struct classified_label {
    struct str label;
    double probability;
};
struct classified {
    struct str label; /* "attributes.topic" */
    uint32_t classifier;
    bool boolean, multiple;
    double min_probability;
    struct classified_label *labels; /* the most probable first */
    size_t count;
};
/* ERR_CONFLICT: no classifier is active, or its embedding version has gone. ERR_NOT_FOUND: there is
 * none of the label, no such document. A text is read as a document's would be. */
enum err engine_classify(struct engine *x, struct str collection, const struct classify_request *r,
                         struct arena *a, struct classified **out, size_t *count,
                         struct err_info *e) MUST_CHECK;

/* ---- tasks: what goes on by itself, or was asked for and takes a while ---- */
struct task_info {
    uint64_t id;
    struct str type;       /* "train", "embed" */
    const char *status;    /* "queued", "running", "done", "failed", "cancelled" */
    struct str collection; /* empty: it is of none */
    struct str step;       /* what it is at; empty: not running */
    double done;           /* of the step, 0 ... 1 */
    struct str details;    /* JSON object: what was asked for, what came of it */
    int64_t created_us, updated_us;
};
enum err engine_task_get(struct engine *x, uint64_t id, struct arena *a, struct task_info *out,
                         struct err_info *e) MUST_CHECK;
/* Newest first, before `before` (0: from the newest). */
enum err engine_task_list(struct engine *x, uint64_t before, size_t limit, struct arena *a,
                          struct task_info **out, size_t *count, struct err_info *e) MUST_CHECK;
/* ERR_CONFLICT: it has ended, or is of a type that is not cancelled. The answer tells how it stands
 * within some seconds. */
enum err engine_task_cancel(struct engine *x, uint64_t id, struct arena *a, struct task_info *out,
                            struct err_info *e) MUST_CHECK;
/* Until it has ended or the deadline has passed; at once if others wait already: a caller holds a
 * thread meanwhile. */
enum err engine_task_wait(struct engine *x, uint64_t id, int64_t deadline_ns, struct arena *a,
                          struct task_info *out, struct err_info *e) MUST_CHECK;

/* ---- readers ---- */
struct feedback_in {
    struct str event_id, user, document, type, session, recommendation_id;
    double value;
    bool value_set;
    int32_t position;
    struct str time; /* RFC 3339; empty: now */
};
struct feedback_out {
    struct str event_id, user, document, type, session, recommendation_id;
    double value;
    int32_t position;
    int64_t time_us;
    uint64_t change;
};
#define FEEDBACK_ROWS_MAX 1000
struct feedback_options {
    struct str within;
    bool atomic; /* all or nothing: the first row that is wrong is the error of all */
    bool create; /* unknown documents are made: with the id for a title, and the attribute
                    "akin_placeholder", which keeps them out of recommendations until somebody puts
                    the document. They stay if a row fails afterwards */
};
/* Unknown documents are refused row by row (ERR_NOT_FOUND, /i/document) unless `o` (NULL: none of
 * it) says otherwise. Results: "created", "unchanged", "failed"; a row that names a recommendation
 * which is not in the log, or had not this document or user, has a warning. ERR_TOO_LARGE: more
 * rows than FEEDBACK_ROWS_MAX. */
enum err engine_feedback_add(struct engine *x, struct str collection,
                             const struct feedback_in *rows, size_t count,
                             const struct feedback_options *o, struct arena *a,
                             struct put_result *results, struct str *position,
                             struct err_info *e) MUST_CHECK;
/* Newest first, before the change `before` (0: from the newest). `*next`: `before` of the next
 * page, 0: there is none. A page may be short, or empty, where little of much is within. */
enum err engine_feedback_list(struct engine *x, struct str collection, struct str within,
                              struct str user, struct str document, uint64_t before, size_t limit,
                              struct arena *a, struct feedback_out **out, size_t *count,
                              uint64_t *next, struct err_info *e) MUST_CHECK;
struct user_out {
    struct str id, payload;
    int64_t created_us, updated_us;
    uint64_t revision;
};
enum err engine_user_put(struct engine *x, struct str collection, struct str id, const json_t *body,
                         struct arena *a, struct user_out *out, bool *created,
                         struct err_info *e) MUST_CHECK;
enum err engine_user_get(struct engine *x, struct str collection, struct str id, struct arena *a,
                         struct user_out *out, struct err_info *e) MUST_CHECK;
/* Erases the user and all that is known of them: feedback, answers in the log, brought scores,
 * their part of what is popular; their name in the log of changes, and the bytes in the files.
 * Models that know them are due to be trained anew. In bounded steps; ERR_NOT_FOUND: there is
 * nothing. */
enum err engine_user_delete(struct engine *x, struct str collection, struct str id,
                            struct err_info *e) MUST_CHECK;

/* Rules. What comes first wins: exclude > filter > pin > caps > boost > diversity
 * (recommend/slots.h). */
struct recommend_pin {
    struct str document;
    size_t position; /* from 0, in the whole list */
};
struct recommend_cap {
    struct str field;
    size_t limit; /* documents of each of its values, in the whole list; > 0 */
};
struct recommend_boost {
    struct str filter; /* of the documents that it holds for */
    double factor;     /* of their score; below 1 buries */
};
#define RECOMMEND_LIMIT_MAX 200
#define RECOMMEND_REACH_MAX 1000 /* documents of all pages together */
#define RECOMMEND_PINS_MAX 100
#define RECOMMEND_CAPS_MAX 8
#define RECOMMEND_BOOSTS_MAX 16
#define RECOMMEND_FACTOR_MIN .001
#define RECOMMEND_FACTOR_MAX 1000
struct recommend_request {
    struct str within;
    /* What it goes by, at least one of these. */
    struct str user;
    const struct str *positive, *negative;
    const struct str *session; /* documents in order, newest last */
    struct str text;           /* what is wanted, in words */
    size_t positive_count, negative_count, session_count;
    struct str blend; /* recommend/expression.h; empty: the collection's, or the default */

    size_t limit, offset; /* limit: 1 ... RECOMMEND_LIMIT_MAX */
    struct str after;     /* `next` of the answer before: what pages showed is not shown again */
    const struct str *exclude;
    size_t exclude_count;
    bool exclude_seen;
    const struct str *seen_types; /* types of feedback that make it seen; none: any */
    size_t seen_type_count;
    struct str filter;
    bool relevance_bounded;
    double min_relevance; /* of what is not pinned, before boosts; if bounded */
    const struct recommend_pin *pins;
    const struct recommend_cap *caps;
    const struct recommend_boost *boosts;
    size_t pin_count, cap_count, boost_count;
    double half_life_days;              /* 0: age does not matter */
    double fatigue, diversity, explore; /* 0 ... 1 */
    struct str scenario;                /* where it is shown: for the log and its numbers */
    bool ranker_off;                    /* the order is the relevance's, ranker or not */
    uint32_t recommender;               /* experiments: not the active one but this; 0: that */
    bool fields_given;                  /* as of find_request */
    const struct str *fields;
    size_t field_count;
    bool explain;
    int64_t deadline_ns;
};
struct recommend_part {
    struct str document; /* that the reader read */
    double part;         /* what the relevance loses without it */
    double share;        /* part / relevance; 0 if that is not above 0 */
};
struct recommend_row {
    struct document_out document;
    size_t position;                  /* in the whole list, from 0 */
    double relevance;                 /* what explanations add up to: before rules */
    double ranked;                    /* what the ranker adds to it, for its order */
    double boost, freshness, fatigue; /* factors */
    double alike;                     /* the mean cosine with what stands before it */
    double score;                     /* after the factors */
    double propensity;                /* that it stands there, given what stands before it */
    const char *source;
    struct recommend_part *explanation; /* explain: largest first */
    size_t explanation_count;
    double others; /* relevance less the parts */
};
struct recommend_answer {
    struct recommend_row *rows;
    size_t count;
    struct str next;        /* what `after` of the next page is; empty: there is none */
    const char *emptied_by; /* the rule that left nothing; NULL: there are rows */
    char recommendation_id[33];
    const char *model;              /* "profile", "popular" */
    struct str experiment, variant; /* empty: the reader is in none */
    uint32_t embedding_version;
    uint32_t recommender; /* trained; 0: none */
};
enum err engine_recommend(struct engine *x, struct str collection,
                          const struct recommend_request *r, struct arena *a,
                          struct recommend_answer *out, struct err_info *e) MUST_CHECK;

/* Who would like a document: of the readers who did something since `active_days`, the
 * DOCUMENT_READERS_MAX latest, by what their newest feedback says of it. */
#define DOCUMENT_READERS_MAX 1000
struct document_readers_request {
    struct str within;
    struct str document;
    size_t limit; /* 1 ... RECOMMEND_LIMIT_MAX */
    bool include_seen;
    double active_days;
};
struct document_reader {
    struct str user;
    double score;
    const char *source; /* "model"; "text": the model of a new document; "profile" */
};
enum err engine_document_readers(struct engine *x, struct str collection,
                                 const struct document_readers_request *r, struct arena *a,
                                 struct document_reader **out, size_t *count, size_t *considered,
                                 struct err_info *e) MUST_CHECK;

/* ---- scores that the team's own algorithm made ---- */
/* By source and reader; the reader empty: for all readers, where a reader's own do not say more. */
#define SCORES_READERS_MAX 1000  /* of one request */
#define SCORES_UPLOAD_MAX 100000 /* of one request; of one reader and source: 10,000 */
#define SCORE_MAX 1e15
struct score_of {
    struct str document;
    double score;
};
struct scores_in {
    struct str user; /* empty: all readers */
    const struct score_of *scores;
    size_t count;
};
struct scores_result {
    const char *status;  /* "created", "updated", "failed" */
    size_t count;        /* scores that are kept */
    struct str *unknown; /* documents that the collection does not have: passed over */
    size_t unknown_count;
    enum err err;
    struct err_info info;
};
/* In place of what was there, each row alone. In effect when it returns. Source: 1 to 64 of a-z,
 * 0-9 and _; at most 32 of a collection. */
enum err engine_scores_put(struct engine *x, struct str collection, struct str source,
                           const struct scores_in *in, size_t count, struct arena *a,
                           struct scores_result *results, struct err_info *e) MUST_CHECK;
struct scores_out {
    struct score_of *scores; /* in the order in which the documents came */
    size_t count;
    int64_t updated_us;
};
enum err engine_scores_get(struct engine *x, struct str collection, struct str source,
                           struct str user, struct arena *a, struct scores_out *out,
                           struct err_info *e) MUST_CHECK;
enum err engine_scores_sources(struct engine *x, struct str collection, struct arena *a,
                               struct str **out, size_t *count, struct err_info *e) MUST_CHECK;
enum err engine_scores_delete(struct engine *x, struct str collection, struct str source,
                              struct str user, struct err_info *e) MUST_CHECK;
/* Of all readers. In bounded steps. */
enum err engine_scores_clear(struct engine *x, struct str collection, struct str source,
                             struct err_info *e) MUST_CHECK;

/* ---- all that is held of a reader ---- */
struct export_slot {
    struct str document; /* empty: deleted since */
    size_t position;
    double score, propensity;
};
struct export_answer {
    struct str recommendation_id, scenario, experiment, variant;
    uint32_t recommender;
    int64_t at_us;
    struct export_slot *slots;
    size_t count;
};
struct export_scores {
    struct str source;
    struct scores_out scores;
};
struct export_at { /* where the next page begins */
    uint64_t feedback, answer;
    int64_t at_us;
};
struct user_export {
    bool known; /* the first page only, as the scores: there is a user of the id */
    struct user_out user;
    struct export_scores *scores;
    size_t score_count;
    struct feedback_out *feedback; /* newest first, as the answers, which come behind all of it */
    size_t feedback_count;
    struct export_answer *answers;
    size_t answer_count;
    bool more;
    struct export_at next;
};
/* At most `limit` acts and `limit` answers a page. `at` NULL: the first. ERR_NOT_FOUND: nothing is
 * known of such a user. ERR_GONE: erased since the page before. */
enum err engine_user_export(struct engine *x, struct str collection, struct str within,
                            struct str id, const struct export_at *at, size_t limit,
                            struct arena *a, struct user_export *out,
                            struct err_info *e) MUST_CHECK;

/* ---- experiments: requests of a scenario in variants, and which is better ---- */
struct experiment_out {
    struct str name, scenario;
    const char *state;  /* "draft", "running", "stopped" */
    const char *metric; /* "click_through", "conversion" */
    struct str
        variants;       /* JSON array: name, weight, what they override; the first is the control */
    struct str results; /* JSON object; empty: not started, or not asked for */
    int64_t created_us, updated_us, started_us, stopped_us; /* 0: not yet */
    uint64_t revision;
};
/* `body`: {"scenario","metric","variants":[{"name","weight","recommender","blend","diversity",
 * "explore","fatigue","half_life_days"}]}. One that is a draft is replaced; of one that runs only
 * the weights may change (ERR_CONFLICT), which moves readers. ERR_INVALID with a pointer: names
 * twice, fewer than two weights above 0, unknown recommenders, expressions. `only_new`:
 * ERR_CONFLICT if there is one of that name. */
enum err engine_experiment_put(struct engine *x, struct str collection, struct str name,
                               const json_t *body, bool only_new, struct arena *a,
                               struct experiment_out *out, bool *created,
                               struct err_info *e) MUST_CHECK;
/* Starts a draft, or stops one that runs: then its numbers are final. ERR_CONFLICT: it is not
 * that, or another one of its scenario runs. */
enum err engine_experiment_set(struct engine *x, struct str collection, struct str name,
                               bool running, struct arena *a, struct experiment_out *out,
                               struct err_info *e) MUST_CHECK;
/* With its results, as of about a second ago. */
enum err engine_experiment_get(struct engine *x, struct str collection, struct str name,
                               struct arena *a, struct experiment_out *out,
                               struct err_info *e) MUST_CHECK;
/* All, by name, without results. */
enum err engine_experiment_list(struct engine *x, struct str collection, struct arena *a,
                                struct experiment_out **out, size_t *count,
                                struct err_info *e) MUST_CHECK;
enum err engine_experiment_delete(struct engine *x, struct str collection, struct str name,
                                  struct err_info *e) MUST_CHECK;

/* What became of recommendations. */
enum stats_by { STATS_DAY = 1, STATS_SCENARIO = 2, STATS_MODEL = 4, STATS_VARIANT = 8 };
struct stats_row {
    int64_t day_us;                           /* its beginning, UTC */
    struct str scenario, experiment, variant; /* of what is not grouped by: empty, 0 */
    uint32_t recommender;                     /* 0: none was trained */
    uint64_t answers, shown;                  /* answers that were not empty, documents in them */
    uint64_t clicked, converted;              /* answers */
    double documents, readers; /* different ones: exact up to 128, then within some 3 % */
};
struct stats_answer {
    struct stats_row *rows; /* by day, scenario, recommender, experiment, variant */
    size_t count;
    uint64_t documents; /* of the collection: what coverage is of */
    int64_t through_us; /* answers up to that time are counted */
    bool complete;      /* false: older ones are still being counted, as after a start */
};
/* Of whole days (UTC) from the one of from_us to that of to_us (0: no end). Only feedback that
 * names a recommendation counts (engine/tally.h). */
/* What another way to recommend would have earned, from answers that were explored (a request's
 * `explore`) and the feedback that names them: in each slot, given what stood before it, the other
 * way would have put one document; where chance put that one there, the slot counts by 1 / its
 * propensity (math/offpolicy.h). The reader's acts are those of before the answer; what is popular
 * is of now. Only answers since the recommender was made, so that it has not learned from what
 * judges it; of readers who are named; first pages alone. */
#define ESTIMATE_ANSWERS_MAX 2000
#define ESTIMATE_EFFECTIVE_MIN 30
struct estimate_request {
    uint32_t recommender;   /* 0: the active one */
    struct str blend;       /* empty: the collection's */
    struct str scenario;    /* empty: any */
    struct str filter;      /* what those requests had, if they had one; empty: none */
    bool conversion;        /* else click-through */
    int64_t from_us, to_us; /* 0: no bound */
};
struct estimate_answer {
    uint32_t recommender;
    double rate, low, high; /* of a slot; NaN, 0 and 1: nothing is known */
    double observed;        /* of the slots as they were */
    double effective;       /* so many slots carry the estimate */
    uint64_t answers, slots, matched;
    bool complete; /* all answers of that time were looked at */
    int64_t from_us, through_us;
};
/* Up to 4 seconds. ERR_NOT_FOUND: recommender; ERR_INVALID: blend, filter, to. */
enum err engine_recommend_estimate(struct engine *x, struct str collection,
                                   const struct estimate_request *r, struct arena *a,
                                   struct estimate_answer *out, struct err_info *e) MUST_CHECK;
enum err engine_recommend_stats(struct engine *x, struct str collection, unsigned by,
                                int64_t from_us, int64_t to_us, struct arena *a,
                                struct stats_answer *out, struct err_info *e) MUST_CHECK;

/* ---- inference: the models as such, texts that are not stored ---- */
struct model_out {
    struct str name, digest, precision, pooling;
    unsigned dims, tokens_max, vocabulary; /* vocabulary 0: not known */
};
/* Those that are served, the default first. */
void engine_models(struct engine *x, struct arena *a, struct model_out **out, size_t *count);

/* A text, or ids of the model's own vocabulary without special tokens. */
struct embed_input {
    struct str text;
    const uint32_t *ids; /* NULL: the text counts */
    size_t id_count;
};
enum embed_as {
    EMBED_AS_IS,
    EMBED_AS_QUERY,
    EMBED_AS_PASSAGE
}; /* which prefix, if the model has */
/* What becomes of a text that is longer than the model reads. */
enum embed_overflow {
    OVERFLOW_ERROR,    /* ERR_TOO_LARGE */
    OVERFLOW_SPLIT,    /* the mean of its passages' vectors, weighted by their tokens */
    OVERFLOW_TRUNCATE, /* the tokens that fit; the answer says so */
};
struct embed_request {
    struct str model; /* a served model's name; empty: the default */
    const struct embed_input *inputs;
    size_t count;
    enum embed_as as;
    enum embed_overflow overflow;
    unsigned dimensions; /* 0: all; fewer: cut and normalised again */
    bool raw;            /* as the pooling left them, not of length 1 */
    enum lane lane;
    int64_t deadline_ns;
};
struct embedded_input {
    unsigned tokens;   /* that were embedded, with prefix and special tokens */
    unsigned passages; /* more than 1: it was split */
    bool truncated;
};
struct embed_answer {
    float *vectors; /* count x dims */
    unsigned dims;
    struct embedded_input *inputs;
    uint64_t tokens; /* of all */
    size_t truncated;
};
/* Errors name the input at fault as "/i". */
enum err engine_embed(struct engine *x, const struct embed_request *r, struct arena *a,
                      struct embed_answer *out, struct err_info *e) MUST_CHECK;

/* The vector of each token, special ones included, of the first input: tokens x dims floats before
 * pooling, not of length 1. `dimensions` is not heeded, OVERFLOW_SPLIT is an error as ERROR is. */
struct embedded_tokens {
    float *rows;
    unsigned tokens, dims;
    bool truncated;
};
enum err engine_embed_tokens(struct engine *x, const struct embed_request *r, struct arena *a,
                             struct embedded_tokens *out, struct err_info *e) MUST_CHECK;

struct token_out {
    uint32_t id;
    struct str text;
    bool special;
    size_t start, end; /* bytes of the text; not of special tokens */
};
enum err engine_tokenize(struct engine *x, struct str model, enum embed_as as, struct str text,
                         bool specials, struct arena *a, struct token_out **out, size_t *count,
                         struct err_info *e) MUST_CHECK;
/* ERR_INVALID with "/i": an id outside the vocabulary. */
enum err engine_decode(struct engine *x, struct str model, const uint32_t *ids, size_t count,
                       bool skip_specials, struct arena *a, struct str *out,
                       struct err_info *e) MUST_CHECK;
unsigned engine_retry_after_s(struct engine *x);

/* ---- the change feed ---- */
struct change_out {
    struct str position; /* "<lineage>-<n>" */
    const char *type;
    int64_t at_us;
    struct str data; /* JSON object */
};
/* Changes of some collections, and with `within` those about documents that are there and pass. */
struct change_sight {
    struct str within;
    const struct str *collections;
    size_t collection_count; /* 0: all */
};
/* `after`: a position, empty: the oldest kept. `s` NULL: all. ERR_GONE: pruned, or of another
 * lineage. */
enum err engine_changes(struct engine *x, const struct change_sight *s, struct str after,
                        size_t limit, struct arena *a, struct change_out **out, size_t *count,
                        struct str *next, struct err_info *e) MUST_CHECK;
void engine_position(struct engine *x, struct arena *a, struct str *out);
/* Waits until the applier has passed `position` (Akin-Min-Position); ERR_TIMEOUT, ERR_INVALID. */
enum err engine_wait(struct engine *x, struct str position, int64_t deadline_ns,
                     struct err_info *e) MUST_CHECK;

/* Random bytes of this data directory, the same after each start: for what clients bring back. */
#define ENGINE_SECRET 32
const uint8_t *engine_secret(const struct engine *x);

/* ---- care ---- */
/* A checked copy in DATA/backups/ while reads and writes go on; the file's absolute path, its size,
 * and the position that it holds at least. */
enum err engine_backup_create(struct engine *x, struct arena *a, struct str *path, uint64_t *bytes,
                              struct str *position, struct err_info *e) MUST_CHECK;
enum err engine_restore(const char *data_dir, const char *backup,
                        struct err_info *e) MUST_CHECK; /* directory not in use */
/* One thing that was checked. Strings are the callee's only during the call. */
enum check_state { CHECK_OK, CHECK_WRONG, CHECK_LEFT_OUT };
struct check_line {
    const char *what;       /* "store", "documents", "graph", "words", "near-duplicates", "model" */
    const char *collection; /* "": it belongs to none */
    uint32_t version;       /* embedding version; 0: it belongs to none */
    uint64_t count;         /* how many `unit` there are */
    const char *unit;
    enum check_state state;
    const char *text; /* a finding a line, at most 50; or why it was left out */
    const char *next; /* what to do about it */
};
struct check_watch {
    void *ctx;
    bool serving; /* what would hold up others for longer than some ms is left out, and says so */
    void (*line)(void *ctx, const struct check_line *l);
    void (*progress)(void *ctx, const char *what, uint64_t done, uint64_t total); /* may be NULL */
    bool (*cancelled)(void *ctx);                                                 /* may be NULL */
};
/* Is the store whole, does every index hold each document of it once and as it is, and nothing
 * else, is each index and model whole in itself? Reads everything: some seconds for 100,000
 * documents. `digest` (65, may be NULL): of the set of (document, revision, passage, vector) of
 * all active versions. ERR_CORRUPT: something is wrong; ERR_BUSY: a check is under way. Any thread;
 * without `serving` nobody else may call anything (engine_options.quiet). */
enum err engine_check(struct engine *x, const struct check_watch *w, char *digest,
                      struct err_info *e) MUST_CHECK;
struct events;
struct events *engine_events(struct engine *x);

#endif
