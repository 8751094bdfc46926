#include "train/classifier_judge.h"

#include "base/arena.h"
#include "math/half.h"
#include "math/resample.h"
#include "train/logistic.h"
#include <math.h>
#include <stdlib.h>

#define BINS 10
#define LIKELY .5  /* a label among several is told from here on */
#define LEAST 1e-9 /* of a probability in the log loss */

struct judging {
    const struct labelled_set *s;
    const uint32_t *class_of;
    struct label_judged *out;
    bool *there, *told; /* classes, of the document at hand */
    double sum[BINS], right[BINS], count[BINS];
};

static void judging_begin(struct judging *j, uint32_t classes, uint32_t count)
{
    *j->out = (struct label_judged){.documents = count, .classes = classes};
    j->out->accuracy = xcalloc(count + 1u, sizeof *j->out->accuracy);
    j->out->support = xcalloc(classes + 1u, sizeof *j->out->support);
    j->out->told = xcalloc(classes + 1u, sizeof *j->out->told);
    j->out->right = xcalloc(classes + 1u, sizeof *j->out->right);
    j->there = xcalloc(classes + 1u, sizeof *j->there);
    j->told = xcalloc(classes + 1u, sizeof *j->told);
}

static void judging_end(struct judging *j)
{
    double all = 0, error = 0;
    for (int b = 0; b < BINS; b++)
        all += j->count[b];
    for (int b = 0; b < BINS; b++)
        error += fabs(j->sum[b] - j->right[b]);
    j->out->calibration_error = all > 0 ? error / all : 0;
    if (j->out->documents)
        j->out->log_loss /= j->out->documents;
    free(j->there);
    free(j->told);
}

static void document_begin(struct judging *j, uint32_t row)
{
    for (uint32_t k = 0; k < j->out->classes; k++)
        j->there[k] = j->told[k] = false;
    for (size_t i = j->s->start[row]; i < j->s->start[row + 1]; i++)
        if (j->class_of[j->s->labels[i]] != LOGISTIC_NONE)
            j->there[j->class_of[j->s->labels[i]]] = true;
}

/* `foreign`: labels that were told and are none of the classes. */
static void document_end(struct judging *j, uint32_t at, uint32_t foreign)
{
    struct label_judged *out = j->out;
    uint32_t both = 0, either = foreign;
    for (uint32_t k = 0; k < out->classes; k++) {
        both += j->there[k] && j->told[k];
        either += j->there[k] || j->told[k];
        out->support[k] += j->there[k];
        out->told[k] += j->told[k];
        out->right[k] += j->there[k] && j->told[k];
    }
    out->accuracy[at] = either ? (double)both / either : 0;
}

static void probability_note(struct judging *j, double p, bool right)
{
    int b = (int)(p * BINS);
    b = b < 0 ? 0 : b >= BINS ? BINS - 1 : b;
    j->sum[b] += p;
    j->right[b] += right;
    j->count[b]++;
}

static void probabilities_note(struct judging *j, const struct classifier *m, const uint32_t *own,
                               const float *p, uint32_t best)
{
    for (uint32_t k = 0; k < m->classes; k++) {
        bool there = own[k] != LOGISTIC_NONE && j->there[own[k]];
        double x = (double)p[k], kept = there ? x : 1 - x;
        if (m->about.multiple || there)
            j->out->log_loss -= log(kept > LEAST ? kept : LEAST);
        if (m->about.multiple || k == best)
            probability_note(j, x, there);
    }
}

static void document_judge(struct judging *j, const struct classifier *m, const uint32_t *own,
                           uint32_t row, uint32_t at, float *v, float *p, uint32_t *chosen)
{
    uint32_t foreign = 0;
    half_to_f32(j->s->vectors + (size_t)row * j->s->dims, v, j->s->dims);
    classifier_probabilities(m, v, p);
    document_begin(j, row);
    uint32_t n = classifier_choose(m, p, m->about.multiple ? LIKELY : 0, m->classes, chosen);
    for (uint32_t i = 0; i < n; i++) {
        if (own[chosen[i]] == LOGISTIC_NONE)
            foreign++;
        else
            j->told[own[chosen[i]]] = true;
    }
    probabilities_note(j, m, own, p, n ? chosen[0] : LOGISTIC_NONE);
    document_end(j, at, foreign);
}

void label_judge(const struct labelled_set *s, const uint32_t *class_of, uint32_t classes,
                 const struct classifier *m, const uint32_t *own, const uint32_t *rows,
                 uint32_t count, struct label_judged *out)
{
    struct judging j = {.s = s, .class_of = class_of, .out = out};
    float *v = xmalloc(s->dims * sizeof *v), *p = xmalloc(m->classes * sizeof *p);
    uint32_t *chosen = xmalloc(m->classes * sizeof *chosen);
    judging_begin(&j, classes, count);
    for (uint32_t i = 0; i < count; i++)
        document_judge(&j, m, own, rows[i], i, v, p, chosen);
    judging_end(&j);
    free(v);
    free(p);
    free(chosen);
}

void label_judge_constant(const struct labelled_set *s, const uint32_t *class_of, uint32_t classes,
                          uint32_t class, const uint32_t *rows, uint32_t count,
                          struct label_judged *out)
{
    struct judging j = {.s = s, .class_of = class_of, .out = out};
    judging_begin(&j, classes, count);
    for (uint32_t i = 0; i < count; i++) {
        document_begin(&j, rows[i]);
        j.told[class] = true;
        document_end(&j, i, 0);
    }
    judging_end(&j);
}

void label_judged_release(struct label_judged *j)
{
    free(j->accuracy);
    free(j->support);
    free(j->told);
    free(j->right);
    *j = (struct label_judged){0};
}

double label_accuracy(const struct label_judged *j)
{
    return resample_mean(j->accuracy, j->documents);
}

double label_precision(const struct label_judged *j, uint32_t class)
{
    return j->told[class] ? (double)j->right[class] / j->told[class] : 0;
}

double label_recall(const struct label_judged *j, uint32_t class)
{
    return j->support[class] ? (double)j->right[class] / j->support[class] : 0;
}

double label_f1(const struct label_judged *j, uint32_t class)
{
    uint32_t all = j->told[class] + j->support[class];
    return all ? 2.0 * j->right[class] / all : 0;
}

double label_macro_f1(const struct label_judged *j)
{
    double sum = 0;
    uint32_t n = 0;
    for (uint32_t k = 0; k < j->classes; k++) {
        if (!j->told[k] && !j->support[k])
            continue;
        sum += label_f1(j, k);
        n++;
    }
    return n ? sum / n : 0;
}
