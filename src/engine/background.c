#include "engine/background.h"
#include "base/clock.h"

void background_init(struct background *b)
{
    lock_init(&b->lock, LOCK_APPLIER);
    cond_init(&b->cond);
}

void background_release(struct background *b)
{
    cond_release(&b->cond);
    lock_release(&b->lock);
}

void background_start(struct background *b, const char *name, void (*run)(void *arg), void *arg)
{
    b->thread = thread_start(name, run, arg);
}

void background_stop(struct background *b)
{
    lock_take(&b->lock);
    b->stop = true;
    cond_broadcast(&b->cond);
    lock_drop(&b->lock);
    if (b->thread)
        thread_join(b->thread);
    b->thread = NULL;
}

void background_wake(struct background *b)
{
    lock_take(&b->lock);
    b->woken = true;
    cond_broadcast(&b->cond);
    lock_drop(&b->lock);
}

bool background_stopping(struct background *b)
{
    lock_take(&b->lock);
    bool stop = b->stop;
    lock_drop(&b->lock);
    return stop;
}

static bool wait_for(struct background *b, int64_t ns, bool wakes)
{
    int64_t until_ns = clock_mono_ns() + ns;
    lock_take(&b->lock);
    while (!b->stop && !(wakes && b->woken) && cond_wait_until(&b->cond, &b->lock, until_ns))
        ;
    if (wakes)
        b->woken = false;
    bool stop = b->stop;
    lock_drop(&b->lock);
    return !stop;
}

bool background_rest(struct background *b, int64_t ns)
{
    return wait_for(b, ns, true);
}

bool background_sleep(struct background *b, int64_t ns)
{
    return wait_for(b, ns, false);
}
