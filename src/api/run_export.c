/* The whole of a collection as NDJSON, made while it is sent: a line a document, as the import
 * takes it. Runs on a pool of its own, since its pace is the reader's. */
#include "api/authenticate.h"
#include "api/render.h"
#include "api/server.h"
#include "base/log.h"
#include <assert.h>

#define LINES_MAX                                                                                  \
    (64u << 20) /* bytes of one step: some hundred kB, or one document of any size                 \
                 */

bool export_sit(struct call *c, uint64_t seat)
{
    struct export_seats *s = &c->api->export_seats;
    unsigned own = 0;
    lock_take(&s->lock);
    for (unsigned i = 0; i < s->count; i++)
        own += s->of[i] == seat;
    bool full = s->count == 2 * EXPORTS_MAX, sits = !full && own < EXPORTS_OF_ONE_MAX;
    if (sits)
        s->of[s->count++] = seat;
    lock_drop(&s->lock);
    if (own >= EXPORTS_OF_ONE_MAX)
        call_problem(
            c, 429, "rate_limited",
            arena_printf(c->arena,
                         "%d exports of one key, or of one address without a key, run at a "
                         "time; come again when one of yours has ended",
                         EXPORTS_OF_ONE_MAX));
    else if (full)
        call_problem(c, 503, err_name(ERR_BUSY),
                     "as many exports run and wait as may; try again later");
    return sits;
}

void export_rise(struct api *a, uint64_t *seat)
{
    struct export_seats *s = &a->export_seats;
    unsigned i = 0;
    if (!*seat)
        return;
    lock_take(&s->lock);
    while (i < s->count && s->of[i] != *seat)
        i++;
    assert(i < s->count);
    s->of[i] = s->of[--s->count];
    lock_drop(&s->lock);
    *seat = 0;
}

static enum err key_check(const struct call *c, struct err_info *e)
{
    struct arena *scratch = arena_new(0);
    bool fits = key_still_fits(c, scratch);
    arena_free(scratch);
    return fits ? ERR_OK : err_set(e, ERR_DENIED, NULL, "the key was revoked or changed meanwhile");
}

static enum err lines_send(const struct call *c, struct export *x, struct strbuf *lines,
                           size_t *count, struct err_info *e)
{
    const struct document_out *documents;
    struct json_writer w;
    enum err err = key_check(c, e);
    if (!err)
        err = engine_export_next(x, &documents, count, e);
    strbuf_clear(lines);
    for (size_t i = 0; i < *count && !err; i++) {
        json_writer_init(&w, lines);
        render_document(&w, &documents[i]);
        strbuf_add_char(lines, '\n');
    }
    if (!err && lines->failed)
        err = err_set(e, ERR_TOO_LARGE, NULL, "a line takes more than %u MiB", LINES_MAX >> 20);
    return err ? err : http_reply_write(c->request, lines->buf ? lines->buf : "", lines->n, e);
}

static void export_send(struct call *c, struct export *x)
{
    struct http_request *r = c->request;
    struct err_info e = {0};
    struct strbuf lines;
    enum err err = ERR_OK;
    size_t count = !c->match.head;
    strbuf_init(&lines, LINES_MAX);
    http_reply_begin(r, 200, "application/x-ndjson");
    while (count && !err)
        err = lines_send(c, x, &lines, &count, &e);
    if (err)
        log_event(err == ERR_CANCELLED ? LOG_INFO : LOG_WARN, "an export was cut",
                  LOG_S("error", e.message), LOG_S("trace_id", http_trace_id(r)));
    strbuf_release(&lines);
    engine_export_close(x);
    export_rise(c->api, c->export_seat); /* before the end: who has read it may ask again */
    http_reply_end(r, !err);
}

void run_documents_export(struct call *c)
{
    struct err_info e = {0};
    struct export *x;
    struct str position;
    struct export_request r = {.within = c->caller.filter,
                               .filter = input_str(c->input, "filter"),
                               .after = input_str(c->input, "after"),
                               .fields.given = json_is_array(json_object_get(c->input, "fields"))};
    r.fields.names = input_strs(c->arena, c->input, "fields", &r.fields.count);
    if (!http_streams(c->request)) {
        call_problem(
            c, 505, err_name(ERR_UNSUPPORTED),
            "an export needs HTTP/1.1: without its chunks nobody could tell whether all of "
            "it came (nginx: proxy_http_version 1.1)");
    } else if (engine_export_open(c->engine, call_collection(c), &r, c->arena, &position, &x, &e)) {
        call_input_error(c, &e);
    } else {
        call_position(c, position);
        http_add_header(c->request, "Akin-Trace-Id", http_trace_id(c->request));
        export_send(c, x);
    }
}
