/* The thread beside the loops: accepts connections, and keeps the total deadlines that MHD, whose
 * timeout is one of inactivity, does not know.
 *
 * It sleeps until the next deadline of any connection, and for ever while there is no connection.
 * Accepting is ours, not MHD's, because MHD_quiesce_daemon of 0.9.75 races with its own workers
 * (both remove the listener from epoll, the second one aborts the process). */
#include "http/internal.h"
#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PART = 64, ACCEPT_MAX = 64, ROOM_MAX = 64 };
#define TICK_NS 50000000LL
#define SLEEP_NS_MAX 1000000000LL
#define PROBE_NS 1000000000LL

void watch_wake(struct http_server *s)
{
    uint64_t one = 1;
    (void)!write(s->wake_fd, &one, sizeof one);
}

/* ---- accepting ---- */

static bool accept_one(struct http_server *s)
{
    int one = 1, fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    loops_hand(s, fd);
    return true;
}

/* False: out of descriptors or the like; wait before the next try. */
static bool accept_some(struct http_server *s)
{
    for (int i = 0; i < ACCEPT_MAX; i++) {
        if (atomic_load(&s->connections) >= s->limits.connections_max)
            return true;
        if (!accept_one(s)) {
            if (errno == EAGAIN)
                return true;
            log_event(LOG_WARN, "cannot accept a connection", LOG_S("error", strerror(errno)));
            return false;
        }
    }
    return true;
}

/* ---- deadlines ---- */

/* Did anything come since the connection was idle? Then the peer is slow and gets a 408; one that
 * never spoke (a browser's spare connection) is closed without a word. */
static bool spoke_since(int fd, int64_t since_ns, int64_t now)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
        return false;
    /* The kernel counts in ticks of up to 10 ms, and the request before is not to count. */
    return ((int64_t)info.tcpi_last_data_recv + 20) * 1000000 < now - since_ns;
}

/* Before a request line, under server->lock: the next time to look. */
static int64_t conn_check(struct http_server *s, struct conn *conn, int64_t now)
{
    int64_t header_ns = (int64_t)s->limits.header_ms * 1000000;
    int64_t idle_ns = (int64_t)s->limits.idle_ms * 1000000;
    int64_t until = conn->fresh     ? conn->since_ns + header_ns
                    : conn->head_ns ? conn->head_ns + header_ns
                                    : conn->since_ns + idle_ns + header_ns;
    if (now < until)
        return until;
    if (!conn->tls && spoke_since(conn->fd, conn->since_ns, now))
        raw_timeout(conn->fd, NULL); /* under TLS the loop may be in the handshake */
    shutdown(conn->fd, SHUT_RDWR);   /* its loop sees the end and closes */
    conn->since_ns = now;
    conn->head_ns = 0;
    return now + header_ns;
}

static void fault_check(struct http_request *r, int64_t now)
{
    if (!r->raw.started) {
        raw_start(r, now);
    } else {
        raw_pump(r);
        if (now >= r->raw.end_ns)
            shutdown(r->fd, SHUT_RDWR);
    }
    if (r->raw.done || now >= r->raw.end_ns)
        request_resume(r);
    atomic_store(&r->wake_ns, now + TICK_NS);
}

/* What is due for a request whose wake_ns has passed. */
static void request_check(struct http_request *r, int64_t now)
{
    bool late = false;
    lock_take(&r->lock);
    if (r->gone) {
        atomic_store(&r->wake_ns, NEVER);
    } else if (r->held_ns) {
        if (now >= r->held_ns)
            hold_end(r);
        else
            atomic_store(&r->wake_ns, r->held_ns);
    } else if (r->phase == PHASE_HEADERS) {
        r->phase = PHASE_DEAD;
        raw_timeout(r->fd, r->session);
        shutdown(r->fd, SHUT_RDWR);
        atomic_store(&r->wake_ns, NEVER);
    } else if (r->raw.started || (r->phase == PHASE_BODY && r->reply.set && !r->reply.queued)) {
        fault_check(r, now);
    } else if (r->phase == PHASE_BODY && !r->claimed) {
        r->close = true;
        late = true;
        atomic_store(&r->wake_ns, NEVER);
    } else {
        if (r->reply.queued && now >= r->reply.until_ns)
            shutdown(r->fd, SHUT_RDWR); /* a reader too slow for its reply */
        atomic_store(&r->wake_ns,
                     r->reply.queued && now < r->reply.until_ns ? r->reply.until_ns : NEVER);
    }
    lock_drop(&r->lock);
    if (!late)
        return;
    (void)request_refuse(r, MHD_HTTP_REQUEST_TIMEOUT, "timeout",
                         "the body did not arrive within the deadline of the request");
    atomic_store(&r->wake_ns, now); /* nobody waits for the rest of it */
}

/* MHD 0.9.75 does not notice a FIN that came together with the last bytes before it (a short read
 * clears its edge-triggered readiness, and no edge follows): make it one. Under server->lock. */
static void departure_check(struct conn *conn)
{
    struct pollfd p = {.fd = conn->fd, .events = POLLRDHUP};
    int unread = 0;
    if (poll(&p, 1, 0) > 0 && (p.revents & POLLRDHUP) && ioctl(conn->fd, FIONREAD, &unread) == 0 &&
        unread == 0)
        shutdown(conn->fd, SHUT_RD);
}

/* On a kept connection nobody tells us when the first byte of the next head comes. */
static void head_check(struct conn *conn, int64_t now)
{
    if (!conn->fresh && !conn->head_ns && !conn->request &&
        spoke_since(conn->fd, conn->since_ns, now))
        conn->head_ns = now;
}

