/* Slots: their memory, their content, their grace period; readers. */
#include "graph/internal.h"

#include "base/arena.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/rotate.h"
#include "math/signs.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SWEPT_FOR_EACH 4 /* dead slots looked at for each that is taken */

static size_t rounded(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

struct graph *graph_new(uint32_t dims)
{
    assert(dims >= 1 && dims <= GRAPH_DIMS_MAX);
    struct graph *g = xaligned(sizeof *g);
    memset(g, 0, sizeof *g);
    g->dims = dims;
    g->signs = dims > SIGNS_MIN ? dims : SIGNS_MIN;
    g->words = (unsigned)signs_words(g->signs);
    g->line_bytes = sizeof(struct line) + g->words * sizeof(uint64_t);
    g->line_bytes = rounded(g->line_bytes, 64);
    g->code_bytes = rounded(dims, dims < 64 ? 32 : 64);
    g->half_bytes = 2 * (size_t)dims;
    atomic_store(&g->coding, coding_new(g, 1));
    g->codes = xcalloc(CHUNKS_MAX, sizeof *g->codes);
    g->halves = xcalloc(CHUNKS_MAX, sizeof *g->halves);
    g->links = xcalloc(CHUNKS_MAX, sizeof *g->links);
    g->nodes = xcalloc(CHUNKS_MAX, sizeof *g->nodes);
    for (unsigned i = 0; i < EPOCH_READERS; i++)
        g->readers[i] = (struct graph_reader){.place = &g->epochs.readers[i], .g = g};
    g->linker = linker_new(g);
    bytes_note(g);
    return g;
}

void graph_free(struct graph *g)
{
    if (!g)
        return;
    populate_stop(g);
    for (unsigned i = 0; i < EPOCH_READERS; i++)
        if (g->readers[i].walk) {
            walk_release(g->readers[i].walk);
            free(g->readers[i].walk);
        }
    linker_free(g->linker);
    for (uint32_t i = 0; i < CHUNKS_MAX && g->codes[i]; i++) {
        free(g->codes[i]);
        free(g->halves[i]);
        free(g->links[i]);
        free(g->nodes[i]);
    }
    coding_free(atomic_load(&g->coding));
    coding_free(g->coming);
    training_free(g->training);
    while (g->gone) {
        struct coding *c = g->gone;
        g->gone = c->next;
        coding_free(c);
    }
    free(g->codes);
    free(g->halves);
    free(g->links);
    free(g->nodes);
    free(g->retired);
    free(g->limbo);
    free(g);
}

uint32_t graph_dims(const struct graph *g)
{
    return g->dims;
}

/* --- readers --- */

struct graph_reader *graph_enter(struct graph *g)
{
    return &g->readers[epoch_enter(&g->epochs, NULL) - g->epochs.readers];
}

void graph_leave(struct graph_reader *r)
{
    atomic_store_explicit(&r->bytes, r->walk ? walk_bytes(r->walk) : 0, memory_order_relaxed);
    epoch_leave(r->place);
}

/* --- slots --- */

/* Memory that is read all over; small: the first 2 MiB in ordinary pages. */
void *chunk_new(size_t bytes, bool small)
{
    if (!small || bytes < HUGE_PAGE)
        return xhuge(bytes);
    bytes = rounded(bytes, HUGE_PAGE);
    char *p = aligned_alloc(HUGE_PAGE, bytes);
    assert(p);
    if (bytes > HUGE_PAGE)
        (void)madvise(p + HUGE_PAGE, bytes - HUGE_PAGE, MADV_HUGEPAGE);
    return p;
}

void chunk_add(struct graph *g, uint32_t at)
{
    const size_t slots = GRAPH_CHUNK_SLOTS;
    g->codes[at] = chunk_new(slots * g->code_bytes, at == 0);
    g->halves[at] = chunk_new(slots * g->half_bytes, at == 0);
    g->links[at] = chunk_new(slots * sizeof(struct links), at == 0);
    g->nodes[at] = xcalloc(slots, sizeof(struct node));
    coding_chunk_add(g, atomic_load(&g->coding), at);
    if (g->coming)
        coding_chunk_add(g, g->coming, at);
}

static void retired_add(struct graph *g, uint32_t slot, uint64_t epoch)
{
    if (g->retired_count == g->retired_cap) {
        size_t cap = g->retired_cap ? 2 * g->retired_cap : 64;
        struct retired *ring = xmalloc(cap * sizeof *ring);
        for (size_t i = 0; i < g->retired_count; i++)
            ring[i] = g->retired[(g->retired_first + i) % g->retired_cap];
        free(g->retired);
        g->retired = ring;
        g->retired_first = 0;
        g->retired_cap = cap;
        bytes_note(g);
    }
    g->retired[(g->retired_first + g->retired_count++) % g->retired_cap] =
        (struct retired){epoch, slot};
}

/* A dead slot whose links are gone, or not yet. */
void graph_slot_drop(struct graph *g, uint32_t slot)
{
    if (indegree_of(g, slot)) {
        if (g->limbo_count == g->limbo_cap) {
            g->limbo_cap = g->limbo_cap ? 2 * g->limbo_cap : 64;
            g->limbo = xrealloc(g->limbo, g->limbo_cap * sizeof *g->limbo);
            bytes_note(g);
        }
        g->limbo[g->limbo_count++] = slot;
        return;
    }
    retired_add(g, slot, atomic_fetch_add(&g->epochs.now, 1) + 1);
}

void graph_slot_sweep(struct graph *g, size_t count)
{
    for (; count && g->limbo_count; count--) {
        g->limbo_at = g->limbo_at + 1 < g->limbo_count ? g->limbo_at + 1 : 0;
        uint32_t slot = g->limbo[g->limbo_at];
        if (indegree_of(g, slot))
            continue;
        g->limbo[g->limbo_at] = g->limbo[--g->limbo_count];
        retired_add(g, slot, atomic_fetch_add(&g->epochs.now, 1) + 1);
    }
}

static void links_clear(struct graph *g, uint32_t slot)
{
    struct links *links = links_of(g, slot);
    for (unsigned i = 0; i < DEGREE; i++)
        link_set(links, i, GRAPH_NONE);
}

/* Deleted long enough ago; or GRAPH_NONE. */
static uint32_t retired_take(struct graph *g)
{
    if (!g->retired_count || g->retired[g->retired_first].epoch > epoch_oldest(&g->epochs))
        return GRAPH_NONE;
    uint32_t slot = g->retired[g->retired_first].slot;
    g->retired_first = (g->retired_first + 1) % g->retired_cap;
    g->retired_count--;
    assert(!indegree_of(g, slot));
    return slot;
}

uint32_t graph_slot_take(struct graph *g)
{
    graph_slot_sweep(g, SWEPT_FOR_EACH);
    uint32_t slot = retired_take(g);
    if (slot != GRAPH_NONE) {
        links_clear(g, slot);
        node_of(g, slot)->state = NODE_FREE;
        return slot;
    }
    slot = atomic_load(&g->slots_end);
    if (slot >= GRAPH_SLOTS_MAX)
        return GRAPH_NONE;
    if (!g->codes[slot >> GRAPH_CHUNK_SHIFT])
        chunk_add(g, slot >> GRAPH_CHUNK_SHIFT);
    /* Dead in these lines for good, if others replace them before it is filled. */
    line_make_dead(g, line_of(g, slot));
    links_clear(g, slot);
    atomic_store(&g->slots_end, slot + 1);
    return slot;
}

float code_scale(const int8_t *code, uint32_t dims)
{
    int32_t square = dot_i8(code, code, dims);
    return square ? 1 / sqrtf((float)square) : 0;
}

void graph_row_set(struct graph *g, uint32_t slot, const uint16_t *row)
{
    struct node *node = node_of(g, slot);
    struct line *line = line_of(g, slot);
    float *x = g->linker->walk.query;
    assert(node->state == NODE_FREE);
    memcpy(half_of(g, slot), row, g->half_bytes);
    half_to_f32(row, x, g->dims);
    rotate_f32(x, g->dims);
    int8_t *code = code_of(g, slot);
    memset(code + g->dims, 0, g->code_bytes - g->dims);
    quantise_i8(x, code, g->dims);
    line->scale = code_scale(code, g->dims);
    atomic_store_explicit(&line->twin, GRAPH_NONE, memory_order_relaxed);
    coding_encode(g, atomic_load(&g->coding), line, x, g->linker->walk.scratch);
    if (slot_is_coming(g, slot)) {
        struct line *other = line_in(g, g->coming, slot);
        other->scale = line->scale;
        atomic_store_explicit(&other->twin, GRAPH_NONE, memory_order_relaxed);
        coding_encode(g, g->coming, other, x, g->linker->walk.scratch);
    }
    *node = (struct node){.state = NODE_HELD, .previous = GRAPH_NONE};
}

const uint16_t *graph_row(const struct graph *g, uint32_t slot)
{
    return half_of(g, slot);
}

const int8_t *graph_code(const struct graph *g, uint32_t slot)
{
    return code_of(g, slot);
}

size_t graph_code_stride(const struct graph *g)
{
    return g->code_bytes;
}

/* --- state --- */

size_t graph_count(const struct graph *g)
{
    return atomic_load(&g->count);
}

uint32_t graph_slots_end(const struct graph *g)
{
    return atomic_load(&g->slots_end);
}

size_t graph_unrefined(const struct graph *g)
{
    return atomic_load(&g->unrefined);
}

bool graph_is_held(const struct graph *g, uint32_t slot)
{
    return node_of(g, slot)->state == NODE_HELD;
}

bool graph_is_linked(const struct graph *g, uint32_t slot)
{
    uint8_t state = node_of(g, slot)->state;
    return state == NODE_LINKED || state == NODE_TWIN;
}

void bytes_note(struct graph *g)
{
    size_t lines = atomic_load(&g->slots_end) * g->line_bytes;
    size_t n = g->retired_cap * sizeof *g->retired + g->limbo_cap * sizeof *g->limbo;
    n += coding_bytes(g, atomic_load(&g->coding));
    if (g->training)
        n += training_bytes(g, g->training);
    if (g->coming)
        n += coding_bytes(g, g->coming) + lines;
    for (const struct coding *c = g->gone; c; c = c->next)
        n += coding_bytes(g, c) + lines;
    atomic_store(&g->other_bytes, n);
}

struct graph_bytes graph_bytes(const struct graph *g)
{
    size_t slots = atomic_load(&g->slots_end);
    struct graph_bytes b = {.hot = slots * (g->line_bytes + g->code_bytes + sizeof(struct links))};
    b.all = b.hot + slots * (g->half_bytes + sizeof(struct node)) + sizeof *g +
            4 * CHUNKS_MAX * sizeof(void *) + atomic_load(&g->other_bytes);
    for (unsigned i = 0; i < EPOCH_READERS; i++)
        b.all += atomic_load_explicit(&g->readers[i].bytes, memory_order_relaxed);
    return b;
}
