/* Documents in and out of the attribute index, and trees answered by it. */
#include "index/attributes_impl.h"

#include "base/arena.h"
#include "index/duplicates.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct attributes *attributes_new(void)
{
    struct attributes *x = xcalloc(1, sizeof *x);
    rwlock_init(&x->lock, LOCK_INDEX);
    docset_init(&x->all);
    return x;
}

void attributes_free(struct attributes *x)
{
    if (!x)
        return;
    for (unsigned i = 0; i < x->field_count; i++)
        field_free(x->fields[i]);
    for (uint32_t n = docset_next(&x->all, 0); n != UINT32_MAX; n = docset_next(&x->all, n + 1))
        free(attributes_holding(x, n));
    for (size_t i = 0; i < x->leaf_count; i++)
        free(x->leaves[i]);
    free(x->leaves);
    free(x->scratch);
    docset_release(&x->all);
    rwlock_release(&x->lock);
    free(x);
}

static struct field *field_find(const struct attributes *x, struct str name, unsigned *index)
{
    for (unsigned i = 0; i < x->field_count; i++)
        if (str_eq(x->fields[i]->name, name)) {
            *index = i;
            return x->fields[i];
        }
    return NULL;
}

struct field *attributes_field(const struct attributes *x, struct str name)
{
    unsigned index = 0;
    return field_find(x, name, &index);
}

struct field *attributes_field_make(struct attributes *x, struct str name, uint16_t *index)
{
    unsigned i = 0;
    struct field *f = field_find(x, name, &i);
    if (!f && x->field_count == FIELDS_MAX) {
        x->fields_dropped = true;
        return NULL;
    }
    if (!f) {
        i = x->field_count++;
        f = x->fields[i] = field_new(name, (uint16_t)i);
    }
    *index = (uint16_t)i;
    return f;
}

void attributes_scratch_add(struct attributes *x, struct value *v)
{
    if (x->scratch_count == x->scratch_cap) {
        x->scratch_cap = x->scratch_cap ? 2 * x->scratch_cap : 16;
        x->scratch = xrealloc(x->scratch, x->scratch_cap * sizeof *x->scratch);
    }
    x->scratch[x->scratch_count++] = v;
}

static struct holding **holding_slot(struct attributes *x, uint32_t number)
{
    size_t leaf = number / LEAF_HOLDINGS;
    if (leaf >= x->leaf_count) {
        size_t count = x->leaf_count + x->leaf_count / 2;
        count = count > leaf ? count : leaf + 1;
        x->leaves = xrealloc(x->leaves, count * sizeof *x->leaves);
        memset(x->leaves + x->leaf_count, 0, (count - x->leaf_count) * sizeof *x->leaves);
        x->leaf_count = count;
    }
    if (!x->leaves[leaf]) {
        x->leaves[leaf] = xcalloc(LEAF_HOLDINGS, sizeof **x->leaves);
        x->leaves_used++;
    }
    return &x->leaves[leaf][number % LEAF_HOLDINGS];
}

void attributes_hold(struct attributes *x, uint32_t number)
{
    assert(!docset_has(&x->all, number));
    struct holding *h = xmalloc(sizeof *h + x->scratch_count * sizeof *h->values);
    h->count = 0;
    for (size_t i = 0; i < x->scratch_count; i++) {
        struct value *v = x->scratch[i];
        if (field_hold(x->fields[v->field], v, number)) /* false: an array holds it twice */
            h->values[h->count++] = v;
    }
    *holding_slot(x, number) = h;
    x->holding_bytes += sizeof *h + h->count * sizeof *h->values;
    docset_add(&x->all, number);
    x->scratch_count = 0;
}

static void forget(struct attributes *x, uint32_t number)
{
    if (!docset_has(&x->all, number))
        return;
    struct holding *h = attributes_holding(x, number);
    for (uint32_t i = 0; i < h->count; i++) {
        struct value *v = h->values[i];
        field_let_go(x->fields[v->field], v, number);
    }
    x->holding_bytes -= sizeof *h + h->count * sizeof *h->values;
    free(h);
    *holding_slot(x, number) = NULL;
    docset_remove(&x->all, number);
}

static void put_field(void *ctx, struct str name, const struct scalar *s)
{
    struct attributes *x = ctx;
    uint16_t index = 0;
    struct field *f = attributes_field_make(x, name, &index);
    if (f)
        attributes_scratch_add(x, field_value(f, index, s, true));
}

void attributes_put(struct attributes *x, uint32_t number, const json_t *document)
{
    assert(number <= DOCUMENT_NUMBER_MAX);
    rwlock_write(&x->lock);
    forget(x, number);
    document_fields(document, put_field, x);
    attributes_hold(x, number);
    rwlock_drop(&x->lock);
}

void attributes_delete(struct attributes *x, uint32_t number)
{
    rwlock_write(&x->lock);
    forget(x, number);
    rwlock_drop(&x->lock);
}

