#include "api/problem.h"
#include "base/json.h"
#include <stddef.h>
#include <string.h>

int err_status(enum err code, const char *field)
{
    bool inside = field && field[0];
    switch (code) {
    case ERR_OK:
        return 200;
    case ERR_SYNTAX:
        return inside ? 422 : 400;
    case ERR_INVALID:
        return 422;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_CONFLICT:
        return 409;
    case ERR_PRECONDITION:
        return 412;
    case ERR_TOO_LARGE:
        return inside ? 422 : 413;
    case ERR_UNSUPPORTED:
        return inside ? 422 : 415;
    case ERR_UNAUTHENTICATED:
        return 401;
    case ERR_DENIED:
        return 403;
    case ERR_GONE:
        return 410;
    case ERR_BUSY:
    case ERR_TIMEOUT:
    case ERR_CANCELLED:
    case ERR_UNAVAILABLE:
    case ERR_NO_MEMORY:
        return 503;
    case ERR_FULL:
    case ERR_QUOTA:
        return 507;
    case ERR_IO:
    case ERR_CORRUPT:
        return 500;
    }
    return 500;
}

int err_status_shaped(enum err code, const char *field, enum error_shape shape)
{
    int status = err_status(code, field);
    if (shape == SHAPE_OPENAI || shape == SHAPE_RPC)
        return status == 422 ? 400 : status;
    if (shape == SHAPE_TEI)
        return code == ERR_TOO_LARGE ? 413 : code == ERR_BUSY ? 429 : status;
    return status;
}

const char *status_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

bool problem_fault(const struct err_info *e, struct fault *out)
{
    if (!e->field[0])
        return false;
    *out = (struct fault){.detail = e->message};
    if (e->field[0] == '/')
        out->pointer = e->field;
    else
        out->parameter = e->field;
    return true;
}

static void faults_write(struct json_writer *w, const struct fault *faults, unsigned count)
{
    json_key(w, "errors");
    json_array_begin(w);
    for (unsigned i = 0; i < count; i++) {
        json_object_begin(w);
        if (faults[i].parameter)
            json_key_c(w, "parameter", faults[i].parameter);
        else
            json_key_c(w, "pointer", faults[i].pointer ? faults[i].pointer : "");
        json_key_c(w, "detail", faults[i].detail);
        json_object_end(w);
    }
    json_array_end(w);
}

void problem_row(struct json_writer *w, enum err code, const char *detail,
                 const struct fault *faults, unsigned count)
{
    json_object_begin(w);
    json_key_int(w, "status", err_status(code, count ? "/" : ""));
    json_key_c(w, "code", err_name(code));
    json_key_c(w, "detail", detail);
    faults_write(w, faults, count);
    json_object_end(w);
}

void problem_row_faults(struct json_writer *w, const struct faults *f)
{
    json_key(w, "error");
    problem_row(w, ERR_INVALID, f->list[0].detail, f->list, f->count);
}

static const char *openai_type(int status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 429:
        return "rate_limit_error";
    default:
        return status >= 500 ? "server_error" : "invalid_request_error";
    }
}

/* OpenAI names a parameter without the slash: "/input/3" is input. */
static const char *openai_param(const struct problem *p)
{
    if (!p->fault_count)
        return NULL;
    if (p->faults[0].parameter)
        return p->faults[0].parameter;
    return p->faults[0].pointer && p->faults[0].pointer[0] ? p->faults[0].pointer + 1 : NULL;
}

static void openai_write(const struct problem *p, struct json_writer *w)
{
    json_object_begin(w);
    json_key(w, "error");
    json_object_begin(w);
    json_key_c(w, "message", p->detail);
    json_key_c(w, "type", openai_type(p->status));
    json_key_c(w, "param", openai_param(p));
    json_key_c(w, "code", p->code);
    json_key_c(w, "trace_id", p->trace_id);
    json_object_end(w);
    json_object_end(w);
}

static const char *tei_type(const struct problem *p)
{
    switch (p->status) {
    case 429:
        return "Overloaded";
    case 503:
        return "Unhealthy";
    default:
        return p->status >= 500 ? "Backend" : "Validation";
    }
}

static void tei_write(const struct problem *p, struct json_writer *w)
{
    json_object_begin(w);
    json_key_c(w, "error", p->detail);
    json_key_c(w, "error_type", tei_type(p));
    json_key_c(w, "trace_id", p->trace_id);
    json_object_end(w);
}

static void document_write(const struct problem *p, struct json_writer *w)
{
    char type[64]; /* of its section in the docs */
    snprintf(type, sizeof type, "/docs#%s", p->code ? p->code : "");
    json_object_begin(w);
    json_key_c(w, "type", type);
    json_key_c(w, "title", status_title(p->status));
    json_key_int(w, "status", p->status);
    json_key_c(w, "code", p->code);
    json_key_c(w, "detail", p->detail);
    faults_write(w, p->faults, p->fault_count);
    json_key_c(w, "trace_id", p->trace_id);
    json_object_end(w);
}

/* JSON-RPC reserves codes for what cannot be read and what is no request; others are their
 * statuses, which are outside of what it and MCP keep for themselves. */
static void rpc_write(const struct problem *p, struct json_writer *w)
{
    bool unreadable = p->code && !strcmp(p->code, err_name(ERR_SYNTAX));
    json_object_begin(w);
    json_key_c(w, "jsonrpc", "2.0");
    json_key(w, "id");
    json_put_raw(w, p->rpc_id.n ? p->rpc_id : STR("null"));
    json_key(w, "error");
    json_object_begin(w);
    json_key_int(w, "code", p->status != 400 ? p->status : unreadable ? -32700 : -32600);
    json_key_c(w, "message", p->detail);
    json_key(w, "data");
    document_write(p, w);
    json_object_end(w);
    json_object_end(w);
}

void problem_write(const struct problem *p, struct strbuf *out)
{
    static void (*const writers[])(const struct problem *p, struct json_writer *w) = {
        [SHAPE_PROBLEM] = document_write,
        [SHAPE_OPENAI] = openai_write,
        [SHAPE_TEI] = tei_write,
        [SHAPE_RPC] = rpc_write,
    };
    struct json_writer w;
    json_writer_init(&w, out);
    writers[p->shape](p, &w);
}
