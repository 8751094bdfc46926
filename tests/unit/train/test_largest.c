/* The largest of rows that come in pieces: as sorting the whole row would have it. */
#include "train/largest.h"
#include "base/arena.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <math.h>

#define ROWS 40u
#define ITEMS 700u

static float values[ROWS][ITEMS];

/* Of every kind of row: spread over many powers of two, all alike, few sizes, zeros, few of them.
 */
static void values_make(uint64_t seed)
{
    struct rng r;
    rng_init(&r, seed);
    for (uint32_t i = 0; i < ROWS; i++)
        for (uint32_t j = 0; j < ITEMS; j++) {
            float x = rng_normal(&r);
            values[i][j] = i % 5 == 0   ? x * powf(2, 30 * rng_normal(&r))
                           : i % 5 == 1 ? .5f
                           : i % 5 == 2 ? (float)(int)(3 * x)
                           : i % 5 == 3 ? (j % 97 ? 0 : x)
                                        : x;
        }
}

static const float *sorted_row;

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    float p = fabsf(sorted_row[x]), q = fabsf(sorted_row[y]);
    return p > q ? -1 : p < q ? 1 : x < y ? -1 : x > y;
}

static void assert_row(const struct item_model *m, uint32_t row, unsigned kept)
{
    uint32_t order[ITEMS];
    unsigned wanted = 0;
    for (uint32_t j = 0; j < ITEMS; j++)
        order[j] = j;
    sorted_row = values[row];
    qsort(order, ITEMS, sizeof *order, by_size);
    while (wanted < kept && values[row][order[wanted]] != 0)
        wanted++;
    assert_int_equal(m->rows.start[row + 1] - m->rows.start[row], wanted);
    for (unsigned k = 0; k < wanted; k++)
        assert_true(item_model_weight(m, row, order[k]) == values[row][order[k]]);
    for (size_t k = m->rows.start[row] + 1; k < m->rows.start[row + 1]; k++)
        assert_true(m->rows.at[k] > m->rows.at[k - 1]);
}

static void test_largest(void **state)
{
    static const unsigned kepts[] = {1, 2, 7, 60, 333, 699, 700};
    for (size_t t = 0; t < sizeof kepts / sizeof *kepts; t++) {
        struct largest l;
        struct rng r;
        rng_init(&r, t);
        values_make(t);
        largest_init(&l, ROWS, kepts[t]);
        for (uint32_t from = 0; from < ITEMS;) {
            uint32_t n = 1 + (uint32_t)rng_below(&r, 90);
            n = n < ITEMS - from ? n : ITEMS - from;
            for (uint32_t i = 0; i < ROWS; i++)
                largest_offer(&l, i, from, values[i] + from, n);
            from += n;
        }
        for (uint32_t i = 0; i < ROWS; i++)
            largest_take(&l, i);
        struct item_model *m = largest_model(&l, 2);
        for (uint32_t i = 0; i < ROWS; i++)
            assert_row(m, i, kepts[t]);
        item_model_free(m);
        largest_release(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
