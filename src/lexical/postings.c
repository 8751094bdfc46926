/* Lists of postings: a block, or a directory of blocks; the writer's changes and a reader's view.
 */
#include "lexical/kernel.h"

#include <assert.h>

#define JOIN_BELOW 40u /* postings: such a block is joined with a neighbour ... */
#define JOIN_MAX 96u   /* ... if both together have no more */

static struct directory *directory_in(uintptr_t list)
{
    return list & 1 ? (struct directory *)(list - 1) : NULL;
}

bool list_open(struct list *l, const struct term *t)
{
    uintptr_t list = t ? atomic_load_explicit(&t->list, memory_order_acquire) : 0;
    static const uint32_t zero = 0;
    const struct directory *d = directory_in(list);
    if (d) {
        l->blocks = d->blocks;
        l->first = directory_first(d);
        l->count = atomic_load_explicit(&d->count, memory_order_acquire);
        return true;
    }
    atomic_store_explicit(&l->one, (struct block *)list, memory_order_relaxed);
    l->blocks = &l->one;
    l->first = &zero;
    l->count = list != 0;
    return list != 0;
}

uint32_t list_seek(const struct list *l, uint32_t from, uint32_t slot)
{
    uint32_t step = 1, low = from, high = from + 1; /* first[low] <= slot */
    while (high < l->count && l->first[high] <= slot) {
        low = high;
        high += step;
        step *= 2;
    }
    if (high > l->count)
        high = l->count;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (l->first[middle] <= slot)
            low = middle;
        else
            high = middle;
    }
    return low;
}

const struct block *list_find(const struct list *l, uint32_t slot, unsigned *at)
{
    if (!l->count)
        return NULL;
    const struct block *b = list_block(l, list_seek(l, 0, slot));
    unsigned n = block_count(b);
    *at = kernel_seek(b, 0, n, slot);
    return *at < n && block_slot(b, *at) == slot ? b : NULL;
}

/* --- the writer --- */

/* A list as the writer changes it: blocks [at, at + out) are replaced by `in`. */
struct change {
    struct lexical *x;
    struct term *t;
    struct directory *d;
    struct list l;
    uint32_t at, out;
    struct block *in[2];
    uint32_t in_count;
};

static struct change change_begin(struct lexical *x, struct term *t, uint32_t slot)
{
    struct change c = {.x = x, .t = t, .out = 1};
    if (list_open(&c.l, t)) {
        c.d = directory_in(atomic_load_explicit(&t->list, memory_order_relaxed));
        c.at = list_seek(&c.l, 0, slot);
    }
    return c;
}

static struct block *change_block(const struct change *c, uint32_t i)
{
    const _Atomic(struct block *) *blocks = c->d ? c->d->blocks : &c->l.one;
    return atomic_load_explicit(&blocks[i], memory_order_relaxed);
}

static void list_store(struct term *t, uintptr_t list)
{
    atomic_store_explicit(&t->list, list, memory_order_release);
}

/* What block i of the changed list is, and where it begins. */
static struct block *changed_at(const struct change *c, uint32_t i, uint32_t *first)
{
    if (i >= c->at && i < c->at + c->in_count) {
        struct block *b = c->in[i - c->at];
        *first = i > c->at || !c->out ? b->base : c->l.first[c->at];
        return b;
    }
    uint32_t was = i < c->at ? i : i - c->in_count + c->out;
    *first = c->l.first[was];
    return change_block(c, was);
}

static void directory_renew(struct change *c, uint32_t count)
{
    uint32_t cap = count + count / 4 + 2;
    struct directory *d =
        memory_new(c->x, sizeof *d + cap * (sizeof d->blocks[0] + sizeof(uint32_t)));
    d->cap = cap;
    for (uint32_t i = 0; i < count; i++) {
        struct block *b = changed_at(c, i, &directory_first(d)[i]);
        atomic_init(&d->blocks[i], b);
    }
    directory_first(d)[0] = 0;
    atomic_init(&d->count, count);
    list_store(c->t, (uintptr_t)d + 1);
}

/* A new block behind the last: no reader looks beyond the count that it loaded. */
static bool directory_append(struct change *c)
{
    if (!c->d || c->out || c->l.count == c->d->cap)
        return false;
    directory_first(c->d)[c->at] = c->in[0]->base;
    atomic_store_explicit(&c->d->blocks[c->at], c->in[0], memory_order_relaxed);
    atomic_store_explicit(&c->d->count, c->l.count + 1, memory_order_release);
    return true;
}

static void change_end(struct change *c)
{
    uint32_t count = c->l.count - c->out + c->in_count;
    uint32_t unused;
    c->t->last = count ? changed_at(c, count - 1, &unused) : NULL;
    for (uint32_t i = 0; i < c->out; i++)
        memory_retire(c->x, change_block(c, c->at + i));
    uint32_t first;
    if (count == 0)
        list_store(c->t, 0);
    else if (count == 1)
        list_store(c->t, (uintptr_t)changed_at(c, 0, &first));
    else if (c->d && c->out == 1 && c->in_count == 1) {
        atomic_store_explicit(&c->d->blocks[c->at], c->in[0], memory_order_release);
        return;
    } else if (directory_append(c))
        return;
    else
        directory_renew(c, count);
    memory_retire(c->x, c->d);
}

