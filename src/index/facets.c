/* Counts of what a set of documents holds in a field: of its values, in ranges, and in sum. */
#include "index/attributes_impl.h"

#include "base/arena.h"
#include "base/json.h"
#include <stdlib.h>
#include <string.h>

/* --- values --- */

struct counted {
    const struct value *value;
    size_t count;
};

static int counted_cmp(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    struct scalar s, t;
    int c = 0;
    value_scalar(x->value, &s);
    value_scalar(y->value, &t);
    if (scalar_compare(&s, &t, &c) && c)
        return c;
    c = (int)x->value->kind - (int)y->value->kind;
    if (!c)
        c = (int)x->value->date - (int)y->value->date;
    return c ? c : str_cmp(s.text, t.text);
}

/* Few documents: the values that they hold. */
static void count_by_document(const struct attributes *x, const struct field *f,
                              const struct docset *within, size_t *counts)
{
    for (uint32_t n = docset_next(within, 0); n != UINT32_MAX; n = docset_next(within, n + 1)) {
        const struct holding *h = attributes_holding(x, n);
        for (uint32_t i = 0; h && i < h->count; i++)
            if (x->fields[h->values[i]->field] == f && h->values[i]->kind != VALUE_PRESENT)
                counts[h->values[i]->ordinal]++;
    }
}

static void count_by_value(const struct field *f, const struct docset *within, size_t *counts)
{
    for (size_t i = 0; i < f->values_end; i++)
        if (f->values[i])
            counts[i] = posting_shared(&f->values[i]->posting, within);
}

/* The `limit` first of `n`, in order: a heap with the last of them on top, since most values of a
 * field that has many are not among them. */
static size_t first_of(struct counted *found, size_t n, size_t limit)
{
    size_t kept = n < limit ? n : limit;
    for (size_t root = kept / 2, i = kept; i < n || root > 0;) {
        if (root > 0) {
            root--;
        } else {
            if (counted_cmp(&found[i], &found[0]) < 0)
                found[0] = found[i];
            i++;
        }
        for (size_t at = root, child; kept < n && (child = 2 * at + 1) < kept; at = child) {
            if (child + 1 < kept && counted_cmp(&found[child], &found[child + 1]) < 0)
                child++;
            if (counted_cmp(&found[at], &found[child]) >= 0)
                break;
            struct counted swap = found[at];
            found[at] = found[child];
            found[child] = swap;
        }
    }
    if (kept)
        qsort(found, kept, sizeof *found, counted_cmp);
    return kept;
}

static size_t facet_count(const struct attributes *x, const struct field *f,
                          const struct docset *within, size_t limit, struct counted **out)
{
    size_t *counts = xcalloc(f->values_end + 1, sizeof *counts);
    struct counted *found = xmalloc((f->values_end + 1) * sizeof *found);
    size_t n = 0;
    if (within->count < field_values(f) * 4)
        count_by_document(x, f, within, counts);
    else
        count_by_value(f, within, counts);
    for (size_t i = 0; i < f->values_end; i++)
        if (counts[i])
            found[n++] = (struct counted){f->values[i], counts[i]};
    free(counts);
    *out = found;
    return first_of(found, n, limit);
}

static struct str value_json(struct arena *a, const struct value *v)
{
    struct scalar s;
    struct strbuf b;
    strbuf_init(&b, 0);
    value_scalar(v, &s);
    scalar_print(&s, &b);
    struct str out = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return out;
}

enum err attributes_facet(struct attributes *x, struct arena *a, struct str field,
                          const struct docset *within, size_t limit, struct facet_value **out,
                          size_t *count, struct err_info *e)
{
    struct counted *found = NULL;
    size_t n = 0;
    rwlock_read(&x->lock);
    enum err err = attributes_field_indexed(x, filter_field(field), e);
    if (err)
        goto done;
    const struct field *f = attributes_field(x, filter_field(field));
    if (f)
        n = facet_count(x, f, within, limit, &found);
    *out = arena_array(a, n ? n : 1, sizeof **out);
    *count = n;
    for (size_t i = 0; i < n; i++)
        (*out)[i] = (struct facet_value){value_json(a, found[i].value), found[i].count};
done:
    free(found);
    rwlock_drop(&x->lock);
    return err;
}

