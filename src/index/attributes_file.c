/* The attribute index in a snapshot. The payload of its section (section.h), numbers little-endian:
 *
 *     u64 "AKATTR03"   u32 flags (1: fields were dropped)
 *     u32 fields, and for each   u32 bytes, name
 *     documents, numbers rising, and for each   u32 number   u32 values, and for each
 *         u32 field   u8 kind, and by kind
 *         BOOL u8   NUMBER u8 whole, u64 bits   STRING u32 bytes, text   PRESENT -
 *         POINT u64 latitude, u64 longitude
 *     u32 -1
 *
 * Saving goes on beside the writer, some documents at a time: each is as it was before or after a
 * change made meanwhile (without the values of fields that came meanwhile), and whoever saves
 * remembers a change from before, from which all later ones are replayed. */
#include "index/attributes_impl.h"

#include "base/section.h"
#include <string.h>

#define MAGIC UINT64_C(0x3330525454414B41) /* "AKATTR03" */
#define END UINT32_MAX
#define SAVED_AT_A_TIME 512

static void save_value(struct section_writer *w, const struct value *v)
{
    uint8_t head[2] = {v->kind, 0};
    section_put_u32(w, v->field);
    section_put(w, head, 1);
    if (v->kind == VALUE_BOOL || v->kind == VALUE_NUMBER) {
        head[1] = v->kind == VALUE_BOOL ? v->number.i != 0 : v->number.whole;
        section_put(w, head + 1, 1);
    }
    if (v->kind == VALUE_NUMBER)
        section_put_u64(w, (uint64_t)v->number.i);
    if (v->kind == VALUE_POINT)
        section_put(w, v->text, sizeof(struct geo_point));
    if (v->kind == VALUE_STRING) {
        section_put_u32(w, v->text_n);
        section_put(w, v->text, v->text_n);
    }
}

static unsigned save_head(struct attributes *x, struct section_writer *w)
{
    rwlock_read(&x->lock);
    section_hold(w);
    section_put_u64(w, MAGIC);
    section_put_u32(w, x->fields_dropped);
    section_put_u32(w, x->field_count);
    for (unsigned i = 0; i < x->field_count; i++) {
        section_put_u32(w, (uint32_t)x->fields[i]->name.n);
        section_put(w, x->fields[i]->name.s, x->fields[i]->name.n);
    }
    unsigned fields = x->field_count;
    rwlock_drop(&x->lock);
    section_let_go(w);
    return fields;
}

static void save_document(struct section_writer *w, const struct holding *h, unsigned fields)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < h->count; i++)
        count += h->values[i]->field < fields;
    section_put_u32(w, count);
    for (uint32_t i = 0; i < h->count; i++)
        if (h->values[i]->field < fields)
            save_value(w, h->values[i]);
}

/* Some documents from `from` on -> where the next are, or END. */
static uint32_t save_some(struct attributes *x, struct section_writer *w, uint32_t from,
                          unsigned fields)
{
    rwlock_read(&x->lock);
    section_hold(w);
    uint32_t n = docset_next(&x->all, from);
    for (unsigned i = 0; n != END && i < SAVED_AT_A_TIME; i++) {
        section_put_u32(w, n);
        save_document(w, attributes_holding(x, n), fields);
        n = docset_next(&x->all, n + 1);
    }
    rwlock_drop(&x->lock);
    section_let_go(w);
    return n;
}

enum err attributes_save(struct attributes *x, struct file *f, struct err_info *e)
{
    struct section_writer *w = section_writer_new(f);
    unsigned fields = save_head(x, w);
    for (uint32_t from = 0; from != END;)
        from = save_some(x, w, from, fields);
    section_put_u32(w, END);
    return section_writer_end(w, e);
}

static void load_fields(struct attributes *x, struct section_reader *r)
{
    char name[DOCUMENT_PATH_MAX + sizeof "attributes."];
    uint32_t count = section_get_u32(r);
    if (count > FIELDS_MAX)
        section_corrupt(r, "too many fields");
    for (uint32_t i = 0; i < count && !section_error(r); i++) {
        uint16_t index = 0;
        uint32_t n = section_get_u32(r);
        if (n > sizeof name)
            section_corrupt(r, "a field's name is too long");
        if (section_error(r))
            return;
        section_get(r, name, n);
        attributes_field_make(x, (struct str){name, n}, &index);
        if (index != i)
            section_corrupt(r, "a field stands there twice");
    }
}

static struct number load_number(struct section_reader *r, bool whole)
{
    struct number n = number_of_int((int64_t)section_get_u64(r));
    if (whole)
        return n;
    n.whole = false;
    /* Infinities and NaN never come from JSON and have no place in an order. */
    if (!(n.d - n.d == 0) || number_of_double(n.d).whole)
        section_corrupt(r, "a number is not in its canonical form");
    return n;
}

