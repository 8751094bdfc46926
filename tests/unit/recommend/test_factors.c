/* Folding in, scores and parts against the definition, by elimination in double. */
#include "recommend/factors.h"
#include "../base/test_folder.h"
#include "base/arena.h"
#include "base/rng.h"
#include "base/section.h"
#include "math/half.h"
#include "recommend/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>

enum { ITEMS = 50 };

static struct factors *example(uint32_t dims, double nu)
{
    struct rng r;
    struct factors *f = xcalloc(1, sizeof *f);
    *f = (struct factors){
        .items = ITEMS, .known = ITEMS - 1, .dims = dims, .alpha = .3, .lambda = .01, .nu = nu};
    f->gram = xcalloc(dims, sizeof *f->gram);
    f->vectors = xcalloc((size_t)ITEMS * dims, sizeof *f->vectors);
    rng_init(&r, dims);
    for (size_t i = 0; i < (size_t)(ITEMS - 1) * dims; i++) { /* nobody read the last */
        f->vectors[i] = half_of_float(rng_normal(&r));
        double v = (double)half_to_float(f->vectors[i]);
        f->gram[i % dims] += .3 * v * v;
    }
    return f;
}

static double at(const struct factors *f, uint32_t item, size_t d)
{
    return (double)half_to_float(f->vectors[(size_t)item * f->dims + d]);
}

/* a x = b, both spoilt; x is in b. */
static void solve(double *a, double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < n; r++) {
            double times = r == i ? 0 : a[r * n + i] / a[i * n + i];
            for (size_t c = i; c < n && r != i; c++)
                a[r * n + c] -= times * a[i * n + c];
            b[r] -= times * b[i];
        }
    for (size_t i = 0; i < n; i++)
        b[i] /= a[i * n + i];
}

static void reference(const struct factors *f, const struct model_read *read, size_t count,
                      double *w)
{
    size_t n = f->dims;
    double *a = xcalloc(n * n, sizeof *a);
    memset(w, 0, n * sizeof *w);
    for (size_t i = 0; i < n; i++)
        a[i * n + i] = f->gram[i] + f->lambda * pow((double)count + f->alpha * (ITEMS - 1), f->nu);
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < n; i++) {
            double x = (double)read[k].weight;
            w[i] += x * at(f, read[k].item, i);
            for (size_t j = 0; j < n; j++)
                a[i * n + j] += fabs(x) * at(f, read[k].item, i) * at(f, read[k].item, j);
        }
    solve(a, w, n);
    free(a);
}

static void agree(const struct factors *f, const struct model_read *read, size_t count)
{
    double w[64], parts[200];
    float scores[ITEMS];
    reference(f, read, count, w);
    factors_score(f, read, count, scores);
    for (uint32_t i = 0; i < ITEMS; i++) {
        double want = 0, sum = 0;
        for (size_t d = 0; d < f->dims; d++)
            want += w[d] * at(f, i, d);
        if (fabs(want - (double)scores[i]) > 2e-6)
            fail_msg("%zu readings, item %u: %.8f, not %.8f", count, i, (double)scores[i], want);
        factors_parts(f, read, count, i, parts);
        for (size_t k = 0; k < count; k++)
            sum += parts[k];
        if (fabs(sum - (double)scores[i]) > 1e-6)
            fail_msg("%zu readings, item %u: parts %.8f, score %.8f", count, i, sum,
                     (double)scores[i]);
    }
}

/* Fewer readings than dimensions, as many, more; what is not wanted; one item twice. */
static void test_definition(void **state)
{
    static const uint32_t dims[] = {1, 7, 64};
    static const size_t counts[] = {0, 1, 2, 7, 8, 63, 64, 65, 200};
    struct rng r;
    rng_init(&r, 5);
    for (size_t i = 0; i < 3; i++)
        for (int nu = 0; nu < 3; nu++) {
            struct factors *f = example(dims[i], nu / 2.);
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                struct model_read read[200];
                for (size_t k = 0; k < counts[c]; k++)
                    read[k] = (struct model_read){(uint32_t)rng_below(&r, ITEMS),
                                                  rng_below(&r, 5) ? .5f : -.7f};
                agree(f, read, counts[c]);
            }
            factors_free(f);
        }
}

static void test_part_is_of_what_was_read(void **state)
{
    struct factors *f = example(7, 1);
    struct model_read read[] = {{3, 1}, {8, 1}};
    double w[7], parts[2], v[7], a[49] = {0};
    factors_parts(f, read, 2, 20, parts);
    for (size_t i = 0; i < 7; i++) {
        a[i * 7 + i] = f->gram[i] + .01 * (2 + .3 * (ITEMS - 1));
        v[i] = at(f, 20, i);
        for (size_t j = 0; j < 7; j++)
            a[i * 7 + j] += at(f, 3, i) * at(f, 3, j) + at(f, 8, i) * at(f, 8, j);
    }
    memcpy(w, v, sizeof w);
    solve(a, w, 7);
    for (size_t k = 0; k < 2; k++) {
        double want = 0;
        for (size_t i = 0; i < 7; i++)
            want += w[i] * at(f, read[k].item, i);
        assert_true(fabs(want - parts[k]) < 1e-6);
    }
    factors_free(f);
}

