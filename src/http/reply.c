/* The reply: through MHD where it takes one, else written by ourselves.
 *
 * MHD 0.9.75 refuses an answer while a body arrives. So a reply into an unfinished body first lets
 * DRAIN_BYTES or DRAIN_NS of it pass: if it ends there, MHD answers and the connection lives on.
 * If not, the answer is written straight to the socket, sending is shut down, as much again is
 * drained so that no reset overtakes the answer, and the connection is closed. */
#include "http/internal.h"
#include "base/clock.h"
#include "base/file.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PACK_CREDIT_NS 50000000LL

static bool line_safe(const char *s)
{
    return strpbrk(s, "\r\n") == NULL;
}

void http_add_header(struct http_request *r, const char *name, const char *value)
{
    struct reply *p = &r->reply;
    assert(!p->set && p->header_count < REPLY_HEADERS_MAX);
    assert(*name && line_safe(name) && line_safe(value));
    p->headers[p->header_count].name = arena_strdup(r->arena, name);
    p->headers[p->header_count].value = arena_strdup(r->arena, value);
    p->header_count++;
}

void http_hold(struct http_request *r, unsigned ms)
{
    assert(!r->reply.set);
    r->hold_ms = ms;
}

/* The reply came while the body is arriving: when must it be sent by ourselves? */
static void fault_begin(struct http_request *r)
{
    uint64_t left = r->framing.length > r->bytes_in ? r->framing.length - r->bytes_in : 0;
    r->fault_ns = clock_mono_ns();
    /* Never at once: MHD may be writing "100 Continue" on the loop at this moment. */
    if (r->framing.has_length && left > DRAIN_BYTES)
        atomic_store(&r->wake_ns, r->fault_ns + DRAIN_NS / 50);
    else
        atomic_store(&r->wake_ns, r->fault_ns + DRAIN_NS);
    watch_wake(r->server);
}

/* Lock held. Not once the server stops: http_stop sends what is held, and looks after it has said
 * so. */
static void hold_begin(struct http_request *r)
{
    if (!r->hold_ms || r->gone || atomic_load(&r->server->stopping))
        return;
    r->held_ns = clock_mono_ns() + (int64_t)r->hold_ms * 1000000;
    atomic_store(&r->wake_ns, r->held_ns);
    watch_wake(r->server);
}

/* Of a body that has not ended, what is left is judged from now on. */
static void reply_offer(struct http_request *r)
{
    if (!r->gone && r->phase == PHASE_BODY)
        fault_begin(r);
    request_resume(r);
}

void hold_end(struct http_request *r)
{
    lock_assert_held(&r->lock);
    r->held_ns = 0;
    atomic_store(&r->wake_ns, NEVER);
    reply_offer(r);
}

static void reply_give(struct http_request *r, int status, const char *content_type, char *body,
                       uint64_t bytes, int fd)
{
    struct reply *p = &r->reply;
    assert(status >= 200 && status <= 599);
    assert(!content_type || line_safe(content_type));
    lock_take(&r->lock);
    assert(!p->set);
    p->set = true;
    p->status = status;
    p->content_type = content_type ? arena_strdup(r->arena, content_type) : NULL;
    p->body = body;
    p->bytes = bytes;
    p->fd = fd;
    r->claimed = true;
    request_arrived(r);
    hold_begin(r);
    if (!r->held_ns)
        reply_offer(r);
    lock_drop(&r->lock);
    atomic_fetch_sub(&r->server->in_flight, 1);
    request_unref(r);
}

/* May coding begin now? A quarter of a core in the long run, 50 ms in advance at most. */
static bool pack_allowed(struct http_server *s)
{
    int64_t now = clock_mono_ns(), credit;
    lock_take(&s->packing);
    credit = s->pack_credit_ns + (now - s->pack_seen_ns) / 4;
    s->pack_credit_ns = credit < PACK_CREDIT_NS ? credit : PACK_CREDIT_NS;
    s->pack_seen_ns = now;
    credit = s->pack_credit_ns;
    lock_drop(&s->packing);
    return credit > 0;
}

static bool packable(const struct http_request *r, int status, const char *type, size_t n)
{
    return n >= CODED_MIN && n <= CODED_MAX && type && status != MHD_HTTP_NO_CONTENT &&
           (strncmp(type, "text/", 5) == 0 || strstr(type, "json")) &&
           !r->server->limits.plain_answers;
}

