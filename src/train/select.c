#include "train/select.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "recommend/text_model.h"
#include "train/rankers.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_MARK 5 /* so that its digests are none of a split's */

/* ---- a sample of readers ---- */

struct ranked {
    uint64_t rank;
    uint32_t reader;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->reader < y->reader ? -1 : x->reader > y->reader;
}

static bool *sample_choose(const struct training_set *s, size_t acts_max, uint64_t seed)
{
    bool *in = xcalloc((size_t)s->readers + 1, sizeof *in);
    struct ranked *all = xmalloc(((size_t)s->readers + 1) * sizeof *all);
    for (uint32_t r = 0; r < s->readers; r++) {
        const uint64_t x[2] = {SAMPLE_MARK, s->keys[r]};
        all[r] = (struct ranked){checksum64(x, sizeof x, seed), r};
    }
    qsort(all, s->readers, sizeof *all, by_rank);
    size_t acts = 0;
    for (uint32_t i = 0; i < s->readers; i++) {
        uint32_t r = all[i].reader;
        acts += s->start[r + 1] - s->start[r];
        if (acts_max && acts > acts_max)
            break;
        in[r] = true;
    }
    free(all);
    return in;
}

struct training_set *set_sample(const struct training_set *s, size_t acts_max, uint64_t seed)
{
    bool *in = sample_choose(s, acts_max, seed);
    struct training_set *t = xmalloc(sizeof *t);
    size_t count = 0;
    for (uint32_t r = 0; r < s->readers; r++)
        count += in[r] ? s->start[r + 1] - s->start[r] : 0;
    *t = *s;
    t->readers = 0;
    t->keys = xmalloc(((size_t)s->readers + 1) * sizeof *t->keys);
    t->start = xcalloc((size_t)s->readers + 1, sizeof *t->start);
    t->acts = xmalloc((count + 1) * sizeof *t->acts);
    for (uint32_t r = 0; r < s->readers; r++) {
        if (!in[r])
            continue;
        size_t n = s->start[r + 1] - s->start[r], at = t->start[t->readers];
        if (n)
            memcpy(t->acts + at, s->acts + s->start[r], n * sizeof *t->acts);
        t->keys[t->readers++] = s->keys[r];
        t->start[t->readers] = at + n;
    }
    free(in);
    return t;
}

void set_sample_free(struct training_set *s)
{
    if (!s)
        return;
    free(s->keys);
    free(s->start);
    free(s->acts);
    free(s);
}

/* ---- trials ---- */

struct selecting {
    const struct training_set *train;
    const struct split *split;
    const struct select_options *o;
    struct steps *steps;
    struct trials *out;
    unsigned budget;
};

static enum err validate(struct selecting *s, struct model_ranker *r, double *metric,
                         struct err_info *e)
{
    struct measured measured;
    struct ranker ranker = ranker_model(r, "trial");
    struct measure_options o = {
        .among = s->o->among, .threads = s->steps->told->threads, .stop = s->steps->told->stop};
    enum err err = measure_run(s->split->validation, s->split->validation_count, s->train->items,
                               &ranker, &o, &measured, e);
    if (err)
        return err;
    *metric = resample_mean(measured.values[s->o->metric], measured.cases);
    measured_release(&measured);
    return ERR_OK;
}

static enum err trial_judge(struct selecting *s, const struct recommend_model *m, struct trial *t,
                            struct err_info *e)
{
    struct model_ranker *r = NULL;
    enum err err = model_ranker_new(m, s->train, s->o->among, s->steps->told->threads, &r, e);
    if (!err)
        err = validate(s, r, &t->metric, e);
    model_ranker_free(r);
    return err;
}

/* The trial at the end of the list counts from now on. */
static bool trial_add(struct trials *t)
{
    unsigned at = t->count++;
    bool better =
        at == 0 || isnan(t->all[t->best].metric) || t->all[at].metric > t->all[t->best].metric;
    if (better)
        t->best = at;
    return better;
}

/* A recipe that cannot be fitted is a trial without a metric: the others go on. */
static enum err trial_run(struct selecting *s, const struct recipe *recipe, struct err_info *e)
{
    struct trial *t = &s->out->all[s->out->count];
    struct recommend_model *m = NULL;
    struct fit_options fit = steps_fit(s->steps);
    int64_t began = clock_mono_ns();
    *t = (struct trial){.recipe = *recipe, .metric = NAN};
    fit.parts_only = !s->o->among;
    steps_begin(s->steps, model_kind_name(recipe->kind));
    enum err err = recipe_fit(recipe, s->train, &fit, &m, e);
    if (!err)
        err = trial_judge(s, m, t, e);
    steps_end(s->steps);
    t->seconds = (double)(clock_mono_ns() - began) * 1e-9;
    if (trial_add(s->out) && s->o->among && !err) {
        recommend_model_free(s->out->model);
        s->out->model = m;
        m = NULL;
    }
    recommend_model_free(m);
    return err;
}

