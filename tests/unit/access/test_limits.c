#include "access/limits.h"
#include "base/rng.h"
#include "base/thread.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000LL

/* What was admitted in any window of a limit, at most quota + burst: by requests of random times
 * and sizes, a simulated clock, and the plainest count there is. */
static void never_over_quota_and_burst(void **state)
{
    struct rng rng;
    unsigned given = 0;
    rng_init(&rng, 7);
    for (int round = 0; round < 40; round++) {
        struct limits *l = limits_new();
        struct limit limit = {.quota = 1 + (double)rng_below(&rng, 50),
                              .burst = 1 + (double)rng_below(&rng, 30),
                              .window_s = 1 + (unsigned)rng_below(&rng, 20)};
        enum { N = 3000 };
        static int64_t times[N];
        static double units[N];
        size_t admitted = 0;
        uint64_t who = limits_subject(l, "key", "anna", 4);
        int64_t now = 5 * SECOND;
        for (size_t i = 0; i < N; i++) {
            if (rng_below(&rng, 3))
                now +=
                    (int64_t)rng_below(&rng, 2 * SECOND * limit.window_s / (uint64_t)limit.quota);
            double n = 1 + (double)rng_below(&rng, 3);
            if (n <= limit.burst && limits_take(l, who, &limit, n, now, NULL)) {
                times[admitted] = now;
                units[admitted++] = n;
            }
        }
        assert_true(admitted > 100);
        double sum = 0, most = 0;
        for (size_t from = 0, to = 0; to < admitted; to++) {
            sum += units[to];
            while (times[to] - times[from] >= (int64_t)limit.window_s * SECOND)
                sum -= units[from++];
            most = fmax(most, sum);
        }
        assert_true(most <= limit.quota + limit.burst);
        given += most > limit.burst;
        limits_free(l);
    }
    assert_true(given >= 30); /* of 40: the quota is given beside the burst */
}

static void a_refusal_says_when(void **state)
{
    struct limits *l = limits_new();
    struct limit limit = {.quota = 10, .burst = 4, .window_s = 10};
    struct limit_state s;
    uint64_t who = limits_subject(l, "key", "anna", 4);
    int64_t now = SECOND;
    for (int left = 3; left >= 0; left--) {
        assert_true(limits_take(l, who, &limit, 1, now, &s));
        assert_true(s.left == left && s.full_s == (unsigned)(4 - left));
    }
    assert_false(limits_take(l, who, &limit, 1, now, &s));
    assert_int_equal(s.retry_s, 1);
    assert_false(limits_take(l, who, &limit, 3, now, &s));
    assert_int_equal(s.retry_s, 3);
    assert_false(limits_take(l, who, &limit, 3, now + 3 * SECOND - 10, &s));
    assert_true(limits_take(l, who, &limit, 3, now + 3 * SECOND, &s));
    assert_false(limits_take(l, who, &limit, 5, now + 100 * SECOND, &s)); /* never */
    assert_int_equal(s.retry_s, 0);
    limits_free(l);
}

static void what_was_not_used_comes_back(void **state)
{
    struct limits *l = limits_new();
    struct limit limit = {.quota = 1, .burst = 100, .window_s = 86400};
    uint64_t who = limits_subject(l, "tokens", "anna", 4);
    struct limit_state s;
    assert_true(limits_take(l, who, &limit, 100, SECOND, &s));
    assert_false(limits_take(l, who, &limit, 1, SECOND, NULL));
    limits_give(l, who, &limit, 60, SECOND);
    assert_true(limits_take(l, who, &limit, 59, SECOND, &s));
    assert_false(limits_take(l, who, &limit, 2, SECOND, NULL));
    limits_give(l, who, &limit, 1000, SECOND); /* a full bucket is no fuller */
    assert_true(limits_take(l, who, &limit, 100, SECOND, NULL));
    assert_false(limits_take(l, who, &limit, 1, SECOND, NULL));
    limits_free(l);
}

