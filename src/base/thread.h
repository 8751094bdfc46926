/* Threads, locks and waiting: the only place where akin makes or parks a thread.
 *
 * Two ways to run, chosen once before the first thread:
 *   the machine's: pthreads;
 *   seeded (sched_start): the same threads, but only one of them runs at a time. At every call of
 *     this header the running thread may hand over to another, chosen by a generator that follows
 *     from the seed; when all wait, the virtual clock (clock.h) jumps to the next deadline. A seed
 *     replays a schedule, and a schedule in which nobody can go on is reported as a deadlock. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct thread;
/* Signals other than those of a fault are blocked in it: one thread takes signals (main/). */
struct thread *thread_start(const char *name, void (*run)(void *arg),
                            void *arg); /* name: <= 15 characters */
void thread_join(struct thread *t);     /* waits and frees */
/* The calling thread gets a smaller share of the processor than others from now on (nice +N),
 * and is set aside when one of them wakes. There is no way back. */
void thread_background(void);
unsigned thread_cores(void); /* usable processors, at least 1 */

/* Locks are taken in the order of this list, and a thread that holds one may take only a later
 * one (checked by assert). None is held across I/O or a callback. */
enum lock_rank {
    LOCK_ENGINE,     /* the list of collections */
    LOCK_COLLECTION, /* the state of one collection */
    LOCK_APPLIER,
    LOCK_EVENTS,
    LOCK_STORE,
    LOCK_EMBED,
    LOCK_INDEX,
    LOCK_HTTP,
    LOCK_QUEUE, /* pool.h */
    LOCK_CACHE,
    LOCK_LOG,
    LOCK_METRICS,
    LOCK_LEAF,
};
struct lock {
    pthread_mutex_t mutex;
    enum lock_rank rank;
    const void *owner; /* identity of the holder, for lock_assert_held and the seeded run */
};
void lock_init(struct lock *l, enum lock_rank rank);
void lock_release(struct lock *l);
void lock_take(struct lock *l);
void lock_drop(struct lock *l);
void lock_assert_held(const struct lock *l);

struct cond {
    pthread_cond_t cond;
};
void cond_init(struct cond *c); /* waits on the monotonic clock */
void cond_release(struct cond *c);
/* May return without a signal: wait in a loop (a seeded run does it on purpose). */
void cond_wait(struct cond *c, struct lock *l);
/* Until clock_mono_ns() passes deadline_ns; false on time-out. */
bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_ns);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

/* Many readers, one writer, who goes ahead of new readers; the same ranks. */
struct rwlock {
    pthread_rwlock_t lock;
    enum lock_rank rank;
    int holders; /* seeded run only: readers, or -1 for a writer */
};
void rwlock_init(struct rwlock *l, enum lock_rank rank);
void rwlock_release(struct rwlock *l);
void rwlock_read(struct rwlock *l);
void rwlock_write(struct rwlock *l);
void rwlock_drop(struct rwlock *l);

/* The seeded scheduler. sched_start makes the caller thread 0; sched_stop when all others are
 * joined. Threads of libraries (libmicrohttpd's) cannot take part. A deadlock prints who waits for
 * what and aborts. The virtual clock passes up to a microsecond a step, and starts at 2026-01-01.
 */
void sched_start(uint64_t seed);
void sched_stop(void);
bool sched_running(void);

#endif
