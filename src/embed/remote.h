/* The inside of a remote model (private).
 *
 *   remote.c         opening: the address, what is asked at first, metrics
 *   remote_call.c    texts -> parts -> requests with retries -> vectors
 *   remote_http.c    one request
 *   remote_answer.c  what came back
 *   remote_pace.c    when it may be asked: breaker, pauses, backoff
 *
 * Threads: any number of callers. A call of one part is made by its caller, those of more go to a
 * pool of `concurrency` threads, interactive ones first; so a query never waits for a thread. */
#ifndef EMBED_REMOTE_H
#define EMBED_REMOTE_H

#include "base/metrics.h"
#include "base/pool.h"
#include "embed/embed.h"
#include "embed/remote_http.h"
#include "embed/remote_pace.h"

struct remote_metrics {
    struct counter *outcomes[REMOTE_OUTCOMES], *retries, *tokens, *all_tokens, *texts;
    struct gauge *breaker;
    struct histogram *seconds;
};

struct remote {
    struct remote_http *http;
    struct pool *pool;
    char *model, *key, *host; /* key: "" if there is none; host: for messages */
    unsigned dims;            /* 0 until it is known */
    unsigned tokens_max, timeout_ms, batch_size;
    struct remote_metrics metrics;
    bool stop; /* atomic; set under the lock */

    struct lock lock;    /* for all that follows */
    struct cond changed; /* stop, or a part of a call is done */
    struct pace pace;
    bool send_dims, dims_taken; /* "dimensions" is part of the request; it was accepted before */
    bool other_dims;            /* a vector had other dimensions than it should have */
    char last[240];             /* the last failure */
};

/* Embeds all or fails as a whole; waits. As embedder_embed, and
 * ERR_UNAVAILABLE: the provider is away, asks to be left alone, refuses akin, or answers nonsense;
 * ERR_TIMEOUT; ERR_CANCELLED: stopping; ERR_INVALID: it refuses this text ("/i") and takes others,
 * or ids or rows are wanted. `texts[i].tokens`: what the provider counted, shared out by estimates.
 */
enum err remote_embed(struct remote *r, const struct model_info *info, enum embed_role role,
                      enum lane lane, struct embed_text *texts, size_t count, int64_t deadline_ns,
                      struct err_info *e) MUST_CHECK;
void remote_free(struct remote *r); /* NULL is allowed */

/* model.c: texts on unlike things, for the mean cosine of a model that is not known. */
#define SAMPLE_TEXTS 12
extern const char *const sample_texts[SAMPLE_TEXTS];

#endif
