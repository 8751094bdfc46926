/* A stream of bytes cut into lines, each bounded: what NDJSON bodies are read with. One thread at a
 * time. */
#ifndef API_NDJSON_H
#define API_NDJSON_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>

struct ndjson {
    /* The next bytes; *n 0 at the end. */
    enum err (*read)(void *ctx, void *buf, size_t size, size_t *n, struct err_info *e);
    void *ctx;
    char *buf;
    size_t at, n, size;
    size_t line_max;
    uint64_t number; /* of the line that was returned last, from 1; blank ones count */
    bool ended;
};
void ndjson_init(struct ndjson *l, size_t line_max,
                 enum err (*read)(void *ctx, void *buf, size_t size, size_t *n, struct err_info *e),
                 void *ctx);
void ndjson_release(struct ndjson *l);
/* The next line that is not blank, without its end, into `line` (cleared first). ERR_NOT_FOUND: the
 * end. ERR_TOO_LARGE: this line was over the bound and is passed over. Others are of `read`. The
 * last line needs no newline. */
enum err ndjson_next(struct ndjson *l, struct strbuf *line, struct err_info *e) MUST_CHECK;

#endif
