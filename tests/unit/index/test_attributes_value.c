#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/rng.h"
#include "base/thread.h"
#include "index/filter.h"

static void put(struct attributes *x, uint32_t number, const char *attributes)
{
    json_t *d = json_pack("{s:s,s:o}", "id", "d", "attributes", json_loads(attributes, 0, NULL));
    attributes_put(x, number, d);
    json_decref(d);
}

static double one(struct attributes *x, const char *field, enum attributes_pick pick, uint32_t n)
{
    double out = 0;
    attributes_number(x, str_c(field), pick, &n, 1, &out);
    return out;
}

static void numbers_dates_and_booleans(void **state)
{
    struct attributes *x = attributes_new();
    put(x, 1, "{\"a\":3,\"b\":true,\"c\":\"1970-01-02\",\"d\":\"text\",\"e\":[5,2.5,9]}");
    put(x, 70000, "{\"a\":-1.5,\"b\":false}");
    for (int again = 0; again < 2; again++) {
        assert_true(one(x, "a", ATTRIBUTES_LEAST, 1) == 3);
        assert_true(one(x, "attributes.a", ATTRIBUTES_GREATEST, 70000) == -1.5);
        assert_true(one(x, "b", ATTRIBUTES_GREATEST, 1) == 1);
        assert_true(one(x, "b", ATTRIBUTES_LEAST, 70000) == 0);
        assert_true(one(x, "c", ATTRIBUTES_LEAST, 1) == 86400);
        assert_true(isnan(one(x, "d", ATTRIBUTES_LEAST, 1)));
        assert_true(isnan(one(x, "nothing", ATTRIBUTES_LEAST, 1)));
        assert_true(isnan(one(x, "c", ATTRIBUTES_LEAST, 70000)));
        assert_true(isnan(one(x, "a", ATTRIBUTES_LEAST, 2)));
        assert_true(isnan(one(x, "a", ATTRIBUTES_LEAST, 1u << 30)));
        assert_true(one(x, "e", ATTRIBUTES_LEAST, 1) == 2.5);
        assert_true(one(x, "e", ATTRIBUTES_GREATEST, 1) == 9);
    }
    attributes_free(x);
}

static void they_follow_changes(void **state)
{
    struct attributes *x = attributes_new();
    put(x, 1, "{\"a\":3}");
    assert_true(one(x, "a", ATTRIBUTES_LEAST, 1) == 3);
    put(x, 1, "{\"a\":4}");
    put(x, 5000, "{\"a\":[8,7]}");
    assert_true(one(x, "a", ATTRIBUTES_LEAST, 1) == 4);
    assert_true(one(x, "a", ATTRIBUTES_LEAST, 5000) == 7);
    attributes_delete(x, 1);
    put(x, 5000, "{\"b\":1}");
    assert_true(isnan(one(x, "a", ATTRIBUTES_LEAST, 1)));
    assert_true(isnan(one(x, "a", ATTRIBUTES_LEAST, 5000)));
    attributes_free(x);
}

/* Beyond so many columns there are none: the answers are the same. */
static void many_fields(void **state)
{
    struct attributes *x = attributes_new();
    struct rng r = {0};
    rng_init(&r, 7);
    double expected[60][20];
    char text[4000];
    for (int round = 0; round < 3; round++) {
        for (uint32_t d = 0; d < 20; d++) {
            int n = snprintf(text, sizeof text, "{");
            for (int f = 0; f < 60; f++) {
                expected[f][d] = (double)rng_below(&r, 1000);
                n += snprintf(text + n, sizeof text - (size_t)n, "%s\"f%d\":[%g,%g]", f ? "," : "",
                              f, expected[f][d], expected[f][d] + 3);
            }
            snprintf(text + n, sizeof text - (size_t)n, "}");
            put(x, d + 1, text);
        }
        for (int f = 0; f < 60; f++)
            for (uint32_t d = 0; d < 20; d++) {
                snprintf(text, sizeof text, "f%d", f);
                assert_true(one(x, text, ATTRIBUTES_LEAST, d + 1) == expected[f][d]);
                assert_true(one(x, text, ATTRIBUTES_GREATEST, d + 1) == expected[f][d] + 3);
            }
    }
    attributes_free(x);
}

