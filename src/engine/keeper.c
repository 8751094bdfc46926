/* The keeper: one thread for what happens by itself.
 *
 *   pending documents   embedded on the bulk lane, again after a pause if that fails, at most
 * ATTEMPTS_MAX times; when a backlog is done, a task row tells (event task.finished) expiry
 * documents whose time has come are deleted mu                  fixed once a collection has
 * PASSAGES_FOR_MU passages the change log      pruned beyond CHANGES_KEPT, never past what an index
 * on disk or a consumer still needs */
#include "base/clock.h"
#include "base/log.h"
#include "engine/internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_NS 500000000
#define PENDING_BATCH 100
#define ATTEMPTS_MAX 8
#define BACKOFF_NS 1000000000LL /* after a failure, doubled up to BACKOFF_MAX_NS */
#define BACKOFF_MAX_NS 60000000000LL
#define EXPIRED_BATCH 200
#define PASSAGES_FOR_MU 1000
#define MU_PAIRS 20000
#define MU_SEED 1
#define CHANGES_KEPT 1000000
#define PRUNE_STEP 10000

struct backlog {
    bool running;
    uint64_t done;
    int64_t started_us;
    int64_t not_before_ns; /* after a failure */
    unsigned failures;     /* groups in a row */
};

static bool keeper_stopping(struct engine *x)
{
    lock_take(&x->keeper_lock);
    bool stop = x->keeper_stop;
    lock_drop(&x->keeper_lock);
    return stop;
}

/* ---- pending documents ---- */

/* Stores the vectors of those that were embedded. A document that was changed meanwhile comes again
 * by itself. */
static enum err embedded_write(struct version *v, const struct document_record *docs,
                               struct draft *drafts, size_t n, struct arena *a, struct err_info *e)
{
    struct store_act *acts = arena_array(a, n, sizeof *acts);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (drafts[i].err)
            continue;
        acts[count].kind = ACT_DOCUMENT_EMBEDDED;
        acts[count].if_revision = docs[i].revision;
        acts[count].version.id = v->id;
        acts[count].document.collection = docs[i].collection;
        acts[count].document.id = docs[i].id;
        acts[count].embeddings = drafts[i].embeddings;
        acts[count].embedding_count = drafts[i].embedding_count;
        acts[count].document.passages = drafts[i].passages;
        acts[count++].document.passage_count = drafts[i].passage_count;
    }
    return count ? store_write(v->collection->engine->store, acts, count, false, NULL, e) : 0;
}

/* Documents of one collection, embedded together so that every core has work; drafts that fail
 * alone are marked. */
static enum err pending_embed(struct version *v, const struct document_record *docs,
                              struct draft *drafts, size_t n, struct arena *a, struct err_info *e)
{
    struct document_rules rules;
    collection_rules(v->collection, &rules);
    for (size_t i = 0; i < n; i++) {
        struct err_info info = {0};
        enum err err = draft_of_stored(&docs[i], a, &drafts[i], &info);
        if (err)
            draft_fail(&drafts[i], err, &info);
    }
    drafts_split(v, &rules, drafts, n, a);
    enum err err = drafts_embed(v, drafts, n, LANE_BULK, 0, a, e);
    return err ? err : embedded_write(v, docs, drafts, n, a, e);
}

/* The same document again with one attempt more; the store makes no revision of it. */
static void attempt_count(struct engine *x, const struct document_record *d)
{
    struct store_act act = {.kind = ACT_DOCUMENT_PUT, .if_revision = d->revision, .document = *d};
    act.document.attempts++;
    if (store_write(x->store, &act, 1, false, NULL, NULL) || act.err)
        return; /* it is tried again either way */
}

static void backlog_begin(struct engine *x, struct backlog *b)
{
    if (b->running)
        return;
    *b = (struct backlog){.running = true, .started_us = clock_wall_us()};
    metric_task(x, "running", 1);
}

static void backlog_end(struct engine *x, struct backlog *b)
{
    char payload[80];
    struct store_act act = {.kind = ACT_TASK_PUT};
    if (!b->running)
        return;
    snprintf(payload, sizeof payload, "{\"done\":%llu}", (unsigned long long)b->done);
    act.task = (struct task_record){.kind = STR("embed"),
                                    .state = TASK_DONE,
                                    .payload = str_c(payload),
                                    .created_us = b->started_us,
                                    .updated_us = clock_wall_us()};
    if (store_write(x->store, &act, 1, false, NULL, NULL) || act.err)
        log_event(LOG_WARN, "a finished task could not be stored",
                  LOG_S("reason", act.info.message));
    metric_task(x, "running", -1);
    metric_task(x, "done", 1);
    b->running = false;
}

