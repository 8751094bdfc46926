#include "api/cursor.h"
#include "api/render.h"
#include "api/server.h"
#include "base/clock.h"
#include <stdio.h>
#include <string.h>

/* In OpenAI's shapes, so that its clients work as they are. */

#define ALIAS "akin"

/* NULL: no such model. */
static const struct model_out *model_find(struct call *c, struct str name)
{
    struct model_out *list;
    size_t count;
    engine_models(c->engine, c->arena, &list, &count);
    for (size_t i = 0; i < count; i++)
        if (str_eq(list[i].name, name) || (i == 0 && (!name.n || str_eq_c(name, ALIAS))))
            return &list[i];
    return NULL;
}

static void model_unknown(struct call *c, struct str name, const char *field)
{
    struct err_info e = {0};
    const struct model_out *served = model_find(c, STR(ALIAS));
    err_set(&e, ERR_NOT_FOUND, field,
            "there is no model \"%.*s\"; served is \"%.*s\" (alias \"" ALIAS "\")", STR_ARG(name),
            served ? (int)served->name.n : 0, served ? served->name.s : "");
    call_error(c, &e);
}

static void model_write(struct json_writer *w, const struct call *c, const struct model_out *m)
{
    json_object_begin(w);
    json_key(w, "id");
    json_put_str(w, m->name);
    json_key(w, "object");
    json_put_c(w, "model");
    json_key(w, "created");
    json_put_int(w, c->api->started_s);
    json_key(w, "owned_by");
    json_put_c(w, "akin");
    json_key(w, "digest");
    json_put_str(w, m->digest);
    json_key(w, "dims");
    json_put_int(w, m->dims);
    json_key(w, "tokens_max");
    json_put_int(w, m->tokens_max);
    json_key(w, "precision");
    json_put_str(w, m->precision);
    json_key(w, "pooling");
    json_put_str(w, m->pooling);
    json_object_end(w);
}

void run_models_list(struct call *c)
{
    struct model_out *list;
    size_t count;
    struct strbuf out;
    struct json_writer w;
    engine_models(c->engine, c->arena, &list, &count);
    strbuf_init(&out, JSON_BYTES_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_key(&w, "object");
    json_put_c(&w, "list");
    json_key(&w, "data");
    json_array_begin(&w);
    for (size_t i = 0; i < count; i++)
        model_write(&w, c, &list[i]);
    json_array_end(&w);
    json_object_end(&w);
    call_json(c, 200, &out);
}

void run_model_get(struct call *c)
{
    struct str name = route_value(&c->match, "model");
    const struct model_out *m = model_find(c, name);
    struct strbuf out;
    struct json_writer w;
    if (!m) {
        model_unknown(c, name, "model");
        return;
    }
    strbuf_init(&out, 1u << 20);
    json_writer_init(&w, &out);
    model_write(&w, c, m);
    call_json(c, 200, &out);
}

/* ---- embeddings ---- */

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

struct embedded {
    float *vectors;
    size_t count;
    unsigned dims;
    uint64_t tokens;
};

static void embeddings_reply(struct call *c, const struct model_out *m, const struct embedded *x)
{
    bool base64 = str_eq_c(input_str(c->body, "encoding_format"), "base64");
    struct strbuf out;
    struct json_writer w;
    strbuf_init(&out, JSON_BYTES_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_key(&w, "object");
    json_put_c(&w, "list");
    json_key(&w, "data");
    json_array_begin(&w);
    for (size_t i = 0; i < x->count; i++) {
        json_object_begin(&w);
        json_key(&w, "object");
        json_put_c(&w, "embedding");
        json_key(&w, "index");
        json_put_int(&w, (int64_t)i);
        json_key(&w, "embedding");
        (base64 ? base64_write : floats_write)(&w, x->vectors + i * x->dims, x->dims);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_key(&w, "model");
    json_put_str(&w, m->name);
    json_key(&w, "usage");
    json_object_begin(&w);
    json_key(&w, "prompt_tokens");
    json_put_int(&w, (int64_t)x->tokens);
    json_key(&w, "total_tokens");
    json_put_int(&w, (int64_t)x->tokens);
    json_object_end(&w);
    json_object_end(&w);
    call_json(c, 200, &out);
}

void run_embeddings(struct call *c)
{
    struct err_info e = {0};
    struct embedded x = {.count = 1};
    struct str one = input_str(c->body, "input"), name = input_str(c->body, "model");
    const struct model_out *m = model_find(c, name);
    unsigned dimensions = (unsigned)input_int(c->body, "dimensions", 0);
    const struct str *texts = &one;
    if (json_is_array(json_object_get(c->body, "input")))
        texts = input_strs(c->arena, c->body, "input", &x.count);
    if (!m) {
        model_unknown(c, name, "/model");
        return;
    }
    if (dimensions > m->dims) {
        err_set(&e, ERR_INVALID, "/dimensions", "must be at most %u, what the model has", m->dims);
        call_error(c, &e);
        return;
    }
    enum lane lane = x.count > 16 ? LANE_BULK : LANE_INTERACTIVE;
    int64_t start = clock_mono_ns();
    if (engine_embeddings(c->engine, texts, x.count, dimensions, lane, http_deadline_ns(c->request),
                          c->arena, &x.vectors, &x.dims, &x.tokens, &e)) {
        call_error(c, &e);
        return;
    }
    c->stage_ns[STAGE_EMBED] = clock_mono_ns() - start;
    embeddings_reply(c, m, &x);
}
