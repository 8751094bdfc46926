#include "api/idempotency.h"
#include "api/server.h"
#include "base/hash.h"
#include <stdio.h>
#include <string.h>

#define HEADER "Idempotency-Key"
#define KEY_MAX 255

static const char *const verdict_names[REPEAT_VERDICTS] = {
    [REPEAT_FIRST] = "first",     [REPEAT_ANSWERED] = "replayed", [REPEAT_DONE] = "done",
    [REPEAT_RUNNING] = "running", [REPEAT_OTHER] = "reused",      [REPEAT_NARROWED] = "narrowed",
};

void idempotency_metrics(struct api *a)
{
    struct counter_family *f =
        counter_family("idempotent_requests_total",
                       "Requests with an Idempotency-Key, by what came of it.", "result");
    for (unsigned i = 0; i < REPEAT_VERDICTS; i++)
        a->repeats[i] = counter_of(f, &verdict_names[i]);
}

/* ---- the header ---- */

/* A string of RFC 9651 without its quotes; anything else is taken as it is. False: wrong. */
static bool key_read(struct arena *a, struct str text, struct str *out)
{
    bool quoted = text.n && text.s[0] == '"';
    size_t n = 0, i = quoted, end = text.n - quoted;
    char *to = arena_alloc(a, text.n + 1);
    if (text.n < 1u + quoted || (quoted && text.s[end] != '"'))
        return false;
    for (; i < end; i++) {
        bool escape = quoted && text.s[i] == '\\';
        if (quoted && text.s[i] == '"')
            return false;
        if (escape && ++i == end)
            return false;
        if (text.s[i] < 0x21 || text.s[i] > 0x7e)
            return false;
        to[n++] = text.s[i];
    }
    *out = (struct str){to, n};
    return n >= 1 && n <= KEY_MAX;
}

static bool refuse(struct call *c, const char *detail)
{
    struct err_info e = {0};
    err_set(&e, ERR_INVALID, HEADER, "%s", detail);
    call_error(c, &e);
    return true;
}

