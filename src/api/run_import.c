#include "api/ndjson.h"
#include "api/render.h"
#include "api/server.h"
#include "base/clock.h"
#include "base/file.h"
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* NDJSON import: lines are pulled from the body as the engine takes them (TCP pushes back), a
 * result line for each is spooled in tmp/ under a quota over all imports, and the spool is the
 * answer once the body has ended: a client that writes all before it reads anything cannot
 * dead-lock with us.
 *
 * Threads: import_next and import_result are called by the engine from its own threads, one caller
 * each at a time; what both touch (`numbers`) is under a lock. */

#define SPOOL_FLUSH (64u << 10)
#define NUMBERS_MAX 4096

/* Documents are counted, lines have blank ones among them: from document `from` on, line = document
 * + blanks. */
struct shift {
    uint64_t from, blanks;
};

struct import {
    struct call *c;
    struct ndjson lines;
    struct file *spool;
    const char *spool_path;
    struct strbuf out;
    uint64_t spooled;
    struct ingest_progress progress;
    uint64_t rows, failed, documents;
    struct err_info fault; /* of the stream or the spool: says more than the engine can */
    struct lock lock;
    struct shift shifts[NUMBERS_MAX]; /* a ring */
    size_t shift_first, shift_count;
    uint64_t blanks, blanks_seen; /* read, and up to the row that is answered */
};

/* ---- reading ---- */

static enum err import_read(void *ctx, void *buf, size_t size, size_t *n, struct err_info *e)
{
    struct import *m = ctx;
    enum err err = http_body_read(m->c->request, buf, size, n, e);
    if (err && e)
        err_set(&m->fault, err, NULL, "%s", e->message);
    if (err == ERR_TOO_LARGE && e)
        err = e->code = ERR_CANCELLED; /* for the reader that is a line to be passed over */
    return err;
}

static void shift_push(struct import *m, uint64_t blanks)
{
    if (blanks == m->blanks)
        return;
    m->blanks = blanks;
    lock_take(&m->lock);
    if (m->shift_count < NUMBERS_MAX)
        m->shifts[(m->shift_first + m->shift_count++) % NUMBERS_MAX] =
            (struct shift){m->documents, blanks};
    lock_drop(&m->lock);
}

static uint64_t shift_line(struct import *m, uint64_t document)
{
    lock_take(&m->lock);
    while (m->shift_count && m->shifts[m->shift_first].from <= document) {
        m->blanks_seen = m->shifts[m->shift_first].blanks;
        m->shift_first = (m->shift_first + 1) % NUMBERS_MAX;
        m->shift_count--;
    }
    uint64_t line = document + m->blanks_seen;
    lock_drop(&m->lock);
    return line;
}

static enum err import_next(void *ctx, struct strbuf *line, struct err_info *e)
{
    struct import *m = ctx;
    if (http_departed(m->c->request))
        return err_set(e, ERR_CANCELLED, NULL, "the peer has left");
    enum err err = ndjson_next(&m->lines, line, e);
    if (!err || err == ERR_TOO_LARGE)
        shift_push(m, m->lines.number - ++m->documents);
    return err;
}

/* ---- the spool ---- */

static enum err spool_flush(struct import *m)
{
    struct api *a = m->c->api;
    size_t n = m->out.n;
    if (atomic_fetch_add(&a->spool_bytes, n) + n > a->spool_bytes_max) {
        atomic_fetch_sub(&a->spool_bytes, n);
        return err_set(&m->fault, ERR_FULL, NULL,
                       "results of imports fill their quota of %" PRIu64
                       " bytes; send fewer lines at a time",
                       a->spool_bytes_max);
    }
    m->c->spool_bytes += n;
    enum err err = n ? file_write(m->spool, m->out.buf, n, &m->fault) : ERR_OK;
    strbuf_clear(&m->out);
    return err;
}

static enum err import_result(void *ctx, uint64_t document, const struct put_result *r)
{
    struct import *m = ctx;
    struct json_writer w;
    struct row_place place = {
        .id_key = "id", .pointer = "", .index = 0, .line = shift_line(m, document)};
    json_writer_init(&w, &m->out);
    render_row(&w, r, &place);
    strbuf_add_char(&m->out, '\n');
    m->rows++;
    m->failed += r->err != ERR_OK;
    return m->out.n >= SPOOL_FLUSH ? spool_flush(m) : ERR_OK;
}

