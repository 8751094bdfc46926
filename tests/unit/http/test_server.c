/* The ordinary way of a request: keep-alive, pipelining, bodies, replies from everywhere. */
#include "harness.h"
#include "base/file.h"

static struct harness h;

static int setup(void **state)
{
    harness_open(&h, NULL);
    return 0;
}

static int teardown(void **state)
{
    harness_close(&h);
    return 0;
}

static void expect(int fd, int status, const char *body)
{
    struct answer a = hear(fd);
    assert_int_equal(a.status, status);
    assert_string_equal(a.body, body);
    answer_free(&a);
}

static void test_keep_alive(void **state)
{
    int fd = dial(&h);
    for (int i = 0; i < 5; i++) {
        say(fd, GET("/hello"));
        expect(fd, 200, "hello");
    }
    say(fd, "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    expect(fd, 200, "hello");
    assert_true(closed(fd));
    close(fd);
    wait_for_uint(&h.dones, 6);
    assert_int_equal(atomic_load(&h.last_status), 200);
}

static void test_headers_of_a_response(void **state)
{
    int fd = dial(&h);
    say(fd, GET("/hello"));
    struct answer a = hear(fd);
    assert_non_null(strstr(a.head, "\r\nDate: "));
    assert_non_null(strstr(a.head, "\r\nServer: akin\r\n"));
    assert_non_null(strstr(a.head, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(a.head, "\r\nX-Trace: "));
    answer_free(&a);
    say(fd, "GET /hello HTTP/1.1\r\nHost: localhost\r\n"
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n");
    a = hear(fd);
    assert_non_null(strstr(a.head, "\r\nX-Trace: 0af7651916cd43dd8448eb211c80319c\r\n"));
    answer_free(&a);
    close(fd);
}

static void test_head(void **state)
{
    int fd = dial(&h);
    say(fd, "HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct answer a = hear_more(fd, true, NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head, "Content-Length: 5"));
    answer_free(&a);
    say(fd, GET("/hello")); /* no body was in between */
    expect(fd, 200, "hello");
    close(fd);
}

static void test_pipelining(void **state)
{
    int fd = dial(&h);
    say(fd, GET("/hello") POST("/echo", "Content-Length: 3\r\n") "abc" GET("/hello"));
    expect(fd, 200, "hello");
    expect(fd, 200, "POST 3 abc");
    expect(fd, 200, "hello");
    close(fd);
}

static void test_bodies(void **state)
{
    int fd = dial(&h), continues = 0;
    say(fd, POST("/echo", "Content-Length: 5\r\n") "12345");
    expect(fd, 200, "POST 5 12345");
    say(fd,
        POST("/echo", "Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n");
    expect(fd, 200, "POST 7 abcdefg");
    say(fd, POST("/echo", "Content-Length: 0\r\n"));
    expect(fd, 200, "POST 0 ");
    say(fd, POST("/drop", "Content-Length: 4\r\n") "gone");
    expect(fd, 200, "hello");
    say(fd, POST("/echo", "Content-Length: 2\r\nExpect: 100-continue\r\n"));
    say(fd, "ok");
    struct answer a = hear_more(fd, false, &continues);
    assert_int_equal(continues, 1);
    assert_string_equal(a.body, "POST 2 ok");
    answer_free(&a);
    close(fd);
}

static void test_large_body(void **state)
{
    size_t n = 3 << 20;
    char *data = malloc(n), head[200];
    int fd = dial(&h);
    for (size_t i = 0; i < n; i++)
        data[i] = (char)('a' + i % 23);
    snprintf(head, sizeof head, POST("/echo", "Content-Length: %zu\r\n"), n);
    say(fd, head);
    assert_true(say_n(fd, data, n));
    struct answer a = hear(fd);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_n, n + strlen("POST 3145728 "));
    assert_memory_equal(a.body + a.body_n - n, data, n);
    answer_free(&a);
    free(data);
    close(fd);
}

static void test_early_reply_keeps_the_connection(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/early", "Content-Length: 5\r\n") "12345" GET("/hello"));
    expect(fd, 401, "no key");
    expect(fd, 200, "hello");
    close(fd);
}

static void test_early_reply_before_continue(void **state)
{
    int fd = dial(&h), continues = 0;
    say(fd, POST("/early", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
    struct answer a = hear_more(fd, false, &continues);
    assert_int_equal(a.status, 401);
    assert_int_equal(continues, 0);
    answer_free(&a);
    assert_true(closed(fd));
    close(fd);
}

static void test_file(void **state)
{
    char path[] = "/tmp/akin-http-XXXXXX";
    int file = mkstemp(path), fd = dial(&h);
    size_t n = 1 << 20;
    char *data = calloc(1, n);
    memset(data, 'f', n);
    assert_int_equal(write(file, data, n), (ssize_t)n);
    close(file);
    h.file = path;
    say(fd, GET("/file") GET("/hello"));
    struct answer a = hear(fd);
    assert_int_equal(a.body_n, n);
    assert_memory_equal(a.body, data, n);
    answer_free(&a);
    expect(fd, 200, "hello");
    unlink(path);
    say(fd, GET("/file"));
    a = hear(fd);
    assert_int_equal(a.status, 500);
    assert_non_null(strstr(a.body, "not_found"));
    answer_free(&a);
    free(data);
    close(fd);
}

static void test_query(void **state)
{
    int fd = dial(&h);
    say(fd, GET("/params?q=tool+to%20edit&empty=&flag&&x=%C3%A9%2B"));
    expect(fd, 200, "q=tool to edit;empty=;flag=;x=\xC3\xA9+;");
    say(fd, GET("/params"));
    expect(fd, 200, "");
    say(fd, GET("/params?q=%zz") GET("/params?q=%00") GET("/params?q=%ff") GET("/params?%4"));
    for (int i = 0; i < 4; i++) {
        struct answer a = hear(fd);
        assert_int_equal(a.status, 400);
        answer_free(&a);
    }
    close(fd);
}

static void test_many_connections(void **state)
{
    int fds[200];
    for (int i = 0; i < 200; i++)
        fds[i] = dial(&h);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++)
            say(fds[i], i % 2 ? GET("/hello") : POST("/echo", "Content-Length: 2\r\n") "hi");
        for (int i = 0; i < 200; i++)
            expect(fds[i], 200, i % 2 ? "hello" : "POST 2 hi");
    }
    for (int i = 0; i < 200; i++)
        close(fds[i]);
    wait_for_uint(&h.dones, 600);
    assert_int_equal(http_in_flight(h.server), 0);
}

/* A loop that was busy finds so many events at once when it looks again. 128 is what MHD takes with
 * one epoll_wait, and 0.9.75 would have waited for one more. */
static void test_events_at_once(void **state)
{
    static const int counts[] = {64, 127, 128, 129, 200};
    struct http_options o = {.threads = 1};
    struct harness one;
    int fds[200], gate;
    harness_open(&one, &o);
    gate = dial(&one);
    for (int i = 0; i < 200; i++) {
        fds[i] = dial(&one);
        say(fds[i], GET("/hello")); /* so that no event of the beginning is left over */
        expect(fds[i], 200, "hello");
    }
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        lock_take(&one.gate);
        say(gate, GET("/gate"));
        wait_for_uint(&one.at_gate, (unsigned)k + 1);
        for (int i = 0; i < counts[k]; i++)
            say(fds[i], GET("/hello"));
        lock_drop(&one.gate);
        expect(gate, 200, "through");
        for (int i = 0; i < counts[k]; i++)
            expect(fds[i], 200, "hello");
    }
    for (int i = 0; i < 200; i++)
        close(fds[i]);
    close(gate);
    harness_close(&one);
}

static void test_ipv6(void **state)
{
    struct harness six;
    struct http_options o = {.address = "::1"};
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd < 0)
        skip();
    harness_open(&six, &o);
    to.sin6_port = htons(six.port);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    say(fd, "GET /hello HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n");
    expect(fd, 200, "hello");
    close(fd);
    harness_close(&six);
}

static void test_port_in_use(void **state)
{
    struct http_options o = {.address = "127.0.0.1", .port = h.port};
    struct http_server *s = NULL;
    struct err_info e = {0};
    assert_int_equal(http_open(&o, &h.handler, &s, &e), ERR_CONFLICT);
    assert_null(s);
    assert_string_equal(e.field, "server.port");
    assert_non_null(strstr(e.message, "in use"));
    e = (struct err_info){0};
    o.address = "example.com";
    assert_int_equal(http_open(&o, &h.handler, &s, &e), ERR_INVALID);
    assert_string_equal(e.field, "server.address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keep_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers_of_a_response, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipelining, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_early_reply_keeps_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_early_reply_before_continue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_query, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_connections, setup, teardown),
        cmocka_unit_test(test_events_at_once),
        cmocka_unit_test_setup_teardown(test_ipv6, setup, teardown),
        cmocka_unit_test_setup_teardown(test_port_in_use, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
