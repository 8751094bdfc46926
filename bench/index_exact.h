/* The graph of graph/graph.h, walked with exact distances: what its sign estimates cost in recall.
 * Looks inside the graph, changes nothing. One thread. */
#ifndef BENCH_INDEX_EXACT_H
#define BENCH_INDEX_EXACT_H

#include "graph/graph.h"

struct exact_walk;
struct exact_walk *exact_walk_new(struct graph *g);
void exact_walk_free(struct exact_walk *x);
/* Best first over the links from the entries that a search takes, with a pool of `width`; cosines
 * are of the float16 rows throughout. out[k], best first; returns how many. */
size_t exact_walk_search(struct exact_walk *x, const float *query, size_t k, size_t width,
                         uint32_t *out);

#endif
