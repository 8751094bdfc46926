/* Self-attention of one text over packed rows: softmax((q k' + bias) / sqrt(head_dims)) v, a head
 * at a time. Any thread; about 4 x queries x tokens x heads x head_dims operations. */
#ifndef MATH_ATTENTION_H
#define MATH_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

struct attention {
    size_t tokens, heads, head_dims;
    size_t queries; /* results are made of the first so many tokens; the rest of `out` stays */
    size_t head_from, head_to; /* of these heads; 0 and `heads`: all */
    /* Added to q k' of query i and key j of head h, before it is divided by sqrt(head_dims): the
     * relative positions of MPNet, at [h][j - i + bias_reach - 1] of heads x (2 bias_reach - 1)
     * floats, tokens <= bias_reach. NULL: nothing. */
    const float *bias;
    size_t bias_reach;
};

/* Bytes of working memory, 64-byte aligned, for texts of up to `tokens_max`. */
size_t attention_scratch(size_t tokens_max, size_t head_dims);

/* `qkv`: tokens rows of 3 x heads x head_dims floats (all queries, all keys, all values), with 32
 * readable floats behind the last row; `out`: tokens rows of heads x head_dims. */
void attention_f32(const struct attention *a, const float *qkv, void *scratch, float *out);

/* Inputs and weights in bfloat16, sums in float; only if simd_bf16(), head_dims % 32 == 0.
 * `qkv`: the text's first row of the first panel, as LINEAR_HEADS writes [3 x heads x head_dims /
 * 32][panel_rows][32]. */
void attention_bf16(const struct attention *a, const uint16_t *qkv, size_t panel_rows,
                    void *scratch, float *out);

#endif
