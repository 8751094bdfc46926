/* iALS against itself written plainly: exact steps by elimination in double, no axes turned. */
#include "train/ials.h"
#include "base/arena.h"
#include "base/rng.h"
#include "math/dense.h"
#include "math/half.h"
#include "recommend/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

#define ALPHA .05
#define LAMBDA .02
enum { DIMS = 36, SEED = 4 };

struct world {
    uint32_t readers, items;
    struct interactions *x;
    double *w, *v; /* readers x DIMS, items x DIMS */
};

/* Some read much, more than DIMS; some items are read by most; a few acts say no. */
static struct world world_new(uint32_t readers, uint32_t items)
{
    struct world x = {.readers = readers, .items = items};
    struct interaction *all = xcalloc((size_t)readers * 70, sizeof *all);
    struct rng r;
    size_t count = 0;
    rng_init(&r, 11);
    for (uint32_t u = 0; u < readers; u++)
        for (uint64_t n = u % 10 ? rng_below(&r, 12) : 60; n; n--) {
            uint32_t item = rng_below(&r, 5) ? u % 7 + 7 * (uint32_t)rng_below(&r, items / 7)
                                             : (uint32_t)rng_below(&r, items / 20 + 1);
            all[count++] = (struct interaction){u, item, rng_below(&r, 9) ? 1 : -.5f};
        }
    x.x = interactions_new(all, count, readers, items);
    free(all);
    x.w = xcalloc((size_t)readers * DIMS, sizeof *x.w);
    x.v = xcalloc((size_t)items * DIMS, sizeof *x.v);
    rng_init(&r, SEED); /* as ials.c begins */
    for (size_t i = 0; i < (size_t)items * DIMS; i++)
        x.v[i] = (double)(.1f * rng_normal(&r) / sqrtf(DIMS));
    return x;
}

static void world_free(struct world *w)
{
    interactions_free(w->x);
    free(w->w);
    free(w->v);
}

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

static void half_step(const struct sparse *rows, uint32_t count, uint32_t others,
                      const double *from, double *to)
{
    double gram[DIMS * DIMS] = {0}, a[DIMS * DIMS];
    for (uint32_t i = 0; i < others; i++)
        for (size_t c = 0; c < DIMS; c++)
            for (size_t d = 0; d < DIMS; d++)
                gram[c * DIMS + d] += ALPHA * from[i * DIMS + c] * from[i * DIMS + d];
    for (uint32_t r = 0; r < count; r++) {
        size_t n = rows->start[r + 1] - rows->start[r];
        double *b = to + (size_t)r * DIMS;
        memcpy(a, gram, sizeof a);
        memset(b, 0, DIMS * sizeof *b);
        for (size_t d = 0; d < DIMS; d++)
            a[d * DIMS + d] += LAMBDA * ((double)n + ALPHA * others);
        for (size_t k = rows->start[r]; k < rows->start[r + 1]; k++) {
            const double *v = from + (size_t)rows->at[k] * DIMS;
            double x = (double)rows->weight[k];
            for (size_t c = 0; c < DIMS; c++) {
                b[c] += x * v[c];
                for (size_t d = 0; d < DIMS; d++)
                    a[c * DIMS + d] += fabs(x) * v[c] * v[d];
            }
        }
        solve(a, b, DIMS);
    }
}

static struct factors *train(const struct world *w, unsigned epochs, unsigned threads)
{
    struct factors *f = NULL;
    struct err_info e = {0};
    struct ials_options o = {.dims = DIMS,
                             .alpha = ALPHA,
                             .lambda = LAMBDA,
                             .epochs = epochs,
                             .threads = threads,
                             .seed = SEED};
    assert_int_equal(ials_train(w->x, &o, &f, &e), 0);
    return f;
}

static size_t read_of(const struct world *w, uint32_t reader, struct model_read *read)
{
    const struct sparse *s = &w->x->rows;
    size_t at = s->start[reader], n = s->start[reader + 1] - at;
    for (size_t k = 0; k < n; k++)
        read[k] = (struct model_read){s->at[at + k], s->weight[at + k]};
    return n;
}

