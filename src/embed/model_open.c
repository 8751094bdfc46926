/* A model out of its folder: config.json, tokenizer, weights, and what is found out about it. */
#include "embed/model_tokenizer.h"
#include "embed/weights.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "embed/remote.h"
#include "math/dot.h"
#include "math/simd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct opening {
    const char *dir;
    const struct model_options *options;
    struct model *model;
    struct model_config config;
    struct home home;
    struct model_tokenizer tokenizer;
    char weights[65]; /* SHA-256 */
};

static enum err missing(const struct opening *o, const char *file, struct err_info *e)
{
    const char *other = home_has(&o->home, "model.safetensors.index.json")
                            ? "; weights in several files are not read: join them into one"
                        : home_has(&o->home, "pytorch_model.bin")
                            ? "; pytorch_model.bin is not read: save the model as safetensors"
                            : "";
    return err_set(e, ERR_NOT_FOUND, file, "%s is missing in the model directory %.250s%s", file,
                   o->dir, strcmp(file, "model.safetensors") == 0 ? other : "");
}

static enum err open_tokenizer(struct opening *o, struct err_info *e)
{
    struct model *m = o->model;
    enum err err =
        model_tokenizer_open(&o->home, &o->tokenizer, &m->tokenizer, &m->tokenizer_pack, e);
    if (!err && tokenizer_vocab_size(m->tokenizer) > o->config.shape.vocab)
        err = err_set(e, ERR_INVALID, "tokenizer.json",
                      "the tokenizer has %u tokens, more than \"vocab_size\" %u of config.json",
                      tokenizer_vocab_size(m->tokenizer), o->config.shape.vocab);
    return err;
}

static enum err fill_info(struct opening *o, struct err_info *e)
{
    const struct model_config *c = &o->config;
    struct model_info *i = &o->model->info;
    unsigned dims = o->options->dimensions;
    if (dims > c->shape.hidden)
        return err_set(e, ERR_INVALID, "dimensions",
                       "\"dimensions\" %u is more than the model's %u", dims, c->shape.hidden);
    o->model->pooling = c->pooling;
    i->dims_full = i->hidden = c->shape.hidden;
    i->dims = dims ? dims : i->dims_full;
    i->layers = c->shape.layers;
    i->heads = c->shape.heads;
    i->tokens_max = c->shape.positions;
    i->tokens_best = c->tokens_best;
    i->pooling = pooling_name(c->pooling);
    i->architecture = c->shape.names->model_type;
    memcpy(i->prefix, c->prefix, sizeof i->prefix);
    return ERR_OK;
}

static void count_prefixes(struct model *m)
{
    struct tokens t;
    tokens_init(&t);
    for (int role = 0; role < ROLE_COUNT; role++) {
        tokenizer_encode(m->tokenizer, str_c(m->info.prefix[role]), false, &t);
        m->info.prefix_tokens[role] = (unsigned)t.n;
    }
    tokens_release(&t);
}

/* A prefix must leave room for a text. */
static enum err check_prefixes(const struct model *m, struct err_info *e)
{
    for (int role = 0; role < ROLE_COUNT; role++)
        if (m->info.prefix_tokens[role] + tokenizer_specials(m->tokenizer) >=
            m->info.tokens_best / 2)
            return err_set(e, ERR_INVALID, "akin.json",
                           "the prefix \"%.80s\" has %u tokens of the %u that the model reads",
                           m->info.prefix[role], m->info.prefix_tokens[role], m->info.tokens_best);
    return ERR_OK;
}

/* The digest names all that a vector depends on: the same digest, the same vectors. */
static void digest(struct opening *o)
{
    const struct bert_shape *s = &o->config.shape;
    struct model_info *i = &o->model->info;
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_printf(&b, "akin model 2\nweights %s\ntokenizer %s\n", o->weights, o->tokenizer.sha256);
    if (o->tokenizer.config[0])
        strbuf_printf(&b, "tokenizer_config %s\n", o->tokenizer.config);
    strbuf_printf(&b, "shape %s %u layers %u heads %u+%u positions %u buckets %.9g\n",
                  s->names->model_type, s->layers, s->heads, s->positions, s->position_first,
                  s->buckets, (double)s->epsilon);
    strbuf_printf(&b, "pooling %s\n", i->pooling);
    for (int role = 0; role < ROLE_COUNT; role++)
        strbuf_printf(&b, "prefix %zu %s\n", strlen(i->prefix[role]), i->prefix[role]);
    strbuf_printf(&b, "dimensions %u\nprecision %s\n", i->dims, precision_scheme(i->precision));
    struct sha256 sum;
    uint8_t bytes[32];
    sha256_init(&sum);
    sha256_add(&sum, b.buf, b.n);
    sha256_end(&sum, bytes);
    sha256_hex(bytes, i->digest);
    strbuf_release(&b);
}

