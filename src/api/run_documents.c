#include "api/conditions.h"
#include "api/cursor.h"
#include "api/render.h"
#include "api/response.h"
#include "base/clock.h"
#include "base/hash.h"
#include <stdio.h>
#include <string.h>

/* ---- conditions ---- */

static enum err no_match(struct err_info *e)
{
    return err_set(e, ERR_PRECONDITION, NULL,
                   "the document has another revision, or none; read it again for its ETag");
}

/* If-Match with * or several tags: the present revision, if they have it, becomes the one that the
 * write is bound to. */
static enum err match_present(struct call *c, const struct etags *t, struct put_options *o,
                              struct err_info *e)
{
    struct err_info own = {0};
    struct document_out d;
    enum err err =
        engine_get(c->engine, call_collection(c), c->caller.filter, call_id(c), c->arena, &d, &own);
    if (err == ERR_NOT_FOUND)
        return no_match(e);
    if (err)
        return err_set(e, err, own.field, "%s", own.message);
    o->if_revision = d.revision;
    return etags_have(t, d.revision) ? ERR_OK : no_match(e);
}

static enum err conditions(struct call *c, struct put_options *o, struct err_info *e)
{
    struct etags t;
    struct str match = http_header(c->request, "If-Match"),
               none = http_header(c->request, "If-None-Match");
    if (none.n && strstr(c->route->headers, "If-None-Match")) {
        enum err err = etags_parse(none, "If-None-Match", &t, e);
        if (err)
            return err;
        if (!t.any)
            return err_set(e, ERR_INVALID, "If-None-Match",
                           "must be * when writing: it asks for a document that does not exist");
        o->if_revision_set = true;
        o->if_revision = UINT64_MAX;
    }
    if (!match.n)
        return ERR_OK;
    enum err err = etags_parse(match, "If-Match", &t, e);
    if (err)
        return err;
    o->if_revision_set = true;
    if (t.any || t.count > 1)
        return match_present(c, &t, o, e);
    o->if_revision = t.count ? t.tags[0].revision : 0;
    return t.count ? ERR_OK : no_match(e);
}

static struct put_options options(const struct call *c)
{
    return (struct put_options){.within = c->caller.filter,
                                .atomic = input_bool(c->query, "atomic", false),
                                .async = input_bool(c->query, "async", false),
                                .lane = LANE_INTERACTIVE,
                                .deadline_ns = http_deadline_ns(c->request)};
}

/* ---- rows ---- */

static void row_error(struct call *c, const struct put_result *r, const struct row_place *place)
{
    struct err_info e = r->info;
    char pointer[ROW_POINTER];
    if (e.field[0]) {
        row_pointer(e.field, place, pointer);
        snprintf(e.field, sizeof e.field, "%.*s", (int)sizeof e.field - 1, pointer);
    }
    e.code = r->err;
    call_error(c, &e);
}

static void rows_reply(struct call *c, const struct put_result *rows, const size_t *index,
                       size_t count, bool single, struct str position)
{
    char pointer[32] = "";
    size_t failed = 0;
    struct response out;
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++) {
        if (!single)
            snprintf(pointer, sizeof pointer, "/%zu", i);
        render_row(
            w, &rows[i],
            &(struct row_place){.id_key = "id", .pointer = pointer, .index = index ? index[i] : i});
        failed += rows[i].err != ERR_OK;
    }
    response_rows_send(c, &out, failed, position);
}

/* A single document's answer. */
static void row_reply(struct call *c, int status, const struct put_result *r, struct str position)
{
    struct response out;
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    json_key_str(w, "id", r->id);
    json_key_c(w, "status", r->status);
    json_key_int(w, "revision", (int64_t)r->revision);
    if (r->pending)
        json_key_bool(w, "pending", true);
    json_key_str(w, "position", position);
    json_object_end(w);
    call_position(c, position);
    call_etag(c, r->revision);
    response_send(c, status, &out);
}

/* ---- adding ---- */

