#include "recommend/slots.h"
#include "base/docset.h"
#include "base/rng.h"
#include "math/dot.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FACTOR_MIN 1e-9 /* so that what is very old or tired still has an order */

/* How often each value of each attribute is in the list: open addressing. */
struct tally {
    struct {
        uint64_t key; /* attribute and value; 0: free */
        size_t count;
    } * cells;
    size_t cap, used;
};
/* A candidate that may be shown. */
struct open {
    size_t candidate;
    uint32_t number;
    double score, boost, freshness, fatigue;
    /* as it enters the pool: */
    float *vector;    /* NULL: none */
    double cosines;   /* the sum of those with the chosen */
    size_t compared;  /* with how many of the chosen */
    uint32_t *values; /* of each cap: their count, then they */
};
struct filling {
    const struct slot_rules *r;
    const struct slot_documents *documents;
    struct rng *random;
    struct arena *a;
    struct tally tally;
    struct open *open; /* best first */
    size_t open_count, entered;
    struct open **pool; /* of open[0 ... entered), best first */
    size_t pool_count, pool_max;
    double best, span;    /* scores to the scale of diversity */
    const float **chosen; /* vectors of what stands; NULL: has none */
    size_t chosen_count;
    struct slot_pin *pins; /* that will stand, by position */
    size_t pin_count, pin_at;
};

/* ---- caps ---- */

static size_t tally_cell(const struct tally *t, uint64_t key)
{
    size_t i = (size_t)((key * 0x9E3779B97F4A7C15ULL) >> 20) & (t->cap - 1);
    while (t->cells[i].key && t->cells[i].key != key)
        i = (i + 1) & (t->cap - 1);
    return i;
}

static void tally_grow(struct tally *t, struct arena *a)
{
    struct tally old = *t;
    t->cap = old.cap ? 2 * old.cap : 64;
    t->cells = arena_array(a, t->cap, sizeof *t->cells);
    for (size_t i = 0; i < old.cap; i++)
        if (old.cells[i].key)
            t->cells[tally_cell(t, old.cells[i].key)] = old.cells[i];
}

static uint64_t tally_key(size_t cap, uint32_t value)
{
    return (uint64_t)(cap + 1) << 32 | value;
}

static size_t tally_count(const struct tally *t, size_t cap, uint32_t value)
{
    return t->cap ? t->cells[tally_cell(t, tally_key(cap, value))].count : 0;
}

static void tally_add(struct tally *t, struct arena *a, size_t cap, uint32_t value)
{
    if (2 * t->used >= t->cap)
        tally_grow(t, a);
    size_t i = tally_cell(t, tally_key(cap, value));
    t->used += !t->cells[i].key;
    t->cells[i].key = tally_key(cap, value);
    t->cells[i].count++;
}

/* Of all caps: count, values, count, values ... */
static uint32_t *values_of(struct filling *f, uint32_t number)
{
    uint32_t *all = arena_array(f->a, f->r->cap_count * (SLOTS_VALUES_MAX + 1) + 1, sizeof *all);
    uint32_t *at = all;
    for (size_t k = 0; k < f->r->cap_count; k++) {
        size_t n = f->documents->values(f->documents->ctx, k, number, at + 1, SLOTS_VALUES_MAX);
        at[0] = (uint32_t)n;
        at += n + 1;
    }
    return all;
}

static void values_count(struct filling *f, const uint32_t *values)
{
    for (size_t k = 0; k < f->r->cap_count; values += values[0] + 1, k++)
        for (uint32_t i = 1; i <= values[0]; i++)
            tally_add(&f->tally, f->a, k, values[i]);
}

static bool values_fit(const struct filling *f, const uint32_t *values)
{
    for (size_t k = 0; k < f->r->cap_count; values += values[0] + 1, k++)
        for (uint32_t i = 1; i <= values[0]; i++)
            if (tally_count(&f->tally, k, values[i]) >= f->r->caps[k])
                return false;
    return true;
}

/* ---- scores ---- */

static double lifted(double relevance, double factor)
{
    return relevance >= 0 ? relevance * factor : relevance / factor;
}

static void score(const struct filling *f, const struct slot_candidate *c, struct open *o)
{
    const struct slot_rules *r = f->r;
    o->boost = o->freshness = o->fatigue = 1;
    for (size_t i = 0; i < r->boost_count; i++)
        if (docset_has(r->boosts[i].documents, c->number))
            o->boost *= r->boosts[i].factor;
    if (r->half_life_days > 0 && c->age_days > 0)
        o->freshness = fmax(exp2(-c->age_days / r->half_life_days), FACTOR_MIN);
    if (r->fatigue > 0 && c->shown > 0)
        o->fatigue = fmax(pow(1 - r->fatigue, c->shown), FACTOR_MIN);
    o->number = c->number;
    o->score = lifted(c->relevance + c->ranked, o->boost * o->freshness * o->fatigue);
}

