#include "embed/remote.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/rng.h"
#include "embed/model.h"
#include "embed/remote_answer.h"
#include <stdlib.h>
#include <string.h>

#define MS 1000000LL
#define ATTEMPTS_INTERACTIVE 2
#define ATTEMPTS_BULK 5
#define INTERACTIVE_MS_MAX 5000 /* of one attempt */
#define PAUSE_INTERACTIVE_NS (1000 * MS)
#define PAUSE_BULK_NS (5000 * MS) /* a longer one is the caller's business */
#define PART_BYTES_MAX ((size_t)256 << 10)
#define ANSWER_NUMBER_BYTES 32u /* of a number as text */
#define ANSWER_FIXED_BYTES ((size_t)64 << 10)

/* One call of remote_embed. */
struct call {
    struct remote *r;
    const struct model_info *info;
    const char *prefix;
    enum lane lane;
    struct embed_text *texts;
    int64_t deadline_ns;
    size_t parts_left; /* r->lock, as the next two */
    enum err err;
    struct err_info why;
};
/* What one request carries. */
struct part {
    struct call *c;
    size_t first, count;
};

static double unit_random(void)
{
    uint32_t v;
    rng_bytes(&v, sizeof v);
    return (double)v / 4294967296.0;
}

static bool stopped(const struct remote *r)
{
    return __atomic_load_n(&r->stop, __ATOMIC_RELAXED);
}

static enum err late(struct err_info *e)
{
    return err_set(e, ERR_TIMEOUT, NULL, "the deadline passed before the texts were embedded");
}

static enum err stopping(struct err_info *e)
{
    return err_set(e, ERR_CANCELLED, NULL, "akin is stopping");
}

/* ---- when ---- */

static enum err refused(const struct remote *r, int64_t wait_ns, struct err_info *e)
{
    return err_set(e, ERR_UNAVAILABLE, NULL, "%s is asked again in %lld s at the earliest%s%s",
                   r->host, (long long)((wait_ns + 1000 * MS - 1) / (1000 * MS)),
                   r->last[0] ? "; " : "", r->last);
}

/* Sleeps until `until_ns`, or as long as nothing is stopped. Under the lock. */
static bool sleep_until(struct remote *r, int64_t until_ns)
{
    while (!stopped(r) && clock_mono_ns() < until_ns)
        (void)cond_wait_until(&r->changed, &r->lock, until_ns);
    return !stopped(r);
}

/* Waits until a request may be sent. An open breaker is not waited for, a short pause is. */
static enum err turn_wait(const struct call *c, struct err_info *e)
{
    struct remote *r = c->r;
    int64_t most_ns = c->lane == LANE_BULK ? PAUSE_BULK_NS : PAUSE_INTERACTIVE_NS, wait_ns = 0;
    enum err err = ERR_OK;
    lock_take(&r->lock);
    while (!err && !pace_enter(&r->pace, clock_mono_ns(), &wait_ns)) {
        int64_t until_ns = clock_mono_ns() + wait_ns;
        if (r->pace.state != BREAKER_CLOSED || wait_ns > most_ns ||
            (c->deadline_ns && until_ns > c->deadline_ns))
            err = refused(r, wait_ns, e);
        else if (!sleep_until(r, until_ns))
            err = stopping(e);
    }
    gauge_set(r->metrics.breaker, r->pace.state);
    lock_drop(&r->lock);
    return err;
}

static enum err backoff_wait(const struct call *c, unsigned attempt, struct err_info *e)
{
    struct remote *r = c->r;
    int64_t until_ns = clock_mono_ns() + backoff_ns(attempt, unit_random());
    if (c->deadline_ns && until_ns >= c->deadline_ns)
        return late(e);
    counter_add(r->metrics.retries, 1);
    lock_take(&r->lock);
    bool go_on = sleep_until(r, until_ns);
    lock_drop(&r->lock);
    return go_on ? ERR_OK : stopping(e);
}

/* 0: the deadline has passed. */
static unsigned attempt_ms(const struct call *c, bool *shortened)
{
    int64_t ms = c->r->timeout_ms;
    if (c->lane == LANE_INTERACTIVE && ms > INTERACTIVE_MS_MAX)
        ms = INTERACTIVE_MS_MAX;
    int64_t left_ms = c->deadline_ns ? (c->deadline_ns - clock_mono_ns()) / MS : ms;
    *shortened = left_ms < ms;
    return left_ms <= 0 ? 0 : (unsigned)(left_ms < ms ? left_ms : ms);
}

/* ---- what one request came to ---- */

/* It works, but does not take what this request says. */
static bool blames_request(const struct remote_reply *reply)
{
    return reply->outcome == REMOTE_REFUSED &&
           (reply->status == 400 || reply->status == 413 || reply->status == 422);
}

