/* What is refused over the wire: smuggling, strangers, sizes, slowness. */
#include "harness.h"

static struct harness h;

static int setup(void **state)
{
    struct http_options o = {.body_bytes_max = 1 << 20, .in_flight_max = 8};
    harness_open(&h, &o);
    return 0;
}

/* Everything is quick to run out. */
static int setup_hasty(void **state)
{
    struct http_options o = {.deadline_ms = 300, .idle_ms = 1000};
    harness_open(&h, &o);
    return 0;
}

static int teardown(void **state)
{
    harness_close(&h);
    return 0;
}

#define BAD(headers) "POST /echo HTTP/1.1\r\nHost: localhost\r\n" headers "\r\n\r\n0\r\n\r\n"

static void test_smuggling(void **state)
{
    static const char *const bad[] = {
        BAD("Content-Length: 5\r\nContent-Length: 6"),
        BAD("Content-Length: 5\r\nTransfer-Encoding: chunked"),
        BAD("Transfer-Encoding: chunked\r\nContent-Length: 5"),
        BAD("Transfer-Encoding: gzip"),
        BAD("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        BAD("Content-Length : 5"),
        BAD("Content-Length: +5"),
        BAD("Content-Length: 5,5"),
        BAD("X: a\r\n folded"),
        BAD("X: a\n"),
        BAD("X: a\nY: b\r\nZ: c"),
        BAD("\x01X: a"),
        "GET /hello HTTP/1.1\nHost: localhost\n\n",
        "GET /he llo HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET http://localhost/hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /hello HTTP/1.1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "GET /hello#x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int fd = dial(&h);
        say(fd, bad[i]);
        struct answer a = hear(fd);
        if (a.status != 400)
            fail_msg("case %zu: %d", i, a.status);
        answer_free(&a);
        assert_true(closed(fd)); /* nothing that follows is read as a request */
        close(fd);
    }
    assert_int_equal(atomic_load(&h.requests), 0);
}

static void test_nul(void **state)
{
    static const char line[] = "GET /hello\0x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const char value[] = "GET /hello HTTP/1.1\r\nHost: localhost\0.evil\r\n\r\n";
    static const char name[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\nX\0: 1\r\n\r\n";
    static const char last[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: 1\0\r\n\r\n";
    static const char middle[] = "GET /hello HTTP/1.1\r\nHost: localhost\0.evil\r\nX: 1\r\n\r\n";
    static const struct str cases[] = {{line, sizeof line - 1},
                                       {value, sizeof value - 1},
                                       {name, sizeof name - 1},
                                       {last, sizeof last - 1},
                                       {middle, sizeof middle - 1}};
    for (size_t i = 0; i < 5; i++) {
        int fd = dial(&h);
        assert_true(say_n(fd, cases[i].s, cases[i].n));
        struct answer a = hear(fd);
        if (a.status != 400)
            fail_msg("case %zu: %d", i, a.status);
        answer_free(&a);
        close(fd);
    }
    assert_int_equal(atomic_load(&h.requests), 0);
}

static void test_strangers(void **state)
{
    /* DNS rebinding: the page's own name comes in Host. */
    assert_int_equal(status_of(&h, "GET /hello HTTP/1.1\r\nHost: evil.example:8000\r\n\r\n"), 421);
    /* A form of a foreign page, as text/plain, with and without the fetch metadata. */
    assert_int_equal(status_of(&h, POST("/echo", "Origin: http://evil.example\r\n"
                                                 "Content-Type: text/plain\r\n"
                                                 "Content-Length: 2\r\n") "{}"),
                     403);
    assert_int_equal(status_of(&h, POST("/echo", "Sec-Fetch-Site: cross-site\r\n"
                                                 "Sec-Fetch-Mode: navigate\r\n"
                                                 "Content-Length: 2\r\n") "{}"),
                     403);
    assert_int_equal(status_of(&h, POST("/echo", "Origin: null\r\nContent-Length: 2\r\n") "{}"),
                     403);
    assert_int_equal(atomic_load(&h.requests), 0);
    assert_int_equal(status_of(&h,
                               "GET /hello HTTP/1.1\r\nHost: localhost\r\n"
                               "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n\r\n"),
                     200);
    assert_int_equal(status_of(&h, "GET /hello HTTP/1.0\r\n\r\n"), 200);
    assert_int_equal(status_of(&h, "GET /hello HTTP/1.0\r\nHost: evil.example\r\n\r\n"), 421);
    assert_int_equal(status_of(&h, POST("/echo", "Expect: more\r\n")), 417);
}

static void test_head_sizes(void **state)
{
    size_t n = 60 << 10;
    char *big = malloc(n);
    static const size_t sizes[] = {8 << 10, 17 << 10, 50 << 10};
    static const int statuses[] = {200, 431, 431};
    for (int i = 0; i < 3; i++) {
        int fd = dial(&h), at = sprintf(big, "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: ");
        memset(big + at, 'x', sizes[i]);
        strcpy(big + at + sizes[i], "\r\n\r\n");
        (void)say_n(fd, big, strlen(big));
        struct answer a = hear(fd);
        assert_int_equal(a.status, statuses[i]);
        answer_free(&a);
        close(fd);
    }
    strcpy(big, "GET /hello HTTP/1.1\r\nHost: localhost\r\n");
    for (int i = 0; i < 100; i++)
        strcat(big, "X: y\r\n");
    strcat(big, "\r\n");
    assert_int_equal(status_of(&h, big), 431);
    free(big);
}

static void test_declared_oversize(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/echo", "Content-Length: 1048577\r\n"));
    struct answer a = hear(fd); /* before a byte of it was sent */
    assert_int_equal(a.status, 413);
    assert_non_null(strstr(a.body, "too_large"));
    assert_non_null(strstr(a.head, "Connection: close"));
    answer_free(&a);
    assert_true(closed(fd));
    close(fd);
    assert_int_equal(status_of(&h, POST("/echo", "Content-Length: 1048577\r\n"
                                                 "Expect: 100-continue\r\n")),
                     413);
    assert_int_equal(atomic_load(&h.requests), 0);
}

static void test_chunked_oversize(void **state)
{
    static char piece[64 << 10];
    char size[32];
    int fd = dial(&h);
    say(fd, POST("/echo", "Transfer-Encoding: chunked\r\n"));
    memset(piece, 'x', sizeof piece);
    sprintf(size, "%zx\r\n", sizeof piece);
    for (int i = 0; i < 48; i++) { /* 3 MiB: more than bound and drain together */
        say(fd, size);
        if (!say_n(fd, piece, sizeof piece))
            break;
        say(fd, "\r\n");
    }
    struct answer a = hear(fd);
    assert_int_equal(a.status, 413);
    answer_free(&a);
    assert_true(closed(fd));
    close(fd);
    wait_for_uint(&h.dones, 1);
    assert_int_equal(atomic_load(&h.last_status), 413);
    assert_in_range(atomic_load(&h.last_bytes_in), 1 << 20, (2 << 20) + (64 << 10));
    assert_int_equal(atomic_load(&h.requests), 0);
}

static void test_chunked_just_over_keeps_the_connection(void **state)
{
    size_t n = (1 << 20) + 1;
    char *body = malloc(n), size[32];
    int fd = dial(&h);
    memset(body, 'x', n);
    sprintf(size, "%zx\r\n", n);
    say(fd, POST("/echo", "Transfer-Encoding: chunked\r\n"));
    say(fd, size);
    assert_true(say_n(fd, body, n));
    say(fd, "\r\n0\r\n\r\n" GET("/hello"));
    struct answer a = hear(fd);
    assert_int_equal(a.status, 413);
    answer_free(&a);
    a = hear(fd);
    assert_int_equal(a.status, 200);
    answer_free(&a);
    free(body);
    close(fd);
}

static void test_broken_chunks(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/echo", "Transfer-Encoding: chunked\r\n") "zz\r\n");
    struct answer a = hear(fd);
    assert_int_equal(a.status, 400);
    answer_free(&a);
    assert_true(closed(fd));
    close(fd);
    wait_for_uint(&h.dones, 1);
    assert_int_equal(atomic_load(&h.last_status), 400);
    assert_int_equal(http_in_flight(h.server), 0);
}

static void test_in_flight_bound(void **state)
{
    int fds[8];
    for (int i = 0; i < 8; i++) {
        fds[i] = dial(&h);
        say(fds[i], GET("/hold"));
    }
    wait_for_uint(&h.requests, 8);
    assert_int_equal(http_in_flight(h.server), 8);
    int fd = dial(&h);
    say(fd, GET("/hello"));
    struct answer a = hear(fd);
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.head, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(a.body, "busy"));
    answer_free(&a);
    harness_release(&h);
    for (int i = 0; i < 8; i++) {
        a = hear(fds[i]);
        assert_int_equal(a.status, 200);
        answer_free(&a);
        close(fds[i]);
    }
    say(fd, GET("/hello"));
    a = hear(fd);
    assert_int_equal(a.status, 200);
    answer_free(&a);
    close(fd);
}

/* One connection too many waits in the listener's queue until another ends. */
static void test_connections_bound(void **state)
{
    struct harness own;
    struct http_options o = {.connections_max = 3};
    int fds[3], late;
    harness_open(&own, &o);
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(&own);
        say(fds[i], GET("/hello"));
        struct answer a = hear(fds[i]);
        assert_int_equal(a.status, 200);
        answer_free(&a);
    }
    late = dial(&own);
    say(late, GET("/hello"));
    struct pollfd p = {.fd = late, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 100), 0);
    close(fds[1]);
    struct answer a = hear(late);
    assert_int_equal(a.status, 200);
    answer_free(&a);
    close(fds[0]);
    close(fds[2]);
    close(late);
    harness_close(&own);
}