/* ---- the blend of the nearest texts ---- */

static enum err blend_run(struct selecting *s, struct model_ranker *r, double blend,
                          const struct recipe *base, struct err_info *e)
{
    struct trial *t = &s->out->all[s->out->count];
    int64_t began = clock_mono_ns();
    *t = (struct trial){.recipe = *base};
    t->recipe.text_blend = blend;
    enum err err = validate(s, r, &t->metric, e);
    t->seconds = (double)(clock_mono_ns() - began) * 1e-9;
    if (!err)
        trial_add(s->out);
    return err;
}

static enum err try_blends(struct selecting *s, struct err_info *last)
{
    static const double blends[] = {.25, .5, 1, 2, 4};
    struct recommend_model *m = s->out->model;
    struct model_ranker *r = NULL;
    if (!m || !m->text || m->text->blend <= 0)
        return ERR_OK;
    const struct recipe base = s->out->all[s->out->best].recipe;
    double fitted = m->text->blend / base.text_blend;
    enum err err = model_ranker_new(m, s->train, s->o->among, s->steps->told->threads, &r, last);
    for (size_t i = 0; i < sizeof blends / sizeof *blends && !err; i++) {
        if (blends[i] == base.text_blend || s->out->count == TRIALS_MAX)
            continue;
        m->text->blend = fitted * blends[i];
        err = blend_run(s, r, blends[i], &base, last);
    }
    m->text->blend = fitted * s->out->all[s->out->best].recipe.text_blend;
    model_ranker_free(r);
    return err;
}

static bool same_recipe(const struct recipe *a, const struct recipe *b)
{
    return a->kind == b->kind && a->lambda == b->lambda && a->gamma == b->gamma &&
           a->alpha == b->alpha && a->beta == b->beta && a->k1 == b->k1 && a->b == b->b &&
           a->dims == b->dims && a->epochs == b->epochs && a->kept == b->kept &&
           a->text_lambda == b->text_lambda && a->text_blend == b->text_blend;
}

static bool was_tried(const struct trials *t, const struct recipe *r)
{
    for (unsigned i = 0; i < t->count; i++)
        if (same_recipe(&t->all[i].recipe, r))
            return true;
    return false;
}

/* Those that were not tried, within the budget. `last`: the error of the last that failed. */
static enum err try_all(struct selecting *s, const struct recipe *all, unsigned count,
                        struct err_info *last)
{
    for (unsigned i = 0; i < count && s->out->count < s->budget; i++) {
        struct err_info e = {0};
        if (was_tried(s->out, &all[i]))
            continue;
        enum err err = trial_run(s, &all[i], &e);
        if (err)
            *last = e;
        if (err == ERR_CANCELLED)
            return err;
    }
    return ERR_OK;
}

static enum err try_near(struct selecting *s, struct err_info *last)
{
    struct recipe next[TRIALS_MAX];
    enum err err = ERR_OK;
    while (!err && s->out->count && s->out->count < s->budget) {
        unsigned before = s->out->count, best = s->out->best;
        if (isnan(s->out->all[best].metric))
            break;
        err = try_all(s, next, recipe_near(&s->out->all[best].recipe, s->train, next, TRIALS_MAX),
                      last);
        if (s->out->count == before || s->out->best == best)
            break;
    }
    return err;
}

enum err select_recipe(enum model_kind kind, const struct split *p, const struct select_options *o,
                       struct steps *steps, struct trials *out, struct err_info *e)
{
    struct recipe grid[TRIALS_MAX];
    struct err_info last = {0};
    struct training_set *train = set_sample(p->train, o->acts_max, steps->told->seed);
    struct selecting s = {train, p, o, steps, out, o->budget ? o->budget : SELECT_BUDGET};
    double steps_then = steps->done;
    *out = (struct trials){0};
    assert(s.budget <= TRIALS_MAX - 4);
    enum err err = o->first ? try_all(&s, o->first, 1, &last) : ERR_OK;
    if (!err)
        err = try_all(&s, grid, recipe_grid(kind, train, grid, TRIALS_MAX), &last);
    if (!err)
        err = try_near(&s, &last);
    if (!err)
        err = try_blends(&s, &last);
    if (err || o->acts_max) {
        recommend_model_free(out->model);
        out->model = NULL;
    }
    steps->done = steps_then + s.budget; /* those that were not needed count as done */
    set_sample_free(train);
    if (err || out->count == 0 || isnan(out->all[out->best].metric))
        return err_set(e, last.code ? last.code : ERR_INVALID, last.field, "%s",
                       last.code ? last.message : "there is nothing to try");
    return ERR_OK;
}
