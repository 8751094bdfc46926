/* Saving: what a reader sees who stays until it is written. */
#include "lexical/file.h"

#include "base/section.h"
#include "lexical/internal.h"
#include <stdlib.h>

#define CHUNK_BYTES (UINT32_C(1) << 16)

struct saving {
    struct lexical *x;
    struct section_writer *w;
    uint64_t version;
    uint32_t slots_end, documents;
    uint32_t *places; /* by slot; NONE: not saved */
    uint8_t *buf;
    size_t n, cap;
};

/* ---- chunks ---- */

/* Room for an item of so many bytes more. */
static uint8_t *room(struct saving *s, size_t bytes)
{
    if (s->n + bytes > s->cap) {
        s->cap = 2 * s->cap + bytes;
        s->buf = xrealloc(s->buf, s->cap);
    }
    return s->buf + s->n;
}

static void chunk_put(struct saving *s)
{
    section_put_u32(s->w, (uint32_t)s->n);
    section_put(s->w, s->buf, s->n);
    s->n = 0;
}

static void item_end(struct saving *s)
{
    if (s->n >= CHUNK_BYTES)
        chunk_put(s);
}

static void put_varint(struct saving *s, uint64_t v)
{
    uint8_t *p = room(s, 10), *from = p;
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    s->n += (size_t)(p - from);
}

static void put_difference(struct saving *s, uint64_t v, uint64_t before)
{
    uint64_t d = v - before;
    put_varint(s, d << 1 ^ (d >> 63 ? UINT64_MAX : 0));
}

static void put_bytes(struct saving *s, const void *p, size_t n)
{
    memcpy(room(s, n), p, n);
    s->n += n;
}

/* ---- documents ---- */

static void documents_find(struct saving *s)
{
    s->slots_end = atomic_load_explicit(&s->x->slots_end, memory_order_acquire);
    s->places = xmalloc((s->slots_end + 1) * sizeof *s->places);
    for (uint32_t i = 0; i < s->slots_end; i++)
        s->places[i] =
            slot_visible(slots_of(s->x, i), i % CHUNK, s->version) ? s->documents++ : NONE;
}

static void documents_put(struct saving *s)
{
    uint64_t number = 0, revision = 0;
    for (uint32_t i = 0; i < s->slots_end; i++) {
        if (s->places[i] == NONE)
            continue;
        const struct slot_chunk *c = slots_of(s->x, i);
        put_difference(s, c->numbers[i % CHUNK], number);
        put_difference(s, c->revisions[i % CHUNK], revision);
        put_varint(s, c->lengths[i % CHUNK]);
        put_varint(s, c->parts[i % CHUNK]);
        number = c->numbers[i % CHUNK];
        revision = c->revisions[i % CHUNK];
        item_end(s);
    }
}

/* ---- terms ---- */

struct group {
    struct posting postings[BLOCK_MAX];
    unsigned count;
    bool begun; /* its term's text is written */
    uint32_t last;
};

static void group_put(struct saving *s, struct group *g, const struct term *t)
{
    if (!g->begun) {
        put_varint(s, 1 + 2 * (uint64_t)t->n + t->part);
        put_bytes(s, t->text, t->n);
    }
    g->begun = true;
    put_varint(s, g->count);
    for (unsigned i = 0; i < g->count; i++) {
        const struct posting *p = &g->postings[i];
        put_varint(s, p->slot - g->last);
        put_bytes(s, p->positions, p->positions_size);
        g->last = p->slot;
    }
    g->count = 0;
    item_end(s);
}

static void block_put(struct saving *s, struct group *g, const struct term *t,
                      const struct block *b)
{
    const uint8_t *p = block_positions(b);
    for (unsigned i = 0, n = block_count(b); i < n; i++) {
        const uint8_t *end = positions_skip(p);
        uint32_t slot = block_slot(b, i), place = slot < s->slots_end ? s->places[slot] : NONE;
        if (place != NONE) {
            g->postings[g->count++] = (struct posting){place, 0, p, (size_t)(end - p)};
            if (g->count == BLOCK_MAX)
                group_put(s, g, t);
        }
        p = end;
    }
}

static void term_put(struct saving *s, const struct term *t)
{
    struct list l;
    struct group g;
    if (!t || !list_open(&l, t))
        return;
    g.count = 0;
    g.begun = false;
    g.last = NONE; /* -1 */
    for (uint32_t i = 0; i < l.count; i++)
        block_put(s, &g, t, list_block(&l, i));
    if (g.count)
        group_put(s, &g, t);
    if (g.begun) {
        put_varint(s, 0);
        item_end(s);
    }
}

static void terms_put(struct saving *s)
{
    uint32_t end = atomic_load_explicit(&s->x->terms_end, memory_order_acquire);
    for (uint32_t id = 0; id < end; id++)
        term_put(s, term_at(s->x, id));
    put_varint(s, 0);
}

enum err lexical_save(struct lexical *x, struct file *f, struct err_info *e)
{
    struct saving s = {.x = x, .w = section_writer_new(f)};
    struct epoch_reader *r = epoch_enter(&x->epochs, &s.version);
    documents_find(&s);
    section_put_u64(s.w, LEXICAL_MAGIC);
    section_put_u32(s.w, s.documents);
    section_put_u32(s.w, (uint32_t)lexical_terms(x));
    documents_put(&s);
    terms_put(&s);
    epoch_leave(r);
    chunk_put(&s); /* is not empty */
    chunk_put(&s);
    free(s.places);
    free(s.buf);
    return section_writer_end(s.w, e);
}
