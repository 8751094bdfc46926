#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "events/internal.h"
#include <stdlib.h>
#include <string.h>

#define READ_STEP 200
#define WAIT_NS 50000000 /* how late an end or a new subscription may be noticed */
#define HELD_PAUSE_NS 2000000
#define STORE_PAUSE_NS 1000000000LL

static const char *const known_types[] = {
    "document.processed", "document.deleted", "feedback.received", "collection.created",
    "collection.deleted", "task.finished",    "document.pending"};

/* ---- the dispatcher ---- */

static void jobs_of_changes(struct subscription *s, const struct change_record *rows, size_t n,
                            uint64_t until)
{
    struct strbuf data;
    strbuf_init(&data, 0);
    for (size_t i = 0; i < n && rows[i].change <= until; i++) {
        const char *type = event_type(&rows[i]);
        if (subscription_wants(s, type)) {
            strbuf_clear(&data);
            event_data(&rows[i], &data);
            struct job *j = job_new(s, str_c(type), rows[i].collection_name, rows[i].subject,
                                    strbuf_str(&data));
            j->change = rows[i].change;
            j->at_us = rows[i].at_us;
            j->collection_id = rows[i].collection;
            job_add(j);
        }
        s->cursor = rows[i].change;
    }
    strbuf_release(&data);
}

/* Reads on for one subscription; true if there was something. `s` is kept alive by s->reading. */
static bool subscription_read(struct events *x, struct subscription *s, uint64_t after,
                              uint64_t until, size_t room, struct arena *a)
{
    struct change_record *rows;
    struct err_info info = {0};
    size_t n = 0;
    enum err err =
        store_changes(x->store, a, after, room < READ_STEP ? room : READ_STEP, &rows, &n, &info);
    if (err)
        log_event(LOG_ERROR,
                  err == ERR_GONE
                      ? "events were pruned before a consumer read them; it goes on from now"
                      : "the change log could not be read for a consumer",
                  LOG_S("consumer", s->consumer), LOG_S("reason", info.message));
    lock_take(&x->lock);
    if (!err)
        jobs_of_changes(s, rows, n, until);
    else if (err == ERR_GONE)
        s->cursor = until;
    lock_drop(&x->lock);
    return n > 0;
}

/* The last change that may be told of. */
static uint64_t readable(struct events *x)
{
    struct position now;
    store_position(x->store, &now);
    uint64_t in_effect =
        x->options.in_effect ? x->options.in_effect(x->options.in_effect_ctx) : now.change;
    return in_effect < now.change ? in_effect : now.change;
}

/* One round over all subscriptions. */
static bool dispatch(struct events *x, struct arena *a)
{
    uint64_t until = readable(x);
    bool any = false;
    lock_take(&x->lock);
    for (struct subscription *s = x->subscriptions; s;) {
        size_t room = s->count < x->options.queue_max ? x->options.queue_max - s->count : 0;
        uint64_t after = s->cursor;
        if (s->ended || room == 0 || after >= until) {
            s = s->next;
            continue;
        }
        s->reading++;
        lock_drop(&x->lock);
        any |= subscription_read(x, s, after, until, room, a);
        arena_reset(a);
        lock_take(&x->lock);
        s->reading--;
        cond_broadcast(&x->changed);
        s = s->next; /* still linked: who ends it takes the lock after us */
    }
    lock_drop(&x->lock);
    return any;
}

/* Counts what the log has published since. */
static void count_published(struct events *x, struct arena *a)
{
    struct change_record *rows;
    struct position now;
    size_t n = 1;
    store_position(x->store, &now);
    while (x->counted < now.change && n > 0) {
        if (store_changes(x->store, a, x->counted, READ_STEP, &rows, &n, NULL)) {
            x->counted = now.change;
            break;
        }
        for (size_t i = 0; i < n; i++)
            counter_add(counter_of(x->published, (const char *[]){event_type(&rows[i])}), 1);
        x->counted = n ? rows[n - 1].change : now.change;
        arena_reset(a);
    }
}

static bool dispatcher_ends(struct events *x, bool any)
{
    lock_take(&x->lock);
    bool ends = x->closing && (!any || clock_mono_ns() >= x->close_deadline_ns);
    lock_drop(&x->lock);
    return ends;
}