struct batch {
    const json_t **documents; /* the objects among the rows */
    struct put_result *results, *rows;
    size_t *index; /* row -> its place in `documents` */
    size_t count, sent;
};

static void batch_fill(struct call *c, struct batch *b)
{
    bool array = json_is_array(c->body);
    b->count = array ? json_array_size(c->body) : 1;
    b->documents = arena_array(c->arena, b->count + 1, sizeof *b->documents);
    b->results = arena_array(c->arena, b->count + 1, sizeof *b->results);
    b->rows = arena_array(c->arena, b->count + 1, sizeof *b->rows);
    b->index = arena_array(c->arena, b->count + 1, sizeof *b->index);
    for (size_t i = 0; i < b->count; i++) {
        const json_t *row = array ? json_array_get(c->body, i) : c->body;
        b->index[i] = b->sent;
        if (json_is_object(row))
            b->documents[b->sent++] = row;
        else
            b->rows[i].err =
                err_set(&b->rows[i].info, ERR_INVALID, arena_printf(c->arena, "/%zu", b->sent),
                        "must be an object with a text");
    }
}

static void batch_collect(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (!b->rows[i].err)
            b->rows[i] = b->results[b->index[i]];
}

static const struct put_result *batch_failed(const struct batch *b, size_t *at)
{
    for (*at = 0; *at < b->count; ++*at)
        if (b->rows[*at].err)
            return &b->rows[*at];
    return NULL;
}

static enum err batch_run(struct call *c, struct batch *b, const struct put_options *o,
                          struct str *position, struct err_info *e)
{
    struct collection_info info;
    enum err err;
    if (b->sent)
        err = engine_put(c->engine, call_collection(c), b->documents, b->sent, o, c->arena,
                         b->results, position, e);
    else /* nothing to do, but not in a collection that does not exist */
        err = engine_collection_get(c->engine, call_collection(c), c->arena, &info, e);
    if (err)
        return err;
    if (!b->sent)
        engine_position(c->engine, c->arena, position);
    batch_collect(b);
    return ERR_OK;
}

void run_documents_add(struct call *c)
{
    struct err_info e = {0};
    struct batch b = {0};
    struct str position = {"", 0};
    struct put_options o = options(c);
    size_t at;
    batch_fill(c, &b);
    bool array = json_is_array(c->body);
    o.lane = b.count > 100 ? LANE_BULK : LANE_INTERACTIVE;
    const struct put_result *failed = o.atomic ? batch_failed(&b, &at) : NULL;
    struct row_place place = {.id_key = "id",
                              .pointer = failed ? arena_printf(c->arena, "/%zu", at) : "",
                              .index = failed ? b.index[at] : 0};
    if (failed) {
        row_error(c, failed, &place);
        return;
    }
    int64_t start = clock_mono_ns();
    if (batch_run(c, &b, &o, &position, &e)) {
        if (!array && e.field[0])
            row_error(c, &(struct put_result){.err = e.code, .info = e}, &place);
        else
            call_error(c, &e);
        return;
    }
    c->stage_ns[STAGE_ENGINE] = clock_mono_ns() - start;
    if (!array && b.rows[0].err)
        row_error(c, &b.rows[0], &place);
    else
        rows_reply(c, b.rows, b.index, b.count, !array, position);
}

/* ---- one document ---- */

static enum err body_id(struct call *c, bool set, struct err_info *e)
{
    struct str id = call_id(c);
    json_t *given = json_object_get(c->body, "id");
    if (given && !str_eq(input_id(c->arena, c->body, "id"), id))
        return err_set(e, ERR_INVALID, "/id", "must be the id of the path, or be left out");
    if (set)
        json_object_set_new(c->body, "id", json_stringn(id.s, id.n));
    else
        json_object_del(c->body, "id");
    return ERR_OK;
}

static const struct row_place alone = {.id_key = "id", .pointer = "", .index = 0};

