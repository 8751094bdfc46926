/* Imports: any number of documents in constant memory, in order.
 *
 *     caller: reads lines into batches -> parsers: JSON, checks, passages -> embedders: vectors ->
 * committer: store, applier, results
 *
 * Batches carry a sequence number. At most `window` of them are on their way, so memory is bounded
 * whatever the source does; the committer takes them in their order, and is the only one to write.
 * Several batches are with the embedder at a time, so that it never waits for the disk or a parser.
 * A line that fails is reported alone. */
#include "base/clock.h"
#include "base/meter.h"
#include "base/pace.h"
#include "engine/internal.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_DOCUMENTS 100
#define BATCH_BYTES (2u << 20) /* a batch ends when it has passed this */
#define EMBEDDERS 3            /* batches with the embedder at a time */
#define IMPORTS_MAX 16         /* running at a time */

struct line {
    size_t start, bytes; /* in the batch's text */
    enum err err;        /* of reading it */
    struct err_info info;
};

struct batch {
    uint64_t sequence, first_line;
    struct strbuf text; /* the lines behind each other */
    struct line lines[BATCH_DOCUMENTS];
    size_t count;
    struct arena *a;
    json_t *objects[BATCH_DOCUMENTS]; /* the drafts borrow from them */
    struct draft drafts[BATCH_DOCUMENTS];
    struct version *v; /* that it is embedded for */
    enum err err;      /* of all of it */
    struct err_info info;
    int64_t started_ns;
};

struct ingest {
    struct engine *x;
    struct collection *c;
    struct sight sight;
    struct document_rules rules;
    const struct ingest_sink *sink;
    struct put_options o;
    struct ingest_progress *progress;
    int64_t started_ns;

    struct queue *to_parse, *to_embed;
    size_t window;

    struct lock lock; /* for all that follows */
    struct cond changed;
    struct batch **ready; /* by sequence modulo window */
    uint64_t next_out;    /* sequence that the committer waits for */
    uint64_t batches;     /* made so far */
    bool all_read;
    enum err err; /* the import ends */
    struct err_info info;
    struct position position;
    struct meter *meter; /* of whoever asked */
};

static enum err ingest_err(struct ingest *g)
{
    lock_take(&g->lock);
    enum err err = g->err;
    lock_drop(&g->lock);
    return err;
}

static void ingest_fail(struct ingest *g, enum err err, const struct err_info *info)
{
    lock_take(&g->lock);
    if (!g->err) {
        g->err = err;
        g->info = *info;
    }
    cond_broadcast(&g->changed);
    lock_drop(&g->lock);
}

/* ---- read ---- */

static struct batch *batch_new(uint64_t sequence, uint64_t first_line)
{
    struct batch *b = xcalloc(1, sizeof *b);
    b->sequence = sequence;
    b->first_line = first_line;
    b->a = arena_new(0);
    b->started_ns = clock_mono_ns();
    strbuf_init(&b->text, 0);
    return b;
}

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        json_decref(b->objects[i]);
    strbuf_release(&b->text);
    version_unref(b->v);
    arena_free(b->a);
    free(b);
}

/* Fills a batch. Returns why there is no more: ERR_NOT_FOUND at the end of the source. */
static enum err batch_read(struct batch *b, const struct ingest_source *source, struct strbuf *line,
                           struct err_info *e)
{
    while (b->count < BATCH_DOCUMENTS && b->text.n < BATCH_BYTES) {
        struct line *l = &b->lines[b->count];
        strbuf_clear(line);
        enum err err = source->next(source->ctx, line, &l->info);
        if (err && err != ERR_TOO_LARGE)
            return err == ERR_NOT_FOUND ? err
                                        : err_set(e, err, l->info.field, "%s", l->info.message);
        if (!err && line->n > INGEST_LINE_MAX)
            err = err_set(&l->info, ERR_TOO_LARGE, "", "a line has at most %u bytes",
                          INGEST_LINE_MAX);
        l->err = err;
        l->start = b->text.n;
        l->bytes = err ? 0 : line->n;
        strbuf_add(&b->text, line->buf, l->bytes);
        b->count++;
    }
    return 0;
}

