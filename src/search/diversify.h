/* Hits that resemble each other less (search.h, diversity). Private to search/. */
#ifndef SEARCH_DIVERSIFY_H
#define SEARCH_DIVERSIFY_H

#include "search/search.h"

/* So many hits are ordered at a time: the cost is quadratic. */
#define DIVERSIFY_POOL 200
/* `depth` in whole pools, so that a longer answer begins like a shorter one. */
size_t diversify_whole(size_t depth);
/* The first `depth` of `count` hits, each pool in its new order. */
void diversify_hits(struct vectors *v, struct search_hit *hits, size_t count, size_t depth,
                    double diversity, struct arena *a);

#endif