static void dispatcher_run(void *arg)
{
    struct events *x = arg;
    struct arena *a = arena_new(0);
    int64_t stored_ns = clock_mono_ns();
    for (;;) {
        bool any = dispatch(x, a);
        count_published(x, a);
        if (dispatcher_ends(x, any))
            break;
        if (clock_mono_ns() - stored_ns > STORE_PAUSE_NS) {
            positions_store(x);
            stored_ns = clock_mono_ns();
        }
        if (!any && readable(x) < x->counted)
            clock_sleep_ns(HELD_PAUSE_NS); /* committed, not in effect yet */
        else if (!any)
            (void)store_changes_wait(x->store, x->counted, clock_mono_ns() + WAIT_NS);
    }
    arena_free(a);
}

/* ---- publish ---- */

enum err event_publish(struct events *x, const char *type, struct str collection,
                       struct str subject, struct str data, struct err_info *e)
{
    enum err err = 0;
    int64_t at_us = clock_wall_us();
    lock_take(&x->lock);
    if (x->closing)
        err = ERR_CANCELLED;
    for (struct subscription *s = x->subscriptions; s && !err; s = s->next)
        if (subscription_wants(s, type) && s->count >= x->options.queue_max)
            err = ERR_BUSY;
    for (struct subscription *s = x->subscriptions; s && !err; s = s->next) {
        if (!subscription_wants(s, type))
            continue;
        struct job *j = job_new(s, str_c(type), collection, subject, data);
        j->at_us = at_us;
        job_add(j);
    }
    lock_drop(&x->lock);
    if (err)
        return err_set(e, err, NULL,
                       err == ERR_BUSY ? "the queue of events is full" : "akin is stopping");
    counter_add(counter_of(x->published, (const char *[]){type}), 1);
    return 0;
}

/* ---- open and close ---- */

static void metrics_declare(struct events *x)
{
    x->published = counter_family("events_published_total", "Events, by type.", "type");
    x->errors = counter_family("event_handler_errors_total",
                               "Handlers that failed, by type of event.", "type");
    x->depth =
        gauge_of(gauge_family("event_queue_depth", "Events that wait for a handler.", NULL), NULL);
    for (size_t i = 0; i < sizeof known_types / sizeof *known_types; i++) {
        counter_of(x->published, (const char *[]){known_types[i]});
        counter_of(x->errors, (const char *[]){known_types[i]});
    }
}

struct events *events_open(struct store *s, const struct events_options *o)
{
    struct events *x = xcalloc(1, sizeof *x);
    struct position now;
    x->store = s;
    if (o)
        x->options = *o;
    x->options.workers = x->options.workers ? x->options.workers : 3;
    x->options.queue_max = x->options.queue_max ? x->options.queue_max : 1024;
    x->options.tries_max = x->options.tries_max ? x->options.tries_max : 8;
    x->options.backoff_ms = x->options.backoff_ms ? x->options.backoff_ms : 1000;
    store_position(s, &now);
    x->counted = now.change;
    lock_init(&x->lock, LOCK_EVENTS);
    cond_init(&x->work);
    cond_init(&x->changed);
    metrics_declare(x);
    x->dispatcher = thread_start("events", dispatcher_run, x);
    x->workers = xcalloc(x->options.workers, sizeof(struct thread *));
    for (unsigned i = 0; i < x->options.workers; i++)
        x->workers[i] = thread_start("event-worker", worker_run, x);
    return x;
}

static void wait_for_jobs(struct events *x, int64_t deadline_ns)
{
    bool in_time = true;
    lock_take(&x->lock);
    while (x->active > 0 &&
           in_time) /* what waits for another try stays: its consumer's position is below it */
        in_time = cond_wait_until(&x->changed, &x->lock, deadline_ns);
    x->stop = true;
    cond_broadcast(&x->work);
    lock_drop(&x->lock);
}

void events_close(struct events *x, int64_t deadline_ns)
{
    lock_take(&x->lock);
    x->closing = true;
    x->close_deadline_ns = deadline_ns;
    lock_drop(&x->lock);
    thread_join(x->dispatcher);
    wait_for_jobs(x, deadline_ns);
    for (unsigned i = 0; i < x->options.workers; i++)
        thread_join(x->workers[i]);
    positions_store(x);
    lock_take(&x->lock);
    for (struct subscription *s = x->subscriptions, *next; s; s = next) {
        next = s->next;
        jobs_drop(s);
        subscription_free(s);
    }
    lock_drop(&x->lock);
    cond_release(&x->work);
    cond_release(&x->changed);
    lock_release(&x->lock);
    free(x->workers);
    free(x);
}
