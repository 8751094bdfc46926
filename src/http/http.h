/* HTTP: bytes in, bytes out. Listens, bounds sizes and times, refuses what is malformed; knows
 * nothing of documents. libmicrohttpd behind it, none of whose types show here.
 *
 * Threads: `http_handler` functions run on a loop thread and must not block or wait; they hand the
 * request to a pool. After `request` was called, the request belongs to the callee until it calls
 * exactly one http_reply* (or http_reply_end), from any thread; then it may not be touched again. A
 * peer that has left is noticed (http_departed), the reply is still owed.
 *
 * Refused here, through handler->refuse so that the body has the API's shape: two different
 * Content-Length, Content-Length with Transfer-Encoding, unknown transfer codings (400); bodies
 * over the bound (413); a Host that is not localhost, 127.0.0.1, [::1], the bound address or one of
 * `hosts` (421); a foreign Origin or `Sec-Fetch-Site: cross-site` other than a navigation GET
 * (403; pages of `origins` aside, which get CORS headers, never with credentials); more than
 * in_flight_max requests (503 with Retry-After); headers or body that do not arrive within the
 * total deadline (408, then closed). Also: header names that are no tokens, controls, NUL, bare
 * line feeds and folded lines in the head, a target that is not "/...", no or two Host (400,
 * closed); a query that is not percent-encoded UTF-8 (400); a head over 16 KiB or 100 headers
 * (431); Expect other than 100-continue (417); bodies that together pass 16 x body_bytes_max (503).
 * When a wildcard is bound, Host may also be the machine's address that the peer spoke to. Not
 * through refuse, with a page of libmicrohttpd's: a head that it cannot read at all (400), over 32
 * KiB (414, 431), HTTP versions other than 1.x (505), broken chunks (400). Slow heads get a bare
 * 408.
 *
 * With options.tls the same under TLS 1.3 or 1.2; connections that do not shake hands within the
 * deadline are closed.
 *
 * Bodies may be coded with gzip or zstd (415 with Accept-Encoding for others): http_body_read and
 * http_body_expand give what they expand to. Answers of text from 1 KiB to 8 MiB are coded as
 * Accept-Encoding has it, with a weak ETag, for at most a quarter of a core in all.
 *
 * A reply before the body has ended is sent when it has; after 512 KiB or 1 s of waiting for that
 * (at once when more is declared) it is sent regardless, as much again is drained, and the
 * connection is closed. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct http_server;
struct http_request;

/* What a request's body is wanted as; decided once the headers are in. */
enum http_body {
    HTTP_BODY_NONE,   /* read and dropped within the bound */
    HTTP_BODY_WHOLE,  /* collected, at most body_bytes_max, before `request` is called */
    HTTP_BODY_STREAM, /* `request` is called at once; http_body_read pulls, TCP pushes back */
};

struct http_handler {
    void *ctx;
    /* Headers are in, method and path are readable. May reply at once (an early refusal: then the
     * returned value is ignored). */
    enum http_body (*headers)(void *ctx, struct http_request *r);
    void (*request)(void *ctx, struct http_request *r);
    /* Answer with an error in the API's shape by http_reply: `status`, `code` as err_name,
     * `detail`. */
    void (*refuse)(void *ctx, struct http_request *r, int status, const char *code,
                   const char *detail);
    /* After the last byte, or after the peer left: for metrics and the request log. `status` as
     * sent, 499 if the peer left before it had all of it; bytes of bodies, without heads. On a loop
     * or on the thread that replied, whichever is later with the request: so it may come after
     * http_stop, never after http_free. May be NULL. */
    void (*done)(void *ctx, struct http_request *r, int status, uint64_t bytes_in,
                 uint64_t bytes_out, int64_t duration_ns);
};

/* PEM files. The certificate with its chain; client_ca: clients must show a certificate of it. */
struct http_tls {
    const char *certificate, *key, *client_ca; /* client_ca may be NULL */
};

struct http_options {
    const char *address; /* "127.0.0.1", "::1", "0.0.0.0" ... */
    uint16_t port;       /* 0: any free one */
    unsigned threads;    /* loops; 0: 2 */
    struct http_tls tls; /* certificate NULL or "": plain HTTP */
    /* From here on http_configure can change it. */
    unsigned connections_max; /* 0: 1,024 */
    unsigned per_address_max; /* of them of one client, loopback and proxies aside; 0: a quarter */
    unsigned in_flight_max;   /* requests between headers and reply; 0: 256 */
    size_t body_bytes_max;    /* 0: 10 MiB */
    unsigned deadline_ms;     /* of a whole request with its body, streams aside; 0: 30,000 */
    unsigned header_ms;       /* of handshake and head, at most deadline_ms; 0: 10,000 */
    unsigned idle_ms;         /* keep-alive and stalled peers; 0: 30,000 (as at the start) */
    const char *const *hosts; /* further allowed Host names */
    unsigned host_count;
    const char *const *proxies; /* addresses and prefixes that may say who the client is */
    unsigned proxy_count;
    bool standard_forwarded;    /* by Forwarded; else by X-Forwarded-For and X-Forwarded-Proto */
    const char *const *origins; /* "https://app.example.com": pages that may ask, or "*" */
    unsigned origin_count;
    bool plain_answers; /* never coded */
};

/* ERR_CONFLICT: the port is in use (the message says by what next step). Listens when it returns.
 */
enum err http_open(const struct http_options *o, const struct http_handler *h,
                   struct http_server **out, struct err_info *e) MUST_CHECK;
