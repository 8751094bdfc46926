#include "recommend/popularity.h"

#include "base/arena.h"
#include "base/thread.h"
#include "math/topk.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define HALVINGS_MAX 500 /* how far ahead of its moment a sum may be: 2^500 fits into a double */

struct entry {
    uint32_t number, acts;
    double sum[POPULARITY_KINDS]; /* at `moment` */
};
struct fading {
    int64_t half_life_us, moment_us;
    double largest;
    bool stale; /* the largest was taken from: it has to be looked for */
};
struct popularity {
    struct rwlock lock;
    struct fading fading[POPULARITY_KINDS];
    struct entry *entries;
    size_t count, cap;
    uint32_t *places; /* open addressing: number -> entry; NONE */
    size_t place_count;
};

/* ---- number -> entry ---- */

static size_t place_home(const struct popularity *p, uint32_t number)
{
    return (size_t)((number * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (p->place_count - 1);
}

/* Where it is, or where it would be put. */
static size_t place_find(const struct popularity *p, uint32_t number)
{
    size_t at = place_home(p, number);
    while (p->places[at] != NONE && p->entries[p->places[at]].number != number)
        at = (at + 1) & (p->place_count - 1);
    return at;
}

static struct entry *entry_find(const struct popularity *p, uint32_t number)
{
    uint32_t at = p->place_count ? p->places[place_find(p, number)] : NONE;
    return at == NONE ? NULL : &p->entries[at];
}

static void places_make(struct popularity *p)
{
    p->place_count = 16;
    while (p->place_count < 2 * p->cap)
        p->place_count *= 2;
    p->places = xrealloc(p->places, p->place_count * sizeof *p->places);
    memset(p->places, 0xFF, p->place_count * sizeof *p->places);
    for (uint32_t i = 0; i < p->count; i++)
        p->places[place_find(p, p->entries[i].number)] = i;
}

/* Those behind it move up, so that none is cut off from its home. */
static void place_clear(struct popularity *p, size_t at)
{
    size_t mask = p->place_count - 1;
    for (size_t next = at;;) {
        p->places[at] = NONE;
        do {
            next = (next + 1) & mask;
            if (p->places[next] == NONE)
                return;
        } while (((next - place_home(p, p->entries[p->places[next]].number)) & mask) <
                 ((next - at) & mask));
        p->places[at] = p->places[next];
        at = next;
    }
}

static void entry_remove(struct popularity *p, struct entry *x)
{
    uint32_t at = (uint32_t)(x - p->entries), last = (uint32_t)p->count - 1;
    place_clear(p, place_find(p, x->number));
    if (at != last) {
        p->places[place_find(p, p->entries[last].number)] = at;
        *x = p->entries[last];
    }
    p->count--;
}

static int slow_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    double s = x->sum[POPULARITY_SLOW], t = y->sum[POPULARITY_SLOW];
    if (s != t)
        return s > t ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static struct entry *entry_add(struct popularity *p, uint32_t number)
{
    if (p->count == POPULARITY_DOCUMENTS_MAX) {
        qsort(p->entries, p->count, sizeof *p->entries, slow_order);
        p->count /= 2;
        for (int k = 0; k < POPULARITY_KINDS; k++)
            p->fading[k].stale = true;
        places_make(p);
    }
    if (p->count == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 16;
        p->entries = xrealloc(p->entries, p->cap * sizeof *p->entries);
        places_make(p);
    }
    p->places[place_find(p, number)] = (uint32_t)p->count;
    p->entries[p->count] = (struct entry){.number = number};
    return &p->entries[p->count++];
}

/* ---- fading ---- */

/* A moment that is nearer: a whole number of half-lives later, so that nothing is rounded. */
static void moment_move(struct popularity *p, int kind, int64_t time_us)
{
    struct fading *f = &p->fading[kind];
    int64_t halvings = (time_us - f->moment_us) / f->half_life_us;
    int by = halvings < 4000 ? -(int)halvings : -4000; /* beyond it nothing is left */
    f->moment_us += halvings * f->half_life_us;
    f->largest = ldexp(f->largest, by);
    for (size_t i = 0; i < p->count; i++)
        p->entries[i].sum[kind] = ldexp(p->entries[i].sum[kind], by);
}

/* Moments are whole half-lives since 1970: to move one changes exponents and no digit, so that
 * scores are the same whichever act came first. */
static int64_t whole_half_lives(int64_t time_us, int64_t half_life_us)
{
    return time_us / half_life_us - (time_us % half_life_us < 0);
}

static double at_moment(struct popularity *p, int kind, double weight, int64_t time_us)
{
    struct fading *f = &p->fading[kind];
    int64_t whole = whole_half_lives(time_us, f->half_life_us);
    int64_t rest_us = time_us - whole * f->half_life_us;
    if (whole - f->moment_us / f->half_life_us > HALVINGS_MAX)
        moment_move(p, kind, time_us);
    int64_t halvings = whole - f->moment_us / f->half_life_us;
    return ldexp(weight * exp2((double)rest_us / (double)f->half_life_us),
                 halvings < -4000 ? -4000 : (int)halvings);
}

struct popularity *popularity_new(int64_t slow_us, int64_t fast_us)
{
    struct popularity *p = xcalloc(1, sizeof *p);
    rwlock_init(&p->lock, LOCK_LEAF);
    p->fading[POPULARITY_SLOW].half_life_us = slow_us > 0 ? slow_us : POPULARITY_SLOW_US;
    p->fading[POPULARITY_FAST].half_life_us = fast_us > 0 ? fast_us : POPULARITY_FAST_US;
    return p;
}

void popularity_free(struct popularity *p)
{
    if (!p)
        return;
    rwlock_release(&p->lock);
    free(p->entries);
    free(p->places);
    free(p);
}

void popularity_add(struct popularity *p, uint32_t number, double weight, int64_t time_us)
{
    if (!(weight > 0) || !isfinite(weight))
        return;
    rwlock_write(&p->lock);
    if (p->count == 0)
        for (int k = 0; k < POPULARITY_KINDS; k++)
            p->fading[k].moment_us =
                whole_half_lives(time_us, p->fading[k].half_life_us) * p->fading[k].half_life_us,
            p->fading[k].largest = 0, p->fading[k].stale = false;
    struct entry *x = entry_find(p, number);
    if (!x)
        x = entry_add(p, number);
    x->acts++;
    for (int k = 0; k < POPULARITY_KINDS; k++) {
        x->sum[k] += at_moment(p, k, weight, time_us);
        p->fading[k].largest = fmax(p->fading[k].largest, x->sum[k]);
    }
    rwlock_drop(&p->lock);
}

/* Before the largest sum becomes smaller. */
static void largest_leaves(struct popularity *p, const struct entry *x)
{
    for (int k = 0; k < POPULARITY_KINDS; k++)
        if (x->sum[k] >= p->fading[k].largest)
            p->fading[k].stale = true;
}

void popularity_forget(struct popularity *p, uint32_t number, double weight, int64_t time_us)
{
    if (!(weight > 0) || !isfinite(weight))
        return;
    rwlock_write(&p->lock);
    struct entry *x = entry_find(p, number);
    if (x) {
        largest_leaves(p, x);
        for (int k = 0; k < POPULARITY_KINDS; k++)
            x->sum[k] = fmax(x->sum[k] - at_moment(p, k, weight, time_us), 0);
        if (--x->acts == 0)
            entry_remove(p, x);
    }
    rwlock_drop(&p->lock);
}

void popularity_clear(struct popularity *p)
{
    rwlock_write(&p->lock);
    p->count = 0;
    if (p->place_count)
        memset(p->places, 0xFF, p->place_count * sizeof *p->places);
    rwlock_drop(&p->lock);
}

size_t popularity_count(struct popularity *p)
{
    rwlock_read(&p->lock);
    size_t n = p->count;
    rwlock_drop(&p->lock);
    return n;
}

/* ---- asked ---- */

/* Takes the lock for reading, with the largest sum known. */
static void read_begin(struct popularity *p, enum popularity_kind kind)
{
    struct fading *f = &p->fading[kind];
    rwlock_read(&p->lock);
    while (f->stale) {
        rwlock_drop(&p->lock);
        rwlock_write(&p->lock);
        f->largest = 0;
        for (size_t i = 0; i < p->count; i++)
            f->largest = fmax(f->largest, p->entries[i].sum[kind]);
        f->stale = false;
        rwlock_drop(&p->lock);
        rwlock_read(&p->lock);
    }
}

static double largest_of(const struct popularity *p, enum popularity_kind kind,
                         const struct docset *among)
{
    double largest = among ? 0 : p->fading[kind].largest;
    for (size_t i = 0; i < p->count && among; i++)
        if (p->entries[i].sum[kind] > largest && docset_has(among, p->entries[i].number))
            largest = p->entries[i].sum[kind];
    return largest;
}

static float score_of(double largest, enum popularity_kind kind, const struct entry *x)
{
    return largest > 0 ? (float)(x->sum[kind] / largest) : 0;
}

size_t popularity_top(struct popularity *p, enum popularity_kind kind, const struct docset *among,
                      const struct docset *within, const struct docset *without, size_t limit,
                      struct popular *out)
{
    struct topk_item *items = xmalloc((limit + 1) * sizeof *items);
    struct topk best;
    topk_init(&best, items, limit);
    read_begin(p, kind);
    double largest = largest_of(p, kind, among);
    for (size_t i = 0; i < p->count; i++) {
        const struct entry *x = &p->entries[i];
        float score = score_of(largest, kind, x);
        if (score > 0 && (!among || docset_has(among, x->number)) &&
            topk_wants(&best, score, x->number) && (!within || docset_has(within, x->number)) &&
            (!without || !docset_has(without, x->number)))
            topk_add(&best, score, x->number);
    }
    rwlock_drop(&p->lock);
    topk_sort(&best);
    for (size_t i = 0; i < best.count; i++)
        out[i] = (struct popular){(uint32_t)items[i].id, items[i].score};
    free(items);
    return best.count;
}

void popularity_scores(struct popularity *p, enum popularity_kind kind, const struct docset *among,
                       const uint32_t *numbers, size_t count, float *out)
{
    read_begin(p, kind);
    double largest = largest_of(p, kind, among);
    for (size_t i = 0; i < count; i++) {
        const struct entry *x = entry_find(p, numbers[i]);
        bool counts = x && (!among || docset_has(among, x->number));
        out[i] = counts ? score_of(largest, kind, x) : 0;
    }
    rwlock_drop(&p->lock);
}

double popularity_sum(struct popularity *p, enum popularity_kind kind, uint32_t number,
                      int64_t now_us)
{
    rwlock_read(&p->lock);
    const struct fading *f = &p->fading[kind];
    const struct entry *x = entry_find(p, number);
    double sum = x ? x->sum[kind] : 0,
           halvings = ((double)now_us - (double)f->moment_us) / (double)f->half_life_us;
    rwlock_drop(&p->lock);
    /* In two steps: a sum that is far ahead of its moment is large, and the factor small. */
    return sum * exp2(-halvings / 2) * exp2(-halvings / 2);
}
