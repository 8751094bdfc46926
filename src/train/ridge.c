#include "train/ridge.h"

#include "base/arena.h"
#include "base/rng.h"
#include "math/dense.h"
#include "math/dot.h"
#include "math/topk.h"
#include "recommend/text_model.h"
#include "train/parallel.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LAMBDA 10.0
#define PRETENDED_MAX 1024u /* known documents that are taken for new ones */
#define PRETENDED_MIN 64u
#define READERS_MIN 8u
#define BLOCK 32u
#define RUN 1024u
#define TOP 128u /* new ones of a reader that may come into a list */
/* Depths of a list at which new ones stand as often as known ones would. */
static const uint32_t depths[2] = {20, 100};

/* What one of the readers sees. */
struct reader_seen {
    double ridge_variance, near_variance;
    float *ridge, *near; /* of the pretended that were not given */
    uint32_t count;
    float bounds[2];    /* what a known one must score to stand above `depths` */
    double expected[2]; /* of `count`, how many would as known ones */
};
struct ridging {
    const struct known *k;
    const struct recommend_model *m;
    const struct ridge_options *o;
    struct text_model *t;
    unsigned threads;
    uint32_t *pretended; /* places among the known, rising */
    uint32_t pretended_count;
    uint32_t *near;           /* pretended_count x RIDGE_NEAR: places among the known */
    float *cosines;           /* the same; 0: there is none */
    struct reader_seen *seen; /* reader_count */
};

static const float *text_of(const struct ridging *g, uint32_t n)
{
    return g->k->text + (size_t)n * g->k->dims;
}

static bool stopped(const struct ridging *g)
{
    return g->o->stop && atomic_load(g->o->stop);
}

/* ---- M ---- */

/* Of the cosines of all pairs, whose mean is 0, by E'E: the sum of their squares is that of its
 * entries. */
static double deviation_of(const float *gram, size_t dims, uint32_t items)
{
    double sum = 0;
    for (size_t i = 0; i < dims * dims; i++)
        sum += (double)gram[i] * (double)gram[i];
    return fmax(sqrt(sum) / items, 1e-6);
}

static enum err ridge_make(struct ridging *g, struct err_info *e)
{
    size_t dims = g->k->dims;
    struct text_model *t = g->t;
    double lambda = g->o->lambda > 0 ? g->o->lambda : LAMBDA;
    t->dims = g->k->dims;
    t->near = RIDGE_NEAR;
    t->scale = 1;
    t->mean = xmalloc(dims * sizeof *t->mean);
    memcpy(t->mean, g->k->mean, dims * sizeof *t->mean);
    t->readers = xmalloc(dims * dims * sizeof *t->readers);
    dense_product(dims, dims, g->k->items, 1, (struct dense){g->k->text, dims, true},
                  (struct dense){g->k->text, dims, false}, 0, t->readers, dims);
    t->deviation = deviation_of(t->readers, dims, g->k->items);
    for (size_t d = 0; d < dims; d++)
        t->readers[d * (dims + 1)] += (float)lambda;
    return dense_invert(t->readers, dims)
               ? 0
               : err_set(e, ERR_INVALID, "text_lambda", "is too small for these texts: try %g",
                         10 * lambda);
}

/* ---- who is taken ---- */

/* `wanted` of the places 0 ... count - 1 that pass, rising (Knuth's algorithm S). */
static uint32_t draw(const bool *passes, uint32_t count, uint32_t wanted, uint64_t seed,
                     uint32_t *out)
{
    struct rng r;
    uint32_t left = 0, n = 0;
    rng_init(&r, seed);
    for (uint32_t i = 0; i < count; i++)
        left += passes[i];
    wanted = wanted < left ? wanted : left;
    for (uint32_t i = 0; i < count && n < wanted; i++)
        if (passes[i] && rng_below(&r, left--) < wanted - n)
            out[n++] = i;
    return n;
}

static uint32_t readers_draw(const struct interactions *x, uint64_t seed, uint32_t *out)
{
    bool *passes = xcalloc((size_t)x->readers + 1, sizeof *passes);
    uint32_t wanted = x->readers / 5 > READERS_MIN ? x->readers / 5 : READERS_MIN;
    for (uint32_t r = 0; r < x->readers; r++)
        passes[r] = x->rows.start[r + 1] - x->rows.start[r] >= 2;
    uint32_t n =
        draw(passes, x->readers, wanted < RIDGE_READERS ? wanted : RIDGE_READERS, seed, out);
    free(passes);
    return n;
}

