#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "math/mmr.h"

/* Two near-duplicates with the best scores, and one that is unlike them. */
static const float rows[] = {1, 0, 0.9999F, 0.0141F, 0, 1, 0, 0};
static const double scores[] = {0.9, 0.89, 0.5, 0.1};

static void without_diversity_the_order_is_by_score(void **state)
{
    double nearest[4];
    uint32_t order[4];
    assert_int_equal(mmr_order(scores, rows, 2, 4, 3, 0, nearest, order), 3);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 1);
    assert_int_equal(order[2], 2);
}

static void with_diversity_the_unlike_one_comes_before_the_copy(void **state)
{
    double nearest[4];
    uint32_t order[4];
    assert_int_equal(mmr_order(scores, rows, 2, 4, 4, 0.5, nearest, order), 4);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 2);
    assert_int_equal(order[2], 3); /* .05 against .445 - .5 of the copy */
    assert_int_equal(order[3], 1);
}

static void fewer_candidates_than_wanted(void **state)
{
    double nearest[1];
    uint32_t order[1];
    assert_int_equal(mmr_order(scores, rows, 2, 1, 10, 1, nearest, order), 1);
    assert_int_equal(mmr_order(scores, rows, 2, 0, 10, 1, nearest, order), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_diversity_the_order_is_by_score),
        cmocka_unit_test(with_diversity_the_unlike_one_comes_before_the_copy),
        cmocka_unit_test(fewer_candidates_than_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
