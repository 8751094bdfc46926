#include "math/attention.h"
#include "math/rows.h"
#include "math/tile.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static size_t padded(size_t tokens)
{
    return (tokens + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
}

size_t attention_scratch(size_t tokens_max, size_t head_dims)
{
    return padded(tokens_max) * (head_dims + 2 * TILE_ROWS) * sizeof(float); /* of both kinds */
}

/* Keys of one head as panels [token / 32][head_dims][32], so that scores are a product as any
 * other. Columns behind the last token stay what they were; their scores are never read. */
static void keys_turn(const float *keys, size_t stride, size_t tokens, size_t head_dims,
                      float *panels)
{
    for (size_t t = 0; t < tokens; t++) {
        float *to = panels + t / TILE_COLUMNS * TILE_COLUMNS * head_dims + t % TILE_COLUMNS;
        for (size_t i = 0; i < head_dims; i++)
            to[i * TILE_COLUMNS] = keys[t * stride + i];
    }
}

static void scores(const float *queries, size_t stride, unsigned rows, size_t tokens,
                   size_t head_dims, const float *panels, float *out)
{
    float sums[TILE_ROWS * TILE_COLUMNS];
    size_t width = padded(tokens);
    for (size_t t = 0; t < tokens; t += TILE_COLUMNS) {
        tile_f32(queries, stride, rows, head_dims, panels + t * head_dims, TILE_COLUMNS, sums);
        for (unsigned r = 0; r < rows; r++)
            memcpy(out + r * width + t, sums + r * TILE_COLUMNS, TILE_COLUMNS * sizeof *sums);
    }
}

/* out = weights x values, each row divided by the sum of its weights. */
static void mix(const float *weights, size_t tokens, unsigned rows, const float *sums_of_rows,
                const float *values, size_t stride, size_t head_dims, float *out, size_t out_stride)
{
    float sums[TILE_ROWS * TILE_COLUMNS];
    for (size_t c = 0; c < head_dims; c += TILE_COLUMNS) {
        size_t columns = head_dims - c < TILE_COLUMNS ? head_dims - c : TILE_COLUMNS;
        tile_f32(weights, padded(tokens), rows, tokens, values + c, stride, sums);
        for (unsigned r = 0; r < rows; r++) {
            rows_scale(sums + r * TILE_COLUMNS, 1 / sums_of_rows[r], TILE_COLUMNS);
            memcpy(out + r * out_stride + c, sums + r * TILE_COLUMNS, columns * sizeof *sums);
        }
    }
}

static void add_bias(const struct attention *a, size_t head, size_t query, float *scores)
{
    const float *bias = a->bias + head * (2 * a->bias_reach - 1) + a->bias_reach - 1 - query;
    for (size_t t = 0; t < a->tokens; t++)
        scores[t] += bias[t];
}

static void one_head(const struct attention *a, const float *qkv, size_t head, float *scratch,
                     float *out)
{
    size_t hidden = a->heads * a->head_dims, stride = 3 * hidden, width = padded(a->tokens);
    const float *queries = qkv + head * a->head_dims, *keys = queries + hidden,
                *values = keys + hidden;
    float *panels = scratch, *weights = scratch + width * a->head_dims;
    float scale = 1 / sqrtf((float)a->head_dims), sums_of_rows[TILE_ROWS];
    keys_turn(keys, stride, a->tokens, a->head_dims, panels);
    for (size_t t = 0; t < a->queries;) {
        unsigned rows = tile_share(a->queries - t);
        scores(queries + t * stride, stride, rows, a->tokens, a->head_dims, panels, weights);
        for (unsigned r = 0; r < rows; r++) {
            if (a->bias)
                add_bias(a, head, t + r, weights + r * width);
            sums_of_rows[r] = softmax_f32(weights + r * width, a->tokens, scale);
        }
        mix(weights, a->tokens, rows, sums_of_rows, values, stride, a->head_dims,
            out + t * hidden + head * a->head_dims, hidden);
        t += rows;
    }
}

void attention_f32(const struct attention *a, const float *qkv, void *scratch, float *out)
{
    assert(a->tokens > 0 && a->head_dims > 0 && a->queries <= a->tokens);
    assert(!a->bias || a->tokens <= a->bias_reach);
    for (size_t h = a->head_from; h < a->head_to; h++)
        one_head(a, qkv, h, scratch, out);
}
