#include "levels.h"
#include "math/attention.h"
#include "base/arena.h"
#include "math/half.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* The same with numbers that bfloat16 holds, a bias by distance, and rows of other texts around. */
static void reference_biased(const float *qkv, const float *bias, size_t reach, size_t tokens,
                             size_t heads, size_t dims, double *out)
{
    size_t hidden = heads * dims, stride = 3 * hidden;
    double *w = calloc(tokens, sizeof *w);
    for (size_t h = 0; h < heads; h++) {
        for (size_t t = 0; t < tokens; t++) {
            double max = -1e300, sum = 0;
            for (size_t s = 0; s < tokens; s++) {
                w[s] = bias ? (double)bias[h * (2 * reach - 1) + reach - 1 + s - t] : 0;
                for (size_t i = 0; i < dims; i++)
                    w[s] += (double)qkv[t * stride + h * dims + i] *
                            (double)qkv[s * stride + hidden + h * dims + i];
                w[s] /= sqrt((double)dims);
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

struct case_of {
    size_t tokens, heads, dims, before, after;
    bool biased;
    float size; /* of queries: large ones make weights of very different rows */
};

static void check_case(const struct case_of *c)
{
    struct rng r;
    rng_init(&r, c->tokens * 7 + c->dims);
    size_t hidden = c->heads * c->dims, rows = c->before + c->tokens + c->after,
           reach = c->tokens + 3;
    float *qkv = malloc((c->tokens * 3 * hidden + 32) * sizeof *qkv);
    float *bias = malloc(c->heads * (2 * reach - 1) * sizeof *bias);
    uint16_t *panels = xaligned(3 * hidden * rows * sizeof *panels);
    float *out = malloc((c->tokens * hidden + 1) * sizeof *out);
    double *want = calloc(c->tokens * hidden, sizeof *want);
    void *scratch = xaligned(attention_scratch(c->tokens, c->dims));
    for (size_t i = 0; i < c->heads * (2 * reach - 1); i++)
        bias[i] = 5 * rng_normal(&r);
    for (size_t i = 0; i < 3 * hidden * rows; i++)
        panels[i] = 0x7fc0; /* NaN: of other texts */
    for (size_t t = 0; t < c->tokens; t++) {
        for (size_t i = 0; i < 3 * hidden; i++) {
            float size = i < hidden ? c->size * (t % 3 ? 1 : .01f) : 1;
            uint16_t v = bf16_of_float(size * rng_normal(&r));
            qkv[t * 3 * hidden + i] = bf16_to_float(v);
            panels[(i / 32 * rows + c->before + t) * 32 + i % 32] = v;
        }
    }
    reference_biased(qkv, c->biased ? bias : NULL, reach, c->tokens, c->heads, c->dims, want);
    struct attention a = {.tokens = c->tokens,
                          .queries = c->tokens,
                          .heads = c->heads,
                          .head_to = c->heads,
                          .head_dims = c->dims,
                          .bias = c->biased ? bias : NULL,
                          .bias_reach = reach};
    FOR_LEVELS(level)
    {
        for (int bf16 = 0; bf16 <= (simd_bf16() ? 1 : 0); bf16++) {
            memset(scratch, 0xff, attention_scratch(c->tokens, c->dims));
            out[c->tokens * hidden] = 42;
            /* a head at a time, as threads would share them */
            for (a.head_from = 0; a.head_from < c->heads; a.head_from = a.head_to) {
                a.head_to = a.head_from + 1;
                if (bf16)
                    attention_bf16(&a, panels + c->before * 32, rows, scratch, out);
                else
                    attention_f32(&a, qkv, scratch, out);
            }
            assert_true(out[c->tokens * hidden] == 42);
            for (size_t i = 0; i < c->tokens * hidden; i++)
                assert_true(fabs((double)out[i] - want[i]) < (bf16 ? 2e-2 : 1e-4));
            /* the first query alone */
            float first = out[0];
            a.queries = a.head_to = 1, a.head_from = 0, out[0] = 7;
            if (bf16)
                attention_bf16(&a, panels + c->before * 32, rows, scratch, out);
            else
                attention_f32(&a, qkv, scratch, out);
            assert_true(fabsf(out[0] - first) < (bf16 ? 1e-2f : 1e-5f));
            a.queries = c->tokens;
        }
    }
    free(qkv), free(bias), free(panels), free(out), free(want), free(scratch);
}

static void test_panels_and_bias(void **state)
{
    static const struct case_of cases[] = {
        {1, 2, 32, 0, 0, false, 1},  {2, 1, 32, 3, 5, true, 1},    {12, 3, 32, 1, 0, false, 1},
        {15, 2, 64, 0, 7, true, 1},  {16, 1, 32, 2, 2, false, 1},  {17, 2, 32, 0, 1, true, 1},
        {33, 1, 96, 4, 0, false, 1}, {48, 2, 64, 0, 0, true, 1},   {130, 2, 32, 9, 3, false, 1},
        {257, 1, 32, 0, 0, true, 1}, {40, 1, 32, 0, 9, false, 60}, {29, 1, 64, 0, 0, false, 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_doubles),
                                       cmocka_unit_test(test_panels_and_bias)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
