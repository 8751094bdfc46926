/* Rate limits: who takes too much is told when to come back (429 with Retry-After and, as
 * draft-ietf-httpapi-ratelimit-headers has them, RateLimit-Policy and RateLimit). By key, by reader
 * (the request's `user`), by address, in requests; by key, or address without one, in embedding
 * tokens, which are charged when they are known: a subject in debt waits until it is paid. */
#ifndef API_RATE_H
#define API_RATE_H

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
    struct counter *refused[RATE_POLICIES];
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

/* Tokens that a handler takes. Made before the handler runs, since the call is gone after it. */
struct token_account {
    struct meter meter;
    struct rate *rate;
    uint64_t subject;
    struct limit limit;
};
void tokens_begin(struct token_account *t, struct call *c);
void tokens_end(struct token_account *t);

#endif