/* ---- the whole ---- */

static enum err import_open(struct import *m, struct err_info *e)
{
    struct call *c = m->c;
    struct collection_info info;
    enum err err = engine_collection_get(c->engine, call_collection(c), c->arena, &info, e);
    if (err)
        return err;
    m->spool_path = arena_printf(c->arena, "%s/import-%d-%" PRIu64, c->api->tmp_dir, (int)getpid(),
                                 atomic_fetch_add(&c->api->spool_number, 1));
    return file_open(m->spool_path, FILE_CREATE, &m->spool, e);
}

static enum err import_run(struct import *m, struct str *position, struct err_info *e)
{
    struct call *c = m->c;
    struct ingest_source source = {import_next, m};
    struct ingest_sink sink = {import_result, m};
    /* Until the peer leaves or stalls: a stream as such has no deadline. */
    struct put_options o = {.within = c->caller.filter,
                            .async = input_bool(c->query, "async", false),
                            .lane = LANE_BULK,
                            .deadline_ns = INT64_MAX};
    int64_t start = clock_mono_ns();
    enum err err = engine_ingest(c->engine, call_collection(c), &source, &sink, &o, &m->progress,
                                 position, c->arena, e);
    c->stage_ns[STAGE_ENGINE] = clock_mono_ns() - start;
    return err;
}

static enum err import_end(struct import *m, struct str position)
{
    struct json_writer w;
    json_writer_init(&w, &m->out);
    json_object_begin(&w);
    json_key_int(&w, "done", (int64_t)(m->rows - m->failed));
    json_key_int(&w, "failed", (int64_t)m->failed);
    json_key_str(&w, "position", position);
    json_object_end(&w);
    strbuf_add_char(&m->out, '\n');
    return spool_flush(m);
}

static void import_refuse(struct import *m, const struct err_info *e)
{
    struct call *c = m->c;
    struct err_info own = {0};
    const struct err_info *said = m->fault.code ? &m->fault : e;
    if (m->rows)
        err_set(&own, said->code, said->field,
                "%s (%" PRIu64 " lines were taken before; repeating the import is safe)",
                said->message, m->rows - m->failed);
    else
        own = *said;
    if (own.code == ERR_TIMEOUT && m->fault.code == ERR_TIMEOUT)
        call_problem(c, 408, err_name(own.code), own.message);
    else
        call_error(c, &own);
}

/* Before the refusal is sent: who reads it finds nothing left of the import. */
static void spool_drop(struct import *m)
{
    struct err_info e = {0};
    file_close(m->spool);
    m->spool = NULL;
    if (m->spool_path && file_remove(m->spool_path, &e))
        (void)e; /* tmp/ is emptied at the next start */
}

static void import_release(struct import *m)
{
    ndjson_release(&m->lines);
    strbuf_release(&m->out);
    lock_release(&m->lock);
    file_close(m->spool);
    free(m);
}

void run_import(struct call *c)
{
    struct err_info e = {0};
    struct str position = {"", 0};
    struct import *m = xcalloc(1, sizeof *m);
    m->c = c;
    lock_init(&m->lock, LOCK_LEAF);
    ndjson_init(&m->lines, INGEST_LINE_MAX, import_read, m);
    strbuf_init(&m->out, 64u << 20);
    enum err err = input_bool(c->query, "atomic", false)
                       ? err_set(&e, ERR_INVALID, "atomic",
                                 "all or nothing needs the whole batch: send one JSON array")
                       : import_open(m, &e);
    if (!err)
        err = import_run(m, &position, &e);
    if (!err)
        err = import_end(m, position);
    const char *path = m->spool_path;
    if (err) {
        spool_drop(m);
        import_refuse(m, &e);
        import_release(m);
        return;
    }
    import_release(m);
    call_position(c, position);
    http_add_header(c->request, "Akin-Trace-Id", http_trace_id(c->request));
    http_reply_file(c->request, 200, "application/x-ndjson", path, true);
}
