/* IEEE 754 binary16 ("float16") as stored: uint16_t. Rounds to nearest, ties to even; overflow
 * gives infinity, subnormals are kept, NaN stays a (quiet) NaN. The same bits at every SIMD level.
 * Pointers need no alignment; in and out must not overlap. Any thread. */
#ifndef MATH_HALF_H
#define MATH_HALF_H

#include <stddef.h>
#include <stdint.h>

uint16_t half_of_float(float x);
float half_to_float(uint16_t h);
void half_from_f32(const float *x, uint16_t *out, size_t n);
void half_to_f32(const uint16_t *x, float *out, size_t n);

/* bfloat16: the upper half of a float32, rounded to nearest, ties to even. */
uint16_t bf16_of_float(float x);
float bf16_to_float(uint16_t b);
void bf16_from_f32(const float *x, uint16_t *out, size_t n);
void bf16_to_f32(const uint16_t *x, float *out, size_t n);

#endif
