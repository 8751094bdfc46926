#include "tiny.h"
#include "math/simd.h"
#include <sys/stat.h>
#include <unistd.h>

/* --- a forward pass that is as plain as it gets, in doubles --- */

static const float *part(const struct tiny *t, int layer, const char *name)
{
    char full[120];
    if (layer < 0)
        snprintf(full, sizeof full, "embeddings.%s", name);
    else
        snprintf(full, sizeof full, "encoder.layer.%d.%s", layer, name);
    const float *p = tiny_find(t, full);
    assert_non_null(p);
    return p;
}

static void linear(const struct tiny *t, int layer, const char *name, const double *x, int in,
                   int out, double *y)
{
    char w[100], b[100];
    snprintf(w, sizeof w, "%s.weight", name);
    snprintf(b, sizeof b, "%s.bias", name);
    const float *weights = part(t, layer, w), *bias = part(t, layer, b);
    for (int o = 0; o < out; o++) {
        y[o] = (double)bias[o];
        for (int i = 0; i < in; i++)
            y[o] += x[i] * (double)weights[o * in + i];
    }
}

static void norm(const struct tiny *t, int layer, const char *name, double *x)
{
    char w[100], b[100];
    double mean = 0, square = 0;
    snprintf(w, sizeof w, "%s.weight", name);
    snprintf(b, sizeof b, "%s.bias", name);
    const float *gain = part(t, layer, w), *bias = part(t, layer, b);
    for (int i = 0; i < HIDDEN; i++)
        mean += x[i] / HIDDEN;
    for (int i = 0; i < HIDDEN; i++)
        square += (x[i] - mean) * (x[i] - mean) / HIDDEN;
    for (int i = 0; i < HIDDEN; i++)
        x[i] = (x[i] - mean) / sqrt(square + 1e-12) * (double)gain[i] + (double)bias[i];
}

/* MPNet's bucket of a key that is `distance` behind its query, as its code has it. */
static int bucket(int distance)
{
    int n = -distance, buckets = BUCKETS / 2, first = 0;
    if (n < 0) {
        first = buckets;
        n = -n;
    }
    int exact = buckets / 2;
    if (n < exact)
        return first + n;
    int far = exact + (int)(logf((float)n / (float)exact) / logf(128.f / (float)exact) *
                            (float)(buckets - exact));
    return first + (far < buckets - 1 ? far : buckets - 1);
}

static void attention(const struct tiny *t, double q[][HIDDEN], double k[][HIDDEN],
                      double v[][HIDDEN], int n, double out[][HIDDEN])
{
    const int dims = HIDDEN / HEADS;
    for (int h = 0; h < HEADS; h++) {
        for (int a = 0; a < n; a++) {
            double w[POSITIONS], sum = 0;
            for (int b = 0; b < n; b++) {
                w[b] = 0;
                for (int i = h * dims; i < (h + 1) * dims; i++)
                    w[b] += q[a][i] * k[b][i] / sqrt(dims);
                if (t->relative)
                    w[b] += (double)tiny_find(
                        t, "encoder.relative_attention_bias.weight")[bucket(b - a) * HEADS + h];
                sum += w[b] = exp(w[b]);
            }
            for (int i = h * dims; i < (h + 1) * dims; i++) {
                out[a][i] = 0;
                for (int b = 0; b < n; b++)
                    out[a][i] += w[b] / sum * v[b][i];
            }
        }
    }
}

