#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "search/search.h"

/* The ranges as text: "[photo]|[edit]". */
static void expect(const char *text, const char *query, const char *wanted)
{
    struct arena *a = arena_new(0);
    struct text_range *r;
    struct strbuf got;
    size_t n;
    strbuf_init(&got, 0);
    strbuf_add(&got, "", 0);
    assert_int_equal(search_highlight(str_c(text), str_c(query), a, &r, &n), ERR_OK);
    for (size_t i = 0; i < n; i++) {
        assert_true(r[i].start < r[i].end && r[i].end <= str_c(text).n);
        assert_true(i == 0 || r[i - 1].end < r[i].start + 1);
        strbuf_printf(&got, "[%.*s]", (int)(r[i].end - r[i].start), text + r[i].start);
    }
    assert_string_equal(got.n ? got.buf : "", wanted);
    strbuf_release(&got);
    arena_free(a);
}

static void words_and_their_forms(void **state)
{
    expect("Editing photos, and a photo editor.", "edit photo", "[Editing][photos][photo]");
    expect("nothing here", "photo", "");
    expect("", "photo", "");
    expect("photo", "", "");
}

static void other_scripts(void **state)
{
    expect("Ein Caf\u00e9 in K\u00f6ln", "cafe koln", "[Caf\u00e9][K\u00f6ln]");
    expect("\u5317\u4eac\u5927\u5b66\u5f88\u5927", "\u5317\u4eac\u5927\u5b66",
           "[\u5317\u4eac\u5927\u5b66]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_their_forms),
        cmocka_unit_test(other_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
