/* A vocabulary: token -> id, as a trie of bytes whose edges lie in one hash table, so that the
 * longest token at a place is found in one walk. Immutable once filled; any thread. */
#ifndef TEXT_VOCAB_H
#define TEXT_VOCAB_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum { VOCAB_NODES_MAX = 1 << 24, VOCAB_TOKEN_BYTES_MAX = 512, VOCAB_TOKENS_MAX = 1000000 };
#define VOCAB_NONE UINT32_MAX /* no token ends here */
#define VOCAB_ID_MAX 0x3fffffffu

struct vocab_edge {
    uint32_t key;   /* node << 8 | byte */
    uint32_t child; /* 0: the slot is empty, for no edge leads to the root */
};
struct vocab {
    struct vocab_edge *edges;
    uint32_t mask, shift;
    uint32_t nodes; /* the root is node 0 */
    uint32_t *ids;  /* of the token that ends at a node, or VOCAB_NONE */
    uint32_t ids_cap;
    uint32_t count, id_end; /* tokens; the greatest id + 1 */
    bool borrowed;          /* the tables are another's */
};

void vocab_init(struct vocab *v);
void vocab_release(struct vocab *v);
/* In place of vocab_init: the tables `edges` and `ids` as they were in memory once, borrowed. They
 * are checked, so that no walk leaves them or never ends. ERR_CORRUPT. */
enum err vocab_map(struct vocab *v, struct str edges, struct str ids, uint32_t id_end,
                   struct err_info *e) MUST_CHECK;
struct str vocab_edges(const struct vocab *v); /* these tables */
struct str vocab_ids(const struct vocab *v);
/* The last one wins. ERR_INVALID: empty; ERR_TOO_LARGE: a bound above. No field is named in `e`. */
enum err vocab_add(struct vocab *v, struct str token, uint32_t id, struct err_info *e) MUST_CHECK;
/* The id of exactly this token or VOCAB_NONE. */
uint32_t vocab_find(const struct vocab *v, struct str token);
/* The node that `prefix` leads to; false if no token starts so. */
bool vocab_walk(const struct vocab *v, struct str prefix, uint32_t *node);

/* The node one byte further, or 0. */
static inline uint32_t vocab_step(const struct vocab *v, uint32_t node, unsigned char byte)
{
    uint32_t key = node << 8 | byte, slot = key * 0x9e3779b1u >> v->shift;
    while (v->edges[slot].child && v->edges[slot].key != key)
        slot = (slot + 1) & v->mask;
    return v->edges[slot].child;
}

#endif
