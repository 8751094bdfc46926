/* Time. Every reading and every sleep goes through here, so that a test can drive it and the
 * seeded scheduler (thread.h) can make time pass without waiting. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"
#include <stdint.h>

int64_t clock_wall_us(void); /* microseconds since 1970, UTC */
int64_t clock_mono_ns(void); /* never goes back; only differences mean something */
void clock_sleep_ns(int64_t ns);
/* What the calling thread has computed for; only differences mean something. With a replaced
 * clock_mono_ns the same as that: as if it never had to wait for a processor. */
int64_t clock_thread_ns(void);

/* RFC 3339 in UTC with microseconds, "2026-11-22T16:09:02.123456Z"; `out` holds CLOCK_TEXT. */
#define CLOCK_TEXT 32
void clock_format(int64_t wall_us, char out[CLOCK_TEXT]);
/* Reads RFC 3339 (offset or Z required; fraction optional). ERR_INVALID otherwise. */
enum err clock_parse(struct str s, int64_t *wall_us);

/* The seam: replace the three sources (NULL restores the machine's). Before threads start. */
struct clock_source {
    int64_t (*wall_us)(void *ctx);
    int64_t (*mono_ns)(void *ctx);
    void (*sleep_ns)(void *ctx, int64_t ns);
    void *ctx;
};
void clock_replace(const struct clock_source *source);

#endif
