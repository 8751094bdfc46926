/* A thread of the engine's own that works by itself, rests when there is nothing to do, can be
 * woken and is told to stop. Zeroed memory, then background_init. */
#ifndef ENGINE_BACKGROUND_H
#define ENGINE_BACKGROUND_H

#include "base/thread.h"

struct background {
    struct lock lock;
    struct cond cond;
    bool stop, woken;
    struct thread *thread; /* NULL: was not started */
};

void background_init(struct background *b);
void background_release(struct background *b); /* it is stopped */
void background_start(struct background *b, const char *name, void (*run)(void *arg), void *arg);
/* Tells it and waits for its end; nothing if it was not started. */
void background_stop(struct background *b);
/* Any thread. */
void background_wake(struct background *b);
bool background_stopping(struct background *b);
/* The thread itself: until it is woken (or was, since it last rested), is to stop, or `ns` are
 * over. False: it is to stop. */
bool background_rest(struct background *b, int64_t ns);
/* The same, but only stopping ends it early. */
bool background_sleep(struct background *b, int64_t ns);

#endif
