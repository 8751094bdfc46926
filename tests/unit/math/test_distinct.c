/* Counting different things: exact while few, near when many, and joined as if counted together. */
#include "levels.h"
#include "math/distinct.h"
#include <math.h>
#include <string.h>

static void test_counts(void **state)
{
    static const unsigned sizes[] = {0, 1, 128, 129, 1000, 2500, 10000, 300000};
    (void)state;
    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct distinct d = {0};
        for (unsigned twice = 0; twice < 2; twice++)
            for (unsigned i = 0; i < sizes[s]; i++)
                distinct_add(&d, distinct_hash(i * 3 + 7));
        double off = distinct_count(&d) - sizes[s];
        if (sizes[s] <= DISTINCT_EXACT)
            assert_true(off == 0);
        else
            assert_true(fabs(off) < .08 * sizes[s]);
    }
}

static void test_join(void **state)
{
    static const unsigned sizes[] = {0, 50, 100, 5000};
    (void)state;
    for (unsigned s = 0; s < 4; s++)
        for (unsigned t = 0; t < 4; t++) {
            struct distinct a = {0}, b = {0}, both = {0};
            for (unsigned i = 0; i < sizes[s]; i++) {
                distinct_add(&a, distinct_hash(i));
                distinct_add(&both, distinct_hash(i));
            }
            for (unsigned i = 30; i < 30 + sizes[t]; i++) {
                distinct_add(&b, distinct_hash(i));
                distinct_add(&both, distinct_hash(i));
            }
            distinct_join(&a, &b);
            assert_true(distinct_count(&a) == distinct_count(&both));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts), cmocka_unit_test(test_join)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
