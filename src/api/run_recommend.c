#include "api/cursor.h"
#include "api/find_input.h"
#include "api/render.h"
#include "api/response.h"
#include "api/server.h"
#include "api/together.h"
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>

#define ACTIVE_DAYS 90

/* ---- in: a checked request, a POST's body or a GET's parameters ---- */

static void pins_input(struct arena *a, const json_t *input, struct recommend_request *r)
{
    const json_t *list = json_object_get(input, "pins");
    size_t n = json_array_size(list);
    struct recommend_pin *out = arena_array(a, n + 1, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        out[i] = (struct recommend_pin){input_id(a, v, "id"), (size_t)input_int(v, "position", 0)};
    }
    r->pins = out;
    r->pin_count = n;
}

static void caps_input(struct arena *a, const json_t *input, struct recommend_request *r)
{
    const json_t *list = json_object_get(input, "caps");
    size_t n = json_array_size(list);
    struct recommend_cap *out = arena_array(a, n + 1, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        out[i] = (struct recommend_cap){input_str(v, "field"), (size_t)input_int(v, "limit", 0)};
    }
    r->caps = out;
    r->cap_count = n;
}

static void boosts_input(struct arena *a, const json_t *input, struct recommend_request *r)
{
    const json_t *list = json_object_get(input, "boosts");
    size_t n = json_array_size(list);
    struct recommend_boost *out = arena_array(a, n + 1, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        out[i] = (struct recommend_boost){input_str(v, "filter"), input_double(v, "factor", 1)};
    }
    r->boosts = out;
    r->boost_count = n;
}

/* true, false, a list of types; or in an address "true", "read,dislike". */
static void seen_input(struct arena *a, const json_t *input, struct recommend_request *r)
{
    const json_t *v = json_object_get(input, "exclude_seen");
    struct str text = json_str(v);
    r->exclude_seen = !json_is_false(v) && !str_eq_c(text, "false") && !str_eq_c(text, "0");
    if (json_is_array(v))
        r->seen_types = input_strs(a, input, "exclude_seen", &r->seen_type_count);
    if (!json_is_string(v) || !r->exclude_seen || !text.n || str_eq_c(text, "true") ||
        str_eq_c(text, "1"))
        return;
    struct str *types = arena_array(a, text.n + 1, sizeof *types);
    for (size_t i = 0, start = 0; i <= text.n; i++)
        if (i == text.n || text.s[i] == ',') {
            struct str type = str_trim((struct str){text.s + start, i - start});
            start = i + 1;
            if (type.n)
                types[r->seen_type_count++] = type;
        }
    r->seen_types = types;
}

static void examples_input(struct arena *a, const json_t *v, struct recommend_request *r)
{
    size_t n, more;
    const struct str *liked = input_strs(a, v, "positive", &n);
    const struct str *items = input_strs(a, v, "items", &more);
    struct str *all = arena_array(a, n + more + 1, sizeof *all);
    for (size_t i = 0; i < n + more; i++)
        all[i] = i < n ? liked[i] : items[i - n];
    r->positive = all;
    r->positive_count = n + more;
    r->negative = input_strs(a, v, "negative", &r->negative_count);
    r->session = input_strs(a, v, "session", &r->session_count);
    r->text = input_str(v, "text");
}

static enum err page_read(const struct find_input *in, struct recommend_request *r,
                          struct err_info *e)
{
    struct cursor cursor;
    struct str text = input_str(in->input, "cursor");
    r->limit = (size_t)input_int(in->input, "limit", 20);
    r->offset = (size_t)input_int(in->input, "offset", 0);
    if (!text.n)
        return ERR_OK;
    if (r->offset)
        return err_set(e, ERR_INVALID, "/offset", "does not go with a cursor");
    enum err err = cursor_parse(in->secret, in->arena, text, in->binding, "/cursor", &cursor, e);
    if (!err)
        r->after = cursor.key;
    return err;
}

