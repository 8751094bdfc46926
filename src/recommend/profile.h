/* The content profile: from examples to what is like them, and from one document back to them.
 *
 *     score(d) = sum over the examples i of  factor_i * (cos(e_i, e_d) - mean) / (1 - mean)
 *
 * factor_i = weight_i of what was liked; -NEGATIVE |weight_i| of what was not wanted, less where
 * that outweighs what was liked (Rocchio 1971). e: a document's vector; `mean` is the cosine of any
 * two documents. With a `centre` (the mean of all vectors) e is the vector less it, of length 1,
 * and the mean cosine 0. A sum, so each term is the share that its example has, and the whole is
 * one dot product: its nearest documents are found by the vector index. Immutable once made. */
#ifndef RECOMMEND_PROFILE_H
#define RECOMMEND_PROFILE_H

#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vectors;

struct recommend_example {
    uint32_t number;     /* document; 0: the vector counts */
    double weight;       /* > 0 liked, < 0 not wanted */
    const float *vector; /* of a text that is no document, of length 1; else NULL */
};

struct profile_part {
    uint32_t number;     /* of the example; 0: a text's */
    const float *vector; /* of that text */
    double weight;
    float *row; /* its e, of length 1 */
};
struct profile {
    struct vectors *vectors; /* borrowed, as centre */
    const float *centre;     /* NULL: none */
    uint32_t dims;
    double mean;
    struct profile_part *parts; /* one a document, by number */
    size_t count;
    double *likes, *dislikes; /* sums of weight * e */
    double push;              /* factor / weight of the dislikes */
    double *sum;              /* of factor * e */
    double factors;           /* of factor */
    float *direction;         /* the sum, of length 1: to search with */
    double length;            /* that the sum has */
};

/* False: no liked example has a vector, or likes and dislikes cancel out. Examples of one document
 * count together; the order in which they come changes no bit. Cost: a vector an example. */
bool profile_make(struct vectors *v, const float *centre, double mean_cosine,
                  const struct recommend_example *examples, size_t count, struct arena *a,
                  struct profile *out);
/* The same if parts[k] had weights[k]; 0: that example is not there. What comes has no parts, and
 * borrows from `p`. False as profile_make says it. Cost: a row for each weight that is another. */
bool profile_changed(const struct profile *p, const double *weights, struct arena *a,
                     struct profile *out);
/* The e of a document (or of a vector) as the profile sees it, into out[dims]; false: it has none.
 */
bool profile_row(const struct profile *p, uint32_t number, float *out);
bool profile_row_of(const struct profile *p, const float *vector, float *out);
/* score(d); of its e. */
double profile_score(const struct profile *p, const float *row);
/* From -1 to 1, whatever the weights: (cos(direction, e_d) - mean) / (1 - mean). */
double profile_likeness(const struct profile *p, const float *row);
/* parts[k]: the share that p->parts[k] has of the score of `row`. They add up to it. Without that
 * example the score is less by that, unless what was not wanted outweighs what was liked, before or
 * then: the factors of the dislikes are others then. */
void profile_parts(const struct profile *p, const float *row, double *parts);

#endif
