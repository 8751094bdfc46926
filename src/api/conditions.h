/* If-Match and If-None-Match: ETags are revisions in quotes. Pure. */
#ifndef API_CONDITIONS_H
#define API_CONDITIONS_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

#define ETAGS_MAX 16
struct etags {
    bool any; /* * */
    uint64_t
        revisions[ETAGS_MAX]; /* those that can be ours; weak ones and strange ones never match */
    unsigned count;
};
/* ERR_INVALID with the header's name as field: not a list of ETags. */
enum err etags_parse(struct str text, const char *header, struct etags *out,
                     struct err_info *e) MUST_CHECK;
bool etags_have(const struct etags *t, uint64_t revision);

#endif
