/* Weights from a safetensors file into the encoder. First every tensor is looked for and its shape
 * compared, and what is left over is judged; only then is memory taken and anything read. */
#include "base/arena.h"
#include "embed/bert_impl.h"
#include "math/half.h"
#include "math/rows.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 200

struct loader {
    struct safetensors *s;
    const struct bert_shape *shape;
    const char *prefix;                   /* "", or the names' */
    bool *used;                           /* a tensor each; NULL while reading */
    struct bert_calibration *calibration; /* or NULL */
    struct err_info *e;
};

/* --- names --- */

/* `layer` < 0: not of a layer. `part`: ".weight", ".bias". */
static void name_of(const struct loader *l, int layer, const char *module, const char *part,
                    char out[NAME_MAX_BYTES])
{
    if (layer < 0)
        snprintf(out, NAME_MAX_BYTES, "%s%s%s", l->prefix, module, part);
    else
        snprintf(out, NAME_MAX_BYTES, "%s%s%d.%s%s", l->prefix, l->shape->names->layers, layer,
                 module, part);
}

/* The names that TensorFlow gave to norms are still in old files. */
static void norm_name(const struct loader *l, int layer, const char *module, bool bias,
                      char out[NAME_MAX_BYTES])
{
    name_of(l, layer, module, bias ? ".bias" : ".weight", out);
    if (safetensors_find(l->s, out))
        return;
    char old[NAME_MAX_BYTES];
    name_of(l, layer, module, bias ? ".beta" : ".gamma", old);
    if (safetensors_find(l->s, old))
        memcpy(out, old, sizeof old);
}

/* One tensor: looked for (to NULL) or read. columns 0: a vector. */
static enum err tensor(struct loader *l, const char *name, uint64_t rows, uint64_t columns,
                       float *to)
{
    const uint64_t shape[2] = {rows, columns};
    unsigned rank = columns ? 2 : 1;
    if (to)
        return safetensors_read(l->s, name, rank, shape, to, l->e);
    enum err err = safetensors_expect(l->s, name, rank, shape, l->e);
    if (!err)
        l->used[safetensors_find(l->s, name) - l->s->tensors] = true;
    return err;
}

static enum err norm(struct loader *l, int layer, const char *module, float *to)
{
    char name[NAME_MAX_BYTES];
    unsigned hidden = l->shape->hidden;
    norm_name(l, layer, module, false, name);
    enum err err = tensor(l, name, hidden, 0, to);
    norm_name(l, layer, module, true, name);
    return err ? err : tensor(l, name, hidden, 0, to ? to + hidden : NULL);
}

static enum err dense(struct loader *l, int layer, const char *module, size_t in, size_t out,
                      float *weights, float *bias)
{
    char name[NAME_MAX_BYTES];
    name_of(l, layer, module, ".weight", name);
    enum err err = tensor(l, name, out, in, weights);
    name_of(l, layer, module, ".bias", name);
    return err ? err : tensor(l, name, out, 0, bias);
}

static enum err table(struct loader *l, const char *module, uint64_t rows, uint64_t columns,
                      float *to)
{
    char name[NAME_MAX_BYTES];
    name_of(l, -1, module, ".weight", name);
    return tensor(l, name, rows, columns, to);
}

/* --- looking --- */

static enum err check_layer(struct loader *l, int layer)
{
    const struct bert_names *n = l->shape->names;
    size_t hidden = l->shape->hidden, wide = l->shape->intermediate;
    const struct {
        const char *module;
        size_t in, out;
    } products[] = {{n->query, hidden, hidden}, {n->key, hidden, hidden},
                    {n->value, hidden, hidden}, {n->attention_out, hidden, hidden},
                    {n->up, hidden, wide},      {n->down, wide, hidden}};
    enum err err = norm(l, layer, n->attention_norm, NULL);
    if (!err)
        err = norm(l, layer, n->feed_norm, NULL);
    for (size_t i = 0; i < sizeof products / sizeof *products && !err; i++)
        err = dense(l, layer, products[i].module, products[i].in, products[i].out, NULL, NULL);
    return err;
}

static enum err check_rest(const struct loader *l)
{
    size_t skip = strlen(l->prefix);
    for (size_t i = 0; i < l->s->count; i++) {
        const char *name = l->s->tensors[i].name;
        const char *bare = strncmp(name, l->prefix, skip) == 0 ? name + skip : name;
        if (!l->used[i] && !bert_names_beside(l->shape->names, bare))
            return err_set(l->e, ERR_INVALID, "model.safetensors",
                           "tensor %.120s is no part of the %s of %u layers that config.json "
                           "describes",
                           name, l->shape->names->model_type, l->shape->layers);
    }
    return ERR_OK;
}

