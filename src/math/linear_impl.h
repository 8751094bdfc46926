/* A linear layer inside (private to math/): linear.c runs it, linear_finish.c makes results of its
 * sums, linear_pack_int8.c quantises its weights. */
#ifndef MATH_LINEAR_IMPL_H
#define MATH_LINEAR_IMPL_H

#include "math/linear.h"
#include "math/tile.h"

/* What the packed bytes hold. Arrays by output are padded to whole panels with zeros. */
struct packed_view {
    const float *bias;
    /* LINEAR_INT8 only: */
    const float *scales;  /* by output: weight = scale * s8 */
    const float *sums;    /* by output: of its weights, which the least value of a row multiplies */
    const float *factors; /* by input: what it is multiplied by before it is quantised; NULL: 1
                             (zeros in the packed bytes) */
    const void *weights;
    size_t panel_bytes, row_bytes;
};
struct packed_view linear_view(const struct linear *l);

static inline size_t linear_panels(size_t out)
{
    return (out + TILE_COLUMNS - 1) / TILE_COLUMNS;
}

/* The head of `l->packed` is zeros and the bias; fills in the rest. */
void linear_pack_int8(const float *weights, const struct linear *l, const struct linear_seen *seen,
                      bool smooth);

/* The sums of one tile: floats, or int32 of LINEAR_INT8. */
struct tile_sums {
    float *sums; /* rows x 32; overwritten */
    unsigned rows;
    size_t row, column; /* of its first element in y */
    const void *inputs; /* LINEAR_INT8: the quant_rows that it was made of */
};
struct destination {
    enum linear_then then;
    void *y;
    size_t rows; /* of y */
};
typedef void linear_finish(const struct linear *l, const struct packed_view *v,
                           const struct tile_sums *t, const struct destination *d);
linear_finish *linear_finish_of(enum linear_type type, enum linear_then then);

#endif
