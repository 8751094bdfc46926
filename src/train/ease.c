#include "train/ease.h"

#include "base/arena.h"
#include "math/dense.h"
#include "math/dot.h"
#include "train/invert.h"
#include "train/largest.h"
#include "train/parallel.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INVERTING .5 /* of the time, about */
#define BLOCK 256u   /* items whose rows are made at a time */
#define RUN 512u     /* items that a product of a block is made for at a time */
#define LAMBDA 30.0
#define THREADS_MAX 8u /* each takes two blocks of BLOCK x items */

/* A thread's room for one block. */
struct block {
    uint32_t from, count; /* its items */
    float *by_item;       /* BLOCK x size: the items' columns of Z times M */
    float *by_row;        /* the same, size x BLOCK */
    float *rows;          /* BLOCK x items: rows of B, from `from` on; without `dual` one */
    float *columns;       /* items x BLOCK: of each later row of B the entries of this block */
};

/* One training. With `dual` the inverse is of Z Z' (rows x rows), else of Z' Z (items x items). */
struct training {
    const struct interactions *x;
    const struct ease_options *o;
    const float *text;
    size_t dims, size, readers; /* size: of the inverse */
    float lambda, root_gamma;
    unsigned kept, threads;
    bool dual;
    float *inverse;
    float *diagonal;      /* of P */
    struct block *blocks; /* threads */
    uint32_t first;       /* of the blocks that are made now */
    struct largest best;
};

static bool stopped(const struct training *t)
{
    return t->o->stop && atomic_load(t->o->stop);
}

static const float *text_row(const struct training *t, uint32_t item)
{
    return t->text + (size_t)item * t->dims;
}

static uint32_t block_count(size_t n)
{
    return (uint32_t)((n + BLOCK - 1) / BLOCK);
}

static uint32_t block_size(size_t from, size_t n)
{
    return (uint32_t)(n - from < BLOCK ? n - from : BLOCK);
}

/* ---- the matrix that is inverted: its lower half ---- */

/* a += X X' or X' X, the rows of one block: `across` has what is in row i, `along` in which rows
 * that is. */
static void add_pairs(const struct sparse *across, const struct sparse *along, size_t from,
                      size_t end, float *a, size_t n)
{
    for (size_t i = from; i < end; i++)
        for (size_t k = across->start[i]; k < across->start[i + 1]; k++)
            for (size_t m = along->start[across->at[k]];
                 m < along->start[across->at[k] + 1] && along->at[m] <= i; m++)
                a[i * n + along->at[m]] += across->weight[k] * along->weight[m];
}

/* The rows of the text against some readers' rows: sqrt(gamma) E' X'. */
static void add_text_readers(const struct training *t, size_t from, size_t end)
{
    const struct sparse *s = &t->x->rows;
    float *columns = xcalloc((end - from) * t->dims, sizeof *columns);
    for (size_t r = from; r < end; r++)
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++)
            dense_add(t->dims, t->root_gamma * s->weight[i], text_row(t, s->at[i]),
                      columns + (r - from) * t->dims);
    for (size_t d = 0; d < t->dims; d++)
        for (size_t r = from; r < end; r++)
            t->inverse[(t->readers + d) * t->size + r] = columns[(r - from) * t->dims + d];
    free(columns);
}

/* Some rows of gamma E' E. */
static void add_text(const struct training *t, size_t from, size_t end)
{
    float *corner = t->inverse + (t->readers + from) * t->size + t->readers;
    dense_product(end - from, t->dims, t->x->items, t->root_gamma * t->root_gamma,
                  (struct dense){t->text + from, t->dims, true},
                  (struct dense){t->text, t->dims, false}, 0, corner, t->size);
}

static void fill_dual(void *ctx, unsigned worker, uint32_t block)
{
    const struct training *t = ctx;
    size_t from = (size_t)block * BLOCK, end = from + block_size(from, t->size),
           readers_end = end < t->readers ? end : t->readers;
    if (from < t->readers) {
        add_pairs(&t->x->rows, &t->x->columns, from, readers_end, t->inverse, t->size);
        if (t->dims)
            add_text_readers(t, from, readers_end);
    }
    if (end > t->readers)
        add_text(t, from > t->readers ? from - t->readers : 0, end - t->readers);
}

