/* Who asks: what a request's key allows. Made once a request by authentication (keys.h), read by
 * whoever answers; lives in the request's arena, constant after it was made. Knows nothing of HTTP
 * and nothing of the engine.
 *
 * A scope says what may be done, `collections` where, `filter` with which documents. What the
 * filter does not hold for does not exist for this caller: it is 404 by id, counts nowhere and
 * names nothing; writing what would not pass it is refused (403). */
#ifndef ACCESS_CALLER_H
#define ACCESS_CALLER_H

#include "access/limits.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum scope {
    SCOPE_DOCUMENTS_READ = 1 << 0,
    SCOPE_DOCUMENTS_WRITE = 1 << 1,
    SCOPE_SEARCH = 1 << 2, /* search, similar, facets */
    SCOPE_RECOMMEND = 1 << 3,
    SCOPE_FEEDBACK_WRITE = 1 << 4,
    SCOPE_USERS_READ = 1 << 5,
    SCOPE_USERS_WRITE = 1 << 6,
    SCOPE_EMBED = 1 << 7,
    SCOPE_TRAIN = 1 << 8,
    SCOPE_MODELS = 1 << 9,  /* embedding versions and recommenders: promote, roll back, delete */
    SCOPE_EVENTS = 1 << 10, /* changes, webhooks */
    SCOPE_BACKUP = 1 << 11,
    SCOPE_METRICS = 1 << 12,
    SCOPE_COLLECTIONS = 1 << 13, /* make, change, delete collections and aliases */
    SCOPE_KEYS = 1 << 14,
    SCOPE_ADMIN_ALL = 1 << 15, /* "admin": every scope */
};

/* A key that made the one that asks, or made the one that did, and its limits. */
struct maker {
    struct str key_id;
    struct limit requests, tokens; /* of its own; quota 0: the general one */
};

struct caller {
    unsigned scopes;               /* SCOPE_* */
    const struct str *collections; /* allowed names */
    unsigned collection_count;     /* 0: all of them */
    struct str filter; /* grammar of index/filter.h, checked when the key was made; empty: none */
    struct limit requests, tokens; /* of its own; quota 0: the general one */
    struct str key_id;             /* empty: nobody gave a key and none is wanted */
    const struct maker *makers;    /* whose limits it takes of too, nearest first; KEY_DEPTH_MAX */
    unsigned maker_count;
};

#endif
