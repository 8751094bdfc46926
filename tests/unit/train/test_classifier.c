/* Classifiers: a planted rule is found, the gradient is that of the value, the measures are those
 * of a sum by hand, and the gate lets nothing worse through. */
#include "train/classifier.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/str.h"
#include "math/dense.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/simd.h"
#include "train/classifier_judge.h"
#include "train/logistic.h"

#include "../sanitized.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIMS 16u
#define CLASSES 4u

enum rule { RULE_LINEAR, RULE_NONE, RULE_NOISY };

static struct labelled_set *set_new(uint32_t documents, uint32_t names, bool multiple)
{
    struct labelled_set *s = xcalloc(1, sizeof *s);
    s->about = (struct labelled_about){
        .path = "attributes.topic", .multiple = multiple, .min_probability = .5, .version = 1};
    s->dims = DIMS;
    s->documents = documents;
    s->names_count = names;
    s->vectors = xcalloc((size_t)documents * DIMS, sizeof *s->vectors);
    s->keys = xcalloc(documents, sizeof *s->keys);
    s->start = xcalloc(documents + 1, sizeof *s->start);
    s->labels = xcalloc((size_t)documents * names, sizeof *s->labels);
    s->names = xcalloc(names, sizeof *s->names);
    for (uint32_t k = 0; k < names; k++) {
        s->names[k] = xcalloc(16, 1);
        snprintf(s->names[k], 16, "label%u", names - k);
    }
    return s;
}

/* By a linear rule: the largest of CLASSES products; of several labels those above 0. */
static struct labelled_set *planted(uint32_t documents, enum rule rule, bool multiple,
                                    uint64_t seed)
{
    struct labelled_set *s = set_new(documents, CLASSES, multiple);
    struct rng rng, order;
    float w[CLASSES][DIMS], v[DIMS];
    size_t used = 0;
    rng_init(&rng, 1);
    rng_init(&order, seed);
    for (uint32_t k = 0; k < CLASSES; k++)
        for (uint32_t d = 0; d < DIMS; d++)
            w[k][d] = rng_normal(&rng);
    for (uint32_t i = 0; i < documents; i++) {
        uint32_t best = 0;
        for (uint32_t d = 0; d < DIMS; d++)
            v[d] = rng_normal(&rng) + .5f;
        normalise_f32(v, DIMS);
        half_from_f32(v, s->vectors + (size_t)i * DIMS, DIMS);
        for (uint32_t k = 1; k < CLASSES; k++)
            best = dot_f32(w[k], v, DIMS) > dot_f32(w[best], v, DIMS) ? k : best;
        if (rule == RULE_NONE || (rule == RULE_NOISY && rng_unit(&order) < .6))
            best = (uint32_t)rng_below(&order, CLASSES);
        s->keys[i] = i * 977 + 5;
        for (uint32_t k = 0; k < CLASSES; k++)
            if (k == best || (multiple && dot_f32(w[k], v, DIMS) > .5f))
                s->labels[used++] = k;
        s->start[i + 1] = used;
    }
    return s;
}

static enum err train(const struct labelled_set *s, const struct classifier *active,
                      unsigned threads, struct classifier **out, json_t **report,
                      struct err_info *e)
{
    struct fit_options o = {.seed = 42, .threads = threads};
    struct strbuf text;
    strbuf_init(&text, 0);
    enum err err = classifier_train(s, active, .2, &o, out, &text, e);
    if (!err)
        assert_int_equal(json_parse((struct str){text.buf, text.n}, report, e), 0);
    strbuf_release(&text);
    return err;
}

static double number(const json_t *report, const char *part, const char *what)
{
    const json_t *v = json_object_get(json_object_get(report, part), what);
    return json_number_value(json_is_object(v) ? json_object_get(v, "mean") : v);
}

static const char *text(const json_t *report, const char *what)
{
    return json_string_value(json_object_get(report, what));
}

static void test_a_planted_rule_is_found(void **state)
{
    struct labelled_set *s = planted(SLOW ? 600 : 2000, RULE_LINEAR, false, 3);
    struct classifier *m = NULL;
    json_t *r = NULL;
    (void)state;
    assert_int_equal(train(s, NULL, 2, &m, &r, NULL), 0);
    assert_true(number(r, "metrics", "accuracy") > .93);
    assert_true(number(r, "metrics", "macro_f1") > .92);
    assert_true(number(r, "majority", "accuracy") < .5);
    double fitted = number(r, "counts", "fitted"), test = number(r, "counts", "test");
    assert_true(fitted + test == s->documents && number(r, "counts", "documents") == s->documents);
    assert_true(number(r, "metrics", "calibration_error") < .05);
    assert_true(json_is_true(json_object_get(r, "promote")));
    assert_string_equal(m->names[0], "label1"); /* by name */
    assert_int_equal(json_array_size(json_object_get(r, "classes")), CLASSES);
    json_decref(r);
    classifier_free(m);
    labelled_set_free(s);
}

