/* EASE against its definition: P = (Z'Z + lambda I)^-1 in double, by elimination. */
#include "train/ease.h"
#include "base/arena.h"
#include "base/rng.h"
#include "math/dense.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

#define DIMS 5

struct world {
    uint32_t readers, items;
    struct interactions *x;
    float *text;
    double *b; /* items x items */
};

static void invert(double *a, size_t n, double *out)
{
    memset(out, 0, n * n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i * n + i] = 1;
    for (size_t i = 0; i < n; i++) {
        double pivot = a[i * n + i];
        for (size_t c = 0; c < n; c++) {
            a[i * n + c] /= pivot;
            out[i * n + c] /= pivot;
        }
        for (size_t r = 0; r < n; r++) {
            double f = r == i ? 0 : a[r * n + i];
            for (size_t c = 0; c < n; c++) {
                a[r * n + c] -= f * a[i * n + c];
                out[r * n + c] -= f * out[i * n + c];
            }
        }
    }
}

static void reference(struct world *w, double lambda, double gamma)
{
    size_t n = w->items;
    double *g = xcalloc(n * n, sizeof *g), *p = xcalloc(n * n, sizeof *p);
    for (uint32_t r = 0; r < w->readers; r++)
        for (size_t i = w->x->rows.start[r]; i < w->x->rows.start[r + 1]; i++)
            for (size_t j = w->x->rows.start[r]; j < w->x->rows.start[r + 1]; j++)
                g[w->x->rows.at[i] * n + w->x->rows.at[j]] +=
                    (double)w->x->rows.weight[i] * (double)w->x->rows.weight[j];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t d = 0; d < DIMS; d++)
                g[i * n + j] +=
                    gamma * (double)w->text[i * DIMS + d] * (double)w->text[j * DIMS + d];
    for (size_t i = 0; i < n; i++)
        g[i * n + i] += lambda;
    invert(g, n, p);
    w->b = xcalloc(n * n, sizeof *w->b);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            w->b[i * n + j] = i == j ? 0 : -p[i * n + j] / p[j * n + j];
    free(g);
    free(p);
}

static void world_make(struct world *w, uint32_t readers, uint32_t items, uint64_t seed)
{
    struct rng r;
    size_t count = 0;
    rng_init(&r, seed);
    struct interaction *all = xcalloc((size_t)readers * 8, sizeof *all);
    for (uint32_t u = 0; u < readers; u++)
        for (uint64_t n = rng_below(&r, 8); n; n--)
            all[count++] =
                (struct interaction){u, (uint32_t)rng_below(&r, items), rng_below(&r, 2) ? 1 : .5f};
    *w = (struct world){.readers = readers, .items = items};
    w->x = interactions_new(all, count, readers, items);
    w->text = xcalloc((size_t)items * DIMS, sizeof *w->text);
    for (size_t i = 0; i < (size_t)items * DIMS; i++)
        w->text[i] = rng_normal(&r) / sqrtf(DIMS);
    free(all);
}

static void world_free(struct world *w)
{
    interactions_free(w->x);
    free(w->text);
    free(w->b);
}

/* Both forms, with text and without, blocks that are full and that are not. */
static void test_definition(void **state)
{
    static const uint32_t sizes[][2] = {{20, 300}, {300, 20}, {40, 45},   {0, 10},
                                        {5, 1},    {60, 256}, {270, 400}, {400, 300}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int text = 0; text < 2; text++) {
            struct world w;
            struct item_model *m = NULL;
            struct err_info e = {0};
            struct ease_options o = {
                .lambda = 2, .gamma = text ? 3 : 0, .dims = DIMS, .threads = 3};
            world_make(&w, sizes[s][0], sizes[s][1], s + 1);
            reference(&w, 2, o.gamma);
            o.text = w.text;
            o.kept = w.items;
            assert_int_equal(ease_train(w.x, &o, &m, &e), 0);
            for (uint32_t i = 0; i < w.items; i++)
                for (uint32_t j = 0; j < w.items; j++)
                    assert_true(fabs((double)item_model_weight(m, i, j) - w.b[i * w.items + j]) <
                                2e-5);
            item_model_free(m);
            world_free(&w);
        }
}

struct told {
    double last;
    unsigned times;
};

static void told(const void *ctx, double done)
{
    struct told *t = (struct told *)(uintptr_t)ctx;
    assert_true(done >= t->last && done <= 1);
    t->last = done;
    t->times++;
}

/* In both forms the inverse alone tells of each of its panels. */
static void test_progress(void **state)
{
    static const uint32_t sizes[][2] = {{550, 900}, {900, 600}};
    for (size_t s = 0; s < 2; s++) {
        struct world w;
        struct told t = {0};
        struct item_model *m = NULL;
        world_make(&w, sizes[s][0], sizes[s][1], s + 40);
        struct ease_options o = {
            .lambda = 2, .kept = 40, .threads = 2, .progress = told, .ctx = &t};
        assert_int_equal(ease_train(w.x, &o, &m, NULL), 0);
        assert_true(t.last == 1 && t.times >= 4);
        item_model_free(m);
        world_free(&w);
    }
}

