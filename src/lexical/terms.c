/* The dictionary's hash table: readers look terms up while the writer adds some and drops others.
 */
#include "lexical/internal.h"

#include "base/hash.h"
#include <assert.h>

#define REMOVED UINT64_C(1)
#define TABLE_MIN 64u
#define TAG_SHIFT 48

uint64_t term_hash(const struct lexical *x, struct str text, bool part)
{
    return checksum64(text.s, text.n, x->seed ^ part);
}

struct str part_text(uint32_t part, struct str term, char buf[LEXICAL_TERM_MAX])
{
    size_t n = term.n < LEXICAL_TERM_MAX - PART_BYTES ? term.n : LEXICAL_TERM_MAX - PART_BYTES;
    for (unsigned i = 0; i < PART_BYTES; i++)
        buf[i] = (char)(part >> 8 * (PART_BYTES - 1 - i));
    memcpy(buf + PART_BYTES, term.s, n);
    return (struct str){buf, PART_BYTES + n};
}

static struct term *entry_term(uint64_t entry)
{
    return (struct term *)(uintptr_t)(entry & ((UINT64_C(1) << TAG_SHIFT) - 1));
}

static uint64_t entry_of(const struct term *t, uint64_t hash)
{
    assert((uintptr_t)t >> TAG_SHIFT == 0);
    return (uintptr_t)t | hash >> TAG_SHIFT << TAG_SHIFT;
}

static bool entry_is(uint64_t entry, struct str text, bool part, uint64_t hash)
{
    if (entry <= REMOVED || (entry ^ hash) >> TAG_SHIFT)
        return false;
    const struct term *t = entry_term(entry);
    return t->n == text.n && t->part == part && memcmp(t->text, text.s, text.n) == 0;
}

struct term *term_find_hashed(const struct lexical *x, struct str text, bool part, uint64_t hash)
{
    const struct table *h = atomic_load_explicit(&x->table, memory_order_acquire);
    for (uint64_t i = hash;; i++) {
        uint64_t entry = atomic_load_explicit(&h->entries[i & h->mask], memory_order_acquire);
        if (!entry)
            return NULL;
        if (entry_is(entry, text, part, hash))
            return entry_term(entry);
    }
}

void term_fetch_entry(const struct lexical *x, uint64_t hash)
{
    const struct table *h = atomic_load_explicit(&x->table, memory_order_relaxed);
    __builtin_prefetch((const void *)&h->entries[hash & h->mask]);
}

void term_fetch(const struct lexical *x, uint64_t hash)
{
    const struct table *h = atomic_load_explicit(&x->table, memory_order_relaxed);
    uint64_t entry = atomic_load_explicit(&h->entries[hash & h->mask], memory_order_acquire);
    if ((entry ^ hash) >> TAG_SHIFT == 0)
        __builtin_prefetch(entry_term(entry));
}

struct term *term_find(const struct lexical *x, uint32_t part, struct str term)
{
    char buf[LEXICAL_TERM_MAX];
    if (term.n > LEXICAL_TERM_MAX)
        return NULL;
    struct str text = part ? part_text(part, term, buf) : term;
    return term_find_hashed(x, text, part > 0, term_hash(x, text, part > 0));
}

static uint64_t hash_of(const struct lexical *x, const struct term *t)
{
    return term_hash(x, term_text(t), t->part);
}

static void table_put(struct table *h, struct term *t, uint64_t hash)
{
    uint64_t i = hash;
    while (atomic_load_explicit(&h->entries[i & h->mask], memory_order_relaxed) > REMOVED)
        i++;
    h->live++;
    h->used += !atomic_load_explicit(&h->entries[i & h->mask], memory_order_relaxed);
    atomic_store_explicit(&h->entries[i & h->mask], entry_of(t, hash), memory_order_release);
}

