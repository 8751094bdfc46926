#include "base/seeded.h"
#include "base/clock.h"
#include "base/rng.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 256 };

static const int64_t START_NS = 1000000000, START_WALL_US = 1767225600000000;

static atomic_bool running;
static struct {
    struct rng rng;
    uint64_t seed, steps;
    unsigned stay; /* of 8: how readily a thread keeps the baton, a trait of the seed */
    int64_t now_ns;
    struct thread *threads[THREADS_MAX]; /* in the order of their start */
    unsigned count;
    struct thread first;
} sched;

static _Thread_local struct thread *self;

bool sched_running(void)
{
    return atomic_load_explicit(&running, memory_order_relaxed);
}

int64_t sched_now_ns(void)
{
    return sched.now_ns;
}

bool sched_lot(unsigned of)
{
    return rng_below(&sched.rng, of) == 0;
}

static void deadlock(void)
{
    fprintf(stderr, "akin: deadlock in the seeded run (seed %" PRIu64 ", step %" PRIu64 "):\n",
            sched.seed, sched.steps);
    for (unsigned i = 0; i < sched.count; i++) {
        const struct thread *t = sched.threads[i];
        fprintf(stderr, "  thread %s waits for %s %p\n", t->name, t->wait, t->wait_on);
    }
    abort();
}

static void wake(struct thread *t, bool timed_out)
{
    t->wait = NULL;
    t->wait_on = NULL;
    t->deadline_ns = SCHED_NEVER;
    t->timed_out = timed_out;
}

/* Time-outs that have come are woken; how many threads can run. */
static unsigned runnable_count(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < sched.count; i++) {
        struct thread *t = sched.threads[i];
        if (t->wait && t->deadline_ns <= sched.now_ns)
            wake(t, true);
        n += !t->wait;
    }
    return n;
}

static void clock_jump(void)
{
    int64_t earliest = SCHED_NEVER;
    for (unsigned i = 0; i < sched.count; i++)
        if (sched.threads[i]->deadline_ns < earliest)
            earliest = sched.threads[i]->deadline_ns;
    if (earliest == SCHED_NEVER)
        deadlock();
    sched.now_ns = earliest;
}

static struct thread *pick(void)
{
    sched.steps++;
    sched.now_ns += 1 + (int64_t)rng_below(&sched.rng, 1000);
    unsigned n = runnable_count();
    if (n == 0) {
        clock_jump();
        n = runnable_count();
    }
    if (!self->wait && !self->done && rng_below(&sched.rng, 8) < sched.stay)
        return self;
    unsigned nth = (unsigned)rng_below(&sched.rng, n), i = 0;
    for (;; i++)
        if (!sched.threads[i]->wait && nth-- == 0)
            return sched.threads[i];
}

static void baton_wait(struct thread *t)
{
    while (sem_wait(&t->baton) < 0)
        assert(errno == EINTR);
}

static void hand_over(void)
{
    assert(self); /* a thread that thread.h did not start cannot take part */
    bool done = self->done;
    struct thread *next = pick();
    if (next == self)
        return;
    sem_post(&next->baton);
    if (!done)
        baton_wait(self);
}

void sched_point(void)
{
    hand_over();
}

bool sched_block(const char *wait, const void *on, int64_t deadline_ns)
{
    self->wait = wait;
    self->wait_on = on;
    self->deadline_ns = deadline_ns;
    hand_over();
    return !self->timed_out;
}

void sched_wake_all(const void *on)
{
    for (unsigned i = 0; i < sched.count; i++)
        if (sched.threads[i]->wait && sched.threads[i]->wait_on == on)
            wake(sched.threads[i], false);
}

void sched_wake_one(const void *on)
{
    struct thread *waiters[THREADS_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < sched.count; i++)
        if (sched.threads[i]->wait && sched.threads[i]->wait_on == on)
            waiters[n++] = sched.threads[i];
    if (n)
        wake(waiters[rng_below(&sched.rng, n)], false);
}

void sched_thread_add(struct thread *t)
{
    assert(sched.count < THREADS_MAX);
    sem_init(&t->baton, 0, 0);
    wake(t, false);
    t->done = false;
    sched.threads[sched.count++] = t;
}

void sched_thread_begin(struct thread *t)
{
    self = t;
    baton_wait(t);
}

static void thread_remove(const struct thread *t)
{
    unsigned i = 0;
    while (sched.threads[i] != t)
        i++;
    sched.count--;
    memmove(sched.threads + i, sched.threads + i + 1, (sched.count - i) * sizeof *sched.threads);
}

void sched_thread_end(void)
{
    self->done = true;
    sched_wake_all(self);
    thread_remove(self);
    hand_over();
}

void sched_thread_join(struct thread *t)
{
    sched_point();
    while (!t->done)
        sched_block("the end of thread", t, SCHED_NEVER);
}

static int64_t source_wall_us(void *ctx)
{
    return START_WALL_US + (sched.now_ns - START_NS) / 1000;
}

static int64_t source_mono_ns(void *ctx)
{
    return sched.now_ns;
}

static void source_sleep_ns(void *ctx, int64_t ns)
{
    if (ns <= 0)
        sched_point();
    else
        sched_block("sleep", self, sched.now_ns + ns);
}

void sched_start(uint64_t seed)
{
    static const struct clock_source source = {source_wall_us, source_mono_ns, source_sleep_ns,
                                               NULL};
    static const unsigned stays[] = {0, 2, 4, 7};
    assert(!sched_running());
    memset(&sched, 0, sizeof sched);
    rng_init(&sched.rng, seed);
    sched.seed = seed;
    sched.stay = stays[rng_below(&sched.rng, 4)];
    sched.now_ns = START_NS;
    self = &sched.first;
    self->name[0] = '0';
    sched_thread_add(self);
    clock_replace(&source);
    atomic_store(&running, true);
}

void sched_stop(void)
{
    assert(sched_running() && self == &sched.first);
    assert(sched.count == 1); /* the others must be joined */
    sem_destroy(&self->baton);
    self = NULL;
    clock_replace(NULL);
    atomic_store(&running, false);
}
