#include "test.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

static void views(void **state)
{
    assert_true(str_eq(STR("ab"), str_c("ab")));
    assert_false(str_eq(STR("ab"), STR("a")));
    assert_true(str_eq(str_c(NULL), STR("")));
    assert_true(str_eq((struct str){NULL, 0}, STR("")));
    assert_true(str_eq_c(STR("a\0b"), "a") == false);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("b"), STR("ab")) > 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0); /* bytes, not chars */
    assert_int_equal(str_cmp(STR(""), STR("")), 0);
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR("")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_eq_c(str_trim(STR(" \t\r\n\v\fa b \n")), "a b"));
    assert_int_equal(str_trim(STR(" \n ")).n, 0);
    struct str copy = str_dup(STR("a\0b"));
    assert_memory_equal(copy.s, "a\0b", 4);
    free((char *)copy.s);
    assert_int_equal(str_hash(STR("abc")), str_hash(str_c("abc")));
    assert_true(str_hash(STR("abc")) != str_hash(STR("abd")));
}

static void integers(void **state)
{
    int64_t v = 7;
    assert_int_equal(str_to_i64(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &v), ERR_OK);
    assert_true(v == INT64_MIN);
    assert_int_equal(str_to_i64(STR("9223372036854775807"), INT64_MIN, INT64_MAX, &v), ERR_OK);
    assert_true(v == INT64_MAX);
    assert_int_equal(str_to_i64(STR("+5"), 0, 5, &v), ERR_OK);
    assert_int_equal(v, 5);
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      "1x",
                                      " 1",
                                      "1 ",
                                      "--1",
                                      "6",
                                      "-1",
                                      "1.",
                                      "0x1",
                                      "9223372036854775808",
                                      "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(str_to_i64(str_c(bad[i]), 0, 5, &v), ERR_INVALID);
    assert_int_equal(str_to_i64(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &v), ERR_INVALID);
    assert_int_equal(str_to_i64(STR("1\0"), 0, 5, &v), ERR_INVALID);
    assert_int_equal(v, 5); /* untouched by what failed */
}

