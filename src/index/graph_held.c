#include "index/graph_held.h"

#include "index/graph_impl.h"

bool graph_is_held(const struct graph *g, uint32_t slot)
{
    return node_of(g, slot)->state == NODE_HELD;
}

void graph_held_delete(struct graph *g, uint32_t slot)
{
    atomic_store(&line_of(g, slot)->norm, NORM_DEAD);
    graph_delete(g, slot);
}
