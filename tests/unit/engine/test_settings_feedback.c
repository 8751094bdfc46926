/* What acts weigh, by default and as a collection says. */
#include "help.h"
#include "engine/settings_feedback.h"
#include <math.h>

#define DAY 86400000000LL

static struct feedback_settings settings;

static json_t *read_quoted(const char *text)
{
    json_t *v;
    char *copy = xstrdup(text);
    for (char *k = copy; *k; k++)
        if (*k == '\'')
            *k = '"';
    OK(json_parse(str_c(copy), &v, e));
    free(copy);
    return v;
}

static int setup(void **state)
{
    feedback_settings_default(&settings);
    return 0;
}

static void weighs(const char *type, double value, int64_t age_us, double want)
{
    double got = feedback_weight(&settings, str_c(type), value, age_us);
    if (fabs(got - want) > 1e-12)
        fail_msg("%s %g: %g, not %g", type, value, got, want);
}

static void set(const char *text)
{
    json_t *v = read_quoted(text);
    OK(feedback_settings_merge(&settings, v, e));
    json_decref(v);
}

static void wrong(const char *text, const char *pointer)
{
    struct err_info e = {0};
    struct feedback_settings before = settings;
    json_t *v = read_quoted(text);
    if (feedback_settings_merge(&settings, v, &e) != ERR_INVALID || strcmp(e.field, pointer) != 0)
        fail_msg("%s: '%s' %s", text, e.field, e.message);
    assert_memory_equal(&before, &settings, sizeof settings);
    json_decref(v);
}

static void the_defaults(void **state)
{
    weighs("view", 1, 0, .2);
    weighs("click", 1, 0, .5);
    weighs("read", .1, 0, .7);
    weighs("save", 1, 0, 1);
    weighs("like", 1, 0, 1);
    weighs("dislike", 1, 0, -1);
    weighs("rate", 5, 0, 1);
    weighs("rate", 3, 0, 0);
    weighs("rate", 1, 0, -1);
    weighs("custom", 1, 0, 1);
    weighs("custom", -.25, 0, -.25);
    weighs("custom", -7, 0, -2);
    weighs("sneeze", 1, 0, 0);
    weighs("like", 1, 30 * DAY, .5);
    weighs("like", 1, 90 * DAY, .125);
    weighs("like", 1, -DAY, 1);
}

static void a_collection_sets_its_own(void **state)
{
    set("{'types':{'view':0,'bookmark':{'weight':0.5,'seen':false},'report':-2},"
        "'half_life_days':1,'threshold':0.3,'answers_days':7}");
    weighs("view", 1, 0, 0);
    weighs("bookmark", 1, 0, .5);
    weighs("bookmark", .5, DAY, .125);
    weighs("report", 1, 0, -2);
    assert_false(feedback_type_find(&settings, STR("bookmark"))->seen);
    assert_true(feedback_type_find(&settings, STR("view"))->seen);
    assert_true(feedback_counts(&settings, -.3) && feedback_counts(&settings, .5));
    assert_false(feedback_counts(&settings, .29));
    set("{'half_life_days':null,'types':{'bookmark':{'weight':2},'view':null,'report':null}}");
    weighs("bookmark", 1, 1000 * DAY, 2);
    assert_false(feedback_type_find(&settings, STR("bookmark"))->seen);
    weighs("view", 1, 0, .2);
    assert_null(feedback_type_find(&settings, STR("report")));
    assert_int_equal(settings.answers_days, 7);
    assert_int_equal(settings.count, 9);
}

static void a_total_of_nothing_counts_for_nothing(void **state)
{
    assert_false(feedback_counts(&settings, 0));
    assert_true(feedback_counts(&settings, -1e-9));
}

static void what_is_printed_reads_back(void **state)
{
    struct strbuf text;
    struct json_writer w;
    struct feedback_settings again;
    json_t *v;
    set("{'types':{'a.b-c':-0.1,'9':{'seen':false}},'threshold':0.25}");
    strbuf_init(&text, 0);
    json_writer_init(&w, &text);
    feedback_settings_print(&settings, &w);
    feedback_settings_default(&again);
    OK(json_parse(strbuf_str(&text), &v, e));
    OK(feedback_settings_merge(&again, v, e));
    assert_memory_equal(&again, &settings, sizeof again);
    json_decref(v);
    strbuf_release(&text);
}

static void wrong_ones_are_named_and_change_nothing(void **state)
{
    wrong("[]", "/feedback");
    wrong("{'weights':{}}", "/feedback/weights");
    wrong("{'types':[]}", "/feedback/types");
    wrong("{'types':{'like':-0.1}}", "/feedback/types/like");
    wrong("{'types':{'dislike':{'weight':1}}}", "/feedback/types/dislike/weight");
    wrong("{'types':{'rate':-1}}", "/feedback/types/rate");
    wrong("{'types':{'own':11}}", "/feedback/types/own");
    wrong("{'types':{'own':'1'}}", "/feedback/types/own");
    wrong("{'types':{'own':{'weight':'1'}}}", "/feedback/types/own/weight");
    wrong("{'types':{'own':{'seen':1}}}", "/feedback/types/own/seen");
    wrong("{'types':{'own':{'sign':1}}}", "/feedback/types/own/sign");
    wrong("{'types':{'Own':1}}", "/feedback/types/Own");
    wrong("{'types':{'':1}}", "/feedback/types/");
    wrong("{'types':{'abcdefghijklmnopqrstuvwxyz0123456':1}}",
          "/feedback/types/abcdefghijklmnopqrstuvwxyz0123456");
    wrong("{'half_life_days':0}", "/feedback/half_life_days");
    wrong("{'half_life_days':-3}", "/feedback/half_life_days");
    wrong("{'threshold':-1}", "/feedback/threshold");
    wrong("{'answers_days':1.5}", "/feedback/answers_days");
    wrong("{'answers_days':-1}", "/feedback/answers_days");
}

static void there_is_a_bound_of_types(void **state)
{
    char text[64];
    for (int i = 0; i < FEEDBACK_TYPES_MAX - 8; i++) {
        snprintf(text, sizeof text, "{'types':{'t%d':1}}", i);
        set(text);
    }
    wrong("{'types':{'like':0.5,'one-more':1}}", "/feedback/types/one-more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_defaults, setup),
        cmocka_unit_test_setup(a_collection_sets_its_own, setup),
        cmocka_unit_test_setup(a_total_of_nothing_counts_for_nothing, setup),
        cmocka_unit_test_setup(what_is_printed_reads_back, setup),
        cmocka_unit_test_setup(wrong_ones_are_named_and_change_nothing, setup),
        cmocka_unit_test_setup(there_is_a_bound_of_types, setup),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
