#include "train/neighbours.h"

#include "base/arena.h"
#include "base/thread.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_AT_A_TIME 64
#define THREADS_MAX 64u

/* Rows of some items, one after the other. */
struct block {
    uint32_t *to;
    float *weights;
    size_t count;
};
/* B = left * right, both of the shape of the interactions. */
struct counting {
    const struct interactions *x;
    const struct neighbours_options *o;
    float *left;  /* as x->columns: item i, reader u */
    float *right; /* as x->rows: reader u, item j */
    unsigned kept;
    uint32_t read_max;
    _Atomic uint32_t next;
    uint32_t *counts; /* items */
    struct block *blocks;
};
/* Of one thread: a row with room for all items, and which of them were touched. */
struct room {
    float *row;
    uint32_t *touched, *seen; /* seen[j] == i + 1: in the row of i */
};

static size_t row_length(const struct sparse *s, uint32_t row)
{
    return s->start[row + 1] - s->start[row];
}

/* ---- weights ---- */

/* What of them depends on the reader alone, or on the item alone. */
struct scales {
    double *reader, *item;
};

static struct scales scales_new(const struct interactions *x)
{
    return (struct scales){xmalloc(((size_t)x->readers + 1) * sizeof(double)),
                           xmalloc(((size_t)x->items + 1) * sizeof(double))};
}

static void scales_free(struct scales *s)
{
    free(s->reader);
    free(s->item);
}

static double bm25(const struct scales *s, uint32_t item, uint32_t reader, double k1, double x)
{
    return s->reader[reader] * x * (k1 + 1) / (x + k1 * s->item[item]);
}

static void weigh_bm25(struct counting *c)
{
    const struct interactions *x = c->x;
    struct scales s = scales_new(x);
    double k1 = c->o->k1 > 0 ? c->o->k1 : 10, b = c->o->b > 0 ? c->o->b : .2,
           mean = (double)x->count / (double)x->items;
    for (uint32_t u = 0; u < x->readers; u++)
        s.reader[u] = fmax(log((double)x->items / (1 + (double)row_length(&x->rows, u))), 0);
    for (uint32_t i = 0; i < x->items; i++)
        s.item[i] = 1 - b + b * (double)row_length(&x->columns, i) / mean;
    for (uint32_t i = 0; i < x->items; i++)
        for (size_t k = x->columns.start[i]; k < x->columns.start[i + 1]; k++)
            c->left[k] = (float)bm25(&s, i, x->columns.at[k], k1, (double)x->columns.weight[k]);
    for (uint32_t u = 0; u < x->readers; u++)
        for (size_t k = x->rows.start[u]; k < x->rows.start[u + 1]; k++)
            c->right[k] = (float)bm25(&s, x->rows.at[k], u, k1, (double)x->rows.weight[k]);
    scales_free(&s);
}

/* The steps item -> reader, on the left, and reader -> item of a walk. */
static void weigh_walks(struct counting *c)
{
    const struct interactions *x = c->x;
    struct scales s = scales_new(x);
    double alpha = c->o->alpha > 0 ? c->o->alpha : .6, beta = c->o->beta > 0 ? c->o->beta : .35;
    for (uint32_t i = 0; i < x->items; i++) {
        double readers = (double)row_length(&x->columns, i), left = pow(readers, -alpha);
        s.item[i] = pow(readers, -beta);
        for (size_t k = x->columns.start[i]; k < x->columns.start[i + 1]; k++)
            c->left[k] = (float)left;
    }
    for (uint32_t u = 0; u < x->readers; u++) {
        s.reader[u] = pow((double)row_length(&x->rows, u), -alpha);
        for (size_t k = x->rows.start[u]; k < x->rows.start[u + 1]; k++)
            c->right[k] = (float)(s.reader[u] * s.item[x->rows.at[k]]);
    }
    scales_free(&s);
}

/* ---- rows ---- */

/* Returns how many items were touched. */
static size_t row_count(const struct counting *c, uint32_t item, struct room *m)
{
    const struct sparse *columns = &c->x->columns, *rows = &c->x->rows;
    size_t touched = 0;
    for (size_t k = columns->start[item]; k < columns->start[item + 1]; k++) {
        uint32_t u = columns->at[k];
        if (row_length(rows, u) > c->read_max)
            continue;
        for (size_t n = rows->start[u]; n < rows->start[u + 1]; n++) {
            uint32_t j = rows->at[n];
            if (m->seen[j] != item + 1) {
                m->seen[j] = item + 1;
                m->touched[touched++] = j;
                m->row[j] = 0;
            }
            m->row[j] += c->left[k] * c->right[n];
        }
    }
    m->row[item] = 0;
    return touched;
}

/* An entry as a number that is larger for a larger weight, and of equal ones for the lower item:
 * one order of all, so that what is kept does not depend on how it was looked for. */
static uint64_t rank_of(const float *row, uint32_t item)
{
    float size = fabsf(row[item]);
    uint32_t bits;
    memcpy(&bits, &size, sizeof bits);
    return (uint64_t)bits << 32 | (UINT32_MAX - item);
}

/* The `kept` of the highest rank into the front of `order` (Hoare's selection, 1961). */
static void select_largest(uint32_t *order, size_t count, size_t kept, const float *row)
{
    size_t low = 0, high = count - 1;
    while (kept && kept < count && low < high) {
        uint64_t pivot = rank_of(row, order[low + (high - low) / 2]);
        size_t i = low, j = high;
        for (;;) {
            while (rank_of(row, order[i]) > pivot)
                i++;
            while (rank_of(row, order[j]) < pivot)
                j--;
            if (i >= j)
                break;
            uint32_t swap = order[i];
            order[i++] = order[j];
            order[j--] = swap;
        }
        if (kept <= j)
            high = j;
        else
            low = j + 1;
    }
}

