#include "embed/model.h"
#include "embed/remote.h"
#include "base/arena.h"
#include "base/hash.h"
#include "math/dot.h"
#include "math/simd.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- names --- */

static const char *const precision_names[] = {"auto", "fp32", "bf16", "int8"};

enum err precision_parse(struct str s, enum precision *out, struct err_info *e)
{
    for (int i = 0; i < 4; i++) {
        if (str_eq_c(s, precision_names[i])) {
            *out = (enum precision)i;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID, "precision", "\"%.*s\" is none of auto, fp32, bf16, int8",
                   (int)(s.n < 40 ? s.n : 40), s.s);
}

const char *precision_name(enum precision p)
{
    return precision_names[p];
}

/* mean_cosine: of all pairs of 1,500 Debian package summaries (xquad-en .020, cranfield .288). */
static const struct model_known known[] = {
    {"53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", "all-MiniLM-L6-v2", .112f},
};

const struct model_known *model_known_by_weights(const char *sha256)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].weights_sha256, sha256) == 0)
            return &known[i];
    return NULL;
}

const struct model_known *model_known_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

static void name_from_dir(const char *dir, char *out, size_t cap)
{
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    size_t start = n;
    while (start > 0 && dir[start - 1] != '/')
        start--;
    snprintf(out, cap, "%.*s", (int)(n - start), dir + start);
}

/* --- opening --- */

static enum err resolve(enum precision wanted, enum precision *out, struct err_info *e)
{
    if (wanted == PRECISION_INT8)
        return err_set(e, ERR_UNSUPPORTED, "precision", "int8 is not there yet; use fp32 or bf16");
    if (wanted == PRECISION_BF16 && !simd_bf16())
        return err_set(e, ERR_UNSUPPORTED, "precision",
                       "this processor (or AKIN_SIMD) has no bfloat16 products; use fp32");
    *out = wanted != PRECISION_AUTO ? wanted : simd_bf16() ? PRECISION_BF16 : PRECISION_FP32;
    return ERR_OK;
}

static enum err file_digest(const char *dir, const char *file, char out[65], struct err_info *e)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return err_set(e, ERR_INVALID, file, "the path of the model directory is too long");
    if (!file_exists(path))
        return err_set(e, ERR_NOT_FOUND, file, "%s is missing in the model directory %s", file,
                       dir);
    return file_sha256(path, out, e);
}

static bool has_file(const char *dir, const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return file_exists(path);
}

/* The digest names all that a vector depends on: the same digest, the same vectors. */
static enum err digest(const char *dir, struct model *m, struct err_info *e)
{
    char weights[65], words[65];
    const char *vocabulary = has_file(dir, "tokenizer.json") ? "tokenizer.json" : "vocab.txt";
    enum err err = file_digest(dir, "model.safetensors", weights, e);
    if (!err)
        err = file_digest(dir, vocabulary, words, e);
    if (err)
        return err;
    char text[400];
    int n = snprintf(text, sizeof text,
                     "akin model 1\nweights %s\ntokenizer %s\npooling %s\nprefixes\nprecision %s\n",
                     weights, words, m->info.pooling, precision_name(m->info.precision));
    struct sha256 s;
    uint8_t sum[32];
    sha256_init(&s);
    sha256_add(&s, text, (size_t)n);
    sha256_end(&s, sum);
    sha256_hex(sum, m->info.digest);
    const struct model_known *k = model_known_by_weights(weights);
    m->info.mean_cosine = k ? k->mean_cosine : -1;
    if (k)
        snprintf(m->info.name, sizeof m->info.name, "%s", k->name);
    else
        name_from_dir(dir, m->info.name, sizeof m->info.name);
    return ERR_OK;
}

