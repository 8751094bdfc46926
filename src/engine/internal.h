/* What the files of engine/ share.
 *
 * Threads. Any number of callers; one applier (applier.c), the only writer of the indexes and of
 * the live state; one merger (merger.c) that works at the vector graphs in the background; one
 * meter (meter.c) that measures how right searches are; one that works for recommendations
 * (recommend_beside.c); one keeper (keeper.c) for what happens by itself: pending documents,
 * expiry, statistics; the threads of each import (ingest.c). Locks: engine->lock for the list of
 * collections, collection->lock for its live state and its versions, models_lock for the models
 * that are open, applied_lock for how far the applier came. None is held across I/O. */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "embed/embed.h"
#include "engine/background.h"
#include "engine/document.h"
#include "engine/engine.h"
#include "engine/settings.h"
#include "events/events.h"
#include "index/duplicates.h"
#include "index/filter.h"
#include "index/vectors.h"
#include "index/words.h"
#include "store/store.h"
#include "text/text.h"
#include "base/metrics.h"
#include "base/thread.h"
#include <stdatomic.h>

#define COLLECTION_NAME_MAX 64
#define WRITE_TRIES 8 /* of a write whose document is changed by others meanwhile */

struct classifiers;
struct file;
struct engine_metrics;
struct popularity;

/* What the indexes hold of a document. */
struct live_row {
    uint64_t revision; /* 0: no such document */
};

/* How far the sums of what is popular follow the feedback (popular.c); collection->lock. */
struct popular_state {
    struct popularity *sums; /* has a lock of its own */
    uint64_t at;             /* the change until which acts are counted */
    uint64_t change;         /* feedback_change then */
    int64_t not_before_ns;   /* when new acts are counted again */
    struct cond counted;
    bool filled, busy;
    bool much;               /* busy for so long that nobody waits */
    bool stale, stale_again; /* it has to be counted anew; also what is being counted just now */
};

#define VERSION_BATCH 100 /* documents that are embedded for a version at a time */

/* How the building of a version goes on; collection->lock. */
struct version_progress {
    bool missing;    /* there may be documents to embed: set by the applier, by an opening */
    uint64_t done;   /* documents embedded since it began */
    uint64_t failed; /* documents that the model cannot read, passed over */
    double rate;     /* documents a second of the last batches; 0: none yet */
    char error[200]; /* why it pauses, or of the last document that failed */
};

/* The mean of a version's vectors, from a sample of them: what they all have in common says nothing
 * of a reader. Made anew when there are twice as many documents. */
struct centre {
    size_t documents; /* that there were */
    struct centre *older;
    float mean[];
};

/* An embedding version of a collection: one space of vectors and the model that makes them. What a
 * reader takes with version_active() belongs together: model, vectors, mean cosine, passages. */
struct version {
    struct collection *collection; /* which holds it */
    uint32_t id;
    char model_name[96];
    char model_digest[72];
    uint32_t dims;
    unsigned passage_tokens_max; /* of its model's own; 0: what the model reads */
    char *dir;                   /* index/<collection>/<id>: the snapshot of its vectors */
    struct model *model;         /* of the registry; NULL: it cannot be opened, and why: */
    char reason[200];
    struct vectors *vectors;

    struct version *next; /* collection->lock, as all that follows */
    unsigned refs;        /* the list has one */
    bool gone;            /* deleted: the last one to leave removes its files */
    enum version_state state;
    float mean_cosine; /* NaN until it is fixed */
    struct version_progress progress;
    struct centre *_Atomic centre; /* NULL: too few documents, or not made yet; it stays */
    /* Documents whose vectors were stored without a change: the applier fetches them. Those of the
     * batch that is being written right now may be stored already. */
    uint32_t *fresh;
    size_t fresh_count, fresh_cap;
    uint32_t writing[VERSION_BATCH];
    size_t writing_count;

    /* The change that the vectors hold, and that vectors came without one: the applier's, seen by
     * the merger. The change of the last snapshot, and the one that it names, which may be later:
     * the merger's. */
    uint64_t at, written, saved;
    uint64_t worked_saved; /* what the merger had done for the last snapshot (vectors_worked) */
    bool touched;

