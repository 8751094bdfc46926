/* Score expressions: their values by hand, what they refuse and where, and that no feature can make
 * a value that is not finite. */
#include "recommend/expression.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const float features[FEATURE_COUNT] = {
    [FEATURE_MODEL] = 2,       [FEATURE_PROFILE] = .5f, [FEATURE_SESSION] = .25f,
    [FEATURE_POPULAR] = .125f, [FEATURE_TRENDING] = 1,  [FEATURE_BROUGHT] = 99,
    [FEATURE_AGE] = 30,        [FEATURE_SHOWN] = 7,
};

static double value(const char *text)
{
    static const float brought[EXPRESSION_SOURCES_MAX] = {10, 20, 30};
    struct arena *a = arena_new(0);
    const struct expression *x = NULL;
    struct err_info e = {0};
    if (expression_parse(a, str_c(text), &x, &e))
        fail_msg("%s: %s", text, e.message);
    double v = expression_value(x, features, brought);
    arena_free(a);
    return v;
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"model", 2},
        {" model+.3*trending\n+ .5 * brought.mine ", 2 + .3 + 5},
        {"1 - 2 - 3", -4},
        {"8 / 2 / 2 * 3", 6},
        {"1 + 2 * 3", 7},
        {"(1 + 2) * 3", 9},
        {"-model * -2", 4},
        {"--model", 2},
        {"2 - -1", 3},
        {"1e3 + 5. + .5e-1", 1005.05},
        {"min(model, 1, shown)", 1},
        {"max(model, 1, shown)", 7},
        {"clip(shown, 0, 5)", 5},
        {"clip(-shown, 0, 5)", 0},
        {"exp(-age / 30)", 0.36787944117144233},
        {"log(exp(1.5))", 1.5},
        {"pow(model, 3) + sqrt(9) + abs(-4)", 15},
        {"brought.b - brought.a - brought.b", -20},
        {"brought + brought.other", 30},
        {"profile + session + popular", .875},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double v = value(cases[i].text);
        if (fabs(v - cases[i].value) > 1e-9)
            fail_msg("%s is %.17g, not %.17g", cases[i].text, v, cases[i].value);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "character 1: expected a name, a number, - or (, found the end"},
        {"model +", "character 8: expected a name"},
        {"model trending", "character 7: expected an operator or the end, found trending"},
        {"model + modle", "character 9: expected model, profile,"},
        {"(model", "character 7: expected an operator or ), found the end"},
        {"model)", "character 6: expected an operator or the end, found )"},
        {"3x", "character 1: expected a number up to 1e15, found 3x"},
        {"1.2.3", "character 1: expected a number"},
        {"1e99", "character 1: expected a number"},
        {"inf", "character 1: expected model"},
        {"+model", "character 1: expected a name"},
        {"model ** 2", "character 8: expected a name"},
        {"model; 1", "character 6: expected an operator or the end, found ;"},
        {"\xc3\xa9\xc3\xa9 + 1", "character 1: expected a name"},
        {"model + \xc3\xa9", "character 9: expected a name, a number, - or (, found \xc3\xa9"},
        {"min(model)", "character 10: expected a comma: min takes 2 arguments or more, found )"},
        {"clip(1, 2, 3, 4)", "character 13: expected an operator or ) behind argument 3 of clip"},
        {"exp(1, 2)", "character 6: expected an operator or ) behind argument 1 of exp"},
        {"min", "character 1: expected model"},
        {"sin(1)", "character 1: expected model"},
        {"brought.", "character 1: expected brought.NAME"},
        {"brought.Mine", "character 1: expected brought.NAME"},
        {"brought.a.b", "character 1: expected brought.NAME"},
        {"brought.1a", "character 1: expected brought.NAME"},
        {"model.x", "character 1: expected model"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new(0);
        const struct expression *x = NULL;
        struct err_info e = {0};
        assert_int_equal(expression_parse(a, str_c(cases[i].text), &x, &e), ERR_INVALID);
        assert_null(x);
        if (!strstr(e.message, cases[i].message))
            fail_msg("%s: %s", cases[i].text, e.message);
        arena_free(a);
    }
}

