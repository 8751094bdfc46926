#include "train/recipe.h"

#include "base/json.h"
#include "train/known.h"
#include <math.h>
#include <string.h>

/* What one fit may cost: some half a minute on two cores. */
#define EASE_OPERATIONS_MAX 1.5e12
#define EASE_PAIR_OPERATIONS 40 /* to look whether a weight is among the largest of its row */
/* With more documents rows are shorter, so that a model stays some hundreds of MB. */
#define LONG_ROWS_ITEMS_MAX 50000u
#define SHORT_ROW 200

static const char *const names[] = {"ease", "neighbours", "walks", "ials"};

const char *model_kind_name(enum model_kind kind)
{
    return names[kind];
}

struct recipe recipe_default(enum model_kind kind)
{
    struct recipe r = {.kind = kind, .text_lambda = 30, .text_blend = 1};
    switch (kind) {
    case MODEL_EASE:
        r.lambda = 100, r.gamma = 400, r.kept = 500;
        break;
    case MODEL_NEIGHBOURS:
        r.k1 = 10, r.b = .2, r.kept = 200;
        break;
    case MODEL_WALKS:
        r.alpha = .6, r.beta = .35, r.kept = 500;
        break;
    case MODEL_IALS:
        r.lambda = .001, r.alpha = .01, r.dims = 128, r.epochs = 8;
        break;
    }
    return r;
}

/* ---- as JSON ---- */

/* The numbers of a recipe, by name; `kinds`: bits of those that use it. */
enum { EASE = 1 << MODEL_EASE, NEIGHBOURS = 1 << MODEL_NEIGHBOURS, WALKS = 1 << MODEL_WALKS };
enum { IALS = 1 << MODEL_IALS, ALL = EASE | NEIGHBOURS | WALKS | IALS };
static const struct number {
    const char *name;
    size_t real, whole; /* offset of a double, or of an unsigned */
    int kinds;
    double max;
} numbers[] = {
#define REAL(field, kinds, max)                                                                    \
    {                                                                                              \
#field, offsetof(struct recipe, field), 0, kinds, max                                      \
    }
#define WHOLE(field, kinds, max)                                                                   \
    {                                                                                              \
#field, 0, offsetof(struct recipe, field), kinds, max                                      \
    }
    REAL(lambda, EASE | IALS, 1e9),
    REAL(gamma, EASE, 1e9),
    REAL(alpha, WALKS | IALS, 1e9),
    REAL(beta, WALKS, 100),
    REAL(k1, NEIGHBOURS, 1e9),
    REAL(b, NEIGHBOURS, 1),
    WHOLE(dims, IALS, 1024),
    WHOLE(epochs, IALS, 1000),
    WHOLE(kept, EASE | NEIGHBOURS | WALKS, 10000),
    REAL(text_lambda, ALL, 1e9),
    REAL(text_blend, ALL, 100),
#undef REAL
#undef WHOLE
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static double number_get(const struct recipe *r, const struct number *n)
{
    double real;
    unsigned whole;
    if (n->whole) {
        memcpy(&whole, (const char *)r + n->whole, sizeof whole);
        return whole;
    }
    memcpy(&real, (const char *)r + n->real, sizeof real);
    return real;
}

static void number_set(struct recipe *r, const struct number *n, double v)
{
    unsigned whole = (unsigned)v;
    if (n->whole)
        memcpy((char *)r + n->whole, &whole, sizeof whole);
    else
        memcpy((char *)r + n->real, &v, sizeof v);
}

void recipe_render(struct json_writer *w, const struct recipe *r)
{
    json_object_begin(w);
    json_key_c(w, "kind", model_kind_name(r->kind));
    for (size_t i = 0; i < NUMBERS; i++)
        if (numbers[i].kinds & 1 << r->kind)
            json_key_double(w, numbers[i].name, number_get(r, &numbers[i]));
    json_object_end(w);
}

static enum err kind_read(const struct json_t *v, enum model_kind *out, struct err_info *e)
{
    struct str kind = json_str(json_object_get(v, "kind"));
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_c(kind, names[i])) {
            *out = (enum model_kind)i;
            return 0;
        }
    return err_set(e, ERR_INVALID, "kind", "is one of ease, neighbours, walks, ials");
}

enum err recipe_read(const struct json_t *v, struct recipe *out, struct err_info *e)
{
    enum model_kind kind = MODEL_EASE;
    enum err err = kind_read(v, &kind, e);
    if (err)
        return err;
    struct recipe r = recipe_default(kind);
    for (size_t i = 0; i < NUMBERS; i++) {
        const json_t *given = json_object_get(v, numbers[i].name);
        if (!given || !(numbers[i].kinds & 1 << kind))
            continue;
        double x = json_number_value(given);
        if (!json_is_number(given) || !(x >= 0) || x > numbers[i].max)
            return err_set(e, ERR_INVALID, numbers[i].name, "is a number from 0 to %g",
                           numbers[i].max);
        number_set(&r, &numbers[i], x);
    }
    *out = r;
    return 0;
}

