/* The inside of http/: a server, its connections, their requests. Private to http/.
 *
 * Threads: the loops (loops.c) run MHD, which calls loop.c; one more (watch.c) accepts connections
 * and watches the clock; everybody else calls request.c and reply.c. A connection belongs to its
 * loop. A request has two holders: the loop, until MHD says that it is completed, and whoever owes
 * the reply; it is freed by the later one. What they share is under request->lock.
 *
 * Locks: server->lock (LOCK_HTTP: the list of connections, conn->request), then request->lock
 * (LOCK_QUEUE). Under request->lock only calls that do not wait: MHD's suspend and resume, and
 * non-blocking socket calls, which need it because the descriptor lives until `gone`. The handler
 * is never called under a lock. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "base/arena.h"
#include "base/thread.h"
#include "http/http.h"
#include "http/parse.h"
#include "http/coding.h"
#include "http/tls.h"
#include "http/forwarded.h"
#include <microhttpd.h>
#include <stdatomic.h>

enum {
    REPLY_HEADERS_MAX = 32,
    HEADERS_MAX = 100,
    HEADER_BYTES_MAX = 16 << 10, /* of a request's head; MHD's own bound is CONNECTION_BYTES */
    CONNECTION_BYTES = 32 << 10,
    RING_BYTES = 256 << 10,
    DRAIN_BYTES = 512 << 10, /* before a reply into an unfinished body, and again after it */
    SHARES = 1024,
    BODIES_BUDGET = 16, /* x body_bytes_max: all collected bodies together */
};
#define DRAIN_NS 1000000000LL /* the same, in time */
#define REPLY_BYTES_PER_MS 32 /* a slower reader is cut off after deadline_ms more */
#define NEVER INT64_MAX

struct loop {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    struct thread *thread;
    int pipe[2];             /* descriptors of new connections, or a wake-up */
    atomic_bool woken;       /* a wake-up is in the pipe, or about to be */
    atomic_uint connections; /* of it, those in the pipe too */
    unsigned started;        /* loop: connections that MHD has ever begun to serve */
};

/* What http_configure can change besides numbers. Immutable; freed by the last holder. */
struct policy {
    atomic_uint refs;
    char **hosts, **origins;
    unsigned host_count, origin_count;
    struct prefix *proxies;
    unsigned proxy_count;
    bool standard_forwarded, any_origin;
};

struct limits {
    atomic_uint connections_max, per_address_max, in_flight_max, deadline_ms, header_ms, idle_ms;
    atomic_size_t body_bytes_max;
    atomic_bool plain_answers;
};

/* The connections of one client address, or of one IPv6 /64. */
struct share {
    struct share *next;
    struct address address;
    unsigned count;
};

struct conn {
    struct http_server *server;
    struct loop *loop;
    struct conn *next, **link;    /* server->lock */
    struct http_request *request; /* server->lock */
    int64_t since_ns;             /* server->lock: accepted, or the last request ended */
    int64_t head_ns; /* server->lock: the next head began to come; 0: nothing of it, as far as we
                        know */
    bool fresh;      /* server->lock: no request yet */
    struct share *share;    /* server->lock */
    struct address address; /* of the peer */
    int fd;
    struct tls_set *tls; /* NULL: plain */
    char peer[48], local[48];
};

struct http_server {
    struct http_options o; /* what cannot change, defaults filled in, strings owned */
    struct limits limits;
    struct lock rules_lock;
    struct policy *rules; /* rules_lock */
    struct http_handler handler;
    struct tls *tls;    /* NULL: plain HTTP */
    struct loop *loops; /* o.threads */
    struct thread *watch;
    int listen_fd, wake_fd;
    int64_t probed_ns; /* watch.c */
    uint16_t port;
    bool wildcard;
    bool strict_layout; /* see head_contiguous */
    struct lock lock;
    struct cond quiet; /* a request completed */
    struct conn *conns;
    struct conn *swept;           /* lock: where watch.c goes on; NULL: nowhere */
    struct share *shares[SHARES]; /* lock */
    unsigned open;                /* server->lock: requests that MHD has not completed */
    atomic_uint connections, in_flight, refs;
    atomic_uint arriving; /* of those in flight: nobody works on them, their body is on its way */
    atomic_size_t bodies_bytes;
    struct lock packing; /* of the next two: the share of time that coding answers may take */
    int64_t pack_credit_ns, pack_seen_ns;
    atomic_bool stopping; /* no new connection or request */
    atomic_bool aborting; /* what is left is closed */
    atomic_bool watch_ends;
    atomic_bool stopped, freed;
};

enum phase {
    PHASE_HEADERS, /* the request line is in */
    PHASE_BODY,    /* the body is arriving */
    PHASE_READY,   /* all of it is in */
    PHASE_DEAD,    /* given up: the loop closes at its next call */
};

struct reply {
    bool set, queued;
    int status;
    const char *content_type; /* arena */
    struct {
        const char *name, *value; /* arena */
    } headers[REPLY_HEADERS_MAX];
    unsigned header_count;
    char *body;     /* malloc */
    uint64_t bytes; /* of body or file */
    int fd;         /* -1: none */
    enum coding coding;
    bool vary;         /* another Accept-Encoding might get another answer */
    bool streamed;     /* in pieces, through the ring: stream.c */
    bool ended, whole; /* streamed: nothing follows; all of it was there */
    int64_t until_ns;  /* queued: a slower reader is cut off */
};

