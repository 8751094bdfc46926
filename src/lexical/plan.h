/* A query on its way through the lists: its terms looked up, by what they are for. One reader's. */
#ifndef LEXICAL_PLAN_H
#define LEXICAL_PLAN_H

#include "lexical/internal.h"

/* A term of a group, and how far its list has been read. */
struct member {
    struct list list;
    double boost;
    float factor;              /* boost * idf * weight; small, but not 0 */
    uint32_t next;             /* the slot of the next posting; NONE */
    uint32_t at;               /* its block */
    const struct block *block; /* what was found there: the writer may have replaced it since */
    unsigned n, i;             /* its postings; those below i are read */
};
struct plan_group {
    struct member *members;
    size_t count;
    double factor; /* idf * weight */
    bool required, ranked;
    /* In the window at hand: no document gets more of it; no more postings, about. */
    float bound;
    size_t postings;
};
struct plan_phrase {
    struct plan_group *groups;
    const uint32_t *offsets;
    size_t count;
    bool forbidden;
};
struct plan {
    struct lexical *x;
    struct arena *arena;
    struct epoch_reader *reader;
    uint64_t version;
    uint32_t slots_end, part;
    struct saturation saturation;
    /* SHOULD and MUST groups; those of MUST phrases; those of MUST_NOT. */
    struct plan_group *ranked, *filters, *forbidden;
    size_t ranked_count, filter_count, forbidden_count;
    bool required; /* some are; else one that is ranked must be there */
    struct plan_phrase *phrases;
    size_t phrase_count;
    const struct docset *within;
    bool possible; /* false: a required group has no postings at all, or there is nothing to find */
};
void plan_open(struct plan *p, struct lexical *x, const struct lexical_query *q, struct arena *a);
void plan_close(struct plan *p);
/* Does the document match, all conditions but `within` and visibility asked; and its score: in
 * double, group by group in the order of the query, the same wherever it is asked for. */
bool plan_matches(const struct plan *p, uint32_t slot);
double plan_score(const struct plan *p, uint32_t slot);
bool phrase_matches(const struct plan *p, const struct plan_phrase *f, uint32_t slot);
bool phrases_match(const struct plan *p, uint32_t slot);
static inline bool plan_may(const struct plan *p, uint32_t slot)
{
    const struct slot_chunk *c = slots_of(p->x, slot);
    return slot_visible(c, slot % CHUNK, p->version) &&
           (!p->within || docset_has(p->within, c->numbers[slot % CHUNK]));
}

/* ---- cursors (cursor.c) ---- */

/* Postings of one block, to be read: [from, to). */
struct span {
    const struct block *block;
    unsigned from, to;
};
void member_rewind(struct member *m);
/* The next unread postings below slot `end`. */
bool member_next(struct member *m, uint32_t end, struct span *s);
void member_skip(struct member *m, uint32_t slot); /* to the first >= slot */
/* The tfs of slots start + places[i], rising and not below any asked for before; 0: not there. */
#define PROBES 64u
void member_tfs(struct member *m, uint32_t start, const uint32_t *places, unsigned count,
                uint32_t *tfs); /* count <= PROBES */
/* Blocks that have postings of [next, end), and the most that tf / (tf + K) is in them. */
size_t member_blocks(const struct member *m, uint32_t end, const struct saturation *s, float *most);
static inline uint32_t group_next(const struct plan_group *g)
{
    uint32_t least = NONE;
    for (size_t i = 0; i < g->count; i++)
        least = g->members[i].next < least ? g->members[i].next : least;
    return least;
}
static inline void group_skip(struct plan_group *g, uint32_t slot)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->members[i].next < slot)
            member_skip(&g->members[i], slot);
}

/* ---- the best (best.c) ----
 *
 * Scores of windows are sums of floats, in whatever order: a document is kept while it may be among
 * the best by its exact score, which is computed for those that are left at the end. */
#define ROUNDING 4e-5f /* relative; sums of 256 floats and what they are made of err by less */
struct found {
    float score;
    uint32_t slot;
};
struct best {
    size_t k, heap_count, count, cap;
    float *heap; /* the k best scores, the least first */
    struct found *found;
    float least; /* what a score must reach */
    struct arena *arena;
};
void best_init(struct best *b, size_t k, size_t documents, struct arena *a);
void best_add(struct best *b, float score, uint32_t slot);
size_t best_end(struct best *b, const struct plan *p, struct lexical_hit **out);

/* ---- windows (window.c) ---- */

/* What is found goes to `best`, or unranked into `all`. */
struct sink {
    struct best *best;
    struct docset *all;
};
struct window;
struct window *window_new(struct arena *a);
/* The documents of all windows. */
void windows_run(struct plan *p, struct window *w, const struct sink *to);

#endif
