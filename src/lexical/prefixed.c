/* Terms that begin with something, most frequent first. In sorted runs they stand together; which
 * of them are frequent is known roughly: of every BOUNDED entries the highest df that some reader
 * found, which no change raises by more than one. A merge of runs (O'Neil et al.: The
 * log-structured merge-tree, 1996) costs a term some 5 ns for each of its log2(terms / TAIL) times.
 */
#include "lexical/dictionary.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t key_of(struct str text)
{
    uint64_t key = 0;
    memcpy(&key, text.s, text.n < 8 ? text.n : 8);
    return __builtin_bswap64(key);
}

/* ---- runs ---- */

#define UNBOUNDED ((UINT64_C(1) << 24) - 1)

static struct run *run_new(struct lexical *x, uint32_t cap)
{
    uint32_t bounds = (cap + BOUNDED - 1) / BOUNDED;
    struct run *r = memory_new(x, sizeof *r + (cap + (size_t)bounds) * 8 + cap * sizeof *r->ids);
    r->count = r->holes = 0;
    r->keys = r->memory;
    r->bounds = (_Atomic uint64_t *)(r->memory + cap);
    r->ids = (_Atomic uint32_t *)(void *)(r->memory + cap + bounds);
    for (uint32_t i = 0; i < bounds; i++)
        atomic_init(&r->bounds[i], UNBOUNDED);
    return r;
}

/* An entry of a run that is being made; gone ones are passed over. */
static void run_put(struct lexical *x, struct run *r, uint8_t number, uint64_t key, uint32_t id)
{
    if (id == NONE)
        return;
    struct place *p = &x->dictionary->places[id];
    p->run = number;
    p->run_at = r->count;
    r->keys[r->count] = key;
    atomic_init(&r->ids[r->count++], id);
}

static uint32_t run_id(const struct run *r, uint32_t i)
{
    return atomic_load_explicit(&r->ids[i], memory_order_relaxed);
}

static struct run *runs_merge(struct lexical *x, const struct run *a, const struct run *b,
                              uint8_t number)
{
    struct run *r = run_new(x, a->count + b->count);
    uint32_t i = 0, j = 0;
    while (i < a->count || j < b->count) {
        bool first = j == b->count || (i < a->count && a->keys[i] <= b->keys[j]);
        if (first) {
            run_put(x, r, number, a->keys[i], run_id(a, i));
            i++;
        } else {
            run_put(x, r, number, b->keys[j], run_id(b, j));
            j++;
        }
    }
    return r;
}

struct tail_entry {
    uint64_t key;
    uint32_t id;
};

static int tail_cmp(const void *a, const void *b)
{
    const struct tail_entry *p = a, *q = b;
    return (p->key > q->key) - (p->key < q->key);
}

