#include "train/recipe.h"

#include "base/arena.h"
#include "recommend/item_model.h"
#include "train/ease.h"
#include "train/known.h"
#include "train/neighbours.h"
#include <stdlib.h>
#include <string.h>

/* One making of a model. */
struct fitting {
    const struct recipe *r;
    const struct training_set *s;
    const struct fit_options *o;
    struct known *known;
    struct recommend_model *m;
};

static void step(const struct fitting *f, const char *name, double done)
{
    if (f->o->progress)
        f->o->progress(f->o->ctx, name, done);
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

/* ---- rows ---- */

static enum err rows_of_known(const struct fitting *f, struct item_model **out, struct err_info *e)
{
    if (f->r->kind == MODEL_IALS)
        return err_set(e, ERR_UNSUPPORTED, "kind", "ials is not made yet");
    if (f->r->kind == MODEL_EASE) {
        struct ease_options o = ease_of(f->r, f->o);
        o.text = f->known->text;
        o.dims = f->known->dims;
        return ease_train(f->known->x, &o, out, e);
    }
    struct neighbours_options o = neighbours_of(f->r, f->o);
    return neighbours_train(f->known->x, &o, out, e);
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

static enum err fit(struct fitting *f, struct err_info *e)
{
    struct item_model *rows = NULL;
    step(f, "read", 0);
    f->known = known_new(f->s);
    items_make(f);
    step(f, "fit", .1);
    enum err err = rows_of_known(f, &rows, e);
    if (err)
        return err;
    f->m->rows = rows;
    rows_spread(rows, f->known, f->s->items);
    if (stopped(f))
        return err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
    f->m->bytes = recommend_model_bytes(f->m);
    step(f, "fit", 1);
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

size_t recipe_fit_bytes(const struct recipe *r, const struct training_set *s)
{
    struct known_size z = known_measure(s);
    const struct fit_options o = {0};
    size_t bytes = known_bytes(&z, s->dims) + (size_t)s->items * 40, rows = 0;
    if (r->kind == MODEL_EASE) {
        struct ease_options e = ease_of(r, &o);
        e.text = r->gamma > 0 && s->dims ? (const float *)"" : NULL;
        e.dims = s->dims;
        rows = ease_train_bytes(z.readers, z.items, &e);
    } else {
        size_t kept = r->kept ? r->kept : 200;
        rows = 8 * z.count + 16 * (size_t)z.items * (kept < z.items ? kept : z.items);
    }
    return bytes + rows;
}
