/* Changes: slots come in, are taken out, get better links. Writer only. */
#include "graph/internal.h"

#include <assert.h>
#include <string.h>

/* --- in --- */

void graph_inserted(struct graph *g, uint32_t slot)
{
    g->changes++;
    if (node_of(g, slot)->state == NODE_LINKED) {
        entries_add(g, slot);
        atomic_fetch_add(&g->unrefined, 1);
    }
    atomic_fetch_add(&g->count, 1);
}

void graph_insert(struct graph *g, uint32_t slot)
{
    assert(node_of(g, slot)->state == NODE_HELD);
    linker_insert(g->linker, slot);
    graph_inserted(g, slot);
    coding_follow(g);
}

/* --- out --- */

static unsigned live_links(const struct graph *g, uint32_t slot, uint32_t *out)
{
    uint32_t all[DEGREE];
    unsigned n = links_read(g, slot, all), live = 0;
    for (unsigned i = 0; i < n; i++)
        if (!slot_dead(g, all[i]))
            out[live++] = all[i];
    return live;
}

static bool links_to(const struct graph *g, uint32_t slot, uint32_t to)
{
    const struct links *l = links_of(g, slot);
    for (unsigned i = 0; i < DEGREE; i++)
        if (link_at(l, i) == to)
            return true;
    return false;
}

static void link_replace(struct graph *g, uint32_t slot, uint32_t was, uint32_t by)
{
    struct links *l = links_of(g, slot);
    for (unsigned i = 0; i < DEGREE; i++)
        if (link_at(l, i) == was) {
            link_set(l, i, by);
            indegree_drop(g, was);
            indegree_add(g, by);
        }
}

/* A slot's heir is a twin that stands in for it: the same row, so the same links. */
struct leaving {
    struct graph *g;
    uint32_t slot, heir, links[DEGREE];
    unsigned count;
};

static void neighbour_mend(struct leaving *x, uint32_t neighbour)
{
    if (neighbour == x->slot || !links_to(x->g, neighbour, x->slot))
        return;
    if (x->heir != GRAPH_NONE)
        link_replace(x->g, neighbour, x->slot, x->heir);
    else
        linker_mend(x->g->linker, neighbour, x->slot, x->links, x->count);
}

static bool more_lead_to(const struct leaving *x)
{
    return indegree_of(x->g, x->slot) > 0;
}

/* Those that link to it are looked for among those that it links to, and those that they link to.
 * Few are missed: until graph_refine_step meets them, the slot stays dead and is not reused. */
static void neighbours_mend(struct leaving *x)
{
    const struct graph *g = x->g;
    for (unsigned i = 0; i < x->count; i++)
        links_fetch(g, x->links[i]);
    for (unsigned i = 0; i < x->count && more_lead_to(x); i++)
        neighbour_mend(x, x->links[i]);
    for (unsigned i = 0; i < x->count && more_lead_to(x); i++) {
        uint32_t second[DEGREE];
        unsigned n = links_read(g, x->links[i], second);
        for (unsigned j = 0; j < n; j++)
            links_fetch(g, second[j]);
        for (unsigned j = 0; j < n && more_lead_to(x); j++)
            if (node_of(g, second[j])->state == NODE_LINKED)
                neighbour_mend(x, second[j]);
    }
}

static void heir_enter(struct leaving *x)
{
    struct graph *g = x->g;
    struct links *l = links_of(g, x->heir);
    for (unsigned i = 0; i < x->count; i++) {
        indegree_add(g, x->links[i]);
        link_set(l, i, x->links[i]);
    }
    node_of(g, x->heir)->state = NODE_LINKED;
    node_of(g, x->heir)->previous = GRAPH_NONE;
    node_of(g, x->heir)->refined = node_of(g, x->slot)->refined;
}

