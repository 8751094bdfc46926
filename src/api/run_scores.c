/* Scores that the team's own algorithm made. */
#include "api/render.h"
#include "api/response.h"
#include "api/rows.h"
#include <stdio.h>
#include <string.h>

static struct str source_name(const struct call *c)
{
    return route_value(&c->match, "source");
}

/* The reader of the path; empty: all of them. */
static struct str reader_name(const struct call *c)
{
    return route_value(&c->match, "id");
}

static void scores_read(struct call *c, const json_t *v, struct str user, struct scores_in *out)
{
    const json_t *list = json_object_get(v, "scores");
    size_t n = json_array_size(list);
    struct score_of *scores = arena_array(c->arena, n + 1, sizeof *scores);
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(list, i);
        scores[i].document = input_id(c->arena, row, "document");
        scores[i].score = input_double(row, "score", 0);
    }
    *out = (struct scores_in){.user = user, .scores = scores, .count = n};
}

static void kept_put(struct json_writer *w, const struct scores_result *r)
{
    json_key_int(w, "count", (int64_t)r->count);
    json_key(w, "unknown");
    json_array_begin(w);
    for (size_t i = 0; i < r->unknown_count; i++)
        json_put_str(w, r->unknown[i]);
    json_array_end(w);
}

/* ---- one reader, or all of them ---- */

void run_scores_put(struct call *c)
{
    struct err_info e = {0};
    struct scores_in in;
    struct scores_result result = {0};
    struct response out;
    scores_read(c, c->body, reader_name(c), &in);
    enum err err = engine_scores_put(c->engine, call_collection(c), source_name(c), &in, 1,
                                     c->arena, &result, &e);
    if (err || result.err) {
        if (!err)
            e = result.info;
        e.code = err ? err : result.err;
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    kept_put(w, &result);
    json_object_end(w);
    response_send(c, strcmp(result.status, "created") == 0 ? 201 : 200, &out);
}

void run_scores_get(struct call *c)
{
    struct err_info e = {0};
    struct scores_out s;
    struct response out;
    if (engine_scores_get(c->engine, call_collection(c), source_name(c), reader_name(c), c->arena,
                          &s, &e)) {
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    json_key(w, "scores");
    json_array_begin(w);
    for (size_t i = 0; i < s.count; i++) {
        json_object_begin(w);
        json_key_str(w, "document", s.scores[i].document);
        json_key(w, "score");
        json_put_float(w, (float)s.scores[i].score);
        json_object_end(w);
    }
    json_array_end(w);
    render_time(w, "updated", s.updated_us);
    json_object_end(w);
    response_send(c, 200, &out);
}

void run_scores_delete(struct call *c)
{
    struct err_info e = {0};
    if (engine_scores_delete(c->engine, call_collection(c), source_name(c), reader_name(c), &e))
        call_error(c, &e);
    else
        call_empty(c, 204);
}

/* ---- a batch ---- */

static void failure_put(struct json_writer *w, const struct scores_result *r, size_t row)
{
    char pointer[ROW_POINTER];
    snprintf(pointer, sizeof pointer, "/%zu%.200s", row, r->info.field);
    const struct fault one = {.pointer = pointer, .detail = r->info.message};
    json_key(w, "error");
    problem_row(w, r->err, r->info.message, &one, 1);
}

static void row_put(struct json_writer *w, const struct faults *f, const struct scores_in *in,
                    const struct scores_result *r, size_t row)
{
    json_object_begin(w);
    if (!f && in->user.n)
        json_key_str(w, "user", in->user);
    json_key_c(w, "status", f || r->err ? "failed" : r->status);
    if (f)
        problem_row_faults(w, f);
    else if (r->err)
        failure_put(w, r, row);
    else
        kept_put(w, r);
    json_object_end(w);
}

void run_scores_batch(struct call *c)
{
    struct err_info e = {0};
    struct rows rows;
    struct response out;
    size_t failed = 0;
    rows_judge(c, c->route->body->items, &rows);
    struct scores_in *sent = arena_array(c->arena, rows.sound_count + 1, sizeof *sent);
    struct scores_result *results = arena_array(c->arena, rows.sound_count + 1, sizeof *results);
    for (size_t i = 0; i < rows.sound_count; i++)
        scores_read(c, rows.sound[i], input_id(c->arena, rows.sound[i], "user"), &sent[i]);
    if (engine_scores_put(c->engine, call_collection(c), source_name(c), sent, rows.sound_count,
                          c->arena, results, &e)) {
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < rows.count; i++) {
        size_t at = rows.index[i];
        row_put(w, rows.faults[i], &sent[at], &results[at], i);
        failed += rows.faults[i] || results[at].err;
    }
    json_array_end(w);
    json_key_int(w, "failed", (int64_t)failed);
    json_object_end(w);
    response_send(c, 200, &out);
}

/* ---- sources ---- */

void run_score_sources(struct call *c)
{
    struct err_info e = {0};
    struct str *names;
    size_t count;
    struct response out;
    if (engine_scores_sources(c->engine, call_collection(c), c->arena, &names, &count, &e)) {
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(w);
        json_key_str(w, "source", names[i]);
        json_object_end(w);
    }
    response_page_send(c, &out, NULL); /* all fit in one page */
}

void run_scores_clear(struct call *c)
{
    struct err_info e = {0};
    if (engine_scores_clear(c->engine, call_collection(c), source_name(c), &e))
        call_error(c, &e);
    else
        call_empty(c, 204);
}
