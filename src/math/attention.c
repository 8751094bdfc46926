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
    return padded(tokens_max) * (head_dims + TILE_ROWS);
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

static void one_head(const float *queries, size_t tokens, size_t hidden, size_t head_dims,
                     float *scratch, float *out)
{
    const float *keys = queries + hidden, *values = keys + hidden;
    size_t stride = 3 * hidden, width = padded(tokens);
    float *panels = scratch, *weights = scratch + width * head_dims;
    float scale = 1 / sqrtf((float)head_dims), sums_of_rows[TILE_ROWS];
    keys_turn(keys, stride, tokens, head_dims, panels);
    for (size_t t = 0; t < tokens;) {
        unsigned rows = tile_share(tokens - t);
        scores(queries + t * stride, stride, rows, tokens, head_dims, panels, weights);
        for (unsigned r = 0; r < rows; r++)
            sums_of_rows[r] = softmax_f32(weights + r * width, tokens, scale);
        mix(weights, tokens, rows, sums_of_rows, values, stride, head_dims, out + t * hidden,
            hidden);
        t += rows;
    }
}

void attention_f32(const float *qkv, size_t tokens, size_t heads, size_t head_dims, float *scratch,
                   float *out)
{
    assert(tokens > 0 && head_dims > 0);
    for (size_t h = 0; h < heads; h++)
        one_head(qkv + h * head_dims, tokens, heads * head_dims, head_dims, scratch,
                 out + h * head_dims);
}