static bool reading(struct http_request *r)
{
    bool body;
    if (!r)
        return true;
    lock_take(&r->lock);
    body = r->phase == PHASE_BODY;
    lock_drop(&r->lock);
    return body;
}

/* A part of the connections, so that the loops, who want the lock too, wait for no long walk: what
 * of it is due, and in *next the earliest of later deadlines. False: that was the last part. */
static bool sweep_part(struct http_server *s, bool probe, int64_t now, struct http_request **due,
                       unsigned *count, int64_t *next)
{
    bool more;
    *count = 0;
    lock_take(&s->lock);
    for (unsigned i = 0; s->swept && i < PART; i++, s->swept = s->swept->next) {
        struct conn *conn = s->swept;
        struct http_request *r = conn->request;
        int64_t at = r ? atomic_load(&r->wake_ns) : conn_check(s, conn, now);
        if (r && at <= now) {
            request_ref(r);
            due[(*count)++] = r;
        }
        *next = at < *next ? at : *next;
        if (probe && reading(r))
            departure_check(conn);
        if (probe)
            head_check(conn, now);
    }
    more = s->swept;
    lock_drop(&s->lock);
    return more;
}

static void sweep_begin(struct http_server *s)
{
    lock_take(&s->lock);
    s->swept = s->conns; /* who comes meanwhile comes before it, and is young */
    lock_drop(&s->lock);
}

/* All connections; when to look again. Deadlines that are set meanwhile are kept a tenth late at
 * most. */
static int64_t sweep(struct http_server *s, int64_t now)
{
    struct http_request *due[PART];
    unsigned count;
    int64_t next = NEVER, most = (int64_t)s->limits.deadline_ms * 1000000 / 10;
    bool more = true, probe = now - s->probed_ns >= PROBE_NS;
    if (probe)
        s->probed_ns = now;
    sweep_begin(s);
    while (more) {
        more = sweep_part(s, probe, now, due, &count, &next);
        for (unsigned i = 0; i < count; i++) {
            request_check(due[i], now);
            request_unref(due[i]);
        }
    }
    most = now + (most < SLEEP_NS_MAX ? most : SLEEP_NS_MAX);
    next = next < most ? next : most;
    return next > now + TICK_NS ? next : now + TICK_NS;
}

/* Replies that are held go now, with their connections. Under server->lock; how many. */
static unsigned room_of_held(struct http_server *s)
{
    unsigned count = 0;
    for (struct conn *conn = s->conns; conn && count < ROOM_MAX; conn = conn->next) {
        struct http_request *r = conn->request;
        if (!r)
            continue;
        lock_take(&r->lock);
        if (r->held_ns) {
            r->close = true;
            hold_end(r);
            count++;
        }
        lock_drop(&r->lock);
    }
    return count;
}

/* Every place is taken and somebody new waits: whose reply is held makes room, or, if nobody's is,
 * those who have been without a request for longest, if for a second at least. */
static void make_room(struct http_server *s)
{
    int64_t now = clock_mono_ns(), oldest = now - PROBE_NS;
    lock_take(&s->lock);
    unsigned left = room_of_held(s) ? 0 : ROOM_MAX;
    for (struct conn *conn = s->conns; conn; conn = conn->next)
        if (!conn->request && conn->since_ns < oldest)
            oldest = conn->since_ns;
    for (struct conn *conn = s->conns; conn && left; conn = conn->next) {
        if (conn->request || conn->since_ns > oldest + PROBE_NS / 2 ||
            now - conn->since_ns < PROBE_NS)
            continue;
        shutdown(conn->fd, SHUT_RDWR);
        conn->since_ns = now; /* its loop closes it */
        left--;
    }
    lock_drop(&s->lock);
}

/* False: not now; wait before the next try. */
static bool welcome(struct http_server *s)
{
    if (atomic_load(&s->connections) < s->limits.connections_max)
        return accept_some(s);
    make_room(s);
    return false;
}

/* When to sweep, after poll: a new connection alone, and a second wake-up within a tick, are no
 * reason to look at all of them. */
static int64_t sweep_when(const struct http_server *s, int64_t at, int64_t swept, bool woken)
{
    int64_t soon = swept + TICK_NS;
    if (!atomic_load(&s->connections))
        return NEVER;
    return (woken || at == NEVER) && soon < at ? soon : at;
}

static int patience_ms(int64_t at, int64_t now)
{
    if (at == NEVER)
        return -1;
    return at > now ? (int)((at - now) / 1000000) + 1 : 0;
}

void watch_run(void *server)
{
    struct http_server *s = server;
    int64_t at = NEVER, swept = 0, now = 0;
    while (!atomic_load(&s->watch_ends)) {
        bool open = !atomic_load(&s->stopping);
        struct pollfd p[2] = {{.fd = s->wake_fd, .events = POLLIN},
                              {.fd = open ? s->listen_fd : -1, .events = POLLIN}};
        uint64_t drain;
        if (poll(p, 2, patience_ms(at, now)) < 0 && errno != EINTR)
            log_event(LOG_ERROR, "poll failed", LOG_S("error", strerror(errno)));
        if (p[0].revents)
            (void)!read(s->wake_fd, &drain, sizeof drain);
        if (open && (p[1].revents & POLLIN) && !welcome(s))
            clock_sleep_ns(TICK_NS / 2);
        if (atomic_load(&s->stopping) && s->listen_fd >= 0) {
            close(s->listen_fd);
            s->listen_fd = -1;
        }
        at = sweep_when(s, at, swept, p[0].revents);
        now = clock_mono_ns();
        if (now >= at) {
            swept = now;
            at = sweep(s, now);
        }
    }
}