static struct run *tail_sort(struct lexical *x, const struct sorted *s, uint8_t number)
{
    struct tail_entry entries[TAIL];
    size_t n = 0;
    for (uint32_t i = 0; i < TAIL; i++) {
        uint32_t id = atomic_load_explicit(&s->tail[i], memory_order_relaxed);
        if (id != NONE)
            entries[n++] = (struct tail_entry){s->tail_keys[i], id};
    }
    qsort(entries, n, sizeof *entries, tail_cmp);
    struct run *r = run_new(x, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        run_put(x, r, number, entries[i].key, entries[i].id);
    return r;
}

/* Gone entries are left out once they are half of a run. */
static void runs_compact(struct lexical *x, struct sorted *s)
{
    const struct run nothing = {0};
    for (uint32_t i = 0; i < s->run_count; i++) {
        struct run *r = s->runs[i];
        if (r->holes * 2 <= r->count)
            continue;
        s->runs[i] = runs_merge(x, r, &nothing, (uint8_t)i);
        memory_retire(x, r);
    }
}

static void runs_settle(struct lexical *x, struct sorted *s)
{
    while (s->run_count > 1 &&
           s->runs[s->run_count - 2]->count < 2 * s->runs[s->run_count - 1]->count) {
        struct run *b = s->runs[--s->run_count], *a = s->runs[s->run_count - 1];
        s->runs[s->run_count - 1] = runs_merge(x, a, b, (uint8_t)(s->run_count - 1));
        memory_retire(x, a);
        memory_retire(x, b);
    }
}

/* The tail becomes a run. */
static struct sorted *sorted_renew(struct lexical *x, struct sorted *old)
{
    struct sorted *s = memory_new(x, sizeof *s);
    memset(s, 0, sizeof *s);
    s->run_count = old->run_count;
    memcpy(s->runs, old->runs, sizeof s->runs);
    assert(s->run_count < RUNS_MAX);
    runs_compact(x, s);
    s->runs[s->run_count] = tail_sort(x, old, (uint8_t)s->run_count);
    s->run_count++;
    runs_settle(x, s);
    atomic_store_explicit(&x->dictionary->sorted, s, memory_order_release);
    memory_retire(x, old);
    return s;
}

void sorted_add(struct lexical *x, const struct term *t, struct place *p)
{
    struct sorted *s = atomic_load(&x->dictionary->sorted);
    uint32_t at = atomic_load_explicit(&s->tail_count, memory_order_relaxed);
    if (at == TAIL) {
        s = sorted_renew(x, s);
        at = 0;
    }
    p->run = RUN_OF_TAIL;
    p->run_at = at;
    s->tail_keys[at] = key_of(term_text(t));
    atomic_store_explicit(&s->tail[at], t->id, memory_order_relaxed);
    atomic_store_explicit(&s->tail_count, at + 1, memory_order_release);
}

void sorted_drop(struct dictionary *d, const struct place *p)
{
    struct sorted *s = atomic_load(&d->sorted);
    struct run *r = p->run == RUN_OF_TAIL ? NULL : s->runs[p->run];
    atomic_store_explicit(r ? &r->ids[p->run_at] : &s->tail[p->run_at], NONE, memory_order_release);
    if (r)
        r->holes++;
}

/* ---- looking ---- */

/* The highest df and, above it, the version of the index that it was found in. A put that is under
 * way has raised dfs before it counts the version up: one more. */
static uint64_t bound_make(uint32_t df, uint64_t version)
{
    return version << 24 | (df < UNBOUNDED ? df : UNBOUNDED);
}

static uint64_t bound_read(uint64_t bound, uint64_t version)
{
    if ((bound & UNBOUNDED) == UNBOUNDED)
        return UINT64_MAX;
    uint64_t then = bound >> 24; /* of a reader that began later: nothing is to be added */
    return (bound & UNBOUNDED) + (version > then ? version - then : 0) + 1;
}

struct looking {
    struct lexical *x;
    bool part;
    struct str prefix;  /* with the number of the part in front */
    uint64_t low, high; /* keys */
    uint64_t version;
    struct top top;
};

/* Returns its df. */
static uint32_t term_look(struct looking *l, uint32_t id)
{
    const struct term *t = id == NONE ? NULL : term_at(l->x, id);
    uint32_t df = t ? atomic_load_explicit(&t->df, memory_order_relaxed) : 0;
    if (df && t->part == l->part && top_wants(&l->top, 0, df) &&
        str_starts(term_text(t), l->prefix))
        top_add(&l->top, (struct top_word){t, df, 0});
    return df;
}

static void entries_look(struct looking *l, struct run *r, uint32_t from, uint32_t to)
{
    uint32_t block = from / BOUNDED, end = (block + 1) * BOUNDED, highest = 0;
    bool whole = from == block * BOUNDED && to == (end < r->count ? end : r->count);
    uint64_t bound = atomic_load_explicit(&r->bounds[block], memory_order_relaxed);
    uint64_t df_max = bound_read(bound, l->version);
    if (df_max < UINT32_MAX && !top_wants(&l->top, 0, (uint32_t)df_max))
        return;
    for (uint32_t i = from; i < to; i++) {
        uint32_t df = term_look(l, atomic_load_explicit(&r->ids[i], memory_order_acquire));
        highest = df > highest ? df : highest;
    }
    if (whole)
        atomic_store_explicit(&r->bounds[block], bound_make(highest, l->version),
                              memory_order_relaxed);
}

/* The first entry whose key is >= key. */
static uint32_t run_seek(const struct run *r, uint64_t key)
{
    uint32_t low = 0, high = r->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void run_look(struct looking *l, struct run *r)
{
    uint32_t from = run_seek(r, l->low);
    uint32_t to = l->high == UINT64_MAX ? r->count : run_seek(r, l->high + 1);
    while (from < to) {
        uint32_t end = (from / BOUNDED + 1) * BOUNDED;
        end = end < to ? end : to;
        entries_look(l, r, from, end);
        from = end;
    }
}

static void tail_look(struct looking *l, struct sorted *s)
{
    uint32_t count = atomic_load_explicit(&s->tail_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        if (s->tail_keys[i] >= l->low && s->tail_keys[i] <= l->high)
            term_look(l, atomic_load_explicit(&s->tail[i], memory_order_acquire));
}

size_t lexical_prefixed(struct lexical *x, uint32_t part, struct str prefix, size_t max,
                        struct arena *a, struct lexical_word *out)
{
    char buf[LEXICAL_TERM_MAX];
    if (part)
        prefix = part_text(part, prefix, buf);
    struct looking l = {.x = x, .part = part > 0, .prefix = prefix, .low = key_of(prefix)};
    l.high = l.low | (prefix.n < 8 ? UINT64_MAX >> 8 * prefix.n : 0);
    top_init(&l.top, max, a);
    struct epoch_reader *r = epoch_enter(&x->epochs, &l.version);
    struct sorted *s = atomic_load_explicit(&x->dictionary->sorted, memory_order_acquire);
    for (uint32_t i = 0; i < s->run_count; i++)
        run_look(&l, s->runs[i]);
    tail_look(&l, s);
    size_t n = top_give(&l.top, a, out);
    epoch_leave(r);
    return n;
}
