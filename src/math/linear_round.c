#include "math/linear_round.h"
#include "base/arena.h"
#include "math/tile.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAMP .05f /* .02 and .1 are equal within noise, .001 is worse */

/* Row r, columns c..c+31, minus what the columns before c explain. `panel`: rows c..c+31 as they
 * are so far, turned. */
static void explain(float *a, size_t n, size_t c, const float *panel)
{
    _Alignas(64) float sums[TILE_ROWS * TILE_COLUMNS];
    for (size_t r = c; r < n && c > 0;) {
        unsigned rows = tile_share(n - r);
        tile_f32(a + r * n, n, rows, c, panel, TILE_COLUMNS, sums);
        for (unsigned i = 0; i < rows; i++)
            for (size_t j = 0; j < TILE_COLUMNS; j++)
                a[(r + i) * n + c + j] -= sums[i * TILE_COLUMNS + j];
        r += rows;
    }
}

/* Cholesky, 32 columns at a time, in place. n % 32 == 0. No pivot becomes less than `least`. */
static void factorise(float *a, size_t n, float least)
{
    float *panel = xaligned(n * TILE_COLUMNS * sizeof *panel);
    for (size_t c = 0; c < n; c += TILE_COLUMNS) {
        for (size_t j = 0; j < TILE_COLUMNS; j++)
            for (size_t k = 0; k < c; k++)
                panel[k * TILE_COLUMNS + j] = a[(c + j) * n + k];
        explain(a, n, c, panel);
        for (size_t j = c; j < c + TILE_COLUMNS; j++) {
            for (size_t r = j; r < n; r++)
                for (size_t k = c; k < j; k++)
                    a[r * n + j] -= a[r * n + k] * a[j * n + k];
            float pivot = sqrtf(fmaxf(a[j * n + j], least));
            a[j * n + j] = pivot;
            for (size_t r = j + 1; r < n; r++)
                a[r * n + j] /= pivot;
        }
    }
    free(panel);
}

float *linear_round_by(const struct linear_seen *s, const float *factors)
{
    size_t n = s->stride;
    float *a = xaligned(n * n * sizeof *a), rows = s->rows ? (float)s->rows : 1;
    double trace = 0;
    memset(a, 0, n * n * sizeof *a);
    for (size_t i = 0; i < s->in; i++) {
        float fi = factors ? factors[i] : 1, mean = s->sums[i] / rows;
        for (size_t j = 0; j <= i; j++)
            a[i * n + j] = (s->products[i * n + j] - mean * s->sums[j]) / rows * fi *
                           (factors ? factors[j] : 1);
        trace += (double)a[i * n + i];
    }
    float damp = fmaxf(DAMP * (float)(trace / (double)s->in), 1e-20f);
    for (size_t i = 0; i < n; i++)
        a[i * n + i] += damp;
    factorise(a, n, damp / 2);
    return a;
}

/* 32 inputs of one output, the last first. `sums`: of the errors behind them, by L. */
static void round_block(const float *L, size_t n, size_t from, size_t in, float *w, float scale,
                        float *sums, int8_t *q)
{
    for (size_t i = TILE_COLUMNS; i-- > 0;) {
        const float *row = L + (from + i) * n + from;
        if (from + i >= in || !(scale > 0)) {
            q[from + i] = 0;
            continue;
        }
        float want = (w[from + i] + sums[i] / row[i]) / scale;
        float whole = fmaxf(fminf(rintf(want), 127), -127);
        q[from + i] = (int8_t)whole;
        w[from + i] -= scale * whole;
        for (size_t j = 0; j < i; j++)
            sums[j] += w[from + i] * row[j];
    }
}

void linear_round(const float *L, size_t in, size_t n, float *w, unsigned rows, const float *scales,
                  int8_t *q)
{
    _Alignas(64) float sums[TILE_ROWS * TILE_COLUMNS];
    for (size_t from = n; from > 0;) {
        size_t end = from;
        from -= TILE_COLUMNS;
        memset(sums, 0, sizeof sums);
        if (end < n)
            tile_f32(w + end, n, rows, n - end, L + end * n + from, n, sums);
        for (unsigned r = 0; r < rows; r++)
            round_block(L, n, from, in, w + r * n, scales[r], sums + r * TILE_COLUMNS, q + r * n);
    }
}
