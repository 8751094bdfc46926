/* The documents of either list, each once, each scored by both parts: a score must not depend on
 * which list found it. Private to search/. */
#ifndef SEARCH_CANDIDATES_H
#define SEARCH_CANDIDATES_H

#include "search/search.h"

struct candidates {
    const struct search_view *view;
    struct arena *arena;
    const struct docset *within; /* NULL: all */
    const struct docset
        *dropped; /* a few that are passed over in the list of vectors; NULL: none */
    const struct words_query *words; /* NULL: no list of words */
    const float *vector;             /* NULL without vectors */
    const struct search_lift *lifts; /* NULL: none */
    size_t lift_count;
    bool lifts_alone; /* there is no list of vectors */
    bool vectors;
    bool exact;
    /* The lists and how deep they are, 0: not yet. */
    struct search_depth depth;
    struct vector_hit *near;
    struct word_hit *worded;
    size_t near_count, worded_count;
    bool near_all, worded_all; /* it has all that it can have */
    /* so far: */
    struct search_hit *hits; /* parts are filled in, scores are not */
    size_t count;
    size_t *words_rank, *vectors_rank;      /* by hit, from 1; 0: not in that list */
    double bound;                           /* B(q) */
    double lexical_beyond, semantic_beyond; /* no document beyond the lists has more */
    double lexical_range[2],
        cosine_range[2]; /* least and greatest of each list; NaN: it is empty */
    struct search_stages stages;
};
/* Lists so deep; one that is so deep already is kept. */
void candidates_find(struct candidates *c, struct search_depth depth);

#endif
