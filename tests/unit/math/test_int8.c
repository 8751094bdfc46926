#include "levels.h"
#include "base/arena.h"
#include "math/half.h"
#include "math/linear.h"
#include "math/quant.h"
#include "math/rows.h"
#include "math/tile.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static float *floats(size_t n, uint64_t seed)
{
    struct rng r;
    rng_init(&r, seed);
    float *p = malloc((n + 1) * sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = rng_normal(&r);
    p[n] = 42;
    return p;
}

/* Bytes at both ends of their ranges too, where a 16-bit sum would saturate. */
static void test_tile_is_exact(void **state)
{
    struct rng r;
    rng_init(&r, 3);
    static const size_t sizes[] = {4, 8, 12, 60, 384, 1024, 1028, 3072};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t k = sizes[s], stride = k + 8;
        uint8_t *x = malloc(TILE_ROWS * stride);
        int8_t *panel = xaligned(k * TILE_COLUMNS);
        for (size_t i = 0; i < TILE_ROWS * stride; i++)
            x[i] = i % 3 ? 255 : (uint8_t)rng_next(&r);
        for (size_t i = 0; i < k * TILE_COLUMNS; i++)
            panel[i] = i % 5 < 3 ? 127 : i % 5 < 4 ? -127 : (int8_t)rng_next(&r);
        for (unsigned rows = 1; rows <= TILE_ROWS; rows++) {
            FOR_LEVELS(level)
            {
                _Alignas(64) int32_t out[TILE_ROWS * TILE_COLUMNS];
                memset(out, 0x55, sizeof out);
                tile_int8(x, stride, rows, k, panel, rows % 2, out);
                for (unsigned i = 0; i < rows * TILE_COLUMNS; i++) {
                    int32_t want = 0;
                    for (size_t j = 0; j < k; j++)
                        want += x[i / TILE_COLUMNS * stride + j] *
                                panel[j / 4 * 128 + i % TILE_COLUMNS * 4 + j % 4];
                    assert_int_equal(out[i], want);
                }
            }
        }
        free(x);
        free(panel);
    }
}

static const struct quant_row *row_of(const void *rows, size_t dims, size_t r)
{
    return (const struct quant_row *)((const char *)rows + r * quant_row_bytes(dims));
}

static void check_row(const float *x, const float *factors, size_t dims, const struct quant_row *q)
{
    for (size_t i = 0; i < dims; i++) {
        double want = (double)x[i] * (factors ? (double)factors[i] : 1);
        double got = (double)q->low + (double)q->scale * q->bytes[i];
        assert_true(fabs(got - want) <= .502 * (double)q->scale + 1e-6 * fabs(want));
    }
    for (size_t i = dims; i < quant_k(dims); i++)
        assert_int_equal(q->bytes[i], 0);
}

static void test_quantised_rows(void **state)
{
    static const size_t sizes[] = {1, 2, 15, 16, 17, 30, 64, 66, 130, 384, 390, 1536};
    enum { ROWS = 3 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t dims = sizes[s], bytes = ROWS * quant_row_bytes(dims);
        float *x = floats(ROWS * dims, 1), *factors = floats(dims, 2);
        for (size_t i = 0; i < dims; i++) {
            factors[i] = .1f + fabsf(factors[i]);
            x[dims + i] = 7; /* a row without a range */
        }
        char *out = malloc(bytes + 1);
        FOR_LEVELS(level)
        {
            for (int with = 0; with < 2; with++) {
                memset(out, 0x42, bytes + 1);
                quant_rows(x, ROWS, dims, with ? factors : NULL, out);
                assert_int_equal(out[bytes], 0x42);
                for (size_t r = 0; r < ROWS; r++)
                    check_row(x + r * dims, with ? factors : NULL, dims, row_of(out, dims, r));
            }
        }
        free(x);
        free(factors);
        free(out);
    }
}

static void test_normed_rows(void **state)
{
    static const size_t sizes[] = {2, 48, 64, 384, 400, 1024};
    enum { ROWS = 3 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t dims = sizes[s];
        float *x = floats(ROWS * dims, 1), *gamma = floats(dims, 2), *beta = floats(dims, 3);
        float *factors = floats(dims, 4), *y = malloc(ROWS * dims * sizeof *y),
              *z = malloc(ROWS * dims * sizeof *z);
        for (size_t i = 0; i < ROWS * dims; i++)
            x[i] = 30 + 3 * x[i]; /* far from 0, where a careless variance is wrong */
        for (size_t i = 0; i < dims; i++)
            factors[i] = .1f + fabsf(factors[i]);
        char *out = malloc(ROWS * quant_row_bytes(dims));
        struct quant_norm n = {gamma, beta, 1e-12f};
        FOR_LEVELS(level)
        {
            for (int with = 0; with < 2; with++) {
                memcpy(y, x, ROWS * dims * sizeof *y);
                memcpy(z, x, ROWS * dims * sizeof *z);
                quant_rows_normed(y, ROWS, dims, &n, with ? factors : NULL, out);
                layernorm_f32(z, ROWS, dims, gamma, beta, 1e-12f);
                for (size_t i = 0; i < ROWS * dims; i++)
                    assert_true(fabsf(y[i] - z[i]) < 1e-4f * (1 + fabsf(z[i])));
                for (size_t r = 0; r < ROWS; r++)
                    check_row(y + r * dims, with ? factors : NULL, dims, row_of(out, dims, r));
            }
        }
        free(x), free(gamma), free(beta), free(factors), free(y), free(z), free(out);
    }
}

