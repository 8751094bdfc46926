#include "api/api.h"
#include "api/routes.h"
#include "api/schemas.h"
#include "base/json.h"
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* /openapi.json from the table. Named schemas are collected first, in order of their appearance,
 * then written once under components; elsewhere they are references. */

#define NAMED_MAX 64

struct named {
    const struct schema *list[NAMED_MAX];
    unsigned count;
};

static void put(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    json_put_c(w, value);
}

/* ---- collecting ---- */

static void named_collect(struct named *n, const struct schema *s)
{
    if (!s)
        return;
    if (s->name) {
        for (unsigned i = 0; i < n->count; i++)
            if (n->list[i] == s)
                return;
        assert(n->count < NAMED_MAX);
        n->list[n->count++] = s;
    }
    for (const struct field *f = s->fields; f && f->name; f++)
        named_collect(n, f->schema);
    named_collect(n, s->items);
    for (size_t i = 0; s->alternatives && s->alternatives[i]; i++)
        named_collect(n, s->alternatives[i]);
}

static void named_all(struct named *n)
{
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        named_collect(n, routes[i].body);
        for (const struct answer *x = routes[i].answers; x && x->status; x++)
            named_collect(n, x->schema);
    }
    named_collect(n, &schema_problem);
    named_collect(n, &schema_openai_error);
    named_collect(n, &schema_tei_error);
}

/* ---- schemas ---- */

static void schema_write(struct json_writer *w, const struct schema *s, bool follow);

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

static void required_write(struct json_writer *w, const struct field *fields)
{
    bool any = false;
    for (const struct field *f = fields; f && f->name; f++) {
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
        schema_write(w, f->schema, false);
        return;
    }
    json_object_begin(w); /* 3.1 lets keywords stand beside allOf */
    if (f->help)
        put(w, "description", f->help);
    if (f->fallback) {
        json_key(w, "default");
        json_put_raw(w, str_c(f->fallback));
    }
    json_key(w, "allOf");
    json_array_begin(w);
    schema_write(w, f->schema, false);
    json_array_end(w);
    json_object_end(w);
}

/* {"anyOf":[{"required":["positive"]},{"required":["negative"]}]} */
static void group_write(struct json_writer *w, const char *group, const char *end)
{
    json_object_begin(w);
    json_key(w, "anyOf");
    json_array_begin(w);
    while (group < end) {
        const char *comma = memchr(group, ',', (size_t)(end - group));
        const char *stop = comma ? comma : end;
        json_object_begin(w);
        json_key(w, "required");
        json_array_begin(w);
        json_put_str(w, (struct str){group, (size_t)(stop - group)});
        json_array_end(w);
        json_object_end(w);
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
        for (const struct field *f = s->fields; f->name; f++)
            field_write(w, f);
        json_object_end(w);
        required_write(w, s->fields);
    }
    if (s->exactly_one)
        groups_write(w, s->exactly_one);
    json_key(w, "additionalProperties");
    if (s->items)
        schema_write(w, s->items, false);
    else
        json_put_bool(w, s->open);
}

static void count_write(struct json_writer *w, const struct schema *s, const char *least,
                        const char *most)
{
    if (s->count_min) {
        json_key(w, least);
        json_put_int(w, (int64_t)s->count_min);
    }
    if (s->count_max) {
        json_key(w, most);
        json_put_int(w, (int64_t)s->count_max);
    }
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
        put(w, "pattern", "^[a-z0-9][a-z0-9_-]{0,63}$");
    else if (s->format == FORMAT_ID)
        put(w, "pattern", ID_PATTERN);
    else if (s->format == FORMAT_TIME)
        put(w, "format", "date-time");
}

static void id_write(struct json_writer *w, const struct schema *s)
{
    struct schema text = *s;
    text.type = SCHEMA_STRING;
    text.name = text.help = text.example = NULL;
    json_key(w, "anyOf");
    json_array_begin(w);
    schema_write(w, &text, true);
    json_object_begin(w);
    put(w, "type", "integer");
    json_object_end(w);
    json_array_end(w);
}

static void number_write(struct json_writer *w, const struct schema *s)
{
    type_write(w, s->type == SCHEMA_INTEGER ? "integer" : "number", s->nullable);
    if (!s->bounded)
        return;
    json_key(w, "minimum");
    json_put_double(w, s->min);
    json_key(w, "maximum");
    json_put_double(w, s->max);
}

static void array_write(struct json_writer *w, const struct schema *s)
{
    type_write(w, "array", s->nullable);
    count_write(w, s, "minItems", "maxItems");
    json_key(w, "items");
    if (s->items)
        schema_write(w, s->items, false);
    else
        json_put_bool(w, true);
}