/* --- ranges --- */

static struct scalar bound_scalar(const json_t *v)
{
    if (json_is_integer(v))
        return scalar_of_number(number_of_int(json_integer_value(v)));
    return json_is_real(v) ? scalar_of_number(number_of_double(json_real_value(v)))
                           : scalar_of_text(json_str(v));
}

/* The ends of a range, the upper one of the next after it. */
struct span {
    const struct ordered *list;
    struct place from, to;
};

static void span_find(const struct field *f, const struct facet_range *r, struct span *out)
{
    struct scalar low = bound_scalar(r->from ? r->from : r->to);
    struct scalar high = bound_scalar(r->to ? r->to : r->from);
    out->list = scalar_ordered_by_number(&low) ? &f->numbers : &f->texts;
    out->from = (struct place){0, 0};
    out->to = (struct place){out->list->count, 0};
    if (r->from)
        out->from = ordered_find(out->list, &low, false);
    if (r->to)
        out->to = ordered_find(out->list, &high, false);
}

static bool place_before(struct place a, struct place b)
{
    return a.block != b.block ? a.block < b.block : a.index < b.index;
}

/* A document that has several values in a range is counted once. */
static size_t span_count(const struct span *s, const struct docset *within)
{
    struct docset found;
    docset_init(&found);
    struct place p = s->from;
    for (struct value *v; (v = ordered_at(s->list, &p)) && place_before(p, s->to); p.index++) {
        const struct block *b = s->list->blocks[p.block];
        if (p.index + 16 < b->count)
            __builtin_prefetch(b->values[p.index + 16]);
        posting_into(&v->posting, &found);
    }
    docset_and(&found, within);
    size_t n = found.count;
    docset_release(&found);
    return n;
}

static bool range_sound(const struct facet_range *r)
{
    if (!r->from || !r->to)
        return r->from || r->to;
    struct scalar low = bound_scalar(r->from), high = bound_scalar(r->to);
    int cmp = 0;
    return scalar_compare(&low, &high, &cmp) && cmp < 0;
}

enum err attributes_ranges(struct attributes *x, struct str field, const struct docset *within,
                           const struct facet_range *ranges, size_t range_count, size_t *counts,
                           struct err_info *e)
{
    char pointer[32];
    for (size_t i = 0; i < range_count; i++) {
        snprintf(pointer, sizeof pointer, "/%zu", i);
        if (!range_sound(&ranges[i]))
            return err_set(e, ERR_INVALID, pointer,
                           "needs from, to or both: two numbers or dates, or two texts, from "
                           "before to");
    }
    rwlock_read(&x->lock);
    const struct field *f = attributes_field(x, filter_field(field));
    for (size_t i = 0; i < range_count; i++) {
        struct span s;
        counts[i] = 0;
        if (!f)
            continue;
        span_find(f, &ranges[i], &s);
        counts[i] = span_count(&s, within);
    }
    rwlock_drop(&x->lock);
    return ERR_OK;
}

/* --- the sum of it --- */

static double value_number(const struct value *v)
{
    return v->number.whole ? (double)v->number.i : v->number.d;
}

void attributes_stats(struct attributes *x, struct arena *a, struct str field,
                      const struct docset *within, struct facet_stats *out)
{
    const struct value *least = NULL, *greatest = NULL;
    double sum = 0;
    *out = (struct facet_stats){0};
    rwlock_read(&x->lock);
    const struct field *f = attributes_field(x, filter_field(field));
    struct place p = {0, 0};
    for (struct value *v; f && (v = ordered_at(&f->numbers, &p)); p.index++) {
        size_t n = posting_shared(&v->posting, within);
        if (!n)
            continue;
        least = least ? least : v;
        greatest = v;
        out->count += n;
        sum += (double)n * value_number(v);
    }
    if (out->count) {
        out->least = value_json(a, least);
        out->greatest = value_json(a, greatest);
        out->mean = sum / (double)out->count;
    }
    rwlock_drop(&x->lock);
}
