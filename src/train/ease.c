#include "train/ease.h"

#include "base/arena.h"
#include "base/thread.h"
#include "math/dense.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 256u /* items whose rows are made at a time */
#define THREADS_MAX 64u
#define LAMBDA 30.0

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
    float *diagonal; /* of P */
    _Atomic uint32_t next;
    uint32_t *to; /* items x kept: rows of B before they are packed */
    float *weight;
    uint32_t *count;
};

static bool stopped(const struct training *t)
{
    return t->o->stop && atomic_load(t->o->stop);
}

static float *text_row(const struct training *t, uint32_t item)
{
    return (float *)t->text + (size_t)item * t->dims;
}

/* ---- the matrix that is inverted ---- */

/* a += X X' (rows) or X' X (columns): for each row of the other side all pairs in it. */
static void add_pairs(const struct sparse *s, uint32_t rows, float *a, size_t n)
{
    for (uint32_t r = 0; r < rows; r++)
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++)
            for (size_t j = s->start[r]; j <= i; j++)
                a[(size_t)s->at[i] * n + s->at[j]] += s->weight[i] * s->weight[j];
}

/* The rows of the text against the readers' rows: sqrt(gamma) E' X'. */
static void add_text_readers(struct training *t)
{
    const struct sparse *s = &t->x->rows;
    for (uint32_t r = 0; r < t->x->readers; r++) {
        float *column = xcalloc(t->dims, sizeof *column);
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++)
            for (size_t d = 0; d < t->dims; d++)
                column[d] += s->weight[i] * text_row(t, s->at[i])[d];
        for (size_t d = 0; d < t->dims; d++)
            t->inverse[(t->readers + d) * t->size + r] = t->root_gamma * column[d];
        free(column);
    }
}

static void fill(struct training *t)
{
    float gamma = t->root_gamma * t->root_gamma;
    if (t->dual) {
        add_pairs(&t->x->columns, t->x->items, t->inverse, t->size);
        if (t->dims) {
            add_text_readers(t);
            float *corner = t->inverse + t->readers * t->size + t->readers;
            dense_product(t->dims, t->dims, t->x->items, gamma,
                          (struct dense){t->text, t->dims, true},
                          (struct dense){t->text, t->dims, false}, 0, corner, t->size);
        }
    } else {
        if (t->dims)
            dense_product(t->size, t->size, t->dims, gamma, (struct dense){t->text, t->dims, false},
                          (struct dense){t->text, t->dims, true}, 0, t->inverse, t->size);
        add_pairs(&t->x->rows, t->x->readers, t->inverse, t->size);
    }
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
        for (size_t d = 0; d < t->dims; d++)
            own += 2 * (double)(t->root_gamma * text_row(t, item)[d] * row[t->readers + d]);
        sum += (double)s->weight[i] * own;
    }
    for (size_t d = 0; d < t->dims; d++)
        sum += (double)(t->root_gamma * t->root_gamma * corner[d] * text_row(t, item)[d]);
    return sum;
}

static void diagonal_make(struct training *t)
{
    float *corners = xcalloc(BLOCK * (t->dims + 1), sizeof *corners);
    for (uint32_t from = 0; from < t->x->items; from += BLOCK) {
        uint32_t n = t->x->items - from < BLOCK ? t->x->items - from : BLOCK;
        if (t->dual && t->dims)
            dense_product(
                n, t->dims, t->dims, 1, (struct dense){text_row(t, from), t->dims, false},
                (struct dense){t->inverse + t->readers * t->size + t->readers, t->size, false}, 0,
                corners, t->dims);
        for (uint32_t i = 0; i < n; i++)
            t->diagonal[from + i] =
                t->dual ? (float)((1 - quadratic(t, from + i, corners + i * t->dims)) /
                                  (double)t->lambda)
                        : t->inverse[(from + i) * (t->size + 1)];
    }
    free(corners);
}

/* ---- rows of B ---- */

struct block {
    float *by_item;  /* BLOCK x size: the items' columns of Z times M */
    float *by_row;   /* the same, size x BLOCK */
    float *products; /* items x BLOCK: Z' M z */
    float *row;      /* items: one row of B */
    uint32_t *order; /* items */
};

static void block_init(const struct training *t, struct block *b)
{
    size_t items = t->x->items;
    *b = (struct block){.row = xmalloc(items * sizeof(float)),
                        .order = xmalloc(items * sizeof(uint32_t))};
    if (!t->dual)
        return;
    b->by_item = xmalloc(BLOCK * t->size * sizeof(float));
    b->by_row = xmalloc(BLOCK * t->size * sizeof(float));
    b->products = xmalloc(BLOCK * items * sizeof(float));
}

static void block_release(struct block *b)
{
    free(b->by_item);
    free(b->by_row);
    free(b->products);
    free(b->row);
    free(b->order);
}

