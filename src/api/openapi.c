#include "api/api.h"
#include "api/openapi.h"
#include "api/routes.h"
#include "api/schemas.h"
#include "api/validate.h"
#include "base/json.h"
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* /openapi.json from the table. Named schemas are collected first, in order of their appearance,
 * then written once under components; elsewhere they are references. */

/* ---- collecting ---- */

void schema_names_add(struct schema_names *n, const struct schema *s)
{
    if (!s)
        return;
    if (s->name) {
        for (unsigned i = 0; i < n->count; i++)
            if (n->list[i] == s)
                return;
        assert(n->count < SCHEMA_NAMES_MAX);
        n->list[n->count++] = s;
    }
    for (const struct field *f = s->fields; f && f->name; f++)
        schema_names_add(n, f->schema);
    schema_names_add(n, s->extends);
    schema_names_add(n, s->items);
    for (size_t i = 0; s->alternatives && s->alternatives[i]; i++)
        schema_names_add(n, s->alternatives[i]);
}

/* How routes of each shape say what is wrong: a response of the components. */
static const struct {
    const char *name, *media;
    const struct schema *schema;
} refusals[] = {
    [SHAPE_PROBLEM] = {"Problem", "application/problem+json", &schema_problem},
    [SHAPE_OPENAI] = {"OpenAIError", "application/json", &schema_openai_error},
    [SHAPE_TEI] = {"TEIError", "application/json", &schema_tei_error},
    [SHAPE_RPC] = {"RPCError", "application/json", &schema_rpc_error},
};
#define SHAPES (sizeof refusals / sizeof *refusals)

static void named_all(struct schema_names *n)
{
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        schema_names_add(n, routes[i].body);
        for (const struct field *f = routes[i].query; f && f->name; f++)
            schema_names_add(n, f->schema);
        for (const struct answer *x = routes[i].answers; x && x->status; x++)
            schema_names_add(n, x->schema);
    }
    for (size_t i = 0; i < SHAPES; i++)
        schema_names_add(n, refusals[i].schema);
}

/* ---- parameters ---- */

static void media_write(struct json_writer *w, const char *media, const struct schema *s)
{
    json_key(w, media);
    json_object_begin(w);
    json_key(w, "schema");
    openapi_schema(w, s, false);
    if (s->example) {
        json_key(w, "example");
        json_put_raw(w, str_c(s->example));
    }
    json_object_end(w);
}

static void parameter_write(struct json_writer *w, const struct field *f, const char *in)
{
    json_object_begin(w);
    openapi_put(w, "name", f->name);
    openapi_put(w, "in", in);
    if (f->help || f->schema->help)
        openapi_put(w, "description", f->help ? f->help : f->schema->help);
    json_key_bool(w, "required", f->required);
    if (parameter_is_json(f->schema)) {
        json_key(w, "content");
        json_object_begin(w);
        media_write(w, "application/json", f->schema);
        json_object_end(w);
        json_object_end(w);
        return;
    }
    if (f->schema->type == SCHEMA_ARRAY)
        json_key_bool(w, "explode", true);
    struct schema s = *f->schema;
    s.nullable = false; /* a query string has no null */
    s.help = NULL;
    json_key(w, "schema");
    openapi_schema(w, &s, true);
    if (s.example) {
        json_key(w, "example");
        json_put_raw(w, str_c(s.example));
    }
    json_object_end(w);
}

enum { WORD = 64 };

static const char *word_next(const char **words, char out[WORD])
{
    const char *end = strchrnul(*words, ' ');
    snprintf(out, WORD, "%.*s", (int)(end - *words), *words);
    *words = *end ? end + 1 : end;
    return out;
}

