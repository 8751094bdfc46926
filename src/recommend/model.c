#include "recommend/model.h"

#include "base/arena.h"
#include "recommend/factors.h"
#include "recommend/item_model.h"
#include "recommend/rank_trees.h"
#include "recommend/session_model.h"
#include "recommend/text_model.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

void recommend_model_free(struct recommend_model *m)
{
    if (!m)
        return;
    free(m->numbers);
    free(m->readers);
    item_model_free(m->rows);
    factors_free(m->factors);
    text_model_free(m->text);
    session_model_free(m->sessions);
    rank_trees_free(m->ranker);
    free(m->report);
    free(m);
}

void recommend_model_measure(struct recommend_model *m)
{
    m->bytes = sizeof *m + (size_t)m->items * (sizeof *m->numbers + sizeof *m->readers) +
               (m->report ? strlen(m->report) + 1 : 0) + (m->rows ? item_model_bytes(m->rows) : 0) +
               (m->factors ? factors_bytes(m->factors) : 0) +
               (m->text ? text_model_bytes(m->text) : 0) +
               (m->sessions ? session_model_bytes(m->sessions) : 0) +
               (m->ranker ? rank_trees_bytes(m->ranker) : 0);
    m->row_deviation = m->rows ? item_model_deviation(m->rows) : 0;
    m->row_greatest = m->rows ? item_model_greatest(m->rows) : 0;
}

uint32_t recommend_model_item(const struct recommend_model *m, uint32_t number)
{
    size_t low = 0, high = m->items;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (m->numbers[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low < m->items && m->numbers[low] == number ? (uint32_t)low : MODEL_ITEM_NONE;
}

/* In double, so that the parts add up to it. */
static void rows_score(const struct item_model *rows, const struct model_read *read, size_t count,
                       float *scores)
{
    double *sums = xcalloc((size_t)rows->items + 1, sizeof *sums);
    for (size_t k = 0; k < count; k++) {
        double weight = (double)read[k].weight;
        assert(read[k].item < rows->items);
        for (size_t i = rows->rows.start[read[k].item]; i < rows->rows.start[read[k].item + 1]; i++)
            sums[rows->rows.at[i]] += weight * (double)rows->rows.weight[i];
    }
    for (uint32_t j = 0; j < rows->items; j++)
        scores[j] = (float)sums[j];
    free(sums);
}

void recommend_model_score(const struct recommend_model *m, const struct model_read *read,
                           size_t count, float *scores)
{
    if (m->rows)
        rows_score(m->rows, read, count, scores);
    else if (m->factors)
        factors_score(m->factors, read, count, scores);
    else
        memset(scores, 0, m->items * sizeof *scores);
}

void recommend_model_parts(const struct recommend_model *m, const struct model_read *read,
                           size_t count, uint32_t item, double *parts)
{
    assert(item < m->items);
    if (!m->rows && m->factors)
        factors_parts(m->factors, read, count, item, parts);
    else
        for (size_t k = 0; k < count; k++)
            parts[k] = m->rows ? (double)read[k].weight *
                                     (double)item_model_weight(m->rows, read[k].item, item)
                               : 0;
}

double recommend_model_lift(const struct recommend_model *m, double weight)
{
    double half = m->row_greatest / 4;
    return weight > 0 && half > 0 ? weight / (weight + half) : 0;
}
