/* Whom a proxy names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "http/forwarded.h"
#include <stdio.h>
#include <string.h>

static struct prefix proxies[2];

static int setup(void **state)
{
    return prefix_parse(STR("10.0.0.0/8"), "f", &proxies[0], NULL) ||
           prefix_parse(STR("fd00::/8"), "f", &proxies[1], NULL);
}

struct expected {
    const char *peer, *first, *second, *client;
    bool secure;
};

static void check(const struct expected *c, size_t n, const char *name, bool standard)
{
    struct forwarded_rules rules = {proxies, 2, standard};
    for (size_t i = 0; i < n; i++) {
        struct header headers[3] = {{str_c(name), str_c(c[i].first)},
                                    {STR("X-Forwarded-Proto"), STR("http, https")},
                                    {str_c(name), str_c(c[i].second)}};
        struct address client;
        char text[ADDRESS_TEXT];
        bool secure = true;
        assert_int_equal(address_parse(str_c(c[i].peer), &client), ERR_OK);
        forwarded_read(&rules, headers, c[i].second ? 3 : 2, &client, &secure);
        address_print(&client, text);
        if (strcmp(text, c[i].client) != 0 || secure != c[i].secure)
            fail_msg("case %zu: %s, %d", i, text, secure);
    }
}

static void test_x_forwarded_for(void **state)
{
    static const struct expected cases[] = {
        {"192.0.2.1", "6.6.6.6", NULL, "192.0.2.1", false},
        {"10.0.0.1", "192.0.2.7", NULL, "192.0.2.7", true},
        {"10.0.0.1", "6.6.6.6, 192.0.2.7", NULL, "192.0.2.7", true},
        {"10.0.0.1", "6.6.6.6, 192.0.2.7", "10.0.0.2", "192.0.2.7", true},
        {"10.0.0.1", "6.6.6.6", "192.0.2.7", "192.0.2.7", true},
        {"10.0.0.1", "10.0.0.3, 10.0.0.2", NULL, "10.0.0.3", true},
        {"10.0.0.1", "", NULL, "10.0.0.1", true},
        {"10.0.0.1", "6.6.6.6,", NULL, "10.0.0.1", true},
        {"10.0.0.1", "6.6.6.6, unknown", NULL, "10.0.0.1", true},
        {"10.0.0.1", "6.6.6.6, \"192.0.2.7\"", NULL, "192.0.2.7", true},
        {"fd00::1", "[2001:db8::1]:80", NULL, "2001:db8::1", true},
        {"fd00::1", "2001:db8::1", NULL, "2001:db8::1", true},
        {"fd00::1", "[2001:db8::1]x", NULL, "fd00::1", true},
        {"fd00::1", "::ffff:10.0.0.1", NULL, "10.0.0.1", true},
        {"::ffff:10.0.0.1", "192.0.2.7:1234", NULL, "192.0.2.7", true},
    };
    check(cases, sizeof cases / sizeof *cases, "x-forwarded-for", false);
}

static void test_forwarded(void **state)
{
    static const struct expected cases[] = {
        {"192.0.2.1", "for=6.6.6.6;proto=https", NULL, "192.0.2.1", false},
        {"10.0.0.1", "for=192.0.2.7;proto=https", NULL, "192.0.2.7", true},
        {"10.0.0.1", "proto=http; For=\"[2001:db8::1]:4711\"", NULL, "2001:db8::1", false},
        {"10.0.0.1", "for=6.6.6.6;proto=https, for=192.0.2.7;by=10.0.0.1", NULL, "192.0.2.7",
         false},
        {"10.0.0.1", "for=\"6.6.6.6, for=1.1.1.1\", for=192.0.2.7", NULL, "192.0.2.7", false},
        {"10.0.0.1", "for=192.0.2.7", "for=10.0.0.2;proto=\"https\"", "192.0.2.7", true},
        {"10.0.0.1", "for=6.6.6.6, for=_hidden", NULL, "10.0.0.1", false},
        {"10.0.0.1", "for=6.6.6.6, by=10.0.0.1", NULL, "10.0.0.1", false},
        {"10.0.0.1", "192.0.2.7", NULL, "10.0.0.1", false},
    };
    check(cases, sizeof cases / sizeof *cases, "Forwarded", true);
}

static void test_long_lists(void **state)
{
    struct forwarded_rules rules = {proxies, 2, false};
    char text[2048] = "192.0.2.7";
    struct header header = {STR("X-Forwarded-For"), {text, 0}};
    struct address client;
    bool secure;
    for (int i = 0; i < 100; i++)
        strcat(text, ", 10.0.0.9");
    header.value.n = strlen(text);
    assert_int_equal(address_parse(STR("10.0.0.1"), &client), ERR_OK);
    forwarded_read(&rules, &header, 1, &client, &secure);
    address_print(&client, text);
    assert_string_equal(text, "10.0.0.9"); /* the last 32 alone are read */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_x_forwarded_for),
                                       cmocka_unit_test(test_forwarded),
                                       cmocka_unit_test(test_long_lists)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
