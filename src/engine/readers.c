/* What readers are: users, and the end of one. */
#include "base/clock.h"
#include "engine/internal.h"
#include <string.h>

static enum err user_check(const json_t *body, struct str id, struct err_info *e)
{
    const char *key;
    json_t *v;
    if (!json_is_object(body))
        return err_set(e, ERR_INVALID, "", "must be an object");
    json_object_foreach((json_t *)body, key, v)
    {
        char pointer[96];
        snprintf(pointer, sizeof pointer, "/%.80s", key);
        bool is_id = strcmp(key, "id") == 0, is_labels = strcmp(key, "labels") == 0;
        if (is_id && !str_eq(json_str(v), id))
            return err_set(e, ERR_INVALID, "/id", "is another than that of the address");
        if (strcmp(key, "attributes") == 0 && !json_is_object(v))
            return err_set(e, ERR_INVALID, pointer, "must be an object");
        if (is_labels && !json_is_array(v))
            return err_set(e, ERR_INVALID, pointer, "must be an array of strings");
        for (size_t i = 0; is_labels && i < json_array_size(v); i++)
            if (!json_is_string(json_array_get(v, i))) {
                snprintf(pointer, sizeof pointer, "/labels/%zu", i);
                return err_set(e, ERR_INVALID, pointer, "must be a string");
            }
        if (!is_id && !is_labels && strcmp(key, "attributes") != 0)
            return err_set(e, ERR_INVALID, pointer,
                           "unknown field; a user has attributes and labels");
    }
    return 0;
}

static struct str user_payload(const json_t *body, struct arena *a)
{
    struct strbuf b;
    json_t *copy = json_copy((json_t *)body);
    json_object_del(copy, "id");
    strbuf_init(&b, 0);
    json_put_canonical(&b, copy);
    struct str payload = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    json_decref(copy);
    return payload;
}

static void user_out_make(const struct user_record *r, struct user_out *out)
{
    *out = (struct user_out){r->id, r->payload, r->created_us, r->updated_us, r->revision};
}

static enum err user_act(struct collection *c, struct store_act *act, struct err_info *e)
{
    struct position at;
    enum err err = store_write(c->engine->store, act, 1, false, &at, e);
    if (!err && act->err)
        err = err_set(e, act->err, act->info.field, "%s", act->info.message);
    if (!err)
        err = applied_wait(c->engine, at.change, 0, e);
    metric_error(c->engine, err);
    return err;
}

enum err engine_user_put(struct engine *x, struct str collection, struct str id, const json_t *body,
                         struct arena *a, struct user_out *out, bool *created, struct err_info *e)
{
    struct collection *c;
    struct user_record stored;
    enum err err = id_check(id, "id", e);
    if (err || (err = user_check(body, id, e)) || (err = collection_find(x, collection, &c, e)))
        return err;
    struct store_act act = {.kind = ACT_USER_PUT, .user_collection = c->id};
    act.user.id = id;
    act.user.payload = user_payload(body, a);
    act.user.created_us = act.user.updated_us = clock_wall_us();
    err = user_act(c, &act, e);
    if (!err)
        err = store_user_get(x->store, a, c->id, id, &stored, e);
    collection_unref(c);
    if (err)
        return err;
    if (created)
        *created = act.status == ACT_CREATED;
    user_out_make(&stored, out);
    return 0;
}

enum err engine_user_get(struct engine *x, struct str collection, struct str id, struct arena *a,
                         struct user_out *out, struct err_info *e)
{
    struct collection *c;
    struct user_record r;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = store_user_get(x->store, a, c->id, id, &r, e);
    collection_unref(c);
    if (!err)
        user_out_make(&r, out);
    return err;
}

enum err engine_user_delete(struct engine *x, struct str collection, struct str id,
                            struct err_info *e)
{
    struct collection *c;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    struct arena *a = arena_new(0);
    struct feedback_record *acts;
    size_t count;
    served_flush(x); /* what waits for the disk is erased with the rest */
    struct store_act act = {.kind = ACT_USER_DELETE, .user_collection = c->id};
    act.user.id = id;
    err = popular_erasing(c, id, a, &acts, &count, e);
    while (!err && !(err = user_act(c, &act, e)) && act.id)
        act.user_rest = true;
    if (!err)
        popular_erased(c, acts, count, a);
    arena_free(a);
    collection_unref(c);
    return err;
}
