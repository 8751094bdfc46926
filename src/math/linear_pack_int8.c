#include "base/arena.h"
#include "math/linear_impl.h"
#include "math/quant.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMOOTH_ALPHA .6f

/* 1 / s of SmoothQuant: s = amax^alpha / wmax^(1 - alpha); 1 where nothing was seen. */
static void factors_make(const float *weights, const struct linear *l, const float *amax,
                         float *factors)
{
    for (size_t k = 0; k < l->in; k++) {
        float wmax = 0;
        for (size_t o = 0; o < l->out; o++)
            wmax = fmaxf(wmax, fabsf(weights[o * l->in + k]));
        bool seen = amax[k] > 1e-6f && wmax > 1e-6f;
        factors[k] = seen ? powf(wmax, 1 - SMOOTH_ALPHA) / powf(amax[k], SMOOTH_ALPHA) : 1;
    }
}

/* One output: scale, and its bytes into the column of its panel. */
static void column_pack(const float *w, size_t in, float *scale, float *sum, int8_t *column)
{
    float max = 0;
    int32_t total = 0;
    for (size_t k = 0; k < in; k++)
        max = fmaxf(max, fabsf(w[k]));
    *scale = max / 127;
    for (size_t k = 0; k < in; k++) {
        int q = max > 0 ? (int)rintf(w[k] * (127 / max)) : 0;
        column[k / 4 * 4 * TILE_COLUMNS + k % 4] = (int8_t)q;
        total += q;
    }
    *sum = (float)total * *scale;
}

void linear_pack_int8(const float *weights, const struct linear *l, const float *amax)
{
    struct packed_view v = linear_view(l);
    float *scales = (float *)v.scales, *sums = (float *)v.sums;
    float *factors = sums + linear_panels(l->out) * TILE_COLUMNS; /* behind each other */
    memset((char *)v.weights, 0, linear_panels(l->out) * v.panel_bytes);
    if (amax)
        factors_make(weights, l, amax, factors);
    float *w = xcalloc(l->in, sizeof *w);
    for (size_t o = 0; o < l->out; o++) {
        for (size_t k = 0; k < l->in; k++)
            w[k] = weights[o * l->in + k] / (amax ? factors[k] : 1);
        int8_t *panel = (int8_t *)v.weights + o / TILE_COLUMNS * v.panel_bytes;
        column_pack(w, l->in, &scales[o], &sums[o], panel + 4 * (o % TILE_COLUMNS));
    }
    free(w);
}
