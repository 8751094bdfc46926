#include "api/schema_table.h"
#include "api/schemas.h"

static const struct schema two = {.type = SCHEMA_STRING, .choices = "2.0"};
static const struct schema request_id = {
    .type = SCHEMA_ID, .help = "a string or an integer; without one it is a notification"};
static const struct schema params = {.type = SCHEMA_OBJECT, .open = true};
const struct schema schema_rpc = {
    .name = "RPCRequest",
    .type = SCHEMA_OBJECT,
    .open = true,
    .deferred = true,
    .help =
        "JSON-RPC 2.0, one request or notification. Methods of revision 2026-07-28: "
        "server/discover, tools/list, tools/call, each with its headers and _meta; of 2025-06-18 "
        "and 2025-11-25: initialize, ping, tools/list, tools/call",
    .fields = FIELDS({"jsonrpc", &two, .required = true}, {"id", &request_id},
                     {"method", &schema_string, .required = true}, {"params", &params}),
    .example = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}",
};
static const struct schema error = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"code", &schema_integer, .required = true},
                     {"message", &schema_string, .required = true},
                     {"data", &schema_any, .help = "the problem, or which revisions are spoken"}),
};
const struct schema schema_rpc_answer = {
    .name = "RPCAnswer",
    .type = SCHEMA_OBJECT,
    .help = "result or error",
    .fields = FIELDS({"jsonrpc", &two, .required = true}, {"id", &schema_any, .required = true},
                     {"result", &params}, {"error", &error}),
};
const struct schema schema_rpc_error = {
    .name = "RPCError",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"jsonrpc", &two, .required = true},
                     {"id", &schema_any, .required = true, .help = "null where it is not known"},
                     {"error", &error, .required = true}),
};
