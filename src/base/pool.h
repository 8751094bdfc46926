/* Bounded hand-over between threads: a queue, a pool of workers with two lanes. All of it runs
 * under the seeded scheduler too (thread.h). Any thread may call. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/err.h"
#include "base/thread.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bounded first-in first-out queue of pointers. */
struct queue;
struct queue *queue_new(size_t count_max);
void queue_free(struct queue *q);                     /* must be empty or its items ownerless */
enum err queue_try_push(struct queue *q, void *item); /* ERR_BUSY full, ERR_CANCELLED closed */
enum err queue_push(struct queue *q, void *item);     /* waits for room; ERR_CANCELLED closed */
void *queue_pop(struct queue *q);                     /* waits; NULL when closed and empty */
void *queue_pop_until(struct queue *q, int64_t deadline_ns); /* NULL also at the deadline */
void *queue_try_pop(struct queue *q);                        /* NULL when empty */
void queue_close(struct queue *q); /* no more pushes; what is in it can be popped */
size_t queue_count(struct queue *q);

/* Two lanes everywhere work is queued: interactive goes ahead of bulk. */
enum lane { LANE_INTERACTIVE, LANE_BULK, LANE_COUNT };

struct pool;
struct pool *pool_new(const char *name, unsigned threads, size_t queue_max); /* queue_max: a lane */
void pool_free(struct pool *p); /* refuses new work, runs what is queued, joins */
/* run(arg) on a worker. ERR_BUSY: that lane is full (an honest 503); ERR_CANCELLED: stopping. */
enum err pool_submit(struct pool *p, enum lane lane, void (*run)(void *arg), void *arg) MUST_CHECK;
size_t pool_depth(struct pool *p, enum lane lane);
unsigned pool_threads(const struct pool *p);

#endif
