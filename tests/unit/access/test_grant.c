#include "access/grant.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

/* ---- addresses ---- */

static struct prefix range(const char *text)
{
    struct prefix r;
    assert_int_equal(prefix_parse(str_c(text), NULL, &r, NULL), ERR_OK);
    return r;
}

static void addresses_are_read_and_printed(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: no address */
        enum err err;
    } cases[] = {
        {"192.0.2.7", "192.0.2.7", ERR_OK},
        {"192.0.2.7/32", "192.0.2.7", ERR_OK},
        {"10.0.0.0/8", "10.0.0.0/8", ERR_OK},
        {"0.0.0.0/0", "0.0.0.0/0", ERR_OK},
        {"2001:db8::/32", "2001:db8::/32", ERR_OK},
        {"::1", "::1", ERR_OK},
        {"::/0", "::/0", ERR_OK},
        {"::ffff:192.0.2.7", "192.0.2.7", ERR_OK},
        {"10.1.2.3/8", NULL, ERR_INVALID},
        {"2001:db8::1/32", NULL, ERR_INVALID},
        {"10.0.0.0/33", NULL, ERR_INVALID},
        {"::/129", NULL, ERR_INVALID},
        {"10.0.0.0/-1", NULL, ERR_INVALID},
        {"10.0.0.0/", NULL, ERR_INVALID},
        {"10.0.0", NULL, ERR_INVALID},
        {"010.0.0.1", NULL, ERR_INVALID},
        {"localhost", NULL, ERR_INVALID},
        {"fe80::1%eth0", NULL, ERR_INVALID},
        {"", NULL, ERR_INVALID},
        {"/8", NULL, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct prefix r;
        char text[PREFIX_TEXT];
        enum err err = prefix_parse(str_c(cases[i].text), NULL, &r, NULL);
        if (err != cases[i].err)
            fail_msg("%s: %d", cases[i].text, err);
        if (!cases[i].want)
            continue;
        prefix_print(&r, text);
        assert_string_equal(text, cases[i].want);
    }
    struct prefix r;
    assert_int_equal(prefix_parse((struct str){"1.2.3.4\0x", 9}, NULL, &r, NULL), ERR_INVALID);
}

static void addresses_lie_within(void **state)
{
    static const struct {
        const char *inner, *outer;
        bool within;
    } cases[] = {
        {"10.1.2.3", "10.0.0.0/8", true},
        {"11.1.2.3", "10.0.0.0/8", false},
        {"10.0.0.0/8", "10.0.0.0/8", true},
        {"10.0.0.0/8", "10.0.0.0/9", false},
        {"10.128.0.1", "10.0.0.0/9", false},
        {"::ffff:10.1.2.3", "10.0.0.0/8", true},
        {"2001:db8::7", "2001:db8::/32", true},
        {"2001:db9::7", "2001:db8::/32", false},
        {"10.1.2.3", "::/0", true},
        {"2001:db8::7", "0.0.0.0/0", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct prefix inner = range(cases[i].inner), outer = range(cases[i].outer);
        if (prefix_within(&inner, &outer) != cases[i].within)
            fail_msg("%s in %s", cases[i].inner, cases[i].outer);
    }
}

/* ---- grants ---- */

static const struct str two[] = {{"news", 4}, {"blog", 4}};

static void refused(const struct grant *inner, const struct grant *outer, const char *field)
{
    struct err_info e = {0};
    assert_int_equal(grant_within(inner, outer, &e), ERR_DENIED);
    assert_string_equal(e.field, field);
    assert_true(e.message[0]);
}

static void allowed(const struct grant *inner, const struct grant *outer)
{
    struct err_info e = {0};
    if (grant_within(inner, outer, &e))
        fail_msg("%s: %s", e.field, e.message);
}

static void no_grant_is_wider_than_itself(void **state)
{
    struct prefix home = range("192.0.2.0/24"), host = range("192.0.2.9"),
                  away = range("198.51.100.1");
    const struct grant outer = {.scopes = SCOPE_SEARCH | SCOPE_KEYS,
                                .collections = two,
                                .collection_count = 2,
                                .filter = STR("a = 1"),
                                .addresses = &home,
                                .address_count = 1,
                                .expires_us = 1000};
    struct grant g = outer;
    allowed(&outer, &outer);
    allowed(&outer, &(struct grant){.scopes = SCOPE_ADMIN_ALL});

    g.scopes = SCOPE_SEARCH;
    g.collection_count = 1;
    g.filter = STR("(a = 1) AND (b = 2)");
    g.addresses = &host;
    g.expires_us = 999;
    allowed(&g, &outer);
    refused(&outer, &g, "/scopes");

    g = outer;
    g.scopes = SCOPE_SEARCH | SCOPE_EMBED;
    refused(&g, &outer, "/scopes");
    g.scopes = SCOPE_ADMIN_ALL;
    refused(&g, &outer, "/scopes");
    g = outer;
    g.collection_count = 0;
    refused(&g, &outer, "/collections");
    g.collections = (const struct str[]){STR("news"), STR("other")};
    g.collection_count = 2;
    refused(&g, &outer, "/collections");
    g = outer;
    g.filter = STR("");
    refused(&g, &outer, "/filter");
    g.filter = STR("a = 1 OR b = 2");
    refused(&g, &outer, "/filter");
    g = outer;
    g.address_count = 0;
    refused(&g, &outer, "/addresses");
    g.addresses = &away;
    g.address_count = 1;
    refused(&g, &outer, "/addresses");
    g = outer;
    g.expires_us = 0;
    refused(&g, &outer, "/expires");
    g.expires_us = 1001;
    refused(&g, &outer, "/expires");
}

static void the_rest_of_a_filter(void **state)
{
    struct str rest, own = STR("a = 1");
    assert_true(grant_filter_rest(own, own, &rest));
    assert_int_equal(rest.n, 0);
    assert_true(grant_filter_rest(STR("(a = 1) AND (b = 2)"), own, &rest));
    assert_true(str_eq_c(rest, "b = 2"));
    /* what would undo the bracket is handed to the grammar, which refuses it */
    assert_true(grant_filter_rest(STR("(a = 1) AND (b = 2) OR (c = 3)"), own, &rest));
    assert_true(str_eq_c(rest, "b = 2) OR (c = 3"));
    assert_false(grant_filter_rest(STR("(a = 1) OR (b = 2)"), own, &rest));
    assert_false(grant_filter_rest(STR("a = 1 AND (b = 2)"), own, &rest));
    assert_false(grant_filter_rest(STR("(a = 1) AND ()"), own, &rest) && rest.n);
    assert_false(grant_filter_rest(STR("(a = 11) AND (b = 2)"), own, &rest));
    assert_false(grant_filter_rest(STR(""), own, &rest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_printed),
        cmocka_unit_test(addresses_lie_within),
        cmocka_unit_test(no_grant_is_wider_than_itself),
        cmocka_unit_test(the_rest_of_a_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
