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
        .factors = f + 3 * columns,
        .weights = (const char *)l->packed + head_bytes(l->in, l->out, l->type),
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
                 enum linear_type type, const float *amax, void *packed)
{
    assert(in > 0 && in <= 65536 && in % 2 == 0 && out > 0 && out <= 65536);
    struct linear l = {type, in, out, packed};
    memset(packed, 0, head_bytes(in, out, type));
    memcpy(packed, bias, out * sizeof *bias);
    if (type == LINEAR_INT8)
        linear_pack_int8(weights, &l, amax);
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

/* --- products --- */

static void run_rows(const struct linear *l, const void *x, size_t first, size_t rows,
                     const struct destination *d, size_t panel, size_t panel_end)
{
    _Alignas(64) float sums[TILE_ROWS * TILE_COLUMNS];
    struct packed_view v = linear_view(l);
    size_t row_bytes = linear_row_bytes(l);
    for (size_t p = panel; p < panel_end; p++) {
        const void *w = (const char *)v.weights + p * v.panel_bytes;
        for (size_t r = first; r < first + rows;) {
            unsigned n = tile_share(first + rows - r);
            const void *at = (const char *)x + r * row_bytes;
            if (l->type == LINEAR_INT8)
                tile_int8(((const struct quant_row *)at)->bytes, row_bytes, n, quant_k(l->in), w,
                          (int32_t *)sums);
            else if (l->type == LINEAR_F32)
                tile_f32(at, l->in, n, l->in, w, TILE_COLUMNS, sums);
            else
                tile_bf16(at, l->in, n, l->in, w, sums);
            linear_finish(l, &v, &(struct tile_sums){sums, n, r, p * TILE_COLUMNS, at}, d);
            r += n;
        }
    }
}

void linear_run_part(const struct linear *l, const void *x, size_t rows, enum linear_then then,
                     void *y, unsigned part, unsigned parts)
{
    assert(part < parts && (then != LINEAR_HEADS || l->out % TILE_COLUMNS == 0));
    struct destination d = {.then = then, .y = y, .rows = rows};
    size_t panels = linear_panels(l->out), from = panels * part / parts,
           to = panels * (part + 1) / parts;
    for (size_t r = 0; r < rows; r += ROWS_AT_ONCE)
        run_rows(l, x, r, rows - r < ROWS_AT_ONCE ? rows - r : ROWS_AT_ONCE, &d, from, to);
}

void linear_run(const struct linear *l, const void *x, size_t rows, enum linear_then then, void *y)
{
    linear_run_part(l, x, rows, then, y, 0, 1);
}
