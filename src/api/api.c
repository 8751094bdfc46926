#include "api/authenticate.h"
#include "api/bounds.h"
#include "api/idempotency.h"
#include "api/mcp.h"
#include "api/rate.h"
#include "api/server.h"
#include "base/clock.h"
#include "base/log.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The way of a request: headers (loop thread: route, key, media type, path and query judged; may
 * refuse) -> request (loop: quick ones answered, the others queued) -> work (pool: body judged, one
 * engine call, answer) -> done (metrics, log). */

static call_run *const handlers[ROUTE_COUNT] = {
    [ROUTE_COLLECTIONS_LIST] = run_collections_list,
    [ROUTE_COLLECTIONS_CREATE] = run_collection_create,
    [ROUTE_COLLECTION_GET] = run_collection_get,
    [ROUTE_COLLECTION_UPDATE] = run_collection_update,
    [ROUTE_COLLECTION_DELETE] = run_collection_delete,
    [ROUTE_ALIASES_LIST] = run_aliases_list,
    [ROUTE_ALIASES_SWAP] = run_aliases_swap,
    [ROUTE_ALIAS_GET] = run_alias_get,
    [ROUTE_ALIAS_PUT] = run_alias_put,
    [ROUTE_ALIAS_DELETE] = run_alias_delete,
    [ROUTE_VERSIONS_LIST] = run_versions_list,
    [ROUTE_VERSIONS_CREATE] = run_version_create,
    [ROUTE_VERSIONS_ROLLBACK] = run_version_rollback,
    [ROUTE_VERSION_GET] = run_version_get,
    [ROUTE_VERSION_DELETE] = run_version_delete,
    [ROUTE_VERSION_PROMOTE] = run_version_promote,
    [ROUTE_VERSION_COMPARE] = run_version_compare,
    [ROUTE_RECOMMENDERS_LIST] = run_recommenders_list,
    [ROUTE_RECOMMENDERS_TRAIN] = run_recommender_train,
    [ROUTE_RECOMMENDERS_ROLLBACK] = run_recommender_rollback,
    [ROUTE_RECOMMENDER_GET] = run_recommender_get,
    [ROUTE_RECOMMENDER_DELETE] = run_recommender_delete,
    [ROUTE_RECOMMENDER_PROMOTE] = run_recommender_promote,
    [ROUTE_RECOMMENDER_RETIRE] = run_recommender_retire,
    [ROUTE_TASKS_LIST] = run_tasks_list,
    [ROUTE_TASK_GET] = run_task_get,
    [ROUTE_TASK_CANCEL] = run_task_cancel,
    [ROUTE_DOCUMENTS_LIST] = run_documents_list,
    [ROUTE_DOCUMENTS_ADD] = run_documents_add,
    [ROUTE_DOCUMENTS_DELETE] = run_documents_delete,
    [ROUTE_DOCUMENTS_GET] = run_documents_get,
    [ROUTE_DOCUMENTS_EXPORT] = run_documents_export,
    [ROUTE_DOCUMENT_GET] = run_document_get,
    [ROUTE_DOCUMENT_PUT] = run_document_put,
    [ROUTE_DOCUMENT_PATCH] = run_document_patch,
    [ROUTE_DOCUMENT_DELETE] = run_document_delete,
    [ROUTE_SEARCH_GET] = run_search,
    [ROUTE_SEARCH] = run_search,
    [ROUTE_MULTI_SEARCH] = run_multi_search,
    [ROUTE_SIMILAR] = run_similar,
    [ROUTE_CLASSIFY] = run_classify,
    [ROUTE_FACET] = run_facet,
    [ROUTE_RECOMMEND] = run_recommend,
    [ROUTE_RECOMMEND_BATCH] = run_recommend_batch,
    [ROUTE_DOCUMENT_READERS] = run_document_readers,
    [ROUTE_FEEDBACK_ADD] = run_feedback_add,
    [ROUTE_FEEDBACK_LIST] = run_feedback_list,
    [ROUTE_USER_PUT] = run_user_put,
    [ROUTE_USER_GET] = run_user_get,
    [ROUTE_USER_DELETE] = run_user_delete,
    [ROUTE_USER_EXPORT] = run_user_export,
    [ROUTE_USER_RECOMMENDATIONS] = run_user_recommendations,
    [ROUTE_EXPERIMENTS_LIST] = run_experiments_list,
    [ROUTE_EXPERIMENTS_CREATE] = run_experiment_create,
    [ROUTE_EXPERIMENT_GET] = run_experiment_get,
    [ROUTE_EXPERIMENT_PUT] = run_experiment_put,
    [ROUTE_EXPERIMENT_DELETE] = run_experiment_delete,
    [ROUTE_EXPERIMENT_START] = run_experiment_start,
    [ROUTE_EXPERIMENT_STOP] = run_experiment_stop,
    [ROUTE_RECOMMEND_STATS] = run_recommend_stats,
    [ROUTE_RECOMMEND_ESTIMATE] = run_recommend_estimate,
    [ROUTE_SCORE_SOURCES] = run_score_sources,
    [ROUTE_SCORES_BATCH] = run_scores_batch,
    [ROUTE_SCORES_CLEAR] = run_scores_clear,
    [ROUTE_SCORES_ALL_GET] = run_scores_get,
    [ROUTE_SCORES_ALL_PUT] = run_scores_put,
    [ROUTE_SCORES_ALL_DELETE] = run_scores_delete,
    [ROUTE_SCORES_GET] = run_scores_get,
    [ROUTE_SCORES_PUT] = run_scores_put,
    [ROUTE_SCORES_DELETE] = run_scores_delete,
    [ROUTE_EMBEDDINGS] = run_embeddings,
    [ROUTE_MODELS_LIST] = run_models_list,
    [ROUTE_MODEL_GET] = run_model_get,
    [ROUTE_TEI_ROOT] = run_tei_embed,
    [ROUTE_TEI_EMBED] = run_tei_embed,
    [ROUTE_TEI_EMBED_ALL] = run_tei_embed_all,
    [ROUTE_TEI_SIMILARITY] = run_tei_similarity,
    [ROUTE_TEI_TOKENIZE] = run_tei_tokenize,
    [ROUTE_TEI_DECODE] = run_tei_decode,
    [ROUTE_TEI_INFO] = run_tei_info,
    [ROUTE_TEI_HEALTH] = run_readyz,
    [ROUTE_MCP] = run_mcp,
    [ROUTE_CHANGES] = run_changes,
    [ROUTE_KEYS_LIST] = run_keys_list,
    [ROUTE_KEYS_CREATE] = run_key_create,
    [ROUTE_KEY_GET] = run_key_get,
    [ROUTE_KEY_UPDATE] = run_key_update,
    [ROUTE_KEY_DELETE] = run_key_delete,
    [ROUTE_KEY_ROTATE] = run_key_rotate,
    [ROUTE_BACKUPS_CREATE] = run_backup_create,
    [ROUTE_CHECKS_CREATE] = run_check_create,
    [ROUTE_LIVEZ] = run_livez,
    [ROUTE_READYZ] = run_readyz,
    [ROUTE_METRICS] = run_metrics,
    [ROUTE_VERSION] = run_version,
    [ROUTE_OPENAPI] = run_openapi,
    [ROUTE_PAGE] = run_page,
    [ROUTE_PAGE_STYLE] = run_page,
    [ROUTE_PAGE_SCRIPT] = run_page,
    [ROUTE_DOCS] = run_page,
    [ROUTE_DOCS_STYLE] = run_page,
    [ROUTE_DOCS_SCRIPT] = run_page,
    [ROUTE_DOCS_EXAMPLES] = run_page,
};

