#include "http/internal.h"
#include "base/clock.h"
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- options ---- */

static void options_copy(struct http_options *to, const struct http_options *from)
{
    *to = (struct http_options){
        .address = xstrdup(from->address ? from->address : "127.0.0.1"),
        .port = from->port,
        .threads = from->threads ? from->threads : 2,
    };
}

enum err http_options_check(const struct http_options *o, struct err_info *e)
{
    struct policy *rules;
    enum err err = policy_make(o, &rules, e);
    if (!err)
        policy_drop(rules);
    return err;
}

enum err http_configure(struct http_server *s, const struct http_options *o, struct err_info *e)
{
    struct policy *rules, *old;
    enum err err = policy_make(o, &rules, e);
    if (err)
        return err;
    limits_set(&s->limits, o);
    lock_take(&s->rules_lock);
    old = s->rules;
    s->rules = rules;
    lock_drop(&s->rules_lock);
    if (old)
        policy_drop(old);
    return ERR_OK;
}

/* ---- the listener ---- */

static enum err sockaddr_make(const struct http_options *o, struct sockaddr_storage *out,
                              socklen_t *size, struct err_info *e)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    const char *text = strcmp(o->address, "localhost") == 0 ? "127.0.0.1" : o->address;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(o->port);
        *size = sizeof *v4;
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(o->port);
        *size = sizeof *v6;
    } else {
        return err_set(e, ERR_INVALID, "server.address",
                       "\"%s\" is not an IP address: use 127.0.0.1, ::1, 0.0.0.0 or ::", text);
    }
    return ERR_OK;
}

static bool address_any(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static enum err listen_fault(const struct http_options *o, int fault, struct err_info *e)
{
    if (fault == EADDRINUSE)
        return err_set(e, ERR_CONFLICT, "server.port",
                       "port %u of %s is in use: stop the program that listens there "
                       "(ss -ltnp 'sport = :%u' names it) or choose another with --port",
                       o->port, o->address, o->port);
    if (fault == EADDRNOTAVAIL)
        return err_set(e, ERR_INVALID, "server.address", "this machine has no address %s",
                       o->address);
    return err_errno(e, fault, "listen on", o->address);
}

static enum err listener_open(struct http_server *s, struct err_info *e)
{
    struct sockaddr_storage at;
    socklen_t size;
    int one = 1, zero = 0, fd;
    enum err err = sockaddr_make(&s->o, &at, &size, e);
    if (err)
        return err;
    fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return listen_fault(&s->o, errno, e);
    s->listen_fd = fd;
    s->wildcard = address_any(&at);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (at.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(fd, (struct sockaddr *)&at, size) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) < 0)
        return listen_fault(&s->o, errno, e);
    s->port = ntohs(at.ss_family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port
                                            : ((struct sockaddr_in6 *)&at)->sin6_port);
    return ERR_OK;
}

/* ---- life ---- */

void server_unref(struct http_server *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    loops_release(s);
    tls_free(s->tls);
    shares_release(s);
    if (s->rules)
        policy_drop(s->rules);
    lock_release(&s->rules_lock);
    lock_release(&s->packing);
    cond_release(&s->quiet);
    lock_release(&s->lock);
    free((char *)s->o.address);
    free(s);
}

enum err http_open(const struct http_options *o, const struct http_handler *h,
                   struct http_server **out, struct err_info *e)
{
    struct http_server *s = xcalloc(1, sizeof *s);
    enum err err;
    assert(h->headers && h->request && h->refuse);
    options_copy(&s->o, o);
    s->handler = *h;
    s->listen_fd = -1;
    lock_init(&s->lock, LOCK_HTTP);
    lock_init(&s->rules_lock, LOCK_LEAF);
    lock_init(&s->packing, LOCK_LEAF);
    cond_init(&s->quiet);
    atomic_init(&s->refs, 1);
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->wake_fd < 0)
        err = err_errno(e, errno, "open", "eventfd");
    else
        err = http_configure(s, o, e);
    if (!err && o->tls.certificate && o->tls.certificate[0])
        err = tls_open(&o->tls, &s->tls, e);
    if (!err)
        err = listener_open(s, e);
    if (!err)
        err = loops_open(s, e);
    if (err) {
        server_unref(s);
        return err;
    }
    s->watch = thread_start("akin-http", watch_run, s);
    *out = s;
    return ERR_OK;
}

enum err http_tls_load(struct http_server *s, const struct http_tls *tls, struct err_info *e)
{
    if (!s->tls)
        return err_set(e, ERR_INVALID, "server.tls.certificate",
                       "the server was started without TLS");
    return tls_load(s->tls, tls, e);
}

bool http_tls_changed(struct http_server *s)
{
    return s->tls && tls_changed(s->tls);
}

uint16_t http_port(const struct http_server *s)
{
    return s->port;
}

unsigned http_in_flight(const struct http_server *s)
{
    return atomic_load(&((struct http_server *)s)->in_flight);
}

/* Wakes whoever waits in http_body_read and sends what is held, or wakes the loops for what is
 * suspended. */
static void requests_nudge(struct http_server *s, bool resume)
{
    lock_take(&s->lock);
    for (struct conn *conn = s->conns; conn; conn = conn->next) {
        struct http_request *r = conn->request;
        if (!r)
            continue;
        lock_take(&r->lock);
        cond_broadcast(&r->more);
        if (r->held_ns && !r->gone)
            hold_end(r);
        if (resume)
            request_resume(r);
        lock_drop(&r->lock);
    }
    lock_drop(&s->lock);
}

void http_stop(struct http_server *s, int64_t deadline_ns)
{
    if (atomic_exchange(&s->stopping, true))
        return;
    watch_wake(s);
    requests_nudge(s, false);
    lock_take(&s->lock);
    while (s->open && cond_wait_until(&s->quiet, &s->lock, deadline_ns))
        ;
    lock_drop(&s->lock);
    atomic_store(&s->watch_ends, true);
    watch_wake(s);
    thread_join(s->watch);
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
        s->listen_fd = -1;
    }
    /* From here on nobody suspends: the loops look at `aborting` under the lock of the request. */
    atomic_store(&s->aborting, true);
    requests_nudge(s, true);
    loops_join(s);
    atomic_store(&s->stopped, true);
}

void http_free(struct http_server *s)
{
    if (!s)
        return;
    assert(atomic_load(&s->stopped));
    atomic_store(&s->freed, true);
    server_unref(s);
}