    /* Builder only: how far a pass through the missing documents came, and when to go on. */
    uint32_t build_after;
    uint64_t build_failed; /* of this pass */
    int64_t build_not_before_ns;
    unsigned build_failures; /* batches in a row */

    /* Of the active one; the thread of its backlog only. */
    int64_t pending_not_before_ns;
    unsigned pending_failures; /* groups in a row */
    uint64_t pending_none_at;  /* the position at which nothing was pending */
};

/* What the schedule of trainings knows of a collection (training_due.c). */
struct training_state {
    int64_t tried_us;       /* when the last one ended; 0: none since the start */
    unsigned failures;      /* in a row */
    uint64_t erased_change; /* of the last reader that was erased */
    uint64_t counted_base, counted_to, counted; /* acts since the last training */
};

struct collection {
    struct engine *engine;
    uint32_t id;
    char name[COLLECTION_NAME_MAX + 1];
    char *dir;                 /* index/<id> */
    char *rows_dir;            /* index/<id>/documents: the snapshot of attributes and live state */
    char *words_dir;           /* index/<id>/words: words do not depend on the model */
    uint64_t documents_stored; /* when it was opened */
    struct collection *next;   /* engine->lock, as the next two */
    unsigned refs;             /* the list has one */
    bool gone;                 /* deleted: the last one to leave removes its files */

    struct attributes *attributes;
    struct duplicates *duplicates;
    struct arena *duplicates_arena; /* applier only: of the text that is compared */
    struct words *words;

    char tenant_field[FIELD_NAME_MAX + 1]; /* of the settings: it stays as it was made */
    struct tally *tally;                   /* tally.h */
    atomic_bool served_news;               /* an answer was logged since the tally looked */

    struct lock lock; /* for all that follows */
    struct settings settings;
    struct experiments *experiments; /* experiments.h: those that run; NULL: none */
    struct words_rules *rules; /* of those settings; NULL: none. Whoever uses them holds them */
    struct version *versions;  /* by id */
    struct version *active;    /* one of them */
    struct live_row *live;
    size_t live_count; /* rows in the array: the largest number + 1 */
    size_t documents;
    struct recommenders *recommenders; /* recommenders.h */
    struct classifiers *classifiers;   /* classifiers.h */
    struct training_state training;
    uint64_t feedback_change; /* of the last act of feedback */
    struct popular_state popular;

    /* The change that each index holds: the applier's; the merger looks at them. */
    uint64_t words_at, rows_at;
    /* Of the last snapshots, the merger's: words_at and rows_at (nothing to save while they are
     * equal), and the change that each names, which may be later. */
    uint64_t words_written, words_saved, rows_written, rows_saved;
};

/* Second names of collections, sorted (aliases.c); engine->lock. */
struct aliases {
    struct alias *rows;
    size_t count, cap;
};

struct engine {
    struct engine_options options;
    char *data_dir, *model_dir;
    uint8_t secret[ENGINE_SECRET];
    enum precision precision; /* of the default model, as it was asked for */
    struct file *lock_file;
    struct store *store;
    struct model *model; /* of new collections and of /v1/embeddings; the registry holds it */
    const struct model_info *model_info;
    struct embedder *embedder; /* of all models */
    struct language_detector *languages;
    struct lock models_lock;
    struct model_entry *models; /* models.c */
    struct events *events;
    struct engine_metrics *metrics;

    struct lock lock;
    struct collection *collections;
    struct aliases aliases;
    bool closing;
    atomic_bool checking;      /* engine_check runs */
    atomic_uint files_dropped; /* index files that were damaged when they were opened */
    unsigned imports;          /* running */

    struct lock repeats_lock;
    struct repeat *repeats;    /* requests with an Idempotency-Key: see repeat.c */
    size_t repeats_bytes;      /* of answers on their way to the disk */
    int64_t repeats_forget_ns; /* the keeper's */

    struct lock applied_lock;
    struct cond applied_cond;
    uint64_t applied;     /* the last change that the indexes hold */
    enum err applier_err; /* why it stands still, 0 if it does not */
    char applier_reason[200];
    bool applier_stop;
    struct thread *applier;