void table_renew_for(struct lexical *x, size_t terms)
{
    struct table *old = atomic_load_explicit(&x->table, memory_order_relaxed);
    uint64_t size = TABLE_MIN;
    while (size < 2 * (uint64_t)terms)
        size *= 2;
    struct table *h = xcalloc(1, sizeof *h + size * sizeof h->entries[0]);
    memory_count(x, h);
    h->mask = size - 1;
    for (uint64_t i = 0; old && i <= old->mask; i++) {
        uint64_t entry = atomic_load_explicit(&old->entries[i], memory_order_relaxed);
        if (entry > REMOVED)
            table_put(h, entry_term(entry), hash_of(x, entry_term(entry)));
    }
    atomic_store_explicit(&x->table, h, memory_order_release);
    memory_retire(x, old);
}

/* Kept at most 2/3 full, marks of removed ones counted; without them it may become smaller. */
void table_renew(struct lexical *x)
{
    const struct table *old = atomic_load_explicit(&x->table, memory_order_relaxed);
    table_renew_for(x, old ? old->live + 1 : 0);
}

static uint32_t term_id_take(struct lexical *x)
{
    if (x->free_term_count)
        return x->free_terms[--x->free_term_count];
    uint32_t id = atomic_load_explicit(&x->terms_end, memory_order_relaxed);
    assert(id < NONE);
    chunks_grow(x, &x->terms, id + 1, sizeof(struct term_chunk));
    atomic_store_explicit(&x->terms_end, id + 1, memory_order_release);
    return id;
}

static void term_place(struct lexical *x, uint32_t id, struct term *t)
{
    struct term_chunk *c = chunk_of(&x->terms, id);
    atomic_store_explicit(&c->terms[id % CHUNK], t, memory_order_release);
}

struct term *term_at(const struct lexical *x, uint32_t id)
{
    struct term_chunk *c = chunk_of(&x->terms, id);
    return atomic_load_explicit(&c->terms[id % CHUNK], memory_order_acquire);
}

struct term *term_make(struct lexical *x, struct str text, bool part)
{
    assert(text.n <= LEXICAL_TERM_MAX);
    struct term *t = memory_new(x, sizeof *t + text.n);
    *t = (struct term){.id = term_id_take(x), .n = (uint8_t)text.n, .part = part};
    memcpy(t->text, text.s, text.n);
    term_place(x, t->id, t);
    dictionary_added(x, t);
    return t;
}

void term_enter(struct lexical *x, struct term *t, uint64_t hash)
{
    struct table *h = atomic_load_explicit(&x->table, memory_order_relaxed);
    if (!h || 3 * (h->used + 1) > 2 * (h->mask + 1))
        table_renew(x);
    table_put(atomic_load_explicit(&x->table, memory_order_relaxed), t, hash);
}

struct term *term_add(struct lexical *x, struct str text, bool part, uint64_t hash)
{
    struct term *t = term_make(x, text, part);
    term_enter(x, t, hash);
    return t;
}

void term_drop(struct lexical *x, struct term *t)
{
    struct table *h = atomic_load_explicit(&x->table, memory_order_relaxed);
    uint64_t hash = hash_of(x, t), entry = entry_of(t, hash), i = hash;
    while (atomic_load_explicit(&h->entries[i & h->mask], memory_order_relaxed) != entry)
        i++;
    atomic_store_explicit(&h->entries[i & h->mask], REMOVED, memory_order_release);
    h->live--;
    term_place(x, t->id, NULL);
    dictionary_dropped(x, t);
    term_retire(x, t);
}

void term_df_add(struct lexical *x, struct term *t, int by)
{
    uint32_t df = atomic_load_explicit(&t->df, memory_order_relaxed);
    uint64_t terms = atomic_load_explicit(&x->term_count, memory_order_relaxed);
    assert(by > 0 || df > 0);
    if (df == 0 || df + (uint32_t)by == 0)
        atomic_store_explicit(&x->term_count, terms + (df == 0 ? 1 : UINT64_MAX),
                              memory_order_relaxed);
    atomic_store_explicit(&t->df, df + (uint32_t)by, memory_order_relaxed);
}