/* What is known only afterwards is owed: nothing is admitted until it is paid. */
static void a_debt_is_paid_first(void **state)
{
    struct limits *l = limits_new();
    struct limit limit = {.quota = 10, .burst = 10, .window_s = 1};
    struct limit_state s;
    uint64_t who = limits_subject(l, "tokens", "anna", 4);
    limits_charge(l, who, &limit, 30, SECOND);
    assert_false(limits_take(l, who, &limit, 0, SECOND, &s));
    assert_int_equal(s.retry_s, 2);
    assert_true(limits_take(l, who, &limit, 0, 3 * SECOND, &s));
    assert_true(s.left == 0);
    assert_true(limits_take(l, who, &limit, 10, 4 * SECOND, NULL));
    limits_free(l);
}

/* Names by the million: those that are limited stay so, and no newcomer gets more than its own. */
static void a_flood_of_names(void **state)
{
    struct limits *l = limits_new();
    struct limit limit = {.quota = 1, .burst = 1, .window_s = 3600};
    uint64_t who = limits_subject(l, "address", "anna", 4);
    unsigned admitted = 0;
    assert_true(limits_take(l, who, &limit, 1, SECOND, NULL));
    for (unsigned i = 0; i < 1000000; i++)
        admitted +=
            limits_take(l, limits_subject(l, "address", &i, sizeof i), &limit, 1, 2 * SECOND, NULL);
    assert_false(limits_take(l, who, &limit, 1, 3 * SECOND, NULL));
    assert_true(admitted <= LIMITS_SUBJECTS && admitted > LIMITS_SUBJECTS / 2);
    /* Later all buckets are full again, and there is room. */
    unsigned fresh = 12345678;
    assert_true(limits_take(l, limits_subject(l, "address", &fresh, sizeof fresh), &limit, 1,
                            7203 * SECOND, NULL));
    limits_free(l);
}

static void subjects_are_apart(void **state)
{
    struct limits *l = limits_new();
    struct limit limit = {.quota = 1, .burst = 1, .window_s = 60}, none = {0};
    assert_true(limits_take(l, limits_subject(l, "key", "a", 1), &limit, 1, SECOND, NULL));
    assert_true(limits_take(l, limits_subject(l, "key", "b", 1), &limit, 1, SECOND, NULL));
    assert_true(limits_take(l, limits_subject(l, "user", "a", 1), &limit, 1, SECOND, NULL));
    assert_false(limits_take(l, limits_subject(l, "key", "a", 1), &limit, 1, SECOND, NULL));
    for (int i = 0; i < 1000; i++)
        assert_true(limits_take(l, limits_subject(l, "none", "a", 1), &none, 1e6, SECOND, NULL));
    limits_free(l);
}

/* Connections that ask again as soon as they are answered, for a minute: how often they are
 * refused, and the most within a tenth of a second after the first three. */
static unsigned refused_in_a_minute(unsigned connections, unsigned *most)
{
    struct limits *l = limits_new();
    int64_t *next = calloc(connections, sizeof *next);
    static unsigned tenths[600];
    unsigned refused = 0;
    uint64_t who = limits_subject(l, "key", "anna", 4);
    memset(tenths, 0, sizeof tenths);
    for (int64_t now = 0; now < 60 * SECOND; now += SECOND / 1000)
        for (unsigned i = 0; i < connections; i++) {
            if (next[i] > now)
                continue;
            unsigned ms = limits_hold_ms(l, who, now);
            assert_true(!ms || (ms >= 750 && ms <= 1250));
            next[i] = now + SECOND / 1000 * (ms ? ms : 1);
            tenths[now / (SECOND / 10)]++;
            refused++;
        }
    *most = 0;
    for (unsigned i = 30; i < 600; i++)
        *most = tenths[i] > *most ? tenths[i] : *most;
    free(next);
    limits_free(l);
    return refused;
}

static void who_asks_on_and_on_waits(void **state)
{
    unsigned most;
    for (unsigned n = 1; n <= 256; n *= 4) {
        unsigned refused = refused_in_a_minute(n, &most);
        assert_true(refused >= 60 * n); /* each is answered after about a second */
        assert_true(refused <= (60 + 1) * LIMITS_REFUSALS + 60 * 4 / 3 * n + n);
    }
    assert_true(most <= 256 / 4); /* they do not come all at once */
}

