/* Words as marks: the same, misspelt, or others. */
#include "base/wordmark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static uint64_t mark(const char *word)
{
    struct wordmark w = {0};
    for (; *word; word++)
        wordmark_add(&w, (unsigned char)*word, *word >= '0' && *word <= '9');
    return wordmark_end(&w);
}

static void different_words_differ(void **state)
{
    (void)state;
    char a[32], b[32];
    assert_true(mark("wing") == mark("wing"));
    assert_true(mark("abcdefghijklmnop") != mark("abcdefgxijklmnop")); /* in what is not kept */
    for (int i = 0; i < 3000; i++)
        for (int j = i + 1; j < i + 300; j++) {
            snprintf(a, sizeof a, "word%dx", i);
            snprintf(b, sizeof b, "word%dx", j);
            assert_true(mark(a) != mark(b));
        }
    assert_int_equal(wordmark_letters(mark("a")), 1);
    assert_int_equal(wordmark_letters(mark("aerodynamically")), WORDMARK_LETTERS);
}

static void a_misspelt_word(void **state)
{
    (void)state;
    static const char *const yes[][2] = {
        {"slipstream", "slipstraem"},
        {"slipstream", "slipsream"},
        {"slipstream", "slippstream"},
        {"wing", "wnig"},
        {"flow", "glow"},
        {"the", "teh"},
        {"theory", "theori"},
        {"library", "lbrary"},
        {"aerodynamically", "areodynamically"},
        {"wings", "wing"},
        {"representation", "reprsentation"},
        {"differential", "diferentiall"},
    };
    static const char *const no[][2] = {
        {"gcp", "gcs"},           {"a", "an"},
        {"item1", "item2"},       {"of", "fo"},
        {"coinex", "coinone"},    {"wing", "tail"},
        {"library", "libraries"}, {"redshift", "pipeline"},
        {"python", "python3"},    {"flask", "aiohttp"},
        {"windows", "wings"},     {"slipstream", "mainstream"},
    };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (!wordmark_misspelt(mark(yes[i][0]), mark(yes[i][1])) ||
            !wordmark_misspelt(mark(yes[i][1]), mark(yes[i][0])))
            fail_msg("%s %s", yes[i][0], yes[i][1]);
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (wordmark_misspelt(mark(no[i][0]), mark(no[i][1])))
            fail_msg("%s %s", no[i][0], no[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_words_differ),
        cmocka_unit_test(a_misspelt_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
