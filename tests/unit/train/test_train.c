/* A whole training of a small set whose groups can be learned: its report, its refusals, and that
 * the gate keeps out what is worse. */
#include "train/train.h"
#include "base/json.h"
#include "base/str.h"
#include "math/dense.h"
#include "sets.h"
#include "train/gate.h"
#include "train/rankers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define GROUPS 6
#define DIMS 8

static char folder[] = "/tmp/akin-train-XXXXXX";
static char path[2][sizeof folder + 16];

static bool algebra(void)
{
    return dense_open(NULL) == ERR_OK;
}

static json_t *trained(const struct training_set *s, const struct train_options *o)
{
    struct strbuf report;
    struct err_info e = {0};
    json_t *out = NULL;
    strbuf_init(&report, 0);
    if (train_set(s, o, &report, &e) != ERR_OK)
        fail_msg("%s", e.message);
    assert_int_equal(json_parse(strbuf_str(&report), &out, &e), 0);
    strbuf_release(&report);
    return out;
}

static double at(const json_t *v, const char *const *path_to)
{
    for (; *path_to; path_to++)
        v = json_object_get(v, *path_to);
    assert_true(json_is_number(v));
    return json_number_value(v);
}
#define AT(v, ...) at(v, (const char *const[]){__VA_ARGS__, NULL})

static struct train_options options(unsigned kinds, int model)
{
    return (struct train_options){.kinds = kinds, .model_path = path[model], .budget = 3};
}

static void check_counts(const json_t *r)
{
    assert_int_equal(AT(r, "counts", "readers"), 150);
    assert_int_equal(AT(r, "counts", "documents"), 240);
    assert_int_equal(AT(r, "counts", "documents_with_text"), 240);
    assert_int_equal(AT(r, "seed"), 42);
    assert_true(json_is_string(json_object_get(json_object_get(r, "window"), "from")));
}

static void check_baselines(const json_t *r)
{
    size_t i;
    json_t *b;
    unsigned seen = 0;
    json_array_foreach(json_object_get(r, "baselines"), i, b)
    {
        const char *name = json_string_value(json_object_get(b, "name"));
        seen |= strcmp(name, "popularity") == 0;
        seen |= 2u * (strcmp(name, "content") == 0);
        seen |= 4u * (strcmp(name, "neighbours") == 0);
        seen |= 8u * (strcmp(name, "walks") == 0);
        if (strcmp(name, "popularity") == 0) {
            assert_true(AT(b, "difference", "mean") > .1 && AT(b, "difference", "p") < .01);
            assert_true(AT(b, "metrics", "ndcg@100", "mean") < AT(r, "metrics", "ndcg@100", "low"));
        }
    }
    assert_int_equal(seen, 15);
}

/* What it says, and that the file holds the very same report. */
static void test_report(void **state)
{
    if (!algebra())
        skip();
    struct training_set *s = set_make(150, 240, 8, GROUPS, false, DIMS, 1);
    struct train_options o = options(1u << MODEL_EASE, 0);
    json_t *r = trained(s, &o), *kept = NULL;
    struct recommend_model *m = NULL;
    check_counts(r);
    check_baselines(r);
    const char *reason = json_string_value(json_object_get(r, "reason"));
    assert_int_equal(json_is_true(json_object_get(r, "promote")), !strstr(reason, "; worse"));
    assert_string_equal(json_string_value(json_object_get(r, "kind")), "ease");
    assert_true(AT(r, "metrics", "recall@20", "mean") > .4);
    assert_int_equal(json_array_size(json_object_get(r, "tried")), 3 * 3);
    assert_true(json_is_null(json_object_get(r, "against_active")));
    assert_int_equal(recommend_model_load(path[0], &m, NULL), 0);
    assert_int_equal(json_parse(str_c(m->report), &kept, NULL), 0);
    assert_true(json_equal(r, kept));
    recommend_model_free(m);
    json_decref(kept);
    json_decref(r);
    set_free(s);
}

/* Readers one after the other, so that some begin after the moment. */
static void test_new_readers(void **state)
{
    struct training_set *s = set_make(200, 120, 8, GROUPS, false, 0, 2);
    for (uint32_t r = 0; r < 200; r++)
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++)
            s->acts[i].time_us = r * 1000000 + (int64_t)(i - s->start[r]);
    struct train_options o = options(1u << MODEL_NEIGHBOURS, 0);
    json_t *r = trained(s, &o);
    assert_in_range((int)AT(r, "new_readers", "readers"), 10, 40);
    assert_true(AT(r, "new_readers", "metrics", "recall@20", "mean") > .3);
    assert_true(json_is_null(json_object_get(r, "new_documents"))); /* no texts */
    assert_non_null(strstr(json_string_value(json_object_get(r, "left_out")), "no texts"));
    json_decref(r);
    set_free(s);
}

