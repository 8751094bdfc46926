/* If-Match and If-None-Match. An ETag is the revision in quotes, "17". Where reading adds to what
 * was written (predicted, duplicate_of, pending), which may change while the revision stands, a
 * mark of it follows: "17-9f86d081". A write is bound to the revision; a reading is the same only
 * if the mark is. Pure. */
#ifndef API_CONDITIONS_H
#define API_CONDITIONS_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

#define ETAGS_MAX 16
struct etag {
    uint64_t revision;
    uint32_t mark; /* 0: none */
};
struct etags {
    bool any;                    /* * */
    struct etag tags[ETAGS_MAX]; /* those that can be ours; strange ones never match */
    unsigned count;
};
/* ERR_INVALID with the header's name as field: not a list of ETags. */
enum err etags_parse(struct str text, const char *header, struct etags *out,
                     struct err_info *e) MUST_CHECK;
bool etags_have(const struct etags *t, uint64_t revision);
bool etags_have_reading(const struct etags *t, const struct etag *tag);
#define ETAG_TEXT 40
void etag_format(const struct etag *tag, char out[ETAG_TEXT]); /* with its quotes */

#endif