static void fill_primal(void *ctx, unsigned worker, uint32_t block)
{
    const struct training *t = ctx;
    size_t from = (size_t)block * BLOCK, end = from + block_size(from, t->size);
    if (t->dims)
        dense_product(end - from, end, t->dims, t->root_gamma * t->root_gamma,
                      (struct dense){text_row(t, (uint32_t)from), t->dims, false},
                      (struct dense){t->text, t->dims, true}, 0, t->inverse + from * t->size,
                      t->size);
    add_pairs(&t->x->columns, &t->x->rows, from, end, t->inverse, t->size);
}

static void clear(void *ctx, unsigned worker, uint32_t block)
{
    const struct training *t = ctx;
    size_t from = (size_t)block * BLOCK;
    memset(t->inverse + from * t->size, 0,
           block_size(from, t->size) * t->size * sizeof *t->inverse);
}

static void fill(struct training *t)
{
    parallel_run(t->threads, block_count(t->size), clear, t);
    parallel_run(t->threads, block_count(t->size), t->dual ? fill_dual : fill_primal, t);
    for (size_t i = 0; i < t->size; i++)
        t->inverse[i * t->size + i] += t->lambda;
}

/* ---- the diagonal of P ---- */

/* z' M z for the column z of one item; `corner`: its text's vector times the text's corner of M. */
static double quadratic(const struct training *t, uint32_t item, const float *corner)
{
    const struct sparse *s = &t->x->columns;
    double sum = 0;
    for (size_t i = s->start[item]; i < s->start[item + 1]; i++) {
        const float *row = t->inverse + (size_t)s->at[i] * t->size;
        double own = 0;
        for (size_t j = s->start[item]; j < s->start[item + 1]; j++)
            own += (double)(s->weight[j] * row[s->at[j]]);
        if (t->dims)
            own +=
                2 * (double)(t->root_gamma * dot_f32(text_row(t, item), row + t->readers, t->dims));
        sum += (double)s->weight[i] * own;
    }
    if (t->dims)
        sum +=
            (double)(t->root_gamma * t->root_gamma * dot_f32(corner, text_row(t, item), t->dims));
    return sum;
}

static void diagonal_make(void *ctx, unsigned worker, uint32_t block)
{
    struct training *t = ctx;
    uint32_t from = block * BLOCK, n = block_size(from, t->x->items);
    float *corners = t->blocks[worker].by_row; /* n x dims */
    if (t->dual && t->dims)
        dense_product(n, t->dims, t->dims, 1, (struct dense){text_row(t, from), t->dims, false},
                      (struct dense){t->inverse + t->readers * (t->size + 1), t->size, false}, 0,
                      corners, t->dims);
    for (uint32_t i = 0; i < n; i++)
        t->diagonal[from + i] =
            t->dual
                ? (float)((1 - quadratic(t, from + i, corners + i * t->dims)) / (double)t->lambda)
                : t->inverse[(from + i) * (t->size + 1)];
}

/* ---- rows of B ---- */

static void blocks_init(struct training *t)
{
    size_t items = t->x->items;
    t->blocks = xcalloc(t->threads, sizeof *t->blocks);
    for (unsigned i = 0; i < t->threads; i++) {
        struct block *b = &t->blocks[i];
        b->rows = xhuge((t->dual ? BLOCK : 1) * items * sizeof *b->rows);
        if (!t->dual)
            continue;
        b->by_item = xhuge(BLOCK * t->size * sizeof *b->by_item);
        b->by_row = xhuge(BLOCK * t->size * sizeof *b->by_row);
        b->columns = xhuge(BLOCK * items * sizeof *b->columns);
    }
}

static void blocks_release(struct training *t)
{
    for (unsigned i = 0; i < t->threads; i++) {
        free(t->blocks[i].by_item);
        free(t->blocks[i].by_row);
        free(t->blocks[i].rows);
        free(t->blocks[i].columns);
    }
    free(t->blocks);
}

/* M z for each item's column z of Z. */
static void block_turn(const struct training *t, struct block *b)
{
    const struct sparse *s = &t->x->columns;
    if (t->dims)
        dense_product(b->count, t->size, t->dims, t->root_gamma,
                      (struct dense){text_row(t, b->from), t->dims, false},
                      (struct dense){t->inverse + t->readers * t->size, t->size, false}, 0,
                      b->by_item, t->size);
    else
        memset(b->by_item, 0, b->count * t->size * sizeof *b->by_item);
    for (uint32_t k = 0; k < b->count; k++)
        for (size_t i = s->start[b->from + k]; i < s->start[b->from + k + 1]; i++)
            dense_add(t->size, s->weight[i], t->inverse + (size_t)s->at[i] * t->size,
                      b->by_item + k * t->size);
    for (size_t column = 0; column < t->size; column += 16)
        for (uint32_t k = 0; k < BLOCK; k++)
            for (size_t c = column; c < column + 16 && c < t->size; c++)
                b->by_row[c * BLOCK + k] = k < b->count ? b->by_item[k * t->size + c] : 0;
}

