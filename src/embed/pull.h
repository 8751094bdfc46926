/* What model_pull is made of (private): where the files of a model come from. */
#ifndef EMBED_PULL_H
#define EMBED_PULL_H

#include "base/err.h"
#include "embed/embed.h"
#include <stdbool.h>
#include <stdint.h>

/* The files of a model directory that akin reads; nothing else is ever copied or unpacked, so no
 * name out of an archive or a server reaches the disk. */
struct pull_file {
    const char *name;
    bool required;
    uint64_t bytes_max;
};
#define PULL_FILES 11
extern const struct pull_file pull_files[PULL_FILES];

struct pull {
    const char *source, *dir;    /* `dir` exists, with 1_Pooling in it */
    model_progress_fn *progress; /* may be NULL */
    void *ctx;
    const struct outbound_rules *outbound; /* may be NULL */
};
enum err pull_from_zip(const struct pull *p, struct err_info *e) MUST_CHECK;
/* https; http for loopback only, for tests. Redirects are held to `outbound`. */
enum err pull_from_hub(const struct pull *p, struct err_info *e) MUST_CHECK;

static inline void pull_progress(const struct pull *p, const char *file, uint64_t done,
                                 uint64_t total)
{
    if (p->progress)
        p->progress(p->ctx, file, done, total);
}

#endif
