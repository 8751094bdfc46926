/* akin eval recommend: how good recommendations are, on data of public formats. */
#include "main/eval_recommend.h"
#include "base/json.h"
#include "main/eval.h"
#include "main/progress.h"
#include <stdio.h>
#include <string.h>

static enum err kinds_read(const struct args *a, unsigned *out, struct err_info *e)
{
    const char *at = args_get(a, "--kinds");
    *out = 0;
    while (at && *at) {
        size_t n = strcspn(at, ",");
        unsigned found = 0;
        for (enum model_kind k = MODEL_EASE; k <= MODEL_IALS; k++)
            if (strlen(model_kind_name(k)) == n && memcmp(at, model_kind_name(k), n) == 0)
                found = 1u << k;
        if (!found)
            return err_set(e, ERR_INVALID, "--kinds",
                           "\"%.*s\" is none of ease, neighbours, walks, ials",
                           (int)(n < 40 ? n : 40), at);
        *out |= found;
        at += n + (at[n] == ',');
    }
    return ERR_OK;
}

static enum err recipe_option_read(const struct args *a, struct eval_recommend *v,
                                   struct err_info *e)
{
    const char *text = args_get(a, "--recipe");
    struct err_info inner = {0};
    json_t *parsed = NULL;
    if (!text)
        return ERR_OK;
    if (v->o.kinds)
        return err_set(e, ERR_INVALID, "--recipe", "says the kind: --kinds does not go with it");
    enum err rc = json_parse(str_c(text), &parsed, &inner);
    if (rc == ERR_OK)
        rc = recipe_read(parsed, &v->recipe, &inner);
    json_decref(parsed);
    if (rc != ERR_OK)
        return err_set(e, rc, "--recipe", "%s%s%s", inner.field, inner.field[0] ? " " : "",
                       inner.message);
    v->o.chosen = &v->recipe;
    v->o.kinds = 1u << v->recipe.kind;
    return ERR_OK;
}

static enum err split_kind_read(const struct args *a, enum split_kind *out, struct err_info *e)
{
    const char *kind = args_get(a, "--split");
    *out = SPLIT_READERS;
    if (!kind || strcmp(kind, "readers") == 0)
        return ERR_OK;
    *out = strcmp(kind, "time") == 0 ? SPLIT_TIME : SPLIT_ITEMS;
    return *out == SPLIT_TIME || strcmp(kind, "items") == 0
               ? ERR_OK
               : err_set(e, ERR_INVALID, "--split", "is readers, time or items");
}

static enum err share_read(const struct args *a, double *out, struct err_info *e)
{
    const char *share = args_get(a, "--held-out");
    if (share && (str_to_f64(str_c(share), out) != ERR_OK || !(*out > 0 && *out < 1)))
        return err_set(e, ERR_INVALID, "--held-out", "is a share between 0 and 1, as .2");
    return ERR_OK;
}

struct number {
    const char *option;
    int64_t min, max, fallback, *out;
};

static enum err numbers_read(const struct args *a, const struct number *n, size_t count,
                             struct err_info *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < count && rc == ERR_OK; i++)
        rc = args_int(a, n[i].option, n[i].min, n[i].max, n[i].fallback, n[i].out, e);
    return rc;
}

static enum err options_read(const struct args *a, struct eval_recommend *v, struct err_info *e)
{
    int64_t seed, seeds, validation, test, tries, memory, threads;
    const struct number numbers[] = {
        {"--seed", 1, INT64_MAX / 2, SPLIT_SEED, &seed},
        {"--seeds", 1, EVAL_SEEDS_MAX, 1, &seeds},
        {"--validation", 1, 10000000, 0, &validation},
        {"--test", 1, 10000000, 0, &test},
        {"--tries", 1, TRIALS_MAX - 4, 0, &tries},
        {"--memory", 1, 1 << 24, 0, &memory},
        {"--threads", 1, 64, 0, &threads},
    };
    enum err rc = numbers_read(a, numbers, sizeof numbers / sizeof *numbers, e);
    if (rc == ERR_OK)
        rc = split_kind_read(a, &v->o.split.kind, e);
    if (rc == ERR_OK)
        rc = share_read(a, &v->o.split.held_out, e);
    if (rc == ERR_OK)
        rc = kinds_read(a, &v->o.kinds, e);
    if (rc == ERR_OK)
        rc = recipe_option_read(a, v, e);
    if (rc != ERR_OK)
        return rc;
    if (v->o.split.kind == SPLIT_READERS && !validation != !test)
        return err_set(e, ERR_INVALID, validation ? "--test" : "--validation",
                       "--validation and --test go together");
    v->o.split.seed = (uint64_t)seed;
    v->o.split.validation = (uint32_t)validation;
    v->o.split.test = (uint32_t)test;
    v->seeds = (unsigned)seeds;
    v->o.budget = (unsigned)tries;
    v->o.fit.memory_max = (size_t)memory << 20;
    v->o.fit.threads = (unsigned)threads;
    v->run = args_get(a, "--run");
    v->cases = args_get(a, "--cases");
    return ERR_OK;
}

