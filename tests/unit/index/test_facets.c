/* Ranges and sums of a field against counting document by document; unknown fields. */
#include "base/json.h"
#include "base/rng.h"
#include "index/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DOCUMENTS 300
#define VALUES_MAX 3

/* What a document has under `n`: numbers, and dates as their seconds; under `s`: texts. */
struct made {
    double numbers[VALUES_MAX];
    const char *texts[VALUES_MAX];
    unsigned number_count, text_count;
};
static struct made made[DOCUMENTS];
static struct attributes *attributes;
static struct arena *arena;
static struct rng rng;

static const char *const texts[] = {"apple", "banana", "b", "cherry", "\xc3\xa9tude", "zebra"};

static unsigned below(unsigned n)
{
    return (unsigned)rng_below(&rng, n);
}

static void number_make(struct made *m, json_t *array)
{
    char date[] = "1970-01-0XT00:00:00Z";
    double value = (double)below(40) / 4 - 3;
    if (below(4) == 0) { /* a date of the first days of 1970 */
        unsigned day = below(9);
        date[9] = (char)('1' + day);
        value = day * 86400.0;
        json_array_append_new(array, json_string(date));
    } else {
        json_array_append_new(array, json_real(value));
    }
    for (unsigned i = 0; i < m->number_count; i++)
        if (m->numbers[i] == value)
            return; /* the same value again: held once */
    m->numbers[m->number_count++] = value;
}

static int setup(void **state)
{
    rng_init(&rng, 17);
    json_setup();
    arena = arena_new(0);
    attributes = attributes_new();
    for (uint32_t n = 0; n < DOCUMENTS; n++) {
        json_t *numbers = json_array(), *strings = json_array();
        for (unsigned i = below(VALUES_MAX + 1); i > 0; i--)
            number_make(&made[n], numbers);
        for (unsigned i = below(VALUES_MAX + 1); i > 0; i--) {
            const char *text = texts[below(sizeof texts / sizeof *texts)];
            json_array_append_new(strings, json_string(text));
            made[n].texts[made[n].text_count++] = text;
        }
        json_t *document = json_pack("{s:{s:o,s:o}}", "attributes", "n", numbers, "s", strings);
        attributes_put(attributes, n, document);
        json_decref(document);
    }
    return 0;
}

static int teardown(void **state)
{
    attributes_free(attributes);
    arena_free(arena);
    return 0;
}

static void some(struct docset *out)
{
    docset_init(out);
    for (uint32_t n = 0; n < DOCUMENTS; n++)
        if (below(3))
            docset_add(out, n);
}

static bool within(double v, const double *from, const double *to)
{
    return (!from || v >= *from) && (!to || v < *to);
}

static void ranges_of_numbers(void **state)
{
    for (int round = 0; round < 200; round++) {
        double a = (double)below(60) / 4 - 4, b = a + .25 + (double)below(20) / 4;
        const double *from = below(4) ? &a : NULL, *to = !from || below(4) ? &b : NULL;
        struct facet_range r = {.from = from ? json_real(a) : NULL, .to = to ? json_real(b) : NULL};
        struct docset d;
        size_t count = 0, expected = 0;
        some(&d);
        for (uint32_t n = 0; n < DOCUMENTS; n++) {
            bool found = false;
            for (unsigned i = 0; i < made[n].number_count; i++)
                found |= within(made[n].numbers[i], from, to);
            expected += found && docset_has(&d, n);
        }
        assert_int_equal(attributes_ranges(attributes, STR("n"), &d, &r, 1, &count, NULL), 0);
        assert_int_equal(count, expected);
        json_decref((json_t *)r.from);
        json_decref((json_t *)r.to);
        docset_release(&d);
    }
}

