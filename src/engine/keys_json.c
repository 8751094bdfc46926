/* {"name","description","scopes","collections","filter","addresses","expires","limits"} and back.
 */
#include "engine/keys.h"
#include "base/clock.h"
#include <stdio.h>

static void text_read(const json_t *v, const char *name, struct arena *a, struct str *out)
{
    const json_t *x = json_object_get(v, name);
    if (x)
        *out = arena_str(a, json_str(x));
}

static enum err scopes_read(const json_t *v, struct grant *out, struct err_info *e)
{
    const json_t *list = json_object_get(v, "scopes");
    char field[48];
    if (!list)
        return ERR_OK;
    out->scopes = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct str name = json_str(json_array_get(list, i));
        unsigned bit = scope_parse(name);
        snprintf(field, sizeof field, "/scopes/%zu", i);
        if (!bit)
            return err_set(e, ERR_INVALID, field, "there is no scope \"%.*s\"",
                           (int)(name.n < 40 ? name.n : 40), name.s);
        out->scopes |= bit;
    }
    return ERR_OK;
}

static void collections_read(const json_t *v, struct arena *a, struct grant *out)
{
    const json_t *list = json_object_get(v, "collections");
    size_t count = json_array_size(list);
    if (!list)
        return;
    struct str *names = arena_array(a, count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = arena_str(a, json_str(json_array_get(list, i)));
    out->collections = names;
    out->collection_count = (unsigned)count;
}

static enum err addresses_read(const json_t *v, struct arena *a, struct grant *out,
                               struct err_info *e)
{
    const json_t *list = json_object_get(v, "addresses");
    size_t count = json_array_size(list);
    if (!list)
        return ERR_OK;
    struct prefix *ranges = arena_array(a, count + 1, sizeof *ranges);
    for (size_t i = 0; i < count; i++) {
        char field[48];
        snprintf(field, sizeof field, "/addresses/%zu", i);
        enum err err = prefix_parse(json_str(json_array_get(list, i)), field, &ranges[i], e);
        if (err)
            return err;
    }
    out->addresses = ranges;
    out->address_count = (unsigned)count;
    return ERR_OK;
}

static enum err expiry_read(const json_t *v, struct grant *out, struct err_info *e)
{
    const json_t *x = json_object_get(v, "expires");
    int64_t us = 0;
    if (!x)
        return ERR_OK;
    if (!json_is_null(x) && clock_parse(json_str(x), &us))
        return err_set(e, ERR_INVALID, "/expires", "must be a time in RFC 3339");
    if (!json_is_null(x) && us <= 0) /* before 1970, and 0 is never */
        return err_set(e, ERR_INVALID, "/expires", "this time has passed");
    out->expires_us = us;
    return ERR_OK;
}

static enum err limit_read(const json_t *limits, const char *name, struct limit *out,
                           struct err_info *e)
{
    const json_t *x = json_object_get(limits, name);
    const char *text = json_string_value(x);
    char field[32];
    if (!x)
        return ERR_OK;
    *out = (struct limit){0};
    if (json_is_null(x) || (text && limit_parse(text, out) && out->quota > 0))
        return ERR_OK;
    snprintf(field, sizeof field, "/limits/%s", name);
    return err_set(e, ERR_INVALID, field,
                   "must look like 100/s or 6000/m burst 200; null: the general limit");
}

static enum err limits_read(const json_t *v, struct grant *out, struct err_info *e)
{
    const json_t *limits = json_object_get(v, "limits");
    if (json_is_null(limits))
        out->requests = out->tokens = (struct limit){0};
    enum err err = limit_read(limits, "requests", &out->requests, e);
    return err ? err : limit_read(limits, "tokens", &out->tokens, e);
}

enum err grant_read(const json_t *v, struct arena *a, struct grant *out, struct err_info *e)
{
    text_read(v, "name", a, &out->name);
    text_read(v, "description", a, &out->description);
    text_read(v, "filter", a, &out->filter);
    collections_read(v, a, out);
    enum err err = scopes_read(v, out, e);
    if (!err)
        err = addresses_read(v, a, out, e);
    if (!err)
        err = limits_read(v, out, e);
    return err ? err : expiry_read(v, out, e);
}

/* ---- out ---- */

static void list_begin(struct json_writer *w, const char *name)
{
    json_key(w, name);
    json_array_begin(w);
}

static void limit_write(struct json_writer *w, const char *name, const struct limit *l)
{
    char text[LIMIT_TEXT];
    limit_print(l, text);
    json_key_c(w, name, *text ? text : NULL);
}

void grant_write(struct json_writer *w, const struct grant *g)
{
    char text[PREFIX_TEXT], time[CLOCK_TEXT];
    json_key_str(w, "name", g->name);
    json_key_str(w, "description", g->description);
    list_begin(w, "scopes");
    for (unsigned i = 0; i < SCOPE_COUNT; i++)
        if (g->scopes & 1u << i)
            json_put_c(w, scope_name(i));
    json_array_end(w);
    list_begin(w, "collections");
    for (unsigned i = 0; i < g->collection_count; i++)
        json_put_str(w, g->collections[i]);
    json_array_end(w);
    json_key_str(w, "filter", g->filter);
    list_begin(w, "addresses");
    for (unsigned i = 0; i < g->address_count; i++) {
        prefix_print(&g->addresses[i], text);
        json_put_c(w, text);
    }
    json_array_end(w);
    json_key(w, "expires");
    if (g->expires_us)
        clock_format(g->expires_us, time);
    json_put_c(w, g->expires_us ? time : NULL);
    json_key(w, "limits");
    json_object_begin(w);
    limit_write(w, "requests", &g->requests);
    limit_write(w, "tokens", &g->tokens);
    json_object_end(w);
}
