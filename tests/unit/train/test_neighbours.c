/* BM25 and RP3beta against their definitions, all pairs in double. */
#include "train/neighbours.h"
#include "base/arena.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

enum { READERS = 150, ITEMS = 200 };
static struct interactions *x;
static double of[READERS][ITEMS], item_readers[ITEMS], reader_items[READERS];

static int setup(void **state)
{
    struct interaction all[READERS * 40];
    struct rng r;
    size_t count = 0;
    rng_init(&r, 6);
    for (uint32_t u = 0; u < READERS; u++)
        for (uint64_t n = rng_below(&r, u % 30 ? 12 : 40); n; n--)
            all[count++] =
                (struct interaction){u, (uint32_t)rng_below(&r, 1 + rng_below(&r, ITEMS - 1)),
                                     rng_below(&r, 3) ? 1 : .3f};
    x = interactions_new(all, count, READERS, ITEMS); /* nobody read the last */
    for (uint32_t u = 0; u < READERS; u++)
        for (size_t k = x->rows.start[u]; k < x->rows.start[u + 1]; k++) {
            of[u][x->rows.at[k]] = (double)x->rows.weight[k];
            item_readers[x->rows.at[k]]++;
            reader_items[u]++;
        }
    return 0;
}

static int teardown(void **state)
{
    interactions_free(x);
    return 0;
}

static double bm25(uint32_t u, uint32_t i, double k1, double b)
{
    double length = 1 - b + b * item_readers[i] / ((double)x->count / ITEMS);
    return fmax(log(ITEMS / (1 + reader_items[u])), 0) * of[u][i] * (k1 + 1) /
           (of[u][i] + k1 * length);
}

static double defined(const struct neighbours_options *o, uint32_t i, uint32_t j)
{
    double sum = 0;
    for (uint32_t u = 0; u < READERS && i != j; u++) {
        if (of[u][i] == 0 || of[u][j] == 0 || (o->read_max && reader_items[u] > o->read_max))
            continue;
        if (o->kind == NEIGHBOURS_BM25)
            sum += bm25(u, i, o->k1, o->b) * bm25(u, j, o->k1, o->b);
        else
            sum += pow(1 / item_readers[i], o->alpha) * pow(1 / reader_items[u], o->alpha) /
                   pow(item_readers[j], o->beta);
    }
    return sum;
}

static struct item_model *train(struct neighbours_options o)
{
    struct item_model *m = NULL;
    struct err_info e = {0};
    assert_int_equal(neighbours_train(x, &o, &m, &e), 0);
    assert_int_equal(m->items, ITEMS);
    return m;
}

static void agree(struct neighbours_options o)
{
    size_t entries = 0;
    o.kept = ITEMS;
    struct item_model *m = train(o);
    for (uint32_t i = 0; i < ITEMS; i++)
        for (uint32_t j = 0; j < ITEMS; j++) {
            double want = defined(&o, i, j), got = (double)item_model_weight(m, i, j);
            entries += want != 0;
            if (fabs(want - got) > 1e-5 * (want + 1e-3))
                fail_msg("%u for %u: %g, not %g", i, j, got, want);
        }
    assert_int_equal(m->rows.start[ITEMS], entries);
    item_model_free(m);
}

static void test_definition(void **state)
{
    agree((struct neighbours_options){.kind = NEIGHBOURS_BM25, .k1 = 1.2, .b = .75});
    agree((struct neighbours_options){.kind = NEIGHBOURS_BM25, .k1 = 100, .b = .2});
    agree((struct neighbours_options){.kind = NEIGHBOURS_RP3BETA, .alpha = .6, .beta = .4});
    agree((struct neighbours_options){
        .kind = NEIGHBOURS_RP3BETA, .alpha = 1.1, .beta = .9, .threads = 3});
}

/* Who read too much counts no more. */
static void test_readers_of_everything(void **state)
{
    agree((struct neighbours_options){
        .kind = NEIGHBOURS_RP3BETA, .alpha = .6, .beta = .4, .read_max = 11});
    agree((struct neighbours_options){.kind = NEIGHBOURS_BM25, .k1 = 10, .b = .5, .read_max = 11});
}

/* Of each row the largest stay, rising; nothing depends on the threads. */
static void test_kept(void **state)
{
    for (int kind = 0; kind < 2; kind++) {
        struct neighbours_options o = {.kind = (enum neighbours_kind)kind, .threads = 1};
        o.kept = ITEMS;
        struct item_model *all = train(o), *few, *again;
        o.kept = 5;
        few = train(o);
        o.threads = 4;
        again = train(o);
        for (uint32_t i = 0; i < ITEMS; i++) {
            size_t from = few->rows.start[i], end = few->rows.start[i + 1],
                   had = all->rows.start[i + 1] - all->rows.start[i];
            float least = INFINITY;
            assert_int_equal(end - from, had < 5 ? had : 5);
            for (size_t k = from; k < end; k++) {
                least = fminf(least, few->rows.weight[k]);
                assert_true(k == from || few->rows.at[k] > few->rows.at[k - 1]);
                assert_true(few->rows.weight[k] == item_model_weight(all, i, few->rows.at[k]));
            }
            for (uint32_t j = 0; j < ITEMS; j++)
                assert_true(item_model_weight(few, i, j) != 0 ||
                            item_model_weight(all, i, j) <= least);
        }
        assert_memory_equal(few->rows.start, again->rows.start,
                            (ITEMS + 1) * sizeof *few->rows.start);
        assert_memory_equal(few->rows.at, again->rows.at, few->rows.start[ITEMS] * 4);
        assert_memory_equal(few->rows.weight, again->rows.weight, few->rows.start[ITEMS] * 4);
        item_model_free(all);
        item_model_free(few);
        item_model_free(again);
    }
}

static void test_ends(void **state)
{
    struct interactions *nothing = interactions_new(NULL, 0, 3, 70);
    struct item_model *m = NULL;
    atomic_bool stop = true;
    struct neighbours_options o = {.stop = &stop};
    assert_int_equal(neighbours_train(x, &o, &m, NULL), ERR_CANCELLED);
    assert_null(m);
    o = (struct neighbours_options){0};
    assert_int_equal(neighbours_train(nothing, &o, &m, NULL), 0);
    assert_int_equal(m->rows.start[70], 0);
    item_model_free(m);
    interactions_free(nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_readers_of_everything),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