/* ---- slow peers ---- */

/* Sends a byte now and then until the server has had enough. */
static void drip(int fd, char byte)
{
    char sink[1];
    for (int i = 0; i < 1000; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 20) > 0 && recv(fd, sink, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
            return;
        if (!say_n(fd, &byte, 1))
            return;
    }
    fail_msg("the server listens to a dripping peer for ever");
}

static void test_slow_request_line(void **state)
{
    int fd = dial(&h);
    say(fd, "GET /");
    drip(fd, 'x');
    struct answer a = hear(fd);
    assert_int_equal(a.status, 408);
    answer_free(&a);
    assert_true(closed(fd));
    close(fd);
}

static void test_slow_headers(void **state)
{
    int fd = dial(&h);
    say(fd, "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: ");
    drip(fd, 'x');
    struct answer a = hear(fd);
    assert_int_equal(a.status, 408);
    answer_free(&a);
    assert_true(closed(fd));
    close(fd);
}

static void test_slow_body(void **state)
{
    static const char *const requests[] = {
        POST("/echo", "Content-Length: 100000\r\n") "a",
        POST("/echo", "Content-Length: 10000000\r\n") "a",
        POST("/drop", "Content-Length: 100000\r\n") "a",
        POST("/echo", "Transfer-Encoding: chunked\r\n") "1000\r\na",
    };
    for (unsigned i = 0; i < 4; i++) {
        int fd = dial(&h);
        say(fd, requests[i]);
        drip(fd, 'x');
        struct answer a = hear(fd);
        assert_int_equal(a.status, 408);
        assert_non_null(strstr(a.body, "timeout"));
        answer_free(&a);
        assert_true(closed(fd));
        close(fd);
        wait_for_uint(&h.dones, i + 1);
        assert_int_equal(atomic_load(&h.last_status), 408);
    }
    assert_int_equal(atomic_load(&h.requests), 0);
    assert_int_equal(http_in_flight(h.server), 0);
}

