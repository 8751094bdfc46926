#include "access/key.h"
#include "base/rng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static struct str text_of(const char *key)
{
    return (struct str){key, KEY_TEXT};
}

static void what_is_made_is_read(void **state)
{
    char id[KEY_ID + 1], key[KEY_TEXT + 1], other[KEY_TEXT + 1];
    struct str found;
    for (int i = 0; i < 200; i++) {
        key_id_make(id);
        key_make(id, key);
        assert_int_equal(strlen(key), KEY_TEXT);
        assert_int_equal(key_parse(text_of(key), &found), ERR_OK);
        assert_true(str_eq_c(found, id));
        key_make(id, other);
        assert_string_not_equal(key, other);
    }
}

/* So that scanners for leaked keys know the form: the checksum is the CRC-32 of zlib. */
static void the_form_stands(void **state)
{
    static const char known[] =
        "akin_abcdefghijkl_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg1xB1at";
    struct str id;
    assert_int_equal(sizeof known - 1, KEY_TEXT);
    assert_int_equal(key_parse(str_c(known), &id), ERR_OK);
    assert_true(str_eq_c(id, "abcdefghijkl"));
}

static void every_typing_error_is_seen(void **state)
{
    char id[KEY_ID + 1], key[KEY_TEXT + 1];
    struct str found;
    key_id_make(id);
    key_make(id, key);
    for (size_t i = 0; i < KEY_TEXT; i++)
        for (int c = 0; c < 256; c++) {
            char wrong[KEY_TEXT + 1];
            memcpy(wrong, key, sizeof wrong);
            wrong[i] = (char)c;
            assert_int_equal(key_parse(text_of(wrong), &found),
                             wrong[i] == key[i] ? ERR_OK : ERR_SYNTAX);
        }
    for (size_t n = 0; n < KEY_TEXT; n++)
        assert_int_equal(key_parse((struct str){key, n}, &found), ERR_SYNTAX);
    assert_int_equal(key_parse((struct str){key, KEY_TEXT + 1}, &found), ERR_SYNTAX);
    assert_int_equal(key_parse((struct str){NULL, 0}, &found), ERR_SYNTAX);
}

static void hashes_differ_and_compare(void **state)
{
    char id[KEY_ID + 1], a[KEY_TEXT + 1], b[KEY_TEXT + 1];
    uint8_t ha[KEY_HASH], hb[KEY_HASH], again[KEY_HASH];
    key_id_make(id);
    key_make(id, a);
    key_make(id, b);
    key_hash(text_of(a), ha);
    key_hash(text_of(a), again);
    key_hash(text_of(b), hb);
    assert_true(key_hash_equal(ha, again));
    assert_false(key_hash_equal(ha, hb));
    for (size_t i = 0; i < KEY_HASH; i++) {
        again[i] ^= 1;
        assert_false(key_hash_equal(ha, again));
        again[i] ^= 1;
    }
}

static void secrets_are_masked(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"/v1/keys/akin_abcdefghijkl_SECRETsecret0123", "/v1/keys/akin_abcdefghijkl_..."},
        {"akin_abcdefghijkl_aaaa-akin_abcdefghijkl_bbbb",
         "akin_abcdefghijkl_...-akin_abcdefghijkl_..."},
        {"/v1/keys/abcdefghijkl", "/v1/keys/abcdefghijkl"},
        {"akin_abcdefghijkl_", "akin_abcdefghijkl_"},
        {"akin_", "akin_"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[100];
        size_t n;
        bool found = key_mask(str_c(cases[i].text), out, &n);
        out[n] = '\0';
        assert_string_equal(out, cases[i].want);
        assert_int_equal(found, strcmp(cases[i].text, cases[i].want) != 0);
        assert_true(n <= strlen(cases[i].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_read),       cmocka_unit_test(the_form_stands),
        cmocka_unit_test(every_typing_error_is_seen), cmocka_unit_test(hashes_differ_and_compare),
        cmocka_unit_test(secrets_are_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