void route_run(struct call *c)
{
    handlers[c->route - routes](c);
}

static const char *const stage_names[STAGE_COUNT] = {
    "queue_ms",   "parse_ms", "embed_ms",  "words_ms",
    "vectors_ms", "load_ms",  "engine_ms", "render_ms",
};

/* ---- headers ---- */

static const char *path_for_log(struct arena *a, struct str path)
{
    char *out = arena_alloc(a, path.n + 1);
    size_t n;
    (void)key_mask(path, out, &n);
    out[n] = '\0';
    return out;
}

static struct call *call_new(struct api *a, struct http_request *r)
{
    struct call *c = arena_zalloc(http_arena(r), sizeof *c);
    c->api = a;
    c->engine = a->engine;
    c->request = r;
    c->arena = http_arena(r);
    c->path = path_for_log(c->arena, http_path(r));
    http_set_user(r, c);
    gauge_add(a->in_flight, 1);
    return c;
}

static bool refused_by_route(struct call *c)
{
    enum err err = route_find(c->arena, http_method(c->request), http_path(c->request), &c->match);
    c->route = c->match.route;
    if (c->match.allow[0])
        if (err || c->match.options)
            http_add_header(c->request, "Allow", c->match.allow);
    if (err == ERR_SYNTAX)
        call_problem(c, 400, err_name(err), "the path is not percent-encoded UTF-8");
    else if (err == ERR_NOT_FOUND)
        call_problem(c, 404, err_name(err), "there is no such route; GET /openapi.json lists them");
    else if (err)
        call_problem(c, 405, "method_not_allowed",
                     arena_printf(c->arena, "this path takes %s", c->match.allow));
    else if (c->match.options)
        call_empty(c, 204);
    else
        return false;
    return true;
}

