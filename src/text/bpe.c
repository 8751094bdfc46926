#include "text/bpe.h"
#include "base/arena.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT = 48, MERGES_FIRST_LOG2 = 10 }; /* a short piece is searched for its lowest pair */
#define NO_RANK UINT32_MAX
#define NOWHERE UINT32_MAX

/* --- merges --- */

static void table_make(struct bpe *b, uint32_t log2)
{
    size_t n = (size_t)1 << log2;
    b->merges = xmalloc(n * sizeof *b->merges);
    for (size_t i = 0; i < n; i++)
        b->merges[i] = (struct bpe_merge){.pair = BPE_EMPTY};
    b->mask = (uint32_t)(n - 1);
    b->shift = 64 - log2;
}

void bpe_init(struct bpe *b)
{
    *b = (struct bpe){.unk = VOCAB_NONE};
    table_make(b, MERGES_FIRST_LOG2);
    vocab_init(&b->words);
}

void bpe_release(struct bpe *b)
{
    if (!b->borrowed)
        free(b->merges);
    vocab_release(&b->words);
}

static inline struct bpe_merge *slot_of(const struct bpe *b, uint64_t pair)
{
    uint32_t slot = (uint32_t)(pair * 0x9e3779b97f4a7c15u >> b->shift);
    while (b->merges[slot].pair != pair && b->merges[slot].pair != BPE_EMPTY)
        slot = (slot + 1) & b->mask;
    return &b->merges[slot];
}

static void table_grow(struct bpe *b)
{
    struct bpe_merge *old = b->merges;
    uint32_t old_mask = b->mask;
    table_make(b, 64 - b->shift + 1);
    for (size_t i = 0; i <= old_mask; i++)
        if (old[i].pair != BPE_EMPTY)
            *slot_of(b, old[i].pair) = old[i];
    free(old);
}

void bpe_merge_add(struct bpe *b, uint32_t left, uint32_t right, uint32_t rank, uint32_t id)
{
    uint64_t pair = (uint64_t)left << 32 | right;
    assert(!b->borrowed);
    if (b->count >= b->mask / 2)
        table_grow(b);
    struct bpe_merge *m = slot_of(b, pair);
    b->count += m->pair == BPE_EMPTY;
    *m = (struct bpe_merge){pair, rank, id};
}

struct str bpe_merges(const struct bpe *b)
{
    return (struct str){(const char *)b->merges, ((size_t)b->mask + 1) * sizeof *b->merges};
}

/* A search ends at an empty slot. */
static bool merges_hold(const struct bpe_merge *merges, size_t n, uint32_t id_end)
{
    bool wrong = false, empty = false;
    for (size_t i = 0; i < n; i++) {
        bool free_slot = merges[i].pair == BPE_EMPTY;
        empty |= free_slot;
        wrong |= !free_slot & (merges[i].id >= id_end);
    }
    return !wrong && empty;
}

enum err bpe_merges_map(struct bpe *b, struct str table, uint32_t id_end, struct err_info *e)
{
    size_t slots = table.n / sizeof *b->merges;
    uint32_t log2 = slots ? 63 - (uint32_t)__builtin_clzll(slots) : 0;
    const struct bpe_merge *merges = (const struct bpe_merge *)table.s;
    if (table.n % sizeof *b->merges || log2 < 1 || log2 > 31 || slots != (size_t)1 << log2 ||
        !merges_hold(merges, slots, id_end))
        return err_set(e, ERR_CORRUPT, NULL, "the merges have a table that cannot be");
    free(b->merges);
    b->merges = (struct bpe_merge *)merges; /* nothing is added to what is borrowed */
    b->mask = (uint32_t)slots - 1;
    b->shift = 64 - log2;
    b->borrowed = true;
    return ERR_OK;
}

static inline const struct bpe_merge *merge_of(const struct bpe *b, uint32_t left, uint32_t right)
{
    const struct bpe_merge *m = slot_of(b, (uint64_t)left << 32 | right);
    return m->pair == BPE_EMPTY ? NULL : m;
}

static inline uint32_t rank_of(const struct bpe *b, uint32_t left, uint32_t right)
{
    const struct bpe_merge *m = merge_of(b, left, right);
    return m ? m->rank : NO_RANK;
}

/* --- symbols --- */

void bpe_symbols_release(struct bpe_symbols *s)
{
    free(s->ids);
    free(s->starts);
    free(s->ends);
    free(s->ranks);
    free(s->next);
    free(s->before);
    free(s->heap);
}