    struct served_log *served; /* served.c */
    struct key_ring *keys;     /* keys.c */
    struct training *training; /* training.h */
    struct background keeper, provider_keeper, merger, meter, builder, sources, tallier, trainer;
};

/* ---- secret.c ---- */
enum err secret_open(struct engine *x, struct err_info *e) MUST_CHECK;

/* ---- engine.c ---- */
bool engine_closing(struct engine *x);

/* ---- collection.c ---- */
/* The collection of that name with a reference, or ERR_NOT_FOUND. */
enum err collection_find(struct engine *x, struct str name, struct collection **out,
                         struct err_info *e) MUST_CHECK;
struct collection *collection_find_id(struct engine *x, uint32_t id); /* with a reference; NULL */
void collection_unref(struct collection *c);
/* ERR_INVALID at `field`: no collection and no alias may be called so. */
enum err collection_name_check(struct str name, const char *field, struct err_info *e) MUST_CHECK;
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
void collection_rules(struct collection *c, struct document_rules *out);       /* a copy */
void collection_feedback(struct collection *c, struct feedback_settings *out); /* a copy */
/* Live state: what the indexes hold. Applier only. */
void live_set(struct collection *c, uint32_t number, struct live_row row);
struct live_row live_get(struct collection *c, uint32_t number);
/* out[i] of numbers[i]; 0: there is no such document. */
void live_revisions(struct collection *c, const uint32_t *numbers, size_t count, uint64_t *out);

/* ---- aliases.c ---- */
enum err aliases_open(struct engine *x, struct err_info *e) MUST_CHECK;
void aliases_close(struct engine *x);
/* All changes of one act from its first one on; a part that is known already does no harm. The
 * applier. */
enum err alias_changes(struct engine *x, const struct change_record *first, struct arena *a,
                       struct err_info *e) MUST_CHECK;

/* ---- sight.c: what a caller sees ---- */
struct sight {
    struct collection *collection; /* borrowed, as the text */
    struct str text;
    const struct filter *filter; /* NULL: sees all */
    struct docset documents;     /* that passed when it was opened; if there is a filter */
    /* The one tenant whose documents these are; empty: those of several, or the collection has
     * none. Then nothing of the answer depends on documents of others. */
    struct str tenant;
};
/* `within`: a key's filter; empty: sees all, and costs nothing. In any case sight_close.
 * ERR_DENIED: it cannot be answered, so nothing is seen. sight_read: for sight_sees alone, without
 * the set. */
enum err sight_read(struct collection *c, struct arena *a, struct str within, struct sight *out,
                    struct err_info *e) MUST_CHECK;
enum err sight_open(struct collection *c, struct arena *a, struct str within, struct sight *out,
                    struct err_info *e) MUST_CHECK;
/* A request whose own filter leaves one tenant is that tenant's, as if its key said so. */
enum err sight_open_for(struct collection *c, struct arena *a, struct str within, struct str filter,
                        struct sight *out, struct err_info *e) MUST_CHECK;
bool sight_is_tenants(const struct sight *s); /* it is of one tenant; NULL: no */
void sight_close(struct sight *s);
/* In what follows NULL sees all. */
const struct docset *sight_documents(const struct sight *s); /* NULL: all */
bool sight_has(const struct sight *s, uint32_t number);
/* Does it see a stored document as it is? With its payload. Some microseconds. */
bool sight_sees(const struct sight *s, const struct document_record *d);
/* May it write the document as it would be? ERR_DENIED names the filter's field. */
enum err sight_admit(const struct sight *s, const struct document_record *d,
                     struct err_info *e) MUST_CHECK;
/* The act fails (ERR_DENIED) if what stands there is not seen. `s` outlives the write. */
void sight_guard(const struct sight *s, struct store_act *act);
/* The name of the attribute that says whose a document is, "": none. It never changes. */
const char *collection_tenant_field(const struct collection *c);
/* Whose a stored document is: its payload parsed; a view into that. */
struct str document_tenant(const struct collection *c, const json_t *payload);

/* ---- recommend_examples.c ---- */
/* What the reader's newest feedback says of their interests, as a vector of length 1 in the arena;
 * NULL: nothing, or nobody of that name. Reads at most 1,000 rows of feedback. */
