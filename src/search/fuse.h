/* Candidates of both lists -> one score each (the formula is in search.h). Private to search/. */
#ifndef SEARCH_FUSE_H
#define SEARCH_FUSE_H

#include "search/search.h"

#define WORDS_SHARE 0.6
#define VECTORS_SHARE 0.4

/* max(0, (cos - mu) / (1 - mu)): 0 for what is no nearer than two unrelated passages. */
double fuse_semantic(double cosine, double mean_cosine);

/* Fills in the score of a hit from its parts; a part that is NaN counts 0. */
void fuse_score(struct search_hit *h, enum search_mode mode);

/* Best first, ties by number. Leaves out what scores below min_score (if > 0) and, in lexical mode,
 * what holds none of the terms. Returns how many stay. */
size_t fuse_order(struct search_hit *hits, size_t count, double min_score);

#endif