static enum err open_weights(struct opening *o, struct err_info *e)
{
    struct model *m = o->model;
    struct fidelity f = {0};
    if (!home_has(&o->home, "model.safetensors"))
        return missing(o, "model.safetensors", e);
    enum err err = home_digest(&o->home, "model.safetensors", false, o->weights, e);
    if (err)
        return err;
    struct weights w = {o->dir, &o->home, &o->config, m->tokenizer, o->weights};
    m->info.precision = o->options->precision;
    if (m->info.precision == PRECISION_AUTO)
        err = weights_auto(&w, &m->info.precision, &f, &m->bert, e);
    else
        weights_fidelity(&w, m->info.precision, &f);
    if (!err && !m->bert)
        err = weights_open(&w, m->info.precision, &m->bert, e);
    if (err)
        return err;
    m->info.fidelity_mean = f.mean;
    m->info.fidelity_least = f.least;
    m->info.weight_bytes = bert_bytes(m->bert);
    m->info.packed = bert_pack(m->bert) != NULL;
    return ERR_OK;
}

/* Another precision of the stub is another space, so that mixed spaces show in tests. */
static enum err open_stub(const struct model_options *o, struct model *m, struct err_info *e)
{
    unsigned dims = o->dimensions ? o->dimensions : STUB_DIMS;
    if (dims > STUB_DIMS)
        return err_set(e, ERR_INVALID, "dimensions", "\"dimensions\" %u is more than the stub's %u",
                       dims, STUB_DIMS);
    m->tokenizer = tokenizer_stub();
    snprintf(m->info.name, sizeof m->info.name, "stub");
    m->info.precision = o->precision == PRECISION_AUTO ? PRECISION_FP32 : o->precision;
    snprintf(m->info.digest, sizeof m->info.digest, "%062u%02u", STUB_DIMS - dims,
             (unsigned)(m->info.precision - PRECISION_FP32) % 100);
    m->info.dims = dims;
    m->info.dims_full = m->info.hidden = STUB_DIMS;
    m->info.tokens_max = m->info.tokens_best = 512;
    m->info.layers = m->info.heads = 1;
    m->info.pooling = "mean";
    m->info.architecture = "stub";
    m->info.fidelity_mean = m->info.fidelity_least = 1;
    return o->adapter ? model_adapt(m, o->adapter, e) : ERR_OK;
}

/* Of a model that is not known: the mean over pairs of short passages on unlike things. */
static float measure_mean_cosine(const struct opening *o)
{
    enum { COUNT = SAMPLE_TEXTS };
    const struct model *m = o->model;
    size_t full = m->info.dims_full, dims = m->info.dims;
    float *vectors = xcalloc(COUNT * full, sizeof *vectors);
    const char *prefixed[COUNT];
    struct arena *a = arena_new(0);
    struct weights w = {o->dir, NULL, &o->config, m->tokenizer, o->weights};
    for (size_t i = 0; i < COUNT; i++)
        prefixed[i] = arena_printf(a, "%s%s", m->info.prefix[ROLE_PASSAGE], sample_texts[i]);
    weights_embed(&w, m->bert, prefixed, COUNT, vectors);
    double sum = 0;
    for (size_t i = 0; i < COUNT; i++) {
        normalise_f32(vectors + i * full, dims);
        if (m->adapter)
            adapter_apply(m->adapter, vectors + i * full, 1);
        for (size_t j = 0; j < i; j++)
            sum += (double)dot_f32(vectors + i * full, vectors + j * full, dims);
    }
    arena_free(a);
    free(vectors);
    return (float)(sum / (COUNT * (COUNT - 1) / 2));
}

static void name_and_constants(struct opening *o)
{
    struct model_info *i = &o->model->info;
    const struct model_known *k = model_known_by_weights(o->weights);
    if (k)
        snprintf(i->name, sizeof i->name, "%s", k->name);
    else
        model_name_from_dir(o->dir, i->name, sizeof i->name);
    const json_t *before = home_recall(&o->home, "mean_cosine", i->digest);
    if (k && i->dims == i->dims_full && !o->model->adapter)
        i->mean_cosine = k->mean_cosine;
    else if (json_is_number(before))
        i->mean_cosine = (float)json_number_value(before);
    else
        home_remember(&o->home, "mean_cosine", i->digest,
                      json_real((double)(i->mean_cosine = measure_mean_cosine(o))));
}