enum err reader_profile(struct collection *c, const struct sight *s, struct version *v,
                        struct str user, struct arena *a, float **out,
                        struct err_info *e) MUST_CHECK;

/* ---- models.c: the models that are open, shared by all collections ---- */
/* The model of that name with that precision and dimensions, opened if need be; model_release gives
 * it back. `name` empty: the default one (x->model's directory). ERR_NOT_FOUND, ERR_INVALID:
 * /model; ERR_INVALID: /dimensions. May take as long as opening a model does. */
enum err model_take(struct engine *x, struct str name, enum precision precision,
                    unsigned dimensions, struct model **out, struct err_info *e) MUST_CHECK;
void model_release(struct engine *x, struct model *m); /* NULL is allowed */
/* The name under which a model is found again: of its directory. */
void model_take_name(struct engine *x, struct str name, char out[96]);
bool model_is_default(struct engine *x, struct str name);
/* As a user says it. */
enum err choice_take(struct engine *x, const struct version_choice *choice, struct model **out,
                     struct err_info *e) MUST_CHECK;
void models_close(struct engine *x);
/* Each open model that has files: are they what they were? */
void models_verify(struct engine *x,
                   void (*each)(void *ctx, const char *dir, enum err err,
                                const struct err_info *info),
                   void *ctx);
unsigned model_tokens_max(const struct model *m); /* of a passage, without the model's own */
unsigned model_tokens_best(const struct model *m);

/* ---- version.c ---- */
struct version *version_active(struct collection *c);                  /* with a reference */
struct version *version_find(struct collection *c, uint32_t id);       /* with one; NULL */
struct version *version_next(struct collection *c, struct version *v); /* as collection_next */
void version_unref(struct version *v);                                 /* NULL is allowed */
enum version_state version_state(struct version *v);
float version_mean_cosine(struct version *v); /* mu */
/* ERR_UNAVAILABLE: its model cannot be opened. */
enum err version_check_model(const struct version *v, struct err_info *e) MUST_CHECK;
/* Makes what is kept in memory what the store says: versions come, change their state, go. The
 * applier, or before it starts. */
enum err versions_follow(struct collection *c, struct err_info *e) MUST_CHECK;
void versions_free(struct collection *c);
/* Vectors that were stored without a change: the builder notes them, the applier fetches them. */
void version_writing(struct version *v, const uint32_t *numbers, size_t count);
void version_written(struct version *v);
enum err version_fetch(struct version *v, struct arena *a, struct err_info *e) MUST_CHECK;
/* Brings the vectors of documents (of store_version_passages, in the order of `numbers`) into a
 * version. Applier. */
enum err version_apply(struct version *v, const struct document_record *docs,
                       const uint32_t *numbers, size_t count, struct err_info *e) MUST_CHECK;
enum err version_passages(struct version *v, struct arena *a, const uint32_t *numbers, size_t count,
                          unsigned parts, struct document_record *out,
                          struct err_info *e) MUST_CHECK;
/* {"dimensions":n,"passage_tokens":n,"precision":"fp32"}, as the store keeps it; of a version that
 * was made before versions had a model's name also "model". */
struct version_settings {
    enum precision precision; /* AUTO: of before there were versions */
    unsigned dimensions;      /* 0: all */
    unsigned passage_tokens;  /* at most, 0: what the model reads */
    char model[96];           /* of a version whose record names none; else empty */
};
void version_settings_read(struct str text, struct version_settings *out);
struct str version_settings_text(struct arena *a, const struct version_settings *s);

/* ---- applier.c ---- */
enum err applier_catch_up(struct engine *x, struct err_info *e) MUST_CHECK; /* before it starts */
void applier_start(struct engine *x);
void applier_stop(struct engine *x);
/* The last change that all indexes hold. */
uint64_t applied_now(struct engine *x);
/* Waits until `change` is searchable. ERR_TIMEOUT; ERR_UNAVAILABLE if the applier stands still. */
enum err applied_wait(struct engine *x, uint64_t change, int64_t deadline_ns,
                      struct err_info *e) MUST_CHECK;
