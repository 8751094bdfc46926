/* A loop by several threads. Which thread does what follows from who is free, so what is done for
 * `i` must not depend on it: then the result is the same whatever the threads. */
#ifndef TRAIN_PARALLEL_H
#define TRAIN_PARALLEL_H

#include <stdint.h>

#define PARALLEL_THREADS_MAX 64u

/* How many there will be of the wanted, 0: one a core. */
unsigned parallel_threads(unsigned wanted);
/* one(ctx, worker, i) for each i < count, in rising order; worker < threads, and each worker is one
 * thread. The caller's is one of them. */
void parallel_run(unsigned threads, uint32_t count,
                  void (*one)(void *ctx, unsigned worker, uint32_t i), void *ctx);

#endif
