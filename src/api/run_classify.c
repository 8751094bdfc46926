/* classify: labels for a text, a document or a vector. */
#include "api/find_input.h"
#include "api/response.h"
#include <math.h>

static const float *vector_of(struct call *c, size_t *dims)
{
    const json_t *v = json_object_get(c->body, "vector");
    *dims = json_array_size(v);
    float *out = *dims ? arena_array(c->arena, *dims, sizeof *out) : NULL;
    for (size_t i = 0; i < *dims; i++)
        out[i] = (float)json_number_value(json_array_get(v, i));
    return out;
}

static void label_put(struct json_writer *w, const struct classified *k,
                      const struct classified_label *l)
{
    json_object_begin(w);
    json_key(w, "label");
    if (k->boolean)
        json_put_bool(w, str_eq_c(l->label, "true"));
    else
        json_put_str(w, l->label);
    json_key_double(w, "probability", round(l->probability * 1e6) / 1e6);
    json_object_end(w);
}

static void classified_put(struct json_writer *w, const struct classified *k)
{
    json_object_begin(w);
    json_key_str(w, "label", k->label);
    json_key_int(w, "classifier", k->classifier);
    json_key_bool(w, "multiple", k->multiple);
    json_key_double(w, "min_probability", k->min_probability);
    json_key(w, "labels");
    json_array_begin(w);
    for (size_t i = 0; i < k->count; i++)
        label_put(w, k, &k->labels[i]);
    json_array_end(w);
    json_object_end(w);
}

void run_classify(struct call *c)
{
    struct err_info e = {0};
    struct classified *list;
    size_t count;
    struct response out;
    struct classify_request r = {.id = input_id(c->arena, c->body, "id"),
                                 .text = input_str(c->body, "text"),
                                 .label = input_str(c->body, "label"),
                                 .limit = (size_t)input_int(c->body, "limit", 10),
                                 .deadline_ns = http_deadline_ns(c->request)};
    r.vector = vector_of(c, &r.vector_dims);
    if (engine_classify(c->engine, call_collection(c), &r, c->arena, &list, &count, &e)) {
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        classified_put(w, &list[i]);
    json_array_end(w);
    json_key_double(w, "took_ms", call_took_ms(c));
    json_object_end(w);
    response_send(c, 200, &out);
}