static void reply_count(struct remote *r, const struct remote_reply *reply, bool shortened,
                        const char *reason)
{
    enum remote_outcome o = reply->outcome;
    int64_t now_ns = clock_mono_ns();
    counter_add(r->metrics.outcomes[o], 1);
    lock_take(&r->lock);
    enum breaker before = r->pace.state;
    if (o == REMOTE_CANCELLED || (o == REMOTE_TIMEOUT && shortened))
        pace_cancel(&r->pace, now_ns);
    else if (o == REMOTE_OK || o == REMOTE_THROTTLED || blames_request(reply))
        pace_success(&r->pace);
    else
        pace_failure(&r->pace, now_ns, unit_random());
    if ((o == REMOTE_THROTTLED || o == REMOTE_SERVER) && reply->retry_after_ns >= 0)
        pace_pause(&r->pace, now_ns, reply->retry_after_ns + backoff_ns(0, unit_random()));
    enum breaker after = r->pace.state;
    if (o == REMOTE_OK)
        r->last[0] = 0;
    else
        snprintf(r->last, sizeof r->last, "%.*s",
                 (int)str_utf8_cut(str_c(reason), sizeof r->last - 1), reason);
    gauge_set(r->metrics.breaker, after);
    lock_drop(&r->lock);
    if (before != after && after == BREAKER_OPEN)
        log_event(LOG_WARN, "the embedding provider is away", LOG_S("host", r->host),
                  LOG_S("reason", reason));
    else if (before != after && after == BREAKER_CLOSED)
        log_event(LOG_INFO, "the embedding provider is back", LOG_S("host", r->host));
}

static enum err reply_error(const struct remote *r, const struct remote_reply *reply,
                            struct err_info *e)
{
    char why[REMOTE_REASON];
    remote_answer_reason(strbuf_str(&reply->body), r->key, why);
    const char *colon = why[0] ? ": " : "";
    switch (reply->outcome) {
    case REMOTE_CANCELLED:
        return stopping(e);
    case REMOTE_TIMEOUT:
        return err_set(e, ERR_TIMEOUT, NULL, "%s did not answer in time (%s)", r->host,
                       reply->fault);
    case REMOTE_CONNECTION:
        return err_set(e, ERR_UNAVAILABLE, NULL, "%s cannot be asked: %s", r->host, reply->fault);
    case REMOTE_REDIRECT:
        return err_set(e, ERR_UNAVAILABLE, NULL,
                       "%s answered %ld, a redirect, which akin does not follow: set "
                       "embed.base_url to where it leads",
                       r->host, reply->status);
    case REMOTE_BAD_ANSWER:
        return err_set(e, ERR_UNAVAILABLE, NULL, "%s: its answer %s", r->host, reply->fault);
    default:
        return err_set(e, blames_request(reply) ? ERR_INVALID : ERR_UNAVAILABLE, NULL,
                       "%s answered %ld%s%s", r->host, reply->status, colon, why);
    }
}

static void tokens_share(struct embed_text *texts, size_t count, uint64_t tokens)
{
    uint64_t estimated = 0, given = 0;
    for (size_t i = 0; i < count; i++)
        estimated += texts[i].tokens;
    for (size_t i = 0; i < count && estimated; i++) {
        texts[i].tokens = (unsigned)(tokens * texts[i].tokens / estimated);
        given += texts[i].tokens;
    }
    texts[count - 1].tokens += (unsigned)(tokens - given);
}

/* The vectors of a good answer to their places. */
static enum err answer_take(const struct part *p, struct remote_reply *reply, struct err_info *e)
{
    struct remote *r = p->c->r;
    struct remote_answer a = {0};
    struct err_info info = {0};
    struct embed_text *texts = p->c->texts + p->first;
    enum err err = remote_answer_parse(strbuf_str(&reply->body), p->count, r->dims, &a, &info);
    if (err) {
        reply->outcome = REMOTE_BAD_ANSWER;
        lock_take(&r->lock);
        r->other_dims |= strcmp(info.field, REMOTE_OTHER_DIMS) == 0;
        lock_drop(&r->lock);
        return err_set(e, ERR_UNAVAILABLE, NULL, "%s: its answer %s", r->host, info.message);
    }
    if (r->dims == 0) /* the first answer, while the model is opened */
        r->dims = a.dims;
    for (size_t i = 0; i < p->count; i++)
        memcpy(texts[i].out, a.vectors + i * a.dims, a.dims * sizeof *a.vectors);
    free(a.vectors);
    if (a.tokens)
        tokens_share(texts, p->count, a.tokens);
    double tokens = 0;
    for (size_t i = 0; i < p->count; i++)
        tokens += texts[i].tokens;
    counter_add(r->metrics.tokens, (double)a.tokens);
    counter_add(r->metrics.all_tokens, tokens);
    counter_add(r->metrics.texts, (double)p->count);
    return ERR_OK;
}

