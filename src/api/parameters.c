#include "api/validate.h"
#include <stdio.h>
#include <string.h>

#define PARAM_JSON_BYTES (1u << 20) /* of memory for one that is parsed */

void validate_path(const struct route_match *m, struct faults *f)
{
    char right[320];
    for (unsigned i = 0; i < m->count; i++) {
        const struct field *x = route_path_parameter(m->route, m->names[i]);
        if (!x || schema_string_fits(x->schema, m->values[i]))
            continue;
        schema_words(x->schema, right, sizeof right);
        faults_add(f, NULL, x->name, "must be %s", right);
    }
}

bool parameter_is_json(const struct schema *s)
{
    for (; s && s->type == SCHEMA_ARRAY; s = s->items)
        ;
    return s && (s->type == SCHEMA_OBJECT || s->type == SCHEMA_ONE_OF);
}

/* NULL: it begins as JSON and is none; *e says why. */
static json_t *param_json(struct str v, struct err_info *e)
{
    json_t *out;
    v = str_trim(v);
    if (!v.n || !strchr("{[\"", v.s[0]))
        return json_stringn(v.s, v.n);
    return json_parse_within(v, PARAM_JSON_BYTES, &out, e) ? NULL : out;
}

static json_t *param_value(const struct schema *s, struct str v, struct err_info *e)
{
    int64_t i;
    double d;
    if (parameter_is_json(s))
        return param_json(v, e);
    switch (s->type) {
    case SCHEMA_INTEGER:
        return str_to_i64(v, INT64_MIN, INT64_MAX, &i) ? NULL : json_integer(i);
    case SCHEMA_NUMBER:
        return str_to_f64(v, &d) ? NULL : json_real(d);
    case SCHEMA_BOOLEAN:
        if (v.n == 0 || str_eq_c(v, "true") || str_eq_c(v, "1"))
            return json_true();
        return str_eq_c(v, "false") || str_eq_c(v, "0") ? json_false() : NULL;
    default:
        return json_stringn(v.s, v.n);
    }
}

/* "a,b" and repeated parameters both: ["a","b"]. */
static void param_array_add(json_t *array, struct str v)
{
    size_t start = 0;
    for (size_t i = 0; i <= v.n; i++) {
        if (i < v.n && v.s[i] != ',')
            continue;
        if (i > start)
            json_array_append_new(array, json_stringn(v.s + start, i - start));
        start = i + 1;
    }
}

static void param_check(const struct field *x, const json_t *value, struct faults *f)
{
    struct faults own;
    faults_init(&own, f->arena);
    validate_value(x->schema, value, "", &own);
    for (unsigned i = 0; i < own.count; i++)
        faults_add(f, NULL, x->name, "%s", own.list[i].detail);
}

/* "a,b" and then "c" where a list may be given as text: "a,b,c". */
static bool param_lengthen(const struct schema *s, const json_t *value, struct str v)
{
    bool list = false;
    for (size_t i = 0; s->type == SCHEMA_ONE_OF && s->alternatives[i]; i++)
        list |= s->alternatives[i]->type == SCHEMA_ARRAY;
    if (!list || !json_is_string(value))
        return false;
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_add_str(&b, json_str(value));
    strbuf_add_char(&b, ',');
    strbuf_add_str(&b, v);
    bool set = json_string_setn((json_t *)value, b.buf, b.n) == 0;
    strbuf_release(&b);
    return set;
}

static void param_take(const struct field *x, struct str v, json_t *out, struct faults *f)
{
    char right[320];
    json_t *value = json_object_get(out, x->name);
    if (x->schema->type == SCHEMA_ARRAY && !parameter_is_json(x->schema)) {
        if (!value) {
            value = json_array();
            json_object_set_new(out, x->name, value);
        }
        param_array_add(value, v);
        return;
    }
    if (value) {
        if (param_lengthen(x->schema, value, v))
            param_check(x, value, f);
        else
            faults_add(f, NULL, x->name, "is given twice");
        return;
    }
    struct err_info why = {0};
    value = param_value(x->schema, v, &why);
    if (!value) {
        schema_words(x->schema, right, sizeof right);
        faults_add(f, NULL, x->name,
                   why.code ? "must be %s, and is not readable JSON: %s" : "must be %s", right,
                   why.message);
        return;
    }
    json_object_set_new(out, x->name, value);
    param_check(x, value, f);
}

json_t *validate_query(const struct route *r, const struct http_param *params, unsigned count,
                       struct faults *f)
{
    json_t *out = json_object();
    for (unsigned i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", STR_ARG(params[i].name));
        const struct field *x =
            params[i].name.n < sizeof name ? schema_field(r->query, name) : NULL;
        if (x)
            param_take(x, params[i].value, out, f);
        else if (!r->any_query)
            fault_unknown(r->query, name, NULL, name, f);
    }
    for (const struct field *x = r->query; x && x->name; x++) {
        const json_t *value = json_object_get(out, x->name);
        if (x->required && !value)
            faults_add(f, NULL, x->name, "is missing");
        if (value && x->schema->type == SCHEMA_ARRAY && !parameter_is_json(x->schema))
            param_check(x, value, f);
    }
    return out;
}
