/* What requests of akin's own may reach: a table of addresses and of ways to write them, and
 * libcurl held to it, with names whose answer changes and servers that send it on. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/thread.h"
#include "net/outbound.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* --- addresses --- */

static const char *const inside[] = {
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2600::5efe:10.0.0.1",
    "2600::200:5efe:192.168.0.1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "4000::1",
    "8000::1",
    "200::1",
};
static const char *const outside[] = {
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "168.63.129.17",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450::1",
    "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
    "2600::5efe:8.8.8.8",
};

static struct address of(const char *text)
{
    struct address a;
    if (address_parse(str_c(text), &a))
        fail_msg("%s is no address", text);
    return a;
}

static void test_addresses(void **state)
{
    for (size_t i = 0; i < COUNT(inside); i++) {
        struct address a = of(inside[i]);
        if (!outbound_reason(&a) || outbound_allowed(NULL, &a))
            fail_msg("%s was taken for a public address", inside[i]);
    }
    for (size_t i = 0; i < COUNT(outside); i++) {
        struct address a = of(outside[i]);
        if (outbound_reason(&a))
            fail_msg("%s is public, not %s", outside[i], outbound_reason(&a));
    }
}

/* --- URLs --- */

static const char *const refused[] = {
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://localhost:8000/",
    "http://a.localhost/",
    "http://localhost.localdomain/",
    "http://ip6-localhost/",
    "http://printer.local/",
    "http://metadata.google.internal/",
    "http://db.lan/",
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://0177.1/",
    "http://017700000001/",
    "http://127.0.0.1./",
    "http://127.000.000.001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://%31%32%37.0.0.1/",
    "http://%6c%6fcalhost/",
    "http://1.2.3.4.5/",
    "http://256.256.256.256/",
    "http://0x1g.1/",
    "http://1e100.9/",
    "http://99999999999/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.1.2.3/",
    "http://192.168.0.1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[v1.a]/",
    "http://[::1/",
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://127.0.0.1\\@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http:///x",
    "http://",
    "http://:80/",
    "http://./",
    "http://../",
    "http://.example.com/",
    "http://a..b/",
    "//example.com/",
    "example.com",
    "/x",
    "",
    " http://example.com/",
    "http://exa mple.com/",
    "http://example.com/\r\nX: y",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "dict://example.com:11211/",
    "ldap://example.com/",
    "smb://example.com/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "http://example.com:0/",
    "http://example.com:22/",
    "http://example.com:25/",
    "http://example.com:65536/",
    "http://example.com:99999/",
    "http://example.com:x/",
    "http://example.com:-80/",
    "http://\xE2\x93\x9B"
    "ocalhost/",
    "http://\xEF\xBD\x8C"
    "ocalhost/",
    "http://locaIhost\xE2\x80\x8B/",
    "http://127\xE3\x80\x82"
    "0\xE3\x80\x82"
    "0\xE3\x80\x82"
    "1/",
    "http://\xE2\x91\xA0\xE2\x91\xA1\xE2\x91\xA6.0.0.1/",
    "http://b\xC3\xBC"
    "cher.de/",
};
static const char *const taken[] = {
    "http://example.com",        "https://example.com/",      "https://example.com:443/x?y=z#f",
    "https://example.com:8443/", "HTTPS://Example.COM./",     "http://8.8.8.8/",
    "http://[2606:4700::1111]/", "https://xn--bcher-kva.de/", "https://localhost.example.com/",
    "https://notlocalhost.org/", "https://1.example.com/",    "https://a_b.example.com/",
    "http://example.com:1024/",
};

static void check(const struct outbound_rules *r, const char *url, enum err wanted)
{
    struct err_info e = {0};
    enum err err = outbound_url_check(r, str_c(url), "url", &e);
    if (err != wanted)
        fail_msg("%s: %d, %s", url, err, err ? e.message : "was taken");
    if (err) {
        assert_string_equal(e.field, "url");
        assert_null(strstr(e.message, "secret"));
    }
}