static void layer_run(const struct tiny *t, int l, double x[][HIDDEN], int n)
{
    static double q[POSITIONS][HIDDEN], k[POSITIONS][HIDDEN], v[POSITIONS][HIDDEN],
        c[POSITIONS][HIDDEN];
    double o[HIDDEN], wide[WIDE];
    for (int p = 0; p < n; p++) {
        linear(t, l, "attention.self.query", x[p], HIDDEN, HIDDEN, q[p]);
        linear(t, l, "attention.self.key", x[p], HIDDEN, HIDDEN, k[p]);
        linear(t, l, "attention.self.value", x[p], HIDDEN, HIDDEN, v[p]);
    }
    attention(t, q, k, v, n, c);
    for (int p = 0; p < n; p++) {
        linear(t, l, "attention.output.dense", c[p], HIDDEN, HIDDEN, o);
        for (int i = 0; i < HIDDEN; i++)
            x[p][i] += o[i];
        norm(t, l, "attention.output.LayerNorm", x[p]);
        linear(t, l, "intermediate.dense", x[p], HIDDEN, WIDE, wide);
        for (int i = 0; i < WIDE; i++)
            wide[i] *= .5 * (1 + erf(wide[i] / sqrt(2)));
        linear(t, l, "output.dense", wide, WIDE, HIDDEN, o);
        for (int i = 0; i < HIDDEN; i++)
            x[p][i] += o[i];
        norm(t, l, "output.LayerNorm", x[p]);
    }
}

static void forward(const struct tiny *t, const uint32_t *ids, int n, double *out)
{
    static double x[POSITIONS][HIDDEN];
    double square = 0;
    const float *words = part(t, -1, "word_embeddings.weight");
    const float *places = part(t, -1, "position_embeddings.weight");
    const float *types = tiny_find(t, "embeddings.token_type_embeddings.weight");
    places += t->position_first * HIDDEN;
    for (int p = 0; p < n; p++) {
        for (int i = 0; i < HIDDEN; i++)
            x[p][i] = (double)words[ids[p] * HIDDEN + (unsigned)i] +
                      (double)places[p * HIDDEN + i] + (types ? (double)types[i] : 0);
        norm(t, -1, "LayerNorm", x[p]);
    }
    for (int l = 0; l < LAYERS; l++)
        layer_run(t, l, x, n);
    int first = strcmp(t->pooling, "last") == 0 ? n - 1 : 0;
    for (int i = 0; i < HIDDEN; i++) {
        out[i] = x[first][i];
        for (int p = 1; p < n && strcmp(t->pooling, "mean") == 0; p++)
            out[i] += x[p][i];
        square += out[i] * out[i];
    }
    for (int i = 0; i < HIDDEN; i++)
        out[i] /= sqrt(square);
}

/* --- the tests --- */

enum { TEXTS = POSITIONS };

struct sample {
    uint32_t ids[TEXTS * POSITIONS], lengths[TEXTS];
    float out[TEXTS * HIDDEN];
};

static void sample_fill(struct sample *s) /* every length once, mixed */
{
    struct rng r;
    rng_init(&r, 5);
    size_t n = 0;
    for (unsigned i = 0; i < TEXTS; i++) {
        s->lengths[i] = (i * 29) % POSITIONS + 1;
        for (unsigned p = 0; p < s->lengths[i]; p++)
            s->ids[n++] = (uint32_t)rng_below(&r, VOCAB);
    }
}

static void compare(const struct tiny *t, enum precision precision, double least)
{
    static struct sample s;
    struct model *m = NULL;
    struct err_info e = {0};
    sample_fill(&s);
    if (model_open(t->dir, &(struct model_options){.precision = precision}, &m, &e))
        fail_msg("%s: %s", e.field, e.message);
    assert_int_equal(model_info(m)->dims, HIDDEN);
    assert_int_equal(model_info(m)->precision, precision);
    assert_string_equal(model_info(m)->pooling, t->pooling);
    struct model_run *r = model_run_new(m, 100);
    assert_int_equal(model_embed(r, s.ids, s.lengths, TEXTS, s.out, &e), ERR_OK);
    size_t at = 0;
    for (unsigned i = 0; i < TEXTS; at += s.lengths[i++]) {
        double want[HIDDEN], cosine = 0;
        float alone[HIDDEN];
        forward(t, s.ids + at, (int)s.lengths[i], want);
        assert_int_equal(model_embed(r, s.ids + at, &s.lengths[i], 1, alone, &e), ERR_OK);
        for (unsigned d = 0; d < HIDDEN; d++) {
            cosine += want[d] * (double)s.out[i * HIDDEN + d];
            assert_true(fabsf(alone[d] - s.out[i * HIDDEN + d]) <
                        1e-5f); /* company does not count */
        }
        if (!(cosine >= least))
            fail_msg("text %u of %u tokens: cosine %.8f", i, s.lengths[i], cosine);
    }
    model_run_free(r);
    model_unref(m);
}

