/* The vector index in a snapshot. The payload of its section (section.h), numbers little-endian:
 *
 *     u64 "AKVECT02"   the graph's head (graph_file.h)
 *     for each block of the graph's slots: the graph's block, and for each of its slots
 *         u32 number   u32 passage, the top bit set in the last of a document   u64 revision
 *         f32 scale   f32 rest   f32 length         (u32 -1 in place of the number: ended, or free)
 *
 * Saving goes on beside the writer: it takes the lock for a block at a time and writes without it.
 * Meanwhile the graph stands still (nothing is merged), so links and what they lead to are of one
 * moment; only the tail changes, and what ends is marked. A document that changed after its first
 * rows were saved may be there in half, or twice: loading takes the newest whole one and drops the
 * rest, and whoever saves remembers a change from before, from which all later ones are replayed.
 */
#include "index/vectors_impl.h"

#include "base/arena.h"
#include "graph/blocks.h"
#include "index/scalar.h"
#include "base/section.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC UINT64_C(0x3230544345564B41) /* "AKVECT02" */
#define LAST (UINT32_C(1) << 31)
#define RECORD_BYTES 28

_Static_assert(CHUNK_SLOTS == GRAPH_BLOCK_SLOTS, "a block has one chunk");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "snapshots hold little-endian numbers");

struct record {
    uint32_t number, passage;
    uint64_t revision;
    float scale, rest, length;
};

/* --- saving --- */

/* Of a slot that ended, nothing is told. */
static void record_put(struct section_writer *w, const struct chunk *c, uint32_t i)
{
    uint8_t bytes[RECORD_BYTES] = {0};
    bool live = atomic_load(&c->died[i]) == NEVER;
    uint32_t number = live ? c->number[i] : SLOT_NONE;
    uint32_t passage = c->passage[i] | (c->next[i] == SLOT_NONE ? LAST : 0);
    memcpy(bytes, &number, 4);
    if (live) {
        memcpy(bytes + 4, &passage, 4);
        memcpy(bytes + 8, &c->revision[i], 8);
        memcpy(bytes + 16, &c->scale[i], 4);
        memcpy(bytes + 20, &c->rest[i], 4);
        memcpy(bytes + 24, &c->length[i], 4);
    }
    section_put(w, bytes, sizeof bytes);
}

static uint32_t block_slots(uint32_t from, uint32_t end)
{
    return end - from < CHUNK_SLOTS ? end - from : CHUNK_SLOTS;
}

static void block_save(struct vectors *v, struct section_writer *w, uint32_t from, uint32_t end)
{
    uint32_t count = block_slots(from, end);
    vectors_lock(v);
    section_hold(w); /* in memory, while the lock is held */
    graph_save_block(v->graph, w, from, count);
    for (uint32_t i = 0; i < count; i++)
        record_put(w, chunk_of(v, from), i);
    lock_drop(&v->lock);
    section_let_go(w);
}

static uint32_t head_save(struct vectors *v, struct section_writer *w)
{
    vectors_lock(v);
    assert(!v->saving);
    v->saving = true;
    section_hold(w);
    uint32_t end = atomic_load(&v->slots_end);
    section_put_u64(w, MAGIC);
    graph_save_head(v->graph, w, end);
    lock_drop(&v->lock);
    section_let_go(w);
    return end;
}

enum err vectors_save(struct vectors *v, struct file *f, struct err_info *e)
{
    struct section_writer *w = section_writer_new(f);
    uint32_t end = head_save(v, w);
    for (uint32_t from = 0; from < end; from += CHUNK_SLOTS)
        block_save(v, w, from, end);
    vectors_lock(v);
    v->saving = false;
    lock_drop(&v->lock);
    return section_writer_end(w, e);
}

/* --- loading --- */

static void record_get(struct section_reader *r, struct record *out)
{
    uint8_t bytes[RECORD_BYTES];
    section_get(r, bytes, sizeof bytes);
    memcpy(&out->number, bytes, 4);
    memcpy(&out->passage, bytes + 4, 4);
    memcpy(&out->revision, bytes + 8, 8);
    memcpy(&out->scale, bytes + 16, 4);
    memcpy(&out->rest, bytes + 20, 4);
    memcpy(&out->length, bytes + 24, 4);
}

static void slot_load(struct vectors *v, struct section_reader *r, uint32_t slot)
{
    struct record x;
    record_get(r, &x);
    vectors_slot_known(v, slot);
    if (x.number != SLOT_NONE && x.number > DOCUMENT_NUMBER_MAX)
        section_corrupt(r, "a document's number is out of range");
    if (x.number != SLOT_NONE && (!isfinite(x.scale) || !(x.rest >= 0) || !(x.length >= 0)))
        section_corrupt(r, "a row's bounds are not numbers");
    struct chunk *c = chunk_of(v, slot);
    uint32_t i = index_of(slot);
    c->number[i] = x.number;
    c->passage[i] = x.passage;
    c->revision[i] = x.revision;
    c->scale[i] = x.scale;
    c->rest[i] = x.rest;
    c->length[i] = x.length;
}