/* ---- one request ---- */

static void body_make(const struct part *p, bool dimensions, struct strbuf *out)
{
    const struct call *c = p->c;
    struct json_writer w;
    struct strbuf text;
    strbuf_init(&text, 0);
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_key_c(&w, "model", c->r->model);
    json_key_c(&w, "encoding_format", "float");
    if (dimensions)
        json_key_int(&w, "dimensions", c->r->dims);
    json_key(&w, "input");
    json_array_begin(&w);
    for (size_t i = 0; i < p->count; i++) {
        strbuf_clear(&text);
        strbuf_add_c(&text, c->prefix);
        strbuf_add_str(&text, c->texts[p->first + i].text);
        json_put_str(&w, text.n ? strbuf_str(&text) : STR(" ")); /* "" is refused by some */
    }
    json_array_end(&w);
    json_object_end(&w);
    strbuf_release(&text);
}

static enum err part_post(const struct part *p, bool dimensions, struct remote_reply *reply,
                          struct err_info *e)
{
    struct remote *r = p->c->r;
    struct strbuf body;
    struct err_info info = {0};
    bool shortened;
    unsigned ms = attempt_ms(p->c, &shortened);
    size_t numbers = p->count * (r->dims ? r->dims : REMOTE_DIMS_MAX);
    if (ms == 0) {
        *reply = (struct remote_reply){.outcome = REMOTE_CANCELLED};
        lock_take(&r->lock);
        pace_cancel(&r->pace, clock_mono_ns());
        lock_drop(&r->lock);
        return late(e);
    }
    strbuf_init(&body, 0);
    body_make(p, dimensions, &body);
    int64_t start_ns = clock_mono_ns();
    remote_http_post(r->http, strbuf_str(&body), numbers * ANSWER_NUMBER_BYTES + ANSWER_FIXED_BYTES,
                     ms, &r->stop, reply);
    histogram_add(r->metrics.seconds, (double)(clock_mono_ns() - start_ns) * 1e-9);
    strbuf_release(&body);
    enum err err =
        reply->outcome == REMOTE_OK ? answer_take(p, reply, &info) : reply_error(r, reply, &info);
    reply_count(r, reply, shortened, info.message);
    return err ? err_set(e, err, info.field, "%s", info.message) : ERR_OK;
}

/* "dimensions" is not known everywhere: a request that is refused with it is tried without. If that
 * goes well, it is left out from then on (the size of what comes back is checked anyway). */
static enum err part_attempt(const struct part *p, struct remote_reply *reply, struct err_info *e)
{
    struct remote *r = p->c->r;
    struct err_info info = {0};
    lock_take(&r->lock);
    bool with = r->send_dims, sure = r->dims_taken;
    lock_drop(&r->lock);
    enum err err = part_post(p, with, reply, &info);
    bool unsure = with && !sure && (!err || blames_request(reply));
    if (unsure && err) {
        strbuf_release(&reply->body);
        err_clear(&info);
        err = part_post(p, with = false, reply, &info);
    }
    if (unsure && !err) {
        lock_take(&r->lock);
        r->send_dims = r->dims_taken = with;
        lock_drop(&r->lock);
    }
    return err ? err_set(e, err, info.field, "%s", info.message) : ERR_OK;
}

/* ---- one part, with retries ---- */

static bool worth_retry(const struct call *c, const struct remote_reply *reply)
{
    switch (reply->outcome) {
    case REMOTE_CONNECTION:
    case REMOTE_THROTTLED:
    case REMOTE_SERVER:
    case REMOTE_BAD_ANSWER:
        return true;
    case REMOTE_TIMEOUT:
        return c->lane == LANE_BULK;
    default:
        return false;
    }
}

static enum err part_try(const struct part *p, bool *blamed, struct err_info *e)
{
    unsigned most = p->c->lane == LANE_BULK ? ATTEMPTS_BULK : ATTEMPTS_INTERACTIVE;
    for (unsigned attempt = 0;; attempt++) {
        struct err_info info = {0};
        struct remote_reply reply = {0};
        enum err err = turn_wait(p->c, e);
        if (err)
            return err;
        err = part_attempt(p, &reply, &info);
        *blamed = err == ERR_INVALID && blames_request(&reply);
        bool again = err && attempt + 1 < most && worth_retry(p->c, &reply);
        strbuf_release(&reply.body);
        if (!err || !again)
            return err ? err_set(e, err, info.field, "%s", info.message) : ERR_OK;
        if (backoff_wait(p->c, attempt, NULL))
            return err_set(e, stopped(p->c->r) ? ERR_CANCELLED : err, info.field, "%s",
                           info.message);
    }
}

