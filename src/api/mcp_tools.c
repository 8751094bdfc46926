#include "api/authenticate.h"
#include "api/bounds.h"
#include "api/mcp.h"
#include "api/openapi.h"
#include "api/schemas.h"
#include "api/server.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

struct tool {
    const char *name, *title, *help;
    enum route_id route;
    const char *body; /* the argument that is the route's body; NULL: its fields are arguments */
    bool writes, replaces; /* and may put what it writes in the place of something */
};

static const struct tool tools[] = {
    {"search", "Search",
     "Find documents of a collection by words, by meaning, or by both (mode hybrid, the default). "
     "q is a question or some words in plain language; filter narrows. Each hit has the document "
     "and the passage that fits best.",
     ROUTE_SEARCH, NULL, false, false},
    {"similar", "Find similar",
     "Find documents that are like given ones (id, ids), like a text, or like a vector.",
     ROUTE_SIMILAR, NULL, false, false},
    {"recommend", "Recommend",
     "What a reader should see next: for a user whose feedback is known, or from examples "
     "(positive, negative, session). The answer is logged under its recommendation_id, which "
     "give_feedback can name.",
     ROUTE_RECOMMEND, NULL, true, false},
    {"get_document", "Get a document", "Read one document, whole, by its id.", ROUTE_DOCUMENT_GET,
     NULL, false, false},
    {"add_document", "Add a document",
     "Store a document, which is found at once. One with the id of an existing document takes its "
     "place.",
     ROUTE_DOCUMENTS_ADD, "document", true, true},
    {"give_feedback", "Give feedback",
     "Write down what a reader (user) did with a document: read, liked, bought and the like. It "
     "counts in the next recommendation.",
     ROUTE_FEEDBACK_ADD, NULL, true, false},
};
#define TOOL_COUNT (sizeof tools / sizeof *tools)

const char *tool_name(const struct tool *t)
{
    return t->name;
}

/* ---- arguments ---- */

/* What all arguments together are held to: the collection, names in the route's path, its body. */
struct arguments {
    struct field own[4];
    struct schema all;
};

/* Of a body that may also be an array of such, one. */
static const struct schema *body_schema(const struct tool *t)
{
    const struct schema *s = routes[t->route].body;
    if (s && s->type == SCHEMA_ONE_OF)
        s = s->alternatives[0];
    assert(!s || (s->type == SCHEMA_OBJECT && !s->extends));
    return s;
}

static void arguments_of(const struct tool *t, struct arguments *out)
{
    const struct schema *body = body_schema(t);
    unsigned n = 0;
    *out = (struct arguments){.all = {.type = SCHEMA_OBJECT}};
    out->own[n++] = (struct field){
        .name = "collection",
        .schema = &schema_path_name,
        .help = "name of the collection; may be left out where there is only one",
    };
    if (strstr(routes[t->route].path, "/{id}"))
        out->own[n++] = (struct field){.name = "id", .schema = &schema_id, .required = true};
    if (t->body)
        out->own[n++] = (struct field){.name = t->body, .schema = body, .required = true};
    else if (body) {
        assert(!schema_field(body->fields, "collection"));
        out->all.extends = body;
        out->all.exactly_one = body->exactly_one;
    }
    out->all.fields = out->own;
}

/* ---- the list ---- */

/* A schema that stands alone: what it refers to goes along under $defs. */
static void schema_put(struct json_writer *w, const struct schema *s)
{
    struct strbuf text, defs;
    struct json_writer inner;
    struct schema_names names = {.count = 0};
    strbuf_init(&text, 0);
    json_writer_init(&inner, &text);
    openapi_schema(&inner, s, true);
    for (const struct schema *x = s; x; x = x->extends)
        for (const struct field *f = x->fields; f && f->name; f++)
            schema_names_add(&names, f->schema);
    strbuf_init(&defs, 0);
    json_writer_init(&inner, &defs);
    json_object_begin(&inner);
    for (unsigned i = 0; i < names.count; i++) {
        json_key(&inner, names.list[i]->name);
        openapi_schema(&inner, names.list[i], true);
    }
    json_object_end(&inner);
    text.n--; /* the brace that closes it */
    strbuf_add_c(&text, ",\"$defs\":");
    strbuf_add_str(&text, strbuf_str(&defs));
    strbuf_add_char(&text, '}');
    openapi_rebase(w, strbuf_str(&text), "#/$defs/");
    strbuf_release(&text);
    strbuf_release(&defs);
}

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
    a.all.exactly_one = NULL; /* said in words: models' providers refuse a oneOf at the top */
    json_key(w, "inputSchema");
    schema_put(w, &a.all);
    json_key(w, "outputSchema");
    schema_put(w, routes[t->route].answers[0].schema);
    hints_put(w, t);
    json_object_end(w);
}

void tools_put(struct call *c, struct json_writer *w)
{
    for (size_t i = 0; i < TOOL_COUNT; i++)
        if (authorize(&c->caller, routes[tools[i].route].scopes, STR("")) == ACCESS_ALLOWED)
            tool_put(w, &tools[i]);
}

/* ---- the collection ---- */

#define NAMES_SHOWN 10

