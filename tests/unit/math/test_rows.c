#include "levels.h"
#include "math/rows.h"
#include <math.h>
#include <string.h>

enum { N = 100 };

static void fill(float *x, size_t n, float scale, uint64_t seed)
{
    struct rng r;
    rng_init(&r, seed);
    for (size_t i = 0; i < n; i++)
        x[i] = scale * rng_normal(&r);
}

static void test_gelu(void **state)
{
    enum { STEPS = 40000 };
    static float x[STEPS + 1];
    FOR_LEVELS(level)
    {
        for (int i = 0; i <= STEPS; i++)
            x[i] = (float)(i - STEPS / 2) / 2000; /* -10 .. 10 */
        gelu_f32(x, STEPS + 1);
        for (int i = 0; i <= STEPS; i++) {
            double in = (float)(i - STEPS / 2) / 2000.f, want = in * .5 * (1 + erf(in / sqrt(2)));
            assert_true(fabs((double)x[i] - want) < 1e-6);
        }
        float far[3] = {100, -100, 0};
        gelu_f32(far, 3);
        assert_true(far[0] == 100 && fabsf(far[1]) < 1e-5f && far[2] == 0);
    }
}

static void test_softmax(void **state)
{
    static const float scales[] = {.1f, 1, 30};
    float in[N + 1], x[N + 1];
    FOR_LEVELS(level)
    {
        for (size_t n = 1; n <= N; n++) {
            fill(in, n, 5, n);
            if (n % 7 == 0)
                in[n / 2] = -3e38f; /* as far away as a float goes */
            float scale = scales[n % 3];
            memcpy(x, in, sizeof x);
            x[n] = 42;
            float max = in[0], sum = 0;
            for (size_t i = 1; i < n; i++)
                max = fmaxf(max, in[i]);
            float got = softmax_f32(x, n, scale);
            assert_true(x[n] == 42);
            for (size_t i = 0; i < n; i++) {
                double want = exp((double)scale * ((double)in[i] - (double)max));
                /* the exponent itself is rounded to float: 2^-24 of it is the least error */
                assert_true(fabs((double)x[i] - want) <= 3e-7 + 1e-5 * want);
                sum += x[i];
            }
            assert_true(fabsf(got - sum) <= 1e-5f * sum);
        }
    }
}

static void test_layernorm(void **state)
{
    float in[3 * N], x[3 * N + 1], gamma[N], beta[N];
    fill(gamma, N, 1, 1);
    fill(beta, N, 1, 2);
    FOR_LEVELS(level)
    {
        for (size_t n = 1; n <= N; n++) {
            fill(in, 3 * n, 2, n);
            for (size_t i = 0; i < n; i++)
                in[n + i] += 50; /* a mean far from 0 */
            memcpy(x, in, 3 * n * sizeof *x);
            x[3 * n] = 42;
            layernorm_f32(x, 3, n, gamma, beta, 1e-12f);
            assert_true(x[3 * n] == 42);
            for (size_t r = 0; r < 3; r++) {
                double mean = 0, square = 0;
                for (size_t i = 0; i < n; i++)
                    mean += (double)in[r * n + i] / (double)n;
                for (size_t i = 0; i < n; i++)
                    square += pow((double)in[r * n + i] - mean, 2) / (double)n;
                for (size_t i = 0; i < n; i++) {
                    double want = n == 1 ? (double)beta[0]
                                         : ((double)in[r * n + i] - mean) / sqrt(square + 1e-12) *
                                                   (double)gamma[i] +
                                               (double)beta[i];
                    assert_true(fabs((double)x[r * n + i] - want) < 5e-5);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gelu),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_layernorm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
