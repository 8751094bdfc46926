/* What a model learns from: of a training set, the documents that somebody read and the readers who
 * read something. Documents that nobody read are left out: to a model of what is read together
 * their empty columns would say that they were turned down.
 *
 * An act counts by its weight, at most 1, so that who opens a page a hundred times says no more
 * than who likes it. Acts of weight < 0 teach nothing: what one reader turned down says little of
 * what is read together. They count where a reader is answered (recommend_model_score). */
#ifndef TRAIN_KNOWN_H
#define TRAIN_KNOWN_H

#include "recommend/training_set.h"
#include "train/interactions.h"

struct known {
    uint32_t items; /* that somebody read */
    uint32_t dims;  /* 0: none of them has a text vector */
    uint32_t *item; /* items: their places in the set, rising */
    float *readers; /* of each */
    struct interactions *x;
    float *text; /* items x dims: vectors less the mean, of length 1; zeros: has none */
    float *mean; /* dims: of all vectors of the set */
};
struct known *known_new(const struct training_set *s);
void known_free(struct known *k); /* NULL is allowed */
/* How large it would be, without making it. */
struct known_size {
    uint32_t items, readers;
    size_t count; /* of interactions */
    double pairs; /* sum over readers of the square of what each read */
};
struct known_size known_measure(const struct training_set *s);
size_t known_bytes(const struct known_size *z, uint32_t dims);

#endif
