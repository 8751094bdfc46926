/* Loading: blocks as the file's groups are, documents in the order of their slots. Whatever the
 * bytes, what loads is whole: what it holds twice over in memory is made from one place in the
 * file, and no more is asked of memory than some times what was read. */
#include "lexical/file.h"

#include "base/section.h"
#include "lexical/internal.h"
#include <stdlib.h>

/* Which document holds what, some postings after it was read: meanwhile the memory that it goes to
 * comes near. Rare terms are all over the documents. */
#define LATE 32u
struct late {
    struct {
        uint32_t slot, id;
    } ring[LATE];
    uint32_t count; /* so far */
};

/* Terms whose blocks are yet to be made, for the same reason. */
#define RARE 16u
#define RARE_POSTINGS 4u

struct loading {
    struct lexical *x;
    struct section_reader *r;
    uint32_t documents;
    uint8_t *buf;
    const uint8_t *at, *end; /* of the chunk */
    size_t cap;
    union holding {
        struct {
            uint32_t terms, bytes; /* of their ids */
        } count;
        uint8_t *end; /* of what is written of them */
    } * holdings;     /* by slot */
    struct late late;
    struct rare {
        struct term *term;
        uint32_t count;
        struct posting postings[RARE_POSTINGS];
    } rare[RARE];
    struct {
        struct term *term;
        uint64_t hash;
    } entering[RARE]; /* into the table */
    size_t rare_count, entering_count;
    struct block **blocks; /* of the term */
    size_t block_count, block_cap;
};

/* ---- chunks ---- */

static void corrupt(struct loading *l, const char *what)
{
    section_corrupt(l->r, what);
    l->at = l->end;
}

static void rare_make(struct loading *l)
{
    for (size_t i = 0; i < l->rare_count; i++) {
        const struct rare *r = &l->rare[i];
        struct block *b = block_new(l->x, r->postings, r->count, r->count, 0);
        atomic_store_explicit(&r->term->list, (uintptr_t)b, memory_order_relaxed);
    }
    l->rare_count = 0;
}

/* Once where an item begins. Their positions are in the chunk. */
static void item_begin(struct loading *l)
{
    if (l->at < l->end || section_error(l->r))
        return;
    rare_make(l);
    uint32_t n = section_get_u32(l->r);
    if (n == 0 || n > section_left(l->r)) {
        corrupt(l, "a chunk is empty or larger than the file");
        return;
    }
    if (n > l->cap) {
        free(l->buf);
        l->buf = xmalloc(n);
        l->cap = n;
    }
    section_get(l->r, l->buf, n);
    l->at = l->buf;
    l->end = section_error(l->r) ? l->at : l->buf + n;
}