static enum err load_weights(const char *dir, const struct bert_shape *shape, struct model *m,
                             struct err_info *e)
{
    char path[4096];
    struct safetensors s = {0};
    if (snprintf(path, sizeof path, "%s/model.safetensors", dir) >= (int)sizeof path)
        return err_set(e, ERR_INVALID, dir, "the path of the model directory is too long");
    if (!file_exists(path))
        return err_set(e, ERR_NOT_FOUND, "model.safetensors",
                       "model.safetensors is missing in the model directory %s", dir);
    enum err err = safetensors_open(path, &s, e);
    if (!err)
        err = bert_load(&s, shape, m->info.precision == PRECISION_BF16 ? LINEAR_BF16 : LINEAR_F32,
                        &m->bert, e);
    safetensors_close(&s);
    return err;
}

static void fill_info(struct model *m, const struct model_config *c)
{
    m->pooling = c->pooling;
    m->info.dims = m->info.dims_full = m->info.hidden = c->shape.hidden;
    m->info.layers = c->shape.layers;
    m->info.heads = c->shape.heads;
    m->info.tokens_max = c->shape.positions;
    m->info.tokens_best = c->tokens_best;
    m->info.pooling = c->pooling == BERT_CLS ? "cls" : "mean";
}

static enum err open_bert(const char *dir, struct model *m, struct err_info *e)
{
    struct model_config c = {0};
    enum err err = model_config_read(dir, &c, e);
    if (err)
        return err;
    fill_info(m, &c);
    if (!has_file(dir, "tokenizer.json") && !has_file(dir, "vocab.txt"))
        return err_set(e, ERR_NOT_FOUND, "tokenizer.json",
                       "tokenizer.json and vocab.txt are missing in the model directory %s", dir);
    err = tokenizer_open(dir, &m->tokenizer, e);
    if (!err && tokenizer_vocab_size(m->tokenizer) > c.shape.vocab)
        err = err_set(e, ERR_INVALID, "tokenizer.json",
                      "the tokenizer has %u tokens, more than \"vocab_size\" %u of config.json",
                      tokenizer_vocab_size(m->tokenizer), c.shape.vocab);
    if (!err)
        err = load_weights(dir, &c.shape, m, e);
    if (!err)
        err = digest(dir, m, e);
    if (!err)
        m->info.weight_bytes = bert_bytes(m->bert);
    return err;
}

static void open_stub(struct model *m)
{
    m->tokenizer = tokenizer_stub();
    snprintf(m->info.name, sizeof m->info.name, "stub");
    memset(m->info.digest, '0', 64);
    m->info.dims = m->info.dims_full = m->info.hidden = STUB_DIMS;
    m->info.tokens_max = m->info.tokens_best = 512;
    m->info.layers = m->info.heads = 1;
    m->info.pooling = "mean";
    m->info.precision = PRECISION_FP32;
}

const char *const sample_texts[SAMPLE_TEXTS] = {
    "The tram to the harbour leaves every ten minutes.",
    "Add two eggs, a pinch of salt and stir until smooth.",
    "A library for reading and writing compressed archives",
    "The committee postponed the vote on the budget.",
    "Whales communicate over hundreds of kilometres.",
    "Screenshot tool for the terminal",
    "She won the match in three sets.",
    "Antibiotics do not help against viruses.",
    "How do I reset my password?",
    "The castle was built in the twelfth century.",
    "Interest rates rose by a quarter of a point.",
    "Python bindings for the graphics toolkit",
};

/* Of a model that is not known: the mean over pairs of short texts on unlike things. */
static enum err measure_mean_cosine(struct model *m, struct err_info *e)
{
    enum { COUNT = SAMPLE_TEXTS };
    size_t dims = m->info.dims;
    float *vectors = xcalloc(COUNT * dims, sizeof *vectors);
    struct model_run *r = model_run_new(m, 64);
    struct tokens t;
    tokens_init(&t);
    enum err err = ERR_OK;
    for (size_t i = 0; i < COUNT && !err; i++) {
        tokenizer_encode(m->tokenizer, str_c(sample_texts[i]), true, &t);
        uint32_t n = t.n < m->info.tokens_max ? (uint32_t)t.n : m->info.tokens_max;
        if (n > 0)
            err = model_embed(r, t.ids, &n, 1, vectors + i * dims, e);
    }
    double sum = 0;
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i; j++)
            sum += (double)dot_f32(vectors + i * dims, vectors + j * dims, dims);
    m->info.mean_cosine = (float)(sum / (COUNT * (COUNT - 1) / 2));
    tokens_release(&t);
    model_run_free(r);
    free(vectors);
    return err;
}

