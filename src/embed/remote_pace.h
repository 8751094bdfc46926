/* When a remote provider may be asked (private): a circuit breaker and the pauses it asked for.
 * No state but what is given, no clock: the caller holds the lock and says what time it is. */
#ifndef EMBED_REMOTE_PACE_H
#define EMBED_REMOTE_PACE_H

#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum breaker { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

#define BREAKER_FAILURES 5 /* in a row open it */
#define BREAKER_OPEN_MS 1000
#define BREAKER_OPEN_MS_MAX 30000 /* it doubles with each probe that fails */

struct pace {
    enum breaker state;
    unsigned failures; /* in a row */
    unsigned trips;    /* openings in a row */
    int64_t open_until_ns;
    int64_t paused_until_ns; /* what Retry-After asked for */
};

/* May a request be sent now? If not, *wait_ns tells when to ask again. Of an open breaker whose
 * time has come, the first to ask may: its request is the probe, and it has to report. */
bool pace_enter(struct pace *p, int64_t now_ns, int64_t *wait_ns);
/* The same without taking part: 0, or how long it will be refused. */
int64_t pace_wait_ns(const struct pace *p, int64_t now_ns);
void pace_success(struct pace *p);
/* `unit`: random in [0, 1). */
void pace_failure(struct pace *p, int64_t now_ns, double unit);
/* The provider works and wants to be left alone for a while. */
void pace_pause(struct pace *p, int64_t now_ns, int64_t pause_ns);
/* Nothing was learned (the request was given up by us): a probe is due again. */
void pace_cancel(struct pace *p, int64_t now_ns);

/* Full jitter (Brooker 2015, "Exponential Backoff And Jitter"): uniform below a bound that doubles.
 * `attempt`: from 0. */
#define BACKOFF_MS 200
#define BACKOFF_MS_MAX 10000
int64_t backoff_ns(unsigned attempt, double unit);

/* Retry-After (RFC 9110, 10.2.3), seconds or a date, as nanoseconds from wall_us on; -1: none that
 * can be read. At most RETRY_AFTER_MAX_S; a date that is over is 0. */
#define RETRY_AFTER_MAX_S 3600
int64_t retry_after_parse(struct str value, int64_t wall_us);

#endif
