#include "math/linear.h"
#include "math/half.h"
#include "math/linear_impl.h"
#include "math/quant.h"
#include "math/rows.h"
#include "math/simd.h"
#include "math/tile.h"
#include <assert.h>
#include <string.h>

/* Rows that go through all panels before the next rows: their inputs and results stay in the L2
 * cache, and the weights stream past. Measured: 56 to 112 are equal, 256 is 6 % slower. */
#define ROWS_AT_ONCE 84

static size_t weight_bytes(enum linear_type type)
{
    return type == LINEAR_F32 ? 4 : type == LINEAR_BF16 ? 2 : 1;
}

/* The floats before the weights: packed_view says which. */
static size_t head_bytes(size_t in, size_t out, enum linear_type type)
{
    size_t columns = linear_panels(out) * TILE_COLUMNS;
    return (type == LINEAR_INT8 ? 3 * columns + (in + 15) / 16 * 16 : columns) * sizeof(float);
}

static size_t panel_inputs(size_t in, enum linear_type type)
{
    return type == LINEAR_INT8 ? quant_k(in) : in;
}

size_t linear_packed_bytes(size_t in, size_t out, enum linear_type type)
{
    return head_bytes(in, out, type) +
           linear_panels(out) * TILE_COLUMNS * panel_inputs(in, type) * weight_bytes(type);
}

struct packed_view linear_view(const struct linear *l)
{
    size_t columns = linear_panels(l->out) * TILE_COLUMNS;
    const float *f = l->packed;
    return (struct packed_view){
        .bias = f,
        .scales = f + columns,
        .sums = f + 2 * columns,
        .factors = l->type == LINEAR_INT8 && f[3 * columns] > 0 ? f + 3 * columns : NULL,
        .weights = (const char *)l->packed + head_bytes(l->in, l->out, l->type),
        .row_bytes = linear_row_bytes(l),
        .panel_bytes = TILE_COLUMNS * panel_inputs(l->in, l->type) * weight_bytes(l->type),
    };
}

/* --- packing --- */

/* fp32 [panel][k][32], bf16 [panel][k / 2][32][2]. */
static void pack_floats(const float *weights, size_t in, size_t out, enum linear_type type,
                        void *to)
{
    float *f32 = to;
    uint16_t *bf16 = to;
    for (size_t o = 0; o < linear_panels(out) * TILE_COLUMNS; o++) {
        size_t panel = o / TILE_COLUMNS * TILE_COLUMNS * in, c = o % TILE_COLUMNS;
        for (size_t k = 0; k < in; k++) {
            float w = o < out ? weights[o * in + k] : 0;
            if (type == LINEAR_F32)
                f32[panel + k * TILE_COLUMNS + c] = w;
            else
                bf16[panel + (k & ~(size_t)1) * TILE_COLUMNS + 2 * c + k % 2] = bf16_of_float(w);
        }
    }
}

void linear_pack(const float *weights, const float *bias, size_t in, size_t out,
                 enum linear_type type, const struct linear_seen *seen, bool smooth, void *packed)
{
    assert(in > 0 && in <= 65536 && in % 2 == 0 && out > 0 && out <= 65536);
    struct linear l = {type, in, out, packed};
    memset(packed, 0, head_bytes(in, out, type));
    memcpy(packed, bias, out * sizeof *bias);
    if (type == LINEAR_INT8)
        linear_pack_int8(weights, &l, seen, smooth);
    else
        pack_floats(weights, in, out, type, (char *)packed + head_bytes(in, out, type));
}

/* --- inputs --- */

size_t linear_row_bytes(const struct linear *l)
{
    return l->type == LINEAR_INT8 ? quant_row_bytes(l->in) : l->in * weight_bytes(l->type);
}

void linear_input(const struct linear *l, const float *x, size_t rows, void *out)
{
    if (l->type == LINEAR_INT8)
        quant_rows(x, rows, l->in, linear_view(l).factors, out);
    else if (l->type == LINEAR_BF16)
        bf16_from_f32(x, out, rows * l->in);
    else if (x != out)
        memcpy(out, x, rows * l->in * sizeof *x);
}

void linear_input_normed(const struct linear *l, float *x, size_t rows, const float *gamma,
                         const float *beta, float epsilon, void *out)
{
    struct quant_norm n = {gamma, beta, epsilon};
    if (l->type == LINEAR_INT8) {
        quant_rows_normed(x, rows, l->in, &n, linear_view(l).factors, out);
        return;
    }
    layernorm_f32(x, rows, l->in, gamma, beta, epsilon);
    linear_input(l, x, rows, out);
}

/* --- products --- */

/* The residual of a tile, which the sums will be added to, is on its way while they are made. */
static void fetch_ahead(const struct linear *l, const struct destination *d, size_t row,
                        unsigned rows, size_t column)
{
    const float *y = (const float *)d->y + row * l->out + column;
    for (unsigned r = 0; r < rows; r++, y += l->out) {
        __builtin_prefetch(y, 1);
        __builtin_prefetch(y + 16, 1);
    }
}

static void run_rows(const struct linear *l, const struct packed_view *v, const void *x,
                     size_t first, size_t rows, const struct destination *d, size_t panel)
{
    _Alignas(64) float sums[TILE_ROWS * TILE_COLUMNS];
    const void *w = (const char *)v->weights + panel * v->panel_bytes;
    linear_finish *finish = linear_finish_of(l->type, d->then);
    for (size_t r = first; r < first + rows;) {
        unsigned n = tile_share(first + rows - r);
        const void *at = (const char *)x + r * v->row_bytes;
        struct tile_sums t = {sums, n, r, panel * TILE_COLUMNS, at};
        if (d->then == LINEAR_ADD)
            fetch_ahead(l, d, r, n, t.column);
        if (l->type == LINEAR_INT8)
            tile_int8(((const struct quant_row *)at)->bytes, v->row_bytes, n, quant_k(l->in), w,
                      r == first, (int32_t *)sums);
        else if (l->type == LINEAR_F32)
            tile_f32(at, l->in, n, l->in, w, TILE_COLUMNS, sums);
        else
            tile_bf16(at, l->in, n, l->in, w, sums);
        finish(l, v, &t, d);
        r += n;
    }
}

void linear_run_part(const struct linear *l, const void *x, size_t rows, enum linear_then then,
                     void *y, unsigned part, unsigned parts)
{
    assert(part < parts && (then != LINEAR_HEADS || l->out % TILE_COLUMNS == 0));
    struct destination d = {.then = then, .y = y, .rows = rows};
    size_t panels = linear_panels(l->out), from = panels * part / parts,
           to = panels * (part + 1) / parts;
    struct packed_view v = linear_view(l);
    size_t chunks = (rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
    for (size_t r = 0; r < rows; chunks--) {
        size_t n = (rows - r + chunks - 1) / chunks;
        for (size_t p = from; p < to; p++)
            run_rows(l, &v, x, r, n, &d, p);
        r += n;
    }
}

void linear_run(const struct linear *l, const void *x, size_t rows, enum linear_then then, void *y)
{
    linear_run_part(l, x, rows, then, y, 0, 1);
}