static void ranges_of_dates_and_texts(void **state)
{
    json_t *day = json_string("1970-01-03"), *next = json_string("1970-01-05T12:00:00Z");
    json_t *b = json_string("b"), *c = json_string("c");
    struct facet_range days = {.from = day, .to = next}, words = {.from = b, .to = c};
    struct docset d;
    size_t count = 0, expected = 0, expected_words = 0;
    some(&d);
    for (uint32_t n = 0; n < DOCUMENTS; n++) {
        bool found = false, word = false;
        for (unsigned i = 0; i < made[n].number_count; i++)
            found |= made[n].numbers[i] >= 2 * 86400.0 && made[n].numbers[i] < 4.5 * 86400;
        for (unsigned i = 0; i < made[n].text_count; i++)
            word |= made[n].texts[i][0] == 'b';
        expected += found && docset_has(&d, n);
        expected_words += word && docset_has(&d, n);
    }
    assert_int_equal(attributes_ranges(attributes, STR("n"), &d, &days, 1, &count, NULL), 0);
    assert_true(expected > 5);
    assert_int_equal(count, expected);
    assert_int_equal(attributes_ranges(attributes, STR("s"), &d, &words, 1, &count, NULL), 0);
    assert_int_equal(count, expected_words);
    docset_release(&d);
    json_decref(day);
    json_decref(next);
    json_decref(b);
    json_decref(c);
}

static void ranges_that_are_none(void **state)
{
    json_t *one = json_integer(1), *two = json_integer(2), *text = json_string("x");
    struct facet_range wrong[] = {{.from = NULL},
                                  {.from = two, .to = one},
                                  {.from = one, .to = one},
                                  {.from = one, .to = text}};
    struct docset d;
    size_t counts[2];
    some(&d);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err_info e = {0};
        struct facet_range two_of[] = {{.from = one, .to = two}, wrong[i]};
        assert_int_equal(attributes_ranges(attributes, STR("n"), &d, two_of, 2, counts, &e),
                         ERR_INVALID);
        assert_string_equal(e.field, "/1");
    }
    docset_release(&d);
    json_decref(one);
    json_decref(two);
    json_decref(text);
}

static void sums(void **state)
{
    for (int round = 0; round < 30; round++) {
        struct docset d;
        struct facet_stats s;
        double sum = 0, least = 1e300, greatest = -1e300;
        size_t count = 0;
        some(&d);
        for (uint32_t n = 0; n < DOCUMENTS; n++)
            for (unsigned i = 0; docset_has(&d, n) && i < made[n].number_count; i++) {
                double v = made[n].numbers[i];
                sum += v;
                count++;
                least = v < least ? v : least;
                greatest = v > greatest ? v : greatest;
            }
        attributes_stats(attributes, arena, STR("n"), &d, &s);
        assert_int_equal(s.count, count);
        assert_true(s.mean - sum / (double)count < 1e-6 && sum / (double)count - s.mean < 1e-6);
        assert_true(strtod(s.least.s, NULL) == least);
        assert_true(str_eq_c(s.greatest, "\"1970-01-09T00:00:00Z\"") || greatest < 8 * 86400.0);
        docset_release(&d);
    }
    struct docset none;
    struct facet_stats s;
    docset_init(&none);
    attributes_stats(attributes, arena, STR("n"), &none, &s);
    assert_int_equal(s.count, 0);
    attributes_stats(attributes, arena, STR("nothing"), &none, &s);
    assert_int_equal(s.count, 0);
}

static void unknown_fields(void **state)
{
    struct err_info e = {0};
    assert_int_equal(attributes_know_field(attributes, STR("attributes.n"), &e), 0);
    assert_int_equal(attributes_know_field(attributes, STR("tags"), &e), 0);
    assert_int_equal(attributes_know_field(attributes, STR("tag"), &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "the nearest known is tags"));
    assert_int_equal(attributes_know_field(attributes, STR("title"), &e), ERR_INVALID);
    struct attributes *empty = attributes_new();
    assert_int_equal(attributes_know_field(empty, STR("anything"), &e), 0);
    attributes_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_of_numbers),    cmocka_unit_test(ranges_of_dates_and_texts),
        cmocka_unit_test(ranges_that_are_none), cmocka_unit_test(sums),
        cmocka_unit_test(unknown_fields),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
