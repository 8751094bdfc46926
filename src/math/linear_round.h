/* Weights to 8 bits so that the results, not the weights, are nearest (private to math/). */
#ifndef MATH_LINEAR_ROUND_H
#define MATH_LINEAR_ROUND_H

#include "math/linear_seen.h"
#include <stdint.h>

/* GPTQ (Frantar et al. 2022) as Babai's nearest plane (Chen et al. 2025, "The Geometry of LLM
 * Quantization"): with H = L L' of the inputs' products, the error of the results is |L'e|^2 for
 * weights that are off by e. From the last input to the first each weight is rounded to where it
 * makes up for those behind it. The inverse of H, by which GPTQ is usually told, is not needed.
 *
 * L: stride x stride, lower; of the inputs times `factors` (NULL: 1), about their mean, since the
 * mean goes into the bias; a share of the mean of the diagonal is added (there: "dampening").
 * stride^3 / 3 multiply-adds at the speed of an fp32 product; freed by the caller. */
float *linear_round_by(const struct linear_seen *seen, const float *factors);

#define LINEAR_ROUND_ROWS 14u
/* `rows` <= LINEAR_ROUND_ROWS outputs at a time: w: rows x stride (zeros behind `in`), divided by
 * `factors` already; scales: of each row; q: rows x stride. On return w holds what is missing. */
void linear_round(const float *L, size_t in, size_t stride, float *w, unsigned rows,
                  const float *scales, int8_t *q);

#endif