static enum err collection_ambiguous(struct call *c, const struct collection_info *known,
                                     size_t count, struct err_info *e)
{
    char text[256] = "";
    size_t n = 0;
    unsigned scopes = routes[ROUTE_COLLECTIONS_LIST].scopes;
    if (authorize(&c->caller, scopes, STR("")) != ACCESS_ALLOWED && !c->caller.collection_count)
        count = 0; /* may not list them */
    for (size_t i = 0; i < count && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i ? ", " : ": ",
                              STR_ARG(known[i].name));
    return err_set(e, ERR_INVALID, "/collection", "is missing, and there are several%.*s%s",
                   (int)sizeof text, text, n >= sizeof text || count == NAMES_SHOWN ? " ..." : "");
}

static enum err collection_default(struct call *c, struct str *out, struct err_info *e)
{
    struct collection_info known[NAMES_SHOWN];
    size_t count;
    enum err err = collections_known(c, STR(""), NAMES_SHOWN, known, &count, e);
    if (err)
        return err;
    if (count > 1)
        return collection_ambiguous(c, known, count, e);
    if (!count)
        return err_set(e, ERR_NOT_FOUND, "/collection", "there is no collection yet");
    *out = known[0].name;
    return ERR_OK;
}

/* ---- a call ---- */

/* The route has answered: its answer is the tool's. */
static void tool_reply(struct call *c, int status, struct strbuf *answer)
{
    char number[16];
    struct response out;
    struct str text = answer ? str_trim(strbuf_str(answer)) : STR("");
    bool failed = status >= 400 || !text.n;
    snprintf(number, sizeof number, "%d", status);
    counter_add(counter_of(c->api->tool_calls, (const char *const[]){c->rpc->tool->name, number}),
                1);
    c->route = &routes[ROUTE_MCP];
    c->within = NULL;
    struct json_writer *w = rpc_result_begin(c, &out);
    json_key(w, "content");
    json_array_begin(w);
    json_object_begin(w);
    json_key_c(w, "type", "text");
    json_key_str(w, "text", text.n ? text : STR("nothing has changed"));
    json_object_end(w);
    json_array_end(w);
    if (!failed) {
        json_key(w, "structuredContent");
        json_put_raw(w, text);
    }
    json_key_bool(w, "isError", failed);
    if (answer)
        strbuf_release(answer);
    rpc_result_send(c, &out);
}

static void match_add(struct call *c, const char *name, struct str value)
{
    c->match.names[c->match.count] = str_c(name);
    c->match.values[c->match.count++] = arena_str(c->arena, value);
}

static bool refused_by_arguments(struct call *c, const struct tool *t)
{
    struct arguments a;
    struct faults *f = arena_alloc(c->arena, sizeof *f);
    arguments_of(t, &a);
    faults_init(f, c->arena);
    validate_value(&a.all, c->body, "", f);
    if (!f->total)
        return false;
    call_faults(c, f);
    return true;
}

static bool refused_by_place(struct call *c)
{
    struct err_info e = {0};
    struct str name = input_str(c->body, "collection");
    if (!name.n && collection_default(c, &name, &e)) {
        call_error(c, &e);
        return true;
    }
    match_add(c, "c", name);
    return refused_by_collection(c) || refused_by_bounds(c);
}

/* What is left once the names of the path are taken out is the body; a route without one takes its
 * parameters instead, of which none is an argument. */
static void body_take(struct call *c, const struct tool *t)
{
    struct str id = input_id(c->arena, c->body, "id");
    if (strstr(c->route->path, "/{id}"))
        match_add(c, "id", id);
    if (t->body) {
        json_t *body = json_incref(json_object_get(c->body, t->body));
        json_decref(c->body);
        c->body = body;
        c->within = arena_printf(c->arena, "/%s", t->body);
    } else {
        json_object_del(c->body, "collection");
    }
    c->input = c->route->media ? c->body : c->query;
}

static void tool_run(struct call *c, const struct tool *t, json_t *arguments)
{
    struct err_info e = {0};
    json_decref(c->body);
    c->input = c->body = arguments;
    c->rpc->tool = t;
    c->reply = tool_reply;
    c->route = &routes[t->route];
    c->match = (struct route_match){.route = c->route};
    if (refused_by_scope(c) || refused_by_arguments(c, t))
        return;
    if (call_wait_position(c, &e)) {
        call_error(c, &e);
        return;
    }
    if (refused_by_place(c))
        return;
    body_take(c, t);
    if (!refused_by_reader_rate(c))
        route_run(c);
}

void tool_call(struct call *c, const json_t *params)
{
    struct str name = input_str(params, "name");
    json_t *arguments = json_object_get(params, "arguments");
    if (!name.n) {
        rpc_error(c, RPC_BAD_PARAMS, "params.name must be the name of a tool");
        return;
    }
    if (arguments && !json_is_object(arguments)) {
        rpc_error(c, RPC_BAD_PARAMS, "params.arguments must be an object");
        return;
    }
    for (size_t i = 0; i < TOOL_COUNT; i++)
        if (str_eq_c(name, tools[i].name)) {
            tool_run(c, &tools[i], arguments ? json_incref(arguments) : json_object());
            return;
        }
    rpc_error(c, RPC_BAD_PARAMS,
              arena_printf(c->arena, "there is no tool \"%.*s\"; tools/list names them",
                           (int)str_utf8_cut(name, 80), name.s));
}