/* After each epoch, the scores of every reader. */
static void test_as_written_plainly(void **state)
{
    struct world w = world_new(230, 140);
    float *scores = xcalloc(w.items, sizeof *scores);
    struct model_read read[140];
    for (unsigned epoch = 1; epoch <= 4; epoch++) {
        half_step(&w.x->rows, w.readers, w.items, w.v, w.w);
        half_step(&w.x->columns, w.items, w.readers, w.w, w.v);
        struct factors *f = train(&w, epoch, 2);
        double *again = xcalloc((size_t)w.readers * DIMS, sizeof *again);
        half_step(&w.x->rows, w.readers, w.items, w.v, again); /* folded in */
        for (uint32_t u = 0; u < w.readers; u++) {
            factors_score(f, read, read_of(&w, u, read), scores);
            for (uint32_t i = 0; i < w.items; i++) {
                double want = 0;
                for (size_t d = 0; d < DIMS; d++)
                    want += again[u * DIMS + d] * w.v[i * DIMS + d];
                if (fabs(want - (double)scores[i]) > 2e-3)
                    fail_msg("epoch %u, reader %u, item %u: %f, not %f", epoch, u, i,
                             (double)scores[i], want);
            }
        }
        free(again);
        factors_free(f);
    }
    free(scores);
    world_free(&w);
}

static double length2(const double *v)
{
    double sum = 0;
    for (size_t d = 0; d < DIMS; d++)
        sum += v[d] * v[d];
    return sum;
}

/* What is minimised, of these items and the best readers for them. */
static double loss(const struct world *w, const struct factors *f)
{
    double sum = 0, v[DIMS];
    float *scores = xcalloc(w->items, sizeof *scores), reader[DIMS];
    struct model_read read[140];
    for (uint32_t u = 0; u < w->readers; u++) {
        size_t n = read_of(w, u, read);
        factors_score(f, read, n, scores);
        factors_reader(f, read, n, reader);
        for (size_t d = 0; d < DIMS; d++)
            v[d] = (double)reader[d];
        sum += LAMBDA * ((double)n + ALPHA * w->items) * length2(v);
        for (uint32_t i = 0; i < w->items; i++)
            sum += ALPHA * (double)scores[i] * (double)scores[i];
        for (size_t k = 0; k < n; k++) {
            double x = (double)read[k].weight, off = x < 0 ? -1 : 1;
            off -= (double)scores[read[k].item];
            sum += fabs(x) * off * off;
        }
    }
    for (uint32_t i = 0; i < w->items; i++) {
        double n = (double)(w->x->columns.start[i + 1] - w->x->columns.start[i]);
        for (size_t d = 0; d < DIMS; d++)
            v[d] = (double)half_to_float(f->vectors[i * DIMS + d]);
        sum += LAMBDA * (n + ALPHA * w->readers) * length2(v);
    }
    free(scores);
    return sum;
}

static void test_loss_falls(void **state)
{
    struct world w = world_new(150, 140);
    double before = INFINITY;
    for (unsigned epoch = 1; epoch <= 8; epoch++) {
        struct factors *f = train(&w, epoch, 1);
        double now = loss(&w, f);
        if (!(now < before))
            fail_msg("epoch %u: %.9g after %.9g", epoch, now, before);
        before = now;
        factors_free(f);
    }
    world_free(&w);
}

static void test_same_whatever_the_threads(void **state)
{
    struct world w = world_new(1200, 700);
    struct factors *one = train(&w, 2, 1);
    for (unsigned threads = 2; threads <= 5; threads += 3) {
        struct factors *more = train(&w, 2, threads);
        assert_memory_equal(one->vectors, more->vectors, 700u * DIMS * sizeof *one->vectors);
        assert_memory_equal(one->gram, more->gram, DIMS * sizeof *one->gram);
        factors_free(more);
    }
    factors_free(one);
    world_free(&w);
}

static void test_ends(void **state)
{
    struct world w = world_new(30, 40);
    struct interactions *nothing = interactions_new(NULL, 0, 3, 4);
    struct factors *f = NULL;
    struct err_info e = {0};
    atomic_bool stop = true;
    float scores[4];
    assert_int_equal(ials_train(w.x, &(struct ials_options){.stop = &stop}, &f, &e), ERR_CANCELLED);
    assert_null(f);
    struct ials_options o = {.dims = 5, .epochs = 3};
    assert_int_equal(ials_train(nothing, &o, &f, &e), 0);
    factors_score(f, &(struct model_read){2, 1}, 1, scores);
    assert_true(scores[0] == 0 && scores[3] == 0);
    assert_true(ials_train_bytes(1000000, 150000, &o) > 1150000u * 5 * 4);
    factors_free(f);
    interactions_free(nothing);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_written_plainly),
        cmocka_unit_test(test_loss_falls),
        cmocka_unit_test(test_same_whatever_the_threads),
        cmocka_unit_test(test_ends),
    };
    if (dense_open(NULL)) /* not installed here */
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