/* Read certificate and key anew (with `tls`: from these files); later connections get them, nobody
 * is disconnected. On an error the old ones stay. A server without TLS: ERR_INVALID. One thread at
 * a time, some milliseconds. */
enum err http_tls_load(struct http_server *s, const struct http_tls *tls,
                       struct err_info *e) MUST_CHECK;
/* Have the files changed since, and stood still since the last call? The same thread. */
bool http_tls_changed(struct http_server *s);
/* Later requests go by these limits and lists, copied. ERR_INVALID names the setting that is wrong:
 * then nothing has changed. Any thread. */
enum err http_configure(struct http_server *s, const struct http_options *o,
                        struct err_info *e) MUST_CHECK;
/* Only that judgement. */
enum err http_options_check(const struct http_options *o, struct err_info *e) MUST_CHECK;
uint16_t http_port(const struct http_server *s);
/* Stops accepting, waits for replies that are owed until deadline_ns, then closes what is left. */
void http_stop(struct http_server *s, int64_t deadline_ns);
/* After http_stop. Join whoever may still reply first, if `ctx` goes away with it; a reply that
 * comes after this all the same is a no-op. */
void http_free(struct http_server *s);
unsigned http_in_flight(const struct http_server *s);

/* ---- the request; views are valid until the reply ---- */
struct str http_method(const struct http_request *r); /* "GET" */
struct str http_path(
    const struct http_request *r); /* as sent, percent-encoding untouched, without the query */
struct str http_header(const struct http_request *r,
                       const char *name); /* case-insensitive; empty if absent */
/* Does a body follow the head? */
bool http_body_comes(const struct http_request *r);
bool http_has_header(const struct http_request *r, const char *name);
/* Is it there more than once? Then http_header gives the first one. */
bool http_header_repeated(const struct http_request *r, const char *name);
/* Percent- and plus-decoded query parameters in order: at most 64. */
struct http_param {
    struct str name, value;
};
const struct http_param *http_params(const struct http_request *r, unsigned *count);
struct str http_body(const struct http_request *r); /* HTTP_BODY_WHOLE; as sent until expanded */
/* HTTP_BODY_WHOLE: puts what a coded body expands to in its place, within body_bytes_max.
 * ERR_SYNTAX: broken; ERR_TOO_LARGE; ERR_BUSY. Before anybody looks at http_body; not on a loop
 * thread. */
enum err http_body_expand(struct http_request *r, struct err_info *e) MUST_CHECK;
struct str http_peer(const struct http_request *r); /* the client's address, without port */
struct arena *http_arena(struct http_request *r);   /* lives until done(); one thread at a time */
const char *
http_trace_id(const struct http_request *r); /* 32 hex digits: from `traceparent` or made */
int64_t http_deadline_ns(const struct http_request *r);
int64_t http_started_ns(const struct http_request *r);
bool http_departed(const struct http_request *r);
void http_set_user(struct http_request *r, void *user); /* for the handler's own use */
void *http_user(const struct http_request *r);
/* %XX decoding of one path segment into the arena. ERR_SYNTAX: bad escape, NUL, or not UTF-8. */
enum err http_decode(struct arena *a, struct str segment, struct str *out);

/* HTTP_BODY_STREAM: waits for the next bytes; *n 0 at the end. ERR_CANCELLED: the peer left or the
 * server stops; ERR_TIMEOUT: stalled over idle_ms; ERR_SYNTAX: broken chunking or coding;
 * ERR_TOO_LARGE: it expands to more than 200 times its size. Not on a loop
 * thread. At most 1 MiB is held. */
enum err http_body_read(struct http_request *r, void *buf, size_t size, size_t *n,
                        struct err_info *e) MUST_CHECK;

/* ---- the reply: exactly one ---- */
/* Before the reply; at most 32; CR and LF assert. */
void http_add_header(struct http_request *r, const char *name, const char *value);
/* Before the reply, one in pieces aside: it is to be sent `ms` later, give or take 100. Meanwhile
 * the request is not in flight and has nothing but its connection; of its body nothing is read, TCP
 * pushes back. Sent at once when the server stops, and when all places for connections are taken
 * and somebody new waits: then its connection is closed with it. */
void http_hold(struct http_request *r, unsigned ms);
/* `body` is copied, or with `free_body` taken over (malloc'd). Content-Type may be NULL for no
 * body. */
void http_reply(struct http_request *r, int status, const char *content_type, struct str body,
                bool free_body);
/* A body that is made while it is sent, in chunks, so that the peer sees whether all of it came:
 * HTTP/1.0 has none, ask http_streams first. Coded as Accept-Encoding has it, whatever its length.
 * At most 256 KiB wait for the peer; one that takes nothing for idle_ms is cut off. For requests
 * whose body is not a stream; from here on http_arena is the loop's. One thread a reply. */
bool http_streams(const struct http_request *r);
void http_reply_begin(struct http_request *r, int status, const char *content_type);
/* Waits for room. ERR_CANCELLED: the peer left or was cut off, or the server stops. */
enum err http_reply_write(struct http_request *r, const void *data, size_t n,
                          struct err_info *e) MUST_CHECK;
/* Not `whole`: the connection is closed without the last chunk. After a HEAD nothing is written. */
void http_reply_end(struct http_request *r, bool whole);
/* The body is a file, sent from its start and closed; removed first if `unlink_it`. */
void http_reply_file(struct http_request *r, int status, const char *content_type, const char *path,
                     bool unlink_it);

#endif
