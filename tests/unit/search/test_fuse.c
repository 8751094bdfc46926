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

static void each_mode_takes_its_parts(void **state)
{
    struct search_query q = {.mode = SEARCH_HYBRID};
    assert_true(fabs(fuse_relevance(fuse_weights(&q), 0.25, 0.5) - (0.6 * 0.25 + 0.4 * 0.5)) <
                1e-12);
    /* pending: no vectors yet */
    assert_true(fabs(fuse_relevance(fuse_weights(&q), 0.25, NAN) - 0.15) < 1e-12);
    q.words_weight = 1;
    q.vectors_weight = 3;
    assert_true(fabs(fuse_relevance(fuse_weights(&q), 0.25, 0.5) - (0.0625 + 0.375)) < 1e-12);
    q.mode = SEARCH_SEMANTIC;
    assert_true(fuse_relevance(fuse_weights(&q), 0.25, 0.5) == 0.5);
    q.mode = SEARCH_LEXICAL;
    assert_true(fuse_relevance(fuse_weights(&q), 0.25, 0.5) == 0.25);
}

static void values_within_their_range(void **state)
{
    assert_true(fuse_minmax(3, 1, 5) == .5);
    assert_true(fuse_minmax(0, 1, 5) == 0);
    assert_true(fuse_minmax(6, 1, 5) == 1);
    assert_true(fuse_minmax(NAN, 1, 5) == 0);
    assert_true(fuse_minmax(1, 1, 1) == 1); /* a list of one */
    assert_true(fuse_minmax(1, NAN, NAN) == 0);
}

static void order_is_by_score_then_cosine_then_number_and_cut_below_min_score(void **state)
{
    struct arena *a = arena_new(0);
    static const double scores[] = {.5, .5, .9, .1, .5, .5}, cosines[] = {.2, .2, .1, 1, .3, NAN};
    static const uint32_t numbers[] = {7, 3, 9, 1, 11, 2}, order[] = {9, 11, 3, 7, 2};
    struct search_hit h[6], *best;
    size_t above;
    for (int i = 0; i < 6; i++)
        h[i] = (struct search_hit){.number = numbers[i], .score = scores[i], .cosine = cosines[i]};
    assert_int_equal(fuse_best(h, 6, 0.2, 10, a, &best, &above), 5);
    assert_int_equal(above, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(best[i].number, order[i]);
    assert_int_equal(fuse_best(h, 6, 0.2, 2, a, &best, &above), 2);
    assert_int_equal(above, 5);
    assert_int_equal(best[1].number, 11);
    assert_int_equal(fuse_best(h, 6, 0.95, 10, a, &best, &above), 0);
    assert_int_equal(fuse_best(h, 0, 0, 10, a, &best, &above), 0);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(semantic_part_is_zero_at_mu_and_one_at_one),
        cmocka_unit_test(each_mode_takes_its_parts),
        cmocka_unit_test(values_within_their_range),
        cmocka_unit_test(order_is_by_score_then_cosine_then_number_and_cut_below_min_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
