/* Embedding versions: made, looked at, compared, promoted, rolled back, deleted. */
#include "api/render.h"
#include "api/response.h"

void input_version_choice(const json_t *v, struct version_choice *out)
{
    *out = (struct version_choice){
        .model = input_str(v, "model"),
        .precision = input_str(v, "precision"),
        .dimensions = (unsigned)input_int(v, "dimensions", 0),
    };
}

static void version_reply(struct call *c, int status, const struct version_info *v)
{
    struct response out;
    render_version(response_begin(&out), v);
    response_send(c, status, &out);
}

/* The number in the path; 0, which no version has, if it is not one. */
static uint32_t version_id(const struct call *c)
{
    int64_t id;
    return str_to_i64(route_value(&c->match, "version"), 1, UINT32_MAX, &id) ? 0 : (uint32_t)id;
}

void run_versions_list(struct call *c)
{
    struct err_info e = {0};
    struct version_info *list;
    size_t count;
    struct response out;
    if (engine_version_list(c->engine, call_collection(c), c->arena, &list, &count, &e)) {
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        render_version(w, &list[i]);
    response_page_send(c, &out, NULL); /* all fit in one page */
}

void run_version_create(struct call *c)
{
    struct err_info e = {0};
    struct version_choice choice;
    struct version_info v;
    input_version_choice(c->body, &choice);
    if (engine_version_create(c->engine, call_collection(c), &choice, c->arena, &v, &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    call_location(c, "/v1/collections/%.*s/embedding-versions/%u", STR_ARG(call_collection(c)),
                  v.id);
    version_reply(c, 201, &v);
}

void run_version_get(struct call *c)
{
    struct err_info e = {0};
    struct version_info v;
    if (engine_version_get(c->engine, call_collection(c), version_id(c), c->arena, &v, &e))
        call_error(c, &e);
    else
        version_reply(c, 200, &v);
}

void run_version_delete(struct call *c)
{
    struct err_info e = {0};
    if (engine_version_delete(c->engine, call_collection(c), version_id(c), &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    call_empty(c, 204);
}

static void changed_reply(struct call *c, enum err err, const struct version_info *v,
                          const struct err_info *e)
{
    if (err) {
        call_error(c, e);
        return;
    }
    call_position_now(c);
    version_reply(c, 200, v);
}

void run_version_promote(struct call *c)
{
    struct err_info e = {0};
    struct version_info v;
    enum err err =
        engine_version_promote(c->engine, call_collection(c), version_id(c), c->arena, &v, &e);
    changed_reply(c, err, &v, &e);
}

void run_version_rollback(struct call *c)
{
    struct err_info e = {0};
    struct version_info v;
    enum err err = engine_version_rollback(c->engine, call_collection(c), c->arena, &v, &e);
    changed_reply(c, err, &v, &e);
}

static void compare_fill(struct call *c, struct compare_request *r)
{
    const json_t *list = json_object_get(c->body, "judgments");
    size_t n = json_array_size(list);
    struct compare_judgment *judgments = arena_array(c->arena, n + 1, sizeof *judgments);
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(list, i);
        judgments[i].query = input_str(row, "query");
        judgments[i].document = input_id(c->arena, row, "document");
        judgments[i].grade = input_double(row, "grade", 1);
    }
    *r = (struct compare_request){.judgments = judgments, .judgment_count = n};
    r->queries = input_strs(c->arena, c->body, "queries", &r->query_count);
}

void run_version_compare(struct call *c)
{
    struct err_info e = {0};
    struct compare_request r;
    struct version_info v;
    compare_fill(c, &r);
    if (engine_version_compare(c->engine, call_collection(c), version_id(c), &r,
                               http_deadline_ns(c->request), c->arena, &v, &e))
        call_error(c, &e);
    else
        version_reply(c, 200, &v);
}