struct problem {
    size_t rows, in, out;
    float *x, *w, *b, *y;
    struct linear_seen *seen;
    struct linear l;
    char *inputs;
};

static struct problem problem_new(size_t rows, size_t in, size_t out, bool smooth)
{
    struct problem p = {rows, in, out, .l = {LINEAR_INT8, in, out, NULL}};
    p.x = floats(rows * in, 1);
    p.w = floats(in * out, 2);
    p.b = floats(out, 3);
    p.y = floats(rows * out, 4);
    for (size_t i = 0; i < rows * in; i++)
        p.x[i] *= smooth && i % in == 1 ? 50 : 1; /* one input far above the others */
    p.seen = linear_seen_new(in);
    linear_seen_add(p.seen, p.x, rows);
    linear_seen_end(p.seen);
    char *packed = xaligned(linear_packed_bytes(in, out, LINEAR_INT8) + 1);
    size_t end = linear_packed_bytes(in, out, LINEAR_INT8);
    packed[end] = 0x42;
    linear_pack(p.w, p.b, in, out, LINEAR_INT8, smooth ? p.seen : NULL, true, packed);
    assert_int_equal(packed[end], 0x42);
    p.l.packed = packed;
    p.inputs = malloc(rows * linear_row_bytes(&p.l));
    return p;
}

static void problem_release(struct problem *p)
{
    free(p->x), free(p->w), free(p->b), free(p->y), free(p->inputs);
    linear_seen_free(p->seen);
    free((void *)p->l.packed);
}

static double gelu(double x)
{
    return x * .5 * (1 + erf(x / sqrt(2)));
}

/* The relative error of all results together, and that nothing behind the last one changes. */
static double error_of(struct problem *p, enum linear_then then, bool *changed)
{
    size_t count = p->rows * p->out;
    float *y = malloc((count + 1) * sizeof *y);
    memcpy(y, p->y, (count + 1) * sizeof *y);
    uint16_t *y16 = (uint16_t *)y;
    linear_input(&p->l, p->x, p->rows, p->inputs);
    linear_run(&p->l, p->inputs, p->rows, then, y);
    *changed = y[count] != 42;
    double wrong = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t r = i / p->out, o = i % p->out;
        double sum = (double)p->b[o];
        for (size_t k = 0; k < p->in; k++)
            sum += (double)p->x[r * p->in + k] * (double)p->w[o * p->in + k];
        double got = then == LINEAR_HEADS
                         ? (double)bf16_to_float(y16[(o / 32 * p->rows + r) * 32 + o % 32])
                         : (double)y[i];
        double want = then == LINEAR_GELU  ? gelu(sum)
                      : then == LINEAR_ADD ? sum + (double)p->y[i]
                                           : sum;
        wrong += (got - want) * (got - want);
        size += want * want;
    }
    free(y);
    return sqrt(wrong / size);
}

/* Two roundings to 8 bits cost about 1.2 % of numbers that are normally distributed. */
static void test_layer_against_doubles(void **state)
{
    static const size_t shapes[][3] = {{1, 384, 31},  {14, 386, 33},  {15, 130, 64}, {29, 70, 97},
                                       {85, 768, 96}, {12, 1024, 32}, {3, 50, 48},   {170, 66, 32}};
    FOR_LEVELS(level)
    {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            struct problem p = problem_new(shapes[i][0], shapes[i][1], shapes[i][2], false);
            bool changed;
            for (int then = LINEAR_SET; then <= LINEAR_HEADS; then++) {
                if (then == LINEAR_HEADS && (!simd_bf16() || p.out % 32))
                    continue;
                double error = error_of(&p, (enum linear_then)then, &changed);
                assert_true(error < .02);
                assert_false(changed);
            }
            problem_release(&p);
        }
    }
}

static void test_smoothing(void **state)
{
    FOR_LEVELS(level)
    {
        bool changed;
        struct problem p = problem_new(30, 128, 64, true);
        double with = error_of(&p, LINEAR_SET, &changed);
        linear_pack(p.w, p.b, p.in, p.out, LINEAR_INT8, p.seen, false, (void *)p.l.packed);
        double without = error_of(&p, LINEAR_SET, &changed);
        assert_true(with < .015 && without > 1.5 * with);
        problem_release(&p);
    }
}

static void pack(struct problem *p, const struct linear_seen *seen)
{
    char *packed = (char *)p->l.packed;
    linear_pack(p->w, p->b, p->in, p->out, LINEAR_INT8, seen, false, packed);
}

