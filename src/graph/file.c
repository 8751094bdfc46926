#include "graph/blocks.h"

#include "base/arena.h"
#include "graph/internal.h"
#include "base/thread.h"
#include "base/section.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAGIC UINT64_C(0x3148504152474B41) /* "AKGRAPH1" */

/* Arrays are written as they lie in memory, which is little-endian where akin runs. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "snapshots hold little-endian rows");

/* --- saving --- */

void graph_save_head(const struct graph *g, struct section_writer *w, uint32_t slots)
{
    section_put_u64(w, MAGIC);
    section_put_u32(w, g->dims);
    section_put_u32(w, slots);
    section_put_u64(w, g->changes);
    const struct coding *c = atomic_load(&g->coding);
    section_put_u32(w, c->count);
    section_put_u64(w, c->trained_at);
    section_put_u64(w, c->changes_at);
    section_put(w, &c->spread, sizeof c->spread);
    section_put(w, c->centroids, c->count * g->dims * sizeof *c->centroids);
}

static uint8_t saved_state(const struct graph *g, uint32_t slot)
{
    uint8_t state = node_of(g, slot)->state;
    return state == NODE_DEAD ? NODE_FREE : state;
}

/* One array of a block; slots that are free hold what was there before: zeros are written. */
static void put_array(struct section_writer *w, const struct graph *g, const char *array,
                      size_t bytes, uint32_t from, uint32_t count)
{
    static const char zeros[2 * GRAPH_DIMS_MAX];
    for (uint32_t i = 0; i < count;) {
        uint32_t run = 0;
        while (i + run < count && saved_state(g, from + i + run) != NODE_FREE)
            run++;
        if (run)
            section_put(w, array + i * bytes, run * bytes);
        else
            section_put(w, zeros, bytes);
        i += run ? run : 1;
    }
}

void graph_save_block(const struct graph *g, struct section_writer *w, uint32_t from,
                      uint32_t count)
{
    uint8_t states[GRAPH_BLOCK_SLOTS] = {0}, refined[GRAPH_BLOCK_SLOTS] = {0};
    for (uint32_t i = 0; i < count; i++) {
        states[i] = saved_state(g, from + i);
        refined[i] = states[i] == NODE_LINKED && node_of(g, from + i)->refined;
    }
    section_put(w, states, count);
    section_put(w, refined, count);
    put_array(w, g, (const char *)line_of(g, from), g->line_bytes, from, count);
    put_array(w, g, (const char *)links_of(g, from), sizeof(struct links), from, count);
    put_array(w, g, (const char *)code_of(g, from), g->code_bytes, from, count);
    put_array(w, g, (const char *)half_of(g, from), g->half_bytes, from, count);
}

static uint32_t block_of(uint32_t from, uint32_t end)
{
    return end - from < GRAPH_BLOCK_SLOTS ? end - from : GRAPH_BLOCK_SLOTS;
}

enum err graph_save(struct graph *g, struct file *f, struct err_info *e)
{
    struct section_writer *w = section_writer_new(f);
    uint32_t end = graph_slots_end(g);
    graph_save_head(g, w, end);
    for (uint32_t from = 0; from < end; from += GRAPH_BLOCK_SLOTS)
        graph_save_block(g, w, from, block_of(from, end));
    return section_writer_end(w, e);
}

/* --- loading --- */

/* Memory that the machine has not given yet costs more than reading a cached file into it: a
 * second thread asks for it, from the back, until it meets the reader. */
struct populating {
    struct graph *g;
    struct thread *thread;
    uint32_t end;
    _Atomic uint32_t read; /* slots */
};

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Whole pages, and nothing in them changes; refused by old kernels, it is only slower. */
static void populate(void *from, size_t bytes)
{
    const uintptr_t page = 4096;
    uintptr_t first = ((uintptr_t)from + page - 1) / page * page;
    uintptr_t last = ((uintptr_t)from + bytes) / page * page;
    if (last > first)
        (void)madvise((void *)first, last - first, MADV_POPULATE_WRITE);
}

