/* Boosts: a field of a document -> a factor of its relevance (search.h). Private to search/. */
#ifndef SEARCH_BOOST_H
#define SEARCH_BOOST_H

#include "search/search.h"

/* In [0, 1], rising with `value`; NaN: 0. */
double boost_of(const struct search_boost *b, double value);
/* 1 - sum of weight * (1 - boost), in [0, 1]. */
double boost_factor(const struct search_boost *boosts, size_t count, const double *of);
/* Fills in score, boosts and boost_values of hits whose relevance is known. */
void boost_hits(const struct search_view *v, const struct search_query *q, struct search_hit *hits,
                size_t count, struct arena *a);
/* No document's factor is greater. */
double boost_factor_max(const struct search_view *v, const struct search_query *q);

#endif
