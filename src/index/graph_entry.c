/* Where walks begin: a few slots near each centroid, of which a walk takes those of the centroids
 * nearest to its query. So it begins in the right cluster, even if few links lead from one to
 * another. While there is one centroid only, the rows of the table mean nothing. */
#include "index/graph_impl.h"

#include <string.h>

#define ROWS_TAKEN (ENTRIES / ENTRIES_EACH)

static unsigned row_of(const struct graph *g, uint32_t slot)
{
    const struct coding *c = atomic_load_explicit(&g->coding, memory_order_relaxed);
    return c->count == 1 ? slot % ROWS_TAKEN : line_of(g, slot)->factor & (CENTROIDS_MAX - 1);
}

static uint64_t mixed(uint64_t z)
{
    z = (z + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    return z ^ z >> 27;
}

/* A random sample of all that came (Vitter's reservoir), by a hash of their number. */
void entries_add(struct graph *g, uint32_t slot)
{
    struct entry_row *row = &g->entries[row_of(g, slot)];
    row->seen++;
    uint64_t at = mixed(row->seen) % row->seen;
    for (unsigned i = 0; i < ENTRIES_EACH; i++)
        if (atomic_load_explicit(&row->slots[i], memory_order_relaxed) == GRAPH_NONE) {
            atomic_store_explicit(&row->slots[i], slot, memory_order_release);
            return;
        }
    if (at < ENTRIES_EACH)
        atomic_store_explicit(&row->slots[at], slot, memory_order_release);
}

/* Only if a place is free. */
void entries_offer(struct graph *g, uint32_t slot)
{
    struct entry_row *row = &g->entries[row_of(g, slot)];
    unsigned hole = ENTRIES_EACH;
    for (unsigned i = 0; i < ENTRIES_EACH; i++) {
        uint32_t has = atomic_load_explicit(&row->slots[i], memory_order_relaxed);
        if (has == slot)
            return;
        if (has == GRAPH_NONE)
            hole = i;
    }
    if (hole < ENTRIES_EACH)
        atomic_store_explicit(&row->slots[hole], slot, memory_order_release);
}

static bool entries_empty(const struct graph *g)
{
    for (unsigned r = 0; r < CENTROIDS_MAX; r++)
        for (unsigned i = 0; i < ENTRIES_EACH; i++)
            if (atomic_load(&g->entries[r].slots[i]) != GRAPH_NONE)
                return false;
    return true;
}

static void any_offer(struct graph *g)
{
    for (uint32_t slot = 0; slot < atomic_load(&g->slots_end); slot++)
        if (node_of(g, slot)->state == NODE_LINKED) {
            entries_offer(g, slot);
            return;
        }
}

void entries_replace(struct graph *g, uint32_t slot, uint32_t by)
{
    struct entry_row *row = &g->entries[row_of(g, slot)];
    for (unsigned i = 0; i < ENTRIES_EACH; i++) {
        if (atomic_load(&row->slots[i]) != slot)
            continue;
        atomic_store(&row->slots[i], GRAPH_NONE);
        if (by != GRAPH_NONE)
            entries_offer(g, by);
        if (entries_empty(g))
            any_offer(g);
        return;
    }
}

void entries_clear(struct graph *g)
{
    for (unsigned r = 0; r < CENTROIDS_MAX; r++) {
        g->entries[r].seen = 0;
        for (unsigned i = 0; i < ENTRIES_EACH; i++)
            atomic_store_explicit(&g->entries[r].slots[i], GRAPH_NONE, memory_order_relaxed);
    }
}

/* From all linked slots; readers meanwhile find few, but never none. */
void entries_make(struct graph *g)
{
    entries_clear(g);
    for (uint32_t slot = 0; slot < atomic_load(&g->slots_end); slot++)
        if (node_of(g, slot)->state == NODE_LINKED)
            entries_add(g, slot);
}

/* The rows of the nearest centroids: the least of `away`, one after the other. */
unsigned entries_pick(const struct walk *w, uint32_t out[ENTRIES])
{
    const struct graph *g = w->g;
    unsigned n = 0, rows[ROWS_TAKEN];
    float away[CENTROIDS_MAX];
    if (w->coding->count > 1)
        memcpy(away, w->away, w->coding->count * sizeof *away);
    for (unsigned r = 0; r < ROWS_TAKEN; r++) {
        rows[r] = r;
        if (w->coding->count == 1)
            continue;
        unsigned best = 0;
        for (unsigned i = 1; i < w->coding->count; i++)
            best = away[i] < away[best] ? i : best;
        away[best] = NORM_DEAD;
        rows[r] = best;
    }
    for (unsigned r = 0; r < ROWS_TAKEN; r++)
        for (unsigned i = 0; i < ENTRIES_EACH; i++) {
            uint32_t slot =
                atomic_load_explicit(&g->entries[rows[r]].slots[i], memory_order_acquire);
            if (slot < w->limit)
                out[n++] = slot;
        }
    for (unsigned r = 0; r < CENTROIDS_MAX && !n; r++)
        for (unsigned i = 0; i < ENTRIES_EACH; i++) {
            uint32_t slot = atomic_load_explicit(&g->entries[r].slots[i], memory_order_acquire);
            if (slot < w->limit)
                out[n++] = slot;
        }
    return n;
}
