#include "embed/remote.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "embed/model.h"
#include "embed/remote_answer.h"
#include "math/dot.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX_DEFAULT 8191
#define TOKENS_BEST 512 /* of a passage: finds better than a page does */
#define TIMEOUT_MS_DEFAULT 10000
#define BATCH_SIZE_DEFAULT 32
#define CONCURRENCY_DEFAULT 4
#define QUEUE_MAX 1024 /* parts waiting for a thread, then their callers make them */
#define KEY_BYTES_MAX 4096
#define MEAN_COSINE_UNKNOWN .2f
#define SECOND_NS 1000000000LL

/* ---- the address ---- */

struct address {
    char *url;      /* of the embeddings */
    char *endpoint; /* host[:port]/path: what a digest is of */
    char *host;     /* for messages */
    bool https, loopback;
};

static void address_release(struct address *a)
{
    free(a->url);
    free(a->endpoint);
    free(a->host);
}

static char *url_part(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    if (curl_url_get(u, part, &text, part == CURLUPART_PORT ? CURLU_NO_DEFAULT_PORT : 0))
        return xstrdup("");
    char *copy = xstrdup(text);
    curl_free(text);
    return copy;
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "[::1]") == 0;
}

static enum err url_wrong(struct err_info *e, const char *what)
{
    return err_set(e, ERR_INVALID, "embed.base_url",
                   "embed.base_url %s; it is the address in front of /embeddings, like "
                   "https://api.openai.com/v1",
                   what);
}

