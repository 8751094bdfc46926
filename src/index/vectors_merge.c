/* From the tail into the graph, out of the graph, and better links: in steps, in the background. */
#include "index/vectors_impl.h"

#include "base/clock.h"

#define YIELD_NS 50000
/* Slots refined for each that was deleted: what wears links, and leaves some to the dead. */
#define REFINED_FOR_DELETED 2

/* Ended slots leave the graph when nobody sees them any more. */
static bool merge_out(struct vectors *v)
{
    uint32_t slot = ended_take(&v->ended_linked, epoch_oldest(&v->epochs));
    if (slot == SLOT_NONE)
        return false;
    graph_delete(v->graph, slot);
    v->worn += REFINED_FOR_DELETED;
    return true;
}

static bool bits_mergeable(struct vectors *v, uint32_t slot, uint64_t bits, uint32_t *out)
{
    for (; bits; bits &= bits - 1) {
        *out = slot + (uint32_t)__builtin_ctzll(bits);
        if (atomic_load(&chunk_of(v, *out)->died[index_of(*out)]) == NEVER)
            return true;
    }
    return false;
}

/* The next slot of the tail that has not ended, going round. */
static bool tail_next(struct vectors *v, uint32_t *out)
{
    uint32_t end = (atomic_load(&v->slots_end) + 63) / 64 * 64;
    for (uint32_t seen = 0; seen < end;) {
        v->merge_at = v->merge_at < end ? v->merge_at / 64 * 64 : 0;
        const struct chunk *c = chunk_of(v, v->merge_at);
        uint32_t at = index_of(v->merge_at), step = 64;
        if (!atomic_load(&c->tail_count))
            step = CHUNK_SLOTS - at;
        else if (bits_mergeable(v, v->merge_at, atomic_load(&c->tail[at / 64]), out))
            return true;
        v->merge_at += step;
        seen += step;
    }
    return false;
}

/* Few rows stay in the tail, until the graph is begun. */
static bool merge_in(struct vectors *v)
{
    uint32_t slot;
    bool begun = graph_count(v->graph) > 0 || atomic_load(&v->rows) > v->scan_rows;
    if (!begun || !atomic_load(&v->tail) || !tail_next(v, &slot))
        return false;
    graph_insert(v->graph, slot);
    tail_remove(v, slot);
    atomic_fetch_add(&v->worked, 1);
    return true;
}

static bool refine(struct vectors *v)
{
    if (!v->worn && !graph_unrefined(v->graph))
        return false;
    v->worn -= v->worn > 0;
    graph_refine_step(v->graph, 1);
    atomic_fetch_add(&v->worked, 1);
    return true;
}

uint64_t vectors_worked(struct vectors *v)
{
    return atomic_load(&v->worked);
}

bool vectors_merge_step(struct vectors *v, int64_t budget_ns)
{
    if (atomic_load(&v->waiting)) { /* the lock is theirs first */
        clock_sleep_ns(YIELD_NS);
        return true;
    }
    int64_t until_ns = clock_mono_ns() + budget_ns;
    bool more = false;
    lock_take(&v->lock);
    while (!v->saving && (more = merge_out(v) || merge_in(v) || refine(v)))
        if (atomic_load(&v->waiting) || clock_mono_ns() >= until_ns)
            break;
    lock_drop(&v->lock);
    return more;
}