static void test_urls(void **state)
{
    char longest[OUTBOUND_URL_MAX + 2] = "https://example.com/";
    for (size_t i = 0; i < COUNT(refused); i++)
        check(NULL, refused[i], ERR_INVALID);
    for (size_t i = 0; i < COUNT(taken); i++)
        check(NULL, taken[i], ERR_OK);
    memset(longest + strlen(longest), 'x', OUTBOUND_URL_MAX - strlen(longest));
    check(NULL, longest, ERR_OK);
    longest[OUTBOUND_URL_MAX] = 'x';
    check(NULL, longest, ERR_INVALID);
    struct str zero = {"http://example.com\0.localhost/", 30};
    assert_int_equal(outbound_url_check(NULL, zero, "url", NULL), ERR_INVALID);
}

static struct outbound_rules *rules(unsigned count, const char *const *allow)
{
    struct outbound_rules *r = NULL;
    struct err_info e = {0};
    if (outbound_rules_new(allow, count, "outbound.allow", &r, &e))
        fail_msg("%s", e.message);
    return r;
}

static void test_allow(void **state)
{
    static const char *const allow[] = {"10.1.0.0/16", "::1", "hooks.lan", "*.Corp.local."};
    static const char *const bad[] = {"",         "10.1.0.1/16", "10.1.0.0/33", "127.1",
                                      "0x7f.1",   "a b",         "*",           "*.",
                                      "http://x", "[::1]",       "a*b",         "2130706433"};
    struct outbound_rules *r = rules(4, allow), *none = NULL;
    struct address in = of("10.1.2.3"), beside = of("10.2.0.1");
    assert_true(outbound_allowed(r, &in) && !outbound_allowed(r, &beside));
    check(r, "http://10.1.2.3:25/", ERR_OK);
    check(r, "http://10.2.0.1/", ERR_INVALID);
    check(r, "http://[::1]/", ERR_OK);
    check(r, "http://hooks.lan:81/", ERR_OK);
    check(r, "http://Hooks.LAN./", ERR_OK);
    check(r, "http://my.hooks.lan/", ERR_INVALID);
    check(r, "http://a.b.corp.local/", ERR_OK);
    check(r, "http://corp.local/", ERR_INVALID);
    check(r, "http://evilcorp.local/", ERR_INVALID);
    check(r, "ftp://hooks.lan/", ERR_INVALID);
    check(r, "http://user@hooks.lan/", ERR_INVALID);
    outbound_rules_free(r);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err_info e = {0};
        if (outbound_rules_new(&bad[i], 1, "outbound.allow", &none, &e) != ERR_INVALID)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_string_equal(e.field, "outbound.allow");
    }
}

/* --- libcurl, held to it --- */

/* Two servers, at 127.0.0.1 and 127.0.0.2: "/to?URL" is answered by a redirect there, the rest by
 * 200. */
static struct servers {
    int listeners[2];
    unsigned ports[2];
    unsigned connections[2];
    bool stop;
    struct thread *thread;
} servers;

static void answer(int fd)
{
    char request[4096], reply[4096];
    size_t n = 0;
    ssize_t got;
    while (n < sizeof request - 1 && (got = read(fd, request + n, sizeof request - 1 - n)) > 0) {
        n += (size_t)got;
        request[n] = '\0';
        if (strstr(request, "\r\n\r\n"))
            break;
    }
    request[n] = '\0';
    char *to = strstr(request, "/to?"), *end = to ? strchr(to, ' ') : NULL;
    int length = to && end
                     ? snprintf(reply, sizeof reply,
                                "HTTP/1.1 302 Found\r\nLocation: %.*s\r\nContent-Length: 0\r\n"
                                "Connection: close\r\n\r\n",
                                (int)(end - to - 4), to + 4)
                     : snprintf(reply, sizeof reply,
                                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n"
                                "\r\nok");
    assert_int_equal(write(fd, reply, (size_t)length), length);
    close(fd);
}

static void serve(void *arg)
{
    struct servers *s = arg;
    while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
        struct pollfd p[2] = {{s->listeners[0], POLLIN, 0}, {s->listeners[1], POLLIN, 0}};
        if (poll(p, 2, 20) <= 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (p[i].revents & POLLIN) {
                __atomic_add_fetch(&s->connections[i], 1, __ATOMIC_RELAXED);
                answer(accept(s->listeners[i], NULL, NULL));
            }
    }
}

