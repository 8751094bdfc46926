#include "test.h"
#include "text/text.h"
#include <string.h>

static void nfc(const char *from, const char *want, bool same)
{
    struct arena *a = arena_new(0);
    struct str out, in = str_c(from);
    assert_int_equal(text_nfc(a, in, &out, NULL), ERR_OK);
    assert_int_equal(out.n, strlen(want));
    assert_memory_equal(out.s, want, out.n);
    assert_int_equal(out.s == in.s, same);
    arena_free(a);
}

static void composed_text_is_returned_as_it_is(void **state)
{
    nfc("", "", true);
    nfc("plain", "plain", true);
    nfc("na\u00efve \u4e2d\u6587 \ud55c \u0e01", "na\u00efve \u4e2d\u6587 \ud55c \u0e01", true);
}

static void decomposed_text_is_composed(void **state)
{
    nfc("e\u0301", "\u00e9", false);
    nfc("x\u0327\u0301y", "x\u0327\u0301y", true);
    nfc("a\u0301\u0323", "\u1ea1\u0301", false); /* order of marks */
    nfc("\u1112\u1161\u11ab", "\ud55c", false);  /* jamo */
    nfc("\u212b\uf900", "\u00c5\u8c48", false);  /* singletons */
    nfc("\u304b\u3099", "\u304c", false);
    nfc("\u0958", "\u0915\u093c", false); /* grows */
}

static void bad_utf8_is_named_by_its_offset(void **state)
{
    struct arena *a = arena_new(0);
    struct err_info e = {0};
    struct str out;
    assert_int_equal(text_nfc(a, STR("abc\xff"), &out, &e), ERR_SYNTAX);
    assert_non_null(strstr(e.message, "offset 3"));
    arena_free(a);
}

static void a_bounded_arena_says_no(void **state)
{
    struct arena *a = arena_new(16);
    struct str out;
    char text[400];
    memset(text, 'x', sizeof text);
    memcpy(text, "e\xcc\x81", 3);
    assert_int_equal(text_nfc(a, (struct str){text, sizeof text}, &out, NULL), ERR_NO_MEMORY);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(composed_text_is_returned_as_it_is),
        cmocka_unit_test(decomposed_text_is_composed),
        cmocka_unit_test(bad_utf8_is_named_by_its_offset),
        cmocka_unit_test(a_bounded_arena_says_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