/* Waits until one more batch may be on its way; false when the import ends. */
static bool window_wait(struct ingest *g)
{
    lock_take(&g->lock);
    while (!g->err && g->batches - g->next_out >= g->window)
        cond_wait(&g->changed, &g->lock);
    bool go_on = !g->err;
    lock_drop(&g->lock);
    return go_on;
}

static void progress_read(struct ingest *g, const struct batch *b)
{
    if (!g->progress)
        return;
    __atomic_fetch_add(&g->progress->read, b->count, __ATOMIC_RELAXED);
    __atomic_fetch_add(&g->progress->bytes, b->text.n, __ATOMIC_RELAXED);
}

static void read_all(struct ingest *g, const struct ingest_source *source)
{
    struct strbuf line;
    struct err_info info = {0};
    uint64_t lines = 0;
    enum err err = 0;
    strbuf_init(&line, (size_t)INGEST_LINE_MAX + (1u << 20));
    while (!err && window_wait(g)) {
        struct batch *b = batch_new(g->batches, lines + 1);
        err = batch_read(b, source, &line, &info);
        lines += b->count;
        if (b->count == 0) {
            batch_free(b);
            continue;
        }
        progress_read(g, b);
        lock_take(&g->lock);
        g->batches++;
        lock_drop(&g->lock);
        if (queue_push(g->to_parse, b))
            batch_free(b);
    }
    if (err && err != ERR_NOT_FOUND)
        ingest_fail(g, err, &info);
    strbuf_release(&line);
    lock_take(&g->lock);
    g->all_read = true;
    cond_broadcast(&g->changed);
    lock_drop(&g->lock);
}

/* ---- parse and split ---- */

static void line_parse(struct ingest *g, struct batch *b, size_t i)
{
    struct draft *d = &b->drafts[i];
    struct line *l = &b->lines[i];
    struct err_info info = l->info;
    enum err err = l->err;
    if (!err)
        err = json_parse((struct str){b->text.buf + l->start, l->bytes}, &b->objects[i], &info);
    if (!err)
        err = draft_read(&g->rules, b->objects[i], STR(""), b->a, d, &info);
    if (!err)
        err = draft_admit(&g->sight, d, &info);
    if (err)
        draft_fail(d, err, &info);
}

static void batch_parse(struct ingest *g, struct batch *b)
{
    int64_t t0 = clock_mono_ns(), t1;
    size_t failed = 0;
    for (size_t i = 0; i < b->count; i++) {
        line_parse(g, b, i);
        failed += b->drafts[i].err != 0;
    }
    t1 = clock_mono_ns();
    metric_stage(g->x, STAGE_PARSE, b->count - failed, failed, t1 - t0);
    /* The store judges "unchanged": the same id may be in a batch in front of this one. */
    b->v = version_active(g->c);
    b->err = version_check_model(b->v, &b->info);
    if (!b->err)
        b->err = drafts_plan(g->c, b->drafts, b->count, g->o.async, true, b->a, &b->info);
    if (!b->err)
        drafts_split(b->v, &g->rules, b->drafts, b->count, b->a);
    metric_stage(g->x, STAGE_SPLIT, b->err ? 0 : b->count, b->err ? b->count : 0,
                 clock_mono_ns() - t1);
}

static void parse_run(void *arg)
{
    struct ingest *g = arg;
    struct batch *b;
    struct pace pace = {0};
    while ((b = queue_pop(g->to_parse))) {
        pace_begin(&pace);
        if (!ingest_err(g))
            batch_parse(g, b);
        pace_end(&pace); /* others read and write meanwhile */
        if (queue_push(g->to_embed, b))
            batch_free(b);
    }
}

/* ---- embed ---- */

static void batch_embed(struct ingest *g, struct batch *b)
{
    int64_t t0 = clock_mono_ns();
    if (b->err)
        return;
    b->err = drafts_embed_or_defer(b->v, b->drafts, b->count, LANE_BULK, g->o.deadline_ns, b->a,
                                   &b->info);
    metric_stage(g->x, STAGE_EMBED, b->err ? 0 : b->count, b->err ? b->count : 0,
                 clock_mono_ns() - t0);
}

static void embed_run(void *arg)
{
    struct ingest *g = arg;
    struct batch *b;
    meter_set(g->meter);
    while ((b = queue_pop(g->to_embed))) {
        if (!ingest_err(g))
            batch_embed(g, b);
        lock_take(&g->lock);
        assert(!g->ready[b->sequence % g->window]);
        g->ready[b->sequence % g->window] = b;
        cond_broadcast(&g->changed);
        lock_drop(&g->lock);
    }
}

