#include "train/classifier.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "math/dense.h"
#include "math/resample.h"
#include "train/classifier_judge.h"
#include "train/logistic.h"
#include "train/parallel.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PENALTIES 9
static const double penalties[PENALTIES] = {8192, 2048, 512, 128, 32, 8, 2, .5, .125};
#define TRIAL_TOLERANCE 1e-3
#define TOLERANCE 3e-4  /* shares of the gradient at the start: fits of 1e-4 judge the same */
#define WORSE_MAX 1     /* penalties in a row that do worse: weaker ones overfit more */
#define TEST_MIN 5      /* documents that are held out */
#define COMPARED_MIN 10 /* with the active one */
#define MARGIN .02
#define P_MAX .05
#define ROUNDS 2000
#define SHOWN_MAX 200 /* classes in the report */
#define LEFT_SHOWN_MAX 20
#define TEMPERATURE_STEPS 40

struct trial {
    double penalty, log_loss;
    unsigned steps;
};

struct labelling {
    const struct labelled_set *s;
    const struct classifier *active;
    const struct fit_options *o;
    double held_out, began;
    struct logistic l;
    uint32_t *class_of;     /* of each name */
    uint32_t *name_of;      /* of each class, by name */
    uint32_t *documents_of; /* of each name */
    uint32_t *known, *test; /* rows: the first `fit` of known, then those of validation */
    uint32_t fit, known_count, test_count, used;
    struct trial trials[PENALTIES];
    unsigned trial_count, best;
    double temperature;
    struct classifier *made;
    struct label_judged judged, majority, before; /* before: the active one */
    uint32_t majority_class;
    uint32_t *compared; /* places in `test` */
    uint32_t compared_count;
    double majority_p, active_difference, active_p;
    bool promote;
    char reason[400];
};

static bool stopped(void *ctx)
{
    const struct labelling *t = ctx;
    return t->o->stop && atomic_load(t->o->stop);
}

static void tell(const struct labelling *t, const char *step, double done)
{
    if (t->o->progress)
        t->o->progress(t->o->ctx, step, done);
}

/* ---- classes ---- */

static void documents_count(struct labelling *t)
{
    t->documents_of = xcalloc(t->s->names_count + 1u, sizeof *t->documents_of);
    for (size_t i = 0; i < t->s->start[t->s->documents]; i++)
        t->documents_of[t->s->labels[i]]++;
}

struct named {
    const char *name;
    uint32_t place, documents;
};

