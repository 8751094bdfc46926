#include "api/page.h"
#include "api/render.h"
#include "api/response.h"
#include "api/server.h"
#include "base/metrics.h"
#include <string.h>

static void state_reply(struct call *c, const char *state)
{
    struct response out;
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    json_key(w, "status");
    json_put_c(w, state);
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
    json_key(w, "version");
    json_put_c(w, AKIN_VERSION);
    json_key(w, "commit");
    json_put_c(w, c->api->commit);
    json_key(w, "api");
    json_put_c(w, "v1");
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
    if (engine_changes(c->engine, input_str(c->input, "cursor"),
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
    json_key(w, "next_cursor");
    json_put_str(w, next);
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
    json_key(w, "path");
    json_put_str(w, path);
    json_key(w, "bytes");
    json_put_int(w, (int64_t)bytes);
    json_key(w, "position");
    json_put_str(w, position);
    json_object_end(w);
    response_send(c, 201, &out);
}

/* ---- the page ---- */

void run_page(struct call *c)
{
    const struct page_file *f = page_find(c->route->path);
    struct str none = http_header(c->request, "If-None-Match");
    http_add_header(c->request, "Content-Security-Policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                    "img-src 'self' data:; "
                    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    http_add_header(c->request, "X-Content-Type-Options", "nosniff");
    http_add_header(c->request, "Referrer-Policy", "no-referrer");
    http_add_header(c->request, "Cross-Origin-Opener-Policy", "same-origin");
    http_add_header(c->request, "Cache-Control", "no-cache");
    http_add_header(c->request, "ETag", f->etag);
    if (str_eq_c(none, f->etag)) {
        call_empty(c, 304);
        return;
    }
    http_add_header(c->request, "Akin-Trace-Id", http_trace_id(c->request));
    http_reply(c->request, 200, f->media, (struct str){(const char *)f->bytes, f->size}, false);
}
