/* The routes of Hugging Face's Text Embeddings Inference, for its clients: always the default
 * model. */
#include "api/schemas.h"
#include "api/served.h"
#include <string.h>

/* More than this in one request is no query of a reader. */
#define INTERACTIVE_MAX 16

static struct embed_input *inputs_of(struct call *c, const json_t *v, size_t *count)
{
    *count = json_is_array(v) ? json_array_size(v) : 1;
    struct embed_input *out = arena_array(c->arena, *count + 1, sizeof *out);
    for (size_t i = 0; i < *count; i++)
        out[i].text = json_str(json_is_array(v) ? json_array_get(v, i) : v);
    return out;
}

static struct embed_request request_of(struct call *c, const struct embed_input *inputs,
                                       size_t count, const json_t *options)
{
    return (struct embed_request){
        .inputs = inputs,
        .count = count,
        .as = served_as(input_str(options, "prompt_name")),
        .overflow = input_bool(options, "truncate", false) ? OVERFLOW_TRUNCATE : OVERFLOW_ERROR,
        .dimensions = (unsigned)input_int(options, "dimensions", 0),
        .lane = count > INTERACTIVE_MAX ? LANE_BULK : LANE_INTERACTIVE,
        .deadline_ns = http_deadline_ns(c->request)};
}

/* What is wrong, in the words of this surface; the engine calls the texts /0, /1 .. */
static void fail(struct call *c, const struct err_info *inner, const char *pointer)
{
    struct err_info e = {0};
    err_set(&e, inner->code, pointer, "%s%s", inner->message,
            inner->code == ERR_TOO_LARGE ? "; \"truncate\": true cuts it" : "");
    call_error(c, &e);
}

/* `options`: truncate, prompt_name and dimensions, beside the inputs or under parameters. */
static bool vectors_get(struct call *c, const struct embed_input *inputs, size_t count,
                        const json_t *options, struct embed_answer *out)
{
    struct err_info e = {0};
    struct embed_request r = request_of(c, inputs, count, options);
    r.raw = !input_bool(options, "normalize", true);
    if (engine_embed(c->engine, &r, c->arena, out, &e) == 0)
        return true;
    bool list = json_is_array(json_object_get(c->body, "inputs"));
    const char *pointer = e.field;
    if (pointer[0] == '/')
        pointer = arena_printf(c->arena, "/inputs%s", list ? e.field : "");
    else if (pointer[0])
        pointer = arena_printf(c->arena, "/%s", e.field);
    fail(c, &e, pointer);
    return false;
}

static void numbers_write(struct json_writer *w, const float *v, size_t n)
{
    json_array_begin(w);
    for (size_t i = 0; i < n; i++)
        json_put_float(w, v[i]);
    json_array_end(w);
}

void run_tei_embed(struct call *c)
{
    struct embed_answer x;
    struct response out;
    size_t count;
    const struct embed_input *inputs = inputs_of(c, json_object_get(c->body, "inputs"), &count);
    if (!vectors_get(c, inputs, count, c->body, &x))
        return;
    struct json_writer *w = response_array_begin(&out);
    for (size_t i = 0; i < count; i++)
        numbers_write(w, x.vectors + i * x.dims, x.dims);
    response_array_send(c, &out);
}

/* An input at a time: each may have some hundred vectors. */
void run_tei_embed_all(struct call *c)
{
    struct response out;
    size_t count;
    const struct embed_input *inputs = inputs_of(c, json_object_get(c->body, "inputs"), &count);
    struct json_writer *w = response_array_begin(&out);
    for (size_t i = 0; i < count; i++) {
        struct err_info e = {0};
        struct embedded_tokens x;
        struct embed_request r = request_of(c, inputs + i, 1, c->body);
        struct arena *a = arena_new(0);
        enum err err = engine_embed_tokens(c->engine, &r, a, &x, &e);
        json_array_begin(w);
        for (unsigned t = 0; !err && t < x.tokens; t++)
            numbers_write(w, x.rows + (size_t)t * x.dims, x.dims);
        json_array_end(w);
        arena_free(a);
        if (err) {
            response_drop(&out);
            fail(c, &e, arena_printf(c->arena, "/inputs/%zu", i));
            return;
        }
    }
    response_array_send(c, &out);
}

