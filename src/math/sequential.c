#include "math/sequential.h"
#include <assert.h>
#include <math.h>

/* The mixture over effects has the variance MIXTURE x the variance of one unit: the best for 5 %
 * where the harmonic count of the arms is half of SEQUENTIAL_UNITS_BEST (Howard et al. 2021,
 * proposition 3). */
#define MIXTURE (7.93 / (SEQUENTIAL_UNITS_BEST / 2.0))

struct sequential_arm sequential_arm_of(double units, double events)
{
    struct sequential_arm arm = {.units = units, .events = events};
    assert(events >= 0 && events <= units);
    if (units > 0) {
        arm.rate = events / units;
        arm.variance = arm.rate * (1 - arm.rate) / units;
    }
    return arm;
}

struct sequential_arm sequential_arm_buckets(const struct sequential_bucket *buckets, size_t count)
{
    double units = 0, events = 0, squares = 0;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        units += buckets[i].units;
        events += buckets[i].events;
        used += buckets[i].units > 0;
    }
    struct sequential_arm arm = sequential_arm_of(units, events);
    if (used < 2)
        return arm;
    for (size_t i = 0; i < count; i++) {
        double left = buckets[i].events - arm.rate * buckets[i].units;
        squares += left * left;
    }
    arm.variance = squares / (units * units) * (double)used / (double)(used - 1);
    return arm;
}

static bool enough(const struct sequential_arm *a)
{
    return a->events >= SEQUENTIAL_EVENTS_MIN && a->units - a->events >= SEQUENTIAL_EVENTS_MIN;
}

/* How far the confidence sequence reaches; r: variance of the mixture over that of the value. */
static double reach_of(double variance, double r, double alpha)
{
    return sqrt(variance * (1 + r) / r * (2 * log(1 / alpha) + log1p(r)));
}

void sequential_range(const struct sequential_arm *a, double alpha, double *low, double *high)
{
    assert(alpha > 0 && alpha < 1);
    *low = 0;
    *high = 1;
    if (!enough(a) || !(a->variance > 0))
        return;
    double reach = reach_of(a->variance, MIXTURE * a->units, alpha);
    *low = fmax(0, a->rate - reach);
    *high = fmin(1, a->rate + reach);
}

struct sequential_result sequential_compare(const struct sequential_arm *a,
                                            const struct sequential_arm *b, double alpha)
{
    struct sequential_result out = {.difference = b->rate - a->rate, .low = -1, .high = 1, .p = 1};
    double variance = a->variance + b->variance;
    assert(alpha > 0 && alpha < 1);
    if (!enough(a) || !enough(b) || !(variance > 0))
        return out;
    double units = a->units * b->units / (a->units + b->units);
    double r = MIXTURE * units; /* variance of the mixture over that of the difference */
    double z2 = out.difference * out.difference / variance;
    double reach = reach_of(variance, r, alpha);
    out.told = true;
    out.p = fmin(1, exp(.5 * log1p(r) - z2 * r / (2 * (1 + r))));
    out.low = fmax(-1, out.difference - reach);
    out.high = fmin(1, out.difference + reach);
    return out;
}
