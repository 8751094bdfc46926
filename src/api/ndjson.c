#include "api/ndjson.h"
#include "base/arena.h"
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES (64u << 10)

void ndjson_init(struct ndjson *l, size_t line_max,
                 enum err (*read)(void *ctx, void *buf, size_t size, size_t *n, struct err_info *e),
                 void *ctx)
{
    *l = (struct ndjson){.read = read,
                         .ctx = ctx,
                         .buf = xmalloc(BUFFER_BYTES),
                         .size = BUFFER_BYTES,
                         .line_max = line_max};
}

void ndjson_release(struct ndjson *l)
{
    free(l->buf);
    l->buf = NULL;
}

static enum err fill(struct ndjson *l, struct err_info *e)
{
    size_t n = 0;
    enum err err = l->read(l->ctx, l->buf, l->size, &n, e);
    if (err)
        return err;
    l->at = 0;
    l->n = n;
    l->ended = n == 0;
    return ERR_OK;
}

/* One line, blank or not. *over: longer than the bound. ERR_NOT_FOUND: nothing more. */
static enum err line_read(struct ndjson *l, struct strbuf *line, bool *over, struct err_info *e)
{
    bool any = false;
    *over = false;
    strbuf_clear(line);
    for (;;) {
        if (l->at == l->n && !l->ended) {
            enum err err = fill(l, e);
            if (err)
                return err;
        }
        if (l->at == l->n)
            return any ? ERR_OK : ERR_NOT_FOUND;
        const char *start = l->buf + l->at;
        const char *end = memchr(start, '\n', l->n - l->at);
        size_t n = end ? (size_t)(end - start) : l->n - l->at;
        any = true;
        if (!*over && line->n + n > l->line_max)
            *over = true;
        if (!*over)
            strbuf_add(line, start, n);
        l->at += n + (end != NULL);
        if (end)
            return ERR_OK;
    }
}

enum err ndjson_next(struct ndjson *l, struct strbuf *line, struct err_info *e)
{
    for (;;) {
        bool over;
        enum err err = line_read(l, line, &over, e);
        if (err)
            return err;
        l->number++;
        if (over) {
            strbuf_clear(line);
            return err_set(e, ERR_TOO_LARGE, NULL, "the line is longer than %zu bytes",
                           l->line_max);
        }
        if (str_trim(strbuf_str(line)).n)
            return ERR_OK;
    }
}
