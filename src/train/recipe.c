#include "train/recipe.h"

#include "base/arena.h"
#include "recommend/item_model.h"
#include "train/ease.h"
#include "train/ials.h"
#include "train/known.h"
#include "train/neighbours.h"
#include "train/ridge.h"
#include "train/sessions.h"
#include <stdlib.h>
#include <string.h>

/* With more interactions a model of factors hardly knows one reader from another. */
#define FORGETTING_MAX 2000000u

/* One making of a model. */
struct fitting {
    const struct recipe *r;
    const struct training_set *s;
    const struct fit_options *o;
    struct known *known;
    struct recommend_model *m;
    const char *part; /* what is made now, and its share of all */
    double from, to;
};

static void step(const struct fitting *f, const char *name, double done)
{
    if (f->o->progress)
        f->o->progress(f->o->ctx, name, done);
}

static void part(struct fitting *f, const char *name, double from, double to)
{
    f->part = name;
    f->from = from;
    f->to = to;
    step(f, name, from);
}

static void within_part(const void *ctx, double done)
{
    const struct fitting *f = ctx;
    step(f, f->part, f->from + (f->to - f->from) * done);
}

static bool stopped(const struct fitting *f)
{
    return f->o->stop && atomic_load(f->o->stop);
}

static struct ease_options ease_of(const struct recipe *r, const struct fit_options *o)
{
    return (struct ease_options){.lambda = r->lambda,
                                 .gamma = r->gamma,
                                 .kept = r->kept,
                                 .threads = o->threads,
                                 .memory_max = o->memory_max,
                                 .stop = o->stop};
}

static struct neighbours_options neighbours_of(const struct recipe *r, const struct fit_options *o)
{
    return (struct neighbours_options){.kind = r->kind == MODEL_WALKS ? NEIGHBOURS_RP3BETA
                                                                      : NEIGHBOURS_BM25,
                                       .k1 = r->k1,
                                       .b = r->b,
                                       .alpha = r->alpha,
                                       .beta = r->beta,
                                       .kept = r->kept,
                                       .threads = o->threads,
                                       .stop = o->stop};
}

static struct ials_options ials_of(const struct recipe *r, const struct fit_options *o)
{
    return (struct ials_options){.dims = r->dims,
                                 .alpha = r->alpha,
                                 .lambda = r->lambda,
                                 .epochs = r->epochs,
                                 .threads = o->threads,
                                 .seed = o->seed,
                                 .stop = o->stop};
}

/* ---- rows, or factors ---- */

static enum err rows_of_known(const struct fitting *f, const struct interactions *x,
                              struct item_model **out, struct err_info *e)
{
    if (f->r->kind == MODEL_EASE) {
        struct ease_options o = ease_of(f->r, f->o);
        o.text = f->known->text;
        o.dims = f->known->dims;
        o.progress = within_part;
        o.ctx = f;
        return ease_train(x, &o, out, e);
    }
    struct neighbours_options o = neighbours_of(f->r, f->o);
    return neighbours_train(x, &o, out, e);
}

/* Rows of the known become rows of all items of the set; those of others are empty. */
static void rows_spread(struct item_model *rows, const struct known *k, uint32_t items)
{
    size_t *start = xcalloc((size_t)items + 1, sizeof *start);
    uint32_t n = 0;
    for (size_t i = 0; i < rows->rows.start[rows->items]; i++)
        rows->rows.at[i] = k->item[rows->rows.at[i]];
    for (uint32_t i = 0; i < items; i++) {
        n += n < k->items && k->item[n] == i;
        start[i + 1] = rows->rows.start[n];
    }
    free(rows->rows.start);
    rows->rows.start = start;
    rows->items = items;
}

/* What `m` scores by, from `x`. */
static enum err scores_fit(const struct fitting *f, const struct interactions *x,
                           struct recommend_model *m, struct err_info *e)
{
    enum err err;
    if (f->r->kind == MODEL_IALS) {
        struct ials_options o = ials_of(f->r, f->o);
        err = ials_train(x, &o, &m->factors, e);
        if (!err)
            factors_spread(m->factors, f->known->item, f->s->items);
    } else {
        err = rows_of_known(f, x, &m->rows, e);
        if (!err)
            rows_spread(m->rows, f->known, f->s->items);
    }
    return err;
}

/* ---- text ---- */

static enum err text_by(struct fitting *f, const struct recommend_model *by,
                        const struct ridge_given *given, struct err_info *e)
{
    const struct ridge_options o = {.lambda = f->r->text_lambda,
                                    .blend = f->r->text_blend,
                                    .given = given,
                                    .seed = f->o->seed,
                                    .threads = f->o->threads,
                                    .stop = f->o->stop};
    return ridge_fit(f->known, by, &o, &f->m->text, e);
}

