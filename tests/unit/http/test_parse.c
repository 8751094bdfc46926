/* The pure functions: what is let in, and what is not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "http/parse.h"
#include <stdio.h>
#include <string.h>

static void test_decode(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"a%20b%2Fc", "a b/c"},
        {"a+b", "a+b"},
        {"%C3%A9", "\xC3\xA9"},
        {"\xC3\xA9", "\xC3\xA9"},
        {"%F0%9F%98%80", "\xF0\x9F\x98\x80"},
        {"%2e%2E", ".."},
        {"%", NULL},
        {"%4", NULL},
        {"a%4", NULL},
        {"%zz", NULL},
        {"%4g", NULL},
        {"%00", NULL},
        {"%ff", NULL},
        {"%C0%80", NULL},       /* an overlong NUL */
        {"%ED%A0%80", NULL},    /* a surrogate */
        {"%F4%90%80%80", NULL}, /* beyond U+10FFFF */
        {"%C3", NULL},
        {"\xC3(", NULL},
    };
    struct arena *a = arena_new(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str out = str_c("untouched");
        enum err err = http_decode(a, str_c(cases[i].in), &out);
        if (!cases[i].out)
            assert_int_equal(err, ERR_SYNTAX);
        else
            assert_int_equal(err, 0);
        assert_string_equal(out.s, cases[i].out ? cases[i].out : "untouched");
    }
    struct str out;
    assert_int_equal(http_decode(a, (struct str){"a\0b", 3}, &out), ERR_SYNTAX);
    arena_free(a);
}

static void test_query(void **state)
{
    struct arena *a = arena_new(0);
    struct http_param *p;
    unsigned n;
    char many[1000] = "";
    struct err_info e = {0};
    assert_int_equal(query_parse(a, STR("a=1&b=%26%3D&a=2&c&=x&d=e=f"), &p, &n, NULL), 0);
    assert_int_equal(n, 6);
    assert_true(str_eq_c(p[0].name, "a") && str_eq_c(p[0].value, "1"));
    assert_true(str_eq_c(p[1].value, "&="));
    assert_true(str_eq_c(p[2].name, "a") && str_eq_c(p[2].value, "2"));
    assert_true(str_eq_c(p[3].name, "c") && p[3].value.n == 0);
    assert_true(p[4].name.n == 0 && str_eq_c(p[4].value, "x"));
    assert_true(str_eq_c(p[5].value, "e=f"));
    for (int i = 0; i < PARAMS_MAX; i++)
        strcat(many, "x=1&");
    assert_int_equal(query_parse(a, str_c(many), &p, &n, NULL), 0);
    assert_int_equal(n, PARAMS_MAX);
    strcat(many, "x=1");
    assert_int_equal(query_parse(a, str_c(many), &p, &n, &e), ERR_TOO_LARGE);
    assert_non_null(strstr(e.message, "64"));
    e = (struct err_info){0};
    assert_int_equal(query_parse(a, STR("a=1&b=%q"), &p, &n, &e), ERR_SYNTAX);
    assert_non_null(strstr(e.message, "position 2"));
    arena_free(a);
}

