/* The embedder: computing threads in front of a model, two lanes, one bounded queue.
 *
 * Threads: a caller tokenizes its texts itself (0.7 M tokens/s, against some 10 k/s of embedding),
 * queues them as one job and waits. A computing thread takes whole texts from the first jobs of a
 * lane, interactive before bulk, until a block is full, so texts of many callers share a block and
 * an interactive text waits for one bulk block at most. Blocks are packed, never padded, so texts
 * need no sorting by length. All state is under `lock`; no kernel runs under it. A job lives on its
 * caller's stack: the caller leaves only when nothing of it is queued or being computed. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "embed/model.h"
#include "embed/remote.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_TOKENS_DEFAULT 262144u
#define BATCH_TOKENS_DEFAULT 256u
#define TOKENS_MAX 32768u      /* of one text, whatever the model (config.c) */
#define BATCH_TOKENS_LEAST 64u /* below this a block costs more a token */

struct job {
    struct model *model; /* the caller's reference */
    struct job *next;    /* in its lane, while texts are left to take */
    const struct embed_text *texts;
    const uint32_t *ids, *lengths;
    size_t count, taken, done; /* texts */
    size_t ids_taken;
    size_t tokens_left;
    int64_t queued_ns;
    enum err err;
    struct cond finished;
};
struct lane_queue {
    struct job *first, **last;
    size_t tokens, texts;
};
struct stages {
    struct histogram *tokenize, *queue, *compute;
};
struct embedder {
    struct lock lock;
    struct cond work, idle;
    struct lane_queue lanes[LANE_COUNT];
    size_t queue_tokens_max, callers;
    unsigned batch_tokens, thread_count;
    struct thread **threads;
    bool closing;
    double tokens_per_s; /* of one thread at work; 0: not known yet */
    struct stages stages;
    struct counter_family *texts_total;
    struct counter *tokens_total;
    struct gauge *depth[LANE_COUNT];
};

/* What one thread computes at a time. */
struct block {
    struct model *model;
    uint32_t *ids, *lengths;
    struct job **jobs;
    const struct embed_text **texts;
    float *out;
    size_t count, tokens;
    int64_t queued_ns; /* of its oldest text */
};

/* --- metrics --- */

static struct histogram *stage(const char *name)
{
    struct histogram_family *f = histogram_family(
        "embed_duration_seconds", "Time of the stages of embedding", "stage", NULL, 0);
    return histogram_of(f, &name);
}

static void metrics_declare(struct embedder *x)
{
    static const char *const lanes[LANE_COUNT] = {"interactive", "bulk"};
    x->texts_total = counter_family("embeddings_generated_total", "Texts embedded", "model");
    x->tokens_total = counter_of(
        counter_family("embed_tokens_total", "Tokens embedded, special tokens included", NULL),
        NULL);
    (void)counter_family("embed_truncated_total", "Texts cut off: always 0, they become passages",
                         NULL);
    struct gauge_family *depth =
        gauge_family("embed_queue_depth", "Texts waiting for a computing thread", "lane");
    for (int lane = 0; lane < LANE_COUNT; lane++)
        x->depth[lane] = gauge_of(depth, &lanes[lane]);
    x->stages = (struct stages){stage("tokenize"), stage("queue"), stage("compute")};
}

static double seconds_since(int64_t start_ns)
{
    return (double)(clock_mono_ns() - start_ns) * 1e-9;
}

/* --- the queue; all under the lock --- */

static void lane_push(struct embedder *x, enum lane lane, struct job *j)
{
    struct lane_queue *q = &x->lanes[lane];
    *q->last = j;
    q->last = &j->next;
    q->tokens += j->tokens_left;
    q->texts += j->count;
    gauge_set(x->depth[lane], (double)q->texts);
}

static void lane_remove(struct embedder *x, enum lane lane, struct job *j)
{
    struct lane_queue *q = &x->lanes[lane];
    struct job **at = &q->first;
    while (*at && *at != j)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = j->next;
    if (q->last == &j->next)
        q->last = at;
    q->tokens -= j->tokens_left;
    q->texts -= j->count - j->taken;
    gauge_set(x->depth[lane], (double)q->texts);
}

