/* The exact scan, of all rows, of the members of a filter or of the tail.
 *
 * Both rotated (math/rotate.h: inner products stay), a row is x = s c + r (scale, int8 code, rest),
 * the query y = t p + u. Then
 *
 *     x.y = s t (c.p) + (s c).u + r.y        |x.y - s t (c.p)| <= |s c| |u| + |r| |y| (Cauchy,
 * Schwarz)
 *
 * All lengths on the right are known, so each row has an interval that its cosine lies in, widened
 * by what float32 sums may round: (dims + 8) 2^-23 |x| |y|, twice the textbook bound (Higham,
 * Accuracy and Stability, 3.1), and 64 times 2^-23 for the two rotations, of at most 52 sums each.
 * A row whose upper end is below the k-th largest lower end of different documents is not among the
 * k best; every other is computed from its float16 values. So the answer is the one of a full
 * float32 scan. For that k-th largest, first passages only are counted: each document once. */
#include "index/vectors_impl.h"

#include "base/arena.h"
#include "index/scalar.h"
#include "math/dot.h"
#include "math/rotate.h"
#include "math/simd.h"
#include "math/topk.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 128

struct candidate {
    uint32_t row;
    float above; /* no cosine of this row is larger */
};

struct scan {
    struct vectors *v;
    uint64_t seq;
    uint32_t at, end; /* of a scan in parts: rows from `at` on are left */
    const struct docset *within;
    const float *query;
    int8_t *code; /* stride bytes, as rows have */
    size_t stride;
    float scale, length, rest; /* of the query; lengths rounded up */
    float slack;               /* rounding, a unit of |x| */
    size_t k;
    struct topk below; /* lower ends of first passages */
    struct candidate *candidates;
    size_t count, cap;
};

static float up(double x)
{
    return nextafterf((float)x, INFINITY);
}

static void scan_init(struct scan *s)
{
    struct vectors *v = s->v;
    double rest = 0, length = 0;
    s->stride = graph_code_stride(v->graph);
    s->code = xaligned((s->stride + 63) / 64 * 64);
    memset(s->code, 0, s->stride);
    float *y = xmalloc(v->dims * sizeof *y);
    memcpy(y, s->query, v->dims * sizeof *y);
    rotate_f32(y, v->dims);
    s->scale = quantise_i8(y, s->code, v->dims);
    for (uint32_t i = 0; i < v->dims; i++) {
        double left = y[i] - (double)s->scale * s->code[i];
        rest += left * left;
        length += (double)y[i] * y[i];
    }
    free(y);
    s->rest = up(sqrt(rest));
    s->length = up(sqrt(length));
    s->slack = up((v->dims + 72) * 0x1p-23 * s->length);
    s->cap = 4 * s->k + 1024;
    s->candidates = xmalloc(s->cap * sizeof *s->candidates);
    topk_init(&s->below, xmalloc(s->k * sizeof(struct topk_item)), s->k);
}

static void scan_release(struct scan *s)
{
    free(s->code);
    free(s->candidates);
    free(s->below.items);
}

static float threshold(const struct scan *s)
{
    return s->below.count == s->k ? s->below.items[0].score : -INFINITY;
}

static void prune(struct scan *s)
{
    float least = threshold(s);
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->candidates[i].above >= least)
            s->candidates[kept++] = s->candidates[i];
    s->count = kept;
}

static void candidate_add(struct scan *s, uint32_t row, float above)
{
    if (s->count == s->cap) {
        prune(s);
        if (s->count > s->cap / 2) {
            s->cap *= 2;
            s->candidates = xrealloc(s->candidates, s->cap * sizeof *s->candidates);
        }
    }
    s->candidates[s->count++] = (struct candidate){row, above};
}

/* The rows of a block and what is known of each; unused places are harmless. */
struct block {
    unsigned count;
    uint32_t rows[BLOCK];
    int32_t dots[BLOCK];
    float scale[BLOCK], rest[BLOCK], length[BLOCK];
};

static void block_judge(struct scan *s, struct block *b)
{
    float above[BLOCK], margin[BLOCK];
    float scale = s->scale, y = s->length, u = s->rest, slack = s->slack;
    for (unsigned i = 0; i < BLOCK; i++) {
        float about = (float)b->dots[i] * (b->scale[i] * scale);
        margin[i] =
            (b->rest[i] * y + b->length[i] * u + (b->rest[i] + b->length[i]) * slack) * 1.000001f;
        above[i] = about + margin[i];
    }
    float least = threshold(s);
    for (unsigned i = 0; i < b->count; i++) {
        if (above[i] < least)
            continue;
        const struct chunk *c = chunk_of(s->v, b->rows[i]);
        uint32_t index = index_of(b->rows[i]);
        float below = above[i] - 2 * margin[i] - 1e-6f * fabsf(above[i]);
        if (c->passage[index] == 0 && topk_wants(&s->below, below, c->number[index])) {
            topk_add(&s->below, below, c->number[index]);
            least = threshold(s);
        }
        candidate_add(s, b->rows[i], above[i]);
    }
}

