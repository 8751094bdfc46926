/* Trees that the library grew, as akin scores them: the same numbers, known features or not. */
#include "train/boost.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/rng.h"
#include "recommend/feature.h"
#include "recommend/rank_trees.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS FEATURE_RANKER_READS
#define ROWS 600u
#define BESIDE 500u

static float *rows_make(size_t count, uint64_t seed)
{
    struct rng r;
    rng_init(&r, seed);
    float *rows = xmalloc(count * COLUMNS * sizeof *rows);
    for (size_t i = 0; i < count * COLUMNS; i++) {
        rows[i] = rng_normal(&r);
        if (rng_below(&r, 5) == 0)
            rows[i] = NAN;
        else if (rng_below(&r, 3) == 0)
            rows[i] = (float)rng_below(&r, 4); /* ties: on the splits' values too */
    }
    return rows;
}

static struct boost *grown(const float *rows, const float *beside, unsigned depth, unsigned rounds)
{
    const struct boost_options o = {depth, .3, 1, .1};
    float first[ROWS], second[ROWS], scores[ROWS] = {0};
    struct err_info e = {0};
    struct boost *b;
    if (boost_open(&e))
        skip();
    if (boost_new(rows, ROWS, beside, BESIDE, COLUMNS, &o, &b, &e))
        fail_msg("%s", e.message);
    for (unsigned k = 0; k < rounds; k++) {
        for (size_t i = 0; i < ROWS; i++) {
            const float *x = rows + i * COLUMNS;
            float y = (isnan(x[2]) ? 1.5f : x[2]) * (isnan(x[6]) ? -1 : x[6]);
            first[i] = scores[i] - y;
            second[i] = 1;
        }
        assert_int_equal(boost_round(b, first, second, NULL), 0);
        assert_int_equal(boost_scores(b, false, scores, NULL), 0);
    }
    return b;
}

static void score(const struct rank_trees *t, const float *rows, size_t count, float *out)
{
    const float **all = xmalloc(count * sizeof *all);
    for (size_t i = 0; i < count; i++)
        all[i] = rows + i * COLUMNS;
    rank_trees_score(t, all, count, out);
    free(all);
}

static void test_same(void **state)
{
    for (unsigned depth = 1; depth <= 6; depth += 5) {
        float *rows = rows_make(ROWS, 1), *beside = rows_make(BESIDE, 2);
        float theirs[BESIDE], ours[BESIDE];
        double gains[COLUMNS] = {0}, most = 0;
        struct rank_trees *t;
        struct err_info e = {0};
        struct boost *b = grown(rows, beside, depth, 100);
        if (boost_trees(b, 100, &t, gains, &e))
            fail_msg("%s", e.message);
        assert_int_equal(t->trees, 100);
        assert_int_equal(boost_scores(b, true, theirs, NULL), 0);
        score(t, beside, BESIDE, ours);
        for (size_t i = 0; i < BESIDE; i++) {
            assert_true(fabs((double)theirs[i] - (double)ours[i]) <=
                        1e-5 * fmax(1, fabs((double)theirs[i])));
            most = fmax(most, fabs((double)theirs[i]));
        }
        assert_true(most > .5); /* they say something */
        assert_true(gains[2] > gains[0] && gains[6] > gains[1]);
        rank_trees_free(t);
        boost_free(b);
        free(rows);
        free(beside);
    }
}

/* The first trees alone, as if it had ended there; the same again. */
static void test_first(void **state)
{
    float *rows = rows_make(ROWS, 3), *beside = rows_make(BESIDE, 4), theirs[BESIDE], ours[BESIDE];
    struct rank_trees *first, *again;
    struct boost *b = grown(rows, beside, 4, 7), *other = grown(rows, beside, 4, 20);
    assert_int_equal(boost_trees(other, 7, &first, NULL, NULL), 0);
    assert_int_equal(boost_trees(b, 7, &again, NULL, NULL), 0);
    assert_int_equal(boost_scores(b, true, theirs, NULL), 0);
    score(first, beside, BESIDE, ours);
    for (size_t i = 0; i < BESIDE; i++)
        assert_true(fabsf(theirs[i] - ours[i]) <= 1e-5f);
    assert_int_equal(first->start[7], again->start[7]);
    assert_memory_equal(first->nodes, again->nodes, first->start[7] * sizeof *first->nodes);
    assert_int_equal(boost_trees(b, 8, &again, NULL, NULL), ERR_CORRUPT);
    rank_trees_free(first);
    rank_trees_free(again);
    boost_free(b);
    boost_free(other);
    free(rows);
    free(beside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_first),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
