/* Bodies that are pulled, peers that leave, and stopping in the middle of it. */
#include "harness.h"

static struct harness h;

static int setup(void **state)
{
    harness_open(&h, NULL);
    return 0;
}

static int setup_hasty(void **state)
{
    struct http_options o = {.deadline_ms = 300, .idle_ms = 300};
    harness_open(&h, &o);
    return 0;
}

static int teardown(void **state)
{
    harness_close(&h);
    return 0;
}

static void test_stream(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/stream", "Content-Length: 10\r\n") "12345");
    clock_sleep_ns(20000000);
    say(fd, "67890");
    struct answer a = hear(fd);
    assert_string_equal(a.body, "read 10");
    answer_free(&a);
    say(fd, POST("/stream", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"));
    say(fd, "3\r\nabc\r\n0\r\n\r\n");
    a = hear(fd);
    assert_string_equal(a.body, "read 3");
    answer_free(&a);
    say(fd, POST("/stream", "Content-Length: 0\r\n"));
    a = hear(fd);
    assert_string_equal(a.body, "read 0");
    answer_free(&a);
    close(fd);
}

/* A stream is not bound by body_bytes_max, and comes whole. */
static void test_long_stream(void **state)
{
    static char piece[1 << 20];
    int fd = dial(&h);
    say(fd, POST("/stream", "Content-Length: 67108864\r\n"));
    for (int i = 0; i < 64; i++)
        assert_true(say_n(fd, piece, sizeof piece));
    struct answer a = hear(fd);
    assert_string_equal(a.body, "read 67108864");
    answer_free(&a);
    close(fd);
}

/* How much a sender gets rid of before it is held up. */
static size_t push(int fd, size_t most)
{
    static char piece[64 << 10];
    size_t total = 0;
    for (int quiet = 0; total < most && quiet < 10;) {
        size_t left = most - total;
        ssize_t n =
            send(fd, piece, left < sizeof piece ? left : sizeof piece, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            total += (size_t)n;
            quiet = 0;
        } else {
            quiet++;
            clock_sleep_ns(20000000);
        }
    }
    return total;
}

static void test_back_pressure(void **state)
{
    size_t n = 64 << 20, sent;
    int fd = dial(&h), buffer = 256 << 10;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    say(fd, POST("/crawl", "Content-Length: 67108864\r\n"));
    sent = push(fd, n);
    assert_true(sent < n / 2); /* the ring and the sockets are full, and no more */
    assert_true(atomic_load(&h.read_bytes) == 0);
    atomic_store(&h.allowed, SIZE_MAX);
    sent += push(fd, n - sent);
    assert_int_equal(sent, n);
    struct answer a = hear(fd);
    assert_string_equal(a.body, "read 67108864");
    answer_free(&a);
    close(fd);
}

static void test_fault_in_a_small_stream(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/fault", "Content-Length: 10\r\n") "12345");
    clock_sleep_ns(50000000);
    say(fd, "67890" GET("/hello"));
    struct answer a = hear(fd);
    assert_int_equal(a.status, 422);
    answer_free(&a);
    a = hear(fd);
    assert_string_equal(a.body, "hello");
    answer_free(&a);
    close(fd);
}

/* The sender stops in the middle: it gets its answer all the same, and the connection ends. */
static void test_fault_in_a_stalled_stream(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/fault", "Transfer-Encoding: chunked\r\n") "5\r\n12345\r\n");
    struct answer a = hear(fd);
    assert_int_equal(a.status, 422);
    assert_non_null(strstr(a.head, "Connection: close"));
    answer_free(&a);
    assert_true(closed(fd));
    close(fd);
    wait_for_uint(&h.dones, 1);
    assert_int_equal(atomic_load(&h.last_status), 422);
}

/* The sender goes on and on: the drain is bounded. */
static void test_fault_in_an_endless_stream(void **state)
{
    static char piece[64 << 10];
    int fd = dial(&h), i;
    say(fd, POST("/fault", "Content-Length: 1073741824\r\n"));
    for (i = 0; i < 16384; i++)
        if (!say_n(fd, piece, sizeof piece))
            break;
    assert_true(i < 16384);
    struct answer a = hear(fd);
    assert_int_equal(a.status, 422);
    answer_free(&a);
    close(fd);
    wait_for_uint(&h.dones, 1);
    assert_true(atomic_load(&h.last_bytes_in) < (size_t)4 << 20);
}

static void test_broken_chunks(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/stream", "Transfer-Encoding: chunked\r\n") "5\r\n12345\r\nnonsense\r\n");
    struct answer a = hear(fd);
    assert_int_equal(a.status, 400);
    answer_free(&a);
    close(fd);
    wait_for_uint(&h.dones, 1);
    assert_int_equal(atomic_load(&h.last_err), ERR_SYNTAX);
}

static void test_stalled_stream(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/stream", "Content-Length: 10\r\n") "12345");
    struct answer a = hear(fd);
    assert_int_equal(a.status, 408);
    assert_string_equal(a.body, "timeout");
    answer_free(&a);
    assert_true(closed(fd));
    close(fd);
    assert_int_equal(atomic_load(&h.last_err), ERR_TIMEOUT);
}

/* ---- peers that leave ---- */

static void test_peer_leaves_before_and_in_the_head(void **state)
{
    static const char *const parts[] = {"", "GE", "GET /hello HTTP/1.1\r\n",
                                        "GET /hello HTTP/1.1\r\nHost: local",
                                        "GET /hello HTTP/1.1\r\nHost: localhost\r\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int fd = dial(&h);
        say(fd, parts[i]);
        close(fd);
    }
    assert_int_equal(status_of(&h, GET("/hello")), 200);
    wait_for_uint(&h.dones, 1);
    assert_int_equal(atomic_load(&h.requests), 1);
}

static void test_peer_leaves_in_the_body(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/echo", "Content-Length: 10\r\n") "12345");
    while (http_in_flight(h.server) == 0)
        clock_sleep_ns(1000000);
    close(fd);
    wait_for_uint(&h.dones, 1);
    assert_int_equal(atomic_load(&h.last_status), 499);
    assert_int_equal(atomic_load(&h.requests), 0);
    assert_int_equal(http_in_flight(h.server), 0);
}

/* Head, half a body and the end in one go: none is forgotten. */
static void test_peers_say_half_and_leave(void **state)
{
    for (int i = 0; i < 50; i++) {
        int fd = dial(&h);
        say(fd, i % 2 ? POST("/echo", "Content-Length: 10\r\n") "12345"
                      : POST("/stream", "Content-Length: 10\r\n") "12345");
        close(fd);
    }
    wait_for_uint(&h.dones, 50);
    assert_int_equal(http_in_flight(h.server), 0);
}

static void test_peer_leaves_a_stream(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/stream", "Content-Length: 10\r\n") "12345");
    wait_for_uint(&h.requests, 1);
    close(fd);
    wait_for_uint(&h.dones, 1);
    assert_int_equal(atomic_load(&h.last_err), ERR_CANCELLED);
    assert_int_equal(atomic_load(&h.last_status), 499);
}

static void test_peer_leaves_a_stream_with_a_reset(void **state)
{
    struct linger hard = {1, 0};
    int fd = dial(&h);
    say(fd, POST("/stream", "Transfer-Encoding: chunked\r\n") "5\r\n12345\r\n");
    wait_for_uint(&h.requests, 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    wait_for_uint(&h.dones, 1);
    assert_int_not_equal(atomic_load(&h.last_err), 0);
}

static void test_peer_leaves_while_the_reply_is_made(void **state)
{
    int fd = dial(&h);
    say(fd, GET("/departed"));
    wait_for_uint(&h.requests, 1);
    close(fd);
    wait_for_uint(&h.dones, 1);
    assert_true(atomic_load(&h.departed));
    fd = dial(&h); /* and one that nobody asks about */
    say(fd, GET("/hold"));
    wait_for_uint(&h.requests, 2);
    close(fd);
    harness_release(&h);
    wait_for_uint(&h.dones, 2);
    assert_int_equal(http_in_flight(h.server), 0);
}

static void test_peer_leaves_in_the_reply(void **state)
{
    int fd = dial(&h);
    char byte;
    h.big = 64 << 20;
    say(fd, GET("/big"));
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    close(fd);
    wait_for_uint(&h.dones, 1);
    assert_int_equal(atomic_load(&h.last_status), 499);
}

/* ---- stopping ---- */

static void release_later(void *arg)
{
    clock_sleep_ns(100000000);
    harness_release(arg);
}

static void test_stop_waits_for_replies(void **state)
{
    int fd = dial(&h), idle = dial(&h);
    say(fd, GET("/hold"));
    wait_for_uint(&h.requests, 1);
    struct thread *t = thread_start("release", release_later, &h);
    http_stop(h.server, clock_mono_ns() + 10000000000LL);
    thread_join(t);
    struct answer a = hear(fd);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "released");
    assert_non_null(strstr(a.head, "Connection: close"));
    answer_free(&a);
    assert_true(closed(fd) && closed(idle));
    close(fd);
    close(idle);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(h.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
}

/* Replies that never come in time: connections are closed, and a late reply is a no-op, even after
 * the server was freed. */
static void test_stop_does_not_wait_for_ever(void **state)
{
    struct harness own;
    int fd, stream, half;
    harness_open(&own, NULL);
    fd = dial(&own);
    stream = dial(&own);
    half = dial(&own);
    say(fd, GET("/hold"));
    say(half, POST("/echo", "Content-Length: 10\r\n") "12345");
    say(stream, POST("/crawl", "Transfer-Encoding: chunked\r\n") "5\r\n12345\r\n");
    (void)push(stream, 4 << 20);
    wait_for_uint(&own.requests, 2);
    http_stop(own.server, clock_mono_ns() + 100000000LL);
    assert_true(closed(fd) && closed(half) && closed(stream));
    http_free(own.server);
    atomic_store(&own.allowed, SIZE_MAX);
    harness_release(&own);
    pool_free(own.pool);
    lock_release(&own.lock);
    close(fd);
    close(half);
    close(stream);
}

/* A reader that waits for a stream is told at once that the server stops. */
static void test_stop_cancels_open_streams(void **state)
{
    int fd = dial(&h);
    say(fd, POST("/stream", "Transfer-Encoding: chunked\r\n") "5\r\n12345\r\n");
    wait_for_uint(&h.requests, 1);
    http_stop(h.server, clock_mono_ns() + 10000000000LL);
    assert_int_equal(atomic_load(&h.last_err), ERR_CANCELLED);
    struct answer a = hear(fd);
    assert_int_equal(a.status, 503);
    answer_free(&a);
    close(fd);
}

static void test_stop_under_load(void **state)
{
    int fds[64];
    for (int i = 0; i < 64; i++) {
        fds[i] = dial(&h);
        say(fds[i], i % 3 == 0   ? GET("/hello")
                    : i % 3 == 1 ? POST("/echo", "Content-Length: 2\r\n") "hi"
                                 : POST("/stream", "Content-Length: 9\r\n") "half");
    }
    wait_for_uint(&h.requests, 40);
    http_stop(h.server, clock_mono_ns() + 5000000000LL);
    for (int i = 0; i < 64; i++) {
        assert_true(closed(fds[i]));
        close(fds[i]);
    }
    assert_int_equal(http_in_flight(h.server), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_back_pressure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fault_in_a_small_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fault_in_a_stalled_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fault_in_an_endless_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stalled_stream, setup_hasty, teardown),
        cmocka_unit_test_setup_teardown(test_peer_leaves_before_and_in_the_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peer_leaves_in_the_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peers_say_half_and_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peer_leaves_a_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peer_leaves_a_stream_with_a_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peer_leaves_while_the_reply_is_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peer_leaves_in_the_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_waits_for_replies, setup, teardown),
        cmocka_unit_test(test_stop_does_not_wait_for_ever),
        cmocka_unit_test_setup_teardown(test_stop_cancels_open_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_under_load, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
