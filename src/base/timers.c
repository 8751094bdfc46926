/* The timers of pool.h: a binary heap by (time, id) and the thread that waits for its top. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/pool.h"
#include <assert.h>
#include <stdlib.h>

struct timer {
    int64_t at_ns;
    uint64_t id;
    void (*run)(void *arg);
    void *arg;
};

struct timers {
    struct lock lock;
    struct cond changed;
    struct timer *heap;
    size_t count, max;
    uint64_t id_last;
    bool stopping;
    struct thread *thread;
};

static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->id < b->id;
}

static void swap(struct timer *a, struct timer *b)
{
    struct timer t = *a;
    *a = *b;
    *b = t;
}

static void rise(struct timer *heap, size_t i)
{
    for (; i && earlier(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&heap[i], &heap[(i - 1) / 2]);
}

static void sink(struct timer *heap, size_t count, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
            if (earlier(&heap[child], &heap[least]))
                least = child;
        if (least == i)
            return;
        swap(&heap[i], &heap[least]);
        i = least;
    }
}

static void heap_remove(struct timers *t, size_t i)
{
    t->heap[i] = t->heap[--t->count];
    if (i < t->count) {
        rise(t->heap, i);
        sink(t->heap, t->count, i);
    }
}

static void timers_main(void *arg)
{
    struct timers *t = arg;
    lock_take(&t->lock);
    while (!t->stopping) {
        if (t->count == 0) {
            cond_wait(&t->changed, &t->lock);
        } else if (t->heap[0].at_ns > clock_mono_ns()) {
            (void)cond_wait_until(&t->changed, &t->lock, t->heap[0].at_ns);
        } else {
            struct timer due = t->heap[0];
            heap_remove(t, 0);
            lock_drop(&t->lock);
            due.run(due.arg);
            lock_take(&t->lock);
        }
    }
    lock_drop(&t->lock);
}

struct timers *timers_new(size_t count_max)
{
    assert(count_max > 0);
    struct timers *t = xcalloc(1, sizeof *t);
    lock_init(&t->lock, LOCK_QUEUE);
    cond_init(&t->changed);
    t->heap = xcalloc(count_max, sizeof *t->heap);
    t->max = count_max;
    t->thread = thread_start("timers", timers_main, t);
    return t;
}

void timers_free(struct timers *t)
{
    if (!t)
        return;
    lock_take(&t->lock);
    t->stopping = true;
    cond_signal(&t->changed);
    lock_drop(&t->lock);
    thread_join(t->thread);
    cond_release(&t->changed);
    lock_release(&t->lock);
    free(t->heap);
    free(t);
}

uint64_t timers_add(struct timers *t, int64_t at_ns, void (*run)(void *arg), void *arg)
{
    assert(run);
    uint64_t id = 0;
    lock_take(&t->lock);
    if (t->count < t->max) {
        id = ++t->id_last;
        t->heap[t->count] = (struct timer){at_ns, id, run, arg};
        rise(t->heap, t->count++);
        if (t->heap[0].id == id)
            cond_signal(&t->changed);
    }
    lock_drop(&t->lock);
    return id;
}

bool timers_cancel(struct timers *t, uint64_t id)
{
    bool found = false;
    lock_take(&t->lock);
    for (size_t i = 0; i < t->count && !found; i++) {
        if (t->heap[i].id == id) {
            heap_remove(t, i);
            found = true;
        }
    }
    lock_drop(&t->lock);
    return found;
}
