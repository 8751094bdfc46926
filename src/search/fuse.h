/* The parts of a hit -> its relevance and its score (the formulas are in search.h), and the order.
 * Private to search/. */
#ifndef SEARCH_FUSE_H
#define SEARCH_FUSE_H

#include "search/search.h"

#define WORDS_SHARE 0.6
#define VECTORS_SHARE 0.4
#define RRF_K 60

/* max(0, (cos - mu) / (1 - mu)): 0 for what is no nearer than two unrelated passages. */
double fuse_semantic(double cosine, double mean_cosine);

/* How much each part counts; together 1, but for rrf. */
struct fuse_weights {
    double words, vectors;
};
struct fuse_weights fuse_weights(const struct search_query *q);

/* Linear; a part that is NaN counts 0. Rises with each part. */
double fuse_relevance(struct fuse_weights w, double lexical, double semantic);
/* So much of the way from `semantic` to 1; NaN counts 0. */
double fuse_lift(double semantic, double lift);
/* By ranks from 1, 0: not in that list. */
double fuse_rrf(struct fuse_weights w, size_t words_rank, size_t vectors_rank);
/* A value within its list's range -> [0, 1]; below the range and NaN: 0. */
double fuse_minmax(double value, double least, double greatest);

/* The k best hits, best first (ties by cosine, then by number), in the arena; those below min_score
 * are left out if it is > 0. `*above`: how many there are without the limit. */
size_t fuse_best(const struct search_hit *hits, size_t count, double min_score, size_t k,
                 struct arena *a, struct search_hit **out, size_t *above);

#endif
