/* Rows in and out; documents by number. vectors_scan.c and vectors_search.c find them. */
#include "index/vectors_impl.h"

#include "base/arena.h"
#include "base/rng.h"
#include "index/scalar.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/rotate.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct vectors *vectors_new(uint32_t dims)
{
    return vectors_of_graph(graph_new(dims));
}

struct vectors *vectors_of_graph(struct graph *g)
{
    struct vectors *v = xaligned(sizeof *v);
    memset(v, 0, sizeof *v);
    v->graph = g;
    v->dims = graph_dims(g);
    v->chunks = xcalloc((GRAPH_SLOTS_MAX >> CHUNK_SHIFT) + 1, sizeof *v->chunks);
    v->leaves = xcalloc(DOCUMENT_NUMBER_MAX / LEAF_NUMBERS + 1, sizeof *v->leaves);
    v->scratch = xmalloc(v->dims * sizeof *v->scratch);
    vectors_width_set(v, VECTORS_WIDTH);
    v->meter = meter_new(v->dims);
    v->scan_rows = VECTORS_SCAN_ROWS;
    v->scan_to_walk = SCAN_TO_WALK;
    lock_init(&v->lock, LOCK_INDEX);
    return v;
}

void vectors_free(struct vectors *v)
{
    if (!v)
        return;
    for (uint32_t i = 0; v->chunks[i]; i++)
        free(v->chunks[i]);
    for (uint32_t i = 0; i < v->leaves_end; i++)
        free(atomic_load(&v->leaves[i]));
    meter_free(v->meter);
    graph_free(v->graph);
    lock_release(&v->lock);
    free(v->chunks);
    free(v->leaves);
    free(v->ended_tail.ring);
    free(v->ended_linked.ring);
    free(v->scratch);
    free(v);
}

uint32_t vectors_dims(const struct vectors *v)
{
    return v->dims;
}

/* --- readers --- */

uint32_t vectors_head(const struct vectors *v, uint32_t number)
{
    if (number > DOCUMENT_NUMBER_MAX)
        return SLOT_NONE;
    struct leaf *leaf = atomic_load(&v->leaves[number / LEAF_NUMBERS]);
    return leaf ? atomic_load(&leaf->head[number % LEAF_NUMBERS]) - 1 : SLOT_NONE;
}

/* --- the writer --- */

void vectors_lock(struct vectors *v)
{
    atomic_fetch_add(&v->waiting, 1);
    lock_take(&v->lock);
    atomic_fetch_sub(&v->waiting, 1);
}

void vectors_slot_known(struct vectors *v, uint32_t slot)
{
    if (!chunk_of(v, slot)) /* died 0: nobody sees what was never used */
        v->chunks[slot >> CHUNK_SHIFT] = xcalloc(1, sizeof **v->chunks);
    if (slot >= atomic_load(&v->slots_end))
        atomic_store(&v->slots_end, slot + 1);
}

static void ended_add(struct ended *e, uint32_t slot, uint64_t died)
{
    if (e->count == e->cap) {
        size_t cap = e->cap ? 2 * e->cap : 64;
        struct ended_slot *ring = xmalloc(cap * sizeof *ring);
        for (size_t i = 0; i < e->count; i++)
            ring[i] = e->ring[(e->first + i) % e->cap];
        free(e->ring);
        e->ring = ring;
        e->first = 0;
        e->cap = cap;
    }
    e->ring[(e->first + e->count++) % e->cap] = (struct ended_slot){died, slot};
}

uint32_t ended_take(struct ended *e, uint64_t oldest)
{
    if (!e->count || e->ring[e->first].died > oldest)
        return SLOT_NONE;
    uint32_t slot = e->ring[e->first].slot;
    e->first = (e->first + 1) % e->cap;
    e->count--;
    return slot;
}

void tail_add(struct vectors *v, uint32_t slot)
{
    struct chunk *c = chunk_of(v, slot);
    uint32_t i = index_of(slot);
    atomic_fetch_or(&c->tail[i / 64], UINT64_C(1) << i % 64);
    atomic_fetch_add(&c->tail_count, 1);
    atomic_fetch_add(&v->tail, 1);
}

void tail_remove(struct vectors *v, uint32_t slot)
{
    struct chunk *c = chunk_of(v, slot);
    uint32_t i = index_of(slot);
    atomic_fetch_and(&c->tail[i / 64], ~(UINT64_C(1) << i % 64));
    atomic_fetch_sub(&c->tail_count, 1);
    atomic_fetch_sub(&v->tail, 1);
}

/* Ended slots of the tail go back at once; those that are linked leave the graph with merging. */
static void tail_sweep(struct vectors *v, uint32_t count)
{
    uint64_t oldest = epoch_oldest(&v->epochs);
    for (uint32_t slot; count-- > 0 && (slot = ended_take(&v->ended_tail, oldest)) != SLOT_NONE;) {
        tail_remove(v, slot);
        graph_delete(v->graph, slot);
    }
}

