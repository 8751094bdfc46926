/* thread.h with pthreads; each call goes to seeded.c instead while a seeded run is on.
 * The ranks that a thread holds are bits of a word: a lock may be taken if no bit at or above its
 * own rank is set, so two of one rank are never held together. */
#include "base/thread.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/seeded.h"
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of two threads that want the same core, the other gets nine tenths (weights 1024 and 110). With
 * two cores full of bulk blocks, a query of 12 tokens took, at the 50th and 90th percentile: 3 and
 * 11-27 ms beside threads of nice 0, 3 and 10-14 beside 5, 3 and 7 beside 10. */
#define BACKGROUND_NICE 10

static _Thread_local uint32_t ranks_held;

static void rank_take(enum lock_rank rank)
{
    assert(ranks_held >> rank == 0); /* taken against the order of enum lock_rank */
    ranks_held |= UINT32_C(1) << rank;
}

static void rank_drop(enum lock_rank rank)
{
    assert(ranks_held >> rank & 1);
    ranks_held &= ~(UINT32_C(1) << rank);
}

/* A thread is known by the address of its word of ranks: libraries' threads have one too. */
static const void *identity(void)
{
    return &ranks_held;
}

static void check(int rc)
{
    assert(rc == 0);
}

static void *thread_main(void *arg)
{
    struct thread *t = arg;
    bool seeded = sched_running();
    if (seeded)
        sched_thread_begin(t);
    t->run(t->arg);
    assert(ranks_held == 0);
    if (seeded)
        sched_thread_end();
    return NULL;
}

/* A fault's own signals stay open: blocked, they would end the process without a report. */
static void signals_block(sigset_t *was)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&all, faults[i]);
    check(pthread_sigmask(SIG_SETMASK, &all, was));
}

struct thread *thread_start(const char *name, void (*run)(void *arg), void *arg)
{
    struct thread *t = xcalloc(1, sizeof *t);
    sigset_t was;
    assert(strlen(name) < sizeof t->name);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->run = run;
    t->arg = arg;
    if (sched_running())
        sched_thread_add(t);
    signals_block(&was);
    int rc = pthread_create(&t->id, NULL, thread_main, t);
    if (rc) {
        fprintf(stderr, "akin: cannot start thread %s: error %d\n", name, rc);
        abort();
    }
    pthread_setname_np(t->id, t->name);
    check(pthread_sigmask(SIG_SETMASK, &was, NULL));
    if (sched_running())
        sched_point();
    return t;
}

void thread_join(struct thread *t)
{
    bool seeded = sched_running();
    if (seeded)
        sched_thread_join(t);
    check(pthread_join(t->id, NULL));
    if (seeded)
        sem_destroy(&t->baton);
    free(t);
}

void thread_background(void)
{
    id_t self = (id_t)syscall(SYS_gettid); /* Linux: of the thread, not of the process */
    int nice_now = getpriority(PRIO_PROCESS, self);
    (void)setpriority(PRIO_PROCESS, self, nice_now + BACKGROUND_NICE);
}

unsigned thread_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? (unsigned)n : 1;
}

static const void *owner_get(const struct lock *l)
{
    return __atomic_load_n(&l->owner, __ATOMIC_RELAXED);
}

static void owner_set(struct lock *l, const void *owner)
{
    __atomic_store_n(&l->owner, owner, __ATOMIC_RELAXED);
}

void lock_init(struct lock *l, enum lock_rank rank)
{
    check(pthread_mutex_init(&l->mutex, NULL));
    l->rank = rank;
    l->owner = NULL;
}

void lock_release(struct lock *l)
{
    assert(!owner_get(l));
    check(pthread_mutex_destroy(&l->mutex));
}

static void raw_take(struct lock *l)
{
    if (sched_running())
        while (owner_get(l))
            sched_block("lock", l, SCHED_NEVER);
    else
        check(pthread_mutex_lock(&l->mutex));
    owner_set(l, identity());
}

static void raw_drop(struct lock *l)
{
    owner_set(l, NULL);
    if (sched_running())
        sched_wake_all(l);
    else
        check(pthread_mutex_unlock(&l->mutex));
}

void lock_take(struct lock *l)
{
    rank_take(l->rank);
    if (sched_running())
        sched_point();
    raw_take(l);
}