static void header_parameter_write(struct json_writer *w, const struct route *r, const char *name)
{
    static const struct schema etags = {
        .type = SCHEMA_STRING,
        .pattern = "^\\s*([*]|(W/)?\"[^\"]*\"(\\s*,\\s*(W/)?\"[^\"]*\")*)?\\s*$",
        .example = "\"\\\"17\\\"\""};
    static const struct schema none = {
        .type = SCHEMA_STRING, .pattern = "^\\s*[*]?\\s*$", .example = "\"*\""};
    static const struct schema once = {
        .type = SCHEMA_STRING,
        .pattern = "^(\"([!#-\\[\\]-~]|\\\\[!-~]){1,255}\"|[!#-~][!-~]{0,254})$",
        .example = "\"9f86d081884c7d65\""};
    static const struct {
        const char *name, *help;
        const struct schema *schema;
        bool reading; /* of routes without a body alone */
    } known[] = {
        {"If-Match", "the ETag that the document must still have, or *", &etags, false},
        {"If-None-Match", "the ETag of what is there already: then the answer is 304", &etags,
         true},
        {"If-None-Match", "*: the document must not exist yet", &none, false},
        {"Idempotency-Key",
         "1 to 255 characters of visible ASCII: sent again with the same key, this is not done "
         "again, and its answer is given again",
         &once, false},
        {"Akin-Min-Position", "answer from a state at least as new as this Akin-Position",
         &schema_position, false},
    };
    size_t i = 0, count = sizeof known / sizeof *known;
    while (i < count && (strcmp(name, known[i].name) != 0 || (known[i].reading && r->media)))
        i++;
    json_object_begin(w);
    openapi_put(w, "name", name);
    openapi_put(w, "in", "header");
    if (i < count)
        openapi_put(w, "description", known[i].help);
    json_key_bool(w, "required", false);
    json_key(w, "schema");
    openapi_schema(w, i < count ? known[i].schema : &schema_string, true);
    json_object_end(w);
}

static void parameters_write(struct json_writer *w, const struct route *r)
{
    char word[WORD];
    json_key(w, "parameters");
    json_array_begin(w);
    for (const char *at = strchr(r->path, '{'); at; at = strchr(at + 1, '{')) {
        struct str name = {at + 1, (size_t)(strchr(at, '}') - at - 1)};
        parameter_write(w, route_path_parameter(r, name), "path");
    }
    for (const struct field *f = r->query; f && f->name; f++)
        parameter_write(w, f, "query");
    for (const char *words = r->headers ? r->headers : ""; *words;)
        header_parameter_write(w, r, word_next(&words, word));
    if (r->keeps)
        header_parameter_write(w, r, "Idempotency-Key");
    json_array_end(w);
}

/* ---- bodies and answers ---- */

