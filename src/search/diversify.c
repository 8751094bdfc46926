#include "search/diversify.h"
#include "index/vectors.h"
#include "math/mmr.h"
#include <string.h>

/* `count` hits in an order in which they resemble each other less; the first `depth` of them. */
static void diversify(struct vectors *v, struct search_hit *hits, size_t count, size_t depth,
                      double diversity, struct arena *a)
{
    size_t dims = vectors_dims(v);
    float *rows = arena_array(a, count * dims + 1, sizeof(float));
    double *scores = arena_array(a, count + 1, sizeof(double)),
           *nearest = arena_array(a, count + 1, sizeof(double));
    uint32_t *order = arena_array(a, count + 1, sizeof(*order));
    struct search_hit *out = arena_array(a, count + 1, sizeof(*out));
    for (size_t i = 0; i < count; i++) {
        scores[i] = hits[i].score;
        if (!vectors_document(v, hits[i].number, rows + i * dims))
            memset(rows + i * dims, 0, dims * sizeof(float)); /* deleted meanwhile */
    }
    size_t n = mmr_order(scores, rows, dims, count, depth, diversity, nearest, order);
    for (size_t k = 0; k < n; k++)
        out[k] = hits[order[k]];
    memcpy(hits, out, n * sizeof *hits);
}

size_t diversify_whole(size_t depth)
{
    return (depth + DIVERSIFY_POOL - 1) / DIVERSIFY_POOL * DIVERSIFY_POOL;
}

void diversify_hits(struct vectors *v, struct search_hit *hits, size_t count, size_t depth,
                    double diversity, struct arena *a)
{
    for (size_t at = 0; at < count && at < depth; at += DIVERSIFY_POOL) {
        size_t n = count - at < DIVERSIFY_POOL ? count - at : DIVERSIFY_POOL;
        diversify(v, hits + at, n, depth - at, diversity, a);
    }
}
