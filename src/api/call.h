/* One request on its way through api/: what was asked, who answers, how long each stage took. Lives
 * in the request's arena; one thread at a time (the loop, then one worker). Every handler ends with
 * exactly one call_* that replies; after that neither the call nor the request is touched. */
#ifndef API_CALL_H
#define API_CALL_H

#include "access/caller.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/validate.h"
#include "base/json.h"
#include "engine/engine.h"
#include "http/http.h"
#include <stdatomic.h>

struct api;
struct rpc;
struct call;

enum stage {
    STAGE_QUEUE,
    STAGE_PARSE,
    STAGE_EMBED,
    STAGE_WORDS,
    STAGE_VECTORS,
    STAGE_LOAD,
    STAGE_ENGINE,
    STAGE_RENDER,
    STAGE_COUNT
};

struct call {
    struct api *api;
    struct engine *engine;
    struct http_request *request;
    struct arena *arena;
    struct route_match match;
    const struct route *route;
    struct str alias; /* what the path says where `match` has the collection's own name; or empty */
    struct caller caller; /* its filter and collections bind whatever the handler does */
    unsigned media;       /* of the body */
    json_t *query;        /* checked, json_decref'd at the end */
    json_t *body;         /* checked; NULL without one */
    const json_t *input;  /* the body, or the query of a GET: the same fields */
    const char *path;     /* for the log */
    int64_t queued_ns;
    int64_t stage_ns[STAGE_COUNT];
    bool held;                  /* the answer, as http_hold has it */
    unsigned retry_s;           /* of a 429, 503 or 409; 0: as the engine says, not with a 409 */
    struct str idempotency_key; /* empty: none */
    struct repeat *repeat;      /* until it is answered: what is written is of this */
    const char *kept_headers;   /* "Name: value\n" of what belongs to what was done; NULL: none */
    uint64_t spool_bytes;       /* held of the quota until the answer is sent */
    uint64_t *export_seat;      /* of an export: server.h */
    struct rpc *rpc;            /* at /mcp (mcp.h) */
    const char *within; /* pointers in problems are of what stands here in what was sent; or NULL */
    /* Takes the answer (NULL: an empty one) in the place of the client, once. */
    void (*reply)(struct call *c, int status, struct strbuf *answer);
};

/* ---- replies ---- */
/* `out` is taken over. A buffer that failed at its bound becomes a 413. */
void call_json(struct call *c, int status, struct strbuf *out);
void call_empty(struct call *c, int status);
/* The status follows from e->code and e->field. */
void call_error(struct call *c, const struct err_info *e);
/* The same where the engine speaks of a pointer into a body and a GET has parameters. */
void call_input_error(struct call *c, const struct err_info *e);
void call_faults(struct call *c, const struct faults *f);
void call_problem(struct call *c, int status, const char *code, const char *detail);
/* Headers that belong to what was done. */
void call_position(struct call *c, struct str position);
void call_position_now(struct call *c); /* of a write that returns none of its own */
void call_etag(struct call *c, uint64_t revision);
void call_location(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- the checked input: typed, with the default if absent or null ---- */
struct str input_str(const json_t *v, const char *name);
struct str input_id(struct arena *a, const json_t *v, const char *name);
int64_t input_int(const json_t *v, const char *name, int64_t fallback);
double input_double(const json_t *v, const char *name, double fallback);
bool input_bool(const json_t *v, const char *name, bool fallback);
/* NULL and *count 0 if absent. Integers among them become strings. */
struct str *input_strs(struct arena *a, const json_t *v, const char *name, size_t *count);

void input_version_choice(const json_t *v, struct version_choice *out);
struct str call_collection(const struct call *c);
struct str call_id(const struct call *c);
/* `text` percent-encoded as one path segment, in the arena. */
const char *segment_encode(struct arena *a, struct str text);
/* What a cursor of this list is bound to: route, collection and all input but limit, offset and
 * cursor. */
uint64_t call_binding(const struct call *c);
uint64_t input_binding(uint64_t binding, const json_t *input); /* of a part of it */
/* Akin-Min-Position, If-Match and If-None-Match. */
enum err call_wait_position(struct call *c, struct err_info *e) MUST_CHECK;

/* ---- the handlers, a file a group ---- */
typedef void call_run(struct call *c);
call_run run_collections_list, run_collection_create, run_collection_get, run_collection_update,
    run_collection_delete;
call_run run_aliases_list, run_aliases_swap, run_alias_get, run_alias_put, run_alias_delete;
call_run run_versions_list, run_version_create, run_version_get, run_version_delete,
    run_version_promote, run_version_rollback, run_version_compare;
call_run run_recommenders_list, run_recommender_train, run_recommender_rollback,
    run_recommender_get, run_recommender_delete, run_recommender_promote, run_recommender_retire;
call_run run_tasks_list, run_task_get, run_task_cancel;
call_run run_documents_list, run_documents_add, run_documents_delete, run_documents_get,
    run_document_get, run_document_put, run_document_patch, run_document_delete;
call_run run_import, run_documents_export;
call_run run_search, run_multi_search, run_similar, run_classify, run_facet;
call_run run_recommend, run_recommend_batch, run_user_recommendations, run_document_readers;
call_run run_feedback_add, run_feedback_list, run_user_put, run_user_get, run_user_delete,
    run_user_export;
call_run run_experiments_list, run_experiment_create, run_experiment_get, run_experiment_put,
    run_experiment_delete, run_experiment_start, run_experiment_stop, run_recommend_stats,
    run_recommend_estimate;
call_run run_score_sources, run_scores_batch, run_scores_clear, run_scores_get, run_scores_put,
    run_scores_delete;
call_run run_keys_list, run_key_create, run_key_get, run_key_update, run_key_rotate, run_key_delete;
call_run run_embeddings, run_models_list, run_model_get;
call_run run_tei_embed, run_tei_embed_all, run_tei_similarity, run_tei_tokenize, run_tei_decode,
    run_tei_info;
call_run run_changes, run_backup_create, run_check_create, run_livez, run_readyz, run_metrics,
    run_version, run_openapi;
call_run run_mcp;
call_run run_page;

#endif
