#include "lexical/dictionary.h"

void dictionary_new(struct lexical *x)
{
    struct dictionary *d = memory_new(x, sizeof *d);
    memset(d, 0, sizeof *d);
    struct sorted *s = memory_new(x, sizeof *s);
    memset(s, 0, sizeof *s);
    atomic_store(&d->sorted, s);
    x->dictionary = d;
}

void dictionary_free(struct lexical *x)
{
    struct dictionary *d = x->dictionary;
    struct sorted *s = atomic_load(&d->sorted);
    for (uint32_t i = 0; i < s->run_count; i++)
        memory_free(x, s->runs[i]);
    memory_free(x, s);
    for (unsigned i = 0; i <= EDITS_CHARS_MAX; i++)
        memory_free(x, atomic_load(&d->shelves[i]));
    memory_free(x, d->places);
    memory_free(x, d);
    x->dictionary = NULL;
}

static struct place *place_of(struct lexical *x, uint32_t id)
{
    struct dictionary *d = x->dictionary;
    if (id >= d->place_count) {
        size_t count = 2 * ((size_t)id + 32);
        struct place *bigger = memory_new(x, count * sizeof *bigger);
        if (d->place_count)
            memcpy(bigger, d->places, d->place_count * sizeof *bigger);
        memory_free(x, d->places);
        d->places = bigger;
        d->place_count = count;
    }
    return &d->places[id];
}

void dictionary_added(struct lexical *x, struct term *t)
{
    struct place *p = place_of(x, t->id);
    shelf_add(x, t, p);
    sorted_add(x, t, p);
}

void dictionary_dropped(struct lexical *x, struct term *t)
{
    shelf_drop(x->dictionary, place_of(x, t->id));
    sorted_drop(x->dictionary, place_of(x, t->id));
}

/* ---- the best ---- */

void top_init(struct top *b, size_t max, struct arena *a)
{
    *b = (struct top){.found = arena_array(a, max, sizeof *b->found), .max = max};
}

static bool better(const struct top_word *a, const struct top_word *b)
{
    if (a->edits != b->edits)
        return a->edits < b->edits;
    if (a->df != b->df)
        return a->df > b->df;
    return str_cmp(term_word(a->term), term_word(b->term)) < 0;
}

void top_add(struct top *b, struct top_word f)
{
    if (!b->max || (b->count == b->max && !better(&f, &b->found[b->max - 1])))
        return;
    size_t at = b->count < b->max ? b->count++ : b->max - 1;
    for (; at > 0 && better(&f, &b->found[at - 1]); at--)
        b->found[at] = b->found[at - 1];
    b->found[at] = f;
}

size_t top_give(const struct top *b, struct arena *a, struct lexical_word *out)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct top_word *f = &b->found[i];
        out[i] = (struct lexical_word){arena_str(a, term_word(f->term)), f->df, f->edits};
    }
    return b->count;
}
