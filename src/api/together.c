#include "api/together.h"
#include "base/arena.h"
#include "base/thread.h"
#include <stdatomic.h>
#include <stdlib.h>

/* Lives until the last thread has left it. A helper that comes when everything is taken finds only
 * that: what `ctx` points to is the request's. */
struct together {
    struct lock lock;
    struct cond all_done;
    void (*run)(void *ctx, size_t i);
    void *ctx;
    size_t count, taken, done;
    atomic_uint users; /* not under the lock: who lets go of that still looks at it */
};

static void leave(struct together *t)
{
    if (atomic_fetch_sub(&t->users, 1) != 1)
        return;
    cond_release(&t->all_done);
    lock_release(&t->lock);
    free(t);
}

static bool take(struct together *t, size_t *out)
{
    lock_take(&t->lock);
    bool some = t->taken < t->count;
    if (some)
        *out = t->taken++;
    lock_drop(&t->lock);
    return some;
}

static void work(struct together *t)
{
    for (size_t i; take(t, &i);) {
        t->run(t->ctx, i);
        lock_take(&t->lock);
        if (++t->done == t->count)
            cond_broadcast(&t->all_done);
        lock_drop(&t->lock);
    }
}

static void help(void *arg)
{
    struct together *t = arg;
    work(t);
    leave(t);
}

static void helpers_ask(struct together *t, struct pool *pool)
{
    size_t wanted = t->count - 1 < TOGETHER_HELPERS_MAX ? t->count - 1 : TOGETHER_HELPERS_MAX;
    for (; wanted && thread_cores() > 1; wanted--) {
        atomic_fetch_add(&t->users, 1);
        if (pool_submit(pool, LANE_INTERACTIVE, help, t))
            leave(t); /* they have enough to do */
    }
}

void together_run(struct pool *pool, size_t count, void (*run)(void *ctx, size_t i), void *ctx)
{
    if (!count)
        return;
    struct together *t = xcalloc(1, sizeof *t);
    t->run = run;
    t->ctx = ctx;
    t->count = count;
    atomic_init(&t->users, 1);
    lock_init(&t->lock, LOCK_LEAF);
    cond_init(&t->all_done);
    helpers_ask(t, pool);
    work(t);
    lock_take(&t->lock);
    while (t->done < t->count)
        cond_wait(&t->all_done, &t->lock);
    lock_drop(&t->lock);
    leave(t);
}
