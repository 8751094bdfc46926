/* The worker pool of pool.h: a ring for each lane under one lock; every worker takes from the
 * interactive ring first. */
#include "base/pool.h"
#include "base/arena.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct job {
    void (*run)(void *arg);
    void *arg;
};

struct ring {
    struct job *jobs;
    size_t first, count;
};

struct pool {
    struct lock lock;
    struct cond work;
    struct ring lanes[LANE_COUNT];
    size_t max;
    bool stopping;
    unsigned thread_count;
    struct thread **threads;
};

/* The next job; false when stopping and nothing is left. */
static bool job_take(struct pool *p, struct job *out)
{
    for (;;) {
        for (int lane = 0; lane < LANE_COUNT; lane++) {
            struct ring *r = &p->lanes[lane];
            if (r->count) {
                *out = r->jobs[r->first];
                r->first = (r->first + 1) % p->max;
                r->count--;
                return true;
            }
        }
        if (p->stopping)
            return false;
        cond_wait(&p->work, &p->lock);
    }
}

static void worker(void *arg)
{
    struct pool *p = arg;
    struct job job;
    lock_take(&p->lock);
    while (job_take(p, &job)) {
        lock_drop(&p->lock);
        job.run(job.arg);
        lock_take(&p->lock);
    }
    lock_drop(&p->lock);
}

struct pool *pool_new(const char *name, unsigned threads, size_t queue_max)
{
    assert(threads > 0 && queue_max > 0);
    struct pool *p = xcalloc(1, sizeof *p);
    lock_init(&p->lock, LOCK_QUEUE);
    cond_init(&p->work);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        p->lanes[lane].jobs = xcalloc(queue_max, sizeof(struct job));
    p->max = queue_max;
    p->thread_count = threads;
    p->threads = xcalloc(threads, sizeof *p->threads);
    for (unsigned i = 0; i < threads; i++) {
        char thread_name[16];
        snprintf(thread_name, sizeof thread_name, "%.10s-%u", name, i % 10000);
        p->threads[i] = thread_start(thread_name, worker, p);
    }
    return p;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    lock_take(&p->lock);
    p->stopping = true;
    cond_broadcast(&p->work);
    lock_drop(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++)
        thread_join(p->threads[i]);
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        assert(p->lanes[lane].count == 0);
        free(p->lanes[lane].jobs);
    }
    cond_release(&p->work);
    lock_release(&p->lock);
    free(p->threads);
    free(p);
}

enum err pool_submit(struct pool *p, enum lane lane, void (*run)(void *arg), void *arg)
{
    assert(run && lane < LANE_COUNT);
    struct ring *r = &p->lanes[lane];
    enum err rc = ERR_OK;
    lock_take(&p->lock);
    if (p->stopping) {
        rc = ERR_CANCELLED;
    } else if (r->count == p->max) {
        rc = ERR_BUSY;
    } else {
        r->jobs[(r->first + r->count++) % p->max] = (struct job){run, arg};
        cond_signal(&p->work);
    }
    lock_drop(&p->lock);
    return rc;
}

size_t pool_depth(struct pool *p, enum lane lane)
{
    lock_take(&p->lock);
    size_t n = p->lanes[lane].count;
    lock_drop(&p->lock);
    return n;
}

unsigned pool_threads(const struct pool *p)
{
    return p->thread_count;
}
