/* /v1/embeddings in OpenAI's shape, so that its clients work as they are. */
#include "api/cursor.h"
#include "api/schemas.h"
#include "api/served.h"
#include "api/server.h"
#include "base/clock.h"
#include <stdio.h>
#include <string.h>

/* More than this in one request is no query of a reader. */
#define INTERACTIVE_MAX 16

/* ---- the input ---- */

static struct embed_input ids_read(struct arena *a, const json_t *array)
{
    size_t n = json_array_size(array);
    uint32_t *ids = arena_array(a, n, sizeof *ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = (uint32_t)json_number_value(json_array_get(array, i));
    return (struct embed_input){.ids = ids, .id_count = n};
}

/* Texts, ids of one text, or lists of ids: the schema lets no others in. */
static struct embed_input *list_read(struct arena *a, const json_t *list, size_t *count)
{
    bool numbers = json_is_number(json_array_get(list, 0));
    *count = numbers ? 1 : json_array_size(list);
    struct embed_input *out = arena_array(a, *count, sizeof *out);
    for (size_t i = 0; i < *count; i++) {
        const json_t *item = numbers ? list : json_array_get(list, i);
        out[i] =
            json_is_array(item) ? ids_read(a, item) : (struct embed_input){.text = json_str(item)};
    }
    return out;
}

/* A name of OpenAI's tells that the ids were made by its tokenizer: they would be other words here.
 */
static enum err ids_are_ours(const struct served *s, const struct embed_input *inputs,
                             struct str name, struct err_info *e)
{
    if (!s->alias_of_openai || !inputs[0].ids)
        return 0;
    return err_set(
        e, ERR_INVALID, "/input",
        "these are ids of the tokenizer of %.*s, which mean other words to %.*s: send the "
        "texts themselves (LangChain: check_embedding_ctx_length=False), or ids of %.*s "
        "under that name",
        STR_ARG(name), STR_ARG(s->model->name), STR_ARG(s->model->name));
}

static enum err input_read(struct call *c, const struct served *s, struct embed_request *r,
                           struct err_info *e)
{
    static const char *const names[] = {"error", "split", "truncate"};
    const json_t *input = json_object_get(c->body, "input");
    struct str overflow = input_str(c->body, "on_overflow");
    struct embed_input *inputs;
    if (json_is_array(input)) {
        inputs = list_read(c->arena, input, &r->count);
    } else {
        inputs = arena_array(c->arena, 1, sizeof *inputs);
        inputs[0].text = json_str(input);
        r->count = 1;
    }
    enum err err = ids_are_ours(s, inputs, input_str(c->body, "model"), e);
    for (int i = 0; i < 3; i++)
        if (str_eq_c(overflow, names[i]))
            r->overflow = (enum embed_overflow)i;
    r->model = s->model->name;
    r->inputs = inputs;
    r->as = served_as(input_str(c->body, "input_type"));
    r->dimensions = (unsigned)input_int(c->body, "dimensions", 0);
    r->lane = r->count > INTERACTIVE_MAX ? LANE_BULK : LANE_INTERACTIVE;
    r->deadline_ns = http_deadline_ns(c->request);
    if (!err && r->dimensions > s->model->dims)
        err = err_set(e, ERR_INVALID, "/dimensions", "must be at most %u, what the model has",
                      s->model->dims);
    return err;
}

/* ---- the answer ---- */

static void floats_write(struct json_writer *w, const float *v, unsigned dims)
{
    json_array_begin(w);
    for (unsigned i = 0; i < dims; i++)
        json_put_float(w, v[i]);
    json_array_end(w);
}

static void base64_write(struct json_writer *w, const float *v, unsigned dims)
{
    struct strbuf text;
    strbuf_init(&text, JSON_BYTES_MAX);
    strbuf_add_char(&text, '"');
    base64_add(&text, v, dims * sizeof *v); /* little-endian, as the machines that we run on */
    strbuf_add_char(&text, '"');
    json_put_raw(w, strbuf_str(&text));
    strbuf_release(&text);
}

static void row_write(struct json_writer *w, const struct embed_answer *x, size_t i, bool base64)
{
    json_object_begin(w);
    json_key_c(w, "object", "embedding");
    json_key_int(w, "index", (int64_t)i);
    json_key(w, "embedding");
    (base64 ? base64_write : floats_write)(w, x->vectors + i * x->dims, x->dims);
    json_key_int(w, "tokens", x->inputs[i].tokens);
    json_key_bool(w, "truncated", x->inputs[i].truncated);
    if (x->inputs[i].passages > 1)
        json_key_int(w, "passages", x->inputs[i].passages);
    json_object_end(w);
}

static void usage_write(struct json_writer *w, const struct embed_answer *x)
{
    json_key(w, "usage");
    json_object_begin(w);
    json_key_int(w, "prompt_tokens", (int64_t)x->tokens);
    json_key_int(w, "total_tokens", (int64_t)x->tokens);
    json_key_int(w, "truncated", (int64_t)x->truncated);
    json_object_end(w);
}

static void reply(struct call *c, const struct served *s, const struct embed_answer *x,
                  size_t count)
{
    bool base64 = str_eq_c(input_str(c->body, "encoding_format"), "base64");
    struct response out;
    struct json_writer *w = served_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        row_write(w, x, i, base64);
    json_array_end(w);
    json_key_str(w, "model", s->model->name);
    usage_write(w, x);
    json_object_end(w);
    response_send(c, 200, &out);
}

void run_embeddings(struct call *c)
{
    struct err_info e = {0};
    struct embed_request r = {0};
    struct embed_answer x;
    struct served s;
    if (!served_find(c, input_str(c->body, "model"), "/model", &s))
        return;
    int64_t start = clock_mono_ns();
    enum err err = input_read(c, &s, &r, &e);
    if (!err) {
        struct err_info inner = {0};
        err = engine_embed(c->engine, &r, c->arena, &x, &inner);
        const char *field =
            arena_printf(c->arena, "%s%s", inner.field[0] == '/' ? "/input" : "", inner.field);
        if (err)
            err_set(&e, err, field, "%s%s", inner.message,
                    err == ERR_TOO_LARGE ? ". Set \"on_overflow\" to split or truncate" : "");
    }
    if (err) {
        call_error(c, &e);
        return;
    }
    c->stage_ns[STAGE_EMBED] = clock_mono_ns() - start;
    reply(c, &s, &x, r.count);
}