static void test_several_labels(void **state)
{
    struct labelled_set *s = planted(SLOW ? 600 : 2000, RULE_LINEAR, true, 3);
    struct classifier *m = NULL;
    json_t *r = NULL;
    (void)state;
    assert_int_equal(train(s, NULL, 2, &m, &r, NULL), 0);
    assert_true(number(r, "metrics", "accuracy") > .8);
    assert_true(number(r, "metrics", "accuracy") > number(r, "majority", "accuracy") + .2);
    assert_true(m->about.multiple && json_is_true(json_object_get(r, "promote")));
    json_decref(r);
    classifier_free(m);
    labelled_set_free(s);
}

static void test_noise_is_not_promoted(void **state)
{
    struct labelled_set *s = planted(SLOW ? 300 : 1000, RULE_NONE, false, 3);
    struct classifier *m = NULL;
    json_t *r = NULL;
    (void)state;
    assert_int_equal(train(s, NULL, 2, &m, &r, NULL), 0);
    assert_false(json_is_true(json_object_get(r, "promote")));
    assert_non_null(strstr(text(r, "reason"), "not certainly better"));
    json_decref(r);
    classifier_free(m);
    labelled_set_free(s);
}

/* The labels that are held out stay as they are, those that are learned from are spoilt. */
static void test_worse_than_the_active_one(void **state)
{
    struct labelled_set *good = planted(SLOW ? 600 : 2000, RULE_LINEAR, false, 3);
    struct labelled_set *bad = planted(SLOW ? 600 : 2000, RULE_NOISY, false, 4);
    struct classifier *active = NULL, *m = NULL;
    json_t *r = NULL;
    (void)state;
    assert_int_equal(train(good, NULL, 2, &active, &r, NULL), 0);
    json_decref(r);
    for (uint32_t i = 0; i < good->documents; i++)
        if (label_part_of(bad->keys[i], 42, .2) == LABEL_TEST)
            bad->labels[i] = good->labels[i];
        else
            bad->labels[i] = i % 10 < 7 ? i / 10 % CLASSES : good->labels[i];
    assert_int_equal(train(bad, active, 2, &m, &r, NULL), 0);
    assert_true(number(r, "metrics", "accuracy") > number(r, "majority", "accuracy"));
    assert_true(number(r, "against_active", "difference") < -.02);
    assert_false(json_is_true(json_object_get(r, "promote")));
    assert_non_null(strstr(text(r, "reason"), "worse than the active one"));
    json_decref(r);
    classifier_free(m);
    assert_int_equal(train(good, active, 2, &m, &r, NULL), 0); /* the same again is not worse */
    assert_true(json_is_true(json_object_get(r, "promote")));
    assert_true(number(r, "against_active", "difference") == 0);
    json_decref(r);
    active->about.version = 2; /* of other vectors: nothing to compare */
    classifier_free(m);
    assert_int_equal(train(good, active, 2, &m, &r, NULL), 0);
    assert_true(json_is_null(json_object_get(r, "against_active")));
    assert_non_null(strstr(text(r, "reason"), "another embedding version"));
    json_decref(r);
    classifier_free(m);
    classifier_free(active);
    labelled_set_free(good);
    labelled_set_free(bad);
}

static void test_the_same_whatever_the_threads(void **state)
{
    struct labelled_set *s = planted(SLOW ? 300 : 1500, RULE_NOISY, false, 3);
    struct classifier *one = NULL, *three = NULL;
    json_t *r = NULL;
    (void)state;
    assert_int_equal(train(s, NULL, 1, &one, &r, NULL), 0);
    json_decref(r);
    assert_int_equal(train(s, NULL, 3, &three, &r, NULL), 0);
    json_decref(r);
    assert_memory_equal(one->weights, three->weights, CLASSES * DIMS * sizeof(float));
    assert_memory_equal(one->bias, three->bias, CLASSES * sizeof(float));
    classifier_free(one);
    classifier_free(three);
    labelled_set_free(s);
}

