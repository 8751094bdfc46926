/* The Model Context Protocol at /mcp: JSON-RPC in and out, a request a POST, nothing remembered
 * between two of them. Revision 2026-07-28, which has no handshake, and for older clients those
 * from 2025-06-18 on, whose handshake is answered and forgotten.
 *
 * A tool is another name for a route: its arguments are names in the route's path and fields of its
 * body, its answer is of the route's answer, and what the route asks of a key is asked of the tool.
 * A model has all tools in its context and every answer too, so both are cut down to what a model
 * uses. */
#ifndef API_MCP_H
#define API_MCP_H

#include "api/response.h"

/* A field of the route's body that a tool takes. */
struct argument {
    const char *name;
    const char *help, *fallback; /* in the place of the route's; NULL: the route's */
};
struct tool {
    const char *name, *title, *help;
    enum route_id route;
    const char *body; /* the argument that is the route's body; NULL: its fields are arguments */
    const struct argument *takes; /* NULL: the route has no body */
    const char *answer;    /* what is shown of the route's answer: "data.id total"; NULL: all */
    bool writes, replaces; /* and may put what it writes in the place of something */
};
extern const char *const mcp_versions[]; /* newest first; NULL ends */

/* What is known of a JSON-RPC request. In the call's arena. */
struct rpc {
    struct str id;           /* as JSON; empty: it had none, or none that can be read */
    bool handshake;          /* a revision before 2026-07-28 */
    const struct tool *tool; /* that is being called */
};
enum {
    RPC_UNREADABLE = -32700,
    RPC_NO_REQUEST = -32600,
    RPC_NO_METHOD = -32601,
    RPC_BAD_PARAMS = -32602,
    RPC_HEADERS = -32020, /* the headers say something else than the body */
    RPC_VERSION = -32022,
};

/* ---- mcp.c ---- */
/* A result, from its brace and what every one of them has; what follows are its members. */
struct json_writer *rpc_result_begin(struct call *c, struct response *out);
void rpc_result_send(struct call *c, struct response *out);
void rpc_error(struct call *c, int code, const char *message);

/* ---- mcp_tools.c ---- */
/* The tools that the caller may call. */
void tools_put(struct call *c, struct json_writer *w);
const struct tool *tool_find(struct str name); /* NULL: there is none */
/* What all arguments together are held to: the collection, names in the route's path, its body. Not
 * to be moved: `all` points into it. */
struct arguments {
    struct field own[12], inner[8];
    struct schema all, body;
    char choices[64];
};
void arguments_of(const struct tool *t, struct arguments *out);

/* ---- mcp_call.c ---- */
/* Calls a tool and answers: with its route's answer, or its route's problem as a result with
 * isError. */
void tool_call(struct call *c, const json_t *params);

#endif
