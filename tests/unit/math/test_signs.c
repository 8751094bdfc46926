#include "base/arena.h"
#include "base/rng.h"
#include "math/dot.h"
#include "math/rotate.h"
#include "math/signs.h"
#include "math/simd.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const size_t dims[] = {1, 2, 7, 32, 63, 64, 65, 100, 128, 384, 768, 1000, 4096};
#define DIMS (sizeof dims / sizeof *dims)

static struct rng rng;

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = rng_normal(&rng);
}

/* Inner products stay; every level gives the same bits; one coordinate is spread over all. */
static void test_rotate(void **state)
{
    static float x[4096], y[4096], a[4096], b[4096], again[4096];
    for (size_t d = 0; d < DIMS; d++) {
        size_t n = dims[d];
        fill(x, n);
        fill(y, n);
        memcpy(a, x, sizeof a);
        memcpy(b, y, sizeof b);
        simd_force(SIMD_SCALAR);
        rotate_f32(a, n);
        rotate_f32(b, n);
        float tolerance = 1e-5f * norm_f32(x, n) * norm_f32(y, n) + 1e-6f;
        assert_true(fabsf(dot_f32(a, b, n) - dot_f32(x, y, n)) < tolerance);
        assert_true(fabsf(norm_f32(a, n) - norm_f32(x, n)) < 1e-5f * norm_f32(x, n));
        for (int level = 1; level < SIMD_LEVELS; level++) {
            if (!simd_supported(level))
                continue;
            simd_force(level);
            memcpy(again, x, sizeof again);
            rotate_f32(again, n);
            assert_memory_equal(again, a, n * sizeof *a);
        }
        memset(x, 0, sizeof x);
        x[n / 3] = 1;
        rotate_f32(x, n);
        for (size_t i = 0; n >= 64 && i < n; i++)
            assert_true(fabsf(x[i]) < .6f);
    }
}

static void test_encode(void **state)
{
    static float x[4096];
    uint64_t bits[64];
    for (size_t d = 0; d < DIMS; d++) {
        size_t n = dims[d];
        float square, sum;
        double squares = 0, sums = 0;
        fill(x, n);
        x[0] = 0;
        signs_encode(x, n, bits, &square, &sum);
        for (size_t i = 0; i < 64 * signs_words(n); i++) {
            assert_int_equal(bits[i / 64] >> i % 64 & 1, i < n && x[i] > 0);
            squares += i < n ? (double)x[i] * x[i] : 0;
            sums += i < n ? fabs(x[i]) : 0;
        }
        assert_true(fabs(square - squares) <= 1e-5 * squares && fabs(sum - sums) <= 1e-5 * sums);
    }
}

static void test_sums(void **state)
{
    enum { LINES = 37 };
    static uint64_t lines[LINES][64];
    const uint64_t *at[LINES];
    int8_t *query = xaligned(4096);
    int32_t want[LINES + 3], out[LINES + 3];
    for (size_t words = 1; words <= 64; words++) {
        for (unsigned i = 0; i < 64 * words; i++)
            query[i] = (int8_t)((int)rng_below(&rng, 255) - 127);
        for (unsigned i = 0; i < LINES; i++) {
            at[i] = lines[i];
            want[i] = 0;
            for (unsigned w = 0; w < words; w++) {
                lines[i][w] = i == 0 ? ~UINT64_C(0) : i == 1 ? 0 : rng_next(&rng);
                for (unsigned b = 0; b < 64; b++)
                    want[i] += (lines[i][w] >> b & 1) ? query[64 * w + b] : 0;
            }
        }
        for (int level = 0; level < SIMD_LEVELS; level++) {
            if (!simd_supported(level))
                continue;
            simd_force(level);
            for (unsigned count = 1; count <= LINES; count += 6) {
                signs_sums(query, words, at, count, out);
                assert_memory_equal(out, want, count * sizeof *out);
            }
        }
    }
    free(query);
}

static void test_first(void **state)
{
    enum { ROWS = 33 };
    static int8_t query[1000], rows[ROWS][1000];
    const int8_t *at[ROWS];
    float scales[ROWS];
    for (unsigned round = 0; round < 200; round++) {
        size_t n = 1 + rng_below(&rng, 1000), count = rng_below(&rng, ROWS + 1), want = count;
        float limit = 100 * rng_normal(&rng) * sqrtf((float)n);
        for (unsigned r = 0; r < ROWS; r++) {
            at[r] = rows[r];
            scales[r] = .1f * (float)rng_unit(&rng);
            for (size_t i = 0; i < n; i++)
                rows[r][i] = (int8_t)((int)rng_below(&rng, 255) - 127);
        }
        for (size_t i = 0; i < n; i++)
            query[i] = (int8_t)((int)rng_below(&rng, 255) - 127);
        simd_force(SIMD_SCALAR);
        for (size_t r = count; r-- > 0;)
            if ((float)dot_i8(query, rows[r], n) * scales[r] >= limit)
                want = r;
        for (int level = 0; level < SIMD_LEVELS; level++) {
            if (!simd_supported(level))
                continue;
            simd_force(level);
            assert_int_equal(dot_i8_first(query, at, scales, count, n, limit), want);
        }
    }
}

static int setup(void **state)
{
    rng_init(&rng, 5);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rotate, setup),
        cmocka_unit_test_setup(test_encode, setup),
        cmocka_unit_test_setup(test_sums, setup),
        cmocka_unit_test_setup(test_first, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
