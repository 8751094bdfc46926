/* The file from which a target reads its input: in memory, one a process, removed at the end. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "base/arena.h"
#include "base/file.h"
#include "base/section.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char fuzz_path[64];

static inline void fuzz_file_remove(void)
{
    unlink(fuzz_path);
}

static inline void fuzz_file_name(const char *target)
{
    snprintf(fuzz_path, sizeof fuzz_path, "/dev/shm/akin-fuzz-%s-%ld", target, (long)getpid());
    atexit(fuzz_file_remove);
}

/* Empty. */
static inline struct file *fuzz_file_new(void)
{
    struct file *f = NULL;
    if (file_open(fuzz_path, FILE_CREATE, &f, NULL))
        abort();
    return f;
}

/* raw: the bytes as they are. Else `head`, and a section whose frame and checksums are right, so
 * that what is behind them is reached; the bytes are its payload. */
static inline struct file *fuzz_file_put(const void *head, size_t head_n, const void *data,
                                         size_t n, bool raw)
{
    struct file *f = fuzz_file_new();
    if (raw ? n && file_write(f, data, n, NULL) : head_n && file_write(f, head, head_n, NULL))
        abort();
    if (!raw) {
        struct section_writer *w = section_writer_new(f);
        section_put(w, data, n);
        if (section_writer_end(w, NULL))
            abort();
    }
    return f;
}

/* A copy of a real payload with edits, 3 bytes each: where (u16) and which bits. free() */
static inline uint8_t *fuzz_edited(const void *sample, size_t sample_n, const uint8_t *edits,
                                   size_t n)
{
    uint8_t *payload = xmalloc(sample_n);
    memcpy(payload, sample, sample_n);
    for (; n >= 3; edits += 3, n -= 3)
        payload[(edits[0] | (size_t)edits[1] << 8) % sample_n] ^= edits[2];
    return payload;
}

#endif
