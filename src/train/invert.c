#include "train/invert.h"

#include "base/arena.h"
#include "math/dense.h"
#include "train/parallel.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK 256u
#define TILE 16u

/* One sweep: of the `width` columns from `at` on. */
struct sweep {
    float *a;
    size_t n, at, width;
    float *column;               /* n x BLOCK: A_ik of all rows, those of k itself are 0 */
    float *turned;               /* the same, times D */
    float corner[BLOCK * BLOCK]; /* D */
};

static size_t rows_of(const struct sweep *s, size_t from)
{
    return s->n - from < BLOCK ? s->n - from : BLOCK;
}

/* A_ik of a block of rows, from the lower half, and that times D. */
static void column_take(void *ctx, unsigned worker, uint32_t block)
{
    struct sweep *s = ctx;
    size_t from = (size_t)block * BLOCK, rows = rows_of(s, from);
    float *to = s->column + from * BLOCK;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < s->width; k++)
            to[i * BLOCK + k] = from == s->at  ? 0
                                : from > s->at ? s->a[(from + i) * s->n + s->at + k]
                                               : s->a[(s->at + k) * s->n + from + i];
    dense_product(rows, s->width, s->width, 1, (struct dense){to, BLOCK, false},
                  (struct dense){s->corner, BLOCK, false}, 0, s->turned + from * BLOCK, BLOCK);
}

/* The lower half of a block of rows; the last ones have the most to do, so they come first. */
static void rows_update(void *ctx, unsigned worker, uint32_t n)
{
    struct sweep *s = ctx;
    size_t blocks = (s->n + BLOCK - 1) / BLOCK, from = (blocks - 1 - n) * BLOCK,
           rows = rows_of(s, from), columns = from + rows;
    const float *turned = s->turned + from * BLOCK;
    if (from != s->at)
        dense_product(rows, columns, s->width, -1, (struct dense){turned, BLOCK, false},
                      (struct dense){s->column, BLOCK, true}, 1, s->a + from * s->n, s->n);
    for (size_t i = 0; i < rows && from > s->at; i++)
        memcpy(s->a + (from + i) * s->n + s->at, turned + i * BLOCK, s->width * sizeof *turned);
    if (from != s->at)
        return;
    for (size_t k = 0; k < s->width; k++) {
        float *row = s->a + (s->at + k) * s->n;
        for (size_t j = 0; j < s->at; j++)
            row[j] = s->turned[j * BLOCK + k];
        for (size_t j = 0; j < s->width; j++)
            row[s->at + j] = -s->corner[k * BLOCK + j];
    }
}

static bool corner_invert(struct sweep *s)
{
    float *tight = xmalloc(s->width * s->width * sizeof *tight);
    for (size_t k = 0; k < s->width; k++)
        memcpy(tight + k * s->width, s->a + (s->at + k) * s->n + s->at, s->width * sizeof *tight);
    bool good = dense_invert(tight, s->width);
    for (size_t k = 0; k < s->width; k++)
        memcpy(s->corner + k * BLOCK, tight + k * s->width, s->width * sizeof *tight);
    free(tight);
    return good;
}

/* What stands is minus the lower half of the inverse. */
static void rows_finish(void *ctx, unsigned worker, uint32_t block)
{
    struct sweep *s = ctx;
    size_t from = (size_t)block * BLOCK, end = from + rows_of(s, from);
    for (size_t column = 0; column < end; column += TILE)
        for (size_t i = from; i < end; i++)
            for (size_t j = column; j < column + TILE && j <= i; j++) {
                float x = -s->a[i * s->n + j];
                s->a[i * s->n + j] = s->a[j * s->n + i] = x;
            }
}

bool invert(float *a, size_t n, unsigned threads, const atomic_bool *stop,
            void (*swept)(void *ctx, double share), void *ctx)
{
    struct sweep *s = xcalloc(1, sizeof *s);
    uint32_t blocks = (uint32_t)((n + BLOCK - 1) / BLOCK);
    bool good = true;
    s->a = a;
    s->n = n;
    s->column = xhuge(n * BLOCK * sizeof *s->column);
    s->turned = xhuge(n * BLOCK * sizeof *s->turned);
    dense_threads(1);
    for (s->at = 0; s->at < n && good; s->at += BLOCK) {
        s->width = rows_of(s, s->at);
        good = !(stop && atomic_load(stop)) && corner_invert(s);
        if (good)
            parallel_run(threads, blocks, column_take, s);
        if (good)
            parallel_run(threads, blocks, rows_update, s);
        if (good && swept)
            swept(ctx, (double)(s->at + s->width) / (double)n);
    }
    if (good)
        parallel_run(threads, blocks, rows_finish, s);
    free(s->column);
    free(s->turned);
    free(s);
    return good;
}

size_t invert_bytes(size_t n)
{
    return 2 * (n + BLOCK) * BLOCK * sizeof(float);
}
