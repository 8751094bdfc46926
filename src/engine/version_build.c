/* The builder: one thread that embeds for each version but the active one what it is missing, in
 * the bulk lane, a batch of documents at a time. A version that is being built becomes READY when
 * nothing is missing any more; READY and RETIRED ones are kept up with the writes, so that a
 * promotion or a rollback finds them complete.
 *
 * What a version is missing is asked of the store each time, and a batch is stored in one commit:
 * after a crash at most the batch that was on its way is embedded again. A document that the model
 * cannot read is passed over and counted. While the store or the model fails, the builder waits, a
 * little longer each time. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/internal.h"
#include <math.h>
#include <string.h>

#define PAUSE_NS 500000000
#define BACKOFF_NS 1000000000LL /* after a failure, doubled up to 64 times */
#define BACKOFF_DOUBLINGS 6
#define RATE_NEW .3 /* weight of the last batch in the rate */
#define MU_PAIRS 20000
#define MU_SEED 1
#define PASSAGES_FOR_MU 1000

struct build {
    struct engine *x;
    struct version *v;
    struct arena *a;
    struct document_record *docs;
    struct draft *drafts;
    size_t n;
};

/* ---- progress ---- */

static bool missing_take(struct version *v)
{
    lock_take(&v->collection->lock);
    bool wanted = v->state != VERSION_ACTIVE && !v->gone && v->model &&
                  (v->progress.missing || v->build_after > 0);
    if (wanted && v->build_after == 0) { /* a pass begins: what is noted from now on is another's */
        v->progress.missing = false;
        v->build_failed = 0;
    }
    lock_drop(&v->collection->lock);
    return wanted;
}

static void missing_again(struct version *v)
{
    lock_take(&v->collection->lock);
    v->progress.missing = true;
    lock_drop(&v->collection->lock);
}

static void progress_set(struct version *v, size_t done, size_t failed, int64_t ns,
                         const char *error)
{
    struct version_progress *p = &v->progress;
    double rate = ns > 0 ? (double)done / ((double)ns / 1e9) : 0;
    lock_take(&v->collection->lock);
    p->done += done;
    p->failed = v->build_failed += failed;
    if (done > 0)
        p->rate = p->rate > 0 ? (1 - RATE_NEW) * p->rate + RATE_NEW * rate : rate;
    if (error)
        snprintf(p->error, sizeof p->error, "%.199s", error);
    else if (failed == 0 && v->build_failed == 0)
        p->error[0] = 0;
    lock_drop(&v->collection->lock);
}

/* ---- a batch ---- */

static enum err batch_embed(struct build *b, struct err_info *e)
{
    struct document_rules rules;
    collection_rules(b->v->collection, &rules);
    for (size_t i = 0; i < b->n; i++) {
        struct err_info info = {0};
        enum err err = draft_of_stored(&b->docs[i], b->a, &b->drafts[i], &info);
        if (err)
            draft_fail(&b->drafts[i], err, &info);
    }
    enum err err = drafts_adapt(b->v, b->docs, b->drafts, b->n, b->a, e);
    if (err)
        return err;
    drafts_split(b->v, &rules, b->drafts, b->n, b->a);
    return drafts_embed(b->v, b->drafts, b->n, LANE_BULK, 0, b->a, e);
}

static size_t batch_acts(const struct build *b, struct store_act *acts, uint32_t *numbers)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->drafts[i].err)
            continue;
        struct store_act *act = &acts[n];
        act->kind = ACT_VERSION_EMBEDDED;
        act->if_revision = b->docs[i].revision;
        act->version.id = b->v->id;
        act->document.collection = b->docs[i].collection;
        act->document.id = b->docs[i].id;
        memcpy(act->document.text_digest, b->docs[i].text_digest, sizeof act->document.text_digest);
        act->embeddings = b->drafts[i].embeddings;
        act->embedding_count = b->drafts[i].embedding_count;
        act->document.passages = b->drafts[i].passages;
        act->document.passage_count = b->drafts[i].passage_count;
        numbers[n++] = b->docs[i].number;
    }
    return n;
}