/* Bulk leaves a quarter of the room, so that an import never makes a query a 503. A job that is
 * larger than the whole queue is let in when nothing waits: it would never be otherwise. */
static bool has_room(const struct embedder *x, enum lane lane, size_t tokens)
{
    size_t waiting = x->lanes[LANE_INTERACTIVE].tokens + x->lanes[LANE_BULK].tokens;
    size_t max =
        lane == LANE_BULK ? x->queue_tokens_max - x->queue_tokens_max / 4 : x->queue_tokens_max;
    return waiting == 0 || (tokens <= max && waiting <= max - tokens);
}

static void block_add(struct block *b, struct job *j)
{
    uint32_t length = j->lengths[j->taken];
    memcpy(b->ids + b->tokens, j->ids + j->ids_taken, length * sizeof *b->ids);
    b->lengths[b->count] = length;
    b->jobs[b->count] = j;
    b->texts[b->count] = &j->texts[j->taken];
    if (b->count++ == 0)
        b->queued_ns = j->queued_ns;
    b->tokens += length;
    j->taken++;
    j->ids_taken += length;
    j->tokens_left -= length;
}

/* Whole texts of one lane until the block is full; when little waits, the threads share it. */
static void block_take(struct embedder *x, enum lane lane, struct block *b)
{
    struct lane_queue *q = &x->lanes[lane];
    size_t share = q->tokens / x->thread_count;
    size_t max = share < BATCH_TOKENS_LEAST ? BATCH_TOKENS_LEAST : share;
    max = max < x->batch_tokens ? max : x->batch_tokens;
    b->count = b->tokens = 0;
    while (q->first) {
        struct job *j = q->first;
        if (b->count == 0)
            b->model = model_ref(j->model);
        if (b->count > 0 && (b->model != j->model || b->tokens + j->lengths[j->taken] > max))
            break;
        size_t before = b->tokens;
        block_add(b, j);
        q->tokens -= b->tokens - before;
        q->texts--;
        if (j->taken == j->count) {
            q->first = j->next;
            if (!q->first)
                q->last = &q->first;
        }
    }
    gauge_set(x->depth[lane], (double)q->texts);
}

static void block_done(struct embedder *x, const struct block *b, enum err err, double seconds)
{
    const double weight = .1;
    double rate = (double)b->tokens / (seconds > 1e-9 ? seconds : 1e-9);
    x->tokens_per_s = x->tokens_per_s > 0 ? (1 - weight) * x->tokens_per_s + weight * rate : rate;
    for (size_t i = 0; i < b->count; i++) {
        struct job *j = b->jobs[i];
        if (err)
            j->err = err;
        if (++j->done == j->taken) /* its caller may wait for all, or for those that were taken */
            cond_signal(&j->finished);
    }
}

/* --- a computing thread --- */

struct computer {
    struct model *model;
    struct model_run *run;
    float *out;
};

static void block_init(struct block *b, size_t tokens)
{
    *b = (struct block){
        .ids = xcalloc(tokens, sizeof *b->ids),
        .lengths = xcalloc(tokens, sizeof *b->lengths),
        .jobs = xcalloc(tokens, sizeof(struct job *)),
        .texts = xcalloc(tokens, sizeof(struct embed_text *)),
    };
}

static void block_release(struct block *b)
{
    free(b->ids);
    free(b->lengths);
    free(b->jobs);
    free(b->texts);
}

static enum err block_compute(struct embedder *x, struct model_run *r, struct block *b)
{
    const struct model_info *info = model_info(b->model);
    unsigned dims = info->dims;
    histogram_add(x->stages.queue, seconds_since(b->queued_ns));
    enum err err = model_embed(r, b->ids, b->lengths, b->count, b->out, NULL);
    if (err)
        return err;
    for (size_t i = 0; i < b->count; i++)
        memcpy(b->texts[i]->out, b->out + i * dims, dims * sizeof *b->out);
    counter_add(counter_of(x->texts_total, (const char *[]){info->name}), (double)b->count);
    counter_add(x->tokens_total, (double)b->tokens);
    return ERR_OK;
}

