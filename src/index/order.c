#include "index/order.h"
#include "index/attributes_impl.h"

#include "base/arena.h"
#include "base/json.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Places of values are even numbers from 2 on in rising order, so that what is between two values
 * has a place too. */

static uint64_t turned(const struct order_key *k, uint64_t place)
{
    return k->descending ? UINT64_MAX - place : place;
}

uint64_t order_of_double(const struct order_key *k, double v)
{
    uint64_t bits;
    v += 0.0; /* -0 is 0 */
    memcpy(&bits, &v, sizeof bits);
    bits = bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
    return turned(k, bits);
}

/* --- values --- */

static int class_of(const struct scalar *s)
{
    return s->kind == SCALAR_BOOL ? 0 : scalar_ordered_by_number(s) ? 1 : 2;
}

/* Of any two values that are sorted by. */
static int sort_cmp(const struct scalar *a, const struct scalar *b)
{
    int c = 0;
    return scalar_compare(a, b, &c) ? c : class_of(a) - class_of(b);
}

static bool scalar_of_json(const json_t *v, struct scalar *out)
{
    if (json_is_boolean(v))
        *out = scalar_of_bool(json_is_true(v));
    else if (json_is_integer(v))
        *out = scalar_of_number(number_of_int(json_integer_value(v)));
    else if (json_is_real(v))
        *out = scalar_of_number(number_of_double(json_real_value(v)));
    else if (json_is_string(v))
        *out = scalar_of_text(json_str(v));
    else
        return false;
    return true;
}

/* --- many documents: the values in order --- */

struct walk {
    const struct order_key *key;
    uint32_t *of_number; /* places, 0: none yet */
    size_t size;
    struct scalar last; /* the value at `place` */
    uint32_t place;     /* 0: none yet */
    const struct scalar *after;
    uint64_t after_place;
};

/* Rising order keeps the first place that a document gets, falling order the last. */
static void walk_number(struct walk *w, uint32_t number)
{
    if (number < w->size && (w->key->descending || !w->of_number[number]))
        w->of_number[number] = w->place;
}

static void walk_value(struct walk *w, const struct value *v)
{
    struct scalar s;
    value_scalar(v, &s);
    if (!w->place || sort_cmp(&w->last, &s))
        w->place += 2;
    w->last = s;
    if (w->after) {
        int c = sort_cmp(&s, w->after);
        if (c <= 0)
            w->after_place = w->place + (c < 0);
    }
    const struct posting *p = &v->posting;
    for (uint32_t n = posting_next(p, 0); n != UINT32_MAX; n = posting_next(p, n + 1))
        walk_number(w, n);
}

static void walk_ordered(struct walk *w, const struct ordered *o)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct block *b = o->blocks[i];
        for (unsigned j = 0; j < b->count; j++) {
            if (j + 8 < b->count)
                __builtin_prefetch(b->values[j + 8]);
            walk_value(w, b->values[j]);
        }
    }
}

static void walk_field(struct walk *w, struct field *f)
{
    for (int b = 0; b < 2; b++) {
        struct scalar s = scalar_of_bool(b);
        const struct value *v = field_value(f, 0, &s, false);
        if (v)
            walk_value(w, v);
    }
    walk_ordered(w, &f->numbers);
    walk_ordered(w, &f->texts);
}

static void places_by_value(struct walk *w, struct field *f, const uint32_t *numbers, size_t count,
                            uint64_t *out, size_t stride)
{
    w->size = count ? (size_t)numbers[count - 1] + 1 : 0;
    w->of_number = xcalloc(w->size + 1, sizeof *w->of_number);
    walk_field(w, f);
    for (size_t i = 0; i < count; i++) {
        uint32_t place = w->of_number[numbers[i]];
        out[i * stride] = place ? turned(w->key, place) : ORDER_MISSING(w->key);
    }
    free(w->of_number);
}

/* --- few documents: the values that they hold --- */

struct held {
    const struct value *value;
    size_t at;
};

static int held_cmp(const void *a, const void *b)
{
    const struct held *x = a, *y = b;
    struct scalar s, t;
    value_scalar(x->value, &s);
    value_scalar(y->value, &t);
    return sort_cmp(&s, &t);
}

/* The least or greatest value that a document holds in the field; NULL: none. */
static const struct value *best_held(const struct attributes *x, const struct field *f,
                                     const struct order_key *k, uint32_t number)
{
    const struct holding *h = attributes_holding(x, number);
    struct held best = {NULL, 0};
    for (uint32_t i = 0; h && i < h->count; i++) {
        struct held v = {h->values[i], 0};
        if (x->fields[v.value->field] != f || v.value->kind >= VALUE_PRESENT)
            continue;
        int c = best.value ? held_cmp(&v, &best) : 0;
        if (!best.value || (k->descending ? c > 0 : c < 0))
            best = v;
    }
    return best.value;
}

static void places_by_document(struct walk *w, const struct attributes *x, const struct field *f,
                               const uint32_t *numbers, size_t count, uint64_t *out, size_t stride)
{
    struct held *held = xmalloc((count + 1) * sizeof *held);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct value *v = best_held(x, f, w->key, numbers[i]);
        out[i * stride] = ORDER_MISSING(w->key);
        if (v)
            held[n++] = (struct held){v, i};
    }
    if (n)
        qsort(held, n, sizeof *held, held_cmp);
    for (size_t i = 0; i < n; i++) {
        struct scalar s;
        value_scalar(held[i].value, &s);
        if (!w->place || sort_cmp(&w->last, &s))
            w->place += 2;
        w->last = s;
        out[held[i].at * stride] = turned(w->key, w->place);
        int c = w->after ? sort_cmp(&s, w->after) : 1;
        if (c <= 0)
            w->after_place = w->place + (c < 0);
    }
    free(held);
}

