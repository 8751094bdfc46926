#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "main/command.h"

static const struct command_option options[] = {
    {"--limit", 'n', "N", "hits"},
    {"--like", 0, "ID", "an example"},
    {"--json", 0, NULL, "JSON"},
    {0},
};
static const struct command probe = {.name = "probe", .usage = "akin probe", .options = options};

static enum err parse(struct args *out, struct err_info *e, int argc, ...)
{
    static char *argv[16];
    va_list ap;
    va_start(ap, argc);
    for (int i = 0; i < argc; i++)
        argv[i] = va_arg(ap, char *);
    va_end(ap);
    return args_parse(&probe, argc, argv, out, e);
}

static void test_all_forms(void **state)
{
    struct args a;
    struct err_info e = {0};
    int64_t limit;
    const char *const *likes;
    assert_int_equal(
        parse(&a, &e, 8, "-n", "3", "photo", "--like=a", "--json", "--like", "b", "editor"),
        ERR_OK);
    assert_int_equal(args_int(&a, "--limit", 0, 10, 1, &limit, &e), ERR_OK);
    assert_int_equal(limit, 3);
    assert_int_equal(args_all(&a, "--like", &likes), 2);
    assert_string_equal(likes[0], "a");
    assert_string_equal(likes[1], "b");
    assert_true(args_has(&a, "--json"));
    assert_int_equal(a.word_count, 2);
    assert_string_equal(a.words[1], "editor");
    args_release(&a);
}

static void test_words_behind_two_dashes(void **state)
{
    struct args a;
    struct err_info e = {0};
    assert_int_equal(parse(&a, &e, 3, "--", "--limit", "-"), ERR_OK);
    assert_int_equal(a.word_count, 2);
    assert_string_equal(a.words[0], "--limit");
    args_release(&a);
}

static void test_wrong_use_is_named(void **state)
{
    struct args a;
    struct err_info e = {0};
    int64_t limit;
    assert_int_equal(parse(&a, &e, 2, "--limt", "3"), ERR_INVALID);
    assert_non_null(strstr(e.message, "did you mean --limit"));
    args_release(&a);
    err_clear(&e);
    assert_int_equal(parse(&a, &e, 1, "--limit"), ERR_INVALID);
    assert_non_null(strstr(e.message, "--limit N"));
    args_release(&a);
    err_clear(&e);
    assert_int_equal(parse(&a, &e, 1, "--json=yes"), ERR_INVALID);
    args_release(&a);
    err_clear(&e);
    assert_int_equal(parse(&a, &e, 1, "--limit=many"), ERR_OK);
    assert_int_equal(args_int(&a, "--limit", 0, 10, 1, &limit, &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "many"));
    args_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_forms),
        cmocka_unit_test(test_words_behind_two_dashes),
        cmocka_unit_test(test_wrong_use_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
