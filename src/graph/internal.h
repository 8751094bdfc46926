/* Inside the vector graph (graph.h is what others see).
 *
 * Arrays by slot, in chunks that never move:
 *
 *     line   64 bytes at 384 dimensions: base, factor, twin, scale, the signs of r = row - centroid
 *     links  32 slots, filled from the front, GRAPH_NONE behind
 *     code   the int8 row                  half   the float16 row
 *     node   what only writers look at
 *
 * A walk reads lines and links only. Links are stored with release and loaded with acquire (plain
 * moves on x86): who sees a link sees the row behind it. Of a line only `norm` (dead: NORM_DEAD)
 * and `twin` change while it can be reached.
 *
 * Rows whose int8 codes are equal are twins: the first is linked, the others hang on it as a list.
 * So a thousand copies of a text do not fill each other's links.
 *
 * Each linked slot knows how many links lead to it (`indegree`): a deleted slot is given out again
 * only when none does, and the last link to a slot is not pruned away. */
#ifndef GRAPH_INTERNAL_H
#define GRAPH_INTERNAL_H

#include "base/epoch.h"
#include "graph/graph.h"
#include "math/simd.h"
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define DEGREE 32u
#define ALPHA 1.05f
#define EF_CONSTRUCTION 128u
#define ENTRIES 64u /* that a walk takes */
#define ENTRIES_EACH 8u
#define CHUNKS_MAX (GRAPH_SLOTS_MAX / GRAPH_CHUNK_SLOTS)
#define NORM_DEAD 1e30f

/* Rows of fewer dimensions have so many signs all the same, of the row turned in a space of so many
 * (lift): of 128 signs estimates were so rough that a walk of width 128 lost .026 of its recall. */
#define SIGNS_MIN 384u

/* With b the signs of r = x - c and f = 2 |r|^2 / sum |r_i|, and B = sum of b_i y_i the part that a
 * walk computes,
 *
 *     |x - q|^2 = |r|^2 + |q - c|^2 - 2 r.(q - c), about |q - c|^2 + (|r|^2 + f b.c) - f b.q
 */
struct line {
    _Atomic float norm; /* |r|^2 + f b.c */
    uint32_t factor;    /* f as bfloat16 above, the number of c below */
    _Atomic uint32_t twin;
    float scale; /* of the code */
    uint64_t bits[];
};

/* Slots near one centroid, or GRAPH_NONE. */
struct entry_row {
    _Atomic uint32_t slots[ENTRIES_EACH];
    uint64_t seen; /* how many slots this is a sample of */
};

/* How lines are made: centroids, and the lines that follow from them. When the centroids change, a
 * second set of lines is made beside the first, a part at a time, and readers move to it with their
 * next walk. What changes in a line meanwhile changes in both. */
#ifndef CENTROIDS_MAX
#define CENTROIDS_MAX 64u
#endif
struct coding {
    unsigned count;
    float *centroids;    /* count x dims, rotated; the first is 0 if there is only one */
    float *lifted;       /* count x signs: the same, as lines see them */
    float *squares;      /* their lengths, squared */
    char **lines;        /* by chunk */
    size_t trained_at;   /* how many slots were linked then */
    uint64_t changes_at; /* and g->changes */
    float spread;        /* mean |r|^2 of the sample that they were made of */
    struct entry_row entries[CENTROIDS_MAX];
    uint64_t retired; /* epoch */
    struct coding *next;
};

enum node_state { NODE_FREE, NODE_HELD, NODE_LINKED, NODE_TWIN, NODE_DEAD };
struct node {
    _Atomic uint32_t indegree;
    uint32_t previous; /* of a twin: the one before it in the list */
    _Atomic uint8_t lock;
    uint8_t state;
    uint8_t refined;
};

struct links {
    _Alignas(64) _Atomic uint32_t to[DEGREE];
};

struct candidate {
    float distance; /* squared, of the codes: 0..4 */
    uint32_t slot;
};

/* What a walk finds, best first: keys and slots apart, so that a place is found by comparing many
 * keys at once. POOL_DONE in a slot: expanded. */
#define POOL_DONE (UINT32_C(1) << 31)
struct pool_of {
    float *keys;
    uint32_t *slots;
    unsigned width, count, cap;
    unsigned cursor; /* none before it is unexpanded */
};

