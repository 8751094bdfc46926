/* Inside the near-duplicates (duplicates.h is what others see).
 *
 *   number -> slot -> sketch, original or copies
 *   band of a sketch -> bucket -> chain of the originals' slots
 *
 * A slot is free, an original that is linked into the bands, a copy in its original's list, or
 * (only while the writer is at work) loose. Buckets grow by linear hashing (Litwin 1980): one at a
 * time, so that no write waits for all of them. */
#ifndef INDEX_DUPLICATES_IMPL_H
#define INDEX_DUPLICATES_IMPL_H

#include "base/thread.h"
#include "index/duplicates.h"
#include "index/shingles.h"

enum {
    BANDS = 16,
    BAND_BYTES = SKETCH_BYTES / BANDS,
    SAME_BAND_MAX = 256, /* originals in a bucket that agree in the band */
    CANDIDATES_MAX = BANDS * SAME_BAND_MAX,
};
#define SLOT_NONE UINT32_MAX
#define LEAF_SLOTS 1024
#define SLOTS_MAX (1u << 27)
#define NODE_END UINT32_MAX
#define NODE_LOOSE (UINT32_MAX - 1) /* not in any chain */

struct duplicate_row {
    uint64_t group;
    uint32_t number;     /* 0: the slot is free */
    uint32_t text;       /* digest of its words */
    uint32_t original;   /* slot, of a copy; else SLOT_NONE */
    uint32_t next, prev; /* slots: of an original next is its first copy; of a copy its neighbours
                            in the list, prev SLOT_NONE in the first; of a free slot the next free
                            one */
};

struct duplicates {
    struct rwlock
        lock; /* the writer takes it to change anything; readers use rows, slots, copies */
    struct duplicate_row *rows;
    uint8_t (*sketches)[SKETCH_BYTES];
    uint32_t *chain; /* by node (slot * BANDS + band): the next node, NODE_END or NODE_LOOSE */
    uint32_t slot_count, slot_cap, slot_free; /* used so far; allocated; the first free one */
    uint32_t **leaves; /* slots by number, LEAF_SLOTS a leaf: a large number alone is cheap */
    size_t leaf_count, leaves_used;
    struct docset copies;
    uint32_t *heads; /* of the buckets */
    uint32_t bucket_count, bucket_cap;
    size_t linked; /* nodes in chains */
};

static inline bool duplicates_in_use(const struct duplicates *d, uint32_t slot)
{
    return d->rows[slot].number != 0;
}

/* ---- duplicates.c, also for the file ---- */
uint32_t duplicates_slot(const struct duplicates *d, uint32_t number); /* SLOT_NONE */
/* A loose one; the lock is held. SLOT_NONE: there are too many. */
uint32_t duplicates_slot_add(struct duplicates *d, uint32_t number, uint64_t group, uint32_t text,
                             const uint8_t sketch[SKETCH_BYTES]);
void duplicates_attach(struct duplicates *d, uint32_t copy, uint32_t original); /* lock held */

/* ---- duplicates_bands.c ---- */
void bands_init(struct duplicates *d);
/* Buckets for so many nodes; before the first is linked. */
void bands_reserve(struct duplicates *d, size_t nodes);
/* Into the chains of all bands that are not full. The lock is held, as in the next two. */
void bands_link(struct duplicates *d, uint32_t slot);
void bands_link_one(struct duplicates *d, uint32_t slot, unsigned band); /* full or not */
void bands_unlink(struct duplicates *d, uint32_t slot);
/* Linked slots of the group that agree with the sketch in a band and in at least `agreement_min`
 * bytes, each once, into `out` (CANDIDATES_MAX). Writer. */
size_t bands_candidates(const struct duplicates *d, uint64_t group,
                        const uint8_t sketch[SKETCH_BYTES], unsigned agreement_min, uint32_t *out);
/* Is the node in the chain where it belongs? */
bool bands_holds(const struct duplicates *d, uint32_t slot, unsigned band);
/* Nodes in all chains. */
size_t bands_walk(const struct duplicates *d);

#endif
