/* Logistic regression with an L2 penalty over the vectors of a labelled set: one softmax over the
 * classes, or, where a document has several labels, a logistic regression for each class. What is
 * minimised over W (math/lbfgs.h):
 *
 *     sum over documents -log p(labels | z) + penalty / 2 * |W|^2,   z = ((v - mean) * scale, 1)
 *
 * The bias, the last column, is held back a thousandth as much, so that a class without documents
 * stays finite. `mean` is that of the rows that are learned from, and `scale` makes a column's mean
 * variance 1, so that a penalty means the same for every model's vectors. */
#ifndef TRAIN_LOGISTIC_H
#define TRAIN_LOGISTIC_H

#include "classify/labelled.h"
#include "math/lbfgs.h"

#define LOGISTIC_NONE UINT32_MAX

struct logistic {
    const struct labelled_set *s;
    const uint32_t *class_of; /* of each name of the set; LOGISTIC_NONE: left out */
    uint32_t classes;
    unsigned threads;
    float *mean;
    float scale;
};
/* mean and scale from `rows`. `l`: the other members are set. */
void logistic_scale(struct logistic *l, const uint32_t *rows, uint32_t count);
void logistic_release(struct logistic *l);
size_t logistic_parameters(const struct logistic *l); /* classes x (dims + 1) */
/* Bytes that fitting takes beside the set. */
size_t logistic_bytes(uint32_t dims, uint32_t classes);

/* The value and, if not NULL, the gradient at w over `rows`. Each of them has a class. The same
 * sums whatever the threads. After dense_open and dense_threads(1). */
double logistic_value(const struct logistic *l, const uint32_t *rows, uint32_t count,
                      double penalty, const double *w, double *gradient);
/* w: the start, then the least. */
struct lbfgs_end logistic_fit(const struct logistic *l, const uint32_t *rows, uint32_t count,
                              double penalty, double tolerance, double *w, bool (*stop)(void *),
                              void *ctx);

#endif