/* Z' of that for the items from ... end, which is -lambda P of them and of the block: with
 * B_ij = -P_ij / P_jj an entry of a row of the block and, P being symmetric, of a later row. */
static void run_make(const struct training *t, struct block *b, uint32_t from, uint32_t end)
{
    const struct sparse *s = &t->x->columns;
    float *columns = b->columns + (size_t)from * BLOCK, scale[BLOCK];
    if (t->dims)
        dense_product(end - from, BLOCK, t->dims, t->root_gamma,
                      (struct dense){text_row(t, from), t->dims, false},
                      (struct dense){b->by_row + t->readers * BLOCK, BLOCK, false}, 0, columns,
                      BLOCK);
    else
        memset(columns, 0, (size_t)(end - from) * BLOCK * sizeof *columns);
    for (uint32_t j = from; j < end; j++)
        for (size_t i = s->start[j]; i < s->start[j + 1]; i++)
            dense_add(BLOCK, s->weight[i], b->by_row + (size_t)s->at[i] * BLOCK,
                      columns + (size_t)(j - from) * BLOCK);
    for (uint32_t column = 0; column < b->count; column += 16)
        for (uint32_t j = from; j < end; j++) {
            float own = 1 / (t->lambda * t->diagonal[j]);
            for (uint32_t k = column; k < column + 16 && k < b->count; k++)
                b->rows[(size_t)k * t->x->items + j] = columns[(j - from) * BLOCK + k] * own;
        }
    for (uint32_t k = 0; k < BLOCK; k++)
        scale[k] = k < b->count ? 1 / (t->lambda * t->diagonal[b->from + k]) : 0;
    for (uint32_t j = from; j < end; j++)
        for (uint32_t k = 0; k < BLOCK; k++)
            columns[(size_t)(j - from) * BLOCK + k] *= scale[k];
}

/* The nth of the blocks that are made now: what it has with its own items and with later ones. */
static void block_make(void *ctx, unsigned worker, uint32_t n)
{
    struct training *t = ctx;
    struct block *b = &t->blocks[n];
    uint32_t items = t->x->items;
    b->from = (t->first + n) * BLOCK;
    b->count = block_size(b->from, items);
    if (stopped(t))
        return;
    block_turn(t, b);
    for (uint32_t at = b->from; at < items; at += RUN)
        run_make(t, b, at, items - at < RUN ? items : at + RUN);
    for (uint32_t k = 0; k < b->count; k++)
        b->rows[(size_t)k * items + b->from + k] = 0;
}

/* Some rows of B are given what the blocks have for them: all that a block has of its own rows, its
 * entries of later ones. */
static void rows_offer(void *ctx, unsigned worker, uint32_t block)
{
    struct training *t = ctx;
    uint32_t items = t->x->items, from = (t->first + block) * BLOCK,
             end = from + block_size(from, items);
    for (unsigned n = 0; n < t->threads && !stopped(t); n++) {
        const struct block *b = &t->blocks[n];
        for (uint32_t j = from; j < end && b->count; j++)
            if (b->from == from)
                largest_offer(&t->best, j, from, b->rows + (size_t)(j - from) * items + from,
                              items - from);
            else if (b->from < from)
                largest_offer(&t->best, j, b->from, b->columns + (size_t)j * BLOCK, b->count);
    }
}

static void tell(const struct training *t, double done)
{
    if (t->o->progress)
        t->o->progress(t->o->ctx, done);
}

static void inverse_tell(void *ctx, double share)
{
    tell(ctx, INVERTING * share);
}

static void rows_dual(struct training *t)
{
    uint32_t blocks = block_count(t->x->items);
    for (t->first = 0; t->first < blocks && !stopped(t); t->first += t->threads) {
        uint32_t left = blocks - t->first;
        for (unsigned n = 0; n < t->threads; n++)
            t->blocks[n].count = 0;
        parallel_run(t->threads, left < t->threads ? left : t->threads, block_make, t);
        parallel_run(t->threads, left, rows_offer, t);
        tell(t, INVERTING + (1 - INVERTING) * (blocks - left) / blocks);
    }
}

