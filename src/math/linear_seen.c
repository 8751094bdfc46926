#include "math/linear_seen.h"
#include "base/arena.h"
#include "math/rows.h"
#include "math/tile.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WAITING 512u /* rows at a time: a panel of them stays in the L2 cache */

static float *zeros(size_t n)
{
    float *p = xaligned(n * sizeof *p);
    memset(p, 0, n * sizeof *p);
    return p;
}

struct linear_seen *linear_seen_new(size_t in)
{
    struct linear_seen *s = xcalloc(1, sizeof *s);
    s->in = in;
    s->stride = (in + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
    s->amax = zeros(in);
    s->sums = zeros(in);
    s->products = zeros(s->stride * s->stride);
    s->waiting = zeros(WAITING * s->stride);
    s->turned = zeros(WAITING * s->stride);
    return s;
}

void linear_seen_free(struct linear_seen *s)
{
    if (!s)
        return;
    free(s->amax);
    free(s->sums);
    free(s->products);
    free(s->waiting);
    free(s->turned);
    free(s);
}

/* The products of columns c..c+31 with those from c on. */
static void add_panel(struct linear_seen *s, size_t c, float *panel)
{
    size_t n = s->stride;
    _Alignas(64) float sums[TILE_ROWS * TILE_COLUMNS];
    for (size_t k = 0; k < s->waiting_rows; k++)
        memcpy(panel + k * TILE_COLUMNS, s->waiting + k * n + c, TILE_COLUMNS * sizeof *panel);
    for (size_t i = c; i < n;) {
        unsigned rows = tile_share(n - i);
        tile_f32(s->turned + i * WAITING, WAITING, rows, s->waiting_rows, panel, TILE_COLUMNS,
                 sums);
        for (unsigned r = 0; r < rows; r++)
            rows_add(s->products + (i + r) * n + c, sums + r * TILE_COLUMNS, TILE_COLUMNS);
        i += rows;
    }
}

void linear_seen_end(struct linear_seen *s)
{
    float *panel = xaligned(WAITING * TILE_COLUMNS * sizeof *panel);
    for (size_t i = 0; i < s->stride; i++)
        for (size_t k = 0; k < s->waiting_rows; k++)
            s->turned[i * WAITING + k] = s->waiting[k * s->stride + i];
    for (size_t c = 0; c < s->stride && s->waiting_rows > 0; c += TILE_COLUMNS)
        add_panel(s, c, panel);
    s->waiting_rows = 0;
    free(panel);
}

void linear_seen_add(struct linear_seen *s, const float *x, size_t rows)
{
    for (size_t r = 0; r < rows; r++, x += s->in) {
        for (size_t i = 0; i < s->in; i++)
            s->amax[i] = fmaxf(s->amax[i], fabsf(x[i]));
        rows_add(s->sums, x, s->in);
        s->rows++;
        memcpy(s->waiting + s->waiting_rows++ * s->stride, x, s->in * sizeof *x);
        if (s->waiting_rows == WAITING)
            linear_seen_end(s);
    }
}