/* Brings one document into attributes, near-duplicates and live state. */
enum err document_index(struct collection *c, const struct document_record *d,
                        struct err_info *e) MUST_CHECK;
/* What words_put wants of a document; strings in the arena. */
void document_words(const struct collection *c, struct arena *a, const struct document_record *d,
                    struct words_document *out);

/* ---- words_terms.c: what text/ knows of words, for index/words.h ---- */
const struct words_analyzer *words_terms(void);

/* ---- snapshot.c ---- */
/* Fills the collection's indexes from their files, from the store if they are damaged; those of its
 * versions on their own, between the two calls. Until the second, which frees, attributes,
 * near-duplicates and live state are nobody else's. */
struct snapshot_opening;
struct snapshot_opening *snapshot_open(struct collection *c);
enum err snapshot_opened(struct snapshot_opening *o, struct err_info *e) MUST_CHECK;
/* `before`: a position from before the record was read. */
enum err snapshot_version_open(struct version *v, const struct version_record *r,
                               const struct position *before, struct err_info *e) MUST_CHECK;
/* After the changes were applied: vectors that were stored without a change after the last snapshot
 * are missing in it, then it is made anew. */
enum err snapshot_version_check(struct version *v, struct err_info *e) MUST_CHECK;
/* Attributes, near-duplicates, live state, words, the vectors of all versions, of each collection;
 * nothing where nothing changed; an error is logged. Merger only, while the applier goes on. */
void snapshots_save(struct engine *x);

/* When to save: rather when nobody waits, and sooner after many changes, so that a start after a
 * crash has little to replay. */
struct snapshot_clock {
    int64_t saved_ns, busy_ns; /* last saved; last seen that changes were applied */
    int64_t due_ns, took_ns;   /* when it was due, and how long saving took, the last time */
    uint64_t saved_change, seen_change;
};
void snapshot_clock_start(struct engine *x, struct snapshot_clock *k);
bool snapshot_due(struct engine *x, struct snapshot_clock *k);
void snapshot_clock_saved(struct snapshot_clock *k);

/* ---- merger.c: a thread that merges vectors into their graphs, and saves them ---- */
void merger_start(struct engine *x);

/* ---- meter.c: a thread that measures how right searches are ---- */
void meter_start(struct engine *x);

/* ---- prepare.c: drafts on their way to the store, shared by put.c, ingest.c, backlog.c,
 * version_build.c ---- */
/* Looks the drafts up in the store and decides what is to be done for each. `judge_in_store`: never
 * settle "unchanged" here, since the same id may be on its way in front of it. */
enum err drafts_plan(struct collection *c, struct draft *drafts, size_t count, bool async,
                     bool judge_in_store, struct arena *a, struct err_info *e) MUST_CHECK;
/* Passages of those that need them (PLAN_EMBED); a draft that fails is marked. */
void drafts_split(const struct version *v, const struct document_rules *rules, struct draft *drafts,
                  size_t count, struct arena *a);
/* Forgets passages and vectors of what is not done: they were another version's. */
void drafts_uncut(struct draft *drafts, size_t count);
/* A stored document as a draft that is to be embedded again. */
enum err draft_of_stored(const struct document_record *d, struct arena *a, struct draft *out,
                         struct err_info *e) MUST_CHECK;
/* Vectors of those that need them. Waits. A busy bulk lane is waited for, an interactive one is
 * ERR_BUSY. */
enum err drafts_embed(struct version *v, struct draft *drafts, size_t count, enum lane lane,
                      int64_t deadline_ns, struct arena *a, struct err_info *e) MUST_CHECK;
/* One commit for all that are not done, with passages of version `v`. What raced is left undone,
 * for another round; *moved: another version is the active one by now, and in effect here. */
enum err drafts_commit(struct version *v, const struct sight *s, bool *moved, struct draft *drafts,
                       size_t count, bool atomic, struct arena *a, struct position *position,
                       struct err_info *e) MUST_CHECK;