static void test_silent_connection_is_closed_without_a_word(void **state)
{
    char byte;
    int fd = dial(&h);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    fd = dial(&h); /* and one that was used and then kept idle */
    say(fd, GET("/hello"));
    struct answer a = hear(fd);
    assert_int_equal(a.status, 200);
    answer_free(&a);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

/* A reply that is not read holds its connection for a bounded time. */
static void test_reader_that_never_reads(void **state)
{
    int fd = dial(&h);
    h.big = 64 << 20;
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say(fd, GET("/big"));
    wait_for_uint(&h.dones, 1);
    assert_int_equal(atomic_load(&h.last_status), 499);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_smuggling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nul, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_declared_oversize, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunked_oversize, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunked_just_over_keeps_the_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_broken_chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_flight_bound, setup, teardown),
        cmocka_unit_test(test_connections_bound),
        cmocka_unit_test_setup_teardown(test_slow_request_line, setup_hasty, teardown),
        cmocka_unit_test_setup_teardown(test_slow_headers, setup_hasty, teardown),
        cmocka_unit_test_setup_teardown(test_slow_body, setup_hasty, teardown),
        cmocka_unit_test_setup_teardown(test_silent_connection_is_closed_without_a_word,
                                        setup_hasty, teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_never_reads, setup_hasty, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