static void test_seen(void **state)
{
    enum { IN = 70, ROWS = 1100 };
    float *x = floats(ROWS * IN, 1);
    FOR_LEVELS(level)
    {
        struct linear_seen *s = linear_seen_new(IN);
        linear_seen_add(s, x, 1);
        linear_seen_add(s, x + IN, ROWS - 1);
        linear_seen_end(s);
        assert_int_equal(s->rows, ROWS);
        for (size_t i = 0; i < IN; i++) {
            double sum = 0, products[IN] = {0}, amax = 0;
            for (size_t r = 0; r < ROWS; r++) {
                const float *row = x + r * IN;
                sum += (double)row[i];
                amax = fmax(amax, fabs((double)row[i]));
                for (size_t j = 0; j <= i; j++)
                    products[j] += (double)row[i] * (double)row[j];
            }
            assert_true(fabs((double)s->sums[i] - sum) < 1e-2);
            assert_true((double)s->amax[i] == amax);
            for (size_t j = 0; j <= i; j++)
                assert_true(fabs((double)s->products[i * s->stride + j] - products[j]) < 1e-2);
        }
        linear_seen_free(s);
    }
    free(x);
}

/* Inputs that go together: what one weight is off by, the next ones make good. */
static void test_rounding_by_results(void **state)
{
    FOR_LEVELS(level)
    {
        bool changed;
        struct problem p = problem_new(300, 130, 40, false);
        for (size_t i = 0; i < p.rows * p.in; i++) /* a walk: neighbours are alike */
            p.x[i] = i % p.in ? .9f * p.x[i - 1] + .4f * p.x[i] : p.x[i];
        linear_seen_free(p.seen);
        p.seen = linear_seen_new(p.in);
        linear_seen_add(p.seen, p.x, p.rows);
        linear_seen_end(p.seen);
        pack(&p, NULL);
        double nearest = error_of(&p, LINEAR_SET, &changed);
        pack(&p, p.seen);
        double by_results = error_of(&p, LINEAR_SET, &changed);
        assert_true(by_results < .8 * nearest);
        problem_release(&p);
    }
}

/* The mean of the inputs is far from 0: what the weights are off by there is in the bias. */
static void test_mean_is_made_good(void **state)
{
    struct problem p = problem_new(300, 64, 32, false);
    double off[2] = {0};
    for (size_t i = 0; i < p.rows * p.in; i++)
        p.x[i] += i % p.in < 32 ? 8 : -8;
    linear_seen_free(p.seen);
    p.seen = linear_seen_new(p.in);
    linear_seen_add(p.seen, p.x, p.rows);
    linear_seen_end(p.seen);
    for (int with = 0; with < 2; with++) {
        pack(&p, with ? p.seen : NULL);
        linear_input(&p.l, p.x, p.rows, p.inputs);
        linear_run(&p.l, p.inputs, p.rows, LINEAR_SET, p.y);
        for (size_t o = 0; o < p.out; o++) {
            double mean = 0, want = (double)p.b[o];
            for (size_t r = 0; r < p.rows; r++)
                mean += (double)p.y[r * p.out + o] / (double)p.rows;
            for (size_t k = 0; k < p.in; k++)
                want += (double)p.w[o * p.in + k] * (double)p.seen->sums[k] / (double)p.rows;
            off[with] += (mean - want) * (mean - want);
        }
    }
    assert_true(off[1] < .1 * off[0]);
    problem_release(&p);
}

static void test_packs_are_the_same_again(void **state)
{
    struct problem p = problem_new(90, 66, 33, true);
    size_t bytes = linear_packed_bytes(p.in, p.out, LINEAR_INT8);
    char *again = xaligned(bytes);
    memset(again, 0x42, bytes);
    linear_pack(p.w, p.b, p.in, p.out, LINEAR_INT8, p.seen, true, again);
    assert_memory_equal(again, p.l.packed, bytes);
    free(again);
    problem_release(&p);
}

static void test_parts_are_the_whole(void **state)
{
    struct problem p = problem_new(20, 64, 161, false);
    float *whole = malloc(p.rows * p.out * sizeof *whole), *parts = floats(p.rows * p.out, 9);
    FOR_LEVELS(level)
    {
        linear_input(&p.l, p.x, p.rows, p.inputs);
        linear_run(&p.l, p.inputs, p.rows, LINEAR_SET, whole);
        for (unsigned i = 0; i < 4; i++)
            linear_run_part(&p.l, p.inputs, p.rows, LINEAR_SET, parts, i, 4);
        assert_memory_equal(whole, parts, p.rows * p.out * sizeof *whole);
        memset(parts, 0, p.rows * p.out * sizeof *parts);
    }
    free(whole);
    free(parts);
    problem_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seen),
        cmocka_unit_test(test_rounding_by_results),
        cmocka_unit_test(test_mean_is_made_good),
        cmocka_unit_test(test_packs_are_the_same_again),
        cmocka_unit_test(test_tile_is_exact),
        cmocka_unit_test(test_quantised_rows),
        cmocka_unit_test(test_normed_rows),
        cmocka_unit_test(test_layer_against_doubles),
        cmocka_unit_test(test_smoothing),
        cmocka_unit_test(test_parts_are_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
