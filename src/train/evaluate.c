#include "train/evaluate.h"

#include "base/arena.h"
#include "base/clock.h"
#include "train/rankers.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One evaluation. */
struct evaluating {
    const struct training_set *s;
    const struct evaluate_options *o;
    struct split *split;
    struct steps *steps;
    struct evaluation *out;
    struct split_case *new_readers; /* those of the test cases */
    float *readers;                 /* of each item, in the training part */
};

enum measure evaluate_metric(enum split_kind kind)
{
    return kind == SPLIT_ITEMS ? MEASURE_RECALL_100 : MEASURE_NDCG_100;
}

static const uint8_t *among(const struct evaluating *v)
{
    return v->o->split.kind == SPLIT_ITEMS ? v->split->item_is_new : NULL;
}

static unsigned kinds_of(const struct evaluate_options *o)
{
    return o->chosen ? 1u << o->chosen->kind : o->kinds | o->beside;
}

/* What is chosen already is fitted once, for the blend of its texts. */
static unsigned budget_of(const struct evaluate_options *o)
{
    if (o->chosen)
        return o->split.kind == SPLIT_ITEMS;
    return o->budget ? o->budget : SELECT_BUDGET;
}

double evaluate_steps(const struct evaluate_options *o)
{
    return 1 + (o->active != NULL) + __builtin_popcount(kinds_of(o)) * (budget_of(o) + 1.0);
}

/* ---- measuring ---- */

static enum err judge(struct evaluating *v, const struct ranker *r, struct contender *c,
                      struct err_info *e)
{
    const struct split *p = v->split;
    struct measure_options o = {.among = among(v),
                                .readers = v->readers,
                                .reader_count = v->split->train->readers,
                                .threads = v->o->fit.threads,
                                .stop = v->o->fit.stop};
    enum err err = measure_run(p->test, p->test_count, v->s->items, r, &o, &c->all, e);
    if (!err && v->out->new_readers) {
        err = measure_run(v->new_readers, v->out->new_readers, v->s->items, r, &o, &c->new_readers,
                          e);
        if (err)
            measured_release(&c->all);
    }
    return err;
}

static struct contender *contender_add(struct evaluating *v, const char *name)
{
    assert(v->out->count < CONTENDERS_MAX);
    struct contender *c = &v->out->contenders[v->out->count];
    *c = (struct contender){.name = name, .validated = NAN};
    return c;
}

static enum err judge_untrained(struct evaluating *v, struct err_info *e)
{
    struct popularity popularity = {v->readers, v->s->items};
    struct ranker r = ranker_popularity(&popularity);
    steps_begin(v->steps, "judging");
    enum err err = ERR_OK;
    if (!among(v)) { /* nobody has read a new document */
        err = judge(v, &r, contender_add(v, r.name), e);
        v->out->count += !err;
    }
    struct texts *texts = err ? NULL : texts_new(v->split->train);
    if (texts) {
        r = ranker_content(texts);
        err = judge(v, &r, contender_add(v, r.name), e);
        v->out->count += !err;
    }
    texts_free(texts);
    steps_end(v->steps);
    return err;
}

/* Chosen on a sample, fitted on all acts. */
static enum err validate_again(struct evaluating *v, const struct ranker *r, struct contender *c,
                               struct err_info *e)
{
    struct measured m;
    struct measure_options o = {
        .among = among(v), .threads = v->o->fit.threads, .stop = v->o->fit.stop};
    enum err err =
        measure_run(v->split->validation, v->split->validation_count, v->s->items, r, &o, &m, e);
    if (err)
        return err;
    c->validated = resample_mean(m.values[evaluate_metric(v->o->split.kind)], m.cases);
    measured_release(&m);
    return ERR_OK;
}

static enum err model_judge(struct evaluating *v, const struct recommend_model *m,
                            struct contender *c, struct err_info *e)
{
    struct model_ranker *r = NULL;
    if (among(v) && !m->text)
        return err_set(e, ERR_UNSUPPORTED, NULL, "%s says nothing of new documents without texts",
                       c->name);
    enum err err = model_ranker_new(m, v->split->train, among(v), v->o->fit.threads, &r, e);
    if (!err) {
        struct ranker ranker = ranker_model(r, c->name);
        if (v->o->trial_acts_max && c->trials.count)
            err = validate_again(v, &ranker, c, e);
        if (!err)
            err = judge(v, &ranker, c, e);
    }
    model_ranker_free(r);
    v->out->count += !err;
    return err;
}

static enum err judge_recipe(struct evaluating *v, struct contender *c, struct err_info *e)
{
    struct recommend_model *m = c->trials.model;
    struct fit_options fit = steps_fit(v->steps);
    int64_t began = clock_mono_ns();
    enum err err = ERR_OK;
    steps_begin(v->steps, c->name);
    if (!m)
        err = recipe_fit(&c->recipe, v->split->train, &fit, &m, e);
    c->trials.model = NULL;
    c->learned = true;
    c->seconds = (double)(clock_mono_ns() - began) * 1e-9;
    if (!err)
        err = model_judge(v, m, c, e);
    recommend_model_free(m);
    steps_end(v->steps);
    return err;
}

/* ---- kinds ---- */

static enum err kind_choose(struct evaluating *v, enum model_kind kind, struct contender *c,
                            struct err_info *e)
{
    const struct recipe *chosen = v->o->chosen, *active = v->o->active;
    struct select_options o = {.metric = evaluate_metric(v->o->split.kind),
                               .budget = budget_of(v->o),
                               .first = active && active->kind == kind ? active : chosen,
                               .among = among(v),
                               .acts_max = v->o->trial_acts_max};
    if (chosen && (!among(v) || !v->split->validation_count)) {
        c->recipe = *chosen;
        return ERR_OK;
    }
    enum err err = select_recipe(kind, v->split, &o, v->steps, &c->trials, e);
    if (err)
        return err;
    c->recipe = c->trials.all[c->trials.best].recipe;
    c->validated = c->trials.all[c->trials.best].metric;
    return ERR_OK;
}

