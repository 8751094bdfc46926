#include "engine/settings_recommend.h"
#include "recommend/expression.h"
#include <string.h>

_Static_assert(RECOMMEND_BLEND_MAX == EXPRESSION_BYTES_MAX, "a setting holds any expression");

void recommend_settings_default(struct recommend_settings *r)
{
    *r = (struct recommend_settings){.gate = true};
}

static enum err read_blend(struct recommend_settings *r, const json_t *v, struct err_info *e)
{
    static const char pointer[] = "/recommend/blend";
    struct str text = str_trim(json_str(v));
    const struct expression *x;
    struct err_info why = {0};
    if (json_is_null(v) || (json_is_string(v) && !text.n)) {
        r->blend[0] = '\0';
        return 0;
    }
    if (!json_is_string(v))
        return err_set(e, ERR_INVALID, pointer,
                       "must be a score expression such as \"model + .3 * trending\", or null");
    struct arena *a = arena_new(0);
    enum err err = expression_parse(a, text, &x, &why);
    arena_free(a);
    if (err)
        return err_set(e, err, pointer, "%s", why.message);
    memcpy(r->blend, text.s, text.n);
    r->blend[text.n] = '\0';
    return 0;
}

enum err recommend_settings_merge(struct recommend_settings *r, const json_t *object,
                                  struct err_info *e)
{
    struct recommend_settings new = *r;
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return err_set(e, ERR_INVALID, "/recommend",
                       "must be an object such as {\"blend\":\"model + .3 * trending\"}");
    json_object_foreach((json_t *)object, key, v)
    {
        enum err err = 0;
        char pointer[96];
        snprintf(pointer, sizeof pointer, "/recommend/%.80s", key);
        if (strcmp(key, "blend") == 0)
            err = read_blend(&new, v, e);
        else if (strcmp(key, "gate") != 0)
            err = err_set(e, ERR_INVALID, pointer, "unknown; there are blend and gate");
        else if (json_is_boolean(v))
            new.gate = json_is_true(v);
        else
            err = err_set(e, ERR_INVALID, pointer, "must be true or false");
        if (err)
            return err;
    }
    *r = new;
    return 0;
}

void recommend_settings_print(const struct recommend_settings *r, struct json_writer *w)
{
    json_object_begin(w);
    json_key(w, "blend");
    if (r->blend[0])
        json_put_c(w, r->blend);
    else
        json_put_null(w);
    json_key_bool(w, "gate", r->gate);
    json_object_end(w);
}