/* A reply that MHD would not take because the body is still arriving: written by ourselves. */
struct raw {
    bool started, done;
    char *head;
    size_t head_bytes;
    uint64_t sent; /* of head and body together */
    int64_t end_ns;
};

struct http_request {
    struct http_server *server;
    struct arena *arena;
    struct lock lock;
    struct cond more; /* ring: bytes came, ended, or gone */
    atomic_uint refs;
    _Atomic int64_t wake_ns; /* when watch.c must look */

    /* Written by the loop before anybody else sees the request. */
    struct str method, path, query;
    struct header *headers;
    unsigned header_count;
    struct http_param *params;
    unsigned param_count;
    struct framing framing;
    enum http_body want;
    char trace_id[33];
    int64_t started_ns, deadline_ns;
    struct str peer;
    const struct address *address; /* of the connection's other end, until the head is in */
    bool secure, old;              /* old: HTTP/1.0 */
    enum coding coding, accepts;   /* of the body, and for the answer */
    struct expander *expander;     /* STREAM: of whoever reads it */
    struct packer *packer;         /* a reply in pieces: of whoever writes it */
    const char *cors;              /* Access-Control-Allow-Origin; NULL: none */
    bool preflight, vary_origin;
    const char *local;
    struct loop *loop;
    uintptr_t line_at, line_end; /* of the target, in MHD's buffer */
    bool counted;                /* headers were in: done() is owed */
    void *user;
    unsigned hold_ms; /* of whoever owes the reply */

    /* Under lock. */
    enum phase phase;
    struct MHD_Connection *connection;
    int fd;
    void *session;  /* of TLS; NULL: plain */
    bool gone;      /* MHD has completed it: connection and fd are no more */
    bool broken;    /* ended by a fault of the client's encoding */
    bool completed; /* MHD sent the whole reply */
    bool suspended;
    bool claimed;    /* somebody owes, or has given, the reply */
    bool arriving;   /* counted so in the server */
    bool close;      /* after the reply */
    int64_t held_ns; /* the reply is set, and not to be sent before; 0: not held */
    struct reply reply;
    struct raw raw;
    uint64_t bytes_in, drained;
    int64_t fault_ns; /* the reply came while the body was arriving; 0: no */
    char *body;
    size_t body_bytes, body_cap;
    char *ring;
    size_t ring_at, ring_count;
    bool ended;
};

/* request.c */
struct http_request *request_new(struct http_server *s, struct MHD_Connection *c, struct conn *conn,
                                 const char *target);
void request_ref(struct http_request *r);
void request_unref(struct http_request *r);
void request_complete(struct http_request *r, enum MHD_RequestTerminationCode why);
void request_resume(struct http_request *r);  /* lock held */
void request_arrived(struct http_request *r); /* or will not; lock held */
/* Answer from inside http/; false: somebody else is answering. */
bool request_refuse(struct http_request *r, int status, const char *code, const char *detail);
/* Bytes of a WHOLE body; 0, or the status that refuses them. Lock held. */
int request_collect(struct http_request *r, const char *data, size_t n);
/* lock held */
size_t request_ring_add(struct http_request *r, const char *data, size_t n);
size_t request_ring_take(struct http_request *r, char *out, size_t size);
void request_suspend(struct http_request *r);

/* reply.c; lock held */
enum MHD_Result reply_queue(struct http_request *r);
void reply_release(struct http_request *r); /* no lock needed any more */
void hold_end(struct http_request *r);      /* a held reply is to be sent now */
void raw_start(struct http_request *r, int64_t now);
void raw_pump(struct http_request *r);
/* A bare 408 before the head is in; `session` NULL: plain. */
void raw_timeout(int fd, void *session);

/* stream.c */
struct MHD_Response *stream_response(struct http_request *r);

/* loop.c */
bool sockaddr_read(const struct sockaddr *sa, struct address *out);

/* loops.c */
enum err loops_open(struct http_server *s, struct err_info *e);
void loops_hand(struct http_server *s, int fd); /* a new connection, to the idlest; owns fd */
void loop_wake(struct loop *l);                 /* after MHD_resume_connection */
void loop_forget(struct loop *l);               /* one of its connections is no more */
void loops_join(struct http_server *s); /* after `aborting`: ends the loops, closes what is left */
void loops_release(struct http_server *s);

/* loop.c: MHD's callbacks */
enum MHD_Result loop_call(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                          const char *version, const char *data, size_t *n, void **context);
void *loop_line(void *cls, const char *target, struct MHD_Connection *c);
void loop_completed(void *cls, struct MHD_Connection *c, void **context,
                    enum MHD_RequestTerminationCode why);
void loop_connection(void *cls, struct MHD_Connection *c, void **context,
                     enum MHD_ConnectionNotificationCode what);

/* watch.c */
void watch_run(void *server);
void watch_wake(struct http_server *s);

/* rules.c */
enum err policy_make(const struct http_options *o, struct policy **out, struct err_info *e);
struct policy *policy_take(struct http_server *s);
void policy_drop(struct policy *r);
void limits_set(struct limits *l, const struct http_options *o);
bool share_full(struct http_server *s, const struct address *a); /* may this client have no more? */
void share_add(struct http_server *s, struct conn *conn);        /* lock held */
void share_remove(struct http_server *s, struct conn *conn);     /* lock held */
void shares_release(struct http_server *s);

/* server.c */
void server_unref(struct http_server *s);

#endif
