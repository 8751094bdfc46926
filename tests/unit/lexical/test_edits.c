#include "base/rng.h"
#include "lexical/edits.h"
#include "math/simd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CHARS_MAX 24

/* A word as its characters, each a string of its own. */
struct word {
    const char *chars[CHARS_MAX];
    unsigned count;
    char bytes[4 * CHARS_MAX + 1];
    struct str str;
};

static const char *const alphabets[][6] = {{"a", "b", "c", "d", "e", "f"},
                                           {"a", "\xD0\xB0", "\xE1\xB8\x81", "q", "1", "a"},
                                           {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x81", "x",
                                            "\xE4\xB8\xAD", "\xC3",
                                            "\xFF"}, /* the last two are no UTF-8 */
                                           {"a", "a", "a", "a", "b", "b"}};

static void word_join(struct word *w)
{
    w->bytes[0] = 0;
    for (unsigned i = 0; i < w->count; i++)
        strncat(w->bytes, w->chars[i], 4);
    w->str = str_c(w->bytes);
}

static void word_random(struct rng *r, const char *const *alphabet, unsigned count, struct word *w)
{
    w->count = count;
    for (unsigned i = 0; i < count; i++)
        w->chars[i] = alphabet[rng_below(r, 6)];
    word_join(w);
}

/* One random edit. */
static void word_edit(struct rng *r, const char *const *alphabet, struct word *w)
{
    unsigned kind = (unsigned)rng_below(r, 4), at = (unsigned)rng_below(r, w->count);
    if (kind == 0 && w->count + 1 < CHARS_MAX) {
        memmove(w->chars + at + 1, w->chars + at, (w->count++ - at) * sizeof *w->chars);
        w->chars[at] = alphabet[rng_below(r, 6)];
    } else if (kind == 1 && w->count > 1) {
        memmove(w->chars + at, w->chars + at + 1, (--w->count - at) * sizeof *w->chars);
    } else if (kind == 2 && at + 1 < w->count) {
        const char *c = w->chars[at];
        w->chars[at] = w->chars[at + 1];
        w->chars[at + 1] = c;
    } else {
        w->chars[at] = alphabet[rng_below(r, 6)];
    }
    word_join(w);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The matrix as the definition has it. */
static unsigned matrix(const struct word *a, const struct word *b)
{
    unsigned d[CHARS_MAX + 1][CHARS_MAX + 1];
    for (unsigned i = 0; i <= a->count; i++)
        for (unsigned j = 0; j <= b->count; j++) {
            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            bool same = strcmp(a->chars[i - 1], b->chars[j - 1]) == 0;
            d[i][j] = least(d[i - 1][j - 1] + !same, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && strcmp(a->chars[i - 1], b->chars[j - 2]) == 0 &&
                strcmp(a->chars[i - 2], b->chars[j - 1]) == 0)
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a->count][b->count];
}

/* At most two bits an edit, one for each that changes the length. */
static void check_signature(const struct word *a, const struct word *b, unsigned edits)
{
    unsigned n, m;
    uint64_t differ = edits_signature(a->str, &n) ^ edits_signature(b->str, &m);
    assert_int_equal(n, a->count);
    assert_int_equal(m, b->count);
    unsigned longer = n > m ? n - m : m - n;
    assert_true((unsigned)__builtin_popcountll(differ) <= 2 * edits - longer);
}

static void test_matrix(void **state)
{
    static struct edits_word prepared;
    struct rng r;
    rng_init(&r, 5);
    for (unsigned n = 0; n < 20000; n++) {
        const char *const *alphabet = alphabets[n % 4];
        struct word a, b;
        word_random(&r, alphabet, 1 + (unsigned)rng_below(&r, 12), &a);
        b = a;
        if (n % 3 == 0)
            word_random(&r, alphabet, 1 + (unsigned)rng_below(&r, 12), &b);
        else
            for (unsigned k = 0; k < n % 5; k++)
                word_edit(&r, alphabet, &b);
        unsigned edits = matrix(&a, &b);
        assert_true(edits_prepare(&prepared, a.str));
        assert_int_equal(edits_between(&prepared, b.str), edits);
        check_signature(&a, &b, edits);
    }
}

static void test_lengths(void **state)
{
    static struct edits_word w;
    char text[80];
    unsigned n;
    memset(text, 'x', sizeof text);
    assert_false(edits_prepare(&w, STR("")));
    assert_true(edits_prepare(&w, (struct str){text, 64}));
    assert_int_equal(edits_between(&w, (struct str){text, 63}), 1);
    assert_int_equal(edits_between(&w, STR("")), 64);
    assert_false(edits_prepare(&w, (struct str){text, 65}));
    edits_signature((struct str){text, 80}, &n);
    assert_int_equal(n, EDITS_CHARS_MAX + 1);
}

static void test_scan(void **state)
{
    uint64_t signatures[131];
    uint32_t want[131], out[131];
    struct rng r;
    rng_init(&r, 9);
    for (unsigned turn = 0; turn < 300; turn++) {
        size_t count = turn % 132, n = 0;
        uint64_t of = rng_next(&r);
        unsigned bits_max = turn % 5;
        for (size_t i = 0; i < count; i++) {
            signatures[i] = of;
            for (uint64_t k = rng_below(&r, 7); k > 0; k--)
                signatures[i] ^= UINT64_C(1) << rng_below(&r, 64);
            if ((unsigned)__builtin_popcountll(signatures[i] ^ of) <= bits_max)
                want[n++] = (uint32_t)i;
        }
        for (enum simd_level level = SIMD_SCALAR; level < SIMD_LEVELS; level++) {
            if (!simd_supported(level))
                continue;
            simd_force(level);
            assert_int_equal(edits_scan(signatures, count, of, bits_max, out), n);
            assert_memory_equal(out, want, n * sizeof *out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
