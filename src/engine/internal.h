/* What the files of engine/ share.
 *
 * Threads. Any number of callers; one applier (applier.c), the only writer of the indexes and of
 * the live state; one keeper (keeper.c) for what happens by itself: pending documents, expiry,
 * statistics; the threads of each import (ingest.c). Locks: engine->lock for the list of
 * collections, collection->lock for its live state, applied_lock for how far the applier came. None
 * is held across I/O. */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "embed/embed.h"
#include "engine/document.h"
#include "engine/engine.h"
#include "engine/settings.h"
#include "events/events.h"
#include "index/filter.h"
#include "index/vectors.h"
#include "index/words.h"
#include "recommend/recommend.h"
#include "store/store.h"
#include "text/text.h"
#include "base/metrics.h"
#include "base/thread.h"

#define COLLECTION_NAME_MAX 64
#define WRITE_TRIES 8 /* of a write whose document is changed by others meanwhile */

struct file;
struct engine_metrics;

/* What the indexes hold of a document. */
struct live_row {
    uint64_t revision; /* 0: no such document */
    uint32_t passages; /* with vectors */
    bool pending;
};

struct popular_row {
    uint32_t number;
    double score;
};

struct collection {
    struct engine *engine;
    uint32_t id;
    char name[COLLECTION_NAME_MAX + 1];
    char *dir;       /* index/<id> */
    char *rows_dir;  /* index/<id>/<model digest prefix>: the snapshot of vectors, attributes, live
                        state */
    char *words_dir; /* index/<id>/words: words do not depend on the model */
    uint32_t dims;
    char model_digest[72];
    uint64_t documents_stored; /* when it was opened */
    bool foreign;              /* its vectors are of another model: words only, no writes */
    struct collection *next;   /* engine->lock, as the next two */
    unsigned refs;             /* the list has one */
    bool gone;                 /* deleted: the last one to leave removes its files */

    struct vectors *vectors;
    struct attributes *attributes;
    struct words *words;

    struct lock lock; /* for all that follows */
    struct settings settings;
    float mean_cosine; /* NaN until it is fixed */
    struct live_row *live;
    size_t live_count; /* rows in the array: the largest number + 1 */
    size_t documents, passages;
    uint64_t feedback_change; /* of the last act of feedback */
    struct popular_row *popular;
    size_t popular_count;
    uint64_t popular_change; /* feedback_change that it was made from */
    int64_t popular_ns;

    /* Applier only: the change that each index holds, and since when it differs from its files. */
    uint64_t words_at, rows_at;
    uint64_t rows_written; /* rows_at of the last snapshot: nothing to save while they are equal */
    uint64_t rows_saved;   /* the change that the snapshot names, which may be later */
};

struct engine {
    struct engine_options options;
    char *data_dir;
    struct file *lock_file;
    struct store *store;
    struct model *model;
    const struct model_info *model_info;
    struct embedder *embedder;
    struct events *events;
    struct engine_metrics *metrics;

    struct lock lock;
    struct collection *collections;
    bool closing;
    unsigned imports; /* running */

    struct lock applied_lock;
    struct cond applied_cond;
    uint64_t applied;     /* the last change that the indexes hold */
    enum err applier_err; /* why it stands still, 0 if it does not */
    char applier_reason[200];
    bool applier_stop;
    struct thread *applier;

    struct lock keeper_lock;
    struct cond keeper_cond;
    bool keeper_stop, keeper_wanted;
    struct thread *keeper;
};

/* ---- engine.c ---- */
bool engine_closing(struct engine *x);

/* ---- collection.c ---- */
/* The collection of that name with a reference, or ERR_NOT_FOUND. */
enum err collection_find(struct engine *x, struct str name, struct collection **out,
                         struct err_info *e) MUST_CHECK;
struct collection *collection_find_id(struct engine *x, uint32_t id); /* with a reference; NULL */
void collection_unref(struct collection *c);
bool collection_gone(struct collection *c); /* deleted meanwhile */
/* Each collection in turn, referenced by the caller's `c` for the next call: for (c = NULL; (c =
 * collection_next(x, c));) */
struct collection *collection_next(struct engine *x, struct collection *c);
/* Opens or rebuilds the indexes of a stored collection and lists it. Applier, or before it starts.
 */
enum err collection_open(struct engine *x, const struct collection_record *r,
                         struct err_info *e) MUST_CHECK;
void collection_remove(struct engine *x, uint32_t id); /* from the list; the applier */
void collection_remove_open(
    struct engine *x); /* the first of the list, its files stay; at the end */
