/* A file of a head and one section (section.h), and nothing behind it. Numbers little-endian.
 *
 *   0   8  magic
 *   8   4  format, 1 and up  \  only where
 *   12  4  0                 /  `formats` is not 0
 *   16     the section
 *
 * One thread a call; a reader sees the old file or the new one, never half. */
#ifndef BASE_SECTION_FILE_H
#define BASE_SECTION_FILE_H

#include "base/err.h"
#include <stdint.h>

struct section_reader;
struct section_writer;
struct section_file {
    char magic[8];
    uint32_t formats; /* the highest one that is read; 0: the magic says it all */
    const char *what; /* "a classifier of akin", for "PATH is not ..." */
};

/* Written beside the old file, synced, renamed over it. On an error nothing is left of it. */
enum err section_file_save(const struct section_file *kind, uint32_t format, const char *path,
                           void (*put)(const void *ctx, struct section_writer *w), const void *ctx,
                           struct err_info *e) MUST_CHECK;
/* `get` tells what is wrong by section_corrupt; what it made is the caller's, who frees it on an
 * error too. ERR_UNSUPPORTED: another kind of file, or a newer akin's. ERR_INVALID: it is no file
 * that ends. */
enum err section_file_load(const struct section_file *kind, const char *path,
                           void (*get)(void *ctx, uint32_t format, struct section_reader *r),
                           void *ctx, struct err_info *e) MUST_CHECK;

#endif
