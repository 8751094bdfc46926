/* L-BFGS: known least values, from far away. */
#include "math/lbfgs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Rosenbrock 1960: a bent valley; 0 at (1, 1, ...). */
static double valley(void *ctx, const double *x, double *g)
{
    size_t n = *(const size_t *)ctx;
    double value = 0;
    for (size_t i = 0; i < n; i++)
        g[i] = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        value += 100 * a * a + b * b;
        g[i] += -400 * a * x[i] - 2 * b;
        g[i + 1] += 200 * a;
    }
    return value;
}

static void test_a_bent_valley(void **state)
{
    (void)state;
    double x[6] = {-1.2, 1, -1.2, 1, 3, -2};
    size_t n = 6;
    struct lbfgs_end end =
        lbfgs_minimise(n, x, valley, &n, &(struct lbfgs_options){.tolerance = 1e-10});
    assert_true(end.converged && end.steps > 5 && end.calls >= end.steps);
    for (size_t i = 0; i < n; i++)
        assert_float_equal(x[i], 1, 1e-5);
}

/* Axes of very different steepness. */
static double bowl(void *ctx, const double *x, double *g)
{
    double value = 0, steep = 1;
    (void)ctx;
    for (int i = 0; i < 5; i++, steep *= 10) {
        double d = x[i] - i;
        value += steep * d * d / 2;
        g[i] = steep * d;
    }
    return value;
}

static void test_a_steep_bowl_and_the_bound_of_steps(void **state)
{
    (void)state;
    double x[5] = {9, 9, 9, 9, 9}, y[5] = {9, 9, 9, 9, 9}, g[5];
    struct lbfgs_end end =
        lbfgs_minimise(5, x, bowl, NULL, &(struct lbfgs_options){.tolerance = 1e-12});
    for (int i = 0; i < 5; i++)
        assert_float_equal(x[i], i, 1e-6);
    assert_true(end.converged && end.value < 1e-9);
    double before = bowl(NULL, y, g);
    end = lbfgs_minimise(5, y, bowl, NULL,
                         &(struct lbfgs_options){.steps_max = 2, .tolerance = 1e-12});
    assert_true(!end.converged && end.steps == 2 && end.value < before);
}

static double flat(void *ctx, const double *x, double *g)
{
    (void)ctx;
    (void)x;
    g[0] = 0;
    return 7;
}

static void test_at_the_least_nothing_moves(void **state)
{
    (void)state;
    double x = 3;
    struct lbfgs_end end = lbfgs_minimise(1, &x, flat, NULL, &(struct lbfgs_options){0});
    assert_true(end.converged && end.steps == 0 && end.value == 7 && x == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bent_valley),
        cmocka_unit_test(test_a_steep_bowl_and_the_bound_of_steps),
        cmocka_unit_test(test_at_the_least_nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
