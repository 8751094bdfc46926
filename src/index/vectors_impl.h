/* Inside the vector index (vectors.h is what others see).
 *
 * A passage is a slot of a graph (graph.h), which holds its values and codes; what belongs to
 * documents lies here, by slot, in chunks that never move. A slot goes
 *
 *     tail -> (merged in the background) -> linked -> ended -> (grace) -> given back to the graph
 *
 * or is ended while it is in the tail. The tail is scanned exactly, so a row is found from its put
 * on, and a put costs no walk.
 *
 * Every change (a put, a delete) has a number, `seq`. A slot carries the change that bore it and
 * the one that ended it; a search remembers the `seq` at its start and sees exactly the slots with
 * born <= seq < died: whole documents, and no lock. Ended slots go back when no reader is left that
 * began before their end: readers write the seq of their start into a table, which the writer looks
 * at. Born is stored before died when a slot is used again, and read after it, so that nobody takes
 * a slot for visible while it changes.
 *
 * A search looks at the tail first and walks then: a slot leaves the tail only after it is linked,
 * so it is met in one of the two.
 *
 * Writers (put, delete, merging, saving a block, the check) take `lock`; merging leaves it as soon
 * as another waits.
 *
 * Memory a row of d dimensions: the graph's 3 d + 64 * (d / 512 + 1) + 144, and 48 bytes here (384:
 * 1,408), and 4 bytes a document number. */
#ifndef INDEX_VECTORS_IMPL_H
#define INDEX_VECTORS_IMPL_H

#include "base/epoch.h"
#include "base/thread.h"
#include "graph/graph.h"
#include "index/recall.h"
#include "index/vectors.h"
#include <stdatomic.h>
#include <stddef.h>

_Static_assert(RECALL_WIDTH_MAX <= GRAPH_WIDTH_MAX, "the meter asks for what a walk can do");
#define SLOT_NONE GRAPH_NONE
#define CHUNK_SHIFT 12
#define CHUNK_SLOTS (UINT32_C(1) << CHUNK_SHIFT)
#define LEAF_NUMBERS 4096
#define NEVER UINT64_MAX
/* What a step of a walk costs, in rows of a scan; measured on 200,000 x 384. */
#define SCAN_TO_WALK 40

struct chunk {
    /* The row is scale * code + a rest, in the graph's rotated coordinates; Euclidean lengths of
     * the rest and of scale * code, rounded up. */
    float scale[CHUNK_SLOTS], rest[CHUNK_SLOTS], length[CHUNK_SLOTS];
    uint32_t number[CHUNK_SLOTS], passage[CHUNK_SLOTS];
    uint32_t next[CHUNK_SLOTS]; /* the slot of the document's next passage, or SLOT_NONE */
    uint64_t revision[CHUNK_SLOTS];
    _Atomic uint64_t born[CHUNK_SLOTS], died[CHUNK_SLOTS];
    _Atomic uint64_t tail[CHUNK_SLOTS / 64]; /* a bit a slot */
    _Atomic uint32_t tail_count;
};

struct leaf {
    _Atomic uint32_t head[LEAF_NUMBERS]; /* slot of passage 0, plus 1; 0: no such document */
};

/* Slots that ended, oldest first. */
struct ended {
    struct ended_slot {
        uint64_t died;
        uint32_t slot;
    } * ring;
    size_t first, count, cap;
};

struct vectors {
    uint32_t dims;
    struct graph *graph;
    struct chunk **chunks;
    _Atomic(struct leaf *) *leaves;
    _Atomic uint32_t slots_end; /* slots below it have a chunk */
    _Atomic size_t rows, documents, tail, leaf_bytes;
    _Atomic uint64_t worked;   /* by merging, rows */
    _Atomic unsigned width[2]; /* of a walk for 10: over all; under a filter */
    _Atomic uint64_t ways[VECTORS_WAYS];
    struct meter *meter;
    /* VECTORS_SCAN_ROWS, SCAN_TO_WALK; tests, which have few rows, take less. */
    size_t scan_rows;
    double scan_to_walk;
    struct epochs epochs;     /* now: the seq of the last change */
    struct lock lock;         /* for all that follows, and for every change */
    _Atomic unsigned waiting; /* for the lock, in haste */
    struct ended ended_tail, ended_linked;
    uint32_t leaves_end, merge_at; /* leaves ever used; where the merging is */
    size_t worn;                   /* slots that should be refined for what was deleted */
    bool saving;                   /* the graph stands still */
    float *scratch;                /* dims */
};

