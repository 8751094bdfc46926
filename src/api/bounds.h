/* What a caller is bound to, for handlers: the filter of its key and its collections
 * (access/caller.h). authorize() has judged the collection of the path; what a body names and what
 * lists hold is judged here. */
#ifndef API_BOUNDS_H
#define API_BOUNDS_H

#include "api/call.h"

/* Answers 403 where a caller that is bound by a filter, or to collections, asks for what is not of
 * documents, or of one collection, alone: true. A route has to be listed as one that heeds the
 * bound; one that was forgotten is refused. */
bool refused_by_bounds(struct call *c);
/* May the caller know of the collection? */
bool call_knows(const struct call *c, struct str collection);
/* The next `want` collections behind `after` that it may know of, by name; out[want]. Errors are
 * the engine's. */
enum err collections_known(struct call *c, struct str after, size_t want,
                           struct collection_info *out, size_t *count, struct err_info *e);
/* What the engine says of a collection that is not there. */
enum err collection_unknown(struct str name, struct err_info *e);
/* Of all cursors: one that was made for another view is not one of this list. */
uint64_t bounds_binding(const struct call *c, uint64_t binding);

#endif