/* pool.c: those of `count` that are among the best `width` come in. */
void pool_add(struct pool_of *p, const float *keys, const uint32_t *slots, unsigned count);

#define BATCH 64u
struct batch {
    uint32_t slots[BATCH];
    unsigned count;
};

/* One walk at a time: the memory of a reader or of a writing thread. */
struct walk {
    const struct graph *g;
    float *query; /* rotated */
    int8_t *code; /* of it, as rows have */
    float code_scale;
    float *lifted;      /* as lines see it */
    int8_t *signs_code; /* of that */
    const struct coding *coding;
    float base, slope;         /* b.q = slope * sum - base */
    float away[CENTROIDS_MAX]; /* |q - c|^2 less |q|^2 */
    float *scratch;
    uint64_t *visited; /* a bit a slot */
    uint32_t limit;    /* slots below it are known to this walk */
    uint32_t *touched; /* slots whose bits are set */
    size_t touched_count, touched_cap, visited_words;
    struct pool_of pool;
    struct batch batches[2]; /* one is filled, the other one scored */
    struct candidate *found; /* of walk_rank */
    size_t found_count, found_cap;
    uint64_t *sort;
    size_t sort_cap;
    size_t scored;     /* estimates made */
    uint64_t *bridges; /* filtered: slots that do not pass and were not reached through */
    size_t visits;     /* filtered: slots asked for */
};
void walk_init(struct walk *w, const struct graph *g);
void walk_release(struct walk *w);
size_t walk_bytes(const struct walk *w);
void walk_query(struct walk *w, const float *query); /* unrotated */
void walk_query_slot(struct walk *w, uint32_t slot);
/* Fills the pool. */
void walk_run(struct walk *w, unsigned width);
/* The same with slots that pass only; false: gave up. filter.c */
bool walk_run_filtered(struct walk *w, unsigned width, const struct graph_filter *filter);
/* The pieces of both. */
void walk_begin(struct walk *w, unsigned width);
void walk_touched_room(struct walk *w);
void walk_batch_score(struct walk *w, struct batch *b); /* and empties it */
uint32_t walk_next(struct walk *w); /* the best unexpanded slot, or GRAPH_NONE */
void walk_links_fetch(const struct walk *w);
/* The pool's members by the distance of their codes into `found`; sorted: nearest first. */
void walk_rank(struct walk *w, bool sorted);
void walk_found_add(struct walk *w, const struct candidate *c, size_t n); /* and sorts again */
void walk_clear(struct walk *w); /* visited; before the next walk */

struct graph_reader {
    _Alignas(64) struct epoch_reader *place;
    struct graph *g;
    struct walk *walk;
    _Atomic size_t bytes; /* of it, when it left */
};

struct retired {
    uint64_t epoch;
    uint32_t slot;
};

/* Of one writing thread. */
struct linker {
    struct graph *g;
    struct walk walk;
    const int8_t *rows[DEGREE];
    float scales[DEGREE];
};

struct graph {
    uint32_t dims, signs; /* of a line: dims, or SIGNS_MIN */
    unsigned words;
    size_t line_bytes, code_bytes, half_bytes; /* of one slot */
    char **codes, **halves;
    _Atomic(struct coding *) coding;
    struct training *training; /* centroids of the next, half made */
    struct coding *coming;     /* the next, its lines half made */
    uint32_t coming_end;       /* slots below it have their new lines */
    struct coding *gone;       /* replaced; a reader may still be in them */
    struct links **links;
    struct node **nodes;
    _Atomic uint32_t slots_end;
    _Atomic size_t count; /* linked, twins among them */
    _Atomic size_t unrefined;
    _Atomic size_t other_bytes; /* than those of slots and readers */
    uint64_t changes;           /* insertions and deletions ever */
    size_t followed_at;         /* how many slots were linked when coding_follow last began */
    uint32_t refine_at, scan_at;
    struct epochs epochs;
    struct graph_reader readers[EPOCH_READERS];
    /* The writer's: deleted slots, oldest first, in a ring; those that links still lead to. */
    struct retired *retired;
    size_t retired_first, retired_count, retired_cap;
    uint32_t *limbo;
    size_t limbo_count, limbo_cap, limbo_at;
    struct linker *linker;
    struct populating *populating; /* while it is loaded */
};

