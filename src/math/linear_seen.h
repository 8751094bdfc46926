/* What the inputs of a linear layer were like over calibration texts: what linear_pack rounds
 * weights to 8 bits by. One thread at a time. */
#ifndef MATH_LINEAR_SEEN_H
#define MATH_LINEAR_SEEN_H

#include <stddef.h>

struct linear_seen {
    size_t in, stride; /* stride: `in` up to whole tiles, the rest zeros */
    size_t rows;
    float *amax;             /* in: the greatest |x| */
    float *sums;             /* in */
    float *products;         /* stride x stride, on and below the diagonal: sums of x[i] x[j] */
    float *waiting, *turned; /* rows that are not in `products` yet; they as columns */
    size_t waiting_rows;
};
/* 4 in^2 bytes, and 4,096 an input. */
struct linear_seen *linear_seen_new(size_t in);
void linear_seen_free(struct linear_seen *s); /* NULL is allowed */
/* `in`^2 multiply-adds a row, at the speed of an fp32 product. */
void linear_seen_add(struct linear_seen *s, const float *x, size_t rows);
void linear_seen_end(struct linear_seen *s); /* after the last row, before it is read */

#endif
