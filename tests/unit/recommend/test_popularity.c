/* Popularity that fades, against the sum over all acts at the moment that is asked about. */
#include "recommend/popularity.h"
#include "base/arena.h"
#include "base/rng.h"
#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

#define DAY_US 86400000000LL
enum { DOCUMENTS = 300, ACTS = 6000 };

struct act {
    uint32_t number;
    double weight;
    int64_t time_us;
    bool gone;
};

static struct act *acts_make(int64_t from_us, int64_t span_us, uint64_t seed)
{
    struct act *acts = xcalloc(ACTS, sizeof *acts);
    struct rng r;
    rng_init(&r, seed);
    for (int i = 0; i < ACTS; i++) {
        uint64_t below = 1 + rng_below(&r, DOCUMENTS);
        acts[i] = (struct act){1 + (uint32_t)rng_below(&r, below) * 7, .2 + rng_unit(&r),
                               from_us + (int64_t)rng_below(&r, (uint64_t)span_us), false};
    }
    return acts;
}

static double direct(const struct act *acts, uint32_t number, int64_t half_life_us, int64_t now_us)
{
    double sum = 0;
    for (int i = 0; i < ACTS; i++)
        if (acts[i].number == number && !acts[i].gone)
            sum += acts[i].weight * exp2((double)(acts[i].time_us - now_us) / (double)half_life_us);
    return sum;
}

static const int64_t lives[] = {POPULARITY_SLOW_US, POPULARITY_FAST_US};

static void agree(struct popularity *p, const struct act *acts, int64_t now_us)
{
    static struct popular top[DOCUMENTS + 10];
    for (int kind = 0; kind < POPULARITY_KINDS; kind++) {
        double largest = 0;
        size_t some = 0;
        for (uint32_t i = 0; i < DOCUMENTS; i++) {
            double want = direct(acts, 1 + i * 7, lives[kind], now_us);
            double got = popularity_sum(p, kind, 1 + i * 7, now_us);
            if (fabs(want - got) > 1e-9 * (1 + want))
                fail_msg("document %u: %.12g, not %.12g", 1 + i * 7, got, want);
            largest = fmax(largest, want);
            some += want > 0;
        }
        size_t n = popularity_top(p, kind, NULL, NULL, NULL, DOCUMENTS + 10, top);
        assert_true(n <= some);
        for (size_t i = 0; i < n; i++) {
            double want = direct(acts, top[i].number, lives[kind], now_us) / largest;
            float score;
            popularity_scores(p, kind, NULL, &top[i].number, 1, &score);
            assert_true(fabs((double)top[i].score - want) < 1e-6 && score == top[i].score);
            assert_true(i == 0 || top[i].score < top[i - 1].score ||
                        (top[i].score == top[i - 1].score && top[i].number > top[i - 1].number));
        }
        assert_true(n == 0 || top[0].score == 1);
    }
}

static void test_exact_under_decay(void **state)
{
    struct act *acts = acts_make(1700000000000000, 100 * DAY_US, 1);
    struct popularity *p = popularity_new(0, 0);
    for (int i = 0; i < ACTS; i++)
        popularity_add(p, acts[i].number, acts[i].weight, acts[i].time_us);
    agree(p, acts, 1700000000000000 + 100 * DAY_US);
    agree(p, acts, 1700000000000000 + 130 * DAY_US);
    popularity_free(p);
    free(acts);
}

/* Over so long a time that the moment of the sums has to move, and out of order. */
static void test_years(void **state)
{
    struct act *acts = acts_make(0, 20000 * DAY_US, 2);
    struct popularity *p = popularity_new(0, 0);
    for (int i = 0; i < ACTS; i++)
        popularity_add(p, acts[i].number, acts[i].weight, acts[i].time_us);
    agree(p, acts, 20000 * DAY_US);
    popularity_free(p);
    free(acts);
}

/* What a reader gave is taken away, and what is left is as if it had never been. */
static void test_forgotten(void **state)
{
    struct act *acts = acts_make(0, 3000 * DAY_US, 3);
    struct popularity *p = popularity_new(0, 0);
    for (int i = 0; i < ACTS; i++)
        popularity_add(p, acts[i].number, acts[i].weight, acts[i].time_us);
    for (int round = 2; round <= 4; round++) {
        for (int i = 0; i < ACTS; i += round)
            if (!acts[i].gone) {
                popularity_forget(p, acts[i].number, acts[i].weight, acts[i].time_us);
                acts[i].gone = true;
            }
        agree(p, acts, 3000 * DAY_US);
    }
    for (int i = 0; i < ACTS; i++)
        if (!acts[i].gone)
            popularity_forget(p, acts[i].number, acts[i].weight, acts[i].time_us);
    assert_int_equal(popularity_count(p), 0);
    popularity_forget(p, 8, 1, 5);
    popularity_add(p, 8, 1, 9 * DAY_US); /* begins anew */
    assert_true(fabs(popularity_sum(p, POPULARITY_FAST, 8, 11 * DAY_US) - .5) < 1e-12);
    popularity_free(p);
    free(acts);
}