static inline struct line *line_in(const struct graph *g, const struct coding *c, uint32_t slot)
{
    return (struct line *)(c->lines[slot >> GRAPH_CHUNK_SHIFT] +
                           (slot & (GRAPH_CHUNK_SLOTS - 1)) * g->line_bytes);
}
static inline struct line *line_of(const struct graph *g, uint32_t slot)
{
    return line_in(g, atomic_load_explicit(&g->coding, memory_order_acquire), slot);
}
static inline struct links *links_of(const struct graph *g, uint32_t slot)
{
    return g->links[slot >> GRAPH_CHUNK_SHIFT] + (slot & (GRAPH_CHUNK_SLOTS - 1));
}
static inline struct node *node_of(const struct graph *g, uint32_t slot)
{
    return g->nodes[slot >> GRAPH_CHUNK_SHIFT] + (slot & (GRAPH_CHUNK_SLOTS - 1));
}
static inline int8_t *code_of(const struct graph *g, uint32_t slot)
{
    return (int8_t *)g->codes[slot >> GRAPH_CHUNK_SHIFT] +
           (slot & (GRAPH_CHUNK_SLOTS - 1)) * g->code_bytes;
}
static inline uint16_t *half_of(const struct graph *g, uint32_t slot)
{
    return (uint16_t *)(g->halves[slot >> GRAPH_CHUNK_SHIFT] +
                        (slot & (GRAPH_CHUNK_SLOTS - 1)) * g->half_bytes);
}
static inline uint32_t link_at(const struct links *l, unsigned i)
{
    return atomic_load_explicit(&l->to[i], memory_order_acquire);
}
static inline void link_set(struct links *l, unsigned i, uint32_t slot)
{
    atomic_store_explicit(&l->to[i], slot, memory_order_release);
}
static inline void line_fetch(const struct graph *g, const struct coding *c, uint32_t slot)
{
    lines_fetch(line_in(g, c, slot), g->line_bytes);
}
static inline void links_fetch(const struct graph *g, uint32_t slot)
{
    lines_fetch(links_of(g, slot), sizeof(struct links));
}
static inline bool bit_at(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> i % 64 & 1;
}
/* In the lines that readers see, and in those to come. */
static inline bool slot_is_coming(const struct graph *g, uint32_t slot)
{
    return g->coming && slot < g->coming_end;
}
static inline void twin_set(struct graph *g, uint32_t slot, uint32_t twin)
{
    if (slot_is_coming(g, slot))
        atomic_store_explicit(&line_in(g, g->coming, slot)->twin, twin, memory_order_relaxed);
    atomic_store(&line_of(g, slot)->twin, twin);
}
static inline void slot_kill(struct graph *g, uint32_t slot)
{
    if (slot_is_coming(g, slot))
        atomic_store_explicit(&line_in(g, g->coming, slot)->norm, NORM_DEAD, memory_order_relaxed);
    atomic_store(&line_of(g, slot)->norm, NORM_DEAD);
}
/* Of a slot that never had a row in these lines. A walk may come by: all that it reads is set. */
static inline void line_make_dead(const struct graph *g, struct line *line)
{
    memset(line, 0, g->line_bytes);
    atomic_store_explicit(&line->twin, GRAPH_NONE, memory_order_relaxed);
    atomic_store_explicit(&line->norm, NORM_DEAD, memory_order_relaxed);
}
static inline bool slot_has_row(const struct graph *g, uint32_t slot)
{
    uint8_t state = node_of(g, slot)->state;
    return state == NODE_HELD || state == NODE_LINKED || state == NODE_TWIN;
}
static inline bool line_dead(const struct line *line)
{
    return atomic_load_explicit(&line->norm, memory_order_relaxed) >= NORM_DEAD;
}
static inline bool slot_dead(const struct graph *g, uint32_t slot)
{
    return line_dead(line_of(g, slot));
}
static inline float slots_distance(const struct graph *g, float dot, uint32_t a, uint32_t b)
{
    float d = 2 - 2 * dot * line_of(g, a)->scale * line_of(g, b)->scale;
    return d > 0 ? d : 0;
}

