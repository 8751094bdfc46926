/* A classifier: from a document's vector v (length 1, the mean of its passages') to labels with
 * probabilities:
 *
 *     one label       p = softmax(W v + b)
 *     several labels  p_k = 1 / (1 + exp(-(W v + b)_k)), each label a question alone
 *
 * W and b are as training left them after calibration (train/classifier.h), so that a probability
 * can be held to a threshold. A versioned file, made by the worker, read by the server. Immutable
 * once made: any thread. */
#ifndef CLASSIFY_CLASSIFIER_H
#define CLASSIFY_CLASSIFIER_H

#include "classify/labelled.h"

#define CLASSIFIER_CLASSES_MAX 1000u

struct classifier {
    struct labelled_about about; /* of what it learned from */
    uint64_t seed;               /* of the split: */
    double held_out;             /* which documents it has not seen */
    uint32_t dims, classes;
    char **names;   /* classes */
    float *weights; /* classes x dims */
    float *bias;    /* classes */
    size_t bytes;   /* in memory */
};

struct classifier *classifier_new(const struct labelled_about *about, uint32_t dims,
                                  uint32_t classes); /* names, weights and bias are zeros */
void classifier_name_set(struct classifier *m, uint32_t class, struct str name);
void classifier_free(struct classifier *m); /* NULL is allowed */

/* p[classes]; dims x classes multiply-adds. */
void classifier_probabilities(const struct classifier *m, const float *v, float *p);
/* The classes that reach `least`, most probable first (ties by place), at most `max`, into `out`;
 * of one label only the first. Returns how many. */
uint32_t classifier_choose(const struct classifier *m, const float *p, double least, uint32_t max,
                           uint32_t *out);

/* All classes, most probable first (ties by place), at most `max`; how many. */
uint32_t classifier_rank(const struct classifier *m, const float *p, uint32_t max, uint32_t *out);

/* Which part of a training's data a document is in: the same for the same id, seed and share,
 * whenever it is asked, so that what judges one classifier was not seen by the one before. */
enum label_part { LABEL_FIT, LABEL_VALIDATION, LABEL_TEST };
enum label_part label_part_of(uint64_t key, uint64_t seed, double held_out);

/* Written to `path`.tmp, synced, renamed over `path`: old or new, never half. One writer a path. */
enum err classifier_save(const struct classifier *m, const char *path,
                         struct err_info *e) MUST_CHECK;
/* ERR_CORRUPT: torn, flipped, or it does not hold what it says; ERR_UNSUPPORTED: not a classifier,
 * or of a newer akin. */
enum err classifier_load(const char *path, struct classifier **out, struct err_info *e) MUST_CHECK;

#endif