/* Working memory for the block's model; that of the last one is kept. */
static void computer_ready(struct embedder *x, struct computer *c, struct model *m)
{
    const struct model_info *info = model_info(m);
    size_t room = x->batch_tokens > info->tokens_max ? x->batch_tokens : info->tokens_max;
    if (c->model == m)
        return;
    model_run_free(c->run);
    model_unref(c->model);
    c->model = model_ref(m);
    c->run = model_run_new(m, (unsigned)room);
    free(c->out);
    c->out = xcalloc(room * info->dims, sizeof *c->out);
}

static void compute(void *arg)
{
    struct embedder *x = arg;
    struct computer c = {0};
    struct block b;
    block_init(&b, x->batch_tokens > TOKENS_MAX ? x->batch_tokens : TOKENS_MAX);
    lock_take(&x->lock);
    for (;;) {
        while (!x->lanes[LANE_INTERACTIVE].first && !x->lanes[LANE_BULK].first && !x->closing)
            cond_wait(&x->work, &x->lock);
        enum lane lane = x->lanes[LANE_INTERACTIVE].first ? LANE_INTERACTIVE : LANE_BULK;
        if (!x->lanes[lane].first)
            break;
        block_take(x, lane, &b);
        lock_drop(&x->lock);
        int64_t start_ns = clock_mono_ns();
        computer_ready(x, &c, b.model);
        b.out = c.out;
        enum err err = block_compute(x, c.run, &b);
        double seconds = seconds_since(start_ns);
        histogram_add(x->stages.compute, seconds);
        lock_take(&x->lock);
        block_done(x, &b, err, seconds);
        model_unref(b.model);
    }
    lock_drop(&x->lock);
    block_release(&b);
    model_run_free(c.run);
    model_unref(c.model);
    free(c.out);
}

/* --- callers --- */

struct batch {
    uint32_t *ids, *lengths;
    size_t tokens;
};

static enum err batch_make(const struct model *m, struct embed_text *texts, size_t count,
                           struct batch *b, struct err_info *e)
{
    const struct model_info *info = model_info(m);
    struct tokens t;
    size_t cap = 0;
    enum err err = ERR_OK;
    tokens_init(&t);
    b->lengths = xcalloc(count, sizeof *b->lengths);
    for (size_t i = 0; i < count && !err; i++) {
        tokenizer_encode(model_tokenizer(m), texts[i].text, true, &t);
        texts[i].tokens = (unsigned)t.n;
        if (t.n > info->tokens_max) {
            char field[32];
            snprintf(field, sizeof field, "/%zu", i);
            err = err_set(e, ERR_TOO_LARGE, field,
                          "the text has %zu tokens; the model reads at most %u", t.n,
                          info->tokens_max);
            break;
        }
        b->lengths[i] = t.n ? (uint32_t)t.n : 1; /* without special tokens "" is token 0 */
        if (b->tokens + b->lengths[i] > cap) {
            cap = 2 * cap + b->lengths[i] + 64;
            b->ids = xrealloc(b->ids, cap * sizeof *b->ids);
        }
        b->ids[b->tokens] = 0;
        memcpy(b->ids + b->tokens, t.ids, t.n * sizeof *t.ids);
        b->tokens += b->lengths[i];
    }
    tokens_release(&t);
    return err;
}

static unsigned retry_after_s(const struct embedder *x)
{
    double rate = x->tokens_per_s * x->thread_count;
    size_t waiting = x->lanes[LANE_INTERACTIVE].tokens + x->lanes[LANE_BULK].tokens;
    double wait = rate > 0 ? ceil((double)waiting / rate) : 1;
    return wait < 1 ? 1 : wait > 60 ? 60 : (unsigned)wait;
}

/* Until all is computed; past the deadline, until what was taken is. */
static enum err job_wait(struct embedder *x, enum lane lane, struct job *j, int64_t deadline_ns)
{
    bool late = false;
    while (j->done < j->count && !late) {
        if (deadline_ns == 0)
            cond_wait(&j->finished, &x->lock);
        else
            late = !cond_wait_until(&j->finished, &x->lock, deadline_ns);
    }
    if (j->taken < j->count)
        lane_remove(x, lane, j);
    while (j->done < j->taken)
        cond_wait(&j->finished, &x->lock);
    return j->err ? j->err : j->done < j->count ? ERR_TIMEOUT : ERR_OK;
}

