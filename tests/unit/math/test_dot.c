#include "levels.h"
#include "math/dot.h"
#include "math/half.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_TESTED = 400, PAD = 8 };

static float a[SIZE_MAX_TESTED + PAD], b[SIZE_MAX_TESTED + PAD];
static uint16_t h[SIZE_MAX_TESTED + PAD];

static void fill(struct rng *r)
{
    for (size_t i = 0; i < SIZE_MAX_TESTED + PAD; i++) {
        a[i] = rng_normal(r);
        b[i] = rng_normal(r);
        h[i] = half_of_float(a[i]);
    }
}

/* Each size 0..400 at an odd offset: tails and unaligned rows, against double sums. */
static void test_floats(void **state)
{
    struct rng r;
    rng_init(&r, 2);
    fill(&r);
    FOR_LEVELS(level)
    {
        for (size_t n = 0; n <= SIZE_MAX_TESTED; n++) {
            size_t at = n % PAD;
            double sum = 0, half_sum = 0, size = 0, square = 0;
            for (size_t i = at; i < at + n; i++) {
                sum += (double)a[i] * b[i];
                half_sum += (double)half_to_float(h[i]) * b[i];
                size += fabs((double)a[i] * b[i]);
                square += (double)a[i] * a[i];
            }
            double bound = 1e-6 * size + 1e-12;
            assert_true(fabs(dot_f32(a + at, b + at, n) - sum) <= bound);
            assert_true(fabs(dot_f16_f32(h + at, b + at, n) - half_sum) <= bound);
            assert_true(fabs(norm_f32(a + at, n) - sqrt(square)) <= 1e-6 * sqrt(square));
        }
    }
}

static void test_normalise(void **state)
{
    float x[3] = {3, 0, 4}, zero[3] = {0};
    FOR_LEVELS(level)
    {
        float y[3];
        memcpy(y, x, sizeof x);
        assert_true(normalise_f32(y, 3) == 5);
        assert_true(fabsf(y[0] - .6f) < 1e-7f && y[1] == 0 && fabsf(y[2] - .8f) < 1e-7f);
        assert_true(normalise_f32(zero, 3) == 0 && zero[0] == 0);
    }
}

enum { ROWS = 11 };

static void test_bytes(void **state)
{
    struct rng r;
    rng_init(&r, 3);
    static int8_t q[SIZE_MAX_TESTED + PAD], rows[ROWS * SIZE_MAX_TESTED + PAD];
    for (size_t i = 0; i < sizeof q; i++)
        q[i] = (int8_t)rng_next(&r);
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = (int8_t)(i % 5 ? (int)rng_next(&r) : -128);
    FOR_LEVELS(level)
    {
        for (size_t n = 0; n <= SIZE_MAX_TESTED; n++) {
            size_t at = n % PAD, count = n % (ROWS + 1);
            int32_t out[ROWS + 1], gathered[ROWS];
            const int8_t *list[ROWS];
            for (size_t k = 0; k < ROWS; k++)
                list[k] = rows + at + (ROWS - 1 - k) * n;
            out[count] = 12345;
            dot_i8_rows(q + at, rows + at, count, n, out);
            dot_i8_gather(q + at, list, ROWS, n, gathered);
            assert_int_equal(out[count], 12345);
            for (size_t k = 0; k < ROWS; k++) {
                const int8_t *row = rows + at + k * n;
                int32_t want = 0;
                for (size_t i = 0; i < n; i++)
                    want += q[at + i] * row[i];
                assert_int_equal(dot_i8(q + at, row, n), want);
                assert_int_equal(dot_i8(row, q + at, n), want);
                assert_int_equal(gathered[ROWS - 1 - k], want);
                if (k < count)
                    assert_int_equal(out[k], want);
            }
        }
    }
}

/* The largest sums that may occur: they wrap inside the AVX-512 kernel and must come out right. */
static void test_bytes_extreme(void **state)
{
    int8_t *x = malloc(DOT_DIMS_MAX), *y = malloc(DOT_DIMS_MAX);
    memset(x, -128, DOT_DIMS_MAX);
    memset(y, 127, DOT_DIMS_MAX);
    FOR_LEVELS(level)
    {
        assert_int_equal(dot_i8(x, x, DOT_DIMS_MAX), 128 * 128 * DOT_DIMS_MAX);
        assert_int_equal(dot_i8(x, y, DOT_DIMS_MAX), -128 * 127 * DOT_DIMS_MAX);
        assert_int_equal(dot_i8(y, y, DOT_DIMS_MAX), 127 * 127 * DOT_DIMS_MAX);
        int32_t out;
        dot_i8_rows(y, x, 1, DOT_DIMS_MAX, &out);
        assert_int_equal(out, -128 * 127 * DOT_DIMS_MAX);
    }
    free(x);
    free(y);
}

static void test_quantise(void **state)
{
    struct rng r;
    rng_init(&r, 4);
    fill(&r);
    a[5] = -9; /* the largest is negative */
    FOR_LEVELS(level)
    {
        for (size_t n = 0; n <= SIZE_MAX_TESTED; n++) {
            size_t at = n % PAD;
            int8_t out[SIZE_MAX_TESTED + 1];
            float max = 0;
            for (size_t i = at; i < at + n; i++)
                max = fmaxf(max, fabsf(a[i]));
            out[n] = 99;
            float scale = quantise_i8(a + at, out, n);
            assert_int_equal(out[n], 99);
            assert_true(scale == (max > 0 ? max / 127 : 0));
            for (size_t i = 0; i < n; i++)
                assert_int_equal(out[i], (int8_t)rintf(a[at + i] * (127 / max)));
        }
        float tiny[20] = {0, 1e-35f};
        int8_t zero[20];
        assert_true(quantise_i8(tiny, zero, 20) == 0);
        for (size_t i = 0; i < 20; i++)
            assert_int_equal(zero[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats),   cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_bytes),    cmocka_unit_test(test_bytes_extreme),
        cmocka_unit_test(test_quantise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
