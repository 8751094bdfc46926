/* Stepping back for others. */
#include "test.h"
#include "base/clock.h"
#include "base/pace.h"
#include <string.h>

#define MS 1000000

static void alone_it_never_stays_away(void **state)
{
    struct pace p = {0};
    for (int i = 0; i < 100; i++)
        assert_int_equal(pace_away_ns(&p, 2 * MS, i % 3 ? 0 : MS / 10), 0);
}

static void one_long_wait_is_no_crowd(void **state)
{
    struct pace p = {0};
    int64_t away_ns = pace_away_ns(&p, 2 * MS, 500 * MS);
    assert_in_range(away_ns, 0, 4 * MS);
    for (int i = 0; i < 40; i++)
        away_ns = pace_away_ns(&p, 2 * MS, 0);
    assert_int_equal(away_ns, 0);
}

static void in_a_crowd_it_leaves_most_to_others(void **state)
{
    struct pace p = {0}, fuller = {0};
    int64_t away_ns = 0, longer_ns = 0;
    for (int i = 0; i < 100; i++) {
        away_ns = pace_away_ns(&p, 2 * MS, 2 * MS);
        longer_ns = pace_away_ns(&fuller, 2 * MS, 4 * MS);
    }
    assert_true(away_ns > MS);
    assert_true(longer_ns > away_ns);
    for (int i = 0; i < 100; i++)
        away_ns = pace_away_ns(&fuller, 50 * MS, 1000 * (int64_t)MS);
    assert_int_equal(away_ns, PACE_AWAY_NS);
}

static void what_cannot_be_is_no_crowd(void **state)
{
    struct pace p = {0};
    assert_int_equal(pace_away_ns(&p, 0, -MS), 0);
    assert_int_equal(pace_away_ns(&p, -MS, 0), 0);
    assert_int_equal(pace_away_ns(&p, 0, MS), 0); /* nothing was computed: nothing to make up for */
}

static int64_t now_ns, slept_ns;
static int64_t now(void *ctx)
{
    return now_ns;
}
static void sleep_of(void *ctx, int64_t ns)
{
    slept_ns += ns;
}

static void with_a_clock_of_a_test_it_never_waited(void **state)
{
    static const struct clock_source source = {.mono_ns = now, .sleep_ns = sleep_of};
    struct pace p = {0};
    clock_replace(&source);
    for (int i = 0; i < 100; i++) {
        pace_begin(&p);
        now_ns += 10 * MS;
        pace_end(&p);
    }
    clock_replace(NULL);
    assert_int_equal(slept_ns, 0);
}

static void computing_is_counted(void **state)
{
    int64_t began_ns = clock_thread_ns();
    for (volatile unsigned i = 0; i < 1000000; i++)
        ;
    assert_true(clock_thread_ns() > began_ns);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_it_never_stays_away),
        cmocka_unit_test(one_long_wait_is_no_crowd),
        cmocka_unit_test(in_a_crowd_it_leaves_most_to_others),
        cmocka_unit_test(what_cannot_be_is_no_crowd),
        cmocka_unit_test(with_a_clock_of_a_test_it_never_waited),
        cmocka_unit_test(computing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