static void symbols_reserve(struct bpe_symbols *s, size_t n)
{
    if (n <= s->cap)
        return;
    while (s->cap < n)
        s->cap = s->cap ? s->cap * 2 : 64;
    s->ids = xrealloc(s->ids, s->cap * sizeof *s->ids);
    s->starts = xrealloc(s->starts, s->cap * sizeof *s->starts);
    s->ends = xrealloc(s->ends, s->cap * sizeof *s->ends);
    s->ranks = xrealloc(s->ranks, s->cap * sizeof *s->ranks);
    s->next = xrealloc(s->next, s->cap * sizeof *s->next);
    s->before = xrealloc(s->before, s->cap * sizeof *s->before);
}

static inline void symbol_add(struct bpe_symbols *s, uint32_t id, size_t start, size_t end)
{
    s->ids[s->n] = id;
    s->starts[s->n] = (uint32_t)start;
    s->ends[s->n++] = (uint32_t)end;
}

/* The token of a character, with the affixes of the model. */
static uint32_t character_id(const struct bpe *b, const struct vocab *v, struct str c, bool first,
                             bool last)
{
    char buf[4 + 2 * BPE_AFFIX_MAX];
    size_t n = 0;
    if (!first) {
        memcpy(buf, b->prefix, b->prefix_n);
        n += b->prefix_n;
    }
    memcpy(buf + n, c.s, c.n);
    n += c.n;
    if (last) {
        memcpy(buf + n, b->suffix, b->suffix_n);
        n += b->suffix_n;
    }
    return vocab_find(v, (struct str){buf, n});
}

static void symbols_of_characters(const struct bpe *b, const struct vocab *v, struct bpe_symbols *s,
                                  struct str p)
{
    bool unknown = false; /* the last one added, which may grow */
    for (size_t at = 0, end; at < p.n; at = end) {
        end = at + utf8_width((unsigned char)p.s[at]);
        uint32_t id = character_id(b, v, (struct str){p.s + at, end - at}, at == 0, end == p.n);
        if (id == VOCAB_NONE && b->byte_fallback) {
            for (size_t i = at; i < end; i++)
                symbol_add(s, b->bytes[(unsigned char)p.s[i]], i, i + 1);
        } else if (id == VOCAB_NONE && unknown && b->fuse_unk) {
            s->ends[s->n - 1] = (uint32_t)end;
        } else if (id != VOCAB_NONE || b->unk != VOCAB_NONE) {
            unknown = id == VOCAB_NONE;
            symbol_add(s, unknown ? b->unk : id, at, end);
        }
    }
}

static void symbols_make(const struct bpe *b, const struct vocab *v, struct bpe_symbols *s,
                         struct str p)
{
    symbols_reserve(s, p.n + 1);
    s->n = 0;
    if (!b->raw) {
        symbols_of_characters(b, v, s, p);
        return;
    }
    for (size_t i = 0; i < p.n; i++)
        symbol_add(s, b->raw_ids[(unsigned char)p.s[i]], i, i + 1);
}

/* --- merging a short piece --- */

static size_t lowest(const struct bpe_symbols *s)
{
    size_t best = 0;
    for (size_t i = 1; i + 1 < s->n; i++)
        if (s->ranks[i] < s->ranks[best])
            best = i;
    return best;
}

static void symbol_remove(struct bpe_symbols *s, size_t i)
{
    size_t more = s->n - i - 1;
    memmove(s->ids + i, s->ids + i + 1, more * sizeof *s->ids);
    memmove(s->starts + i, s->starts + i + 1, more * sizeof *s->starts);
    memmove(s->ends + i, s->ends + i + 1, more * sizeof *s->ends);
    memmove(s->ranks + i, s->ranks + i + 1, more * sizeof *s->ranks);
    s->n--;
}

static void merge_short(const struct bpe *b, struct bpe_symbols *s)
{
    for (size_t i = 0; i + 1 < s->n; i++)
        s->ranks[i] = rank_of(b, s->ids[i], s->ids[i + 1]);
    while (s->n > 1) {
        size_t i = lowest(s);
        if (s->ranks[i] == NO_RANK)
            break;
        s->ids[i] = merge_of(b, s->ids[i], s->ids[i + 1])->id;
        s->ends[i] = s->ends[i + 1];
        symbol_remove(s, i + 1);
        if (i + 1 < s->n)
            s->ranks[i] = rank_of(b, s->ids[i], s->ids[i + 1]);
        if (i > 0)
            s->ranks[i - 1] = rank_of(b, s->ids[i - 1], s->ids[i]);
    }
}

