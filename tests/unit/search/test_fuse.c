#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <cmocka.h>
#include "search/fuse.h"

static void semantic_part_is_zero_at_mu_and_one_at_one(void **state)
{
    assert_true(fuse_semantic(0.1, 0.1) == 0);
    assert_true(fuse_semantic(-0.7, 0.1) == 0);
    assert_true(fabs(fuse_semantic(1, 0.1) - 1) < 1e-12);
    assert_true(fuse_semantic(1.0000001, 0.1) == 1); /* rounding must not leave [0, 1] */
    assert_true(fabs(fuse_semantic(0.55, 0.1) - 0.5) < 1e-12);
}

static struct search_hit hit(uint32_t number, double semantic, double lexical)
{
    return (struct search_hit){.number = number, .semantic = semantic, .lexical = lexical};
}

static void each_mode_takes_its_parts(void **state)
{
    struct search_hit h = hit(1, 0.5, 0.25);
    fuse_score(&h, SEARCH_HYBRID);
    assert_true(fabs(h.score - (0.6 * 0.25 + 0.4 * 0.5)) < 1e-12);
    fuse_score(&h, SEARCH_SEMANTIC);
    assert_true(h.score == 0.5);
    fuse_score(&h, SEARCH_LEXICAL);
    assert_true(h.score == 0.25);
    h = hit(1, NAN, 0.25); /* pending: no vectors yet */
    fuse_score(&h, SEARCH_HYBRID);
    assert_true(fabs(h.score - 0.15) < 1e-12);
}

static void order_is_by_score_then_number_and_cut_below_min_score(void **state)
{
    struct search_hit h[4] = {hit(7, 0, 0), hit(3, 0, 0), hit(9, 0, 0), hit(1, 0, 0)};
    const double scores[4] = {0.5, 0.5, 0.9, 0.1};
    for (int i = 0; i < 4; i++)
        h[i].score = scores[i];
    assert_int_equal(fuse_order(h, 4, 0.2), 3);
    assert_int_equal(h[0].number, 9);
    assert_int_equal(h[1].number, 3);
    assert_int_equal(h[2].number, 7);
    assert_int_equal(fuse_order(h, 3, 0.95), 0);
    assert_int_equal(fuse_order(h, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(semantic_part_is_zero_at_mu_and_one_at_one),
        cmocka_unit_test(each_mode_takes_its_parts),
        cmocka_unit_test(order_is_by_score_then_number_and_cut_below_min_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