static uint32_t slot_take(struct vectors *v)
{
    uint32_t slot = graph_slot_take(v->graph);
    assert(slot != GRAPH_NONE);
    vectors_slot_known(v, slot);
    return slot;
}

static float rounded_up(double x)
{
    return nextafterf((float)x, INFINITY);
}

/* The scale that fits the code best, and the lengths that bound what the code leaves out. */
static void row_bound(struct vectors *v, struct chunk *c, uint32_t slot, const uint16_t *half)
{
    const int8_t *code = graph_code(v->graph, slot);
    float *x = v->scratch;
    uint32_t at = index_of(slot);
    double dot = 0, square = 0, rest = 0;
    half_to_f32(half, x, v->dims);
    rotate_f32(x, v->dims);
    for (uint32_t i = 0; i < v->dims; i++) {
        dot += (double)x[i] * code[i];
        square += (double)code[i] * code[i];
    }
    float scale = square > 0 ? (float)(dot / square) : 0;
    for (uint32_t i = 0; i < v->dims; i++) {
        double left = x[i] - (double)scale * code[i];
        rest += left * left;
    }
    c->scale[at] = scale;
    c->rest[at] = rounded_up(sqrt(rest));
    c->length[at] = rounded_up(fabs((double)scale) * sqrt(square));
}

static void slot_fill(struct vectors *v, uint32_t slot, const uint16_t *half,
                      const struct vector_hit *of, uint32_t next, uint64_t born)
{
    struct chunk *c = chunk_of(v, slot);
    uint32_t i = index_of(slot);
    graph_row_set(v->graph, slot, half);
    row_bound(v, c, slot, half);
    c->number[i] = of->number;
    c->passage[i] = of->passage;
    c->revision[i] = of->revision;
    c->next[i] = next;
    atomic_store_explicit(&c->born[i], born, memory_order_relaxed);
    atomic_store_explicit(&c->died[i], NEVER, memory_order_release);
    tail_add(v, slot);
}

_Atomic uint32_t *vectors_head_place(struct vectors *v, uint32_t number)
{
    uint32_t at = number / LEAF_NUMBERS;
    if (!atomic_load(&v->leaves[at])) {
        struct leaf *leaf = xcalloc(1, sizeof *leaf);
        atomic_fetch_add(&v->leaf_bytes, sizeof *leaf);
        atomic_store(&v->leaves[at], leaf);
        v->leaves_end = v->leaves_end > at ? v->leaves_end : at + 1;
    }
    return &atomic_load(&v->leaves[at])->head[number % LEAF_NUMBERS];
}

static bool rows_finite(const uint16_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((rows[i] & 0x7C00) == 0x7C00)
            return false;
    return true;
}

/* Ends the slots from `slot` on with change `seq`. */
static void slots_end(struct vectors *v, uint32_t slot, uint64_t seq)
{
    for (; slot != SLOT_NONE; slot = slot_next(v, slot)) {
        atomic_store_explicit(&chunk_of(v, slot)->died[index_of(slot)], seq, memory_order_relaxed);
        ended_add(tail_has(v, slot) ? &v->ended_tail : &v->ended_linked, slot, seq);
        atomic_fetch_sub(&v->rows, 1);
    }
}

static void document_put(struct vectors *v, uint32_t number, uint64_t revision,
                         const uint16_t *rows, uint32_t count)
{
    uint64_t seq = atomic_load(&v->epochs.now) + 1;
    uint32_t before = vectors_head(v, number), next = SLOT_NONE;
    tail_sweep(v, 2 * count);
    for (uint32_t p = count; p-- > 0;) {
        uint32_t slot = slot_take(v);
        struct vector_hit of = {number, p, 0, revision};
        slot_fill(v, slot, rows + (size_t)p * v->dims, &of, next, seq);
        next = slot;
    }
    slots_end(v, before, seq);
    atomic_store(vectors_head_place(v, number), next + 1);
    atomic_fetch_add(&v->rows, count);
    if (before == SLOT_NONE)
        atomic_fetch_add(&v->documents, 1);
    atomic_store(&v->epochs.now, seq);
}

enum err vectors_put(struct vectors *v, uint32_t number, uint64_t revision, const uint16_t *rows,
                     uint32_t count, struct err_info *e)
{
    assert(number <= DOCUMENT_NUMBER_MAX);
    if (!count) {
        vectors_delete(v, number);
        return ERR_OK;
    }
    if (!rows_finite(rows, (size_t)count * v->dims))
        return err_set(e, ERR_INVALID, NULL,
                       "a vector of document %u has an infinite or undefined number", number);
    vectors_lock(v);
    bool room = count <= GRAPH_SLOTS_MAX - graph_slots_end(v->graph);
    if (room)
        document_put(v, number, revision, rows, count);
    lock_drop(&v->lock);
    return room ? ERR_OK
                : err_set(e, ERR_FULL, NULL, "the vector index holds at most %u rows",
                          GRAPH_SLOTS_MAX);
}

