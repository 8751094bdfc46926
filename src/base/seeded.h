/* Private to thread.c and seeded.c: the seeded scheduler beneath thread.h.
 *
 * Every thread waits on a semaphore of its own unless it has the baton, of which there is one.
 * Only its holder runs, so it may touch all that is here without a lock; the semaphores order the
 * memory between two holders. */
#ifndef BASE_SEEDED_H
#define BASE_SEEDED_H

#include "base/thread.h"
#include <semaphore.h>

struct thread {
    pthread_t id;
    char name[16];
    void (*run)(void *arg);
    void *arg;
    /* Seeded run only: */
    sem_t baton;
    const char *wait; /* "lock", "condition" ...; NULL: can run */
    const void *wait_on;
    int64_t deadline_ns;
    bool timed_out, done;
};

#define SCHED_NEVER INT64_MAX

void sched_point(void); /* the baton may go to another here */
/* Wait until woken, or (false) until the virtual clock has passed the deadline. */
bool sched_block(const char *wait, const void *on, int64_t deadline_ns);
void sched_wake_one(const void *on); /* one of them, by lot */
void sched_wake_all(const void *on);
bool sched_lot(unsigned of); /* true once in `of` */
int64_t sched_now_ns(void);

void sched_thread_add(struct thread *t);   /* by its parent */
void sched_thread_begin(struct thread *t); /* by itself: waits for the baton */
void sched_thread_end(void);
void sched_thread_join(struct thread *t);

#endif