void run_document_put(struct call *c)
{
    struct err_info e = {0};
    struct put_options o = options(c);
    struct put_result row = {0};
    struct str position = {"", 0};
    if (body_id(c, true, &e) || conditions(c, &o, &e)) {
        call_error(c, &e);
        return;
    }
    int64_t start = clock_mono_ns();
    enum err err = engine_put(c->engine, call_collection(c), (const json_t *const[]){c->body}, 1,
                              &o, c->arena, &row, &position, &e);
    c->stage_ns[STAGE_ENGINE] = clock_mono_ns() - start;
    if (err)
        row = (struct put_result){.err = err, .info = e};
    if (row.err) {
        row_error(c, &row, &alone);
        return;
    }
    bool created = !strcmp(row.status, "created");
    if (created)
        call_location(c, "/v1/collections/%.*s/documents/%s", STR_ARG(call_collection(c)),
                      segment_encode(c->arena, row.id));
    row_reply(c, created ? 201 : 200, &row, position);
}

void run_document_patch(struct call *c)
{
    struct err_info e = {0};
    struct put_options o = options(c);
    struct put_result row = {0};
    struct str position = {"", 0};
    if (body_id(c, false, &e) || conditions(c, &o, &e)) {
        call_error(c, &e);
        return;
    }
    int64_t start = clock_mono_ns();
    enum err err = engine_patch(c->engine, call_collection(c), call_id(c), c->body, &o, c->arena,
                                &row, &position, &e);
    c->stage_ns[STAGE_ENGINE] = clock_mono_ns() - start;
    if (err)
        row = (struct put_result){.err = err, .info = e};
    if (row.err)
        row_error(c, &row, &alone);
    else
        row_reply(c, 200, &row, position);
}

static void not_found(struct call *c)
{
    struct err_info e = {0};
    err_set(&e, ERR_NOT_FOUND, NULL, "there is no document \"%.*s\" in \"%.*s\"",
            STR_ARG(call_id(c)), STR_ARG(call_collection(c)));
    call_error(c, &e);
}

void run_document_delete(struct call *c)
{
    struct err_info e = {0};
    struct put_options o = options(c);
    struct put_result row = {0};
    struct str position = {"", 0}, id = call_id(c);
    if (conditions(c, &o, &e) ||
        engine_delete(c->engine, call_collection(c), &id, 1, &o, c->arena, &row, &position, &e)) {
        call_error(c, &e);
        return;
    }
    if (row.err && row.err != ERR_NOT_FOUND) {
        row_error(c, &row, &alone);
    } else if (row.err || !strcmp(row.status, "not_found")) {
        not_found(c);
    } else {
        call_position(c, position);
        call_empty(c, 204);
    }
}

