#include "api/cursor.h"
#include "api/mcp.h"
#include "api/routes.h"
#include "api/server.h"
#include <string.h>

const char *const mcp_versions[] = {"2026-07-28", "2025-11-25", "2025-06-18", NULL};
enum { HANDSHAKE = 1 }; /* mcp_versions from here on have one */

#define META "io.modelcontextprotocol/"
#define INSTRUCTIONS                                                                               \
    "akin holds collections of documents. search finds what matches a question by words and by "   \
    "meaning, similar what is like a document or a text, recommend what a reader should see "      \
    "next; "                                                                                       \
    "get_document reads one, add_document and give_feedback write. Ids in one tool's answer are "  \
    "what the others take."
#define DISCOVER_TTL_MS 3600000
#define TOOLS_TTL_MS 60000 /* a key's scopes may change */

/* ---- answers ---- */

static struct json_writer *message_begin(struct call *c, struct response *out)
{
    struct json_writer *w = response_begin(out);
    json_object_begin(w);
    json_key_c(w, "jsonrpc", "2.0");
    json_key(w, "id");
    if (c->rpc->id.n)
        json_put_raw(w, c->rpc->id);
    else
        json_put_null(w);
    return w;
}

static void identity_put(struct json_writer *w)
{
    json_object_begin(w);
    json_key_c(w, "name", "akin");
    json_key_c(w, "version", AKIN_VERSION);
    json_object_end(w);
}

struct json_writer *rpc_result_begin(struct call *c, struct response *out)
{
    struct json_writer *w = message_begin(c, out);
    json_key(w, "result");
    json_object_begin(w);
    if (c->rpc->handshake)
        return w;
    json_key_c(w, "resultType", "complete");
    json_key(w, "_meta");
    json_object_begin(w);
    json_key(w, META "serverInfo");
    identity_put(w);
    json_object_end(w);
    return w;
}

void rpc_result_send(struct call *c, struct response *out)
{
    json_object_end(&out->w);
    json_object_end(&out->w);
    response_send(c, 200, out);
}

/* Clients of the older revisions take a 404 for a session that has ended. */
static int rpc_status(const struct call *c, int code)
{
    bool asked = code == RPC_NO_METHOD || code == RPC_BAD_PARAMS;
    if (c->rpc->handshake && asked)
        return 200;
    return code == RPC_NO_METHOD ? 404 : 400;
}

static void versions_put(struct json_writer *w)
{
    json_array_begin(w);
    for (unsigned i = 0; mcp_versions[i]; i++)
        json_put_c(w, mcp_versions[i]);
    json_array_end(w);
}

/* `requested`: NULL unless a version was asked for that is none of ours. */
static void error_send(struct call *c, int code, const char *message, const struct str *requested)
{
    struct response out;
    struct json_writer *w = message_begin(c, &out);
    json_key(w, "error");
    json_object_begin(w);
    json_key_int(w, "code", code);
    json_key_c(w, "message", message);
    if (requested) {
        json_key(w, "data");
        json_object_begin(w);
        json_key(w, "supported");
        versions_put(w);
        json_key_str(w, "requested", *requested);
        json_object_end(w);
    }
    json_object_end(w);
    json_object_end(w);
    response_send(c, rpc_status(c, code), &out);
}

void rpc_error(struct call *c, int code, const char *message)
{
    error_send(c, code, message, NULL);
}

static bool refuse(struct call *c, int code, const char *message)
{
    rpc_error(c, code, message);
    return true;
}

static bool refuse_version(struct call *c, struct str version)
{
    error_send(c, RPC_VERSION, "this revision of the protocol is not spoken here", &version);
    return true;
}

/* ---- what every request has ---- */

static struct str id_text(struct arena *a, const json_t *id)
{
    struct strbuf text;
    struct json_writer w;
    strbuf_init(&text, 0);
    json_writer_init(&w, &text);
    json_put_value(&w, id);
    struct str out = arena_str(a, strbuf_str(&text));
    strbuf_release(&text);
    return out;
}

static bool refused_by_form(struct call *c)
{
    const json_t *id = json_object_get(c->body, "id"), *params = json_object_get(c->body, "params");
    int64_t whole;
    if (json_is_string(id) || json_whole(id, &whole))
        c->rpc->id = id_text(c->arena, id);
    if (!str_eq_c(input_str(c->body, "jsonrpc"), "2.0"))
        return refuse(c, RPC_NO_REQUEST, "jsonrpc must be \"2.0\"");
    if (!json_is_string(json_object_get(c->body, "method")))
        return refuse(c, RPC_NO_REQUEST, "method must be a string");
    if (id && !c->rpc->id.n)
        return refuse(c, RPC_NO_REQUEST, "id must be a string or an integer");
    if (params && !json_is_object(params))
        return refuse(c, RPC_NO_REQUEST, "params must be an object");
    return false;
}

static const json_t *meta_of(const struct call *c)
{
    return json_object_get(json_object_get(c->body, "params"), "_meta");
}

/* What comes with the present revision's headers, fields or method is judged by it. */
static bool shakes_hands(const struct call *c)
{
    return !str_eq_c(http_header(c->request, "MCP-Protocol-Version"), mcp_versions[0]) &&
           !json_object_get(meta_of(c), META "protocolVersion") &&
           !str_eq_c(input_str(c->body, "method"), "server/discover");
}

static bool refused_by_old_version(struct call *c)
{
    struct str version = http_header(c->request, "MCP-Protocol-Version");
    for (unsigned i = HANDSHAKE; mcp_versions[i]; i++)
        if (!version.n || str_eq_c(version, mcp_versions[i]))
            return false;
    return refuse_version(c, version);
}

