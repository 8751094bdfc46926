/* The table of routes: what exists, what it takes, what it answers, what it costs. The router, the
 * validator, the metrics' labels and /openapi.json are made from it. Constant, no state; knows
 * nothing of the engine. */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "access/scope.h"
#include "api/schema.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>

enum route_id {
    ROUTE_COLLECTIONS_LIST,
    ROUTE_COLLECTIONS_CREATE,
    ROUTE_COLLECTION_GET,
    ROUTE_COLLECTION_UPDATE,
    ROUTE_COLLECTION_DELETE,
    ROUTE_ALIASES_LIST,
    ROUTE_ALIASES_SWAP,
    ROUTE_ALIAS_GET,
    ROUTE_ALIAS_PUT,
    ROUTE_ALIAS_DELETE,
    ROUTE_VERSIONS_LIST,
    ROUTE_VERSIONS_CREATE,
    ROUTE_VERSIONS_ROLLBACK,
    ROUTE_VERSION_GET,
    ROUTE_VERSION_DELETE,
    ROUTE_VERSION_PROMOTE,
    ROUTE_VERSION_COMPARE,
    ROUTE_RECOMMENDERS_LIST,
    ROUTE_RECOMMENDERS_TRAIN,
    ROUTE_RECOMMENDERS_ROLLBACK,
    ROUTE_RECOMMENDER_GET,
    ROUTE_RECOMMENDER_DELETE,
    ROUTE_RECOMMENDER_PROMOTE,
    ROUTE_RECOMMENDER_RETIRE,
    ROUTE_TASKS_LIST,
    ROUTE_TASK_GET,
    ROUTE_TASK_CANCEL,
    ROUTE_DOCUMENTS_LIST,
    ROUTE_DOCUMENTS_ADD,
    ROUTE_DOCUMENTS_DELETE,
    ROUTE_DOCUMENTS_GET,
    ROUTE_DOCUMENTS_EXPORT,
    ROUTE_DOCUMENT_GET,
    ROUTE_DOCUMENT_PUT,
    ROUTE_DOCUMENT_PATCH,
    ROUTE_DOCUMENT_DELETE,
    ROUTE_SEARCH_GET,
    ROUTE_SEARCH,
    ROUTE_MULTI_SEARCH,
    ROUTE_SIMILAR,
    ROUTE_CLASSIFY,
    ROUTE_FACET,
    ROUTE_RECOMMEND,
    ROUTE_RECOMMEND_BATCH,
    ROUTE_DOCUMENT_READERS,
    ROUTE_FEEDBACK_ADD,
    ROUTE_FEEDBACK_LIST,
    ROUTE_USER_PUT,
    ROUTE_USER_GET,
    ROUTE_USER_DELETE,
    ROUTE_USER_EXPORT,
    ROUTE_USER_RECOMMENDATIONS,
    ROUTE_EXPERIMENTS_LIST,
    ROUTE_EXPERIMENTS_CREATE,
    ROUTE_EXPERIMENT_GET,
    ROUTE_EXPERIMENT_PUT,
    ROUTE_EXPERIMENT_DELETE,
    ROUTE_EXPERIMENT_START,
    ROUTE_EXPERIMENT_STOP,
    ROUTE_RECOMMEND_STATS,
    ROUTE_RECOMMEND_ESTIMATE,
    ROUTE_SCORE_SOURCES,
    ROUTE_SCORES_BATCH,
    ROUTE_SCORES_CLEAR,
    ROUTE_SCORES_ALL_GET,
    ROUTE_SCORES_ALL_PUT,
    ROUTE_SCORES_ALL_DELETE,
    ROUTE_SCORES_GET,
    ROUTE_SCORES_PUT,
    ROUTE_SCORES_DELETE,
    ROUTE_EMBEDDINGS,
    ROUTE_MODELS_LIST,
    ROUTE_MODEL_GET,
    ROUTE_TEI_ROOT,
    ROUTE_TEI_EMBED,
    ROUTE_TEI_EMBED_ALL,
    ROUTE_TEI_SIMILARITY,
    ROUTE_TEI_TOKENIZE,
    ROUTE_TEI_DECODE,
    ROUTE_TEI_INFO,
    ROUTE_TEI_HEALTH,
    ROUTE_MCP,
    ROUTE_CHANGES,
    ROUTE_KEYS_LIST,
    ROUTE_KEYS_CREATE,
    ROUTE_KEY_GET,
    ROUTE_KEY_UPDATE,
    ROUTE_KEY_DELETE,
    ROUTE_KEY_ROTATE,
    ROUTE_BACKUPS_CREATE,
    ROUTE_CHECKS_CREATE,
    ROUTE_LIVEZ,
    ROUTE_READYZ,
    ROUTE_METRICS,
    ROUTE_VERSION,
    ROUTE_OPENAPI,
    ROUTE_PAGE,
    ROUTE_PAGE_STYLE,
    ROUTE_PAGE_SCRIPT,
    ROUTE_DOCS,
    ROUTE_DOCS_STYLE,
    ROUTE_DOCS_SCRIPT,
    ROUTE_DOCS_EXAMPLES,
    ROUTE_COUNT,
};

