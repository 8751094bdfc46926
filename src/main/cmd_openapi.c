/* akin openapi: the document that describes every route, as /openapi.json serves it. */
#include "api/api.h"
#include "main/command.h"
#include <errno.h>
#include <stdio.h>

static const struct command_option options[] = {{0}};

static int run(const struct args *a)
{
    struct strbuf out;
    struct err_info e = {0};
    int code = 0;
    strbuf_init(&out, 4u << 20);
    api_openapi(&out);
    if (fwrite(out.buf, 1, out.n, stdout) != out.n || putchar('\n') == EOF || fflush(stdout)) {
        (void)!err_errno(&e, errno, "write", "standard output");
        code = command_fail(&e, 1);
    }
    strbuf_release(&out);
    return code;
}

const struct command command_openapi = {
    .name = "openapi",
    .summary = "print the OpenAPI document of the HTTP API",
    .usage = "akin openapi",
    .text = "What a server serves at /openapi.json, without one: to make a client of, or to read. "
            "A running server has it for people at /docs.",
    .example = "  akin openapi > openapi.json\n",
    .options = options,
    .run = run,
};
