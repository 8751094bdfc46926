/* The values of one field: a hash table for equality, ordered lists for ranges. */
#include "index/attributes_impl.h"

#include "base/arena.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

void value_scalar(const struct value *v, struct scalar *out)
{
    *out = (struct scalar){.kind = v->kind == VALUE_BOOL     ? SCALAR_BOOL
                                   : v->kind == VALUE_NUMBER ? SCALAR_NUMBER
                                                             : SCALAR_STRING,
                           .date = v->date,
                           .boolean = v->kind == VALUE_BOOL && v->number.i,
                           .number = v->number,
                           .text = {v->text, v->text_n}};
    if (v->kind == VALUE_POINT) {
        out->kind = SCALAR_POINT;
        memcpy(&out->point, v->text, sizeof out->point);
    }
}

/* --- ordered --- */

/* By number (dates among them; of points the latitude) or by text: an ordered list holds one sort
 * only. */
static int key_cmp(const struct value *v, const struct scalar *key)
{
    if (v->kind == VALUE_NUMBER || v->kind == VALUE_POINT || v->date)
        return number_cmp(v->number, key->number);
    return str_cmp((struct str){v->text, v->text_n}, key->text);
}

/* Total: values that compare equal but are not the same (a number and dates) follow by kind and
 * text. */
static int value_cmp(const struct value *a, const struct value *b)
{
    struct scalar key;
    value_scalar(b, &key);
    int c = key_cmp(a, &key);
    if (!c)
        c = (a->kind > b->kind) - (a->kind < b->kind);
    return c ? c : str_cmp((struct str){a->text, a->text_n}, (struct str){b->text, b->text_n});
}

void ordered_release(struct ordered *o)
{
    for (size_t b = 0; b < o->count; b++)
        free(o->blocks[b]);
    free(o->blocks);
    *o = (struct ordered){0};
}

