#include "test.h"
#include "text/text.h"
#include <stdio.h>
#include <string.h>

static void well_formed_text_is_valid(void **state)
{
    const char *good[] = {"",
                          "abc",
                          "é",
                          "\xed\x9f\xbf",
                          "\xee\x80\x80",
                          "\xf4\x8f\xbf\xbf",
                          "a long text of ASCII that spans more than one block of bytes é"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(utf8_valid(str_c(good[i])), strlen(good[i]));
}

static void the_first_bad_byte_is_named(void **state)
{
    /* overlong, surrogate, over U+10FFFF, lone continuation, cut short */
    const char *bad[] = {"\xc0\x80",         "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                         "\xf0\x80\x80\x80", "\x80",         "\xe2\x82",     "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[80];
        int n = snprintf(text, sizeof text, "%040d\xc3\xa9%s", 0, bad[i]);
        assert_int_equal(utf8_valid((struct str){text, (size_t)n}), 42);
    }
}

static void bad_bytes_are_one_replacement_each(void **state)
{
    struct str s = STR("a\xe2\x82z\xf0\x9f\x98\x80");
    const uint32_t want[] = {'a', 0xfffd, 0xfffd, 'z', 0x1f600};
    size_t at = 0;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(utf8_next(s, &at), want[i]);
    assert_int_equal(at, s.n);
    assert_int_equal(utf8_count(s), 5);
}

static void floor_is_a_boundary_that_next_visits(void **state)
{
    struct str s = STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x80\xe2\x82z\x80\x80\x80\x80\xc3");
    bool boundary[64] = {0};
    for (size_t at = 0; at < s.n;) {
        boundary[at] = true;
        utf8_next(s, &at);
    }
    for (size_t at = 0, last = 0; at < s.n; at++) {
        last = boundary[at] ? at : last;
        assert_int_equal(utf8_floor(s, at), last);
    }
    assert_int_equal(utf8_floor(s, s.n + 5), s.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_text_is_valid),
        cmocka_unit_test(the_first_bad_byte_is_named),
        cmocka_unit_test(bad_bytes_are_one_replacement_each),
        cmocka_unit_test(floor_is_a_boundary_that_next_visits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
