/* Memory of the index, counted; what readers may still see is given back when they have left. */
#include "lexical/internal.h"

#include <malloc.h>
#include <stdlib.h>

static void bytes_add(struct lexical *x, size_t more, size_t less)
{
    uint64_t n = atomic_load_explicit(&x->bytes, memory_order_relaxed);
    atomic_store_explicit(&x->bytes, n + more - less, memory_order_relaxed);
}

void memory_count(struct lexical *x, void *p)
{
    bytes_add(x, malloc_usable_size(p) + sizeof(size_t), 0);
}

void *memory_new(struct lexical *x, size_t bytes)
{
    void *p = xmalloc(bytes);
    memory_count(x, p);
    return p;
}

void memory_free(struct lexical *x, void *p)
{
    if (p)
        bytes_add(x, 0, malloc_usable_size(p) + sizeof(size_t));
    free(p);
}

/* --- queues --- */

static void retire(struct lexical *x, struct retired r)
{
    r.epoch = atomic_load_explicit(&x->epochs.now, memory_order_relaxed) + 1;
    if (x->retired_count == x->retired_cap) {
        size_t cap = x->retired_cap ? 2 * x->retired_cap : 256;
        struct retired *bigger = memory_new(x, cap * sizeof *bigger);
        for (size_t i = 0; i < x->retired_count; i++)
            bigger[i] = x->retired[(x->retired_first + i) % x->retired_cap];
        memory_free(x, x->retired);
        x->retired = bigger;
        x->retired_cap = cap;
        x->retired_first = 0;
    }
    x->retired[(x->retired_first + x->retired_count++) % x->retired_cap] = r;
}

void memory_retire(struct lexical *x, void *p)
{
    if (p)
        retire(x, (struct retired){.memory = p, .kind = RETIRED_MEMORY});
}

void slot_retire(struct lexical *x, uint32_t slot)
{
    retire(x, (struct retired){.id = slot, .kind = RETIRED_SLOT});
}

void term_retire(struct lexical *x, struct term *t)
{
    retire(x, (struct retired){.memory = t, .id = t->id, .kind = RETIRED_TERM});
}

void epoch_next(struct lexical *x)
{
    atomic_store(&x->epochs.now, atomic_load_explicit(&x->epochs.now, memory_order_relaxed) + 1);
}

static void id_push(struct lexical *x, uint32_t **ids, size_t *count, size_t *cap, uint32_t id)
{
    if (*count == *cap) {
        size_t bigger = *cap ? 2 * *cap : 64;
        uint32_t *p = memory_new(x, bigger * sizeof *p);
        if (*count)
            memcpy(p, *ids, *count * sizeof *p);
        memory_free(x, *ids);
        *ids = p;
        *cap = bigger;
    }
    (*ids)[(*count)++] = id;
}

static void retired_give_back(struct lexical *x, const struct retired *r)
{
    if (r->kind == RETIRED_SLOT)
        id_push(x, &x->free_slots, &x->free_slot_count, &x->free_slot_cap, r->id);
    else
        memory_free(x, r->memory);
    if (r->kind == RETIRED_TERM)
        id_push(x, &x->free_terms, &x->free_term_count, &x->free_term_cap, r->id);
}

void memory_reclaim(struct lexical *x)
{
    if (!x->retired_count)
        return;
    uint64_t oldest = epoch_oldest(&x->epochs);
    while (x->retired_count && x->retired[x->retired_first].epoch <= oldest) {
        struct retired r = x->retired[x->retired_first];
        x->retired_first = (x->retired_first + 1) % x->retired_cap;
        x->retired_count--;
        retired_give_back(x, &r);
    }
}