static void body_write(struct json_writer *w, const struct route *r)
{
    static const struct schema lines = {.type = SCHEMA_STRING, .help = "one document a line"};
    json_key(w, "requestBody");
    json_object_begin(w);
    json_key_bool(w, "required", !r->body_optional);
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

static void answer_headers_write(struct json_writer *w, const char *headers, bool repeated)
{
    char word[WORD];
    json_key(w, "headers");
    json_object_begin(w);
    for (const char *words = headers ? headers : ""; *words;) {
        json_key(w, word_next(&words, word));
        json_put_raw(w, STR("{\"required\":true,\"schema\":{\"type\":\"string\"}}"));
    }
    if (repeated) {
        json_key(w, "Idempotency-Replayed");
        json_put_raw(w,
                     STR("{\"description\":\"true: the kept answer to the same "
                         "Idempotency-Key\",\"schema\":{\"type\":\"string\",\"const\":\"true\"}}"));
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
    char status[12];
    snprintf(status, sizeof status, "%d", x->status);
    json_key(w, status);
    json_object_begin(w);
    openapi_put(w, "description", x->help ? x->help : "done");
    answer_headers_write(w, x->headers, r->keeps & KEEPS_ANSWER);
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
    char ref[64];
    snprintf(ref, sizeof ref, "#/components/responses/%s", refusals[r->shape].name);
    json_key(w, status);
    json_object_begin(w);
    openapi_put(w, "$ref", ref);
    if (!strcmp(status, "429"))
        openapi_put(w, "description",
                    "more than a limit allows; a client that is refused more than ten times a "
                    "second is told so about a second later");
    json_object_end(w);
}

static void answers_write(struct json_writer *w, const struct route *r)
{
    char word[WORD];
    json_key(w, "responses");
    json_object_begin(w);
    for (const struct answer *x = r->answers; x->status; x++)
        answer_write(w, r, x);
    for (const char *words = r->problems ? r->problems : ""; *words;)
        problem_answer_write(w, r, word_next(&words, word));
    if (r->keeps && !(r->problems && strstr(r->problems, "409")))
        problem_answer_write(w, r, "409");
    if (r->media) {
        problem_answer_write(w, r, "400");
        problem_answer_write(w, r, "413");
        problem_answer_write(w, r, "415");
    }
    if (r->shape != SHAPE_OPENAI && r->shape != SHAPE_RPC && !r->any_query)
        problem_answer_write(w, r, "422");
    if (r->scopes & SCOPE_OPEN) {
        problem_answer_write(w, r, "421");
    } else {
        problem_answer_write(w, r, "401");
        problem_answer_write(w, r, "403");
        if (r->shape != SHAPE_TEI) /* these tell of a full queue by it */
            problem_answer_write(w, r, "429");
    }
    problem_answer_write(w, r, "default");
    json_object_end(w);
}

/* Without keys (loopback, none configured) everything is open, hence the {}. */
static void security_write(struct json_writer *w, const struct route *r)
{
    bool open = r->scopes & SCOPE_OPEN;
    json_key(w, "security");
    json_put_raw(w, open ? STR("[]") : STR("[{},{\"bearer\":[]},{\"apiKey\":[]}]"));
    if (open)
        return;
    json_key(w, "x-akin-scopes"); /* any one of them */
    json_array_begin(w);
    for (unsigned i = 0; i < SCOPE_COUNT; i++)
        if (r->scopes & 1u << i)
            json_put_c(w, scope_name(i));
    json_array_end(w);
}

/* The first sentence of a route's help is its summary. */
static struct str sentence_first(const char *help)
{
    const char *end = strstr(help, ". ");
    size_t n = end ? (size_t)(end - help) : strlen(help);
    return (struct str){help, n - (!end && n && help[n - 1] == '.')};
}

static void operation_write(struct json_writer *w, const struct route *r)
{
    char method[8] = "";
    for (size_t i = 0; r->method[i]; i++)
        method[i] = (char)tolower((unsigned char)r->method[i]);
    json_key(w, method);
    json_object_begin(w);
    openapi_put(w, "operationId", r->name);
    json_key_str(w, "summary", sentence_first(r->help));
    openapi_put(w, "description", r->help);
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

static void tags_write(struct json_writer *w)
{
    static const char *const tags[][2] = {
        {"collections", "Collections and their settings"},
        {"documents", "What is searched: add, read, change, delete"},
        {"find", "Search, alike documents, facets, labels"},
        {"readers", "Readers, what they did, and what they should see next"},
        {"experiments", "Ways to recommend, compared on readers"},
        {"scores", "Scores that are made elsewhere and join the blend"},
        {"models", "Embedding versions, recommenders and the models that make vectors"},
        {"inference", "Vectors of texts, as OpenAI and Text Embeddings Inference have it"},
        {"mcp", "The Model Context Protocol, for assistants"},
        {"tasks", "Work in the background"},
        {"work", "Changes, backups, checks"},
        {"keys", "Who may do what"},
        {"ops", "Health, metrics, this description"},
    };
    json_key(w, "tags");
    json_array_begin(w);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        json_object_begin(w);
        openapi_put(w, "name", tags[i][0]);
        openapi_put(w, "description", tags[i][1]);
        json_object_end(w);
    }
    json_array_end(w);
}

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
    openapi_put(w, "description", "what is wrong, and what would be right");
    answer_headers_write(w, NULL, false);
    json_key(w, "content");
    json_object_begin(w);
    media_write(w, media, s);
    json_object_end(w);
    json_object_end(w);
}

static void components_write(struct json_writer *w)
{
    struct schema_names n = {.count = 0};
    named_all(&n);
    json_key(w, "components");
    json_object_begin(w);
    json_key(w, "schemas");
    json_object_begin(w);
    for (unsigned i = 0; i < n.count; i++) {
        json_key(w, n.list[i]->name);
        openapi_schema(w, n.list[i], true);
    }
    json_object_end(w);
    json_key(w, "responses");
    json_object_begin(w);
    for (size_t i = 0; i < SHAPES; i++)
        response_write(w, refusals[i].name, refusals[i].media, refusals[i].schema);
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
    openapi_put(&w, "openapi", "3.1.0");
    json_key(&w, "info");
    json_object_begin(&w);
    openapi_put(&w, "title", "akin");
    openapi_put(&w, "version", AKIN_VERSION);
    openapi_put(
        &w, "description",
        "Documents in; what matches, what is alike, and what a reader should see next out. What "
        "never becomes a request is answered without a problem document: a request line or headers "
        "of more than 32 KiB (414, 431), a head or chunks that cannot be read (400), a version "
        "other than HTTP/1.x (505), a head that came too slowly (408).");
    json_key(&w, "license");
    json_put_raw(&w, STR("{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}"));
    json_object_end(&w);
    json_key(&w, "servers");
    json_put_raw(&w, STR("[{\"url\":\"/\"}]"));
    tags_write(&w);
    paths_write(&w);
    components_write(&w);
    json_object_end(&w);
}
