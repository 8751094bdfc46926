#include "api/cursor.h"
#include "api/render.h"
#include "api/response.h"
#include "api/rows.h"
#include <stdio.h>
#include <string.h>

/* ---- feedback ---- */

static struct feedback_options feedback_options(const struct call *c)
{
    return (struct feedback_options){.within = c->caller.filter,
                                     .atomic = input_bool(c->query, "atomic", false),
                                     .create = input_bool(c->query, "create", false)};
}

static struct feedback_in feedback_read(struct arena *a, const json_t *v)
{
    const json_t *value = json_object_get(v, "value");
    return (struct feedback_in){
        .event_id = input_id(a, v, "event_id"),
        .user = input_id(a, v, "user"),
        .document = input_id(a, v, "document"),
        .type = input_str(v, "type"),
        .session = input_id(a, v, "session"),
        .recommendation_id = input_id(a, v, "recommendation_id"),
        .value = json_number_value(value),
        .value_set = json_is_number(value),
        .position = (int32_t)input_int(v, "position", -1),
        .time = input_str(v, "time"),
    };
}

static void feedback_row_wrong(struct json_writer *w, const struct faults *f)
{
    json_object_begin(w);
    json_key_c(w, "status", "failed");
    problem_row_faults(w, f);
    json_object_end(w);
}

static void feedback_reply(struct call *c, const struct rows *rows,
                           const struct put_result *results, struct str position)
{
    char pointer[32];
    size_t failed = 0;
    struct response out;
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < rows->count; i++) {
        const struct put_result *r = &results[rows->index[i]];
        snprintf(pointer, sizeof pointer, "/%zu", i);
        failed += rows->faults[i] || r->err;
        if (rows->faults[i])
            feedback_row_wrong(w, rows->faults[i]);
        else
            render_row(w, r,
                       &(struct row_place){
                           .id_key = "event_id", .pointer = pointer, .index = rows->index[i]});
    }
    response_rows_send(c, &out, failed, position);
}

static void feedback_one(struct call *c)
{
    struct err_info e = {0};
    struct str position = {"", 0};
    struct feedback_in row = feedback_read(c->arena, c->body);
    struct put_result result = {0};
    struct feedback_options o = feedback_options(c);
    o.atomic = false; /* one row alone is its own status anyway */
    enum err err = engine_feedback_add(c->engine, call_collection(c), &row, 1, &o, c->arena,
                                       &result, &position, &e);
    if (!err && !result.err) {
        size_t index = 0;
        struct faults *none = NULL;
        feedback_reply(c, &(struct rows){.faults = &none, .index = &index, .count = 1}, &result,
                       position);
        return;
    }
    if (!err) {
        e = result.info;
        e.code = result.err;
    }
    char pointer[ROW_POINTER] = "";
    if (e.field[0])
        row_pointer(e.field, &(struct row_place){.pointer = ""}, pointer);
    snprintf(e.field, sizeof e.field, "%.*s", (int)sizeof e.field - 1, pointer);
    call_error(c, &e);
}

void run_feedback_add(struct call *c)
{
    struct err_info e = {0};
    struct rows rows;
    struct collection_info info;
    struct str position = {"", 0};
    if (!json_is_array(c->body)) {
        feedback_one(c);
        return;
    }
    struct feedback_options o = feedback_options(c);
    rows_judge(c, c->route->body->alternatives[0], &rows);
    for (size_t i = 0; i < rows.count && o.atomic; i++)
        if (rows.faults[i]) {
            call_faults(c, rows.faults[i]);
            return;
        }
    size_t n = rows.sound_count;
    struct feedback_in *sent = arena_array(c->arena, n + 1, sizeof *sent);
    struct put_result *results = arena_array(c->arena, n + 1, sizeof *results);
    for (size_t i = 0; i < n; i++)
        sent[i] = feedback_read(c->arena, rows.sound[i]);
    enum err err = n ? engine_feedback_add(c->engine, call_collection(c), sent, n, &o, c->arena,
                                           results, &position, &e)
                     : engine_collection_get(c->engine, call_collection(c), c->arena, &info, &e);
    if (err) {
        call_error(c, &e);
        return;
    }
    if (!n)
        engine_position(c->engine, c->arena, &position);
    feedback_reply(c, &rows, results, position);
}

static void feedback_list_reply(struct call *c, const struct feedback_out *list, size_t count,
                                uint64_t next, uint64_t binding)
{
    char cursor[CURSOR_TEXT];
    struct response out;
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        render_feedback(w, &list[i]);
    if (next)
        cursor_format(engine_secret(c->engine),
                      &(struct cursor){.binding = binding, .number = next, .key = {"", 0}}, cursor);
    response_page_send(c, &out, next ? cursor : NULL);
}

void run_feedback_list(struct call *c)
{
    struct err_info e = {0};
    struct cursor at = {.number = 0};
    struct feedback_out *list;
    size_t count, limit = (size_t)input_int(c->input, "limit", 100);
    uint64_t next, binding = call_binding(c);
    struct str text = input_str(c->input, "cursor");
    if ((text.n &&
         cursor_parse(engine_secret(c->engine), c->arena, text, binding, "cursor", &at, &e)) ||
        engine_feedback_list(c->engine, call_collection(c), c->caller.filter,
                             input_str(c->input, "user"), input_str(c->input, "document"),
                             at.number, limit, c->arena, &list, &count, &next, &e))
        call_error(c, &e);
    else
        feedback_list_reply(c, list, count, next, binding);
}

