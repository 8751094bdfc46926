#include "api/served.h"
#include "api/server.h"
#include <string.h>

#define ALIAS "akin"

/* An alias is "NAME", of the default model, or "NAME=MODEL". */
static bool alias_find(const struct api *x, struct str name, struct str *model)
{
    for (unsigned i = 0; i < x->alias_count; i++) {
        struct str whole = str_c(x->aliases[i]);
        const char *equals = memchr(whole.s, '=', whole.n);
        struct str left = {whole.s, equals ? (size_t)(equals - whole.s) : whole.n};
        if (!str_eq(left, name))
            continue;
        *model = equals ? str_c(equals + 1) : STR("");
        return true;
    }
    return false;
}

static void unknown(struct call *c, struct str name, const struct model_out *list, size_t count,
                    const char *field)
{
    struct err_info e = {0};
    struct strbuf names;
    strbuf_init(&names, 512);
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&names, "%s\"%.*s\"", i ? ", " : "", STR_ARG(list[i].name));
    err_set(&e, ERR_NOT_FOUND, field,
            "there is no model \"%.*s\"; served is %.*s (\"" ALIAS "\" is the first; "
            "server.model_aliases adds names)",
            (int)(name.n < 80 ? name.n : 80), name.s, STR_ARG(strbuf_str(&names)));
    strbuf_release(&names);
    call_error(c, &e);
}

bool served_find(struct call *c, struct str name, const char *field, struct served *out)
{
    struct model_out *list;
    struct str model = name;
    size_t count;
    engine_models(c->engine, c->arena, &list, &count);
    *out = (struct served){0};
    if (str_eq_c(name, ALIAS))
        model = STR("");
    else if (alias_find(c->api, name, &model))
        out->alias_of_openai = str_starts(name, STR("text-embedding-"));
    for (size_t i = 0; i < count && !out->model; i++)
        if (!model.n || str_eq(list[i].name, model))
            out->model = &list[i];
    if (!out->model)
        unknown(c, name, list, count, field);
    return out->model != NULL;
}

void served_model_write(struct json_writer *w, const struct call *c, const struct model_out *m)
{
    json_object_begin(w);
    json_key_str(w, "id", m->name);
    json_key_c(w, "object", "model");
    json_key_int(w, "created", c->api->started_s);
    json_key_c(w, "owned_by", "akin");
    json_key_str(w, "digest", m->digest);
    json_key_int(w, "dims", m->dims);
    json_key_int(w, "tokens_max", m->tokens_max);
    json_key_str(w, "precision", m->precision);
    json_key_str(w, "pooling", m->pooling);
    if (m->vocabulary)
        json_key_int(w, "vocabulary", m->vocabulary);
    json_object_end(w);
}

enum embed_as served_as(struct str name)
{
    if (!name.n)
        return EMBED_AS_IS;
    return str_eq_c(name, "query") ? EMBED_AS_QUERY : EMBED_AS_PASSAGE;
}

struct json_writer *served_list_begin(struct response *x)
{
    struct json_writer *w = response_begin(x);
    json_object_begin(w);
    json_key_c(w, "object", "list");
    json_key(w, "data");
    json_array_begin(w);
    return w;
}

void run_models_list(struct call *c)
{
    struct model_out *list;
    size_t count;
    struct response out;
    engine_models(c->engine, c->arena, &list, &count);
    struct json_writer *w = served_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        served_model_write(w, c, &list[i]);
    json_array_end(w);
    json_object_end(w);
    response_send(c, 200, &out);
}

void run_model_get(struct call *c)
{
    struct served s;
    struct response out;
    if (!served_find(c, route_value(&c->match, "model"), "model", &s))
        return;
    served_model_write(response_begin(&out), c, s.model);
    response_send(c, 200, &out);
}
