/* The order of documents by their values, against comparing them one by one by another definition:
 * each value is made with its class and its place in it. */
#include "base/json.h"
#include "base/rng.h"
#include "index/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DOCUMENTS 400
#define VALUES_MAX 3

/* In rising order; equal places compare equal. */
static const struct {
    const char *json;
    int place;
} values[] = {
    {"false", 0},
    {"true", 1},
    {"-1e300", 2},
    {"-9223372036854775808", 3},
    {"-9007199254740993", 4},
    {"-9007199254740992", 5},
    {"-0.5", 6},
    {"0", 7},
    {"-0.0", 7},
    {"\"1970-01-01\"", 7},
    {"\"1970-01-01T00:00:00Z\"", 7},
    {"1", 8},
    {"86400", 9},
    {"\"1970-01-02\"", 9},
    {"86400.5", 10},
    {"9007199254740992.0", 11},
    {"9007199254740993", 12},
    {"1e300", 13},
    {"\"\"", 14},
    {"\"Z\"", 15},
    {"\"a\"", 16},
    {"\"aa\"", 17},
    {"\"b\"", 18},
    {"\"\u00e4\"", 19},
    {"\"\u65e5\u672c\"", 20},
    {"\"\U0001F642\"", 21},
};
#define VALUES (sizeof values / sizeof *values)

static struct rng rng;
static struct attributes *attributes;
static json_t *documents[DOCUMENTS];
static int least[DOCUMENTS], greatest[DOCUMENTS]; /* -1: no value */

static void document_make(uint32_t n)
{
    json_t *list = json_array();
    least[n] = greatest[n] = -1;
    for (unsigned i = (unsigned)rng_below(&rng, VALUES_MAX + 1); i > 0; i--) {
        size_t v = rng_below(&rng, VALUES);
        json_array_append_new(list, json_loads(values[v].json, JSON_DECODE_ANY, NULL));
        least[n] = least[n] < 0 || values[v].place < least[n] ? values[v].place : least[n];
        greatest[n] = values[v].place > greatest[n] ? values[v].place : greatest[n];
    }
    if (rng_below(&rng, 4) == 0) /* an object and null are no values */
        json_array_append_new(list, rng_below(&rng, 2) ? json_null() : json_pack("{s:i}", "x", 1));
    json_decref(documents[n]);
    documents[n] = json_pack("{s:{s:o,s:i}}", "attributes", "v", list, "u", (int)n);
    attributes_put(attributes, n, documents[n]);
}

static int setup(void **state)
{
    rng_init(&rng, 23);
    json_setup();
    attributes = attributes_new();
    for (uint32_t n = 0; n < DOCUMENTS; n++)
        document_make(n);
    return 0;
}

static int teardown(void **state)
{
    attributes_free(attributes);
    for (uint32_t n = 0; n < DOCUMENTS; n++)
        json_decref(documents[n]);
    return 0;
}

static int sign(int c)
{
    return (c > 0) - (c < 0);
}

/* How two documents stand to each other; `a` and `b` are places, -1: missing. */
static int expected(const struct order_key *k, int a, int b)
{
    if ((a < 0) != (b < 0))
        return (a < 0) == k->missing_first ? -1 : 1;
    return k->descending ? sign(b - a) : sign(a - b);
}

static void places_of_any_two(void **state)
{
    for (int round = 0; round < 60; round++) {
        struct order_key k = {
            .field = STR("v"), .descending = round & 1, .missing_first = round & 2};
        uint32_t numbers[DOCUMENTS];
        uint64_t out[2 * DOCUMENTS];
        size_t count = 0;
        unsigned chance = round % 5 == 0 ? 80 : 2; /* few: by document; many: by value */
        for (uint32_t n = 0; n < DOCUMENTS; n++)
            if (rng_below(&rng, chance) == 0)
                numbers[count++] = n;
        attributes_places(attributes, &k, numbers, count, NULL, out, 2, NULL);
        const int *place = k.descending ? greatest : least;
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < count; j++)
                assert_int_equal((out[2 * i] > out[2 * j]) - (out[2 * i] < out[2 * j]),
                                 expected(&k, place[numbers[i]], place[numbers[j]]));
        document_make((uint32_t)rng_below(&rng, DOCUMENTS));
    }
}

/* A value that no document of the call has, or none at all, has its place between the others. */
static void a_mark_has_its_place(void **state)
{
    for (int round = 0; round < 120; round++) {
        struct order_key k = {
            .field = STR("attributes.v"), .descending = round & 1, .missing_first = round & 2};
        uint32_t from = (uint32_t)rng_below(&rng, DOCUMENTS), numbers[DOCUMENTS];
        uint64_t out[DOCUMENTS], after;
        const int *place = k.descending ? greatest : least;
        size_t count = 0, step = round % 3 ? 1 : 80;
        for (uint32_t n = 0; n < DOCUMENTS; n += (uint32_t)step)
            if (round % 4 || place[n] != place[from])
                numbers[count++] = n;
        json_t *value = order_value(&k, documents[from]);
        attributes_places(attributes, &k, numbers, count, value, out, 1, &after);
        for (size_t i = 0; i < count; i++)
            assert_int_equal((out[i] > after) - (out[i] < after),
                             expected(&k, place[numbers[i]], place[from]));
        json_decref(value);
    }
}

static void unique_values_and_few_documents(void **state)
{
    struct order_key k = {.field = STR("u"), .descending = true};
    uint32_t numbers[] = {3, 17, 200};
    uint64_t out[3], after;
    json_t *mark = json_integer(100);
    attributes_places(attributes, &k, numbers, 3, mark, out, 1, &after);
    assert_true(out[2] < after && after < out[1] && out[1] < out[0]);
    json_decref(mark);
    k.field = STR("nothing");
    attributes_places(attributes, &k, numbers, 3, NULL, out, 1, &after);
    assert_true(out[0] == UINT64_MAX && out[2] == UINT64_MAX && after == UINT64_MAX);
    attributes_places(attributes, &k, numbers, 0, NULL, out, 1, &after);
}

static void doubles(void **state)
{
    static const double rising[] = {-1e300, -1, -1e-300, 0, 1e-300, .5, 1, 1e300};
    struct order_key up = {0}, down = {.descending = true};
    for (size_t i = 0; i + 1 < sizeof rising / sizeof *rising; i++) {
        assert_true(order_of_double(&up, rising[i]) < order_of_double(&up, rising[i + 1]));
        assert_true(order_of_double(&down, rising[i]) > order_of_double(&down, rising[i + 1]));
    }
    assert_true(order_of_double(&up, -0.0) == order_of_double(&up, 0));
    assert_true(order_of_double(&down, 1e300) > 0 && order_of_double(&up, 1e300) < UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_of_any_two),
        cmocka_unit_test(a_mark_has_its_place),
        cmocka_unit_test(unique_values_and_few_documents),
        cmocka_unit_test(doubles),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
