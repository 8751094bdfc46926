/* What the files of events/ share: subscriptions, and the jobs that wait for a worker.
 *
 * Threads: one dispatcher reads the change log for each subscription (events.c), N workers run
 * handlers (jobs.c), any thread publishes and subscribes. One lock, x->lock, for all of it; none is
 * held while a handler or the store works.
 *
 * A job is one event for one subscription. The jobs of one document in one subscription are a
 * chain: only its head may run, so their order holds and a retry blocks only its own document. */
#ifndef EVENTS_INTERNAL_H
#define EVENTS_INTERNAL_H

#include "base/metrics.h"
#include "base/thread.h"
#include "events/events.h"
#include "store/store.h"

enum job_state { JOB_BLOCKED, JOB_READY, JOB_DELAYED, JOB_RUNNING };

struct job {
    struct subscription *of;
    enum job_state state;
    struct job *prev, *next; /* all jobs of the subscription, oldest first */
    struct job *follower;    /* the next job of the same document */
    struct job *ready_next;
    uint64_t key; /* of collection and subject; equal keys keep their order */
    unsigned tries;
    int64_t due_ns;
    /* the event; strings behind the struct */
    uint64_t change;
    int64_t at_us;
    uint32_t collection_id;
    struct str type, collection, subject, data;
};

struct subscription {
    struct events *events;
    struct subscription *next;
    char type[64];
    char consumer[64]; /* "": not durable */
    bool with_embedding;
    event_handler *handler;
    void *ctx;

    bool ended; /* no more jobs; the last one to leave frees it */
    unsigned running, reading;
    uint64_t cursor; /* the last change that was read */
    uint64_t stored; /* position in the store */
    struct job *first, *last;
    size_t count;
};

struct events {
    struct store *store;
    struct events_options options;
    struct lock lock;
    struct cond work;    /* a job is ready, or the end has come */
    struct cond changed; /* a job has ended, a subscription came or went */
    struct subscription *subscriptions;
    struct job *ready_first, *ready_last;
    size_t queued; /* jobs of all subscriptions */
    size_t delayed;
    size_t active; /* jobs that are ready or run: what closing waits for */
    bool closing, stop;
    int64_t close_deadline_ns;
    uint64_t counted; /* changes up to this one are in akin_events_published_total */
    struct thread *dispatcher, **workers;
    struct counter_family *published, *errors;
    struct gauge *depth;
};

/* jobs.c. Under the lock. */
struct job *job_new(struct subscription *s, struct str type, struct str collection,
                    struct str subject, struct str data);
void job_add(struct job *j);            /* behind those of the same document */
void jobs_drop(struct subscription *s); /* all that do not run */
void worker_run(void *arg);
/* subscriptions.c */
bool subscription_wants(const struct subscription *s, const char *type);
uint64_t subscription_position(
    const struct subscription *s); /* under the lock: below the lowest unfinished */
void positions_store(struct events *x);
void subscription_free(struct subscription *s);
/* payload.c: the data of a job, with the embedding if its subscription wants it */
void payload_make(struct job *j, struct strbuf *out);

#endif
