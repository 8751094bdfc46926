#include "train/largest.h"

#include "base/arena.h"
#include "train/parallel.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void largest_init(struct largest *l, uint32_t rows, unsigned kept)
{
    *l = (struct largest){.rows = rows, .kept = kept, .room = 2 * kept};
    l->count = xcalloc((size_t)rows + 1, sizeof *l->count);
    l->bound = xcalloc((size_t)rows + 1, sizeof *l->bound);
    l->entries = xhuge((size_t)rows * l->room * sizeof *l->entries);
}

void largest_release(struct largest *l)
{
    free(l->count);
    free(l->bound);
    free(l->entries);
}

static struct largest_entry *row_of(const struct largest *l, uint32_t row)
{
    return l->entries + (size_t)row * l->room;
}

/* Sizes as numbers: of floats >= 0 the bits rise as they do. */
static uint32_t size_of(float weight)
{
    uint32_t bits;
    memcpy(&bits, &weight, sizeof bits);
    return bits & 0x7FFFFFFF;
}

/* The nth largest, from 0 (Hoare's selection, 1961). */
static uint32_t nth_largest(uint32_t *sizes, size_t count, size_t nth)
{
    size_t low = 0, high = count - 1;
    while (low < high) {
        uint32_t pivot = sizes[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (sizes[i] > pivot)
                i++;
            while (sizes[j] < pivot)
                j--;
            if (i >= j)
                break;
            uint32_t swap = sizes[i];
            sizes[i++] = sizes[j];
            sizes[j--] = swap;
        }
        if (nth <= j)
            high = j;
        else
            low = j + 1;
    }
    return sizes[nth];
}

#define BUCKETS 256u
#define BUCKET_SHIFT 19 /* 16 buckets for each power of two */

static uint32_t bucket_of(uint32_t largest, float weight)
{
    uint32_t below = (largest - size_of(weight)) >> BUCKET_SHIFT;
    return below < BUCKETS ? below : BUCKETS - 1;
}

/* The size of the `kept` largest's least, and into *ties how many of that size are among them. By
 * buckets of about equal sizes, so that a selection is only of those near the bound. */
static uint32_t least_kept(const struct largest_entry *e, uint32_t count, unsigned kept,
                           uint32_t *ties)
{
    uint32_t largest = 0, counts[BUCKETS] = {0}, above = 0, bucket = 0, n = 0;
    for (uint32_t i = 0; i < count; i++)
        largest = size_of(e[i].weight) > largest ? size_of(e[i].weight) : largest;
    for (uint32_t i = 0; i < count; i++)
        counts[bucket_of(largest, e[i].weight)]++;
    while (above + counts[bucket] < kept)
        above += counts[bucket++];
    uint32_t *sizes = xmalloc((counts[bucket] + 1) * sizeof *sizes);
    for (uint32_t i = 0; i < count; i++) {
        sizes[n] = size_of(e[i].weight);
        n += bucket_of(largest, e[i].weight) == bucket;
    }
    uint32_t least = nth_largest(sizes, n, kept - above - 1);
    *ties = kept - above;
    for (uint32_t i = 0; i < n; i++)
        *ties -= sizes[i] > least;
    free(sizes);
    return least;
}

/* To the kept ones, in the order in which they came. */
static void row_shorten(struct largest *l, uint32_t row)
{
    struct largest_entry *e = row_of(l, row);
    uint32_t n = 0, ties, least = least_kept(e, l->count[row], l->kept, &ties);
    for (uint32_t i = 0; i < l->count[row]; i++) {
        uint32_t size = size_of(e[i].weight);
        bool tie = size == least && ties > 0;
        e[n] = e[i];
        n += size > least || tie;
        ties -= tie;
    }
    l->count[row] = n;
    memcpy(&l->bound[row], &least, sizeof least);
}

#define GLANCE 16u

/* Most of what is offered is too small: many at a time are seen to be. */
static bool none_larger(const float *weights, float bound)
{
    unsigned larger = 0;
    for (unsigned i = 0; i < GLANCE; i++)
        larger |= fabsf(weights[i]) > bound;
    return !larger;
}

void largest_offer(struct largest *l, uint32_t row, uint32_t from, const float *weights,
                   uint32_t count)
{
    struct largest_entry *e = row_of(l, row);
    float bound = l->bound[row];
    uint32_t n = l->count[row];
    for (uint32_t i = 0; i < count;) {
        uint32_t some = count - i < GLANCE ? count - i : GLANCE;
        if (some == GLANCE && none_larger(weights + i, bound)) {
            i += GLANCE;
            continue;
        }
        some = some < l->room - n ? some : l->room - n;
        for (uint32_t k = 0; k < some; k++, i++) {
            e[n] = (struct largest_entry){from + i, weights[i]};
            n += fabsf(weights[i]) > bound;
        }
        if (n < l->room)
            continue;
        l->count[row] = n;
        row_shorten(l, row);
        n = l->count[row];
        bound = l->bound[row];
    }
    l->count[row] = n;
}

uint32_t largest_take(struct largest *l, uint32_t row)
{
    if (l->count[row] > l->kept)
        row_shorten(l, row);
    return l->count[row];
}

#define ROWS_AT_ONCE 256u

struct filling {
    const struct largest *l;
    struct item_model *m;
};

static void rows_fill(void *ctx, unsigned worker, uint32_t block)
{
    const struct filling *f = ctx;
    uint32_t from = block * ROWS_AT_ONCE,
             end = f->l->rows - from < ROWS_AT_ONCE ? f->l->rows : from + ROWS_AT_ONCE;
    for (uint32_t i = from; i < end; i++)
        for (uint32_t k = 0; k < f->l->count[i]; k++) {
            size_t at = f->m->rows.start[i] + k;
            f->m->rows.at[at] = row_of(f->l, i)[k].to;
            f->m->rows.weight[at] = row_of(f->l, i)[k].weight;
        }
}

struct item_model *largest_model(const struct largest *l, unsigned threads)
{
    struct filling f = {l, item_model_room(l->rows, l->count)};
    parallel_run(threads, (l->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, rows_fill, &f);
    return f.m;
}

size_t largest_bytes(uint32_t rows, unsigned kept)
{
    return (size_t)rows * (2 * sizeof(struct largest_entry) * kept + 8);
}
