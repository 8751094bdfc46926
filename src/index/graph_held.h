#ifndef INDEX_GRAPH_HELD_H
#define INDEX_GRAPH_HELD_H

#include "index/graph.h"

/* What graph.h does not say of held slots. */
bool graph_is_held(const struct graph *g, uint32_t slot); /* writer */
/* graph_delete of a held slot, which graph_check would else take for a live one. */
void graph_held_delete(struct graph *g, uint32_t slot);

#endif
