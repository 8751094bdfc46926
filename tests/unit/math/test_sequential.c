/* The always-valid test on simulated experiments: where nothing differs it hardly ever raises an
 * alarm although it is looked at after every answer, a planted difference is found, and its
 * intervals hold the truth all the time. */
#include "base/rng.h"
#include "levels.h"
#include "math/sequential.h"
#include "../sanitized.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ALPHA .05
#define RUNS (SLOW ? 60 : 1000)

struct run {
    bool alarm;        /* p <= alpha at some look */
    bool missed;       /* the interval left the truth out at some look */
    bool range_missed; /* that of the first variant alone did */
    size_t at;         /* answers a variant when the alarm was raised */
};

/* Answers in turn to both variants, a look after each pair. */
static struct run run_peeking(struct rng *r, double rate_a, double rate_b, size_t answers)
{
    struct run out = {.at = answers};
    double a = 0, b = 0;
    for (size_t n = 1; n <= answers; n++) {
        a += rng_unit(r) < rate_a;
        b += rng_unit(r) < rate_b;
        struct sequential_arm arm_a = sequential_arm_of((double)n, a);
        struct sequential_arm arm_b = sequential_arm_of((double)n, b);
        struct sequential_result s = sequential_compare(&arm_a, &arm_b, ALPHA);
        assert_true((s.p <= ALPHA) == (s.low > 0 || s.high < 0));
        double low, high;
        sequential_range(&arm_a, ALPHA, &low, &high);
        out.range_missed |= low > rate_a || high < rate_a;
        out.missed |= s.low > rate_b - rate_a || s.high < rate_b - rate_a;
        if (s.p <= ALPHA && !out.alarm) {
            out.alarm = true;
            out.at = n;
        }
    }
    return out;
}

/* 1,000 experiments between the same and the same, 10,000 looks each. */
static void test_nothing(void **state)
{
    static const double rates[] = {.02, .05, .2, .5};
    struct rng r;
    unsigned alarms = 0, runs = 0;
    (void)state;
    rng_init(&r, 42);
    for (; runs < (unsigned)RUNS; runs++)
        alarms += run_peeking(&r, rates[runs % 4], rates[runs % 4], SLOW ? 2000 : 10000).alarm;
    printf("same and same: %u alarms in %u runs\n", alarms, runs);
    assert_true(alarms <= runs / 20);
}

/* A fixed-sample test, looked at as often, does: the simulation can tell the two apart. */
static void test_fixed_sample(void **state)
{
    struct rng r;
    unsigned alarms = 0;
    (void)state;
    rng_init(&r, 43);
    for (unsigned run = 0; run < 100; run++) {
        double a = 0, b = 0;
        bool alarm = false;
        for (size_t n = 1; n <= 4000; n++) {
            a += rng_unit(&r) < .2;
            b += rng_unit(&r) < .2;
            double rate = (a + b) / 2 / (double)n;
            double z2 = (a - b) * (a - b) / (double)n / (2 * rate * (1 - rate) + 1e-9);
            alarm |= n >= 100 && z2 > 1.96 * 1.96;
        }
        alarms += alarm;
    }
    assert_true(alarms > 20);
}

/* +10 % (.20 -> .22) with 20,000 answers a variant: found four times in five at least. */
static void test_planted(void **state)
{
    struct rng r;
    unsigned found = 0, missed = 0, range_missed = 0, runs = SLOW ? 20 : 200;
    double at = 0;
    (void)state;
    rng_init(&r, 44);
    for (unsigned run = 0; run < runs; run++) {
        struct run one = run_peeking(&r, .2, .22, 20000);
        found += one.alarm;
        missed += one.missed;
        range_missed += one.range_missed;
        at += (double)one.at / runs;
    }
    printf("+10 %%: found in %u of %u runs, after %.0f answers a variant; interval wrong in %u\n",
           found, runs, at, missed);
    assert_true(found * 10 >= runs * 8);
    assert_true(missed * 20 <= runs && range_missed * 20 <= runs);
}