/* ---- commit ---- */

/* The next batch in order; NULL when all are through or the import ends. */
static struct batch *ready_take(struct ingest *g)
{
    lock_take(&g->lock);
    struct batch **slot = &g->ready[g->next_out % g->window];
    while (!*slot && !g->err && !(g->all_read && g->next_out == g->batches))
        cond_wait(&g->changed, &g->lock);
    struct batch *b = g->err ? NULL : *slot;
    if (b)
        *slot = NULL;
    lock_drop(&g->lock);
    return b;
}

/* Another version was promoted meanwhile: once more, with its model. */
static enum err batch_version_again(struct ingest *g, struct batch *b, struct err_info *e)
{
    version_unref(b->v);
    b->v = version_active(g->c);
    drafts_uncut(b->drafts, b->count);
    return version_check_model(b->v, e);
}

/* What raced with other writers is planned and embedded again, here, so that the order stays. */
static enum err batch_commit(struct ingest *g, struct batch *b, struct position *at,
                             struct err_info *e)
{
    enum err err = b->err ? err_set(e, b->err, b->info.field, "%s", b->info.message) : 0;
    for (int try = 0; !err; try++) {
        bool moved = false;
        err = drafts_commit(b->v, &g->sight, &moved, b->drafts, b->count, false, b->a, at, e);
        size_t left = 0;
        for (size_t i = 0; i < b->count; i++)
            left += !b->drafts[i].done;
        if (err || left == 0)
            break;
        if (try == WRITE_TRIES)
            return err_set(e, ERR_CONFLICT, NULL, "changed by others %d times while it was written",
                           try);
        if (moved && (err = batch_version_again(g, b, e)))
            break;
        err = drafts_plan(g->c, b->drafts, b->count, g->o.async, true, b->a, e);
        if (err)
            break;
        drafts_split(b->v, &g->rules, b->drafts, b->count, b->a);
        err =
            drafts_embed_or_defer(b->v, b->drafts, b->count, LANE_BULK, g->o.deadline_ns, b->a, e);
    }
    return err;
}

static void progress_done(struct ingest *g, size_t done, size_t failed)
{
    struct ingest_progress *p = g->progress;
    if (!p)
        return;
    uint64_t all = __atomic_add_fetch(&p->done, done, __ATOMIC_RELAXED) +
                   __atomic_add_fetch(&p->failed, failed, __ATOMIC_RELAXED);
    double seconds = (double)(clock_mono_ns() - g->started_ns) / 1e9,
           rate = seconds > 0 ? (double)all / seconds : 0;
    __atomic_store(&p->documents_per_s, &rate, __ATOMIC_RELAXED);
}

static enum err batch_report(struct ingest *g, struct batch *b)
{
    size_t failed = 0;
    enum err err = 0;
    for (size_t i = 0; i < b->count; i++)
        failed += b->drafts[i].err != 0;
    metric_stage(g->x, STAGE_ALL, b->count - failed, failed, clock_mono_ns() - b->started_ns);
    progress_done(g, b->count - failed, failed);
    for (size_t i = 0; i < b->count && !err; i++) {
        struct put_result r;
        draft_result(&b->drafts[i], &r);
        metric_error(g->x, r.err);
        err = g->sink->result(g->sink->ctx, b->first_line + i, &r);
    }
    return err;
}

static enum err batch_finish(struct ingest *g, struct batch *b, struct err_info *e)
{
    struct position at;
    int64_t t0 = clock_mono_ns(), t1;
    store_position(g->x->store, &at);
    enum err err = batch_commit(g, b, &at, e);
    t1 = clock_mono_ns();
    metric_stage(g->x, STAGE_COMMIT, err ? 0 : b->count, err ? b->count : 0, t1 - t0);
    if (!err)
        err = applied_wait(g->x, at.change, g->o.deadline_ns, e);
    metric_stage(g->x, STAGE_APPLY, err ? 0 : b->count, err ? b->count : 0, clock_mono_ns() - t1);
    if (!err && (err = batch_report(g, b)))
        err_set(e, err, NULL, "the results could not be passed on");
    lock_take(&g->lock);
    if (!err)
        g->position = at;
    g->next_out++;
    cond_broadcast(&g->changed);
    lock_drop(&g->lock);
    return err;
}

