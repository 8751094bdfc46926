/* Inside the vector index (vectors.h is what others see).
 *
 * Rows live in chunks that never move; a row's content does not change while a reader can see it.
 * Every change (a put, a delete) has a number, `seq`. A row carries the change that bore it and the
 * one that ended it; a search remembers the `seq` at its start and sees exactly the rows with born
 * <= seq < died: whole documents, and no lock. Ended rows are used again when no reader is left
 * that began before their end (a grace period): readers write the seq of their start into a table
 * of READERS slots, which the writer looks at. Born is stored before died when a row is used again,
 * and read after it, so that nobody takes a row for visible while it changes.
 *
 * Chunks are asked for in huge pages, all but the first 2 MiB of an index, so that small ones stay
 * small: a scan of 60,000 x 384 takes 1.3 ms in them and 1.9 ms without (Zen 4).
 *
 * Memory a row of d dimensions: 3 d + 48 bytes (384: 1,200, or 1.2 GB a million), and 4 bytes a
 * document number. */
#ifndef INDEX_VECTORS_IMPL_H
#define INDEX_VECTORS_IMPL_H

#include "index/vectors.h"
#include <stdatomic.h>

#define ROW_NONE UINT32_MAX
#define ROWS_MAX (UINT32_C(1) << 31)
#define CHUNK_ROWS_MAX 16384
#define CHUNK_CODE_BYTES (8u << 20)
#define HUGE_PAGE ((size_t)2 << 20)
#define LEAF_NUMBERS 4096
#define READERS 128
#define NEVER UINT64_MAX

struct chunk {
    int8_t *codes;        /* rows x dims */
    uint16_t *halves;     /* rows x dims */
    float *scale;         /* a row is scale * code + a rest */
    float *rest, *length; /* Euclidean lengths of the rest and of scale * code, rounded up */
    uint32_t *number, *passage;
    uint32_t *next; /* the row of the document's next passage, or ROW_NONE */
    uint64_t *revision;
    _Atomic uint64_t *born, *died;
};

struct leaf {
    _Atomic uint32_t head[LEAF_NUMBERS]; /* row of passage 0, plus 1; 0: no such document */
};

struct reader {
    _Alignas(64) _Atomic uint64_t seq; /* of its start, plus 1; 0: free */
};

struct retired {
    uint64_t died;
    uint32_t row;
};

struct vectors {
    uint32_t dims;
    unsigned chunk_shift; /* log2 of the rows of a chunk */
    struct chunk **chunks;
    _Atomic(struct leaf *) *leaves;
    _Atomic uint64_t seq;
    _Atomic uint32_t rows_end; /* rows ever used */
    _Atomic size_t rows, documents, leaf_bytes;
    struct reader readers[READERS];
    /* The writer's: ended rows, oldest first, in a ring; and numbers seen, for saving. */
    struct retired *retired;
    size_t retired_first, retired_count, retired_cap;
    uint32_t leaves_end;
    float *scratch; /* dims */
};

static inline struct chunk *chunk_of(const struct vectors *v, uint32_t row)
{
    return v->chunks[row >> v->chunk_shift];
}
static inline uint32_t index_of(const struct vectors *v, uint32_t row)
{
    return row & ((UINT32_C(1) << v->chunk_shift) - 1);
}
static inline const int8_t *row_code(const struct vectors *v, uint32_t row)
{
    return chunk_of(v, row)->codes + (size_t)index_of(v, row) * v->dims;
}
static inline const uint16_t *row_half(const struct vectors *v, uint32_t row)
{
    return chunk_of(v, row)->halves + (size_t)index_of(v, row) * v->dims;
}
static inline bool row_visible(const struct chunk *c, uint32_t index, uint64_t seq)
{
    uint64_t died = atomic_load_explicit(&c->died[index], memory_order_acquire);
    return seq < died && atomic_load_explicit(&c->born[index], memory_order_relaxed) <= seq;
}

/* A reader's slot; *seq is what it may see. Waits if READERS are inside. */
struct reader *vectors_enter(struct vectors *v, uint64_t *seq);
void vectors_leave(struct reader *r);
/* The row of passage 0, or ROW_NONE. Inside only. */
uint32_t vectors_head(const struct vectors *v, uint32_t number);

#endif
