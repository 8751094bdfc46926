/* Lines of standard input, or of a file, for commands that work a line at a time. */
#ifndef MAIN_INPUT_H
#define MAIN_INPUT_H

#include "base/err.h"
#include "base/str.h"
#include <stdio.h>

#define LINE_BYTES_MAX ((size_t)10 << 20)

struct input {
    FILE *file;
    const char *path;
    char *buffer;
    size_t cap;
    unsigned long long number; /* of the line last read, from 1 */
};
/* `path` NULL or "-": standard input. */
enum err input_open(struct input *l, const char *path, struct err_info *e) MUST_CHECK;
void input_close(struct input *l);
/* Without its line break; valid until the next call. ERR_NOT_FOUND at the end; ERR_TOO_LARGE over
 * LINE_BYTES_MAX. */
enum err input_next(struct input *l, struct str *out, struct err_info *e) MUST_CHECK;

#endif
