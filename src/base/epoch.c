#include "base/epoch.h"

#include "base/clock.h"

#define WAIT_NS 50000

struct epoch_reader *epoch_enter(struct epochs *e, uint64_t *began)
{
    static _Thread_local unsigned hint; /* the place that this thread had: its memory is warm */
    uint64_t now = atomic_load(&e->now), empty = 0;
    unsigned at = hint;
    for (unsigned tries = 1;; tries++, empty = 0) {
        if (atomic_compare_exchange_strong(&e->readers[at].began, &empty, now + 1))
            break;
        at = (at + 1) % EPOCH_READERS;
        if (tries % EPOCH_READERS == 0)
            clock_sleep_ns(WAIT_NS);
    }
    hint = at;
    /* A writer that has moved on may have looked before the place was taken: say the later one. */
    for (uint64_t later; (later = atomic_load(&e->now)) != now; now = later)
        atomic_store(&e->readers[at].began, later + 1);
    if (began)
        *began = now;
    return &e->readers[at];
}

void epoch_leave(struct epoch_reader *r)
{
    atomic_store(&r->began, 0);
}

uint64_t epoch_oldest(struct epochs *e)
{
    uint64_t oldest = atomic_load(&e->now);
    for (unsigned i = 0; i < EPOCH_READERS; i++) {
        uint64_t began = atomic_load(&e->readers[i].began);
        if (began && began - 1 < oldest)
            oldest = began - 1;
    }
    return oldest;
}
