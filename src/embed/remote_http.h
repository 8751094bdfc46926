/* One request to a remote provider, through libcurl (private). No retries, no redirects; TLS is
 * verified; what comes back is bounded. */
#ifndef EMBED_REMOTE_HTTP_H
#define EMBED_REMOTE_HTTP_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

/* How a request ended; the label of akin_embed_remote_requests_total. */
enum remote_outcome {
    REMOTE_OK,
    REMOTE_TIMEOUT,
    REMOTE_CONNECTION, /* not reached, cut off, or TLS not trusted */
    REMOTE_THROTTLED,  /* 429 */
    REMOTE_SERVER,     /* 5xx */
    REMOTE_REFUSED,    /* other 4xx: the key, the model, the text */
    REMOTE_REDIRECT,
    REMOTE_BAD_ANSWER, /* 200, but not what was asked for */
    REMOTE_CANCELLED,
    REMOTE_OUTCOMES
};

struct remote_http;
struct remote_http_options {
    const char *url; /* of the embeddings, whole */
    const char *key; /* NULL: none. Sent as a bearer token, kept nowhere else */
    bool direct;     /* past any proxy of the environment: loopback */
};
enum err remote_http_new(const struct remote_http_options *o, struct remote_http **out,
                         struct err_info *e) MUST_CHECK;
void remote_http_free(struct remote_http *h); /* NULL is allowed */

struct remote_reply {
    enum remote_outcome outcome;
    long status;            /* 0: there was none */
    struct strbuf body;     /* the caller's, to be released */
    int64_t retry_after_ns; /* -1: not said */
    char fault[160];        /* of the connection */
};
/* `stop`: becomes true (atomic) when the request is to be given up. Connections are kept. Any
 * thread; waits at most timeout_ms. */
void remote_http_post(struct remote_http *h, struct str body, size_t answer_max,
                      unsigned timeout_ms, const bool *stop, struct remote_reply *out);

#endif
