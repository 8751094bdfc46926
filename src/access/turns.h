/* Whose turn it is: what waits, in a queue for each subject (a key, or an address without one), one
 * of each in turn, so that whoever asks for much waits behind itself and not before the others.
 * Start-time fair queueing with all weights alike (Goyal, Vin, Cheng 1996) comes to this where
 * pieces of work are of like size.
 *
 * Bounded: when `count_max` items wait, the subject with the longest queue loses its newest one.
 * While another subject has asked within the last second, none holds more than half of the seats
 * (workers), rounded up. Any thread; a lock is held for some 100 ns. */
#ifndef ACCESS_TURNS_H
#define ACCESS_TURNS_H

#include <stddef.h>
#include <stdint.h>

struct turns;
struct turns *turns_new(size_t count_max, unsigned seats);
void turns_free(struct turns *t); /* what still waits is the caller's */

/* NULL: it waits. Else the item that has no place, which may be another one, or `item` itself. */
void *turns_push(struct turns *t, uint64_t subject, void *item, int64_t now_ns);
/* The next one, with its subject, whose seat it takes; NULL: nothing waits that may sit down now.
 */
void *turns_pop(struct turns *t, uint64_t *subject, int64_t now_ns);
/* A seat of `subject` is free again. */
void turns_leave(struct turns *t, uint64_t subject);
size_t turns_count(struct turns *t);

#endif
