#include "index/scalar.h"

#include "base/clock.h"
#include "base/json.h"
#include <math.h>
#include <string.h>

struct number number_of_int(int64_t i)
{
    return (struct number){.whole = true, .i = i};
}

struct number number_of_double(double d)
{
    if (d >= -0x1p63 && d < 0x1p63 && d == trunc(d))
        return number_of_int((int64_t)d);
    return (struct number){.d = d};
}

/* An integer against a double that is none, or is out of the integers' range. */
static int whole_cmp(int64_t i, double d)
{
    if (d >= 0x1p63)
        return -1;
    if (d < -0x1p63)
        return 1;
    return i <= (int64_t)floor(d) ? -1 : 1;
}

int number_cmp(struct number a, struct number b)
{
    if (a.whole && b.whole)
        return (a.i > b.i) - (a.i < b.i);
    if (!a.whole && !b.whole)
        return (a.d > b.d) - (a.d < b.d);
    return a.whole ? whole_cmp(a.i, b.d) : -whole_cmp(b.i, a.d);
}

static bool date_parse(struct str s, struct number *out)
{
    char full[sizeof "2026-11-22T00:00:00Z"];
    if (s.n < 10 || s.n > 64 || s.s[4] != '-' || s.s[7] != '-')
        return false;
    if (s.n == 10) {
        memcpy(full, s.s, 10);
        memcpy(full + 10, "T00:00:00Z", 11);
        s = (struct str){full, sizeof full - 1};
    }
    int64_t us = 0;
    if (clock_parse(s, &us) != ERR_OK)
        return false;
    *out = us % 1000000 ? number_of_double((double)us / 1e6) : number_of_int(us / 1000000);
    return true;
}

struct scalar scalar_of_text(struct str text)
{
    struct scalar s = {.kind = SCALAR_STRING, .text = text};
    s.date = date_parse(text, &s.number);
    return s;
}

struct scalar scalar_of_bool(bool b)
{
    return (struct scalar){.kind = SCALAR_BOOL, .boolean = b};
}

struct scalar scalar_of_number(struct number n)
{
    return (struct scalar){.kind = SCALAR_NUMBER, .number = n};
}

struct scalar scalar_of_point(struct geo_point p)
{
    return (struct scalar){.kind = SCALAR_POINT, .point = p};
}

bool scalar_compare(const struct scalar *a, const struct scalar *b, int *cmp)
{
    if (scalar_ordered_by_number(a) && scalar_ordered_by_number(b))
        *cmp = number_cmp(a->number, b->number);
    else if (a->kind == SCALAR_BOOL && b->kind == SCALAR_BOOL)
        *cmp = (int)a->boolean - (int)b->boolean;
    else if (a->kind == SCALAR_STRING && b->kind == SCALAR_STRING && !a->date && !b->date)
        *cmp = str_cmp(a->text, b->text);
    else
        return false;
    return true;
}

bool scalar_same(const struct scalar *a, const struct scalar *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == SCALAR_BOOL)
        return a->boolean == b->boolean;
    if (a->kind == SCALAR_POINT)
        return a->point.lat == b->point.lat && a->point.lon == b->point.lon;
    return a->kind == SCALAR_NUMBER ? number_cmp(a->number, b->number) == 0
                                    : str_eq(a->text, b->text);
}

static void point_print(struct json_writer *w, struct geo_point p)
{
    json_object_begin(w);
    json_key_double(w, "lat", p.lat);
    json_key_double(w, "lon", p.lon);
    json_object_end(w);
}

void scalar_print(const struct scalar *s, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    if (s->kind == SCALAR_BOOL)
        json_put_bool(&w, s->boolean);
    else if (s->kind == SCALAR_POINT)
        point_print(&w, s->point);
    else if (s->kind == SCALAR_STRING)
        json_put_str(&w, s->text);
    else if (s->number.whole)
        json_put_int(&w, s->number.i);
    else
        json_put_double(&w, s->number.d);
}

