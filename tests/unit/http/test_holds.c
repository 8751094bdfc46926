/* Replies that are held back: they take nothing but their connection, which they give up when it is
 * wanted, and nobody waits for them. */
#include "harness.h"
#include "base/thread.h"

enum { LONG_MS = 600000, SHORT_MS = 20 };

static void expect(int fd, int status, const char *body)
{
    struct answer a = hear(fd);
    assert_int_equal(a.status, status);
    assert_string_equal(a.body, body);
    answer_free(&a);
}

static bool silent(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 0;
}

/* It was sent before its time, and its connection is closed with it. */
static void expect_let_go(int fd)
{
    struct answer a = hear(fd);
    assert_int_equal(a.status, 429);
    assert_non_null(strstr(a.head, "\r\nConnection: close\r\n"));
    answer_free(&a);
    assert_true(closed(fd));
    close(fd);
}

static void test_held_until_the_server_stops(void **state)
{
    struct harness h;
    int held[10];
    harness_open(&h, &(struct http_options){.in_flight_max = 2});
    h.hold_ms = LONG_MS;
    for (int i = 0; i < 10; i++)
        say(held[i] = dial(&h), GET("/late"));
    int fd = dial(&h);
    for (int i = 0; i < 3; i++) { /* none of them is in flight */
        say(fd, GET("/hello"));
        expect(fd, 200, "hello");
    }
    wait_for_uint(&h.lates, 10);
    wait_for_uint(&h.dones, 3);
    for (int i = 0; i < 10; i++)
        assert_true(silent(held[i]));
    assert_int_equal(atomic_load(&h.dones), 3);
    http_stop(h.server, INT64_MAX);
    for (int i = 0; i < 10; i++)
        expect_let_go(held[i]);
    assert_int_equal(atomic_load(&h.dones), 13);
    close(fd);
    harness_close(&h);
}

