/* Rate limits: who takes too much is told when to come back (429 with Retry-After and, as
 * draft-ietf-httpapi-ratelimit-headers has them, RateLimit-Policy and RateLimit). By key, by reader
 * (the request's `user`), by address, in requests; by key, or address without one, in embedding
 * tokens, which are charged when they are known: a subject in debt waits until it is paid.
 *
 * A key that was made by a key takes of that one's limits too, and so on up to one that an admin
 * made: a limit is not multiplied by making keys. Headers tell of the bucket that has least left.
 *
 * Who asks on and on without waiting is told later, about a second after (limits_hold_ms): a
 * refusal costs as much as a small answer, and a client that is answered at once asks at
 * once. Not of readers: their refusals come over the connections of somebody who asks for many. */
#ifndef API_RATE_H
#define API_RATE_H

#include "access/keys.h"
#include "access/limits.h"
#include "api/api.h"
#include "base/meter.h"
#include "base/metrics.h"
#include "base/thread.h"

struct call;

struct rate {
    struct limits *buckets;
    struct lock lock; /* of `limits` */
    struct limit limits[RATE_POLICIES];
    struct counter *refused[RATE_POLICIES], *held[RATE_POLICIES];
};
void rate_init(struct rate *r);
void rate_release(struct rate *r);

/* Loop thread; true: answered. By address, before its key is looked at, so that keys cannot be
 * guessed quickly; by key, and tokens that are owed, once the key is known. */
bool refused_by_address_rate(struct call *c);
bool refused_by_key_rate(struct call *c);
/* Worker: by the reader that the input names. */
bool refused_by_reader_rate(struct call *c);

/* Who waits behind whom (access/turns.h): a key, or an address without one. */
uint64_t rate_subject(struct call *c);

/* What one request takes of: the bucket of who asks, and of each key that made that key. */
struct bucket_ref {
    uint64_t subject;
    struct limit limit;
    bool of_maker;
};
#define RATE_BUCKETS_MAX (1 + KEY_DEPTH_MAX)

/* Tokens that a handler takes. Made before the handler runs, since the call is gone after it. */
struct token_account {
    struct meter meter;
    struct rate *rate;
    unsigned count;
    struct bucket_ref buckets[RATE_BUCKETS_MAX];
};
void tokens_begin(struct token_account *t, struct call *c);
void tokens_end(struct token_account *t);

#endif
