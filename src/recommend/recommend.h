/* Recommendation: what a reader did -> what to show next.
 *
 * Now: a content profile. positive and negative examples, or a user's feedback weighted by type and
 * by recency (half-life), become one vector: the weighted mean of the liked less half the mean of
 * the unwanted (Rocchio 1971), normalised; candidates are its nearest documents, less `without`,
 * re-ordered by MMR if asked. Not centred by the collection's mean: the index keeps none, and
 * making it would be a pass over all rows a request. Learned models stand beside it later. No
 * state: any thread. */
#ifndef RECOMMEND_RECOMMEND_H
#define RECOMMEND_RECOMMEND_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct vectors;
struct docset;

struct recommend_example {
    uint32_t number; /* document */
    double weight;   /* > 0 liked, < 0 not wanted */
};

/* The profile itself, of length 1, into `out` (as many floats as the vectors have dimensions).
 * False: no liked example has a vector, or likes and dislikes cancel out. */
bool recommend_profile(struct vectors *v, const struct recommend_example *examples, size_t count,
                       struct arena *a, float *out);

struct recommend_query {
    const struct recommend_example *examples;
    size_t example_count;
    const struct docset *without; /* never shown: seen, excluded; NULL: none */
    const struct docset *within;  /* passes the filter; NULL: all */
    size_t depth;
    double diversity; /* 0 ... 1 */
    bool explain;
    float mean_cosine;
};

struct recommend_share {
    uint32_t number; /* the example */
    double share;    /* of the score; shares of a hit add to 1 */
};
struct recommend_hit {
    uint32_t number;
    uint64_t revision;
    double score;
    const char *source;             /* "profile", "popular" */
    struct recommend_share *shares; /* at most 3, largest first; explain only */
    size_t share_count;
};

/* In the arena, best first, ties by number. score = max(0, (cos - mean_cosine) / (1 -
 * mean_cosine)). The examples themselves are candidates too unless `without` holds them. No liked
 * example with a vector, or likes and dislikes that cancel out: *count 0 (the caller falls back to
 * what is popular). ERR_INVALID: diversity. Cost: a vector search, more than one only if much of
 * what is near is in `without`; examples x hits dot products for explain; depth x 4 depth of them
 * for diversity. */
enum err recommend_run(struct vectors *v, const struct recommend_query *q, struct arena *a,
                       struct recommend_hit **out, size_t *count, struct err_info *e) MUST_CHECK;

#endif