static enum err check(struct loader *l)
{
    const struct bert_shape *s = l->shape;
    const struct bert_names *n = s->names;
    l->used = xcalloc(l->s->count + 1, sizeof *l->used);
    enum err err = table(l, n->words, s->vocab, s->hidden, NULL);
    if (!err)
        err = table(l, n->positions, s->position_first + s->positions, s->hidden, NULL);
    if (!err && s->types)
        err = table(l, n->types, s->types, s->hidden, NULL);
    if (!err && s->buckets)
        err = table(l, n->relative, s->buckets, s->heads, NULL);
    if (!err)
        err = norm(l, -1, n->norm, NULL);
    for (unsigned i = 0; i < s->layers && !err; i++)
        err = check_layer(l, (int)i);
    if (!err)
        err = check_rest(l);
    free(l->used);
    l->used = NULL;
    return err;
}

/* --- reading --- */

static float *floats(size_t n)
{
    return xaligned(n * sizeof(float));
}

#define HALF_MAX 65504.f

static bool fits_half(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(x[i]) <= HALF_MAX))
            return false;
    return true;
}

#define WORDS_AT_ONCE 1024u /* rows: the table may be most of the model */

static enum err load_words_half(struct loader *l, struct bert *b)
{
    const uint64_t shape[2] = {b->shape.vocab, b->shape.hidden};
    size_t hidden = b->shape.hidden;
    uint16_t *half = bert_own(b, xaligned(shape[0] * hidden * sizeof *half));
    float *rows = floats(WORDS_AT_ONCE * hidden);
    char name[NAME_MAX_BYTES];
    enum err err = ERR_OK;
    name_of(l, -1, b->shape.names->words, ".weight", name);
    for (uint64_t i = 0; i < shape[0] && !err; i += WORDS_AT_ONCE) {
        uint64_t n = shape[0] - i < WORDS_AT_ONCE ? shape[0] - i : WORDS_AT_ONCE;
        err = safetensors_read_rows(l->s, name, shape, i, n, rows, l->e);
        if (!err && !fits_half(rows, n * hidden))
            err = err_set(l->e, ERR_UNSUPPORTED, "model.safetensors",
                          "a word vector has numbers beyond float16's; use the precision fp32");
        if (!err)
            half_from_f32(rows, half + i * hidden, n * hidden);
    }
    free(rows);
    b->words = half;
    return err;
}

static enum err load_words(struct loader *l, struct bert *b)
{
    if (b->form.words_half)
        return load_words_half(l, b);
    float *words = bert_own(b, floats((size_t)b->shape.vocab * b->shape.hidden));
    b->words = words;
    return table(l, b->shape.names->words, b->shape.vocab, b->shape.hidden, words);
}

static enum err load_positions(struct loader *l, struct bert *b)
{
    const struct bert_shape *s = &b->shape;
    size_t hidden = s->hidden, rows = s->position_first + s->positions;
    float *at = bert_own(b, floats(rows * hidden));
    float *types = s->types ? floats(s->types * hidden) : NULL;
    enum err err = table(l, s->names->positions, rows, hidden, at);
    if (!err && types)
        err = table(l, s->names->types, s->types, hidden, types);
    memmove(at, at + s->position_first * hidden, s->positions * hidden * sizeof *at);
    for (size_t p = 0; p < s->positions && types && !err; p++)
        rows_add(at + p * hidden, types, hidden);
    free(types);
    b->positions = at;
    return err;
}

/* The bucket of a key that lies `distance` behind its query (T5's, as MPNet has it: 32 buckets, up
 * to 128 tokens apart). */
static unsigned bucket_of(int distance, unsigned buckets)
{
    unsigned half = buckets / 2, exact = half / 2, first = distance > 0 ? half : 0;
    unsigned n = (unsigned)abs(distance);
    if (n < exact)
        return first + n;
    float steps = logf((float)n / (float)exact) / logf(128.f / (float)exact);
    unsigned far = exact + (unsigned)(steps * (float)(half - exact));
    return first + (far < half - 1 ? far : half - 1);
}

