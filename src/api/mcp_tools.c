#include "api/authenticate.h"
#include "api/mcp.h"
#include "api/openapi.h"
#include "api/schemas.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* A row of a table names what it has; the rest is zero by intention. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define TAKES(...) ((const struct argument[]){__VA_ARGS__, {NULL}})
#define PAGE                                                                                       \
    {"filter", "which documents may be in the answer: lang = \"en\" AND (year >= 2020 OR tags IN " \
               "[\"a\",\"b\"]) AND NOT hidden = true; also price 10 TO 20, author.name EXISTS, "   \
               "created >= 2026-01-01, geo(place, 52.5, 13.4) <= 10km. Fields: id, lang, tags, "   \
               "created, updated, attributes by name"},                                            \
        {"limit", "how many at most", "10"},                                                       \
        {"fields",                                                                                 \
         "what of each document comes back: title, text (the whole of it), attributes.year",       \
         "[\"title\",\"url\",\"tags\",\"attributes\"]"},                                           \
    {                                                                                              \
        "cursor", "next_cursor of the answer before; the other arguments as they were"             \
    }
#define SNIPPET                                                                                    \
    {                                                                                              \
        "snippet_length", "characters of the text that each hit shows, from where it fits best",   \
            "500"                                                                                  \
    }
#define HITS "data.id data.score data.snippet.text data.document total next_cursor "

static const struct tool tools[] = {
    {"search", "Search",
     "Find documents of a collection by words and by meaning. Each hit shows the part of its text "
     "that fits best; get_document reads the whole.",
     ROUTE_SEARCH,
     .takes =
         TAKES({"q", "a question, or some words; \"a phrase\" must be there as it stands, "
                     "-word must not. Empty: all that the filter passes"},
               {"mode"}, PAGE, SNIPPET, {"sort", "year:desc,title; without it the best come first"},
               {"facets", "fields whose values are counted among all that match: tags,year"}),
     .answer = HITS "facets degraded"},
    {"similar", "Find similar", "Find documents that are like given ones, or like a text.",
     ROUTE_SIMILAR,
     .takes =
         TAKES({"id", "of a document"}, {"ids", "of several: what is like all of them"},
               {"text", "of any length"}, {"exclude", "ids that are not wanted"}, PAGE, SNIPPET),
     .answer = HITS},
    {"recommend", "Recommend",
     "What a reader should see next: for a user whose feedback is known, by documents (positive, "
     "negative, session: ids), by a text, or by several of these. Feedback on what is shown can "
     "name the recommendation_id.",
     ROUTE_RECOMMEND,
     .takes = TAKES({"user"}, {"positive"}, {"negative"}, {"session"}, {"text"},
                    {"exclude", "ids that are not wanted"}, PAGE),
     .answer = "data.id data.score data.source data.document recommendation_id next_cursor "
               "emptied_by",
     .writes = true},
    {"get_document", "Get a document",
     "Read one document, whole, by its id. Of a very long one, search with filter id = \"...\" "
     "shows "
     "the part that fits a question.",
     ROUTE_DOCUMENT_GET},
    {"add_document", "Add a document",
     "Store a document, which is found at once. One with the id of an existing document takes its "
     "place.",
     ROUTE_DOCUMENTS_ADD, .body = "document",
     .takes = TAKES({"id"}, {"title"}, {"text"}, {"url"}, {"tags"}, {"attributes"}), .writes = true,
     .replaces = true},
    {"give_feedback", "Give feedback",
     "Write down what a reader did with a document. It counts in the next recommendation.",
     ROUTE_FEEDBACK_ADD,
     .takes = TAKES({"user", "the reader's id"}, {"document", "the document's id"}, {"type"},
                    {"value", "of rate"},
                    {"recommendation_id", "of the answer in which the document was shown"}),
     .writes = true},
};
#define TOOL_COUNT (sizeof tools / sizeof *tools)

const struct tool *tool_find(struct str name)
{
    for (size_t i = 0; i < TOOL_COUNT; i++)
        if (str_eq_c(name, tools[i].name))
            return &tools[i];
    return NULL;
}

