/* Training: from a collection's feedback to a recommender that serves.
 *
 *   task        queued by a request, by the schedule, or by a start after a crash training_tasks.c
 *   snapshot    documents and acts of one moment, as a feed in DATA/tmp training_snapshot.c worker
 * `akin train-worker` makes a model file and a report of it            training_worker.c gate the
 * report says whether it is promoted; verified, stored, swapped    training.c schedule    when
 * enough has changed                                              training_due.c
 *
 * One thread, the trainer, does all of it, one training at a time. What can fail does so beside
 * what serves: the active model is touched by one act, the last. A training that akin's own end
 * cut off begins anew at the next start, from a snapshot of then, at most ATTEMPTS_MAX times. */
#ifndef ENGINE_TRAINING_H
#define ENGINE_TRAINING_H

#include "engine/internal.h"

#define TRAINING_READERS_MIN 20
#define TRAINING_ATTEMPTS_MAX 3
#define TRAINING_SEED 42
#define TRAINING_HELD_OUT .2
#define TRAINING_CANCELS_MAX 64

/* What a task of kind "train" was asked for; in its payload. */
struct training_order {
    char collection[COLLECTION_NAME_MAX + 1];
    uint32_t collection_id;
    char kind[16];                   /* "": those that suit the size */
    char label[STORE_LABEL_MAX + 1]; /* of a classifier */
    double min_probability;          /* of it */
    uint64_t seed;
    double held_out;
    bool promote;       /* if the gate lets it */
    const char *reason; /* "asked", "changes", "time", "embedding version", "erasure" */
    unsigned attempt;   /* from 1 */
    int64_t started_us; /* of this attempt; 0: not yet */
    double seconds;     /* that it took; 0: not ended */
    uint32_t made;      /* recommender; 0: none */
    uint32_t version;   /* embedding version, of an adapter; 0: none */
    double strength;    /* of the adapter, as it was tried last; 0: it was not */
    struct str report;  /* JSON, of what is no recommender; empty: none */
    bool promoted;
    char why[400];         /* promoted, or not */
    struct err_info error; /* of one that failed */
};

/* engine->training: what callers may see of the trainer. */
struct training {
    struct lock lock;
    struct cond changed; /* a task began, ended, was queued */
    uint64_t task;       /* that runs; 0: none */
    char step[48];
    double done; /* of the step, 0 ... 1 */
    bool asking; /* somebody is queueing: one task a collection */
    unsigned waiting;
    uint64_t cancels[TRAINING_CANCELS_MAX]; /* the last ones */
    size_t cancel_next;
};

/* One training on its way; the trainer's. */
struct training_job {
    struct engine *x;
    struct collection *c;
    struct version *v;
    struct arena *a;
    uint64_t task;
    struct training_order *order;
    char *folder, *feed, *model; /* paths */
    uint64_t position, acts;
    uint32_t active;   /* recommender, when it began; 0: none */
    struct str report; /* JSON */
};

/* ---- training_tasks.c ---- */
void order_read(struct str payload, struct training_order *out);
struct str order_text(const struct training_order *o, struct arena *a);
/* Queues one; *id. ERR_CONFLICT: one of this collection is queued or runs (its number is named). */
enum err training_queue(struct engine *x, const struct training_order *o, uint64_t *id,
                        struct err_info *e) MUST_CHECK;
enum err training_task_write(struct engine *x, uint64_t id, enum task_state state,
                             const struct training_order *o, struct err_info *e) MUST_CHECK;
bool training_cancelled(struct engine *x, uint64_t task);
void training_at(struct engine *x, const char *step, double done);
/* After a start: those that ran are queued again, or failed. */
void training_recover(struct engine *x);

/* ---- training_snapshot.c ---- */
/* Fills in position and acts. ERR_CANCELLED. */
enum err training_snapshot(struct training_job *j, struct err_info *e) MUST_CHECK;

/* The mean of a document's passages as float16 of length 1 into out[dims]. False: there is none. */
bool document_mean_vector(const struct document_record *d, uint32_t dims, uint16_t *out);

/* ---- training_worker.c ---- */
/* Fills in report; the model's file is there then. ERR_CANCELLED; ERR_UNAVAILABLE: the process was
 * killed by others; else the worker's own error. */
enum err training_work(struct training_job *j, struct err_info *e) MUST_CHECK;

/* ---- training_adapter.c ---- */
#define TRAINING_ADAPTER "adapter"
/* Whose vectors an adapter is for: the active version's, or, if that has one already, those of the
 * version that it was made of. With a reference; NULL: it is gone. */
struct version *training_adapter_base(struct collection *c, struct err_info *e);
/* Waits until the version is made and search has judged it. ERR_CANCELLED: nothing stays. */
enum err training_adapter_keep(struct training_job *j, struct err_info *e) MUST_CHECK;
/* Of a training that akin's own end cut off: the version that it was making goes, with its model,
 * unless it is in use. Trainer. */
void training_adapter_cut_off(struct engine *x, struct training_order *o);

/* ---- training_labels.c ---- */
#define TRAINING_CLASSIFIER "classifier"
/* A document's label and how often which value is there are known: ERR_INVALID /label,
 * ERR_CONFLICT: too few documents or labels, with how many. */
enum err training_label_check(struct collection *c, struct str label,
                              struct err_info *e) MUST_CHECK;
/* As training_snapshot, of labelled documents. */
enum err training_labels_snapshot(struct training_job *j, struct err_info *e) MUST_CHECK;

/* ---- training_due.c ---- */
/* Queues a training of each collection that is due for one by its settings. */
void training_schedule(struct engine *x, struct arena *a);
/* A training of this collection has ended; the next by schedule comes no earlier than allowed, and
 * later after each failure. */
void training_ended(struct collection *c, bool failed);
/* A reader was erased at this change: models that know them are due to be made anew. Applier. */
void training_erased(struct collection *c, uint64_t change);

/* ---- training.c: the thread ---- */
void trainer_start(struct engine *x);
void trainer_wake(struct engine *x);
bool trainer_stopping(struct engine *x);
struct training *trainer_new(void);
void trainer_free(struct training *t); /* NULL is allowed */

#endif
