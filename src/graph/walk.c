/* The walk: best first over the links, by sign estimates alone, with one step of staleness: while
 * the lines of a step's new slots are on their way from memory, those of the step before are
 * scored. Without that every layout of the data is a third slower (measured on 200,000 x 384). */
#include "graph/internal.h"

#include "base/arena.h"
#include "math/dot.h"
#include "math/rotate.h"
#include "math/signs.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINKS_AHEAD 3

void walk_init(struct walk *w, const struct graph *g)
{
    memset(w, 0, sizeof *w);
    w->g = g;
    w->query = xaligned(((size_t)g->dims * sizeof(float) + 63) / 64 * 64);
    w->scratch = xaligned(((size_t)g->signs * sizeof(float) + 63) / 64 * 64);
    w->lifted = xaligned(((size_t)g->signs * sizeof(float) + 63) / 64 * 64);
    w->code = xaligned((g->code_bytes + 63) / 64 * 64);
    memset(w->code, 0, g->code_bytes);
    w->signs_code = xaligned((size_t)g->words * 64);
    memset(w->signs_code, 0, (size_t)g->words * 64);
}

void walk_release(struct walk *w)
{
    free(w->query);
    free(w->scratch);
    free(w->lifted);
    free(w->code);
    free(w->signs_code);
    free(w->visited);
    free(w->bridges);
    free(w->touched);
    free(w->pool.keys);
    free(w->pool.slots);
    free(w->found);
    free(w->sort);
}

size_t walk_bytes(const struct walk *w)
{
    return sizeof *w + (w->g->dims + 2 * w->g->signs) * sizeof(float) + w->g->code_bytes +
           w->g->words * 64 + w->visited_words * (w->bridges ? 16 : 8) + w->touched_cap * 4 +
           w->pool.cap * 8 + w->found_cap * sizeof *w->found + w->sort_cap * 8;
}

/* --- the query --- */

static void signs_query(struct walk *w)
{
    const struct graph *g = w->g;
    /* First the limit: lines that come later have all slots below it. */
    w->limit = atomic_load_explicit(&g->slots_end, memory_order_acquire);
    struct coding *c = atomic_load_explicit(&g->coding, memory_order_acquire);
    lift(g, w->query, w->lifted);
    float step = quantise_i8(w->lifted, w->signs_code, g->signs);
    int32_t total = 0;
    for (uint32_t i = 0; i < g->signs; i++)
        total += w->signs_code[i];
    w->base = step * (float)total;
    w->slope = 2 * step;
    w->coding = c;
    for (unsigned i = 0; i < c->count; i++)
        w->away[i] = c->squares[i] - 2 * dot_f32(w->query, c->centroids + i * g->dims, g->dims);
}

static void code_query(struct walk *w)
{
    quantise_i8(w->query, w->code, w->g->dims);
    int32_t square = dot_i8(w->code, w->code, w->g->dims);
    w->code_scale = square ? 1 / sqrtf((float)square) : 0;
}

void walk_query(struct walk *w, const float *query)
{
    memcpy(w->query, query, w->g->dims * sizeof *query);
    rotate_f32(w->query, w->g->dims);
    code_query(w);
    signs_query(w);
}

void walk_query_slot(struct walk *w, uint32_t slot)
{
    const struct graph *g = w->g;
    const int8_t *code = code_of(g, slot);
    w->code_scale = line_of(g, slot)->scale;
    for (uint32_t i = 0; i < g->dims; i++)
        w->query[i] = w->code_scale * code[i];
    memcpy(w->code, code, g->dims);
    signs_query(w);
}

/* --- visited slots --- */

void walk_begin(struct walk *w, unsigned width)
{
    size_t words = ((size_t)w->limit + 63) / 64;
    if (words > w->visited_words) {
        free(w->visited);
        free(w->bridges);
        w->bridges = NULL;
        w->visited_words = words + words / 4 + 64;
        w->visited = xcalloc(w->visited_words, sizeof *w->visited);
    }
    if (width + 1 > w->pool.cap) {
        w->pool.cap = (width + 16) / 16 * 16 + 16;
        w->pool.keys = xrealloc(w->pool.keys, w->pool.cap * sizeof *w->pool.keys);
        w->pool.slots = xrealloc(w->pool.slots, w->pool.cap * sizeof *w->pool.slots);
    }
    w->pool.width = width;
    w->pool.count = w->pool.cursor = 0;
    w->scored = 0;
}