static int open_compare(const void *a, const void *b)
{
    const struct open *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->candidate > y->candidate) - (x->candidate < y->candidate);
}

static int number_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool in(const uint32_t *sorted, size_t count, uint32_t number)
{
    return count && bsearch(&number, sorted, count, sizeof number, number_compare);
}

/* ---- what may be shown ---- */

static enum slots_emptied barred(const struct slot_rules *r, uint32_t number)
{
    if (r->without && docset_has(r->without, number))
        return SLOTS_BY_EXCLUDE;
    return r->within && !docset_has(r->within, number) ? SLOTS_BY_FILTER : SLOTS_NOT_EMPTY;
}

static int pin_compare(const void *a, const void *b)
{
    const struct slot_pin *x = a, *y = b;
    return (x->position > y->position) - (x->position < y->position);
}

/* Those that are to come, which count for the caps from the first page on. */
static void pins_take(struct filling *f, const uint32_t *before)
{
    const struct slot_rules *r = f->r;
    f->pins = arena_array(f->a, r->pin_count + 1, sizeof *f->pins);
    for (size_t i = 0; i < r->pin_count; i++)
        if (!barred(r, r->pins[i].number) && !in(before, r->before_count, r->pins[i].number))
            f->pins[f->pin_count++] = r->pins[i];
    qsort(f->pins, f->pin_count, sizeof *f->pins, pin_compare);
    for (size_t i = 0; i < f->pin_count && r->cap_count; i++)
        values_count(f, values_of(f, f->pins[i].number));
}

static bool pinned(const struct filling *f, uint32_t number)
{
    for (size_t i = 0; i < f->pin_count; i++)
        if (f->pins[i].number == number)
            return true;
    return false;
}

/* The scale is that of all that is sound, shown before, pinned or not, so that each page has the
 * same. What factors lift far above all others must not make them all the same. */
static void scale_make(struct filling *f, double most_relevant)
{
    if (f->open_count == 0)
        return;
    double last = f->open[(f->open_count < SLOTS_POOL ? f->open_count : SLOTS_POOL) - 1].score;
    f->best = fmin(f->open[0].score, most_relevant);
    if (f->best <= last) /* they lift all */
        f->best = f->open[0].score;
    f->span = f->best - last;
}

static enum slots_emptied open_take(struct filling *f, const struct slot_candidate *candidates,
                                    size_t count, const uint32_t *before)
{
    enum slots_emptied by = SLOTS_NO_CANDIDATES;
    double most_relevant = -INFINITY;
    f->open = arena_array(f->a, count + 1, sizeof *f->open);
    for (size_t i = 0; i < count; i++) {
        enum slots_emptied why = barred(f->r, candidates[i].number);
        assert(isfinite(candidates[i].relevance) && isfinite(candidates[i].ranked));
        if (!why && candidates[i].relevance < f->r->relevance_min)
            why = SLOTS_BY_RELEVANCE;
        by = why > by ? why : by;
        if (why)
            continue;
        most_relevant = fmax(most_relevant, candidates[i].relevance + candidates[i].ranked);
        f->open[f->open_count].candidate = i;
        score(f, &candidates[i], &f->open[f->open_count++]);
    }
    qsort(f->open, f->open_count, sizeof *f->open, open_compare);
    scale_make(f, most_relevant);
    size_t kept = 0;
    for (size_t i = 0; i < f->open_count; i++)
        if (!in(before, f->r->before_count, f->open[i].number) && !pinned(f, f->open[i].number))
            f->open[kept++] = f->open[i];
    by = f->open_count > kept ? SLOTS_BY_PAGES : by;
    f->open_count = kept;
    return by;
}

/* ---- one slot after the other ---- */

static const float *vector_of(struct filling *f, uint32_t number)
{
    float *v = arena_array(f->a, f->documents->dims, sizeof *v);
    return f->documents->vector(f->documents->ctx, number, v) ? v : NULL;
}

static void chosen_add(struct filling *f, uint32_t number)
{
    if (f->r->diversity > 0)
        f->chosen[f->chosen_count++] = vector_of(f, number);
}

static void cosines_update(struct filling *f, struct open *o)
{
    for (; o->compared < f->chosen_count; o->compared++)
        if (o->vector && f->chosen[o->compared])
            o->cosines += (double)dot_f32(o->vector, f->chosen[o->compared], f->documents->dims);
}

static double alike(const struct open *o)
{
    return o->compared ? o->cosines / (double)o->compared : 0;
}