static enum err job_run(struct embedder *x, enum lane lane, struct job *j, int64_t deadline_ns,
                        struct err_info *e)
{
    enum err err;
    cond_init(&j->finished);
    lock_take(&x->lock);
    assert(!x->closing);
    if (!has_room(x, lane, j->tokens_left)) {
        err = err_set(e, ERR_BUSY, NULL, "the embedding queue is full; try again in %u s",
                      retry_after_s(x));
    } else {
        x->callers++;
        lane_push(x, lane, j);
        cond_broadcast(&x->work);
        err = job_wait(x, lane, j, deadline_ns);
        if (--x->callers == 0)
            cond_signal(&x->idle);
    }
    lock_drop(&x->lock);
    cond_release(&j->finished);
    return err;
}

static enum err late(struct err_info *e)
{
    return err_set(e, ERR_TIMEOUT, NULL, "the deadline passed before the texts were embedded");
}

enum err embedder_embed(struct embedder *x, struct model *m, enum embed_role role, enum lane lane,
                        struct embed_text *texts, size_t count, int64_t deadline_ns,
                        struct err_info *e)
{
    struct batch b = {0};
    int64_t start_ns = clock_mono_ns();
    (void)role;
    if (count == 0)
        return ERR_OK;
    if (deadline_ns && start_ns >= deadline_ns)
        return late(e);
    if (m->remote)
        return remote_embed(m->remote, &m->info, role, lane, texts, count, deadline_ns, e);
    enum err err = batch_make(m, texts, count, &b, e);
    histogram_add(x->stages.tokenize, seconds_since(start_ns));
    if (!err) {
        struct job j = {.model = m,
                        .texts = texts,
                        .ids = b.ids,
                        .lengths = b.lengths,
                        .count = count,
                        .tokens_left = b.tokens,
                        .queued_ns = clock_mono_ns()};
        err = job_run(x, lane, &j, deadline_ns, e);
        if (err == ERR_TIMEOUT)
            late(e);
        else if (err && err != ERR_BUSY)
            err_set(e, err, NULL, "the model could not embed the texts");
    }
    free(b.ids);
    free(b.lengths);
    return err;
}

/* --- life --- */

struct embedder *embedder_new(const struct embedder_options *o)
{
    struct embedder *x = xcalloc(1, sizeof *x);
    x->thread_count = o->threads ? o->threads : thread_cores();
    x->queue_tokens_max = o->queue_tokens_max ? o->queue_tokens_max : QUEUE_TOKENS_DEFAULT;
    x->batch_tokens = o->batch_tokens ? o->batch_tokens : BATCH_TOKENS_DEFAULT;
    lock_init(&x->lock, LOCK_EMBED);
    cond_init(&x->work);
    cond_init(&x->idle);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        x->lanes[lane].last = &x->lanes[lane].first;
    metrics_declare(x);
    x->threads = xcalloc(x->thread_count, sizeof(struct thread *));
    for (unsigned i = 0; i < x->thread_count; i++)
        x->threads[i] = thread_start("embed", compute, x);
    return x;
}

void embedder_free(struct embedder *x)
{
    if (!x)
        return;
    lock_take(&x->lock);
    x->closing = true;
    cond_broadcast(&x->work);
    while (x->callers > 0)
        cond_wait(&x->idle, &x->lock);
    lock_drop(&x->lock);
    for (unsigned i = 0; i < x->thread_count; i++)
        thread_join(x->threads[i]);
    free(x->threads);
    cond_release(&x->work);
    cond_release(&x->idle);
    lock_release(&x->lock);
    free(x);
}

void embedder_load(struct embedder *x, struct embed_load *out)
{
    lock_take(&x->lock);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        out->queued_tokens[lane] = x->lanes[lane].tokens;
    out->tokens_per_s = x->tokens_per_s * x->thread_count;
    out->retry_after_s = retry_after_s(x);
    lock_drop(&x->lock);
}
