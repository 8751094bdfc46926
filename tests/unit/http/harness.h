/* A server with a small handler, and raw sockets to talk to it.
 *
 * Paths: /hello answers on the loop; /echo collects the body and answers from a pool; /drop wants
 * no body; /early answers in headers(); /hold waits for harness_release; /gate stops its loop until
 * harness.gate is free; /stream reads its body on the pool and answers its length; /fault reads one
 * piece and answers 422; /crawl reads only when harness.allowed grows; /file answers a file;
 * /params lists the query; /late answers 429 in headers(), held for harness.hold_ms. */
#ifndef TEST_HTTP_HARNESS_H
#define TEST_HTTP_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/pool.h"
#include "http/http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HELD_MAX = 64 };

struct harness {
    struct http_server *server;
    struct http_handler handler;
    struct pool *pool;
    uint16_t port;
    struct lock lock, gate;
    struct http_request *held[HELD_MAX];
    unsigned held_count;
    atomic_uint requests, lates, at_gate, dones, last_status, refusals;
    atomic_size_t read_bytes, allowed, last_bytes_in;
    atomic_int last_err;
    atomic_bool departed;
    const char *file;
    size_t big; /* size of /big's body */
    unsigned hold_ms;
};

static inline void answer_text(struct http_request *r, int status, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    http_reply(r, status, "text/plain", str_c(text), false);
}

static inline bool path_is(struct http_request *r, const char *path)
{
    return str_eq_c(http_path(r), path);
}

static inline void run_echo(void *arg)
{
    struct http_request *r = arg;
    struct str body = http_body(r), method = http_method(r);
    char *text = malloc(body.n + 64);
    int n = sprintf(text, "%.*s %zu ", STR_ARG(method), body.n);
    if (body.n)
        memcpy(text + n, body.s, body.n);
    http_reply(r, 200, "text/plain", (struct str){text, (size_t)n + body.n}, true);
}

static inline void run_stream(void *arg)
{
    struct http_request *r = arg;
    struct harness *h = http_user(r);
    bool crawl = path_is(r, "/crawl");
    size_t total = 0, n;
    char buf[8192];
    struct err_info e = {0};
    enum err err;
    for (;;) {
        while (crawl && total >= atomic_load(&h->allowed))
            clock_sleep_ns(1000000);
        err = http_body_read(r, buf, sizeof buf, &n, &e);
        if (err || !n)
            break;
        total += n;
        atomic_store(&h->read_bytes, total);
        if (path_is(r, "/fault")) {
            answer_text(r, 422, "fault after %zu", total ? (size_t)1 : 0);
            return;
        }
    }
    atomic_store(&h->last_err, err);
    if (err)
        answer_text(r, err == ERR_TIMEOUT ? 408 : 503, "%s", err_name(err));
    else
        answer_text(r, 200, "read %zu", total);
}

static inline void run_wait_departed(void *arg)
{
    struct http_request *r = arg;
    struct harness *h = http_user(r);
    for (int i = 0; i < 5000 && !http_departed(r); i++)
        clock_sleep_ns(1000000);
    atomic_store(&h->departed, http_departed(r));
    answer_text(r, 200, "too late");
}

static enum http_body on_headers(void *ctx, struct http_request *r)
{
    http_set_user(r, ctx);
    if (path_is(r, "/late")) {
        http_hold(r, ((struct harness *)ctx)->hold_ms);
        atomic_fetch_add(&((struct harness *)ctx)->lates, 1);
        answer_text(r, 429, "later");
        return HTTP_BODY_NONE;
    }
    if (path_is(r, "/early"))
        answer_text(r, 401, "no key");
    if (path_is(r, "/early"))
        return HTTP_BODY_NONE;
    if (path_is(r, "/stream") || path_is(r, "/fault") || path_is(r, "/crawl"))
        return HTTP_BODY_STREAM;
    return path_is(r, "/drop") ? HTTP_BODY_NONE : HTTP_BODY_WHOLE;
}

static inline void answer_params(struct http_request *r)
{
    char text[4096];
    size_t at = 0;
    unsigned count;
    const struct http_param *p = http_params(r, &count);
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%.*s=%.*s;", STR_ARG(p[i].name),
                               STR_ARG(p[i].value));
    answer_text(r, 200, "%s", text);
}

static void on_request(void *ctx, struct http_request *r)
{
    struct harness *h = ctx;
    atomic_fetch_add(&h->requests, 1);
    if (path_is(r, "/hold")) {
        lock_take(&h->lock);
        h->held[h->held_count++] = r;
        lock_drop(&h->lock);
    } else if (path_is(r, "/stream") || path_is(r, "/fault") || path_is(r, "/crawl")) {
        assert_int_equal(pool_submit(h->pool, LANE_BULK, run_stream, r), 0);
    } else if (path_is(r, "/echo")) {
        assert_int_equal(pool_submit(h->pool, LANE_INTERACTIVE, run_echo, r), 0);
    } else if (path_is(r, "/departed")) {
        assert_int_equal(pool_submit(h->pool, LANE_INTERACTIVE, run_wait_departed, r), 0);
    } else if (path_is(r, "/gate")) {
        atomic_fetch_add(&h->at_gate, 1);
        lock_take(&h->gate);
        lock_drop(&h->gate);
        answer_text(r, 200, "through");
    } else if (path_is(r, "/file")) {
        http_reply_file(r, 200, "text/plain", h->file, false);
    } else if (path_is(r, "/params")) {
        answer_params(r);
    } else if (path_is(r, "/big")) {
        char *big = malloc(h->big);
        memset(big, 'b', h->big);
        http_reply(r, 200, NULL, (struct str){big, h->big}, true);
    } else {
        http_add_header(r, "X-Trace", http_trace_id(r));
        answer_text(r, 200, "hello");
    }
}