static bool refused_by_media(struct call *c)
{
    char names[128];
    const struct route *r = c->route;
    if (!r->media)
        return false;
    c->media = media_parse(http_header(c->request, "Content-Type")) & r->media;
    if (!c->media && r->body_optional && !http_body_comes(c->request))
        c->media = MEDIA_JSON;
    if (c->media)
        return false;
    media_names(r->media, names, sizeof names);
    http_add_header(c->request, !strcmp(r->method, "PATCH") ? "Accept-Patch" : "Accept-Post",
                    names);
    call_problem(c, err_status(ERR_UNSUPPORTED, NULL), err_name(ERR_UNSUPPORTED),
                 arena_printf(c->arena, "Content-Type must be %s", names));
    return true;
}

static bool refused_by_parameters(struct call *c)
{
    struct faults *f = arena_alloc(c->arena, sizeof *f);
    unsigned count;
    const struct http_param *params = http_params(c->request, &count);
    faults_init(f, c->arena);
    validate_path(&c->match, f);
    c->query = validate_query(c->route, params, count, f);
    c->input = c->query;
    if (!f->total)
        return false;
    call_faults(c, f);
    return true;
}

static enum http_body on_headers(void *ctx, struct http_request *r)
{
    struct call *c = call_new(ctx, r);
    if (refused_by_route(c) || refused_by_address_rate(c) || refused_by_key(c) ||
        refused_by_key_rate(c) || refused_by_bounds(c) || refused_by_media(c) ||
        refused_by_parameters(c) || refused_by_idempotency_key(c))
        return HTTP_BODY_NONE;
    if (!c->route->media)
        return HTTP_BODY_NONE;
    return c->media == MEDIA_NDJSON ? HTTP_BODY_STREAM : HTTP_BODY_WHOLE;
}

/* ---- work ---- */

/* Nobody waits for the answer any more, or nobody may: then nothing is done. */
static bool dropped(struct call *c, int64_t now)
{
    struct err_info e = {0};
    if (http_departed(c->request))
        err_set(&e, ERR_CANCELLED, NULL, "the peer has left");
    else if (c->media != MEDIA_NDJSON && now >= http_deadline_ns(c->request))
        err_set(&e, ERR_TIMEOUT, NULL,
                "the request waited for longer than its deadline; try again later");
    else
        return false;
    call_error(c, &e);
    return true;
}

static bool body_read(struct call *c)
{
    struct err_info e = {0};
    struct faults *f = arena_alloc(c->arena, sizeof *f);
    int64_t start = clock_mono_ns();
    faults_init(f, c->arena);
    if (http_body_expand(c->request, &e)) {
        call_error(c, &e);
        return false;
    }
    if (c->route->body_optional && !http_body(c->request).n)
        return true;
    enum err err = body_check(c->route, http_body(c->request), &c->body, f, &e);
    c->stage_ns[STAGE_PARSE] = clock_mono_ns() - start;
    c->input = c->body;
    if (err == ERR_INVALID)
        call_faults(c, f);
    else if (err)
        call_error(c, &e);
    return !err;
}

static void work(void *arg)
{
    struct call *c = arg;
    struct err_info e = {0};
    int64_t now = clock_mono_ns();
    c->stage_ns[STAGE_QUEUE] = now - c->queued_ns;
    if (dropped(c, now))
        return;
    if (c->media && c->media != MEDIA_NDJSON && !body_read(c))
        return;
    if (c->media != MEDIA_NDJSON && refused_by_reader_rate(c))
        return;
    struct token_account tokens;
    tokens_begin(&tokens, c);
    if (c->media != MEDIA_NDJSON && call_wait_position(c, &e))
        call_error(c, &e);
    else if (refused_by_collection(c)) /* an alias may have moved since the headers */
        ;
    else if (c->media == MEDIA_NDJSON)
        run_import(c);
    else if (!idempotency_answered(c))
        route_run(c);
    tokens_end(&tokens);
}

static void work_export(void *arg)
{
    struct call *c = arg;
    struct api *a = c->api;
    uint64_t seat = rate_subject(c);
    c->export_seat = &seat;
    work(c);
    export_rise(a, &seat);
}

