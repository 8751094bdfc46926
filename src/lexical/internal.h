/* Inside the inverted index (lexical.h is what others see).
 *
 * Who sees what: base/epoch.h's counter is the version of the index. A put takes a new slot whose
 * `born` is the next version, appends its postings, then counts the version up; a document that was
 * replaced or deleted has `died` at that version. A reader sees exactly the documents whose born <=
 * its own version < died: one state, whatever the writer does meanwhile, and an update is one step.
 * The postings of a dead slot are taken out of every list as soon as no reader is inside who began
 * before it died (reap: at once, when nobody searches); the slot, and what was replaced in lists,
 * is used again when nobody is inside who began before that. So what a reader may see is never
 * taken away under it:
 *
 *     a posting    written, then the block's count is stored with release; readers load it with
 *                  acquire, and see of its slot all that was written before (length, born)
 *     a block      only the last of a list is appended to in place; any other change makes a new
 *                  block and stores its pointer with release; the old one stays as it is
 *     a directory  appended to in place, or made anew when blocks are divided or joined
 *     slot, died   0: free. Loaded before `born`: who finds it set anew finds born set anew
 *
 * Statistics (documents, mean length, df) are those of the moment, not of the version. */
#ifndef LEXICAL_INTERNAL_H
#define LEXICAL_INTERNAL_H

#include "base/epoch.h"
#include "lexical/lexical.h"
#include <stdatomic.h>
#include <string.h>

#define BM25_K1 1.2
#define BM25_B 0.75
#define CHUNK 4096u /* slots, numbers or terms; also the slots of a search's window */
#define BLOCK_MAX 128u
#define FRONT 4u
#define NONE UINT32_MAX
#define TF_MAX 65535u
extern const uint32_t field_weight[LEXICAL_FIELDS]; /* in halves: 4, 2, 3 */

/* ---- blocks (block.c) ----
 *
 * Postings in rising order of slot: offsets from `base` as u16 (WIDE_OFFSETS: u32), then tf in
 * halves as u8 (WIDE_TF: u16), then positions as varints (positions.c).
 *
 * The front: pairs (tf, length) of which every posting of the block has a tf that is not larger and
 * a length that is not smaller than one's: what any of them can score follows whatever the mean
 * length is. tf << 16 | length_code; 0: none. A pair is only ever replaced by one that covers it,
 * so that a reader may look while the writer appends. */
enum { WIDE_OFFSETS = 1, WIDE_TF = 2 };
struct block {
    uint32_t base;
    _Atomic uint8_t count; /* 1..BLOCK_MAX */
    uint8_t cap, wide, unused;
    uint32_t positions_used, positions_cap; /* bytes; the writer's */
    _Atomic uint32_t front[FRONT];
    uint8_t data[]; /* cap offsets, cap tfs, positions */
};
static inline unsigned block_count(const struct block *b)
{
    return atomic_load_explicit(&b->count, memory_order_acquire);
}
static inline uint32_t block_slot(const struct block *b, unsigned i)
{
    return b->base + (b->wide & WIDE_OFFSETS ? ((const uint32_t *)(const void *)b->data)[i]
                                             : ((const uint16_t *)(const void *)b->data)[i]);
}
static inline const uint8_t *block_tfs(const struct block *b)
{
    return b->data + (size_t)b->cap * (b->wide & WIDE_OFFSETS ? 4 : 2);
}
static inline uint32_t block_tf(const struct block *b, unsigned i)
{
    const uint8_t *t = block_tfs(b);
    return b->wide & WIDE_TF ? ((const uint16_t *)(const void *)t)[i] : t[i];
}
static inline const uint8_t *block_positions(const struct block *b)
{
    return block_tfs(b) + (size_t)b->cap * (b->wide & WIDE_TF ? 2 : 1);
}

