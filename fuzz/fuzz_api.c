/* The router and the validator over whole requests, without an engine: method, path, query,
 * Content-Type, body. Input: four lines (method, path, content type, query as a=b&c=d), then the
 * body. */
#include "api/validate.h"
#include "base/json.h"
#include <string.h>

static struct str line_take(struct str *in)
{
    const char *end = in->n ? memchr(in->s, '\n', in->n) : NULL;
    struct str out = {in->s, end ? (size_t)(end - in->s) : in->n};
    size_t used = out.n + (end != NULL);
    *in = (struct str){in->s + used, in->n - used};
    return out;
}

static unsigned query_split(struct str q, struct http_param *out, unsigned max)
{
    unsigned n = 0;
    while (q.n && n < max) {
        const char *end = memchr(q.s, '&', q.n);
        struct str pair = {q.s, end ? (size_t)(end - q.s) : q.n};
        const char *equals = pair.n ? memchr(pair.s, '=', pair.n) : NULL;
        size_t name = equals ? (size_t)(equals - pair.s) : pair.n;
        out[n].name = (struct str){pair.s, name};
        out[n++].value = equals ? (struct str){equals + 1, pair.n - name - 1} : (struct str){"", 0};
        size_t used = pair.n + (end != NULL);
        q = (struct str){q.s + used, q.n - used};
    }
    return n;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    struct arena *a = arena_new(0);
    struct http_param params[64];
    struct checked c;
    struct err_info e = {0};
    struct str method = line_take(&in), path = line_take(&in), type = line_take(&in);
    unsigned count = query_split(line_take(&in), params, 64);
    if (request_check(a, method, path, params, count, type, in, &c, &e) == ERR_INVALID &&
        !c.faults.total)
        __builtin_trap(); /* refused without a reason */
    checked_release(&c);
    arena_free(a);
    return 0;
}
