/* The keeper: one thread for what happens by itself.
 *
 *   pending documents  are embedded (backlog.c); those of a provider by a second thread
 *   expiry             documents whose time has come are deleted
 *   answers            that were logged long ago, or kept for a repeated request, are forgotten
 *   mu                 is fixed once an active version has PASSAGES_FOR_MU passages
 *   the change log     is pruned beyond CHANGES_KEPT, never past what an index on disk or a
 * consumer still needs */
#include "base/clock.h"
#include "base/log.h"
#include "engine/internal.h"
#include <math.h>
#include <string.h>

#define PAUSE_NS 500000000
#define EXPIRED_BATCH 200
#define PASSAGES_FOR_MU 1000
#define MU_PAIRS 20000
#define MU_SEED 1
#define CHANGES_KEPT 1000000
#define PRUNE_STEP 10000

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
        uint64_t at = __atomic_load_n(&c->rows_saved, __ATOMIC_RELAXED),
                 words = __atomic_load_n(&c->words_saved, __ATOMIC_RELAXED);
        at = words < at ? words : at;
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
    struct backlog backlog = {.thread = &x->keeper};
    uint64_t pruned = 0;
    while (!background_stopping(&x->keeper)) {
        bool more = backlog_step(x, &backlog, a);
        arena_reset(a);
        more |= expired_step(x, a);
        more |= served_forget_step(x);
        more |= repeats_forget_step(x);
        keys_used_step(x);
        for (struct collection *c = NULL; (c = collection_next(x, c));)
            mu_fix(x, c, a);
        changes_prune(x, &pruned);
        arena_reset(a);
        if (!more)
            background_rest(&x->keeper, PAUSE_NS);
    }
    arena_free(a);
}

static void provider_keeper_run(void *arg)
{
    struct engine *x = arg;
    struct arena *a = arena_new(0);
    struct backlog backlog = {.thread = &x->provider_keeper, .remote = true};
    while (!background_stopping(&x->provider_keeper))
        if (!backlog_step(x, &backlog, a))
            background_rest(&x->provider_keeper, PAUSE_NS);
    arena_free(a);
}

void keeper_start(struct engine *x)
{
    background_start(&x->keeper, "keeper", keeper_run, x);
    if (x->options.remote)
        background_start(&x->provider_keeper, "provider-keeper", provider_keeper_run, x);
}

void keeper_wake(struct engine *x)
{
    background_wake(&x->keeper);
    background_wake(&x->provider_keeper);
}