enum route_cost {
    COST_QUICK,       /* answered on the loop: takes microseconds, never waits */
    COST_INTERACTIVE, /* on the pool */
    COST_STREAM,      /* on the pool; a streamed body on the import pool */
};

/* What a body may be sent as. */
enum { MEDIA_JSON = 1, MEDIA_NDJSON = 2, MEDIA_MERGE_PATCH = 4 };

/* What a POST with an Idempotency-Key keeps, so that sending it again does nothing twice
 * (idempotency.h). 0: the header means nothing here. */
enum {
    KEEPS_ANSWER = 1,    /* if something was written */
    KEEPS_UNWRITTEN = 2, /* and if it is done without a write of its own to the store */
    KEEPS_READERS = 4,   /* the answer may name readers: forgetting one erases it */
    KEEPS_SECRET = 8,    /* only that it was done: the answer holds a secret */
};

/* In which shape a client of this route expects an error. */
enum error_shape { SHAPE_PROBLEM, SHAPE_OPENAI, SHAPE_TEI, SHAPE_RPC };

struct answer {
    int status; /* 0 ends a list */
    const struct schema *schema;
    const char *media; /* NULL: application/json, or no body without a schema */
    const char *help;
    const char *headers; /* "Location ETag": response headers that are always there */
};

struct route {
    const char *method, *path;
    const char *name; /* operationId */
    const char *tag, *help;
    const struct field
        *query; /* parameters in the query string; arrays are repeated or comma separated */
    const char *headers; /* request headers that it heeds: "If-Match" */
    const struct schema *body;
    unsigned media; /* MEDIA_*; 0: takes no body */
    bool body_optional;
    const struct answer *answers;
    const char *problems; /* further statuses with a problem document: "404 409" */
    unsigned scopes; /* any one of them lets a caller in; SCOPE_OPEN: no key is needed; 0: nobody */
    enum route_cost cost;
    enum error_shape shape;
    unsigned keeps; /* KEEPS_* */
    bool any_query; /* unknown query parameters are left alone (the page) */
};

extern const struct route routes[ROUTE_COUNT];

/* The schema of a path parameter by its name in the template: "c", "id". */
const struct field *route_path_parameter(const struct route *r, struct str name);

/* ---- the router (router.c) ---- */
#define ROUTE_VALUES_MAX 4
struct route_match {
    const struct route *route;                                    /* NULL: none */
    struct str names[ROUTE_VALUES_MAX], values[ROUTE_VALUES_MAX]; /* decoded, in the arena */
    unsigned count;
    bool head;      /* a HEAD that a GET route answers */
    bool options;   /* `allow` is the answer */
    char allow[64]; /* methods of this path, if the path is known */
};
/* `path` as it was sent. The path is split on '/' first and each segment decoded on its own, so an
 * encoded '/' or
 * ".." stays inside its segment. 0; ERR_NOT_FOUND: unknown path; ERR_SYNTAX: a bad escape or not
 * UTF-8; ERR_UNSUPPORTED: the path is known with other methods, `allow` names them. About one
 * comparison a route. */
enum err route_find(struct arena *a, struct str method, struct str path,
                    struct route_match *out) MUST_CHECK;
struct str route_value(const struct route_match *m, const char *name);

#endif
