/* filter_parse on any bytes; what it takes is printed, parsed again and printed again: the same
 * text. The same tree must answer alike by definition and by index. */
#include "base/json.h"
#include "index/filter.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static json_t *document;
static struct attributes *attributes;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    document = json_pack(
        "{s:s,s:s,s:[s,s],s:s,s:s,s:{s:i,s:f,s:b,s:{s:s},s:[i,s,{s:s}],s:[{s:f,s:f},{s:i,s:i}]}}",
        "id", "a", "lang", "en", "tags", "a", "b", "created", "2024-01-01T00:00:00Z",
        "duplicate_of", "b", "attributes", "n", 3, "d", 2.5, "x", 1, "o", "k", "v", "l", 9,
        "2024-01-01", "k", "z", "p", "lat", 52.5, "lon", 13.4, "lat", -90, "lng", 180);
    attributes = attributes_new();
    attributes_put(attributes, 1, document);
    return 0;
}

static void print_again(struct arena *a, const struct filter *f)
{
    struct strbuf first, second;
    const struct filter *g = NULL;
    strbuf_init(&first, 0);
    strbuf_init(&second, 0);
    filter_print(f, &first);
    if (first.n <= 64 * 1024) { /* escapes may make it longer than a filter may be */
        if (filter_parse(a, strbuf_str(&first), &g, NULL))
            abort();
        filter_print(g, &second);
        if (!str_eq(strbuf_str(&first), strbuf_str(&second)) ||
            filter_matches(f, document) != filter_matches(g, document))
            abort();
    }
    strbuf_release(&first);
    strbuf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *a = arena_new(0);
    const struct filter *f = NULL;
    struct err_info e = {0};
    enum err err = filter_parse(a, (struct str){(const char *)data, n}, &f, &e);
    if (err) {
        if (e.code != err || !e.message[0] || f)
            abort();
    } else {
        struct docset out;
        docset_init(&out);
        print_again(a, f);
        if (attributes_select(attributes, f, &out, NULL) ||
            docset_has(&out, 1) != filter_matches(f, document))
            abort();
        err = attributes_know(attributes, f, (struct str){(const char *)data, n}, &e);
        if (err && (err != ERR_INVALID || !e.message[0]))
            abort();
        docset_release(&out);
    }
    arena_free(a);
    return 0;
}