static enum err parse_repeated(const char *before, const char *part, unsigned count,
                               const char *after, unsigned *sources)
{
    struct arena *a = arena_new(0);
    struct strbuf b;
    const struct expression *x = NULL;
    strbuf_init(&b, 0);
    for (unsigned i = 0; i < count; i++)
        strbuf_printf(&b, before, i);
    strbuf_add_c(&b, part);
    for (unsigned i = 0; i < count; i++)
        strbuf_add_c(&b, after);
    enum err err = expression_parse(a, strbuf_str(&b), &x, NULL);
    *sources = err ? 0 : x->source_count;
    strbuf_release(&b);
    arena_free(a);
    return err;
}

static void test_bounds(void **state)
{
    (void)state;
    unsigned sources = 0;
    assert_int_equal(parse_repeated("(", "model", 31, ")", &sources), ERR_OK);
    assert_int_equal(parse_repeated("(", "model", 32, ")", &sources), ERR_TOO_LARGE);
    assert_int_equal(parse_repeated("1+", "model", 63, "", &sources), ERR_OK);
    assert_int_equal(parse_repeated("1+", "model", 64, "", &sources), ERR_TOO_LARGE);
    assert_int_equal(parse_repeated("-", "model", 500, "", &sources), ERR_OK);
    assert_int_equal(parse_repeated(" ", "model", 996, "", &sources), ERR_TOO_LARGE);
    assert_int_equal(parse_repeated("brought.a%u+", "1", 8, "", &sources), ERR_OK);
    assert_int_equal(sources, 8);
    assert_int_equal(parse_repeated("brought.a%u+", "1", 9, "", &sources), ERR_TOO_LARGE);
}

static void test_uses(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    const struct expression *x = NULL;
    assert_int_equal(expression_parse(a, STR("model + brought.x * age"), &x, NULL), ERR_OK);
    assert_int_equal(x->features, 1u << FEATURE_MODEL | 1u << FEATURE_BROUGHT | 1u << FEATURE_AGE);
    assert_int_equal(x->source_count, 1);
    assert_true(str_eq_c(x->sources[0], "x"));
    arena_free(a);
}

/* What is not known counts as 0, what has no value too; nothing leaves the bounds. */
static void test_finite(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "model / profile",     "exp(exp(model))",
        "pow(model, -1)",      "pow(profile, .5)",
        "log(model)",          "sqrt(profile)",
        "model * 1e15",        "clip(model, profile, 1)",
        "min(model, popular)", "model - model - model",
        "1 / (1 / model)",
    };
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0, -3, 1e38f, -1e38f, 1e-40f};
    struct arena *a = arena_new(0);
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        const struct expression *x = NULL;
        assert_int_equal(expression_parse(a, str_c(texts[t]), &x, NULL), ERR_OK);
        for (size_t i = 0; i < 64; i++) {
            float f[FEATURE_COUNT] = {odd[i / 8], odd[i % 8], 1, odd[(i + 3) % 8]};
            double v = expression_value(x, f, NULL);
            assert_true(isfinite(v) && fabs(v) <= EXPRESSION_VALUE_MAX);
        }
    }
    const struct expression *x = NULL;
    float unknown[FEATURE_COUNT] = {NAN, 4};
    assert_int_equal(expression_parse(a, STR("model + profile"), &x, NULL), ERR_OK);
    assert_true(expression_value(x, unknown, NULL) == 4);
    assert_true(value("1 / 0") == 0);
    assert_true(value("pow(0, -1)") == 0);
    assert_true(value("sqrt(-1)") == 0);
    assert_true(fabs(value("log(0)") - log(1e-9)) < 1e-12);
    assert_true(value("exp(1000)") == EXPRESSION_VALUE_MAX);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_uses),
        cmocka_unit_test(test_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
