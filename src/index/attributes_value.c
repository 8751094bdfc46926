/* The numbers that documents have in a field. */
#include "index/attributes_impl.h"

#include "base/arena.h"
#include <math.h>
#include <stdlib.h>

void column_free(struct column *c)
{
    for (size_t i = 0; c && i < c->page_count; i++)
        free(c->pages[i]);
    if (c)
        free(c->pages);
    free(c);
}

size_t column_bytes(const struct column *c)
{
    return c ? sizeof *c + c->page_count * sizeof *c->pages +
                   c->pages_used * COLUMN_PAGE * sizeof **c->pages
             : 0;
}

static double column_at(const struct column *c, uint32_t number)
{
    size_t page = number / COLUMN_PAGE;
    return page < c->page_count && c->pages[page] ? c->pages[page][number % COLUMN_PAGE]
                                                  : (double)NAN;
}

static void pages_grow(struct column *c, size_t page)
{
    size_t count = c->page_count + c->page_count / 2;
    count = count > page ? count : page + 1;
    c->pages = xrealloc(c->pages, count * sizeof *c->pages);
    for (size_t i = c->page_count; i < count; i++)
        c->pages[i] = NULL;
    c->page_count = count;
}

static double *column_place(struct column *c, uint32_t number)
{
    size_t page = number / COLUMN_PAGE;
    if (page >= c->page_count)
        pages_grow(c, page);
    if (!c->pages[page]) {
        c->pages[page] = xmalloc(COLUMN_PAGE * sizeof **c->pages);
        for (size_t i = 0; i < COLUMN_PAGE; i++)
            c->pages[page][i] = (double)NAN;
        c->pages_used++;
    }
    return &c->pages[page][number % COLUMN_PAGE];
}

static bool has_number(const struct value *v)
{
    return v->kind == VALUE_NUMBER || v->kind == VALUE_BOOL || v->date;
}

static double number_of(const struct value *v)
{
    return v->number.whole || v->kind == VALUE_BOOL ? (double)v->number.i : v->number.d;
}

/* NaN gives way. */
static double picked(enum attributes_pick pick, double a, double b)
{
    return pick == ATTRIBUTES_LEAST ? fmin(a, b) : fmax(a, b);
}

void columns_put(struct field *f, uint32_t number, const struct value *v)
{
    for (enum attributes_pick pick = 0; pick < ATTRIBUTES_PICKS; pick++) {
        if (!f->columns[pick] || !has_number(v))
            continue;
        double *at = column_place(f->columns[pick], number);
        *at = picked(pick, *at, number_of(v));
    }
}

void columns_forget(struct field *f, uint32_t number)
{
    for (enum attributes_pick pick = 0; pick < ATTRIBUTES_PICKS; pick++)
        if (f->columns[pick] && !isnan(column_at(f->columns[pick], number)))
            *column_place(f->columns[pick], number) = (double)NAN;
}

static struct column *column_new(const struct field *f, enum attributes_pick pick)
{
    struct column *c = xcalloc(1, sizeof *c);
    for (size_t i = 0; i < f->values_end; i++) {
        const struct value *v = f->values[i];
        if (!v || !has_number(v))
            continue;
        for (uint32_t n = posting_next(&v->posting, 0); n != UINT32_MAX;
             n = posting_next(&v->posting, n + 1)) {
            double *at = column_place(c, n);
            *at = picked(pick, *at, number_of(v));
        }
    }
    return c;
}

/* The lock is held for reading. NULL: there are enough. Of two that make one the first is kept. */
static const struct column *column_of(struct attributes *x, struct field *f,
                                      enum attributes_pick pick)
{
    struct column *found = f->columns[pick], *made;
    if (found)
        return found;
    if (atomic_fetch_add(&x->column_count, 1) >= COLUMNS_MAX) {
        atomic_fetch_sub(&x->column_count, 1);
        return NULL;
    }
    made = column_new(f, pick);
    if (atomic_compare_exchange_strong(&f->columns[pick], &found, made))
        return made;
    atomic_fetch_sub(&x->column_count, 1);
    column_free(made);
    return found;
}

static double look_up(const struct attributes *x, const struct field *f, enum attributes_pick pick,
                      uint32_t number)
{
    const struct holding *h = attributes_holding(x, number);
    double found = (double)NAN;
    for (uint32_t i = 0; h && i < h->count; i++)
        if (x->fields[h->values[i]->field] == f && has_number(h->values[i]))
            found = picked(pick, found, number_of(h->values[i]));
    return found;
}

void attributes_number(struct attributes *x, struct str field, enum attributes_pick pick,
                       const uint32_t *numbers, size_t count, double *out)
{
    rwlock_read(&x->lock);
    struct field *f = attributes_field(x, filter_field(field));
    const struct column *c = f ? column_of(x, f, pick) : NULL;
    for (size_t i = 0; i < count; i++)
        out[i] = c ? column_at(c, numbers[i]) : f ? look_up(x, f, pick, numbers[i]) : (double)NAN;
    rwlock_drop(&x->lock);
}

/* Booleans are in no ordered list. */
static void widen(const struct field *f, bool boolean, double *least, double *greatest)
{
    struct scalar s = scalar_of_bool(boolean);
    if (!field_value((struct field *)f, 0, &s, false))
        return;
    *least = fmin(*least, (double)boolean);
    *greatest = fmax(*greatest, (double)boolean);
}

bool attributes_number_range(struct attributes *x, struct str field, double *least,
                             double *greatest)
{
    *least = *greatest = (double)NAN;
    rwlock_read(&x->lock);
    const struct field *f = attributes_field(x, filter_field(field));
    if (f && f->numbers.count) {
        const struct block *last = f->numbers.blocks[f->numbers.count - 1];
        *least = number_of(f->numbers.blocks[0]->values[0]);
        *greatest = number_of(last->values[last->count - 1]);
    }
    for (int boolean = 0; f && boolean < 2; boolean++)
        widen(f, boolean, least, greatest);
    rwlock_drop(&x->lock);
    return !isnan(*least);
}