static int more_documents(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int by = (x->documents < y->documents) - (x->documents > y->documents);
    return by ? by : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* The most frequent names; in the order of names, so that the order of documents means nothing. */
static void classes_choose(struct labelling *t)
{
    uint32_t n = 0, names = t->s->names_count;
    struct named *list = xcalloc(names + 1u, sizeof *list);
    for (uint32_t i = 0; i < names; i++)
        list[i] = (struct named){t->s->names[i], i, t->documents_of[i]};
    qsort(list, names, sizeof *list, more_documents);
    while (n < names && n < CLASSIFIER_CLASSES_MAX && list[n].documents >= CLASSIFIER_CLASS_MIN)
        n++;
    qsort(list, n, sizeof *list, by_name);
    t->class_of = xmalloc((names + 1u) * sizeof *t->class_of);
    t->name_of = xcalloc(n + 1u, sizeof *t->name_of);
    for (uint32_t i = 0; i < names; i++)
        t->class_of[i] = LOGISTIC_NONE;
    for (uint32_t k = 0; k < n; k++) {
        t->class_of[list[k].place] = k;
        t->name_of[k] = list[k].place;
    }
    t->l.classes = n;
    t->l.class_of = t->class_of;
    free(list);
}

static bool has_class(const struct labelling *t, uint32_t row)
{
    for (size_t i = t->s->start[row]; i < t->s->start[row + 1]; i++)
        if (t->class_of[t->s->labels[i]] != LOGISTIC_NONE)
            return true;
    return false;
}

/* ---- parts ---- */

static uint32_t part_take(const struct labelling *t, enum label_part part, uint32_t *out)
{
    uint32_t n = 0;
    for (uint32_t row = 0; row < t->s->documents; row++)
        if (has_class(t, row) && label_part_of(t->s->keys[row], t->o->seed, t->held_out) == part)
            out[n++] = row;
    return n;
}

static void parts_make(struct labelling *t)
{
    t->known = xmalloc((t->s->documents + 1u) * sizeof *t->known);
    t->test = xmalloc((t->s->documents + 1u) * sizeof *t->test);
    t->fit = part_take(t, LABEL_FIT, t->known);
    t->known_count = t->fit + part_take(t, LABEL_VALIDATION, t->known + t->fit);
    t->test_count = part_take(t, LABEL_TEST, t->test);
    t->used = t->known_count + t->test_count;
}

static enum err enough(const struct labelling *t, struct err_info *e)
{
    const char *path = t->s->about.path;
    if (t->l.classes < 2)
        return err_set(e, ERR_CONFLICT, "/label",
                       "%s has %u label%s that %d documents or more have, of %u different ones: at "
                       "least 2 are needed",
                       path, t->l.classes, t->l.classes == 1 ? "" : "s", CLASSIFIER_CLASS_MIN,
                       t->s->names_count);
    if (t->used < CLASSIFIER_DOCUMENTS_MIN)
        return err_set(
            e, ERR_CONFLICT, "/label",
            "too few documents to learn from: %u have a vector and a %s that is frequent "
            "enough, and %d are needed",
            t->used, path, CLASSIFIER_DOCUMENTS_MIN);
    if (t->test_count < TEST_MIN || t->fit < TEST_MIN || t->known_count - t->fit < TEST_MIN)
        return err_set(e, ERR_CONFLICT, "/held_out",
                       "of %u documents %u are held out, %u choose parameters and %u are learned "
                       "from: at least %d each are needed",
                       t->used, t->test_count, t->known_count - t->fit, t->fit, TEST_MIN);
    return 0;
}

static enum err room(const struct labelling *t, struct err_info *e)
{
    size_t set = (size_t)t->s->documents * (t->s->dims * sizeof *t->s->vectors + 64);
    size_t bytes = set + logistic_bytes(t->s->dims, t->l.classes), max = t->o->memory_max;
    if (!max || bytes <= max)
        return 0;
    return err_set(e, ERR_FULL, "memory",
                   "training on %u documents and %u labels takes %zu MB, more than the %zu MB that "
                   "it may",
                   t->s->documents, t->l.classes, bytes >> 20, max >> 20);
}

/* ---- fitting ---- */

static double validation_loss(const struct labelling *t, const double *w)
{
    uint32_t n = t->known_count - t->fit;
    return logistic_value(&t->l, t->known + t->fit, n, 0, w, NULL) / n;
}

static enum err penalty_choose(struct labelling *t, double *best, struct err_info *e)
{
    size_t n = logistic_parameters(&t->l);
    double *w = xcalloc(n, sizeof *w);
    unsigned worse = 0;
    for (unsigned i = 0; i < PENALTIES && worse < WORSE_MAX && !stopped(t); i++) {
        tell(t, "choosing the penalty", (double)i / PENALTIES);
        struct lbfgs_end end =
            logistic_fit(&t->l, t->known, t->fit, penalties[i], TRIAL_TOLERANCE, w, stopped, t);
        t->trials[i] = (struct trial){penalties[i], validation_loss(t, w), end.steps};
        t->trial_count = i + 1;
        if (i == 0 || t->trials[i].log_loss < t->trials[t->best].log_loss) {
            t->best = i;
            worse = 0;
            memcpy(best, w, n * sizeof *w);
        } else {
            worse++;
        }
    }
    free(w);
    return stopped(t) ? err_set(e, ERR_CANCELLED, NULL, "the training was cancelled") : 0;
}

static double cooled_loss(const struct labelling *t, const double *w, double *cooled, double log_t)
{
    size_t n = logistic_parameters(&t->l);
    for (size_t i = 0; i < n; i++)
        cooled[i] = w[i] / exp(log_t);
    return validation_loss(t, cooled);
}

/* By golden section: the loss is convex in 1 / T. */
static void temperature_choose(struct labelling *t, const double *w)
{
    const double ratio = (sqrt(5) - 1) / 2;
    double *cooled = xmalloc(logistic_parameters(&t->l) * sizeof *cooled);
    double low = log(.05), high = log(20);
    double a = high - ratio * (high - low), b = low + ratio * (high - low);
    double at_a = cooled_loss(t, w, cooled, a), at_b = cooled_loss(t, w, cooled, b);
    for (int i = 0; i < TEMPERATURE_STEPS && high - low > 1e-3; i++) {
        if (at_a < at_b) {
            high = b;
            b = a;
            at_b = at_a;
            a = high - ratio * (high - low);
            at_a = cooled_loss(t, w, cooled, a);
        } else {
            low = a;
            a = b;
            at_a = at_b;
            b = low + ratio * (high - low);
            at_b = cooled_loss(t, w, cooled, b);
        }
    }
    t->temperature = exp((low + high) / 2);
    free(cooled);
}

/* Mean, scale and temperature go into the weights. */
static void classifier_make(struct labelling *t, const double *w)
{
    uint32_t dims = t->s->dims, width = dims + 1;
    struct classifier *m = t->made = classifier_new(&t->s->about, dims, t->l.classes);
    m->seed = t->o->seed;
    m->held_out = t->held_out;
    for (uint32_t k = 0; k < m->classes; k++) {
        const double *row = w + (size_t)k * width;
        double bias = row[dims];
        for (uint32_t d = 0; d < dims; d++) {
            double x = row[d] * (double)t->l.scale;
            bias -= x * (double)t->l.mean[d];
            m->weights[(size_t)k * dims + d] = (float)(x / t->temperature);
        }
        m->bias[k] = (float)(bias / t->temperature);
        classifier_name_set(m, k, str_c(t->s->names[t->name_of[k]]));
    }
}

static enum err fit(struct labelling *t, struct err_info *e)
{
    double *w = xcalloc(logistic_parameters(&t->l), sizeof *w);
    logistic_scale(&t->l, t->known, t->fit);
    enum err err = penalty_choose(t, w, e);
    if (!err) {
        tell(t, "fitting", .5);
        temperature_choose(t, w);
        logistic_fit(&t->l, t->known, t->known_count, t->trials[t->best].penalty, TOLERANCE, w,
                     stopped, t);
        if (stopped(t))
            err = err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
        else
            classifier_make(t, w);
    }
    free(w);
    return err;
}

/* ---- judging ---- */

static void majority_judge(struct labelling *t)
{
    uint32_t *count = xcalloc(t->l.classes, sizeof *count);
    for (uint32_t i = 0; i < t->known_count; i++)
        for (size_t k = t->s->start[t->known[i]]; k < t->s->start[t->known[i] + 1]; k++)
            if (t->class_of[t->s->labels[k]] != LOGISTIC_NONE)
                count[t->class_of[t->s->labels[k]]]++;
    for (uint32_t k = 1; k < t->l.classes; k++)
        if (count[k] > count[t->majority_class])
            t->majority_class = k;
    free(count);
    label_judge_constant(t->s, t->class_of, t->l.classes, t->majority_class, t->test, t->test_count,
                         &t->majority);
}

static double paired_p(const double *difference, uint32_t n, uint64_t seed)
{
    return resample_paired_p(difference, n, ROUNDS, seed);
}

/* On what neither has seen. */
static void active_judge(struct labelling *t)
{
    const struct classifier *m = t->active;
    t->compared = xmalloc((t->test_count + 1u) * sizeof *t->compared);
    if (!m || m->dims != t->s->dims || m->about.version != t->s->about.version)
        return;
    uint32_t *rows = xmalloc((t->test_count + 1u) * sizeof *rows);
    for (uint32_t i = 0; i < t->test_count; i++)
        if (label_part_of(t->s->keys[t->test[i]], m->seed, m->held_out) == LABEL_TEST) {
            rows[t->compared_count] = t->test[i];
            t->compared[t->compared_count++] = i;
        }
    uint32_t *own = xmalloc((m->classes + 1u) * sizeof *own);
    for (uint32_t k = 0; k < m->classes; k++) {
        own[k] = LOGISTIC_NONE;
        for (uint32_t c = 0; c < t->l.classes && own[k] == LOGISTIC_NONE; c++)
            if (strcmp(m->names[k], t->made->names[c]) == 0)
                own[k] = c;
    }
    if (t->compared_count >= COMPARED_MIN)
        label_judge(t->s, t->class_of, t->l.classes, m, own, rows, t->compared_count, &t->before);
    free(own);
    free(rows);
}

static void differences(struct labelling *t)
{
    double *d = xcalloc(t->test_count + 1u, sizeof *d);
    for (uint32_t i = 0; i < t->test_count; i++)
        d[i] = t->judged.accuracy[i] - t->majority.accuracy[i];
    t->majority_p = paired_p(d, t->test_count, t->o->seed);
    for (uint32_t i = 0; i < t->before.documents; i++)
        d[i] = t->judged.accuracy[t->compared[i]] - t->before.accuracy[i];
    t->active_difference = resample_mean(d, t->before.documents);
    t->active_p = paired_p(d, t->before.documents, t->o->seed);
    free(d);
}

static void gate(struct labelling *t)
{
    double own = label_accuracy(&t->judged), most = label_accuracy(&t->majority);
    bool better = own > most && t->majority_p < P_MAX;
    bool passed = true;
    int n = snprintf(t->reason, sizeof t->reason,
                     "accuracy %.4f on %u held-out documents; %s than the most frequent label "
                     "(%.4f, p %.4f)",
                     own, t->test_count, better ? "better" : "not certainly better", most,
                     t->majority_p);
    if (t->before.documents) {
        double d = t->active_difference;
        passed = d >= 0 || (d > -MARGIN && t->active_p >= P_MAX);
        snprintf(t->reason + n, sizeof t->reason - (size_t)n,
                 "; %s than the active one (%.4f of %u that neither has seen, difference %+.4f, p "
                 "%.4f)",
                 !passed  ? "worse"
                 : d >= 0 ? "not worse"
                          : "not certainly worse",
                 label_accuracy(&t->before), t->before.documents, d, t->active_p);
    } else if (t->active) {
        snprintf(t->reason + n, sizeof t->reason - (size_t)n,
                 "; not compared with the active one: %s",
                 t->compared_count || t->active->about.version == t->s->about.version
                     ? "too few documents that neither has seen"
                     : "that is of another embedding version");
    }
    t->promote = better && passed;
}

static void judge(struct labelling *t)
{
    uint32_t *own = xmalloc((t->l.classes + 1u) * sizeof *own);
    for (uint32_t k = 0; k < t->l.classes; k++)
        own[k] = k;
    tell(t, "judging", .8);
    label_judge(t->s, t->class_of, t->l.classes, t->made, own, t->test, t->test_count, &t->judged);
    free(own);
    majority_judge(t);
    active_judge(t);
    differences(t);
    gate(t);
}

/* ---- the report ---- */

static void put(struct json_writer *w, const char *key, double v)
{
    json_key_double(w, key, isfinite(v) ? round(v * 1e6) / 1e6 : v);
}

static void put_text(struct json_writer *w, const char *key, const char *v)
{
    json_key_c(w, key, v);
}

static void report_counts(const struct labelling *t, struct json_writer *w)
{
    json_key(w, "counts");
    json_object_begin(w);
    json_key_int(w, "documents", t->used);
    json_key_int(w, "fitted", t->known_count);
    json_key_int(w, "validation", t->known_count - t->fit);
    json_key_int(w, "test", t->test_count);
    json_key_int(w, "classes", t->l.classes);
    json_object_end(w);
}

static struct named *names_sorted(const struct labelling *t)
{
    struct named *list = xcalloc(t->s->names_count + 1u, sizeof *list);
    for (uint32_t i = 0; i < t->s->names_count; i++)
        list[i] = (struct named){t->s->names[i], i, t->documents_of[i]};
    qsort(list, t->s->names_count, sizeof *list, more_documents);
    return list;
}

static void report_left_out(const struct labelling *t, const struct named *list,
                            struct json_writer *w)
{
    uint32_t shown = 0;
    json_key(w, "left_out");
    json_array_begin(w);
    for (uint32_t i = 0; i < t->s->names_count && shown < LEFT_SHOWN_MAX; i++) {
        if (t->class_of[list[i].place] != LOGISTIC_NONE)
            continue;
        json_object_begin(w);
        put_text(w, "label", list[i].name);
        json_key_int(w, "documents", list[i].documents);
        json_object_end(w);
        shown++;
    }
    json_array_end(w);
    json_key_int(w, "left_out_count", t->s->names_count - t->l.classes);
}

static void report_fit(const struct labelling *t, struct json_writer *w)
{
    json_key(w, "parameters");
    json_object_begin(w);
    put(w, "penalty", t->trials[t->best].penalty);
    put(w, "temperature", t->temperature);
    json_object_end(w);
    json_key(w, "tried");
    json_array_begin(w);
    for (unsigned i = 0; i < t->trial_count; i++) {
        json_object_begin(w);
        put(w, "penalty", t->trials[i].penalty);
        put(w, "log_loss", t->trials[i].log_loss);
        json_key_int(w, "steps", t->trials[i].steps);
        json_object_end(w);
    }
    json_array_end(w);
}

static void report_metrics_of(const struct labelling *t, struct json_writer *w)
{
    const struct label_judged *j = &t->judged;
    struct resample_range r = resample_mean_range(j->accuracy, j->documents, ROUNDS, t->o->seed);
    json_key(w, "metrics");
    json_object_begin(w);
    json_key(w, "accuracy");
    json_object_begin(w);
    put(w, "mean", label_accuracy(j));
    put(w, "low", r.low);
    put(w, "high", r.high);
    json_object_end(w);
    put(w, "macro_f1", label_macro_f1(j));
    put(w, "log_loss", j->log_loss);
    put(w, "calibration_error", j->calibration_error);
    json_object_end(w);
}

static void report_beside(const struct labelling *t, struct json_writer *w)
{
    json_key(w, "majority");
    json_object_begin(w);
    put_text(w, "label", t->made->names[t->majority_class]);
    put(w, "accuracy", label_accuracy(&t->majority));
    put(w, "macro_f1", label_macro_f1(&t->majority));
    put(w, "difference", label_accuracy(&t->judged) - label_accuracy(&t->majority));
    put(w, "p", t->majority_p);
    json_object_end(w);
    json_key(w, "against_active");
    if (!t->before.documents) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_key_int(w, "documents", t->before.documents);
    put(w, "accuracy", label_accuracy(&t->before));
    put(w, "difference", t->active_difference);
    put(w, "p", t->active_p);
    json_object_end(w);
}

static void report_classes(const struct labelling *t, const struct named *list,
                           struct json_writer *w)
{
    uint32_t shown = 0;
    json_key(w, "classes");
    json_array_begin(w);
    for (uint32_t i = 0; i < t->s->names_count && shown < SHOWN_MAX; i++) {
        uint32_t k = t->class_of[list[i].place];
        if (k == LOGISTIC_NONE)
            continue;
        json_object_begin(w);
        put_text(w, "label", list[i].name);
        json_key_int(w, "documents", list[i].documents);
        json_key_int(w, "support", t->judged.support[k]);
        put(w, "precision", label_precision(&t->judged, k));
        put(w, "recall", label_recall(&t->judged, k));
        put(w, "f1", label_f1(&t->judged, k));
        json_object_end(w);
        shown++;
    }
    json_array_end(w);
}

static void report_make(const struct labelling *t, struct strbuf *out)
{
    struct json_writer w;
    struct named *list = names_sorted(t);
    strbuf_clear(out);
    json_writer_init(&w, out);
    json_object_begin(&w);
    put_text(&w, "kind", "classifier");
    put_text(&w, "label", t->s->about.path);
    json_key_bool(&w, "multiple", t->s->about.multiple);
    json_key_int(&w, "seed", t->o->seed);
    put(&w, "held_out", t->held_out);
    put(&w, "min_probability", t->s->about.min_probability);
    report_counts(t, &w);
    report_left_out(t, list, &w);
    report_fit(t, &w);
    report_metrics_of(t, &w);
    report_beside(t, &w);
    report_classes(t, list, &w);
    json_key_bool(&w, "promote", t->promote);
    put_text(&w, "reason", t->reason);
    put(&w, "seconds", (double)clock_mono_ns() / 1e9 - t->began);
    json_object_end(&w);
    free(list);
}

/* ---- the whole ---- */

static enum err run(struct labelling *t, struct err_info *e)
{
    documents_count(t);
    classes_choose(t);
    parts_make(t);
    enum err err = enough(t, e);
    if (!err)
        err = room(t, e);
    if (!err)
        err = fit(t, e);
    if (!err)
        judge(t);
    return err;
}

static void labelling_release(struct labelling *t)
{
    logistic_release(&t->l);
    label_judged_release(&t->judged);
    label_judged_release(&t->majority);
    label_judged_release(&t->before);
    classifier_free(t->made);
    free(t->compared);
    free(t->class_of);
    free(t->name_of);
    free(t->documents_of);
    free(t->known);
    free(t->test);
}

enum err classifier_train(const struct labelled_set *s, const struct classifier *active,
                          double held_out, const struct fit_options *o, struct classifier **out,
                          struct strbuf *report, struct err_info *e)
{
    struct labelling t = {.s = s,
                          .active = active,
                          .o = o,
                          .held_out = held_out,
                          .began = (double)clock_mono_ns() / 1e9};
    enum err err = dense_open(e);
    if (err)
        return err;
    dense_threads(1); /* the same sums whatever the machine */
    t.l = (struct logistic){.s = s, .threads = parallel_threads(o->threads)};
    err = run(&t, e);
    if (!err) {
        report_make(&t, report);
        *out = t.made;
        t.made = NULL;
    }
    labelling_release(&t);
    return err;
}

static enum err file_fits(const char *path, size_t max, struct err_info *e)
{
    struct file *f = NULL;
    uint64_t bytes = 0;
    enum err err = file_open(path, FILE_READ_ONLY, &f, e);
    if (!err)
        err = file_size(f, &bytes, e);
    file_close(f);
    if (!err && max && bytes + bytes / 2 > max) /* what it is read into grows by doubling */
        err = err_set(e, ERR_FULL, "memory",
                      "the labelled documents take %llu MB, and the training may take %zu MB",
                      (unsigned long long)(bytes >> 20), max >> 20);
    return err;
}

enum err classifier_train_file(const char *set_path, const char *active_path,
                               const char *model_path, double held_out, const struct fit_options *o,
                               struct strbuf *report, struct err_info *e)
{
    struct labelled_set *s = NULL;
    struct classifier *active = NULL, *made = NULL;
    enum err err = file_fits(set_path, o->memory_max, e);
    if (!err)
        err = labelled_load(set_path, &s, e);
    if (!err && active_path && classifier_load(active_path, &active, NULL))
        active = NULL;
    if (!err)
        err = classifier_train(s, active, held_out, o, &made, report, e);
    if (!err)
        err = classifier_save(made, model_path, e);
    classifier_free(made);
    classifier_free(active);
    labelled_set_free(s);
    return err;
}