/* A worker goes on while something waits that may sit down: what cannot now is taken by the worker
 * that frees its subject's seat. */
static void take_turns(void *arg)
{
    struct api *a = arg;
    struct call *c;
    uint64_t subject;
    while ((c = turns_pop(a->turns, &subject, clock_mono_ns()))) {
        work(c);
        turns_leave(a->turns, subject);
    }
}

static void refuse_busy(struct call *c, enum err err, const char *why)
{
    struct err_info e = {0};
    err_set(&e, err, NULL, "%s", why);
    call_error(c, &e);
}

static void wait_for_turn(struct call *c)
{
    struct api *a = c->api;
    struct call *lost = turns_push(a->turns, rate_subject(c), c, c->queued_ns);
    if (lost)
        refuse_busy(lost, ERR_BUSY, "too many requests wait; try again later");
    if (lost != c) /* busy: as many come to look as can wait, and one of them takes it */
        (void)!pool_submit(a->pool, LANE_INTERACTIVE, take_turns, a);
}

static void submit_export(struct call *c)
{
    struct api *a = c->api;
    uint64_t seat = rate_subject(c);
    if (!export_sit(c, seat))
        return;
    enum err err = pool_submit(a->exports, LANE_BULK, work_export, c);
    if (!err)
        return;
    export_rise(a, &seat);
    refuse_busy(c, err, "as many exports run and wait as may; try again later");
}

static void on_request(void *ctx, struct http_request *r)
{
    struct api *a = ctx;
    struct call *c = http_user(r);
    if (c->route->cost == COST_QUICK) {
        route_run(c);
        return;
    }
    bool import = c->media == MEDIA_NDJSON;
    bool adds = c->route == &routes[ROUTE_DOCUMENTS_ADD] || c->route == &routes[ROUTE_MCP];
    bool bulk = adds && http_body(r).n > (256u << 10);
    c->queued_ns = clock_mono_ns();
    if (c->route == &routes[ROUTE_DOCUMENTS_EXPORT]) {
        submit_export(c);
        return;
    }
    if (!bulk && !import) {
        wait_for_turn(c);
        return;
    }
    enum err err = pool_submit(import ? a->imports : a->pool, LANE_BULK, work, c);
    if (err)
        refuse_busy(c, err,
                    import ? "as many imports run as may at a time; try again later"
                           : "too many requests wait; try again later");
}

static void on_refuse(void *ctx, struct http_request *r, int status, const char *code,
                      const char *detail)
{
    struct call *c = http_user(r);
    if (!c)
        c = call_new(ctx, r);
    call_problem(c, status, code, detail);
}

/* ---- done ---- */

static const char *method_label(struct str method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq_c(method, known[i]))
            return known[i];
    return "other";
}

static void count(struct api *a, const struct call *c, const char *method, int status,
                  int64_t duration_ns)
{
    char text[16];
    const struct route *r = c ? c->route : NULL;
    snprintf(text, sizeof text, "%d", status);
    counter_add(counter_of(a->requests, (const char *const[]){method, r ? r->path : "none", text}),
                1);
    if (!c || !c->held) /* no client makes the routes look slow by asking too much */
        histogram_add(a->durations[r ? r - routes : ROUTE_COUNT], (double)duration_ns / 1e9);
}

/* A log outlives those who asked to be forgotten: it names no reader. */
static bool names_reader(const struct call *c)
{
    return c->route && strstr(c->route->path, "/users/");
}

static void note(const struct call *c, struct http_request *r, const char *method, int status,
                 uint64_t in, uint64_t out, int64_t duration_ns)
{
    struct log_field fields[11 + STAGE_COUNT];
    unsigned n = 0;
    fields[n++] = LOG_S("method", method);
    fields[n++] = LOG_S("route", c && c->route ? c->route->path : "none");
    if (c && !names_reader(c))
        fields[n++] = LOG_S("path", c->path);
    if (c && c->rpc && c->rpc->tool)
        fields[n++] = LOG_S("tool", c->rpc->tool->name);
    fields[n++] = LOG_I("status", status);
    fields[n++] = LOG_I("bytes_in", in);
    fields[n++] = LOG_I("bytes_out", out);
    fields[n++] = LOG_F("duration_ms", (double)(duration_ns / 1000) / 1e3);
    for (unsigned i = 0; c && i < STAGE_COUNT; i++)
        if (c->stage_ns[i])
            fields[n++] = LOG_F(stage_names[i], (double)(c->stage_ns[i] / 1000) / 1e3);
    fields[n++] = LOG_STR("client", http_peer(r));
    fields[n++] = LOG_S("trace_id", http_trace_id(r));
    log_write(status >= 500 ? LOG_WARN : LOG_INFO, "request", fields, n);
}