/* The block in which `v` is or belongs: the last that begins at or before it. */
static size_t block_of(const struct ordered *o, const struct value *v)
{
    size_t low = 0, high = o->count;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (value_cmp(o->blocks[mid]->values[0], v) <= 0)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static unsigned index_in(const struct block *b, const struct value *v)
{
    unsigned low = 0, high = b->count;
    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        if (value_cmp(b->values[mid], v) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void block_insert(struct ordered *o, size_t at)
{
    if (o->count == o->cap) {
        o->cap = o->cap ? 2 * o->cap : 4;
        o->blocks = xrealloc(o->blocks, o->cap * sizeof *o->blocks);
    }
    memmove(o->blocks + at + 1, o->blocks + at, (o->count - at) * sizeof *o->blocks);
    o->blocks[at] = xmalloc(sizeof **o->blocks);
    o->blocks[at]->count = 0;
    o->count++;
}

/* Halves a full block; at the end of the list it stays full, since rising values are the usual
 * case. */
static void block_split(struct ordered *o, size_t at, unsigned index)
{
    block_insert(o, at + 1);
    struct block *from = o->blocks[at], *to = o->blocks[at + 1];
    unsigned keep = at + 2 == o->count && index == from->count ? from->count : from->count / 2;
    to->count = from->count - keep;
    memcpy(to->values, from->values + keep, to->count * sizeof *to->values);
    from->count = keep;
}

void ordered_insert(struct ordered *o, struct value *v)
{
    if (!o->count)
        block_insert(o, 0);
    size_t at = block_of(o, v);
    unsigned index = index_in(o->blocks[at], v);
    if (o->blocks[at]->count == BLOCK_VALUES) {
        block_split(o, at, index);
        if (index >= o->blocks[at]->count &&
            (index > o->blocks[at]->count || !o->blocks[at + 1]->count)) {
            index -= o->blocks[at]->count;
            at++;
        }
    }
    struct block *b = o->blocks[at];
    assert(b->count < BLOCK_VALUES && index <= b->count);
    memmove(b->values + index + 1, b->values + index, (b->count - index) * sizeof *b->values);
    b->values[index] = v;
    b->count++;
}

void ordered_remove(struct ordered *o, const struct value *v)
{
    size_t at = block_of(o, v);
    struct block *b = o->blocks[at];
    unsigned index = index_in(b, v);
    assert(index < b->count && b->values[index] == v);
    memmove(b->values + index, b->values + index + 1, (b->count - index - 1) * sizeof *b->values);
    if (--b->count)
        return;
    free(b);
    memmove(o->blocks + at, o->blocks + at + 1, (o->count - at - 1) * sizeof *o->blocks);
    o->count--;
}

struct place ordered_find(const struct ordered *o, const struct scalar *key, bool after)
{
    size_t low = 0, high = o->count; /* the first block whose last value is not before the place */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct block *b = o->blocks[mid];
        int c = key_cmp(b->values[b->count - 1], key);
        if (c < 0 || (after && !c))
            low = mid + 1;
        else
            high = mid;
    }
    struct place p = {low, 0};
    if (low == o->count)
        return p;
    unsigned first = 0, last = o->blocks[low]->count;
    while (first < last) {
        unsigned mid = first + (last - first) / 2;
        int c = key_cmp(o->blocks[low]->values[mid], key);
        if (c < 0 || (after && !c))
            first = mid + 1;
        else
            last = mid;
    }
    p.index = first;
    return p;
}

struct value *ordered_at(const struct ordered *o, struct place *p)
{
    while (p->block < o->count && p->index >= o->blocks[p->block]->count)
        *p = (struct place){p->block + 1, 0};
    return p->block < o->count ? o->blocks[p->block]->values[p->index] : NULL;
}

size_t ordered_bytes(const struct ordered *o)
{
    return o->cap * sizeof *o->blocks + o->count * sizeof **o->blocks;
}

/* --- the table --- */

static uint32_t scalar_hash(const struct scalar *s)
{
    uint64_t h;
    if (s->kind == SCALAR_STRING) {
        h = str_hash(s->text);
    } else if (s->kind == SCALAR_POINT) {
        h = str_hash((struct str){(const char *)&s->point, sizeof s->point});
    } else {
        struct number n = s->kind == SCALAR_BOOL ? number_of_int(s->boolean) : s->number;
        h = (uint64_t)n.i * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)s->kind;
    }
    return (uint32_t)(h ^ h >> 32);
}

static bool value_is(const struct value *v, uint32_t hash, const struct scalar *s)
{
    struct scalar own;
    if (v->hash != hash)
        return false;
    value_scalar(v, &own);
    return scalar_same(&own, s);
}

/* Linear hashing (Litwin 1980): a bucket is split now and then, so that no put waits
 * for a whole table to be made anew. */
static struct value **bucket_of(const struct field *f, uint32_t hash)
{
    size_t i = hash & (2 * f->round - 1);
    return &f->buckets[i < f->bucket_count ? i : i - f->round];
}

static void bucket_split(struct field *f)
{
    if (f->bucket_count == f->bucket_cap) {
        f->bucket_cap = 2 * f->bucket_cap;
        f->buckets = xrealloc(f->buckets, f->bucket_cap * sizeof *f->buckets);
    }
    size_t from = f->bucket_count - f->round;
    struct value *v = f->buckets[from], *next;
    f->buckets[from] = f->buckets[f->bucket_count++] = NULL;
    for (; v; v = next) {
        next = v->next;
        struct value **to = bucket_of(f, v->hash);
        v->next = *to;
        *to = v;
    }
    if (f->bucket_count == 2 * f->round)
        f->round = f->bucket_count;
}

static void bucket_remove(struct field *f, const struct value *v)
{
    struct value **at = bucket_of(f, v->hash);
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
}

/* What a value keeps behind itself. */
static struct str value_bytes(const struct scalar *s)
{
    if (s && s->kind == SCALAR_POINT)
        return (struct str){(const char *)&s->point, sizeof s->point};
    return s && s->kind == SCALAR_STRING ? s->text : (struct str){"", 0};
}

static struct number value_number(const struct scalar *s)
{
    if (s->kind == SCALAR_POINT)
        return number_of_double(s->point.lat);
    return s->kind == SCALAR_BOOL ? number_of_int(s->boolean) : s->number;
}

static struct value *value_new(uint16_t index, const struct scalar *s)
{
    static const uint8_t kinds[] = {[SCALAR_BOOL] = VALUE_BOOL,
                                    [SCALAR_NUMBER] = VALUE_NUMBER,
                                    [SCALAR_STRING] = VALUE_STRING,
                                    [SCALAR_POINT] = VALUE_POINT};
    struct str bytes = value_bytes(s);
    struct value *v = xmalloc(sizeof *v + bytes.n);
    memset(v, 0, sizeof *v);
    v->field = index;
    v->kind = VALUE_PRESENT;
    if (!s)
        return v;
    v->kind = kinds[s->kind];
    v->date = s->kind == SCALAR_STRING && s->date;
    v->number = value_number(s);
    v->text_n = (uint32_t)bytes.n;
    if (bytes.n)
        memcpy(v->text, bytes.s, bytes.n);
    return v;
}

static void ordinal_give(struct field *f, struct value *v)
{
    if (f->hole_count) {
        v->ordinal = f->holes[--f->hole_count];
    } else {
        if (f->values_end == f->values_cap) {
            f->values_cap = f->values_cap ? 2 * f->values_cap : 4;
            f->values = xrealloc(f->values, f->values_cap * sizeof *f->values);
        }
        v->ordinal = (uint32_t)f->values_end++;
    }
    f->values[v->ordinal] = v;
}

static struct ordered *order_of(struct field *f, const struct value *v)
{
    if (v->kind == VALUE_NUMBER || v->date)
        return &f->numbers;
    if (v->kind == VALUE_POINT)
        return &f->points;
    return v->kind == VALUE_STRING ? &f->texts : NULL;
}

struct value *field_value(struct field *f, uint16_t index, const struct scalar *s, bool make)
{
    if (!s)
        return f->present;
    uint32_t hash = scalar_hash(s);
    struct value *v = *bucket_of(f, hash);
    while (v && !value_is(v, hash, s))
        v = v->next;
    if (v || !make)
        return v;
    if (field_values(f) >= f->bucket_count)
        bucket_split(f);
    v = value_new(index, s);
    v->hash = hash;
    v->next = *bucket_of(f, hash);
    *bucket_of(f, hash) = v;
    f->bytes += sizeof *v + v->text_n;
    ordinal_give(f, v);
    if (order_of(f, v))
        ordered_insert(order_of(f, v), v);
    return v;
}

/* Forgets a value that no document holds. */
static void field_drop(struct field *f, struct value *v)
{
    if (v == f->present)
        return;
    bucket_remove(f, v);
    if (order_of(f, v))
        ordered_remove(order_of(f, v), v);
    if (f->hole_count == f->hole_cap) {
        f->hole_cap = f->hole_cap ? 2 * f->hole_cap : 4;
        f->holes = xrealloc(f->holes, f->hole_cap * sizeof *f->holes);
    }
    f->holes[f->hole_count++] = v->ordinal;
    f->values[v->ordinal] = NULL;
    f->bytes -= sizeof *v + v->text_n + posting_bytes(&v->posting);
    posting_release(&v->posting);
    free(v);
}

bool field_hold(struct field *f, struct value *v, uint32_t number)
{
    size_t before = posting_bytes(&f->exists) + posting_bytes(&v->posting);
    posting_add(&f->exists, number);
    columns_put(f, number, v);
    bool held = posting_add(&v->posting, number);
    f->bytes += posting_bytes(&f->exists) + posting_bytes(&v->posting) - before;
    return held;
}

void field_let_go(struct field *f, struct value *v, uint32_t number)
{
    size_t before = posting_bytes(&f->exists) + posting_bytes(&v->posting);
    posting_remove(&f->exists, number);
    columns_forget(f, number);
    posting_remove(&v->posting, number);
    f->bytes += posting_bytes(&f->exists) + posting_bytes(&v->posting) - before;
    if (!v->posting.count)
        field_drop(f, v);
}

struct field *field_new(struct str name, uint16_t index)
{
    struct field *f = xcalloc(1, sizeof *f);
    f->name = str_dup(name);
    f->present = value_new(index, NULL);
    f->round = f->bucket_count = 1;
    f->bucket_cap = 8;
    f->buckets = xcalloc(f->bucket_cap, sizeof *f->buckets);
    return f;
}

void field_free(struct field *f)
{
    for (size_t i = 0; i < f->values_end; i++) {
        if (f->values[i])
            posting_release(&f->values[i]->posting);
        free(f->values[i]);
    }
    posting_release(&f->exists);
    posting_release(&f->present->posting);
    free(f->present);
    ordered_release(&f->numbers);
    ordered_release(&f->texts);
    ordered_release(&f->points);
    free(f->buckets);
    for (int i = 0; i < ATTRIBUTES_PICKS; i++)
        column_free(f->columns[i]);
    free(f->values);
    free(f->holes);
    free((char *)f->name.s);
    free(f);
}

size_t field_bytes(const struct field *f)
{
    size_t n = sizeof *f + f->name.n + (f->bucket_cap + f->values_cap) * sizeof(void *) +
               f->hole_cap * sizeof *f->holes + ordered_bytes(&f->numbers) +
               ordered_bytes(&f->texts) + ordered_bytes(&f->points) + f->bytes;
    for (int i = 0; i < ATTRIBUTES_PICKS; i++)
        n += column_bytes(f->columns[i]);
    return n;
}