void attributes_duplicates_set(struct attributes *x, struct duplicates *d)
{
    x->duplicates = d;
}

void attributes_all(struct attributes *x, struct docset *out)
{
    rwlock_read(&x->lock);
    docset_copy(out, &x->all);
    rwlock_drop(&x->lock);
}

size_t attributes_bytes(struct attributes *x)
{
    rwlock_read(&x->lock);
    size_t n = sizeof *x + x->holding_bytes + x->leaf_count * sizeof *x->leaves +
               x->leaves_used * LEAF_HOLDINGS * sizeof **x->leaves + x->all.word_count * 8;
    for (unsigned i = 0; i < x->field_count; i++)
        n += field_bytes(x->fields[i]);
    rwlock_drop(&x->lock);
    return n;
}

/* --- trees --- */

/* A tree that is being answered. */
struct selection {
    const struct attributes *x;
    bool of_duplicates;   /* duplicate_of is answered by these: */
    struct docset copies; /* as of the beginning, since their lock comes before that of x */
    uint32_t *originals;  /* of each copy, by its place in order */
};

enum err attributes_field_indexed(const struct attributes *x, struct str name, struct err_info *e)
{
    if (!x->fields_dropped || field_is_reserved(name) || attributes_field(x, name))
        return ERR_OK;
    return err_set(
        e, ERR_INVALID, NULL,
        "the field %.*s is not indexed: this collection has more than %d fields, only the first "
        "ones can be filtered by",
        STR_ARG(name), FIELDS_MAX);
}

static enum err fields_known(const struct attributes *x, const struct filter *f, struct err_info *e)
{
    if (f->op > FILTER_NOT)
        return attributes_field_indexed(x, f->field, e);
    for (unsigned i = 0; i < f->count; i++) {
        enum err err = fields_known(x, f->children[i], e);
        if (err)
            return err;
    }
    return ERR_OK;
}

static void select_equal(struct field *f, const struct scalar *s, struct docset *out)
{
    if (!scalar_ordered_by_number(s)) {
        const struct value *v = field_value(f, 0, s, false);
        if (v)
            posting_into(&v->posting, out);
        return;
    }
    struct place p = ordered_find(&f->numbers, s, false); /* a number and dates may be equal */
    for (struct value *v; (v = ordered_at(&f->numbers, &p)); p.index++) {
        if (number_cmp(v->number, s->number))
            break;
        posting_into(&v->posting, out);
    }
}

/* Values of a block lie all over memory: ask for them ahead. */
static void select_run(const struct block *b, unsigned from, unsigned to, struct docset *out)
{
    for (unsigned i = from; i < to; i++) {
        if (i + 16 < b->count)
            __builtin_prefetch(b->values[i + 16]);
        posting_into(&b->values[i]->posting, out);
    }
}

static void select_range(const struct field *f, const struct filter *t, struct docset *out)
{
    bool below = t->op == FILTER_LT || t->op == FILTER_LE;
    const struct scalar *low = below ? NULL : &t->values[0];
    const struct scalar *high = below                     ? &t->values[0]
                                : t->op == FILTER_BETWEEN ? &t->values[1]
                                                          : NULL;
    bool numbers = scalar_ordered_by_number(&t->values[0]);
    if (t->op == FILTER_BETWEEN && numbers != scalar_ordered_by_number(high))
        return;
    const struct ordered *o = numbers ? &f->numbers : &f->texts;
    struct place from = {0, 0}, to = {o->count, 0};
    if (low)
        from = ordered_find(o, low, t->op == FILTER_GT);
    if (high)
        to = ordered_find(o, high, t->op != FILTER_LT);
    for (; from.block < to.block; from = (struct place){from.block + 1, 0})
        select_run(o->blocks[from.block], from.index, o->blocks[from.block]->count, out);
    if (from.block == to.block && from.block < o->count)
        select_run(o->blocks[to.block], from.index, to.index, out);
}

static void select_points(const struct field *f, const struct geo_test *t, struct docset *out)
{
    double low, high;
    geo_test_band(t, &low, &high);
    struct scalar key = scalar_of_number(number_of_double(low));
    struct scalar end = scalar_of_number(number_of_double(high));
    struct place p = ordered_find(&f->points, &key, false);
    for (struct value *v; (v = ordered_at(&f->points, &p)); p.index++) {
        struct scalar s;
        const struct block *b = f->points.blocks[p.block];
        if (p.index + 8 < b->count)
            __builtin_prefetch(b->values[p.index + 8]);
        if (number_cmp(v->number, end.number) > 0)
            return;
        value_scalar(v, &s);
        if (geo_test_passes(t, s.point))
            posting_into(&v->posting, out);
    }
}