struct posting {
    uint32_t slot, tf;
    const uint8_t *positions;
    size_t positions_size;
};
struct lexical;
struct block *block_new(struct lexical *x, const struct posting *p, unsigned count, unsigned cap,
                        size_t positions_cap);
/* A copy with more room, and `p` behind the others. */
struct block *block_grow(struct lexical *x, const struct block *b, const struct posting *p,
                         unsigned cap, size_t positions_cap);
bool block_append(struct lexical *x, struct block *b, const struct posting *p); /* false: no room */
/* All postings of a block, their positions still in it. Returns how many. Writer. */
unsigned block_read(const struct block *b, struct posting out[BLOCK_MAX]);

/* Lengths in 16 bits, never more than they are, less by at most 1/2048: of length + 1 as a float
 * the exponent, less that of 1, and 11 bits behind it. */
static inline uint32_t length_code(uint32_t length)
{
    float f = (float)(length < 1u << 24 ? length + 1 : length & ~0xffu); /* not rounded up */
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (bits >> 12) - (127u << 11);
}
static inline float length_decode(uint32_t code)
{
    uint32_t bits = (code + (127u << 11)) << 12;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f - 1;
}

/* ---- positions (positions.c) ----
 *
 * Of one posting: for each occurrence, by field and position, the varint of
 * difference << 3 | field << 1 | more; the difference is to the one before in the same field. */
#define OCCURRENCE_BYTES_MAX 5
static inline uint64_t occurrence(uint32_t field, uint32_t position)
{
    return (uint64_t)field << 32 | position;
}
/* `from`: in rising order. Returns the bytes written. */
size_t positions_write(const uint64_t *from, size_t count, uint8_t *out);
/* `out`: NULL to count only. Returns where the next posting's begin. */
const uint8_t *positions_read(const uint8_t *p, uint64_t *out, size_t *count);
const uint8_t *positions_skip(const uint8_t *p);

/* ---- terms (terms.c) ----
 *
 * A list is a block, or for more of them a directory: block i has the slots in
 * [first[i], first[i + 1]); first[0] is 0. */
struct directory {
    _Atomic uint32_t count;
    uint32_t cap;
    _Atomic(struct block *) blocks[]; /* cap; then cap x u32 first */
};
static inline uint32_t *directory_first(const struct directory *d)
{
    return (uint32_t *)(void *)((char *)(uintptr_t)d->blocks + d->cap * sizeof d->blocks[0]);
}
struct term {
    _Atomic uintptr_t list; /* 0, a block, or a directory + 1 */
    struct block *last;     /* of the list; NULL: look there. The writer's */
    _Atomic uint32_t df;    /* of live documents */
    uint32_t id;            /* while it has postings; then given to another */
    uint32_t mark;          /* the writer's: its place in the bag of a document */
    uint8_t n;
    bool part; /* of one part: its number is in front of the text */
    char text[];
};
#define PART_BYTES 4u
/* Of a part's term with its number: what it is found by. */
static inline struct str term_text(const struct term *t)
{
    return (struct str){t->text, t->n};
}
static inline struct str term_word(const struct term *t)
{
    unsigned skip = t->part ? PART_BYTES : 0;
    return (struct str){t->text + skip, t->n - skip};
}
static inline uint32_t term_part(const struct term *t)
{
    uint32_t part = 0;
    for (unsigned i = 0; i < PART_BYTES && t->part; i++)
        part = part << 8 | (uint8_t)t->text[i];
    return part;
}
/* The text of a part's term, cut to what there is room for. */
struct str part_text(uint32_t part, struct str term, char buf[LEXICAL_TERM_MAX]);
/* Open addressing; an entry is a term's address with the top 16 bits of its hash above. */
struct table {
    uint64_t mask;
    size_t live, used; /* terms; places taken by terms and by marks of removed ones */
    _Atomic uint64_t entries[];
};
uint64_t term_hash(const struct lexical *x, struct str text, bool part);
/* Any thread inside an epoch; NULL: not there. */
struct term *term_find(const struct lexical *x, uint32_t part, struct str term);
struct term *term_find_hashed(const struct lexical *x, struct str text, bool part, uint64_t hash);
void term_fetch_entry(const struct lexical *x, uint64_t hash); /* ahead of term_find_hashed */
void term_fetch(const struct lexical *x, uint64_t hash);
/* That is not there. */
struct term *term_add(struct lexical *x, struct str text, bool part, uint64_t hash);
/* term_add in two steps: it is found once it is entered. */
struct term *term_make(struct lexical *x, struct str text, bool part);
void term_enter(struct lexical *x, struct term *t, uint64_t hash);
void term_drop(struct lexical *x, struct term *t); /* its list is empty */
void table_renew(struct lexical *x);
void table_renew_for(struct lexical *x, size_t terms); /* so many are to come in all */
void term_df_add(struct lexical *x, struct term *t, int by);
/* Called by the writer when a term comes into being (df is 0 yet) or is gone: dictionary.c. */
void dictionary_added(struct lexical *x, struct term *t);
void dictionary_dropped(struct lexical *x, struct term *t);
void dictionary_new(struct lexical *x);
void dictionary_free(struct lexical *x); /* nobody reads any more */