/* ---- users ---- */

static void user_reply(struct call *c, int status, const struct user_out *u)
{
    struct response out;
    render_user(response_begin(&out), u);
    response_send(c, status, &out);
}

void run_user_put(struct call *c)
{
    struct err_info e = {0};
    struct user_out u;
    bool created;
    if (engine_user_put(c->engine, call_collection(c), call_id(c), c->body, c->arena, &u, &created,
                        &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    if (created)
        call_location(c, "/v1/collections/%.*s/users/%s", STR_ARG(call_collection(c)),
                      segment_encode(c->arena, u.id));
    user_reply(c, created ? 201 : 200, &u);
}

void run_user_get(struct call *c)
{
    struct err_info e = {0};
    struct user_out u;
    if (engine_user_get(c->engine, call_collection(c), call_id(c), c->arena, &u, &e))
        call_error(c, &e);
    else
        user_reply(c, 200, &u);
}

void run_user_delete(struct call *c)
{
    struct err_info e = {0};
    if (engine_user_delete(c->engine, call_collection(c), call_id(c), &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    call_empty(c, 204);
}

/* ---- all of a user ---- */

static void put_some(struct json_writer *w, const char *key, struct str value)
{
    if (!value.n)
        return;
    json_key_str(w, key, value);
}

static void render_scores(struct json_writer *w, const struct export_scores *s)
{
    json_object_begin(w);
    json_key_str(w, "source", s->source);
    render_time(w, "updated", s->scores.updated_us);
    json_key(w, "scores");
    json_array_begin(w);
    for (size_t i = 0; i < s->scores.count; i++) {
        json_object_begin(w);
        json_key_str(w, "document", s->scores.scores[i].document);
        json_key_double(w, "score", s->scores.scores[i].score);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static void render_slot(struct json_writer *w, const struct export_slot *s)
{
    json_object_begin(w);
    put_some(w, "document", s->document);
    json_key_int(w, "position", (int64_t)s->position);
    json_key_double(w, "score", s->score);
    json_key_double(w, "propensity", s->propensity);
    json_object_end(w);
}

static void render_answer(struct json_writer *w, const struct export_answer *a)
{
    json_object_begin(w);
    put_some(w, "recommendation_id", a->recommendation_id);
    render_time(w, "time", a->at_us);
    put_some(w, "scenario", a->scenario);
    put_some(w, "experiment", a->experiment);
    put_some(w, "variant", a->variant);
    if (a->recommender)
        json_key_int(w, "model", a->recommender);
    json_key(w, "documents");
    json_array_begin(w);
    for (size_t i = 0; i < a->count; i++)
        render_slot(w, &a->slots[i]);
    json_array_end(w);
    json_object_end(w);
}

static void render_export(struct json_writer *w, const struct user_export *x)
{
    if (x->known) {
        json_key(w, "user");
        render_user(w, &x->user);
    }
    json_key(w, "scores");
    json_array_begin(w);
    for (size_t i = 0; i < x->score_count; i++)
        render_scores(w, &x->scores[i]);
    json_array_end(w);
    json_key(w, "feedback");
    json_array_begin(w);
    for (size_t i = 0; i < x->feedback_count; i++)
        render_feedback(w, &x->feedback[i]);
    json_array_end(w);
    json_key(w, "answers");
    json_array_begin(w);
    for (size_t i = 0; i < x->answer_count; i++)
        render_answer(w, &x->answers[i]);
    json_array_end(w);
}

/* A cursor's number is that of the act or the answer; its key is the answer's time. */
static enum err export_from(struct call *c, uint64_t binding, struct export_at *at,
                            struct err_info *e)
{
    struct cursor cursor;
    struct str text = input_str(c->input, "cursor");
    *at = (struct export_at){0};
    if (!text.n)
        return ERR_OK;
    enum err err =
        cursor_parse(engine_secret(c->engine), c->arena, text, binding, "cursor", &cursor, e);
    if (err)
        return err;
    if (cursor.key.n == 0) {
        at->feedback = cursor.number;
        return ERR_OK;
    }
    at->answer = cursor.number;
    if (str_to_i64(cursor.key, INT64_MIN, INT64_MAX, &at->at_us))
        return err_set(e, ERR_INVALID, "cursor", "is not one of this list");
    return ERR_OK;
}

static void export_reply(struct call *c, const struct user_export *x, uint64_t binding)
{
    char text[CURSOR_TEXT];
    struct response out;
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    render_export(w, x);
    json_key(w, "next_cursor");
    if (x->more) {
        bool answers = x->next.answer != 0;
        const char *key = answers ? arena_printf(c->arena, "%lld", (long long)x->next.at_us) : "";
        cursor_format(engine_secret(c->engine),
                      &(struct cursor){.binding = binding,
                                       .number = answers ? x->next.answer : x->next.feedback,
                                       .key = str_c(key)},
                      text);
    }
    json_put_c(w, x->more ? text : NULL);
    json_object_end(w);
    response_send(c, 200, &out);
}

void run_user_export(struct call *c)
{
    struct err_info e = {0};
    struct user_export x;
    struct export_at at;
    uint64_t binding = call_binding(c);
    if (export_from(c, binding, &at, &e) ||
        engine_user_export(c->engine, call_collection(c), c->caller.filter, call_id(c), &at,
                           (size_t)input_int(c->input, "limit", 100), c->arena, &x, &e))
        call_error(c, &e);
    else
        export_reply(c, &x, binding);
}
