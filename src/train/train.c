#include "train/train_impl.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "recommend/rank_trees.h"
#include "train/known.h"
#include <stdlib.h>

#define PART_MAX 5000u       /* readers that are judged, of validation and of test */
#define PART_MIN 10u         /* at least so many, of few readers */
#define LARGE_ACTS 3000000u  /* from here on a fit takes minutes: */
#define LARGE_BUDGET 4u      /* fewer trials, */
#define LONG_OPERATIONS 3e11 /* of EASE's inverse: from here on a fit takes half a minute */
#define LARGE_OPERATIONS 1.5e12
#define TRIAL_ACTS 2000000u /* on fewer readers, and nothing is fitted for new ones alone */

static void leave_out(struct training *t, const char *what, const char *why)
{
    if (t->left_out.n)
        strbuf_add_c(&t->left_out, "; ");
    strbuf_printf(&t->left_out, "%s: %s", what, why);
}

/* ---- what can be done with this set ---- */

static void readers_count(struct training *t)
{
    for (uint32_t r = 0; r < t->s->readers; r++) {
        uint32_t liked = 0;
        for (size_t i = t->s->start[r]; i < t->s->start[r + 1]; i++)
            liked += t->s->acts[i].weight > 0;
        t->liked_two += liked >= 2;
        t->liked_some += liked >= SPLIT_ACTS_MIN;
    }
}

/* Of few readers a share may be nobody, so it is a number. */
static void split_choose(struct training *t)
{
    struct split_options *o = &t->o.split;
    o->seed = o->seed ? o->seed : SPLIT_SEED;
    o->held_out = o->held_out > 0 ? o->held_out : SPLIT_SHARE;
    o->part_max = o->part_max ? o->part_max : PART_MAX;
    if (!o->acts_min)
        o->acts_min = t->liked_some < TRAIN_READERS_MIN ? 2 : SPLIT_ACTS_MIN;
    uint32_t judged = o->acts_min <= 2 ? t->liked_two : t->liked_some;
    if (o->kind == SPLIT_READERS && !o->test && judged * o->held_out / 2 < PART_MIN) {
        o->test = o->validation = judged / 4 < PART_MIN ? judged / 4 : PART_MIN;
        o->test = o->validation = o->test ? o->test : 1;
    }
}

/* Kinds that fit into the memory. */
static enum err kinds_choose(struct training *t, struct err_info *e)
{
    size_t least = SIZE_MAX, max = t->o.fit.memory_max;
    unsigned asked = t->o.kinds ? t->o.kinds : recipe_kinds(t->s, max), kept = 0;
    for (enum model_kind k = 0; asked >> k; k++) {
        struct recipe r = recipe_default(k);
        size_t bytes = asked >> k & 1 ? recipe_fit_bytes(&r, t->s) : SIZE_MAX;
        least = bytes < least ? bytes : least;
        if (!(asked >> k & 1))
            continue;
        if (!max || bytes <= max) {
            kept |= 1u << k;
            t->bytes = bytes > t->bytes ? bytes : t->bytes;
        } else
            leave_out(t, model_kind_name(k), "would not fit into the memory");
    }
    t->o.kinds = kept;
    if (kept)
        return ERR_OK;
    return err_set(e, ERR_FULL, "memory",
                   "training on %u readers and %u documents takes %zu MB at least, more than the "
                   "%zu MB that it may",
                   t->s->readers, t->s->items, least >> 20, max >> 20);
}

static double inverse_operations(const struct training_set *s)
{
    struct known_size z = known_measure(s);
    double rows = (double)z.readers + s->dims, side = rows < z.items ? rows : z.items;
    return side * side * side / 2;
}

static enum err prepare(struct training *t, struct err_info *e)
{
    readers_count(t);
    if (t->liked_two < TRAIN_READERS_MIN)
        return err_set(e, ERR_CONFLICT, NULL,
                       "too few readers to learn from: %u like two documents or more, and %u are "
                       "needed",
                       t->liked_two, TRAIN_READERS_MIN);
    split_choose(t);
    t->o.fit.seed = t->o.fit.seed ? t->o.fit.seed : t->o.split.seed;
    enum err err = kinds_choose(t, e);
    double operations = t->o.kinds >> MODEL_EASE & 1 ? inverse_operations(t->s) : 0;
    t->sampled = t->s->start[t->s->readers] > LARGE_ACTS;
    t->large = t->sampled || operations > LARGE_OPERATIONS;
    t->slow = t->large || operations > LONG_OPERATIONS;
    return err;
}

/* ---- the recipe that is active ---- */

static enum err active_recipe(const char *path, struct recipe *out, struct err_info *e)
{
    struct recommend_model *m = NULL;
    json_t *report = NULL;
    enum err err = recommend_model_load(path, &m, e);
    if (!err)
        err = json_parse_within(str_c(m->report), 64u << 20, &report, e);
    if (!err)
        err = recipe_read((const struct json_t *)json_object_get(report, "parameters"), out, e);
    json_decref(report);
    recommend_model_free(m);
    return err;
}

static void active_open(struct training *t)
{
    struct err_info e = {0};
    if (!t->o.active_path)
        return;
    t->has_active = active_recipe(t->o.active_path, &t->active, &e) == ERR_OK;
    if (!t->has_active)
        leave_out(t, "the active model cannot be read", e.message);
}

/* ---- judging ---- */

