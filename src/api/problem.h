/* Errors as a client sees them: the only table from codes to statuses, problem documents (RFC
 * 9457), and OpenAI's shape. Pure. */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include "api/validate.h"
#include "base/err.h"
#include "base/str.h"

/* `field` at fault or "": what is too large or unsupported *in* a body is 422, the body as a whole
 * 413 or 415. */
int err_status(enum err code, const char *field);
/* As a shape's clients know it: OpenAI's 400 where we say 422; TEI's 429 where the queue is full
 * and 413 where a text is too long. */
int err_status_shaped(enum err code, const char *field, enum error_shape shape);
const char *status_title(int status);

struct problem {
    int status;
    const char *code; /* err_name, or as http/ names it */
    const char *detail;
    const struct fault *faults;
    unsigned fault_count;
    const char *trace_id;
    enum error_shape shape;
    struct str rpc_id; /* SHAPE_RPC: of the request, as JSON; empty: not known */
};
void problem_write(const struct problem *p, struct strbuf *out);
#define PROBLEM_MEDIA "application/problem+json"

/* The fault of an err_info: a pointer if its field starts with '/', else a parameter. False without
 * a field. */
bool problem_fault(const struct err_info *e, struct fault *out);
/* The same as the "error" of a row: its value. */
struct json_writer;
void problem_row(struct json_writer *w, enum err code, const char *detail,
                 const struct fault *faults, unsigned count);
/* "error": of a row that the validator refused. */
void problem_row_faults(struct json_writer *w, const struct faults *f);

#endif
