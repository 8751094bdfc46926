#include "api/shape.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- facets ---- */

static struct str number_text(struct arena *a, const json_t *v)
{
    struct strbuf b;
    struct json_writer w;
    if (json_is_string(v))
        return json_str(v);
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    if (json_is_integer(v))
        json_put_int(&w, json_integer_value(v));
    else if (v)
        json_put_double(&w, json_real_value(v));
    struct str out = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return out;
}

/* What has no name is called by its ends: "2000..2010", "..2000". */
static struct facet_range range_read(struct arena *a, const json_t *v)
{
    struct facet_range r = {.name = input_str(v, "name"),
                            .from = json_object_get(v, "from"),
                            .to = json_object_get(v, "to")};
    struct str from = number_text(a, r.from), to = number_text(a, r.to);
    if (!r.name.n)
        r.name = str_c(arena_printf(a, "%.*s..%.*s", STR_ARG(from), STR_ARG(to)));
    return r;
}

static struct facet_request facet_read(struct arena *a, const json_t *v)
{
    if (json_is_string(v))
        return (struct facet_request){.field = json_str(v)};
    const json_t *ranges = json_object_get(v, "ranges");
    struct facet_request q = {.field = input_str(v, "field"),
                              .limit = (size_t)input_int(v, "limit", 0),
                              .stats = input_bool(v, "stats", false),
                              .range_count = json_array_size(ranges)};
    struct facet_range *out = arena_array(a, q.range_count + 1, sizeof *out);
    for (size_t i = 0; i < q.range_count; i++)
        out[i] = range_read(a, json_array_get(ranges, i));
    q.ranges = out;
    return q;
}

/* The parts of a text between commas outside parentheses, blanks around them left out. */
static struct str *parts_split(struct arena *a, struct str text, size_t *count)
{
    struct str *out = arena_array(a, text.n + 1, sizeof *out);
    int depth = 0;
    *count = 0;
    for (size_t start = 0, i = 0; i <= text.n; i++) {
        depth += i < text.n && text.s[i] == '(';
        depth -= i < text.n && text.s[i] == ')';
        if (i < text.n && (text.s[i] != ',' || depth > 0))
            continue;
        struct str part = str_trim((struct str){text.s + start, i - start});
        start = i + 1;
        if (part.n)
            out[(*count)++] = arena_str(a, part);
    }
    return out;
}

static struct facet_request *facets_named(struct arena *a, struct str text, size_t *count)
{
    struct str *names = parts_split(a, text, count);
    struct facet_request *out = arena_array(a, *count + 1, sizeof *out);
    for (size_t i = 0; i < *count; i++)
        out[i] = (struct facet_request){.field = names[i]};
    return out;
}

struct facet_request *input_facets(struct arena *a, const json_t *input, size_t *count)
{
    const json_t *v = json_object_get(input, "facets");
    if (json_is_string(v))
        return facets_named(a, json_str(v), count);
    *count = json_array_size(v);
    struct facet_request *out = arena_array(a, *count + 1, sizeof *out);
    for (size_t i = 0; i < *count; i++)
        out[i] = facet_read(a, json_array_get(v, i));
    return out;
}

/* ---- order ---- */

static void key_make(struct order_key *k, struct str field, struct str order)
{
    k->by_score = str_eq_c(field, "_score");
    k->field = field;
    k->descending = order.n ? str_eq_c(order, "desc") : k->by_score;
}

/* "place,52.5,13.4" of geo(place,52.5,13.4). */
static bool distance_read(struct str text, struct order_key *out)
{
    struct str parts[3];
    for (int i = 2; i >= 0; i--) {
        const char *comma = i ? memrchr(text.s, ',', text.n) : text.s - 1;
        if (!comma)
            return false;
        parts[i] = str_trim((struct str){comma + 1, (size_t)(text.s + text.n - comma - 1)});
        text.n = i ? (size_t)(comma - text.s) : 0;
    }
    out->field = parts[0];
    out->by_distance = true;
    return parts[0].n && !str_to_f64(parts[1], &out->from.lat) &&
           !str_to_f64(parts[2], &out->from.lon) && geo_point_sound(out->from);
}

/* "year", "year:desc", "geo(place,52.5,13.4):desc". */
static enum err key_of_text(struct str text, const char *pointer, struct order_key *out,
                            struct err_info *e)
{
    const char *colon = memrchr(text.s, ':', text.n);
    struct str field = text, order = {"", 0};
    if (colon) {
        field.n = (size_t)(colon - text.s);
        order = (struct str){colon + 1, text.n - field.n - 1};
    }
    if (!field.n || (colon && !str_eq_c(order, "asc") && !str_eq_c(order, "desc")))
        return err_set(e, ERR_INVALID, pointer,
                       "must be a field, field:asc or field:desc, not %.*s",
                       (int)(text.n < 100 ? text.n : 100), text.s);
    key_make(out, field, order);
    bool geo = str_starts(field, STR("geo(")) && field.s[field.n - 1] == ')';
    if (geo && !distance_read((struct str){field.s + 4, field.n - 5}, out))
        return err_set(e, ERR_INVALID, pointer,
                       "needs a field, a latitude and a longitude: geo(place,52.5,13.4), not %.*s",
                       (int)(text.n < 100 ? text.n : 100), text.s);
    return ERR_OK;
}

static enum err key_read(struct arena *a, const json_t *v, const char *pointer,
                         struct order_key *out, struct err_info *e)
{
    if (json_is_string(v))
        return key_of_text(str_trim(json_str(v)), pointer, out, e);
    key_make(out, input_str(v, "field"), input_str(v, "order"));
    out->missing_first = str_eq_c(input_str(v, "missing"), "first");
    out->by_distance = json_object_get(v, "lat") || json_object_get(v, "lon");
    out->from.lat = input_double(v, "lat", (double)NAN);
    out->from.lon = input_double(v, "lon", (double)NAN);
    if (out->by_distance && (!geo_point_sound(out->from) || out->by_score))
        return err_set(e, ERR_INVALID, pointer, "needs lat and lon both, and a field of points");
    return ERR_OK;
}

static enum err keys_of_text(struct arena *a, struct str text, struct order_key **out,
                             size_t *count, struct err_info *e)
{
    struct str *parts = parts_split(a, text, count);
    enum err err = ERR_OK;
    *out = arena_array(a, *count + 1, sizeof **out);
    for (size_t i = 0; i < *count && !err; i++)
        err = key_of_text(parts[i], "/sort", &(*out)[i], e);
    return err;
}

enum err input_sort(struct arena *a, const json_t *input, struct order_key **out, size_t *count,
                    struct err_info *e)
{
    const json_t *v = json_object_get(input, "sort");
    char pointer[40];
    enum err err = ERR_OK;
    if (json_is_string(v))
        return keys_of_text(a, json_str(v), out, count, e);
    *count = json_array_size(v);
    *out = arena_array(a, *count + 1, sizeof **out);
    for (size_t i = 0; i < *count && !err; i++) {
        snprintf(pointer, sizeof pointer, "/sort/%zu", i);
        err = key_read(a, json_array_get(v, i), pointer, &(*out)[i], e);
    }
    return err;
}

/* ---- groups ---- */

void input_group(const json_t *input, struct find_request *out)
{
    const json_t *v = json_object_get(input, "group_by");
    out->group_by = json_is_string(v) ? json_str(v) : input_str(v, "field");
    out->group_limit = json_is_string(v) ? 1 : (size_t)input_int(v, "limit", 1);
}
