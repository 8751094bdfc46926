/* Resampling against values that can be worked out, and against an exact enumeration. */
#include "base/rng.h"
#include "levels.h"
#include "math/resample.h"
#include <math.h>

#define ROUNDS 10000

/* All 2^n signs: what the sampled p comes near to. */
static double exact_p(const double *d, size_t n)
{
    double seen = 0;
    unsigned extreme = 0;
    for (size_t i = 0; i < n; i++)
        seen += d[i];
    for (unsigned signs = 0; signs < 1u << n; signs++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += signs >> i & 1 ? d[i] : -d[i];
        extreme += fabs(sum) >= fabs(seen) - 1e-9;
    }
    return (double)extreme / (double)(1u << n);
}

static void test_paired_p(void **state)
{
    double apart[] = {.1, .3, .05, .2, .15, .4, .1, .25, .02, .3}, mixed[] = {.1, -.2, .3, -.1, 0};
    double many[1000] = {0};
    assert_true(fabs(resample_paired_p(apart, 10, ROUNDS, 1) - exact_p(apart, 10)) < .002);
    assert_true(fabs(resample_paired_p(mixed, 5, ROUNDS, 1) - exact_p(mixed, 5)) < .015);
    assert_true(resample_paired_p(many, 1000, ROUNDS, 1) == 1);
    assert_true(resample_paired_p(NULL, 0, ROUNDS, 1) == 1);
    for (int i = 0; i < 1000; i++)
        many[i] = i % 3 ? .1 : -.1;
    assert_true(resample_paired_p(many, 1000, ROUNDS, 1) == 1.0 / (1 + ROUNDS));
}

/* Of 400 normal values the interval is mean -+ 1.96 / sqrt(400), and the seed fixes it. */
static void test_mean_range(void **state)
{
    double x[400], one = .25;
    struct rng rng;
    rng_init(&rng, 3);
    for (int i = 0; i < 400; i++)
        x[i] = 5 + rng_normal(&rng);
    struct resample_range r = resample_mean_range(x, 400, ROUNDS, 1),
                          again = resample_mean_range(x, 400, ROUNDS, 1);
    double mean = resample_mean(x, 400);
    assert_true(r.low < mean && mean < r.high);
    assert_true(fabs(r.high - r.low - 2 * .098) < .02);
    assert_true(r.low == again.low && r.high == again.high);
    r = resample_mean_range(&one, 1, ROUNDS, 1);
    assert_true(r.low == .25 && r.high == .25);
    r = resample_mean_range(NULL, 0, ROUNDS, 1);
    assert_true(r.low == 0 && r.high == 0);
}

static void test_holm(void **state)
{
    double p[] = {.04, .01, .03, .5};
    resample_holm(p, 4);
    assert_true(fabs(p[1] - .04) < 1e-12); /* 4 x .01 */
    assert_true(fabs(p[2] - .09) < 1e-12); /* 3 x .03 */
    assert_true(fabs(p[0] - .09) < 1e-12); /* 2 x .04 is less than the one before */
    assert_true(p[3] == .5);
}

static void test_auc(void **state)
{
    struct resample_range r;
    double own[] = {3, 1, 2}, foreign[] = {2, 0}, far[] = {-1, -2};
    /* pairs: 3>2 3>0 1<2 1>0 2=2 2>0: 4.5 of 6 */
    assert_true(fabs(resample_auc(own, 3, foreign, 2, &r) - .75) < 1e-12);
    /* DeLong: placements 1 .5 .75 (variance .0625) and .5 1 (.125) */
    double half = 1.959964 * sqrt(.0625 / 3 + .125 / 2);
    assert_true(fabs(r.low - (.75 - half)) < 1e-9 && r.high == 1);
    assert_true(resample_auc(own, 3, far, 2, &r) == 1 && r.low == 1 && r.high == 1);
    assert_true(resample_auc(own, 0, far, 2, &r) == .5 && r.low == 0 && r.high == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paired_p),
        cmocka_unit_test(test_mean_range),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_auc),
    };
    return cmocka_run_group_tests_name("resample", tests, NULL, NULL);
}