static int rising(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Of `count` places of a row, none of them twice, the `kept` of the largest weights that are not 0,
 * rising, to the front. Returns how many. */
static size_t places_keep(const float *row, uint32_t *places, size_t count, size_t kept)
{
    size_t n = 0;
    for (size_t k = 0; k < count; k++)
        if (row[places[k]] != 0)
            places[n++] = places[k];
    if (n > kept)
        select_largest(places, n, kept, row);
    n = n < kept ? n : kept;
    qsort(places, n, sizeof *places, rising);
    return n;
}

static void block_make(struct counting *c, uint32_t from, uint32_t end, struct room *m)
{
    struct block *b = &c->blocks[from / ITEMS_AT_A_TIME];
    size_t room = 0;
    for (uint32_t i = from; i < end; i++) {
        size_t n = places_keep(m->row, m->touched, row_count(c, i, m), c->kept);
        if (b->count + n > room) {
            room = 2 * (b->count + n);
            b->to = xrealloc(b->to, room * sizeof *b->to);
            b->weights = xrealloc(b->weights, room * sizeof *b->weights);
        }
        for (size_t k = 0; k < n; k++) {
            b->to[b->count + k] = m->touched[k];
            b->weights[b->count + k] = m->row[m->touched[k]];
        }
        b->count += n;
        c->counts[i] = (uint32_t)n;
    }
    b->to = xrealloc(b->to, (b->count + 1) * sizeof *b->to);
    b->weights = xrealloc(b->weights, (b->count + 1) * sizeof *b->weights);
}

static bool stopped(const struct counting *c)
{
    return c->o->stop && atomic_load(c->o->stop);
}

static void rows_run(void *arg)
{
    struct counting *c = arg;
    uint32_t items = c->x->items;
    struct room m = {.row = xmalloc(((size_t)items + 1) * sizeof *m.row),
                     .touched = xmalloc(((size_t)items + 1) * sizeof *m.touched),
                     .seen = xcalloc((size_t)items + 1, sizeof *m.seen)};
    for (;;) {
        uint32_t from = atomic_fetch_add(&c->next, ITEMS_AT_A_TIME), end = from + ITEMS_AT_A_TIME;
        if (from >= items || stopped(c))
            break;
        end = end < items ? end : items;
        block_make(c, from, end, &m);
    }
    free(m.row);
    free(m.touched);
    free(m.seen);
}

static void rows_make(struct counting *c)
{
    struct thread *started[THREADS_MAX];
    unsigned threads = c->o->threads ? c->o->threads : thread_cores();
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    for (unsigned i = 1; i < threads; i++)
        started[i] = thread_start("neighbours", rows_run, c);
    rows_run(c);
    for (unsigned i = 1; i < threads; i++)
        thread_join(started[i]);
}

/* The blocks become one; each is let go as soon as it was copied. */
static struct item_model *blocks_join(struct counting *c)
{
    uint32_t items = c->x->items;
    struct item_model *m = xcalloc(1, sizeof *m);
    m->items = items;
    m->rows.start = xcalloc((size_t)items + 1, sizeof *m->rows.start);
    for (uint32_t i = 0; i < items; i++)
        m->rows.start[i + 1] = m->rows.start[i] + c->counts[i];
    m->rows.at = xmalloc((m->rows.start[items] + 1) * sizeof *m->rows.at);
    m->rows.weight = xmalloc((m->rows.start[items] + 1) * sizeof *m->rows.weight);
    for (uint32_t i = 0; i < items; i += ITEMS_AT_A_TIME) {
        struct block *b = &c->blocks[i / ITEMS_AT_A_TIME];
        memcpy(m->rows.at + m->rows.start[i], b->to, b->count * sizeof *b->to);
        memcpy(m->rows.weight + m->rows.start[i], b->weights, b->count * sizeof *b->weights);
        free(b->to);
        free(b->weights);
        *b = (struct block){0};
    }
    return m;
}

enum err neighbours_train(const struct interactions *x, const struct neighbours_options *o,
                          struct item_model **out, struct err_info *e)
{
    uint32_t blocks = x->items / ITEMS_AT_A_TIME + 1;
    struct counting c = {.x = x,
                         .o = o,
                         .kept = o->kept ? o->kept : 200,
                         .read_max = o->read_max ? o->read_max : NEIGHBOURS_READ_MAX};
    enum err err = 0;
    c.left = xmalloc((x->count + 1) * sizeof *c.left);
    c.right = xmalloc((x->count + 1) * sizeof *c.right);
    c.counts = xcalloc((size_t)x->items + 1, sizeof *c.counts);
    c.blocks = xcalloc(blocks, sizeof *c.blocks);
    if (o->kind == NEIGHBOURS_RP3BETA)
        weigh_walks(&c);
    else
        weigh_bm25(&c);
    rows_make(&c);
    free(c.left);
    free(c.right);
    if (stopped(&c))
        err = err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
    else
        *out = blocks_join(&c);
    for (uint32_t b = 0; b < blocks; b++) {
        free(c.blocks[b].to);
        free(c.blocks[b].weights);
    }
    free(c.blocks);
    free(c.counts);
    return err;
}
