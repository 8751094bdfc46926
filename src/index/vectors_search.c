/* The exact scan.
 *
 * A row is x = s c + r (scale, int8 code, rest), the query y = t p + u. Then
 *
 *     x.y = s t (c.p) + (s c).u + r.y        |x.y - s t (c.p)| <= |s c| |u| + |r| |y| (Cauchy,
 * Schwarz)
 *
 * All lengths on the right are known, so each row has an interval that its cosine lies in, widened
 * by what float32 sums may round: (dims + 8) 2^-23 |x| |y|, twice the textbook bound (Higham,
 * Accuracy and Stability, 3.1). A row whose upper end is below the k-th largest lower end of
 * different documents is not among the k best; every other is computed from its float16 values. So
 * the answer is the one of a full float32 scan. For that k-th largest, first passages only are
 * counted: each document once. */
#include "index/vectors_impl.h"

#include "base/arena.h"
#include "index/scalar.h"
#include "math/dot.h"
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
    const struct docset *within;
    const float *query;
    int8_t *code;
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

static void scan_init(struct scan *s, struct vectors *v, const float *query, size_t k)
{
    double rest = 0, length = 0;
    s->v = v;
    s->query = query;
    s->k = k;
    s->code = xaligned((v->dims + 63) / 64 * 64);
    s->scale = quantise_i8(query, s->code, v->dims);
    for (uint32_t i = 0; i < v->dims; i++) {
        double left = query[i] - (double)s->scale * s->code[i];
        rest += left * left;
        length += (double)query[i] * query[i];
    }
    s->rest = up(sqrt(rest));
    s->length = up(sqrt(length));
    s->slack = up((v->dims + 8) * 0x1p-23 * s->length);
    s->cap = 4 * k + 1024;
    s->candidates = xmalloc(s->cap * sizeof *s->candidates);
    topk_init(&s->below, xmalloc(k * sizeof(struct topk_item)), k);
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
        uint32_t index = index_of(s->v, b->rows[i]);
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
        uint32_t index = index_of(s->v, b->rows[i]);
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
        codes[i] = row_code(s->v, b->rows[i]);
    dot_i8_gather(s->code, codes, b->count, s->v->dims, b->dots);
    block_fill(s, b);
    block_judge(s, b);
    b->count = 0;
}

/* BLOCK rows from `row` on, all of one chunk and all visible. */
static void block_dense(struct scan *s, struct block *b, uint32_t row)
{
    const struct chunk *c = chunk_of(s->v, row);
    uint32_t index = index_of(s->v, row);
    dot_i8_rows(s->code, row_code(s->v, row), BLOCK, s->v->dims, b->dots);
    memcpy(b->scale, c->scale + index, sizeof b->scale);
    memcpy(b->rest, c->rest + index, sizeof b->rest);
    memcpy(b->length, c->length + index, sizeof b->length);
    block_judge(s, b);
}

static bool row_wanted(const struct scan *s, uint32_t row)
{
    const struct chunk *c = chunk_of(s->v, row);
    uint32_t index = index_of(s->v, row);
    return row_visible(c, index, s->seq) && (!s->within || docset_has(s->within, c->number[index]));
}

static void scan_all(struct scan *s, struct block *b)
{
    uint32_t end = atomic_load(&s->v->rows_end);
    for (uint32_t row = 0; row < end; row += BLOCK) { /* a chunk holds whole blocks */
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
        for (; row != ROW_NONE; row = chunk_of(s->v, row)->next[index_of(s->v, row)]) {
            b->rows[b->count++] = row;
            if (b->count == BLOCK)
                block_scattered(s, b);
        }
    }
    if (b->count)
        block_scattered(s, b);
}

static struct vector_hit hit_of(const struct vectors *v, uint32_t row, float cosine)
{
    const struct chunk *c = chunk_of(v, row);
    uint32_t i = index_of(v, row);
    return (struct vector_hit){c->number[i], c->passage[i], cosine, c->revision[i]};
}

static bool hit_better(const struct vector_hit *a, const struct vector_hit *b)
{
    return a->cosine > b->cosine || (a->cosine == b->cosine && a->passage < b->passage);
}

static void prefetch_row(const struct vectors *v, uint32_t row)
{
    const char *p = (const char *)row_half(v, row);
    for (size_t i = 0; i < 2 * (size_t)v->dims; i += 64)
        __builtin_prefetch(p + i);
}