/* The writer's changes of lists (postings.c). */
void postings_fetch(const struct term *t, bool deeper); /* ahead of postings_add */
void postings_add(struct lexical *x, struct term *t, const struct posting *p);
void postings_remove(struct lexical *x, struct term *t, uint32_t slot); /* is there */
void postings_free(struct lexical *x, struct term *t);                  /* at the end */

/* A reader's view of a list; borrowed while it is inside. */
struct list {
    const _Atomic(struct block *) *blocks;
    const uint32_t *first;
    uint32_t count;
    _Atomic(struct block *) one; /* for a list without directory */
};
bool list_open(struct list *l, const struct term *t); /* false: empty */
static inline const struct block *list_block(const struct list *l, uint32_t i)
{
    return atomic_load_explicit(&l->blocks[i], memory_order_acquire);
}
/* The block that would have the slot, at or after block `from` (whose first is <= slot). */
uint32_t list_seek(const struct list *l, uint32_t from, uint32_t slot);
/* The block and place of a slot's posting; NULL: it has none. */
const struct block *list_find(const struct list *l, uint32_t slot, unsigned *at);

/* ---- slots (slots.c) ---- */

struct slot_chunk {
    uint32_t lengths[CHUNK]; /* in halves, weighted */
    uint32_t parts[CHUNK];
    uint32_t numbers[CHUNK];
    uint32_t previous[CHUNK]; /* the slot that the document had, or NONE */
    uint64_t born[CHUNK], revisions[CHUNK];
    _Atomic uint64_t died[CHUNK]; /* UINT64_MAX: live */
    uint8_t *forward[CHUNK];      /* varints: how many terms, their ids. The writer's */
};
/* A table of chunks: made anew when it grows. */
struct chunks {
    uint32_t count;
    void *at[];
};
static inline void *chunk_of(const _Atomic(struct chunks *) *c, uint32_t i)
{
    return atomic_load_explicit(c, memory_order_acquire)->at[i / CHUNK];
}
struct number_chunk {
    _Atomic uint32_t slots[CHUNK]; /* + 1; 0: none */
};
struct term_chunk {
    _Atomic(struct term *) terms[CHUNK]; /* by id; NULL: free */
};
struct statistics {
    _Atomic uint64_t documents, length_sum;
    _Atomic double
        mean_length; /* of live documents, in halves; one word, so never of two moments */
};
struct part_chunk {
    struct statistics of[CHUNK];
};

/* ---- the whole ---- */