/* Names that are no plain ASCII come as "=?base64?...?=". */
static bool header_says(const struct call *c, const char *header, struct str wanted)
{
    const struct str begin = STR("=?base64?"), end = STR("?=");
    struct str said = http_header(c->request, header);
    struct strbuf coded;
    if (http_header_repeated(c->request, header))
        return false;
    if (!str_starts(said, begin))
        return str_eq(said, wanted);
    strbuf_init(&coded, 0);
    strbuf_add_str(&coded, begin);
    base64_add(&coded, wanted.s, wanted.n);
    strbuf_add_str(&coded, end);
    bool same = str_eq(said, strbuf_str(&coded));
    strbuf_release(&coded);
    return same;
}

static bool refused_by_headers(struct call *c, struct str version)
{
    const json_t *name = json_object_get(json_object_get(c->body, "params"), "name");
    struct str method = input_str(c->body, "method");
    if (!header_says(c, "MCP-Protocol-Version", version))
        return refuse(c, RPC_HEADERS,
                      "the header MCP-Protocol-Version must say what params._meta says");
    if (!header_says(c, "Mcp-Method", method))
        return refuse(c, RPC_HEADERS, "the header Mcp-Method must say what method says");
    if (str_eq_c(method, "tools/call") && json_is_string(name) &&
        !header_says(c, "Mcp-Name", json_str(name)))
        return refuse(c, RPC_HEADERS, "the header Mcp-Name must say what params.name says");
    return false;
}

static bool refused_by_meta(struct call *c)
{
    const json_t *version = json_object_get(meta_of(c), META "protocolVersion");
    if (!json_is_object(meta_of(c)) || !json_is_string(version))
        return refuse(c, RPC_BAD_PARAMS,
                      "params._meta needs " META "protocolVersion, a string, and " META
                      "clientCapabilities, an object");
    if (!json_is_object(json_object_get(meta_of(c), META "clientCapabilities")))
        return refuse(c, RPC_BAD_PARAMS,
                      "params._meta needs " META "clientCapabilities, an object");
    if (refused_by_headers(c, json_str(version)))
        return true;
    return !str_eq_c(json_str(version), mcp_versions[0]) && refuse_version(c, json_str(version));
}

/* ---- methods ---- */

static void capabilities_put(struct json_writer *w)
{
    json_key(w, "capabilities");
    json_put_raw(w, STR("{\"tools\":{}}"));
    json_key_c(w, "instructions", INSTRUCTIONS);
}

static void cache_put(const struct call *c, struct json_writer *w, int64_t ttl_ms,
                      const char *scope)
{
    if (c->rpc->handshake)
        return;
    json_key_int(w, "ttlMs", ttl_ms);
    json_key_c(w, "cacheScope", scope);
}

static void discover(struct call *c)
{
    struct response out;
    struct json_writer *w = rpc_result_begin(c, &out);
    json_key(w, "supportedVersions");
    versions_put(w);
    capabilities_put(w);
    cache_put(c, w, DISCOVER_TTL_MS, "public");
    rpc_result_send(c, &out);
}

static void initialize(struct call *c)
{
    struct response out;
    const json_t *wanted = json_object_get(json_object_get(c->body, "params"), "protocolVersion");
    const char *version = mcp_versions[HANDSHAKE];
    if (!json_is_string(wanted)) {
        rpc_error(c, RPC_BAD_PARAMS, "params.protocolVersion must be a string");
        return;
    }
    for (unsigned i = HANDSHAKE; mcp_versions[i]; i++)
        if (str_eq_c(json_str(wanted), mcp_versions[i]))
            version = mcp_versions[i];
    struct json_writer *w = rpc_result_begin(c, &out);
    json_key_c(w, "protocolVersion", version);
    json_key(w, "serverInfo");
    identity_put(w);
    capabilities_put(w);
    rpc_result_send(c, &out);
}

static void ping(struct call *c)
{
    struct response out;
    rpc_result_begin(c, &out);
    rpc_result_send(c, &out);
}

static void list(struct call *c)
{
    struct response out;
    if (json_object_get(json_object_get(c->body, "params"), "cursor")) {
        rpc_error(c, RPC_BAD_PARAMS,
                  "params.cursor: the list has one page, and no cursor was given");
        return;
    }
    struct json_writer *w = rpc_result_begin(c, &out);
    json_key(w, "tools");
    json_array_begin(w);
    tools_put(c, w);
    json_array_end(w);
    cache_put(c, w, TOOLS_TTL_MS, "private");
    rpc_result_send(c, &out);
}

static void call_tool(struct call *c)
{
    tool_call(c, json_object_get(c->body, "params"));
}

enum { OLD = 1, NEW = 2 };
static const struct {
    const char *name;
    unsigned in; /* which revisions */
    void (*run)(struct call *c);
} methods[] = {
    {"server/discover", NEW, discover}, {"initialize", OLD, initialize},      {"ping", OLD, ping},
    {"tools/list", OLD | NEW, list},    {"tools/call", OLD | NEW, call_tool},
};

void run_mcp(struct call *c)
{
    c->rpc = arena_zalloc(c->arena, sizeof *c->rpc);
    if (refused_by_form(c))
        return;
    if (!json_object_get(c->body, "id")) { /* a notification: none of them says anything to us */
        call_empty(c, 202);
        return;
    }
    c->rpc->handshake = shakes_hands(c);
    if (c->rpc->handshake ? refused_by_old_version(c) : refused_by_meta(c))
        return;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (methods[i].in & (c->rpc->handshake ? OLD : NEW) &&
            str_eq_c(input_str(c->body, "method"), methods[i].name)) {
            methods[i].run(c);
            return;
        }
    rpc_error(
        c, RPC_NO_METHOD,
        "there is no such method; of this protocol tools are offered: tools/list, tools/call");
}