/* --- merging a long one: a heap of rank << 32 | place, and a list --- */

static void heap_push(struct bpe_symbols *s, uint32_t rank, size_t at)
{
    if (s->heap_n == s->heap_cap) {
        s->heap_cap = s->heap_cap ? s->heap_cap * 2 : 256;
        s->heap = xrealloc(s->heap, s->heap_cap * sizeof *s->heap);
    }
    uint64_t key = (uint64_t)rank << 32 | at;
    size_t i = s->heap_n++;
    for (; i > 0 && s->heap[(i - 1) / 2] > key; i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = key;
}

static uint64_t heap_pop(struct bpe_symbols *s)
{
    uint64_t top = s->heap[0], last = s->heap[--s->heap_n];
    size_t i = 0;
    for (size_t child = 1; child < s->heap_n; child = 2 * i + 1) {
        if (child + 1 < s->heap_n && s->heap[child + 1] < s->heap[child])
            child++;
        if (s->heap[child] >= last)
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

static void pair_update(const struct bpe *b, struct bpe_symbols *s, uint32_t at)
{
    uint32_t next = s->next[at];
    s->ranks[at] = next == NOWHERE ? NO_RANK : rank_of(b, s->ids[at], s->ids[next]);
    if (s->ranks[at] != NO_RANK)
        heap_push(s, s->ranks[at], at);
}

static void merge_at(const struct bpe *b, struct bpe_symbols *s, uint32_t at)
{
    uint32_t right = s->next[at];
    s->ids[at] = merge_of(b, s->ids[at], s->ids[right])->id;
    s->ends[at] = s->ends[right];
    s->next[at] = s->next[right];
    s->ranks[right] = NO_RANK;
    if (s->next[at] != NOWHERE)
        s->before[s->next[at]] = at;
    if (s->before[at] != NOWHERE)
        pair_update(b, s, s->before[at]);
    pair_update(b, s, at);
}

static void merge_long(const struct bpe *b, struct bpe_symbols *s)
{
    s->heap_n = 0;
    for (size_t i = 0; i < s->n; i++) {
        s->next[i] = i + 1 < s->n ? (uint32_t)i + 1 : NOWHERE;
        s->before[i] = i ? (uint32_t)i - 1 : NOWHERE;
    }
    for (size_t i = 0; i < s->n; i++)
        pair_update(b, s, (uint32_t)i);
    while (s->heap_n) {
        uint64_t top = heap_pop(s);
        uint32_t at = (uint32_t)top;
        if (s->ranks[at] == (uint32_t)(top >> 32)) /* else the pair is gone */
            merge_at(b, s, at);
    }
    size_t n = 0;
    for (uint32_t i = 0; i != NOWHERE; i = s->next[i], n++) {
        s->ids[n] = s->ids[i];
        s->starts[n] = s->starts[i];
        s->ends[n] = s->ends[i];
        if (s->next[i] == NOWHERE)
            break;
    }
    s->n = n + 1;
}

static void symbols_merge(const struct bpe *b, struct bpe_symbols *s)
{
    if (s->n < 2)
        return;
    if (s->n <= SHORT)
        merge_short(b, s);
    else
        merge_long(b, s);
}

bool bpe_is_word(const struct bpe *b, const struct vocab *v, struct bpe_symbols *s,
                 struct str piece, uint32_t id)
{
    symbols_make(b, v, s, piece);
    symbols_merge(b, s);
    return s->n == 1 && s->ids[0] == id && s->starts[0] == 0 && s->ends[0] == piece.n;
}

void bpe_encode(const struct bpe *b, const struct vocab *v, struct bpe_symbols *s, struct view p,
                token_fn *emit, void *ctx)
{
    uint32_t id = vocab_find(&b->words, view_str(p));
    if (id != VOCAB_NONE) {
        emit(ctx, id, (struct span){p.spans[0].from, p.spans[p.n - 1].to});
        return;
    }
    symbols_make(b, v, s, view_str(p));
    symbols_merge(b, s);
    for (size_t i = 0; i < s->n; i++)
        emit(ctx, s->ids[i], (struct span){p.spans[s->starts[i]].from, p.spans[s->ends[i] - 1].to});
}