enum retired_kind { RETIRED_MEMORY, RETIRED_SLOT, RETIRED_TERM };
struct retired {
    uint64_t epoch; /* at which it was taken away */
    void *memory;
    uint32_t id; /* slot, or of the term */
    uint32_t kind;
};
struct dead {
    uint64_t epoch;
    uint32_t slot;
};
struct bag;        /* bag.c */
struct dictionary; /* dictionary.h */

struct lexical {
    struct epochs epochs;
    uint64_t seed; /* of hashes: who chooses words does not choose their places */
    _Atomic(struct table *) table;
    _Atomic(struct chunks *) terms, slots, numbers, parts;
    _Atomic uint32_t terms_end, slots_end, numbers_end,
        parts_end; /* those below may be looked at */
    _Atomic uint64_t term_count, bytes;
    struct statistics all;
    /* The writer's. */
    uint32_t *free_slots, *free_terms;
    size_t free_slot_count, free_slot_cap, free_term_count, free_term_cap;
    struct dead *dead; /* queues, in order of epoch */
    size_t dead_first, dead_count, dead_cap;
    struct retired *retired;
    size_t retired_first, retired_count, retired_cap;
    struct bag *bag;
    struct dictionary *dictionary;
};

/* memory.c: counted in x->bytes. What readers may see is retired, not freed. Writer. */
void *memory_new(struct lexical *x, size_t bytes); /* not zeroed */
void memory_free(struct lexical *x, void *p);
void memory_count(struct lexical *x, void *p); /* p came from elsewhere (xcalloc) */
void memory_retire(struct lexical *x, void *p);
void slot_retire(struct lexical *x, uint32_t slot);
void term_retire(struct lexical *x, struct term *t);
/* Ends a change: what was retired before is given back as readers allow. */
void epoch_next(struct lexical *x);
void memory_reclaim(struct lexical *x);

/* slots.c */
static inline struct slot_chunk *slots_of(const struct lexical *x, uint32_t slot)
{
    return chunk_of(&x->slots, slot);
}
uint32_t slot_take(struct lexical *x);               /* born, died and the rest are to be set */
void slot_publish(struct lexical *x, uint32_t slot); /* died = live; all else is set */
uint32_t slot_of_number(const struct lexical *x, uint32_t number);  /* the latest; NONE */
void number_set(struct lexical *x, uint32_t number, uint32_t slot); /* NONE: none */
static inline bool slot_visible(const struct slot_chunk *c, uint32_t i, uint64_t version)
{
    return atomic_load_explicit(&c->died[i], memory_order_acquire) > version &&
           c->born[i] <= version;
}
static inline void slot_fetch(const struct lexical *x, uint32_t slot) /* ahead of slot_visible */
{
    const struct slot_chunk *c = slots_of(x, slot);
    __builtin_prefetch(&c->died[slot % CHUNK]);
    __builtin_prefetch(&c->born[slot % CHUNK]);
}
/* The document's slot as of a version; NONE. */
uint32_t slot_at(const struct lexical *x, uint32_t number, uint64_t version);
void chunks_grow(struct lexical *x, _Atomic(struct chunks *) *c, uint32_t end, size_t chunk_bytes);
struct term *term_at(const struct lexical *x, uint32_t id); /* NULL: free. Id < terms_end */
const uint8_t *varint_read(const uint8_t *p, uint32_t *v);
uint8_t *varint_write(uint8_t *p, uint32_t v);

/* bag.c: the terms of a document. bag_put adds its postings and returns its forward list. */
struct bag *bag_new(void);
void bag_free(struct bag *b);
uint8_t *bag_put(struct lexical *x, const struct lexical_document *d, uint32_t slot);

void statistics_add(struct lexical *x, uint32_t part, int documents, int64_t length);
/* NULL: the part has never had a document. */
const struct statistics *statistics_of(const struct lexical *x, uint32_t part);
/* K of the score in halves: tf / (tf + k0 + k1 * length), all in halves. */
struct saturation {
    double k0, k1;
};
struct saturation saturation_of(const struct lexical *x, uint32_t part);

#endif