/* Puts a coded body in the place of a plain one. */
static bool reply_pack(struct http_request *r, int status, const char *type, struct str *body,
                       bool owned)
{
    struct http_server *s = r->server;
    size_t n = 0;
    r->reply.vary = packable(r, status, type, body->n);
    if (!r->reply.vary || r->accepts == CODING_IDENTITY || !pack_allowed(s))
        return false;
    int64_t began = clock_mono_ns();
    char *packed = coding_pack(r->accepts, *body, &n);
    lock_take(&s->packing);
    s->pack_credit_ns -= clock_mono_ns() - began;
    lock_drop(&s->packing);
    if (!packed)
        return false;
    if (owned)
        free((char *)body->s);
    *body = (struct str){packed, n};
    r->reply.coding = r->accepts;
    return true;
}

void http_reply(struct http_request *r, int status, const char *content_type, struct str body,
                bool free_body)
{
    if (reply_pack(r, status, content_type, &body, free_body))
        free_body = true;
    char *own = (char *)body.s;
    if (!free_body) {
        own = xmalloc(body.n);
        if (body.n)
            memcpy(own, body.s, body.n);
    }
    reply_give(r, status, content_type, own, body.n, -1);
}

/* file.h has no bare descriptor, and MHD wants one; its hook is asked all the same. */
static int file_descriptor(const char *path, uint64_t *bytes, struct err_info *e)
{
    const struct file_hook *hook = file_hook_get();
    size_t torn = 0;
    struct stat st;
    int fd,
        fault = hook && hook->before ? hook->before(hook->ctx, FILE_OPEN, path, 0, 0, &torn) : 0;
    if (fault) {
        (void)err_errno(e, fault, "open", path);
        return -1;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        (void)err_errno(e, errno, "open", path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *bytes = (uint64_t)st.st_size;
    return fd;
}

void http_reply_file(struct http_request *r, int status, const char *content_type, const char *path,
                     bool unlink_it)
{
    const struct http_handler *h = &r->server->handler;
    struct err_info e = {0};
    uint64_t bytes = 0;
    int fd = file_descriptor(path, &bytes, &e);
    if (fd >= 0 && unlink_it && file_remove(path, &e)) {
        close(fd);
        fd = -1;
    }
    if (fd < 0)
        h->refuse(h->ctx, r, MHD_HTTP_INTERNAL_SERVER_ERROR, err_name(e.code), e.message);
    else
        reply_give(r, status, content_type, NULL, bytes, fd);
}

void reply_release(struct http_request *r)
{
    free(r->reply.body);
    free(r->raw.head);
    if (r->reply.fd >= 0)
        close(r->reply.fd);
}

/* ---- headers of every answer ---- */

typedef void header_add(void *to, const char *name, const char *value);

/* Keys travel in headers that a page must set by itself, never in cookies: so no credentials. */
static void cors_headers(const struct http_request *r, header_add *add, void *to)
{
    if (r->vary_origin)
        add(to, "Vary", "Origin");
    if (!r->cors)
        return;
    add(to, "Access-Control-Allow-Origin", r->cors);
    if (!r->preflight) {
        add(to, "Access-Control-Expose-Headers",
            "ETag, Location, Allow, Retry-After, RateLimit, RateLimit-Policy, Akin-Position, "
            "Akin-Trace-Id, Idempotency-Replayed");
        return;
    }
    add(to, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    add(to, "Access-Control-Allow-Headers",
        "Authorization, X-API-Key, Content-Type, Content-Encoding, If-Match, If-None-Match, "
        "Idempotency-Key, Akin-Min-Position, traceparent");
    add(to, "Access-Control-Max-Age", "600");
}

static void headers_write(const struct http_request *r, header_add *add, void *to)
{
    const struct reply *p = &r->reply;
    add(to, "Server", "akin");
    if (p->content_type)
        add(to, "Content-Type", p->content_type);
    for (unsigned i = 0; i < p->header_count; i++) {
        const char *value = p->headers[i].value;
        if (p->coding != CODING_IDENTITY && strcmp(p->headers[i].name, "ETag") == 0)
            value = arena_printf(r->arena, "W/%s", value); /* not the same bytes */
        add(to, p->headers[i].name, value);
    }
    if (p->vary)
        add(to, "Vary", "Accept-Encoding");
    if (p->coding != CODING_IDENTITY)
        add(to, "Content-Encoding", coding_name(p->coding));
    if (p->bytes || p->streamed)
        add(to, "X-Content-Type-Options", "nosniff");
    if (r->secure)
        add(to, "Strict-Transport-Security", "max-age=31536000");
    cors_headers(r, add, to);
}

/* ---- through MHD ---- */

static void response_header(void *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value);
}

static void response_headers(struct http_request *r, struct MHD_Response *m)
{
    headers_write(r, response_header, m);
    if (r->close || atomic_load(&r->server->stopping))
        MHD_add_response_header(m, "Connection", "close");
}

enum MHD_Result reply_queue(struct http_request *r)
{
    struct reply *p = &r->reply;
    int64_t allowed_ms =
        (int64_t)r->server->limits.deadline_ms + (int64_t)(p->bytes / REPLY_BYTES_PER_MS);
    struct MHD_Response *m;
    enum MHD_Result ok;
    if (p->streamed)
        m = stream_response(r);
    else if (p->fd >= 0)
        m = MHD_create_response_from_fd64(p->bytes, p->fd);
    else
        m = MHD_create_response_from_buffer(p->bytes, p->body, MHD_RESPMEM_PERSISTENT);
    if (!m)
        return MHD_NO;
    p->fd = -1; /* the response closes it */
    response_headers(r, m);
    p->until_ns = p->streamed ? NEVER : clock_mono_ns() + allowed_ms * 1000000;
    atomic_store(&r->wake_ns, p->until_ns);
    p->queued = true;
    ok = MHD_queue_response(r->connection, (unsigned)p->status, m);
    MHD_destroy_response(m);
    return ok;
}

/* ---- by ourselves ---- */

static void date_add(struct strbuf *b)
{
    time_t now = (time_t)(clock_wall_us() / 1000000);
    struct tm tm;
    char text[40];
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    strbuf_printf(b, "Date: %s\r\n", text);
}

static void line_add(void *to, const char *name, const char *value)
{
    strbuf_printf(to, "%s: %s\r\n", name, value);
}

static char *raw_head(const struct http_request *r, size_t *n)
{
    const struct reply *p = &r->reply;
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_printf(&b, "HTTP/1.1 %d %s\r\n", p->status,
                  MHD_get_reason_phrase_for((unsigned)p->status));
    date_add(&b);
    strbuf_add_c(&b, "Connection: close\r\n");
    headers_write(r, line_add, &b);
    if (p->status != MHD_HTTP_NO_CONTENT && p->status != MHD_HTTP_NOT_MODIFIED)
        strbuf_printf(&b, "Content-Length: %llu\r\n", (unsigned long long)p->bytes);
    strbuf_add_c(&b, "\r\n");
    return strbuf_detach(&b, n);
}

void raw_start(struct http_request *r, int64_t now)
{
    lock_assert_held(&r->lock);
    r->raw.started = true;
    r->raw.head = raw_head(r, &r->raw.head_bytes);
    r->raw.end_ns = now + DRAIN_NS;
    r->drained = 0;
    raw_pump(r);
}

static ssize_t bytes_send(int fd, void *session, const void *data, size_t n)
{
    return session ? tls_send(session, data, n) : send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t raw_send(struct http_request *r, uint64_t body_bytes)
{
    const struct raw *w = &r->raw;
    if (w->sent < w->head_bytes)
        return bytes_send(r->fd, r->session, w->head + w->sent, w->head_bytes - w->sent);
    uint64_t at = w->sent - w->head_bytes;
    if (r->reply.fd < 0)
        return bytes_send(r->fd, r->session, r->reply.body + at, body_bytes - at);
    char piece[16 << 10]; /* not sendfile: it would raise SIGPIPE */
    ssize_t n = pread(r->reply.fd, piece, sizeof piece, (off_t)at);
    return n > 0 ? bytes_send(r->fd, r->session, piece, (size_t)n) : -1;
}

void raw_pump(struct http_request *r)
{
    struct raw *w = &r->raw;
    uint64_t body_bytes = str_eq_c(r->method, "HEAD") ? 0 : r->reply.bytes;
    lock_assert_held(&r->lock);
    while (!r->gone && !w->done) {
        ssize_t n;
        if (w->sent == w->head_bytes + body_bytes) {
            w->done = true;
            if (r->session)
                tls_bye(r->session);
            shutdown(r->fd, SHUT_WR);
            break;
        }
        n = raw_send(r, body_bytes);
        if (n < 0)
            break; /* full, or the peer left: the clock or the loop goes on */
        w->sent += (uint64_t)n;
    }
}

void raw_timeout(int fd, void *session)
{
    static const char text[] = "HTTP/1.1 408 Request Timeout\r\nServer: akin\r\n"
                               "Connection: close\r\nContent-Length: 0\r\n\r\n";
    (void)!bytes_send(fd, session, text, sizeof text - 1);
}