static void test_against_plain_forward(void **state)
{
    struct tiny t;
    tiny_make(&t);
    static const char *const poolings[] = {"mean", "cls", "last"};
    for (int i = 0; i < 3; i++) {
        tiny_pooling(&t, poolings[i]);
        for (int level = 0; level < SIMD_LEVELS; level++) {
            if (!simd_supported((enum simd_level)level))
                continue;
            simd_force((enum simd_level)level);
            compare(&t, PRECISION_FP32, .999999);
            compare(&t, PRECISION_BF16, .999);
            compare(&t, PRECISION_INT8, .99);
        }
    }
    tiny_release(&t);
}

static void test_architectures(void **state)
{
    static const char *const kinds[][2] = {{"roberta", "RobertaModel"},
                                           {"xlm-roberta", "XLMRobertaForMaskedLM"},
                                           {"camembert", "CamembertModel"},
                                           {"mpnet", "MPNetModel"},
                                           {"distilbert", "DistilBertModel"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct tiny t;
        tiny_make_kind(&t, kinds[i][0], kinds[i][1]);
        compare(&t, PRECISION_FP32, .999999);
        compare(&t, PRECISION_INT8, .99);
        tiny_release(&t);
    }
}

/* What a processor without bfloat16 products makes of bf16 is the same model. */
static void test_bf16_everywhere(void **state)
{
    struct tiny t;
    struct model *m[2] = {NULL, NULL};
    const struct model_options o = {.precision = PRECISION_BF16};
    tiny_make(&t);
    if (!simd_bf16())
        skip();
    assert_int_equal(model_open(t.dir, &o, &m[0], NULL), ERR_OK);
    simd_force_bf16(false);
    assert_int_equal(model_open(t.dir, &o, &m[1], NULL), ERR_OK);
    assert_string_equal(model_info(m[0])->digest, model_info(m[1])->digest);
    compare(&t, PRECISION_BF16, .999);
    simd_force_bf16(true);
    model_unref(m[0]);
    model_unref(m[1]);
    tiny_release(&t);
}

static void expect_fault(const struct tiny *t, enum err code, const char *field, const char *word)
{
    struct model *m = NULL;
    struct err_info e = {0};
    enum err err = model_open(t->dir, &(struct model_options){.precision = PRECISION_FP32}, &m, &e);
    if (err != code || !strstr(e.field, field) || !strstr(e.message, word))
        fail_msg("got %d, %s: \"%s\"; expected %d, %s: \"%s\"", err, e.field, e.message, code,
                 field, word);
    assert_null(m);
}

/* A model's files have an end: to open a pipe would wait for whoever writes into it, and a device
 * may never end. */
static void test_only_regular_files(void **state)
{
    static const char *const files[] = {"config.json", "vocab.txt", "model.safetensors"};
    struct tiny t;
    tiny_make(&t);
    for (size_t i = 0; i < 3; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", t.dir, files[i]);
        tiny_remove(&t, files[i]);
        assert_int_equal(mkfifo(path, 0600), 0);
        alarm(30);
        expect_fault(&t, ERR_INVALID, "", "is no regular file");
        tiny_remove(&t, files[i]);
        assert_int_equal(symlink("/dev/zero", path), 0);
        expect_fault(&t, ERR_INVALID, "", "is no regular file");
        alarm(0);
        tiny_release(&t);
        tiny_make(&t);
    }
    tiny_release(&t);
}

static void test_faults_are_named(void **state)
{
    struct tiny t;
    tiny_make(&t);
    tiny_config(&t, "T5EncoderModel", WIDE);
    expect_fault(&t, ERR_UNSUPPORTED, "config.json", "T5EncoderModel");
    tiny_config(&t, "BertModel", WIDE + 2);
    expect_fault(&t, ERR_INVALID, "model.safetensors",
                 "encoder.layer.0.intermediate.dense.weight has shape [72, 32], expected [74, 32]");
    tiny_text(&t, "config.json", "{\"architectures\":[\"BertModel\"],\"hidden_size\":1e9}");
    expect_fault(&t, ERR_INVALID, "config.json", "num_hidden_layers");
    tiny_text(&t, "config.json", "{\"architectures\"");
    expect_fault(&t, ERR_CORRUPT, "config.json", "line 1");
    tiny_remove(&t, "config.json");
    expect_fault(&t, ERR_NOT_FOUND, "config.json", "config.json");
    tiny_config(&t, "BertModel", WIDE);

    tiny_text(&t, "modules.json",
              "[{\"type\":\"sentence_transformers.models.Dense\",\"path\":\"2_Dense\"}]");
    expect_fault(&t, ERR_UNSUPPORTED, "modules.json", "Dense");
    tiny_remove(&t, "modules.json");
    tiny_pooling(&t, "max");
    expect_fault(&t, ERR_UNSUPPORTED, "1_Pooling/config.json", "mean, CLS and last token");
    tiny_remove(&t, "1_Pooling/config.json");
    expect_fault(&t, ERR_NOT_FOUND, "1_Pooling/config.json", "1_Pooling/config.json");
    tiny_pooling(&t, "mean");

    tiny_remove(&t, "vocab.txt");
    expect_fault(&t, ERR_NOT_FOUND, "tokenizer.json", "vocab.txt");
    tiny_release(&t);

    tiny_make(&t);
    snprintf(t.tensors[20].name, sizeof t.tensors[20].name, "something.else");
    size_t n;
    char *bytes = tiny_bytes(&t, &n);
    tiny_put(&t, "model.safetensors", bytes, n);
    expect_fault(&t, ERR_NOT_FOUND, "model.safetensors",
                 "encoder.layer.0.output.LayerNorm.bias is missing");
    free(bytes);
    tiny_remove(&t, "model.safetensors");
    expect_fault(&t, ERR_NOT_FOUND, "model.safetensors", "model.safetensors");
    tiny_release(&t);
}

static void test_truncated_weights(void **state)
{
    struct tiny t;
    tiny_make(&t);
    size_t n;
    char *bytes = tiny_bytes(&t, &n);
    for (size_t cut = 0; cut < n; cut += cut < 4000 ? 97 : 9973) {
        struct model *m = NULL;
        struct err_info e = {0};
        tiny_put(&t, "model.safetensors", bytes, cut);
        assert_int_not_equal(
            model_open(t.dir, &(struct model_options){.precision = PRECISION_FP32}, &m, &e),
            ERR_OK);
        assert_true(e.message[0]);
    }
    free(bytes);
    tiny_release(&t);
}

static void test_limits(void **state)
{
    struct tiny t;
    struct model *m = NULL;
    struct err_info e = {0};
    tiny_make(&t);
    assert_int_equal(
        model_open(t.dir, &(struct model_options){.precision = PRECISION_FP32}, &m, &e), ERR_OK);
    struct model_run *r = model_run_new(m, 10);
    uint32_t ids[2 * POSITIONS] = {0}, lengths[2] = {2, POSITIONS + 1};
    float out[2 * HIDDEN];
    assert_int_equal(model_embed(r, ids, lengths, 2, out, &e), ERR_TOO_LARGE);
    assert_string_equal(e.field, "/1");
    assert_non_null(strstr(e.message, "at most 48"));
    err_clear(&e);
    lengths[0] = 0;
    assert_int_equal(model_embed(r, ids, lengths, 1, out, &e), ERR_INVALID);
    err_clear(&e);
    lengths[0] = POSITIONS; /* longer than the block of 10 tokens, but within the model */
    assert_int_equal(model_embed(r, ids, lengths, 1, out, &e), ERR_OK);
    ids[3] = VOCAB;
    assert_int_equal(model_embed(r, ids, lengths, 1, out, &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "vocabulary"));
    model_run_free(r);
    model_unref(m);
    tiny_release(&t);
}

static void test_info_and_digest(void **state)
{
    struct tiny t;
    struct model *a = NULL, *b = NULL;
    tiny_make(&t);
    tiny_text(&t, "sentence_bert_config.json", "{\"max_seq_length\":20}");
    assert_int_equal(
        model_open(t.dir, &(struct model_options){.precision = PRECISION_FP32}, &a, NULL), ERR_OK);
    const struct model_info *info = model_info(a);
    assert_string_equal(info->name, strrchr(t.dir, '/') + 1);
    assert_int_equal(info->tokens_max, POSITIONS);
    assert_int_equal(info->tokens_best, 20);
    assert_int_equal(strlen(info->digest), 64);
    assert_true(info->mean_cosine > -1 && info->mean_cosine < 1);
    assert_true(info->weight_bytes > VOCAB * HIDDEN * sizeof(float));
    tiny_pooling(&t, "cls");
    assert_int_equal(
        model_open(t.dir, &(struct model_options){.precision = PRECISION_FP32}, &b, NULL), ERR_OK);
    assert_string_not_equal(info->digest, model_info(b)->digest);
    model_unref(b);
    tiny_pooling(&t, "mean");
    assert_int_equal(
        model_open(t.dir, &(struct model_options){.precision = PRECISION_FP32}, &b, NULL), ERR_OK);
    assert_string_equal(info->digest, model_info(b)->digest);
    model_unref(b);
    assert_int_equal(
        model_open(t.dir, &(struct model_options){.precision = PRECISION_AUTO}, &b, NULL), ERR_OK);
    assert_int_not_equal(model_info(b)->precision, PRECISION_AUTO);
    assert_true(model_info(b)->fidelity_mean >= .999f && model_info(b)->fidelity_least >= .997f);
    if (model_info(b)->precision != PRECISION_FP32)
        assert_string_not_equal(info->digest, model_info(b)->digest);
    model_unref(b);
    assert_int_equal(model_verify(t.dir, NULL, NULL), ERR_OK);
    model_unref(a);
    tiny_release(&t);
}

static void test_stub(void **state)
{
    struct model *m = NULL;
    assert_int_equal(
        model_open("stub", &(struct model_options){.precision = PRECISION_AUTO}, &m, NULL), ERR_OK);
    assert_int_equal(model_info(m)->dims, 64);
    struct model_run *r = model_run_new(m, 16);
    uint32_t ids[] = {1000, 2000, 3000, 1000, 2000, 4000, 5000, 6000, 7000}, lengths[] = {3, 3, 3};
    float out[3 * 64], near = 0, far = 0;
    assert_int_equal(model_embed(r, ids, lengths, 3, out, NULL), ERR_OK);
    for (int i = 0; i < 64; i++) {
        near += out[i] * out[64 + i];
        far += out[i] * out[128 + i];
    }
    assert_true(near > .4f && far < .4f); /* two words of three in common */
    model_run_free(r);
    model_unref(m);
}

static void test_real_model(void **state)
{
    const char *dir = getenv("AKIN_TEST_MODEL");
    if (!dir || !*dir)
        skip();
    struct err_info e = {0};
    if (model_verify(dir, NULL, &e))
        fail_msg("%s", e.message);
}

static int setup(void **state)
{
    json_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain_forward),
        cmocka_unit_test(test_architectures),
        cmocka_unit_test(test_bf16_everywhere),
        cmocka_unit_test(test_only_regular_files),
        cmocka_unit_test(test_faults_are_named),
        cmocka_unit_test(test_truncated_weights),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_info_and_digest),
        cmocka_unit_test(test_stub),
        cmocka_unit_test(test_real_model),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
