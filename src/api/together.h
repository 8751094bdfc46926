/* Parts of one request at the same time: this thread works through them, and other workers of the
 * pool that have nothing to do help it. */
#ifndef API_TOGETHER_H
#define API_TOGETHER_H

#include "base/pool.h"
#include <stddef.h>

#define TOGETHER_HELPERS_MAX 3

/* run(ctx, i) of each i in [0, count), each once, in any order, one thread at a time; all have
 * returned when this does. A full pool helps less, and does no harm. */
void together_run(struct pool *pool, size_t count, void (*run)(void *ctx, size_t i), void *ctx);

#endif
