/* The vector graph: a query vector -> the nearest slots. It knows slots, not documents.
 *
 * A slot holds one row: the float16 values that the store holds (of length 1), and made from them,
 * rotated (math/rotate.h), an int8 row and a line of signs (math/signs.h). A slot passes through
 *
 *     free -> graph_row_set -> held -> graph_insert -> linked -> graph_delete -> (grace) -> free
 *
 * `held` rows are not found by graph_search: who holds them scans them (graph_code, graph_row).
 *
 * A search walks the graph by sign estimates alone, then reads the int8 rows of what is left, and
 * of the best of those the float16 rows; cosines in the answer are of the float16 rows.
 *
 * Threads: one writer at a time calls the functions so marked; searches run beside it without
 * locks, from any thread, between graph_enter and graph_leave. What a reader can reach does not
 * change: a slot is given out again when no link leads to it and no reader that entered before it
 * was deleted is still inside. A search sees a change or not; it may still give a slot that was
 * deleted after it began. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

#define GRAPH_DIMS_MAX 4096
#define GRAPH_SLOTS_MAX (UINT32_C(1) << 31)
#define GRAPH_NONE UINT32_MAX

struct graph;
struct graph *graph_new(uint32_t dims); /* 1..GRAPH_DIMS_MAX */
void graph_free(struct graph *g);
uint32_t graph_dims(const struct graph *g);

/* --- slots; writer --- */

/* A free slot, oldest first, or a new one. GRAPH_NONE: GRAPH_SLOTS_MAX are in use. */
uint32_t graph_slot_take(struct graph *g);
/* Fills a slot that was just taken: it is held now. `row`: dims float16, finite, copied. About 3 us
 * at 384 dimensions. */
void graph_row_set(struct graph *g, uint32_t slot, const uint16_t *row);
/* Held -> linked. About 150 us in a graph of 200,000. */
void graph_insert(struct graph *g, uint32_t slot);
/* Held or linked -> free after a grace period; the neighbours' links are repaired. */
void graph_delete(struct graph *g, uint32_t slot);
/* Inserts many held slots on `threads` threads, and goes over their links once more. */
void graph_build(struct graph *g, const uint32_t *slots, size_t count, unsigned threads);
/* Chooses the links of the next `count` slots anew (a second look lifts recall, and cures what
 * many changes wore), and frees deleted slots that links still led to. Goes round; call it from
 * time to time, more often while graph_unrefined is not 0. About 150 us a slot. */
void graph_refine_step(struct graph *g, uint32_t count);
/* Linked slots whose links were chosen only once, in a graph smaller than today's. */
size_t graph_unrefined(const struct graph *g);

/* --- rows; of a slot that is held or linked, or was when the reader entered --- */

const uint16_t *graph_row(const struct graph *g, uint32_t slot);
/* dims bytes of the rotated row; row about scale * code in rotated coordinates, and
 * scale * |code| = 1. Slots follow each other, graph_code_stride bytes apart, within blocks of
 * GRAPH_CHUNK_SLOTS. */
#define GRAPH_CHUNK_SHIFT 15
#define GRAPH_CHUNK_SLOTS (UINT32_C(1) << GRAPH_CHUNK_SHIFT)
const int8_t *graph_code(const struct graph *g, uint32_t slot);
size_t graph_code_stride(const struct graph *g);

/* --- searching; any thread --- */

struct graph_reader;
/* At most 128 are inside at a time: the next waits. Keep it short: slots are not reused meanwhile.
 */
struct graph_reader *graph_enter(struct graph *g);
void graph_leave(struct graph_reader *r);

struct graph_hit {
    uint32_t slot;
    float cosine;
};

/* Which slots may be in an answer. pass[i] = may slots[i] (count <= 32) be in it; called from the
 * searching thread, without locks, at most once for a slot. The walk scores what passes only and
 * reaches through what does not (ACORN: Patel and others 2024). It gives up after asking for
 * `visits_max` slots (0: never) or when it found fewer than k: then a scan of the matches is the
 * better way. `seeds`: some slots that pass, spread over all that do (64 are used; those that
 * are not linked are passed over): where it starts, beside the usual entries. */
struct graph_filter {
    void (*pass)(void *ctx, const uint32_t *slots, unsigned count, bool *pass);
    void *ctx;
    size_t visits_max;
    const uint32_t *seeds;
    unsigned seed_count;
};

#define GRAPH_WIDTH_MAX 65536u
/* The k nearest linked slots as far as a walk of `width` finds them (larger: better and slower; at
 * least k is used), best first, ties by slot. `query`: dims floats of length 1. `filter` NULL: all.
 * `gave_up` may be NULL. Returns how many. */
size_t graph_search(struct graph_reader *r, const float *query, size_t k, size_t width,
                    const struct graph_filter *filter, struct graph_hit *out, bool *gave_up);
/* `count` queries, dims floats apart; out[i * k], found[i]. One after the other: letting four walks
 * take turns, each fetching while another scores, gained nothing on 200,000 x 384. */
void graph_search_many(struct graph_reader *r, const float *queries, size_t count, size_t k,
                       size_t width, struct graph_hit *out, size_t *found);

/* How many slots the reader's last graph_search estimated: what it cost. */
size_t graph_scored(const struct graph_reader *r);

/* --- state --- */

size_t graph_count(const struct graph *g);                  /* linked slots; any thread */
uint32_t graph_slots_end(const struct graph *g);            /* slots ever used; any thread */
bool graph_is_held(const struct graph *g, uint32_t slot);   /* writer */
bool graph_is_linked(const struct graph *g, uint32_t slot); /* writer */

struct graph_bytes {
    size_t hot; /* lines, links, int8 rows of the slots in use */
    size_t all; /* and everything else */
};
struct graph_bytes graph_bytes(const struct graph *g); /* any thread */

/* Every invariant; ERR_CORRUPT names the first that does not hold. `reachable`, unless NULL: of the
 * linked slots, how many can be reached from the entries. Writer. */
enum err graph_check(struct graph *g, size_t *reachable, struct err_info *e) MUST_CHECK;

/* A section of a snapshot (section.h) with its own checksums. Writer. The loaded graph has the same
 * slots, held and linked. ERR_CORRUPT: damaged. */
struct file;
enum err graph_save(struct graph *g, struct file *f, struct err_info *e) MUST_CHECK;
enum err graph_load(struct file *f, uint64_t *offset, struct graph **out,
                    struct err_info *e) MUST_CHECK;

#endif