static struct item_model *trained(const struct world *w, unsigned threads)
{
    struct item_model *m = NULL;
    struct ease_options o = {
        .lambda = 2, .gamma = 1, .text = w->text, .dims = DIMS, .kept = 40, .threads = threads};
    assert_int_equal(ease_train(w->x, &o, &m, NULL), 0);
    return m;
}

/* To the last bit, in both forms, with several blocks of everything. */
static void test_threads(void **state)
{
    static const uint32_t sizes[][2] = {{550, 900}, {900, 600}};
    for (size_t s = 0; s < 2; s++) {
        struct world w;
        world_make(&w, sizes[s][0], sizes[s][1], s + 20);
        struct item_model *one = trained(&w, 1);
        for (unsigned threads = 2; threads < 6; threads += 3) {
            struct item_model *m = trained(&w, threads);
            size_t count = one->rows.start[w.items];
            assert_memory_equal(one->rows.start, m->rows.start, (w.items + 1) * sizeof(size_t));
            assert_memory_equal(one->rows.at, m->rows.at, count * sizeof(uint32_t));
            assert_memory_equal(one->rows.weight, m->rows.weight, count * sizeof(float));
            item_model_free(m);
        }
        item_model_free(one);
        world_free(&w);
    }
}

/* Of each row the largest stay, and a score is the sum of what each of the given items adds. */
static void test_kept(void **state)
{
    struct world w;
    struct item_model *all, *few;
    struct ease_options o = {.lambda = 2, .gamma = 1, .dims = DIMS, .threads = 2};
    world_make(&w, 50, 400, 9);
    o.text = w.text;
    o.kept = 400;
    assert_int_equal(ease_train(w.x, &o, &all, NULL), 0);
    o.kept = 7;
    assert_int_equal(ease_train(w.x, &o, &few, NULL), 0);
    for (uint32_t i = 0; i < w.items; i++) {
        float least = INFINITY;
        assert_int_equal(few->rows.start[i + 1] - few->rows.start[i], 7);
        for (size_t k = few->rows.start[i]; k < few->rows.start[i + 1]; k++)
            least = fminf(least, fabsf(few->rows.weight[k]));
        for (uint32_t j = 0; j < w.items; j++) {
            float full = item_model_weight(all, i, j), kept = item_model_weight(few, i, j);
            assert_true(kept == full || (kept == 0 && fabsf(full) <= least));
        }
    }
    float scores[400] = {0}, weights[] = {1, .25f};
    uint32_t given[] = {3, 77};
    item_model_score(few, given, weights, 2, scores);
    for (uint32_t j = 0; j < 400; j++)
        assert_true(fabsf(scores[j] - item_model_weight(few, 3, j) -
                          .25f * item_model_weight(few, 77, j)) < 1e-6f);
    item_model_free(all);
    item_model_free(few);
    world_free(&w);
}

static void test_refused(void **state)
{
    struct world w;
    struct item_model *m = NULL;
    struct err_info e = {0};
    atomic_bool stop = true;
    world_make(&w, 100, 300, 4);
    struct ease_options o = {.memory_max = 1000};
    assert_int_equal(ease_train(w.x, &o, &m, &e), ERR_FULL);
    assert_non_null(strstr(e.message, "100 readers and 300 documents"));
    o = (struct ease_options){.stop = &stop};
    assert_int_equal(ease_train(w.x, &o, &m, &e), ERR_CANCELLED);
    assert_null(m);
    world_free(&w);
}

/* Rows of one pair are added up, and what becomes 0 is not there. */
static void test_interactions(void **state)
{
    const struct interaction all[] = {{1, 2, 1}, {0, 5, 2},  {1, 2, .5f}, {1, 0, 1},
                                      {2, 3, 1}, {2, 3, -1}, {0, 1, 1}};
    struct interactions *x = interactions_new(all, 7, 4, 6);
    static const size_t rows[] = {0, 2, 4, 4, 4}, columns[] = {0, 1, 2, 3, 3, 3, 4};
    static const uint32_t at[] = {1, 5, 0, 2};
    assert_int_equal(x->count, 4);
    assert_memory_equal(x->rows.start, rows, sizeof rows);
    assert_memory_equal(x->columns.start, columns, sizeof columns);
    assert_memory_equal(x->rows.at, at, sizeof at);
    assert_true(x->rows.weight[3] == 1.5f && x->columns.weight[2] == 1.5f);
    interactions_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interactions), cmocka_unit_test(test_definition),
        cmocka_unit_test(test_progress),     cmocka_unit_test(test_threads),
        cmocka_unit_test(test_kept),         cmocka_unit_test(test_refused),
    };
    if (dense_open(NULL)) /* not installed here */
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
