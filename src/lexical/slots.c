/* Slots of documents, and which slot a number has. */
#include "lexical/internal.h"

#include <assert.h>

/* Chunks stay where they are; the table of their addresses is made anew. Zeroed. */
void chunks_grow(struct lexical *x, _Atomic(struct chunks *) *c, uint32_t end, size_t chunk_bytes)
{
    struct chunks *old = atomic_load_explicit(c, memory_order_relaxed);
    uint32_t had = old ? old->count : 0, count = (end - 1) / CHUNK + 1;
    if (count <= had)
        return;
    uint32_t room = count > had + had / 4 ? count : had + had / 4;
    struct chunks *t = xcalloc(1, sizeof *t + room * sizeof t->at[0]);
    memory_count(x, t);
    if (had)
        memcpy(t->at, old->at, had * sizeof t->at[0]);
    for (uint32_t i = had; i < room; i++) {
        t->at[i] = xcalloc(1, chunk_bytes);
        memory_count(x, t->at[i]);
    }
    t->count = room;
    atomic_store_explicit(c, t, memory_order_release);
    memory_retire(x, old);
}

uint32_t slot_take(struct lexical *x)
{
    if (x->free_slot_count)
        return x->free_slots[--x->free_slot_count];
    uint32_t slot = atomic_load_explicit(&x->slots_end, memory_order_relaxed);
    assert(slot < NONE - 1);
    chunks_grow(x, &x->slots, slot + 1, sizeof(struct slot_chunk));
    atomic_store_explicit(&x->slots_end, slot + 1, memory_order_release);
    return slot;
}

void slot_publish(struct lexical *x, uint32_t slot)
{
    atomic_store_explicit(&slots_of(x, slot)->died[slot % CHUNK], UINT64_MAX, memory_order_release);
}

uint32_t slot_of_number(const struct lexical *x, uint32_t number)
{
    if (number >= atomic_load_explicit(&x->numbers_end, memory_order_acquire))
        return NONE;
    struct number_chunk *c = chunk_of(&x->numbers, number);
    return atomic_load_explicit(&c->slots[number % CHUNK], memory_order_acquire) - 1;
}

void number_set(struct lexical *x, uint32_t number, uint32_t slot)
{
    assert(number < UINT32_MAX);
    if (number >= atomic_load_explicit(&x->numbers_end, memory_order_relaxed)) {
        chunks_grow(x, &x->numbers, number + 1, sizeof(struct number_chunk));
        atomic_store_explicit(&x->numbers_end, number + 1, memory_order_release);
    }
    struct number_chunk *c = chunk_of(&x->numbers, number);
    atomic_store_explicit(&c->slots[number % CHUNK], slot + 1, memory_order_release);
}

uint32_t slot_at(const struct lexical *x, uint32_t number, uint64_t version)
{
    for (uint32_t slot = slot_of_number(x, number); slot != NONE;) {
        const struct slot_chunk *c = slots_of(x, slot);
        if (c->born[slot % CHUNK] <= version)
            return slot_visible(c, slot % CHUNK, version) ? slot : NONE;
        slot = c->previous[slot % CHUNK];
    }
    return NONE;
}