/* Of each of the readers a fifth of what was read, at least one, is not given. */
static struct interactions *given_of(const struct interactions *x, uint64_t seed,
                                     const uint32_t *readers, uint32_t count)
{
    struct interaction *all = xmalloc((x->count + 1) * sizeof *all);
    size_t n = 0;
    uint32_t next = 0;
    for (uint32_t r = 0; r < x->readers; r++) {
        size_t from = x->rows.start[r], read = x->rows.start[r + 1] - from, held = 0;
        struct rng rng;
        if (next < count && readers[next] == r) {
            held = (read + 4) / 5;
            rng_init(&rng, seed + 1 + next++);
        }
        for (size_t i = 0; i < read; i++)
            if (held && rng_below(&rng, read - i) < held)
                held--;
            else
                all[n++] = (struct interaction){r, x->rows.at[from + i], x->rows.weight[from + i]};
    }
    struct interactions *given = interactions_new(all, n, x->readers, x->items);
    free(all);
    return given;
}

void ridge_given(const struct interactions *x, uint64_t seed, struct ridge_given *out)
{
    out->count = readers_draw(x, seed, out->readers);
    out->x = given_of(x, seed, out->readers, out->count);
}

void ridge_given_release(struct ridge_given *given)
{
    interactions_free(given->x);
}

static void take(struct ridging *g)
{
    bool *passes = xcalloc((size_t)g->k->items + 1, sizeof *passes);
    for (uint32_t n = 0; n < g->k->items; n++)
        passes[n] = norm_f32(text_of(g, n), g->k->dims) > 0;
    g->pretended = xmalloc(PRETENDED_MAX * sizeof *g->pretended);
    g->pretended_count = draw(passes, g->k->items, PRETENDED_MAX, g->o->seed, g->pretended);
    free(passes);
    g->near = xcalloc((size_t)g->pretended_count * RIDGE_NEAR + 1, sizeof *g->near);
    g->cosines = xcalloc((size_t)g->pretended_count * RIDGE_NEAR + 1, sizeof *g->cosines);
    g->seen = xcalloc((size_t)g->o->given->count + 1, sizeof *g->seen);
}

/* ---- the known texts nearest to each ---- */

static void near_run(const struct ridging *g, uint32_t first, uint32_t count, const float *own,
                     struct topk *best, float *products)
{
    size_t dims = g->k->dims;
    for (uint32_t from = 0; from < g->k->items; from += RUN) {
        uint32_t n = g->k->items - from < RUN ? g->k->items - from : RUN;
        dense_product(count, n, dims, 1, (struct dense){own, dims, false},
                      (struct dense){text_of(g, from), dims, true}, 0, products, RUN);
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t j = 0; j < n; j++) {
                float cosine = products[i * RUN + j];
                if (cosine > 0 && topk_wants(&best[i], cosine, from + j) &&
                    from + j != g->pretended[first + i])
                    topk_add(&best[i], cosine, from + j);
            }
    }
}

static void near_make(void *ctx, unsigned worker, uint32_t block)
{
    struct ridging *g = ctx;
    uint32_t first = block * BLOCK,
             count = g->pretended_count - first < BLOCK ? g->pretended_count - first : BLOCK;
    size_t dims = g->k->dims;
    struct topk best[BLOCK];
    struct topk_item room[BLOCK][RIDGE_NEAR];
    float *own = xmalloc(BLOCK * dims * sizeof *own),
          *products = xmalloc(BLOCK * RUN * sizeof *products);
    for (uint32_t i = 0; i < count; i++) {
        topk_init(&best[i], room[i], RIDGE_NEAR);
        memcpy(own + i * dims, text_of(g, g->pretended[first + i]), dims * sizeof *own);
    }
    if (!stopped(g))
        near_run(g, first, count, own, best, products);
    for (uint32_t i = 0; i < count; i++) {
        topk_sort(&best[i]);
        for (size_t n = 0; n < best[i].count; n++) {
            g->near[(first + i) * RIDGE_NEAR + n] = (uint32_t)best[i].items[n].id;
            g->cosines[(first + i) * RIDGE_NEAR + n] = best[i].items[n].score;
        }
    }
    free(own);
    free(products);
}

