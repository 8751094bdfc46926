#include "test.h"
#include "base/json.h"
#include "base/rng.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err_info e;

static enum err parse(struct str text, json_t **out)
{
    err_clear(&e);
    *out = NULL;
    return json_parse(text, out, &e);
}

static void takes_any_value(void **state)
{
    static const char *const texts[] = {"null", "true", "1",   "-0.5",    "\"\"",
                                        "[]",   "{}",   " 1 ", "[1,[2]]", "9223372036854775807"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *v;
        if (parse(str_c(texts[i]), &v))
            fail_msg("%s: %s", texts[i], e.message);
        json_decref(v);
    }
}

static void refuses(void **state)
{
    const struct str texts[] = {
        STR(""),
        STR(" "),
        STR("{"),
        STR("[1,]"),
        STR("{\"a\":1,}"),
        STR("nul"),
        STR("01"),
        STR("1 2"),
        STR("'a'"),
        STR("{a:1}"),
        STR("NaN"),
        STR("Infinity"),
        STR("1e999"),
        STR("\"\\u0000\""),
        STR("\"\0\""),
        STR("\0"),
        STR("\"\n\""),
        STR("\"\xff\""),
        STR("\"\xc0\x80\""),
        STR("\"\xed\xa0\x80\""),
        STR("\"\\ud800\""),
        STR("9223372036854775808"),
        STR("{\"a\":1,\"a\":2}"),
        STR("\xef\xbb\xbf{}"),
        STR("// x\n1"),
        STR("{\"\\u0000\":1}"),
        STR("]"),
        STR("1\0"),
        STR("[1\0,2]"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *v;
        if (parse(texts[i], &v) != ERR_SYNTAX)
            fail_msg("case %zu: %d %s", i, e.code, e.message);
        assert_null(v);
        assert_non_null(strstr(e.message, "line "));
    }
    json_t *v;
    assert_int_equal(parse(STR("[1,\n  x]"), &v), ERR_SYNTAX);
    assert_non_null(strstr(e.message, "line 2, column 3"));
}

/* Which bytes they are, in our words. */
static void says_where_a_nul_is(void **state)
{
    const struct {
        struct str text;
        const char *at;
    } cases[] = {
        {STR("{\"a\":\"b\\u0000\"}"), "line 1, column 8: \\u0000 (NUL)"},
        {STR("{\"\\u0000\":1}"), "line 1, column 3: \\u0000 (NUL)"},
        {STR("[1,\n \"\xc3\xa4\\\\u0000\\\"\\n\\u0000\"]"), "line 2, column 15: \\u0000 (NUL)"},
        {STR("[1,\n \"\xc3\xa4\0\"]"), "line 2, column 4: the byte 0 (NUL)"},
        {STR("[1\0]"), "line 1, column 3: the byte 0 (NUL)"},
    };
    json_t *v;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i].text, &v), ERR_SYNTAX);
        if (!strstr(e.message, cases[i].at) || strstr(e.message, "JSON_") ||
            !strstr(e.message, "leave it out"))
            fail_msg("case %zu: %s", i, e.message);
    }
}

static struct str nested(int depth, char *buf)
{
    memset(buf, '[', (size_t)depth);
    memset(buf + depth, ']', (size_t)depth);
    return (struct str){buf, 2 * (size_t)depth};
}

static void depth_is_bounded(void **state)
{
    static char buf[2 << 20];
    json_t *v;
    assert_int_equal(parse(nested(JSON_DEPTH_MAX, buf), &v), ERR_OK);
    json_decref(v);
    assert_int_equal(parse(nested(JSON_DEPTH_MAX + 1, buf), &v), ERR_TOO_LARGE);
    assert_non_null(strstr(e.message, "64 levels"));
    assert_int_equal(parse(nested(1 << 20, buf), &v), ERR_TOO_LARGE);
    /* Brackets in strings do not count, and an escaped quote does not end one. */
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_add_c(&b, "\"\\\"");
    for (int i = 0; i < 100; i++)
        strbuf_add_char(&b, '[');
    strbuf_add_c(&b, "\"");
    assert_int_equal(parse(strbuf_str(&b), &v), ERR_OK);
    json_decref(v);
    strbuf_release(&b);
}

