/* Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): a POST that carries one, and
 * wrote something, is not done again when it comes again; its answer is given again. Which routes:
 * their `keeps` in routes.c.
 *
 * A key is 1 to 255 characters of visible ASCII, in quotes (as the draft has it) or bare; it
 * belongs to who asks (a key of the API, or nobody) and to method and path. The request is compared
 * by a digest of query and body, decoded. What is answered otherwise than 2xx is not kept; but if
 * something was written before it failed, that is known, and the request is refused from then on.
 *
 * Rights are judged before, as of now. An answer that was given under other bounds of the key (its
 * filter; its collections, where the path names none) is not given again. */
#ifndef API_IDEMPOTENCY_H
#define API_IDEMPOTENCY_H

#include "api/call.h"

struct api;

void idempotency_metrics(struct api *a);
/* Loop thread; true: refused. Reads the header. */
bool refused_by_idempotency_key(struct call *c);
/* Worker, with the body decoded; true: answered. Else what follows on this thread is of the
 * request, until it is answered. */
bool idempotency_answered(struct call *c);
/* Before an answer is sent: keeps it, if it is to be kept. */
void idempotency_settle(struct call *c, int status, struct str body);

#endif