void lock_drop(struct lock *l)
{
    lock_assert_held(l);
    raw_drop(l);
    rank_drop(l->rank);
    if (sched_running())
        sched_point();
}

void lock_assert_held(const struct lock *l)
{
    assert(owner_get(l) == identity());
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attr;
    check(pthread_condattr_init(&attr));
    check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    check(pthread_cond_init(&c->cond, &attr));
    check(pthread_condattr_destroy(&attr));
}

void cond_release(struct cond *c)
{
    check(pthread_cond_destroy(&c->cond));
}

/* One wait in 16 ends at once: callers must look again at what they wait for. Between letting go
 * of the lock and waiting nobody else runs, as with pthreads. */
static bool seeded_wait(struct cond *c, struct lock *l, int64_t deadline_ns)
{
    bool woken = true;
    raw_drop(l);
    if (deadline_ns > sched_now_ns() && sched_lot(16))
        sched_point();
    else
        woken = sched_block("condition", c, deadline_ns);
    raw_take(l);
    return woken;
}

void cond_wait(struct cond *c, struct lock *l)
{
    lock_assert_held(l);
    if (sched_running()) {
        (void)seeded_wait(c, l, SCHED_NEVER);
        return;
    }
    owner_set(l, NULL);
    check(pthread_cond_wait(&c->cond, &l->mutex));
    owner_set(l, identity());
}

/* The deadline is of clock.h's clock, which a test may have replaced; pthreads know the machine's.
 */
static struct timespec machine_deadline(int64_t deadline_ns)
{
    struct timespec t;
    int64_t left = deadline_ns - clock_mono_ns(), century = INT64_C(3153600000) * 1000000000;
    left = left < 0 ? 0 : left > century ? century : left;
    clock_gettime(CLOCK_MONOTONIC, &t);
    left += t.tv_nsec;
    t.tv_sec += left / 1000000000;
    t.tv_nsec = left % 1000000000;
    return t;
}

bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_ns)
{
    lock_assert_held(l);
    if (sched_running())
        return seeded_wait(c, l, deadline_ns);
    struct timespec t = machine_deadline(deadline_ns);
    owner_set(l, NULL);
    int rc = pthread_cond_timedwait(&c->cond, &l->mutex, &t);
    owner_set(l, identity());
    assert(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

void cond_signal(struct cond *c)
{
    if (sched_running()) {
        sched_wake_one(c);
        sched_point();
    } else {
        check(pthread_cond_signal(&c->cond));
    }
}

void cond_broadcast(struct cond *c)
{
    if (sched_running()) {
        sched_wake_all(c);
        sched_point();
    } else {
        check(pthread_cond_broadcast(&c->cond));
    }
}

void rwlock_init(struct rwlock *l, enum lock_rank rank)
{
    pthread_rwlockattr_t attr;
    check(pthread_rwlockattr_init(&attr));
    check(pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP));
    check(pthread_rwlock_init(&l->lock, &attr));
    check(pthread_rwlockattr_destroy(&attr));
    l->rank = rank;
    l->holders = 0;
}

void rwlock_release(struct rwlock *l)
{
    assert(l->holders == 0);
    check(pthread_rwlock_destroy(&l->lock));
}

void rwlock_read(struct rwlock *l)
{
    rank_take(l->rank);
    if (!sched_running()) {
        check(pthread_rwlock_rdlock(&l->lock));
        return;
    }
    sched_point();
    while (l->holders < 0)
        sched_block("lock (to read)", l, SCHED_NEVER);
    l->holders++;
}

void rwlock_write(struct rwlock *l)
{
    rank_take(l->rank);
    if (!sched_running()) {
        check(pthread_rwlock_wrlock(&l->lock));
        return;
    }
    sched_point();
    while (l->holders != 0)
        sched_block("lock (to write)", l, SCHED_NEVER);
    l->holders = -1;
}

void rwlock_drop(struct rwlock *l)
{
    rank_drop(l->rank);
    if (!sched_running()) {
        check(pthread_rwlock_unlock(&l->lock));
        return;
    }
    assert(l->holders != 0);
    l->holders = l->holders < 0 ? 0 : l->holders - 1;
    sched_wake_all(l);
    sched_point();
}