static void linked_delete(struct graph *g, uint32_t slot)
{
    struct leaving x = {.g = g, .slot = slot, .heir = atomic_load(&line_of(g, slot)->twin)};
    uint32_t all[DEGREE];
    x.count = live_links(g, slot, x.links);
    if (x.heir != GRAPH_NONE)
        heir_enter(&x);
    else if (!node_of(g, slot)->refined)
        atomic_fetch_sub(&g->unrefined, 1);
    node_of(g, slot)->state = NODE_DEAD; /* before: its last link is not worth keeping */
    neighbours_mend(&x);
    entries_replace(g, slot, x.heir != GRAPH_NONE ? x.heir : x.count ? x.links[0] : GRAPH_NONE);
    slot_kill(g, slot);
    unsigned n = links_read(g, slot, all);
    for (unsigned i = 0; i < n; i++) { /* the links stay for readers that are there now */
        indegree_drop(g, all[i]);
        if (!indegree_of(g, all[i]) && !slot_dead(g, all[i]))
            linker_adopt(g->linker, all[i]);
    }
    if (x.heir != GRAPH_NONE && !indegree_of(g, x.heir))
        linker_adopt(g->linker, x.heir);
}

static void twin_delete(struct graph *g, uint32_t slot)
{
    uint32_t before = node_of(g, slot)->previous, after = atomic_load(&line_of(g, slot)->twin);
    twin_set(g, before, after);
    if (after != GRAPH_NONE)
        node_of(g, after)->previous = before;
    node_of(g, slot)->state = NODE_DEAD;
}

void graph_delete(struct graph *g, uint32_t slot)
{
    struct node *node = node_of(g, slot);
    assert(node->state == NODE_HELD || node->state == NODE_LINKED || node->state == NODE_TWIN);
    if (node->state != NODE_HELD) {
        atomic_fetch_sub(&g->count, 1);
        g->changes++;
    }
    if (node->state == NODE_LINKED)
        linked_delete(g, slot);
    else if (node->state == NODE_TWIN)
        twin_delete(g, slot);
    node->state = NODE_DEAD;
    slot_kill(g, slot);
    graph_slot_drop(g, slot);
}

/* --- better --- */

/* Links to dead slots go, so that those can be used again. */
static void dead_links_drop(struct graph *g, uint32_t slot)
{
    uint32_t list[DEGREE];
    unsigned n = links_read(g, slot, list), kept = 0;
    for (unsigned i = 0; i < n; i++)
        if (slot_dead(g, list[i]))
            indegree_drop(g, list[i]);
        else
            list[kept++] = list[i];
    for (unsigned i = 0; kept < n && i < DEGREE; i++)
        link_set(links_of(g, slot), i, i < kept ? list[i] : GRAPH_NONE);
    if (n && !kept) /* a dead end */
        linker_refine(g->linker, slot);
}

#define SCANNED_FOR_EACH 64

static void dead_links_scan(struct graph *g, uint32_t count)
{
    uint32_t end = atomic_load(&g->slots_end);
    for (uint32_t i = 0; i < count && i < end; i++) {
        g->scan_at = g->scan_at + 1 < end ? g->scan_at + 1 : 0;
        if (node_of(g, g->scan_at)->state == NODE_LINKED)
            dead_links_drop(g, g->scan_at);
    }
    graph_slot_sweep(g, count);
}

void graph_refine_step(struct graph *g, uint32_t count)
{
    uint32_t end = atomic_load(&g->slots_end);
    if (g->limbo_count)
        dead_links_scan(g, count * SCANNED_FOR_EACH);
    coding_step(g, count * SCANNED_FOR_EACH);
    for (uint32_t i = 0; count && i < end; i++) {
        g->refine_at = g->refine_at + 1 < end ? g->refine_at + 1 : 0;
        struct node *node = node_of(g, g->refine_at);
        if (node->state != NODE_LINKED)
            continue;
        linker_refine(g->linker, g->refine_at);
        entries_offer(g, g->refine_at);
        if (!node->refined) {
            node->refined = 1;
            atomic_fetch_sub(&g->unrefined, 1);
        }
        count--;
    }
}
