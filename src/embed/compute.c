#include "embed/compute.h"
#include "base/arena.h"
#include "base/clock.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_TOKENS_DEFAULT 262144u
#define BATCH_TOKENS_DEFAULT 256u
#define IDLE_NS_MAX 60000000000 /* computers of models that nobody asks for any more */

static double seconds_since(int64_t start_ns)
{
    return (double)(clock_mono_ns() - start_ns) * 1e-9;
}

/* --- computers --- */

static struct computer *computer_new(const struct compute *c, struct model *m)
{
    struct computer *k = xcalloc(1, sizeof *k);
    const struct model_info *info = model_info(m);
    size_t room = c->batch_tokens > info->tokens_max ? c->batch_tokens : info->tokens_max;
    k->model = model_ref(m);
    k->run = model_run_new(m, (unsigned)room);
    k->out = xcalloc(room * info->dims, sizeof *k->out);
    k->block = (struct block){
        .ids = xcalloc(room, sizeof *k->block.ids),
        .lengths = xcalloc(room, sizeof *k->block.lengths),
        .jobs = xcalloc(room, sizeof(struct job *)),
        .items = xcalloc(room, sizeof(struct item *)),
        .room = room,
    };
    return k;
}

static void computers_free(struct computer *k)
{
    for (struct computer *next; k; k = next) {
        next = k->next;
        model_run_free(k->run);
        model_unref(k->model);
        free(k->out);
        free(k->block.ids);
        free(k->block.lengths);
        free(k->block.jobs);
        free(k->block.items);
        free(k);
    }
}

/* One for the model, kept or NULL. */
static struct computer *computer_take(struct compute *c, const struct model *m)
{
    struct computer **at = &c->idle, *k;
    while (*at && (*at)->model != m)
        at = &(*at)->next;
    k = *at;
    if (k)
        *at = k->next;
    return k;
}

/* Keeps it; returns those that are too many or too long without use, to be freed without the lock.
 */
static struct computer *computer_keep(struct compute *c, struct computer *k)
{
    unsigned kept = 0, max = 2 * c->thread_count + 4; /* both lanes, and some models more */
    struct model *m = k->model;
    k->used_ns = clock_mono_ns();
    int64_t since_ns = k->used_ns - IDLE_NS_MAX;
    k->next = c->idle;
    c->idle = k;
    struct computer **at = &c->idle;
    while (*at && kept < max && ((*at)->model == m || (*at)->used_ns > since_ns)) {
        at = &(*at)->next;
        kept++;
    }
    struct computer *rest = *at; /* in order of use: what follows is older still */
    *at = NULL;
    return rest;
}

/* --- one block --- */

static enum err rows_compute(struct computer *k)
{
    const struct block *b = &k->block;
    enum err err = ERR_OK;
    for (size_t i = 0, t = 0; i < b->count && !err; t += b->lengths[i++])
        if (b->items[i]->text->rows)
            err =
                model_embed_rows(k->run, b->ids + t, b->lengths[i], b->items[i]->text->rows, NULL);
    return err;
}

static enum err block_compute(struct compute *c, struct computer *k)
{
    const struct model_info *info = model_info(k->model);
    struct block *b = &k->block;
    histogram_add(c->metrics.queue, seconds_since(b->queued_ns));
    enum err err = model_embed(k->run, b->ids, b->lengths, b->count, k->out, NULL);
    if (!err)
        err = rows_compute(k);
    if (err)
        return err;
    for (size_t i = 0; i < b->count; i++) {
        const struct item *item = b->items[i];
        const float *vector = k->out + i * info->dims;
        memcpy(item->text->out, vector, info->dims * sizeof *vector);
        if (item->claim)
            memo_serve(c->memo, item->claim, vector, item->text->tokens);
    }
    counter_add(counter_of(c->metrics.texts, (const char *[]){info->name}), (double)b->count);
    counter_add(c->metrics.tokens, (double)b->tokens);
    return ERR_OK;
}

static void block_done(const struct block *b, enum err err)
{
    for (size_t i = 0; i < b->count; i++) {
        struct job *j = b->jobs[i];
        if (err)
            j->err = err;
        if (++j->done == j->taken) /* its caller may wait for all, or for those that were taken */
            cond_signal(&j->changed);
    }
}

/* More interactive work than those who are at it have taken: somebody who waits for his own may
 * lead, or a background thread help. */
static void more_hands(struct compute *c)
{
    struct job *j = c->lanes.queues[LANE_INTERACTIVE].first;
    if (!j || c->active >= c->thread_count)
        return;
    while (j && j->leading)
        j = j->next;
    cond_signal(j ? &j->changed : &c->work);
}

/* Takes a block of the lane, if there is one, and computes it: called and left with the lock, which
 * is dropped between. */