static void test_sent_when_its_time_has_come(void **state)
{
    struct harness h;
    int continues = 0;
    harness_open(&h, NULL);
    h.hold_ms = SHORT_MS;
    int fd = dial(&h);
    say(fd, GET("/late") GET("/hello") GET("/late"));
    expect(fd, 429, "later");
    expect(fd, 200, "hello");
    expect(fd, 429, "later");
    say(fd, "HEAD /late HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct answer a = hear_more(fd, true, NULL);
    assert_int_equal(a.status, 429);
    assert_non_null(strstr(a.head, "Content-Length: 5"));
    answer_free(&a);
    say(fd, POST("/late", "Content-Length: 5\r\n") "12345" GET("/hello"));
    expect(fd, 429, "later");
    expect(fd, 200, "hello");
    say(fd, POST("/late", "Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n0\r\n\r\n" GET("/hello"));
    expect(fd, 429, "later");
    expect(fd, 200, "hello");
    say(fd, POST("/late", "Transfer-Encoding: chunked\r\n") "0\r\n\r\n" GET("/hello"));
    expect(fd, 429, "later");
    expect(fd, 200, "hello");
    say(fd, POST("/late", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
    say(fd, "12345");
    a = hear_more(fd, false, &continues);
    assert_int_equal(a.status, 429);
    answer_free(&a);
    close(fd);
    harness_close(&h);
}

/* A body that goes on when the time has come: what is left of it is judged from then on. */
static void test_a_body_that_arrives(void **state)
{
    struct harness h;
    char half[300000] = {0};
    harness_open(&h, NULL);
    h.hold_ms = SHORT_MS;
    int fd = dial(&h);
    say(fd, POST("/late", "Content-Length: 600000\r\n"));
    assert_true(say_n(fd, half, sizeof half));
    expect(fd, 429, "later"); /* not all of it was wanted */
    assert_true(closed(fd));
    close(fd);
    fd = dial(&h);
    say(fd, POST("/late", "Content-Length: 300002\r\n") "a");
    assert_true(say_n(fd, half, sizeof half));
    say(fd, "b" GET("/hello"));
    expect(fd, 429, "later");
    expect(fd, 200, "hello");
    close(fd);
    fd = dial(&h);
    say(fd, POST("/late", "Content-Length: 10\r\n") "1234"); /* and no more */
    expect(fd, 429, "later");
    assert_true(closed(fd));
    close(fd);
    harness_close(&h);
}

/* Sends until the other side takes no more for a while; false: it has closed. */
static bool pushed_back(int fd, size_t most)
{
    static const char piece[65536];
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    while (most && poll(&p, 1, 500) == 1) {
        ssize_t n =
            send(fd, piece, sizeof piece < most ? sizeof piece : most, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return false;
        most -= (size_t)n;
    }
    return most > 0;
}

static void test_nothing_of_a_body_is_read(void **state)
{
    struct harness h;
    harness_open(&h, &(struct http_options){.body_bytes_max = 1 << 28});
    h.hold_ms = LONG_MS;
    int small = dial(&h), large = dial(&h);
    say(small, POST("/late", "Content-Length: 5\r\n") "12345");
    say(large, POST("/late", "Content-Length: 200000000\r\n"));
    assert_true(pushed_back(large, 200000000));
    wait_for_uint(&h.lates, 2);
    assert_true(silent(large));
    http_stop(h.server, INT64_MAX);
    expect_let_go(small);
    expect_let_go(large);
    harness_close(&h);
}

static void test_makes_room(void **state)
{
    struct harness h;
    enum { PLACES = 4 };
    int held[PLACES];
    harness_open(&h, &(struct http_options){.connections_max = PLACES});
    h.hold_ms = LONG_MS;
    for (int i = 0; i < PLACES; i++)
        say(held[i] = dial(&h), GET("/late"));
    wait_for_uint(&h.lates, PLACES);
    for (int i = 0; i < 2; i++) {
        int fd = dial(&h);
        say(fd, GET("/hello"));
        expect(fd, 200, "hello");
        close(fd);
    }
    http_stop(h.server, INT64_MAX); /* for what was not held yet when room was made */
    for (int i = 0; i < PLACES; i++)
        expect_let_go(held[i]);
    harness_close(&h);
}

static void test_the_peer_leaves(void **state)
{
    struct harness h;
    harness_open(&h, &(struct http_options){.connections_max = 8});
    h.hold_ms = SHORT_MS;
    for (unsigned i = 0; i < 40; i++) {
        int fd = dial(&h);
        say(fd, i % 2 ? GET("/late") : POST("/late", "Content-Length: 10\r\n") "123");
        close(fd);
    }
    int fd = dial(&h);
    say(fd, GET("/hello"));
    expect(fd, 200, "hello");
    close(fd);
    harness_close(&h);
}

/* All at once, for the sanitizers: clients that wait, leave and send bodies, more than there are
 * places for, and a stop amid them. */
struct crowd {
    struct harness *h;
    unsigned seed;
    atomic_uint *answered;
};

static void crowd_run(void *arg)
{
    static const char *const asks[] = {
        GET("/late"),
        GET("/late") GET("/hello"),
        POST("/late", "Content-Length: 4\r\n") "1234",
        POST("/late", "Content-Length: 9\r\n") "1234",
        POST("/late", "Content-Length: 700000\r\n") "1234",
    };
    struct crowd *c = arg;
    for (unsigned i = 0; i < 60; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(c->h->port)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
            close(fd);
            break; /* it has stopped */
        }
        unsigned which = (c->seed += 2654435761u) >> 20;
        char byte;
        say(fd, asks[which % (sizeof asks / sizeof *asks)]);
        if (which / 8 % 4 && recv(fd, &byte, 1, 0) == 1)
            atomic_fetch_add(c->answered, 1);
        close(fd);
    }
}

static void test_a_crowd(void **state)
{
    struct harness h;
    atomic_uint answered = 0;
    struct crowd crowd[12];
    struct thread *threads[12];
    harness_open(&h, &(struct http_options){.connections_max = 8, .deadline_ms = 2000});
    h.hold_ms = SHORT_MS;
    for (unsigned i = 0; i < 12; i++) {
        crowd[i] = (struct crowd){&h, i * 7919, &answered};
        threads[i] = thread_start("crowd", crowd_run, &crowd[i]);
    }
    wait_for_uint(&answered, 40);
    http_stop(h.server, clock_mono_ns() + 5000000000LL);
    for (unsigned i = 0; i < 12; i++)
        thread_join(threads[i]);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_until_the_server_stops),
        cmocka_unit_test(test_sent_when_its_time_has_come),
        cmocka_unit_test(test_a_body_that_arrives),
        cmocka_unit_test(test_nothing_of_a_body_is_read),
        cmocka_unit_test(test_makes_room),
        cmocka_unit_test(test_the_peer_leaves),
        cmocka_unit_test(test_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