static enum err load_relative(struct loader *l, struct bert *b)
{
    const struct bert_shape *s = &b->shape;
    size_t width = 2 * (size_t)s->positions - 1;
    float scale = sqrtf((float)(s->hidden / s->heads));
    float *biases = floats((size_t)s->buckets * s->heads);
    float *at = bert_own(b, floats(s->heads * width));
    enum err err = table(l, s->names->relative, s->buckets, s->heads, biases);
    for (size_t d = 0; d < width && !err; d++) {
        unsigned bucket = bucket_of((int)d - (int)s->positions + 1, s->buckets);
        for (size_t h = 0; h < s->heads; h++)
            at[h * width + d] = biases[bucket * s->heads + h] * scale;
    }
    free(biases);
    b->relative = at;
    return err;
}

static void round_to_bf16(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = bf16_to_float(bf16_of_float(x[i]));
}

/* `count` products of the same input, one behind the other, as one layer (query, key, value). */
static enum err load_linear(struct loader *l, int layer, const char *const *modules, unsigned count,
                            const struct linear_seen *seen, bool smooth, struct bert *b,
                            struct linear *to)
{
    size_t rows = to->out / count, n = to->out * to->in;
    float *weights = floats(n), *bias = floats(to->out);
    enum err err = ERR_OK;
    for (unsigned i = 0; i < count && !err; i++)
        err =
            dense(l, layer, modules[i], to->in, rows, weights + i * rows * to->in, bias + i * rows);
    if (!err && b->form.round_bf16)
        round_to_bf16(weights, n);
    if (!err) {
        void *packed = bert_own(b, xaligned(linear_packed_bytes(to->in, to->out, to->type)));
        linear_pack(weights, bias, to->in, to->out, to->type, seen, smooth, packed);
        to->packed = packed;
    }
    free(weights);
    free(bias);
    return err;
}

/* Not smoothed are the inputs of the product behind attention: they are even already. */
static enum err load_layer(struct loader *l, struct bert *b, int layer)
{
    const struct bert_names *n = b->shape.names;
    const char *const qkv[] = {n->query, n->key, n->value};
    struct layer *y = &b->layers[layer];
    float *norms = bert_own(b, floats(4 * (size_t)b->shape.hidden));
    y->norms = norms;
    struct linear_seen *const nothing[BERT_PRODUCTS] = {0}, *const *seen = nothing;
    if (l->calibration)
        seen = bert_calibration_next(l->calibration);
    enum err err = load_linear(l, layer, qkv, 3, seen[BERT_QKV], true, b, &y->qkv);
    if (!err)
        err = load_linear(l, layer, &n->attention_out, 1, seen[BERT_ATTENTION_OUT], false, b,
                          &y->attention_out);
    if (!err)
        err = load_linear(l, layer, &n->up, 1, seen[BERT_UP], true, b, &y->up);
    if (!err)
        err = load_linear(l, layer, &n->down, 1, seen[BERT_DOWN], true, b, &y->down);
    if (!err)
        err = norm(l, layer, n->attention_norm, norms);
    return err ? err : norm(l, layer, n->feed_norm, norms + 2 * (size_t)b->shape.hidden);
}

static enum err load(struct loader *l, struct bert *b)
{
    float *norms = bert_own(b, floats(2 * (size_t)b->shape.hidden));
    b->norms = norms;
    enum err err = load_words(l, b);
    if (!err)
        err = load_positions(l, b);
    if (!err && b->shape.buckets)
        err = load_relative(l, b);
    if (!err)
        err = norm(l, -1, b->shape.names->norm, norms);
    for (unsigned i = 0; i < b->shape.layers && !err; i++)
        err = load_layer(l, b, (int)i);
    return err;
}

/* Files of a model with a head on top put its name before the encoder's. */
static const char *prefix_of(struct safetensors *s, const struct bert_names *n)
{
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%s%s.weight", n->prefix, n->words);
    return safetensors_find(s, name) ? n->prefix : "";
}

enum err bert_check(struct safetensors *s, const struct bert_shape *shape, struct err_info *e)
{
    struct loader l = {.s = s, .shape = shape, .prefix = prefix_of(s, shape->names), .e = e};
    return check(&l);
}

enum err bert_load(struct safetensors *s, const struct bert_shape *shape,
                   const struct bert_form *form, struct bert_calibration *calibration,
                   struct bert **out, struct err_info *e)
{
    struct loader l = {.s = s,
                       .shape = shape,
                       .prefix = prefix_of(s, shape->names),
                       .calibration = form->type == LINEAR_INT8 ? calibration : NULL,
                       .e = e};
    enum err err = check(&l);
    if (err)
        return err;
    struct bert *b = bert_new(shape, form);
    err = load(&l, b);
    if (err) {
        bert_free(b);
        return err;
    }
    bert_settle(b);
    *out = b;
    return ERR_OK;
}