/* The recipe that is active is tried, held against the candidate, and named. */
static void test_active(void **state)
{
    struct training_set *s = set_make(150, 240, 8, GROUPS, false, 0, 3);
    struct train_options o = options(1u << MODEL_NEIGHBOURS, 0);
    json_decref(trained(s, &o));
    o = options(1u << MODEL_WALKS, 1);
    o.active_path = path[0];
    json_t *r = trained(s, &o);
    assert_string_equal(
        json_string_value(json_object_get(
            json_object_get(json_object_get(r, "against_active"), "parameters"), "kind")),
        "neighbours");
    assert_true(AT(r, "against_active", "p") > 0);
    json_decref(r);
    o.active_path = "/nowhere/at/all"; /* as if there were none */
    r = trained(s, &o);
    assert_true(json_is_null(json_object_get(r, "against_active")));
    assert_non_null(strstr(json_string_value(json_object_get(r, "left_out")), "active"));
    json_decref(r);
    set_free(s);
}

static void model_equal(const char *a, const char *b)
{
    struct recommend_model *x = NULL, *y = NULL;
    assert_int_equal(recommend_model_load(a, &x, NULL), 0);
    assert_int_equal(recommend_model_load(b, &y, NULL), 0);
    float *of_x = xcalloc(x->items, sizeof *of_x), *of_y = xcalloc(x->items, sizeof *of_y);
    for (uint32_t i = 0; i < x->items; i++) {
        struct model_read read = {i, 1};
        recommend_model_score(x, &read, 1, of_x);
        recommend_model_score(y, &read, 1, of_y);
        assert_memory_equal(of_x, of_y, x->items * sizeof *of_x);
    }
    free(of_x);
    free(of_y);
    recommend_model_free(x);
    recommend_model_free(y);
}

