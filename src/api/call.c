#include "api/server.h"
#include "api/bounds.h"
#include "api/cursor.h"
#include "api/idempotency.h"
#include "api/mcp.h"
#include "base/clock.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- replies ---- */

/* `out` NULL: an answer without a body. */
static bool taken(struct call *c, int status, struct strbuf *out)
{
    void (*reply)(struct call * c, int status, struct strbuf *answer) = c->reply;
    c->reply = NULL;
    if (reply)
        reply(c, status, out);
    return reply;
}

static void send(struct call *c, int status, const char *media, struct strbuf *out)
{
    size_t n = 0;
    if (taken(c, status, out))
        return;
    char *body = strbuf_detach(out, &n);
    idempotency_settle(c, status, (struct str){body, n});
    http_add_header(c->request, "Akin-Trace-Id", http_trace_id(c->request));
    if (c->route && c->route->shape == SHAPE_OPENAI) /* what its clients show of an error */
        http_add_header(c->request, "X-Request-Id", http_trace_id(c->request));
    http_reply(c->request, status, media, (struct str){body, n}, true);
}

/* Pointers into what was sent, where what was judged is a part of it. */
static const struct fault *faults_within(struct call *c, const struct fault *list, unsigned count)
{
    if (!c->within || !count)
        return list;
    struct fault *out = arena_array(c->arena, count, sizeof *out);
    for (unsigned i = 0; i < count; i++) {
        out[i] = list[i];
        if (list[i].pointer)
            out[i].pointer = arena_printf(c->arena, "%s%s", c->within, list[i].pointer);
    }
    return out;
}

static void problem_send(struct call *c, struct problem *p)
{
    struct strbuf out;
    char seconds[16];
    strbuf_init(&out, 1u << 20);
    p->trace_id = http_trace_id(c->request);
    p->shape = c->route ? c->route->shape : SHAPE_PROBLEM;
    p->rpc_id = c->rpc ? c->rpc->id : STR("");
    p->faults = faults_within(c, p->faults, p->fault_count);
    problem_write(p, &out);
    strbuf_add_char(&out, '\n');
    if (p->status == 503 || p->status == 429 || c->retry_s) {
        unsigned wait = c->retry_s ? c->retry_s : engine_retry_after_s(c->engine);
        snprintf(seconds, sizeof seconds, "%u", wait ? wait : 1);
        http_add_header(c->request, "Retry-After", seconds);
    } else if (p->status == 401) {
        http_add_header(c->request, "WWW-Authenticate", "Bearer realm=\"akin\"");
    }
    send(c, p->status, p->shape == SHAPE_PROBLEM ? PROBLEM_MEDIA : "application/json", &out);
}

static int status_of(const struct call *c, enum err code, const char *field)
{
    return err_status_shaped(code, field, c->route ? c->route->shape : SHAPE_PROBLEM);
}

void call_problem(struct call *c, int status, const char *code, const char *detail)
{
    problem_send(c, &(struct problem){.status = status, .code = code, .detail = detail});
}

void call_error(struct call *c, const struct err_info *e)
{
    struct fault fault;
    bool inside = problem_fault(e, &fault);
    const char *detail =
        inside ? arena_printf(c->arena, "%s%s: %s", fault.pointer && c->within ? c->within : "",
                              e->field, e->message)
               : e->message;
    problem_send(c, &(struct problem){.status = status_of(c, e->code, e->field),
                                      .code = err_name(e->code),
                                      .detail = detail,
                                      .faults = &fault,
                                      .fault_count = inside});
}

void call_input_error(struct call *c, const struct err_info *e)
{
    struct err_info as_parameter = {0};
    bool renamed = !c->body && e->field[0] == '/';
    if (renamed)
        err_set(&as_parameter, e->code, e->field + 1, "%s", e->message);
    call_error(c, renamed ? &as_parameter : e);
}

void call_faults(struct call *c, const struct faults *f)
{
    const struct fault *first = &f->list[0];
    const char *where = first->parameter ? first->parameter : first->pointer;
    const char *detail =
        arena_printf(c->arena, "%s: %s", where && where[0] ? where : "the body", first->detail);
    if (f->total > 1)
        detail = arena_printf(c->arena, "%s (and %u more)", detail, f->total - 1);
    problem_send(c, &(struct problem){.status = status_of(c, ERR_INVALID, ""),
                                      .code = err_name(ERR_INVALID),
                                      .detail = detail,
                                      .faults = f->list,
                                      .fault_count = f->count});
}

void call_json(struct call *c, int status, struct strbuf *out)
{
    if (out->failed) {
        struct err_info e = {0};
        strbuf_release(out);
        err_set(&e, ERR_TOO_LARGE, "limit", "makes an answer over %u MiB; ask for fewer",
                JSON_BYTES_MAX >> 20);
        call_error(c, &e);
        return;
    }
    strbuf_add_char(out, '\n');
    send(c, status, "application/json", out);
}