/* What no longer fits the caps never will. */
static void pool_refill(struct filling *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->pool_count; i++)
        if (!f->r->cap_count || values_fit(f, f->pool[i]->values))
            f->pool[kept++] = f->pool[i];
    for (; kept < f->pool_max && f->entered < f->open_count; f->entered++) {
        struct open *o = &f->open[f->entered];
        if (f->r->cap_count) {
            o->values = values_of(f, o->number);
            if (!values_fit(f, o->values))
                continue;
        }
        if (f->r->diversity > 0)
            o->vector = (float *)vector_of(f, o->number);
        f->pool[kept++] = o;
    }
    f->pool_count = kept;
}

static size_t pool_best(struct filling *f)
{
    double w = f->r->diversity * f->r->diversity, best_value = 0;
    double head = fmin(1, (double)f->chosen_count / SLOTS_HEAD), ramp = head * sqrt(head);
    size_t best = 0;
    for (size_t i = 0; i < f->pool_count && w > 0; i++) {
        struct open *o = f->pool[i];
        cosines_update(f, o);
        double z = f->span > 0 ? 1 - (f->best - o->score) / f->span : 0;
        double value = (1 - w) * z * z * z - w * ramp * alike(o);
        if (i == 0 || value > best_value) {
            best = i;
            best_value = value;
        }
    }
    return best;
}

static struct slot slot_free(struct filling *f)
{
    size_t best = pool_best(f), taken = best;
    size_t drawn_of = f->pool_count < SLOTS_EXPLORE ? f->pool_count : SLOTS_EXPLORE;
    double explore = f->r->explore, propensity = 1;
    if (explore > 0) {
        if (rng_unit(f->random) < explore)
            taken = (size_t)rng_below(f->random, drawn_of);
        propensity =
            (taken == best ? 1 - explore : 0) + (taken < drawn_of ? explore / (double)drawn_of : 0);
    }
    struct open *o = f->pool[taken];
    memmove(f->pool + taken, f->pool + taken + 1, (--f->pool_count - taken) * sizeof *f->pool);
    if (f->r->cap_count)
        values_count(f, o->values);
    return (struct slot){
        .number = o->number,
        .candidate = o->candidate,
        .score = o->score,
        .boost = o->boost,
        .freshness = o->freshness,
        .fatigue = o->fatigue,
        .alike = alike(o),
        .propensity = propensity,
        .explored = taken != best,
    };
}

static struct slot slot_pinned(struct filling *f, const struct slot_candidate *candidates,
                               size_t count)
{
    struct open o = {.number = f->pins[f->pin_at++].number};
    size_t k = 0;
    while (k < count && candidates[k].number != o.number)
        k++;
    if (k < count)
        score(f, &candidates[k], &o);
    return (struct slot){
        .number = o.number,
        .candidate = k < count ? k : SLOT_NO_CANDIDATE,
        .score = o.score,
        .boost = k < count ? o.boost : 1,
        .freshness = k < count ? o.freshness : 1,
        .fatigue = k < count ? o.fatigue : 1,
        .propensity = 1,
        .pinned = true,
    };
}

static void begin(struct filling *f, uint32_t *before)
{
    const struct slot_rules *r = f->r;
    if (r->before_count)
        memcpy(before, r->before, r->before_count * sizeof *before);
    qsort(before, r->before_count, sizeof *before, number_compare);
    f->pool_max = r->diversity > 0 ? SLOTS_POOL : r->explore > 0 ? SLOTS_EXPLORE : 1;
    f->pool = arena_array(f->a, f->pool_max, sizeof *f->pool);
    f->chosen = arena_array(f->a, r->before_count + r->limit + 1, sizeof *f->chosen);
    for (size_t i = 0; i < r->before_count; i++) {
        if (r->cap_count)
            values_count(f, values_of(f, before[i]));
        chosen_add(f, before[i]);
    }
    pins_take(f, before);
}

void slots_fill(const struct slot_candidate *candidates, size_t count, const struct slot_rules *r,
                const struct slot_documents *documents, struct rng *random, struct arena *a,
                struct slots *out)
{
    struct filling f = {.r = r, .documents = documents, .random = random, .a = a};
    uint32_t *before = arena_array(a, r->before_count + 1, sizeof *before);
    assert(random || !(r->explore > 0));
    begin(&f, before);
    enum slots_emptied by = open_take(&f, candidates, count, before);
    *out = (struct slots){.list = arena_array(a, r->limit + 1, sizeof *out->list)};
    for (;;) {
        pool_refill(&f);
        bool due = f.pin_at < f.pin_count &&
                   (f.pool_count == 0 || f.pins[f.pin_at].position <= r->before_count + out->count);
        out->more = due || f.pool_count > 0;
        if (!out->more || out->count == r->limit)
            break;
        struct slot *s = &out->list[out->count++];
        *s = due ? slot_pinned(&f, candidates, count) : slot_free(&f);
        chosen_add(&f, s->number);
    }
    if (out->count == 0 && !out->more)
        out->emptied_by = f.open_count ? SLOTS_BY_CAPS : by;
}
