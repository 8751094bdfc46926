#include "base/arena.h"
#include "math/linear_impl.h"
#include "math/linear_round.h"
#include "math/quant.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMOOTH_ALPHA .6f /* measured: .55 to .65 cost 3 to 10 % more error of the vectors */

/* How large an input is: between the greatest and the usual, since one token of a thousand should
 * not take the steps of all others. */
static float size_of(const struct linear_seen *seen, size_t k)
{
    float square = seen->products[k * seen->stride + k] / (float)seen->rows;
    return sqrtf(seen->amax[k] * sqrtf(square));
}

/* 1 / s of SmoothQuant: s = size^alpha / wmax^(1 - alpha); 1 where nothing was seen. */
static void factors_make(const float *weights, const struct linear *l,
                         const struct linear_seen *seen, float *factors)
{
    for (size_t k = 0; k < l->in; k++) {
        float wmax = 0, size = size_of(seen, k);
        for (size_t o = 0; o < l->out; o++)
            wmax = fmaxf(wmax, fabsf(weights[o * l->in + k]));
        bool known = size > 1e-6f && wmax > 1e-6f;
        factors[k] = known ? powf(wmax, 1 - SMOOTH_ALPHA) / powf(size, SMOOTH_ALPHA) : 1;
    }
}

struct packing {
    const struct linear *l;
    struct packed_view v;
    const struct linear_seen *seen; /* NULL: to the nearest */
    const float *factors;           /* or NULL */
    float *triangle;                /* of linear_round_by; NULL without `seen` */
    size_t stride;
    float *w;  /* LINEAR_ROUND_ROWS x stride: smoothed; then what their bytes are off by */
    int8_t *q; /* the same */
};

static float factor_of(const struct packing *p, size_t k)
{
    return p->factors ? p->factors[k] : 1;
}

static void nearest(const struct packing *p, unsigned rows, const float *scales)
{
    for (size_t i = 0; i < rows * p->stride; i++) {
        float scale = scales[i / p->stride];
        p->q[i] = scale > 0 ? (int8_t)fmaxf(fminf(rintf(p->w[i] / scale), 127), -127) : 0;
        p->w[i] -= scale * (float)p->q[i];
    }
}

/* Row r of q, which is output o. What the weights are off by at the mean input is made good in the
 * bias (Nagel et al. 2019, section 4.2). */
static void output_store(const struct packing *p, unsigned r, size_t o)
{
    int8_t *column =
        (int8_t *)p->v.weights + o / TILE_COLUMNS * p->v.panel_bytes + 4 * (o % TILE_COLUMNS);
    const int8_t *q = p->q + r * p->stride;
    int32_t total = 0;
    double off = 0;
    for (size_t k = 0; k < p->l->in; k++) {
        column[k / 4 * 4 * TILE_COLUMNS + k % 4] = q[k];
        total += q[k];
        if (p->seen)
            off += (double)(p->w[r * p->stride + k] * factor_of(p, k) * p->seen->sums[k]);
    }
    ((float *)p->v.sums)[o] = (float)total * p->v.scales[o];
    if (p->seen)
        ((float *)p->v.bias)[o] += (float)(off / (double)p->seen->rows);
}

static void outputs_pack(const struct packing *p, const float *weights, size_t o, unsigned rows)
{
    const struct linear *l = p->l;
    float *scales = (float *)p->v.scales + o;
    memset(p->w, 0, rows * p->stride * sizeof *p->w);
    for (unsigned r = 0; r < rows; r++) {
        float *w = p->w + r * p->stride, max = 0;
        for (size_t k = 0; k < l->in; k++) {
            w[k] = weights[(o + r) * l->in + k] / factor_of(p, k);
            max = fmaxf(max, fabsf(w[k]));
        }
        scales[r] = max / 127;
    }
    if (p->seen)
        linear_round(p->triangle, l->in, p->stride, p->w, rows, scales, p->q);
    else
        nearest(p, rows, scales);
    for (unsigned r = 0; r < rows; r++)
        output_store(p, r, o + r);
}

void linear_pack_int8(const float *weights, const struct linear *l, const struct linear_seen *seen,
                      bool smooth)
{
    struct packing p = {.l = l, .v = linear_view(l), .seen = seen};
    float *factors = (float *)p.v.sums + linear_panels(l->out) * TILE_COLUMNS; /* behind it */
    memset((char *)p.v.weights, 0, linear_panels(l->out) * p.v.panel_bytes);
    if (seen && smooth) {
        factors_make(weights, l, seen, factors);
        p.factors = factors;
    }
    p.stride = (l->in + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
    p.triangle = seen ? linear_round_by(seen, p.factors) : NULL;
    p.w = xaligned(LINEAR_ROUND_ROWS * p.stride * sizeof *p.w);
    p.q = xaligned(LINEAR_ROUND_ROWS * p.stride);
    for (size_t o = 0, rows; o < l->out; o += rows) {
        rows = l->out - o < LINEAR_ROUND_ROWS ? l->out - o : LINEAR_ROUND_ROWS;
        outputs_pack(&p, weights, o, (unsigned)rows);
    }
    free(p.w);
    free(p.q);
    free(p.triangle);
}
