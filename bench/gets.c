/* A client that costs little: GETs of one path at a steady rate, each answer looked at.
 *
 *     bench_gets PORT PATH RATE SECONDS CONNECTIONS FRESH [BODY [CA]]
 *
 * RATE 0: as fast as answers come. FRESH: every so many GETs one begins on a new connection; 0:
 * only after a fault. BODY: a file, what each 200 must hold ("-": not looked at). CA: a PEM file;
 * then it is TLS. Lines on standard input are keys: the last one goes along with each GET. An
 * answer's time counts from when its GET was due, so that a stall is seen by all whom it would have
 * met.
 *
 * Prints one object: gets, failed (no answer, or another body), first_fault, statuses, milliseconds
 * at p50, p99 and the most, a second's GETs, and handshakes; at a steady rate the milliseconds of
 * each GET too, in their order of size. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 20, GETS_MAX = 10000000, PATIENCE_S = 20 };

static struct {
    uint16_t port;
    const char *path;
    double rate;
    int64_t began_ns, end_ns;
    unsigned count, fresh;
    struct str body;
    gnutls_certificate_credentials_t trusted; /* NULL: plain */
    struct lock lock;
    char key[200]; /* lock */
    char fault[200];
    atomic_uint next, failed, dialled;
    atomic_uint statuses[600];
    float *ms; /* of each GET, by its number */
} o;

struct client {
    int fd; /* -1: none */
    gnutls_session_t session;
    char answer[ANSWER_MAX];
};

static void must(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "bench_gets: %s\n", what);
    exit(1);
}

/* ---- a connection ---- */

static void hang_up(struct client *c)
{
    if (c->session)
        gnutls_deinit(c->session);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->session = NULL;
}

static bool shake_hands(struct client *c)
{
    int rc;
    if (gnutls_init(&c->session, GNUTLS_CLIENT) < 0 || gnutls_set_default_priority(c->session) < 0)
        return false;
    gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, o.trusted);
    gnutls_server_name_set(c->session, GNUTLS_NAME_DNS, "localhost", 9);
    gnutls_session_set_verify_cert(c->session, "localhost", 0);
    gnutls_transport_set_int(c->session, c->fd);
    do
        rc = gnutls_handshake(c->session);
    while (rc < 0 && !gnutls_error_is_fatal(rc));
    return rc == 0;
}

static bool dial(struct client *c)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(o.port)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int one = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    atomic_fetch_add(&o.dialled, 1);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return connect(c->fd, (struct sockaddr *)&at, sizeof at) == 0 && (!o.trusted || shake_hands(c));
}

static ssize_t give(struct client *c, const char *s, size_t n)
{
    return c->session ? gnutls_record_send(c->session, s, n) : send(c->fd, s, n, MSG_NOSIGNAL);
}

static ssize_t take(struct client *c, char *s, size_t n)
{
    ssize_t got;
    if (!c->session)
        return recv(c->fd, s, n, 0);
    do
        got = gnutls_record_recv(c->session, s, n);
    while (got < 0 && got != GNUTLS_E_AGAIN && !gnutls_error_is_fatal((int)got));
    return got;
}

/* ---- a GET ---- */

/* NULL: an answer is there, its status in *status and its body in *body. */
static const char *answer_read(struct client *c, int *status, struct str *body)
{
    size_t n = 0, length = 0;
    char *end = NULL, *field;
    while (!end || n < (size_t)(end - c->answer) + length) {
        ssize_t got = n < ANSWER_MAX - 1 ? take(c, c->answer + n, ANSWER_MAX - 1 - n) : -1;
        if (got <= 0)
            return got ? "the answer does not come" : "the connection was closed";
        c->answer[n += (size_t)got] = '\0';
        if (end || !(end = strstr(c->answer, "\r\n\r\n")))
            continue;
        end += 4;
        field = strcasestr(c->answer, "\r\ncontent-length:");
        if (!field || field > end)
            return "the answer has no length";
        length = strtoul(field + 17, NULL, 10);
    }
    *status = atoi(c->answer + 9);
    *body = (struct str){end, length};
    return NULL;
}

static const char *get(struct client *c)
{
    char request[1024];
    int status = 0, n;
    struct str body;
    if (c->fd < 0 && !dial(c))
        return "the connection or its handshake failed";
    lock_take(&o.lock);
    n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n",
                 o.path, *o.key ? "X-API-Key: " : "", o.key, *o.key ? "\r\n" : "");
    lock_drop(&o.lock);
    if (give(c, request, (size_t)n) != n)
        return "the GET could not be sent";
    const char *fault = answer_read(c, &status, &body);
    if (fault)
        return fault;
    if (status < 100 || status > 599)
        return "this is no status";
    atomic_fetch_add(&o.statuses[status], 1);
    return status == 200 && o.body.n && !str_eq(body, o.body) ? "another body" : NULL;
}

