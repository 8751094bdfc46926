/* Clock and randomness. */
#include "test.h"
#include "base/clock.h"
#include "base/rng.h"
#include <math.h>
#include <string.h>
#include <time.h>

static void format_is_rfc3339(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {951782400000000, "2000-02-29T00:00:00.000000Z"},
        {1763827742123456, "2025-11-22T16:09:02.123456Z"},
        {4107542400000000, "2100-03-01T00:00:00.000000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999999Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000000Z"},
    };
    char text[CLOCK_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clock_format(cases[i].us, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void format_agrees_with_the_c_library(void **state)
{
    struct rng r;
    rng_init(&r, 5);
    for (int i = 0; i < 20000; i++) {
        int64_t us = (int64_t)rng_below(&r, 8000000000000000) - 2000000000000000, back;
        time_t seconds = (time_t)(us / 1000000 - (us % 1000000 < 0));
        char ours[CLOCK_TEXT], theirs[32];
        struct tm tm;
        clock_format(us, ours);
        strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
        assert_memory_equal(ours, theirs, 19);
        assert_int_equal(clock_parse(str_c(ours), &back), ERR_OK);
        assert_true(back == us);
    }
}

static void parse_takes_rfc3339(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00.5z", 500000},
        {"1970-01-01 01:00:00+01:00", 0},
        {"1969-12-31T22:30:00.123456789-01:30", 123456},
        {"2016-12-31T23:59:60Z", 1483228800000000},
        {"2000-02-29T00:00:00Z", 951782400000000},
    };
    int64_t us;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(clock_parse(str_c(cases[i].text), &us), ERR_OK);
        assert_true(us == cases[i].us);
    }
    static const char *const bad[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01T00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-01-32T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:61Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00+1:00",
        "1970-01-01T00:00:00+01:60",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00 01:00",
        "1970-01-01T00:00:00Zx",
        " 1970-01-01T00:00:00Z",
        "70-01-01T00:00:00Z",
        "1970-1-01T00:00:00Z",
        "-970-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (clock_parse(str_c(bad[i]), &us) != ERR_INVALID)
            fail_msg("taken: %s", bad[i]);
}

static void clock_runs(void **state)
{
    int64_t mono = clock_mono_ns(), wall = clock_wall_us();
    clock_sleep_ns(2000000);
    assert_true(clock_mono_ns() - mono >= 2000000);
    assert_true(wall > 1700000000000000);
    clock_sleep_ns(0);
    clock_sleep_ns(-5);
}

static int64_t now_us;

static int64_t fake_wall(void *ctx)
{
    return *(int64_t *)ctx;
}

static int64_t fake_mono(void *ctx)
{
    return *(int64_t *)ctx * 1000;
}

static void fake_sleep(void *ctx, int64_t ns)
{
    *(int64_t *)ctx += ns / 1000;
}

static void clock_can_be_replaced(void **state)
{
    now_us = 1000;
    clock_replace(&(struct clock_source){fake_wall, fake_mono, fake_sleep, &now_us});
    clock_sleep_ns(INT64_C(3600) * 1000000000);
    assert_int_equal(clock_wall_us(), 3600001000);
    assert_int_equal(clock_mono_ns(), 3600001000000);
    clock_replace(NULL);
    assert_true(clock_wall_us() > 1700000000000000);
}

static void randomness_follows_a_seed(void **state)
{
    char a[100], b[100], hex[20];
    rng_bytes(a, sizeof a);
    rng_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    rng_replace(42);
    rng_bytes(a, sizeof a);
    rng_replace(42);
    rng_bytes(b, sizeof b);
    assert_memory_equal(a, b, sizeof a);
    rng_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    rng_replace(43);
    rng_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    rng_restore();
    memset(hex, 'X', sizeof hex);
    rng_hex(hex, 17);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 17);
    assert_int_equal(hex[17], 0);
    assert_int_equal(hex[18], 'X');
}

/* Blackman and Vigna's reference: xoshiro256** from the state 1, 2, 3, 4. */
static void xoshiro_is_the_reference(void **state)
{
    struct rng r = {{1, 2, 3, 4}};
    static const uint64_t want[] = {11520, 0, 1509978240, 1215971899390074240};
    for (int i = 0; i < 4; i++)
        assert_true(rng_next(&r) == want[i]);
}

static void samples_are_fair(void **state)
{
    struct rng r;
    enum { N = 100000 };
    int counts[7] = {0};
    double sum = 0, square = 0, unit = 0;
    rng_init(&r, 1);
    for (int i = 0; i < N; i++) {
        counts[rng_below(&r, 7)]++;
        double n = rng_normal(&r), u = rng_unit(&r);
        assert_true(u >= 0 && u < 1);
        sum += n;
        square += n * n;
        unit += u;
    }
    for (int i = 0; i < 7; i++) /* five standard deviations */
        assert_true(fabs(counts[i] - N / 7.) < 5 * sqrt(N * 6 / 49.));
    assert_true(fabs(sum / N) < 5 / sqrt(N));
    assert_true(fabs(square / N - 1) < 5 * sqrt(2. / N));
    assert_true(fabs(unit / N - .5) < 5 * sqrt(1 / 12. / N));
    for (int i = 0; i < 100; i++)
        assert_true(rng_below(&r, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_is_rfc3339),
        cmocka_unit_test(format_agrees_with_the_c_library),
        cmocka_unit_test(parse_takes_rfc3339),
        cmocka_unit_test(clock_runs),
        cmocka_unit_test(clock_can_be_replaced),
        cmocka_unit_test(randomness_follows_a_seed),
        cmocka_unit_test(xoshiro_is_the_reference),
        cmocka_unit_test(samples_are_fair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