bool refused_by_idempotency_key(struct call *c)
{
    struct str text = str_trim(http_header(c->request, HEADER));
    if (!c->route->keeps || !http_has_header(c->request, HEADER))
        return false;
    if (http_header_repeated(c->request, HEADER) || !key_read(c->arena, text, &c->idempotency_key))
        return refuse(c, "must be 1 to 255 characters of visible ASCII, once, like "
                         "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"");
    if (c->media == MEDIA_NDJSON)
        return refuse(c, "is not taken with a stream: give its documents ids, then sending them "
                         "again changes nothing");
    return false;
}

/* ---- digests ---- */

static void digest_add(struct sha256 *h, struct str s)
{
    uint64_t n = s.n;
    sha256_add(h, &n, sizeof n);
    if (s.n)
        sha256_add(h, s.s, s.n);
}

static void key_digest(const struct call *c, uint8_t out[REPEAT_DIGEST])
{
    struct sha256 h;
    sha256_init(&h);
    digest_add(&h, c->caller.key_id);
    digest_add(&h, str_c(c->route->method));
    digest_add(&h, str_c(c->route->path));
    for (unsigned i = 0; i < c->match.count; i++)
        digest_add(&h, c->match.values[i]);
    digest_add(&h, c->idempotency_key);
    sha256_end(&h, out);
}

static void request_digest(const struct call *c, uint8_t out[REPEAT_DIGEST])
{
    struct sha256 h;
    unsigned count;
    const struct http_param *params = http_params(c->request, &count);
    sha256_init(&h);
    for (unsigned i = 0; i < count; i++) {
        digest_add(&h, params[i].name);
        digest_add(&h, params[i].value);
    }
    digest_add(&h, c->route->media ? http_body(c->request) : STR(""));
    sha256_end(&h, out);
}

static void rights_digest(const struct call *c, uint8_t out[REPEAT_DIGEST])
{
    struct sha256 h;
    sha256_init(&h);
    digest_add(&h, c->caller.filter);
    for (unsigned i = 0; !call_collection(c).n && i < c->caller.collection_count; i++)
        digest_add(&h, c->caller.collections[i]);
    sha256_end(&h, out);
}

/* ---- again ---- */

static void headers_repeat(struct call *c, struct str lines)
{
    while (lines.n) {
        const char *end = memchr(lines.s, '\n', lines.n), *colon = memchr(lines.s, ':', lines.n);
        if (!end || !colon || colon > end)
            return;
        http_add_header(c->request, arena_printf(c->arena, "%.*s", (int)(colon - lines.s), lines.s),
                        arena_printf(c->arena, "%.*s", (int)(end - colon - 2), colon + 2));
        lines = (struct str){end + 1, lines.n - (size_t)(end + 1 - lines.s)};
    }
}

static void answer_again(struct call *c, const struct repeat_answer *x)
{
    struct strbuf out;
    headers_repeat(c, x->headers);
    http_add_header(c->request, "Idempotency-Replayed", "true");
    if (!x->body.n) {
        call_empty(c, x->status);
        return;
    }
    strbuf_init(&out, REPEAT_BODY_MAX + 16);
    strbuf_add(&out, x->body.s, x->body.n - 1); /* call_json ends it with a newline, as then */
    call_json(c, x->status, &out);
}

static void refuse_done(struct call *c, const struct repeat_answer *x)
{
    bool well = x->status >= 200 && x->status < 300;
    const char *then = well ? "done" : "done, at least in part";
    if (x->status)
        then = arena_printf(c->arena, "%s, and answered with %d", then, x->status);
    if (well)
        headers_repeat(c, x->headers);
    call_problem(c, 409, "idempotency_done",
                 arena_printf(c->arena,
                              "what came with this Idempotency-Key was %s, but the answer is not "
                              "kept: look with GET at what is there; with another key it is done "
                              "again",
                              then));
}

static void refuse_repeat(struct call *c, enum repeat_verdict verdict)
{
    if (verdict == REPEAT_RUNNING) {
        c->retry_s = 1;
        call_problem(c, 409, "idempotency_running",
                     "the request with this Idempotency-Key is still being worked on");
    } else if (verdict == REPEAT_OTHER) {
        call_problem(c, 422, "idempotency_reused",
                     "this Idempotency-Key came with another request before: its query or body was "
                     "not the same");
    } else {
        call_problem(c, 403, err_name(ERR_DENIED),
                     "what came with this Idempotency-Key was done when the key that asks was "
                     "bound otherwise than now; the answer is not for it any more");
    }
}

bool idempotency_answered(struct call *c)
{
    struct err_info e = {0};
    struct repeat_question q = {.owner = c->caller.key_id,
                                .collection = call_collection(c),
                                .readers = c->route->keeps & KEEPS_READERS};
    struct repeat_answer answer;
    enum repeat_verdict verdict;
    if (!c->idempotency_key.n)
        return false;
    key_digest(c, q.key);
    request_digest(c, q.request);
    rights_digest(c, q.rights);
    if (repeat_begin(c->engine, &q, c->arena, &c->repeat, &verdict, &answer, &e)) {
        call_error(c, &e);
        return true;
    }
    counter_add(c->api->repeats[verdict], 1);
    if (verdict == REPEAT_ANSWERED)
        answer_again(c, &answer);
    else if (verdict == REPEAT_DONE)
        refuse_done(c, &answer);
    else if (verdict != REPEAT_FIRST)
        refuse_repeat(c, verdict);
    return verdict != REPEAT_FIRST;
}

void idempotency_settle(struct call *c, int status, struct str body)
{
    struct repeat *r = c->repeat;
    bool done = status >= 200 && status < 300;
    if (!r)
        return;
    c->repeat = NULL;
    repeat_end(r,
               &(struct repeat_answer){status, str_c(c->kept_headers ? c->kept_headers : ""), body},
               done && (c->route->keeps & KEEPS_ANSWER), c->route->keeps & KEEPS_UNWRITTEN);
}
