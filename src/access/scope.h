/* The names of scopes, and the one place that says who may do what. Pure: no state, no clock. */
#ifndef ACCESS_SCOPE_H
#define ACCESS_SCOPE_H

#include "access/caller.h"
#include "base/err.h"
#include "base/str.h"

#define SCOPE_COUNT 16
#define SCOPES_ALL ((1u << SCOPE_COUNT) - 1)
/* What a route may want instead: nobody needs a key for it (health checks, the page). */
#define SCOPE_OPEN (1u << 30)

/* "documents.read"; NULL beyond SCOPE_COUNT. */
const char *scope_name(unsigned index);
/* 0: no such scope. */
unsigned scope_parse(struct str name);
/* "search or recommend", cut at `size`. */
void scopes_print(unsigned scopes, char *out, size_t size);

/* What is left of a caller's scopes once its bounds are heeded: admin is all of them; of what
 * concerns the whole server (backup, metrics) a caller that is bound to collections or by a filter
 * has nothing, and one that is bound by a filter has nothing of what concerns a whole collection
 * (collections, models, train). */
unsigned caller_scopes(const struct caller *c);

enum access_verdict {
    ACCESS_ALLOWED,
    ACCESS_UNAUTHENTICATED, /* a key is needed: 401 */
    ACCESS_DENIED,          /* no scope for it: 403 */
    ACCESS_OUTSIDE, /* another collection, which for this caller is not there: 404, writes 403 */
};
/* Deny by default. `c` NULL: nobody said who asks. `wanted`: any one of these scopes is enough;
 * 0: nobody may; SCOPE_OPEN: everybody may. `collection`: the one in the path, empty without. */
enum access_verdict authorize(const struct caller *c, unsigned wanted,
                              struct str collection) MUST_CHECK;

#endif