void call_empty(struct call *c, int status)
{
    if (taken(c, status, NULL))
        return;
    idempotency_settle(c, status, STR(""));
    http_add_header(c->request, "Akin-Trace-Id", http_trace_id(c->request));
    http_reply(c->request, status, NULL, (struct str){"", 0}, false);
}

/* One that belongs to what was done: it is given again with a kept answer. */
static void header_add(struct call *c, const char *name, const char *value)
{
    http_add_header(c->request, name, value);
    c->kept_headers =
        arena_printf(c->arena, "%s%s: %s\n", c->kept_headers ? c->kept_headers : "", name, value);
}

void call_position(struct call *c, struct str position)
{
    if (position.n)
        header_add(c, "Akin-Position", arena_printf(c->arena, "%.*s", STR_ARG(position)));
}

void call_position_now(struct call *c)
{
    struct str position;
    engine_position(c->engine, c->arena, &position);
    call_position(c, position);
}

void call_etag(struct call *c, uint64_t revision)
{
    header_add(c, "ETag", arena_printf(c->arena, "\"%" PRIu64 "\"", revision));
}

void call_location(struct call *c, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    header_add(c, "Location", text);
}

/* ---- input ---- */

struct str input_str(const json_t *v, const char *name)
{
    return json_str(json_object_get(v, name));
}

static struct str id_of(struct arena *a, const json_t *v)
{
    int64_t whole;
    if (json_whole(v, &whole))
        return str_c(arena_printf(a, "%" PRId64, whole));
    return json_str(v);
}

struct str input_id(struct arena *a, const json_t *v, const char *name)
{
    return id_of(a, json_object_get(v, name));
}

int64_t input_int(const json_t *v, const char *name, int64_t fallback)
{
    const json_t *x = json_object_get(v, name);
    return json_is_number(x) ? (int64_t)json_number_value(x) : fallback;
}

double input_double(const json_t *v, const char *name, double fallback)
{
    const json_t *x = json_object_get(v, name);
    return json_is_number(x) ? json_number_value(x) : fallback;
}

bool input_bool(const json_t *v, const char *name, bool fallback)
{
    const json_t *x = json_object_get(v, name);
    return json_is_boolean(x) ? json_is_true(x) : fallback;
}

struct str *input_strs(struct arena *a, const json_t *v, const char *name, size_t *count)
{
    const json_t *x = json_object_get(v, name);
    *count = json_array_size(x);
    if (!*count)
        return NULL;
    struct str *out = arena_array(a, *count, sizeof *out);
    for (size_t i = 0; i < *count; i++)
        out[i] = id_of(a, json_array_get(x, i));
    return out;
}

struct str call_collection(const struct call *c)
{
    return route_value(&c->match, "c");
}

struct str call_id(const struct call *c)
{
    return route_value(&c->match, "id");
}

const char *segment_encode(struct arena *a, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, text.n * 3 + 1), *at = out;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char b = (unsigned char)text.s[i];
        bool plain = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
                     strchr("-_.~", b);
        if (b && plain) {
            *at++ = (char)b;
            continue;
        }
        *at++ = '%';
        *at++ = hex[b >> 4];
        *at++ = hex[b & 15];
    }
    *at = '\0';
    return out;
}

/* ---- pages ---- */

uint64_t input_binding(uint64_t binding, const json_t *input)
{
    const char *key;
    json_t *value;
    uint64_t fields = 0; /* added, so that their order does not matter */
    json_object_foreach((json_t *)input, key, value)
    {
        if (!strcmp(key, "limit") || !strcmp(key, "cursor") || !strcmp(key, "offset"))
            continue;
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
        fields += cursor_bind(cursor_bind(1, str_c(key)), str_c(text));
        free(text);
    }
    return binding ^ fields;
}

uint64_t call_binding(const struct call *c)
{
    uint64_t binding = cursor_bind(0, str_c(c->route->path));
    for (unsigned i = 0; i < c->match.count; i++)
        binding = cursor_bind(binding, c->match.values[i]);
    return bounds_binding(c, input_binding(binding, c->input));
}

enum err call_wait_position(struct call *c, struct err_info *e)
{
    struct err_info own = {0};
    struct str position = http_header(c->request, "Akin-Min-Position");
    if (!position.n || !c->route->headers || !strstr(c->route->headers, "Akin-Min-Position"))
        return ERR_OK;
    enum err err = engine_wait(c->engine, position, http_deadline_ns(c->request), &own);
    if (!err)
        return ERR_OK;
    return err_set(e, err, err == ERR_INVALID ? "Akin-Min-Position" : NULL, "%s", own.message);
}