/* What is between scheme and path, and the path without a slash at its end. */
static void address_fill(struct address *a, const char *scheme, char *host, const char *port,
                         char *path)
{
    struct strbuf b;
    for (size_t n = strlen(path); n > 0 && path[n - 1] == '/';)
        path[--n] = 0;
    for (char *p = host; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    a->https = strcmp(scheme, "https") == 0;
    a->loopback = is_loopback(host);
    strbuf_init(&b, 0);
    strbuf_printf(&b, "%s%s%s", host, port[0] ? ":" : "", port);
    a->host = xstrdup(b.buf);
    strbuf_printf(&b, "%s", path);
    a->endpoint = strbuf_detach(&b, NULL);
    strbuf_printf(&b, "%s://%s/embeddings", scheme, a->endpoint);
    a->url = strbuf_detach(&b, NULL);
}

static enum err address_check(CURLU *u, struct address *a, struct err_info *e)
{
    static const CURLUPart not_wanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                           CURLUPART_FRAGMENT};
    enum err err = ERR_OK;
    for (size_t i = 0; i < 4 && !err; i++) {
        char *part = url_part(u, not_wanted[i]);
        if (part[0]) /* not shown: it may be a secret */
            err = url_wrong(e, "must have no user, password, query or fragment");
        free(part);
    }
    char *scheme = url_part(u, CURLUPART_SCHEME), *host = url_part(u, CURLUPART_HOST),
         *port = url_part(u, CURLUPART_PORT), *path = url_part(u, CURLUPART_PATH);
    if (!err && strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        err = url_wrong(e, "must start with https:// or http://");
    if (!err)
        address_fill(a, scheme, host, port, path);
    free(scheme);
    free(host);
    free(port);
    free(path);
    return err;
}

static enum err address_parse(const char *url, struct address *a, struct err_info *e)
{
    *a = (struct address){0};
    CURLU *u = curl_url();
    if (!u)
        return err_set(e, ERR_NO_MEMORY, "embed.base_url", "libcurl did not start");
    enum err err = curl_url_set(u, CURLUPART_URL, url, 0) ? url_wrong(e, "cannot be read as one")
                                                          : address_check(u, a, e);
    curl_url_cleanup(u);
    return err;
}

/* ---- options ---- */

static enum err key_check(const char *key, struct err_info *e)
{
    size_t n = key ? strlen(key) : 0;
    bool good = n <= KEY_BYTES_MAX;
    for (size_t i = 0; i < n && good; i++)
        good = key[i] > ' ' && key[i] < 0x7f;
    if (good)
        return ERR_OK;
    return err_set(e, ERR_INVALID, "embed.api_key",
                   "embed.api_key must be at most %d printable ASCII characters without blanks",
                   KEY_BYTES_MAX);
}

static enum err options_check(const struct remote_options *o, struct err_info *e)
{
    if (!o->model || !o->model[0] || strlen(o->model) >= sizeof((struct model_info){0}).name)
        return err_set(e, ERR_INVALID, "embed.model",
                       "embed.model must be the name of a model of the provider, 1 to %zu bytes, "
                       "like text-embedding-3-small",
                       sizeof((struct model_info){0}).name - 1);
    if (o->dims > REMOTE_DIMS_MAX)
        return err_set(e, ERR_INVALID, "embed.dimensions", "embed.dimensions is at most %d",
                       REMOTE_DIMS_MAX);
    return key_check(o->api_key, e);
}

/* ---- life ---- */

static void metrics_declare(struct remote *r)
{
    static const char *const names[REMOTE_OUTCOMES] = {
        [REMOTE_OK] = "ok",
        [REMOTE_TIMEOUT] = "timeout",
        [REMOTE_CONNECTION] = "connection",
        [REMOTE_THROTTLED] = "throttled",
        [REMOTE_SERVER] = "server_error",
        [REMOTE_REFUSED] = "refused",
        [REMOTE_REDIRECT] = "redirect",
        [REMOTE_BAD_ANSWER] = "bad_answer",
        [REMOTE_CANCELLED] = "cancelled",
    };
    struct remote_metrics *m = &r->metrics;
    struct counter_family *f =
        counter_family("embed_remote_requests_total",
                       "Requests to the embedding provider by how they ended", "outcome");
    for (int i = 0; i < REMOTE_OUTCOMES; i++)
        m->outcomes[i] = counter_of(f, &names[i]);
    m->retries = counter_of(counter_family("embed_remote_retries_total",
                                           "Requests to the provider that were repeats", NULL),
                            NULL);
    m->tokens = counter_of(
        counter_family("embed_remote_tokens_total", "Tokens that the provider counted", NULL),
        NULL);
    m->breaker = gauge_of(gauge_family("embed_remote_breaker_state",
                                       "0: the provider is asked, 1: it is left alone after "
                                       "failures, 2: it is tried",
                                       NULL),
                          NULL);
    m->seconds = histogram_of(histogram_family("embed_remote_request_seconds",
                                               "Time of a request to the provider", NULL, NULL, 0),
                              NULL);
    m->texts = counter_of(counter_family("embeddings_generated_total", "Texts embedded", "model"),
                          (const char *[]){r->model});
    m->all_tokens = counter_of(
        counter_family("embed_tokens_total", "Tokens embedded, special tokens included", NULL),
        NULL);
}

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

static enum err remote_new(const struct remote_options *o, const struct address *a,
                           struct remote **out, struct err_info *e)
{
    struct remote *r = xcalloc(1, sizeof *r);
    r->model = xstrdup(o->model);
    r->key = xstrdup(o->api_key ? o->api_key : "");
    r->host = xstrdup(a->host);
    r->dims = o->dims ? o->dims : o->dims_known;
    r->send_dims = o->dims > 0;
    r->tokens_max = or_default(o->tokens_max, TOKENS_MAX_DEFAULT);
    r->timeout_ms = or_default(o->timeout_ms, TIMEOUT_MS_DEFAULT);
    r->batch_size = or_default(o->batch_size, BATCH_SIZE_DEFAULT);
    lock_init(&r->lock, LOCK_EMBED);
    cond_init(&r->changed);
    metrics_declare(r);
    struct remote_http_options ho = {
        .url = a->url, .key = r->key[0] ? r->key : NULL, .direct = a->loopback};
    enum err err = remote_http_new(&ho, &r->http, e);
    if (err) {
        remote_free(r);
        return err;
    }
    r->pool = pool_new("embed-remote", or_default(o->concurrency, CONCURRENCY_DEFAULT), QUEUE_MAX);
    *out = r;
    return ERR_OK;
}

void remote_free(struct remote *r)
{
    if (!r)
        return;
    if (r->pool)
        pool_free(r->pool);
    remote_http_free(r->http);
    explicit_bzero(r->key, strlen(r->key));
    cond_release(&r->changed);
    lock_release(&r->lock);
    free(r->key);
    free(r->model);
    free(r->host);
    free(r);
}

/* ---- the model ---- */

/* How long its vectors are, and how near those of unlike texts: by one request. */
static enum err learn(struct model *m, struct err_info *e)
{
    struct remote *r = m->remote;
    size_t room = r->dims ? r->dims : REMOTE_DIMS_MAX;
    float *vectors = xcalloc(SAMPLE_TEXTS * room, sizeof *vectors);
    struct embed_text texts[SAMPLE_TEXTS];
    double sum = 0;
    size_t count = r->batch_size < SAMPLE_TEXTS ? r->batch_size : SAMPLE_TEXTS; /* one request */
    for (size_t i = 0; i < count; i++)
        texts[i] = (struct embed_text){.text = str_c(sample_texts[i]), .out = vectors + i * room};
    enum err err = remote_embed(r, &m->info, ROLE_NONE, LANE_INTERACTIVE, texts, count, 0, e);
    for (size_t i = 0; i < count && !err; i++)
        for (size_t j = 0; j < i; j++)
            sum += (double)dot_f32(texts[i].out, texts[j].out, r->dims);
    if (!err && count > 1)
        m->info.mean_cosine = (float)(sum / (double)(count * (count - 1) / 2));
    free(vectors);
    return err;
}

static enum err learn_if_needed(struct model *m, const struct remote_options *o, struct err_info *e)
{
    struct err_info info = {0};
    enum err err = ERR_OK;
    m->info.mean_cosine = MEAN_COSINE_UNKNOWN;
    if (o->dims_known && o->dims_known == m->remote->dims)
        m->info.mean_cosine = o->mean_cosine_known;
    else if ((err = learn(m, &info)) == ERR_OK)
        m->remote_learned = true;
    else if (o->dims && m->remote->other_dims)
        return err_set(e, ERR_INVALID, "embed.dimensions", "embed.dimensions is %u, but %s",
                       o->dims, info.message);
    else if (!m->remote->dims)
        return err_set(e, err, "embed.dimensions",
                       "%s. To start without it, set embed.dimensions to the length of the "
                       "model's vectors",
                       info.message);
    if (err)
        log_event(LOG_WARN, "the embedding provider is away; words are searched meanwhile",
                  LOG_S("reason", info.message));
    return ERR_OK;
}

static void digest(struct model *m, const char *endpoint)
{
    struct strbuf b;
    struct sha256 s;
    uint8_t sum[32];
    strbuf_init(&b, 0);
    strbuf_printf(&b, "akin remote model 1\nendpoint %s\nmodel %s\ndimensions %u\n", endpoint,
                  m->remote->model, m->remote->dims);
    sha256_init(&s);
    sha256_add(&s, b.buf, b.n);
    sha256_end(&s, sum);
    sha256_hex(sum, m->info.digest);
    strbuf_release(&b);
}

static void info_fill(struct model *m)
{
    const struct remote *r = m->remote;
    snprintf(m->info.name, sizeof m->info.name, "%s", r->model);
    m->info.dims = m->info.dims_full = m->info.hidden = r->dims;
    m->info.tokens_max = r->tokens_max;
    m->info.tokens_best = r->tokens_max < TOKENS_BEST ? r->tokens_max : TOKENS_BEST;
    m->info.pooling = "remote";
    m->info.architecture = "remote";
    m->info.precision = PRECISION_FP32;
}

enum err model_open_remote(const struct remote_options *o, struct model **out, struct err_info *e)
{
    struct address a = {0};
    struct model *m = xcalloc(1, sizeof *m);
    m->refs = 1;
    m->tokenizer = tokenizer_estimate();
    enum err err = options_check(o, e);
    if (!err)
        err = address_parse(o->base_url && o->base_url[0] ? o->base_url : REMOTE_BASE_URL, &a, e);
    if (!err)
        err = remote_new(o, &a, &m->remote, e);
    if (!err) {
        if (!a.https && !a.loopback && m->remote->key[0])
            log_event(LOG_WARN, "embed.base_url is http: the key and the texts travel unprotected",
                      LOG_S("host", a.host));
        info_fill(m); /* for the first request */
        err = learn_if_needed(m, o, e);
    }
    if (!err) {
        info_fill(m);
        digest(m, a.endpoint);
        *out = m;
    } else {
        model_unref(m);
    }
    address_release(&a);
    return err;
}

bool model_is_remote(const struct model *m)
{
    return m->remote != NULL;
}

bool model_remote_learned(const struct model *m)
{
    return m->remote_learned;
}

unsigned model_retry_after_s(const struct model *m)
{
    struct remote *r = m->remote;
    if (!r)
        return 0;
    lock_take(&r->lock);
    int64_t wait_ns = pace_wait_ns(&r->pace, clock_mono_ns());
    lock_drop(&r->lock);
    return (unsigned)((wait_ns + SECOND_NS - 1) / SECOND_NS);
}

void model_stop(struct model *m)
{
    struct remote *r = m->remote;
    if (!r)
        return;
    lock_take(&r->lock);
    __atomic_store_n(&r->stop, true, __ATOMIC_RELAXED);
    cond_broadcast(&r->changed);
    lock_drop(&r->lock);
}
