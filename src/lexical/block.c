/* Blocks of postings: made, appended to, read. */
#include "lexical/internal.h"

#include <assert.h>

/* Where two pairs would be joined, the score lost decides: at the mean length of the moment. */
static double pair_value(const struct lexical *x, uint32_t pair)
{
    struct saturation s = saturation_of(x, 0);
    double tf = pair >> 16;
    return tf / (tf + s.k0 + s.k1 * length_decode(pair & 0xffff));
}

static uint32_t pair_join(uint32_t a, uint32_t b)
{
    uint32_t tf = a >> 16 > b >> 16 ? a >> 16 : b >> 16;
    uint32_t length = (a & 0xffff) < (b & 0xffff) ? a & 0xffff : b & 0xffff;
    return tf << 16 | length;
}

static bool pair_covers(uint32_t a, uint32_t b)
{
    return a >> 16 >= b >> 16 && (a & 0xffff) <= (b & 0xffff);
}

static void front_set(struct block *b, unsigned i, uint32_t pair)
{
    atomic_store_explicit(&b->front[i], pair, memory_order_relaxed);
}

static void front_add(struct lexical *x, struct block *b, uint32_t pair)
{
    uint32_t at[FRONT];
    unsigned empty = FRONT;
    for (unsigned i = 0; i < FRONT; i++) {
        at[i] = atomic_load_explicit(&b->front[i], memory_order_relaxed);
        if (at[i] && pair_covers(at[i], pair))
            return;
        if (!at[i] || pair_covers(pair, at[i]))
            empty = empty == FRONT ? i : empty;
    }
    if (empty < FRONT) {
        front_set(b, empty, pair);
        return;
    }
    double least = 2, value = pair_value(x, pair);
    unsigned best = 0;
    for (unsigned i = 0; i < FRONT; i++) {
        double own = pair_value(x, at[i]);
        double lost = pair_value(x, pair_join(at[i], pair)) - (own > value ? own : value);
        if (lost < least) {
            least = lost;
            best = i;
        }
    }
    front_set(b, best, pair_join(at[best], pair));
}

static uint32_t posting_pair(const struct lexical *x, const struct posting *p)
{
    return p->tf << 16 | length_code(slots_of(x, p->slot)->lengths[p->slot % CHUNK]);
}

static size_t bytes_for(unsigned cap, unsigned wide, size_t positions_cap)
{
    return sizeof(struct block) + (size_t)cap * (wide & WIDE_OFFSETS ? 4 : 2) +
           (size_t)cap * (wide & WIDE_TF ? 2 : 1) + positions_cap;
}

/* Into place i, unseen as yet. */
static void posting_write(struct block *b, unsigned i, const struct posting *p)
{
    uint32_t offset = p->slot - b->base;
    uint8_t *tfs = (uint8_t *)(uintptr_t)block_tfs(b);
    if (b->wide & WIDE_OFFSETS)
        memcpy(b->data + 4 * (size_t)i, &offset, 4);
    else
        memcpy(b->data + 2 * (size_t)i, &(uint16_t){(uint16_t)offset}, 2);
    if (b->wide & WIDE_TF)
        memcpy(tfs + 2 * (size_t)i, &(uint16_t){(uint16_t)p->tf}, 2);
    else
        tfs[i] = (uint8_t)p->tf;
    memcpy((uint8_t *)(uintptr_t)block_positions(b) + b->positions_used, p->positions,
           p->positions_size);
    b->positions_used += (uint32_t)p->positions_size;
}

struct block *block_new(struct lexical *x, const struct posting *p, unsigned count, unsigned cap,
                        size_t positions_cap)
{
    unsigned wide = p[count - 1].slot - p[0].slot > UINT16_MAX ? WIDE_OFFSETS : 0;
    size_t positions = 0;
    for (unsigned i = 0; i < count; i++) {
        positions += p[i].positions_size;
        if (p[i].tf > UINT8_MAX)
            wide |= WIDE_TF;
    }
    if (positions_cap < positions)
        positions_cap = positions;
    assert(count > 0 && count <= cap && cap <= BLOCK_MAX && positions_cap <= UINT32_MAX);
    struct block *b = memory_new(x, bytes_for(cap, wide, positions_cap));
    *b = (struct block){.base = p[0].slot,
                        .cap = (uint8_t)cap,
                        .wide = (uint8_t)wide,
                        .positions_cap = (uint32_t)positions_cap};
    for (unsigned i = 0; i < count; i++) {
        posting_write(b, i, &p[i]);
        front_add(x, b, posting_pair(x, &p[i]));
    }
    atomic_store_explicit(&b->count, (uint8_t)count, memory_order_release);
    return b;
}

bool block_append(struct lexical *x, struct block *b, const struct posting *p)
{
    unsigned n = atomic_load_explicit(&b->count, memory_order_relaxed);
    if (n == b->cap || p->slot < b->base ||
        (p->slot - b->base > UINT16_MAX && !(b->wide & WIDE_OFFSETS)) ||
        (p->tf > UINT8_MAX && !(b->wide & WIDE_TF)) ||
        p->positions_size > b->positions_cap - b->positions_used)
        return false;
    posting_write(b, n, p);
    front_add(x, b, posting_pair(x, p));
    atomic_store_explicit(&b->count, (uint8_t)(n + 1), memory_order_release);
    return true;
}

struct block *block_grow(struct lexical *x, const struct block *b, const struct posting *p,
                         unsigned cap, size_t positions_cap)
{
    unsigned n = block_count(b), wide = b->wide;
    if (p->slot - b->base > UINT16_MAX)
        wide |= WIDE_OFFSETS;
    if (p->tf > UINT8_MAX)
        wide |= WIDE_TF;
    assert(wide == b->wide && p->slot > b->base && n < cap && cap <= BLOCK_MAX);
    struct block *g = memory_new(x, bytes_for(cap, wide, positions_cap));
    *g = (struct block){.base = b->base,
                        .cap = (uint8_t)cap,
                        .wide = (uint8_t)wide,
                        .positions_used = b->positions_used,
                        .positions_cap = (uint32_t)positions_cap};
    for (unsigned i = 0; i < FRONT; i++)
        front_set(g, i, atomic_load_explicit(&b->front[i], memory_order_relaxed));
    memcpy(g->data, b->data, (size_t)n * (wide & WIDE_OFFSETS ? 4 : 2));
    memcpy((uint8_t *)(uintptr_t)block_tfs(g), block_tfs(b), (size_t)n * (wide & WIDE_TF ? 2 : 1));
    memcpy((uint8_t *)(uintptr_t)block_positions(g), block_positions(b), b->positions_used);
    atomic_store_explicit(&g->count, (uint8_t)n, memory_order_relaxed);
    bool fits = block_append(x, g, p);
    assert(fits);
    return g;
}

unsigned block_read(const struct block *b, struct posting out[BLOCK_MAX])
{
    unsigned n = block_count(b);
    const uint8_t *p = block_positions(b);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *end = positions_skip(p);
        out[i] = (struct posting){block_slot(b, i), block_tf(b, i), p, (size_t)(end - p)};
        p = end;
    }
    return n;
}
