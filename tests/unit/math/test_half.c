#include "levels.h"
#include "math/half.h"
#include <math.h>
#include <string.h>

static float of_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Nearest even, found by looking at the two neighbours among all halves. */
static uint16_t slow_half(float x)
{
    uint16_t sign = signbit(x) ? 0x8000 : 0;
    double a = fabs((double)x);
    if (a >= 65520)
        return sign | 0x7c00;
    uint16_t low = 0, high = 0x7bff;
    while (low < high) { /* the largest half <= a */
        uint16_t mid = (uint16_t)((low + high + 1) / 2);
        if ((double)half_to_float(mid) <= a)
            low = mid;
        else
            high = (uint16_t)(mid - 1);
    }
    double below = a - (double)half_to_float(low);
    double above = (low == 0x7bff ? 65536 : (double)half_to_float((uint16_t)(low + 1))) - a;
    return sign | (uint16_t)(low + (above < below || (above == below && (low & 1))));
}

static void test_all_halves_round_trip(void **state)
{
    static uint16_t in[65536], out[65536];
    static float wide[65536];
    for (unsigned i = 0; i < 65536; i++)
        in[i] = (uint16_t)i;
    FOR_LEVELS(level)
    {
        half_to_f32(in, wide, 65536);
        half_from_f32(wide, out, 65536);
        for (unsigned i = 0; i < 65536; i++) {
            bool nan = (i & 0x7c00) == 0x7c00 && (i & 0x3ff);
            assert_int_equal(out[i], nan ? (i | 0x200) : i);
        }
    }
    assert_true(half_to_float(0x3c00) == 1 && half_to_float(0x0001) == 0x1p-24f);
    assert_true(half_to_float(0x7bff) == 65504 && half_to_float(0xc000) == -2);
}

static void test_rounding(void **state)
{
    struct rng r;
    rng_init(&r, 1);
    enum { N = 100000 };
    static float x[N];
    static uint16_t got[N], plain[N];
    for (size_t i = 0; i < N; i++) {
        /* halfway cases often: a half with 13 more bits of which few are set */
        uint32_t u = (uint32_t)rng_next(&r);
        if (i % 3 == 0)
            u = (u & 0xffffe000) | 0x1000;
        if (i % 3 == 1)
            u = (u & 0x807fffff) | (uint32_t)(97 + rng_below(&r, 50)) << 23;
        x[i] = of_bits(u);
        plain[i] = half_of_float(x[i]);
        if (!isnan(x[i]))
            assert_int_equal(plain[i], slow_half(x[i]));
    }
    FOR_LEVELS(level)
    {
        half_from_f32(x, got, N);
        assert_memory_equal(got, plain, sizeof got);
    }
}

static void test_tails(void **state)
{
    float x[80], back[80];
    uint16_t h[82];
    for (unsigned i = 0; i < 80; i++)
        x[i] = (float)i - 40;
    FOR_LEVELS(level)
    {
        for (size_t n = 0; n < 70; n++) {
            memset(h, 0xee, sizeof h);
            half_from_f32(x + 1, h + 1, n);
            assert_int_equal(h[0], 0xeeee);
            assert_int_equal(h[n + 1], 0xeeee);
            back[n] = 77;
            half_to_f32(h + 1, back, n);
            assert_true(back[n] == 77);
            assert_memory_equal(back, x + 1, n * sizeof *x);
        }
    }
}

static void test_bf16(void **state)
{
    assert_int_equal(bf16_of_float(1.0f), 0x3f80);
    assert_int_equal(bf16_of_float(of_bits(0x3f808000)), 0x3f80); /* tie: to even */
    assert_int_equal(bf16_of_float(of_bits(0x3f818000)), 0x3f82);
    assert_int_equal(bf16_of_float(of_bits(0x3f808001)), 0x3f81);
    assert_true(isnan(bf16_to_float(bf16_of_float(of_bits(0x7f800001)))));
    assert_true(isinf(bf16_to_float(bf16_of_float(INFINITY))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_halves_round_trip),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_bf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
