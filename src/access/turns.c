#include "access/turns.h"
#include "base/arena.h"
#include "base/thread.h"
#include <assert.h>
#include <stdlib.h>

#define RECENT_NS 1000000000LL

struct waiting {
    void *item;
    struct waiting *next; /* behind it, or free */
};
/* Somebody of whom something waits or sits. */
struct subject {
    uint64_t id;
    struct waiting *first, *last;
    size_t count;
    unsigned seats;
    struct subject *in_bucket;       /* next of the bucket, or free */
    struct subject *before, *behind; /* in the round; only while something waits */
};
struct turns {
    struct lock lock;
    size_t count, count_max;
    unsigned seats;
    uint64_t latest;     /* who asked last */
    int64_t switched_ns; /* when that was somebody else before */
    struct waiting *items, *free_items;
    struct subject *subjects, *free_subjects;
    struct subject **buckets;
    size_t bucket_count;  /* a power of two */
    struct subject round; /* its behind is whose turn it is */
};

struct turns *turns_new(size_t count_max, unsigned seats)
{
    struct turns *t = xcalloc(1, sizeof *t);
    size_t subjects = count_max + seats;
    assert(count_max && seats);
    t->count_max = count_max;
    t->seats = seats;
    t->switched_ns = INT64_MIN / 2;
    t->items = xcalloc(count_max, sizeof *t->items);
    t->subjects = xcalloc(subjects, sizeof *t->subjects);
    for (size_t i = 0; i < count_max; i++) {
        t->items[i].next = t->free_items;
        t->free_items = &t->items[i];
    }
    for (size_t i = 0; i < subjects; i++) {
        t->subjects[i].in_bucket = t->free_subjects;
        t->free_subjects = &t->subjects[i];
    }
    for (t->bucket_count = 16; t->bucket_count < subjects;)
        t->bucket_count *= 2;
    t->buckets = xcalloc(t->bucket_count, sizeof(struct subject *));
    t->round.before = t->round.behind = &t->round;
    lock_init(&t->lock, LOCK_QUEUE);
    return t;
}

void turns_free(struct turns *t)
{
    if (!t)
        return;
    lock_release(&t->lock);
    free(t->items);
    free(t->subjects);
    free(t->buckets);
    free(t);
}

/* ---- subjects ---- */

static struct subject **place_of(struct turns *t, uint64_t id)
{
    struct subject **s = &t->buckets[id * 0x9e3779b97f4a7c15ull >> 32 & (t->bucket_count - 1)];
    while (*s && (*s)->id != id)
        s = &(*s)->in_bucket;
    return s;
}

static struct subject *subject_of(struct turns *t, uint64_t id)
{
    struct subject **place = place_of(t, id), *s = *place;
    if (s)
        return s;
    s = t->free_subjects;
    assert(s); /* there are as many as can wait and sit */
    t->free_subjects = s->in_bucket;
    *s = (struct subject){.id = id};
    *place = s;
    return s;
}

static void subject_drop(struct turns *t, struct subject *s)
{
    if (s->count || s->seats)
        return;
    *place_of(t, s->id) = s->in_bucket;
    s->in_bucket = t->free_subjects;
    t->free_subjects = s;
}

static void round_join(struct turns *t, struct subject *s)
{
    s->behind = &t->round;
    s->before = t->round.before;
    s->before->behind = s;
    t->round.before = s;
}

static void round_leave(struct subject *s)
{
    s->before->behind = s->behind;
    s->behind->before = s->before;
}

/* ---- items ---- */

static void item_add(struct turns *t, struct subject *s, void *item)
{
    struct waiting *w = t->free_items;
    t->free_items = w->next;
    *w = (struct waiting){.item = item};
    if (s->last)
        s->last->next = w;
    else
        s->first = w;
    s->last = w;
    if (!s->count++)
        round_join(t, s);
    t->count++;
}

static void *item_free(struct turns *t, struct subject *s, struct waiting *w)
{
    void *item = w->item;
    w->next = t->free_items;
    t->free_items = w;
    t->count--;
    if (!--s->count)
        round_leave(s);
    return item;
}

static void *item_first(struct turns *t, struct subject *s)
{
    struct waiting *w = s->first;
    s->first = w->next;
    if (!s->first)
        s->last = NULL;
    return item_free(t, s, w);
}

static void *item_newest(struct turns *t, struct subject *s)
{
    struct waiting *w = s->last, *before = NULL;
    for (struct waiting *i = s->first; i != w; i = i->next)
        before = i;
    s->last = before;
    if (before)
        before->next = NULL;
    else
        s->first = NULL;
    return item_free(t, s, w);
}

static struct subject *longest(struct turns *t)
{
    struct subject *best = t->round.behind;
    for (struct subject *s = best; s != &t->round; s = s->behind)
        if (s->count > best->count)
            best = s;
    return best;
}

void *turns_push(struct turns *t, uint64_t subject, void *item, int64_t now_ns)
{
    void *out = NULL;
    lock_take(&t->lock);
    if (subject != t->latest) {
        if (t->latest)
            t->switched_ns = now_ns;
        t->latest = subject;
    }
    struct subject **own = place_of(t, subject);
    if (t->count == t->count_max) {
        struct subject *s = longest(t);
        if (s == *own || (*own ? (*own)->count : 0) + 1 >= s->count) {
            lock_drop(&t->lock);
            return item;
        }
        out = item_newest(t, s);
        subject_drop(t, s);
    }
    item_add(t, subject_of(t, subject), item);
    lock_drop(&t->lock);
    return out;
}

void *turns_pop(struct turns *t, uint64_t *subject, int64_t now_ns)
{
    void *item = NULL;
    lock_take(&t->lock);
    unsigned most = now_ns - t->switched_ns < RECENT_NS ? (t->seats + 1) / 2 : t->seats;
    struct subject *s = t->round.behind;
    while (s != &t->round && s->seats >= most)
        s = s->behind;
    if (s != &t->round) {
        s->seats++;
        *subject = s->id;
        item = item_first(t, s);
        if (s->count) { /* its next one waits for a round */
            round_leave(s);
            round_join(t, s);
        }
    }
    lock_drop(&t->lock);
    return item;
}

void turns_leave(struct turns *t, uint64_t subject)
{
    lock_take(&t->lock);
    struct subject *s = *place_of(t, subject);
    assert(s && s->seats);
    s->seats--;
    subject_drop(t, s);
    lock_drop(&t->lock);
}

size_t turns_count(struct turns *t)
{
    lock_take(&t->lock);
    size_t n = t->count;
    lock_drop(&t->lock);
    return n;
}