static void alternatives_write(struct json_writer *w, const struct schema *s)
{
    json_key(w, "oneOf");
    json_array_begin(w);
    for (size_t i = 0; s->alternatives[i]; i++)
        schema_write(w, s->alternatives[i], false);
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

/* `follow`: write a named schema out (under components) instead of referring to it. */
static void schema_write(struct json_writer *w, const struct schema *s, bool follow)
{
    json_object_begin(w);
    if (s->name && !follow) {
        char ref[96] = "#/components/schemas/";
        strncat(ref, s->name, sizeof ref - strlen(ref) - 1);
        put(w, "$ref", ref);
    } else {
        if (s->help)
            put(w, "description", s->help);
        kind_write(w, s);
        if (s->example) {
            json_key(w, "examples");
            json_array_begin(w);
            json_put_raw(w, str_c(s->example));
            json_array_end(w);
        }
    }
    json_object_end(w);
}

/* ---- parameters ---- */

static void parameter_write(struct json_writer *w, const struct field *f, const char *in)
{
    json_object_begin(w);
    put(w, "name", f->name);
    put(w, "in", in);
    if (f->help || f->schema->help)
        put(w, "description", f->help ? f->help : f->schema->help);
    json_key(w, "required");
    json_put_bool(w, f->required);
    if (f->schema->type == SCHEMA_ARRAY) {
        json_key(w, "explode");
        json_put_bool(w, true);
    }
    struct schema s = *f->schema;
    s.nullable = false; /* a query string has no null */
    s.help = NULL;
    json_key(w, "schema");
    schema_write(w, &s, true);
    if (s.example) {
        json_key(w, "example");
        json_put_raw(w, str_c(s.example));
    }
    json_object_end(w);
}

static struct str word_next(const char **words)
{
    const char *end = strchrnul(*words, ' ');
    struct str out = {*words, (size_t)(end - *words)};
    *words = *end ? end + 1 : end;
    return out;
}

static void header_parameter_write(struct json_writer *w, struct str name)
{
    static const struct {
        const char *name, *help;
    } helps[] = {
        {"If-Match", "the ETag that the document must still have, or *"},
        {"If-None-Match", "an ETag; with PUT, * for a document that must not exist yet"},
        {"Akin-Min-Position", "answer from a state at least as new as this Akin-Position"},
    };
    json_object_begin(w);
    json_key(w, "name");
    json_put_str(w, name);
    put(w, "in", "header");
    for (size_t i = 0; i < sizeof helps / sizeof *helps; i++)
        if (str_eq_c(name, helps[i].name))
            put(w, "description", helps[i].help);
    json_key(w, "required");
    json_put_bool(w, false);
    json_key(w, "schema");
    json_object_begin(w);
    put(w, "type", "string");
    json_object_end(w);
    json_object_end(w);
}

static void parameters_write(struct json_writer *w, const struct route *r)
{
    json_key(w, "parameters");
    json_array_begin(w);
    for (const char *at = strchr(r->path, '{'); at; at = strchr(at + 1, '{')) {
        struct str name = {at + 1, (size_t)(strchr(at, '}') - at - 1)};
        parameter_write(w, route_path_parameter(r, name), "path");
    }
    for (const struct field *f = r->query; f && f->name; f++)
        parameter_write(w, f, "query");
    for (const char *words = r->headers ? r->headers : ""; *words;)
        header_parameter_write(w, word_next(&words));
    json_array_end(w);
}

/* ---- bodies and answers ---- */

static void media_write(struct json_writer *w, const char *media, const struct schema *s)
{
    json_key(w, media);
    json_object_begin(w);
    json_key(w, "schema");
    schema_write(w, s, false);
    if (s->example) {
        json_key(w, "example");
        json_put_raw(w, str_c(s->example));
    }
    json_object_end(w);
}

static void body_write(struct json_writer *w, const struct route *r)
{
    static const struct schema lines = {.type = SCHEMA_STRING, .help = "one document a line"};
    json_key(w, "requestBody");
    json_object_begin(w);
    json_key(w, "required");
    json_put_bool(w, true);
    json_key(w, "content");
    json_object_begin(w);
    if (r->media & MEDIA_JSON)
        media_write(w, "application/json", r->body);
    if (r->media & MEDIA_MERGE_PATCH)
        media_write(w, "application/merge-patch+json", r->body);
    if (r->media & MEDIA_NDJSON)
        media_write(w, "application/x-ndjson", &lines);
    json_object_end(w);
    json_object_end(w);
}

static void answer_headers_write(struct json_writer *w, const char *headers)
{
    json_key(w, "headers");
    json_object_begin(w);
    for (const char *words = headers ? headers : ""; *words;) {
        struct str name = word_next(&words);
        char key[64];
        memcpy(key, name.s, name.n);
        key[name.n] = '\0';
        json_key(w, key);
        json_put_raw(w, STR("{\"required\":true,\"schema\":{\"type\":\"string\"}}"));
    }
    json_key(w, "Akin-Trace-Id");
    json_put_raw(w, STR("{\"description\":\"names this request in the "
                        "log\",\"schema\":{\"type\":\"string\"}}"));
    json_object_end(w);
}

static void answer_write(struct json_writer *w, const struct route *r, const struct answer *x)
{
    static const struct schema lines = {.type = SCHEMA_STRING,
                                        .help = "a row a line, then {done, failed, position}"};
    char status[8];
    status[0] = (char)('0' + x->status / 100);
    status[1] = (char)('0' + x->status / 10 % 10);
    status[2] = (char)('0' + x->status % 10);
    status[3] = '\0';
    json_key(w, status);
    json_object_begin(w);
    put(w, "description", x->help ? x->help : "done");
    answer_headers_write(w, x->headers);
    if (x->schema) {
        json_key(w, "content");
        json_object_begin(w);
        media_write(w, x->media ? x->media : "application/json", x->schema);
        if (r->media & MEDIA_NDJSON)
            media_write(w, "application/x-ndjson", &lines);
        json_object_end(w);
    }
    json_object_end(w);
}

static void problem_answer_write(struct json_writer *w, const struct route *r, const char *status)
{
    json_key(w, status);
    json_object_begin(w);
    json_key(w, "$ref");
    json_put_c(w, r->shape == SHAPE_OPENAI ? "#/components/responses/OpenAIError"
                  : r->shape == SHAPE_TEI  ? "#/components/responses/TEIError"
                                           : "#/components/responses/Problem");
    json_object_end(w);
}

static void answers_write(struct json_writer *w, const struct route *r)
{
    json_key(w, "responses");
    json_object_begin(w);
    for (const struct answer *x = r->answers; x->status; x++)
        answer_write(w, r, x);
    for (const char *words = r->problems ? r->problems : ""; *words;) {
        char status[8] = "";
        struct str word = word_next(&words);
        memcpy(status, word.s, word.n);
        problem_answer_write(w, r, status);
    }
    if (r->media) {
        problem_answer_write(w, r, "400");
        problem_answer_write(w, r, "413");
        problem_answer_write(w, r, "415");
    }
    if (r->shape != SHAPE_OPENAI && !r->any_query)
        problem_answer_write(w, r, "422");
    problem_answer_write(w, r, "default");
    json_object_end(w);
}

static void security_write(struct json_writer *w, const struct route *r)
{
    json_key(w, "security");
    json_put_raw(w,
                 r->scope == SCOPE_NONE ? STR("[]") : STR("[{},{\"bearer\":[]},{\"apiKey\":[]}]"));
}

static void operation_write(struct json_writer *w, const struct route *r)
{
    char method[8] = "";
    for (size_t i = 0; r->method[i]; i++)
        method[i] = (char)tolower((unsigned char)r->method[i]);
    json_key(w, method);
    json_object_begin(w);
    put(w, "operationId", r->name);
    put(w, "summary", r->help);
    json_key(w, "tags");
    json_array_begin(w);
    json_put_c(w, r->tag);
    json_array_end(w);
    parameters_write(w, r);
    if (r->media)
        body_write(w, r);
    answers_write(w, r);
    security_write(w, r);
    json_object_end(w);
}

/* ---- the document ---- */

static bool path_seen(unsigned before, const char *path)
{
    for (unsigned i = 0; i < before; i++)
        if (!strcmp(routes[i].path, path))
            return true;
    return false;
}

static void paths_write(struct json_writer *w)
{
    json_key(w, "paths");
    json_object_begin(w);
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        if (path_seen(i, routes[i].path))
            continue;
        json_key(w, routes[i].path);
        json_object_begin(w);
        for (unsigned j = i; j < ROUTE_COUNT; j++)
            if (!strcmp(routes[j].path, routes[i].path))
                operation_write(w, &routes[j]);
        json_object_end(w);
    }
    json_object_end(w);
}