static void delete_matching(struct call *c, const struct put_options *o)
{
    struct err_info e = {0};
    struct str position = {"", 0};
    struct deleted d;
    struct response out;
    if (engine_delete_matching(c->engine, call_collection(c), input_str(c->body, "filter"), o,
                               c->arena, &d, &position, &e)) {
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    json_key_int(w, "deleted", (int64_t)d.deleted);
    json_key_int(w, "remaining", (int64_t)d.remaining);
    json_key(w, "data");
    json_array_begin(w);
    response_rows_send(c, &out, 0, position);
}

void run_documents_delete(struct call *c)
{
    struct err_info e = {0};
    struct put_options o = options(c);
    struct str position = {"", 0};
    size_t count;
    struct str *ids = input_strs(c->arena, c->body, "ids", &count);
    if (json_object_get(c->body, "filter")) {
        delete_matching(c, &o);
        return;
    }
    struct put_result *rows = arena_array(c->arena, count, sizeof *rows);
    if (engine_delete(c->engine, call_collection(c), ids, count, &o, c->arena, rows, &position, &e))
        call_error(c, &e);
    else
        rows_reply(c, rows, NULL, count, false, position);
}

/* ---- reading ---- */

/* The mark is of what a reading adds to what was written, as this caller sees it. */
static struct etag document_etag(const struct document_out *d)
{
    uint64_t sum = d->pending;
    if (d->duplicate_of.n && !(d->hidden & PART_DUPLICATE_OF))
        sum = checksum64(d->duplicate_of.s, d->duplicate_of.n, sum + 2);
    if (d->predicted.n && !(d->hidden & PART_PREDICTED))
        sum = checksum64(d->predicted.s, d->predicted.n, sum);
    uint32_t mark = (uint32_t)(sum ^ sum >> 32);
    return (struct etag){d->revision, sum && !mark ? 1 : mark};
}

void run_document_get(struct call *c)
{
    struct err_info e = {0};
    struct document_out d;
    struct etags t = {0};
    char text[ETAG_TEXT];
    struct str none = http_header(c->request, "If-None-Match");
    if ((none.n && etags_parse(none, "If-None-Match", &t, &e)) ||
        engine_get(c->engine, call_collection(c), c->caller.filter, call_id(c), c->arena, &d, &e)) {
        call_error(c, &e);
        return;
    }
    struct etag tag = document_etag(&d);
    etag_format(&tag, text);
    http_add_header(c->request, "ETag", text);
    if (none.n && etags_have_reading(&t, &tag)) {
        call_empty(c, 304);
        return;
    }
    struct response out;
    render_document(response_begin(&out), &d);
    response_send(c, 200, &out);
}

#define GET_BYTES_MAX (64u << 20) /* of one answer */

static void fetched_reply(struct call *c, const struct str *ids, const struct document_out *list,
                          size_t count)
{
    size_t missing = 0;
    struct response out;
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++) {
        char text[ETAG_TEXT];
        struct etag tag = document_etag(&list[i]);
        bool found = list[i].number != 0;
        missing += !found;
        json_object_begin(w);
        json_key_str(w, "id", ids[i]);
        json_key_bool(w, "found", found);
        if (found) {
            etag_format(&tag, text);
            json_key_int(w, "revision", (int64_t)list[i].revision);
            json_key_c(w, "etag", text);
            json_key(w, "document");
            render_document(w, &list[i]);
        }
        json_object_end(w);
    }
    json_array_end(w);
    json_key_int(w, "missing", (int64_t)missing);
    json_object_end(w);
    response_send(c, 200, &out);
}

void run_documents_get(struct call *c)
{
    struct err_info e = {0};
    size_t count;
    struct field_choice fields = {.given = json_is_array(json_object_get(c->body, "fields"))};
    struct str *ids = input_strs(c->arena, c->body, "ids", &count);
    struct document_out *list = arena_array(c->arena, count, sizeof *list);
    fields.names = input_strs(c->arena, c->body, "fields", &fields.count);
    if (engine_get_many(c->engine, call_collection(c), c->caller.filter, ids, count, &fields,
                        GET_BYTES_MAX, c->arena, list, &e))
        call_error(c, &e);
    else
        fetched_reply(c, ids, list, count);
}

static void list_reply(struct call *c, const struct document_out *list, size_t count, bool more,
                       uint64_t binding)
{
    char cursor[CURSOR_TEXT];
    struct response out;
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        render_document(w, &list[i]);
    more = more && count;
    if (more)
        cursor_format(engine_secret(c->engine),
                      &(struct cursor){.binding = binding, .key = list[count - 1].id}, cursor);
    response_page_send(c, &out, more ? cursor : NULL);
}

void run_documents_list(struct call *c)
{
    struct err_info e = {0};
    struct cursor at = {.key = {"", 0}};
    struct document_out *list;
    size_t count, limit = (size_t)input_int(c->input, "limit", 100);
    bool more;
    uint64_t binding = call_binding(c);
    struct str text = input_str(c->input, "cursor");
    size_t offset = text.n ? 0 : (size_t)input_int(c->input, "offset", 0);
    if ((text.n &&
         cursor_parse(engine_secret(c->engine), c->arena, text, binding, "cursor", &at, &e)) ||
        engine_list(c->engine, call_collection(c), c->caller.filter, input_str(c->input, "filter"),
                    at.key, offset, limit, c->arena, &list, &count, &more, &e))
        call_input_error(c, &e);
    else
        list_reply(c, list, count, more, binding);
}
