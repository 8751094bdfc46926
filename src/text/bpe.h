/* Byte-pair encoding (Sennrich et al. 2016): the symbols of a piece are merged, the pair of the
 * lowest rank first, of several the leftmost, until no pair is known; as Hugging Face `tokenizers`
 * does it. Immutable after reading; any thread. */
#ifndef TEXT_BPE_H
#define TEXT_BPE_H

#include "text/node.h"
#include "text/normal.h"
#include "text/unigram.h"
#include "text/vocab.h"

enum { BPE_AFFIX_MAX = 16 };

struct bpe_merge {
    uint64_t pair; /* left id << 32 | right id; BPE_EMPTY: no merge lies in this slot */
    uint32_t rank, id;
};
#define BPE_EMPTY UINT64_MAX

struct bpe {
    struct bpe_merge *merges; /* a hash table */
    uint32_t mask, shift, count;
    bool borrowed; /* the table is another's */
    uint32_t unk;  /* VOCAB_NONE: what is not known is left out */
    bool fuse_unk, byte_fallback, ignore_merges;
    uint32_t bytes[256]; /* "<0x41>", if byte_fallback */
    char prefix[BPE_AFFIX_MAX], suffix[BPE_AFFIX_MAX];
    unsigned prefix_n, suffix_n;
    /* The pieces are bytes, not the characters that stand for them (byte_level.h). */
    bool raw;
    uint32_t raw_ids[256];
    /* Pieces that are one token in the end, so that nothing needs to be merged. */
    struct vocab words;
};

struct bpe_symbols {
    uint32_t *ids, *starts, *ends; /* bytes of the piece */
    uint32_t *ranks;               /* of the pair with the next one, or UINT32_MAX */
    uint32_t *next, *before;       /* of long pieces only */
    uint64_t *heap;
    size_t n, cap, heap_n, heap_cap;
};
void bpe_symbols_release(struct bpe_symbols *s);

void bpe_init(struct bpe *b);
void bpe_release(struct bpe *b);
/* In place of the merges: the table as it was in memory once, borrowed and checked; every id has to
 * be below id_end. ERR_CORRUPT. */
enum err bpe_merges_map(struct bpe *b, struct str table, uint32_t id_end,
                        struct err_info *e) MUST_CHECK;
struct str bpe_merges(const struct bpe *b); /* this table */
void bpe_merge_add(struct bpe *b, uint32_t left, uint32_t right, uint32_t rank, uint32_t id);
void bpe_encode(const struct bpe *b, const struct vocab *v, struct bpe_symbols *s,
                struct view piece, token_fn *emit, void *ctx);
/* Whether a piece of these bytes is this one token (no `words` asked). */
bool bpe_is_word(const struct bpe *b, const struct vocab *v, struct bpe_symbols *s,
                 struct str piece, uint32_t id);

#endif
