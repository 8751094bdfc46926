#include "api/cursor.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static struct arena *arena;
static const uint8_t secret[CURSOR_SECRET] = "of the directory, 32 bytes of it";

static void what_goes_in_comes_out(void **state)
{
    char text[CURSOR_TEXT], key[256];
    memset(key, 'k', sizeof key);
    for (size_t n = 0; n <= 255; n++) {
        struct cursor in = {.binding = n * 77, .number = UINT64_MAX - n, .key = {key, n}}, out;
        struct err_info e = {0};
        cursor_format(secret, &in, text);
        assert_true(strlen(text) < CURSOR_TEXT);
        assert_int_equal(
            strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            strlen(text));
        assert_int_equal(cursor_parse(secret, arena, str_c(text), n * 77, "cursor", &out, &e),
                         ERR_OK);
        assert_int_equal(out.number, in.number);
        assert_true(str_eq(out.key, in.key));
    }
}

static void every_changed_character_is_noticed(void **state)
{
    char text[CURSOR_TEXT];
    struct cursor out;
    cursor_format(secret, &(struct cursor){.binding = 5, .number = 20, .key = STR("abc")}, text);
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        char kept = text[i];
        for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+. ";
             *c; c++) {
            struct err_info e = {0};
            if (*c == kept)
                continue;
            text[i] = *c;
            assert_int_equal(cursor_parse(secret, arena, str_c(text), 5, "/cursor", &out, &e),
                             ERR_INVALID);
            assert_string_equal(e.field, "/cursor");
        }
        text[i] = kept;
    }
    for (size_t i = 0; i < n; i++)
        assert_int_equal(
            cursor_parse(secret, arena, (struct str){text, i}, 5, "cursor", &out, NULL),
            ERR_INVALID);
}

static void another_list_refuses_it(void **state)
{
    char text[CURSOR_TEXT];
    struct cursor out;
    cursor_format(secret, &(struct cursor){.binding = cursor_bind(0, STR("a")), .key = STR("")},
                  text);
    assert_int_equal(
        cursor_parse(secret, arena, str_c(text), cursor_bind(0, STR("b")), "cursor", &out, NULL),
        ERR_INVALID);
    assert_int_equal(
        cursor_parse(secret, arena, str_c(text), cursor_bind(0, STR("a")), "cursor", &out, NULL),
        ERR_OK);
    assert_true(cursor_bind(cursor_bind(0, STR("a")), STR("bc")) !=
                cursor_bind(cursor_bind(0, STR("ab")), STR("c")));
}

/* RFC 4648, section 10 */
static void base64_is_the_standard_one(void **state)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct strbuf b;
        strbuf_init(&b, 0);
        base64_add(&b, pairs[i][0], strlen(pairs[i][0]));
        assert_true(str_eq_c(strbuf_str(&b), pairs[i][1]));
        strbuf_release(&b);
    }
}

static void another_directory_refuses_it(void **state)
{
    char text[CURSOR_TEXT];
    struct cursor out;
    uint8_t other[CURSOR_SECRET];
    memcpy(other, secret, sizeof other);
    other[31] ^= 1;
    cursor_format(other, &(struct cursor){.binding = 5, .number = 20, .key = STR("abc")}, text);
    assert_int_equal(cursor_parse(secret, arena, str_c(text), 5, "cursor", &out, NULL),
                     ERR_INVALID);
    assert_int_equal(cursor_parse(other, arena, str_c(text), 5, "cursor", &out, NULL), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(another_list_refuses_it),
        cmocka_unit_test(another_directory_refuses_it),
        cmocka_unit_test(base64_is_the_standard_one),
    };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