static void pending_failed(struct engine *x, const struct document_record *d, enum err err,
                           const struct err_info *info)
{
    metric_error(x, err);
    log_event(LOG_WARN, "a pending document could not be embedded", LOG_STR("document", d->id),
              LOG_I("attempt", d->attempts + 1), LOG_S("reason", info->message));
    if (err != ERR_BUSY && err != ERR_CANCELLED && err != ERR_FULL)
        attempt_count(x, d);
}

/* None of the documents is to blame, so none of them has used up an attempt. Said once. */
static void backlog_away(struct engine *x, struct backlog *b, const struct err_info *info)
{
    unsigned wait_s = model_retry_after_s(x->model);
    if (b->failures++ == 0)
        log_event(LOG_WARN, "pending documents wait for the embedding provider",
                  LOG_S("reason", info->message));
    b->not_before_ns = clock_mono_ns() + (wait_s ? wait_s : 1) * BACKOFF_NS;
}

/* One try at a group; what fails waits longer each time. */
static enum err pending_group(struct engine *x, struct backlog *b,
                              const struct document_record *docs, size_t n, struct arena *a)
{
    struct err_info info = {0};
    struct draft *drafts = arena_array(a, n, sizeof *drafts);
    struct collection *c = collection_find_id(x, docs[0].collection);
    if (!c)
        return 0; /* deleted meanwhile */
    struct version *v = version_active(c);
    enum err err = version_check_model(v, &info);
    if (!err)
        err = pending_embed(v, docs, drafts, n, a, &info);
    bool away = v->model && remote_is_away(v->model, err);
    version_unref(v);
    collection_unref(c);
    if (n > 1 && (err == ERR_TOO_LARGE || err == ERR_INVALID || err == ERR_SYNTAX)) {
        /* One of them is to blame: which one shows when each is alone. */
        for (size_t i = 0; i < n; i++)
            (void)!pending_group(x, b, &docs[i], 1, a);
        return 0;
    }
    if (away) {
        if (err != ERR_CANCELLED) /* by a stop */
            backlog_away(x, b, &info);
        return err;
    }
    for (size_t i = 0; i < n; i++) {
        if (err || drafts[i].err)
            pending_failed(x, &docs[i], err ? err : drafts[i].err, err ? &info : &drafts[i].info);
        else
            b->done++;
    }
    int64_t pause_ns = BACKOFF_NS << (b->failures < 6 ? b->failures : 6);
    if (err)
        b->not_before_ns =
            clock_mono_ns() + (pause_ns < BACKOFF_MAX_NS ? pause_ns : BACKOFF_MAX_NS);
    b->failures = err ? b->failures + 1 : 0;
    return err;
}

/* Not given up, and of a collection whose model runs. */
static bool pending_wanted(struct engine *x, const struct document_record *d)
{
    struct collection *c = collection_find_id(x, d->collection);
    struct version *v = c ? version_active(c) : NULL;
    bool wanted = v && v->model && d->attempts < ATTEMPTS_MAX;
    version_unref(v);
    if (c)
        collection_unref(c);
    return wanted;
}

/* True if there was something to do. */
static bool pending_step(struct engine *x, struct backlog *b, struct arena *a)
{
    struct document_record *docs;
    size_t n, kept = 0;
    if (clock_mono_ns() < b->not_before_ns ||
        store_pending_list(x->store, a, PENDING_BATCH, &docs, &n, NULL))
        return false;
    for (size_t i = 0; i < n; i++)
        if (pending_wanted(x, &docs[i]))
            docs[kept++] = docs[i];
    if (kept == 0)
        backlog_end(x, b);
    for (size_t i = 0; i < kept && !keeper_stopping(x);) {
        size_t count = 1;
        while (i + count < kept && docs[i + count].collection == docs[i].collection)
            count++;
        backlog_begin(x, b);
        if (pending_group(x, b, &docs[i], count, a))
            return false;
        i += count;
    }
    return kept > 0;
}

/* ---- expiry ---- */

