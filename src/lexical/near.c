/* Terms a few edits away: all terms of about the word's length are looked at by their signatures,
 * those that may be near are compared. 500,000 terms: some 0.1 ms. */
#include "lexical/dictionary.h"

#include "math/simd.h"

#define PIECE 1024u
/* At most so many are compared, the shelf of the word's own length first and old terms before new:
 * a dictionary made to have more that may be near gives an answer that is not the best, in time. */
#define COMPARED_MAX 65536u

/* ---- shelves ---- */

static struct shelf *shelf_new(struct lexical *x, uint32_t cap)
{
    struct shelf *s = memory_new(x, sizeof *s + cap * (sizeof(uint64_t) + sizeof *s->ids));
    s->cap = cap;
    s->holes = 0;
    atomic_init(&s->count, 0);
    s->ids = (_Atomic uint32_t *)(void *)(s->signatures + cap);
    return s;
}

static uint32_t shelf_put(struct shelf *s, uint64_t signature, uint32_t id)
{
    uint32_t at = atomic_load_explicit(&s->count, memory_order_relaxed);
    s->signatures[at] = signature;
    atomic_init(&s->ids[at], id);
    atomic_store_explicit(&s->count, at + 1, memory_order_release);
    return at;
}

/* Twice as large, or the same size if that gets rid of enough. */
static struct shelf *shelf_renew(struct lexical *x, struct shelf *old, unsigned length)
{
    struct dictionary *d = x->dictionary;
    uint32_t cap = !old ? 16 : old->holes > old->cap / 4 ? old->cap : 2 * old->cap;
    struct shelf *s = shelf_new(x, cap);
    for (uint32_t i = 0; old && i < old->cap; i++) {
        uint32_t id = atomic_load_explicit(&old->ids[i], memory_order_relaxed);
        if (id != NONE)
            d->places[id].shelf_at = shelf_put(s, old->signatures[i], id);
    }
    atomic_store_explicit(&d->shelves[length], s, memory_order_release);
    memory_retire(x, old);
    return s;
}

void shelf_add(struct lexical *x, const struct term *t, struct place *p)
{
    unsigned length;
    uint64_t signature = edits_signature(term_text(t), &length);
    if (t->part)
        length = EDITS_CHARS_MAX + 1; /* found by the same term among all */
    p->shelf = (uint8_t)(length > EDITS_CHARS_MAX ? 0 : length);
    if (!p->shelf)
        return;
    struct shelf *s = atomic_load(&x->dictionary->shelves[length]);
    if (!s || atomic_load_explicit(&s->count, memory_order_relaxed) == s->cap)
        s = shelf_renew(x, s, length);
    p->shelf_at = shelf_put(s, signature, t->id);
}

void shelf_drop(struct dictionary *d, const struct place *p)
{
    if (!p->shelf)
        return;
    struct shelf *s = atomic_load(&d->shelves[p->shelf]);
    atomic_store_explicit(&s->ids[p->shelf_at], NONE, memory_order_release);
    s->holes++;
}

/* ---- looking ---- */

struct looking {
    struct lexical *x;
    uint32_t part;
    const struct edits_word *word;
    unsigned edits_max;
    uint32_t compared;
    struct top top;
};

static uint32_t df_of(const struct term *t)
{
    return t ? atomic_load_explicit(&t->df, memory_order_relaxed) : 0;
}

static void term_compare(struct looking *l, const struct term *t)
{
    uint32_t df = df_of(t);
    if (!df || l->compared == COMPARED_MAX)
        return;
    l->compared += !l->part;
    unsigned edits = edits_between(l->word, term_text(t));
    if (edits == 0 || edits > l->edits_max || !top_wants(&l->top, edits, df))
        return;
    if (l->part)
        df = df_of(term_find(l->x, l->part, term_text(t)));
    if (df && top_wants(&l->top, edits, df))
        top_add(&l->top, (struct top_word){t, df, edits});
}

/* All are asked for from memory before the first is compared. */
static void terms_compare(struct looking *l, const struct shelf *s, uint32_t from,
                          const uint32_t *at, size_t count)
{
    const struct term *terms[PIECE];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t id = atomic_load_explicit(&s->ids[from + at[i]], memory_order_acquire);
        const struct term *t = id == NONE ? NULL : term_at(l->x, id);
        if (t)
            lines_fetch(terms[n++] = t, sizeof *t + 16);
    }
    for (size_t i = 0; i < n; i++)
        term_compare(l, terms[i]);
}

static void shelf_look(struct looking *l, unsigned length, unsigned bits_max)
{
    uint32_t at[PIECE];
    const struct shelf *s =
        atomic_load_explicit(&l->x->dictionary->shelves[length], memory_order_acquire);
    uint32_t count = s ? atomic_load_explicit(&s->count, memory_order_acquire) : 0;
    for (uint32_t from = 0; from < count && l->compared < COMPARED_MAX; from += PIECE) {
        uint32_t some = count - from < PIECE ? count - from : PIECE;
        size_t n = edits_scan(s->signatures + from, some, l->word->signature, bits_max, at);
        terms_compare(l, s, from, at, n);
    }
}

/* What changes the length alters one bit, other edits two. */
static void shelves_look(struct looking *l)
{
    for (unsigned by = 0; by <= l->edits_max; by++) {
        if (l->word->chars > by)
            shelf_look(l, l->word->chars - by, 2 * l->edits_max - by);
        if (by && l->word->chars + by <= EDITS_CHARS_MAX)
            shelf_look(l, l->word->chars + by, 2 * l->edits_max - by);
    }
}

size_t lexical_near(struct lexical *x, uint32_t part, struct str word, unsigned edits, size_t max,
                    struct arena *a, struct lexical_word *out)
{
    struct edits_word prepared;
    struct looking l = {.x = x, .part = part, .word = &prepared, .edits_max = edits};
    if (!edits_prepare(&prepared, word))
        return 0;
    top_init(&l.top, max, a);
    struct epoch_reader *r = epoch_enter(&x->epochs, NULL);
    shelves_look(&l);
    size_t n = top_give(&l.top, a, out);
    epoch_leave(r);
    return n;
}
