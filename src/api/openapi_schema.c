#include "api/openapi.h"
#include <assert.h>
#include <string.h>

#define COMPONENTS "#/components/schemas/"

void openapi_put(struct json_writer *w, const char *key, const char *value)
{
    json_key_c(w, key, value);
}

static void type_write(struct json_writer *w, const char *type, bool nullable)
{
    json_key(w, "type");
    if (!nullable) {
        json_put_c(w, type);
        return;
    }
    json_array_begin(w);
    json_put_c(w, type);
    json_put_c(w, "null");
    json_array_end(w);
}

static void required_write(struct json_writer *w, const struct schema *s)
{
    bool any = false;
    for (; s; s = s->extends)
        for (const struct field *f = s->fields; f && f->name; f++) {
            if (!f->required)
                continue;
            if (!any) {
                json_key(w, "required");
                json_array_begin(w);
            }
            any = true;
            json_put_c(w, f->name);
        }
    if (any)
        json_array_end(w);
}

static void field_write(struct json_writer *w, const struct field *f)
{
    bool wraps = f->help || f->fallback;
    json_key(w, f->name);
    if (!wraps) {
        openapi_schema(w, f->schema, false);
        return;
    }
    json_object_begin(w); /* 3.1 lets keywords stand beside allOf */
    if (f->help)
        openapi_put(w, "description", f->help);
    if (f->fallback) {
        json_key(w, "default");
        json_put_raw(w, str_c(f->fallback));
    }
    if (f->schema->type == SCHEMA_ANY) {
        json_object_end(w);
        return;
    }
    json_key(w, "allOf");
    json_array_begin(w);
    openapi_schema(w, f->schema, false);
    json_array_end(w);
    json_object_end(w);
}

static void group_member_write(struct json_writer *w, const char *name, const char *end)
{
    json_object_begin(w);
    json_key(w, "required");
    json_array_begin(w);
    json_put_str(w, (struct str){name, (size_t)(end - name)});
    json_array_end(w);
    json_object_end(w);
}

/* {"anyOf":[{"required":["positive"]},{"required":["negative"]}]}, or of one {"required":["id"]} */
static void group_write(struct json_writer *w, const char *group, const char *end)
{
    if (!memchr(group, ',', (size_t)(end - group))) {
        group_member_write(w, group, end);
        return;
    }
    json_object_begin(w);
    json_key(w, "anyOf");
    json_array_begin(w);
    while (group < end) {
        const char *comma = memchr(group, ',', (size_t)(end - group));
        const char *stop = comma ? comma : end;
        group_member_write(w, group, stop);
        group = stop + (comma != NULL);
    }
    json_array_end(w);
    json_object_end(w);
}

static void groups_write(struct json_writer *w, const char *groups)
{
    json_key(w, "oneOf");
    json_array_begin(w);
    while (*groups) {
        const char *end = strchrnul(groups, '|');
        group_write(w, groups, end);
        groups = *end ? end + 1 : end;
    }
    json_array_end(w);
}

static void object_write(struct json_writer *w, const struct schema *s)
{
    type_write(w, "object", s->nullable);
    if (s->fields) {
        json_key(w, "properties");
        json_object_begin(w);
        for (const struct schema *x = s; x; x = x->extends)
            for (const struct field *f = x->fields; f->name; f++)
                field_write(w, f);
        json_object_end(w);
        required_write(w, s);
    }
    if (s->exactly_one)
        groups_write(w, s->exactly_one);
    if (s->keys) {
        json_key(w, "propertyNames");
        json_object_begin(w);
        openapi_put(w, "pattern", s->keys);
        json_object_end(w);
    }
    json_key(w, "additionalProperties");
    if (s->items)
        openapi_schema(w, s->items, false);
    else
        json_put_bool(w, s->open);
}

static void count_write(struct json_writer *w, const struct schema *s, const char *least,
                        const char *most)
{
    if (s->count_min)
        json_key_int(w, least, (int64_t)s->count_min);
    if (s->count_max)
        json_key_int(w, most, (int64_t)s->count_max);
}

static void choices_write(struct json_writer *w, const char *choices, bool nullable)
{
    json_key(w, "enum");
    json_array_begin(w);
    while (*choices) {
        const char *end = strchrnul(choices, '|');
        json_put_str(w, (struct str){choices, (size_t)(end - choices)});
        choices = *end ? end + 1 : end;
    }
    if (nullable)
        json_put_null(w);
    json_array_end(w);
}

/* The bound in bytes is not one that JSON Schema can say: 255 characters is as near as it gets. */
#define ID_PATTERN "^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f-\\u009f]{1,255}$"

static void string_write(struct json_writer *w, const struct schema *s)
{
    type_write(w, "string", s->nullable);
    count_write(w, s, "minLength", "maxLength");
    if (s->choices)
        choices_write(w, s->choices, s->nullable);
    if (s->format == FORMAT_NAME)
        openapi_put(w, "pattern", "^[a-z0-9][a-z0-9_-]{0,63}$");
    else if (s->format == FORMAT_ID)
        openapi_put(w, "pattern", ID_PATTERN);
    else if (s->format == FORMAT_TIME)
        openapi_put(w, "format", "date-time");
    if (s->pattern)
        openapi_put(w, "pattern", s->pattern);
}