static int servers_start(void **state)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x7F000001u + (unsigned)i)};
        socklen_t n = sizeof a;
        servers.listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(servers.listeners[i], (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(listen(servers.listeners[i], 16), 0);
        assert_int_equal(getsockname(servers.listeners[i], (struct sockaddr *)&a, &n), 0);
        servers.ports[i] = ntohs(a.sin_port);
    }
    servers.thread = thread_start("servers", serve, &servers);
    return 0;
}

static int servers_stop(void **state)
{
    __atomic_store_n(&servers.stop, true, __ATOMIC_RELEASE);
    thread_join(servers.thread);
    close(servers.listeners[0]);
    close(servers.listeners[1]);
    return 0;
}

static unsigned connections(int i)
{
    return __atomic_load_n(&servers.connections[i], __ATOMIC_RELAXED);
}

static size_t swallow(char *p, size_t size, size_t count, void *arg)
{
    return size * count;
}

/* The status of the last answer; 0: the guard refused. */
static long fetch_by(CURL *c, struct outbound_guard *g, const char *url, const char *answer_of_dns)
{
    struct curl_slist *resolve = answer_of_dns ? curl_slist_append(NULL, answer_of_dns) : NULL;
    long status = 0;
    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_RESOLVE, resolve);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, swallow);
    outbound_guard_set(g, c, OUTBOUND_REDIRECTS_MAX);
    CURLcode rc = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(resolve);
    if (rc == CURLE_OK)
        return status;
    assert_int_equal(rc, CURLE_COULDNT_CONNECT);
    assert_true(g->refused[0]);
    return 0;
}

static long fetch(struct outbound_guard *g, const char *url, const char *answer_of_dns)
{
    CURL *c = curl_easy_init();
    long status = fetch_by(c, g, url, answer_of_dns);
    curl_easy_cleanup(c);
    return status;
}

static const char *text(char out[300], const char *format, unsigned a, unsigned b)
{
    snprintf(out, 300, format, a, b);
    return out;
}

static void test_sockets(void **state)
{
    char url[300];
    struct outbound_guard g = {0};
    unsigned before = connections(0);
    static const char *const forms[] = {"http://127.0.0.1:%u/", "http://2130706433:%u/",
                                        "http://0x7f.1:%u/",    "http://[::ffff:127.0.0.1]:%u/",
                                        "http://localhost:%u/", "http://0:%u/"};
    for (size_t i = 0; i < COUNT(forms); i++) {
        snprintf(url, sizeof url, forms[i], servers.ports[0]);
        if (fetch(&g, url, NULL) != 0)
            fail_msg("%s was reached", url);
    }
    assert_int_equal(connections(0), before);
    const char *const own[] = {"127.0.0.1/32"};
    struct outbound_rules *r = rules(1, own);
    g = (struct outbound_guard){.rules = r};
    assert_int_equal(fetch(&g, text(url, "http://127.0.0.1:%u/", servers.ports[0], 0), NULL), 200);
    assert_int_equal(fetch(&g, text(url, "http://127.0.0.2:%u/", servers.ports[1], 0), NULL), 0);
    assert_int_equal(connections(1), 0);
    outbound_rules_free(r);
}

/* The name was vetted when the URL was kept, and answers otherwise when it is asked. */
static void test_rebinding(void **state)
{
    char url[300], dns[300];
    const char *const own[] = {"127.0.0.1/32"};
    struct outbound_rules *r = rules(1, own);
    struct outbound_guard g = {.rules = r};
    unsigned port = servers.ports[1], before = connections(1);
    CURL *c = curl_easy_init();
    text(url, "http://rebinds.example:%u/", servers.ports[0], 0);
    check(NULL, url, ERR_OK);
    assert_int_equal(
        fetch_by(c, &g, url, text(dns, "rebinds.example:%u:127.0.0.1", servers.ports[0], 0)), 200);
    assert_int_equal(
        fetch_by(c, &g, url, text(dns, "rebinds.example:%u:127.0.0.2", servers.ports[0], 0)), 0);
    assert_non_null(strstr(g.refused, "rebinds.example leads to 127.0.0.2: a loopback address"));
    text(url, "http://rebinds.example:%u/", port, 0);
    assert_int_equal(fetch_by(c, &g, url, text(dns, "rebinds.example:%u:169.254.169.254", port, 0)),
                     0);
    assert_int_equal(fetch_by(c, &g, url, text(dns, "rebinds.example:%u:::1", port, 0)), 0);
    assert_int_equal(fetch_by(c, &g, url, text(dns, "rebinds.example:%u:64:ff9b::7f00:1", port, 0)),
                     0);
    assert_int_equal(
        fetch_by(c, &g, url, text(dns, "rebinds.example:%u:127.0.0.2,10.0.0.1", port, 0)), 0);
    assert_int_equal(connections(1), before);
    /* Of several addresses the permitted one is used. */
    text(url, "http://rebinds.example:%u/", servers.ports[0], 0);
    assert_int_equal(
        fetch_by(c, &g, url,
                 text(dns, "rebinds.example:%u:127.0.0.2,127.0.0.1", servers.ports[0], 0)),
        200);
    curl_easy_cleanup(c);
    outbound_rules_free(r);
}

