/* Pending documents: stored and found by their words, their vectors still to come. They are
 * embedded for the active version in the bulk lane, again after a pause if that fails, at most
 * ATTEMPTS_MAX times; when a backlog is done, a task row tells (event task.finished). */
#include "base/clock.h"
#include "base/log.h"
#include "engine/internal.h"
#include <stdlib.h>
#include <string.h>

#define PENDING_BATCH 100
#define ATTEMPTS_MAX 8
#define BACKOFF_NS 1000000000LL /* after a failure, doubled up to BACKOFF_MAX_NS */
#define BACKOFF_MAX_NS 60000000000LL

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
    struct store_act act = {.kind = ACT_DOCUMENT_PUT,
                            .if_revision = d->revision,
                            .document = *d,
                            .version.id = d->version};
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
    if (err == ERR_CANCELLED && engine_closing(x))
        return err;
    if (away) {
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

bool backlog_step(struct engine *x, struct backlog *b, struct arena *a)
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
