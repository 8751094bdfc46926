/* Self-attention of one text over packed rows. */
#ifndef MATH_ATTENTION_H
#define MATH_ATTENTION_H

#include <stddef.h>

/* Floats of working memory for texts of up to `tokens_max`. */
size_t attention_scratch(size_t tokens_max, size_t head_dims);

/* `qkv`: tokens rows of 3 x heads x head_dims floats (all queries, all keys, all values), with 32
 * readable floats behind the last row; `out`: tokens rows of heads x head_dims.
 * softmax(q k' / sqrt(head_dims)) v a head at a time. Any thread; about
 * 4 x tokens^2 x heads x head_dims operations. */
void attention_f32(const float *qkv, size_t tokens, size_t heads, size_t head_dims, float *scratch,
                   float *out);

#endif
