/* Every invariant of the vector index. */
#include "index/vectors_impl.h"

#include "base/arena.h"
#include "math/half.h"
#include "math/rotate.h"
#include <math.h>
#include <stdlib.h>

struct check {
    struct vectors *v;
    float *x;
    size_t documents, rows, tail, ended;
    struct err_info *e;
};

#define WRONG(c, ...) err_set((c)->e, ERR_CORRUPT, NULL, "vectors: " __VA_ARGS__)

/* The lengths bound what the code leaves out, with a little for the sums here. */
static bool bound_holds(struct check *k, const struct chunk *c, uint32_t slot)
{
    const int8_t *code = graph_code(k->v->graph, slot);
    uint32_t i = index_of(slot);
    double rest = 0, length = 0;
    half_to_f32(graph_row(k->v->graph, slot), k->x, k->v->dims);
    rotate_f32(k->x, k->v->dims);
    for (uint32_t d = 0; d < k->v->dims; d++) {
        double coded = (double)c->scale[i] * code[d];
        rest += pow(k->x[d] - coded, 2);
        length += coded * coded;
    }
    return c->rest[i] >= sqrt(rest) * (1 - 1e-6) && c->length[i] >= sqrt(length) * (1 - 1e-6);
}

static enum err check_row(struct check *k, uint32_t slot, uint32_t number, uint32_t passage)
{
    struct vectors *v = k->v;
    if (slot >= atomic_load(&v->slots_end))
        return WRONG(k, "document %u has slot %u, which was never used", number, slot);
    const struct chunk *c = chunk_of(v, slot);
    uint32_t i = index_of(slot);
    if (c->number[i] != number || c->passage[i] != passage)
        return WRONG(k, "slot %u is not passage %u of document %u", slot, passage, number);
    if (atomic_load(&c->died[i]) != NEVER || atomic_load(&c->born[i]) > atomic_load(&v->epochs.now))
        return WRONG(k, "slot %u of document %u is not alive", slot, number);
    if (tail_has(v, slot) == graph_is_linked(v->graph, slot))
        return WRONG(k, "slot %u of document %u is in both or none of tail and graph", slot,
                     number);
    if (!bound_holds(k, c, slot))
        return WRONG(k, "the code of slot %u is not that of its values", slot);
    return ERR_OK;
}

static enum err check_document(struct check *k, uint32_t number)
{
    enum err err = ERR_OK;
    uint32_t slot = vectors_head(k->v, number), passage = 0;
    k->documents += slot != SLOT_NONE;
    for (; !err && slot != SLOT_NONE; slot = slot_next(k->v, slot)) {
        err = check_row(k, slot, number, passage++);
        k->rows++;
    }
    return err;
}

/* What ended, and the tail, as the chunks have it. */
static enum err check_chunk(struct check *k, uint32_t from)
{
    struct vectors *v = k->v;
    const struct chunk *c = chunk_of(v, from);
    uint32_t end = atomic_load(&v->slots_end), tail = 0;
    for (uint32_t i = 0; i < CHUNK_SLOTS && from + i < end; i++) {
        bool live = atomic_load(&c->died[i]) == NEVER;
        tail += tail_has(v, from + i);
        k->ended += !live && (tail_has(v, from + i) || graph_is_linked(v->graph, from + i));
    }
    k->tail += tail;
    if (tail != atomic_load(&c->tail_count))
        return WRONG(k, "the tail has %u slots from %u on, %u are counted", tail, from,
                     atomic_load(&c->tail_count));
    return ERR_OK;
}

static enum err check_counts(struct check *k)
{
    struct vectors *v = k->v;
    size_t ended = v->ended_tail.count + v->ended_linked.count;
    if (k->documents != vectors_documents(v) || k->rows != vectors_count(v))
        return WRONG(k, "%zu documents with %zu rows are found, %zu and %zu counted", k->documents,
                     k->rows, vectors_documents(v), vectors_count(v));
    if (k->tail != vectors_tail(v))
        return WRONG(k, "%zu slots are in the tail, %zu counted", k->tail, vectors_tail(v));
    if (k->ended != ended)
        return WRONG(k, "%zu slots have ended, %zu of them to be used again", k->ended, ended);
    if (k->rows + ended != k->tail + graph_count(v->graph))
        return WRONG(k, "%zu rows and %zu ended, but %zu in the tail and %zu linked", k->rows,
                     ended, k->tail, graph_count(v->graph));
    return ERR_OK;
}

enum err vectors_check(struct vectors *v, struct err_info *e)
{
    struct check k = {.v = v, .x = xmalloc(v->dims * sizeof(float)), .e = e};
    vectors_lock(v);
    enum err err = graph_check(v->graph, NULL, e);
    for (uint32_t n = 0; !err && n < v->leaves_end * LEAF_NUMBERS; n++)
        err = check_document(&k, n);
    for (uint32_t from = 0; !err && from < atomic_load(&v->slots_end); from += CHUNK_SLOTS)
        err = check_chunk(&k, from);
    if (!err)
        err = check_counts(&k);
    lock_drop(&v->lock);
    free(k.x);
    return err;
}