static void change_in(struct change *c, const struct posting *p, unsigned count, unsigned cap,
                      size_t positions_cap)
{
    c->in[c->in_count++] = block_new(c->x, p, count, cap, positions_cap);
}

/* Room for some more. */
static unsigned cap_for(unsigned n)
{
    unsigned cap = n + n / 2 + (n > 1);
    return cap < BLOCK_MAX ? cap : BLOCK_MAX;
}

/* The last block has no room: a larger one, or one more, the full one without its slack. */
static void append_slowly(struct change *c, const struct block *last, const struct posting *p)
{
    struct posting all[BLOCK_MAX + 1];
    unsigned n = block_count(last), cap = cap_for(n + 1);
    size_t used = last->positions_used + p->positions_size;
    size_t room = used + used * (cap - n - 1) / (n + 1);
    if (n < BLOCK_MAX && (p->slot - last->base <= UINT16_MAX || last->wide & WIDE_OFFSETS) &&
        (p->tf <= UINT8_MAX || last->wide & WIDE_TF)) {
        c->in[c->in_count++] = block_grow(c->x, last, p, cap, room);
        return;
    }
    block_read(last, all);
    all[n] = *p;
    if (n < BLOCK_MAX) {
        change_in(c, all, n + 1, cap, room);
        return;
    }
    if (last->positions_cap - last->positions_used > last->positions_used / 16) {
        change_in(c, all, n, n, 0);
    } else {
        c->at++;
        c->out = 0;
    }
    change_in(c, p, 1, BLOCK_MAX / 4, p->positions_size * BLOCK_MAX / 4);
}

static void insert_between(struct change *c, const struct block *b, const struct posting *p)
{
    struct posting all[BLOCK_MAX + 1];
    unsigned n = block_read(b, all), at = kernel_seek(b, 0, n, p->slot);
    assert(at == n || all[at].slot != p->slot);
    memmove(all + at + 1, all + at, (n - at) * sizeof *all);
    all[at] = *p;
    if (++n <= BLOCK_MAX) {
        change_in(c, all, n, n, 0);
        return;
    }
    change_in(c, all, n / 2, n / 2, 0);
    change_in(c, all + n / 2, n - n / 2, n - n / 2, 0);
}

void postings_fetch(const struct term *t, bool deeper)
{
    const struct block *b = t->last;
    if (!b)
        return;
    if (!deeper) {
        __builtin_prefetch(b, 1);
        return;
    }
    unsigned n = block_count(b);
    __builtin_prefetch(b->data + n * (b->wide & WIDE_OFFSETS ? 4 : 2), 1);
    __builtin_prefetch(block_tfs(b) + n, 1);
    __builtin_prefetch(block_positions(b) + b->positions_used, 1);
}

/* Most postings go behind the last one. */
static bool append_quickly(struct lexical *x, struct term *t, const struct posting *p)
{
    struct block *b = t->last;
    return b && block_slot(b, block_count(b) - 1) < p->slot && block_append(x, b, p);
}

void postings_add(struct lexical *x, struct term *t, const struct posting *p)
{
    if (append_quickly(x, t, p))
        return;
    struct change c = change_begin(x, t, p->slot);
    if (!c.l.count) {
        c.out = 0;
        change_in(&c, p, 1, 1, 0);
        change_end(&c);
        return;
    }
    struct block *b = change_block(&c, c.at);
    unsigned n = block_count(b);
    bool behind = c.at + 1 == c.l.count && block_slot(b, n - 1) < p->slot;
    if (behind && block_append(x, b, p))
        return;
    if (behind)
        append_slowly(&c, b, p);
    else
        insert_between(&c, b, p);
    change_end(&c);
}

/* A block that has become small goes together with the one before or behind. */
static unsigned join(struct change *c, struct posting *all, unsigned n)
{
    if (n >= JOIN_BELOW || c->l.count < 2)
        return n;
    bool before = c->at > 0;
    const struct block *b = change_block(c, before ? c->at - 1 : c->at + 1);
    unsigned m = block_count(b);
    if (n + m > JOIN_MAX)
        return n;
    struct posting other[BLOCK_MAX];
    block_read(b, other);
    if (before) {
        memmove(all + m, all, n * sizeof *all);
        memcpy(all, other, m * sizeof *all);
        c->at--;
    } else
        memcpy(all + n, other, m * sizeof *all);
    c->out = 2;
    return n + m;
}

void postings_remove(struct lexical *x, struct term *t, uint32_t slot)
{
    struct change c = change_begin(x, t, slot);
    assert(c.l.count);
    const struct block *b = change_block(&c, c.at);
    struct posting all[BLOCK_MAX];
    unsigned n = block_read(b, all), at = kernel_seek(b, 0, n, slot);
    assert(at < n && all[at].slot == slot);
    memmove(all + at, all + at + 1, (--n - at) * sizeof *all);
    if (n)
        n = join(&c, all, n);
    if (n)
        change_in(&c, all, n, n, 0);
    change_end(&c);
}

void postings_free(struct lexical *x, struct term *t)
{
    struct list l;
    if (!list_open(&l, t))
        return;
    for (uint32_t i = 0; i < l.count; i++)
        memory_free(x, atomic_load_explicit(&l.blocks[i], memory_order_relaxed));
    memory_free(x, directory_in(atomic_load_explicit(&t->list, memory_order_relaxed)));
    list_store(t, 0);
}