/* Apart from times the same for a seed, whatever the threads. */
static void test_deterministic(void **state)
{
    struct training_set *s = set_make(120, 120, 8, GROUPS, false, 0, 4);
    struct train_options o = options(1u << MODEL_NEIGHBOURS | 1u << MODEL_WALKS, 0);
    o.fit.threads = 1;
    json_t *a = trained(s, &o);
    o.model_path = path[1];
    o.fit.threads = 3;
    json_t *b = trained(s, &o);
    model_equal(path[0], path[1]);
    const char *const same[] = {"parameters", "metrics", "baselines", "reason", "new_readers"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_true(json_equal(json_object_get(a, same[i]), json_object_get(b, same[i])));
    json_decref(a);
    json_decref(b);
    set_free(s);
}

static enum err refused(const struct training_set *s, const struct train_options *o,
                        struct err_info *e)
{
    struct strbuf report;
    strbuf_init(&report, 0);
    unlink(path[0]);
    enum err err = train_set(s, o, &report, e);
    assert_int_equal(access(path[0], F_OK), -1);
    strbuf_release(&report);
    return err;
}

static void test_refused(void **state)
{
    struct training_set *s = set_make(19, 60, 8, GROUPS, false, 0, 5);
    struct train_options o = options(1u << MODEL_NEIGHBOURS, 0);
    struct err_info e = {0};
    assert_int_equal(refused(s, &o, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.message, "19"));
    set_free(s);
    s = set_make(20, 60, 8, GROUPS, false, 0, 5);
    json_decref(trained(s, &o));
    err_clear(&e);
    o.fit.memory_max = 1000;
    assert_int_equal(refused(s, &o, &e), ERR_FULL);
    assert_non_null(strstr(e.message, "MB"));
    set_free(s);
}

static void stop_now(void *ctx, const char *step, double done)
{
    if (done > .3)
        atomic_store((atomic_bool *)ctx, true);
}

static void test_cancel(void **state)
{
    struct training_set *s = set_make(120, 120, 8, GROUPS, false, 0, 6);
    struct train_options o = options(1u << MODEL_NEIGHBOURS, 0);
    atomic_bool stop = false;
    struct err_info e = {0};
    o.fit.stop = &stop;
    o.fit.ctx = &stop;
    o.fit.progress = stop_now;
    assert_int_equal(refused(s, &o, &e), ERR_CANCELLED);
    set_free(s);
}

static void note_progress(void *ctx, const char *step, double done)
{
    double *last = ctx;
    assert_true(done >= *last && done <= 1);
    assert_non_null(step);
    *last = done;
}

static void test_progress(void **state)
{
    struct training_set *s = set_make(60, 120, 8, GROUPS, false, 0, 7);
    struct train_options o = options(1u << MODEL_NEIGHBOURS, 0);
    double last = 0;
    o.fit.ctx = &last;
    o.fit.progress = note_progress;
    json_decref(trained(s, &o));
    assert_true(last == 1);
    set_free(s);
}

/* ---- a sample to try on ---- */

static double validated(const struct training_set *s, const struct split_options *split,
                        const struct recipe *recipe)
{
    struct split *p = split_make(s, split);
    struct fit_options fit = {.seed = 1};
    struct recommend_model *m = NULL;
    struct model_ranker *r = NULL;
    struct measured measured;
    struct measure_options o = {0};
    assert_int_equal(recipe_fit(recipe, p->train, &fit, &m, NULL), 0);
    assert_int_equal(model_ranker_new(m, p->train, NULL, 1, &r, NULL), 0);
    struct ranker ranker = ranker_model(r, "alone");
    assert_int_equal(
        measure_run(p->validation, p->validation_count, s->items, &ranker, &o, &measured, NULL), 0);
    double mean = resample_mean(measured.values[MEASURE_NDCG_100], measured.cases);
    measured_release(&measured);
    model_ranker_free(r);
    recommend_model_free(m);
    split_free(p);
    return mean;
}

/* Parameters are tried on a few readers, but what is chosen is best of what all readers made. */
static void test_chosen_on_all(void **state)
{
    struct training_set *s = set_make(300, 200, 8, GROUPS, false, 0, 5);
    struct evaluate_options o = {.split = {.kind = SPLIT_READERS, .seed = 42},
                                 .kinds = 1u << MODEL_NEIGHBOURS | 1u << MODEL_WALKS,
                                 .budget = 2,
                                 .trial_acts_max = 200,
                                 .fit = {.seed = 1}};
    struct steps steps = {.told = &o.fit, .total = evaluate_steps(&o)};
    struct evaluation v;
    double on_sample = 0, on_all = 0;
    const char *best_on_sample = NULL, *best_on_all = NULL;
    assert_int_equal(evaluate_run(s, &o, &steps, &v, NULL, NULL), 0);
    for (unsigned i = 0; i < v.count; i++) {
        const struct contender *c = &v.contenders[i];
        if (!c->learned)
            continue;
        double sample = c->trials.all[c->trials.best].metric;
        assert_true(c->validated == validated(s, &o.split, &c->recipe));
        if (sample > on_sample)
            on_sample = sample, best_on_sample = c->name;
        if (c->validated > on_all)
            on_all = c->validated, best_on_all = c->name;
    }
    assert_string_not_equal(best_on_sample, best_on_all); /* else nothing is shown */
    assert_string_equal(v.contenders[v.best].name, best_on_all);
    evaluation_release(&v);
    set_free(s);
}

/* ---- the gate ---- */

static void contender(struct evaluation *v, const char *name, uint32_t cases, double value,
                      double noise)
{
    struct contender *c = &v->contenders[v->count++];
    struct rng rng;
    rng_init(&rng, v->count);
    *c = (struct contender){.name = name, .all = {.cases = cases}};
    for (int k = 0; k < MEASURE_COUNT; k++)
        c->all.values[k] = xcalloc(cases, sizeof(double));
    for (uint32_t i = 0; i < cases; i++)
        c->all.values[MEASURE_NDCG_100][i] = value + noise * (double)rng_normal(&rng);
}

static bool gate(double own, double active, double baseline, double noise, const char *reason)
{
    struct evaluation v = {.best = 0, .active = 1};
    contender(&v, "ease", 400, own, noise);
    contender(&v, "active", 400, active, noise);
    contender(&v, "popularity", 400, .01, noise);
    contender(&v, "walks", 400, baseline, noise);
    struct gate g = gate_decide(&v, 1);
    if (!strstr(g.reason, reason))
        fail_msg("\"%s\" does not say \"%s\"", g.reason, reason);
    evaluation_release(&v);
    return g.promote;
}

static void test_gate(void **state)
{
    assert_true(gate(.30, .30, .25, 0, "not worse than what is active"));
    assert_true(gate(.35, .30, .25, .1, "not worse than the best baseline, walks"));
    assert_false(gate(.25, .30, .20, .1, "; worse than what is active now"));
    assert_false(gate(.30, .30, .35, .1, "; worse than the best baseline, walks"));
    assert_false(gate(.299, .30, .20, 0, "; worse")); /* little, but for certain */
    assert_false(gate(.28, .30, .20, 1, "; worse"));  /* not certain, but too much */
}

static int setup(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    for (int i = 0; i < 2; i++)
        snprintf(path[i], sizeof path[i], "%s/%d.model", folder, i);
    return 0;
}

static int teardown(void **state)
{
    for (int i = 0; i < 2; i++)
        unlink(path[i]);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),   cmocka_unit_test(test_new_readers),
        cmocka_unit_test(test_active),   cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_progress), cmocka_unit_test(test_chosen_on_all),
        cmocka_unit_test(test_gate),
    };
    json_setup();
    return cmocka_run_group_tests(tests, setup, teardown);
}
