#include "text/unigram.h"
#include "base/arena.h"
#include <stdlib.h>

#define NOWHERE UINT32_MAX

struct unigram_node {
    double best;        /* sum of scores of the best way from the start to here */
    uint32_t id, start; /* its last token */
    uint32_t next;      /* on the way back: where the next token ends */
};

void lattice_release(struct lattice *l)
{
    free(l->nodes);
}

void unigram_release(struct unigram *u)
{
    if (!u->borrowed)
        free(u->scores);
}

static struct unigram_node *lattice_for(struct lattice *l, size_t n)
{
    if (l->cap < n + 1) {
        while (l->cap < n + 1)
            l->cap = l->cap ? l->cap * 2 : 256;
        free(l->nodes);
        l->nodes = xmalloc(l->cap * sizeof *l->nodes);
    }
    l->nodes[0].best = 0;
    for (size_t i = 1; i <= n; i++)
        l->nodes[i].start = NOWHERE;
    return l->nodes;
}

/* The first of equally good ways stays. */
static inline void offer(struct unigram_node *end, double score, size_t start, uint32_t id)
{
    if (end->start != NOWHERE && !(score > end->best))
        return;
    end->best = score;
    end->start = (uint32_t)start;
    end->id = id;
}

static void forward(const struct unigram *u, const struct vocab *v, struct view p,
                    struct unigram_node *nodes)
{
    for (size_t at = 0; at < p.n;) {
        double before = nodes[at].best;
        size_t width = utf8_width(p.bytes[at]);
        bool single = false;
        uint32_t node = 0;
        for (size_t i = at; i < p.n;) {
            node = vocab_step(v, node, p.bytes[i++]);
            if (!node)
                break;
            uint32_t id = v->ids[node];
            if (id == VOCAB_NONE)
                continue;
            offer(&nodes[i], before + u->scores[id], at, id);
            single |= i == at + width;
        }
        if (!single)
            offer(&nodes[at + width], before + u->unk_score, at, u->unk);
        at += width;
    }
}

static void backward(struct unigram_node *nodes, size_t n)
{
    for (size_t end = n; end > 0; end = nodes[end].start)
        nodes[nodes[end].start].next = (uint32_t)end;
}

/* Unknown characters in a row are one token, or a token for each of their bytes. */
static void unknown(const struct unigram *u, const struct vocab *v, struct view p, size_t start,
                    size_t end, token_fn *emit, void *ctx)
{
    struct view part = view_part(p, start, end);
    struct span from = {part.spans[0].from, part.spans[part.n - 1].to};
    uint32_t id = vocab_find(v, view_str(part));
    if (id == VOCAB_NONE && u->byte_fallback) {
        for (size_t i = 0; i < part.n; i++)
            emit(ctx, u->bytes[part.bytes[i]], from);
        return;
    }
    emit(ctx, id == VOCAB_NONE ? u->unk : id, from);
}

void unigram_encode(const struct unigram *u, const struct vocab *v, struct lattice *l,
                    struct view p, token_fn *emit, void *ctx)
{
    struct unigram_node *nodes = lattice_for(l, p.n);
    forward(u, v, p, nodes);
    backward(nodes, p.n);
    for (size_t at = 0; at < p.n;) {
        size_t end = nodes[at].next;
        if (nodes[end].id == u->unk) {
            while (end < p.n && nodes[nodes[end].next].id == u->unk)
                end = nodes[end].next;
            unknown(u, v, p, at, end, emit, ctx);
        } else {
            emit(ctx, nodes[end].id, (struct span){p.spans[at].from, p.spans[end - 1].to});
        }
        at = end;
    }
}