static struct evaluate_options main_options(const struct training *t)
{
    unsigned counting = 1u << MODEL_NEIGHBOURS | 1u << MODEL_WALKS;
    return (struct evaluate_options){.split = t->o.split,
                                     .kinds = t->o.kinds,
                                     .beside = counting,
                                     .active = t->has_active ? &t->active : NULL,
                                     .budget = t->o.budget ? t->o.budget
                                               : t->slow   ? LARGE_BUDGET
                                                           : 0,
                                     .trial_acts_max = t->sampled ? TRIAL_ACTS : 0,
                                     .fit = t->o.fit};
}

/* For new documents and new readers: the recipe as it was chosen. */
static struct evaluate_options chosen_options(const struct training *t, enum split_kind kind)
{
    return (struct evaluate_options){.split = {.kind = kind,
                                               .held_out = t->o.split.held_out,
                                               .test = t->o.split.part_max,
                                               .validation = t->o.split.part_max,
                                               .seed = t->o.split.seed,
                                               .acts_min = t->o.split.acts_min},
                                     .chosen = &t->best,
                                     .fit = t->o.fit};
}

static enum err judge_apart(struct training *t, enum split_kind kind, const char *what,
                            struct evaluation *out, struct err_info *e)
{
    struct evaluate_options o = chosen_options(t, kind);
    struct err_info inner = {0}, left = {0};
    double then = t->steps.done;
    t->steps.done += evaluate_steps(&o); /* also if it ends early */
    if (t->large || (kind == SPLIT_ITEMS && !t->s->dims)) {
        leave_out(t, what, t->large ? "not judged apart in a set of this size" : "no texts");
        return ERR_OK;
    }
    t->steps.done = then;
    enum err err = evaluate_run(t->s, &o, &t->steps, out, &left, &inner);
    t->steps.done = then + evaluate_steps(&o);
    if (err == ERR_CANCELLED)
        return err_set(e, err, inner.field, "%s", inner.message);
    if (err || left.code)
        leave_out(t, what, err ? inner.message : left.message);
    return ERR_OK;
}

static enum err judge(struct training *t, struct err_info *e)
{
    struct evaluate_options o = main_options(t);
    struct err_info left = {0};
    enum err err = evaluate_run(t->s, &o, &t->steps, &t->main, &left, e);
    if (err)
        return err;
    if (left.code)
        leave_out(t, "not all could be made", left.message);
    if (t->main.best < 0)
        return err_set(e, left.code ? left.code : ERR_INVALID, left.field, "%s",
                       left.code ? left.message : "nothing could be made");
    t->best = t->main.contenders[t->main.best].recipe;
    err = judge_apart(t, SPLIT_ITEMS, "new documents", &t->items, e);
    if (!err && t->items.best >= 0) /* chosen on the documents that were taken for new */
        t->best.text_blend = t->items.contenders[t->items.best].recipe.text_blend;
    return err ? err : judge_apart(t, SPLIT_TIME, "new readers", &t->time, e);
}

/* ---- the whole ---- */

static enum err ranker_make(struct training *t, struct err_info *e)
{
    if (!t->o.answers)
        return ERR_OK;
    steps_begin(&t->steps, "ranker");
    enum err err =
        rank_train(t->o.answers, t->best.kind, t->o.split.seed, &t->steps, &t->ranking, e);
    steps_end(&t->steps);
    return err;
}

static enum err model_make(struct training *t, struct strbuf *report, struct err_info *e)
{
    struct recommend_model *m = NULL;
    struct fit_options fit = steps_fit(&t->steps);
    size_t bytes = recipe_fit_bytes(&t->best, t->s);
    t->bytes = bytes > t->bytes ? bytes : t->bytes;
    steps_begin(&t->steps, "fitting");
    enum err err = recipe_fit(&t->best, t->s, &fit, &m, e);
    if (err)
        return err;
    strbuf_clear(report);
    training_report(t, report);
    free(m->report);
    m->report = xstrdup(report->buf);
    if (t->ranking.on) {
        m->ranker = t->ranking.trees;
        t->ranking.trees = NULL;
    }
    recommend_model_measure(m);
    if (t->o.model_path)
        err = recommend_model_save(m, t->o.model_path, e);
    steps_end(&t->steps);
    recommend_model_free(m);
    return err;
}

static enum err train(struct training *t, struct strbuf *report, struct err_info *e)
{
    enum err err = prepare(t, e);
    if (err)
        return err;
    active_open(t);
    struct evaluate_options main = main_options(t), items = chosen_options(t, SPLIT_ITEMS),
                            time = chosen_options(t, SPLIT_TIME);
    t->steps.told = &t->o.fit;
    t->steps.total = evaluate_steps(&main) + evaluate_steps(&items) + evaluate_steps(&time) + 1 +
                     (t->o.answers != NULL);
    err = judge(t, e);
    if (!err)
        err = ranker_make(t, e);
    if (!err)
        err = model_make(t, report, e);
    return err;
}

enum err train_set(const struct training_set *s, const struct train_options *o,
                   struct strbuf *report, struct err_info *e)
{
    struct training t = {.s = s, .o = *o, .began_ns = clock_mono_ns()};
    if (o->split.kind == SPLIT_ITEMS)
        return err_set(e, ERR_INVALID, "split",
                       "is by readers or by time: new documents are judged apart in each training");
    t.main.best = t.items.best = t.time.best = -1;
    strbuf_init(&t.left_out, 4096);
    enum err err = train(&t, report, e);
    evaluation_release(&t.main);
    evaluation_release(&t.items);
    evaluation_release(&t.time);
    rank_trees_free(t.ranking.trees);
    strbuf_release(&t.left_out);
    return err;
}
