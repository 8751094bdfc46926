/* Measures of ranked lists against values worked out by hand from the papers' equations. */
#include "levels.h"
#include "math/ranking.h"
#include <math.h>

#define NEAR(x, y) assert_true(fabs((x) - (y)) < 1e-12)
#define LIST(...) (const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / 4

static void test_overlap(void **state)
{
    NEAR(ranking_overlap(NULL, 0, NULL, 0, 10), 1);
    NEAR(ranking_overlap(NULL, 0, LIST(1), 10), 0);
    NEAR(ranking_overlap(LIST(1, 2), LIST(2, 1), 10), 1);
    NEAR(ranking_overlap(LIST(1, 2), LIST(2, 3), 1), 0);
    NEAR(ranking_overlap(LIST(1, 2), LIST(5, 1, 7, 8), 10), .25);
}

static void test_rbo(void **state)
{
    NEAR(ranking_rbo(NULL, 0, NULL, 0, .9), 1);
    NEAR(ranking_rbo(LIST(1), NULL, 0, .9), 0);
    NEAR(ranking_rbo(LIST(1), LIST(1, 2), .9), 1);
    NEAR(ranking_rbo(LIST(1, 2), LIST(2, 1), .9), .9);
    NEAR(ranking_rbo(LIST(3), LIST(1, 2, 3), .9), .27);
    NEAR(ranking_rbo(LIST(1, 4), LIST(1, 2, 3, 4), .5), .78125);
    NEAR(ranking_rbo(LIST(1, 2, 3, 4), LIST(1, 4), .5), .78125);
}

static void test_dcg(void **state)
{
    double gains[] = {0, 3, 1, 0, 2};
    double list = 3 / log2(3) + 1 / log2(4) + 2 / log2(6);
    NEAR(ranking_dcg(gains, 5), list);
    NEAR(ranking_dcg_ideal(gains, 5, 2), 3 + 2 / log2(3));
    NEAR(gains[2], 1); /* sorted */
    NEAR(ranking_dcg_ideal(NULL, 0, 10), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_rbo),
        cmocka_unit_test(test_dcg),
    };
    return cmocka_run_group_tests_name("ranking", tests, NULL, NULL);
}