static void memory_is_bounded(void **state)
{
    struct strbuf b;
    json_t *v;
    strbuf_init(&b, 0);
    strbuf_add_char(&b, '[');
    for (int i = 0; i < 3500000; i++)
        strbuf_add_c(&b, "{},");
    strbuf_add_c(&b, "{}]");
    assert_int_equal(parse(strbuf_str(&b), &v), ERR_TOO_LARGE);
    assert_non_null(strstr(e.message, "67108864 bytes"));
    strbuf_clear(&b);
    strbuf_add_c(&b, "[");
    for (int i = 0; i < 100000; i++)
        strbuf_printf(&b, "%d.5,", i);
    strbuf_add_c(&b, "0]");
    assert_int_equal(json_parse_within(strbuf_str(&b), 64 << 20, &v, NULL), ERR_OK);
    json_decref(v);
    assert_int_equal(json_parse_within(strbuf_str(&b), 1 << 20, &v, NULL), ERR_TOO_LARGE);
    assert_int_equal(parse(STR("[1]"), &v), ERR_OK); /* the refusal is forgotten */
    json_decref(v);
    strbuf_clear(&b);
    strbuf_add_char(&b, '"');
    for (int i = 0; i < 1000000; i++)
        strbuf_add_c(&b, "a text, ");
    strbuf_add_char(&b, '"');
    assert_int_equal(parse(strbuf_str(&b), &v), ERR_OK); /* an honest document of 8 MB */
    assert_int_equal(json_str(v).n, 8000000);
    json_decref(v);
    strbuf_release(&b);
}

static void writer_writes(void **state)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_key(&w, "a\"");
    json_array_begin(&w);
    json_put_int(&w, INT64_MIN);
    json_put_double(&w, .1);
    json_put_double(&w, NAN);
    json_put_float(&w, .1f);
    json_put_float(&w, INFINITY);
    json_put_bool(&w, true);
    json_put_null(&w);
    json_array_end(&w);
    json_key(&w, "s");
    json_put_str(&w, STR("\x01\b\f\n\r\t\\\"/\x7f\xc3\xa9\xff\xe2\x82z\0"));
    json_key(&w, "e");
    json_object_begin(&w);
    json_object_end(&w);
    json_key(&w, "n");
    json_put_c(&w, NULL);
    json_key(&w, "r");
    json_put_raw(&w, STR("[1]"));
    json_object_end(&w);
    assert_string_equal(b.buf, "{\"a\\\"\":[-9223372036854775808,0.1,null,0.1,null,true,null],"
                               "\"s\":\"\\u0001\\b\\f\\n\\r\\t\\\\\\\"/\\u007f\xc3\xa9\xef\xbf\xbd"
                               "\xef\xbf\xbd\xef\xbf\xbdz\\u0000\",\"e\":{},\"n\":null,\"r\":[1]}");
    strbuf_release(&b);
}

static void value_keeps_order_and_types(void **state)
{
    const char *text = "{\"z\":1,\"a\":[1.0,-0.0,1e+22,0.1,-5],\"m\":{\"\":null},\"t\":true,"
                       "\"f\":false,\"s\":\"\\n\"}";
    struct strbuf b;
    struct json_writer w;
    json_t *v;
    assert_int_equal(parse(str_c(text), &v), ERR_OK);
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_put_value(&w, v);
    assert_string_equal(b.buf, text);
    assert_true(str_eq_c(json_str(json_object_get(v, "s")), "\n"));
    assert_int_equal(json_str(json_object_get(v, "z")).n, 0);
    assert_int_equal(json_str(NULL).n, 0);
    json_decref(v);
    strbuf_release(&b);
}

static void numbers_read_back(void **state)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "-0.0"},
                 {1, "1"},
                 {.1, "0.1"},
                 {.3, "0.3"},
                 {1e22, "1e+22"},
                 {100, "100"},
                 {1. / 3, "0.3333333333333333"},
                 {5e-324, "4.94065645841247e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"}};
    char text[JSON_NUMBER_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_double(cases[i].v, text);
        assert_string_equal(text, cases[i].text);
    }
    json_float(16777216, text);
    assert_string_equal(text, "16777216");
    struct rng r;
    rng_init(&r, 9);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = rng_next(&r);
        uint32_t half = (uint32_t)bits;
        double d;
        float f;
        memcpy(&d, &bits, sizeof d);
        memcpy(&f, &half, sizeof f);
        size_t n = json_double(d, text);
        assert_true(n < JSON_NUMBER_TEXT && strlen(text) == n);
        assert_true(!isfinite(d) || strtod(text, NULL) == d);
        json_float(f, text);
        assert_true(!isfinite(f) || strtof(text, NULL) == f);
    }
}