/* By a model of the same recipe that was not made from what some readers are asked for. */
static enum err text_fit(struct fitting *f, const struct ridge_given *given, struct err_info *e)
{
    struct recommend_model *by = xcalloc(1, sizeof *by);
    by->items = f->s->items;
    enum err err = scores_fit(f, given->x, by, e);
    if (!err)
        err = text_by(f, by, given, e);
    recommend_model_free(by);
    return err;
}

static bool forgets(const struct fitting *f)
{
    return f->r->kind != MODEL_IALS || f->known->x->count <= FORGETTING_MAX;
}

/* ---- the whole ---- */

static void items_make(struct fitting *f)
{
    struct recommend_model *m = f->m;
    m->kind = f->r->kind;
    m->items = f->s->items;
    m->position = f->s->position;
    m->numbers = xmalloc(((size_t)m->items + 1) * sizeof *m->numbers);
    memcpy(m->numbers, f->s->numbers, m->items * sizeof *m->numbers);
    m->readers = xcalloc((size_t)m->items + 1, sizeof *m->readers);
    for (uint32_t i = 0; i < f->known->items; i++)
        m->readers[f->known->item[i]] = f->known->readers[i];
}

static enum err scores_and_text_fit(struct fitting *f, struct err_info *e)
{
    struct ridge_given given;
    enum err err = 0;
    ridge_given(f->known->x, f->o->seed, &given);
    if (forgets(f)) {
        part(f, "text", .05, .45);
        err = text_fit(f, &given, e);
    }
    part(f, "fit", forgets(f) ? .5 : .05, .9);
    if (!err)
        err = scores_fit(f, f->known->x, f->m, e);
    if (!err && !forgets(f)) {
        step(f, "text", .9);
        err = text_by(f, f->m, &given, e);
    }
    ridge_given_release(&given);
    return err;
}

static enum err parts_fit(struct fitting *f, struct err_info *e)
{
    if (!f->o->parts_only && f->known->dims)
        return scores_and_text_fit(f, e);
    part(f, "fit", .1, .95);
    return scores_fit(f, f->known->x, f->m, e);
}

static enum err fit(struct fitting *f, struct err_info *e)
{
    step(f, "read", 0);
    f->known = known_new(f->s);
    items_make(f);
    enum err err = parts_fit(f, e);
    if (!err && stopped(f))
        err = err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
    if (err)
        return err;
    if (!f->o->parts_only) {
        step(f, "sessions", .95);
        f->m->sessions = sessions_train(f->s, &(struct sessions_options){0});
    }
    recommend_model_measure(f->m);
    step(f, "done", 1);
    return 0;
}

enum err recipe_fit(const struct recipe *r, const struct training_set *s,
                    const struct fit_options *o, struct recommend_model **out, struct err_info *e)
{
    struct fitting f = {.r = r, .s = s, .o = o};
    size_t bytes = recipe_fit_bytes(r, s);
    if (o->memory_max && bytes > o->memory_max)
        return err_set(e, ERR_FULL, "memory",
                       "%s of %u readers and %u documents takes %zu MB, more than the %zu MB that "
                       "it may",
                       model_kind_name(r->kind), s->readers, s->items, bytes >> 20,
                       o->memory_max >> 20);
    f.m = xcalloc(1, sizeof *f.m);
    enum err err = fit(&f, e);
    known_free(f.known);
    if (err)
        recommend_model_free(f.m);
    else
        *out = f.m;
    return err;
}

static size_t scores_bytes(const struct recipe *r, const struct known_size *z, uint32_t dims)
{
    const struct fit_options o = {0};
    if (r->kind == MODEL_IALS) {
        struct ials_options i = ials_of(r, &o);
        return ials_train_bytes(z->readers, z->items, &i);
    }
    if (r->kind == MODEL_EASE) {
        struct ease_options e = ease_of(r, &o);
        e.text = r->gamma > 0 && dims ? (const float *)"" : NULL;
        e.dims = dims;
        return ease_train_bytes(z->readers, z->items, &e);
    }
    size_t kept = r->kept ? r->kept : 200;
    return 8 * z->count + 16 * (size_t)z->items * (kept < z->items ? kept : z->items);
}

size_t recipe_fit_bytes(const struct recipe *r, const struct training_set *s)
{
    struct known_size z = known_measure(s);
    size_t known = known_bytes(&z, s->dims) + (size_t)s->items * 40,
           less = s->dims ? known_bytes(&z, 0) + ridge_bytes(z.items, s->dims) : 0,
           fitting = scores_bytes(r, &z, s->dims), sessions = sessions_train_bytes(s);
    return known + (less + fitting > sessions ? less + fitting : sessions);
}
