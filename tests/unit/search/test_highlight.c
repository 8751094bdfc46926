#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "search/highlight.h"
#include "text/text.h"

static void check_range(struct str text, const struct text_range *r, size_t i)
{
    assert_true(r[i].start < r[i].end && r[i].end <= text.n);
    assert_true(i == 0 || r[i - 1].end < r[i].start);
    assert_true(grapheme_boundary(text, r[i].start) && grapheme_boundary(text, r[i].end));
}

/* The ranges as text: "[photo]|[edit]". */
static void expect_in(enum language language, const char *text, const char *query,
                      const char *wanted)
{
    struct arena *a = arena_new(0);
    struct text_range *r;
    struct strbuf got;
    size_t n;
    strbuf_init(&got, 0);
    strbuf_add(&got, "", 0);
    struct highlighter *h = highlighter_new(str_c(query), language, NULL, a);
    struct highlights *s = highlight_scan(h, str_c(text), false, a);
    highlight_ranges(s, 0, str_c(text).n, a, &r, &n);
    for (size_t i = 0; i < n; i++) {
        check_range(str_c(text), r, i);
        strbuf_printf(&got, "[%.*s]", (int)(r[i].end - r[i].start), text + r[i].start);
    }
    assert_string_equal(got.n ? got.buf : "", wanted);
    strbuf_release(&got);
    arena_free(a);
}

static void expect(const char *text, const char *query, const char *wanted)
{
    expect_in(LANGUAGE_en, text, query, wanted);
}

static void words_and_their_forms(void **state)
{
    expect("Editing photos, and a photo editor.", "edit photo", "[Editing][photos][photo]");
    expect("nothing here", "photo", "");
    expect("", "photo", "");
    expect("photo", "", "");
    expect("How to make a soup: soup is in the making", "how to make the soup",
           "[make][soup][soup][making]");
    expect("What it is, it is.", "what it is", "[What][it][is][it][is]"); /* there are no others */
    expect_in(LANGUAGE_de, "Die Hard, die; das Haus", "die haus", "[Haus]");
    expect("Die Hard, die; das Haus", "die haus", "[Die][die][Haus]");
    expect("It's NOT (a) \xef\xbc\xb0hoto!", "photo", "[\xef\xbc\xb0hoto]"); /* full width */
}

static void marks_stay_with_their_letters(void **state)
{
    expect("Ein Caf\u00e9 in K\u00f6ln", "cafe koln", "[Caf\u00e9][K\u00f6ln]");
    expect("Cafe\u0301 noir", "caf\u00e9", "[Cafe\u0301]"); /* decomposed */
    /* Hebrew with points, Arabic with vowels: the query has none */
    expect("\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd",
           "\u05e9\u05dc\u05d5\u05dd", "[\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd]");
    expect("\u0642\u0631\u0623 \u0643\u0650\u062a\u064e\u0627\u0628\u064b\u0627 "
           "\u062c\u062f\u064a\u062f\u0627",
           "\u0643\u062a\u0627\u0628\u0627", "[\u0643\u0650\u062a\u064e\u0627\u0628\u064b\u0627]");
    /* a joiner and a skin tone behind a word, and flags beside it */
    expect("photo\u200d \U0001f469\u200d\U0001f4bb photo\U0001f1e9\U0001f1ea", "photo",
           "[photo\u200d][photo]");
}

static void runs_of_scripts_without_spaces(void **state)
{
    expect("\u5317\u4eac\u5927\u5b66\u5f88\u5927", "\u5317\u4eac\u5927\u5b66",
           "[\u5317\u4eac\u5927\u5b66]");
    /* The end of one word and the beginning of the next: "Tokyo street" does not hold "Beijing
     * university", though both have the pair in the middle. */
    expect("\u4ed6\u5728\u5317\u4eac\u5927\u5b66\u8bfb\u4e66\u3002\u4e1c\u4eac\u5927\u8857\u5f88"
           "\u957f",
           "\u5317\u4eac\u5927\u5b66", "[\u5317\u4eac\u5927\u5b66]");
    expect("\u6771\u4eac\u30bf\u30ef\u30fc\u306b\u884c\u304f", "\u6771\u4eac\u30bf\u30ef\u30fc",
           "[\u6771\u4eac\u30bf\u30ef\u30fc]");
    /* Thai: "fish market", out of "I go to the fish market today" */
    expect(
        "\u0e27\u0e31\u0e19\u0e19\u0e35\u0e49\u0e09\u0e31\u0e19\u0e44\u0e1b\u0e15\u0e25\u0e32\u0e14"
        "\u0e1b\u0e25\u0e32",
        "\u0e15\u0e25\u0e32\u0e14\u0e1b\u0e25\u0e32",
        "[\u0e15\u0e25\u0e32\u0e14\u0e1b\u0e25\u0e32]");
    /* What both have ends inside a character: the vowel goes with its consonant. */
    expect("\u0e15\u0e25\u0e32\u0e14\u0e19\u0e49\u0e33",
           "\u0e15\u0e25\u0e32\u0e14\u0e19\u0e49\u0e2d\u0e22",
           "[\u0e15\u0e25\u0e32\u0e14\u0e19\u0e49\u0e33]");
    expect("photo\u7684\u7f16\u8f91", "\u7f16\u8f91", "[\u7f16\u8f91]");
}