static struct geo_point load_point(struct section_reader *r)
{
    struct geo_point p = {0};
    section_get(r, &p, sizeof p);
    if (!geo_point_sound(p))
        section_corrupt(r, "a point is not on the earth");
    return p;
}

static void load_value(struct attributes *x, struct section_reader *r)
{
    char text[SCALAR_TEXT_MAX];
    uint8_t kind = 0, byte = 0;
    struct scalar s;
    uint32_t index = section_get_u32(r);
    section_get(r, &kind, 1);
    if (index >= x->field_count || kind > VALUE_POINT) {
        section_corrupt(r, "unknown field or kind of value");
        return;
    }
    if (kind == VALUE_BOOL || kind == VALUE_NUMBER)
        section_get(r, &byte, 1);
    if (kind == VALUE_BOOL) {
        s = scalar_of_bool(byte);
    } else if (kind == VALUE_NUMBER) {
        s = scalar_of_number(load_number(r, byte));
    } else if (kind == VALUE_POINT) {
        s = scalar_of_point(load_point(r));
    } else if (kind == VALUE_STRING) {
        uint32_t n = section_get_u32(r);
        if (n > sizeof text) {
            section_corrupt(r, "a text is too long");
            return;
        }
        section_get(r, text, n);
        s = scalar_of_text((struct str){text, n});
    }
    if (!section_error(r))
        attributes_scratch_add(x, field_value(x->fields[index], (uint16_t)index,
                                              kind == VALUE_PRESENT ? NULL : &s, true));
}

static void load_documents(struct attributes *x, struct section_reader *r)
{
    for (uint64_t next = 0;;) {
        uint32_t number = section_get_u32(r);
        if (number == END)
            return;
        uint32_t values = section_get_u32(r);
        if (number < next || number > DOCUMENT_NUMBER_MAX || values > DOCUMENT_VALUES_MAX)
            section_corrupt(r, "a document's number or count is out of range");
        next = (uint64_t)number + 1;
        for (uint32_t j = 0; j < values && !section_error(r); j++)
            load_value(x, r);
        if (section_error(r))
            return;
        attributes_hold(x, number);
    }
}

enum err attributes_load(struct file *f, uint64_t *offset, struct attributes **out,
                         struct err_info *e)
{
    struct section_reader *r = section_reader_new(f, *offset);
    struct attributes *x = attributes_new();
    if (section_get_u64(r) != MAGIC)
        section_corrupt(r, "not an attribute index");
    x->fields_dropped = section_get_u32(r);
    load_fields(x, r);
    if (!section_error(r))
        load_documents(x, r);
    enum err err = section_reader_end(r, offset, e);
    if (err)
        attributes_free(x);
    else
        *out = x;
    return err;
}

static bool holds(const struct attributes *y, uint32_t number, struct str field,
                  const struct value *v)
{
    struct scalar s;
    struct field *f = attributes_field(y, field);
    value_scalar(v, &s);
    const struct value *same =
        f ? field_value(f, 0, v->kind == VALUE_PRESENT ? NULL : &s, false) : NULL;
    return same && posting_has(&same->posting, number) && posting_has(&f->exists, number);
}

static bool same(const struct attributes *x, const struct attributes *y, uint32_t number)
{
    const struct holding *values = attributes_holding(x, number);
    bool equal = docset_has(&y->all, number) &&
                 (values->count == attributes_holding(y, number)->count ||
                  (x->fields_dropped && values->count < attributes_holding(y, number)->count));
    for (uint32_t i = 0; equal && i < values->count; i++)
        equal = holds(y, number, x->fields[values->values[i]->field]->name, values->values[i]);
    return equal;
}

bool attributes_same(struct attributes *x, const struct attributes *y, uint32_t number)
{
    rwlock_read(&x->lock);
    bool equal = docset_has(&x->all, number) ? same(x, y, number) : !docset_has(&y->all, number);
    rwlock_drop(&x->lock);
    return equal;
}

bool attributes_equal(struct attributes *x, struct attributes *y)
{
    bool equal = x->all.count == y->all.count && x->fields_dropped == y->fields_dropped;
    rwlock_read(&x->lock);
    for (uint32_t n = docset_next(&x->all, 0); equal && n != UINT32_MAX;
         n = docset_next(&x->all, n + 1))
        equal = same(x, y, n) && attributes_holding(x, n)->count == attributes_holding(y, n)->count;
    rwlock_drop(&x->lock);
    return equal;
}