static void block_fill(struct scan *s, struct block *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        const struct chunk *c = chunk_of(s->v, b->rows[i]);
        uint32_t index = index_of(b->rows[i]);
        b->scale[i] = c->scale[index];
        b->rest[i] = c->rest[index];
        b->length[i] = c->length[index];
    }
}

/* Rows that lie apart. */
static void block_scattered(struct scan *s, struct block *b)
{
    const int8_t *codes[BLOCK];
    for (unsigned i = 0; i < b->count; i++)
        codes[i] = graph_code(s->v->graph, b->rows[i]);
    dot_i8_gather(s->code, codes, b->count, s->stride, b->dots);
    block_fill(s, b);
    block_judge(s, b);
    b->count = 0;
}

/* BLOCK rows from `row` on, all of one chunk and all visible. */
static void block_dense(struct scan *s, struct block *b, uint32_t row)
{
    const struct chunk *c = chunk_of(s->v, row);
    uint32_t index = index_of(row);
    dot_i8_rows(s->code, graph_code(s->v->graph, row), BLOCK, s->stride, b->dots);
    memcpy(b->scale, c->scale + index, sizeof b->scale);
    memcpy(b->rest, c->rest + index, sizeof b->rest);
    memcpy(b->length, c->length + index, sizeof b->length);
    block_judge(s, b);
}

static bool row_wanted(const struct scan *s, uint32_t row)
{
    const struct chunk *c = chunk_of(s->v, row);
    uint32_t index = index_of(row);
    return slot_visible(c, index, s->seq) &&
           (!s->within || docset_has(s->within, c->number[index]));
}

/* `row` starts a block; a chunk holds whole ones. */
static void scan_rows(struct scan *s, struct block *b, uint32_t row, uint32_t end)
{
    for (; row < end; row += BLOCK) {
        uint32_t n = end - row < BLOCK ? end - row : BLOCK;
        b->count = 0;
        for (uint32_t i = 0; i < n; i++)
            if (row_wanted(s, row + i))
                b->rows[b->count++] = row + i;
        if (b->count == BLOCK)
            block_dense(s, b, row);
        else if (b->count)
            block_scattered(s, b);
    }
}

static void scan_members(struct scan *s, struct block *b)
{
    const struct docset *d = s->within;
    b->count = 0;
    for (uint32_t n = docset_next(d, 0); n != UINT32_MAX; n = docset_next(d, n + 1)) {
        uint32_t row = vectors_head(s->v, n);
        for (; row != SLOT_NONE; row = slot_next(s->v, row)) {
            b->rows[b->count++] = row;
            if (b->count == BLOCK)
                block_scattered(s, b);
        }
    }
    if (b->count)
        block_scattered(s, b);
}

/* The slots of `bits`, which stand for 64 from `slot` on. */
static void scan_bits(struct scan *s, struct block *b, uint32_t slot, uint64_t bits)
{
    for (; bits; bits &= bits - 1) {
        uint32_t row = slot + (uint32_t)__builtin_ctzll(bits);
        if (row_wanted(s, row))
            b->rows[b->count++] = row;
        if (b->count == BLOCK)
            block_scattered(s, b);
    }
}

static void scan_tail(struct scan *s, struct block *b)
{
    uint32_t end = atomic_load(&s->v->slots_end);
    b->count = 0;
    for (uint32_t from = 0; from < end; from += CHUNK_SLOTS) {
        const struct chunk *c = chunk_of(s->v, from);
        if (!atomic_load(&c->tail_count))
            continue;
        for (uint32_t w = 0; w < CHUNK_SLOTS / 64; w++)
            scan_bits(s, b, from + 64 * w, atomic_load(&c->tail[w]));
    }
    if (b->count)
        block_scattered(s, b);
}

bool hit_better(const struct vector_hit *a, const struct vector_hit *b)
{
    return a->cosine > b->cosine || (a->cosine == b->cosine && a->passage < b->passage);
}

static void prefetch_row(const struct vectors *v, uint32_t row)
{
    lines_fetch(graph_row(v->graph, row), 2 * (size_t)v->dims);
}

