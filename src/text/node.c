#include "text/node.h"
#include <stdio.h>

struct node node_get(const struct node *parent, const char *key)
{
    struct node n = {.v = json_object_get(parent->v, key)};
    snprintf(n.path, sizeof n.path, "%.80s/%.32s", parent->path, key);
    return n;
}

struct node node_at(const struct node *parent, size_t i)
{
    struct node n = {.v = json_array_get(parent->v, i)};
    snprintf(n.path, sizeof n.path, "%.80s/%zu", parent->path, i);
    return n;
}

bool node_absent(const struct node *n)
{
    return !n->v || json_is_null(n->v);
}

enum err node_wrong(const struct node *n, const char *want, struct err_info *e)
{
    return err_set(e, ERR_INVALID, n->path, "%s", want);
}

enum err node_bool(const struct node *parent, const char *key, bool *out, struct err_info *e)
{
    struct node n = node_get(parent, key);
    if (node_absent(&n))
        return ERR_OK;
    if (!json_is_boolean(n.v))
        return node_wrong(&n, "has to be true or false", e);
    *out = json_is_true(n.v);
    return ERR_OK;
}

enum err node_str(const struct node *parent, const char *key, struct str *out, struct err_info *e)
{
    struct node n = node_get(parent, key);
    if (!json_is_string(n.v))
        return node_wrong(&n, "has to be a string", e);
    *out = json_str(n.v);
    return ERR_OK;
}

enum err node_str_optional(const struct node *parent, const char *key, size_t max, struct str *out,
                           struct err_info *e)
{
    struct node n = node_get(parent, key);
    *out = (struct str){"", 0};
    if (node_absent(&n))
        return ERR_OK;
    enum err err = node_str(parent, key, out, e);
    if (!err && out->n > max)
        err = err_set(e, ERR_TOO_LARGE, n.path, "has %zu bytes, at most %zu are allowed", out->n,
                      max);
    return err;
}

enum err node_u32(const struct node *n, uint32_t max, uint32_t *out, struct err_info *e)
{
    json_int_t v = json_integer_value(n->v);
    if (!json_is_integer(n->v) || v < 0 || v > max)
        return err_set(e, ERR_INVALID, n->path, "has to be a whole number from 0 to %u", max);
    *out = (uint32_t)v;
    return ERR_OK;
}

enum err node_array(const struct node *n, size_t max, struct err_info *e)
{
    if (!json_is_array(n->v))
        return node_wrong(n, "has to be an array", e);
    if (json_array_size(n->v) > max)
        return err_set(e, ERR_TOO_LARGE, n->path, "has more than %zu elements", max);
    return ERR_OK;
}

enum err node_each(const struct node *parent, const char *key, size_t max, node_fn *each, void *ctx,
                   struct err_info *e)
{
    struct node list = node_get(parent, key);
    enum err err = node_array(&list, max, e);
    for (size_t i = 0; !err && i < json_array_size(list.v); i++) {
        struct node n = node_at(&list, i);
        err = each(ctx, &n, e);
    }
    return err;
}

enum err node_type(const struct node *n, struct str *out, struct err_info *e)
{
    if (!json_is_object(n->v))
        return node_wrong(n, "has to be an object or null", e);
    return node_str(n, "type", out, e);
}

enum err node_unsupported(const struct node *n, const char *what, struct str type,
                          const char *known, struct err_info *e)
{
    return err_set(e, ERR_UNSUPPORTED, n->path, "%s \"%.*s\" is not supported; supported: %s", what,
                   (int)str_utf8_cut(type, 60), type.s, known);
}
