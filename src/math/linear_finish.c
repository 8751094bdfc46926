/* From the sums of a tile to the results of a layer. */
#include "math/linear_impl.h"
#include "math/quant.h"
#include "math/rows.h"
#include "math/simd.h"
#include "math/vector.h"
#include <string.h>

/* Where row r of the tile begins in y, in elements, and how far the next one is. */
static size_t at_of(const struct linear *l, const struct tile_sums *t, const struct destination *d)
{
    return d->then == LINEAR_HEADS ? t->column * d->rows + t->row * TILE_COLUMNS
                                   : t->row * l->out + t->column;
}

static size_t step_of(const struct linear *l, const struct destination *d)
{
    return d->then == LINEAR_HEADS ? TILE_COLUMNS : l->out;
}

static size_t columns_of(const struct linear *l, const struct tile_sums *t)
{
    return l->out - t->column < TILE_COLUMNS ? l->out - t->column : TILE_COLUMNS;
}

/* Copies of the constants of the columns: the compiler then sees that no result changes them. */
struct columns {
    float bias[TILE_COLUMNS], scales[TILE_COLUMNS], sums[TILE_COLUMNS];
};

ALWAYS void columns_load(struct columns *c, const struct packed_view *v, size_t column,
                         enum linear_type type)
{
    memcpy(c->bias, v->bias + column, sizeof c->bias);
    if (type == LINEAR_INT8) {
        memcpy(c->scales, v->scales + column, sizeof c->scales);
        memcpy(c->sums, v->sums + column, sizeof c->sums);
    }
}

ALWAYS void row_int8(const struct columns *c, const struct quant_row *q, const void *tile_row,
                     float *row)
{
    int32_t sums[TILE_COLUMNS];
    float scale = q->scale, low = q->low;
    memcpy(sums, tile_row, sizeof sums);
    for (size_t i = 0; i < TILE_COLUMNS; i++)
        row[i] = (float)sums[i] * (scale * c->scales[i]) + (low * c->sums[i] + c->bias[i]);
}

ALWAYS void row_floats(const struct columns *c, const float *tile_row, float *row)
{
    for (size_t i = 0; i < TILE_COLUMNS; i++)
        row[i] = tile_row[i] + c->bias[i];
}

/* `columns` a constant for whole tiles, so that the loop becomes a few instructions. */
ALWAYS void row_store(const float *row, float *y, size_t columns, bool add)
{
    if (add)
        for (size_t i = 0; i < columns; i++)
            y[i] += row[i];
    else
        memcpy(y, row, columns * sizeof *y);
}

/* The reference; the compiler makes it twice. */
ALWAYS void finish_any(const struct linear *l, const struct packed_view *v,
                       const struct tile_sums *t, const struct destination *d)
{
    size_t columns = columns_of(l, t), step = step_of(l, d);
    float *y = (float *)d->y + at_of(l, t, d), row[TILE_COLUMNS];
    const char *input = t->inputs;
    struct columns c;
    columns_load(&c, v, t->column, l->type);
    for (unsigned r = 0; r < t->rows; r++, y += step, input += v->row_bytes) {
        const float *sums = t->sums + r * TILE_COLUMNS;
        if (l->type == LINEAR_INT8)
            row_int8(&c, (const struct quant_row *)input, sums, row);
        else
            row_floats(&c, sums, row);
        if (d->then == LINEAR_GELU)
            gelu_f32(row, TILE_COLUMNS);
        if (columns == TILE_COLUMNS)
            row_store(row, y, TILE_COLUMNS, d->then == LINEAR_ADD);
        else
            row_store(row, y, columns, d->then == LINEAR_ADD);
    }
}

static void finish_plain(const struct linear *l, const struct packed_view *v,
                         const struct tile_sums *t, const struct destination *d)
{
    finish_any(l, v, t, d);
}

#if SIMD_X86
TARGET_AVX2 static void finish_avx2(const struct linear *l, const struct packed_view *v,
                                    const struct tile_sums *t, const struct destination *d)
{
    finish_any(l, v, t, d);
}

/* In registers: a tile has 6 to 96 multiplications a result, so this is worth it. The constants of
 * the columns, and one row of the tile. */
struct constants {
    __m512 bias[2], scales[2], sums[2];
};

TARGET_AVX512 ALWAYS struct constants constants_load(const struct packed_view *v, size_t column,
                                                     const enum linear_type type)
{
    struct constants c;
    for (unsigned h = 0; h < 2; h++) {
        c.bias[h] = _mm512_loadu_ps(v->bias + column + 16 * h);
        c.scales[h] = c.sums[h] = c.bias[h];
        if (type == LINEAR_INT8) {
            c.scales[h] = _mm512_loadu_ps(v->scales + column + 16 * h);
            c.sums[h] = _mm512_loadu_ps(v->sums + column + 16 * h);
        }
    }
    return c;
}

TARGET_AVX512 ALWAYS __m512 result(const struct constants *c, const float *sums,
                                   const struct quant_row *q, unsigned h,
                                   const enum linear_type type)
{
    if (type != LINEAR_INT8)
        return _mm512_add_ps(_mm512_load_ps(sums + 16 * h), c->bias[h]);
    __m512 s = _mm512_cvtepi32_ps(_mm512_load_si512(sums + 16 * h));
    __m512 b = _mm512_fmadd_ps(_mm512_set1_ps(q->low), c->sums[h], c->bias[h]);
    return _mm512_fmadd_ps(s, _mm512_mul_ps(_mm512_set1_ps(q->scale), c->scales[h]), b);
}

