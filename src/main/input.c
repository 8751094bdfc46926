#include "main/input.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum err input_open(struct input *l, const char *path, struct err_info *e)
{
    *l = (struct input){.path = path && strcmp(path, "-") != 0 ? path : NULL};
    l->file = l->path ? fopen(l->path, "re") : stdin;
    return l->file ? ERR_OK : err_errno(e, errno, "open", l->path);
}

void input_close(struct input *l)
{
    if (l->file && l->path)
        fclose(l->file);
    free(l->buffer);
}

enum err input_next(struct input *l, struct str *out, struct err_info *e)
{
    ssize_t n = getline(&l->buffer, &l->cap, l->file);
    if (n < 0)
        return ferror(l->file) ? err_errno(e, errno, "read", l->path ? l->path : "standard input")
                               : ERR_NOT_FOUND;
    l->number++;
    if ((size_t)n > LINE_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "line %llu: longer than 10 MiB", l->number);
    if (n && l->buffer[n - 1] == '\n')
        n--;
    if (n && l->buffer[n - 1] == '\r')
        n--;
    *out = (struct str){l->buffer, (size_t)n};
    return ERR_OK;
}