static void the_range(void **state)
{
    struct attributes *x = attributes_new();
    double least, greatest;
    put(x, 1, "{\"a\":[3,-2],\"b\":true,\"c\":\"text\"}");
    put(x, 2, "{\"a\":40.5}");
    assert_true(attributes_number_range(x, STR("a"), &least, &greatest));
    assert_true(least == -2 && greatest == 40.5);
    assert_true(attributes_number_range(x, STR("b"), &least, &greatest));
    assert_true(least == 1 && greatest == 1);
    assert_false(attributes_number_range(x, STR("c"), &least, &greatest));
    assert_false(attributes_number_range(x, STR("z"), &least, &greatest));
    attributes_delete(x, 2);
    assert_true(attributes_number_range(x, STR("a"), &least, &greatest));
    assert_true(least == -2 && greatest == 3);
    attributes_free(x);
}

static void unknown_fields_are_named(void **state)
{
    struct attributes *x = attributes_new();
    struct err_info e = {0};
    assert_int_equal(attributes_know_field(x, STR("popularty"), &e), ERR_OK); /* no documents */
    put(x, 1, "{\"popularity\":3}");
    assert_int_equal(attributes_know_field(x, STR("popularity"), &e), ERR_OK);
    assert_int_equal(attributes_know_field(x, STR("attributes.popularity"), &e), ERR_OK);
    assert_int_equal(attributes_know_field(x, STR("created"), &e), ERR_OK);
    assert_int_equal(attributes_know_field(x, STR("popularty"), &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "nearest known is popularity"));
    attributes_free(x);
}

/* --- readers make columns while a writer changes what is in them --- */

struct reader {
    struct attributes *x;
    atomic_bool *stop;
    atomic_uint wrong;
};

static void read_on(void *arg)
{
    struct reader *r = arg;
    static const char *const fields[] = {"a", "b", "c", "d"};
    for (unsigned i = 0; !atomic_load(r->stop); i++) {
        uint32_t n = 1 + i % 50;
        double v = one(r->x, fields[i % 4], i & 4 ? ATTRIBUTES_LEAST : ATTRIBUTES_GREATEST, n);
        double least, greatest;
        r->wrong += !isnan(v) && !(v >= n && v < n + 4);
        if (attributes_number_range(r->x, STR("a"), &least, &greatest))
            r->wrong += !(least >= 1 && greatest < 54);
    }
}

static void readers_beside_a_writer(void **state)
{
    struct attributes *x = attributes_new();
    atomic_bool stop = false;
    struct reader r = {.x = x, .stop = &stop};
    struct thread *threads[3];
    char text[200];
    for (int i = 0; i < 3; i++)
        threads[i] = thread_start("reader", read_on, &r);
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t n = 1 + i % 50;
        snprintf(text, sizeof text, "{\"a\":%u,\"b\":%u,\"c\":[%u,%u],\"d\":%u}", n + i % 3, n + 1,
                 n, n + 2, n + 3);
        put(x, n, text);
        if (i % 7 == 0)
            attributes_delete(x, n);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++)
        thread_join(threads[i]);
    assert_int_equal(r.wrong, 0);
    assert_true(one(x, "b", ATTRIBUTES_LEAST, 2) == 3 || isnan(one(x, "b", ATTRIBUTES_LEAST, 2)));
    attributes_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_dates_and_booleans),
        cmocka_unit_test(they_follow_changes),
        cmocka_unit_test(many_fields),
        cmocka_unit_test(the_range),
        cmocka_unit_test(unknown_fields_are_named),
        cmocka_unit_test(readers_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