void vectors_delete(struct vectors *v, uint32_t number)
{
    vectors_lock(v);
    uint32_t before = vectors_head(v, number);
    if (before != SLOT_NONE) {
        uint64_t seq = atomic_load(&v->epochs.now) + 1;
        slots_end(v, before, seq);
        atomic_store(vectors_head_place(v, number), 0);
        atomic_fetch_sub(&v->documents, 1);
        atomic_store(&v->epochs.now, seq);
    }
    lock_drop(&v->lock);
}

/* --- documents --- */

size_t vectors_documents(struct vectors *v)
{
    return atomic_load(&v->documents);
}

size_t vectors_count(struct vectors *v)
{
    return atomic_load(&v->rows);
}

size_t vectors_tail(struct vectors *v)
{
    return atomic_load(&v->tail);
}

size_t vectors_rough(struct vectors *v)
{
    return graph_unrefined(v->graph);
}

size_t vectors_linked(struct vectors *v)
{
    return graph_count(v->graph);
}

void vectors_width_set(struct vectors *v, unsigned width)
{
    for (int i = 0; i < 2; i++)
        atomic_store(&v->width[i], width < GRAPH_WIDTH_MAX ? width : GRAPH_WIDTH_MAX);
}

unsigned vectors_width(struct vectors *v)
{
    return atomic_load(&v->width[0]);
}

size_t vectors_bytes(struct vectors *v)
{
    size_t chunks = (atomic_load(&v->slots_end) + CHUNK_SLOTS - 1) >> CHUNK_SHIFT;
    return sizeof *v + atomic_load(&v->leaf_bytes) + chunks * sizeof(struct chunk) +
           graph_bytes(v->graph).all + meter_bytes(v->meter);
}

bool vectors_document(struct vectors *v, uint32_t number, float *out)
{
    uint64_t seq = 0;
    struct epoch_reader *r = epoch_enter(&v->epochs, &seq);
    uint32_t row = vectors_head(v, number);
    bool found = row != SLOT_NONE;
    if (found) {
        half_to_f32(graph_row(v->graph, row), out, v->dims);
        row = slot_next(v, row);
    }
    for (; row != SLOT_NONE; row = slot_next(v, row)) {
        const uint16_t *half = graph_row(v->graph, row);
        for (uint32_t i = 0; i < v->dims; i++)
            out[i] += half_to_float(half[i]);
    }
    epoch_leave(r);
    return found && normalise_f32(out, v->dims) > 0;
}

uint16_t *vectors_rows(struct vectors *v, uint32_t number, uint32_t *count, uint64_t *revision)
{
    uint64_t seq = 0;
    struct epoch_reader *r = epoch_enter(&v->epochs, &seq);
    uint32_t head = vectors_head(v, number), n = 0;
    uint16_t *out = NULL;
    for (uint32_t row = head; row != SLOT_NONE; row = slot_next(v, row))
        n++;
    if (n) {
        out = xmalloc((size_t)n * v->dims * sizeof *out);
        *count = n;
        *revision = chunk_of(v, head)->revision[index_of(head)];
        uint16_t *to = out;
        for (uint32_t row = head; row != SLOT_NONE; row = slot_next(v, row)) {
            memcpy(to, graph_row(v->graph, row), v->dims * sizeof *to);
            to += v->dims;
        }
    }
    epoch_leave(r);
    return out;
}

float vectors_mean_cosine(struct vectors *v, unsigned pairs, uint64_t seed)
{
    struct rng rng;
    uint64_t seq = 0;
    double sum = 0;
    unsigned found = 0;
    float *x = xmalloc(v->dims * sizeof *x);
    struct epoch_reader *r = epoch_enter(&v->epochs, &seq);
    uint32_t end = atomic_load(&v->slots_end);
    rng_init(&rng, seed);
    for (uint64_t tries = 0; end && found < pairs && tries < 64 * (uint64_t)pairs; tries++) {
        uint32_t a = (uint32_t)rng_below(&rng, end), b = (uint32_t)rng_below(&rng, end);
        const struct chunk *ca = chunk_of(v, a), *cb = chunk_of(v, b);
        if (!slot_visible(ca, index_of(a), seq) || !slot_visible(cb, index_of(b), seq) ||
            ca->number[index_of(a)] == cb->number[index_of(b)])
            continue;
        half_to_f32(graph_row(v->graph, a), x, v->dims);
        sum += (double)dot_f16_f32(graph_row(v->graph, b), x, v->dims);
        found++;
    }
    epoch_leave(r);
    free(x);
    return found ? (float)(sum / found) : 0;
}
