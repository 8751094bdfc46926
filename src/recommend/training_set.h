/* What a training reads: the documents of a collection with their text vectors, and what each
 * reader did, in order. The server writes it as a file from one moment of the store, the worker
 * reads it; `akin eval recommend` makes one from public formats. Immutable once made: any thread.
 *
 * Items are the documents, by rising number; readers stand by rising key. Neither order tells when
 * something was stored, so that a collection from which a reader was erased gives the very set of
 * one that never had them. */
#ifndef RECOMMEND_TRAINING_SET_H
#define RECOMMEND_TRAINING_SET_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All that a reader did with one document, joined. */
struct training_act {
    uint32_t item;    /* place in `numbers` */
    float weight;     /* the sum by type and decay; > 0 liked, < 0 not wanted, never 0 */
    int64_t time_us;  /* of the last of it */
    uint64_t session; /* digest of the session's name; 0: none */
};
struct training_set {
    uint32_t items, readers, dims; /* dims 0: no text vectors */
    uint32_t *numbers;             /* items: document numbers, rising */
    int64_t *created_us;           /* items */
    uint16_t *vectors;             /* items x dims, float16, length 1; a row of zeros: has none */
    uint64_t *keys;                /* readers: digest of the user's id, rising */
    size_t *start;                 /* readers + 1 */
    struct training_act *acts;     /* of reader r: start[r] ... start[r + 1], by time, then item */
    uint64_t position;             /* the change of the store that it is of */
};
#define TRAINING_ITEMS_MAX (1u << 24)
#define TRAINING_READERS_MAX (1u << 26)

void training_set_free(struct training_set *s); /* NULL is allowed */
/* Checksummed; a file that is not whole, or that does not hold what it says, is ERR_CORRUPT. */
enum err training_set_save(const struct training_set *s, const char *path,
                           struct err_info *e) MUST_CHECK;
enum err training_set_load(const char *path, struct training_set **out,
                           struct err_info *e) MUST_CHECK;

#endif