static void rows_primal(void *ctx, unsigned worker, uint32_t block)
{
    struct training *t = ctx;
    uint32_t items = t->x->items, from = block * BLOCK, end = from + block_size(from, items);
    float *row = t->blocks[worker].rows;
    for (uint32_t i = from; i < end && !stopped(t); i++) {
        const float *p = t->inverse + (size_t)i * t->size;
        for (uint32_t j = 0; j < items; j++)
            row[j] = j == i ? 0 : -p[j] / t->diagonal[j];
        largest_offer(&t->best, i, 0, row, items);
    }
}

static void rows_take(void *ctx, unsigned worker, uint32_t block)
{
    struct training *t = ctx;
    uint32_t from = block * BLOCK, end = from + block_size(from, t->x->items);
    for (uint32_t i = from; i < end; i++)
        largest_take(&t->best, i);
}

/* ---- the whole ---- */

static void training_init(struct training *t, const struct interactions *x,
                          const struct ease_options *o)
{
    *t = (struct training){.x = x, .o = o, .text = o->text};
    t->dims = o->text && o->gamma > 0 ? o->dims : 0;
    t->root_gamma = (float)sqrt(o->gamma > 0 ? o->gamma : 0);
    t->lambda = (float)(o->lambda > 0 ? o->lambda : LAMBDA);
    t->readers = x->readers;
    t->dual = (size_t)x->readers + t->dims < x->items;
    t->size = t->dual ? x->readers + t->dims : x->items;
    t->kept = o->kept ? o->kept : EASE_KEPT;
    t->kept = t->kept < x->items ? t->kept : x->items;
    t->threads = parallel_threads(o->threads);
    t->threads = t->threads < THREADS_MAX ? t->threads : THREADS_MAX;
}

static size_t training_bytes(const struct training *t)
{
    size_t items = t->x->items, each = t->dual ? 2 * BLOCK * (t->size + items) : items,
           rows = t->threads * each * sizeof(float) + largest_bytes(t->x->items, t->kept),
           model = largest_bytes(t->x->items, t->kept) + items * (8 * (size_t)t->kept + 8),
           inverting = invert_bytes(t->size);
    rows = rows > model ? rows : model;
    return 4 * (t->size * t->size + 2 * items) + (rows > inverting ? rows : inverting);
}

size_t ease_train_bytes(uint32_t readers, uint32_t items, const struct ease_options *o)
{
    struct training t;
    struct interactions x = {.readers = readers, .items = items};
    training_init(&t, &x, o);
    return training_bytes(&t);
}

static enum err training_run(struct training *t, struct err_info *e)
{
    fill(t);
    if (!stopped(t) && !invert(t->inverse, t->size, t->threads, t->o->stop, inverse_tell, t) &&
        !stopped(t))
        return err_set(e, ERR_INVALID, "lambda", "is too small for these readers: try %g",
                       10 * (double)t->lambda);
    blocks_init(t);
    if (!stopped(t))
        parallel_run(t->threads, block_count(t->x->items), diagonal_make, t);
    if (t->dual)
        rows_dual(t);
    else
        parallel_run(t->threads, block_count(t->x->items), rows_primal, t);
    parallel_run(t->threads, block_count(t->x->items), rows_take, t);
    blocks_release(t);
    tell(t, 1);
    return stopped(t) ? err_set(e, ERR_CANCELLED, NULL, "the training was cancelled") : 0;
}

enum err ease_train(const struct interactions *x, const struct ease_options *o,
                    struct item_model **out, struct err_info *e)
{
    struct training t;
    enum err err = dense_open(e);
    if (err)
        return err;
    training_init(&t, x, o);
    size_t bytes = training_bytes(&t), items = x->items;
    if (o->memory_max && bytes > o->memory_max)
        return err_set(e, ERR_FULL, "memory",
                       "training on %u readers and %u documents takes %zu MB, more than the %zu MB "
                       "that it may",
                       x->readers, x->items, bytes >> 20, o->memory_max >> 20);
    dense_threads(1);
    t.inverse = xhuge(t.size * t.size * sizeof *t.inverse);
    t.diagonal = xmalloc((items + 1) * sizeof *t.diagonal);
    largest_init(&t.best, x->items, t.kept);
    err = training_run(&t, e);
    if (!err)
        *out = largest_model(&t.best, t.threads);
    free(t.inverse);
    free(t.diagonal);
    largest_release(&t.best);
    return err;
}
