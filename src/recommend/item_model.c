#include "recommend/item_model.h"

#include "base/arena.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
