#include "train/logistic.h"

#include "base/arena.h"
#include "math/dense.h"
#include "math/half.h"
#include "train/parallel.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 16u  /* sums that are added up in order at the end: whatever the threads */
#define CHUNK 256u /* rows at a time */
#define BIAS_SHARE 1e-3
#define SMALL (1u << 24) /* multiply-adds of a pass: not worth threads */

/* ---- scale ---- */

static const uint16_t *vector_of(const struct logistic *l, uint32_t row)
{
    return l->s->vectors + (size_t)row * l->s->dims;
}

void logistic_scale(struct logistic *l, const uint32_t *rows, uint32_t count)
{
    uint32_t dims = l->s->dims;
    double *sum = xcalloc(dims, sizeof *sum), squares = 0, means = 0;
    float *row = xmalloc(dims * sizeof *row);
    for (uint32_t i = 0; i < count; i++) {
        half_to_f32(vector_of(l, rows[i]), row, dims);
        for (uint32_t d = 0; d < dims; d++) {
            sum[d] += (double)row[d];
            squares += (double)row[d] * (double)row[d];
        }
    }
    l->mean = xcalloc(dims, sizeof *l->mean);
    for (uint32_t d = 0; d < dims && count; d++) {
        l->mean[d] = (float)(sum[d] / count);
        means += sum[d] / count * (sum[d] / count);
    }
    double variance = count ? (squares / count - means) / dims : 0;
    l->scale = (float)(1 / sqrt(variance > 1e-12 ? variance : 1));
    free(sum);
    free(row);
}

void logistic_release(struct logistic *l)
{
    free(l->mean);
    l->mean = NULL;
}

size_t logistic_parameters(const struct logistic *l)
{
    return (size_t)l->classes * (l->s->dims + 1);
}

size_t logistic_bytes(uint32_t dims, uint32_t classes)
{
    size_t width = dims + 1, n = classes * width;
    size_t slot = CHUNK * (width + classes) + n;
    return SLOTS * slot * sizeof(float) + n * (sizeof(float) + 32 * sizeof(double));
}

/* ---- a pass over the rows ---- */

struct slot {
    double value;
    float *rows, *scores, *gradient; /* CHUNK x width, CHUNK x classes, classes x width */
};
struct pass {
    const struct logistic *l;
    const uint32_t *rows;
    uint32_t count, width;
    const float *w;
    bool gradient;
    struct slot slots[SLOTS];
};

/* z of the chunk's documents. */
static void rows_make(const struct pass *p, struct slot *s, uint32_t from, uint32_t n)
{
    const struct logistic *l = p->l;
    for (uint32_t i = 0; i < n; i++) {
        float *z = s->rows + (size_t)i * p->width;
        half_to_f32(vector_of(l, p->rows[from + i]), z, l->s->dims);
        for (uint32_t d = 0; d < l->s->dims; d++)
            z[d] = (z[d] - l->mean[d]) * l->scale;
        z[l->s->dims] = 1;
    }
}

