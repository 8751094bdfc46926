/* How well a classifier tells the labels of documents. One thread. */
#ifndef TRAIN_CLASSIFIER_JUDGE_H
#define TRAIN_CLASSIFIER_JUDGE_H

#include "classify/classifier.h"

struct label_judged {
    uint32_t documents, classes;
    double *accuracy; /* of each document: 1 right, 0 wrong; of several labels 0 ... 1 */
    uint32_t *support, *told, *right; /* classes */
    double log_loss;                  /* mean over documents */
    double calibration_error; /* mean of |probability - share that was right|, in ten bins */
};
void label_judged_release(struct label_judged *j);

/* `class_of`: of each name of the set (LOGISTIC_NONE: left out), one of `classes`; `own`: of each
 * class of `m` one of them, or LOGISTIC_NONE. Every row has a class. */
void label_judge(const struct labelled_set *s, const uint32_t *class_of, uint32_t classes,
                 const struct classifier *m, const uint32_t *own, const uint32_t *rows,
                 uint32_t count, struct label_judged *out);
/* The same of one who always tells `class`. */
void label_judge_constant(const struct labelled_set *s, const uint32_t *class_of, uint32_t classes,
                          uint32_t class, const uint32_t *rows, uint32_t count,
                          struct label_judged *out);
double label_accuracy(const struct label_judged *j);
/* 0 of nothing. */
double label_precision(const struct label_judged *j, uint32_t class);
double label_recall(const struct label_judged *j, uint32_t class);
double label_f1(const struct label_judged *j, uint32_t class);
/* The mean over classes that are there or were told. */
double label_macro_f1(const struct label_judged *j);

#endif