static void failed(const char *why)
{
    lock_take(&o.lock);
    if (!atomic_fetch_add(&o.failed, 1))
        snprintf(o.fault, sizeof o.fault, "%s (%s)", why, strerror(errno));
    lock_drop(&o.lock);
}

static void client_run(void *arg)
{
    struct client *c = arg;
    for (;;) {
        unsigned i = atomic_fetch_add(&o.next, 1);
        int64_t due = o.began_ns + (o.rate > 0 ? (int64_t)(i / o.rate * 1e9) : 0);
        int64_t now = clock_mono_ns();
        if (i >= GETS_MAX || due >= o.end_ns || now >= o.end_ns + PATIENCE_S * 1000000000LL ||
            (o.rate <= 0 && now >= o.end_ns))
            break;
        if (due > now)
            clock_sleep_ns(due - now);
        else if (o.rate <= 0)
            due = now;
        if (o.fresh && i % o.fresh == 0)
            hang_up(c);
        const char *why = get(c);
        o.ms[i] = (float)((double)(clock_mono_ns() - due) / 1e6);
        if (why) {
            failed(why);
            hang_up(c);
        }
    }
    hang_up(c);
}

/* ---- the whole ---- */

static void keys_read(void *unused)
{
    char line[200];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        lock_take(&o.lock);
        memcpy(o.key, line, sizeof line);
        lock_drop(&o.lock);
    }
}

static int earlier(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void told(double seconds)
{
    size_t n = 0;
    const char *comma = "";
    for (size_t i = 0; i < GETS_MAX; i++)
        if (o.ms[i] > 0)
            o.ms[n++] = o.ms[i];
    qsort(o.ms, n, sizeof *o.ms, earlier);
    printf("{\"gets\":%zu,\"failed\":%u,\"first_fault\":\"%s\",\"statuses\":{", n,
           atomic_load(&o.failed), o.fault);
    for (int i = 0; i < 600; i++)
        if (atomic_load(&o.statuses[i])) {
            printf("%s\"%d\":%u", comma, i, atomic_load(&o.statuses[i]));
            comma = ",";
        }
    printf("},\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"rate\":%.1f,\"dialled\":%u,\"ms\":[",
           n ? o.ms[n / 2] : 0, n ? o.ms[(size_t)((double)(n - 1) * .99)] : 0, n ? o.ms[n - 1] : 0,
           (double)n / seconds, atomic_load(&o.dialled));
    for (size_t i = 0; i < n && o.rate > 0; i++)
        printf("%s%.3f", i ? "," : "", o.ms[i]);
    printf("]}\n");
}

static void options_read(int argc, char **argv)
{
    struct err_info e = {0};
    char *text;
    must(argc >= 7 && argc <= 9, "PORT PATH RATE SECONDS CONNECTIONS FRESH [BODY [CA]]");
    o.port = (uint16_t)atoi(argv[1]);
    o.path = argv[2];
    o.rate = atof(argv[3]);
    o.count = (unsigned)atoi(argv[5]);
    o.fresh = (unsigned)atoi(argv[6]);
    if (argc > 7 && strcmp(argv[7], "-") != 0) {
        must(!file_read_all(argv[7], ANSWER_MAX, &text, &o.body.n, &e), e.message);
        o.body.s = text;
    }
    if (argc > 8)
        must(gnutls_certificate_allocate_credentials(&o.trusted) == 0 &&
                 gnutls_certificate_set_x509_trust_file(o.trusted, argv[8], GNUTLS_X509_FMT_PEM) >
                     0,
             "the authorities cannot be read");
    o.ms = xcalloc(GETS_MAX, sizeof *o.ms);
    lock_init(&o.lock, LOCK_LEAF);
}

int main(int argc, char **argv)
{
    options_read(argc, argv);
    struct thread **running = xcalloc(o.count, sizeof(struct thread *));
    if (!isatty(0) && poll(&(struct pollfd){.fd = 0, .events = POLLIN}, 1, 0) >= 0)
        (void)thread_start("keys", keys_read, NULL); /* ends with the process */
    clock_sleep_ns(100000000);                       /* the first key */
    o.began_ns = clock_mono_ns();
    o.end_ns = o.began_ns + (int64_t)(atof(argv[4]) * 1e9);
    for (unsigned i = 0; i < o.count; i++) {
        struct client *c = xcalloc(1, sizeof *c);
        c->fd = -1;
        running[i] = thread_start("client", client_run, c);
    }
    for (unsigned i = 0; i < o.count; i++)
        thread_join(running[i]);
    told((double)(clock_mono_ns() - o.began_ns) / 1e9);
    fflush(stdout);
    _exit(0);
}