/* Ten at a time that wait a second, as they are told, are never held; nor is somebody else. */
static void who_waits_is_told_at_once(void **state)
{
    struct limits *l = limits_new();
    uint64_t anna = limits_subject(l, "key", "anna", 4), ben = limits_subject(l, "key", "ben", 3);
    for (int64_t now = SECOND; now < 60 * SECOND; now += SECOND) {
        for (unsigned i = 0; i < LIMITS_REFUSALS; i++)
            assert_int_equal(limits_hold_ms(l, anna, now), 0);
        assert_true(limits_hold_ms(l, anna, now) > 0);
    }
    assert_int_equal(limits_hold_ms(l, ben, 59 * SECOND), 0);
    limits_free(l);
}

struct crowd {
    struct limits *l;
    struct limit limit;
    _Atomic unsigned admitted;
};

static void crowd_run(void *arg)
{
    struct crowd *c = arg;
    for (unsigned i = 0; i < 2000; i++)
        c->admitted +=
            limits_take(c->l, limits_subject(c->l, "key", "a", 1), &c->limit, 1, SECOND, NULL);
}

static void threads_share_a_bucket(void **state)
{
    struct crowd c = {.l = limits_new(), .limit = {.quota = 1, .burst = 500, .window_s = 86400}};
    struct thread *threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = thread_start("crowd", crowd_run, &c);
    for (int i = 0; i < 4; i++)
        thread_join(threads[i]);
    assert_int_equal(c.admitted, 500);
    limits_free(c.l);
}

static void texts(void **state)
{
    struct limit l;
    assert_true(limit_parse("100/s", &l) && l.quota == 100 && l.burst == 100 && l.window_s == 1);
    assert_true(limit_parse(" 6000 / m burst 20 ", &l) && l.quota == 6000 && l.burst == 20 &&
                l.window_s == 60);
    assert_true(limit_parse("10/h", &l) && l.burst == 1 && l.window_s == 3600);
    assert_true(limit_parse("1e6/d", &l) && l.quota == 1e6);
    assert_true(limit_parse("none", &l) && l.quota == 0);
    assert_true(limit_parse("", &l) && l.quota == 0);
    static const char *const wrong[] = {
        "100", "/s",        "0/s",         "-1/s", "nan/s",       "inf/s",         "1e99/s",
        "1/w", "1/s burst", "1/s burst 0", "1/s2", "1/s burst x", "1/s burst 2 3", "ten a second"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (limit_parse(wrong[i], &l))
            fail_msg("%s", wrong[i]);
}

static void texts_come_back(void **state)
{
    static const char *const same[] = {"100/s", "6000/m burst 20", "10/h", "1000000/d burst 7", ""};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct limit l;
        char text[LIMIT_TEXT];
        assert_true(limit_parse(same[i], &l));
        limit_print(&l, text);
        assert_string_equal(text, same[i]);
    }
}

static bool within(const char *inner, const char *outer)
{
    struct limit a, b;
    assert_true(limit_parse(inner, &a) && limit_parse(outer, &b));
    return limit_within(&a, &b);
}

static void limits_within_others(void **state)
{
    assert_true(within("10/s", "10/s") && within("10/s", "600/m burst 10") &&
                within("none", "none") && within("9999/s", "none"));
    assert_true(within("600/m", "10/s") && within("1/h", "1/m"));
    assert_false(within("none", "1000000/s") || within("11/s", "10/s burst 99") ||
                 within("601/m burst 1", "10/s") || within("1/h burst 11", "10/s"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_over_quota_and_burst),
        cmocka_unit_test(a_refusal_says_when),
        cmocka_unit_test(what_was_not_used_comes_back),
        cmocka_unit_test(a_debt_is_paid_first),
        cmocka_unit_test(a_flood_of_names),
        cmocka_unit_test(subjects_are_apart),
        cmocka_unit_test(who_asks_on_and_on_waits),
        cmocka_unit_test(who_waits_is_told_at_once),
        cmocka_unit_test(threads_share_a_bucket),
        cmocka_unit_test(texts),
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(limits_within_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