/* ---- what they score, as known ones and as new ones ---- */

static double variance(const float *x, size_t n)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    return n ? fmax(squares / (double)n - sum / (double)n * (sum / (double)n), 0) : 0;
}

/* One of the readers. */
struct reader {
    size_t given_count;
    bool *is_given; /* known items */
    float *scores;  /* of all items of the set, by what is given */
    float *profile;
};

static void reader_init(const struct ridging *g, uint32_t reader, struct reader *u)
{
    const struct known *k = g->k;
    const struct sparse *s = &g->o->given->x->rows;
    size_t from = s->start[reader], count = s->start[reader + 1] - from;
    struct model_read *given = xmalloc((count + 1) * sizeof *given);
    float *sum = xcalloc(k->dims, sizeof *sum);
    *u = (struct reader){.given_count = count};
    u->is_given = xcalloc((size_t)k->items + 1, sizeof *u->is_given);
    u->scores = xcalloc((size_t)g->m->items + 1, sizeof *u->scores);
    u->profile = xcalloc(k->dims, sizeof *u->profile);
    for (size_t i = 0; i < count; i++) {
        uint32_t n = s->at[from + i];
        given[i] = (struct model_read){k->item[n], s->weight[from + i]};
        u->is_given[n] = true;
        for (uint32_t d = 0; d < k->dims; d++)
            sum[d] += given[i].weight * text_of(g, n)[d];
    }
    text_model_read(g->t, sum, 1, u->profile);
    recommend_model_score(g->m, given, count, u->scores);
    free(given);
    free(sum);
}

static void reader_release(struct reader *u)
{
    free(u->is_given);
    free(u->scores);
    free(u->profile);
}

static double near_mean(const struct ridging *g, uint32_t i, const float *scores)
{
    float near[RIDGE_NEAR];
    for (uint32_t n = 0; n < RIDGE_NEAR; n++)
        near[n] = scores[g->k->item[g->near[i * RIDGE_NEAR + n]]];
    return text_model_near(near, g->cosines + (size_t)i * RIDGE_NEAR, RIDGE_NEAR);
}

static void pretended_see(const struct ridging *g, const struct reader *u, struct reader_seen *s)
{
    s->ridge = xmalloc(2 * ((size_t)g->pretended_count + 1) * sizeof *s->ridge);
    s->near = s->ridge + g->pretended_count;
    for (uint32_t i = 0; i < g->pretended_count; i++) {
        if (u->is_given[g->pretended[i]])
            continue;
        s->ridge[s->count] = dot_f32(u->profile, text_of(g, g->pretended[i]), g->k->dims);
        s->near[s->count++] = (float)near_mean(g, i, u->scores);
    }
    s->ridge_variance = variance(s->ridge, s->count);
    s->near_variance = variance(s->near, s->count);
}

static void known_see(const struct ridging *g, const struct reader *u, struct reader_seen *s)
{
    struct topk_item room[100];
    struct topk best;
    uint32_t candidates = g->k->items - (uint32_t)u->given_count;
    for (size_t d = 0; d < 2; d++) {
        uint32_t depth = depths[d] < candidates / 10 ? depths[d] : candidates / 10;
        topk_init(&best, room, depth + (depth == 0));
        for (uint32_t n = 0; n < g->k->items; n++) {
            float score = u->scores[g->k->item[n]];
            if (!u->is_given[n] && topk_wants(&best, score, n))
                topk_add(&best, score, n);
        }
        s->bounds[d] = best.count ? best.items[0].score : 0;
        s->expected[d] = (double)s->count * (double)best.count / fmax(candidates, 1);
    }
}

static void reader_see(void *ctx, unsigned worker, uint32_t n)
{
    struct ridging *g = ctx;
    struct reader u;
    if (stopped(g))
        return;
    reader_init(g, g->o->given->readers[n], &u);
    pretended_see(g, &u, &g->seen[n]);
    known_see(g, &u, &g->seen[n]);
    reader_release(&u);
}

/* ---- one scale ---- */