static void commit_run(void *arg)
{
    struct ingest *g = arg;
    struct batch *b;
    while ((b = ready_take(g))) {
        struct err_info info = {0};
        enum err err = batch_finish(g, b, &info);
        if (!err && engine_closing(g->x))
            err = err_set(&info, ERR_CANCELLED, NULL,
                          "akin is stopping; what was reported is stored");
        if (err)
            ingest_fail(g, err, &info);
        batch_free(b);
    }
}

/* ---- the whole ---- */

static bool import_enter(struct engine *x)
{
    lock_take(&x->lock);
    bool room = x->imports < IMPORTS_MAX;
    x->imports += room;
    lock_drop(&x->lock);
    return room;
}

static void import_leave(struct engine *x)
{
    lock_take(&x->lock);
    x->imports--;
    lock_drop(&x->lock);
}

static void ingest_init(struct ingest *g)
{
    unsigned workers = g->x->options.ingest_workers;
    g->window = workers + EMBEDDERS + 3;
    g->meter = meter_current();
    g->to_parse = queue_new(g->window);
    g->to_embed = queue_new(g->window);
    g->ready = xcalloc(g->window, sizeof *g->ready);
    g->started_ns = clock_mono_ns();
    lock_init(&g->lock, LOCK_COLLECTION);
    cond_init(&g->changed);
}

static void ingest_release(struct ingest *g)
{
    for (size_t i = 0; i < g->window; i++)
        if (g->ready[i])
            batch_free(g->ready[i]);
    free(g->ready);
    queue_free(g->to_parse);
    queue_free(g->to_embed);
    cond_release(&g->changed);
    lock_release(&g->lock);
}

/* Stages start from the back and end from the front, each after what feeds it. */
static void ingest_run(struct ingest *g, const struct ingest_source *source)
{
    unsigned workers = g->x->options.ingest_workers;
    struct thread *committer, *embedders[EMBEDDERS],
        **parsers = xcalloc(workers, sizeof(struct thread *));
    committer = thread_start("ingest-commit", commit_run, g);
    for (unsigned i = 0; i < EMBEDDERS; i++)
        embedders[i] = thread_start("ingest-embed", embed_run, g);
    for (unsigned i = 0; i < workers; i++)
        parsers[i] = thread_start("ingest-parse", parse_run, g);
    read_all(g, source);
    queue_close(g->to_parse);
    for (unsigned i = 0; i < workers; i++)
        thread_join(parsers[i]);
    queue_close(g->to_embed);
    for (unsigned i = 0; i < EMBEDDERS; i++)
        thread_join(embedders[i]);
    thread_join(committer);
    free(parsers);
}

enum err engine_ingest(struct engine *x, struct str collection, const struct ingest_source *source,
                       const struct ingest_sink *sink, const struct put_options *o,
                       struct ingest_progress *progress, struct str *position, struct arena *a,
                       struct err_info *e)
{
    struct ingest g = {.x = x, .sink = sink, .progress = progress};
    if (o)
        g.o = *o;
    if (progress)
        *progress = (struct ingest_progress){0};
    enum err err = collection_find(x, collection, &g.c, e);
    if (err)
        return err;
    struct version *v = version_active(g.c);
    err = version_check_model(v, e);
    version_unref(v);
    if (!err)
        err = sight_read(g.c, a, g.o.within, &g.sight, e);
    if (!err && !import_enter(x))
        err = err_set(e, ERR_BUSY, NULL, "%d imports run already", IMPORTS_MAX);
    if (err) {
        sight_close(&g.sight);
        collection_unref(g.c);
        return err;
    }
    collection_rules(g.c, &g.rules);
    store_position(x->store, &g.position);
    ingest_init(&g);
    ingest_run(&g, source);
    if (g.err)
        err = err_set(e, g.err, g.info.field, "%s", g.info.message);
    else if (position)
        *position = position_text(a, &g.position);
    ingest_release(&g);
    import_leave(x);
    if (g.o.async)
        keeper_wake(x);
    sight_close(&g.sight);
    collection_unref(g.c);
    metric_error(x, err);
    return err;
}
