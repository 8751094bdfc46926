/* The dictionary: which terms are like a word, which begin with one.
 *
 * Two places for each term. Shelves (near.c) have the terms of one length in the order they came,
 * each by its signature (edits.h): a word's neighbours are found by looking at all of a few
 * shelves. Runs (prefixed.c) are sorted. Both refer to terms by id, NONE when the term is gone;
 * what is compacted or merged is made anew and the old is retired (internal.h), so that readers
 * inside an epoch may look without locks. One writer. */
#ifndef LEXICAL_DICTIONARY_H
#define LEXICAL_DICTIONARY_H

#include "lexical/edits.h"
#include "lexical/internal.h"

struct shelf {
    uint32_t cap, holes;
    _Atomic uint32_t count;
    _Atomic uint32_t *ids; /* behind the signatures */
    uint64_t signatures[];
};

#define TAIL 256u
#define RUNS_MAX 32
#define RUN_OF_TAIL UINT8_MAX
#define BOUNDED 16u /* entries that a bound is for */

/* keys: the first 8 bytes, as a number that sorts as they do, and as nothing else does: among terms
 * that have them in common there is no order. bounds: how high the df in BOUNDED
 * entries can be; set by readers, with the version it was true of. */
struct run {
    uint32_t count, holes;
    uint64_t *keys;
    _Atomic uint64_t *bounds;
    _Atomic uint32_t *ids;
    uint64_t memory[];
};
/* Runs fall in size, each at least twice the next; the newest terms are unsorted. */
struct sorted {
    uint32_t run_count;
    struct run *runs[RUNS_MAX];
    _Atomic uint32_t tail_count;
    _Atomic uint32_t tail[TAIL];
    uint64_t tail_keys[TAIL];
};

/* Where a term stands. */
struct place {
    uint32_t shelf_at, run_at;
    uint8_t shelf, run; /* shelf: its length */
};
struct dictionary {
    struct place *places; /* by id; the writer's */
    size_t place_count;
    _Atomic(struct shelf *) shelves[EDITS_CHARS_MAX + 1]; /* [0]: not used */
    _Atomic(struct sorted *) sorted;
};

void shelf_add(struct lexical *x, const struct term *t, struct place *p);
void shelf_drop(struct dictionary *d, const struct place *p);
void sorted_add(struct lexical *x, const struct term *t, struct place *p);
void sorted_drop(struct dictionary *d, const struct place *p);

/* The best so far, best first. */
struct top_word {
    const struct term *term;
    uint32_t df;
    unsigned edits;
};
struct top {
    struct top_word *found;
    size_t count, max;
};
void top_init(struct top *b, size_t max, struct arena *a);
/* Whether one so good would come in, ties left open. */
static inline bool top_wants(const struct top *b, unsigned edits, uint32_t df)
{
    if (b->count < b->max)
        return true;
    const struct top_word *last = &b->found[b->max - 1];
    return edits < last->edits || (edits == last->edits && df >= last->df);
}
void top_add(struct top *b, struct top_word f);
size_t top_give(const struct top *b, struct arena *a, struct lexical_word *out);

#endif
