#include "api/bounds.h"
#include "api/cursor.h"
#include "api/render.h"
#include "api/response.h"
#include <string.h>

static void collection_reply(struct call *c, int status, const struct collection_info *x)
{
    struct response out;
    render_collection(response_begin(&out), x);
    response_send(c, status, &out);
}

/* Who sees some of the documents only is told of those, and not how all of them are held. */
static enum err info_bound(struct call *c, struct collection_info *x, struct err_info *e)
{
    size_t documents;
    if (!c->caller.filter.n)
        return ERR_OK;
    enum err err = engine_count(c->engine, x->name, c->caller.filter, &documents, e);
    if (err)
        return err;
    x->documents = documents;
    x->bytes = x->passages = x->pending = 0;
    memset(&x->index, 0, sizeof x->index);
    return ERR_OK;
}

static void collections_reply(struct call *c, const struct collection_info *list, size_t count,
                              size_t limit, uint64_t binding)
{
    char cursor[CURSOR_TEXT];
    struct response out;
    bool more = count > limit;
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count && i < limit; i++)
        render_collection(w, &list[i]);
    if (more)
        cursor_format(engine_secret(c->engine),
                      &(struct cursor){.binding = binding, .key = list[limit - 1].name}, cursor);
    response_page_send(c, &out, more ? cursor : NULL);
}

void run_collections_list(struct call *c)
{
    struct err_info e = {0};
    struct cursor at = {.key = {"", 0}};
    size_t count, limit = (size_t)input_int(c->input, "limit", 100);
    struct collection_info *list = arena_array(c->arena, limit + 1, sizeof *list);
    uint64_t binding = call_binding(c);
    struct str text = input_str(c->input, "cursor");
    if ((text.n &&
         cursor_parse(engine_secret(c->engine), c->arena, text, binding, "cursor", &at, &e)) ||
        collections_known(c, at.key, limit + 1, list, &count, &e))
        goto failed;
    for (size_t i = 0; i < count && i < limit; i++)
        if (info_bound(c, &list[i], &e))
            goto failed;
    collections_reply(c, list, count, limit, binding);
    return;
failed:
    call_error(c, &e);
}

void run_collection_create(struct call *c)
{
    struct err_info e = {0};
    struct collection_info info;
    struct str name = input_str(c->body, "name");
    struct version_choice choice;
    input_version_choice(c->body, &choice);
    if (!call_knows(c, name)) {
        err_set(&e, ERR_DENIED, "/name", "is not one of the collections of this key");
        call_error(c, &e);
        return;
    }
    if (engine_collection_create(c->engine, name, json_object_get(c->body, "settings"), &choice,
                                 c->arena, &info, &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    call_location(c, "/v1/collections/%.*s", STR_ARG(name));
    collection_reply(c, 201, &info);
}

void run_collection_get(struct call *c)
{
    struct err_info e = {0};
    struct collection_info info;
    if (engine_collection_get(c->engine, call_collection(c), c->arena, &info, &e) ||
        info_bound(c, &info, &e))
        call_error(c, &e);
    else
        collection_reply(c, 200, &info);
}

void run_collection_update(struct call *c)
{
    struct err_info e = {0};
    struct collection_info info;
    if (engine_collection_update(c->engine, call_collection(c), c->body, c->arena, &info, &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    collection_reply(c, 200, &info);
}

void run_collection_delete(struct call *c)
{
    struct err_info e = {0};
    if (c->alias.n) {
        err_set(&e, ERR_CONFLICT, NULL,
                "\"%.*s\" is an alias: DELETE /v1/aliases/%.*s, or the collection \"%.*s\" itself",
                STR_ARG(c->alias), STR_ARG(c->alias), STR_ARG(call_collection(c)));
        call_error(c, &e);
        return;
    }
    if (engine_collection_delete(c->engine, call_collection(c), &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    call_empty(c, 204);
}