static enum err recommend_input(const struct find_input *in, struct recommend_request *r,
                                struct err_info *e)
{
    const json_t *v = in->input;
    r->filter = input_str(v, "filter");
    r->exclude = input_strs(in->arena, v, "exclude", &r->exclude_count);
    seen_input(in->arena, v, r);
    pins_input(in->arena, v, r);
    caps_input(in->arena, v, r);
    boosts_input(in->arena, v, r);
    r->relevance_bounded = json_is_number(json_object_get(v, "min_relevance"));
    r->min_relevance = input_double(v, "min_relevance", 0);
    r->half_life_days = input_double(json_object_get(v, "freshness"), "half_life_days", 0);
    r->fatigue = input_double(v, "fatigue", 0);
    r->diversity = input_double(v, "diversity", 0);
    r->explore = input_double(v, "explore", 0);
    r->blend = input_str(v, "blend");
    r->ranker_off = !input_bool(v, "ranker", true);
    r->scenario = input_str(v, "scenario");
    r->fields_given = json_is_array(json_object_get(v, "fields"));
    r->fields = input_strs(in->arena, v, "fields", &r->field_count);
    r->explain = input_bool(v, "explain", false);
    return page_read(in, r, e);
}

/* ---- out ---- */

/* The members of an answer, into the object that was begun. */
static void answer_put(struct json_writer *w, const struct find_input *in,
                       const struct recommend_request *r, const struct recommend_answer *a)
{
    json_key(w, "data");
    json_array_begin(w);
    for (size_t i = 0; i < a->count; i++)
        render_recommended(w, &a->rows[i], r->explain, r->explore > 0);
    json_array_end(w);
    json_key_c(w, "recommendation_id", a->recommendation_id);
    json_key_c(w, "model", a->model ? a->model : "");
    if (a->experiment.n) {
        json_key_str(w, "experiment", a->experiment);
        json_key_str(w, "variant", a->variant);
    }
    next_cursor_put(w, in, a->next, 0);
    json_key_int(w, "embedding_version", a->embedding_version);
    json_key_int(w, "recommender", a->recommender);
    if (a->emptied_by)
        json_key_c(w, "emptied_by", a->emptied_by);
}

static void recommend(struct call *c, struct recommend_request *r)
{
    struct err_info e = {0};
    struct recommend_answer answer = {0};
    struct find_input in = find_input_of(c);
    struct response out;
    int64_t start = clock_mono_ns();
    r->deadline_ns = http_deadline_ns(c->request);
    if (recommend_input(&in, r, &e) ||
        engine_recommend(c->engine, call_collection(c), r, c->arena, &answer, &e)) {
        call_input_error(c, &e);
        return;
    }
    c->stage_ns[STAGE_ENGINE] = clock_mono_ns() - start;
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    answer_put(w, &in, r, &answer);
    json_key_double(w, "took_ms", call_took_ms(c));
    json_object_end(w);
    response_send(c, 200, &out);
}

void run_recommend(struct call *c)
{
    struct err_info e = {0};
    struct recommend_request r = {.within = c->caller.filter,
                                  .user = input_id(c->arena, c->input, "user")};
    examples_input(c->arena, c->input, &r);
    if (r.user.n || r.positive_count || r.negative_count || r.session_count || r.text.n) {
        recommend(c, &r);
        return;
    }
    err_set(&e, ERR_INVALID, "/user",
            "is missing; or give documents to go by (session, positive, items, negative) or a "
            "text");
    call_error(c, &e);
}

void run_user_recommendations(struct call *c)
{
    struct recommend_request r = {.within = c->caller.filter, .user = call_id(c)};
    recommend(c, &r);
}

/* ---- many users ---- */

static void failure_put(struct json_writer *w, size_t i, const struct err_info *e)
{
    char pointer[40];
    struct fault fault = {.pointer = pointer, .detail = e->message};
    snprintf(pointer, sizeof pointer, "/users/%zu", i);
    json_key(w, "error");
    problem_row(w, e->code, e->message, &fault, 1);
}

static enum err users_check(const struct str *users, size_t count, struct err_info *e)
{
    char pointer[40];
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(users[i], users[k])) {
                snprintf(pointer, sizeof pointer, "/users/%zu", i);
                return err_set(e, ERR_INVALID, pointer, "is /users/%zu too", k);
            }
    return 0;
}

/* Lists are made so many at a time, and written in order: what they take stays bounded. */
#define BATCH_STEP 32

struct user_list {
    struct recommend_request r;
    struct recommend_answer answer;
    struct arena *a;
    enum err err;
    struct err_info e;
};
struct batch {
    struct call *c;
    struct user_list lists[BATCH_STEP];
};

static void list_make(void *ctx, size_t i)
{
    struct batch *b = ctx;
    struct user_list *l = &b->lists[i];
    l->err = engine_recommend(b->c->engine, call_collection(b->c), &l->r, l->a, &l->answer, &l->e);
}

