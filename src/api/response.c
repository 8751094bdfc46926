#include "api/response.h"
#include "api/server.h"

struct json_writer *response_begin(struct response *x)
{
    strbuf_init(&x->text, JSON_BYTES_MAX);
    json_writer_init(&x->w, &x->text);
    return &x->w;
}

void response_send(struct call *c, int status, struct response *x)
{
    call_json(c, status, &x->text);
}

void response_drop(struct response *x)
{
    strbuf_release(&x->text);
}

struct json_writer *response_array_begin(struct response *x)
{
    json_array_begin(response_begin(x));
    return &x->w;
}

void response_array_send(struct call *c, struct response *x)
{
    json_array_end(&x->w);
    response_send(c, 200, x);
}

struct json_writer *response_list_begin(struct response *x)
{
    json_object_begin(response_begin(x));
    json_key(&x->w, "data");
    json_array_begin(&x->w);
    return &x->w;
}

void response_page_send(struct call *c, struct response *x, const char *next_cursor)
{
    json_array_end(&x->w);
    json_key_c(&x->w, "next_cursor", next_cursor);
    json_object_end(&x->w);
    response_send(c, 200, x);
}

void response_rows_send(struct call *c, struct response *x, size_t failed, struct str position)
{
    json_array_end(&x->w);
    json_key_int(&x->w, "failed", (int64_t)failed);
    json_key_str(&x->w, "position", position);
    json_object_end(&x->w);
    call_position(c, position);
    response_send(c, 200, x);
}
