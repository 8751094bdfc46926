/* Aliases: second names of collections. Who may not know of a collection knows of none of its
 * aliases; who is bound to collections makes and moves only aliases whose own name is on its list
 * too, or it could take names that others count on. */
#include "api/bounds.h"
#include "api/cursor.h"
#include "api/render.h"
#include "api/response.h"

static struct str alias_name(const struct call *c)
{
    return route_value(&c->match, "alias");
}

static void alias_render(struct json_writer *w, const struct alias_out *x)
{
    json_object_begin(w);
    json_key_str(w, "name", x->name);
    json_key_str(w, "collection", x->collection);
    render_time(w, "created", x->created_us);
    render_time(w, "updated", x->updated_us);
    json_key_int(w, "revision", (int64_t)x->revision);
    json_object_end(w);
}

/* ---- reading ---- */

/* The next `want` that the caller may know of. */
static enum err aliases_known(struct call *c, struct str after, size_t want, struct alias_out *out,
                              size_t *count, struct err_info *e)
{
    *count = 0;
    for (size_t n = want; n == want && *count < want;) {
        struct alias_out *page;
        enum err err = engine_alias_list(c->engine, after, want, c->arena, &page, &n, e);
        if (err)
            return err;
        for (size_t i = 0; i < n && *count < want; i++) {
            after = page[i].name;
            if (call_knows(c, page[i].collection))
                out[(*count)++] = page[i];
        }
    }
    return ERR_OK;
}

void run_aliases_list(struct call *c)
{
    struct err_info e = {0};
    struct cursor at = {.key = {"", 0}};
    size_t count, limit = (size_t)input_int(c->input, "limit", 100);
    struct alias_out *list = arena_array(c->arena, limit + 1, sizeof *list);
    uint64_t binding = call_binding(c);
    struct str text = input_str(c->input, "cursor");
    const uint8_t *secret = engine_secret(c->engine);
    char next[CURSOR_TEXT];
    struct response out;
    if ((text.n && cursor_parse(secret, c->arena, text, binding, "cursor", &at, &e)) ||
        aliases_known(c, at.key, limit + 1, list, &count, &e)) {
        call_error(c, &e);
        return;
    }
    bool more = count > limit;
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count - more; i++)
        alias_render(w, &list[i]);
    if (more)
        cursor_format(secret, &(struct cursor){.binding = binding, .key = list[limit - 1].name},
                      next);
    response_page_send(c, &out, more ? next : NULL);
}

/* ERR_NOT_FOUND also where the caller may not know of it. */
static enum err alias_seen(struct call *c, struct str name, struct alias_out *out,
                           struct err_info *e)
{
    enum err err = engine_alias_get(c->engine, name, c->arena, out, e);
    if (!err && !call_knows(c, out->collection))
        err = err_set(e, ERR_NOT_FOUND, "alias", "there is no alias \"%.*s\"", STR_ARG(name));
    return err;
}

void run_alias_get(struct call *c)
{
    struct err_info e = {0};
    struct alias_out x;
    struct response out;
    if (alias_seen(c, alias_name(c), &x, &e)) {
        call_error(c, &e);
        return;
    }
    alias_render(response_begin(&out), &x);
    response_send(c, 200, &out);
}

/* ---- setting ---- */

static enum err denied(struct str name, const char *field, struct err_info *e)
{
    return err_set(e, ERR_DENIED, field, "\"%.*s\" is not one of the collections of this key",
                   STR_ARG(name));
}

/* May the caller set this one? The alias, what it stands for and what it shall stand for. `place`:
 * a pointer to the row. */
static enum err alias_admit(struct call *c, const struct alias_in *x, const char *place,
                            struct err_info *e)
{
    struct alias_out now;
    if (!c->caller.collection_count)
        return ERR_OK;
    const char *field = arena_printf(c->arena, "%s/name", place);
    if (!call_knows(c, x->name))
        return denied(x->name, field, e);
    if (x->collection.n && !call_knows(c, x->collection))
        return denied(x->collection, arena_printf(c->arena, "%s/collection", place), e);
    enum err err = engine_alias_get(c->engine, x->name, c->arena, &now, NULL);
    return !err && !call_knows(c, now.collection) ? denied(x->name, field, e) : ERR_OK;
}

/* The one of the path: what is wrong with its name is not in the body. */
static enum err alias_set(struct call *c, struct str collection, struct alias_out *x,
                          struct err_info *e)
{
    struct err_info own = {0};
    struct alias_in in = {alias_name(c), collection};
    enum err err = alias_admit(c, &in, "/0", &own);
    if (!err)
        err = engine_aliases_set(c->engine, &in, 1, c->arena, x, &own);
    bool body = str_eq(str_c(own.field), STR("/0/collection"));
    return err ? err_set(e, err, body ? "/collection" : NULL, "%s", own.message) : ERR_OK;
}

void run_alias_put(struct call *c)
{
    struct err_info e = {0};
    struct alias_out x;
    struct response out;
    if (alias_set(c, input_str(c->body, "collection"), &x, &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    if (x.created)
        call_location(c, "/v1/aliases/%.*s", STR_ARG(x.name));
    alias_render(response_begin(&out), &x);
    response_send(c, x.created ? 201 : 200, &out);
}

void run_alias_delete(struct call *c)
{
    struct err_info e = {0};
    struct alias_out x;
    if (alias_set(c, STR(""), &x, &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    call_empty(c, 204);
}

static enum err swap_run(struct call *c, struct alias_in *in, size_t count, struct alias_out *rows,
                         struct err_info *e)
{
    const json_t *list = json_object_get(c->body, "aliases");
    struct err_info own = {0};
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && !err; i++) {
        const json_t *row = json_array_get(list, i);
        in[i] = (struct alias_in){input_str(row, "name"), input_str(row, "collection")};
        err = alias_admit(c, &in[i], arena_printf(c->arena, "/%zu", i), &own);
    }
    if (!err)
        err = engine_aliases_set(c->engine, in, count, c->arena, rows, &own);
    const char *field = own.field[0] ? arena_printf(c->arena, "/aliases%s", own.field) : NULL;
    return err ? err_set(e, err, field, "%s", own.message) : ERR_OK;
}

void run_aliases_swap(struct call *c)
{
    struct err_info e = {0};
    size_t count = json_array_size(json_object_get(c->body, "aliases"));
    struct alias_in *in = arena_array(c->arena, count + 1, sizeof *in);
    struct alias_out *rows = arena_array(c->arena, count + 1, sizeof *rows);
    struct response out;
    if (swap_run(c, in, count, rows, &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        if (!rows[i].deleted)
            alias_render(w, &rows[i]);
    response_page_send(c, &out, NULL);
}
