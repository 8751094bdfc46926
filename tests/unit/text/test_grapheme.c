#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/utext.h>
#include "base/rng.h"
#include "text/text.h"

/* Every kind of character that has a rule of its own, and some that have none. */
static const uint32_t alphabet[] = {
    'a',    ' ',     '\r',    '\n',    0xad,    0xe9,   0x301,   0x308,   0x200d,  0x200d,
    0x5d0,  0x5b8,   0x627,   0x64e,   0x600,   0x915,  0x93f,   0x94d,   0xe01,   0xe33,
    0x1100, 0x1161,  0x11a8,  0xac00,  0xac01,  0x5317, 0x1f468, 0x1f469, 0x1f3fd, 0xfe0f,
    0x2764, 0x1f1e9, 0x1f1ea, 0x1f1eb, 0x1f600, 0x200b, 0xe0067};

static size_t put(char *out, uint32_t c)
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    if (c < 0x800)
        return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000)
        return out[0] = (char)(0xe0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)),
               out[2] = (char)(0x80 | (c & 63)), 3;
    return out[0] = (char)(0xf0 | c >> 18), out[1] = (char)(0x80 | (c >> 12 & 63)),
           out[2] = (char)(0x80 | (c >> 6 & 63)), out[3] = (char)(0x80 | (c & 63)), 4;
}

static void the_same_as_icu(void **state)
{
    UErrorCode code = U_ZERO_ERROR;
    UBreakIterator *icu = ubrk_open(UBRK_CHARACTER, "", NULL, 0, &code);
    struct rng rng;
    rng_init(&rng, 7);
    for (int round = 0; round < 20000; round++) {
        char text[64];
        struct str s = {text, 0};
        for (size_t n = 1 + rng_below(&rng, 12); n; n--)
            s.n += put(text + s.n, alphabet[rng_below(&rng, sizeof alphabet / sizeof *alphabet)]);
        UText *u = utext_openUTF8(NULL, s.s, (int64_t)s.n, &code);
        ubrk_setUText(icu, u, &code);
        size_t last = 0;
        for (size_t at = 0; at <= s.n; at++) {
            if (utf8_floor(s, at) != at)
                continue;
            bool wanted = ubrk_isBoundary(icu, (int32_t)at);
            if (grapheme_boundary(s, at) != wanted) {
                for (size_t i = 0; i < s.n; i++)
                    printf("%02x ", (unsigned char)s.s[i]);
                fail_msg("at %zu ICU has %d", at, wanted);
            }
            last = wanted ? at : last;
            assert_int_equal(grapheme_floor(s, at), last);
            assert_true(grapheme_ceil(s, at) >= at && grapheme_boundary(s, grapheme_ceil(s, at)));
        }
        utext_close(u);
    }
    ubrk_close(icu);
}

static void places_inside(void **state)
{
    struct str s = STR("x\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7y"); /* a mother and a girl */
    for (size_t at = 1; at < s.n - 1; at++)
        assert_int_equal(grapheme_floor(s, at), 1);
    for (size_t at = 2; at < s.n - 1; at++)
        assert_int_equal(grapheme_ceil(s, at), s.n - 1);
    assert_int_equal(grapheme_ceil(s, 1), 1);
    assert_int_equal(grapheme_floor(s, s.n + 5), s.n);
    assert_int_equal(grapheme_ceil(STR(""), 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_icu),
        cmocka_unit_test(places_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
