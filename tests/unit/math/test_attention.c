#include "levels.h"
#include "math/attention.h"
#include <math.h>
#include <stdlib.h>

static void reference(const float *qkv, size_t tokens, size_t heads, size_t dims, double *out)
{
    size_t hidden = heads * dims, stride = 3 * hidden;
    double *w = calloc(tokens, sizeof *w);
    for (size_t h = 0; h < heads; h++) {
        for (size_t t = 0; t < tokens; t++) {
            double max = -1e300, sum = 0;
            for (size_t s = 0; s < tokens; s++) {
                w[s] = 0;
                for (size_t i = 0; i < dims; i++)
                    w[s] += (double)qkv[t * stride + h * dims + i] *
                            (double)qkv[s * stride + hidden + h * dims + i] / sqrt((double)dims);
                max = fmax(max, w[s]);
            }
            for (size_t s = 0; s < tokens; s++)
                sum += w[s] = exp(w[s] - max);
            for (size_t i = 0; i < dims; i++) {
                double *to = &out[t * hidden + h * dims + i];
                *to = 0;
                for (size_t s = 0; s < tokens; s++)
                    *to += w[s] / sum * (double)qkv[s * stride + 2 * hidden + h * dims + i];
            }
        }
    }
    free(w);
}

static void test_against_doubles(void **state)
{
    static const size_t shapes[][3] = {{1, 1, 2},   {2, 2, 16},  {13, 3, 32},
                                       {15, 2, 64}, {31, 1, 32}, {32, 2, 8},
                                       {33, 2, 48}, {65, 1, 33}, {130, 2, 32}};
    struct rng r;
    rng_init(&r, 9);
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        size_t tokens = shapes[k][0], heads = shapes[k][1], dims = shapes[k][2],
               hidden = heads * dims;
        float *qkv = malloc((tokens * 3 * hidden + 32) * sizeof *qkv);
        float *out = malloc((tokens * hidden + 1) * sizeof *out);
        float *scratch = malloc(attention_scratch(tokens, dims));
        struct attention a = {.tokens = tokens,
                              .queries = tokens,
                              .heads = heads,
                              .head_to = heads,
                              .head_dims = dims};
        double *want = calloc(tokens * hidden, sizeof *want);
        for (size_t i = 0; i < tokens * 3 * hidden; i++)
            qkv[i] = 2 * rng_normal(&r);
        for (size_t i = 0; i < 32; i++)
            qkv[tokens * 3 * hidden + i] = NAN; /* may be read, must not count */
        reference(qkv, tokens, heads, dims, want);
        FOR_LEVELS(level)
        {
            for (size_t i = 0; i < attention_scratch(tokens, dims) / sizeof *scratch; i++)
                scratch[i] = NAN;
            out[tokens * hidden] = 42;
            attention_f32(&a, qkv, scratch, out);
            assert_true(out[tokens * hidden] == 42);
            for (size_t i = 0; i < tokens * hidden; i++)
                assert_true(fabs((double)out[i] - want[i]) < 2e-5);
        }
        free(qkv);
        free(out);
        free(scratch);
        free(want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_doubles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
