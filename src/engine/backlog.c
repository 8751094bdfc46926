/* Pending documents: stored and found by their words, their vectors still to come. They are
 * embedded for the active version in the bulk lane, again after a pause if that fails, at most
 * ATTEMPTS_MAX times; when a backlog is done, a task row tells (event task.finished).
 *
 * A batch of each collection in turn, each with pauses of its own. Those of models that run here
 * and those that a provider embeds have a thread each, so that a provider that is away, or slow to
 * say so, keeps nobody else waiting. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/internal.h"
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
    b->running = true;
    b->done = 0;
    b->started_us = clock_wall_us();
    metric_task(x, "embed", "running", 1);
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
    metric_task(x, "embed", "running", -1);
    metric_task(x, "embed", "done", 1);
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
static void backlog_away(struct version *v, const struct err_info *info)
{
    unsigned wait_s = model_retry_after_s(v->model);
    if (v->pending_failures++ == 0)
        log_event(LOG_WARN, "pending documents wait for the embedding provider",
                  LOG_S("reason", info->message));
    v->pending_not_before_ns = clock_mono_ns() + (wait_s ? wait_s : 1) * BACKOFF_NS;
}

/* One try at a group; what fails waits longer each time. */
static enum err pending_group(struct engine *x, struct backlog *b, struct version *v,
                              const struct document_record *docs, size_t n, struct arena *a)
{
    struct err_info info = {0};
    struct draft *drafts = arena_array(a, n, sizeof *drafts);
    enum err err = pending_embed(v, docs, drafts, n, a, &info);
    if (n > 1 && (err == ERR_TOO_LARGE || err == ERR_INVALID || err == ERR_SYNTAX)) {
        /* One of them is to blame: which one shows when each is alone. */
        for (size_t i = 0; i < n; i++)
            (void)!pending_group(x, b, v, &docs[i], 1, a);
        return 0;
    }
    if (err == ERR_CANCELLED && engine_closing(x))
        return err;
    if (remote_is_away(v->model, err)) {
        backlog_away(v, &info);
        return err;
    }
    for (size_t i = 0; i < n; i++) {
        if (err || drafts[i].err)
            pending_failed(x, &docs[i], err ? err : drafts[i].err, err ? &info : &drafts[i].info);
        else
            b->done++;
    }
    unsigned doublings = v->pending_failures < 6 ? v->pending_failures : 6;
    int64_t pause_ns = BACKOFF_NS << doublings;
    if (err)
        v->pending_not_before_ns =
            clock_mono_ns() + (pause_ns < BACKOFF_MAX_NS ? pause_ns : BACKOFF_MAX_NS);
    v->pending_failures = err ? v->pending_failures + 1 : 0;
    return err;
}

/* A batch of one collection; *left: it has pending documents that are not given up. True if there
 * was something to do. */
static bool pending_step(struct engine *x, struct backlog *b, struct version *v, struct arena *a,
                         bool *left)
{
    struct document_record *docs;
    struct position now;
    size_t n;
    if (clock_mono_ns() < v->pending_not_before_ns) {
        *left = true;
        return false;
    }
    store_position(x->store, &now);
    if (now.change == v->pending_none_at)
        return false;
    if (store_pending_list(x->store, a, v->collection->id, ATTEMPTS_MAX, PENDING_BATCH, &docs, &n,
                           NULL)) {
        *left = true;
        return false;
    }
    if (n == 0) {
        v->pending_none_at = now.change;
        return false;
    }
    *left = true;
    backlog_begin(x, b);
    return pending_group(x, b, v, docs, n, a) == 0;
}

bool backlog_step(struct engine *x, struct backlog *b, struct arena *a)
{
    bool more = false, left = false;
    for (struct collection *c = NULL; (c = collection_next(x, c));) {
        struct version *v = version_active(c);
        if (v->model && model_is_remote(v->model) == b->remote && !background_stopping(b->thread))
            more |= pending_step(x, b, v, a, &left);
        version_unref(v);
        arena_reset(a);
    }
    if (!left && !background_stopping(b->thread))
        backlog_end(x, b);
    return more;
}