static inline struct chunk *chunk_of(const struct vectors *v, uint32_t slot)
{
    return v->chunks[slot >> CHUNK_SHIFT];
}
static inline uint32_t index_of(uint32_t slot)
{
    return slot & (CHUNK_SLOTS - 1);
}
static inline bool slot_visible(const struct chunk *c, uint32_t index, uint64_t seq)
{
    uint64_t died = atomic_load_explicit(&c->died[index], memory_order_acquire);
    return seq < died && atomic_load_explicit(&c->born[index], memory_order_relaxed) <= seq;
}
static inline uint32_t slot_next(const struct vectors *v, uint32_t slot)
{
    return chunk_of(v, slot)->next[index_of(slot)];
}
static inline struct vector_hit slot_hit(const struct vectors *v, uint32_t slot, float cosine)
{
    const struct chunk *c = chunk_of(v, slot);
    uint32_t i = index_of(slot);
    return (struct vector_hit){c->number[i], c->passage[i], cosine, c->revision[i]};
}

/* --- vectors.c --- */
struct vectors *vectors_of_graph(struct graph *g); /* an empty one; takes it */
/* The slot of passage 0, or SLOT_NONE. Inside only. */
uint32_t vectors_head(const struct vectors *v, uint32_t number);
void vectors_lock(struct vectors *v); /* ahead of merging */
/* Writer: */
void vectors_slot_known(struct vectors *v, uint32_t slot); /* gives it a chunk */
_Atomic uint32_t *vectors_head_place(struct vectors *v, uint32_t number);
void tail_add(struct vectors *v, uint32_t slot);
void tail_remove(struct vectors *v, uint32_t slot);
static inline bool tail_has(const struct vectors *v, uint32_t slot)
{
    uint32_t i = index_of(slot);
    return atomic_load(&chunk_of(v, slot)->tail[i / 64]) >> i % 64 & 1;
}
/* The slot that ended first, if nobody sees it any more; else SLOT_NONE. */
uint32_t ended_take(struct ended *e, uint64_t oldest);

/* --- vectors_scan.c: exact --- */

/* The best passage of each document met so far. */
struct found {
    struct vector_hit hit;
    uint32_t slot;
};
struct group {
    struct found *found;
    size_t count, cap;
    uint32_t *table; /* by number: places in `found`, plus 1 */
    size_t table_size;
};
void group_init(struct group *g);
void group_release(struct group *g);
bool hit_better(const struct vector_hit *a, const struct vector_hit *b); /* of one document */
void group_add(struct group *g, struct vector_hit hit, uint32_t slot);

enum scan_what { SCAN_ALL, SCAN_MEMBERS, SCAN_TAIL };
/* Into the group: at least the k best documents among the rows that `seq` sees and `within` (NULL:
 * all) holds, of all rows or of the tail; SCAN_MEMBERS looks up each member of `within`. */
void vectors_scan(struct vectors *v, uint64_t seq, const float *query, size_t k,
                  const struct docset *within, enum scan_what what, struct group *g);
/* As SCAN_ALL, in parts, all of them inside; what it borrows must stay. scan_part looks at about so
 * many rows more; false: it was the last. scan_end frees; `g` NULL: it is given up. */
struct scan;
struct scan *scan_begin(struct vectors *v, uint64_t seq, const float *query, size_t k,
                        const struct docset *within);
bool scan_part(struct scan *s, uint32_t rows);
void scan_end(struct scan *s, struct group *g);

/* --- vectors_search.c --- */
/* The k best of the group, best first, ties by number. */
size_t group_best(const struct group *g, size_t k, struct vector_hit *out);
enum way {
    WAY_SCAN,
    WAY_SCAN_FOR_WIDTH, /* a walk of VECTORS_WIDTH would be better, the one of today's is not */
    WAY_WALK
};
/* As vectors_search would answer now, of what `seq` sees, if it would walk; else only which way.
 * Inside. */
enum way vectors_walk(struct vectors *v, uint64_t seq, const float *query, size_t k,
                      const struct docset *within, struct vector_hit *out, size_t *count);

/* --- vectors_meter.c --- */
struct meter *meter_new(uint32_t dims);
void meter_free(struct meter *m);
size_t meter_bytes(struct meter *m);
/* A live search, which is kept now and then. Any thread. */
void meter_offer(struct meter *m, const float *query, size_t k, const struct docset *within,
                 enum way way);

#endif
