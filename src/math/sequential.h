/* Do two ways differ, asked as often as anybody likes while the numbers grow? A fixed-sample test
 * looked at again and again raises false alarms without end; here the chance that one is *ever*
 * raised where nothing differs is at most alpha. The mixture sequential probability ratio test with
 * a normal mixture (Robbins 1970; Johari, Koomen, Pekelis, Walsh: Peeking at A/B Tests, KDD 2017,
 * section 5); its intervals are the confidence sequence of Howard, Ramdas, McAuliffe, Sekhon (2021,
 * section 3.2), so interval and p agree at every moment. By the central limit, so nothing is said
 * before each arm has SEQUENTIAL_EVENTS_MIN events and as many units without one.
 *
 * Units of one reader go together. Sums are kept by bucket: each reader falls whole into one of
 * many buckets by chance, and the variance of the ratio of the sums (events / units) is taken
 * between buckets (Deng, Knoblich, Lu: Applying the Delta Method in Metric Analytics, KDD 2018).
 * Any thread; no state. */
#ifndef MATH_SEQUENTIAL_H
#define MATH_SEQUENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEQUENTIAL_EVENTS_MIN 20
/* The intervals are narrowest, for what they promise, when the arms have so many units each. */
#define SEQUENTIAL_UNITS_BEST 20000

struct sequential_bucket {
    uint32_t units, events; /* events <= units */
};
struct sequential_arm {
    double units, events;
    double rate;     /* events / units; 0 without any */
    double variance; /* of the rate */
};
/* Each unit on its own. */
struct sequential_arm sequential_arm_of(double units, double events);
/* Clustered. count >= 2; with one bucket in use the variance cannot be told and is as of the
 * former. */
struct sequential_arm sequential_arm_buckets(const struct sequential_bucket *buckets, size_t count);

/* An interval of one arm's rate that holds at all times as well; 0 ... 1 while nothing is told. */
void sequential_range(const struct sequential_arm *a, double alpha, double *low, double *high);

struct sequential_result {
    bool told;         /* false: too few events yet; p is 1, the interval all that is possible */
    double difference; /* of the rates: b - a */
    double low, high;  /* holds the true difference at all times, but for one case in 1 / alpha */
    double p;          /* always-valid: p <= alpha just when the interval leaves 0 out */
};
struct sequential_result sequential_compare(const struct sequential_arm *a,
                                            const struct sequential_arm *b, double alpha);

#endif
