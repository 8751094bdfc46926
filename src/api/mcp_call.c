#include "api/authenticate.h"
#include "api/bounds.h"
#include "api/mcp.h"
#include "api/server.h"
#include <stdio.h>
#include <string.h>

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

/* ---- the answer ---- */

/* Is `path` on the list? `part`: something within it is. */
static bool shown(const char *list, struct str path, bool *part)
{
    *part = false;
    while (*list) {
        struct str one = {list, (size_t)(strchrnul(list, ' ') - list)};
        if (str_eq(one, path))
            return true;
        *part |= one.n > path.n && str_starts(one, path) && one.s[path.n] == '.';
        list += one.n + (list[one.n] != '\0');
    }
    return false;
}

/* Takes away what is not on the list. Of an array's items each has the array's path. */
static void cut(struct arena *a, json_t *v, const char *list, const char *path)
{
    const char *key;
    json_t *member;
    void *next;
    size_t i;
    json_array_foreach(v, i, member)
    {
        cut(a, member, list, path);
    }
    json_object_foreach_safe(v, next, key, member)
    {
        bool part;
        const char *at = arena_printf(a, "%s%s%s", path, *path ? "." : "", key);
        if (shown(list, str_c(at), &part))
            continue;
        if (part)
            cut(a, member, list, at);
        else
            json_object_del(v, key);
    }
}

/* What a model is shown of the answer, in the call's arena. The whole of one that nests too deep to
 * be read. */
static struct str answer_cut(struct call *c, struct str answer)
{
    struct strbuf text;
    struct json_writer w;
    struct err_info e;
    json_t *v;
    if (!c->rpc->tool->answer || json_parse_within(answer, JSON_BYTES_MAX, &v, &e))
        return answer;
    cut(c->arena, v, c->rpc->tool->answer, "");
    strbuf_init(&text, 0);
    json_writer_init(&w, &text);
    json_put_value(&w, v);
    struct str out = arena_str(c->arena, strbuf_str(&text));
    strbuf_release(&text);
    json_decref(v);
    return out;
}

/* The route has answered: its answer is the tool's. As text alone: some programs give a model the
 * structuredContent too that may stand beside it. */
static void tool_reply(struct call *c, int status, struct strbuf *answer)
{
    char number[16];
    struct response out;
    struct str text = answer ? str_trim(strbuf_str(answer)) : STR("");
    bool failed = status >= 400 || !text.n;
    if (!failed)
        text = answer_cut(c, text);
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
    json_key_bool(w, "isError", failed);
    if (answer)
        strbuf_release(answer);
    rpc_result_send(c, &out);
}

/* ---- a call ---- */

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

/* Where the tool's default is not the route's, the route is told. */
static void defaults_set(struct call *c, const struct tool *t)
{
    struct err_info e;
    json_t *value;
    for (const struct argument *a = t->takes; a && a->name; a++)
        if (a->fallback && !json_object_get(c->body, a->name) &&
            !json_parse(str_c(a->fallback), &value, &e))
            json_object_set_new(c->body, a->name, value);
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
        defaults_set(c, t);
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
    const struct tool *tool = tool_find(name);
    if (!name.n) {
        rpc_error(c, RPC_BAD_PARAMS, "params.name must be the name of a tool");
        return;
    }
    if (arguments && !json_is_object(arguments)) {
        rpc_error(c, RPC_BAD_PARAMS, "params.arguments must be an object");
        return;
    }
    if (!tool) {
        rpc_error(c, RPC_BAD_PARAMS,
                  arena_printf(c->arena, "there is no tool \"%.*s\"; tools/list names them",
                               (int)str_utf8_cut(name, 80), name.s));
        return;
    }
    tool_run(c, tool, arguments ? json_incref(arguments) : json_object());
}