/* link.c */
struct linker *linker_new(struct graph *g);
void linker_free(struct linker *k);
void linker_insert(struct linker *k, uint32_t slot);
/* Chooses the links of a linked slot anew. */
void linker_refine(struct linker *k, uint32_t slot);
/* A link away from `slot`, and live `more` as candidates in its place. */
void linker_mend(struct linker *k, uint32_t slot, uint32_t without, const uint32_t *more,
                 unsigned more_count);
/* A link from `slot` to `to`, whatever has to go for it. */
void link_force(struct graph *g, uint32_t slot, uint32_t to);
/* Nothing leads to `slot`: those that it links to shall. */
void linker_adopt(struct linker *k, uint32_t slot);
unsigned links_read(const struct graph *g, uint32_t slot, uint32_t *out);
void node_lock(struct node *n);
void node_unlock(struct node *n);
static inline uint32_t indegree_of(const struct graph *g, uint32_t slot)
{
    return atomic_load_explicit(&node_of(g, slot)->indegree, memory_order_relaxed);
}
void indegree_add(struct graph *g, uint32_t slot);
void indegree_drop(struct graph *g, uint32_t slot);

void graph_inserted(struct graph *g, uint32_t slot); /* change.c: counts, entries */

/* entry.c */
void entries_add(struct graph *g, uint32_t slot);                  /* it was linked */
void entries_offer(struct graph *g, uint32_t slot);                /* if a place is free */
void entries_replace(struct graph *g, uint32_t slot, uint32_t by); /* by: or GRAPH_NONE */
void entries_clear(struct coding *c);
void entries_add_in(const struct graph *g, struct coding *c, uint32_t slot);
void entries_make(struct graph *g);                         /* of the coding that readers see */
void entries_fill(const struct graph *g, struct coding *c); /* if there is none */
unsigned entries_pick(const struct walk *w, uint32_t out[ENTRIES]);

/* coding.c */
struct coding *coding_new(const struct graph *g, unsigned count);
void coding_free(struct coding *c);
void coding_ready(const struct graph *g, struct coding *c); /* its centroids are set */
/* `x`, rotated, as lines see it: out[signs]. Lengths and inner products stay. */
void lift(const struct graph *g, const float *x, float *out);
/* All but twin and scale, of a rotated row; `scratch`: signs floats. */
void coding_encode(const struct graph *g, const struct coding *c, struct line *line, const float *x,
                   float *scratch);
void coding_chunk_add(struct graph *g, struct coding *c, uint32_t at);
size_t coding_bytes(const struct graph *g, const struct coding *c); /* but lines */
unsigned coding_nearest(const struct graph *g, const struct coding *c, const float *x,
                        float *square);
/* New centroids at once, as for `count` rows. */
void coding_renew(struct graph *g, size_t count);
/* After an insertion: while the graph is small, the centroids follow its growth, some work with
 * each insertion. */
void coding_follow(struct graph *g);
/* Looks whether better centroids are due, and does some work at them: as much as the lines of
 * `slots` slots are. */
void coding_step(struct graph *g, uint32_t slots);

/* train.c: centroids of a sample of the rows. */
struct training *training_new(const struct graph *g, unsigned centroids);
void training_free(struct training *t);
size_t training_bytes(const struct graph *g, const struct training *t);
/* Goes on for about `work` distances between a row and a centroid. True: done. */
bool training_step(const struct graph *g, struct training *t, size_t work);
/* What it made, to be freed by the caller; NULL: there were no rows. *spread_now: what the spread
 * is with the centroids in use. */
struct coding *training_result(struct training *t, float *spread_now);

/* file.c */
void populate_stop(struct graph *g);

/* graph.c */
void bytes_note(struct graph *g); /* when memory that is not a slot's came or went */
void *chunk_new(size_t bytes, bool small);
float code_scale(const int8_t *code, uint32_t dims);
void chunk_add(struct graph *g, uint32_t at);
void graph_slot_drop(struct graph *g, uint32_t slot); /* dead: -> retired or limbo */
/* limbo -> retired, where no link leads any more; looks at `count`, going round. */
void graph_slot_sweep(struct graph *g, size_t count);

#endif
