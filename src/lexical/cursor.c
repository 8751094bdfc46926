/* Reading lists in order of slots, or leaping through them. */
#include "lexical/kernel.h"
#include "lexical/plan.h"

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

typedef uint32_t pairs __attribute__((vector_size(16)));
typedef float floats __attribute__((vector_size(16)));

/* tf / (tf + K) of the pairs of a front, at least. */
static inline floats front_values(const struct block *b, floats k0, floats k1)
{
    pairs p;
    for (unsigned i = 0; i < FRONT; i++)
        p[i] = atomic_load_explicit(&b->front[i], memory_order_relaxed);
    floats length = (floats)(((p & 0xffff) + (127u << 11)) << 12) - 1;
    floats tf = __builtin_convertvector(p >> 16, floats);
    return tf / (tf + k0 + k1 * length);
}

static inline floats larger(floats a, floats b)
{
    pairs a_is = (pairs)(a > b);
    return (floats)(((pairs)a & a_is) | ((pairs)b & ~a_is));
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
    for (unsigned i = 0; i < FRONT; i++)
        *most = i == 0 || best[i] > *most ? best[i] : *most;
    return blocks;
}
