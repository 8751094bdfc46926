/* The Model Context Protocol at /mcp: JSON-RPC in and out, a request a POST, nothing remembered
 * between two of them. Revision 2026-07-28, which has no handshake, and for older clients those
 * from 2025-06-18 on, whose handshake is answered and forgotten.
 *
 * A tool is another name for a route: its arguments are the route's body and its names in the path,
 * its answer is the route's answer, and what the route asks of a key is asked of the tool. */
#ifndef API_MCP_H
#define API_MCP_H

#include "api/response.h"

struct tool;
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
/* Runs one and answers: its route's answer, or its route's problem as a result with isError. */
void tool_call(struct call *c, const json_t *params);
const char *tool_name(const struct tool *t);

#endif