/* What came in a bigger text is read again alone: no value takes more memory a byte. */
static void what_was_stored_is_read(void **state)
{
    static const char *const values[] = {"{}", "[]", "0", "{\"\":0}", "\"\"", "[[]]"};
    for (int k = 0; k < 6; k++) {
        struct strbuf b;
        json_t *v;
        strbuf_init(&b, 0);
        strbuf_add_c(&b, "[0");
        for (int i = 0; i < 100000; i++) {
            strbuf_add_char(&b, ',');
            strbuf_add_c(&b, values[k]);
        }
        strbuf_add_char(&b, ']');
        assert_int_equal(json_parse_stored(strbuf_str(&b), &v, NULL), 0);
        json_decref(v);
        strbuf_release(&b);
    }
}

static bool whole(const char *text, int64_t *out)
{
    json_t *v;
    struct err_info why = {0};
    assert_int_equal(json_parse(str_c(text), &v, &why), 0);
    bool is = json_whole(v, out);
    json_decref(v);
    return is;
}

static void whole_numbers_are_whole_however_written(void **state)
{
    static const char *const right[] = {"10", "10.0", "1e1", "100e-1", "10.000"};
    static const char *const wrong[] = {"10.5", "1e300", "9007199254740993.0", "\"10\"", "true",
                                        "null", "[10]"};
    int64_t v = -1;
    for (int i = 0; i < 5; i++) {
        v = -1;
        assert_true(whole(right[i], &v));
        assert_int_equal(v, 10);
    }
    v = -1;
    for (int i = 0; i < 7; i++)
        assert_false(whole(wrong[i], &v));
    assert_int_equal(v, -1);
    assert_true(whole("-9223372036854775808", &v)); /* as an integer is written, all of it */
    assert_true(v == INT64_MIN);
    assert_true(whole("-9007199254740991.0", &v) && v == -9007199254740991);
    assert_false(json_whole(NULL, &v));
}

/* The quick way writes what %g does. */
static void floats_are_as_printf_has_them(void **state)
{
    char ours[JSON_NUMBER_TEXT], theirs[JSON_NUMBER_TEXT];
    struct rng r;
    int differ = 0;
    rng_init(&r, 10);
    for (int i = 0; i < 200000; i++) {
        float v = rng_normal(&r) * powf(10, (float)rng_below(&r, 14) - 6);
        if (i % 3 == 0)
            v = roundf(v * 1000) / 1000;
        for (int digits = 6; digits <= 9; digits++) {
            snprintf(theirs, sizeof theirs, "%.*g", digits, (double)v);
            if (strtof(theirs, NULL) == v)
                break;
        }
        size_t n = json_float(v, ours);
        assert_int_equal(strlen(ours), n);
        assert_true(strtof(ours, NULL) == v);
        assert_int_equal(signbit(v) != 0, ours[0] == '-');
        differ += v != 0 && strcmp(ours, theirs) != 0;
    }
    assert_in_range(differ, 0, 20); /* ties may fall the other way */
    static const float edges[] = {1e-4f, 999999.94f, 1e6f, .1f,      1,     10,
                                  100,   99999.5f,   .5f,  16777216, -0.25f};
    static const char *const texts[] = {"0.0001", "999999.94", "1e+06", "0.1",      "1",    "10",
                                        "100",    "99999.5",   "0.5",   "16777216", "-0.25"};
    for (int i = 0; i < 11; i++) {
        json_float(edges[i], ours);
        assert_string_equal(ours, texts[i]);
    }
}

static void bounded_buffer_fails_once(void **state)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 10);
    json_writer_init(&w, &b);
    json_array_begin(&w);
    for (int i = 0; i < 100; i++)
        json_put_int(&w, i);
    json_array_end(&w);
    assert_true(b.failed);
    assert_true(b.n <= 10);
    strbuf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_any_value),
        cmocka_unit_test(refuses),
        cmocka_unit_test(says_where_a_nul_is),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(writer_writes),
        cmocka_unit_test(value_keeps_order_and_types),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(what_was_stored_is_read),
        cmocka_unit_test(whole_numbers_are_whole_however_written),
        cmocka_unit_test(floats_are_as_printf_has_them),
        cmocka_unit_test(bounded_buffer_fails_once),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
