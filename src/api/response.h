/* A JSON response in the making: begun, written to, sent. The caller's memory; not to be moved
 * meanwhile, since the writer points into it. Each that was begun is sent or dropped. */
#ifndef API_RESPONSE_H
#define API_RESPONSE_H

#include "api/call.h"

struct response {
    struct strbuf text;
    struct json_writer w;
};

struct json_writer *response_begin(struct response *x);
/* Over JSON_BYTES_MAX it becomes a 413. */
void response_send(struct call *c, int status, struct response *x);
void response_drop(struct response *x);

/* [ .. ] */
struct json_writer *response_array_begin(struct response *x);
void response_array_send(struct call *c, struct response *x);

/* {"data": [ .. ]: the end is one of the two below, or the caller's own. */
struct json_writer *response_list_begin(struct response *x);
/* `next_cursor`: NULL on the last page. */
void response_page_send(struct call *c, struct response *x, const char *next_cursor);
/* What became of each row that was sent in. */
void response_rows_send(struct call *c, struct response *x, size_t failed, struct str position);

#endif