void collection_settings_set(struct collection *c, const struct collection_record *r);
void collection_rules(struct collection *c, struct document_rules *out); /* a copy */
float collection_mean_cosine(struct collection *c);                      /* mu */
/* ERR_UNAVAILABLE: its vectors are of another model than the one that runs. */
enum err collection_check_model(struct collection *c, struct err_info *e) MUST_CHECK;
/* Live state: what the indexes hold. Applier only. */
void live_set(struct collection *c, uint32_t number, struct live_row row);
struct live_row live_get(struct collection *c, uint32_t number);

/* ---- applier.c ---- */
enum err applier_catch_up(struct engine *x, struct err_info *e) MUST_CHECK; /* before it starts */
void applier_start(struct engine *x);
void applier_stop(struct engine *x);
/* Waits until `change` is searchable. ERR_TIMEOUT; ERR_UNAVAILABLE if the applier stands still. */
enum err applied_wait(struct engine *x, uint64_t change, int64_t deadline_ns,
                      struct err_info *e) MUST_CHECK;
/* Brings one document into the indexes, but not into words. */
enum err document_index(struct collection *c, const struct document_record *d,
                        struct err_info *e) MUST_CHECK;
/* What words_apply wants of a document; strings in the arena. */
void document_words(struct arena *a, const struct document_record *d, struct words_document *out);

/* ---- snapshot.c ---- */
/* Fills the collection's indexes from its files, from the store if they are damaged. */
enum err snapshot_open(struct collection *c, struct err_info *e) MUST_CHECK;
enum err snapshot_save(struct collection *c, struct err_info *e)
    MUST_CHECK; /* applier only; nothing if nothing changed */

/* ---- prepare.c: drafts on their way to the store, shared by put.c, ingest.c and keeper.c ---- */
/* Looks the drafts up in the store and decides what is to be done for each. `judge_in_store`: never
 * settle "unchanged" here, since the same id may be on its way in front of it. */
enum err drafts_plan(struct collection *c, struct draft *drafts, size_t count, bool async,
                     bool judge_in_store, struct arena *a, struct err_info *e) MUST_CHECK;
/* Passages of those that need them (PLAN_EMBED); a draft that fails is marked. */
void drafts_split(struct collection *c, const struct document_rules *rules, struct draft *drafts,
                  size_t count, struct arena *a);
/* Vectors of those that need them. Waits. A busy bulk lane is waited for, an interactive one is
 * ERR_BUSY. */
enum err drafts_embed(struct collection *c, struct draft *drafts, size_t count, enum lane lane,
                      int64_t deadline_ns, struct arena *a, struct err_info *e) MUST_CHECK;
/* One commit for all that are not done. What raced is left undone, for another round. */
enum err drafts_commit(struct collection *c, struct draft *drafts, size_t count, bool atomic,
                       struct arena *a, struct position *position, struct err_info *e) MUST_CHECK;
void draft_fail(struct draft *d, enum err err, const struct err_info *info);
void draft_result(const struct draft *d, struct put_result *r);
struct str position_text(struct arena *a, const struct position *p);

/* ---- keeper.c ---- */
void keeper_start(struct engine *x);
void keeper_stop(struct engine *x);
void keeper_wake(struct engine *x);

/* ---- documents.c ---- */
bool document_expired(const struct document_record *d, int64_t now_us);
/* What a reader gets to see; `payload` may have been left out. */
void document_out_make(struct arena *a, const struct document_record *d, struct document_out *out);
/* Numbers of ids: 0 where there is none. */
enum err numbers_of_ids(struct collection *c, struct arena *a, const struct str *ids, size_t count,
                        uint32_t *numbers, struct err_info *e) MUST_CHECK;
enum err filter_select(struct collection *c, struct arena *a, struct str filter, struct docset *out,
                       struct err_info *e) MUST_CHECK;

/* ---- metrics.c ---- */
enum stage {
    STAGE_PARSE,
    STAGE_SPLIT,
    STAGE_EMBED,
    STAGE_COMMIT,
    STAGE_APPLY,
    STAGE_ALL,
    STAGE_COUNT
};
void metrics_open(struct engine *x);
void metrics_close(struct engine *x);
void metric_stage(struct engine *x, enum stage s, size_t ok, size_t failed,
                  int64_t ns); /* ns: of all of them together */
void metric_search(struct engine *x, enum search_mode mode, int64_t ns);
void metric_similar(struct engine *x, int64_t ns);
void metric_recommend(struct engine *x, const char *strategy, int64_t ns);
void metric_feedback(struct engine *x, struct str type);
void metric_error(struct engine *x, enum err err);
void metric_task(struct engine *x, const char *state,
                 double change); /* "queued", "running", "done", "failed" */
void metric_collection_drop(struct engine *x, const char *name);
bool feedback_type_known(struct str type);

#endif
