/* The threads that run MHD: each polls for a daemon of its own, and is handed its connections
 * through a pipe by watch.c.
 *
 * They are ours, not MHD's, because MHD 0.9.75 waits again after an epoll_wait that filled its
 * array, before it looks at what that one brought: exactly 128 events at once, and all of them lie
 * there until a 129th or the idle timeout. Here MHD_run never waits.
 *
 * MHD_get_timeout of 0.9.75 does not count a connection that is being resumed, and MHD_run may
 * empty its own wake-up channel after it looked for one. So whoever resumes also wakes the loop
 * here: `woken` is lowered before MHD_run looks, hence what was resumed before is seen by it and
 * what is resumed after it writes to the pipe again. */
#include "http/internal.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAKE = -1, TAKE_MAX = 64, CONNECTIONS_MAX = 1 << 20 /* ours is the bound */ };

void loop_wake(struct loop *l)
{
    int message = WAKE;
    if (!atomic_exchange(&l->woken, true))
        (void)!write(l->pipe[1], &message, sizeof message); /* full: it is awake */
}

static struct loop *loop_least(struct http_server *s)
{
    struct loop *least = &s->loops[0];
    for (unsigned i = 1; i < s->o.threads; i++)
        if (atomic_load(&s->loops[i].connections) < atomic_load(&least->connections))
            least = &s->loops[i];
    return least;
}

void loop_forget(struct loop *l)
{
    struct http_server *s = l->server;
    atomic_fetch_sub(&l->connections, 1);
    if (atomic_fetch_sub(&s->connections, 1) >= s->limits.connections_max)
        watch_wake(s); /* it had stopped accepting */
}

void loops_hand(struct http_server *s, int fd)
{
    struct loop *l = loop_least(s);
    atomic_fetch_add(&s->connections, 1);
    atomic_fetch_add(&l->connections, 1);
    if (write(l->pipe[1], &fd, sizeof fd) == sizeof fd)
        return;
    close(fd);
    loop_forget(l);
}

static void loop_take(struct loop *l, int fd)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    unsigned before = l->started;
    struct address address;
    bool known = getpeername(fd, (struct sockaddr *)&from, &size) == 0 &&
                 sockaddr_read((struct sockaddr *)&from, &address);
    if (!known || share_full(l->server, &address))
        close(fd); /* the peer has left meanwhile, or has enough */
    else
        (void)MHD_add_connection(l->daemon, fd, (struct sockaddr *)&from, size);
    if (l->started == before)
        loop_forget(l); /* MHD has closed it, and said nothing to loop_connection */
}

static void loop_read(struct loop *l, bool take)
{
    int messages[TAKE_MAX];
    ssize_t n = read(l->pipe[0], messages, sizeof messages);
    for (ssize_t i = 0; i < n / (ssize_t)sizeof *messages; i++) {
        if (messages[i] == WAKE)
            continue;
        if (take) {
            loop_take(l, messages[i]);
        } else {
            close(messages[i]);
            loop_forget(l);
        }
    }
}

static int loop_patience_ms(struct loop *l)
{
    unsigned long long ms;
    if (MHD_get_timeout(l->daemon, &ms) != MHD_YES)
        return -1;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void loop_run(void *arg)
{
    struct loop *l = arg;
    const union MHD_DaemonInfo *epoll = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    while (!atomic_load(&l->server->aborting)) {
        struct pollfd p[2] = {{.fd = epoll->epoll_fd, .events = POLLIN},
                              {.fd = l->pipe[0], .events = POLLIN}};
        (void)poll(p, 2, loop_patience_ms(l));
        atomic_store(&l->woken, false);
        if (p[1].revents)
            loop_read(l, true);
        (void)MHD_run(l->daemon);
    }
}

/* ---- life ---- */

__attribute__((format(printf, 2, 0))) static void mhd_log(void *cls, const char *fmt, va_list ap)
{
    char text[512];
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    log_event(LOG_DEBUG, "microhttpd", LOG_S("said", text));
}

/* The path and the query are decoded by ourselves, strictly. */
static size_t unescape_nothing(void *cls, struct MHD_Connection *c, char *text)
{
    return strlen(text);
}

/* Never asked: each session is given credentials of its own (tls.c). MHD wants some to start. */
static int certificate_none(gnutls_session_t session, const gnutls_datum_t *request, int requests,
                            const gnutls_pk_algorithm_t *kinds, int kind_count,
                            gnutls_pcert_st **certificates, unsigned *count, gnutls_privkey_t *key)
{
    return -1;
}

/* thread_start blocks SIGPIPE, which MHD wants to know before it uses sendfile. */
static struct MHD_Daemon *daemon_start(struct loop *l)
{
    unsigned idle_ms = l->server->limits.idle_ms;
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)tls_priorities},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(intptr_t)certificate_none},
        {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    if (l->server->tls)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, loop_call, l->server, MHD_OPTION_EXTERNAL_LOGGER, mhd_log, NULL,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL, MHD_OPTION_URI_LOG_CALLBACK,
        loop_line, l->server, MHD_OPTION_NOTIFY_COMPLETED, loop_completed, l->server,
        MHD_OPTION_NOTIFY_CONNECTION, loop_connection, l, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (idle_ms + 999) / 1000 + 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, l->server->tls ? tls : plain,
        MHD_OPTION_END);
}

enum err loops_open(struct http_server *s, struct err_info *e)
{
    s->strict_layout = strncmp(MHD_get_version(), "0.9.75", 6) == 0; /* before a loop runs */
    s->loops = xcalloc(s->o.threads, sizeof *s->loops);
    for (unsigned i = 0; i < s->o.threads; i++)
        s->loops[i] = (struct loop){.server = s, .pipe = {-1, -1}};
    for (unsigned i = 0; i < s->o.threads; i++) {
        struct loop *l = &s->loops[i];
        if (pipe2(l->pipe, O_NONBLOCK | O_CLOEXEC) < 0)
            return err_errno(e, errno, "open", "pipe");
        l->daemon = daemon_start(l);
        if (!l->daemon)
            return err_set(e, ERR_UNAVAILABLE, NULL, "the HTTP loops did not start: %s",
                           strerror(errno));
    }
    for (unsigned i = 0; i < s->o.threads; i++)
        s->loops[i].thread = thread_start("akin-loop", loop_run, &s->loops[i]);
    return ERR_OK;
}

void loops_join(struct http_server *s)
{
    for (unsigned i = 0; i < s->o.threads; i++)
        loop_wake(&s->loops[i]);
    for (unsigned i = 0; i < s->o.threads; i++)
        thread_join(s->loops[i].thread);
    for (unsigned i = 0; i < s->o.threads; i++) {
        struct loop *l = &s->loops[i];
        while (poll(&(struct pollfd){.fd = l->pipe[0], .events = POLLIN}, 1, 0) > 0)
            loop_read(l, false);
        MHD_stop_daemon(l->daemon);
        l->daemon = NULL;
    }
}

void loops_release(struct http_server *s)
{
    for (unsigned i = 0; s->loops && i < s->o.threads; i++) {
        struct loop *l = &s->loops[i];
        if (l->daemon)
            MHD_stop_daemon(l->daemon); /* its thread was never started */
        for (int end = 0; end < 2; end++)
            if (l->pipe[end] >= 0)
                close(l->pipe[end]);
    }
    free(s->loops);
}
