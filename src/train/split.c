#include "train/split.h"

#include "base/arena.h"
#include "base/hash.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define GIVEN_SHARE .8

/* What a digest decides: each decision has its own, so that none tells of another. */
enum decision { DECIDE_READER = 1, DECIDE_PART, DECIDE_ACT, DECIDE_ITEM };

static uint64_t digest(uint64_t seed, enum decision what, uint64_t key, uint64_t number)
{
    const uint64_t x[3] = {what, key, number};
    return checksum64(x, sizeof x, seed);
}

static double share_of(uint64_t d)
{
    return (double)(d >> 11) * 0x1p-53;
}

/* One making of a split. A part is 0: trained on, 1: validation, 2: test. */
enum { PART_NONE, PART_VALIDATION, PART_TEST };
struct splitting {
    const struct training_set *s;
    struct split_options o;
    struct split *out;
    uint8_t *part;  /* readers */
    uint64_t *rank; /* readers: the digest by which a bounded part takes them */
    size_t parts_used;
};

static const struct training_act *acts_of(const struct splitting *w, uint32_t r, uint32_t *count)
{
    *count = (uint32_t)(w->s->start[r + 1] - w->s->start[r]);
    return w->s->acts + w->s->start[r];
}

static bool act_is_held(const struct splitting *w, const struct training_act *a)
{
    if (w->o.kind == SPLIT_TIME)
        return a->time_us >= w->out->after_us;
    return w->o.kind == SPLIT_ITEMS && w->out->item_is_new[a->item];
}

static uint32_t liked(const struct training_act *a, uint32_t count)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        n += a[i].weight > 0;
    return n;
}

/* ---- who is judged ---- */

/* SPLIT_TIME, SPLIT_ITEMS: something to find, and something given to find it by. */
static bool has_both(const struct splitting *w, const struct training_act *a, uint32_t count)
{
    uint32_t wanted = 0, given = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool held = act_is_held(w, a + i);
        wanted += held && a[i].weight > 0;
        given += !held && a[i].weight > 0;
    }
    return wanted && (given || (w->o.kind == SPLIT_TIME && wanted > 1));
}

static bool can_be_judged(const struct splitting *w, uint32_t r)
{
    uint32_t count;
    const struct training_act *a = acts_of(w, r, &count);
    return liked(a, count) >= w->o.acts_min &&
           (w->o.kind == SPLIT_READERS || has_both(w, a, count));
}

struct ranked {
    uint64_t rank;
    uint32_t reader;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->reader < y->reader ? -1 : x->reader > y->reader;
}

/* Those of `from` with the lowest digests become `to`, `most` of them; the others are trained on.
 */
static void part_take(struct splitting *w, int from, int to, uint32_t most)
{
    struct ranked *all = xmalloc(((size_t)w->s->readers + 1) * sizeof *all);
    uint32_t count = 0;
    for (uint32_t r = 0; r < w->s->readers; r++)
        if (w->part[r] == from)
            all[count++] = (struct ranked){w->rank[r], r};
    qsort(all, count, sizeof *all, by_rank);
    for (uint32_t i = 0; i < count; i++)
        w->part[all[i].reader] = (uint8_t)(i < most ? to : from);
    free(all);
}

static void part_bound(struct splitting *w, int part, uint32_t most)
{
    enum { KEPT = 3 };
    if (!most)
        return;
    part_take(w, part, KEPT, most);
    for (uint32_t r = 0; r < w->s->readers; r++)
        if (w->part[r] == part || w->part[r] == KEPT)
            w->part[r] = (uint8_t)(w->part[r] == KEPT ? part : PART_NONE);
}

/* So many for each: all that can be judged are candidates, the lowest digests are test. */
static void readers_take(struct splitting *w)
{
    enum { CANDIDATE = 3 };
    for (uint32_t r = 0; r < w->s->readers; r++)
        w->part[r] = can_be_judged(w, r) ? CANDIDATE : PART_NONE;
    part_take(w, CANDIDATE, PART_TEST, w->o.test);
    part_take(w, CANDIDATE, PART_VALIDATION, w->o.validation);
    for (uint32_t r = 0; r < w->s->readers; r++)
        if (w->part[r] == CANDIDATE)
            w->part[r] = PART_NONE;
}