static int candidate_cmp(const void *a, const void *b)
{
    float x = ((const struct candidate *)a)->above, y = ((const struct candidate *)b)->above;
    return (x < y) - (x > y);
}

/* The best passage of each document so far, found by number through a hash table of places. */
struct group {
    struct vector_hit *hits;
    size_t count;
    uint32_t *table;
    size_t mask;
};

static void group_add(struct group *g, struct vector_hit hit)
{
    size_t i = (hit.number * UINT64_C(0x9E3779B97F4A7C15) >> 32) & g->mask;
    while (g->table[i] && g->hits[g->table[i] - 1].number != hit.number)
        i = (i + 1) & g->mask;
    if (!g->table[i]) {
        g->hits[g->count++] = hit;
        g->table[i] = (uint32_t)g->count;
    } else if (hit_better(&hit, &g->hits[g->table[i] - 1])) {
        g->hits[g->table[i] - 1] = hit;
    }
}

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
        float cosine = dot_f16_f32(row_half(s->v, c->row), s->query, s->v->dims);
        struct vector_hit hit = hit_of(s->v, c->row, cosine);
        group_add(g, hit);
        if (hit.passage == 0)
            topk_add(&best, cosine, hit.number);
    }
    free(best.items);
}

static size_t hits_best(const struct group *g, size_t k, struct vector_hit *out)
{
    struct topk best;
    topk_init(&best, xmalloc(k * sizeof(struct topk_item)), k);
    for (size_t i = 0; i < g->count; i++) /* id: by number, and where it stands */
        topk_add(&best, g->hits[i].cosine, (uint64_t)g->hits[i].number << 32 | i);
    topk_sort(&best);
    for (size_t i = 0; i < best.count; i++)
        out[i] = g->hits[(uint32_t)best.items[i].id];
    free(best.items);
    return best.count;
}

static size_t scan_finish(struct scan *s, struct vector_hit *out)
{
    prune(s);
    qsort(s->candidates, s->count, sizeof *s->candidates, candidate_cmp);
    size_t size = 16;
    while (size < 2 * s->count)
        size *= 2;
    struct group g = {.hits = xmalloc((s->count + 1) * sizeof *g.hits),
                      .table = xcalloc(size, sizeof *g.table),
                      .mask = size - 1};
    candidates_score(s, &g);
    size_t n = hits_best(&g, s->k, out);
    free(g.hits);
    free(g.table);
    return n;
}

size_t vectors_search(struct vectors *v, const float *query, size_t k, const struct docset *within,
                      bool exact, struct vector_hit *out)
{
    (void)exact; /* always */
    size_t documents = vectors_documents(v);
    if (within && within->count < documents)
        documents = within->count;
    k = k < documents ? k : documents;
    if (!k)
        return 0;
    struct scan s = {.within = within};
    struct block b = {0};
    scan_init(&s, v, query, k);
    struct reader *r = vectors_enter(v, &s.seq);
    if (within && within->count < vectors_documents(v) / 4)
        scan_members(&s, &b);
    else
        scan_all(&s, &b);
    size_t n = scan_finish(&s, out);
    vectors_leave(r);
    scan_release(&s);
    return n;
}

void vectors_score(struct vectors *v, const float *query, const uint32_t *numbers, size_t count,
                   struct vector_hit *out)
{
    uint64_t seq = 0;
    struct reader *r = vectors_enter(v, &seq);
    for (size_t i = 0; i < count; i++) {
        uint32_t ahead = i + 4 < count ? vectors_head(v, numbers[i + 4]) : ROW_NONE;
        if (ahead != ROW_NONE)
            prefetch_row(v, ahead);
        uint32_t row = vectors_head(v, numbers[i]);
        out[i] = (struct vector_hit){.number = numbers[i], .cosine = NAN};
        for (; row != ROW_NONE; row = chunk_of(v, row)->next[index_of(v, row)]) {
            struct vector_hit hit = hit_of(v, row, dot_f16_f32(row_half(v, row), query, v->dims));
            if (!(out[i].cosine == out[i].cosine) || hit_better(&hit, &out[i]))
                out[i] = hit;
        }
    }
    vectors_leave(r);
}
