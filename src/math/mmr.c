#include "math/mmr.h"
#include "math/dot.h"
#include <math.h>

/* A chosen candidate is marked by the distance to itself. */
#define CHOSEN INFINITY

static size_t best_left(const double *scores, const double *nearest, size_t count, double diversity)
{
    size_t best = count;
    double best_value = 0;
    for (size_t i = 0; i < count; i++) {
        if (nearest[i] == CHOSEN)
            continue;
        double value = (1 - diversity) * scores[i] - diversity * nearest[i];
        if (best == count || value > best_value) {
            best = i;
            best_value = value;
        }
    }
    return best;
}

size_t mmr_order(const double *scores, const float *rows, size_t dims, size_t count, size_t depth,
                 double diversity, double *nearest, uint32_t *order)
{
    size_t n = count < depth ? count : depth;
    for (size_t i = 0; i < count; i++)
        nearest[i] = 0;
    for (size_t k = 0; k < n; k++) {
        size_t best = best_left(scores, nearest, count, diversity);
        order[k] = (uint32_t)best;
        nearest[best] = CHOSEN;
        for (size_t i = 0; i < count; i++)
            if (nearest[i] != CHOSEN)
                nearest[i] =
                    fmax(nearest[i], (double)dot_f32(rows + i * dims, rows + best * dims, dims));
    }
    return n;
}
