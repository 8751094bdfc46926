#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "events/internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_MAX_NS (300LL * 1000000000)
#define WORKER_WAIT_NS 1000000000LL

/* ---- the queue ---- */

static struct str copy_in(char **at, struct str s)
{
    struct str out = {*at, s.n};
    if (s.n)
        memcpy(*at, s.s, s.n);
    (*at)[s.n] = 0;
    *at += s.n + 1;
    return out;
}

struct job *job_new(struct subscription *s, struct str type, struct str collection,
                    struct str subject, struct str data)
{
    struct job *j = xcalloc(1, sizeof *j + type.n + collection.n + subject.n + data.n + 4);
    char *at = (char *)(j + 1);
    j->of = s;
    j->type = copy_in(&at, type);
    j->collection = copy_in(&at, collection);
    j->subject = copy_in(&at, subject);
    j->data = copy_in(&at, data);
    j->key =
        checksum64(j->collection.s, j->collection.n, checksum64(j->subject.s, j->subject.n, 0));
    return j;
}

static void ready_add(struct events *x, struct job *j)
{
    j->state = JOB_READY;
    x->active++;
    j->ready_next = NULL;
    if (x->ready_last)
        x->ready_last->ready_next = j;
    else
        x->ready_first = j;
    x->ready_last = j;
    cond_signal(&x->work);
}

static void ready_remove(struct events *x, struct job *j)
{
    struct job **at = &x->ready_first, *before = NULL;
    while (*at != j) {
        before = *at;
        at = &(*at)->ready_next;
    }
    *at = j->ready_next;
    if (x->ready_last == j)
        x->ready_last = before;
    x->active--;
}

void job_add(struct job *j)
{
    struct subscription *s = j->of;
    struct events *x = s->events;
    struct job *same = s->last;
    lock_assert_held(&x->lock);
    while (same && same->key != j->key)
        same = same->prev;
    j->prev = s->last;
    if (s->last)
        s->last->next = j;
    else
        s->first = j;
    s->last = j;
    s->count++;
    x->queued++;
    gauge_set(x->depth, (double)x->queued);
    if (same) {
        same->follower = j;
        j->state = JOB_BLOCKED;
    } else {
        ready_add(x, j);
    }
}

static void job_unlink(struct job *j)
{
    struct subscription *s = j->of;
    *(j->prev ? &j->prev->next : &s->first) = j->next;
    *(j->next ? &j->next->prev : &s->last) = j->prev;
    s->count--;
    s->events->queued--;
    gauge_set(s->events->depth, (double)s->events->queued);
}

static void job_end(struct job *j)
{
    struct events *x = j->of->events;
    if (j->follower)
        ready_add(x, j->follower);
    job_unlink(j);
    free(j);
    cond_broadcast(&x->changed);
}

void jobs_drop(struct subscription *s)
{
    struct events *x = s->events;
    for (struct job *j = s->first, *next; j; j = next) {
        next = j->next;
        j->follower = NULL;
        if (j->state == JOB_RUNNING)
            continue;
        if (j->state == JOB_READY)
            ready_remove(x, j);
        x->delayed -= j->state == JOB_DELAYED;
        job_unlink(j);
        free(j);
    }
    cond_broadcast(&x->changed);
}

/* ---- workers ---- */

/* Retries whose time has come; *next_ns: when the next one is due. */
static void delayed_wake(struct events *x, int64_t *next_ns)
{
    int64_t now_ns = clock_mono_ns();
    *next_ns = now_ns + WORKER_WAIT_NS;
    if (x->delayed == 0)
        return;
    for (struct subscription *s = x->subscriptions; s; s = s->next)
        for (struct job *j = s->first; j; j = j->next) {
            if (j->state != JOB_DELAYED)
                continue;
            if (j->due_ns <= now_ns) {
                x->delayed--;
                ready_add(x, j);
            } else if (j->due_ns < *next_ns) {
                *next_ns = j->due_ns;
            }
        }
}

/* Waits for a job; NULL at the end. */
static struct job *job_take(struct events *x)
{
    struct job *j = NULL;
    lock_take(&x->lock);
    while (!j && !x->stop) {
        int64_t next_ns;
        delayed_wake(x, &next_ns);
        j = x->ready_first;
        if (!j)
            (void)cond_wait_until(&x->work, &x->lock, next_ns);
    }
    if (x->stop)
        j = NULL;
    if (j) {
        ready_remove(x, j);
        j->state = JOB_RUNNING;
        j->of->running++;
        x->active++;
    }
    lock_drop(&x->lock);
    return j;
}

static enum err job_call(struct job *j, struct err_info *info)
{
    struct strbuf data;
    strbuf_init(&data, 0);
    payload_make(j, &data);
    struct event event = {.change = j->change,
                          .at_us = j->at_us,
                          .type = j->type,
                          .collection = j->collection,
                          .document_id = j->subject,
                          .data = strbuf_str(&data)};
    enum err err = j->of->handler(j->of->ctx, &event, info);
    strbuf_release(&data);
    return err;
}

static void job_failed(struct events *x, struct job *j, enum err err, const struct err_info *info)
{
    bool again = ++j->tries < x->options.tries_max && !j->of->ended;
    char type[64];
    snprintf(type, sizeof type, "%.*s", STR_ARG(j->type));
    counter_add(counter_of(x->errors, (const char *[]){type}), 1);
    log_event(LOG_WARN,
              again ? "an event handler failed; it is tried again"
                    : "an event handler failed; the event is given up",
              LOG_S("type", type), LOG_STR("subject", j->subject), LOG_I("try", j->tries),
              LOG_S("error", err_name(err)), LOG_S("reason", info->message));
    if (!again) {
        job_end(j);
        return;
    }
    int64_t pause_ns = (int64_t)x->options.backoff_ms * 1000000;
    for (unsigned i = 1; i < j->tries && pause_ns < BACKOFF_MAX_NS; i++)
        pause_ns *= 2;
    j->due_ns = clock_mono_ns() + (pause_ns < BACKOFF_MAX_NS ? pause_ns : BACKOFF_MAX_NS);
    j->state = JOB_DELAYED;
    x->delayed++;
    cond_broadcast(&x->work); /* who waits, waits for the nearest time */
}

void worker_run(void *arg)
{
    struct events *x = arg;
    struct job *j;
    while ((j = job_take(x))) {
        struct err_info info = {0};
        enum err err = job_call(j, &info);
        lock_take(&x->lock);
        j->of->running--;
        x->active--;
        if (err)
            job_failed(x, j, err, &info);
        else
            job_end(j);
        cond_broadcast(&x->changed);
        lock_drop(&x->lock);
    }
}