static void id_write(struct json_writer *w, const struct schema *s)
{
    struct schema text = *s;
    text.type = SCHEMA_STRING;
    text.name = text.help = text.example = NULL;
    text.nullable = false;
    json_key(w, "anyOf");
    json_array_begin(w);
    openapi_schema(w, &text, true);
    json_object_begin(w);
    openapi_put(w, "type", "integer");
    json_key_int(w, "minimum", INT64_MIN);
    json_key_int(w, "maximum", INT64_MAX);
    json_object_end(w);
    if (s->nullable) {
        json_object_begin(w);
        openapi_put(w, "type", "null");
        json_object_end(w);
    }
    json_array_end(w);
}

static void number_write(struct json_writer *w, const struct schema *s)
{
    type_write(w, s->type == SCHEMA_INTEGER ? "integer" : "number", s->nullable);
    if (!s->bounded)
        return;
    json_key_double(w, "minimum", s->min);
    json_key_double(w, "maximum", s->max);
}

static void array_write(struct json_writer *w, const struct schema *s)
{
    type_write(w, "array", s->nullable);
    count_write(w, s, "minItems", "maxItems");
    json_key(w, "items");
    if (s->items)
        openapi_schema(w, s->items, false);
    else
        json_put_bool(w, true);
}

static void alternatives_write(struct json_writer *w, const struct schema *s)
{
    json_key(w, "oneOf");
    json_array_begin(w);
    for (size_t i = 0; s->alternatives[i]; i++)
        openapi_schema(w, s->alternatives[i], false);
    if (s->nullable)
        json_put_raw(w, STR("{\"type\":\"null\"}"));
    json_array_end(w);
}

static void kind_write(struct json_writer *w, const struct schema *s)
{
    switch (s->type) {
    case SCHEMA_ANY:
        break;
    case SCHEMA_OBJECT:
        object_write(w, s);
        break;
    case SCHEMA_ARRAY:
        array_write(w, s);
        break;
    case SCHEMA_STRING:
        string_write(w, s);
        break;
    case SCHEMA_ID:
        id_write(w, s);
        break;
    case SCHEMA_INTEGER:
    case SCHEMA_NUMBER:
        number_write(w, s);
        break;
    case SCHEMA_BOOLEAN:
        type_write(w, "boolean", s->nullable);
        break;
    case SCHEMA_ONE_OF:
        alternatives_write(w, s);
        break;
    }
}

void openapi_schema(struct json_writer *w, const struct schema *s, bool follow)
{
    json_object_begin(w);
    if (s->name && !follow) {
        char ref[96] = COMPONENTS;
        strncat(ref, s->name, sizeof ref - strlen(ref) - 1);
        openapi_put(w, "$ref", ref);
    } else {
        if (s->help)
            openapi_put(w, "description", s->help);
        kind_write(w, s);
        if (s->rules)
            json_put_raw(w, str_c(s->rules));
        if (s->example) {
            json_key(w, "examples");
            json_array_begin(w);
            json_put_raw(w, str_c(s->example));
            json_array_end(w);
        }
    }
    json_object_end(w);
}

static void plain_members(struct json_writer *w, const struct schema *s);

static void plain_put(struct json_writer *w, const struct schema *s, const char *help,
                      const char *fallback)
{
    json_object_begin(w);
    if (help)
        openapi_put(w, "description", help);
    if (fallback) {
        json_key(w, "default");
        json_put_raw(w, str_c(fallback));
    }
    plain_members(w, s);
    json_object_end(w);
}

static void plain_object(struct json_writer *w, const struct schema *s)
{
    assert(!s->extends);
    if (s->fields) {
        json_key(w, "properties");
        json_object_begin(w);
        for (const struct field *f = s->fields; f->name; f++) {
            json_key(w, f->name);
            plain_put(w, f->schema, f->help ? f->help : f->schema->help, f->fallback);
        }
        json_object_end(w);
        required_write(w, s);
    }
    if (!s->open)
        json_key_bool(w, "additionalProperties", false);
}

static void plain_members(struct json_writer *w, const struct schema *s)
{
    struct schema plain = s->type == SCHEMA_ONE_OF ? *s->alternatives[0] : *s;
    plain.nullable = false;
    switch (plain.type) {
    case SCHEMA_STRING:
    case SCHEMA_ID:
        type_write(w, "string", false);
        if (plain.choices)
            choices_write(w, plain.choices, false);
        break;
    case SCHEMA_ARRAY:
        type_write(w, "array", false);
        json_key(w, "items");
        plain_put(w, plain.items, NULL, NULL);
        break;
    case SCHEMA_OBJECT:
        type_write(w, "object", false);
        plain_object(w, &plain);
        break;
    default:
        kind_write(w, &plain);
    }
}

void openapi_plain(struct json_writer *w, const struct schema *s)
{
    plain_put(w, s, NULL, NULL);
}