void run_tei_similarity(struct call *c)
{
    const json_t *given = json_object_get(c->body, "inputs");
    const json_t *options = json_object_get(c->body, "parameters");
    struct embed_answer x;
    struct response out;
    size_t count;
    struct embed_input *sentences = inputs_of(c, json_object_get(given, "sentences"), &count);
    sentences[count].text = input_str(given, "source_sentence"); /* inputs_of left one place */
    if (!vectors_get(c, sentences, count + 1, options, &x))
        return;
    struct json_writer *w = response_array_begin(&out);
    for (size_t i = 0; i < count; i++) {
        double cosine = 0;
        for (unsigned d = 0; d < x.dims; d++)
            cosine += (double)x.vectors[i * x.dims + d] * (double)x.vectors[count * x.dims + d];
        json_put_double(w, cosine);
    }
    response_array_send(c, &out);
}

static void offset_write(struct json_writer *w, const char *key, const struct token_out *t,
                         size_t at)
{
    json_key(w, key);
    if (t->special)
        json_put_null(w);
    else
        json_put_int(w, (int64_t)at);
}

static void tokens_write(struct json_writer *w, const struct token_out *list, size_t count)
{
    json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(w);
        json_key_int(w, "id", list[i].id);
        json_key_str(w, "text", list[i].text);
        json_key_bool(w, "special", list[i].special);
        offset_write(w, "start", &list[i], list[i].start);
        offset_write(w, "stop", &list[i], list[i].end);
        json_object_end(w);
    }
    json_array_end(w);
}

void run_tei_tokenize(struct call *c)
{
    bool specials = input_bool(c->body, "add_special_tokens", true);
    enum embed_as as = served_as(input_str(c->body, "prompt_name"));
    struct response out;
    size_t count;
    const struct embed_input *inputs = inputs_of(c, json_object_get(c->body, "inputs"), &count);
    struct json_writer *w = response_array_begin(&out);
    for (size_t i = 0; i < count; i++) {
        struct err_info e = {0};
        struct token_out *list;
        size_t n;
        if (engine_tokenize(c->engine, STR(""), as, inputs[i].text, specials, c->arena, &list, &n,
                            &e)) {
            response_drop(&out);
            call_error(c, &e);
            return;
        }
        tokens_write(w, list, n);
    }
    response_array_send(c, &out);
}

/* One text; *e says what is wrong with it. */
static enum err text_decode(struct call *c, const json_t *ids, const char *pointer, struct str *out,
                            struct err_info *e)
{
    struct err_info inner = {0};
    size_t n = json_array_size(ids);
    uint32_t *list = arena_array(c->arena, n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = (uint32_t)json_number_value(json_array_get(ids, i));
    bool skip = input_bool(c->body, "skip_special_tokens", true);
    enum err err = engine_decode(c->engine, STR(""), list, n, skip, c->arena, out, &inner);
    if (err)
        err_set(e, err, arena_printf(c->arena, "%s%s", pointer, inner.field), "%s", inner.message);
    return err;
}

void run_tei_decode(struct call *c)
{
    const json_t *ids = json_object_get(c->body, "ids");
    bool many = json_is_array(json_array_get(ids, 0));
    size_t count = many ? json_array_size(ids) : 1;
    struct response out;
    struct json_writer *w = response_array_begin(&out);
    for (size_t i = 0; i < count; i++) {
        struct err_info e = {0};
        struct str text;
        const json_t *one = many ? json_array_get(ids, i) : ids;
        const char *pointer = many ? arena_printf(c->arena, "/ids/%zu", i) : "/ids";
        if (text_decode(c, one, pointer, &text, &e)) {
            response_drop(&out);
            call_error(c, &e);
            return;
        }
        json_put_str(w, text);
    }
    response_array_send(c, &out);
}

void run_tei_info(struct call *c)
{
    struct served s;
    struct response out;
    if (!served_find(c, STR(""), "model", &s))
        return;
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    json_key_str(w, "model_id", s.model->name);
    json_key_str(w, "model_sha", s.model->digest);
    json_key_str(w, "model_dtype", s.model->precision);
    json_key(w, "model_type");
    json_object_begin(w);
    json_key(w, "embedding");
    json_object_begin(w);
    json_key_str(w, "pooling", s.model->pooling);
    json_object_end(w);
    json_object_end(w);
    json_key_int(w, "max_input_length", s.model->tokens_max);
    json_key_int(w, "max_client_batch_size", INPUTS_MAX);
    json_key_bool(w, "auto_truncate", false);
    json_key_c(w, "version", AKIN_VERSION);
    json_object_end(w);
    response_send(c, 200, &out);
}