static void response_write(struct json_writer *w, const char *name, const char *media,
                           const struct schema *s)
{
    json_key(w, name);
    json_object_begin(w);
    put(w, "description", "what is wrong, and what would be right");
    answer_headers_write(w, NULL);
    json_key(w, "content");
    json_object_begin(w);
    media_write(w, media, s);
    json_object_end(w);
    json_object_end(w);
}

static void components_write(struct json_writer *w)
{
    struct named n = {.count = 0};
    named_all(&n);
    json_key(w, "components");
    json_object_begin(w);
    json_key(w, "schemas");
    json_object_begin(w);
    for (unsigned i = 0; i < n.count; i++) {
        json_key(w, n.list[i]->name);
        schema_write(w, n.list[i], true);
    }
    json_object_end(w);
    json_key(w, "responses");
    json_object_begin(w);
    response_write(w, "Problem", "application/problem+json", &schema_problem);
    response_write(w, "OpenAIError", "application/json", &schema_openai_error);
    response_write(w, "TEIError", "application/json", &schema_tei_error);
    json_object_end(w);
    json_key(w, "securitySchemes");
    json_put_raw(w,
                 STR("{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                     "\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}}"));
    json_object_end(w);
}

void api_openapi(struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object_begin(&w);
    put(&w, "openapi", "3.1.0");
    json_key(&w, "info");
    json_object_begin(&w);
    put(&w, "title", "akin");
    put(&w, "version", AKIN_VERSION);
    put(&w, "description",
        "Documents in; what matches, what is alike, and what a reader should see next out.");
    json_key(&w, "license");
    json_put_raw(&w, STR("{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}"));
    json_object_end(&w);
    json_key(&w, "servers");
    json_put_raw(&w, STR("[{\"url\":\"/\"}]"));
    paths_write(&w);
    components_write(&w);
    json_object_end(&w);
}