static enum err open_encoder(struct opening *o, struct err_info *e)
{
    enum err err = model_config_read(o->dir, &o->config, e);
    if (!err)
        err = fill_info(o, e);
    if (!err)
        err = open_tokenizer(o, e);
    if (!err) {
        count_prefixes(o->model);
        err = check_prefixes(o->model, e);
    }
    if (!err)
        err = open_weights(o, e);
    if (err)
        return err;
    digest(o);
    if (o->options->adapter && (err = model_adapt(o->model, o->options->adapter, e)))
        return err;
    name_and_constants(o);
    return ERR_OK;
}

static enum err home_of(struct opening *o, struct err_info *e)
{
    if (strlen(o->dir) > 3900)
        return err_set(e, ERR_INVALID, "model", "the path of the model directory is too long");
    if (!file_is_dir(o->dir))
        return err_set(e, ERR_NOT_FOUND, o->dir, "there is no model directory %s", o->dir);
    home_open(&o->home, o->dir, o->options->cache_dir);
    return ERR_OK;
}

static enum err open_dir(const char *dir, const struct model_options *options, struct model *m,
                         struct err_info *e)
{
    struct opening o = {.dir = dir, .options = options, .model = m};
    enum err err = home_of(&o, e);
    if (!err)
        err = open_encoder(&o, e);
    home_close(&o.home);
    return err;
}

enum err model_open(const char *dir, const struct model_options *o, struct model **out,
                    struct err_info *e)
{
    static const struct model_options none;
    struct model *m = xcalloc(1, sizeof *m);
    m->refs = 1;
    enum err err = simd_setup(e);
    if (!err && strcmp(dir, "stub") == 0)
        err = open_stub(o ? o : &none, m, e);
    else if (!err)
        err = open_dir(dir, o ? o : &none, m, e);
    if (!err && o && o->adapter)
        model_adapter_name(o->adapter, m->info.name, sizeof m->info.name);
    if (err)
        model_unref(m);
    else
        *out = m;
    return err;
}

static enum err inspect(struct opening *o, struct err_info *e)
{
    char path[4200];
    struct safetensors s = {0};
    struct file_stamp stamp = {0};
    struct fidelity f = {0};
    struct model_info *i = &o->model->info;
    enum err err = model_config_read(o->dir, &o->config, e);
    if (!err)
        err = fill_info(o, e);
    if (!err && !home_has(&o->home, "tokenizer.json") && !home_has(&o->home, "vocab.txt"))
        err = missing(o, "tokenizer.json", e);
    if (!err && !home_has(&o->home, "model.safetensors"))
        err = missing(o, "model.safetensors", e);
    snprintf(path, sizeof path, "%s/model.safetensors", o->dir);
    if (!err)
        err = safetensors_open(path, &s, e);
    if (!err)
        err = bert_check(&s, &o->config.shape, e);
    safetensors_close(&s);
    if (!err)
        err = file_stamp(path, &stamp, e);
    if (err)
        return err;
    i->weight_bytes = stamp.bytes;
    struct weights w = {o->dir, &o->home, &o->config, NULL, o->weights};
    const char *sha256 = home_digest_known(&o->home, "model.safetensors");
    snprintf(o->weights, sizeof o->weights, "%s", sha256 ? sha256 : "");
    i->precision = PRECISION_AUTO;
    if (sha256)
        (void)weights_auto_known(&w, &i->precision, &f);
    i->fidelity_mean = f.mean;
    i->fidelity_least = f.least;
    const struct model_known *k = model_known_by_weights(o->weights);
    if (k)
        snprintf(i->name, sizeof i->name, "%s", k->name);
    else
        model_name_from_dir(o->dir, i->name, sizeof i->name);
    return ERR_OK;
}

enum err model_inspect(const char *dir, const char *cache_dir, struct model_info *out,
                       struct err_info *e)
{
    struct model m = {0};
    struct model_options options = {.cache_dir = cache_dir};
    struct opening o = {.dir = dir, .options = &options, .model = &m};
    enum err err = simd_setup(e);
    if (!err)
        err = home_of(&o, e);
    if (!err)
        err = inspect(&o, e);
    home_close(&o.home);
    if (!err)
        *out = m.info;
    return err;
}
