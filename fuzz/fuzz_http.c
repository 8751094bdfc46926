/* What http/ parses by itself. The first byte chooses the parser, the rest is its input. */
#include "http/parse.h"
#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str line_take(struct str *rest)
{
    const char *at = rest->n ? memchr(rest->s, '\n', rest->n) : NULL;
    struct str line = {rest->s, at ? (size_t)(at - rest->s) : rest->n};
    size_t used = line.n + (at ? 1 : 0);
    *rest = (struct str){rest->s + used, rest->n - used};
    return line;
}

static void fuzz_query(struct arena *a, struct str in)
{
    struct http_param *params;
    unsigned count;
    if (query_parse(a, in, &params, &count, NULL))
        return;
    assert(count <= PARAMS_MAX);
    for (unsigned i = 0; i < count; i++)
        assert(!memchr(params[i].value.s, 0, params[i].value.n) && params[i].value.n <= in.n);
}

static void fuzz_decode(struct arena *a, struct str in)
{
    struct str out, again;
    if (http_decode(a, in, &out))
        return;
    assert(out.n <= in.n && strlen(out.s) == out.n);
    if (!memchr(out.s, '%', out.n)) {
        assert(http_decode(a, out, &again) == ERR_OK);
        assert(str_eq(out, again));
    }
}

static void fuzz_hosts(struct str in)
{
    static const char *const hosts[] = {"search.example.com"};
    struct host_rules rules = {"10.0.0.1", "", hosts, 1};
    struct fetch_headers f = {.has_origin = true};
    f.method = line_take(&in);
    f.host = line_take(&in);
    f.origin = line_take(&in);
    f.site = line_take(&in);
    f.mode = in;
    if (host_allowed(&rules, f.host))
        assert(f.host.n >= 5);
    if (origin_allowed(&rules, &f))
        assert(str_starts(f.origin, STR("http")));
}

static void fuzz_framing(struct str in)
{
    struct header headers[16];
    struct framing f;
    unsigned n = 0;
    while (in.n && n < 16) {
        struct str line = line_take(&in);
        const char *colon = line.n ? memchr(line.s, ':', line.n) : NULL;
        size_t at = colon ? (size_t)(colon - line.s) : line.n;
        headers[n].name = (struct str){line.s, at};
        headers[n++].value = colon ? (struct str){colon + 1, line.n - at - 1} : str_c(NULL);
    }
    if (!framing_parse(headers, n, false, &f))
        assert(!(f.chunked && f.has_length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a;
    struct str in = {(const char *)data + 1, size - 1};
    char id[33];
    if (size == 0)
        return 0;
    a = arena_new(1 << 20);
    switch (data[0] % 6) {
    case 0:
        fuzz_query(a, in);
        break;
    case 1:
        fuzz_decode(a, in);
        break;
    case 2:
        fuzz_hosts(in);
        break;
    case 3:
        fuzz_framing(in);
        break;
    case 4:
        (void)target_valid(in);
        break;
    default:
        if (traceparent_parse(in, id))
            assert(strlen(id) == 32);
    }
    arena_free(a);
    return 0;
}
