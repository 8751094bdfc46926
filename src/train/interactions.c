#include "train/interactions.h"

#include "base/arena.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void sparse_init(struct sparse *s, uint32_t rows, size_t count)
{
    s->start = xcalloc((size_t)rows + 1, sizeof *s->start);
    s->at = xmalloc((count + 1) * sizeof *s->at);
    s->weight = xmalloc((count + 1) * sizeof *s->weight);
}

static void sparse_release(struct sparse *s)
{
    free(s->start);
    free(s->at);
    free(s->weight);
}

/* Rows become columns; what stood in rising rows stands rising in each column. */
static void sparse_turn(const struct sparse *from, uint32_t rows, struct sparse *to,
                        uint32_t columns)
{
    size_t count = from->start[rows];
    for (size_t i = 0; i < count; i++)
        to->start[from->at[i] + 1]++;
    for (uint32_t c = 0; c < columns; c++)
        to->start[c + 1] += to->start[c];
    size_t *next = xmalloc(((size_t)columns + 1) * sizeof *next);
    memcpy(next, to->start, ((size_t)columns + 1) * sizeof *next);
    for (uint32_t r = 0; r < rows; r++)
        for (size_t i = from->start[r]; i < from->start[r + 1]; i++) {
            size_t place = next[from->at[i]]++;
            to->at[place] = r;
            to->weight[place] = from->weight[i];
        }
    free(next);
}

/* Rows of one pair follow each other: they become one. */
static void sparse_merge(struct sparse *s, uint32_t rows)
{
    size_t kept = 0;
    for (uint32_t r = 0; r < rows; r++) {
        size_t from = s->start[r], end = s->start[r + 1], first = kept;
        s->start[r] = kept;
        while (from < end) {
            uint32_t at = s->at[from];
            float sum = 0;
            for (; from < end && s->at[from] == at; from++)
                sum += s->weight[from];
            s->at[kept] = at;
            s->weight[kept] = sum;
            kept += sum != 0;
        }
        assert(kept >= first);
    }
    s->start[rows] = kept;
}

struct interactions *interactions_new(const struct interaction *all, size_t count, uint32_t readers,
                                      uint32_t items)
{
    struct interactions *x = xcalloc(1, sizeof *x);
    struct sparse raw, mixed;
    x->readers = readers;
    x->items = items;
    sparse_init(&raw, items, count);
    sparse_init(&mixed, readers, count);
    sparse_init(&x->columns, items, count);
    for (size_t i = 0; i < count; i++) {
        assert(all[i].reader < readers && all[i].item < items);
        mixed.start[all[i].reader + 1]++;
    }
    for (uint32_t r = 0; r < readers; r++)
        mixed.start[r + 1] += mixed.start[r];
    size_t *next = xmalloc(((size_t)readers + 1) * sizeof *next);
    memcpy(next, mixed.start, ((size_t)readers + 1) * sizeof *next);
    for (size_t i = 0; i < count; i++) {
        size_t place = next[all[i].reader]++;
        mixed.at[place] = all[i].item;
        mixed.weight[place] = all[i].weight;
    }
    free(next);
    /* Turned twice, each row is in rising order. */
    sparse_turn(&mixed, readers, &raw, items);
    sparse_release(&mixed);
    sparse_init(&x->rows, readers, count);
    sparse_turn(&raw, items, &x->rows, readers);
    sparse_release(&raw);
    sparse_merge(&x->rows, readers);
    sparse_turn(&x->rows, readers, &x->columns, items);
    x->count = x->rows.start[readers];
    return x;
}

void interactions_free(struct interactions *x)
{
    if (!x)
        return;
    sparse_release(&x->rows);
    sparse_release(&x->columns);
    free(x);
}
