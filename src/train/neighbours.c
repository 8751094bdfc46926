#include "train/neighbours.h"

#include "base/arena.h"
#include "base/thread.h"
#include <math.h>
#include <stdlib.h>

#define ITEMS_AT_A_TIME 64
#define THREADS_MAX 64u

/* B = left * right, both of the shape of the interactions. */
struct counting {
    const struct interactions *x;
    const struct neighbours_options *o;
    float *left;  /* as x->columns: item i, reader u */
    float *right; /* as x->rows: reader u, item j */
    unsigned kept;
    _Atomic uint32_t next;
    uint32_t *counts, *to;
    float *weights;
};

static size_t row_length(const struct sparse *s, uint32_t row)
{
    return s->start[row + 1] - s->start[row];
}

static double bm25(const struct counting *c, uint32_t item, uint32_t reader, double weight)
{
    const struct interactions *x = c->x;
    double k1 = c->o->k1 > 0 ? c->o->k1 : 100, b = c->o->b > 0 ? c->o->b : .8,
           mean = (double)x->count / (double)x->items,
           idf = log((double)x->items / (1 + (double)row_length(&x->rows, reader))),
           length = 1 - b + b * (double)row_length(&x->columns, item) / mean;
    return fmax(idf, 0) * weight * (k1 + 1) / (weight + k1 * length);
}

/* The steps item -> reader and reader -> item of a walk. */
static double walk_to(const struct counting *c, uint32_t item)
{
    double alpha = c->o->alpha > 0 ? c->o->alpha : 1;
    return pow(1 / (double)row_length(&c->x->columns, item), alpha);
}

static double walk_on(const struct counting *c, uint32_t reader, uint32_t item)
{
    double alpha = c->o->alpha > 0 ? c->o->alpha : 1, beta = c->o->beta > 0 ? c->o->beta : .6;
    return pow(1 / (double)row_length(&c->x->rows, reader), alpha) /
           pow((double)row_length(&c->x->columns, item), beta);
}

static void weigh(struct counting *c)
{
    const struct interactions *x = c->x;
    bool walk = c->o->kind == NEIGHBOURS_RP3BETA;
    for (uint32_t i = 0; i < x->items; i++)
        for (size_t k = x->columns.start[i]; k < x->columns.start[i + 1]; k++)
            c->left[k] = (float)(walk ? walk_to(c, i)
                                      : bm25(c, i, x->columns.at[k], (double)x->columns.weight[k]));
    for (uint32_t u = 0; u < x->readers; u++)
        for (size_t k = x->rows.start[u]; k < x->rows.start[u + 1]; k++)
            c->right[k] = (float)(walk ? walk_on(c, u, x->rows.at[k])
                                       : bm25(c, x->rows.at[k], u, (double)x->rows.weight[k]));
}

static void row_make(struct counting *c, uint32_t item, float *row, uint32_t *order)
{
    const struct interactions *x = c->x;
    size_t at = (size_t)item * c->kept;
    for (uint32_t j = 0; j < x->items; j++)
        row[j] = 0;
    for (size_t k = x->columns.start[item]; k < x->columns.start[item + 1]; k++) {
        uint32_t u = x->columns.at[k];
        for (size_t n = x->rows.start[u]; n < x->rows.start[u + 1]; n++)
            row[x->rows.at[n]] += c->left[k] * c->right[n];
    }
    row[item] = 0;
    size_t kept = item_row_keep(row, x->items, c->kept, order);
    for (size_t k = 0; k < kept; k++) {
        c->to[at + k] = order[k];
        c->weights[at + k] = row[order[k]];
    }
    c->counts[item] = (uint32_t)kept;
}

static bool stopped(const struct counting *c)
{
    return c->o->stop && atomic_load(c->o->stop);
}

static void rows_run(void *arg)
{
    struct counting *c = arg;
    uint32_t items = c->x->items;
    float *row = xmalloc((items + 1) * sizeof *row);
    uint32_t *order = xmalloc((items + 1) * sizeof *order);
    for (;;) {
        uint32_t from = atomic_fetch_add(&c->next, ITEMS_AT_A_TIME), end = from + ITEMS_AT_A_TIME;
        if (from >= items || stopped(c))
            break;
        end = end < items ? end : items;
        for (uint32_t i = from; i < end; i++)
            row_make(c, i, row, order);
        if (c->o->done)
            atomic_fetch_add(c->o->done, end - from);
    }
    free(row);
    free(order);
}

enum err neighbours_train(const struct interactions *x, const struct neighbours_options *o,
                          struct item_model **out, struct err_info *e)
{
    struct counting c = {.x = x, .o = o, .kept = o->kept ? o->kept : 200};
    struct thread *started[THREADS_MAX];
    unsigned threads = o->threads ? o->threads : thread_cores();
    enum err err = 0;
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    c.kept = c.kept < x->items ? c.kept : x->items;
    c.left = xmalloc((x->count + 1) * sizeof *c.left);
    c.right = xmalloc((x->count + 1) * sizeof *c.right);
    c.counts = xcalloc((size_t)x->items + 1, sizeof *c.counts);
    c.to = xmalloc(((size_t)x->items * c.kept + 1) * sizeof *c.to);
    c.weights = xmalloc(((size_t)x->items * c.kept + 1) * sizeof *c.weights);
    weigh(&c);
    for (unsigned i = 1; i < threads; i++)
        started[i] = thread_start("neighbours", rows_run, &c);
    rows_run(&c);
    for (unsigned i = 1; i < threads; i++)
        thread_join(started[i]);
    if (stopped(&c))
        err = err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
    else
        *out = item_model_new(x->items, c.kept, c.counts, c.to, c.weights);
    free(c.left);
    free(c.right);
    free(c.counts);
    free(c.to);
    free(c.weights);
    return err;
}