/* -log softmax of the one class; the scores become p - y. */
static double softmax_residual(const struct logistic *l, uint32_t row, float *scores)
{
    float most = scores[0];
    double sum = 0;
    uint32_t class = LOGISTIC_NONE;
    for (size_t i = l->s->start[row]; i < l->s->start[row + 1] && class == LOGISTIC_NONE; i++)
        class = l->class_of[l->s->labels[i]];
    for (uint32_t k = 1; k < l->classes; k++)
        most = scores[k] > most ? scores[k] : most;
    double own = (double)(scores[class] - most);
    for (uint32_t k = 0; k < l->classes; k++)
        sum += scores[k] = expf(scores[k] - most);
    for (uint32_t k = 0; k < l->classes; k++)
        scores[k] = (float)((double)scores[k] / sum);
    scores[class] -= 1;
    return log(sum) - own;
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double logistic_residuals(const struct logistic *l, uint32_t row, float *scores)
{
    double value = 0;
    for (size_t i = l->s->start[row]; i < l->s->start[row + 1]; i++) {
        uint32_t class = l->class_of[l->s->labels[i]];
        if (class != LOGISTIC_NONE)
            value -= (double)scores[class];
    }
    for (uint32_t k = 0; k < l->classes; k++) {
        value += softplus((double)scores[k]);
        scores[k] = 1 / (1 + expf(-scores[k]));
    }
    for (size_t i = l->s->start[row]; i < l->s->start[row + 1]; i++) {
        uint32_t class = l->class_of[l->s->labels[i]];
        if (class != LOGISTIC_NONE)
            scores[class] -= 1;
    }
    return value;
}

static void chunk_add(const struct pass *p, struct slot *s, uint32_t from, uint32_t n)
{
    const struct logistic *l = p->l;
    uint32_t classes = l->classes;
    rows_make(p, s, from, n);
    dense_product(n, classes, p->width, 1, (struct dense){s->rows, p->width, false},
                  (struct dense){p->w, p->width, true}, 0, s->scores, classes);
    for (uint32_t i = 0; i < n; i++) {
        float *scores = s->scores + (size_t)i * classes;
        s->value += l->s->about.multiple ? logistic_residuals(l, p->rows[from + i], scores)
                                         : softmax_residual(l, p->rows[from + i], scores);
    }
    if (p->gradient)
        dense_product(classes, p->width, n, 1, (struct dense){s->scores, classes, true},
                      (struct dense){s->rows, p->width, false}, 1, s->gradient, p->width);
}

static void slot_run(void *ctx, unsigned worker, uint32_t i)
{
    struct pass *p = ctx;
    struct slot *s = &p->slots[i];
    (void)worker;
    s->rows = xmalloc((size_t)CHUNK * p->width * sizeof(float));
    s->scores = xmalloc((size_t)CHUNK * p->l->classes * sizeof(float));
    s->gradient = xcalloc((size_t)p->l->classes * p->width, sizeof(float));
    for (uint64_t from = (uint64_t)i * CHUNK; from < p->count; from += (uint64_t)SLOTS * CHUNK) {
        uint64_t left = p->count - from;
        chunk_add(p, s, (uint32_t)from, left < CHUNK ? (uint32_t)left : CHUNK);
    }
    free(s->rows);
    free(s->scores);
}

static double penalty_add(const struct pass *p, double penalty, const double *w, double *gradient)
{
    double value = 0;
    for (uint32_t k = 0; k < p->l->classes; k++)
        for (uint32_t d = 0; d < p->width; d++) {
            size_t at = (size_t)k * p->width + d;
            double own = d + 1 == p->width ? BIAS_SHARE * penalty : penalty;
            value += own / 2 * w[at] * w[at];
            if (gradient)
                gradient[at] += own * w[at];
        }
    return value;
}

double logistic_value(const struct logistic *l, const uint32_t *rows, uint32_t count,
                      double penalty, const double *w, double *gradient)
{
    size_t n = logistic_parameters(l);
    float *whole = xmalloc((n + 1) * sizeof *whole);
    struct pass p = {.l = l,
                     .rows = rows,
                     .count = count,
                     .width = l->s->dims + 1,
                     .w = whole,
                     .gradient = gradient != NULL};
    for (size_t i = 0; i < n; i++) {
        whole[i] = (float)w[i];
        if (gradient)
            gradient[i] = 0;
    }
    bool small = (double)count * (double)n < SMALL;
    parallel_run(small ? 1 : l->threads, SLOTS, slot_run, &p);
    double value = penalty_add(&p, penalty, w, gradient);
    for (unsigned i = 0; i < SLOTS; i++) {
        value += p.slots[i].value;
        for (size_t k = 0; k < n && gradient; k++)
            gradient[k] += (double)p.slots[i].gradient[k];
        free(p.slots[i].gradient);
    }
    free(whole);
    return value;
}

/* ---- fitting ---- */

struct fit {
    const struct logistic *l;
    const uint32_t *rows;
    uint32_t count;
    double penalty;
    bool (*stop)(void *);
    void *ctx;
};

static double fit_value(void *ctx, const double *w, double *gradient)
{
    struct fit *f = ctx;
    return logistic_value(f->l, f->rows, f->count, f->penalty, w, gradient);
}

static bool fit_stop(void *ctx)
{
    struct fit *f = ctx;
    return f->stop && f->stop(f->ctx);
}

struct lbfgs_end logistic_fit(const struct logistic *l, const uint32_t *rows, uint32_t count,
                              double penalty, double tolerance, double *w, bool (*stop)(void *),
                              void *ctx)
{
    struct fit f = {l, rows, count, penalty, stop, ctx};
    return lbfgs_minimise(logistic_parameters(l), w, fit_value, &f,
                          &(struct lbfgs_options){.tolerance = tolerance, .stop = fit_stop});
}
