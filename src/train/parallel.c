#include "train/parallel.h"

#include "base/thread.h"
#include <assert.h>

struct loop {
    void (*one)(void *ctx, unsigned worker, uint32_t i);
    void *ctx;
    uint32_t count;
    _Atomic uint32_t next;
};
struct worker {
    struct loop *loop;
    unsigned worker;
};

unsigned parallel_threads(unsigned wanted)
{
    unsigned threads = wanted ? wanted : thread_cores();
    return threads < PARALLEL_THREADS_MAX ? threads : PARALLEL_THREADS_MAX;
}

static void run(void *arg)
{
    const struct worker *w = arg;
    struct loop *l = w->loop;
    for (uint32_t i; (i = l->next++) < l->count;)
        l->one(l->ctx, w->worker, i);
}

void parallel_run(unsigned threads, uint32_t count,
                  void (*one)(void *ctx, unsigned worker, uint32_t i), void *ctx)
{
    struct loop l = {.one = one, .ctx = ctx, .count = count};
    struct worker workers[PARALLEL_THREADS_MAX];
    struct thread *started[PARALLEL_THREADS_MAX];
    assert(threads >= 1 && threads <= PARALLEL_THREADS_MAX &&
           count <= UINT32_MAX - PARALLEL_THREADS_MAX);
    threads = threads < count || count == 0 ? threads : count;
    for (unsigned w = 0; w < threads; w++)
        workers[w] = (struct worker){&l, w};
    for (unsigned w = 1; w < threads; w++)
        started[w] = thread_start("train", run, &workers[w]);
    run(&workers[0]);
    for (unsigned w = 1; w < threads; w++)
        thread_join(started[w]);
}
