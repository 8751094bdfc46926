/* Epochs: when may what readers could still see be used again?
 *
 * Readers take no lock: each writes the epoch of its start into a place of its own. What the writer
 * took away at epoch n may be used again once nobody is inside who began before n (epoch-based
 * reclamation: Fraser, Practical lock-freedom, 2004, section 5.2.3). */
#ifndef BASE_EPOCH_H
#define BASE_EPOCH_H

#include <stdatomic.h>
#include <stdint.h>

#define EPOCH_READERS 128u

struct epoch_reader {
    _Alignas(64) _Atomic uint64_t began; /* its epoch, plus 1; 0: free */
};
/* Zeroed at first; owned by who holds it. */
struct epochs {
    _Atomic uint64_t now; /* the writer's: it stores and counts */
    struct epoch_reader readers[EPOCH_READERS];
};

/* Any thread; *began, unless NULL: its epoch. Waits while EPOCH_READERS are inside. */
struct epoch_reader *epoch_enter(struct epochs *e, uint64_t *began);
void epoch_leave(struct epoch_reader *r); /* from any thread */
/* The epoch of the oldest reader inside; now, if there is none. Any thread. */
uint64_t epoch_oldest(struct epochs *e);

#endif