void walk_clear(struct walk *w)
{
    for (size_t i = 0; i < w->touched_count; i++)
        w->visited[w->touched[i] / 64] = 0;
    for (size_t i = 0; w->bridges && i < w->touched_count; i++)
        w->bridges[w->touched[i] / 64] = 0;
    w->touched_count = 0;
}

void walk_touched_room(struct walk *w)
{
    if (w->touched_count + BATCH > w->touched_cap) {
        w->touched_cap = 2 * w->touched_cap + 1024;
        w->touched = xrealloc(w->touched, w->touched_cap * sizeof *w->touched);
    }
}

/* The links of `slot` that this walk has not seen, into `b`; their lines are fetched. */
static void batch_fill(struct walk *w, struct batch *b, uint32_t slot)
{
    const struct links *l = links_of(w->g, slot);
    unsigned n = 0;
    walk_touched_room(w);
    for (unsigned i = 0; i < DEGREE; i++) {
        uint32_t to = link_at(l, i);
        if (to >= w->limit)
            break;
        uint64_t *word = &w->visited[to / 64], bit = UINT64_C(1) << to % 64;
        b->slots[n] = to;
        n += !(*word & bit);
        *word |= bit;
    }
    b->count = n;
    for (unsigned i = 0; i < n; i++)
        line_fetch(w->g, w->coding, b->slots[i]);
    memcpy(w->touched + w->touched_count, b->slots, n * sizeof *b->slots);
    w->touched_count += n;
}

/* --- scoring --- */

static inline float line_factor(const struct line *line)
{
    uint32_t bits = line->factor & 0xffff0000;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

void walk_batch_score(struct walk *w, struct batch *b)
{
    const uint64_t *bits[BATCH];
    int32_t sums[BATCH];
    float keys[BATCH];
    struct pool_of *p = &w->pool;
    if (!b->count)
        return;
    for (unsigned i = 0; i < b->count; i++)
        bits[i] = line_in(w->g, w->coding, b->slots[i])->bits;
    signs_sums(w->signs_code, w->g->words, bits, b->count, sums);
    for (unsigned i = 0; i < b->count; i++) {
        const struct line *line =
            (const struct line *)((const char *)bits[i] - offsetof(struct line, bits));
        keys[i] = atomic_load_explicit(&line->norm, memory_order_relaxed) +
                  w->away[line->factor & (CENTROIDS_MAX - 1)] +
                  line_factor(line) * (w->base - w->slope * (float)sums[i]);
    }
    pool_add(p, keys, b->slots, b->count);
    w->scored += b->count;
    b->count = 0;
}

uint32_t walk_next(struct walk *w)
{
    struct pool_of *p = &w->pool;
    while (p->cursor < p->count && (p->slots[p->cursor] & POOL_DONE))
        p->cursor++;
    if (p->cursor == p->count)
        return GRAPH_NONE;
    uint32_t slot = p->slots[p->cursor];
    p->slots[p->cursor] |= POOL_DONE;
    return slot;
}

void walk_links_fetch(const struct walk *w)
{
    const struct pool_of *p = &w->pool;
    for (unsigned i = p->cursor, n = 0; i < p->count && n < LINKS_AHEAD; i++)
        if (!(p->slots[i] & POOL_DONE)) {
            links_fetch(w->g, p->slots[i]);
            n++;
        }
}

static void start(struct walk *w)
{
    struct batch *b = &w->batches[0];
    uint32_t entries[ENTRIES];
    unsigned n = entries_pick(w, entries);
    walk_touched_room(w);
    b->count = 0;
    for (unsigned i = 0; i < n; i++) {
        uint32_t slot = entries[i];
        if (bit_at(w->visited, slot))
            continue;
        w->visited[slot / 64] |= UINT64_C(1) << slot % 64;
        w->touched[w->touched_count++] = slot;
        b->slots[b->count++] = slot;
        line_fetch(w->g, w->coding, slot);
    }
    walk_batch_score(w, b);
    walk_links_fetch(w);
}

/* A slot's links are collected while those of the slot before are scored. */
void walk_run(struct walk *w, unsigned width)
{
    walk_begin(w, width);
    start(w);
    w->batches[0].count = w->batches[1].count = 0;
    for (unsigned now = 0;; now = !now) {
        struct batch *next = &w->batches[now], *last = &w->batches[!now];
        uint32_t slot = walk_next(w);
        if (slot != GRAPH_NONE)
            batch_fill(w, next, slot);
        else if (!last->count)
            return;
        walk_batch_score(w, last);
        walk_links_fetch(w);
    }
}

/* --- the second look --- */

#define ROWS_AT_ONCE 64

static void rank_some(struct walk *w, size_t from, size_t n)
{
    const int8_t *rows[ROWS_AT_ONCE];
    int32_t dots[ROWS_AT_ONCE + 4];
    for (size_t i = 0; i < n; i++)
        rows[i] = code_of(w->g, w->found[from + i].slot);
    dot_i8_gather(w->code, rows, n, w->g->dims, dots);
    for (size_t i = 0; i < n; i++) {
        struct candidate *c = &w->found[from + i];
        float d = 2 - 2 * (float)dots[i] * w->code_scale * line_in(w->g, w->coding, c->slot)->scale;
        c->distance = d > 0 ? d : 0;
    }
}

/* Distances are not negative, so their bits are in the same order: a number for each candidate,
 * sorted by runs of 8 that are merged. */
static uint64_t candidate_key(const struct candidate *c)
{
    uint32_t bits;
    memcpy(&bits, &c->distance, sizeof bits);
    return (uint64_t)bits << 32 | c->slot;
}

static void run_sort(uint64_t *keys, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t x = keys[i];
        size_t j = i;
        for (; j > 0 && keys[j - 1] > x; j--)
            keys[j] = keys[j - 1];
        keys[j] = x;
    }
}