/* ---- which kinds ---- */

/* Multiply-adds of a closed form: the inverse, and in the dual form its products. */
static double ease_operations(const struct known_size *z, uint32_t dims)
{
    double rows = (double)z->readers + dims, items = z->items, side = fmin(rows, items),
           inverse = side * side * side / 2;
    inverse += items * items * EASE_PAIR_OPERATIONS;
    if (items <= rows)
        return inverse + items * items * dims + z->pairs;
    return inverse + items * side * dims + items * items * dims / 2 +
           (double)z->count * (side + items / 2);
}

unsigned recipe_kinds(const struct training_set *s, size_t memory_max)
{
    struct known_size z = known_measure(s);
    const struct recipe ease = recipe_default(MODEL_EASE);
    bool closed = ease_operations(&z, s->dims) <= EASE_OPERATIONS_MAX &&
                  (!memory_max || recipe_fit_bytes(&ease, s) <= memory_max);
    return 1u << MODEL_NEIGHBOURS | 1u << MODEL_WALKS | 1u << (closed ? MODEL_EASE : MODEL_IALS);
}

/* ---- what to try ---- */

static unsigned put(struct recipe *out, unsigned n, unsigned max, struct recipe r, double a,
                    double b)
{
    if (n >= max)
        return n;
    switch (r.kind) {
    case MODEL_EASE:
        r.lambda = a, r.gamma = b;
        break;
    case MODEL_NEIGHBOURS:
        r.k1 = a, r.b = b;
        break;
    case MODEL_WALKS:
        r.alpha = a, r.beta = b;
        break;
    case MODEL_IALS:
        r.alpha = a, r.lambda = b;
        break;
    }
    out[n] = r;
    return n + 1;
}

unsigned recipe_grid(enum model_kind kind, const struct training_set *s, struct recipe *out,
                     unsigned max)
{
    static const double tried[][RECIPES_MAX][2] = {
        [MODEL_EASE] = {{100, 400}, {30, 200}, {300, 800}, {30, 0}, {10, 50}, {1000, 2000}},
        [MODEL_NEIGHBOURS] = {{10, .2}, {1.2, .5}, {100, .2}, {1.2, .2}, {10, .5}, {100, .8}},
        [MODEL_WALKS] = {{.6, .35}, {1, .6}, {.8, .4}, {.6, .6}, {.4, .4}, {1, .3}},
        [MODEL_IALS] =
            {{.01, .001}, {.03, .001}, {.003, .001}, {.1, .0003}, {.01, .004}, {.1, .003}},
    };
    struct recipe begin = recipe_default(kind);
    unsigned n = 0;
    if (s->items > LONG_ROWS_ITEMS_MAX && begin.kept > SHORT_ROW)
        begin.kept = SHORT_ROW;
    for (unsigned i = 0; i < RECIPES_MAX && n < max; i++) {
        bool text = kind == MODEL_EASE && s->dims;
        if (kind == MODEL_EASE && !text && tried[kind][i][1] == 0)
            continue; /* there is no other */
        n = put(out, n, max, begin, tried[kind][i][0],
                kind == MODEL_EASE && !text ? 0 : tried[kind][i][1]);
    }
    return n;
}

unsigned recipe_near(const struct recipe *best, const struct training_set *s, struct recipe *out,
                     unsigned max)
{
    unsigned n = 0;
    switch (best->kind) {
    case MODEL_EASE:
        if (s->dims && best->gamma > 0) {
            n = put(out, n, max, *best, best->lambda, best->gamma / 2);
            n = put(out, n, max, *best, best->lambda, best->gamma * 2);
        }
        n = put(out, n, max, *best, best->lambda / 1.7, best->gamma);
        return put(out, n, max, *best, best->lambda * 1.7, best->gamma);
    case MODEL_NEIGHBOURS:
        n = put(out, n, max, *best, best->k1 * 3, best->b);
        n = put(out, n, max, *best, best->k1 / 3, best->b);
        n = put(out, n, max, *best, best->k1, fmin(best->b + .2, 1));
        return put(out, n, max, *best, best->k1, fmax(best->b - .2, .01));
    case MODEL_WALKS:
        n = put(out, n, max, *best, best->alpha, best->beta + .1);
        n = put(out, n, max, *best, best->alpha, fmax(best->beta - .1, .05));
        n = put(out, n, max, *best, best->alpha + .2, best->beta);
        return put(out, n, max, *best, fmax(best->alpha - .2, .1), best->beta);
    case MODEL_IALS:
        n = put(out, n, max, *best, best->alpha / 2, best->lambda);
        n = put(out, n, max, *best, best->alpha * 2, best->lambda);
        n = put(out, n, max, *best, best->alpha, best->lambda / 2);
        return put(out, n, max, *best, best->alpha, best->lambda * 2);
    }
    return n;
}