static void test_redirects(void **state)
{
    char url[300], own[300];
    unsigned before = connections(1);
    struct outbound_guard g = {.own = text(own, "http://127.0.0.1:%u", servers.ports[0], 0)};
    /* The operator's own host may be anywhere, and may send on to itself, */
    assert_int_equal(
        fetch(&g, text(url, "http://127.0.0.1:%u/to?/there", servers.ports[0], 0), NULL), 200);
    /* but not to another host or port, or in another form. */
    static const char *const leads[] = {"http://127.0.0.1:%u/to?http://127.0.0.2:%u/",
                                        "http://127.0.0.1:%u/to?http://2130706434:%u/",
                                        "http://127.0.0.1:%u/to?http://localhost:%u/",
                                        "http://127.0.0.1:%u/to?http://[::ffff:127.0.0.2]:%u/",
                                        "http://127.0.0.1:%u/to?/to?http://127.0.0.2:%u/",
                                        "http://127.0.0.1:%u/to?//127.0.0.2:%u/"};
    for (size_t i = 0; i < COUNT(leads); i++) {
        snprintf(url, sizeof url, leads[i], servers.ports[0], servers.ports[1]);
        if (fetch(&g, url, NULL) != 0)
            fail_msg("%s was followed", url);
    }
    assert_int_equal(connections(1), before);
    const char *const hosts[] = {"127.0.0.0/8"};
    struct outbound_rules *r = rules(1, hosts);
    g.rules = r;
    text(url, leads[0], servers.ports[0], servers.ports[1]);
    assert_int_equal(fetch(&g, url, NULL), 200);
    assert_int_equal(connections(1), before + 1);
    outbound_rules_free(r);
}

static void test_redirects_end(void **state)
{
    char url[300], own[300];
    CURL *c = curl_easy_init();
    struct outbound_guard g = {.own = text(own, "http://127.0.0.1:%u", servers.ports[0], 0)};
    text(url, "http://127.0.0.1:%u/to?file:///etc/passwd", servers.ports[0], 0);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, swallow);
    outbound_guard_set(&g, c, 8);
    assert_int_equal(curl_easy_perform(c), CURLE_UNSUPPORTED_PROTOCOL);
    char chain[300] = "";
    for (int i = 0; i < 10; i++)
        strcat(chain, "/to?");
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s/", servers.ports[0], chain);
    curl_easy_setopt(c, CURLOPT_URL, url);
    assert_int_equal(curl_easy_perform(c), CURLE_TOO_MANY_REDIRECTS);
    outbound_guard_set(&g, c, 0);
    assert_int_equal(curl_easy_perform(c), CURLE_OK); /* the redirect is the answer */
    curl_easy_cleanup(c);
}

/* A proxy would open the sockets where nobody looks. */
static void test_proxy(void **state)
{
    char proxy[300];
    struct outbound_guard g = {0};
    unsigned before = connections(0);
    setenv("http_proxy", text(proxy, "http://127.0.0.1:%u", servers.ports[0], 0), 1);
    assert_int_equal(fetch(&g, "http://rebinds.example/", "rebinds.example:80:127.0.0.2"), 0);
    unsetenv("http_proxy");
    assert_int_equal(connections(0), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),     cmocka_unit_test(test_urls),
        cmocka_unit_test(test_allow),         cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_rebinding),     cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_redirects_end), cmocka_unit_test(test_proxy),
    };
    return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
