/* Progress of long work: a bar on a terminal, a plain line every few seconds elsewhere. One thread.
 */
#ifndef MAIN_PROGRESS_H
#define MAIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* "embedding" */
    const char *unit; /* "documents" */
    uint64_t total;   /* 0: not known */
    int64_t started_ns, shown_ns;
    bool terminal, quiet;
};
void progress_start(struct progress *p, const char *what, const char *unit, uint64_t total);
void progress_show(struct progress *p,
                   uint64_t done); /* cheap; prints a few times a second at most */
void progress_end(struct progress *p, uint64_t done);

#endif
