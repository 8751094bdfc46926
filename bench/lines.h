/* A file of texts, a line each. */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

#include "base/arena.h"
#include "base/file.h"
#include "base/str.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct str *lines;
static size_t line_count;

static void must(enum err err, const struct err_info *e)
{
    if (!err)
        return;
    fprintf(stderr, "%s: %s\n", err_name(err), e->message);
    exit(1);
}

static void lines_read(const char *path)
{
    char *text = NULL;
    size_t n = 0;
    struct err_info e = {0};
    must(file_read_all(path, (size_t)1 << 30, &text, &n, &e), &e);
    lines = xmalloc((n + 1) * sizeof *lines);
    for (char *p = text, *end; p < text + n; p = end + 1) {
        end = memchr(p, '\n', (size_t)(text + n - p));
        end = end ? end : text + n;
        lines[line_count++] = (struct str){p, (size_t)(end - p)};
    }
}

#endif
