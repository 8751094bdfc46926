#include "http/internal.h"
#include "base/clock.h"
#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct http_request *request_new(struct http_server *s, struct MHD_Connection *c, struct conn *conn,
                                 const char *target)
{
    struct arena *a = arena_new(0);
    struct http_request *r = arena_zalloc(a, sizeof *r);
    size_t n = strlen(target);
    r->server = s;
    r->arena = a;
    r->connection = c;
    r->loop = conn->loop;
    r->fd = conn->fd;
    if (conn->tls)
        r->session = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    r->peer = arena_str(a, str_c(conn->peer));
    r->address = &conn->address;
    r->local = arena_strdup(a, conn->local);
    r->path = arena_str(a, (struct str){target, n});
    r->line_at = (uintptr_t)target;
    r->line_end = (uintptr_t)target + n;
    r->started_ns = clock_mono_ns();
    r->deadline_ns = r->started_ns + (int64_t)s->limits.deadline_ms * 1000000;
    r->reply.fd = -1;
    lock_init(&r->lock, LOCK_QUEUE);
    cond_init(&r->more);
    atomic_init(&r->refs, 1);
    atomic_init(&r->wake_ns, NEVER);
    atomic_fetch_add(&s->refs, 1);
    return r;
}

void request_ref(struct http_request *r)
{
    atomic_fetch_add(&r->refs, 1);
}

/* 499, as nginx has it: the peer left before its answer was sent. */
static int status_sent(const struct http_request *r)
{
    if (r->broken)
        return 400;
    return r->completed || r->raw.done ? r->reply.status : 499;
}

static void request_done(struct http_request *r)
{
    const struct http_handler *h = &r->server->handler;
    bool body = !str_eq_c(r->method, "HEAD") && (r->completed || r->raw.done);
    if (!r->counted || !h->done || atomic_load(&r->server->freed))
        return;
    h->done(h->ctx, r, status_sent(r), r->bytes_in, body ? r->reply.bytes : 0,
            clock_mono_ns() - r->started_ns);
}