static void populate_run(void *arg)
{
    struct populating *p = arg;
    const struct graph *g = p->g;
    for (uint32_t at = p->end / GRAPH_BLOCK_SLOTS * GRAPH_BLOCK_SLOTS;
         at > atomic_load(&p->read) + GRAPH_BLOCK_SLOTS; at -= GRAPH_BLOCK_SLOTS) {
        size_t n = p->end - at < GRAPH_BLOCK_SLOTS ? p->end - at : GRAPH_BLOCK_SLOTS;
        populate(half_of(g, at), n * g->half_bytes);
        populate(code_of(g, at), n * g->code_bytes);
        populate(links_of(g, at), n * sizeof(struct links));
        populate(line_of(g, at), n * g->line_bytes);
    }
}

#define POPULATE_FROM (8 * GRAPH_BLOCK_SLOTS)

static void populate_start(struct graph *g, uint32_t end)
{
    for (uint32_t at = 0; at < end; at += GRAPH_CHUNK_SLOTS)
        chunk_add(g, at >> GRAPH_CHUNK_SHIFT);
    if (end < POPULATE_FROM)
        return;
    g->populating = xcalloc(1, sizeof *g->populating);
    g->populating->g = g;
    g->populating->end = end;
    g->populating->thread = thread_start("populate", populate_run, g->populating);
}

void populate_stop(struct graph *g)
{
    if (!g->populating)
        return;
    atomic_store(&g->populating->read, GRAPH_SLOTS_MAX);
    thread_join(g->populating->thread);
    free(g->populating);
    g->populating = NULL;
}

static bool coding_load(struct graph *g, struct section_reader *r)
{
    uint32_t count = section_get_u32(r);
    if (count < 1 || count > CENTROIDS_MAX)
        section_corrupt(r, "not 1 to 64 centroids");
    if (section_error(r))
        return false;
    struct coding *c = coding_new(g, count);
    c->trained_at = section_get_u64(r);
    c->changes_at = section_get_u64(r);
    section_get(r, &c->spread, sizeof c->spread);
    section_get(r, c->centroids, count * g->dims * sizeof *c->centroids);
    coding_ready(g, c);
    coding_free(atomic_load(&g->coding));
    atomic_store(&g->coding, c);
    return true;
}

static size_t slot_bytes(const struct graph *g)
{
    return 2 + g->line_bytes + sizeof(struct links) + g->code_bytes + g->half_bytes;
}

struct graph *graph_load_head(struct section_reader *r, uint32_t *slots)
{
    if (section_get_u64(r) != MAGIC)
        section_corrupt(r, "not a vector graph");
    uint32_t dims = section_get_u32(r), end = section_get_u32(r);
    uint64_t changes = section_get_u64(r);
    if (!dims || dims > GRAPH_DIMS_MAX)
        section_corrupt(r, "dimensions are not 1 to 4096");
    if (end > GRAPH_SLOTS_MAX)
        section_corrupt(r, "too many slots");
    if (section_error(r))
        return NULL;
    struct graph *g = graph_new(dims);
    g->changes = changes;
    if (!coding_load(g, r)) {
        graph_free(g);
        return NULL;
    }
    if (section_left(r) / slot_bytes(g) < end) {
        section_corrupt(r, "more slots than the file holds");
        graph_free(g);
        return NULL;
    }
    populate_start(g, end);
    *slots = end;
    return g;
}

void graph_load_block(struct graph *g, struct section_reader *r, uint32_t from, uint32_t count)
{
    uint8_t states[GRAPH_BLOCK_SLOTS] = {0}, refined[GRAPH_BLOCK_SLOTS] = {0};
    section_get(r, states, count);
    section_get(r, refined, count);
    if (section_error(r))
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (states[i] > NODE_TWIN || refined[i] > 1)
            section_corrupt(r, "a slot's state is unknown");
        struct node *node = node_of(g, from + i);
        *node = (struct node){.state = states[i] == NODE_FREE ? NODE_DEAD : states[i],
                              .refined = refined[i],
                              .previous = GRAPH_NONE};
    }
    section_get(r, line_of(g, from), count * g->line_bytes);
    section_get(r, links_of(g, from), count * sizeof(struct links));
    section_get(r, code_of(g, from), count * g->code_bytes);
    section_get(r, half_of(g, from), count * g->half_bytes);
    atomic_store(&g->slots_end, from + count);
    if (g->populating)
        atomic_store(&g->populating->read, from + count);
}