enum err model_open(const char *dir, const struct model_options *o, struct model **out,
                    struct err_info *e)
{
    struct model *m = xcalloc(1, sizeof *m);
    m->refs = 1;
    enum err err = simd_setup(e);
    if (err) {
        /* AKIN_SIMD is wrong: nothing was opened */
    } else if (strcmp(dir, "stub") == 0) {
        open_stub(m);
    } else {
        err = resolve(o ? o->precision : PRECISION_AUTO, &m->info.precision, e);
        if (!err && !file_is_dir(dir))
            err = err_set(e, ERR_NOT_FOUND, dir, "there is no model directory %s", dir);
        if (!err)
            err = open_bert(dir, m, e);
        if (!err && m->info.mean_cosine < 0)
            err = measure_mean_cosine(m, e);
    }
    if (err)
        model_unref(m);
    else
        *out = m;
    return err;
}

struct model *model_ref(struct model *m)
{
    __atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
    return m;
}

void model_unref(struct model *m)
{
    if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    tokenizer_free(m->tokenizer);
    bert_free(m->bert);
    remote_free(m->remote);
    free(m);
}

const struct model_info *model_info(const struct model *m)
{
    return &m->info;
}

const struct tokenizer *model_tokenizer(const struct model *m)
{
    return m->tokenizer;
}

/* --- running --- */

struct model_run {
    struct model *model;
    struct bert_work *work;
    size_t tokens_batch;
};

struct model_run *model_run_new(struct model *m, unsigned tokens_batch)
{
    struct model_run *r = xcalloc(1, sizeof *r);
    assert(!m->remote); /* it runs elsewhere */
    r->model = model_ref(m);
    r->tokens_batch = tokens_batch > m->info.tokens_max ? tokens_batch : m->info.tokens_max;
    if (m->bert)
        r->work = bert_work_new(m->bert, r->tokens_batch);
    return r;
}

void model_run_free(struct model_run *r)
{
    if (!r)
        return;
    bert_work_free(r->work);
    model_unref(r->model);
    free(r);
}

static enum err check_lengths(const struct model *m, const uint32_t *ids, const uint32_t *lengths,
                              size_t count, struct err_info *e)
{
    unsigned vocab = tokenizer_vocab_size(m->tokenizer);
    for (size_t i = 0; i < count; i++) {
        char field[32];
        snprintf(field, sizeof field, "/%zu", i);
        if (lengths[i] > m->info.tokens_max)
            return err_set(e, ERR_TOO_LARGE, field,
                           "text %zu has %u tokens; the model reads at most %u", i, lengths[i],
                           m->info.tokens_max);
        if (lengths[i] == 0)
            return err_set(e, ERR_INVALID, field, "text %zu has no tokens", i);
        for (uint32_t t = 0; t < lengths[i] && m->bert; t++)
            if (ids[t] >= vocab)
                return err_set(e, ERR_INVALID, field, "text %zu: token id %u of a vocabulary of %u",
                               i, ids[t], vocab);
        ids += lengths[i];
    }
    return ERR_OK;
}

enum err model_embed(struct model_run *r, const uint32_t *ids, const uint32_t *lengths,
                     size_t count, float *out, struct err_info *e)
{
    const struct model *m = r->model;
    enum err err = check_lengths(m, ids, lengths, count, e);
    for (size_t i = 0; i < count && !err;) {
        size_t texts = 0, tokens = 0;
        while (i + texts < count && tokens + lengths[i + texts] <= r->tokens_batch)
            tokens += lengths[i + texts++];
        if (m->bert)
            bert_run(m->bert, r->work, ids, lengths + i, texts, m->pooling, out + i * m->info.dims);
        for (size_t k = 0, t = 0; k < texts && !m->bert; t += lengths[i + k++])
            stub_embed(ids + t, lengths[i + k], out + (i + k) * STUB_DIMS);
        ids += tokens;
        i += texts;
    }
    return err;
}
