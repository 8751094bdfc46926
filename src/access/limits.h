/* How much one subject may take: token buckets, as the generic cell rate algorithm keeps them
 * (ITU-T I.371, Annex A): one time a bucket, the moment at which it will be full again. In any
 * window no more than the quota and the burst is admitted, whatever the order of requests.
 *
 * A subject is whoever a limit is of: a key, a reader, an address; by a hash of its name, so that
 * memory is bounded however many there are: LIMITS_SUBJECTS buckets of 16 bytes. A bucket that is
 * full holds nothing worth keeping and gives its place to another. Where all places that a name
 * could have are busy, newcomers share one bucket: a flood of names gets no more there than one
 * name.
 *
 * Any thread; a lock of a 64th of the table is held for some 50 ns. Time is given by the caller. */
#ifndef ACCESS_LIMITS_H
#define ACCESS_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMITS_SUBJECTS (1u << 16)

/* So many units in a window, and so many at once. quota 0: no limit. */
struct limit {
    double quota, burst; /* units; burst >= 1 */
    unsigned window_s;
};
#define LIMIT_UNITS_MAX 1e9

struct limits;
struct limits *limits_new(void);
void limits_free(struct limits *l);

struct limit_state {
    double left;      /* units that could be taken now */
    unsigned full_s;  /* seconds until all of it is there again, rounded up */
    unsigned retry_s; /* of a refusal: until this request would be admitted; 0: never, since it
                         is over the burst */
};
/* Takes `units` of the bucket of `subject`, or none of them. `subject`: a hash that says which
 * limit it is too (limits_subject). `state` may be NULL. */
bool limits_take(struct limits *l, uint64_t subject, const struct limit *limit, double units,
                 int64_t now_ns, struct limit_state *state);
/* Takes what is used already, even if it is not there: a debt, until which nothing is admitted. */
void limits_charge(struct limits *l, uint64_t subject, const struct limit *limit, double units,
                   int64_t now_ns);
/* Back what was taken for what was not used after all. */
void limits_give(struct limits *l, uint64_t subject, const struct limit *limit, double units,
                 int64_t now_ns);
/* A refusal of `subject` that was not admitted: for how many milliseconds its answer is to be held
 * back. 0 for the first LIMITS_REFUSALS at once, and for as many a second: who heeds retry_s sees
 * no more than these. Then about a second, so that n connections that ask again as soon as they are
 * answered are answered n times a second, and not at the same moments. */
unsigned limits_hold_ms(struct limits *l, uint64_t subject, int64_t now_ns);
#define LIMITS_REFUSALS 10
uint64_t limits_subject(const struct limits *l, const char *policy, const void *name, size_t n);

/* "100/s", "6000/m", "1000000/d", each with an optional " burst 200"; without it the burst is the
 * quota of a second, at least 1. Empty or "none": no limit. False: it is none of these. */
bool limit_parse(const char *text, struct limit *out);
/* As limit_parse reads it; empty: no limit. */
#define LIMIT_TEXT 48
void limit_print(const struct limit *l, char out[LIMIT_TEXT]);
/* Does `inner` admit no more than `outer`, in the long run and at once? */
bool limit_within(const struct limit *inner, const struct limit *outer);

#endif