/* --- distances --- */

static double picked(const struct order_key *k, double a, double b) /* NaN gives way */
{
    return k->descending ? fmax(a, b) : fmin(a, b);
}

static double value_distance(const struct order_key *k, const struct value *v)
{
    struct scalar s;
    value_scalar(v, &s);
    return geo_distance_m(k->from, s.point);
}

static void distances_by_value(const struct order_key *k, const struct field *f, double *of_number,
                               size_t size)
{
    struct place p = {0, 0};
    for (struct value *v; (v = ordered_at(&f->points, &p)); p.index++) {
        double d = value_distance(k, v);
        const struct posting *list = &v->posting;
        for (uint32_t n = posting_next(list, 0); n < size; n = posting_next(list, n + 1))
            of_number[n] = picked(k, of_number[n], d);
    }
}

static double distance_of(const struct attributes *x, const struct field *f,
                          const struct order_key *k, uint32_t number)
{
    const struct holding *h = attributes_holding(x, number);
    double found = (double)NAN;
    for (uint32_t i = 0; h && i < h->count; i++)
        if (h->values[i]->kind == VALUE_POINT && x->fields[h->values[i]->field] == f)
            found = picked(k, found, value_distance(k, h->values[i]));
    return found;
}

static void distances(const struct attributes *x, const struct order_key *k,
                      const uint32_t *numbers, size_t count, const json_t *after, uint64_t *out,
                      size_t stride, uint64_t *after_place)
{
    const struct field *f = attributes_field(x, filter_field(k->field));
    size_t size = count ? (size_t)numbers[count - 1] + 1 : 0;
    bool few = !f || count < field_values(f) / 4;
    double *of_number = few ? NULL : xmalloc((size + 1) * sizeof *of_number);
    for (size_t n = 0; n < size && !few; n++)
        of_number[n] = (double)NAN;
    if (!few)
        distances_by_value(k, f, of_number, size);
    for (size_t i = 0; i < count; i++) {
        double d = few ? f ? distance_of(x, f, k, numbers[i]) : (double)NAN : of_number[numbers[i]];
        out[i * stride] = isnan(d) ? ORDER_MISSING(k) : order_of_double(k, d);
    }
    free(of_number);
    if (after_place)
        *after_place =
            json_is_number(after) ? order_of_double(k, json_number_value(after)) : ORDER_MISSING(k);
}

void attributes_places(struct attributes *x, const struct order_key *k, const uint32_t *numbers,
                       size_t count, const json_t *after, uint64_t *out, size_t stride,
                       uint64_t *after_place)
{
    struct scalar s;
    struct walk w = {.key = k, .after_place = 1};
    bool has_after = scalar_of_json(after, &s);
    w.after = has_after ? &s : NULL;
    rwlock_read(&x->lock);
    if (k->by_distance) {
        distances(x, k, numbers, count, after, out, stride, after_place);
        rwlock_drop(&x->lock);
        return;
    }
    struct field *f = attributes_field(x, filter_field(k->field));
    if (!f)
        for (size_t i = 0; i < count; i++)
            out[i * stride] = ORDER_MISSING(k);
    else if (count < field_values(f) / 4)
        places_by_document(&w, x, f, numbers, count, out, stride);
    else
        places_by_value(&w, f, numbers, count, out, stride);
    rwlock_drop(&x->lock);
    if (after_place)
        *after_place = has_after ? turned(k, w.after_place) : ORDER_MISSING(k);
}

/* --- one document --- */

struct best {
    const struct order_key *key;
    struct str field;
    json_t *value; /* owned */
};

static void best_distance(struct best *b, const struct scalar *v)
{
    double d = v->kind == SCALAR_POINT ? geo_distance_m(b->key->from, v->point) : (double)NAN;
    if (b->value)
        d = picked(b->key, d, json_real_value(b->value));
    if (isnan(d))
        return;
    json_decref(b->value);
    b->value = json_real(d);
}

static void best_field(void *ctx, struct str field, const struct scalar *v)
{
    struct best *b = ctx;
    struct scalar now;
    if (!v || !str_eq(field, b->field))
        return;
    if (b->key->by_distance) {
        best_distance(b, v);
        return;
    }
    if (v->kind == SCALAR_POINT)
        return;
    if (scalar_of_json(b->value, &now)) {
        int c = sort_cmp(v, &now);
        if (b->key->descending ? c <= 0 : c >= 0)
            return;
    }
    json_decref(b->value);
    b->value = v->kind == SCALAR_BOOL     ? json_boolean(v->boolean)
               : v->kind == SCALAR_STRING ? json_stringn(v->text.s, v->text.n)
               : v->number.whole          ? json_integer(v->number.i)
                                          : json_real(v->number.d);
}

json_t *order_value(const struct order_key *k, const json_t *document)
{
    struct best b = {.key = k, .field = filter_field(k->field)};
    document_fields(document, best_field, &b);
    return b.value ? b.value : json_null();
}

bool order_key_of_filter(const struct filter *f, struct order_key *out)
{
    if (f->op == FILTER_GEO && f->geo->shape != GEO_BOX) {
        *out = (struct order_key){.field = f->field, .by_distance = true, .from = f->geo->a};
        return true;
    }
    bool inner = f->op == FILTER_AND || f->op == FILTER_OR;
    for (unsigned i = 0; inner && i < f->count; i++)
        if (order_key_of_filter(f->children[i], out))
            return true;
    return false;
}