static void on_refuse(void *ctx, struct http_request *r, int status, const char *code,
                      const char *detail)
{
    struct harness *h = ctx;
    atomic_fetch_add(&h->refusals, 1);
    answer_text(r, status, "{\"code\":\"%s\",\"detail\":\"%s\"}", code, detail);
}

static void on_done(void *ctx, struct http_request *r, int status, uint64_t bytes_in,
                    uint64_t bytes_out, int64_t duration_ns)
{
    struct harness *h = ctx;
    assert_true(duration_ns >= 0);
    assert_non_null(http_arena(r));
    atomic_store(&h->last_status, (unsigned)status);
    atomic_store(&h->last_bytes_in, bytes_in);
    atomic_fetch_add(&h->dones, 1);
}

static inline void harness_open(struct harness *h, const struct http_options *options)
{
    struct http_options o = options ? *options : (struct http_options){0};
    struct err_info e = {0};
    memset(h, 0, sizeof *h);
    lock_init(&h->lock, LOCK_LEAF);
    lock_init(&h->gate, LOCK_ENGINE);
    h->pool = pool_new("test", 4, 1000);
    h->handler = (struct http_handler){h, on_headers, on_request, on_refuse, on_done};
    if (!o.address)
        o.address = "127.0.0.1";
    if (http_open(&o, &h->handler, &h->server, &e))
        fail_msg("http_open: %s", e.message);
    h->port = http_port(h->server);
}

static inline void harness_release(struct harness *h)
{
    lock_take(&h->lock);
    while (h->held_count) {
        struct http_request *r = h->held[--h->held_count];
        lock_drop(&h->lock);
        answer_text(r, 200, "released");
        lock_take(&h->lock);
    }
    lock_drop(&h->lock);
}

static inline void harness_close(struct harness *h)
{
    harness_release(h);
    http_stop(h->server, clock_mono_ns() + 5000000000LL);
    pool_free(h->pool);
    http_free(h->server);
    lock_release(&h->lock);
    lock_release(&h->gate);
}

/* ---- the other side ---- */

static inline int dial(struct harness *h)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(h->port)};
    struct timeval patience = {.tv_sec = 20};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

static inline bool say_n(int fd, const void *data, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t sent = send(fd, (const char *)data + done, n - done, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        done += (size_t)sent;
    }
    return true;
}

static inline void say(int fd, const char *text)
{
    (void)say_n(fd, text, strlen(text));
}

struct answer {
    int status; /* 0: closed without one */
    char head[8192];
    char *body; /* malloc */
    size_t body_n;
};

static inline void answer_free(struct answer *a)
{
    free(a->body);
    a->body = NULL;
}

/* Reads one response; `head_only` for HEAD. Interim 100s are counted in *continues. */
static inline struct answer hear_more(int fd, bool head_only, int *continues)
{
    struct answer a = {0};
    size_t n = 0;
    const char *length;
    while (n < sizeof a.head - 1 && !strstr(a.head, "\r\n\r\n")) {
        if (recv(fd, a.head + n, 1, 0) != 1)
            return (struct answer){.body = calloc(1, 1)};
        a.head[++n] = '\0';
    }
    if (sscanf(a.head, "HTTP/1.1 %d", &a.status) != 1)
        fail_msg("not a response: %s", a.head);
    if (a.status == 100) {
        if (continues)
            ++*continues;
        return hear_more(fd, head_only, continues);
    }
    length = strcasestr(a.head, "Content-Length:");
    a.body_n = length && !head_only ? strtoul(length + 15, NULL, 10) : 0;
    a.body = calloc(1, a.body_n + 1);
    for (n = 0; n < a.body_n;) {
        ssize_t got = recv(fd, a.body + n, a.body_n - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    a.body_n = n;
    return a;
}

static inline struct answer hear(int fd)
{
    return hear_more(fd, false, NULL);
}

/* The peer has closed; what is left unread is thrown away. */
static inline bool closed(int fd)
{
    char buf[4096];
    ssize_t n;
    while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
        ;
    return n == 0 || errno == ECONNRESET;
}

/* One request on a connection of its own, and its status. */
static inline int status_of(struct harness *h, const char *request)
{
    int fd = dial(h);
    say(fd, request);
    struct answer a = hear(fd);
    int status = a.status;
    answer_free(&a);
    close(fd);
    return status;
}

static inline void wait_for_uint(atomic_uint *at, unsigned least)
{
    for (int i = 0; i < 20000 && atomic_load(at) < least; i++)
        clock_sleep_ns(1000000);
    assert_true(atomic_load(at) >= least);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define POST(path, headers) "POST " path " HTTP/1.1\r\nHost: localhost\r\n" headers "\r\n"

#endif
