/* Lines of standard input, or of a file, for commands that work a line at a time. */
#ifndef MAIN_LINES_H
#define MAIN_LINES_H

#include "base/err.h"
#include "base/str.h"
#include <stdio.h>

#define LINE_BYTES_MAX ((size_t)10 << 20)

struct lines {
    FILE *file;
    const char *path;
    char *buffer;
    size_t cap;
    unsigned long long number; /* of the line last read, from 1 */
};
/* `path` NULL or "-": standard input. */
enum err lines_open(struct lines *l, const char *path, struct err_info *e) MUST_CHECK;
void lines_close(struct lines *l);
/* Without its line break; valid until the next call. ERR_NOT_FOUND at the end; ERR_TOO_LARGE over
 * LINE_BYTES_MAX. */
enum err lines_next(struct lines *l, struct str *out, struct err_info *e) MUST_CHECK;

#endif
