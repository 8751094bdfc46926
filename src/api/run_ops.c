#include "api/conditions.h"
#include "api/page.h"
#include "api/render.h"
#include "api/response.h"
#include "api/server.h"
#include "base/metrics.h"
#include "base/thread.h"
#include <string.h>

static void state_reply(struct call *c, const char *state)
{
    struct response out;
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    json_key_c(w, "status", state);
    json_object_end(w);
    response_send(c, 200, &out);
}

void run_livez(struct call *c)
{
    state_reply(c, "live");
}

void run_readyz(struct call *c)
{
    struct err_info e = {0};
    const char *reason = "starting";
    if (atomic_load(&c->api->draining))
        reason = "stopping";
    else if (engine_ready(c->engine, &reason)) {
        state_reply(c, "ready");
        return;
    }
    err_set(&e, ERR_UNAVAILABLE, NULL, "not ready: %s", reason ? reason : "starting");
    call_error(c, &e);
}

void run_metrics(struct call *c)
{
    struct strbuf out;
    size_t n;
    strbuf_init(&out, 64u << 20);
    metrics_render(&out);
    char *body = strbuf_detach(&out, &n);
    http_add_header(c->request, "Akin-Trace-Id", http_trace_id(c->request));
    http_reply(c->request, 200, "text/plain; version=0.0.4; charset=utf-8", (struct str){body, n},
               true);
}

void run_version(struct call *c)
{
    struct response out;
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    json_key_c(w, "version", AKIN_VERSION);
    json_key_c(w, "commit", c->api->commit);
    json_key_c(w, "api", "v1");
    json_object_end(w);
    response_send(c, 200, &out);
}

void run_openapi(struct call *c)
{
    http_add_header(c->request, "Akin-Trace-Id", http_trace_id(c->request));
    http_reply(c->request, 200, "application/json", strbuf_str(&c->api->openapi), false);
}

/* ---- the change feed ---- */

void run_changes(struct call *c)
{
    struct err_info e = {0};
    struct change_out *list;
    size_t count;
    struct str next;
    struct response out;
    struct change_sight sight = {c->caller.filter, c->caller.collections,
                                 c->caller.collection_count};
    if (engine_changes(c->engine, &sight, input_str(c->input, "cursor"),
                       (size_t)input_int(c->input, "limit", 100), c->arena, &list, &count, &next,
                       &e)) {
        struct err_info own = {0};
        err_set(&own, e.code, e.code == ERR_INVALID ? "cursor" : NULL, "%s", e.message);
        call_error(c, &own);
        return;
    }
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        render_change(w, &list[i]);
    json_array_end(w);
    json_key_str(w, "next_cursor", next);
    json_object_end(w);
    response_send(c, 200, &out);
}

/* ---- backups ---- */

/* The server names the file: where a client wants it is the client's business, on its own machine.
 */
void run_backup_create(struct call *c)
{
    struct err_info e = {0};
    struct str path, position;
    struct response out;
    uint64_t bytes;
    if (engine_backup_create(c->engine, c->arena, &path, &bytes, &position, &e)) {
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    json_key_str(w, "path", path);
    json_key_int(w, "bytes", (int64_t)bytes);
    json_key_str(w, "position", position);
    json_object_end(w);
    response_send(c, 201, &out);
}

/* ---- checks ---- */

struct checking {
    struct call *c;
    struct json_writer *w;
    char digest[65];
    enum err err;
    struct err_info e;
};

static void check_line(void *ctx, const struct check_line *l)
{
    static const char *const states[] = {
        [CHECK_OK] = "ok", [CHECK_WRONG] = "wrong", [CHECK_LEFT_OUT] = "left out"};
    struct json_writer *w = ((struct checking *)ctx)->w;
    json_object_begin(w);
    json_key_c(w, "what", l->what);
    json_key_c(w, "collection", l->collection);
    json_key_int(w, "version", l->version);
    json_key_int(w, "count", (int64_t)l->count);
    json_key_c(w, "unit", l->unit);
    json_key_c(w, "state", states[l->state]);
    json_key_c(w, "text", l->text);
    json_key_c(w, "next", l->next);
    json_object_end(w);
}

static bool check_cancelled(void *ctx)
{
    struct call *c = ((struct checking *)ctx)->c;
    return atomic_load(&c->api->draining) || http_departed(c->request);
}

static void check_run(void *arg)
{
    struct checking *k = arg;
    struct check_watch w = {
        .ctx = k, .serving = true, .line = check_line, .cancelled = check_cancelled};
    thread_background(); /* readers come first; the worker could not come back from there */
    k->err = engine_check(k->c->engine, &w, k->digest, &k->e);
}

void run_check_create(struct call *c)
{
    struct response out;
    struct checking k = {.c = c, .w = response_begin(&out)};
    json_object_begin(k.w);
    json_key(k.w, "checks");
    json_array_begin(k.w);
    thread_join(thread_start("akin-check", check_run, &k));
    if (k.err && k.err != ERR_CORRUPT) {
        response_drop(&out);
        call_error(c, &k.e);
        return;
    }
    json_array_end(k.w);
    json_key_bool(k.w, "ok", !k.err);
    json_key_c(k.w, "digest", k.digest);
    json_object_end(k.w);
    response_send(c, 200, &out);
}

/* ---- the page ---- */

void run_page(struct call *c)
{
    const struct page_file *f = page_find(c->route->path);
    struct str none = http_header(c->request, "If-None-Match");
    struct etags tags;
    struct err_info e = {0};
    if (none.n && etags_parse(none, "If-None-Match", &tags, &e)) {
        call_error(c, &e);
        return;
    }
    http_add_header(c->request, "Content-Security-Policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                    "img-src 'self' data:; "
                    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    http_add_header(c->request, "Referrer-Policy", "no-referrer");
    http_add_header(c->request, "Cross-Origin-Opener-Policy", "same-origin");
    http_add_header(c->request, "Cache-Control", "no-cache");
    http_add_header(c->request, "ETag", f->etag);
    if (none.n && memmem(none.s, none.n, f->etag, strlen(f->etag))) { /* its quotes included */
        call_empty(c, 304);
        return;
    }
    http_add_header(c->request, "Akin-Trace-Id", http_trace_id(c->request));
    http_reply(c->request, 200, f->media, (struct str){(const char *)f->bytes, f->size}, false);
}
