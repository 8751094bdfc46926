/* json_parse on any bytes; what it takes must survive being written and read again. */
#include "base/json.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    return 0;
}

static void write_value(const json_t *v, struct strbuf *out)
{
    struct json_writer w;
    strbuf_init(out, 0);
    json_writer_init(&w, out);
    json_put_value(&w, v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err_info e = {0};
    struct strbuf first, second;
    json_t *a = NULL, *b = NULL;
    enum err rc = json_parse((struct str){(const char *)data, n}, &a, &e);
    if (rc) {
        if (e.code != rc || !e.message[0] || a)
            abort();
        return 0;
    }
    write_value(a, &first);
    /* A budget of its own: the text may have grown shorter than the one that was read. */
    rc = json_parse_within(strbuf_str(&first), SIZE_MAX, &b, NULL);
    if (rc || !json_equal(a, b))
        abort();
    write_value(b, &second);
    if (!str_eq(strbuf_str(&first), strbuf_str(&second)))
        abort();
    json_decref(a);
    json_decref(b);
    strbuf_release(&first);
    strbuf_release(&second);
    return 0;
}