static void gradient_check(bool multiple)
{
    struct labelled_set *s = planted(700, RULE_NOISY, multiple, 3);
    const uint32_t class_of[CLASSES] = {2, 0, LOGISTIC_NONE, 1};
    struct logistic l = {.s = s, .class_of = class_of, .classes = 3, .threads = 2};
    uint32_t rows[700], n = 0;
    for (uint32_t i = 0; i < s->documents; i++)
        if (class_of[s->labels[s->start[i]]] != LOGISTIC_NONE)
            rows[n++] = i;
    double w[3 * (DIMS + 1)], g[3 * (DIMS + 1)], step = 1e-3;
    struct rng rng;
    rng_init(&rng, 8);
    logistic_scale(&l, rows, n);
    for (size_t i = 0; i < 3 * (DIMS + 1); i++)
        w[i] = (double)rng_normal(&rng) / 4;
    assert_int_equal(logistic_parameters(&l), 3 * (DIMS + 1));
    (void)logistic_value(&l, rows, n, 2, w, g);
    for (size_t i = 0; i < 3 * (DIMS + 1); i += 5) {
        double at = w[i];
        w[i] = at + step;
        double above = logistic_value(&l, rows, n, 2, w, NULL);
        w[i] = at - step;
        double below = logistic_value(&l, rows, n, 2, w, NULL);
        w[i] = at;
        assert_float_equal((above - below) / (2 * step), g[i], .05 + .01 * fabs(g[i]));
    }
    logistic_release(&l);
    labelled_set_free(s);
}

static void test_the_gradient_is_that_of_the_value(void **state)
{
    (void)state;
    assert_int_equal(dense_open(NULL), 0);
    dense_threads(1);
    gradient_check(false);
    gradient_check(true);
}

/* Six documents: a a a b b c, told a a b b c a. F1: a 2*2/(3+3) = 2/3, b 2*1/(2+2) = 1/2, c 0. */
static void test_measures_by_hand(void **state)
{
    const uint32_t there[] = {0, 0, 0, 1, 1, 2}, told[] = {0, 0, 1, 1, 2, 0};
    const uint32_t class_of[] = {0, 1, 2}, rows[] = {0, 1, 2, 3, 4, 5};
    struct labelled_set *s = set_new(6, 3, false);
    struct classifier *m = classifier_new(&s->about, DIMS, 3);
    struct label_judged j;
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        s->labels[i] = there[i];
        s->start[i + 1] = i + 1;
        s->vectors[i * DIMS + told[i]] = half_of_float(1);
    }
    for (uint32_t k = 0; k < 3; k++)
        m->weights[k * DIMS + k] = 4;
    label_judge(s, class_of, 3, m, class_of, rows, 6, &j);
    assert_float_equal(label_accuracy(&j), 3. / 6, 1e-9);
    assert_float_equal(label_precision(&j, 0), 2. / 3, 1e-9);
    assert_float_equal(label_recall(&j, 1), 1. / 2, 1e-9);
    assert_float_equal(label_macro_f1(&j), (2. / 3 + 1. / 2 + 0) / 3, 1e-9);
    double p = exp(4) / (exp(4) + 2), q = 1 / (exp(4) + 2);
    assert_float_equal(j.log_loss, -(log(p) + log(q)) / 2, 1e-5);
    assert_float_equal(j.calibration_error, p - .5, 1e-5);
    label_judged_release(&j);
    label_judge_constant(s, class_of, 3, 0, rows, 6, &j);
    assert_float_equal(label_accuracy(&j), .5, 1e-9);
    assert_float_equal(label_macro_f1(&j), (2. * 3 / 9) / 3, 1e-9);
    label_judged_release(&j);
    classifier_free(m);
    labelled_set_free(s);
}

static void test_too_little_to_learn_from(void **state)
{
    struct labelled_set *s = planted(49, RULE_LINEAR, false, 3);
    struct classifier *m = NULL;
    json_t *r = NULL;
    struct err_info e = {0};
    (void)state;
    assert_int_equal(train(s, NULL, 1, &m, &r, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.message, "50 are needed"));
    labelled_set_free(s);
    s = planted(200, RULE_LINEAR, false, 3);
    for (size_t i = 0; i < s->start[s->documents]; i++)
        s->labels[i] = i < 4 ? 1 : 0; /* of one label, and four documents of another */
    err_clear(&e);
    assert_int_equal(train(s, NULL, 1, &m, &r, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.message, "at least 2 are needed"));
    struct fit_options o = {.seed = 42, .threads = 1, .memory_max = 1000};
    struct strbuf report;
    strbuf_init(&report, 0);
    s->labels[4] = s->labels[5] = 1;
    err_clear(&e);
    assert_int_equal(classifier_train(s, NULL, .2, &o, &m, &report, &e), ERR_FULL);
    assert_null(m);
    strbuf_release(&report);
    labelled_set_free(s);
}

static int start(void **state)
{
    (void)state;
    return simd_setup(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_planted_rule_is_found),
        cmocka_unit_test(test_several_labels),
        cmocka_unit_test(test_noise_is_not_promoted),
        cmocka_unit_test(test_worse_than_the_active_one),
        cmocka_unit_test(test_the_same_whatever_the_threads),
        cmocka_unit_test(test_the_gradient_is_that_of_the_value),
        cmocka_unit_test(test_measures_by_hand),
        cmocka_unit_test(test_too_little_to_learn_from),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
