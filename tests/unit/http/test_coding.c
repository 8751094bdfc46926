/* Codings: what is chosen, what comes out, what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "http/coding.h"
#include <stdlib.h>
#include <string.h>

static void test_choice(void **state)
{
    static const struct {
        const char *accept;
        enum coding coding;
    } cases[] = {
        {"", CODING_IDENTITY},
        {"gzip, deflate", CODING_GZIP},
        {"gzip, deflate, br, zstd", CODING_ZSTD},
        {"gzip;q=1, zstd;q=0.9", CODING_GZIP},
        {"zstd;q=0.5,gzip;q=0.5", CODING_ZSTD},
        {"gzip;q=0", CODING_IDENTITY},
        {"GZIP ; Q=0.001", CODING_GZIP},
        {"identity", CODING_IDENTITY},
        {"*", CODING_ZSTD},
        {"*;q=0", CODING_IDENTITY},
        {"zstd;q=0, *", CODING_GZIP},
        {"br", CODING_IDENTITY},
        {"gzip;q=2", CODING_IDENTITY},
        {"gzip;q=x", CODING_IDENTITY},
        {"gzip;q=", CODING_IDENTITY},
        {"gzip;q=1.001", CODING_IDENTITY},
        {"gzip;x=1;q=0.5;y", CODING_GZIP},
        {",,;q=1,gzipped", CODING_IDENTITY},
    };
    enum coding c;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (coding_choose(str_c(cases[i].accept)) != cases[i].coding)
            fail_msg("\"%s\"", cases[i].accept);
    assert_true(coding_parse(STR(""), &c) && c == CODING_IDENTITY);
    assert_true(coding_parse(STR(" X-Gzip"), &c) && c == CODING_GZIP);
    assert_true(coding_parse(STR("ZSTD"), &c) && c == CODING_ZSTD);
    assert_false(coding_parse(STR("br"), &c));
    assert_false(coding_parse(STR("gzip, zstd"), &c));
}

/* Expands `coded` fed in pieces of `feed` and taken in pieces of `take`; at most `max` of it. */
static enum err expand(enum coding c, struct str coded, size_t feed, size_t take, char *out,
                       size_t max, size_t *n)
{
    struct expander *x = expander_new(c);
    enum err err = ERR_OK;
    size_t at = 0, made = 0;
    *n = 0;
    for (;;) {
        size_t room = max - *n < take ? max - *n : take;
        err = expander_take(x, out + *n, room, &made, NULL);
        if (err || *n == max)
            break;
        *n += made;
        if (made)
            continue;
        size_t piece = coded.n - at < feed ? coded.n - at : feed;
        if (!piece) {
            err = expander_end(x, NULL);
            break;
        }
        memcpy(expander_room(x), coded.s + at, piece);
        expander_fed(x, piece);
        at += piece;
    }
    expander_free(x);
    return err;
}

static char *sample(size_t n)
{
    static const char words[] = "{\"id\":17,\"text\":\"soup\"}\n";
    char *text = malloc(n);
    for (size_t i = 0; i < n; i++)
        text[i] = words[(i + i / 977) % (sizeof words - 1)];
    return text;
}

static void test_there_and_back(void **state)
{
    enum { N = 300000 };
    static const size_t steps[] = {1, 7, 1000, EXPANDER_BYTES};
    char *text = sample(N), *out = malloc(N + 1);
    for (enum coding c = CODING_GZIP; c <= CODING_ZSTD; c++) {
        size_t n, got;
        char *coded = coding_pack(c, (struct str){text, N}, &n);
        assert_non_null(coded);
        assert_true(n < N / 4);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(
                expand(c, (struct str){coded, n}, steps[i], steps[3 - i], out, N + 1, &got), 0);
            assert_int_equal(got, N);
            assert_memory_equal(out, text, N);
        }
        free(coded);
    }
    free(text);
    free(out);
}

static void test_broken(void **state)
{
    enum { N = 5000 };
    char *text = sample(N), out[N + 64];
    for (enum coding c = CODING_GZIP; c <= CODING_ZSTD; c++) {
        size_t n, got;
        char *coded = coding_pack(c, (struct str){text, N}, &n), *more = malloc(2 * n);
        for (size_t cut = 0; cut < n; cut++) /* every beginning of it is incomplete */
            assert_int_equal(expand(c, (struct str){coded, cut}, 64, 4096, out, sizeof out, &got),
                             ERR_SYNTAX);
        memcpy(more, coded, n);
        memcpy(more + n, coded, n);
        assert_int_equal(expand(c, (struct str){more, n + 1}, 64, 4096, out, sizeof out, &got),
                         ERR_SYNTAX);
        assert_int_equal(expand(c, (struct str){more, 2 * n}, 2 * n, 4096, out, sizeof out, &got),
                         ERR_SYNTAX);
        assert_int_equal(
            expand(c, STR("plain text, not coded at all"), 64, 4096, out, sizeof out, &got),
            ERR_SYNTAX);
        free(more);
        free(coded);
    }
    free(text);
}

static void test_bombs(void **state)
{
    enum { N = CODED_MAX };
    char *zeros = calloc(1, N), *out = malloc(N);
    for (enum coding c = CODING_GZIP; c <= CODING_ZSTD; c++) {
        size_t n, got;
        char *coded = coding_pack(c, (struct str){zeros, N}, &n);
        assert_int_equal(expand(c, (struct str){coded, n}, EXPANDER_BYTES, 65536, out, N, &got),
                         ERR_TOO_LARGE);
        assert_true(got <= RATIO_FREE + RATIO_MAX * n + 65536);
        free(coded);
    }
    free(zeros);
    free(out);
}

/* In pieces of any size, through an outlet of any size, it is the same text. */
static void test_in_pieces(void **state)
{
    enum { N = 300000 };
    static const size_t sizes[] = {1, 7, 4096, N};
    char *text = malloc(N), *coded = malloc(2 * N), *out = malloc(N + 1);
    for (size_t i = 0; i < N; i++)
        text[i] = "line of words, and more\n"[(i * i / 97) % 24];
    for (enum coding c = CODING_GZIP; c <= CODING_ZSTD; c++)
        for (size_t s = 0; s < 16; s++) {
            size_t piece = sizes[s / 4] * 100 > N ? N : sizes[s / 4] * 100, room = sizes[s % 4];
            size_t n = 0, got = 0, made;
            struct packer *p = packer_new(c);
            for (size_t at = 0; at <= N && !packer_ended(p); at += piece) {
                struct str in = {text + at, N - at < piece ? N - at : piece};
                bool end = at + piece > N;
                while (in.n || (end && !packer_ended(p))) {
                    assert_int_equal(packer_step(p, &in, end, coded + n, room, &made, NULL),
                                     ERR_OK);
                    n += made;
                }
            }
            assert_true(packer_ended(p) && n < N);
            packer_free(p);
            assert_int_equal(expand(c, (struct str){coded, n}, 4096, 65536, out, N + 1, &got),
                             ERR_OK);
            assert_true(got == N && memcmp(out, text, N) == 0);
        }
    free(out);
    free(coded);
    free(text);
}

static void test_what_does_not_shrink(void **state)
{
    char noise[4096];
    unsigned x = 1;
    size_t n;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
    assert_null(coding_pack(CODING_GZIP, (struct str){noise, sizeof noise}, &n));
    assert_null(coding_pack(CODING_ZSTD, (struct str){noise, sizeof noise}, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice), cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_broken), cmocka_unit_test(test_in_pieces),
        cmocka_unit_test(test_bombs),  cmocka_unit_test(test_what_does_not_shrink)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
