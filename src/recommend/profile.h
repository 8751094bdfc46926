/* From examples to one vector, and from one hit back to the examples. Private to recommend/. */
#ifndef RECOMMEND_PROFILE_H
#define RECOMMEND_PROFILE_H

#include "recommend/recommend.h"

struct profile {
    struct recommend_example *examples; /* one a document, by number, weights added, no zeros */
    size_t count;
    float *vector; /* length 1 */
};

/* False: no liked example has a vector, or likes and dislikes cancel out. */
bool profile_make(struct vectors *v, const struct recommend_example *examples, size_t count,
                  struct arena *a, struct profile *out);

/* Fills in the shares of each hit; rows: count x dims, the vectors of the hits. */
void profile_explain(struct vectors *v, const struct profile *p, struct recommend_hit *hits,
                     const float *rows, size_t count, struct arena *a);

#endif