enum err tenant_stays(const struct collection *c, struct err_info *e); /* the error */
/* As sight_admit, of one that was just read. */
enum err draft_admit(const struct sight *s, const struct draft *d, struct err_info *e) MUST_CHECK;
void draft_fail(struct draft *d, enum err err, const struct err_info *info);
void draft_result(const struct draft *d, struct put_result *r);
struct str position_text(struct arena *a, const struct position *p);

/* ---- embed_cache.c ---- */
/* What the store's cache holds of these texts (in the arena, as many): `key` is set in each,
 * `vector` in those that are there, with the version's dims. A cache that cannot be read is empty.
 */
struct embedding_record *embeddings_find(struct version *v, enum embed_role role,
                                         const struct embed_text *texts, size_t count,
                                         struct arena *a);
/* Of a text that was embedded instead: fills in the record, and keeps it with the draft for the
 * store. */
void embedding_made(struct draft *d, struct embedding_record *r, const struct embed_text *text,
                    unsigned dims, struct arena *a);

/* ---- remote.c: a model that a provider runs ---- */
enum err remote_model_open(struct engine *x, struct model **out, struct err_info *e) MUST_CHECK;
/* As drafts_embed; but what a remote model does not embed, for whatever reason, becomes
 * PLAN_PENDING: a write is not refused for that. */
enum err drafts_embed_or_defer(struct version *v, struct draft *drafts, size_t count,
                               enum lane lane, int64_t deadline_ns, struct arena *a,
                               struct err_info *e) MUST_CHECK;
/* An error that is not the document's fault: it will be embedded when the provider is back. */
bool remote_is_away(const struct model *m, enum err err);

/* ---- backlog.c ---- */
struct backlog {
    struct background *thread; /* that works at it */
    bool remote;               /* of collections whose model is a provider's; else of the others */
    bool running;
    uint64_t done;
    int64_t started_us;
};
/* A batch of pending documents of each collection. True if there was something to do. One thread a
 * backlog; `a` is reset. */
bool backlog_step(struct engine *x, struct backlog *b, struct arena *a);

/* ---- feedback.c ---- */
#define PLACEHOLDER "akin_placeholder" /* an attribute: the document was made for its feedback */
/* Takes them out of a set of documents. */
enum err placeholders_drop(struct collection *c, struct arena *a, struct docset *from,
                           struct err_info *e) MUST_CHECK;

/* ---- served.c: the log of answers (the rest of it: recommend_impl.h) ---- */
void served_open(struct engine *x);
void served_close(struct engine *x); /* writes what waits; nothing if it was not opened */
/* What was added before is stored when it returns. */
void served_flush(struct engine *x);
/* Removes some of what is older than its collection keeps. The keeper; true: there is more. */
bool served_forget_step(struct engine *x);

/* ---- keys.c ---- */
enum err keys_open(struct engine *x, struct err_info *e) MUST_CHECK;
/* key_file.c; `text` NULL: that key works no more, or will not for long. One thread at a time. */
void key_file_follow(struct engine *x, struct str id, const char *text, const char *why);
void key_file_check(struct engine *x);
void keys_close(struct engine *x);     /* before the store; NULL keys are allowed */
void keys_used_step(struct engine *x); /* the keeper: at most once a minute a write */

/* ---- repeat.c ---- */
void repeats_open(struct engine *x);
void repeats_close(struct engine *x);
/* Removes some of what is too old; the keeper. True: there is more. */
bool repeats_forget_step(struct engine *x);

/* ---- keeper.c ---- */
void keeper_start(struct engine *x);
void keeper_wake(struct engine *x);

/* ---- version_build.c: a thread that embeds what versions are missing ---- */
void builder_start(struct engine *x);
void builder_wake(struct engine *x);

/* ---- recommend_beside.c: a thread that works for the sources of recommendations ---- */
void sources_start(struct engine *x);
void sources_wake(struct engine *x);
void centres_free(struct version *v);

/* ---- popular.c ---- */
/* Brings the sums up to date. Not if there is `much` to count, unless the caller is the thread
 * that is there for it; it is woken. Any thread. */
enum err popular_follow(struct collection *c, bool much, struct err_info *e) MUST_CHECK;
/* What acts weigh has changed. */
void popular_restart(struct collection *c);
/* A reader is erased: what is to be taken away, then, when it is erased, taking it away. */
enum err popular_erasing(struct collection *c, struct str user, struct arena *a,
                         struct feedback_record **out, size_t *count,
                         struct err_info *e) MUST_CHECK;