static void select_field(const struct attributes *x, struct str field, const struct filter *t,
                         struct docset *out)
{
    struct field *f = attributes_field(x, field);
    if (!f)
        return;
    switch (t->op) {
    case FILTER_EXISTS:
        posting_into(&f->exists, out);
        return;
    case FILTER_EQ:
    case FILTER_NE:
    case FILTER_IN:
        for (unsigned i = 0; i < t->count; i++)
            select_equal(f, &t->values[i], out);
        return;
    case FILTER_GEO:
        select_points(f, t->geo, out);
        return;
    default:
        select_range(f, t, out);
    }
}

/* Copies of the documents whose id passes. */
static void select_copies(const struct selection *s, const struct filter *t, struct docset *out)
{
    struct docset originals;
    docset_init(&originals);
    if (t->op == FILTER_EXISTS)
        docset_copy(out, &s->copies);
    else
        select_field(s->x, STR("id"), t, &originals);
    size_t i = 0;
    for (uint32_t n = docset_next(&s->copies, 0); originals.count && n != UINT32_MAX;
         n = docset_next(&s->copies, n + 1))
        if (docset_has(&originals, s->originals[i++]))
            docset_add(out, n);
    docset_and(out, &s->x->all);
    docset_release(&originals);
}

static void select_test(const struct selection *s, const struct filter *t, struct docset *out)
{
    if (s->of_duplicates && str_eq_c(t->field, "duplicate_of"))
        select_copies(s, t, out);
    else
        select_field(s->x, t->field, t, out);
}

static void complement(const struct attributes *x, struct docset *d)
{
    struct docset all;
    docset_init(&all);
    docset_copy(&all, &x->all);
    docset_minus(&all, d);
    docset_release(d);
    *d = all;
}

/* `out` is empty on entry. */
static void select_tree(const struct selection *s, const struct filter *f, struct docset *out)
{
    if (f->op > FILTER_NOT) {
        select_test(s, f, out);
        if (f->op == FILTER_NE)
            complement(s->x, out);
        return;
    }
    select_tree(s, f->children[0], out);
    if (f->op == FILTER_NOT)
        complement(s->x, out);
    for (unsigned i = 1; i < f->count; i++) {
        struct docset child;
        docset_init(&child);
        select_tree(s, f->children[i], &child);
        if (f->op == FILTER_AND)
            docset_and(out, &child);
        else
            docset_or(out, &child);
        docset_release(&child);
        if (f->op == FILTER_AND && !out->count)
            return;
    }
}

/* Does the tree ask which documents are copies, and of which? */
static bool asks_for_copies(const struct filter *f, bool of_which)
{
    for (unsigned i = 0; f->op <= FILTER_NOT && i < f->count; i++)
        if (asks_for_copies(f->children[i], of_which))
            return true;
    return f->op > FILTER_NOT && str_eq_c(f->field, "duplicate_of") &&
           (!of_which || f->op != FILTER_EXISTS);
}

/* Copies whose original is not `among` those that may be known of are none. */
static void copies_among(struct selection *s, const struct docset *among)
{
    struct docset kept;
    docset_init(&kept);
    for (uint32_t n = docset_next(&s->copies, 0); n != UINT32_MAX;
         n = docset_next(&s->copies, n + 1))
        if (docset_has(among, duplicates_original(s->x->duplicates, n)))
            docset_add(&kept, n);
    docset_release(&s->copies);
    s->copies = kept;
}

static void selection_begin(struct selection *s, const struct attributes *x, const struct filter *f,
                            const struct docset *among)
{
    *s = (struct selection){.x = x, .of_duplicates = x->duplicates && asks_for_copies(f, false)};
    docset_init(&s->copies);
    if (!s->of_duplicates)
        return;
    duplicates_copies(x->duplicates, &s->copies);
    if (among)
        copies_among(s, among);
    if (!asks_for_copies(f, true))
        return;
    s->originals = xmalloc((s->copies.count + 1) * sizeof *s->originals);
    size_t i = 0;
    for (uint32_t n = docset_next(&s->copies, 0); n != UINT32_MAX;
         n = docset_next(&s->copies, n + 1))
        s->originals[i++] = duplicates_original(x->duplicates, n);
}

enum err attributes_select(struct attributes *x, const struct filter *f, struct docset *out,
                           struct err_info *e)
{
    return attributes_select_among(x, f, NULL, out, e);
}

enum err attributes_select_among(struct attributes *x, const struct filter *f,
                                 const struct docset *among, struct docset *out, struct err_info *e)
{
    struct selection s;
    selection_begin(&s, x, f, among);
    rwlock_read(&x->lock);
    enum err err = fields_known(x, f, e);
    if (!err) {
        struct docset found;
        docset_init(&found);
        select_tree(&s, f, &found);
        docset_release(out);
        *out = found;
    }
    rwlock_drop(&x->lock);
    docset_release(&s.copies);
    free(s.originals);
    return err;
}