/* ---- readers: some click at almost everything, most at nothing ---- */

#define BUCKETS 512

struct crowd {
    struct sequential_bucket buckets[2][BUCKETS];
    double likes[4000];
};

static void crowd_answer(struct crowd *c, struct rng *r)
{
    size_t reader = (size_t)rng_below(r, 4000);
    struct sequential_bucket *b = &c->buckets[reader % 2][reader * 7919 % BUCKETS];
    b->units++;
    b->events += rng_unit(r) < c->likes[reader];
}

/* *flat: the alarm of the test that takes answers of one reader as independent. */
static bool crowd_run(struct rng *r, bool *flat)
{
    static struct crowd c;
    bool alarm = false;
    *flat = false;
    memset(&c, 0, sizeof c);
    for (size_t i = 0; i < 4000; i++)
        c.likes[i] = rng_unit(r) < .1 ? .9 : .02;
    for (size_t n = 1; n <= 40000; n++) {
        crowd_answer(&c, r);
        if (n % 500)
            continue;
        struct sequential_arm a = sequential_arm_buckets(c.buckets[0], BUCKETS);
        struct sequential_arm b = sequential_arm_buckets(c.buckets[1], BUCKETS);
        alarm |= sequential_compare(&a, &b, ALPHA).p <= ALPHA;
        a = sequential_arm_of(a.units, a.events);
        b = sequential_arm_of(b.units, b.events);
        *flat |= sequential_compare(&a, &b, ALPHA).p <= ALPHA;
    }
    return alarm;
}

static void test_readers(void **state)
{
    struct rng r;
    unsigned alarms = 0, flat_alarms = 0, runs = SLOW ? 20 : 200;
    (void)state;
    rng_init(&r, 45);
    for (unsigned run = 0; run < runs; run++) {
        bool flat;
        alarms += crowd_run(&r, &flat);
        flat_alarms += flat;
    }
    printf("readers: %u alarms in %u runs, %u without buckets\n", alarms, runs, flat_alarms);
    assert_true(alarms * 20 <= runs);
    assert_true(SLOW || flat_alarms * 20 > runs);
}

/* ---- by hand ---- */

static void test_arms(void **state)
{
    static const struct sequential_bucket even[] = {{2, 1}, {2, 1}, {0, 0}},
                                          odd[] = {{4, 0}, {4, 4}};
    struct sequential_arm a = sequential_arm_buckets(even, 3), none = sequential_arm_of(0, 0);
    (void)state;
    assert_true(a.units == 4 && a.events == 2 && a.rate == .5 && a.variance == 0);
    a = sequential_arm_buckets(odd, 2); /* (4 + 4) / 64 * 2 */
    assert_true(a.rate == .5 && fabs(a.variance - .25) < 1e-12);
    a = sequential_arm_buckets(odd, 1);
    assert_true(a.rate == 0 && a.variance == 0);
    assert_true(none.rate == 0 && none.variance == 0);
}

static void test_too_few(void **state)
{
    struct sequential_arm a = sequential_arm_of(1000, 19), b = sequential_arm_of(1000, 500);
    struct sequential_result s = sequential_compare(&a, &b, ALPHA);
    (void)state;
    assert_false(s.told);
    assert_true(s.p == 1 && s.low == -1 && s.high == 1 && fabs(s.difference - .481) < 1e-12);
    a = sequential_arm_of(1000, 20);
    s = sequential_compare(&a, &b, ALPHA);
    assert_true(s.told && s.p < 1e-3 && s.low > 0 && s.high <= 1);
    s = sequential_compare(&b, &a, ALPHA);
    assert_true(s.told && s.high < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arms),    cmocka_unit_test(test_too_few),
        cmocka_unit_test(test_nothing), cmocka_unit_test(test_fixed_sample),
        cmocka_unit_test(test_planted), cmocka_unit_test(test_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