static const char *const reserved[] = {"id",      "lang",    "tags",        "created",
                                       "updated", "expires", "duplicate_of"};

bool field_is_reserved(struct str field)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (str_eq_c(field, reserved[i]))
            return true;
    return false;
}

struct walk {
    void (*emit)(void *ctx, struct str field, const struct scalar *value);
    void *ctx;
    unsigned values;
    size_t prefix; /* bytes of path before the attribute's own name */
    char path[sizeof "attributes." + DOCUMENT_PATH_MAX];
};

/* The path as emitted: "attributes." stands before it already and is kept only where it must be. */
static struct str walk_field(const struct walk *w, size_t n)
{
    struct str own = {w->path + w->prefix, n - w->prefix};
    if (w->prefix && field_is_reserved(own))
        return (struct str){w->path, n};
    return own;
}

static void walk_emit(struct walk *w, size_t n, const struct scalar *value)
{
    if (w->values == DOCUMENT_VALUES_MAX)
        return;
    w->values++;
    w->emit(w->ctx, walk_field(w, n), value);
}

static void walk_string(struct walk *w, size_t n, struct str text)
{
    if (text.n > SCALAR_TEXT_MAX) {
        walk_emit(w, n, NULL);
        return;
    }
    struct scalar s = scalar_of_text(text);
    walk_emit(w, n, &s);
}

static void walk_value(struct walk *w, size_t n, const json_t *v, unsigned depth);

static void walk_object(struct walk *w, size_t n, const json_t *v, unsigned depth)
{
    for (void *it = json_object_iter((json_t *)v); it;
         it = json_object_iter_next((json_t *)v, it)) {
        const char *key = json_object_iter_key(it);
        size_t key_n = json_object_iter_key_len(it);
        bool dot = n > w->prefix;
        if (n - w->prefix + dot + key_n > DOCUMENT_PATH_MAX)
            continue;
        if (dot)
            w->path[n] = '.';
        memcpy(w->path + n + dot, key, key_n);
        walk_value(w, n + dot + key_n, json_object_iter_value(it), depth);
    }
}

static void walk_value(struct walk *w, size_t n, const json_t *v, unsigned depth)
{
    struct scalar s;
    struct geo_point point;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        if (geo_point_of(v, &point)) {
            s = scalar_of_point(point);
            walk_emit(w, n, &s);
        } else if (json_object_size(v)) {
            walk_emit(w, n, NULL);
        }
        if (depth < DOCUMENT_DEPTH_MAX)
            walk_object(w, n, v, depth + 1);
        return;
    case JSON_ARRAY:
        for (size_t i = 0; depth < DOCUMENT_DEPTH_MAX && i < json_array_size(v); i++)
            walk_value(w, n, json_array_get(v, i), depth + 1);
        return;
    case JSON_STRING:
        walk_string(w, n, json_str(v));
        return;
    case JSON_INTEGER:
        s = scalar_of_number(number_of_int(json_integer_value(v)));
        break;
    case JSON_REAL:
        s = scalar_of_number(number_of_double(json_real_value(v)));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        s = scalar_of_bool(json_is_true(v));
        break;
    default:
        return; /* null: as if it were not there */
    }
    walk_emit(w, n, &s);
}

void document_fields(const json_t *document,
                     void (*emit)(void *ctx, struct str field, const struct scalar *value),
                     void *ctx)
{
    struct walk w = {.emit = emit, .ctx = ctx};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        const json_t *v = json_object_get(document, reserved[i]);
        size_t n = strlen(reserved[i]);
        memcpy(w.path, reserved[i], n);
        if (v)
            walk_value(&w, n, v, 0);
    }
    const json_t *attributes = json_object_get(document, "attributes");
    w.prefix = sizeof "attributes." - 1;
    memcpy(w.path, "attributes.", w.prefix);
    if (json_is_object(attributes))
        walk_object(&w, w.prefix, attributes, 0);
}
