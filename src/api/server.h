/* struct api: what all requests share. Locks: none; counters are atomic, the rest is set before the
 * first request. */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "access/key.h"
#include "api/api.h"
#include "api/authenticate.h"
#include "api/call.h"
#include "access/turns.h"
#include "api/rate.h"
#include "engine/repeat.h"
#include "base/metrics.h"
#include "base/pool.h"
#include <stdatomic.h>

#define EXPORTS_MAX 4               /* that run; as many wait */
#define EXPORTS_OF_ONE_MAX 2        /* of those, of one key, or of one address without */
#define JSON_BYTES_MAX (256u << 20) /* of one answer */

/* Whose exports run or wait: an export lasts for as long as its reader likes, so nobody may have
 * all of them. */
struct export_seats {
    struct lock lock;
    uint64_t of[2 * EXPORTS_MAX]; /* rate_subject */
    unsigned count;
};
/* *seat: of rate_subject, 0 once it is free again. False: refused, answered. */
bool export_sit(struct call *c, uint64_t seat);
void export_rise(struct api *a, uint64_t *seat);

struct api {
    struct engine *engine;
    struct rate rate;
    struct turns *turns; /* of what waits for a worker, bulk aside */
    struct pool *pool, *imports, *exports;
    struct export_seats export_seats;
    const char *const *aliases;
    unsigned alias_count;
    struct lock door; /* of the next three */
    bool key_wanted, admin_key_set;
    uint8_t admin_key_hash[KEY_HASH];
    char *tmp_dir, *commit;
    uint64_t spool_bytes_max;
    _Atomic uint64_t spool_bytes, spool_number;
    atomic_bool draining;
    int64_t started_s;
    struct strbuf openapi;
    struct counter_family *requests, *tool_calls;
    struct gauge *in_flight;
    struct counter *auth_failures[AUTH_FAILURES];
    struct counter *repeats[REPEAT_VERDICTS];
    struct histogram *durations[ROUTE_COUNT + 1]; /* the last: no route */
};

void route_run(struct call *c); /* the handler of c->route */

#endif
