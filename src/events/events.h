/* The event manager: the change log of the store, delivered to handlers, at least once, the events
 * of one document in change order.
 *
 * Durable events are the rows of the store's change log (written in the same transaction as the
 * change): a crash loses none, a consumer's stored position stays below its lowest unfinished
 * event. Events that no change row stands for are given with event_publish and live in memory only.
 * A handler that fails is logged and counted, retried with backoff (1 s doubled up to 5 min, at
 * most 8 tries, then given up and counted), and never stops the others: a retry blocks only its own
 * document. Types: document.pending (stored, its vectors come later), document.processed,
 * document.deleted, feedback.received, collection.created, collection.deleted, task.finished, and
 * what callers publish. Threads: any; handlers run on the workers. */
#ifndef EVENTS_EVENTS_H
#define EVENTS_EVENTS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct store;
struct events;

struct event {
    uint64_t change; /* 0: published, not from the log */
    int64_t at_us;
    struct str type;
    struct str collection;  /* name */
    struct str document_id; /* or user, task, event id: what it is about */
    struct str data; /* JSON object: {"document_id":..,"collection":..,"revision":..} and, if asked
                        for, "embedding" */
};

/* 0: done. Any error: failed, tried again. `e->data` and all else is borrowed for the call. */
typedef enum err event_handler(void *ctx, const struct event *e, struct err_info *info);

struct events_options {
    unsigned workers;    /* 0: 3 */
    unsigned queue_max;  /* 0: 1,024 */
    unsigned tries_max;  /* 0: 8 */
    unsigned backoff_ms; /* first pause; 0: 1,000 */
    /* Events of the log are held back until this change has taken effect (is searchable): a handler
     * that looks finds what it was told of. NULL: as soon as they are committed. Called by the
     * dispatcher, often; must not wait. */
    uint64_t (*in_effect)(void *ctx);
    void *in_effect_ctx;
};

struct events *events_open(struct store *s, const struct events_options *o);
/* Waits until what is queued is handled or the deadline passes; positions are stored. */
void events_close(struct events *x, int64_t deadline_ns);

struct subscription_options {
    const char *type;     /* "document.processed", or "*" */
    const char *consumer; /* a name: durable, resumed after its stored position; NULL: from now on,
                             not stored */
    bool with_embedding;  /* document.processed carries the mean vector of its passages as
                             "embedding" */
};
struct subscription;
enum err event_subscribe(struct events *x, const struct subscription_options *o,
                         event_handler *handler, void *ctx, struct subscription **out,
                         struct err_info *e) MUST_CHECK;
void event_unsubscribe(struct subscription *s); /* waits for its running calls */

/* ERR_BUSY: the queue is full. `data`: JSON object, copied. */
enum err event_publish(struct events *x, const char *type, struct str collection,
                       struct str subject, struct str data, struct err_info *e) MUST_CHECK;

/* The last change that no durable subscription needs any more: the change log may be pruned up to
 * it. UINT64_MAX: none needs any. */
uint64_t events_needed(struct events *x);

/* The type and the JSON data of a change row, as /v1/changes and handlers show it. */
struct change_record;
const char *event_type(const struct change_record *c);
void event_data(const struct change_record *c, struct strbuf *out);

#endif