/* Links to what is not linked go. */
static void links_admit(struct graph *g, uint32_t slot, uint32_t end)
{
    struct links *l = links_of(g, slot);
    unsigned kept = 0;
    for (unsigned i = 0; i < DEGREE; i++) {
        uint32_t to = atomic_load_explicit(&l->to[i], memory_order_relaxed);
        if (to >= end || to == slot || node_of(g, to)->state != NODE_LINKED)
            continue;
        struct node *node = node_of(g, to);
        uint32_t n = atomic_load_explicit(&node->indegree, memory_order_relaxed);
        atomic_store_explicit(&node->indegree, n + 1, memory_order_relaxed);
        atomic_store_explicit(&l->to[kept++], to, memory_order_relaxed);
    }
    for (; kept < DEGREE; kept++)
        atomic_store_explicit(&l->to[kept], GRAPH_NONE, memory_order_relaxed);
}

static void twins_admit(struct graph *g, uint32_t slot, uint32_t end)
{
    uint32_t before = slot;
    for (;;) {
        uint32_t twin = atomic_load(&line_of(g, before)->twin);
        if (twin == GRAPH_NONE)
            return;
        if (twin >= end || node_of(g, twin)->state != NODE_TWIN ||
            node_of(g, twin)->previous != GRAPH_NONE ||
            memcmp(code_of(g, twin), code_of(g, slot), g->code_bytes) != 0) {
            atomic_store(&line_of(g, before)->twin, GRAPH_NONE);
            return;
        }
        node_of(g, twin)->previous = before;
        before = twin;
    }
}

static void slot_admit(struct graph *g, uint32_t slot, size_t *linked, size_t *unrefined)
{
    struct node *node = node_of(g, slot);
    struct line *line = line_of(g, slot);
    if (node->state == NODE_TWIN && node->previous == GRAPH_NONE)
        node->state = NODE_HELD;
    if (node->state == NODE_HELD)
        atomic_store(&line->twin, GRAPH_NONE);
    *linked += node->state == NODE_LINKED || node->state == NODE_TWIN;
    *unrefined += node->state == NODE_LINKED && !node->refined;
    if (node->state != NODE_DEAD)
        return;
    line_make_dead(g, line);
    graph_slot_drop(g, slot);
}

void graph_load_end(struct graph *g, struct section_reader *r)
{
    uint32_t end = graph_slots_end(g);
    size_t linked = 0, unrefined = 0;
    populate_stop(g);
    if (section_error(r))
        return;
    for (uint32_t slot = 0; slot < end; slot++)
        if (node_of(g, slot)->state == NODE_LINKED) {
            links_admit(g, slot, end);
            twins_admit(g, slot, end);
        }
    for (uint32_t slot = 0; slot < end; slot++)
        slot_admit(g, slot, &linked, &unrefined);
    entries_make(g);
    atomic_store(&g->count, linked);
    atomic_store(&g->unrefined, unrefined);
    for (uint32_t slot = 0; slot < end; slot++)
        if (node_of(g, slot)->state == NODE_LINKED && !indegree_of(g, slot))
            linker_adopt(g->linker, slot);
    bytes_note(g);
}

enum err graph_load(struct file *f, uint64_t *offset, struct graph **out, struct err_info *e)
{
    struct section_reader *r = section_reader_new(f, *offset);
    uint32_t end = 0;
    struct graph *g = graph_load_head(r, &end);
    for (uint32_t from = 0; from < end && !section_error(r); from += GRAPH_BLOCK_SLOTS)
        graph_load_block(g, r, from, block_of(from, end));
    if (g)
        graph_load_end(g, r);
    enum err err = section_reader_end(r, offset, e);
    if (err)
        graph_free(g);
    else
        *out = g;
    return err;
}
