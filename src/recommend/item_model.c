#include "recommend/item_model.h"

#include "base/arena.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

#define SAMPLE 1024u

/* A size of which more than `kept` of the row are likely larger, but not many more: the tail of a
 * sample that is drawn evenly. 0: the row is short. */
static float bound_guess(const float *row, uint32_t count, size_t kept, uint32_t *room)
{
    if (count < 4 * SAMPLE || kept > count / 4)
        return 0;
    uint32_t step = count / SAMPLE;
    for (uint32_t i = 0; i < SAMPLE; i++)
        room[i] = i * step;
    size_t wanted = kept * SAMPLE / count * 5 / 4 + 16;
    select_largest(room, SAMPLE, wanted, row);
    float least = fabsf(row[room[0]]);
    for (size_t i = 1; i < wanted; i++)
        least = fminf(least, fabsf(row[room[i]]));
    return least;
}

static size_t larger_than(const float *row, uint32_t count, float bound, uint32_t *out)
{
    size_t n = 0;
    for (uint32_t j = 0; j < count; j++) {
        out[n] = j;
        n += fabsf(row[j]) > bound;
    }
    return n;
}

size_t item_row_keep(const float *row, uint32_t count, size_t kept, uint32_t *out)
{
    float bound = bound_guess(row, count, kept, out);
    size_t n = larger_than(row, count, bound, out);
    if (bound > 0 && n < kept)
        n = larger_than(row, count, 0, out);
    if (n <= kept)
        return n;
    select_largest(out, n, kept, row);
    qsort(out, kept, sizeof *out, rising);
    return kept;
}

size_t item_places_keep(const float *row, uint32_t *places, size_t count, size_t kept)
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

struct item_model *item_model_room(uint32_t items, const uint32_t *counts)
{
    struct item_model *m = xcalloc(1, sizeof *m);
    size_t count = 0;
    m->items = items;
    m->rows.start = xcalloc((size_t)items + 1, sizeof *m->rows.start);
    for (uint32_t i = 0; i < items; i++)
        m->rows.start[i + 1] = count += counts[i];
    m->rows.at = xhuge((count + 1) * sizeof *m->rows.at);
    m->rows.weight = xhuge((count + 1) * sizeof *m->rows.weight);
    return m;
}

struct item_model *item_model_new(uint32_t items, unsigned kept, const uint32_t *counts,
                                  const uint32_t *to, const float *weights)
{
    struct item_model *m = item_model_room(items, counts);
    for (uint32_t i = 0; i < items; i++) {
        size_t from = (size_t)i * kept, at = m->rows.start[i];
        memcpy(m->rows.at + at, to + from, counts[i] * sizeof *to);
        memcpy(m->rows.weight + at, weights + from, counts[i] * sizeof *weights);
    }
    return m;
}

void item_model_free(struct item_model *m)
{
    if (!m)
        return;
    free(m->rows.start);
    free(m->rows.at);
    free(m->rows.weight);
    free(m);
}

void item_model_score(const struct item_model *m, const uint32_t *given, const float *weights,
                      size_t count, float *scores)
{
    for (size_t k = 0; k < count; k++)
        for (size_t i = m->rows.start[given[k]]; i < m->rows.start[given[k] + 1]; i++)
            scores[m->rows.at[i]] += weights[k] * m->rows.weight[i];
}

double item_model_deviation(const struct item_model *m)
{
    double sum = 0, squares = 0, all = (double)m->items * m->items;
    for (size_t i = 0; i < m->rows.start[m->items]; i++) {
        sum += (double)m->rows.weight[i];
        squares += (double)m->rows.weight[i] * (double)m->rows.weight[i];
    }
    return all > 0 ? sqrt(fmax(squares / all - sum / all * (sum / all), 0)) : 0;
}

double item_model_greatest(const struct item_model *m)
{
    double sum = 0;
    size_t n = 0;
    for (uint32_t i = 0; i < m->items; i++) {
        float most = 0;
        for (size_t k = m->rows.start[i]; k < m->rows.start[i + 1]; k++)
            most = fmaxf(most, m->rows.weight[k]);
        sum += (double)most;
        n += most > 0;
    }
    return n ? sum / (double)n : 0;
}

float item_model_weight(const struct item_model *m, uint32_t i, uint32_t j)
{
    size_t low = m->rows.start[i], high = m->rows.start[i + 1];
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (m->rows.at[mid] < j)
            low = mid + 1;
        else
            high = mid;
    }
    return low < m->rows.start[i + 1] && m->rows.at[low] == j ? m->rows.weight[low] : 0;
}