/* M z for each item's column z of Z. */
static void block_turn(const struct training *t, struct block *b, uint32_t from, uint32_t n)
{
    const struct sparse *s = &t->x->columns;
    if (t->dims)
        dense_product(n, t->size, t->dims, t->root_gamma,
                      (struct dense){text_row(t, from), t->dims, false},
                      (struct dense){t->inverse + t->readers * t->size, t->size, false}, 0,
                      b->by_item, t->size);
    else
        memset(b->by_item, 0, n * t->size * sizeof *b->by_item);
    for (uint32_t k = 0; k < n; k++) {
        float *to = b->by_item + k * t->size;
        for (size_t i = s->start[from + k]; i < s->start[from + k + 1]; i++) {
            const float *row = t->inverse + (size_t)s->at[i] * t->size;
            float weight = s->weight[i];
            for (size_t c = 0; c < t->size; c++)
                to[c] += weight * row[c];
        }
    }
    for (uint32_t k = 0; k < BLOCK; k++)
        for (size_t c = 0; c < t->size; c++)
            b->by_row[c * BLOCK + k] = k < n ? b->by_item[k * t->size + c] : 0;
}

/* Z' of that: items x BLOCK. */
static void block_multiply(const struct training *t, struct block *b)
{
    const struct sparse *s = &t->x->columns;
    if (t->dims)
        dense_product(
            t->x->items, BLOCK, t->dims, t->root_gamma, (struct dense){t->text, t->dims, false},
            (struct dense){b->by_row + t->readers * BLOCK, BLOCK, false}, 0, b->products, BLOCK);
    else
        memset(b->products, 0, (size_t)t->x->items * BLOCK * sizeof *b->products);
    for (uint32_t j = 0; j < t->x->items; j++) {
        float *to = b->products + (size_t)j * BLOCK;
        for (size_t i = s->start[j]; i < s->start[j + 1]; i++) {
            const float *row = b->by_row + (size_t)s->at[i] * BLOCK;
            float weight = s->weight[i];
            for (unsigned k = 0; k < BLOCK; k++)
                to[k] += weight * row[k];
        }
    }
}

static void row_keep(struct training *t, struct block *b, uint32_t item)
{
    size_t at = (size_t)item * t->kept,
           kept = item_row_keep(b->row, t->x->items, t->kept, b->order);
    for (size_t k = 0; k < kept; k++) {
        t->to[at + k] = b->order[k];
        t->weight[at + k] = b->row[b->order[k]];
    }
    t->count[item] = (uint32_t)kept;
}

/* Row i of B: -P_ij / P_jj. */
static void row_make(struct training *t, struct block *b, uint32_t item, uint32_t in_block)
{
    for (uint32_t j = 0; j < t->x->items; j++) {
        float p = t->dual ? -b->products[(size_t)j * BLOCK + in_block] / t->lambda
                          : t->inverse[(size_t)item * t->size + j];
        b->row[j] = j == item ? 0 : -p / t->diagonal[j];
    }
    row_keep(t, b, item);
}

static void rows_run(void *arg)
{
    struct training *t = arg;
    struct block b;
    block_init(t, &b);
    for (;;) {
        uint32_t from = atomic_fetch_add(&t->next, BLOCK);
        if (from >= t->x->items || stopped(t))
            break;
        uint32_t n = t->x->items - from < BLOCK ? t->x->items - from : BLOCK;
        if (t->dual) {
            block_turn(t, &b, from, n);
            block_multiply(t, &b);
        }
        for (uint32_t k = 0; k < n; k++)
            row_make(t, &b, from + k, k);
        if (t->o->done)
            atomic_fetch_add(t->o->done, n);
    }
    block_release(&b);
}

static void rows_make(struct training *t)
{
    struct thread *started[THREADS_MAX];
    dense_threads(1);
    for (unsigned i = 1; i < t->threads; i++)
        started[i] = thread_start("ease", rows_run, t);
    rows_run(t);
    for (unsigned i = 1; i < t->threads; i++)
        thread_join(started[i]);
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
    t->threads = o->threads ? o->threads : thread_cores();
    t->threads = t->threads < THREADS_MAX ? t->threads : THREADS_MAX;
}

static size_t training_bytes(const struct training *t)
{
    size_t items = t->x->items, each = t->dual ? BLOCK * (2 * t->size + items) : 0;
    return 4 *
           (t->size * t->size + t->threads * (each + 2 * items) + 2 * items + 4 * items * t->kept);
}

size_t ease_train_bytes(uint32_t readers, uint32_t items, const struct ease_options *o)
{
    struct training t;
    struct interactions x = {.readers = readers, .items = items};
    training_init(&t, &x, o);
    return training_bytes(&t);
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
    t.inverse = xcalloc(t.size * t.size + 1, sizeof *t.inverse);
    t.diagonal = xmalloc((items + 1) * sizeof *t.diagonal);
    t.to = xmalloc((items * t.kept + 1) * sizeof *t.to);
    t.weight = xmalloc((items * t.kept + 1) * sizeof *t.weight);
    t.count = xcalloc(items + 1, sizeof *t.count);
    dense_threads(t.threads);
    fill(&t);
    if (!stopped(&t) && !dense_invert(t.inverse, t.size))
        err = err_set(e, ERR_INVALID, "lambda", "is too small for these readers: try %g",
                      10 * (double)t.lambda);
    if (!err && !stopped(&t)) {
        diagonal_make(&t);
        rows_make(&t);
    }
    if (!err && stopped(&t))
        err = err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
    if (!err)
        *out = item_model_new(x->items, t.kept, t.count, t.to, t.weight);
    free(t.inverse);
    free(t.diagonal);
    free(t.to);
    free(t.weight);
    free(t.count);
    return err;
}
