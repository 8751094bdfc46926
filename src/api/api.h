/* The API: routes, JSON in and out. One table (routes.c) describes every route: method, path,
 * parameters, body fields with types and bounds, answers, scope, cost. The router, the validator
 * and /openapi.json are made from it. One engine call a route. Work runs on a pool, never on the
 * loops of http/. */
#ifndef API_API_H
#define API_API_H

#include "access/limits.h"
#include "base/err.h"
#include "base/str.h"
#include "http/http.h"
#include <stdbool.h>

struct engine;
struct api;

enum rate_policy { RATE_KEY, RATE_USER, RATE_ADDRESS, RATE_TOKENS, RATE_POLICIES };

struct api_options {
    unsigned workers;         /* 0: 2 x cores, at least 4 */
    unsigned queue_max;       /* waiting requests; 0: 256. Full: 503 with Retry-After */
    unsigned imports_max;     /* NDJSON streams at a time; 0: 4 */
    bool key_wanted;          /* false: whoever sends none may do everything (loopback only) */
    const char *admin_key;    /* may do everything, besides the keys that were made; NULL: none */
    const char *tmp_dir;      /* spools of import results */
    uint64_t spool_bytes_max; /* 0: 1 GiB over all spools: 507 beyond */
    const char *const *model_aliases; /* "NAME" (of the default model) or "NAME=MODEL"; borrowed */
    unsigned alias_count;
    const char *commit; /* for /version; NULL: unknown */
};

struct api *api_new(struct engine *x, const struct api_options *o);
void api_handler(struct api *a, struct http_handler *out); /* give it to http_open */
/* From the next request on; all zero: no limits. Any thread. */
void api_limit(struct api *a, const struct limit limits[RATE_POLICIES]);
/* The same of who must show a key, and of the one that was set (as of api_options). Any thread. */
void api_admit(struct api *a, bool key_wanted, const char *admin_key);
void api_drain(struct api *a); /* /readyz turns red; requests are still served */
void api_free(struct api *a);  /* after http_stop */

/* The OpenAPI 3.1 document, as /openapi.json serves it. */
void api_openapi(struct strbuf *out);

#endif
