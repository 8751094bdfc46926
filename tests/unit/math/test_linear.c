#include "levels.h"
#include "base/arena.h"
#include "math/half.h"
#include "math/linear.h"
#include <math.h>
#include <stdlib.h>

static float *floats(size_t n, struct rng *r)
{
    float *p = malloc((n + 1) * sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = rng_normal(r);
    p[n] = 42;
    return p;
}

static double gelu(double x)
{
    return x * .5 * (1 + erf(x / sqrt(2)));
}

struct problem {
    size_t rows, in, out;
    enum linear_type type;
    float *x, *w, *b, *y;
    uint16_t *x16;
};

static struct problem problem_new(size_t rows, size_t in, size_t out, enum linear_type type)
{
    struct rng r;
    rng_init(&r, rows * 1000 + out);
    struct problem p = {rows, in, out, type, .x16 = malloc(rows * in * 2)};
    p.x = floats(rows * in, &r);
    p.w = floats(in * out, &r);
    p.b = floats(out, &r);
    p.y = floats(rows * out, &r);
    if (type == LINEAR_BF16) {
        for (size_t i = 0; i < in * out; i++)
            p.w[i] = bf16_to_float(bf16_of_float(p.w[i]));
        bf16_from_f32(p.x, p.x16, rows * in);
        bf16_to_f32(p.x16, p.x, rows * in);
    }
    return p;
}

static void problem_release(struct problem *p)
{
    free(p->x);
    free(p->w);
    free(p->b);
    free(p->y);
    free(p->x16);
}

static void check(struct problem *p, enum linear_then then)
{
    size_t count = p->rows * p->out;
    float *y = malloc((count + 1) * sizeof *y);
    uint16_t *y16 = malloc((count + 1) * sizeof *y16);
    for (size_t i = 0; i <= count; i++)
        y[i] = p->y[i];
    y16[count] = 0x4242;
    bool narrow = p->type == LINEAR_BF16 && then == LINEAR_GELU;
    void *packed = xaligned(linear_packed_bytes(p->in, p->out, p->type));
    struct linear l = {p->type, p->in, p->out, packed};
    linear_pack(p->w, p->b, p->in, p->out, p->type, NULL, false, packed);
    linear_run(&l, p->type == LINEAR_BF16 ? (void *)p->x16 : (void *)p->x, p->rows, then,
               narrow ? (void *)y16 : (void *)y);
    assert_true(y[count] == 42 && y16[count] == 0x4242); /* nothing behind the last element */
    for (size_t i = 0; i < count; i++) {
        const float *x = p->x + i / p->out * p->in, *w = p->w + i % p->out * p->in;
        double sum = (double)p->b[i % p->out], size = fabs(sum);
        for (size_t k = 0; k < p->in; k++) {
            sum += (double)x[k] * (double)w[k];
            size += fabs((double)x[k] * (double)w[k]);
        }
        double want = then == LINEAR_GELU  ? gelu(sum)
                      : then == LINEAR_ADD ? sum + (double)p->y[i]
                                           : sum;
        double got = narrow ? (double)bf16_to_float(y16[i]) : (double)y[i];
        double bound = 2e-6 * size + 2e-6 + (narrow ? fabs(want) / 200 + 2e-4 : 0);
        assert_true(fabs(got - want) <= bound);
    }
    free(packed);
    free(y);
    free(y16);
}

/* Every number of rows of a tile, rows over several tiles and blocks, outputs with every tail. */
static void test_against_doubles(void **state)
{
    static const size_t shapes[][3] = {{1, 2, 1},    {2, 8, 31},   {3, 16, 32},  {4, 18, 33},
                                       {5, 20, 47},  {6, 22, 48},  {7, 24, 49},  {8, 26, 64},
                                       {9, 28, 65},  {10, 30, 80}, {11, 32, 96}, {12, 64, 97},
                                       {13, 96, 16}, {14, 34, 17}, {15, 36, 32}, {29, 38, 40},
                                       {84, 6, 35},  {85, 10, 33}, {200, 4, 5}};
    FOR_LEVELS(level)
    {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            for (int type = LINEAR_F32; type <= (simd_bf16() ? LINEAR_BF16 : LINEAR_F32); type++) {
                struct problem p =
                    problem_new(shapes[i][0], shapes[i][1], shapes[i][2], (enum linear_type)type);
                check(&p, LINEAR_SET);
                check(&p, LINEAR_ADD);
                check(&p, LINEAR_GELU);
                problem_release(&p);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_doubles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