static void blend_choose(struct ridging *g)
{
    double ridge = 0, near = 0;
    for (uint32_t n = 0; n < g->o->given->count; n++) {
        ridge += g->seen[n].ridge_variance;
        near += g->seen[n].near_variance;
    }
    g->t->blend = near > 0 ? g->o->blend * sqrt(ridge / near) : 0;
}

static int falling(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x > y ? -1 : x < y;
}

/* Ridge and near become what new ones score, the largest first. */
static void new_sort(struct ridging *g, struct reader_seen *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        s->ridge[i] += (float)g->t->blend * s->near[i];
    qsort(s->ridge, s->count, sizeof *s->ridge, falling);
}

/* How many more new ones stand above a depth than as known ones would, over all readers. */
static double excess(const struct ridging *g, size_t depth, double scale, double offset)
{
    double sum = 0;
    for (uint32_t n = 0; n < g->o->given->count; n++) {
        const struct reader_seen *s = &g->seen[n];
        for (uint32_t i = 0; i < s->count && i < TOP; i++) {
            if (offset + scale * (double)s->ridge[i] <= (double)s->bounds[depth])
                break;
            sum++;
        }
        sum -= s->expected[depth];
    }
    return sum;
}

#define HALVINGS 50

/* For a scale, the offset that is right at the first depth. */
static double offset_for(const struct ridging *g, double scale, double span)
{
    double low = -span, high = span;
    for (int i = 0; i < HALVINGS; i++) {
        double mid = (low + high) / 2;
        *(excess(g, 0, scale, mid) > 0 ? &high : &low) = mid;
    }
    return (low + high) / 2;
}

/* The more the new are spread, being right at the first depth, the fewer stand above the second. */
static void scale_choose(struct ridging *g)
{
    double largest = 1e-30, span = 1e-30, low, high;
    for (uint32_t n = 0; n < g->o->given->count; n++) {
        new_sort(g, &g->seen[n]);
        span = fmax(span, fabs((double)g->seen[n].bounds[0]));
        if (g->seen[n].count)
            largest = fmax(largest, fabs((double)g->seen[n].ridge[0]));
    }
    low = log(span / largest) - 5;
    high = low + 10;
    for (int i = 0; i < HALVINGS; i++) {
        double mid = (low + high) / 2, scale = exp(mid);
        *(excess(g, 1, scale, offset_for(g, scale, span + scale * largest)) > 0 ? &low : &high) =
            mid;
    }
    g->t->scale = exp((low + high) / 2);
    g->t->offset = offset_for(g, g->t->scale, span + g->t->scale * largest);
}

/* ---- the whole ---- */

static enum err fit(struct ridging *g, struct err_info *e)
{
    enum err err = ridge_make(g, e);
    if (err)
        return err;
    take(g);
    if (g->pretended_count >= PRETENDED_MIN && g->o->given->count >= READERS_MIN) {
        parallel_run(g->threads, (g->pretended_count + BLOCK - 1) / BLOCK, near_make, g);
        parallel_run(g->threads, g->o->given->count, reader_see, g);
        blend_choose(g);
        scale_choose(g);
    }
    return stopped(g) ? err_set(e, ERR_CANCELLED, NULL, "the training was cancelled") : 0;
}

enum err ridge_fit(const struct known *k, const struct recommend_model *m,
                   const struct ridge_options *o, struct text_model **out, struct err_info *e)
{
    struct ridging g = {.k = k, .m = m, .o = o, .threads = parallel_threads(o->threads)};
    enum err err = dense_open(e);
    if (err)
        return err;
    if (!k->dims) {
        *out = NULL;
        return 0;
    }
    dense_threads(1);
    g.t = xcalloc(1, sizeof *g.t);
    err = fit(&g, e);
    for (uint32_t n = 0; g.seen && n < o->given->count; n++)
        free(g.seen[n].ridge);
    free(g.pretended);
    free(g.near);
    free(g.cosines);
    free(g.seen);
    if (err)
        text_model_free(g.t);
    else
        *out = g.t;
    return err;
}

size_t ridge_bytes(uint32_t items, uint32_t dims)
{
    return 8 * (size_t)dims * dims + RIDGE_READERS * PRETENDED_MAX * 12 +
           PARALLEL_THREADS_MAX * 5 * (size_t)items;
}
