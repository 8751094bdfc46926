/* A call of the embedder: what is known already (memo.h), what has to be computed (batch.h), by
 * whom (compute.h), in which order (lanes.h). */
#include "base/arena.h"
#include "base/clock.h"
#include "base/meter.h"
#include "embed/batch.h"
#include "embed/compute.h"
#include "embed/model.h"
#include "embed/remote.h"
#include <stdio.h>
#include <stdlib.h>

struct embedder {
    struct compute compute;
    struct memo *memo; /* NULL: every text is computed */
    struct lock lock;
    struct cond idle;
    size_t callers;
    struct histogram *tokenize;
};

struct call {
    struct embedder *x;
    struct model *model;
    enum embed_role role;
    enum lane lane;
    struct embed_text *texts;
    size_t count;
    int64_t deadline_ns;
    struct claim *claims; /* NULL: no memo */
    struct cond served;
    struct batch batch;
    size_t *asked; /* numbers of the texts that a remote model is asked for */
    size_t asked_count;
};

enum { CLAIMS_INLINE = 1 }; /* a lone query's on the stack */

/* --- claims --- */

static void claims_make(struct call *c, struct claim *claims)
{
    for (size_t i = 0; i < c->count; i++) {
        struct claim *k = &claims[i];
        *k = (struct claim){.lane = c->lane,
                            .dims = model_info(c->model)->dims,
                            .out = c->texts[i].out,
                            .wake = &c->served};
        embed_key(c->model, c->role, &c->texts[i], k->key);
    }
    c->claims = claims;
}

static bool claims_done(struct call *c)
{
    bool done = true;
    for (size_t i = 0; i < c->count; i++) {
        const struct claim *k = &c->claims[i];
        done = done && k->state != CLAIM_NONE;
        c->texts[i].tokens = k->tokens;
        c->texts[i].cached = k->state == CLAIM_SERVED;
    }
    return done;
}

/* --- rounds --- */

/* What this call has to compute itself. */
static enum err call_collect(struct call *c, struct err_info *e)
{
    enum err err = ERR_OK;
    batch_clear(&c->batch);
    c->asked_count = 0;
    if (c->model->remote && !c->asked)
        c->asked = xcalloc(c->count, sizeof *c->asked);
    for (size_t i = 0; i < c->count && !err; i++) {
        struct claim *k = c->claims ? &c->claims[i] : NULL;
        if (k && (k->state != CLAIM_NONE || memo_ask(c->x->memo, k) != CLAIM_LEADS))
            continue;
        if (c->model->remote)
            c->asked[c->asked_count++] = i;
        else
            err = batch_add(&c->batch, c->model, c->role, &c->texts[i], i, k, e);
    }
    return err;
}

static enum err late(struct err_info *e)
{
    return err_set(e, ERR_TIMEOUT, NULL, "the deadline passed before the texts were embedded");
}

static enum err call_compute(struct call *c, struct err_info *e)
{
    const struct batch *b = &c->batch;
    struct job j = {.model = c->model,
                    .items = b->items,
                    .ids = b->ids,
                    .count = b->count,
                    .tokens_left = b->tokens,
                    .queued_ns = clock_mono_ns()};
    if (b->count == 0)
        return ERR_OK;
    enum err err = compute_job(&c->x->compute, c->lane, &j, c->deadline_ns, e);
    if (err == ERR_TIMEOUT)
        return late(e);
    if (err && err != ERR_BUSY)
        return err_set(e, err, NULL, "the model could not embed the texts");
    return err;
}

/* The error of the so-many-th text that was asked for is that of its number in the call. */
static enum err remote_error(const struct call *c, enum err err, const struct err_info *info,
                             struct err_info *e)
{
    char field[sizeof info->field];
    int64_t i;
    bool numbered = info->field[0] == '/' && c->asked_count > 0 &&
                    str_to_i64(str_c(info->field + 1), 0, (int64_t)c->asked_count - 1, &i) == 0;
    snprintf(field, sizeof field, "%s", info->field);
    if (numbered)
        snprintf(field, sizeof field, "/%zu", c->asked[i]);
    return err_set(e, err, field, "%s", info->message);
}