/* ---- arguments ---- */

/* Of a body that may also be an array of such, one. */
static const struct schema *body_schema(const struct tool *t)
{
    const struct schema *s = routes[t->route].body;
    if (s && s->type == SCHEMA_ONE_OF)
        s = s->alternatives[0];
    assert(!s || (s->type == SCHEMA_OBJECT && !s->extends));
    return s;
}

/* Those fields of the body that the tool takes, with its own words and defaults. */
static void fields_taken(const struct tool *t, const struct schema *body, struct field *out)
{
    for (const struct argument *a = t->takes; a->name; a++, out++) {
        const struct field *f = schema_field(body->fields, a->name);
        assert(f);
        *out = *f;
        out->help = a->help ? a->help : f->help;
        out->fallback = a->fallback ? a->fallback : f->fallback;
    }
    *out = (struct field){NULL};
}

/* What is left of "id|ids|vector" if no vector is taken. */
static const char *choices_taken(const char *choices, const struct field *taken, char out[64])
{
    size_t n = 0;
    while (*choices) {
        const char *end = strchrnul(choices, '|');
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(end - choices), choices);
        if (schema_field(taken, name))
            n += (size_t)snprintf(out + n, 64 - n, "%s%s", n ? "|" : "", name);
        assert(n < 64);
        choices = *end ? end + 1 : end;
    }
    return out;
}

void arguments_of(const struct tool *t, struct arguments *out)
{
    const struct schema *body = body_schema(t);
    struct field *own = out->own;
    *out = (struct arguments){.all = {.type = SCHEMA_OBJECT, .fields = out->own}};
    *own++ = (struct field){
        .name = "collection",
        .schema = &schema_path_name,
        .help = "its name; may be left out where there is only one",
    };
    if (strstr(routes[t->route].path, "/{id}"))
        *own++ = (struct field){
            .name = "id", .schema = &schema_id, .required = true, .help = "of the document"};
    if (t->body) {
        out->body = *body;
        out->body.fields = out->inner;
        fields_taken(t, body, out->inner);
        *own++ = (struct field){.name = t->body, .schema = &out->body, .required = true};
    } else if (body) {
        assert(!schema_field(body->fields, "collection"));
        fields_taken(t, body, own);
        if (body->exactly_one)
            out->all.exactly_one = choices_taken(body->exactly_one, own, out->choices);
    }
}

/* ---- the list ---- */

static void help_put(struct json_writer *w, const struct tool *t, const struct arguments *a)
{
    char words[160], text[800];
    if (a->all.exactly_one)
        choices_words(a->all.exactly_one, words, sizeof words);
    snprintf(text, sizeof text, "%s%s%s%s", t->help, a->all.exactly_one ? " Takes exactly " : "",
             a->all.exactly_one ? words : "", a->all.exactly_one ? "." : "");
    json_key_c(w, "description", text);
}

/* Clients take a tool that says nothing for one that destroys and reaches out. */
static void hints_put(struct json_writer *w, const struct tool *t)
{
    json_key(w, "annotations");
    json_object_begin(w);
    json_key_bool(w, "readOnlyHint", !t->writes);
    json_key_bool(w, "destructiveHint", t->replaces);
    json_key_bool(w, "idempotentHint", !t->writes);
    json_key_bool(w, "openWorldHint", false);
    json_object_end(w);
}

static void tool_put(struct json_writer *w, const struct tool *t)
{
    struct arguments a;
    arguments_of(t, &a);
    json_object_begin(w);
    json_key_c(w, "name", t->name);
    json_key_c(w, "title", t->title);
    help_put(w, t, &a);
    json_key(w, "inputSchema");
    openapi_plain(w, &a.all);
    hints_put(w, t);
    json_object_end(w);
}

void tools_put(struct call *c, struct json_writer *w)
{
    for (size_t i = 0; i < TOOL_COUNT; i++)
        if (authorize(&c->caller, routes[tools[i].route].scopes, STR("")) == ACCESS_ALLOWED)
            tool_put(w, &tools[i]);
}
