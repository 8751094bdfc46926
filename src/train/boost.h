/* Boosted regression trees (Chen and Guestrin: XGBoost, KDD 2016) by the XGBoost library, with
 * gradients from here; what comes out are trees of akin's own (recommend/rank_trees.h). The library
 * is opened when it is first asked for, so that nothing but a training of a ranker loads it or
 * needs it installed. One thread of the library's: the same rows give the same trees. */
#ifndef TRAIN_BOOST_H
#define TRAIN_BOOST_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

struct rank_trees;
struct boost;
struct boost_options {
    unsigned depth;    /* of a tree */
    double rate;       /* what each tree's leaves are multiplied by */
    double lambda;     /* on the leaves */
    double weight_min; /* sum of second derivatives in a leaf */
};
/* ERR_UNAVAILABLE: the library is not there; the message says what to install. */
enum err boost_open(struct err_info *e) MUST_CHECK;
/* rows x columns each, NaN: not known; they are copied. `beside` (0 rows: none) is scored as it
 * grows. After boost_open. */
enum err boost_new(const float *rows, size_t count, const float *beside, size_t beside_count,
                   unsigned columns, const struct boost_options *o, struct boost **out,
                   struct err_info *e) MUST_CHECK;
void boost_free(struct boost *b); /* NULL is allowed */
/* One more tree: first and second derivatives of the loss by the score of each row. */
enum err boost_round(struct boost *b, float *first, float *second, struct err_info *e) MUST_CHECK;
/* Scores of the rows, or of those beside. */
enum err boost_scores(struct boost *b, bool beside, float *out, struct err_info *e) MUST_CHECK;
/* The first `trees` of it. gains (may be NULL; columns): what the splits by each column gained.
 * ERR_CORRUPT: the library's model is not understood. */
enum err boost_trees(struct boost *b, unsigned trees, struct rank_trees **out, double *gains,
                     struct err_info *e) MUST_CHECK;

#endif
