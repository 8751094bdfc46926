/* Recommenders: trained, looked at, promoted, rolled back, retired, deleted; and tasks. */
#include "api/bounds.h"
#include "api/cursor.h"
#include "api/response.h"
#include "base/clock.h"

/* ---- rendering ---- */

static void key_str(struct json_writer *w, const char *key, struct str s)
{
    json_key_str(w, key, s);
}

static void key_int(struct json_writer *w, const char *key, uint64_t n)
{
    json_key_int(w, key, (int64_t)n);
}

static void key_time(struct json_writer *w, const char *key, int64_t us)
{
    char text[CLOCK_TEXT];
    clock_format(us, text);
    key_str(w, key, str_c(text));
}

static void render_recommender(struct json_writer *w, const struct recommender_info *r)
{
    json_object_begin(w);
    key_int(w, "id", r->id);
    key_str(w, "state", str_c(r->state));
    key_str(w, "kind", r->kind);
    if (r->label.n)
        key_str(w, "label", r->label);
    json_key_bool(w, "serving", r->serving);
    key_str(w, "digest", r->digest);
    key_int(w, "bytes", r->bytes);
    key_int(w, "memory_bytes", r->memory_bytes);
    key_int(w, "embedding_version", r->embedding_version);
    key_str(w, "position", r->position);
    key_int(w, "acts", r->acts);
    json_key(w, "report");
    if (r->report.n)
        json_put_raw(w, r->report);
    else
        json_put_null(w);
    if (r->error.n)
        key_str(w, "error", r->error);
    key_time(w, "created", r->created_us);
    key_time(w, "updated", r->updated_us);
    key_int(w, "revision", r->revision);
    json_object_end(w);
}

static void render_task(struct json_writer *w, const struct task_info *t)
{
    json_object_begin(w);
    key_int(w, "id", t->id);
    key_str(w, "type", t->type);
    key_str(w, "status", str_c(t->status));
    json_key(w, "collection");
    if (t->collection.n)
        json_put_str(w, t->collection);
    else
        json_put_null(w);
    json_key(w, "progress");
    json_object_begin(w);
    key_str(w, "step", t->step);
    json_key_double(w, "done", t->done);
    json_object_end(w);
    json_key(w, "details");
    json_put_raw(w, t->details);
    key_time(w, "created", t->created_us);
    key_time(w, "updated", t->updated_us);
    json_object_end(w);
}

/* ---- recommenders ---- */

/* The number in the path; 0, which no recommender has, if it is not one. */
static uint32_t recommender_id(const struct call *c)
{
    int64_t id;
    return str_to_i64(route_value(&c->match, "recommender"), 1, UINT32_MAX, &id) ? 0 : (uint32_t)id;
}

static void recommender_reply(struct call *c, enum err err, const struct recommender_info *r,
                              const struct err_info *e)
{
    struct response out;
    if (err) {
        call_error(c, e);
        return;
    }
    render_recommender(response_begin(&out), r);
    response_send(c, 200, &out);
}