static void on_done(void *ctx, struct http_request *r, int status, uint64_t bytes_in,
                    uint64_t bytes_out, int64_t duration_ns)
{
    struct api *a = ctx;
    struct call *c = http_user(r);
    const char *method = method_label(http_method(r));
    count(a, c, method, status, duration_ns);
    note(c, r, method, status, bytes_in, bytes_out, duration_ns);
    if (!c)
        return;
    json_decref(c->query);
    json_decref(c->body);
    if (c->spool_bytes)
        atomic_fetch_sub(&a->spool_bytes, c->spool_bytes);
    gauge_add(a->in_flight, -1);
}

/* ---- life ---- */

static void metrics_declare(struct api *a)
{
    struct histogram_family *durations =
        histogram_family("http_request_duration_seconds",
                         "From the first header to the last byte sent.", "route", NULL, 0);
    struct counter_family *failures =
        counter_family("auth_failures_total", "Requests refused for their key.", "reason");
    a->requests =
        counter_family("http_requests_total", "Requests answered.", "method,route,status");
    a->tool_calls = counter_family(
        "mcp_tool_calls_total", "Calls of tools at /mcp, with the status of their routes' answers.",
        "tool,status");
    a->in_flight = gauge_of(
        gauge_family("http_requests_in_flight", "Requests between headers and last byte.", NULL),
        NULL);
    gauge_set(
        gauge_of(gauge_family("build_info", "1, with what runs here as labels.", "version,commit"),
                 (const char *const[]){AKIN_VERSION, a->commit}),
        1);
    idempotency_metrics(a);
    for (unsigned i = 0; i < AUTH_FAILURES; i++)
        a->auth_failures[i] = counter_of(failures, &auth_failure_names[i]);
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        char status[16];
        snprintf(status, sizeof status, "%d", routes[i].answers[0].status);
        (void)counter_of(a->requests,
                         (const char *const[]){routes[i].method, routes[i].path, status});
        a->durations[i] = histogram_of(durations, (const char *const[]){routes[i].path});
    }
    a->durations[ROUTE_COUNT] = histogram_of(durations, (const char *const[]){"none"});
}

struct api *api_new(struct engine *x, const struct api_options *o)
{
    struct api *a = xcalloc(1, sizeof *a);
    unsigned workers = o->workers ? o->workers : thread_cores() * 2 < 4 ? 4 : thread_cores() * 2;
    unsigned imports = o->imports_max ? o->imports_max : 4;
    for (unsigned i = 0; i < ROUTE_COUNT; i++)
        assert(handlers[i] && routes[i].path);
    a->engine = x;
    lock_init(&a->door, LOCK_LEAF);
    api_admit(a, o->key_wanted, o->admin_key);
    a->tmp_dir = xstrdup(o->tmp_dir ? o->tmp_dir : "/tmp");
    a->aliases = o->model_aliases;
    a->alias_count = o->alias_count;
    a->commit = xstrdup(o->commit ? o->commit : "unknown");
    a->spool_bytes_max = o->spool_bytes_max ? o->spool_bytes_max : 1ull << 30;
    a->started_s = clock_wall_us() / 1000000;
    strbuf_init(&a->openapi, 4u << 20);
    api_openapi(&a->openapi);
    metrics_declare(a);
    rate_init(&a->rate);
    lock_init(&a->export_seats.lock, LOCK_LEAF);
    a->pool = pool_new("api", workers, o->queue_max ? o->queue_max : 256);
    a->turns = turns_new(o->queue_max ? o->queue_max : 256, workers);
    a->imports = pool_new("import", imports, imports);
    a->exports = pool_new("export", EXPORTS_MAX, EXPORTS_MAX);
    return a;
}

void api_handler(struct api *a, struct http_handler *out)
{
    *out = (struct http_handler){.ctx = a,
                                 .headers = on_headers,
                                 .request = on_request,
                                 .refuse = on_refuse,
                                 .done = on_done};
}

void api_drain(struct api *a)
{
    atomic_store(&a->draining, true);
}

void api_free(struct api *a)
{
    if (!a)
        return;
    pool_free(a->imports);
    pool_free(a->exports);
    pool_free(a->pool);
    turns_free(a->turns);
    rate_release(&a->rate);
    lock_release(&a->export_seats.lock);
    lock_release(&a->door);
    strbuf_release(&a->openapi);
    free(a->tmp_dir);
    free(a->commit);
    free(a);
}
