/* Documents that have a value in common. */
#include "index/attributes_impl.h"
#include "index/order.h"

static bool groups_by(const struct value *v)
{
    return v->kind != VALUE_PRESENT && v->kind != VALUE_POINT;
}

/* Values are held in the document's own order. */
static const struct value *first_held(const struct attributes *x, const struct field *f,
                                      uint32_t number)
{
    const struct holding *h = attributes_holding(x, number);
    for (uint32_t i = 0; h && i < h->count; i++)
        if (groups_by(h->values[i]) && x->fields[h->values[i]->field] == f)
            return h->values[i];
    return NULL;
}

void attributes_groups(struct attributes *x, struct str field, const uint32_t *numbers,
                       size_t count, uint32_t *out)
{
    rwlock_read(&x->lock);
    const struct field *f = attributes_field(x, filter_field(field));
    for (size_t i = 0; i < count; i++) {
        const struct value *v = f ? first_held(x, f, numbers[i]) : NULL;
        out[i] = v ? v->ordinal + 1 : 0;
    }
    rwlock_drop(&x->lock);
}

size_t attributes_groups_most(struct attributes *x, struct str field)
{
    rwlock_read(&x->lock);
    const struct field *f = attributes_field(x, filter_field(field));
    size_t most = x->all.count;
    if (f) /* each value, and each document without one */
        most = field_values(f) + x->all.count - f->exists.count + f->present->posting.count;
    rwlock_drop(&x->lock);
    return most;
}

void attributes_alike(struct attributes *x, struct str field, const uint32_t *of, size_t count,
                      struct docset *out)
{
    rwlock_read(&x->lock);
    const struct field *f = attributes_field(x, filter_field(field));
    for (size_t i = 0; f && i < count; i++) {
        const struct value *v = first_held(x, f, of[i]);
        if (v)
            posting_into(&v->posting, out);
    }
    rwlock_drop(&x->lock);
}

size_t attributes_values(struct attributes *x, struct str field, uint32_t number, uint32_t *out,
                         size_t max)
{
    size_t n = 0;
    rwlock_read(&x->lock);
    const struct field *f = attributes_field(x, filter_field(field));
    const struct holding *h = f ? attributes_holding(x, number) : NULL;
    for (uint32_t i = 0; h && i < h->count && n < max; i++)
        if (groups_by(h->values[i]) && x->fields[h->values[i]->field] == f)
            out[n++] = h->values[i]->ordinal;
    rwlock_drop(&x->lock);
    return n;
}

void attributes_holders(struct attributes *x, struct str field, const uint32_t *values,
                        size_t count, struct docset *out)
{
    rwlock_read(&x->lock);
    const struct field *f = attributes_field(x, filter_field(field));
    for (size_t i = 0; f && i < count; i++)
        if (values[i] < f->values_end && f->values[values[i]])
            posting_into(&f->values[values[i]]->posting, out);
    rwlock_drop(&x->lock);
}

struct first {
    struct str field;
    json_t *value; /* owned */
};

static void first_value(void *ctx, struct str field, const struct scalar *v)
{
    struct first *f = ctx;
    if (f->value || !v || v->kind == SCALAR_POINT || !str_eq(field, f->field))
        return;
    f->value = v->kind == SCALAR_BOOL     ? json_boolean(v->boolean)
               : v->kind == SCALAR_STRING ? json_stringn(v->text.s, v->text.n)
               : v->number.whole          ? json_integer(v->number.i)
                                          : json_real(v->number.d);
}

json_t *group_value(struct str field, const json_t *document)
{
    struct first f = {.field = filter_field(field)};
    document_fields(document, first_value, &f);
    return f.value ? f.value : json_null();
}