static uint64_t get_varint_slowly(struct loading *l)
{
    uint64_t v = 0;
    for (unsigned shift = 0; l->at < l->end && shift < 64; shift += 7) {
        uint8_t byte = *l->at++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    corrupt(l, "a number does not end");
    return 0;
}

static inline uint64_t get_varint(struct loading *l)
{
    if (l->at < l->end && *l->at < 0x80)
        return *l->at++;
    return get_varint_slowly(l);
}

static uint64_t get_difference(struct loading *l, uint64_t before)
{
    uint64_t z = get_varint(l);
    return before + (z >> 1 ^ (z & 1 ? UINT64_MAX : 0));
}

/* ---- documents ---- */

static void document_get(struct loading *l, uint64_t *number, uint64_t *revision)
{
    struct lexical *x = l->x;
    item_begin(l);
    *number = get_difference(l, *number);
    *revision = get_difference(l, *revision);
    uint64_t length = get_varint(l), part = get_varint(l);
    uint64_t most = NUMBERS_PER_DOCUMENT * (l->documents + NUMBERS_PER_DOCUMENT);
    if (*number == 0 || *number > most || *number >= UINT32_MAX || length > UINT32_MAX ||
        part > 8 * (UINT64_C(1024) + l->documents) || slot_of_number(x, (uint32_t)*number) != NONE)
        corrupt(
            l,
            "a document's number or part is out of range or there twice, or its length too large");
    if (section_error(l->r))
        return;
    uint32_t slot = slot_take(x);
    struct slot_chunk *c = slots_of(x, slot);
    c->lengths[slot % CHUNK] = (uint32_t)length;
    c->parts[slot % CHUNK] = (uint32_t)part;
    c->numbers[slot % CHUNK] = (uint32_t)*number;
    c->revisions[slot % CHUNK] = *revision;
    c->previous[slot % CHUNK] = NONE;
    c->born[slot % CHUNK] = 0;
    number_set(x, (uint32_t)*number, slot);
    statistics_add(x, (uint32_t)part, 1, (int64_t)length);
}

static void documents_get(struct loading *l)
{
    uint64_t number = 0, revision = 0;
    for (uint32_t i = 0; i < l->documents && !section_error(l->r); i++)
        document_get(l, &number, &revision);
}

/* ---- postings ---- */

/* Looks at all occurrences: in order, in a field that there is, the last one marked so. */
static void positions_get(struct loading *l, struct posting *p)
{
    uint64_t before = 0, tf = 0, v = 1;
    p->positions = l->at;
    for (bool first = true; v & 1 && l->at < l->end; first = false) {
        v = get_varint(l);
        uint64_t field = v >> 1 & 3, position = v >> 3;
        position += !first && field == before >> 32 ? (uint32_t)before : 0;
        if (field >= LEXICAL_FIELDS || position > UINT32_MAX || (!first && field < before >> 32)) {
            corrupt(l, "positions are out of order");
            return;
        }
        before = occurrence((uint32_t)field, (uint32_t)position);
        tf += field_weight[field];
    }
    if (v & 1)
        corrupt(l, "positions do not end");
    p->positions_size = (size_t)(l->at - p->positions);
    p->tf = tf < TF_MAX ? (uint32_t)tf : TF_MAX;
}

static unsigned varint_bytes(uint32_t v)
{
    return v < 1u << 7 ? 1 : v < 1u << 14 ? 2 : v < 1u << 21 ? 3 : v < 1u << 28 ? 4 : 5;
}

typedef void held_fn(union holding *h, uint32_t id);
static inline void held_count(union holding *h, uint32_t id)
{
    h->count.terms++;
    h->count.bytes += varint_bytes(id);
}

static inline void held_write(union holding *h, uint32_t id)
{
    h->end = varint_write(h->end, id);
}

static inline __attribute__((always_inline)) void held_later(struct loading *l, uint32_t slot,
                                                             uint32_t id, held_fn *held)
{
    struct late *late = &l->late;
    uint32_t i = late->count++ % LATE;
    if (late->count > LATE)
        held(&l->holdings[late->ring[i].slot], late->ring[i].id);
    late->ring[i].slot = slot;
    late->ring[i].id = id;
    __builtin_prefetch(&l->holdings[slot]);
}

static inline void held_all(struct loading *l, held_fn *held)
{
    struct late *late = &l->late;
    uint32_t from = late->count > LATE ? late->count - LATE : 0;
    for (uint32_t i = from; i < late->count; i++)
        held(&l->holdings[late->ring[i % LATE].slot], late->ring[i % LATE].id);
    late->count = 0;
}

/* *next: the first slot that may come. */
static void group_get(struct loading *l, struct posting *postings, unsigned count,
                      const struct term *t, uint64_t *next)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t slot = *next + get_varint(l) - 1;
        if (slot < *next || slot >= l->documents)
            corrupt(l, "postings are out of order, or of no document");
        else if (t->part && slots_of(l->x, (uint32_t)slot)->parts[slot % CHUNK] != term_part(t))
            corrupt(l, "a posting of another part");
        if (section_error(l->r))
            return;
        __builtin_prefetch(&slots_of(l->x, (uint32_t)slot)->lengths[slot % CHUNK]);
        postings[i].slot = (uint32_t)slot;
        positions_get(l, &postings[i]);
        held_later(l, (uint32_t)slot, t->id, held_count);
        *next = slot + 1;
    }
}

static void block_add(struct loading *l, const struct posting *postings, unsigned count)
{
    if (l->block_count == l->block_cap) {
        l->block_cap = 2 * l->block_cap + 16;
        l->blocks = xrealloc(l->blocks, l->block_cap * sizeof *l->blocks);
    }
    l->blocks[l->block_count++] = block_new(l->x, postings, count, count, 0);
}

static unsigned group_count_get(struct loading *l)
{
    item_begin(l);
    uint64_t count = get_varint(l);
    if (count > BLOCK_MAX)
        corrupt(l, "too many postings in a group");
    return section_error(l->r) ? 0 : (unsigned)count;
}

static void rare_add(struct loading *l, struct term *t, const struct posting *postings,
                     unsigned count)
{
    struct rare *r = &l->rare[l->rare_count++];
    r->term = t;
    r->count = count;
    memcpy(r->postings, postings, count * sizeof *postings);
    if (l->rare_count == RARE)
        rare_make(l);
}

/* ---- terms ---- */

static void list_make(struct loading *l, struct term *t)
{
    size_t count = l->block_count;
    if (count < 2) {
        atomic_store(&t->list, count ? (uintptr_t)l->blocks[0] : 0);
        return;
    }
    struct directory *d =
        memory_new(l->x, sizeof *d + count * (sizeof d->blocks[0] + sizeof(uint32_t)));
    d->cap = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        atomic_init(&d->blocks[i], l->blocks[i]);
        directory_first(d)[i] = i ? l->blocks[i]->base : 0;
    }
    atomic_init(&d->count, (uint32_t)count);
    atomic_store(&t->list, (uintptr_t)d + 1);
}

