#include "api/conditions.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void tags_are_read(void **state)
{
    struct etags t;
    assert_int_equal(etags_parse(STR("\"17\""), "If-Match", &t, NULL), ERR_OK);
    assert_true(etags_have(&t, 17) && !etags_have(&t, 18) && !t.any);
    assert_int_equal(etags_parse(STR(" \"1\" , \"2\",\"x\", W/\"3\""), "If-Match", &t, NULL),
                     ERR_OK);
    assert_true(etags_have(&t, 1) && etags_have(&t, 2) && etags_have(&t, 3));
    assert_int_equal(etags_parse(STR("*"), "If-Match", &t, NULL), ERR_OK);
    assert_true(t.any && etags_have(&t, 99));
    assert_int_equal(etags_parse(STR("\"0\""), "If-Match", &t, NULL), ERR_OK);
    assert_false(etags_have(&t, 0)); /* 0 means any to the engine and must not slip through */
}

static void nonsense_names_its_header(void **state)
{
    static const char *const wrong[] = {"17",      "\"17", "\"17\" \"18\"", "W/17",
                                        "*,\"1\"", ",",    "\"1\";"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err_info e = {0};
        struct etags t;
        assert_int_equal(etags_parse(str_c(wrong[i]), "If-Match", &t, &e), ERR_INVALID);
        assert_string_equal(e.field, "If-Match");
    }
}

static void a_mark_counts_for_readings_alone(void **state)
{
    struct etags t;
    char text[ETAG_TEXT];
    struct etag tag = {17, 0x0086d081};
    (void)state;
    etag_format(&tag, text);
    assert_string_equal(text, "\"17-0086d081\"");
    assert_int_equal(etags_parse(str_c(text), "If-None-Match", &t, NULL), ERR_OK);
    assert_true(etags_have(&t, 17) && etags_have_reading(&t, &tag));
    assert_false(etags_have_reading(&t, &(struct etag){17, 0}));
    assert_false(etags_have_reading(&t, &(struct etag){17, 1}));
    assert_int_equal(etags_parse(STR("\"17\""), "If-None-Match", &t, NULL), ERR_OK);
    assert_true(etags_have(&t, 17) && etags_have_reading(&t, &(struct etag){17, 0}));
    assert_false(etags_have_reading(&t, &tag));
    static const char *const strange[] = {"\"17-\"", "\"17-86d08\"", "\"17-00000000\"",
                                          "\"17-0086D081\"", "\"-0086d081\""};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        assert_int_equal(etags_parse(str_c(strange[i]), "If-Match", &t, NULL), ERR_OK);
        assert_int_equal(t.count, 0);
    }
}

static void many_tags_are_bounded(void **state)
{
    struct strbuf b;
    struct etags t;
    strbuf_init(&b, 0);
    for (int i = 1; i < 1000; i++)
        strbuf_printf(&b, "%s\"%d\"", i > 1 ? "," : "", i);
    assert_int_equal(etags_parse(strbuf_str(&b), "If-Match", &t, NULL), ERR_OK);
    assert_int_equal(t.count, ETAGS_MAX);
    strbuf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_read),
        cmocka_unit_test(nonsense_names_its_header),
        cmocka_unit_test(a_mark_counts_for_readings_alone),
        cmocka_unit_test(many_tags_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