/* Much long ago, a little lately. */
static void test_trending_is_not_popular(void **state)
{
    struct popularity *p = popularity_new(0, 0);
    struct popular top[2];
    for (int i = 0; i < 100; i++)
        popularity_add(p, 1, 1, 0);
    for (int i = 0; i < 10; i++)
        popularity_add(p, 2, 1, 20 * DAY_US);
    assert_int_equal(popularity_top(p, POPULARITY_SLOW, NULL, NULL, NULL, 2, top), 2);
    assert_int_equal(top[0].number, 1);
    assert_int_equal(popularity_top(p, POPULARITY_FAST, NULL, NULL, NULL, 2, top), 2);
    assert_int_equal(top[0].number, 2);
    for (int i = 0; i < 10; i++)
        popularity_forget(p, 2, 1, 20 * DAY_US);
    assert_int_equal(popularity_top(p, POPULARITY_FAST, NULL, NULL, NULL, 2, top), 1);
    assert_true(top[0].number == 1 && top[0].score == 1);
    popularity_add(p, 3, 0, 0); /* no such weights */
    popularity_add(p, 3, -1, 0);
    popularity_add(p, 3, NAN, 0);
    popularity_forget(p, 1, -1, 0);
    assert_int_equal(popularity_count(p), 1);
    popularity_clear(p);
    assert_int_equal(popularity_top(p, POPULARITY_SLOW, NULL, NULL, NULL, 2, top), 0);
    popularity_free(p);
}

static void test_within_and_without(void **state)
{
    struct popularity *p = popularity_new(0, 0);
    struct docset within, without;
    struct popular top[10];
    docset_init(&within);
    docset_init(&without);
    for (uint32_t i = 1; i <= 10; i++)
        popularity_add(p, i, 11 - i, 0);
    for (uint32_t i = 4; i <= 20; i++)
        docset_add(&within, i);
    docset_add(&without, 5);
    assert_int_equal(popularity_top(p, POPULARITY_SLOW, NULL, &within, &without, 3, top), 3);
    assert_true(top[0].number == 4 && top[1].number == 6 && top[2].number == 7);
    assert_true(fabsf(top[0].score - .7f) < 1e-6f); /* of all */
    assert_int_equal(popularity_top(p, POPULARITY_SLOW, &within, NULL, &without, 3, top), 3);
    assert_true(top[0].number == 4 && top[0].score == 1); /* of those */
    docset_release(&within);
    docset_release(&without);
    popularity_free(p);
}

/* Scores of some do not depend on what else was added, nor on when the first act was. */
static void test_among(void **state)
{
    struct popularity *alone = popularity_new(0, 0), *beside = popularity_new(0, 0);
    struct docset ours;
    struct popular one[20], two[20];
    struct rng r;
    rng_init(&r, 3);
    docset_init(&ours);
    for (int i = 0; i < 2000; i++) {
        uint32_t number = 2 * (uint32_t)rng_below(&r, 20);
        int64_t time_us = INT64_C(1760000000000000) + (int64_t)rng_below(&r, 200 * 86400) * 1000003;
        double weight = rng_unit(&r);
        docset_add(&ours, number);
        popularity_add(beside, number + 1, 1 + weight, time_us * (i % 7 ? 1 : -3));
        popularity_add(beside, number, weight, time_us);
        popularity_add(alone, number, weight, time_us);
    }
    for (int kind = 0; kind < POPULARITY_KINDS; kind++) {
        size_t n = popularity_top(alone, kind, &ours, &ours, NULL, 20, one);
        assert_int_equal(popularity_top(beside, kind, &ours, &ours, NULL, 20, two), n);
        for (size_t i = 0; i < n; i++)
            assert_true(one[i].number == two[i].number && one[i].score == two[i].score);
    }
    docset_release(&ours);
    popularity_free(alone);
    popularity_free(beside);
}

/* Removals keep the others where they are found. */
static void test_many_come_and_go(void **state)
{
    static bool there[4096];
    struct popularity *p = popularity_new(0, 0);
    struct rng r;
    size_t count = 0;
    rng_init(&r, 7);
    for (int i = 0; i < 40000; i++) {
        uint32_t number = (uint32_t)rng_below(&r, 4096);
        if (there[number])
            popularity_forget(p, number, 1 + number, 0);
        else
            popularity_add(p, number, 1 + number, 0);
        count += there[number] ? -1u : 1u;
        there[number] = !there[number];
    }
    assert_int_equal(popularity_count(p), (uint32_t)count);
    for (uint32_t i = 0; i < 4096; i++)
        assert_true(popularity_sum(p, POPULARITY_SLOW, i, 0) == (there[i] ? 1 + i : 0));
    popularity_free(p);
}

/* ---- beside each other ---- */

static void adder(void *arg)
{
    for (uint32_t i = 0; i < 2000; i++)
        popularity_add(arg, i % 50, 1, i * DAY_US);
    for (uint32_t i = 0; i < 2000; i++)
        popularity_forget(arg, i % 50, 1, i * DAY_US);
}

static void test_threads(void **state)
{
    struct popularity *p = popularity_new(0, 0);
    struct thread *t[2];
    popularity_add(p, 1000, 1, 0);
    for (int i = 0; i < 2; i++)
        t[i] = thread_start("adder", adder, p);
    for (int i = 0; i < 200; i++) {
        struct popular top[5];
        size_t n = popularity_top(p, POPULARITY_FAST, NULL, NULL, NULL, 5, top);
        assert_true(n >= 1 || popularity_count(p) >= 1);
    }
    for (int i = 0; i < 2; i++)
        thread_join(t[i]);
    assert_int_equal(popularity_count(p), 1);
    popularity_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_under_decay),
        cmocka_unit_test(test_years),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_within_and_without),
        cmocka_unit_test(test_among),
        cmocka_unit_test(test_trending_is_not_popular),
        cmocka_unit_test(test_many_come_and_go),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
