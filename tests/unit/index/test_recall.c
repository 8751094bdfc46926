/* The width that holds a target, against searches whose recall is known. */
#include "base/rng.h"
#include "index/recall.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct rng rng;

/* What a search of this width finds of 10: each with the chance 1 - hard / width. */
static double searched(unsigned width, double hard)
{
    double chance = 1 - hard / width;
    int found = 0;
    for (int i = 0; i < 10; i++)
        found += rng_unit(&rng) < chance;
    return found / 10.;
}

static unsigned held(unsigned width, double hard, double target, unsigned searches)
{
    struct recall_window w = {0};
    for (unsigned i = 0; i < searches; i++) {
        width = recall_width(&w, width, searched(width, hard), target);
        assert_in_range(width, RECALL_WIDTH_MIN, RECALL_WIDTH_MAX);
    }
    return width;
}

/* From below and from above to where the target is held, and not far beyond. */
static void test_held(void **state)
{
    static const double targets[] = {.9, .95, .98, .99, .995};
    static const double hard[] = {1, 2.3, 10};
    for (unsigned seed = 0; seed < 20; seed++)
        for (unsigned t = 0; t < 5; t++)
            for (unsigned h = 0; h < 3; h++) {
                rng_init(&rng, seed);
                double needed = hard[h] / (1 - targets[t]);
                unsigned low = held(RECALL_WIDTH_MIN, hard[h], targets[t], 40 * RECALL_WINDOW);
                unsigned high =
                    held((unsigned)(10 * needed), hard[h], targets[t], 40 * RECALL_WINDOW);
                assert_true(low >= .95 * needed && low <= 2.5 * needed + RECALL_WIDTH_MIN);
                assert_true(high >= .95 * needed && high <= 2.5 * needed + RECALL_WIDTH_MIN);
            }
}

/* Up within some dozens of searches, down within some windows. */
static void test_quick_up_slow_down(void **state)
{
    rng_init(&rng, 1);
    unsigned after = held(16, 8, .98, 100);
    assert_true(after >= 100);
    rng_init(&rng, 1);
    after = held(2000, 2, .98, RECALL_WINDOW);
    assert_int_equal(after, 1400);
}

static void test_bounds(void **state)
{
    struct recall_window w = {0};
    unsigned width = 100;
    for (int i = 0; i < 100 * RECALL_WINDOW; i++)
        width = recall_width(&w, width, 1, .98);
    assert_int_equal(width, RECALL_WIDTH_MIN);
    for (int i = 0; i < 20 * RECALL_WINDOW; i++)
        width = recall_width(&w, width, 0, .98);
    assert_int_equal(width, RECALL_WIDTH_MAX);
}

/* What was measured with another width says nothing about this one. */
static void test_foreign_width(void **state)
{
    struct recall_window w = {0};
    for (int i = 0; i < 15; i++)
        assert_int_equal(recall_width(&w, 64, 0, .98), 64);
    for (int i = 0; i < 15; i++)
        assert_int_equal(recall_width(&w, 128, 0, .98), 128);
    assert_int_equal(recall_width(&w, 128, 0, .98), 256);
}

static void test_mean(void **state)
{
    struct recall_mean m;
    recall_mean_init(&m);
    assert_true(m.value == 1 && m.count == 0);
    recall_mean_add(&m, .5);
    assert_true(m.value == .5);
    recall_mean_add(&m, 1);
    assert_true(m.value == .75 && m.count == 2);
    for (int i = 0; i < 5000; i++)
        recall_mean_add(&m, .9);
    assert_true(fabs(m.value - .9) < 1e-6); /* the first are forgotten */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held),   cmocka_unit_test(test_quick_up_slow_down),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_foreign_width),
        cmocka_unit_test(test_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