static bool expired_step(struct engine *x, struct arena *a)
{
    struct document_record *docs;
    size_t n;
    if (store_expired_list(x->store, a, clock_wall_us(), EXPIRED_BATCH, &docs, &n, NULL) || n == 0)
        return false;
    struct store_act *acts = arena_array(a, n, sizeof *acts);
    for (size_t i = 0; i < n; i++) {
        acts[i].kind = ACT_DOCUMENT_DELETE;
        acts[i].if_revision = docs[i].revision;
        acts[i].document.collection = docs[i].collection;
        acts[i].document.id = docs[i].id;
    }
    return store_write(x->store, acts, n, false, NULL, NULL) == 0 && n == EXPIRED_BATCH;
}

/* ---- statistics ---- */

/* Fixes mu of a version that has become large enough. */
static void mu_fix_version(struct engine *x, struct version *v, struct arena *a)
{
    struct collection *c = v->collection;
    struct collection_record r;
    if (!v->model || vectors_count(v->vectors) < PASSAGES_FOR_MU)
        return;
    lock_take(&c->lock);
    bool fixed = !isnan(v->mean_cosine);
    lock_drop(&c->lock);
    if (fixed || store_collection_get(x->store, a, str_c(c->name), &r, NULL) || r.id != c->id ||
        r.version != v->id || !isnan(r.mean_cosine))
        return;
    struct store_act act = {
        .kind = ACT_COLLECTION_UPDATE, .if_revision = r.revision, .collection = r};
    act.collection.mean_cosine = vectors_mean_cosine(v->vectors, MU_PAIRS, MU_SEED);
    if (isnan(act.collection.mean_cosine))
        return;
    if (store_write(x->store, &act, 1, false, NULL, NULL) == 0 && !act.err)
        log_event(LOG_INFO, "mean cosine fixed", LOG_S("collection", c->name),
                  LOG_F("mean_cosine", act.collection.mean_cosine));
}

static void mu_fix(struct engine *x, struct collection *c, struct arena *a)
{
    struct version *v = version_active(c);
    mu_fix_version(x, v, a);
    version_unref(v);
}

/* The last change that every index has on disk. */
static uint64_t changes_held(struct engine *x)
{
    uint64_t held = UINT64_MAX;
    for (struct collection *c = NULL; (c = collection_next(x, c));) {
        uint64_t at = __atomic_load_n(&c->rows_saved, __ATOMIC_RELAXED);
        for (struct version *v = NULL; (v = version_next(c, v));) {
            uint64_t saved = __atomic_load_n(&v->saved, __ATOMIC_RELAXED);
            at = saved < at ? saved : at;
        }
        if (at < held)
            held = at;
    }
    return held;
}

static void changes_prune(struct engine *x, uint64_t *pruned)
{
    struct position now;
    store_position(x->store, &now);
    if (now.change < CHANGES_KEPT)
        return;
    uint64_t through = now.change - CHANGES_KEPT, held = changes_held(x),
             needed = events_needed(x->events);
    if (held < through)
        through = held;
    if (needed < through)
        through = needed;
    if (through > *pruned + PRUNE_STEP && store_changes_prune(x->store, through, NULL) == 0)
        *pruned = through;
}

/* ---- the thread ---- */

static void keeper_run(void *arg)
{
    struct engine *x = arg;
    struct arena *a = arena_new(0);
    struct backlog backlog = {0};
    uint64_t pruned = 0;
    while (!keeper_stopping(x)) {
        bool more = pending_step(x, &backlog, a);
        arena_reset(a);
        more |= expired_step(x, a);
        for (struct collection *c = NULL; (c = collection_next(x, c));)
            mu_fix(x, c, a);
        changes_prune(x, &pruned);
        arena_reset(a);
        lock_take(&x->keeper_lock);
        if (!more && !x->keeper_stop && !x->keeper_wanted)
            cond_wait_until(&x->keeper_cond, &x->keeper_lock, clock_mono_ns() + PAUSE_NS);
        x->keeper_wanted = false;
        lock_drop(&x->keeper_lock);
    }
    arena_free(a);
}

void keeper_start(struct engine *x)
{
    x->keeper = thread_start("keeper", keeper_run, x);
}

void keeper_stop(struct engine *x)
{
    lock_take(&x->keeper_lock);
    x->keeper_stop = true;
    cond_broadcast(&x->keeper_cond);
    lock_drop(&x->keeper_lock);
    thread_join(x->keeper);
    x->keeper = NULL;
}

void keeper_wake(struct engine *x)
{
    lock_take(&x->keeper_lock);
    x->keeper_wanted = true;
    cond_broadcast(&x->keeper_cond);
    lock_drop(&x->keeper_lock);
}