TARGET_AVX512 ALWAYS void finish_floats(const struct linear *l, const struct packed_view *v,
                                        const struct tile_sums *t, float *y,
                                        const enum linear_then then, const enum linear_type type,
                                        const bool whole)
{
    struct constants c = constants_load(v, t->column, type);
    size_t columns = columns_of(l, t), row_bytes = v->row_bytes;
    const char *input = t->inputs;
    const float *sums = t->sums;
    y += t->row * l->out + t->column;
    __mmask16 m[2] = {tail16(columns), columns > 16 ? tail16(columns - 16) : 0};
    if (whole) /* a constant: stores without a mask are faster */
        m[0] = m[1] = 0xffff;
    for (unsigned r = 0; r < t->rows; r++, y += l->out, sums += TILE_COLUMNS, input += row_bytes) {
        for (unsigned h = 0; h < 2; h++) {
            __m512 s = result(&c, sums, (const struct quant_row *)input, h, type);
            if (then == LINEAR_ADD)
                s = _mm512_add_ps(s, _mm512_maskz_loadu_ps(m[h], y + 16 * h));
            else if (then == LINEAR_GELU)
                s = type == LINEAR_F32 ? gelu_one_avx512(s) : gelu_byte_avx512(s);
            _mm512_mask_storeu_ps(y + 16 * h, m[h], s);
        }
    }
}

TARGET_BF16 ALWAYS void finish_bf16(const struct linear *l, const struct packed_view *v,
                                    const struct tile_sums *t, const struct destination *d,
                                    const enum linear_then then, const enum linear_type type,
                                    const bool whole)
{
    struct constants c = constants_load(v, t->column, type);
    size_t columns = columns_of(l, t), row_bytes = v->row_bytes, step = step_of(l, d);
    const char *input = t->inputs;
    const float *sums = t->sums;
    uint16_t *y = (uint16_t *)d->y + at_of(l, t, d);
    __mmask32 m = whole || columns >= 32 ? 0xffffffff : (1u << columns) - 1;
    for (unsigned r = 0; r < t->rows; r++, y += step, sums += TILE_COLUMNS, input += row_bytes) {
        __m512 s[2];
        for (unsigned h = 0; h < 2; h++) {
            s[h] = result(&c, sums, (const struct quant_row *)input, h, type);
            if (then == LINEAR_GELU)
                s[h] = gelu_near_avx512(s[h]);
        }
        _mm512_mask_storeu_epi16(y, m, (__m512i)_mm512_cvtne2ps_pbh(s[1], s[0]));
    }
}

#define MAKE_FLOATS(name, then, type)                                                              \
    TARGET_AVX512 static void name(const struct linear *l, const struct packed_view *v,            \
                                   const struct tile_sums *t, const struct destination *d)         \
    {                                                                                              \
        if (columns_of(l, t) == TILE_COLUMNS)                                                      \
            finish_floats(l, v, t, d->y, then, type, true);                                        \
        else                                                                                       \
            finish_floats(l, v, t, d->y, then, type, false);                                       \
    }
#define MAKE_BF16(name, then, type)                                                                \
    TARGET_BF16 static void name(const struct linear *l, const struct packed_view *v,              \
                                 const struct tile_sums *t, const struct destination *d)           \
    {                                                                                              \
        if (columns_of(l, t) == TILE_COLUMNS)                                                      \
            finish_bf16(l, v, t, d, then, type, true);                                             \
        else                                                                                       \
            finish_bf16(l, v, t, d, then, type, false);                                            \
    }
MAKE_FLOATS(set_floats, LINEAR_SET, LINEAR_F32)
MAKE_FLOATS(add_floats, LINEAR_ADD, LINEAR_F32)
MAKE_FLOATS(gelu_floats, LINEAR_GELU, LINEAR_F32)
MAKE_BF16(gelu_bf16, LINEAR_GELU, LINEAR_BF16)
MAKE_BF16(heads_floats, LINEAR_HEADS, LINEAR_F32)
MAKE_FLOATS(set_int8, LINEAR_SET, LINEAR_INT8)
MAKE_FLOATS(add_int8, LINEAR_ADD, LINEAR_INT8)
MAKE_FLOATS(gelu_int8, LINEAR_GELU, LINEAR_INT8)
MAKE_BF16(heads_int8, LINEAR_HEADS, LINEAR_INT8)

/* By type, then by what becomes of the sums. */
static linear_finish *const finish_avx512[3][4] = {
    {set_floats, add_floats, gelu_floats, heads_floats},
    {set_floats, add_floats, gelu_bf16, heads_floats},
    {set_int8, add_int8, gelu_int8, heads_int8},
};
#endif

linear_finish *linear_finish_of(enum linear_type type, enum linear_then then)
{
#if SIMD_X86
    if (simd_level() == SIMD_AVX512)
        return finish_avx512[type][then];
    if (simd_level() == SIMD_AVX2)
        return finish_avx2;
#endif
    return finish_plain;
}
