/* The ranker's trees: what they score, what is no tree, and the file. */
#include "recommend/rank_trees.h"
#include "base/arena.h"
#include "base/rng.h"
#include "recommend/feature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>

static struct rank_trees *two_make(void)
{
    struct rank_trees *t = rank_trees_new(2, (const uint32_t[]){5, 1});
    t->nodes[0] = (struct rank_node){.feature = FEATURE_MODEL, .value = 2, .left = 1};
    t->nodes[1] = (struct rank_node){.value = 10};
    t->nodes[2] =
        (struct rank_node){.feature = FEATURE_AGE, .value = -1, .left = 3, .unknown_right = 1};
    t->nodes[3] = (struct rank_node){.value = 20};
    t->nodes[4] = (struct rank_node){.value = 30};
    t->nodes[5] = (struct rank_node){.value = .5f};
    return t;
}

static void test_scores(void **state)
{
    /* model, age -> score; the value itself goes right, the unknown its own way */
    static const float cases[][3] = {{1, 0, 10.5f}, {2, -2, 20.5f},  {2, -1, 30.5f},
                                     {3, 5, 30.5f}, {9, NAN, 30.5f}, {NAN, 5, 10.5f}};
    struct rank_trees *t = two_make();
    assert_null(rank_trees_wrong(t));
    float rows[6][FEATURE_COUNT], out[12];
    const float *all[12]; /* more than are scored at once */
    for (size_t i = 0; i < 6; i++) {
        for (int f = 0; f < FEATURE_COUNT; f++)
            rows[i][f] = NAN;
        rows[i][FEATURE_MODEL] = cases[i][0];
        rows[i][FEATURE_AGE] = cases[i][1];
        all[i] = all[i + 6] = rows[i];
    }
    rank_trees_score(t, all, 12, out);
    for (size_t i = 0; i < 12; i++)
        assert_true(out[i] == cases[i % 6][2]);
    rank_trees_free(t);
}

static void test_none(void **state)
{
    struct rank_trees *t = rank_trees_new(0, NULL);
    float out = 7, row[FEATURE_COUNT] = {0};
    assert_null(rank_trees_wrong(t));
    rank_trees_score(t, (const float *const[]){row}, 1, &out);
    assert_true(out == 0);
    rank_trees_free(t);
}

static void test_wrong(void **state)
{
    static const struct {
        size_t at;
        struct rank_node node;
    } edits[] = {
        {0, {.left = 0}},                                  /* nothing leads to the others */
        {2, {.left = 2}},                                  /* its own child */
        {2, {.left = 1}},                                  /* a circle */
        {2, {.left = 4}},                                  /* the right one is another tree's */
        {1, {.left = 3}},                                  /* two parents */
        {2, {.left = 3, .feature = FEATURE_RANKER_READS}}, /* no such feature */
        {2, {.left = 3, .unknown_right = 2}},              /* no such way */
        {2, {.left = 3, .value = NAN}},
        {5, {.value = INFINITY}},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        struct rank_trees *t = two_make();
        t->nodes[edits[i].at] = edits[i].node;
        assert_non_null(rank_trees_wrong(t));
        rank_trees_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