static void test_target(void **state)
{
    static const char *const good[] = {"/", "/a?b=c", "/v1/x:get", "/\xC3\xA9", "/%00"};
    static const char *const bad[] = {"",       "*",   "http://localhost/", "a", "/a b", "/a\tb",
                                      "/a\x7F", "/a#b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(target_valid(str_c(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(target_valid(str_c(bad[i])));
}

static void test_hosts(void **state)
{
    static const char *const hosts[] = {"search.example.com", "fd00::7"};
    static const struct {
        const char *host;
        bool allowed;
    } cases[] = {
        {"localhost", true},
        {"LocalHost:8000", true},
        {"127.0.0.1", true},
        {"127.0.0.1:1", true},
        {"[::1]", true},
        {"[::1]:65535", true},
        {"10.1.2.3:8000", true},
        {"192.168.7.7", true},
        {"Search.Example.Com:443", true},
        {"[fd00::7]:8000", true},
        {"evil.example", false},
        {"localhost.evil.example", false},
        {"evil.localhost", false},
        {"localhost.", false},
        {"127.0.0.1.nip.io", false},
        {"127.0.0.2", false},
        {"2130706433", false},
        {"0.0.0.0", false},
        {"[::ffff:127.0.0.1]", false},
        {"", false},
        {":8000", false},
        {"localhost:", false},
        {"localhost:0", false},
        {"localhost:65536", false},
        {"localhost:80x", false},
        {"localhost:80:80", false},
        {"user@localhost", false},
        {"localhost/", false},
        {"[::1", false},
        {"[]", false},
        {"[", false},
        {"::1", false},
        {"localhost localhost", false},
        {"localhost,evil.example", false},
    };
    struct host_rules rules = {"10.1.2.3", "192.168.7.7", hosts, 2};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (host_allowed(&rules, str_c(cases[i].host)) != cases[i].allowed)
            fail_msg("Host \"%s\" should be %d", cases[i].host, cases[i].allowed);
}

static void test_origins(void **state)
{
    static const char *const hosts[] = {"app.example.com"};
    static const struct {
        const char *method, *host, *origin, *site, *mode;
        bool allowed;
    } cases[] = {
        {"GET", "localhost:8000", NULL, "", "", true},
        {"POST", "localhost:8000", NULL, "", "", true},
        {"POST", "localhost:8000", "http://localhost:8000", "same-origin", "cors", true},
        {"POST", "localhost", "http://localhost", "", "", true},
        {"POST", "localhost:80", "http://LOCALHOST", "", "", true},
        {"POST", "search.example:443", "https://search.example", "", "", true},
        {"POST", "localhost:8000", "https://app.example.com", "", "", true},
        {"POST", "localhost:8000", "http://localhost:3000", "same-site", "cors", false},
        {"POST", "localhost:8000", "http://127.0.0.1:8000", "", "", false},
        {"POST", "localhost:8000", "https://localhost:443", "", "", false},
        {"POST", "localhost:8000", "null", "", "", false},
        {"POST", "localhost:8000", "", "", "", false},
        {"POST", "localhost:8000", "file://", "", "", false},
        {"POST", "localhost:8000", "http://evil.example", "cross-site", "no-cors", false},
        {"GET", "localhost:8000", "http://evil.example", "cross-site", "cors", false},
        {"GET", "localhost:8000", NULL, "cross-site", "no-cors", false},
        {"GET", "localhost:8000", NULL, "cross-site", "navigate", true},
        {"HEAD", "localhost:8000", NULL, "cross-site", "navigate", true},
        {"POST", "localhost:8000", NULL, "cross-site", "navigate", false},
        {"POST", "localhost:8000", NULL, "Cross-Site", "cors", false},
        {"DELETE", "localhost:8000", NULL, "cross-site", "navigate", false},
        {"GET", "localhost:8000", NULL, "none", "navigate", true},
        {"POST", "localhost:8000", "http://localhost:8000.evil.example", "", "", false},
        {"POST", "localhost:8000", "http://localhost:8000@evil.example", "", "", false},
        {"POST", "localhost:8000", "http://localhost:8000/", "", "", false},
    };
    struct host_rules rules = {"127.0.0.1", "", hosts, 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fetch_headers f = {str_c(cases[i].method), str_c(cases[i].host),
                                  str_c(cases[i].origin), str_c(cases[i].site),
                                  str_c(cases[i].mode),   cases[i].origin != NULL};
        if (origin_allowed(&rules, &f) != cases[i].allowed)
            fail_msg("case %zu should be %d", i, cases[i].allowed);
    }
}

static const char *framing_of(const char *const *lines, struct framing *out, bool http_1_0)
{
    struct header headers[8];
    unsigned n = 0;
    for (; lines[2 * n]; n++)
        headers[n] = (struct header){str_c(lines[2 * n]), str_c(lines[2 * n + 1])};
    return framing_parse(headers, n, http_1_0, out);
}

static void test_framing_good(void **state)
{
    struct framing f;
    assert_null(framing_of((const char *[]){"Host", "x", NULL}, &f, false));
    assert_false(f.chunked || f.has_length || f.expect_continue);
    assert_null(framing_of((const char *[]){"content-LENGTH", "017", NULL}, &f, false));
    assert_true(f.has_length && f.length == 17);
    assert_null(framing_of((const char *[]){"Content-Length", "7", "Content-Length", "7", NULL}, &f,
                           false));
    assert_int_equal(f.length, 7);
    assert_null(
        framing_of((const char *[]){"Transfer-Encoding", "Chunked", "Expect", "100-Continue", NULL},
                   &f, false));
    assert_true(f.chunked && f.expect_continue && !f.expect_unknown);
    assert_null(framing_of((const char *[]){"Expect", "more", NULL}, &f, false));
    assert_true(f.expect_unknown);
}

static void test_framing_bad(void **state)
{
    static const char *const cases[][6] = {
        {"Content-Length", "7", "Content-Length", "8"},
        {"Content-Length", "7", "Transfer-Encoding", "chunked"},
        {"Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"},
        {"Transfer-Encoding", "gzip, chunked"},
        {"Transfer-Encoding", "xchunked"},
        {"Transfer-Encoding", ""},
        {"Content-Length", "-1"},
        {"Content-Length", "+1"},
        {"Content-Length", "1, 1"},
        {"Content-Length", "0x10"},
        {"Content-Length", ""},
        {"Content-Length", "9999999999999999999"},
        {"Content-Length ", "7"},
        {"Content Length", "7"},
        {"", "7"},
        {"Na(me", "7"},
        {"Name", "a\x01z"},
        {"Name", "a\rb"},
        {"Name", "a\x7F"},
    };
    struct framing f;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!framing_of(cases[i], &f, false))
            fail_msg("case %zu passed: %s: %s", i, cases[i][0], cases[i][1]);
    assert_non_null(framing_of((const char *[]){"Transfer-Encoding", "chunked", NULL}, &f, true));
}

static void test_traceparent(void **state)
{
    static const char *const bad[] = {
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c.b7ad6b7169203331-01",
    };
    char id[33] = "";
    assert_true(
        traceparent_parse(STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), id));
    assert_string_equal(id, "0af7651916cd43dd8448eb211c80319c");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(traceparent_parse(str_c(bad[i]), id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),      cmocka_unit_test(test_query),
        cmocka_unit_test(test_target),      cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_origins),     cmocka_unit_test(test_framing_good),
        cmocka_unit_test(test_framing_bad), cmocka_unit_test(test_traceparent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
