/* Where walks begin: a few slots near each centroid, of which a walk takes those of the centroids
 * nearest to its query. So it begins in the right cluster, even if few links lead from one to
 * another. While there is one centroid only, the rows of the table mean nothing. */
#include "graph/internal.h"

#include <string.h>

#define ROWS_TAKEN (ENTRIES / ENTRIES_EACH)

static struct entry_row *row_of(const struct graph *g, struct coding *c, uint32_t slot)
{
    return &c->entries[c->count == 1 ? slot % ROWS_TAKEN
                                     : line_in(g, c, slot)->factor & (CENTROIDS_MAX - 1)];
}

static struct coding *coding_now(const struct graph *g)
{
    return atomic_load_explicit(&g->coding, memory_order_relaxed);
}

static uint64_t mixed(uint64_t z)
{
    z = (z + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    return z ^ z >> 27;
}

/* A random sample of all that came (Vitter's reservoir), by a hash of their number. */
void entries_add_in(const struct graph *g, struct coding *c, uint32_t slot)
{
    struct entry_row *row = row_of(g, c, slot);
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

void entries_add(struct graph *g, uint32_t slot)
{
    entries_add_in(g, coding_now(g), slot);
    if (slot_is_coming(g, slot))
        entries_add_in(g, g->coming, slot);
}

static void offer_in(const struct graph *g, struct coding *c, uint32_t slot)
{
    struct entry_row *row = row_of(g, c, slot);
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

void entries_offer(struct graph *g, uint32_t slot)
{
    offer_in(g, coding_now(g), slot);
    if (slot_is_coming(g, slot))
        offer_in(g, g->coming, slot);
}

static bool entries_empty(const struct coding *c)
{
    for (unsigned r = 0; r < CENTROIDS_MAX; r++)
        for (unsigned i = 0; i < ENTRIES_EACH; i++)
            if (atomic_load(&c->entries[r].slots[i]) != GRAPH_NONE)
                return false;
    return true;
}

void entries_fill(const struct graph *g, struct coding *c)
{
    uint32_t end = entries_empty(c) ? atomic_load(&g->slots_end) : 0;
    for (uint32_t slot = 0; slot < end; slot++)
        if (node_of(g, slot)->state == NODE_LINKED) {
            offer_in(g, c, slot);
            return;
        }
}

static bool entry_drop(const struct graph *g, struct coding *c, uint32_t slot)
{
    struct entry_row *row = row_of(g, c, slot);
    bool had = false;
    for (unsigned i = 0; i < ENTRIES_EACH; i++)
        if (atomic_load(&row->slots[i]) == slot) {
            atomic_store(&row->slots[i], GRAPH_NONE);
            had = true;
        }
    return had;
}

void entries_replace(struct graph *g, uint32_t slot, uint32_t by)
{
    if (entry_drop(g, coding_now(g), slot)) {
        if (by != GRAPH_NONE)
            offer_in(g, coding_now(g), by);
        entries_fill(g, coding_now(g));
    }
    if (slot_is_coming(g, slot) && entry_drop(g, g->coming, slot) && by != GRAPH_NONE &&
        slot_is_coming(g, by))
        offer_in(g, g->coming, by);
}

void entries_clear(struct coding *c)
{
    for (unsigned r = 0; r < CENTROIDS_MAX; r++) {
        c->entries[r].seen = 0;
        for (unsigned i = 0; i < ENTRIES_EACH; i++)
            atomic_store_explicit(&c->entries[r].slots[i], GRAPH_NONE, memory_order_relaxed);
    }
}

void entries_make(struct graph *g)
{
    entries_clear(coding_now(g));
    for (uint32_t slot = 0; slot < atomic_load(&g->slots_end); slot++)
        if (node_of(g, slot)->state == NODE_LINKED)
            entries_add_in(g, coding_now(g), slot);
}

/* The rows of the nearest centroids: the least of `away`, one after the other. */
unsigned entries_pick(const struct walk *w, uint32_t out[ENTRIES])
{
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
                atomic_load_explicit(&w->coding->entries[rows[r]].slots[i], memory_order_acquire);
            if (slot < w->limit)
                out[n++] = slot;
        }
    for (unsigned r = 0; r < CENTROIDS_MAX && !n; r++)
        for (unsigned i = 0; i < ENTRIES_EACH; i++) {
            uint32_t slot =
                atomic_load_explicit(&w->coding->entries[r].slots[i], memory_order_acquire);
            if (slot < w->limit)
                out[n++] = slot;
        }
    return n;
}