/* One commit. A document that was changed meanwhile is missing still, and comes again. */
static enum err batch_write(struct build *b, size_t *done, struct err_info *e)
{
    struct store_act *acts = arena_array(b->a, b->n + 1, sizeof *acts);
    uint32_t numbers[VERSION_BATCH];
    size_t n = batch_acts(b, acts, numbers);
    *done = 0;
    if (n == 0)
        return 0;
    version_writing(b->v, numbers, n);
    enum err err = store_write(b->x->store, acts, n, false, NULL, e);
    version_written(b->v);
    for (size_t i = 0; i < n && !err; i++) {
        *done += acts[i].err == 0;
        if (acts[i].err == ERR_FULL || acts[i].err == ERR_IO)
            err = err_set(e, acts[i].err, acts[i].info.field, "%s", acts[i].info.message);
    }
    return err;
}

static bool documents_fault(enum err err)
{
    return err == ERR_TOO_LARGE || err == ERR_INVALID || err == ERR_SYNTAX;
}

static void document_failed(struct build *b, const struct err_info *info)
{
    log_event(LOG_WARN, "a document cannot be embedded for a version; it is passed over",
              LOG_S("collection", b->v->collection->name), LOG_I("version", b->v->id),
              LOG_STR("document", b->docs->id), LOG_S("reason", info->message));
    progress_set(b->v, 0, 1, 0, info->message);
}

static enum err batch_run(struct build *b, struct err_info *e)
{
    int64_t t0 = clock_mono_ns();
    size_t done = 0;
    struct err_info why = {0};
    enum err err = batch_embed(b, &why);
    if (documents_fault(err) && b->n > 1) {
        for (size_t i = 0; i < b->n; i++) { /* which one is to blame shows when each is alone */
            struct build one = {b->x, b->v, b->a, b->docs + i, b->drafts + i, 1};
            struct err_info info = {0};
            if ((err = batch_run(&one, &info)))
                return err_set(e, err, info.field, "%s", info.message);
        }
        return 0;
    }
    if (documents_fault(err)) {
        document_failed(b, &why);
        return 0;
    }
    if (err)
        return err_set(e, err, why.field, "%s", why.message);
    err = batch_write(b, &done, e);
    progress_set(b->v, done, 0, clock_mono_ns() - t0, NULL);
    for (size_t i = 0; i < b->n && !err; i++)
        if (b->drafts[i].err) {
            struct build one = {b->x, b->v, b->a, b->docs + i, b->drafts + i, 1};
            document_failed(&one, &b->drafts[i].info);
        }
    return err;
}

/* ---- ready ---- */

/* Compared with the active one before it says that it is ready; a comparison that fails is left to
 * who asks for one. */
static struct str report_make(struct version *v, struct arena *a)
{
    struct compare_request r = {0};
    struct err_info info = {0};
    struct version *active = version_active(v->collection);
    struct str report = STR("");
    if (version_compare(active, v, &r, 0, a, &report, &info)) {
        log_event(LOG_WARN, "an embedding version could not be compared",
                  LOG_S("collection", v->collection->name), LOG_S("reason", info.message));
        report = STR("");
    }
    version_unref(active);
    return report;
}

/* The vectors that were stored last are in memory as soon as the applier has fetched them. */
static void fetched_wait(struct engine *x, struct version *v)
{
    for (bool waiting = true; waiting && !background_stopping(&x->builder);) {
        lock_take(&v->collection->lock);
        waiting = v->fresh_count > 0;
        lock_drop(&v->collection->lock);
        if (waiting)
            clock_sleep_ns(PAUSE_NS / 50);
    }
}