static bool has_typo(const void *ctx, struct str term)
{
    return str_eq_c(term, ctx);
}

static void more_terms(void **state)
{
    struct arena *a = arena_new(0);
    struct text_range *r;
    size_t n;
    struct highlight_more more = {has_typo, "pumpkin"};
    struct highlighter *h = highlighter_new(STR("pumpkn soup"), LANGUAGE_en, &more, a);
    struct str text = STR("Pumpkin soup");
    highlight_ranges(highlight_scan(h, text, false, a), 0, text.n, a, &r, &n);
    assert_int_equal(n, 2);
    assert_int_equal(r[0].end, 7);
    arena_free(a);
}

static void the_best_part(void **state)
{
    struct arena *a = arena_new(0);
    struct str text = STR("soup soup soup soup. pumpkin soup here. the the the");
    struct text_range parts[] = {{0, 20}, {21, 39}, {40, 51}};
    struct highlighter *h = highlighter_new(STR("the pumpkin soup"), LANGUAGE_en, NULL, a);
    struct highlights *s = highlight_scan(h, text, false, a);
    assert_int_equal(highlight_best(s, parts, 3), 1); /* two words rather than one four times */
    assert_int_equal(highlight_best(s, parts + 1, 2), 0);
    h = highlighter_new(STR("nothing"), LANGUAGE_en, NULL, a);
    assert_int_equal(highlight_best(highlight_scan(h, text, false, a), parts, 3), 0);
    arena_free(a);
}

/* ---- pieces ---- */

static void expect_piece(const char *text, const char *query, size_t chars, const char *wanted)
{
    struct arena *a = arena_new(0);
    struct str s = str_c(text);
    struct highlighter *h = highlighter_new(str_c(query), LANGUAGE_en, NULL, a);
    struct text_range r = highlight_piece(highlight_scan(h, s, true, a), 0, s.n, chars);
    char got[4096];
    assert_true(r.start <= r.end && r.end <= s.n);
    snprintf(got, sizeof got, "%.*s", (int)(r.end - r.start), text + r.start);
    assert_true(utf8_count(str_c(got)) <= chars);
    assert_true(grapheme_boundary(s, r.start) && grapheme_boundary(s, r.end));
    assert_string_equal(got, wanted);
    arena_free(a);
}

#define STORY                                                                                      \
    "It rained all day. Nobody went out of the house. Then we made pumpkin soup, with ginger. "    \
    "\"It is hot!\" she said. We ate it in the kitchen and were happy ever after."

static void pieces(void **state)
{
    expect_piece("  short  ", "x", 20, "short");
    expect_piece(STORY, "pumpkin soup", 45, "Then we made pumpkin soup, with ginger.");
    expect_piece(STORY, "pumpkin soup", 16, "pumpkin soup,");
    expect_piece(STORY, "nothing", 30, "It rained all day.");
    expect_piece(STORY, "hot", 24, "\"It is hot!\" she said.");
    expect_piece(STORY, "after", 20, "ever after.");
    expect_piece(STORY, "rained after soup pumpkin", 45, "Then we made pumpkin soup, with ginger.");
    expect_piece("aaaa bbbb cccc dddd eeee ffff gggg", "eeee", 20, "dddd eeee ffff gggg");
    expect_piece("\u5929\u6c14\u5f88\u597d\u3002\u6211\u4eec\u53bb\u5317\u4eac\u5927\u5b66\u3002"
                 "\u665a\u4e0a\u56de\u5bb6\u3002\u7136\u540e\u7761\u89c9\u3002",
                 "\u5317\u4eac\u5927\u5b66", 20,
                 "\u6211\u4eec\u53bb\u5317\u4eac\u5927\u5b66\u3002\u665a\u4e0a\u56de\u5bb6\u3002"
                 "\u7136\u540e\u7761\u89c9\u3002");
}

static void pieces_of_one_long_word(void **state)
{
    char word[3001], wanted[51];
    memset(word, 'x', 3000);
    word[3000] = 0;
    memset(wanted, 'x', 50);
    wanted[50] = 0;
    expect_piece(word, word, 50, wanted);
    expect_piece(word, "y", 50, wanted);
    /* Characters of several code points each: as many as fit whole */
    struct strbuf b;
    strbuf_init(&b, 0);
    for (int i = 0; i < 40; i++)
        strbuf_add_c(&b, "\U0001f469\u200d\U0001f467");
    expect_piece(b.buf, "y", 20,
                 "\U0001f469\u200d\U0001f467\U0001f469\u200d\U0001f467\U0001f469\u200d\U0001f467"
                 "\U0001f469\u200d\U0001f467\U0001f469\u200d\U0001f467\U0001f469\u200d\U0001f467");
    strbuf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_their_forms),
        cmocka_unit_test(marks_stay_with_their_letters),
        cmocka_unit_test(runs_of_scripts_without_spaces),
        cmocka_unit_test(more_terms),
        cmocka_unit_test(the_best_part),
        cmocka_unit_test(pieces),
        cmocka_unit_test(pieces_of_one_long_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
