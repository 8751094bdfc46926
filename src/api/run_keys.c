/* Keys: made, listed, changed, rotated, revoked. */
#include "api/cursor.h"
#include "api/render.h"
#include "api/response.h"
#include "engine/keys.h"

static struct str key_id(const struct call *c)
{
    return route_value(&c->match, "key");
}

static void key_render(struct json_writer *w, const struct key_out *k)
{
    json_object_begin(w);
    if (k->text)
        json_key_c(w, "key", k->text);
    json_key_str(w, "id", k->id);
    grant_write(w, &k->grant);
    render_time(w, "created", k->created_us);
    render_time(w, "updated", k->updated_us);
    if (k->created_by.n)
        json_key_str(w, "created_by", k->created_by);
    if (k->used_us)
        render_time(w, "last_used", k->used_us);
    if (k->old_until_us)
        render_time(w, "old_secret_until", k->old_until_us);
    json_object_end(w);
}

static void key_reply(struct call *c, int status, const struct key_out *k)
{
    struct response out;
    if (k->text)
        http_add_header(c->request, "Cache-Control", "no-store");
    key_render(response_begin(&out), k);
    response_send(c, status, &out);
}

void run_keys_list(struct call *c)
{
    struct err_info e = {0};
    struct cursor at = {.key = {"", 0}};
    struct key_out *list;
    char next[CURSOR_TEXT];
    size_t count, limit = (size_t)input_int(c->input, "limit", 100);
    uint64_t binding = call_binding(c);
    struct str text = input_str(c->input, "cursor");
    const uint8_t *secret = engine_secret(c->engine);
    if ((text.n && cursor_parse(secret, c->arena, text, binding, "cursor", &at, &e)) ||
        engine_key_list(c->engine, &c->caller, at.key, limit + 1, c->arena, &list, &count, &e)) {
        call_error(c, &e);
        return;
    }
    bool more = count > limit;
    struct response out;
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count - more; i++)
        key_render(w, &list[i]);
    if (more)
        cursor_format(secret, &(struct cursor){.binding = binding, .key = list[limit - 1].id},
                      next);
    response_page_send(c, &out, more ? next : NULL);
}

void run_key_create(struct call *c)
{
    struct err_info e = {0};
    struct grant g = {0};
    struct key_out k;
    if (grant_read(c->body, c->arena, &g, &e) ||
        engine_key_create(c->engine, &c->caller, &g, c->arena, &k, &e)) {
        call_error(c, &e);
        return;
    }
    call_location(c, "/v1/keys/%.*s", STR_ARG(k.id));
    key_reply(c, 201, &k);
}

void run_key_get(struct call *c)
{
    struct err_info e = {0};
    struct key_out k;
    if (engine_key_get(c->engine, &c->caller, key_id(c), c->arena, &k, &e))
        call_error(c, &e);
    else
        key_reply(c, 200, &k);
}

void run_key_update(struct call *c)
{
    struct err_info e = {0};
    struct key_out k;
    if (engine_key_get(c->engine, &c->caller, key_id(c), c->arena, &k, &e) ||
        grant_read(c->body, c->arena, &k.grant, &e) ||
        engine_key_update(c->engine, &c->caller, key_id(c), &k.grant, c->arena, &k, &e))
        call_error(c, &e);
    else
        key_reply(c, 200, &k);
}

void run_key_rotate(struct call *c)
{
    struct err_info e = {0};
    struct key_out k;
    int64_t grace_s = input_int(c->body, "grace_seconds", 0);
    if (engine_key_rotate(c->engine, &c->caller, key_id(c), grace_s, c->arena, &k, &e))
        call_error(c, &e);
    else
        key_reply(c, 200, &k);
}

void run_key_delete(struct call *c)
{
    struct err_info e = {0};
    if (engine_key_delete(c->engine, &c->caller, key_id(c), &e))
        call_error(c, &e);
    else
        call_empty(c, 204);
}
