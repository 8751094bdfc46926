/* Off-policy estimates against values by hand, and their intervals against the truth of simulated
 * logs. */
#include "base/rng.h"
#include "levels.h"
#include "math/offpolicy.h"
#include "../sanitized.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void test_by_hand(void **state)
{
    static const struct offpolicy_row rows[] = {{1, .5, 1}, {0, .5, 0}, {1, .25, .5}, {0, .5, 1}};
    struct offpolicy_estimate ips = offpolicy_ips(rows, 4), snips = offpolicy_snips(rows, 4, 0, 1);
    (void)state;
    /* weights 2, 0, 2, 2 */
    assert_true(fabs(ips.value - 1) < 1e-12);
    assert_true(fabs(snips.value - 4.0 / 6) < 1e-12);
    assert_true(fabs(snips.effective - 3) < 1e-12 && snips.weight_max == 2);
    assert_true(ips.low < ips.value && ips.high > ips.value);
    assert_true(snips.low >= 0 && snips.low < snips.value && snips.high <= 1);
    /* plain shares, 3 of 10: Agresti and Coull's interval */
    struct offpolicy_row plain[10];
    for (size_t i = 0; i < 10; i++)
        plain[i] = (struct offpolicy_row){i < 3, .5, .5};
    snips = offpolicy_snips(plain, 10, 0, 1);
    assert_true(fabs(snips.value - .3) < 1e-12);
    assert_true(fabs(snips.low - .1033) < 5e-4 && fabs(snips.high - .6077) < 5e-4);
}

/* The target is the policy that logged: both are the mean. A shift of all rewards shifts SNIPS by
 * just that. */
static void test_same_policy(void **state)
{
    struct offpolicy_row rows[100];
    double mean = 0;
    struct rng r;
    (void)state;
    rng_init(&r, 7);
    for (size_t i = 0; i < 100; i++) {
        double p = .1 + .8 * rng_unit(&r);
        rows[i] = (struct offpolicy_row){rng_unit(&r), p, p};
        mean += rows[i].reward / 100;
    }
    assert_true(fabs(offpolicy_ips(rows, 100).value - mean) < 1e-12);
    assert_true(fabs(offpolicy_snips(rows, 100, 0, 11).value - mean) < 1e-12);
    for (size_t i = 0; i < 100; i++)
        rows[i].target = rows[i].propensity > .5 ? .9 : .1;
    double before = offpolicy_snips(rows, 100, 0, 11).value;
    for (size_t i = 0; i < 100; i++)
        rows[i].reward += 10;
    assert_true(fabs(offpolicy_snips(rows, 100, 0, 11).value - before - 10) < 1e-9);
}

static void test_nothing(void **state)
{
    static const struct offpolicy_row unseen[] = {{1, .5, 0}, {1, .5, 0}}, one[] = {{1, .5, 1}};
    static const struct offpolicy_row unclicked[] = {{0, .5, 1}, {0, .5, 1}, {0, .5, 1}};
    (void)state;
    struct offpolicy_estimate never = offpolicy_snips(unclicked, 3, 0, 1);
    assert_true(isnan(offpolicy_snips(unseen, 2, 0, 1).value));
    assert_true(isnan(offpolicy_ips(NULL, 0).value));
    assert_true(isinf(offpolicy_snips(unseen, 2, 0, 1).high) && isinf(offpolicy_ips(one, 1).low));
    assert_true(never.value == 0 && never.low == 0 && never.high > .3); /* it is not sure of 0 */
}

/* Ten things, softmax by which the log chose, clicks with chances of their own; the target prefers
 * others. */
#define THINGS 10
#define ROWS 2000
#define RUNS (SLOW ? 1000 : 2000)

static void softmax(const double *taste, double heat, double *p)
{
    double sum = 0;
    for (size_t i = 0; i < THINGS; i++)
        sum += p[i] = exp(taste[i] * heat);
    for (size_t i = 0; i < THINGS; i++)
        p[i] /= sum;
}

static size_t drawn(struct rng *r, const double *p)
{
    double u = rng_unit(r);
    size_t i = 0;
    while (i + 1 < THINGS && u >= p[i])
        u -= p[i++];
    return i;
}

static void test_coverage(void **state)
{
    struct offpolicy_row *rows = calloc(ROWS, sizeof *rows);
    unsigned snips_holds = 0, ips_holds = 0;
    double snips_width = 0, ips_width = 0;
    struct rng r;
    (void)state;
    rng_init(&r, 42);
    for (unsigned run = 0; run < RUNS; run++) {
        double taste[THINGS], clicks[THINGS], log[THINGS], target[THINGS], truth = 0;
        for (size_t i = 0; i < THINGS; i++) {
            taste[i] = rng_normal(&r);
            clicks[i] = .02 + .3 * rng_unit(&r);
        }
        softmax(taste, .7, log);
        softmax(taste, -.7, target);
        for (size_t i = 0; i < THINGS; i++)
            truth += target[i] * clicks[i];
        for (size_t n = 0; n < ROWS; n++) {
            size_t i = drawn(&r, log);
            rows[n] = (struct offpolicy_row){rng_unit(&r) < clicks[i], log[i], target[i]};
        }
        struct offpolicy_estimate s = offpolicy_snips(rows, ROWS, 0, 1),
                                  p = offpolicy_ips(rows, ROWS);
        snips_holds += s.low <= truth && truth <= s.high;
        ips_holds += p.low <= truth && truth <= p.high;
        snips_width += s.high - s.low;
        ips_width += p.high - p.low;
    }
    printf("intervals hold the truth: SNIPS %u, IPS %u of %u runs; width %.4f, %.4f\n", snips_holds,
           ips_holds, RUNS, snips_width / RUNS, ips_width / RUNS);
    assert_true(snips_holds * 100 >= RUNS * 93);
    assert_true(snips_holds < RUNS || SLOW); /* else they would be too wide */
    assert_true(ips_holds * 100 >= RUNS * 90);
    assert_true(snips_width < ips_width);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_same_policy),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