static enum err call_remote(struct call *c, struct err_info *e)
{
    struct err_info info = {0};
    if (c->asked_count == 0)
        return ERR_OK;
    struct embed_text *texts = xcalloc(c->asked_count, sizeof *texts);
    for (size_t i = 0; i < c->asked_count; i++)
        texts[i] = c->texts[c->asked[i]];
    enum err err = remote_embed(c->model->remote, &c->model->info, c->role, c->lane, texts,
                                c->asked_count, c->deadline_ns, &info);
    for (size_t i = 0; i < c->asked_count && !err; i++) {
        size_t at = c->asked[i];
        c->texts[at].tokens = texts[i].tokens;
        if (c->claims)
            memo_serve(c->x->memo, &c->claims[at], texts[i].out, texts[i].tokens);
    }
    free(texts);
    return err ? remote_error(c, err, &info, e) : ERR_OK;
}

/* Another round only if somebody who computed a text for us gave up. */
static enum err call_run(struct call *c, struct err_info *e)
{
    for (;;) {
        int64_t start_ns = clock_mono_ns();
        if (c->deadline_ns && start_ns >= c->deadline_ns)
            return late(e);
        enum err err = call_collect(c, e);
        if (c->batch.count > 0)
            histogram_add(c->x->tokenize, (double)(clock_mono_ns() - start_ns) * 1e-9);
        if (!err)
            err = c->model->remote ? call_remote(c, e) : call_compute(c, e);
        if (err || !c->claims)
            return err;
        if (memo_wait(c->x->memo, c->claims, c->count, c->deadline_ns))
            return late(e);
        if (claims_done(c))
            return ERR_OK;
    }
}

static void callers_add(struct embedder *x, int n)
{
    lock_take(&x->lock);
    x->callers += (size_t)n;
    if (x->callers == 0)
        cond_signal(&x->idle);
    lock_drop(&x->lock);
}

/* What was computed for this call, for whoever it is in the name of. */
static void meter_tokens(const struct embed_text *texts, size_t count)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < count; i++)
        tokens += texts[i].cached ? 0 : texts[i].tokens;
    meter_add_tokens(tokens);
}

enum err embedder_embed(struct embedder *x, struct model *m, enum embed_role role, enum lane lane,
                        struct embed_text *texts, size_t count, int64_t deadline_ns,
                        struct err_info *e)
{
    struct call c = {.x = x,
                     .model = m,
                     .role = role,
                     .lane = lane,
                     .texts = texts,
                     .count = count,
                     .deadline_ns = deadline_ns};
    struct claim one[CLAIMS_INLINE], *many = NULL;
    if (count == 0)
        return ERR_OK;
    if (m->remote && texts[0].rows)
        return err_set(e, ERR_UNSUPPORTED, NULL, "a remote model gives no vectors of tokens");
    callers_add(x, 1);
    cond_init(&c.served);
    batch_init(&c.batch, count);
    bool rows = false; /* they are not kept */
    for (size_t i = 0; i < count; i++) {
        texts[i].cached = false;
        rows |= texts[i].rows != NULL;
    }
    if (x->memo && !rows)
        claims_make(&c, count <= CLAIMS_INLINE ? one : (many = xcalloc(count, sizeof *many)));
    enum err err = call_run(&c, e);
    if (!err)
        meter_tokens(texts, count);
    if (c.claims)
        memo_leave(x->memo, c.claims, count);
    free(many);
    free(c.asked);
    batch_release(&c.batch);
    cond_release(&c.served);
    callers_add(x, -1);
    return err;
}

/* --- life --- */

struct embedder *embedder_new(const struct embedder_options *o)
{
    struct embedder *x = xcalloc(1, sizeof *x);
    const char *name = "tokenize";
    lock_init(&x->lock, LOCK_EMBED);
    cond_init(&x->idle);
    x->tokenize =
        histogram_of(histogram_family("embed_duration_seconds", "Time of the stages of embedding",
                                      "stage", NULL, 0),
                     &name);
    x->memo = o->cache_bytes ? memo_new(o->cache_bytes) : NULL;
    compute_start(&x->compute, o, x->memo);
    return x;
}

void embedder_free(struct embedder *x)
{
    if (!x)
        return;
    lock_take(&x->lock);
    while (x->callers > 0)
        cond_wait(&x->idle, &x->lock);
    lock_drop(&x->lock);
    compute_stop(&x->compute);
    memo_free(x->memo);
    cond_release(&x->idle);
    lock_release(&x->lock);
    free(x);
}

void embedder_load(struct embedder *x, struct embed_load *out)
{
    struct compute *c = &x->compute;
    lock_take(&c->lock);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        out->queued_tokens[lane] = c->lanes.queues[lane].tokens;
    out->tokens_per_s = lanes_rate(&c->lanes, LANE_BULK);
    out->retry_after_s = lanes_retry_after_s(&c->lanes, LANE_BULK);
    lock_drop(&c->lock);
}
