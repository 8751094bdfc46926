#include "text/vocab.h"
#include "base/arena.h"
#include <assert.h>
#include <stdlib.h>

enum { EDGES_FIRST_LOG2 = 10 };

static void edges_make(struct vocab *v, uint32_t log2)
{
    v->edges = xcalloc((size_t)1 << log2, sizeof *v->edges);
    v->mask = (1u << log2) - 1;
    v->shift = 32 - log2;
}

void vocab_init(struct vocab *v)
{
    *v = (struct vocab){.nodes = 1, .ids_cap = 1024};
    edges_make(v, EDGES_FIRST_LOG2);
    v->ids = xmalloc(v->ids_cap * sizeof *v->ids);
    v->ids[0] = VOCAB_NONE;
}

void vocab_release(struct vocab *v)
{
    if (!v->borrowed) {
        free(v->edges);
        free(v->ids);
    }
    *v = (struct vocab){0};
}

struct str vocab_edges(const struct vocab *v)
{
    return (struct str){(const char *)v->edges, ((size_t)v->mask + 1) * sizeof *v->edges};
}

struct str vocab_ids(const struct vocab *v)
{
    return (struct str){(const char *)v->ids, v->nodes * sizeof *v->ids};
}

/* Every child is a node, and a search ends at an empty slot. */
static bool edges_hold(const struct vocab_edge *edges, size_t n, uint32_t nodes)
{
    uint32_t wrong = 0, empty = 0;
    for (size_t i = 0; i < n; i++) {
        wrong |= edges[i].child >= nodes;
        empty |= edges[i].child == 0;
    }
    return !wrong && empty;
}

/* The greatest id + 1: VOCAB_NONE + 1 is 0. */
static uint32_t ids_end(const uint32_t *ids, size_t n)
{
    uint32_t end = 0;
    for (size_t i = 0; i < n; i++)
        end = ids[i] + 1 > end ? ids[i] + 1 : end;
    return end;
}

enum err vocab_map(struct vocab *v, struct str edges, struct str ids, uint32_t id_end,
                   struct err_info *e)
{
    size_t slots = edges.n / sizeof(struct vocab_edge), nodes = ids.n / sizeof(uint32_t);
    uint32_t log2 = slots ? 63 - (uint32_t)__builtin_clzll(slots) : 0;
    if (edges.n % sizeof(struct vocab_edge) || ids.n % sizeof(uint32_t) || log2 < 1 || log2 > 31 ||
        slots != (size_t)1 << log2 || nodes == 0 || nodes > VOCAB_NODES_MAX)
        return err_set(e, ERR_CORRUPT, NULL, "the vocabulary has tables of wrong sizes");
    /* Nothing is ever added to what is borrowed. */
    *v = (struct vocab){.edges = (struct vocab_edge *)edges.s,
                        .mask = (uint32_t)slots - 1,
                        .shift = 32 - log2,
                        .nodes = (uint32_t)nodes,
                        .ids = (uint32_t *)ids.s,
                        .ids_cap = (uint32_t)nodes,
                        .id_end = ids_end((const uint32_t *)ids.s, nodes),
                        .borrowed = true};
    if (!edges_hold(v->edges, slots, v->nodes) || v->id_end > id_end)
        return err_set(e, ERR_CORRUPT, NULL, "the vocabulary has tables that cannot be");
    return ERR_OK;
}

static void edge_put(struct vocab *v, uint32_t key, uint32_t child)
{
    uint32_t slot = key * 0x9e3779b1u >> v->shift;
    while (v->edges[slot].child)
        slot = (slot + 1) & v->mask;
    v->edges[slot] = (struct vocab_edge){key, child};
}

/* The table is at most two thirds full. */
static void edges_grow(struct vocab *v)
{
    if (v->nodes < (v->mask + 1) / 3 * 2)
        return;
    struct vocab_edge *old = v->edges;
    uint32_t old_mask = v->mask;
    edges_make(v, 32 - v->shift + 1);
    for (uint32_t i = 0; i <= old_mask; i++)
        if (old[i].child)
            edge_put(v, old[i].key, old[i].child);
    free(old);
}

static uint32_t node_new(struct vocab *v, uint32_t parent, unsigned char byte)
{
    edges_grow(v);
    if (v->nodes == v->ids_cap) {
        v->ids_cap *= 2;
        v->ids = xrealloc(v->ids, v->ids_cap * sizeof *v->ids);
    }
    uint32_t node = v->nodes++;
    v->ids[node] = VOCAB_NONE;
    edge_put(v, parent << 8 | byte, node);
    return node;
}

enum err vocab_add(struct vocab *v, struct str token, uint32_t id, struct err_info *e)
{
    assert(!v->borrowed);
    if (token.n == 0)
        return err_set(e, ERR_INVALID, NULL, "token %u is empty", id);
    if (token.n > VOCAB_TOKEN_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "token %u has %zu bytes, at most %d are allowed", id,
                       token.n, VOCAB_TOKEN_BYTES_MAX);
    if (id > VOCAB_ID_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "the id %u is over %u", id, VOCAB_ID_MAX);
    if (v->count == VOCAB_TOKENS_MAX || v->nodes + token.n > VOCAB_NODES_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "more than %d tokens, or %d bytes of them",
                       VOCAB_TOKENS_MAX, VOCAB_NODES_MAX);
    uint32_t node = 0;
    for (size_t i = 0; i < token.n; i++) {
        uint32_t child = vocab_step(v, node, (unsigned char)token.s[i]);
        node = child ? child : node_new(v, node, (unsigned char)token.s[i]);
    }
    v->count += v->ids[node] == VOCAB_NONE;
    v->ids[node] = id;
    v->id_end = id >= v->id_end ? id + 1 : v->id_end;
    return ERR_OK;
}

bool vocab_walk(const struct vocab *v, struct str prefix, uint32_t *node)
{
    uint32_t at = 0;
    for (size_t i = 0; i < prefix.n; i++) {
        at = vocab_step(v, at, (unsigned char)prefix.s[i]);
        if (!at)
            return false;
    }
    *node = at;
    return true;
}

uint32_t vocab_find(const struct vocab *v, struct str token)
{
    uint32_t node;
    return token.n && vocab_walk(v, token, &node) ? v->ids[node] : VOCAB_NONE;
}