static void best_note(struct evaluating *v, const struct contender *c)
{
    if (!v->o->chosen && !(v->o->kinds >> c->recipe.kind & 1))
        return;
    if (v->out->best < 0 || c->validated > v->out->contenders[v->out->best].validated)
        v->out->best = (int)(c - v->out->contenders);
}

static enum err judge_kinds(struct evaluating *v, struct err_info *left_out, struct err_info *e)
{
    for (enum model_kind kind = 0; kinds_of(v->o) >> kind; kind++) {
        struct err_info inner = {0};
        if (!(kinds_of(v->o) >> kind & 1))
            continue;
        struct contender *c = contender_add(v, model_kind_name(kind));
        enum err err = kind_choose(v, kind, c, &inner);
        if (!err)
            err = judge_recipe(v, c, &inner);
        if (!err)
            best_note(v, c);
        else if (err == ERR_CANCELLED)
            return err_set(e, err, inner.field, "%s", inner.message);
        else if (left_out)
            *left_out = inner;
    }
    return ERR_OK;
}

static enum err judge_active(struct evaluating *v, struct err_info *left_out, struct err_info *e)
{
    struct err_info inner = {0};
    if (!v->o->active)
        return ERR_OK;
    struct contender *c = contender_add(v, "active");
    c->recipe = *v->o->active;
    enum err err = judge_recipe(v, c, &inner);
    if (!err)
        v->out->active = (int)(c - v->out->contenders);
    else if (err == ERR_CANCELLED)
        return err_set(e, err, inner.field, "%s", inner.message);
    else if (left_out)
        *left_out = inner;
    return ERR_OK;
}

/* ---- the whole ---- */

static void new_readers_take(struct evaluating *v)
{
    const struct split *p = v->split;
    v->new_readers = xmalloc(((size_t)p->test_count + 1) * sizeof *v->new_readers);
    for (uint32_t i = 0; i < p->test_count; i++)
        if (p->test[i].reader_is_new)
            v->new_readers[v->out->new_readers++] = p->test[i];
}

static enum err nobody(const struct evaluating *v, struct err_info *e)
{
    unsigned least = v->o->split.acts_min ? v->o->split.acts_min : SPLIT_ACTS_MIN;
    if (v->o->split.kind == SPLIT_TIME)
        return err_set(e, ERR_CONFLICT, NULL,
                       "nobody can be judged by time: no reader with %u documents has some before "
                       "and some after a moment",
                       least);
    return err_set(e, ERR_CONFLICT, NULL,
                   "nobody can be judged: of %u readers too few are held out who liked %u "
                   "documents (validation %u, test %u)",
                   v->s->readers, least, v->split->validation_count, v->split->test_count);
}

enum err evaluate_run(const struct training_set *s, const struct evaluate_options *o,
                      struct steps *steps, struct evaluation *out, struct err_info *left_out,
                      struct err_info *e)
{
    struct evaluation made = {.best = -1, .active = -1};
    struct evaluating v = {.s = s, .o = o, .steps = steps, .out = &made};
    v.split = split_make(s, &o->split);
    made.validation = v.split->validation_count;
    made.test = v.split->test_count;
    made.items_new = v.split->items_new;
    made.after_us = v.split->after_us;
    made.train_readers = v.split->train->readers;
    made.train_acts = v.split->train->start[made.train_readers];
    v.readers = set_readers(v.split->train);
    new_readers_take(&v);
    enum err err = !made.test || (!made.validation && !o->chosen) ? nobody(&v, e) : ERR_OK;
    if (!err)
        err = judge_untrained(&v, e);
    if (!err)
        err = judge_kinds(&v, left_out, e);
    if (!err)
        err = judge_active(&v, left_out, e);
    made.split = v.split;
    free(v.new_readers);
    free(v.readers);
    if (err)
        evaluation_release(&made);
    else
        *out = made;
    return err;
}

void evaluation_release(struct evaluation *v)
{
    for (unsigned i = 0; i < v->count; i++) {
        measured_release(&v->contenders[i].all);
        measured_release(&v->contenders[i].new_readers);
    }
    split_free(v->split);
    *v = (struct evaluation){.best = -1, .active = -1};
}

const struct contender *evaluation_find(const struct evaluation *v, const char *name)
{
    for (unsigned i = 0; i < v->count; i++)
        if (strcmp(v->contenders[i].name, name) == 0)
            return &v->contenders[i];
    return NULL;
}

static void contender_drop(struct evaluation *v, unsigned at)
{
    measured_release(&v->contenders[at].all);
    measured_release(&v->contenders[at].new_readers);
    v->count--;
    memmove(&v->contenders[at], &v->contenders[at + 1], (v->count - at) * sizeof v->contenders[at]);
    v->best = v->best == (int)at ? -1 : v->best > (int)at ? v->best - 1 : v->best;
    v->active = v->active == (int)at ? -1 : v->active > (int)at ? v->active - 1 : v->active;
}

void evaluation_append(struct evaluation *v, const struct evaluation *other)
{
    for (unsigned i = 0; i < v->count;) {
        const struct contender *c = evaluation_find(other, v->contenders[i].name);
        if (!c) {
            contender_drop(v, i);
            continue;
        }
        measured_append(&v->contenders[i].all, &c->all);
        measured_append(&v->contenders[i].new_readers, &c->new_readers);
        i++;
    }
    v->validation += other->validation;
    v->test += other->test;
    v->new_readers += other->new_readers;
}