/* Some readings gone, others of another weight: as if the reader had read that. */
static void test_changed(void **state)
{
    static const uint32_t dims[] = {1, 7, 64};
    static const size_t counts[] = {1, 2, 7, 8, 63, 64, 65, 200};
    struct arena *arena = arena_new(0);
    struct rng r;
    rng_init(&r, 6);
    for (size_t i = 0; i < 3; i++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            for (unsigned run = 0; run < 12; run++) {
                struct factors *f = example(dims[i], run % 3 / 2.);
                struct model_read read[200], left[200];
                size_t at[200], changed = 0, n = 0;
                double times[200], want[64];
                float w[64];
                for (size_t k = 0; k < counts[c]; k++) {
                    double of = k == run ? 0 : 1;
                    read[k] = (struct model_read){(uint32_t)rng_below(&r, ITEMS),
                                                  rng_below(&r, 5) ? .5f : -.7f};
                    if (run % 4 == 1 && k % 3 == 0)
                        of = 1.25;
                    else if (run % 4 == 2 && k % 20 == 0)
                        of = 0;
                    else if (run % 4 == 3 && k == 1)
                        of = -.5;
                    if (of != 1)
                        at[changed] = k, times[changed++] = of;
                    if (of != 0)
                        left[n++] =
                            (struct model_read){read[k].item, (float)((double)read[k].weight * of)};
                }
                struct factors_fold *fold = factors_fold(f, read, counts[c], arena);
                factors_fold_changed(fold, at, times, changed, counts[c] - n, w);
                reference(f, left, n, want);
                for (size_t d = 0; d < dims[i]; d++)
                    if (fabs(want[d] - (double)w[d]) > 1e-6 * fmax(1, fabs(want[d])))
                        fail_msg("%u dimensions, %zu readings, run %u: %.9f, not %.9f", dims[i],
                                 counts[c], run, (double)w[d], want[d]);
                arena_reset(arena);
                factors_free(f);
            }
    arena_free(arena);
}

/* Of several items at once: the sum of what each says. */
static void test_parts_of_several(void **state)
{
    struct arena *arena = arena_new(0);
    for (unsigned run = 0; run < 2; run++) {
        struct factors *f = example(run ? 2 : 7, 1);
        const struct model_read read[] = {{3, 1}, {8, -.5f}, {9, .2f}};
        const uint32_t items[] = {20, 3, 41};
        const double weights[] = {.5, -2, .25};
        double parts[3], one[3], sums[3] = {0};
        factors_fold_parts(factors_fold(f, read, 3, arena), items, weights, 3, parts);
        for (size_t j = 0; j < 3; j++) {
            factors_parts(f, read, 3, items[j], one);
            for (size_t k = 0; k < 3; k++)
                sums[k] += weights[j] * one[k];
        }
        for (size_t k = 0; k < 3; k++)
            assert_true(fabs(parts[k] - sums[k]) < 1e-9);
        factors_free(f);
    }
    arena_free(arena);
}

static void test_spread(void **state)
{
    struct factors *f = example(7, 1);
    struct model_read read = {3, 1}, spread = {6, 1};
    float one[ITEMS], two[2 * ITEMS];
    uint32_t item[ITEMS];
    for (uint32_t i = 0; i < ITEMS; i++)
        item[i] = 2 * i;
    factors_score(f, &read, 1, one);
    factors_spread(f, item, 2 * ITEMS);
    factors_score(f, &spread, 1, two);
    for (uint32_t i = 0; i < 2 * ITEMS; i++)
        assert_true(two[i] == (i % 2 ? 0 : one[i / 2]));
    factors_free(f);
}

/* ---- file ---- */

static void put(const struct factors *f)
{
    struct file *file;
    assert_int_equal(file_open(path_of("f"), FILE_CREATE, &file, NULL), 0);
    struct section_writer *w = section_writer_new(file);
    factors_save(f, w);
    assert_int_equal(section_writer_end(w, NULL), 0);
    file_close(file);
}

static struct factors *get(uint32_t items, enum err *err)
{
    struct file *file;
    uint64_t end;
    assert_int_equal(file_open(path_of("f"), FILE_READ_ONLY, &file, NULL), 0);
    struct section_reader *r = section_reader_new(file, 0);
    struct factors *f = factors_load(r, items);
    *err = section_reader_end(r, &end, NULL);
    file_close(file);
    return f;
}

static void test_saved_and_loaded(void **state)
{
    struct factors *f = example(7, 1), *again;
    struct model_read read[] = {{3, 1}, {8, -1}};
    float one[ITEMS], two[ITEMS];
    enum err err;
    put(f);
    again = get(ITEMS, &err);
    assert_int_equal(err, 0);
    factors_score(f, read, 2, one);
    factors_score(again, read, 2, two);
    assert_memory_equal(one, two, sizeof one);
    assert_int_equal(factors_bytes(again), factors_bytes(f));
    factors_free(again);
    assert_null(get(ITEMS + 1, &err));
    assert_int_equal(err, ERR_CORRUPT);
    factors_free(f);
    factors_free(NULL);
}

static void refused(struct factors *f)
{
    enum err err;
    put(f);
    assert_null(get(ITEMS, &err));
    assert_int_equal(err, ERR_CORRUPT);
    factors_free(f);
}

static void test_not_as_it_should_be(void **state)
{
    struct factors *f;
    f = example(7, 1), f->lambda = 0, refused(f);
    f = example(7, 1), f->lambda = NAN, refused(f);
    f = example(7, 1), f->alpha = -1, refused(f);
    f = example(7, 1), f->nu = INFINITY, refused(f);
    f = example(7, 1), f->gram[6] = -1, refused(f);
    f = example(7, 1), f->vectors[9] = 0xFC00, refused(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_part_is_of_what_was_read),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_parts_of_several),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_saved_and_loaded),
        cmocka_unit_test(test_not_as_it_should_be),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