static void readers_choose(struct splitting *w)
{
    for (uint32_t r = 0; r < w->s->readers; r++)
        w->rank[r] = digest(w->o.seed, DECIDE_READER, w->s->keys[r], 0);
    if (w->o.kind == SPLIT_READERS && (w->o.validation || w->o.test)) {
        readers_take(w);
        return;
    }
    for (uint32_t r = 0; r < w->s->readers; r++) {
        bool in = can_be_judged(w, r) &&
                  (w->o.kind != SPLIT_READERS || share_of(w->rank[r]) < w->o.held_out);
        bool test = digest(w->o.seed, DECIDE_PART, w->s->keys[r], 0) & 1;
        w->part[r] = (uint8_t)(!in ? PART_NONE : test ? PART_TEST : PART_VALIDATION);
    }
    bool readers = w->o.kind == SPLIT_READERS;
    part_bound(w, PART_VALIDATION, readers ? w->o.part_max : w->o.validation);
    part_bound(w, PART_TEST, readers ? w->o.part_max : w->o.test);
}

/* ---- what is held out ---- */

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The moment from which on the share lies; of equal times none is divided. */
static int64_t moment(const struct splitting *w)
{
    size_t count = w->s->start[w->s->readers];
    int64_t *times = xmalloc((count + 1) * sizeof *times), out = INT64_MAX;
    for (size_t i = 0; i < count; i++)
        times[i] = w->s->acts[i].time_us;
    qsort(times, count, sizeof *times, by_time);
    if (count)
        out = times[(size_t)((double)count * (1 - w->o.held_out))];
    if (count && out == times[0])
        out = INT64_MAX; /* nothing would be left to train on */
    free(times);
    return out;
}

static void items_choose(struct splitting *w)
{
    for (uint32_t i = 0; i < w->s->items; i++)
        w->out->item_is_new[i] =
            share_of(digest(w->o.seed, DECIDE_ITEM, w->s->numbers[i], 0)) < w->o.held_out;
}

/* SPLIT_TIME: read, but not before the moment. */
static void items_begun_later(struct splitting *w)
{
    size_t count = w->s->start[w->s->readers];
    uint8_t *is_new = w->out->item_is_new;
    for (size_t i = 0; i < count; i++)
        is_new[w->s->acts[i].item] = 1;
    for (size_t i = 0; i < count; i++)
        if (!act_is_held(w, w->s->acts + i))
            is_new[w->s->acts[i].item] = 0;
}

/* ---- the cases ---- */

struct drawn {
    uint64_t rank;
    uint32_t at;
};

static int by_draw(const void *a, const void *b)
{
    const struct drawn *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static uint32_t wanted_of(uint32_t count)
{
    uint32_t wanted = (uint32_t)((double)count * (1 - GIVEN_SHARE) + 1e-9);
    return wanted ? wanted : 1;
}

/* Of `all` what is liked, drawn by the documents' numbers: the first are wanted. */
static void draw(const struct splitting *w, uint32_t r, const struct training_act *a,
                 uint32_t count, bool *wanted)
{
    struct drawn *all = xmalloc(((size_t)count + 1) * sizeof *all);
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        if (a[i].weight > 0)
            all[n++] = (struct drawn){
                digest(w->o.seed, DECIDE_ACT, w->s->keys[r], w->s->numbers[a[i].item]), i};
    qsort(all, n, sizeof *all, by_draw);
    for (uint32_t i = 0; i < wanted_of(n); i++)
        wanted[all[i].at] = true;
    free(all);
}

/* The last of what is liked are wanted. */
static void draw_last(const struct training_act *a, uint32_t count, bool *wanted)
{
    uint32_t left = wanted_of(liked(a, count));
    for (uint32_t i = count; i > 0 && left; i--)
        if (a[i - 1].weight > 0) {
            wanted[i - 1] = true;
            left--;
        }
}

static bool is_new_reader(const struct splitting *w, const struct training_act *a, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!act_is_held(w, a + i))
            return false;
    return w->o.kind == SPLIT_TIME;
}