/* What is wrong with the rules is wrong for all: that ends the request. */
static bool list_ends_all(const struct user_list *l)
{
    return l->err == ERR_INVALID || l->err == ERR_TOO_LARGE || l->err == ERR_NOT_FOUND;
}

static void list_put(struct json_writer *w, const struct find_input *in, struct user_list *l,
                     size_t i)
{
    json_object_begin(w);
    json_key_str(w, "user", l->r.user);
    l->answer.next = STR(""); /* one cursor does not go on for all of them */
    if (l->err)
        failure_put(w, i, &l->e);
    else
        answer_put(w, in, &l->r, &l->answer);
    json_object_end(w);
}

/* users[from ... from + count), into the answer. */
static enum err lists_put(struct batch *b, const struct find_input *in, struct json_writer *w,
                          const struct recommend_request *r, const struct str *users, size_t from,
                          size_t count, size_t *failed, struct err_info *e)
{
    for (size_t i = 0; i < count; i++) {
        struct user_list *l = &b->lists[i];
        *l = (struct user_list){.r = *r, .a = l->a};
        l->r.user = users[from + i];
        arena_reset(l->a);
    }
    together_run(b->c->api->pool, count, list_make, b);
    for (size_t i = 0; i < count; i++) {
        struct user_list *l = &b->lists[i];
        if (list_ends_all(l)) {
            *e = l->e;
            return l->err;
        }
        list_put(w, in, l, from + i);
        *failed += l->err != 0;
    }
    return ERR_OK;
}

static enum err batch_put(struct call *c, const struct find_input *in, struct json_writer *w,
                          const struct recommend_request *r, const struct str *users, size_t count,
                          size_t *failed, struct err_info *e)
{
    struct batch *b = xcalloc(1, sizeof *b);
    enum err err = 0;
    b->c = c;
    for (size_t i = 0; i < BATCH_STEP; i++)
        b->lists[i].a = arena_new(0);
    for (size_t at = 0; at < count && !err; at += BATCH_STEP) {
        size_t n = count - at < BATCH_STEP ? count - at : BATCH_STEP;
        err = lists_put(b, in, w, r, users, at, n, failed, e);
    }
    for (size_t i = 0; i < BATCH_STEP; i++)
        arena_free(b->lists[i].a);
    free(b);
    return err;
}

static void batch_reply(struct call *c, struct response *out, size_t failed)
{
    struct json_writer *w = &out->w;
    json_array_end(w);
    json_key_int(w, "failed", (int64_t)failed);
    json_key_double(w, "took_ms", call_took_ms(c));
    json_object_end(w);
    response_send(c, 200, out);
}

void run_recommend_batch(struct call *c)
{
    struct err_info e = {0};
    struct find_input in = find_input_of(c);
    struct recommend_request r = {.within = c->caller.filter,
                                  .deadline_ns = http_deadline_ns(c->request)};
    struct response out;
    size_t count, failed = 0;
    struct str *users = input_strs(c->arena, c->input, "users", &count);
    if (users_check(users, count, &e) || recommend_input(&in, &r, &e)) {
        call_error(c, &e);
        return;
    }
    int64_t start = clock_mono_ns();
    struct json_writer *w = response_list_begin(&out);
    enum err err = batch_put(c, &in, w, &r, users, count, &failed, &e);
    c->stage_ns[STAGE_ENGINE] = clock_mono_ns() - start;
    if (err) {
        response_drop(&out);
        call_error(c, &e);
        return;
    }
    batch_reply(c, &out, failed);
}

/* ---- readers for a document ---- */

void run_document_readers(struct call *c)
{
    struct err_info e = {0};
    struct document_reader *readers;
    struct response out;
    size_t count, considered;
    struct document_readers_request r = {
        .within = c->caller.filter,
        .document = call_id(c),
        .limit = (size_t)input_int(c->input, "limit", 20),
        .include_seen = input_bool(c->input, "include_seen", false),
        .active_days = input_double(c->input, "active_days", ACTIVE_DAYS),
    };
    if (engine_document_readers(c->engine, call_collection(c), &r, c->arena, &readers, &count,
                                &considered, &e)) {
        call_input_error(c, &e);
        return;
    }
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(w);
        json_key_str(w, "user", readers[i].user);
        json_key_double(w, "score", readers[i].score);
        json_key_c(w, "source", readers[i].source);
        json_object_end(w);
    }
    json_array_end(w);
    json_key_int(w, "considered", (int64_t)considered);
    json_key_double(w, "took_ms", call_took_ms(c));
    json_object_end(w);
    response_send(c, 200, &out);
}