static void lane_compute(struct compute *c, enum lane lane)
{
    struct model *m = lanes_next(&c->lanes, lane);
    if (!m)
        return;
    bool interactive = lane == LANE_INTERACTIVE;
    struct computer *k = computer_take(c, m), *unused;
    c->active += interactive;
    if (!k) {
        model_ref(m); /* its job may be gone when the lock is back */
        lock_drop(&c->lock);
        k = computer_new(c, m);
        lock_take(&c->lock);
        model_unref(m);
    }
    lanes_take(&c->lanes, lane, k->model, &k->block);
    if (k->block.count > 0) {
        if (interactive)
            more_hands(c);
        lock_drop(&c->lock);
        int64_t start_ns = clock_mono_ns();
        enum err err = block_compute(c, k);
        double seconds = seconds_since(start_ns);
        histogram_add(c->metrics.compute, seconds);
        lock_take(&c->lock);
        lanes_measured(&c->lanes, lane, k->block.tokens, seconds);
        block_done(&k->block, err);
    }
    c->active -= interactive;
    unused = computer_keep(c, k);
    if (unused) {
        lock_drop(&c->lock);
        computers_free(unused);
        lock_take(&c->lock);
    }
}

/* --- who does it --- */

static bool lane_waits(const struct compute *c, enum lane lane)
{
    return c->lanes.queues[lane].first != NULL;
}

static void background(void *arg)
{
    struct compute *c = arg;
    if (c->background)
        thread_background();
    lock_take(&c->lock);
    for (;;) {
        if (lane_waits(c, LANE_INTERACTIVE) && c->active < c->thread_count)
            lane_compute(c, LANE_INTERACTIVE);
        else if (lane_waits(c, LANE_BULK))
            lane_compute(c, LANE_BULK);
        else if (c->closing)
            break;
        else
            cond_wait(&c->work, &c->lock);
        more_hands(c);
    }
    lock_drop(&c->lock);
}

static bool is_late(int64_t deadline_ns)
{
    return deadline_ns && clock_mono_ns() >= deadline_ns;
}

static void lead(struct compute *c, struct job *j, int64_t deadline_ns)
{
    j->leading = true;
    while (j->taken < j->count && c->active < c->thread_count && !is_late(deadline_ns))
        lane_compute(c, LANE_INTERACTIVE);
    j->leading = false;
    more_hands(c);
}

/* Until all is computed; past the deadline, until what was taken is. */
static enum err job_wait(struct compute *c, enum lane lane, struct job *j, int64_t deadline_ns)
{
    bool late = false;
    while (j->done < j->count && !late) {
        if (lane == LANE_INTERACTIVE && j->taken < j->count && c->active < c->thread_count)
            lead(c, j, deadline_ns);
        if (j->done == j->count)
            break;
        if (deadline_ns == 0)
            cond_wait(&j->changed, &c->lock);
        else
            late = !cond_wait_until(&j->changed, &c->lock, deadline_ns);
    }
    if (j->taken < j->count)
        lanes_remove(&c->lanes, lane, j);
    while (j->done < j->taken)
        cond_wait(&j->changed, &c->lock);
    return j->err ? j->err : j->done < j->count ? ERR_TIMEOUT : ERR_OK;
}

enum err compute_job(struct compute *c, enum lane lane, struct job *j, int64_t deadline_ns,
                     struct err_info *e)
{
    enum err err;
    cond_init(&j->changed);
    lock_take(&c->lock);
    assert(!c->closing);
    if (!lanes_have_room(&c->lanes, lane, j->tokens_left)) {
        err = err_set(e, ERR_BUSY, NULL, "the embedding queue is full; try again in %u s",
                      lanes_retry_after_s(&c->lanes, lane));
    } else {
        lanes_push(&c->lanes, lane, j);
        if (lane == LANE_BULK)
            cond_broadcast(&c->work);
        err = job_wait(c, lane, j, deadline_ns);
        if (lane == LANE_INTERACTIVE)
            more_hands(c); /* it may have been the one who was woken to lead, and left instead */
    }
    lock_drop(&c->lock);
    cond_release(&j->changed);
    return err;
}

/* --- life --- */

static struct histogram *stage(const char *name)
{
    struct histogram_family *f = histogram_family(
        "embed_duration_seconds", "Time of the stages of embedding", "stage", NULL, 0);
    return histogram_of(f, &name);
}

static void metrics_declare(struct compute_metrics *m)
{
    m->queue = stage("queue");
    m->compute = stage("compute");
    m->texts = counter_family("embeddings_generated_total", "Texts embedded", "model");
    m->tokens = counter_of(
        counter_family("embed_tokens_total", "Tokens embedded, special tokens included", NULL),
        NULL);
}

void compute_start(struct compute *c, const struct embedder_options *o, struct memo *memo)
{
    *c = (struct compute){.thread_count = o->threads ? o->threads : thread_cores(),
                          .batch_tokens = o->batch_tokens ? o->batch_tokens : BATCH_TOKENS_DEFAULT,
                          .background = o->background,
                          .memo = memo};
    lock_init(&c->lock, LOCK_EMBED);
    cond_init(&c->work);
    lanes_init(&c->lanes, o->queue_tokens_max ? o->queue_tokens_max : QUEUE_TOKENS_DEFAULT,
               c->batch_tokens, c->thread_count);
    metrics_declare(&c->metrics);
    c->threads = xcalloc(c->thread_count, sizeof(struct thread *));
    for (unsigned i = 0; i < c->thread_count; i++)
        c->threads[i] = thread_start("embed", background, c);
}

void compute_stop(struct compute *c)
{
    lock_take(&c->lock);
    c->closing = true;
    cond_broadcast(&c->work);
    lock_drop(&c->lock);
    for (unsigned i = 0; i < c->thread_count; i++)
        thread_join(c->threads[i]);
    free(c->threads);
    computers_free(c->idle);
    cond_release(&c->work);
    lock_release(&c->lock);
}
