/* The text's part of a model: from texts to readers, for documents that nobody has read yet
 * (recommend/text_model.h says what it computes).
 *
 * The ridge M = (E'E + lambda I)^-1 is of the texts of the documents that somebody read: those that
 * nobody read would say that they were turned down. What new documents score is then brought to the
 * scale of known ones: 1,024 known documents are taken for new ones (by ridge and by the texts
 * nearest to them), for 256 readers of whom a fifth is not given, and `scale` and `offset` are such
 * that, over all of them, as many stand above the place 20 and above the place 100 of the readers'
 * lists as do as known ones. So new documents are as often in a list as known ones, neither drowned
 * nor in flood. On CiteULike-a with a fifth of the articles hidden from readers who were trained
 * on, 16 % of the first 20 and 20 % of the first 100 are new, 20 % of what they read is, and N@100
 * is .319 (.304 without new ones); readers who were not trained on get 7 % and 14 %, with .329
 * (.312).
 */
#ifndef TRAIN_RIDGE_H
#define TRAIN_RIDGE_H

#include "base/err.h"
#include "recommend/model.h"
#include "train/known.h"
#include <stdatomic.h>
#include <stdbool.h>

#define RIDGE_NEAR 20u
#define RIDGE_READERS 256u

/* Readers by whom scores are compared, places among the known, rising: at most a fifth of all (8 if
 * there are as many), none who read less than 2 documents. Of what they read a fifth is not in `x`.
 */
struct ridge_given {
    uint32_t readers[RIDGE_READERS], count;
    struct interactions *x;
};
void ridge_given(const struct interactions *x, uint64_t seed, struct ridge_given *out);
void ridge_given_release(struct ridge_given *given);

struct ridge_options {
    double lambda; /* > 0; 0: 10 */
    double blend;  /* of the nearest known texts, in standard deviations of both; 0: none */
    const struct ridge_given *given;
    uint64_t seed;    /* of which documents are taken */
    unsigned threads; /* 0: one a core */
    const atomic_bool *stop;
};
/* `m`: a model of given->x: to one that was made from what is not given, that is no surprise. It
 * was made from the readers themselves, as the model was by which they will be answered: a closed
 * form says less for what it saw a reader not read. The same to the last bit whatever the threads.
 * NULL: no document that was read has a text's vector. With fewer than 64 such documents or 8
 * readers there is no blend and the scale is 1. ERR_INVALID: lambda; ERR_CANCELLED;
 * ERR_UNAVAILABLE: no OpenBLAS. Cost: dims^2 and 1,024 dims multiply-adds for each known document.
 */
enum err ridge_fit(const struct known *k, const struct recommend_model *m,
                   const struct ridge_options *o, struct text_model **out,
                   struct err_info *e) MUST_CHECK;
size_t ridge_bytes(uint32_t items, uint32_t dims);

#endif
