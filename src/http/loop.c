/* What MHD calls, on its loop threads: a connection came or went, a request line, a head, a piece
 * of a body, the end of it, a completed request. */
#include "http/internal.h"
#include "base/clock.h"
#include "base/rng.h"
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- connections ---- */

bool sockaddr_read(const struct sockaddr *sa, struct address *out)
{
    if (sa->sa_family == AF_INET6) {
        memcpy(out->bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
        return true;
    }
    *out = (struct address){.bytes = {[10] = 0xFF, [11] = 0xFF}};
    memcpy(out->bytes + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
    return sa->sa_family == AF_INET;
}

static void conn_started(struct loop *l, struct MHD_Connection *c, void **context)
{
    struct http_server *s = l->server;
    struct conn *conn = xcalloc(1, sizeof *conn);
    struct sockaddr_storage own;
    struct address local;
    socklen_t size = sizeof own;
    l->started++;
    conn->server = s;
    conn->loop = l;
    conn->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    conn->fresh = true;
    if (s->tls)
        conn->tls = tls_take(
            s->tls, MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session);
    conn->since_ns = clock_mono_ns();
    (void)sockaddr_read(MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
                        &conn->address);
    address_print(&conn->address, conn->peer);
    if (s->wildcard && getsockname(conn->fd, (struct sockaddr *)&own, &size) == 0 &&
        sockaddr_read((struct sockaddr *)&own, &local))
        address_print(&local, conn->local);
    lock_take(&s->lock);
    conn->next = s->conns;
    conn->link = &s->conns;
    if (conn->next)
        conn->next->link = &conn->next;
    s->conns = conn;
    share_add(s, conn);
    lock_drop(&s->lock);
    *context = conn;
}

static void conn_closed(struct http_server *s, void **context)
{
    struct conn *conn = *context;
    if (!conn)
        return;
    lock_take(&s->lock);
    if (s->swept == conn)
        s->swept = conn->next;
    *conn->link = conn->next;
    if (conn->next)
        conn->next->link = conn->link;
    share_remove(s, conn);
    lock_drop(&s->lock);
    loop_forget(conn->loop);
    if (conn->tls)
        tls_drop(conn->tls);
    free(conn);
    *context = NULL;
}

void loop_connection(void *cls, struct MHD_Connection *c, void **context,
                     enum MHD_ConnectionNotificationCode what)
{
    struct loop *l = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        conn_started(l, c, context);
    else
        conn_closed(l->server, context);
}

static struct conn *conn_of(struct MHD_Connection *c)
{
    return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* ---- the beginning and the end of a request ---- */

/* MHD 0.9.75 keeps a record of each parameter of the query in the memory of the connection. When
 * that is full it forgets to answer, and the peer waits for its deadline. Nobody here reads the
 * records, the request has the target as a whole: so the query, in the buffer it was read into,
 * ends at its question mark. */
static void parameters_hide(const char *target)
{
    const char *mark = strchr(target, '?');
    if (mark)
        *(char *)(uintptr_t)(mark + 1) = '\0';
}

/* The head has a deadline of its own, from the first sign of it on; server->lock, since the
 * watching thread sees that sign. */
static int64_t head_until(const struct conn *conn, const struct http_request *r)
{
    int64_t since = conn->fresh ? conn->since_ns : conn->head_ns ? conn->head_ns : r->started_ns;
    int64_t until = since + (int64_t)r->server->limits.header_ms * 1000000;
    return until < r->deadline_ns ? until : r->deadline_ns;
}

void *loop_line(void *cls, const char *target, struct MHD_Connection *c)
{
    struct http_server *s = cls;
    struct conn *conn = conn_of(c);
    struct http_request *r = request_new(s, c, conn, target);
    if (s->strict_layout)
        parameters_hide(target);
    lock_take(&s->lock);
    atomic_store(&r->wake_ns, head_until(conn, r));
    conn->request = r;
    lock_drop(&s->lock);
    return r;
}

void loop_completed(void *cls, struct MHD_Connection *c, void **context,
                    enum MHD_RequestTerminationCode why)
{
    struct http_server *s = cls;
    struct http_request *r = *context;
    struct conn *conn = conn_of(c);
    if (!r)
        return;
    *context = NULL;
    lock_take(&s->lock);
    conn->request = NULL;
    conn->since_ns = clock_mono_ns();
    conn->fresh = false;
    conn->head_ns = 0;
    lock_drop(&s->lock);
    bool counted = r->counted;
    request_complete(r, why);
    if (!counted)
        return;
    lock_take(&s->lock);
    if (--s->open == 0)
        cond_broadcast(&s->quiet);
    lock_drop(&s->lock);
}

/* ---- the head ---- */

struct head {
    struct http_request *r;
    uintptr_t next; /* where the next header must begin */
    size_t bytes;
    bool contiguous, too_many;
};

/* Blanks and tabs alone (RFC 9110, section 5.5): other white space is no part of HTTP, and whoever
 * strips it sees another value than whoever does not. */
static struct str blanks_trim(struct str s)
{
    while (s.n && (s.s[0] == ' ' || s.s[0] == '\t'))
        s = (struct str){s.s + 1, s.n - 1};
    while (s.n && (s.s[s.n - 1] == ' ' || s.s[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static enum MHD_Result header_copy(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_n, const char *value, size_t value_n)
{
    struct head *h = cls;
    struct http_request *r = h->r;
    struct header *to;
    if (r->header_count == HEADERS_MAX) {
        h->too_many = true;
        return MHD_NO;
    }
    h->contiguous &= (uintptr_t)name == h->next;
    h->next = (uintptr_t)value + value_n + 2;
    h->bytes += name_n + value_n + 4;
    to = &r->headers[r->header_count++];
    to->name = arena_str(r->arena, (struct str){name, name_n});
    to->value = blanks_trim(arena_str(r->arena, (struct str){value ? value : "", value_n}));
    return MHD_YES;
}

/* MHD 0.9.75 cuts a line at a NUL, takes a bare LF for its end and joins folded lines, all without
 * a word. It also leaves the head where it was read, a NUL in place of each CR and LF: if the parts
 * do not lie end to end, the head held one of these. Later versions refuse them by themselves. */
static bool head_contiguous(const struct http_request *r, struct head *h, const char *method,
                            const char *version, struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (!r->server->strict_layout)
        return true;
    return h->contiguous && (uintptr_t)version == r->line_end + 1 && size &&
           h->next + 2 == (uintptr_t)method + size->header_size;
}

static void target_split(struct http_request *r)
{
    const char *mark = r->path.n ? memchr(r->path.s, '?', r->path.n) : NULL;
    if (!mark)
        return;
    r->query = (struct str){mark + 1, r->path.n - (size_t)(mark + 1 - r->path.s)};
    r->path.n = (size_t)(mark - r->path.s);
}

/* Reads the head; NULL, or why it is unreadable (400). */
static const char *head_read(struct http_request *r, struct MHD_Connection *c, const char *method,
                             const char *version, struct head *h)
{
    const char *why;
    int count = MHD_get_connection_values_n(c, MHD_HEADER_KIND, NULL, NULL);
    r->headers = arena_array(r->arena, count < HEADERS_MAX ? (size_t)count : HEADERS_MAX,
                             sizeof *r->headers);
    h->next = (uintptr_t)version + strlen(version) + 2;
    h->contiguous = true;
    MHD_get_connection_values_n(c, MHD_HEADER_KIND, header_copy, h);
    r->method = arena_str(r->arena, str_c(method));
    r->old = strcmp(version, "HTTP/1.0") == 0;
    if (!traceparent_parse(http_header(r, "traceparent"), r->trace_id))
        rng_hex(r->trace_id, 32);
    if (h->too_many)
        return NULL;
    why = framing_parse(r->headers, r->header_count, r->old, &r->framing);
    if (why)
        return why;
    if (!head_contiguous(r, h, method, version, c))
        return "the head holds a NUL, a bare line feed or a folded line";
    if (!target_valid(r->path))
        return "the request target must begin with / and hold no blank, control character or #";
    target_split(r);
    return NULL;
}

static const char *host_read(struct http_request *r, const char *version, struct str *host)
{
    unsigned count = 0;
    for (unsigned i = 0; i < r->header_count; i++)
        if (text_same_ci(r->headers[i].name, STR("Host"))) {
            *host = r->headers[i].value;
            count++;
        }
    if (count > 1)
        return "there are two Host headers";
    if (count == 0 && strcmp(version, "HTTP/1.0") != 0)
        return "there is no Host header";
    return NULL;
}

struct fault {
    int status;
    const char *code, *detail;
};

static bool listed(char *const *list, unsigned count, struct str text)
{
    for (unsigned i = 0; i < count; i++)
        if (text_same_ci(text, str_c(list[i])))
            return true;
    return false;
}

/* A page of another origin that the settings name: what it is told, so that its browser lets it
 * read the answer. */
static void cors_read(struct http_request *r, const struct policy *rules, struct str origin)
{
    r->vary_origin = rules->origin_count && !rules->any_origin;
    if (!origin.n)
        return;
    if (rules->any_origin)
        r->cors = "*";
    else if (listed(rules->origins, rules->origin_count, origin))
        r->cors = origin.s; /* in the arena, ends with a NUL */
    r->preflight = r->cors && str_eq_c(r->method, "OPTIONS") &&
                   http_has_header(r, "Access-Control-Request-Method");
}

static struct fault origin_check(struct http_request *r, const struct policy *own, struct str host)
{
    struct host_rules rules = {r->server->o.address, r->local, (const char *const *)own->hosts,
                               own->host_count};
    struct fetch_headers f = {
        .method = r->method,
        .host = host,
        .origin = http_header(r, "Origin"),
        .site = http_header(r, "Sec-Fetch-Site"),
        .mode = http_header(r, "Sec-Fetch-Mode"),
        .has_origin = http_has_header(r, "Origin"),
    };
    if (host.n && !host_allowed(&rules, host))
        return (struct fault){MHD_HTTP_MISDIRECTED_REQUEST, "misdirected",
                              "this Host is not served here: use localhost, or add the name to "
                              "server.hosts"};
    cors_read(r, own, f.origin);
    if (!r->cors && !origin_allowed(&rules, &f))
        return (struct fault){MHD_HTTP_FORBIDDEN, "denied",
                              "a page of another origin may not send requests here: add its host "
                              "to server.hosts, or its origin to server.cors.origins, if it "
                              "should"};
    return (struct fault){0};
}

/* Who asks, and may they from there? */
static struct fault stranger_check(struct http_request *r, struct str host)
{
    struct policy *rules = policy_take(r->server);
    struct forwarded_rules proxies = {rules->proxies, rules->proxy_count,
                                      rules->standard_forwarded};
    struct address client = *r->address;
    bool forwarded_secure;
    forwarded_read(&proxies, r->headers, r->header_count, &client, &forwarded_secure);
    r->secure = r->session || forwarded_secure;
    if (!address_same(&client, r->address)) {
        char *text = arena_alloc(r->arena, ADDRESS_TEXT);
        address_print(&client, text);
        r->peer = str_c(text);
    }
    struct fault fault = origin_check(r, rules, host);
    policy_drop(rules);
    return fault;
}

/* Bodies that creep in are bounded by connections and memory: they take no place from others. */
static struct fault load_check(struct http_request *r)
{
    struct http_server *s = r->server;
    /* Read one after the other, the difference may for a moment be below zero. */
    int in_flight = (int)(atomic_load(&s->in_flight) - atomic_load(&s->arriving));
    if (in_flight <= (int)s->limits.in_flight_max)
        return (struct fault){0};
    return (struct fault){MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
                          "too many requests are in flight: try again after Retry-After seconds"};
}

static struct fault head_check(struct http_request *r, struct MHD_Connection *c, const char *method,
                               const char *version)
{
    struct head h = {.r = r};
    struct err_info *e = arena_zalloc(r->arena, sizeof *e);
    struct str host = str_c(NULL);
    struct fault fault;
    const char *why = head_read(r, c, method, version, &h);
    if (!why && !h.too_many)
        why = host_read(r, version, &host);
    if (h.too_many || h.bytes + r->path.n + r->query.n > HEADER_BYTES_MAX) {
        r->close = true;
        return (struct fault){MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "too_large",
                              "the head of the request has more than 100 headers or 16 KiB"};
    }
    if (why) {
        r->close = true; /* where the next request begins is uncertain */
        return (struct fault){MHD_HTTP_BAD_REQUEST, "syntax", why};
    }
    fault = stranger_check(r, host);
    if (fault.status)
        return fault;
    if (r->framing.expect_unknown)
        return (struct fault){MHD_HTTP_EXPECTATION_FAILED, "unsupported",
                              "Expect can only be 100-continue"};
    if (!coding_parse(http_header(r, "Content-Encoding"), &r->coding)) {
        http_add_header(r, "Accept-Encoding", "gzip, zstd");
        return (struct fault){MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported",
                              "Content-Encoding must be gzip or zstd, and only one of them"};
    }
    r->accepts = coding_choose(http_header(r, "Accept-Encoding"));
    if (r->query.n && query_parse(r->arena, r->query, &r->params, &r->param_count, e))
        return (struct fault){MHD_HTTP_BAD_REQUEST, "syntax", e->message};
    if (atomic_load(&r->server->stopping)) /* what began before is served to its end */
        return (struct fault){MHD_HTTP_SERVICE_UNAVAILABLE, "cancelled", "the server is stopping"};
    return load_check(r);
}

static void refuse(struct http_request *r, struct fault fault)
{
    const struct http_handler *h = &r->server->handler;
    if (fault.status == MHD_HTTP_SERVICE_UNAVAILABLE)
        http_add_header(r, "Retry-After", "1");
    h->refuse(h->ctx, r, fault.status, fault.code, fault.detail);
}

static bool body_expected(const struct http_request *r)
{
    return r->framing.chunked || r->framing.length > 0;
}

static bool body_too_large(const struct http_request *r)
{
    return r->want != HTTP_BODY_STREAM && r->framing.length > r->server->limits.body_bytes_max;
}

static const struct fault too_large = {MHD_HTTP_CONTENT_TOO_LARGE, "too_large",
                                       "the body is larger than server.body_bytes_max"};

/* The handler has been asked what it wants; `claimed` is still ours. */
static void body_prepare(struct http_request *r)
{
    const struct http_handler *h = &r->server->handler;
    if (body_too_large(r)) {
        refuse(r, too_large);
    } else if (r->want == HTTP_BODY_STREAM) {
        r->ring = xmalloc(RING_BYTES);
        h->request(h->ctx, r);
    } else {
        lock_take(&r->lock);
        r->claimed = false;
        r->arriving = body_expected(r);
        atomic_fetch_add(&r->server->arriving, r->arriving);
        atomic_store(&r->wake_ns, body_expected(r) ? r->deadline_ns : NEVER);
        lock_drop(&r->lock);
    }
}

/* The reply is there before the body: see reply.c. */
static enum MHD_Result early_reply(struct http_request *r)
{
    enum MHD_Result ok = MHD_YES;
    bool large = r->framing.has_length && r->framing.length > DRAIN_BYTES;
    lock_take(&r->lock);
    if (r->raw.started || r->held_ns)
        ok = MHD_YES; /* the clock was quicker, or says when */
    else if (r->close || (r->framing.expect_continue && body_expected(r)))
        ok = reply_queue(r); /* nothing of the body is wanted, MHD closes */
    else if (body_expected(r) && large)
        raw_start(r, clock_mono_ns());
    lock_drop(&r->lock);
    return ok;
}

static bool head_begin(struct http_request *r)
{
    bool alive;
    lock_take(&r->lock);
    alive = r->phase == PHASE_HEADERS;
    if (alive) {
        r->phase = PHASE_BODY;
        r->claimed = true; /* ours, until the handler is asked */
        r->counted = true;
        atomic_store(&r->wake_ns, NEVER);
    }
    lock_drop(&r->lock);
    return alive;
}

static enum MHD_Result head_in(struct http_request *r, struct MHD_Connection *c, const char *method,
                               const char *version)
{
    struct http_server *s = r->server;
    struct fault fault;
    bool replied;
    if (!head_begin(r))
        return MHD_NO;
    request_ref(r); /* of whoever owes the reply */
    lock_take(&s->lock);
    s->open++;
    lock_drop(&s->lock);
    atomic_fetch_add(&s->in_flight, 1);
    fault = head_check(r, c, method, version);
    if (!body_expected(r)) {
        lock_take(&r->lock);
        r->phase = PHASE_READY;
        r->ended = true;
        lock_drop(&r->lock);
    }
    if (fault.status)
        refuse(r, fault);
    else
        r->want = s->handler.headers(s->handler.ctx, r);
    lock_take(&r->lock);
    replied = r->reply.set;
    lock_drop(&r->lock);
    if (!replied) {
        body_prepare(r);
        lock_take(&r->lock);
        replied = r->reply.set;
        lock_drop(&r->lock);
    }
    return replied ? early_reply(r) : MHD_YES;
}

/* ---- the body ---- */

/* A piece that nobody wants any more. False: enough, close. */
static bool body_drop(struct http_request *r, size_t n)
{
    int64_t now = clock_mono_ns();
    r->drained += n;
    if (r->raw.started) {
        raw_pump(r);
        return r->drained <= DRAIN_BYTES && now < r->raw.end_ns;
    }
    if (r->drained > DRAIN_BYTES || now >= r->fault_ns + DRAIN_NS)
        raw_start(r, now);
    return true;
}

/* Takes a piece under the lock; the status of a refusal or 0. */
static int body_take(struct http_request *r, const char *data, size_t *n, bool *alive)
{
    size_t taken;
    r->bytes_in += *n;
    if (r->reply.set || (r->claimed && r->want != HTTP_BODY_STREAM)) {
        *alive = body_drop(r, *n);
        *n = 0;
        return 0;
    }
    if (r->want == HTTP_BODY_STREAM) {
        taken = request_ring_add(r, data, *n);
        *n -= taken;
        r->bytes_in -= *n;
        if (*n)
            request_suspend(r);
        return 0;
    }
    taken = *n;
    *n = 0;
    if (r->want == HTTP_BODY_WHOLE)
        return request_collect(r, data, taken);
    return r->bytes_in > r->server->limits.body_bytes_max ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

static enum MHD_Result body_in(struct http_request *r, const char *data, size_t *n)
{
    bool alive = true;
    int status = 0;
    lock_take(&r->lock);
    if (r->phase != PHASE_BODY || atomic_load(&r->server->aborting))
        alive = false;
    else if (r->held_ns)
        request_suspend(r); /* TCP pushes back */
    else
        status = body_take(r, data, n, &alive);
    lock_drop(&r->lock);
    if (status == MHD_HTTP_CONTENT_TOO_LARGE)
        (void)request_refuse(r, status, too_large.code, too_large.detail);
    else if (status)
        (void)request_refuse(r, status, "busy",
                             "the bodies of other requests fill the memory set "
                             "aside for them: try again");
    return alive ? MHD_YES : MHD_NO;
}

/* Marks the end; true if the handler must be called now. */
static bool body_finish(struct http_request *r)
{
    bool call;
    if (r->phase == PHASE_BODY) {
        r->phase = PHASE_READY;
        r->ended = true;
        cond_broadcast(&r->more);
        if (!r->raw.started)
            atomic_store(&r->wake_ns, r->held_ns ? r->held_ns : NEVER);
    }
    call = !r->claimed;
    r->claimed = true;
    return call;
}

/* All is in, and again after each resume: reply, or wait for the reply. */
static enum MHD_Result body_end(struct http_request *r)
{
    const struct http_handler *h = &r->server->handler;
    enum MHD_Result ok = MHD_YES;
    lock_take(&r->lock);
    if (r->phase != PHASE_DEAD && body_finish(r)) {
        struct fault fault = {0};
        bool came = r->arriving;
        request_arrived(r);
        lock_drop(&r->lock);
        if (came)
            fault = load_check(r);
        if (fault.status)
            refuse(r, fault);
        else
            h->request(h->ctx, r);
        lock_take(&r->lock);
    }
    if (r->phase == PHASE_DEAD || r->raw.done ||
        (r->raw.started && clock_mono_ns() >= r->raw.end_ns))
        ok = MHD_NO;
    else if (r->reply.set && !r->raw.started && !r->held_ns)
        ok = reply_queue(r);
    else if (atomic_load(&r->server->aborting))
        ok = MHD_NO;
    else
        request_suspend(r);
    lock_drop(&r->lock);
    return ok;
}

enum MHD_Result loop_call(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                          const char *version, const char *data, size_t *n, void **context)
{
    struct http_request *r = *context;
    if (!r)
        return MHD_NO;
    if (!r->counted)
        return head_in(r, c, method, version);
    return *n ? body_in(r, data, n) : body_end(r);
}
