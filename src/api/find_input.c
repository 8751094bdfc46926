#include "api/find_input.h"
#include "api/cursor.h"
#include "api/ranking.h"
#include "api/shape.h"

enum err page_input(const struct find_input *in, size_t *offset, size_t *limit, struct err_info *e)
{
    struct cursor cursor;
    struct str text = input_str(in->input, "cursor");
    *offset = (size_t)input_int(in->input, "offset", 0);
    *limit = (size_t)input_int(in->input, "limit", 20);
    if (text.n) {
        enum err err = cursor_parse(in->secret, in->arena, text, in->binding,
                                    in->body ? "/cursor" : "cursor", &cursor, e);
        if (err)
            return err;
        *offset = (size_t)cursor.number;
    }
    if (*offset + *limit > REACH_MAX)
        *limit = *offset < REACH_MAX ? REACH_MAX - *offset : 0;
    return ERR_OK;
}

#define USER_WEIGHT .3
#define SNIPPET_CHARS 200 /* if highlighted text is asked for, and no length */

struct hit_style style_input(const json_t *input)
{
    const json_t *highlight = json_object_get(input, "highlight");
    struct hit_style s = {.explain = input_bool(input, "explain", false),
                          .tagged = json_is_object(highlight),
                          .snippet = highlight || json_object_get(input, "snippet_length"),
                          .pre = STR("<em>"),
                          .post = STR("</em>")};
    if (json_object_get(highlight, "pre"))
        s.pre = input_str(highlight, "pre");
    if (json_object_get(highlight, "post"))
        s.post = input_str(highlight, "post");
    return s;
}

/* The order, and where in it the page begins. */
static enum err sort_input(const struct find_input *in, struct find_request *r, struct err_info *e)
{
    struct cursor cursor;
    struct order_key *keys;
    struct str text = input_str(in->input, "cursor");
    enum err err = input_sort(in->arena, in->input, &keys, &r->sort_count, e);
    r->sort = keys;
    if (!err && text.n)
        err = cursor_parse(in->secret, in->arena, text, in->binding,
                           in->body ? "/cursor" : "cursor", &cursor, e);
    if (!err && text.n)
        r->after = cursor.key;
    return err;
}

/* What search and similar share. */
static enum err shared_input(const struct find_input *in, struct find_request *r,
                             struct err_info *e)
{
    const json_t *v = in->input;
    r->filter = input_str(v, "filter");
    r->min_score = input_double(v, "min_score", 0);
    r->facets = input_facets(in->arena, v, &r->facet_count);
    r->hide_copies = str_eq_c(input_str(v, "duplicates"), "hide");
    r->exact = input_bool(v, "exact", false);
    r->explain = input_bool(v, "explain", false);
    r->user = input_id(in->arena, v, "user");
    r->user_weight = input_double(v, "user_weight", USER_WEIGHT);
    r->fields_given = json_is_array(json_object_get(v, "fields"));
    r->fields = input_strs(in->arena, v, "fields", &r->field_count);
    r->snippet_chars =
        (size_t)input_int(v, "snippet_length", json_object_get(v, "highlight") ? SNIPPET_CHARS : 0);
    input_group(v, r);
    enum err err = sort_input(in, r, e);
    return err ? err : page_input(in, &r->offset, &r->limit, e);
}

static enum search_mode mode_of(struct str s)
{
    if (str_eq_c(s, "semantic"))
        return SEARCH_SEMANTIC;
    return str_eq_c(s, "lexical") ? SEARCH_LEXICAL : SEARCH_HYBRID;
}

enum err search_input(const struct find_input *in, struct find_request *r, struct err_info *e)
{
    r->mode = mode_of(input_str(in->input, "mode"));
    r->q = input_str(in->input, "q");
    r->match_all = str_eq_c(input_str(in->input, "match"), "all");
    r->prefix = input_bool(in->input, "prefix", false);
    r->typos = input_bool(in->input, "typos", true);
    enum err err = input_ranking(in->arena, in->input, r, e);
    return err ? err : shared_input(in, r, e);
}

static const float *vector_of(const struct find_input *in, size_t *dims)
{
    const json_t *v = json_object_get(in->input, "vector");
    *dims = json_array_size(v);
    if (!*dims)
        return NULL;
    float *out = arena_array(in->arena, *dims, sizeof *out);
    for (size_t i = 0; i < *dims; i++)
        out[i] = (float)json_number_value(json_array_get(v, i));
    return out;
}

static enum similar_by by_of(struct str s)
{
    if (str_eq_c(s, "text"))
        return SIMILAR_BY_TEXT;
    if (str_eq_c(s, "readers"))
        return SIMILAR_BY_READERS;
    return str_eq_c(s, "both") ? SIMILAR_BY_BOTH : SIMILAR_BY_WHAT_IS_THERE;
}

enum err similar_input(const struct find_input *in, struct find_request *r, struct err_info *e)
{
    const json_t *v = in->input;
    struct str id = input_id(in->arena, v, "id");
    r->mode = SEARCH_SEMANTIC;
    r->text = input_str(v, "text");
    r->ids = input_strs(in->arena, v, "ids", &r->id_count);
    if (id.n) {
        struct str *one = arena_alloc(in->arena, sizeof *one);
        *one = id;
        r->ids = one;
        r->id_count = 1;
        r->id_alone = true;
    }
    r->vector = vector_of(in, &r->vector_dims);
    r->by = by_of(input_str(v, "by"));
    r->exclude = input_strs(in->arena, v, "exclude", &r->exclude_count);
    r->diversity = input_double(v, "diversity", 0);
    enum err err = input_ranking(in->arena, v, r, e);
    return err ? err : shared_input(in, r, e);
}
