/* The terms of a document or a query, counted by field. */
#include "index/words_impl.h"

#include <string.h>

const uint32_t field_weight[FIELD_COUNT] = {4, 2, 3};

void bag_init(struct term_bag *b, struct arena *a)
{
    *b = (struct term_bag){.arena = a};
}

static void bag_grow(struct term_bag *b)
{
    size_t cap = b->cap ? 2 * b->cap : 16;
    struct term_count *terms = arena_array(b->arena, cap, sizeof *terms);
    if (b->count)
        memcpy(terms, b->terms, b->count * sizeof *terms);
    b->terms = terms;
    b->cap = cap;
    b->table = arena_array(b->arena, 2 * cap, sizeof *b->table);
    for (size_t i = 0; i < b->count; i++) {
        size_t at = str_hash(terms[i].term) & (2 * cap - 1);
        while (b->table[at])
            at = (at + 1) & (2 * cap - 1);
        b->table[at] = (uint32_t)i + 1;
    }
}

struct term_count *bag_add(struct term_bag *b, struct str term)
{
    if (b->count == b->cap)
        bag_grow(b);
    size_t mask = 2 * b->cap - 1, at = str_hash(term) & mask;
    while (b->table[at]) {
        struct term_count *t = &b->terms[b->table[at] - 1];
        if (str_eq(t->term, term))
            return t;
        at = (at + 1) & mask;
    }
    b->terms[b->count] = (struct term_count){.term = arena_str(b->arena, term)};
    b->table[at] = (uint32_t)b->count + 1;
    return &b->terms[b->count++];
}

struct emitting {
    struct term_bag *bag;
    struct strbuf *joined;
    unsigned field;
};

static void emit(void *ctx, struct str term, size_t start, size_t end)
{
    struct emitting *m = ctx;
    (void)start;
    (void)end;
    if (term.n > TERM_BYTES_MAX)
        term.n = TERM_BYTES_MAX;
    if (!term.n || memchr(term.s, TERM_END, term.n) || memchr(term.s, 0, term.n))
        return;
    bag_add(m->bag, term)->count[m->field]++;
    if (m->joined) {
        strbuf_add_str(m->joined, term);
        strbuf_add_char(m->joined, TERM_END);
    }
}

void bag_analyze(struct term_bag *b, const struct words_analyzer *analyzer, void *session,
                 struct str text, unsigned field, struct strbuf *joined)
{
    struct emitting m = {b, joined, field};
    if (text.n)
        analyzer->analyze(session, text, emit, &m);
}

static uint64_t weight_of(const struct term_count *t)
{
    uint64_t w = 0;
    for (unsigned f = 0; f < FIELD_COUNT; f++)
        w += (uint64_t)t->count[f] * field_weight[f];
    return w;
}

uint16_t term_weight(const struct term_count *t)
{
    uint64_t w = weight_of(t);
    return w < UINT16_MAX ? (uint16_t)w : UINT16_MAX;
}

uint32_t bag_length(const struct term_bag *b)
{
    uint64_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        n += weight_of(&b->terms[i]);
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static void varint_add(struct strbuf *out, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        strbuf_add_char(out, (char)(v | 0x80));
    strbuf_add_char(out, (char)v);
}

static bool varint_get(struct str *from, uint32_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; from->n && shift < 35; shift += 7) {
        unsigned char c = (unsigned char)*from->s++;
        from->n--;
        v |= (uint64_t)(c & 0x7F) << shift;
        if (c < 0x80) {
            *out = (uint32_t)v;
            return v <= UINT32_MAX;
        }
    }
    return false;
}

void bag_pack(const struct term_bag *b, struct strbuf *out)
{
    for (size_t i = 0; i < b->count; i++) {
        varint_add(out, (uint32_t)b->terms[i].term.n);
        strbuf_add_str(out, b->terms[i].term);
        for (unsigned f = 0; f < FIELD_COUNT; f++)
            varint_add(out, b->terms[i].count[f]);
    }
}

bool bag_unpack(struct term_bag *b, struct str blob)
{
    while (blob.n) {
        uint32_t n = 0;
        if (!varint_get(&blob, &n) || n > blob.n || n > TERM_BYTES_MAX)
            return false;
        struct term_count *t = bag_add(b, (struct str){blob.s, n});
        blob = (struct str){blob.s + n, blob.n - n};
        for (unsigned f = 0; f < FIELD_COUNT; f++)
            if (!varint_get(&blob, &t->count[f]))
                return false;
    }
    return true;
}

void bag_join(const struct term_bag *b, unsigned field, struct strbuf *out)
{
    for (size_t i = 0; i < b->count; i++)
        for (uint32_t n = b->terms[i].count[field]; n-- > 0;) {
            strbuf_add_str(out, b->terms[i].term);
            strbuf_add_char(out, TERM_END);
        }
}
