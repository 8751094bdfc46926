/* The bounded queue of pool.h: a ring under one lock. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/pool.h"
#include <assert.h>
#include <stdlib.h>

struct queue {
    struct lock lock;
    struct cond not_empty, not_full;
    void **items;
    size_t max, first, count;
    bool closed;
};

struct queue *queue_new(size_t count_max)
{
    assert(count_max > 0);
    struct queue *q = xcalloc(1, sizeof *q);
    lock_init(&q->lock, LOCK_QUEUE);
    cond_init(&q->not_empty);
    cond_init(&q->not_full);
    q->items = xcalloc(count_max, sizeof *q->items);
    q->max = count_max;
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    cond_release(&q->not_full);
    cond_release(&q->not_empty);
    lock_release(&q->lock);
    free(q->items);
    free(q);
}

static enum err push_locked(struct queue *q, void *item)
{
    if (q->closed)
        return ERR_CANCELLED;
    if (q->count == q->max)
        return ERR_BUSY;
    q->items[(q->first + q->count++) % q->max] = item;
    cond_signal(&q->not_empty);
    return ERR_OK;
}

static void *pop_locked(struct queue *q)
{
    if (q->count == 0)
        return NULL;
    void *item = q->items[q->first];
    q->first = (q->first + 1) % q->max;
    q->count--;
    cond_signal(&q->not_full);
    return item;
}

enum err queue_try_push(struct queue *q, void *item)
{
    assert(item); /* NULL is how pop says that there is none */
    lock_take(&q->lock);
    enum err rc = push_locked(q, item);
    lock_drop(&q->lock);
    return rc;
}

enum err queue_push(struct queue *q, void *item)
{
    assert(item);
    lock_take(&q->lock);
    while (q->count == q->max && !q->closed)
        cond_wait(&q->not_full, &q->lock);
    enum err rc = push_locked(q, item);
    lock_drop(&q->lock);
    return rc;
}

void *queue_pop(struct queue *q)
{
    lock_take(&q->lock);
    while (q->count == 0 && !q->closed)
        cond_wait(&q->not_empty, &q->lock);
    void *item = pop_locked(q);
    lock_drop(&q->lock);
    return item;
}

void *queue_pop_until(struct queue *q, int64_t deadline_ns)
{
    lock_take(&q->lock);
    while (q->count == 0 && !q->closed && clock_mono_ns() < deadline_ns)
        (void)cond_wait_until(&q->not_empty, &q->lock, deadline_ns);
    void *item = pop_locked(q);
    lock_drop(&q->lock);
    return item;
}

void *queue_try_pop(struct queue *q)
{
    lock_take(&q->lock);
    void *item = pop_locked(q);
    lock_drop(&q->lock);
    return item;
}

void queue_close(struct queue *q)
{
    lock_take(&q->lock);
    q->closed = true;
    cond_broadcast(&q->not_empty);
    cond_broadcast(&q->not_full);
    lock_drop(&q->lock);
}

size_t queue_count(struct queue *q)
{
    lock_take(&q->lock);
    size_t n = q->count;
    lock_drop(&q->lock);
    return n;
}
