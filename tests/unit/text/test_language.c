#include "test.h"
#include "text/language.h"
#include <string.h>

static void tags_have_their_language(void **state)
{
    static const struct {
        const char *tag;
        enum language is;
    } cases[] = {
        {"en", LANGUAGE_en},           {"pt-BR", LANGUAGE_pt},  {"PT_br", LANGUAGE_pt},
        {"zh-Hant-TW", LANGUAGE_zh},   {"deu", LANGUAGE_de},    {"ger", LANGUAGE_de},
        {"nb", LANGUAGE_no},           {"iw", LANGUAGE_he},     {"fil", LANGUAGE_tl},
        {"", LANGUAGE_UNKNOWN},        {"-", LANGUAGE_UNKNOWN}, {"x-klingon", LANGUAGE_UNKNOWN},
        {"english", LANGUAGE_UNKNOWN}, {"e", LANGUAGE_UNKNOWN}, {"qqq", LANGUAGE_UNKNOWN},
        {"lat", LANGUAGE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(language_of_tag(str_c(cases[i].tag)), cases[i].is);
}

static void every_language_has_its_code_and_name(void **state)
{
    assert_string_equal(language_code(LANGUAGE_UNKNOWN), "");
    assert_string_equal(language_name(LANGUAGE_de), "German");
    for (int i = 1; i < LANGUAGE_COUNT; i++) {
        const char *code = language_code((enum language)i);
        assert_int_equal(strlen(code), 2);
        assert_int_equal(language_of_tag(str_c(code)), i);
        assert_true(strlen(language_name((enum language)i)) > 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_have_their_language),
        cmocka_unit_test(every_language_has_its_code_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
