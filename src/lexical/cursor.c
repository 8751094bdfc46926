/* Reading lists in order of slots, or leaping through them. */
#include "lexical/kernel.h"
#include "lexical/plan.h"

#include "math/simd.h"

#define AHEAD 8u /* blocks */

static void member_load(struct member *m, uint32_t at)
{
    m->at = at;
    m->i = 0;
    m->next = NONE;
    if (at >= m->list.count) {
        m->n = 0;
        m->block = NULL;
        return;
    }
    m->block = list_block(&m->list, at);
    m->n = block_count(m->block);
    m->next = block_slot(m->block, 0);
}

/* What a reader of the whole block, but for positions, will look at. */
static inline void block_fetch(const struct block *b)
{
    lines_fetch(b, sizeof *b + (size_t)BLOCK_MAX * 3);
}

/* To posting i of the block, or the next one's first. */
static void member_to(struct member *m, unsigned i)
{
    if (i == m->n) {
        member_load(m, m->at + 1);
        return;
    }
    m->i = i;
    m->next = block_slot(m->block, i);
}

void member_rewind(struct member *m)
{
    if (m->list.count == 1)
        m->list.blocks = &m->list.one;
    member_load(m, 0);
}

bool member_next(struct member *m, uint32_t end, struct span *s)
{
    if (m->next >= end)
        return false;
    *s = (struct span){m->block, m->i, m->n};
    if (m->at + 1 < m->list.count && m->list.first[m->at + 1] < end)
        block_fetch(list_block(&m->list, m->at + 1));
    if (block_slot(m->block, m->n - 1) >= end)
        s->to = kernel_seek(m->block, m->i, m->n, end);
    member_to(m, s->to);
    return true;
}

void member_skip(struct member *m, uint32_t slot)
{
    if (m->next >= slot)
        return;
    if (m->at + 1 < m->list.count && m->list.first[m->at + 1] <= slot)
        member_load(m, list_seek(&m->list, m->at + 1, slot));
    member_to(m, kernel_seek(m->block, m->i, m->n, slot));
}

static inline void posting_fetch(const struct list *l, uint32_t at, uint32_t slot)
{
    uint64_t span = at + 1 < l->count ? l->first[at + 1] - l->first[at] : 0;
    const char *b = (const char *)list_block(l, at);
    /* Postings lie about evenly: where would it be? */
    uint64_t i = span ? (uint64_t)(slot - l->first[at]) * BLOCK_MAX / span : 0;
    __builtin_prefetch(b);
    __builtin_prefetch(b + sizeof(struct block) + 2 * i);
    __builtin_prefetch(b + sizeof(struct block) + (size_t)2 * BLOCK_MAX + i);
}

void member_tfs(struct member *m, uint32_t start, const uint32_t *places, unsigned count,
                uint32_t *tfs)
{
    uint32_t blocks[PROBES], at = m->at;
    for (unsigned i = 0; i < count && m->block; i++) {
        uint32_t was = at;
        at = list_seek(&m->list, at, start + places[i]);
        blocks[i] = at;
        if (at != was)
            posting_fetch(&m->list, at, start + places[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        uint32_t slot = start + places[i];
        tfs[i] = 0;
        if (slot < m->next)
            continue;
        if (blocks[i] > m->at)
            member_load(m, blocks[i]);
        if (slot > m->next)
            member_to(m, kernel_seek(m->block, m->i, m->n, slot));
        if (slot == m->next)
            tfs[i] = block_tf(m->block, m->i);
    }
}

typedef uint32_t pairs __attribute__((vector_size(16)));
typedef float floats __attribute__((vector_size(16)));

static inline uint32_t pair_at(const struct block *b, unsigned i)
{
    return atomic_load_explicit(&b->front[i], memory_order_relaxed);
}

/* tf / (tf + K) of the pairs of a front, at least. */
static inline floats front_values(const struct block *b, floats k0, floats k1)
{
    _Static_assert(FRONT == 4, "one vector");
    pairs p = {pair_at(b, 0), pair_at(b, 1), pair_at(b, 2), pair_at(b, 3)};
    floats length = (floats)(((p & 0xffff) + (127u << 11)) << 12) - 1;
    floats tf = __builtin_convertvector(p >> 16, floats);
    return tf / (tf + k0 + k1 * length);
}

static inline floats larger(floats a, floats b)
{
    pairs a_is = (pairs)(a > b);
    return (floats)(((pairs)a & a_is) | ((pairs)b & ~a_is));
}

/* For the next window, as if it were like this one. */
static inline void blocks_fetch(const struct list *l, uint32_t from, size_t count)
{
    for (uint32_t i = from; i < l->count && i < from + count && i < from + AHEAD; i++) {
        const char *b = (const char *)list_block(l, i);
        __builtin_prefetch(b);
        __builtin_prefetch(b + 64);
        __builtin_prefetch(b + 256);
    }
}

size_t member_blocks(const struct member *m, uint32_t end, const struct saturation *s, float *most)
{
    size_t blocks = 0;
    floats best = {0}, k0 = best + (float)s->k0, k1 = best + (float)s->k1;
    if (m->next >= end)
        return 0;
    const struct block *b = m->block;
    for (uint32_t at = m->at;; b = list_block(&m->list, at)) {
        floats values = front_values(b, k0, k1);
        best = larger(values, best);
        blocks++;
        if (++at >= m->list.count || m->list.first[at] >= end)
            break;
    }
    blocks_fetch(&m->list, m->at + (uint32_t)blocks, blocks);
    for (unsigned i = 0; i < FRONT; i++)
        *most = i == 0 || best[i] > *most ? best[i] : *most;
    return blocks;
}
