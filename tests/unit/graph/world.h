/* A graph, and what it should hold: shared by the tests of the graph. */
#ifndef TESTS_GRAPH_WORLD_H
#define TESTS_GRAPH_WORLD_H

#include "../sanitized.h"
#include "base/rng.h"
#include "graph/graph.h"

#define K 10

extern struct rng rng;
int world_setup(void **state); /* the same numbers for each test */
/* Memory comes filled with bytes that as lines of the graph are nearest to everything, and as slots
 * out of range: nobody may read it before it is written. Before all else. */
void memory_fill(void);
void memory_fill_stop(void);

int float_down(const void *a, const void *b); /* for qsort: largest first */

/* The rows by slot; NULL: none. */
struct world {
    struct graph *g;
    uint32_t dims, centres;
    float noise;
    uint16_t **rows;
    uint32_t *slots, slot_count, cap;
    uint32_t *centre; /* by slot */
};
struct world world_new(uint32_t dims, uint32_t centres, float noise);
/* The same rows in a new graph, inserted in another order. */
struct world world_fresh(const struct world *w);
void world_free(struct world *w);

/* Of one of w->centres clusters, eight of which are near each other; noise is the length of what is
 * added to the centre's 1. */
void row_near(const struct world *w, uint32_t centre, float *x);
void row_random(const struct world *w, float *x);

uint32_t hold(struct world *w, const float *x);
uint32_t add(struct world *w, uint32_t centre);
void add_many(struct world *w, uint32_t count);
void delete_at(struct world *w, uint32_t at);
void delete_centre(struct world *w, uint32_t centre);

/* Every invariant holds, and at least this share can be reached. */
void check(struct world *w, double share);
/* The share of answers that are as near as the true ones; the answers must be live, different, in
 * order, and their cosines those of the rows. */
double recall(struct world *w, unsigned queries, size_t width);
void expect_recall(struct world *w, size_t width, double least);
/* Each live row, as a query, finds itself or its equal. */
double found_themselves(struct world *w, size_t width);

#endif