/* ---- seeds ---- */

struct shown {
    struct progress bar;
    unsigned seed, seeds;
};

static void show(void *ctx, const char *step, double done)
{
    struct shown *s = ctx;
    s->bar.what = step;
    progress_show(&s->bar, (uint64_t)(100 * (s->seed + done)));
}

static void validated_add(struct eval_recommend *v, const struct evaluation *one)
{
    for (unsigned i = 0; i < v->all.count; i++) {
        const struct contender *c = evaluation_find(one, v->all.contenders[i].name);
        if (c && c->trials.count)
            v->validated[i] += c->validated;
    }
}

/* Names that a seed lacks go out of the whole: the sums follow. */
static void join(struct eval_recommend *v, struct evaluation *one)
{
    if (!v->all.count) {
        v->all = *one;
        validated_add(v, &v->all);
        return;
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < v->all.count; i++)
        if (evaluation_find(one, v->all.contenders[i].name))
            v->validated[kept++] = v->validated[i];
    evaluation_append(&v->all, one);
    validated_add(v, one);
    evaluation_release(one);
}

static enum err seed_run(struct eval_recommend *v, uint64_t seed, struct err_info *e)
{
    struct evaluate_options o = v->o;
    struct evaluation one;
    struct steps steps = {.told = &v->o.fit, .total = evaluate_steps(&o)};
    o.split.seed = o.fit.seed = seed;
    enum err rc = evaluate_run(v->set.set, &o, &steps, &one, &v->left_out, e);
    if (rc != ERR_OK)
        return rc;
    eval_note_seed(v, &one, seed);
    if (v->cases)
        rc = eval_cases_write(v, one.split, seed, seed != v->o.split.seed, e);
    if (rc == ERR_OK && v->run)
        rc = eval_runs_write(v, &one, seed, seed != v->o.split.seed, e);
    if (rc == ERR_OK)
        join(v, &one);
    else
        evaluation_release(&one);
    return rc;
}

static enum err evaluate(const struct args *a, struct eval_recommend *v, struct err_info *e)
{
    struct shown shown = {.seeds = v->seeds};
    enum err rc = ERR_OK;
    unsigned counting = 1u << MODEL_NEIGHBOURS | 1u << MODEL_WALKS;
    if (!v->o.kinds)
        v->o.kinds = recipe_kinds(v->set.set, v->o.fit.memory_max);
    v->o.beside = counting;
    progress_start(&shown.bar, "splitting", "percent", 100 * (uint64_t)v->seeds);
    shown.bar.quiet = args_has(a, "--quiet");
    v->o.fit.progress = show;
    v->o.fit.ctx = &shown;
    for (; shown.seed < v->seeds && rc == ERR_OK; shown.seed++)
        rc = seed_run(v, v->o.split.seed + shown.seed, e);
    if (shown.bar.terminal && !shown.bar.quiet)
        fprintf(stderr, "\r\x1b[K");
    return rc;
}

int eval_recommend(const struct args *a)
{
    struct eval_recommend v = {.all = {.best = -1}};
    struct err_info e = {0};
    strbuf_init(&v.tried, 0);
    strbuf_init(&v.chosen, 0);
    enum err rc = options_read(a, &v, &e);
    if (rc == ERR_OK)
        rc = eval_set_read(a, &v, &e);
    if (rc == ERR_OK)
        rc = evaluate(a, &v, &e);
    if (rc == ERR_OK)
        (args_has(a, "--json") ? eval_recommend_json : eval_recommend_print)(&v);
    evaluation_release(&v.all);
    eval_set_release(&v);
    strbuf_release(&v.tried);
    strbuf_release(&v.chosen);
    return rc == ERR_OK ? 0 : command_fail(&e, 1);
}