static void case_make(struct splitting *w, uint32_t r, struct split_case *c)
{
    uint32_t count;
    const struct training_act *a = acts_of(w, r, &count);
    bool *wanted = xcalloc((size_t)count + 1, sizeof *wanted);
    *c = (struct split_case){.reader = r, .reader_is_new = is_new_reader(w, a, count)};
    if (w->o.kind == SPLIT_READERS)
        draw(w, r, a, count, wanted);
    else if (c->reader_is_new)
        draw_last(a, count, wanted);
    else
        for (uint32_t i = 0; i < count; i++)
            wanted[i] = act_is_held(w, a + i) && a[i].weight > 0;
    c->given = w->out->parts + w->parts_used;
    for (uint32_t i = 0; i < count; i++)
        if (!wanted[i] && (c->reader_is_new || !act_is_held(w, a + i)))
            c->given[c->given_count++] = a[i];
    c->wanted = c->given + c->given_count;
    for (uint32_t i = 0; i < count; i++)
        if (wanted[i])
            c->wanted[c->wanted_count++] = a[i];
    w->parts_used += c->given_count + c->wanted_count;
    assert(c->given_count && c->wanted_count);
    free(wanted);
}

static uint32_t cases_make(struct splitting *w, int part, struct split_case **out)
{
    uint32_t count = 0, n = 0;
    for (uint32_t r = 0; r < w->s->readers; r++)
        count += w->part[r] == part;
    *out = xcalloc((size_t)count + 1, sizeof **out);
    for (uint32_t r = 0; r < w->s->readers; r++)
        if (w->part[r] == part)
            case_make(w, r, &(*out)[n++]);
    return count;
}

/* ---- what is trained on ---- */

static void train_make(struct splitting *w)
{
    const struct training_set *s = w->s;
    struct training_set *t = xcalloc(1, sizeof *t);
    size_t count = 0;
    *t = *s;
    t->readers = 0;
    t->keys = xmalloc(((size_t)s->readers + 1) * sizeof *t->keys);
    t->start = xcalloc((size_t)s->readers + 1, sizeof *t->start);
    t->acts = xmalloc((s->start[s->readers] + 1) * sizeof *t->acts);
    for (uint32_t r = 0; r < s->readers; r++) {
        uint32_t n;
        const struct training_act *a = acts_of(w, r, &n);
        size_t before = count;
        for (uint32_t i = 0; i < n; i++)
            if (w->o.kind == SPLIT_READERS ? w->part[r] == PART_NONE : !act_is_held(w, a + i))
                t->acts[count++] = a[i];
        if (count > before) {
            t->keys[t->readers++] = s->keys[r];
            t->start[t->readers] = count;
        }
    }
    w->out->train = t;
}

struct split *split_make(const struct training_set *s, const struct split_options *o)
{
    struct splitting w = {.s = s, .o = *o, .out = xcalloc(1, sizeof *w.out)};
    w.o.held_out = o->held_out > 0 ? o->held_out : SPLIT_SHARE;
    w.o.acts_min = !o->acts_min ? SPLIT_ACTS_MIN : o->acts_min < 2 ? 2 : o->acts_min;
    assert(w.o.held_out < 1);
    w.part = xcalloc((size_t)s->readers + 1, sizeof *w.part);
    w.rank = xcalloc((size_t)s->readers + 1, sizeof *w.rank);
    w.out->item_is_new = xcalloc((size_t)s->items + 1, sizeof *w.out->item_is_new);
    w.out->parts = xmalloc((s->start[s->readers] + 1) * sizeof *w.out->parts);
    if (o->kind == SPLIT_TIME) {
        w.out->after_us = moment(&w);
        items_begun_later(&w);
    } else if (o->kind == SPLIT_ITEMS)
        items_choose(&w);
    for (uint32_t i = 0; i < s->items; i++)
        w.out->items_new += w.out->item_is_new[i];
    readers_choose(&w);
    w.out->validation_count = cases_make(&w, PART_VALIDATION, &w.out->validation);
    w.out->test_count = cases_make(&w, PART_TEST, &w.out->test);
    train_make(&w);
    free(w.part);
    free(w.rank);
    return w.out;
}

void split_free(struct split *s)
{
    if (!s)
        return;
    free(s->train->keys);
    free(s->train->start);
    free(s->train->acts);
    free(s->train);
    free(s->validation);
    free(s->test);
    free(s->item_is_new);
    free(s->parts);
    free(s);
}
