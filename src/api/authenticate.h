/* Who asks, and may they? The only place where a key is looked at. */
#ifndef API_AUTHENTICATE_H
#define API_AUTHENTICATE_H

#include "api/call.h"
#include "base/metrics.h"

/* Of auth_failures_total; a reason a counter. */
enum auth_failure {
    AUTH_MISSING,
    AUTH_MALFORMED, /* begins like a key of ours, its checksum is another */
    AUTH_WRONG,
    AUTH_EXPIRED,
    AUTH_ADDRESS,    /* not from there: 403 */
    AUTH_URL,        /* in the address, where none is ever taken: 400 */
    AUTH_AMBIGUOUS,  /* two different keys */
    AUTH_SCOPE,      /* 403 */
    AUTH_COLLECTION, /* another one than the key's */
    AUTH_FAILURES
};
extern const char *const auth_failure_names[AUTH_FAILURES];

/* Fills in c->caller from the request's key and c->alias, or answers 400, 401, 403 or 404: then
 * true. Loop thread; about a microsecond. Takes short locks (keys, limits, aliases); no I/O. */
bool refused_by_key(struct call *c);
/* The last part of it: may c->caller do what c->route is, in the collection of its path? */
bool refused_by_scope(struct call *c);

/* The collection of the path, where it names an alias: c->match then has the collection's own name,
 * c->alias the alias. Answers 403 or 404 if that one is not the caller's: true. Once more when the
 * work begins, since the alias may have moved. */
bool refused_by_collection(struct call *c);

/* Does the key still allow what it allowed when the request came? For answers that take long. About
 * a microsecond; any one thread. */
bool key_still_fits(const struct call *c, struct arena *scratch);

#endif
