#include "test.h"
#include "base/address.h"

static struct address of(const char *text)
{
    struct address a;
    assert_int_equal(address_parse(str_c(text), &a), ERR_OK);
    return a;
}

static void test_addresses(void **state)
{
    static const char *const good[][2] = {
        {"10.0.0.1", "10.0.0.1"},       {"::ffff:10.0.0.1", "10.0.0.1"},
        {"2001:DB8::1", "2001:db8::1"}, {"::", "::"},
        {"0.0.0.0", "0.0.0.0"},         {"::1", "::1"},
    };
    static const char *const bad[] = {
        "",      "10.0.0",      "10.0.0.256", "10.0.0.01", "localhost",         "fe80::1%eth0",
        "[::1]", "10.0.0.1:80", " 10.0.0.1",  "::1/128",   "1:2:3:4:5:6:7:8:9", "0x7f.0.0.1"};
    char text[ADDRESS_TEXT];
    struct address a;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        a = of(good[i][0]);
        address_print(&a, text);
        assert_string_equal(text, good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (address_parse(str_c(bad[i]), &a) != ERR_SYNTAX)
            fail_msg("\"%s\" was taken", bad[i]);
    assert_int_equal(address_parse((struct str){"10.0.0.1\0", 9}, &a), ERR_SYNTAX);
    a = of("127.8.9.1");
    assert_true(address_loopback(&a));
    a = of("::1");
    assert_true(address_loopback(&a));
    a = of("128.0.0.1");
    assert_false(address_loopback(&a));
}

static void test_prefixes(void **state)
{
    static const struct {
        const char *prefix, *address;
        bool has;
    } cases[] = {
        {"10.0.0.0/8", "10.255.1.2", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.2", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "8.8.8.8", true},
        {"192.168.4.0/22", "192.168.7.9", true},
        {"192.168.4.0/22", "192.168.8.0", false},
        {"2001:db8::/32", "2001:db8:5::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::1", "::1", true},
        {"::ffff:10.0.0.0/104", "10.9.9.9", true},
    };
    static const char *const bad[] = {"10.0.0.0/33",  "10.0.0.0/", "10.0.0.0/-1",    "10.0.0.0/+8",
                                      "10.0.0.1/8",   "::/129",    "2001:db8::1/32", "/8",
                                      "10.0.0.0/8/8", "",          "10.0.0.0/ 8",    "host/8"};
    struct err_info e = {0};
    struct prefix p;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address a = of(cases[i].address);
        assert_int_equal(prefix_parse(str_c(cases[i].prefix), "f", &p, &e), ERR_OK);
        if (prefixes_have(&p, 1, &a) != cases[i].has)
            fail_msg("%s in %s: not %d", cases[i].address, cases[i].prefix, cases[i].has);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (prefix_parse(str_c(bad[i]), "f", &p, &e) != ERR_INVALID)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_string_equal(e.field, "f");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses),
                                       cmocka_unit_test(test_prefixes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
