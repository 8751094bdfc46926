/* Every invariant of the index, looked at one by one. */
#include "lexical/dictionary.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct checking {
    struct lexical *x;
    struct err_info *e;
    bool broken;
    uint8_t *states;    /* by slot */
    uint32_t *seen;     /* by term: the last slot whose document has it, + 1 */
    uint64_t postings;  /* in lists */
    size_t terms, with; /* all; those in live documents */
};
enum { SLOT_FREE, SLOT_DEAD, SLOT_LIVE };

__attribute__((format(printf, 3, 4))) static void expect(struct checking *c, bool holds,
                                                         const char *format, ...)
{
    char what[256];
    va_list args;
    if (holds || c->broken)
        return;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    err_set(c->e, ERR_CORRUPT, NULL, "the word index is not whole: %s", what);
    c->broken = true;
}

static uint32_t relaxed(const _Atomic uint32_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

/* ---- documents ---- */

static void check_slot(struct checking *c, uint32_t slot, uint64_t *documents, uint64_t *length)
{
    const struct slot_chunk *s = slots_of(c->x, slot);
    if (atomic_load(&s->died[slot % CHUNK]) != UINT64_MAX)
        return;
    c->states[slot] = SLOT_LIVE;
    expect(c, slot_of_number(c->x, s->numbers[slot % CHUNK]) == slot,
           "number %u has another slot than %u", s->numbers[slot % CHUNK], slot);
    ++*documents;
    *length += s->lengths[slot % CHUNK];
}

static void check_documents(struct checking *c)
{
    struct lexical *x = c->x;
    uint64_t documents = 0, length = 0, numbers = 0;
    for (uint32_t slot = 0; slot < relaxed(&x->slots_end); slot++)
        check_slot(c, slot, &documents, &length);
    for (size_t i = 0; i < x->dead_count; i++) {
        uint32_t slot = x->dead[(x->dead_first + i) % x->dead_cap].slot;
        expect(c, c->states[slot] == SLOT_FREE, "slot %u is dead and live, or twice dead", slot);
        c->states[slot] = SLOT_DEAD;
    }
    for (size_t i = 0; i < x->free_slot_count; i++)
        expect(c, c->states[x->free_slots[i]] == SLOT_FREE, "slot %u is free and used",
               x->free_slots[i]);
    for (uint32_t n = 0; n < relaxed(&x->numbers_end); n++)
        numbers += slot_of_number(x, n) != NONE;
    expect(c, numbers == documents, "%llu numbers for %llu documents", (unsigned long long)numbers,
           (unsigned long long)documents);
    expect(c,
           atomic_load(&x->all.documents) == documents && atomic_load(&x->all.length_sum) == length,
           "the counts of documents and words are wrong");
}

/* ---- lists ---- */

static void check_posting(struct checking *c, const struct term *t, const struct block *b,
                          const struct posting *p)
{
    uint64_t tf = 0, before = 0, occurrences_max = p->positions_size;
    expect(c, !t->part || slots_of(c->x, p->slot)->parts[p->slot % CHUNK] == term_part(t),
           "%.*s: slot %u is of another part", STR_ARG(term_word(t)), p->slot);
    uint64_t *at = xmalloc((occurrences_max + 1) * sizeof *at);
    size_t count;
    positions_read(p->positions, at, &count);
    for (size_t i = 0; i < count; i++) {
        expect(c, at[i] >= before && at[i] >> 32 < LEXICAL_FIELDS, "%.*s: positions in disorder",
               STR_ARG(term_text(t)));
        before = at[i];
        tf += at[i] >> 32 < LEXICAL_FIELDS ? field_weight[at[i] >> 32] : 0;
    }
    free(at);
    expect(c, p->tf == (tf < TF_MAX ? tf : TF_MAX), "%.*s: tf %u in slot %u", STR_ARG(term_text(t)),
           p->tf, p->slot);
    uint32_t code = length_code(slots_of(c->x, p->slot)->lengths[p->slot % CHUNK]);
    bool covered = false;
    for (unsigned i = 0; i < FRONT; i++) {
        uint32_t pair = relaxed(&b->front[i]);
        covered = covered || (pair && pair >> 16 >= p->tf && (pair & 0xffff) <= code);
    }
    expect(c, covered, "%.*s: slot %u may score more than its block", STR_ARG(term_text(t)),
           p->slot);
}

/* *next: the least slot that may come; *df: of live documents. */
static void check_block(struct checking *c, const struct term *t, const struct block *b,
                        uint64_t *next, uint32_t *df)
{
    struct posting postings[BLOCK_MAX];
    unsigned n = block_count(b);
    expect(c, n > 0 && n <= b->cap && b->cap <= BLOCK_MAX, "%.*s: a block of %u postings",
           STR_ARG(term_text(t)), n);
    if (c->broken)
        return;
    block_read(b, postings);
    for (unsigned i = 0; i < n && !c->broken; i++) {
        const struct posting *p = &postings[i];
        expect(c, p->slot >= *next && p->slot < relaxed(&c->x->slots_end),
               "%.*s: slot %u out of order", STR_ARG(term_text(t)), p->slot);
        expect(c, c->broken || c->states[p->slot] != SLOT_FREE, "%.*s: slot %u is free",
               STR_ARG(term_text(t)), p->slot);
        if (c->broken)
            return;
        check_posting(c, t, b, p);
        *next = (uint64_t)p->slot + 1;
        *df += c->states[p->slot] == SLOT_LIVE;
    }
    size_t used =
        (size_t)(postings[n - 1].positions + postings[n - 1].positions_size - block_positions(b));
    expect(c, b->positions_used == used && used <= b->positions_cap, "%.*s: %u bytes of positions",
           STR_ARG(term_text(t)), b->positions_used);
    c->postings += n;
}

static void check_list(struct checking *c, const struct term *t)
{
    struct list l;
    uint64_t next = 0;
    uint32_t df = 0;
    bool some = list_open(&l, t);
    expect(c, some, "%.*s: no postings", STR_ARG(term_text(t)));
    expect(c, !some || l.first[0] == 0, "%.*s: a directory begins late", STR_ARG(term_text(t)));
    for (uint32_t i = 0; i < l.count && !c->broken; i++) {
        const struct block *b = list_block(&l, i);
        expect(c, b && (!i || next <= l.first[i]) && block_slot(b, 0) >= l.first[i],
               "%.*s: block %u is not where the directory says", STR_ARG(term_text(t)), i);
        if (!c->broken)
            check_block(c, t, b, &next, &df);
    }
    expect(c, df == relaxed(&t->df), "%.*s: df %u, in %u documents", STR_ARG(term_text(t)),
           relaxed(&t->df), df);
    c->with += df > 0;
}

/* ---- the dictionary ---- */

static void check_place(struct checking *c, const struct term *t)
{
    struct dictionary *d = c->x->dictionary;
    const struct place *p = &d->places[t->id];
    const struct sorted *s = atomic_load(&d->sorted);
    unsigned length;
    uint64_t signature = edits_signature(term_text(t), &length);
    const struct shelf *shelf = atomic_load(&d->shelves[p->shelf]);
    expect(c, p->shelf == (length > EDITS_CHARS_MAX || t->part ? 0 : length), "%.*s: on shelf %u",
           STR_ARG(term_text(t)), p->shelf);
    expect(c,
           c->broken || !p->shelf ||
               (shelf && p->shelf_at < relaxed(&shelf->count) &&
                relaxed(&shelf->ids[p->shelf_at]) == t->id &&
                shelf->signatures[p->shelf_at] == signature),
           "%.*s: not found on its shelf", STR_ARG(term_text(t)));
    bool in_tail = p->run == RUN_OF_TAIL;
    expect(c, in_tail || p->run < s->run_count, "%.*s: in run %u", STR_ARG(term_text(t)), p->run);
    if (c->broken)
        return;
    const _Atomic uint32_t *ids = in_tail ? s->tail : s->runs[p->run]->ids;
    uint32_t count = in_tail ? relaxed(&s->tail_count) : s->runs[p->run]->count;
    expect(c, p->run_at < count && relaxed(&ids[p->run_at]) == t->id, "%.*s: not found in its run",
           STR_ARG(term_text(t)));
}

static void check_runs(struct checking *c)
{
    const struct sorted *s = atomic_load(&c->x->dictionary->sorted);
    size_t entries = 0;
    for (uint32_t k = 0; k < s->run_count; k++)
        for (uint32_t i = 0; i < s->runs[k]->count; i++) {
            expect(c, !i || s->runs[k]->keys[i - 1] <= s->runs[k]->keys[i],
                   "run %u of the dictionary is not sorted", k);
            entries += relaxed(&s->runs[k]->ids[i]) != NONE;
        }
    for (uint32_t i = 0; i < relaxed(&s->tail_count); i++)
        entries += relaxed(&s->tail[i]) != NONE;
    expect(c, entries == c->terms, "%zu terms in the dictionary instead of %zu", entries, c->terms);
}

static void check_terms(struct checking *c)
{
    struct lexical *x = c->x;
    for (uint32_t id = 0; id < relaxed(&x->terms_end) && !c->broken; id++) {
        const struct term *t = term_at(x, id);
        if (!t)
            continue;
        c->terms++;
        expect(c, t->id == id && term_find(x, term_part(t), term_word(t)) == t, "%.*s: not found",
               STR_ARG(term_text(t)));
        check_list(c, t);
        check_place(c, t);
    }
    for (size_t i = 0; i < x->free_term_count; i++)
        expect(c, !term_at(x, x->free_terms[i]), "term %u is free and used", x->free_terms[i]);
    expect(c, c->with == lexical_terms(x), "%zu terms are counted, %zu there", lexical_terms(x),
           c->with);
    check_runs(c);
}

/* ---- what documents hold ---- */

static uint32_t check_forward(struct checking *c, uint32_t slot)
{
    const uint8_t *p = slots_of(c->x, slot)->forward[slot % CHUNK];
    uint32_t n = 0, id;
    expect(c, p != NULL, "slot %u does not say what it holds", slot);
    if (!p)
        return 0;
    p = varint_read(p, &n);
    for (uint32_t i = 0; i < n && !c->broken; i++) {
        p = varint_read(p, &id);
        struct term *t = id < relaxed(&c->x->terms_end) ? term_at(c->x, id) : NULL;
        expect(c, t && c->seen[id] != slot + 1, "slot %u: term %u is gone, or there twice", slot,
               id);
        struct list l;
        unsigned at;
        expect(c, c->broken || (list_open(&l, t) && list_find(&l, slot, &at)),
               "slot %u: term %u has no posting of it", slot, id);
        if (!c->broken)
            c->seen[id] = slot + 1;
    }
    return n;
}

static void check_forwards(struct checking *c)
{
    uint64_t held = 0;
    for (uint32_t slot = 0; slot < relaxed(&c->x->slots_end) && !c->broken; slot++)
        if (c->states[slot] != SLOT_FREE)
            held += check_forward(c, slot);
    expect(c, held == c->postings, "documents hold %llu terms, lists have %llu postings",
           (unsigned long long)held, (unsigned long long)c->postings);
}

enum err lexical_check(struct lexical *x, struct err_info *e)
{
    struct checking c = {.x = x, .e = e};
    c.states = xcalloc(relaxed(&x->slots_end) + 1, sizeof *c.states);
    c.seen = xcalloc(relaxed(&x->terms_end) + 1, sizeof *c.seen);
    check_documents(&c);
    check_terms(&c);
    if (!c.broken)
        check_forwards(&c);
    free(c.states);
    free(c.seen);
    return c.broken ? ERR_CORRUPT : ERR_OK;
}