static void reals(void **state)
{
    double v = 7;
    assert_int_equal(str_to_f64(STR("-1.5e2"), &v), ERR_OK);
    assert_true(v == -150);
    static const char *const bad[] = {"",      ".",  "e",  "nan", "inf", "0x1", "1e",
                                      "1e999", " 1", "1 ", "1,5", "-",   "1-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(str_to_f64(str_c(bad[i]), &v), ERR_INVALID);
    assert_true(v == -150);
}

static void distances(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned d;
    } cases[] = {{"", "", 0},
                 {"a", "", 1},
                 {"kitten", "sitting", 3},
                 {"port", "prot", 1},
                 {"ab", "ba", 1},
                 {"server.port", "server.prot", 1},
                 {"abcdef", "azced", 3},
                 {"xyz", "abcdefgh", 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(str_distance(str_c(cases[i].a), str_c(cases[i].b), 5), cases[i].d);
        assert_int_equal(str_distance(str_c(cases[i].b), str_c(cases[i].a), 5), cases[i].d);
    }
    char big[300];
    memset(big, 'x', sizeof big);
    assert_int_equal(str_distance((struct str){big, 300}, STR("x"), 2), 3);
    assert_int_equal(str_distance((struct str){big, 300}, (struct str){big, 300}, 2), 0);
}

static void utf8(void **state)
{
    static const struct {
        const char *s;
        size_t n;
    } cases[] = {
        {"a", 1},
        {"\xc3\xa9", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x98\x80", 4},
        {"\xc3", 0},
        {"\xc0\x80", 0},
        {"\xe0\x80\x80", 0},
        {"\xed\xa0\x80", 0},
        {"\xff", 0},
        {"\xf0\x80\x80\x80", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\x80", 0},
        {"\xe2\x82", 0},
        {"\xe2\x28\xa1", 0},
        {"\xf4\x8f\xbf\xbf", 4},
        {"", 0},
        {"\xed\x9f\xbf", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(str_utf8_size(str_c(cases[i].s)), cases[i].n);
    struct str s = STR("a\xc3\xa9\xf0\x9f\x98\x80z");
    static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 3, 7, 8, 8};
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(str_utf8_cut(s, i), cuts[i]);
    assert_int_equal(str_utf8_cut(STR("\x80\x80\x80\x80\x80\x80"), 5), 5);
}

static void buffer_grows(void **state)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    assert_int_equal(strbuf_str(&b).n, 0);
    assert_null(strbuf_detach(&b, NULL));
    for (int i = 0; i < 1000; i++)
        strbuf_printf(&b, "%d,", i);
    assert_int_equal(b.n, 3890);
    assert_int_equal(b.buf[b.n], 0);
    assert_memory_equal(b.buf + b.n - 8, "998,999,", 9);
    size_t n;
    char *p = strbuf_detach(&b, &n);
    assert_int_equal(n, 3890);
    assert_null(b.buf);
    free(p);
    strbuf_add_char(&b, 'x');
    strbuf_clear(&b);
    assert_string_equal(b.buf, "");
    strbuf_release(&b);
}

static void buffer_keeps_its_maximum(void **state)
{
    struct strbuf b;
    strbuf_init(&b, 5);
    strbuf_add_c(&b, "12345");
    assert_false(b.failed);
    strbuf_add_char(&b, '6');
    assert_true(b.failed);
    assert_string_equal(b.buf, "12345");
    strbuf_clear(&b);
    assert_false(b.failed);
    strbuf_printf(&b, "%d", 123456);
    assert_true(b.failed);
    strbuf_add_c(&b, "1"); /* it would fit, but a hole would be before it */
    assert_string_equal(b.buf, "");
    strbuf_release(&b);
    assert_int_equal(b.max, 5);
}

static void errors_first_wins(void **state)
{
    struct err_info e = {0};
    assert_int_equal(err_set(&e, ERR_INVALID, "/limit", "limit is %d", 7), ERR_INVALID);
    assert_int_equal(err_set(&e, ERR_IO, NULL, "later"), ERR_IO);
    assert_int_equal(e.code, ERR_INVALID);
    assert_string_equal(e.field, "/limit");
    assert_string_equal(e.message, "limit is 7");
    err_clear(&e);
    assert_int_equal(err_errno(&e, ENOSPC, "write", "/x/y"), ERR_FULL);
    assert_string_equal(e.message, "write /x/y: No space left on device");
    assert_string_equal(e.field, "/x/y");
    assert_int_equal(err_errno(NULL, ENOENT, "open", "x"), ERR_NOT_FOUND);
    assert_int_equal(err_errno(NULL, EACCES, "open", "x"), ERR_DENIED);
    assert_int_equal(err_errno(NULL, EISDIR, "open", "x"), ERR_IO);
}

static void errors_are_cut_at_a_character(void **state)
{
    struct err_info e = {0};
    char text[1000];
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = "\xe2\x82\xac"[i % 3];
    text[sizeof text - 1] = 0;
    err_set(&e, ERR_INVALID, text, "x%s", text);
    assert_int_equal(strlen(e.message), 1 + 478 / 3 * 3);
    assert_int_equal(strlen(e.field), 159);
    for (size_t i = 1; e.message[i]; i += 3)
        assert_memory_equal(e.message + i, "\xe2\x82\xac", 3);
}

static void errors_have_names(void **state)
{
    for (int code = 0; code >= ERR_NO_MEMORY; code--) {
        assert_string_not_equal(err_name((enum err)code), "unknown");
        for (int other = 0; other > code; other--)
            assert_string_not_equal(err_name((enum err)code), err_name((enum err)other));
    }
    assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
}

static void arena_gives_and_forgets(void **state)
{
    struct arena *a = arena_new(0);
    for (size_t n = 0; n < 3000; n++) {
        char *p = arena_alloc(a, n);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 0xab, n);
    }
    assert_true(arena_bytes(a) >= 3000 * 2999 / 2);
    char *big = arena_zalloc(a, 5 << 20);
    assert_int_equal(big[(5 << 20) - 1], 0);
    assert_string_equal(arena_printf(a, "%s-%d", "x", 5), "x-5");
    assert_string_equal(arena_strdup(a, "abc"), "abc");
    struct str s = arena_str(a, STR("a\0b"));
    assert_memory_equal(s.s, "a\0b", 4);
    arena_reset(a);
    assert_int_equal(arena_bytes(a), 0);
    int *array = arena_array(a, 100, sizeof *array);
    for (int i = 0; i < 100; i++)
        assert_int_equal(array[i], 0);
    arena_free(a);
    arena_free(NULL);
}

static void arena_keeps_its_bound(void **state)
{
    struct arena *a = arena_new(1000);
    assert_null(arena_try(a, 1001));
    assert_null(arena_try(a, SIZE_MAX));
    assert_non_null(arena_try(a, 600));
    assert_null(arena_try(a, 600));
    assert_non_null(arena_alloc(a, 600)); /* the bound is arena_try's */
    assert_null(arena_try(a, 0));
    arena_reset(a);
    assert_non_null(arena_try(a, 1000));
    arena_free(a);
    float *aligned = xaligned(100);
    assert_int_equal((uintptr_t)aligned % 64, 0);
    free(aligned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views),
        cmocka_unit_test(integers),
        cmocka_unit_test(reals),
        cmocka_unit_test(distances),
        cmocka_unit_test(utf8),
        cmocka_unit_test(buffer_grows),
        cmocka_unit_test(buffer_keeps_its_maximum),
        cmocka_unit_test(errors_first_wins),
        cmocka_unit_test(errors_are_cut_at_a_character),
        cmocka_unit_test(errors_have_names),
        cmocka_unit_test(arena_gives_and_forgets),
        cmocka_unit_test(arena_keeps_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
