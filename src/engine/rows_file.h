/* The rows of a collection on disk, a cache of the store with a position: attributes and live
 * state, or the words, or the vectors of one version. The merger saves them while the applier goes
 * on; loading is for the thread that opens the collection. */
#ifndef ENGINE_ROWS_FILE_H
#define ENGINE_ROWS_FILE_H

#include "engine/internal.h"

/* Which file: of the documents, or of the words, or (`v`) of a version. */
struct rows_of {
    struct collection *c;
    struct version *v; /* NULL: the documents */
    bool words;
};

/* Synced, and in place of the one before; on an error that one stays. */
enum err rows_save(const struct rows_of *of, const struct position *at,
                   struct err_info *e) MUST_CHECK;
/* ERR_NOT_FOUND: there is none. ERR_CORRUPT: damaged, of another lineage, version or model, or
 * ahead of `now`; live state may be half filled then. */
enum err rows_load(const struct rows_of *of, const struct position *now,
                   struct err_info *e) MUST_CHECK;

#endif