static int candidate_cmp(const void *a, const void *b)
{
    float x = ((const struct candidate *)a)->above, y = ((const struct candidate *)b)->above;
    return (x < y) - (x > y);
}

/* --- groups --- */

void group_init(struct group *g)
{
    *g = (struct group){.cap = 64, .table_size = 256};
    g->found = xmalloc(g->cap * sizeof *g->found);
    g->table = xcalloc(g->table_size, sizeof *g->table);
}

void group_release(struct group *g)
{
    free(g->found);
    free(g->table);
}

/* The number's place in the table, or the free one where it would be. */
static uint32_t *group_place(const struct group *g, uint32_t number)
{
    size_t mask = g->table_size - 1, i = (number * UINT64_C(0x9E3779B97F4A7C15) >> 32) & mask;
    while (g->table[i] && g->found[g->table[i] - 1].hit.number != number)
        i = (i + 1) & mask;
    return &g->table[i];
}

static void group_grow(struct group *g)
{
    g->cap *= 2;
    g->found = xrealloc(g->found, g->cap * sizeof *g->found);
    free(g->table);
    g->table_size *= 2;
    g->table = xcalloc(g->table_size, sizeof *g->table);
    for (size_t i = 0; i < g->count; i++)
        *group_place(g, g->found[i].hit.number) = (uint32_t)i + 1;
}

void group_add(struct group *g, struct vector_hit hit, uint32_t slot)
{
    uint32_t *place = group_place(g, hit.number);
    if (*place) {
        struct found *f = &g->found[*place - 1];
        if (hit_better(&hit, &f->hit))
            *f = (struct found){hit, slot};
        return;
    }
    if (g->count == g->cap) {
        group_grow(g);
        place = group_place(g, hit.number);
    }
    g->found[g->count++] = (struct found){hit, slot};
    *place = (uint32_t)g->count;
}

/* --- the answer --- */

/* Cosines of the candidates, those of the highest upper ends first: as soon as k documents are
 * known to be better than the next upper end, the rest need not be looked at. */
static void candidates_score(struct scan *s, struct group *g)
{
    struct topk best;
    topk_init(&best, xmalloc(s->k * sizeof(struct topk_item)), s->k);
    for (size_t i = 0; i < s->count; i++) {
        const struct candidate *c = &s->candidates[i];
        if (best.count == s->k && c->above < best.items[0].score)
            break;
        if (i + 6 < s->count)
            prefetch_row(s->v, s->candidates[i + 6].row);
        float cosine = dot_f16_f32(graph_row(s->v->graph, c->row), s->query, s->v->dims);
        struct vector_hit hit = slot_hit(s->v, c->row, cosine);
        group_add(g, hit, c->row);
        if (hit.passage == 0)
            topk_add(&best, cosine, hit.number);
    }
    free(best.items);
}

static void scan_finish(struct scan *s, struct group *g)
{
    prune(s);
    qsort(s->candidates, s->count, sizeof *s->candidates, candidate_cmp);
    candidates_score(s, g);
    scan_release(s);
}

void vectors_scan(struct vectors *v, uint64_t seq, const float *query, size_t k,
                  const struct docset *within, enum scan_what what, struct group *g)
{
    struct scan s = {.v = v, .seq = seq, .query = query, .k = k, .within = within};
    struct block b = {0};
    scan_init(&s);
    if (what == SCAN_MEMBERS)
        scan_members(&s, &b);
    else if (what == SCAN_TAIL)
        scan_tail(&s, &b);
    else
        scan_rows(&s, &b, 0, atomic_load(&v->slots_end));
    scan_finish(&s, g);
}

struct scan *scan_begin(struct vectors *v, uint64_t seq, const float *query, size_t k,
                        const struct docset *within)
{
    struct scan *s = xmalloc(sizeof *s);
    *s = (struct scan){.v = v, .seq = seq, .query = query, .k = k, .within = within};
    s->end = atomic_load(&v->slots_end);
    scan_init(s);
    return s;
}

bool scan_part(struct scan *s, uint32_t rows)
{
    struct block b = {0};
    uint32_t blocks = rows / BLOCK + 1, left = s->end - s->at;
    uint32_t end = blocks < left / BLOCK ? s->at + blocks * BLOCK : s->end;
    scan_rows(s, &b, s->at, end);
    s->at = end;
    return end < s->end;
}

void scan_end(struct scan *s, struct group *g)
{
    if (g)
        scan_finish(s, g);
    else
        scan_release(s);
    free(s);
}