static enum err ready_write(struct engine *x, struct version *v, struct version_record *r,
                            struct arena *a, struct err_info *e)
{
    fetched_wait(x, v);
    if (isnan(r->mean_cosine) && vectors_count(v->vectors) >= PASSAGES_FOR_MU)
        r->mean_cosine = vectors_mean_cosine(v->vectors, MU_PAIRS, MU_SEED);
    struct store_act act = {.kind = ACT_VERSION_UPDATE, .if_revision = r->revision, .version = *r};
    act.version.report = report_make(v, a);
    act.version.state = VERSION_READY;
    act.version.updated_us = clock_wall_us();
    enum err err = background_stopping(&x->builder)
                       ? err_set(e, ERR_CANCELLED, NULL, "akin is stopping")
                       : store_write(x->store, &act, 1, false, NULL, e);
    if (!err && act.err)
        err = err_set(e, act.err, act.info.field, "%s", act.info.message);
    if (!err)
        log_event(LOG_INFO, "an embedding version is ready",
                  LOG_S("collection", v->collection->name), LOG_I("version", v->id),
                  LOG_I("failed", v->build_failed));
    return err;
}

/* At the end of a pass: is it complete, but for what cannot be embedded? */
static enum err pass_end(struct engine *x, struct version *v, struct arena *a, struct err_info *e)
{
    struct version_record r;
    enum err err = store_version_get(x->store, a, v->id, &r, e);
    v->build_after = 0;
    if (!err && r.missing > v->build_failed)
        missing_again(v); /* changed while it was embedded */
    else if (!err && r.state == VERSION_BUILDING)
        err = ready_write(x, v, &r, a, e);
    return err;
}

/* ---- the thread ---- */

static void version_failed(struct version *v, enum err err, const struct err_info *info)
{
    unsigned n = v->build_failures++;
    v->build_not_before_ns =
        clock_mono_ns() + (BACKOFF_NS << (n < BACKOFF_DOUBLINGS ? n : BACKOFF_DOUBLINGS));
    missing_again(v);
    progress_set(v, 0, 0, 0, info->message);
    metric_error(v->collection->engine, err);
    if (n == 0)
        log_event(LOG_WARN, "the building of an embedding version pauses",
                  LOG_S("collection", v->collection->name), LOG_I("version", v->id),
                  LOG_S("reason", info->message));
}

/* A batch for one version. True if there was something to do. */
static bool version_step(struct engine *x, struct version *v, struct arena *a)
{
    struct build b = {.x = x, .v = v, .a = a};
    struct err_info info = {0};
    if (clock_mono_ns() < v->build_not_before_ns || !missing_take(v))
        return false;
    bool fresh = v->build_after == 0;
    enum err err = store_version_missing(x->store, a, v->id, v->build_after, VERSION_BATCH, &b.docs,
                                         &b.n, &info);
    fresh = fresh && !err && b.n == 0; /* what is missing is not marked yet: a pause */
    if (!err && b.n == 0) {
        err = pass_end(x, v, a, &info);
    } else if (!err) {
        b.drafts = arena_array(a, b.n, sizeof *b.drafts);
        err = batch_run(&b, &info);
        if (!err)
            v->build_after = b.docs[b.n - 1].number;
    }
    if (err == ERR_NOT_FOUND || background_stopping(&x->builder))
        return false; /* deleted, or akin stops */
    if (err) {
        version_failed(v, err, &info);
        return false;
    }
    if (v->build_failures > 0)
        progress_set(v, 0, 0, 0, NULL); /* it goes on: no error any more */
    v->build_failures = 0;
    return !fresh;
}

static void builder_run(void *arg)
{
    struct engine *x = arg;
    struct arena *a = arena_new(0);
    while (!background_stopping(&x->builder)) {
        bool more = false;
        for (struct collection *c = NULL; (c = collection_next(x, c));)
            for (struct version *v = NULL; (v = version_next(c, v));) {
                if (!background_stopping(&x->builder))
                    more |= version_step(x, v, a);
                arena_reset(a);
            }
        if (!more)
            background_rest(&x->builder, PAUSE_NS);
    }
    arena_free(a);
}

void builder_start(struct engine *x)
{
    background_start(&x->builder, "builder", builder_run, x);
}

void builder_wake(struct engine *x)
{
    background_wake(&x->builder);
}