/* A slot that no document wants. */
static void slot_drop(struct vectors *v, uint32_t slot)
{
    chunk_of(v, slot)->number[index_of(slot)] = SLOT_NONE;
    if (graph_is_linked(v->graph, slot) || graph_is_held(v->graph, slot))
        graph_delete(v->graph, slot);
}

/* Slots in the order of their documents: newest revision first, then passages. */
struct place {
    uint32_t number, passage, slot;
    uint64_t revision;
};

static int place_cmp(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    if (x->revision != y->revision)
        return x->revision > y->revision ? -1 : 1;
    uint32_t p = x->passage & ~LAST, q = y->passage & ~LAST;
    return (p > q) - (p < q);
}

/* A document that was put twice as the same may have a passage twice. */
static size_t places_unique(struct vectors *v, struct place *p, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept && place_cmp(&p[kept - 1], &p[i]) == 0)
            slot_drop(v, p[i].slot);
        else
            p[kept++] = p[i];
    return kept;
}

/* places[0..count): of one document and revision. */
static bool document_whole(const struct place *p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((p[i].passage & ~LAST) != i || !!(p[i].passage & LAST) != (i + 1 == count))
            return false;
    return true;
}

static void slot_admit(struct vectors *v, uint32_t slot, uint32_t next)
{
    struct chunk *c = chunk_of(v, slot);
    uint32_t i = index_of(slot);
    c->passage[i] &= ~LAST;
    c->next[i] = next;
    atomic_store_explicit(&c->died[i], NEVER, memory_order_release);
    if (!graph_is_linked(v->graph, slot))
        tail_add(v, slot);
}

static void document_admit(struct vectors *v, const struct place *p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        slot_admit(v, p[i].slot, i + 1 < count ? p[i + 1].slot : SLOT_NONE);
    atomic_store(vectors_head_place(v, p->number), p->slot + 1);
    atomic_fetch_add(&v->rows, count);
    atomic_fetch_add(&v->documents, 1);
}

/* The newest whole one of a document, whose places are p[0..count); the others go. */
static void document_settle(struct vectors *v, const struct place *p, size_t count)
{
    bool found = false;
    for (size_t i = 0, n; i < count; i += n) {
        for (n = 1; i + n < count && p[i + n].revision == p[i].revision;)
            n++;
        if (!found && document_whole(p + i, n)) {
            document_admit(v, p + i, n);
            found = true;
            continue;
        }
        for (size_t j = 0; j < n; j++)
            slot_drop(v, p[i + j].slot);
    }
}

static void documents_settle(struct vectors *v)
{
    uint32_t end = atomic_load(&v->slots_end);
    struct place *places = xmalloc(((size_t)end + 1) * sizeof *places);
    size_t count = 0;
    for (uint32_t slot = 0; slot < end; slot++) {
        const struct chunk *c = chunk_of(v, slot);
        uint32_t i = index_of(slot);
        bool used = graph_is_linked(v->graph, slot) || graph_is_held(v->graph, slot);
        if (c->number[i] == SLOT_NONE || !used)
            slot_drop(v, slot);
        else
            places[count++] = (struct place){c->number[i], c->passage[i], slot, c->revision[i]};
    }
    qsort(places, count, sizeof *places, place_cmp);
    count = places_unique(v, places, count);
    for (size_t i = 0, n; i < count; i += n) {
        for (n = 1; i + n < count && places[i + n].number == places[i].number;)
            n++;
        document_settle(v, places + i, n);
    }
    free(places);
}

static struct vectors *blocks_load(struct section_reader *r)
{
    uint32_t end = 0;
    if (section_get_u64(r) != MAGIC)
        section_corrupt(r, "not a vector index");
    struct graph *g = section_error(r) ? NULL : graph_load_head(r, &end);
    if (!g)
        return NULL;
    struct vectors *v = vectors_of_graph(g);
    for (uint32_t from = 0; from < end && !section_error(r); from += CHUNK_SLOTS) {
        uint32_t count = block_slots(from, end);
        graph_load_block(g, r, from, count);
        for (uint32_t i = 0; i < count && !section_error(r); i++)
            slot_load(v, r, from + i);
    }
    graph_load_end(g, r);
    return v;
}

enum err vectors_load(struct file *f, uint64_t *offset, struct vectors **out, struct err_info *e)
{
    struct section_reader *r = section_reader_new(f, *offset);
    struct vectors *v = blocks_load(r);
    enum err err = section_reader_end(r, offset, e);
    if (err) {
        vectors_free(v);
        return err;
    }
    documents_settle(v);
    *out = v;
    return ERR_OK;
}