void request_unref(struct http_request *r)
{
    struct http_server *s = r->server;
    struct arena *a = r->arena;
    if (atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    request_done(r);
    atomic_fetch_sub(&s->bodies_bytes, r->body_cap);
    free(r->body);
    free(r->ring);
    expander_free(r->expander);
    packer_free(r->packer);
    reply_release(r);
    cond_release(&r->more);
    lock_release(&r->lock);
    arena_free(a);
    server_unref(s);
}

void request_suspend(struct http_request *r)
{
    lock_assert_held(&r->lock);
    MHD_suspend_connection(r->connection);
    r->suspended = true;
}

void request_resume(struct http_request *r)
{
    lock_assert_held(&r->lock);
    if (!r->suspended || r->gone)
        return;
    r->suspended = false;
    MHD_resume_connection(r->connection);
    loop_wake(r->loop);
}

void request_arrived(struct http_request *r)
{
    lock_assert_held(&r->lock);
    if (r->arriving)
        atomic_fetch_sub(&r->server->arriving, 1);
    r->arriving = false;
}

void request_complete(struct http_request *r, enum MHD_RequestTerminationCode why)
{
    bool unowned;
    lock_take(&r->lock);
    r->gone = true;
    r->connection = NULL;
    r->session = NULL;
    r->fd = -1;
    r->completed = r->reply.queued && why == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    r->broken = r->phase == PHASE_BODY && r->framing.chunked &&
                why == MHD_REQUEST_TERMINATED_WITH_ERROR && !r->raw.started &&
                !atomic_load(&r->server->aborting);
    unowned = r->counted && !r->claimed;
    request_arrived(r);
    r->claimed = true;
    atomic_store(&r->wake_ns, NEVER);
    cond_broadcast(&r->more);
    lock_drop(&r->lock);
    if (unowned) {
        atomic_fetch_sub(&r->server->in_flight, 1);
        request_unref(r);
    }
    request_unref(r);
}

bool request_refuse(struct http_request *r, int status, const char *code, const char *detail)
{
    const struct http_handler *h = &r->server->handler;
    bool mine;
    lock_take(&r->lock);
    mine = !r->claimed;
    r->claimed = true;
    lock_drop(&r->lock);
    if (mine)
        h->refuse(h->ctx, r, status, code, detail);
    return mine;
}

/* ---- bodies ---- */

static size_t collect_cap(const struct http_request *r, size_t need)
{
    size_t max = r->server->limits.body_bytes_max, cap = r->body_cap ? 2 * r->body_cap : 4096;
    if (r->framing.has_length && r->framing.length < max)
        max = r->framing.length;
    if (cap < need)
        cap = need;
    return cap < max ? cap : max;
}

int request_collect(struct http_request *r, const char *data, size_t n)
{
    struct http_server *s = r->server;
    size_t need = r->body_bytes + n;
    if (need > s->limits.body_bytes_max)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    if (need > r->body_cap) {
        size_t cap = collect_cap(r, need), more = cap - r->body_cap;
        size_t all = atomic_fetch_add(&s->bodies_bytes, more) + more;
        char *grown =
            all > s->limits.body_bytes_max * BODIES_BUDGET ? NULL : realloc(r->body, cap + 1);
        if (!grown) {
            atomic_fetch_sub(&s->bodies_bytes, more);
            return MHD_HTTP_SERVICE_UNAVAILABLE;
        }
        r->body = grown;
        r->body_cap = cap;
    }
    memcpy(r->body + r->body_bytes, data, n);
    r->body_bytes = need;
    r->body[need] = '\0';
    return 0;
}

size_t request_ring_add(struct http_request *r, const char *data, size_t n)
{
    size_t done = 0;
    lock_assert_held(&r->lock);
    while (done < n && r->ring_count < RING_BYTES) {
        size_t at = (r->ring_at + r->ring_count) % RING_BYTES;
        size_t run = RING_BYTES - at, room = RING_BYTES - r->ring_count, left = n - done;
        run = run < room ? run : room;
        run = run < left ? run : left;
        memcpy(r->ring + at, data + done, run);
        r->ring_count += run;
        done += run;
    }
    if (done)
        cond_signal(&r->more);
    return done;
}

size_t request_ring_take(struct http_request *r, char *out, size_t size)
{
    size_t done = 0;
    while (done < size && r->ring_count) {
        size_t run = RING_BYTES - r->ring_at, left = size - done;
        run = run < r->ring_count ? run : r->ring_count;
        run = run < left ? run : left;
        memcpy(out + done, r->ring + r->ring_at, run);
        r->ring_at = (r->ring_at + run) % RING_BYTES;
        r->ring_count -= run;
        done += run;
    }
    return done;
}

/* Waits until there are bytes or the end; lock held. */
static enum err ring_wait(struct http_request *r, struct err_info *e)
{
    int64_t until = clock_mono_ns() + (int64_t)r->server->limits.idle_ms * 1000000;
    while (!r->ring_count && !r->ended) {
        if (r->gone && r->broken)
            return err_set(e, ERR_SYNTAX, NULL, "the chunked encoding of the body is broken");
        if (r->gone)
            return err_set(e, ERR_CANCELLED, NULL, "the peer left before the body had ended");
        if (atomic_load(&r->server->stopping))
            return err_set(e, ERR_CANCELLED, NULL, "the server is stopping");
        if (clock_mono_ns() >= until)
            return err_set(e, ERR_TIMEOUT, NULL, "no byte of the body came for %u ms",
                           r->server->limits.idle_ms);
        (void)cond_wait_until(&r->more, &r->lock, until);
    }
    return ERR_OK;
}

/* As sent. */
static enum err raw_read(struct http_request *r, void *buf, size_t size, size_t *n,
                         struct err_info *e)
{
    enum err err;
    lock_take(&r->lock);
    err = ring_wait(r, e);
    if (!err) {
        *n = request_ring_take(r, buf, size);
        if (r->phase == PHASE_BODY && r->ring_count <= RING_BYTES / 2)
            request_resume(r);
    }
    lock_drop(&r->lock);
    return err;
}

static enum err coded_read(struct http_request *r, void *buf, size_t size, size_t *n,
                           struct err_info *e)
{
    if (!r->expander)
        r->expander = expander_new(r->coding);
    for (;;) {
        size_t came = 0;
        enum err err = expander_take(r->expander, buf, size, n, e);
        if (err || *n)
            return err;
        err = raw_read(r, expander_room(r->expander), EXPANDER_BYTES, &came, e);
        if (err)
            return err;
        if (!came)
            return expander_end(r->expander, e);
        expander_fed(r->expander, came);
    }
}

enum err http_body_read(struct http_request *r, void *buf, size_t size, size_t *n,
                        struct err_info *e)
{
    assert(r->want == HTTP_BODY_STREAM && size > 0);
    if (r->coding == CODING_IDENTITY)
        return raw_read(r, buf, size, n, e);
    return coded_read(r, buf, size, n, e);
}

/* ---- bodies that are expanded as a whole ---- */

struct expansion {
    char *text;
    size_t n, cap;
};

/* Room for more, out of what all bodies may take together. */
static enum err expansion_grow(struct http_request *r, struct expansion *x, struct err_info *e)
{
    struct http_server *s = r->server;
    size_t max = s->limits.body_bytes_max, cap = x->cap ? 2 * x->cap : 4 * r->body_bytes + 4096;
    if (x->n >= max)
        return err_set(e, ERR_TOO_LARGE, NULL,
                       "the body expands to more than server.body_bytes_max");
    cap = cap < max ? cap : max;
    size_t more = cap - x->cap, all = atomic_fetch_add(&s->bodies_bytes, more) + more;
    char *grown = all > max * BODIES_BUDGET ? NULL : realloc(x->text, cap + 1);
    if (!grown) {
        atomic_fetch_sub(&s->bodies_bytes, more);
        return err_set(
            e, ERR_BUSY, NULL,
            "the bodies of other requests fill the memory set aside for them: try again");
    }
    x->text = grown;
    x->cap = cap;
    return ERR_OK;
}

static enum err expansion_step(struct http_request *r, struct expander *coded, struct expansion *x,
                               size_t *made, struct err_info *e)
{
    char spill[1]; /* a full expansion may still have its end to come, but no byte */
    bool full = x->n == x->cap;
    enum err err =
        expander_take(coded, full ? spill : x->text + x->n, full ? 1 : x->cap - x->n, made, e);
    if (err || !*made)
        return err;
    if (full) {
        if ((err = expansion_grow(r, x, e)))
            return err;
        x->text[x->n] = spill[0];
    }
    x->n += *made;
    return ERR_OK;
}

static enum err expansion_run(struct http_request *r, struct expander *coded, struct expansion *x,
                              struct err_info *e)
{
    size_t at = 0, made = 0;
    for (;;) {
        enum err err = expansion_step(r, coded, x, &made, e);
        if (err)
            return err;
        if (made)
            continue;
        size_t n = r->body_bytes - at < EXPANDER_BYTES ? r->body_bytes - at : EXPANDER_BYTES;
        if (!n)
            return expander_end(coded, e);
        memcpy(expander_room(coded), r->body + at, n);
        expander_fed(coded, n);
        at += n;
    }
}

enum err http_body_expand(struct http_request *r, struct err_info *e)
{
    struct expansion x = {0};
    if (r->coding == CODING_IDENTITY || !r->body)
        return ERR_OK;
    struct expander *coded = expander_new(r->coding);
    enum err err = expansion_run(r, coded, &x, e);
    expander_free(coded);
    if (err) {
        atomic_fetch_sub(&r->server->bodies_bytes, x.cap);
        free(x.text);
        return err;
    }
    lock_take(&r->lock);
    atomic_fetch_sub(&r->server->bodies_bytes, r->body_cap);
    free(r->body);
    r->body = x.text;
    r->body_bytes = x.n;
    r->body_cap = x.cap;
    if (x.text)
        x.text[x.n] = '\0';
    lock_drop(&r->lock);
    return ERR_OK;
}

/* ---- what a handler may ask ---- */

struct str http_method(const struct http_request *r)
{
    return r->method;
}

struct str http_path(const struct http_request *r)
{
    return r->path;
}

static const struct header *header_find(const struct http_request *r, const char *name)
{
    for (unsigned i = 0; i < r->header_count; i++)
        if (text_same_ci(r->headers[i].name, str_c(name)))
            return &r->headers[i];
    return NULL;
}

struct str http_header(const struct http_request *r, const char *name)
{
    const struct header *h = header_find(r, name);
    return h ? h->value : str_c(NULL);
}

bool http_body_comes(const struct http_request *r)
{
    return r->framing.chunked || r->framing.length > 0;
}

bool http_has_header(const struct http_request *r, const char *name)
{
    return header_find(r, name) != NULL;
}

bool http_header_repeated(const struct http_request *r, const char *name)
{
    unsigned times = 0;
    for (unsigned i = 0; i < r->header_count; i++)
        times += text_same_ci(r->headers[i].name, str_c(name));
    return times > 1;
}

const struct http_param *http_params(const struct http_request *r, unsigned *count)
{
    *count = r->param_count;
    return r->params;
}

struct str http_body(const struct http_request *r)
{
    return r->body ? (struct str){r->body, r->body_bytes} : str_c(NULL);
}

struct str http_peer(const struct http_request *r)
{
    return r->peer;
}

struct arena *http_arena(struct http_request *r)
{
    return r->arena;
}

const char *http_trace_id(const struct http_request *r)
{
    return r->trace_id;
}

int64_t http_deadline_ns(const struct http_request *r)
{
    return r->deadline_ns;
}

int64_t http_started_ns(const struct http_request *r)
{
    return r->started_ns;
}

void http_set_user(struct http_request *r, void *user)
{
    r->user = user;
}

void *http_user(const struct http_request *r)
{
    return r->user;
}

/* Nobody polls the socket of a suspended connection, so it is asked when somebody wants to know. A
 * peer that has shut down its sending side counts as departed. */
bool http_departed(const struct http_request *r)
{
    struct http_request *own = (struct http_request *)r;
    bool departed;
    lock_take(&own->lock);
    departed = r->gone;
    if (!departed) {
        struct pollfd p = {.fd = r->fd, .events = POLLRDHUP};
        departed = poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
    }
    lock_drop(&own->lock);
    return departed;
}