/* Does it take any text? If not, the setting is to blame and not the text that it refused. */
static bool takes_others(const struct call *like)
{
    struct remote *r = like->r;
    float *vector = xcalloc(r->dims ? r->dims : REMOTE_DIMS_MAX, sizeof *vector);
    struct embed_text text = {.text = STR("akin"), .out = vector, .tokens = 3};
    struct call c = *like;
    c.texts = &text;
    bool blamed;
    enum err err = part_try(&(struct part){.c = &c, .count = 1}, &blamed, NULL);
    free(vector);
    return !err;
}

/* Of a part that is refused, halves are tried until the text to blame stands alone. */
static enum err part_embed(const struct part *p, struct err_info *e)
{
    bool blamed = false;
    struct err_info info = {0};
    enum err err = part_try(p, &blamed, &info);
    if (blamed && p->count > 1) {
        struct part half = {p->c, p->first, p->count / 2};
        err = part_embed(&half, e);
        half = (struct part){p->c, p->first + half.count, p->count - half.count};
        return err ? err : part_embed(&half, e);
    }
    if (blamed && takes_others(p->c)) {
        char field[32];
        snprintf(field, sizeof field, "/%zu", p->first);
        return err_set(e, ERR_INVALID, field, "%s", info.message);
    }
    if (blamed)
        err = ERR_UNAVAILABLE;
    return err ? err_set(e, err, info.field, "%s", info.message) : ERR_OK;
}

static void part_run(void *arg)
{
    struct part *p = arg;
    struct call *c = p->c;
    struct err_info info = {0};
    lock_take(&c->r->lock);
    enum err err = c->err; /* one failed: the rest is not wanted */
    lock_drop(&c->r->lock);
    if (!err && c->deadline_ns && clock_mono_ns() >= c->deadline_ns)
        err = late(&info);
    if (!err)
        err = part_embed(p, &info);
    lock_take(&c->r->lock);
    if (err && !c->err) {
        c->err = err;
        c->why = info;
    }
    c->parts_left--;
    cond_broadcast(&c->r->changed);
    lock_drop(&c->r->lock);
}

/* ---- a call ---- */

static enum err texts_check(const struct call *c, size_t count, struct err_info *e)
{
    unsigned most = c->info->tokens_max;
    struct tokenizer *t = tokenizer_estimate();
    struct tokens tokens;
    enum err err = ERR_OK;
    tokens_init(&tokens);
    for (size_t i = 0; i < count && !err; i++) {
        struct embed_text *x = &c->texts[i];
        char field[32];
        snprintf(field, sizeof field, "/%zu", i);
        if (x->ids || x->rows)
            err = err_set(e, ERR_INVALID, field,
                          x->ids ? "are token ids, and the tokenizer of a provider's model is not "
                                   "known here; send the text"
                                 : "a provider's model gives no vectors of single tokens");
        else
            tokenizer_encode(t, x->text, true, &tokens);
        x->tokens = (unsigned)tokens.n;
        if (!err && tokens.n > most)
            err = err_set(e, ERR_TOO_LARGE, field,
                          "the text has about %zu tokens; the model reads at most %u "
                          "(embed.tokens_max)",
                          tokens.n, most);
    }
    tokens_release(&tokens);
    tokenizer_free(t);
    return err;
}

static size_t parts_cut(struct call *c, size_t count, struct part *out)
{
    size_t n = 0, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t more = c->texts[i].text.n;
        if (n == 0 || out[n - 1].count == c->r->batch_size || bytes + more > PART_BYTES_MAX) {
            out[n++] = (struct part){.c = c, .first = i};
            bytes = 0;
        }
        out[n - 1].count++;
        bytes += more;
    }
    return n;
}

static void parts_run(struct call *c, struct part *parts, size_t n)
{
    struct remote *r = c->r;
    c->parts_left = n;
    for (size_t i = 0; i < n; i++)
        if (n == 1 || pool_submit(r->pool, c->lane, part_run, &parts[i]))
            part_run(&parts[i]);
    lock_take(&r->lock);
    while (c->parts_left > 0)
        cond_wait(&r->changed, &r->lock);
    lock_drop(&r->lock);
}

enum err remote_embed(struct remote *r, const struct model_info *info, enum embed_role role,
                      enum lane lane, struct embed_text *texts, size_t count, int64_t deadline_ns,
                      struct err_info *e)
{
    struct call c = {.r = r,
                     .info = info,
                     .prefix = info->prefix[role],
                     .lane = lane,
                     .texts = texts,
                     .deadline_ns = deadline_ns};
    if (count == 0)
        return ERR_OK;
    enum err err = texts_check(&c, count, e);
    if (err)
        return err;
    struct part *parts = xcalloc(count, sizeof *parts);
    parts_run(&c, parts, parts_cut(&c, count, parts));
    free(parts);
    return c.err ? err_set(e, c.err, c.why.field, "%s", c.why.message) : ERR_OK;
}
