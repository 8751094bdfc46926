/* What a key allows: made by people, kept with the key, turned into a struct caller a request. */
#ifndef ACCESS_GRANT_H
#define ACCESS_GRANT_H

#include "access/limits.h"
#include "access/scope.h"
#include "base/address.h"
#include "base/arena.h"

#define GRANT_COLLECTIONS_MAX 1000
#define GRANT_ADDRESSES_MAX 100

struct grant {
    struct str name, description;
    unsigned scopes; /* SCOPE_*, at least one */
    const struct str *collections;
    unsigned collection_count; /* 0: all of them */
    struct str filter;         /* grammar of index/filter.h; empty: none */
    const struct prefix *addresses;
    unsigned address_count;        /* 0: from anywhere */
    int64_t expires_us;            /* 0: never */
    struct limit requests, tokens; /* of its own; quota 0: the general one */
};

void grant_copy(struct arena *a, const struct grant *from, struct grant *out);
/* `inner` and `outer` aside from their limits (grant_limits_within). Which field lets `inner` do
 * more than `outer`: "/scopes", "/collections", "/filter", "/addresses" or "/expires" with the
 * reason in `e` (ERR_DENIED). A filter is at most another if it is the same text, or "(OTHER) AND
 * (more)". */
enum err grant_within(const struct grant *inner, const struct grant *outer,
                      struct err_info *e) MUST_CHECK;
/* Whether its limits, or the general ones where it has none, admit no more than those of `outer`:
 * "/limits/requests" or "/limits/tokens" (ERR_DENIED). The scope admin is above limits. */
struct general_limits {
    struct limit requests, tokens;
};
enum err grant_limits_within(const struct grant *inner, const struct grant *outer,
                             const struct general_limits *general, struct err_info *e) MUST_CHECK;
/* The "more" of such a filter: whoever knows the grammar has to hold it to be one. Empty: the same
 * filter. False: it is neither. */
bool grant_filter_rest(struct str inner, struct str outer, struct str *rest);

#endif
