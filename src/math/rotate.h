/* A fixed random-looking rotation of a vector of any dimension: signs are flipped, then a Hadamard
 * transform mixes the first 2^floor(log2 dims) coordinates; the same with the last ones; both
 * twice. It spreads what a vector has over all its coordinates, so that codes of few bits lose
 * little, whatever the model (QuIP#, Tseng and others 2024; RaBitQ uses the like). Lengths and
 * inner products stay. The same bits at every SIMD level. Any thread; 384 dimensions: about 1 us.
 */
#ifndef MATH_ROTATE_H
#define MATH_ROTATE_H

#include <stddef.h>

/* In place; dims 1..65,536. */
void rotate_f32(float *x, size_t dims);

#endif