static void runs_merge(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count,
                       uint64_t *out)
{
    size_t i = 0, j = 0;
    while (i < a_count && j < b_count) {
        bool first = a[i] <= b[j]; /* without a branch: it is a coin's throw */
        *out++ = first ? a[i] : b[j];
        i += first;
        j += !first;
    }
    memcpy(out, a + i, (a_count - i) * sizeof *a);
    memcpy(out + a_count - i, b + j, (b_count - j) * sizeof *b);
}

#define RUN 8u

static void found_sort(struct walk *w)
{
    size_t n = w->found_count;
    if (2 * n > w->sort_cap) {
        w->sort_cap = 2 * n;
        w->sort = xrealloc(w->sort, w->sort_cap * sizeof *w->sort);
    }
    uint64_t *from = w->sort, *to = w->sort + n;
    for (size_t i = 0; i < n; i++)
        from[i] = candidate_key(&w->found[i]);
    for (size_t i = 0; i < n; i += RUN)
        run_sort(from + i, n - i < RUN ? n - i : RUN);
    for (size_t run = RUN; run < n; run *= 2) {
        for (size_t i = 0; i < n; i += 2 * run) {
            size_t a = n - i < run ? n - i : run, b = n - i - a < run ? n - i - a : run;
            runs_merge(from + i, a, from + i + a, b, to + i);
        }
        uint64_t *other = from;
        from = to;
        to = other;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)(from[i] >> 32);
        memcpy(&w->found[i].distance, &bits, sizeof bits);
        w->found[i].slot = (uint32_t)from[i];
    }
}

void walk_rank(struct walk *w, bool sorted)
{
    w->found_count = w->pool.count;
    if (w->found_count > w->found_cap) {
        w->found_cap = w->pool.cap;
        w->found = xrealloc(w->found, w->found_cap * sizeof *w->found);
    }
    for (size_t i = 0; i < w->found_count; i++)
        w->found[i].slot = w->pool.slots[i] & ~POOL_DONE;
    for (size_t i = 0; i < w->found_count; i += ROWS_AT_ONCE)
        rank_some(w, i, w->found_count - i < ROWS_AT_ONCE ? w->found_count - i : ROWS_AT_ONCE);
    if (sorted)
        found_sort(w);
}

void walk_found_add(struct walk *w, const struct candidate *c, size_t n)
{
    if (w->found_count + n > w->found_cap) {
        w->found_cap = w->found_count + n;
        w->found = xrealloc(w->found, w->found_cap * sizeof *w->found);
    }
    memcpy(w->found + w->found_count, c, n * sizeof *c);
    w->found_count += n;
    found_sort(w);
}
