/* Threads: handles of libcurl are taken from a stack under the lock, and used outside of it; each
 * keeps its connection. The header list is made once and only read. */
#include "embed/remote_http.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/thread.h"
#include "embed/remote_pace.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HANDLES_KEPT 64
#define CONNECT_MS_MAX 3000

struct remote_http {
    struct lock lock;
    CURL *handles[HANDLES_KEPT];
    unsigned count;
    char *url;
    bool direct;
    struct curl_slist *headers; /* with the key */
};

/* ---- life ---- */

static void headers_free(struct curl_slist *list)
{
    for (struct curl_slist *l = list; l; l = l->next)
        explicit_bzero(l->data, strlen(l->data));
    curl_slist_free_all(list);
}

static enum err header_add(struct remote_http *h, const char *text, struct err_info *e)
{
    struct curl_slist *longer = curl_slist_append(h->headers, text);
    if (!longer)
        return err_set(e, ERR_NO_MEMORY, "embed.base_url", "libcurl did not start");
    h->headers = longer;
    return ERR_OK;
}

static enum err headers_make(struct remote_http *h, const char *key, struct err_info *e)
{
    enum err err = header_add(h, "Content-Type: application/json", e);
    if (!err)
        err = header_add(h, "Accept: application/json", e);
    if (!err)
        err = header_add(h, "Expect:", e);
    if (err || !key)
        return err;
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_printf(&b, "Authorization: Bearer %s", key);
    err = header_add(h, b.buf, e);
    explicit_bzero(b.buf, b.n);
    strbuf_release(&b);
    return err;
}

enum err remote_http_new(const struct remote_http_options *o, struct remote_http **out,
                         struct err_info *e)
{
    struct remote_http *h = xcalloc(1, sizeof *h);
    lock_init(&h->lock, LOCK_LEAF);
    h->url = xstrdup(o->url);
    h->direct = o->direct;
    enum err err = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
                       ? headers_make(h, o->key, e)
                       : err_set(e, ERR_NO_MEMORY, "embed.base_url", "libcurl did not start");
    if (err)
        remote_http_free(h);
    else
        *out = h;
    return err;
}

void remote_http_free(struct remote_http *h)
{
    if (!h)
        return;
    while (h->count)
        curl_easy_cleanup(h->handles[--h->count]);
    headers_free(h->headers);
    lock_release(&h->lock);
    free(h->url);
    free(h);
}

static CURL *handle_take(struct remote_http *h)
{
    lock_take(&h->lock);
    CURL *c = h->count ? h->handles[--h->count] : NULL;
    lock_drop(&h->lock);
    return c ? c : curl_easy_init();
}

static void handle_give(struct remote_http *h, CURL *c)
{
    curl_easy_reset(c); /* keeps the connection */
    lock_take(&h->lock);
    bool kept = h->count < HANDLES_KEPT;
    if (kept)
        h->handles[h->count++] = c;
    lock_drop(&h->lock);
    if (!kept)
        curl_easy_cleanup(c);
}

/* ---- one request ---- */

struct exchange {
    struct remote_reply *reply;
    const bool *stop;
    bool too_long;
};

static size_t on_body(char *p, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;
    size_t n = size * count;
    strbuf_add(&x->reply->body, p, n);
    x->too_long = x->reply->body.failed;
    return x->too_long ? 0 : n;
}

static size_t on_header(char *p, size_t size, size_t count, void *arg)
{
    static const char name[] = "retry-after:";
    struct exchange *x = arg;
    size_t n = size * count;
    if (n > sizeof name - 1 && strncasecmp(p, name, sizeof name - 1) == 0)
        x->reply->retry_after_ns = retry_after_parse(
            (struct str){p + sizeof name - 1, n - (sizeof name - 1)}, clock_wall_us());
    return n;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up)
{
    const struct exchange *x = arg;
    return __atomic_load_n(x->stop, __ATOMIC_RELAXED);
}

static void request_set(CURL *c, const struct remote_http *h, struct str body, unsigned timeout_ms,
                        struct exchange *x, char *fault)
{
    unsigned connect_ms = timeout_ms < CONNECT_MS_MAX ? timeout_ms : CONNECT_MS_MAX;
    curl_easy_setopt(c, CURLOPT_URL, h->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "akin/" AKIN_VERSION);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(c, CURLOPT_POST, 1L);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.s);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, fault);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, x);
    if (h->direct)
        curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
}

static enum remote_outcome outcome_of(CURLcode rc, long status, const struct exchange *x)
{
    if (x->too_long)
        return REMOTE_BAD_ANSWER;
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        return REMOTE_CANCELLED;
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return REMOTE_TIMEOUT;
    if (rc != CURLE_OK)
        return REMOTE_CONNECTION;
    if (status >= 200 && status < 300)
        return REMOTE_OK;
    if (status >= 300 && status < 400)
        return REMOTE_REDIRECT;
    if (status == 429)
        return REMOTE_THROTTLED;
    return status >= 400 && status < 500 ? REMOTE_REFUSED : REMOTE_SERVER;
}

void remote_http_post(struct remote_http *h, struct str body, size_t answer_max,
                      unsigned timeout_ms, const bool *stop, struct remote_reply *out)
{
    char fault[CURL_ERROR_SIZE] = "";
    struct exchange x = {.reply = out, .stop = stop};
    CURL *c = handle_take(h);
    *out = (struct remote_reply){.outcome = REMOTE_CONNECTION, .retry_after_ns = -1};
    strbuf_init(&out->body, answer_max);
    if (!c) {
        snprintf(out->fault, sizeof out->fault, "libcurl did not start");
        return;
    }
    request_set(c, h, body, timeout_ms ? timeout_ms : 1, &x, fault);
    CURLcode rc = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->status);
    out->outcome = outcome_of(rc, out->status, &x);
    if (x.too_long)
        snprintf(out->fault, sizeof out->fault, "is longer than %zu bytes", answer_max);
    else if (rc != CURLE_OK)
        snprintf(out->fault, sizeof out->fault, "%s", fault[0] ? fault : curl_easy_strerror(rc));
    handle_give(h, c);
}