void popular_erased(struct collection *c, const struct feedback_record *acts, size_t count,
                    struct arena *a);

/* ---- version_adapt.c ---- */
/* Drafts of `docs`, as they are stored: passages and vectors, where the version's model has an
 * adapter and another version the vectors of its base. What it leaves is to be embedded. */
enum err drafts_adapt(struct version *v, const struct document_record *docs, struct draft *drafts,
                      size_t count, struct arena *a, struct err_info *e) MUST_CHECK;

/* ---- version_compare.c ---- */
/* A version held against the active one; the report as JSON in the arena. */
enum err version_compare(struct version *active, struct version *v, const struct compare_request *r,
                         int64_t deadline_ns, struct arena *a, struct str *report,
                         struct err_info *e) MUST_CHECK;

/* ---- documents.c ---- */
bool document_expired(const struct document_record *d, int64_t now_us);
/* What a reader gets to see; `payload` may have been left out. */
void document_out_make(struct arena *a, const struct document_record *d, struct document_out *out);
/* Leaves in `out` what `fields` name (find_fields.c). */
void document_choose(struct arena *a, const json_t *payload, const struct str *fields, size_t count,
                     struct document_out *out);
/* Fills in what each document is a copy of. */
enum err documents_mark_copies(struct collection *c, const struct sight *s, struct arena *a,
                               struct document_out *const *documents, size_t count,
                               struct err_info *e) MUST_CHECK;
/* Several by id; those that are gone have no id and come first. */
void records_sort(struct document_record *docs, size_t count);
/* ---- shown.c ---- */
/* What `fields` leave of stored documents with their payloads, which the caller's sight sees; one
 * that is gone (number 0) stays so. */
enum err documents_show(struct collection *c, const struct sight *s,
                        const struct field_choice *fields, struct arena *a,
                        const struct document_record *docs, size_t count, struct document_out *out,
                        struct err_info *e) MUST_CHECK;

/* Numbers of ids: 0 where there is none. */
enum err numbers_of_ids(struct collection *c, const struct sight *s, struct arena *a,
                        const struct str *ids, size_t count, uint32_t *numbers,
                        struct err_info *e) MUST_CHECK;
/* Of an empty filter: all. */
enum err filter_select(struct collection *c, const struct sight *s, struct arena *a,
                       struct str filter, struct docset *out, struct err_info *e) MUST_CHECK;
/* That documents have the field, for what is sorted, counted or boosted by it. */
enum err field_know(struct collection *c, const struct sight *s, struct str field,
                    struct err_info *e) MUST_CHECK;

/* ---- inference.c ---- */
/* The model of that name, the default if it is empty; borrowed from the engine. */
enum err model_served(struct engine *x, struct str name, struct model **out,
                      struct err_info *e) MUST_CHECK;
enum embed_role role_of(enum embed_as as);
/* With the model's prefix of that role in front; in the arena if there is one. */
struct str text_prefixed(const struct model *m, enum embed_role role, struct str text,
                         struct arena *a);

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
void metric_embedding_cache(struct engine *x, size_t hits, size_t misses);
void metric_error(struct engine *x, enum err err);
enum index_kind { INDEX_DOCUMENTS, INDEX_VECTORS, INDEX_WORDS, INDEX_COUNT };
void metric_index_saved(struct engine *x, enum index_kind index, bool ok); /* a file */
void metric_index_rebuilt(struct engine *x, enum index_kind index);
/* state: "queued", "running", "done", "failed", "cancelled" */
void metric_task(struct engine *x, const char *type, const char *state, double change);
void metric_trained(struct engine *x, double seconds);
/* What the report of the recommender that serves says of it; an empty one: none serves. */
void metric_recommender(struct collection *c, struct str report);
void metric_truncated(struct engine *x, size_t count);
void metric_quota_refused(struct engine *x, size_t count);
void metric_measured(struct engine *x, enum vectors_measured how);
void metric_collection_drop(struct engine *x, const char *name);

#endif