/* Returns how many postings. What was made of it before an error is the term's. */
static uint32_t list_get(struct loading *l, struct term *t)
{
    struct posting postings[BLOCK_MAX];
    uint64_t next = 0;
    uint32_t sum = 0;
    unsigned count = group_count_get(l);
    if (!count)
        corrupt(l, "a term has no postings");
    l->block_count = 0;
    while (count) {
        group_get(l, postings, count, t, &next);
        if (section_error(l->r))
            break;
        /* The end of a rare term is in the same chunk: its positions stay. */
        if (!sum && count <= RARE_POSTINGS && l->at < l->end && *l->at == 0) {
            l->at++;
            rare_add(l, t, postings, count);
            return count;
        }
        block_add(l, postings, count);
        sum += count;
        count = group_count_get(l);
    }
    list_make(l, t);
    return sum;
}

static void terms_enter(struct loading *l)
{
    for (size_t i = 0; i < l->entering_count && !section_error(l->r); i++) {
        struct term *t = l->entering[i].term;
        if (term_find_hashed(l->x, term_text(t), t->part, l->entering[i].hash))
            corrupt(l, "a term is there twice");
        else
            term_enter(l->x, t, l->entering[i].hash);
    }
    l->entering_count = 0;
}

static void term_enter_later(struct loading *l, struct term *t)
{
    uint64_t hash = term_hash(l->x, term_text(t), t->part);
    term_fetch_entry(l->x, hash);
    l->entering[l->entering_count].term = t;
    l->entering[l->entering_count++].hash = hash;
    if (l->entering_count == RARE)
        terms_enter(l);
}

/* False: that was the end, or there is an error. */
static bool term_get(struct loading *l)
{
    struct lexical *x = l->x;
    item_begin(l);
    uint64_t n = get_varint(l);
    if (n == 0 || section_error(l->r))
        return false;
    struct str text = {(const char *)l->at, (size_t)((n - 1) / 2)};
    bool part = (n - 1) & 1;
    if (text.n > LEXICAL_TERM_MAX || (part && text.n < PART_BYTES) ||
        text.n > (size_t)(l->end - l->at)) {
        corrupt(l, "a term is too long, or too short for its part");
        return false;
    }
    l->at += text.n;
    struct term *t = term_make(x, text, part);
    term_enter_later(l, t);
    uint32_t df = list_get(l, t);
    if (df)
        term_df_add(x, t, (int)df);
    return !section_error(l->r);
}

/* ---- what documents hold ---- */

static void forward_make(struct loading *l, uint32_t slot)
{
    union holding *h = &l->holdings[slot];
    uint8_t *p = memory_new(l->x, varint_bytes(h->count.terms) + h->count.bytes);
    slots_of(l->x, slot)->forward[slot % CHUNK] = p;
    h->end = varint_write(p, h->count.terms);
}

static void forward_add(struct loading *l, const struct term *t)
{
    struct list list;
    list_open(&list, t);
    for (uint32_t i = 0; i < list.count; i++) {
        const struct block *b = list_block(&list, i);
        for (unsigned k = 0, n = block_count(b); k < n; k++) {
            uint32_t half = l->late.count - LATE / 2;
            held_later(l, block_slot(b, k), t->id, held_write);
            if (l->late.count > LATE / 2)
                __builtin_prefetch(l->holdings[l->late.ring[half % LATE].slot].end, 1);
        }
    }
}

static void forwards_make(struct loading *l)
{
    uint32_t terms = atomic_load(&l->x->terms_end);
    rare_make(l);
    held_all(l, held_count);
    for (uint32_t slot = 0; slot < l->documents; slot++)
        forward_make(l, slot);
    for (uint32_t id = 0; id < terms; id++) {
        if (id + 16 < terms)
            __builtin_prefetch(term_at(l->x, id + 16));
        forward_add(l, term_at(l->x, id));
    }
    held_all(l, held_write);
    for (uint32_t slot = 0; slot < l->documents; slot++)
        slot_publish(l->x, slot);
}

static void index_get(struct loading *l)
{
    if (section_get_u64(l->r) != LEXICAL_MAGIC)
        section_corrupt(l->r, "not a word index");
    l->documents = section_get_u32(l->r);
    uint32_t terms = section_get_u32(l->r);
    if (l->documents > section_left(l->r) / 4 || terms > section_left(l->r) / 4)
        section_corrupt(l->r, "more documents or terms than the file has room for");
    if (section_error(l->r))
        return;
    table_renew_for(l->x, terms);
    l->holdings = xcalloc(l->documents + 1, sizeof *l->holdings);
    documents_get(l);
    while (!section_error(l->r) && term_get(l))
        ;
    terms_enter(l);
    if (!section_error(l->r) && (l->at < l->end || section_get_u32(l->r)))
        section_corrupt(l->r, "something follows the last term");
    if (!section_error(l->r))
        forwards_make(l);
}

enum err lexical_load(struct file *f, uint64_t *offset, struct lexical **out, struct err_info *e)
{
    struct loading l = {.x = lexical_new(), .r = section_reader_new(f, *offset)};
    index_get(&l);
    free(l.holdings);
    free(l.blocks);
    free(l.buf);
    enum err err = section_reader_end(l.r, offset, e);
    if (err)
        lexical_free(l.x);
    else
        *out = l.x;
    return err;
}