void run_recommenders_list(struct call *c)
{
    struct err_info e = {0};
    struct recommender_info *list;
    size_t count;
    struct response out;
    if (engine_recommender_list(c->engine, call_collection(c), c->arena, &list, &count, &e)) {
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        render_recommender(w, &list[i]);
    response_page_send(c, &out, NULL); /* all fit in one page */
}

void run_recommender_get(struct call *c)
{
    struct err_info e = {0};
    struct recommender_info r;
    enum err err =
        engine_recommender_get(c->engine, call_collection(c), recommender_id(c), c->arena, &r, &e);
    recommender_reply(c, err, &r, &e);
}

void run_recommender_delete(struct call *c)
{
    struct err_info e = {0};
    if (engine_recommender_delete(c->engine, call_collection(c), recommender_id(c), &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    call_empty(c, 204);
}

void run_recommender_promote(struct call *c)
{
    struct err_info e = {0};
    struct recommender_info r;
    enum err err = engine_recommender_promote(c->engine, call_collection(c), recommender_id(c),
                                              c->arena, &r, &e);
    if (!err)
        call_position_now(c);
    recommender_reply(c, err, &r, &e);
}

void run_recommender_retire(struct call *c)
{
    struct err_info e = {0};
    struct recommender_info r;
    enum err err = engine_recommender_retire(c->engine, call_collection(c), recommender_id(c),
                                             c->arena, &r, &e);
    if (!err)
        call_position_now(c);
    recommender_reply(c, err, &r, &e);
}

void run_recommender_rollback(struct call *c)
{
    struct err_info e = {0};
    struct recommender_info r;
    enum err err = engine_recommender_rollback(c->engine, call_collection(c),
                                               input_str(c->query, "label"), c->arena, &r, &e);
    if (!err)
        call_position_now(c);
    recommender_reply(c, err, &r, &e);
}

/* ---- tasks ---- */

static void task_reply(struct call *c, int status, enum err err, const struct task_info *t,
                       const struct err_info *e)
{
    struct response out;
    if (err) {
        call_error(c, e);
        return;
    }
    render_task(response_begin(&out), t);
    response_send(c, status, &out);
}

static int64_t wait_deadline(const struct call *c)
{
    int64_t until = clock_mono_ns() + (int64_t)(input_double(c->query, "wait", 0) * 1e9),
            last = http_deadline_ns(c->request) - 1000000000; /* the answer is to be in time */
    return until < last ? until : last;
}

void run_recommender_train(struct call *c)
{
    struct err_info e = {0};
    struct task_info t;
    struct train_request r = {.kind = input_str(c->body, "kind"),
                              .label = input_str(c->body, "label"),
                              .min_probability = input_double(c->body, "min_probability", .5),
                              .seed = (uint64_t)input_int(c->body, "seed", TRAIN_SEED),
                              .held_out = input_double(c->body, "held_out", 0),
                              .promote = input_bool(c->body, "promote", true)};
    enum err err = engine_train(c->engine, call_collection(c), &r, c->arena, &t, &e);
    if (!err && input_double(c->query, "wait", 0) > 0)
        err = engine_task_wait(c->engine, t.id, wait_deadline(c), c->arena, &t, &e);
    if (!err)
        call_location(c, "/v1/tasks/%llu", (unsigned long long)t.id);
    task_reply(c, 202, err, &t, &e);
}

/* The number in the path; 0, which no task has, if it is not one. */
static uint64_t task_id(const struct call *c)
{
    int64_t id;
    return str_to_i64(route_value(&c->match, "task"), 1, INT64_MAX, &id) ? 0 : (uint64_t)id;
}

/* A task of a collection that the caller may not know of is not there. */
static enum err task_known(struct call *c, struct err_info *e)
{
    struct task_info t;
    enum err err = engine_task_get(c->engine, task_id(c), c->arena, &t, e);
    if (!err && !call_knows(c, t.collection))
        err = err_set(e, ERR_NOT_FOUND, "id", "there is no task %llu",
                      (unsigned long long)task_id(c));
    return err;
}

void run_task_get(struct call *c)
{
    struct err_info e = {0};
    struct task_info t;
    enum err err = task_known(c, &e);
    if (err) {
        call_error(c, &e);
        return;
    }
    err = input_double(c->query, "wait", 0) > 0
              ? engine_task_wait(c->engine, task_id(c), wait_deadline(c), c->arena, &t, &e)
              : engine_task_get(c->engine, task_id(c), c->arena, &t, &e);
    task_reply(c, 200, err, &t, &e);
}

void run_task_cancel(struct call *c)
{
    struct err_info e = {0};
    struct task_info t;
    enum err err = task_known(c, &e);
    if (!err)
        err = engine_task_cancel(c->engine, task_id(c), c->arena, &t, &e);
    task_reply(c, 200, err, &t, &e);
}

static void tasks_reply(struct call *c, const struct task_info *list, size_t count, size_t limit,
                        uint64_t binding)
{
    char cursor[CURSOR_TEXT];
    bool more = count > limit;
    struct response out;
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count && i < limit; i++)
        render_task(w, &list[i]);
    if (more)
        cursor_format(
            engine_secret(c->engine),
            &(struct cursor){.binding = binding, .number = list[limit - 1].id, .key = {"", 0}},
            cursor);
    response_page_send(c, &out, more ? cursor : NULL);
}

/* The next `want` tasks of collections that the caller may know of. */
static enum err tasks_known(struct call *c, uint64_t before, size_t want, struct task_info *out,
                            size_t *count, struct err_info *e)
{
    *count = 0;
    for (size_t n = want; n == want && *count < want;) {
        struct task_info *page;
        enum err err = engine_task_list(c->engine, before, want, c->arena, &page, &n, e);
        if (err)
            return err;
        for (size_t i = 0; i < n && *count < want; i++) {
            before = page[i].id;
            if (call_knows(c, page[i].collection))
                out[(*count)++] = page[i];
        }
    }
    return ERR_OK;
}

void run_tasks_list(struct call *c)
{
    struct err_info e = {0};
    struct cursor at = {.number = 0};
    size_t count, limit = (size_t)input_int(c->input, "limit", 100);
    struct task_info *list = arena_array(c->arena, limit + 1, sizeof *list);
    uint64_t binding = call_binding(c);
    struct str text = input_str(c->input, "cursor");
    if ((text.n &&
         cursor_parse(engine_secret(c->engine), c->arena, text, binding, "cursor", &at, &e)) ||
        tasks_known(c, at.number, limit + 1, list, &count, &e))
        call_error(c, &e);
    else
        tasks_reply(c, list, count, limit, binding);
}
