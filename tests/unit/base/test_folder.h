/* A folder of a test's own, and a hook that records what is done to the disk and can fail it. */
#ifndef BASE_TEST_FOLDER_H
#define BASE_TEST_FOLDER_H

#include "base/file.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char test_folder[64];

static inline int folder_make(void **state)
{
    snprintf(test_folder, sizeof test_folder, "/tmp/akin-test-XXXXXX");
    return mkdtemp(test_folder) ? 0 : -1;
}

static inline int folder_remove(void **state)
{
    file_hook(NULL);
    return file_remove_tree(test_folder, NULL);
}

static inline const char *path_of(const char *name)
{
    static char paths[8][256];
    static int next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", test_folder, name);
    return p;
}

struct record {
    char text[16384]; /* "write name@offset+n\n" ... */
    size_t n;
    int fail_op, fail_after, fail_errno; /* the fail_after'th fail_op (from 0) fails */
    size_t torn;
};

static inline void record_line(struct record *r, enum file_op op, const char *path, uint64_t offset,
                               size_t n)
{
    static const char *const names[] = {"open",     "read",   "write", "sync",
                                        "truncate", "rename", "remove"};
    const char *slash = strrchr(path, '/');
    if (op == FILE_READ || r->n > sizeof r->text - 300)
        return;
    r->n += (size_t)snprintf(r->text + r->n, sizeof r->text - r->n, "%s %.200s@%llu+%zu\n",
                             names[op], slash ? slash + 1 : path, (unsigned long long)offset, n);
}

static inline int record_before(void *ctx, enum file_op op, const char *path, uint64_t offset,
                                size_t n, size_t *torn)
{
    struct record *r = ctx;
    if (!r->fail_errno || (int)op != r->fail_op || r->fail_after-- != 0)
        return 0;
    *torn = r->torn;
    return r->fail_errno;
}

static inline void record_after(void *ctx, enum file_op op, const char *path, uint64_t offset,
                                const void *data, size_t n)
{
    record_line(ctx, op, path, offset, n);
}

static inline void record_start(struct record *r)
{
    memset(r, 0, sizeof *r);
    file_hook(&(struct file_hook){record_before, record_after, r});
}

#endif
