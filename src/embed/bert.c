#include "embed/bert.h"
#include "base/arena.h"
#include "math/attention.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/rows.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tokens that go through both feed-forward products before the next: the wide rows between them
 * then never leave the L2 cache. */
#define FEED_ROWS 84

struct norm {
    float *gamma, *beta;
};
struct layer {
    struct linear *qkv, *attention_out, *up, *down;
    struct norm attention_norm, feed_norm;
};
struct bert {
    struct bert_shape shape;
    enum linear_type type;
    float *words;     /* vocab x hidden */
    float *positions; /* positions x hidden; the row of token type 0 is added in */
    struct norm norm;
    struct layer *layers;
};

/* --- reading --- */

struct loader {
    struct safetensors *s;
    const char *prefix; /* "" or "bert." */
    unsigned layer;
    struct err_info *e;
};

static void name_of(const struct loader *l, const char *tensor, char *out, size_t cap)
{
    if (strncmp(tensor, "embeddings.", 11) == 0)
        snprintf(out, cap, "%s%s", l->prefix, tensor);
    else
        snprintf(out, cap, "%sencoder.layer.%u.%s", l->prefix, l->layer, tensor);
}

/* Allocates only after the tensor was found with the shape, so a lying config.json costs nothing.
 */
static enum err load(struct loader *l, const char *tensor, unsigned rank, uint64_t rows,
                     uint64_t columns, float **out)
{
    char name[160];
    name_of(l, tensor, name, sizeof name);
    uint64_t shape[2] = {rows, columns};
    enum err err = safetensors_expect(l->s, name, rank, shape, l->e);
    if (err)
        return err;
    *out = xaligned(rows * (rank == 2 ? columns : 1) * sizeof **out);
    return safetensors_read(l->s, name, rank, shape, *out, l->e);
}

static enum err load_norm(struct loader *l, const char *tensor, unsigned hidden, struct norm *out)
{
    char name[120];
    snprintf(name, sizeof name, "%s.weight", tensor);
    enum err err = load(l, name, 1, hidden, 0, &out->gamma);
    snprintf(name, sizeof name, "%s.bias", tensor);
    return err ? err : load(l, name, 1, hidden, 0, &out->beta);
}

/* Weight and bias of one product into place; with NULL only their shapes are checked. */
static enum err read_linear(struct loader *l, const char *tensor, unsigned in, unsigned out,
                            float *weights, float *bias)
{
    char part[100], name[160];
    const uint64_t shapes[2][2] = {{out, in}, {out, 0}};
    for (unsigned i = 0; i < 2; i++) {
        snprintf(part, sizeof part, "%s.%s", tensor, i ? "bias" : "weight");
        name_of(l, part, name, sizeof name);
        float *to = i ? bias : weights;
        enum err err = to ? safetensors_read(l->s, name, 2 - i, shapes[i], to, l->e)
                          : safetensors_expect(l->s, name, 2 - i, shapes[i], l->e);
        if (err)
            return err;
    }
    return ERR_OK;
}

/* `count` tensors of the same inputs, one behind the other, as one layer (query, key, value). */
static enum err load_linear(struct loader *l, const char *const *tensors, unsigned count,
                            unsigned in, unsigned out, enum linear_type type, struct linear **made)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < count && !err; i++)
        err = read_linear(l, tensors[i], in, out, NULL, NULL);
    if (err)
        return err;
    float *weights = xaligned((size_t)count * out * in * sizeof *weights);
    float *bias = xaligned((size_t)count * out * sizeof *bias);
    for (unsigned i = 0; i < count && !err; i++)
        err = read_linear(l, tensors[i], in, out, weights + (size_t)i * out * in,
                          bias + (size_t)i * out);
    if (!err)
        *made = linear_new(weights, bias, in, (size_t)count * out, type);
    free(weights);
    free(bias);
    return err;
}

static enum err load_layer(struct loader *l, const struct bert *b, struct layer *y)
{
    static const char *const qkv[] = {"attention.self.query", "attention.self.key",
                                      "attention.self.value"};
    static const char *const attention_out[] = {"attention.output.dense"};
    static const char *const up[] = {"intermediate.dense"}, *const down[] = {"output.dense"};
    unsigned hidden = b->shape.hidden, wide = b->shape.intermediate;
    enum err err = load_linear(l, qkv, 3, hidden, hidden, b->type, &y->qkv);
    if (!err)
        err = load_linear(l, attention_out, 1, hidden, hidden, b->type, &y->attention_out);
    if (!err)
        err = load_norm(l, "attention.output.LayerNorm", hidden, &y->attention_norm);
    if (!err)
        err = load_linear(l, up, 1, hidden, wide, b->type, &y->up);
    if (!err)
        err = load_linear(l, down, 1, wide, hidden, b->type, &y->down);
    if (!err)
        err = load_norm(l, "output.LayerNorm", hidden, &y->feed_norm);
    return err;
}

static enum err load_embeddings(struct loader *l, struct bert *b)
{
    const struct bert_shape *s = &b->shape;
    float *types = NULL;
    enum err err = load(l, "embeddings.word_embeddings.weight", 2, s->vocab, s->hidden, &b->words);
    if (!err)
        err = load(l, "embeddings.position_embeddings.weight", 2, s->positions, s->hidden,
                   &b->positions);
    if (!err)
        err = load(l, "embeddings.token_type_embeddings.weight", 2, s->types, s->hidden, &types);
    if (!err)
        err = load_norm(l, "embeddings.LayerNorm", s->hidden, &b->norm);
    for (unsigned p = 0; p < s->positions && !err; p++)
        rows_add(b->positions + (size_t)p * s->hidden, types, s->hidden);
    free(types);
    return err;
}

enum err bert_load(struct safetensors *s, const struct bert_shape *shape, enum linear_type type,
                   struct bert **out, struct err_info *e)
{
    struct bert *b = xcalloc(1, sizeof *b);
    b->shape = *shape;
    b->type = type;
    b->layers = xcalloc(shape->layers, sizeof *b->layers);
    bool prefixed = safetensors_find(s, "bert.embeddings.word_embeddings.weight") != NULL;
    struct loader l = {.s = s, .prefix = prefixed ? "bert." : "", .e = e};
    enum err err = load_embeddings(&l, b);
    for (; l.layer < shape->layers && !err; l.layer++)
        err = load_layer(&l, b, &b->layers[l.layer]);
    if (err)
        bert_free(b);
    else
        *out = b;
    return err;
}

static void norm_release(struct norm *n)
{
    free(n->gamma);
    free(n->beta);
}

void bert_free(struct bert *b)
{
    if (!b)
        return;
    for (unsigned i = 0; i < b->shape.layers; i++) {
        struct layer *y = &b->layers[i];
        linear_free(y->qkv);
        linear_free(y->attention_out);
        linear_free(y->up);
        linear_free(y->down);
        norm_release(&y->attention_norm);
        norm_release(&y->feed_norm);
    }
    norm_release(&b->norm);
    free(b->words);
    free(b->positions);
    free(b->layers);
    free(b);
}

uint64_t bert_bytes(const struct bert *b)
{
    uint64_t bytes =
        ((uint64_t)b->shape.vocab + b->shape.positions) * b->shape.hidden * sizeof(float);
    for (unsigned i = 0; i < b->shape.layers; i++) {
        const struct layer *y = &b->layers[i];
        bytes += linear_bytes(y->qkv) + linear_bytes(y->attention_out) + linear_bytes(y->up) +
                 linear_bytes(y->down) + 4ull * b->shape.hidden * sizeof(float);
    }
    return bytes;
}

/* --- running --- */

struct bert_work {
    size_t tokens_max;
    float *x;       /* tokens x hidden: the residual stream */
    float *qkv;     /* tokens x 3 hidden, and 32 floats that attention may read */
    float *context; /* tokens x hidden */
    float *scratch;
    void *wide;       /* FEED_ROWS x intermediate, of the layers' type */
    uint16_t *narrow; /* tokens x hidden: an input as bfloat16 */
};

static float *floats(size_t n)
{
    float *p = xaligned(n * sizeof *p);
    memset(p, 0, n * sizeof *p);
    return p;
}

struct bert_work *bert_work_new(const struct bert *b, size_t tokens_max)
{
    struct bert_work *w = xcalloc(1, sizeof *w);
    size_t hidden = b->shape.hidden;
    w->tokens_max = tokens_max;
    w->x = floats(tokens_max * hidden);
    w->qkv = floats(tokens_max * 3 * hidden + 32);
    w->context = floats(tokens_max * hidden);
    w->scratch = floats(attention_scratch(b->shape.positions, hidden / b->shape.heads));
    w->wide = floats((size_t)FEED_ROWS * b->shape.intermediate);
    w->narrow = xaligned(tokens_max * hidden * sizeof *w->narrow);
    return w;
}

void bert_work_free(struct bert_work *w)
{
    if (!w)
        return;
    free(w->x);
    free(w->qkv);
    free(w->context);
    free(w->scratch);
    free(w->wide);
    free(w->narrow);
    free(w);
}

static void normalise(const struct bert *b, const struct norm *n, float *x, size_t rows)
{
    layernorm_f32(x, rows, b->shape.hidden, n->gamma, n->beta, b->shape.epsilon);
}

static size_t look_up(const struct bert *b, float *x, const uint32_t *ids, const uint32_t *lengths,
                      size_t count)
{
    size_t hidden = b->shape.hidden, t = 0;
    for (size_t i = 0; i < count; i++) {
        assert(lengths[i] >= 1 && lengths[i] <= b->shape.positions);
        for (size_t p = 0; p < lengths[i]; p++, t++) {
            assert(ids[t] < b->shape.vocab);
            memcpy(x + t * hidden, b->words + ids[t] * hidden, hidden * sizeof *x);
            rows_add(x + t * hidden, b->positions + p * hidden, hidden);
        }
    }
    normalise(b, &b->norm, x, t);
    return t;
}

/* The input of a product in the type that it wants. */
static const void *input(const struct bert *b, struct bert_work *w, const float *x, size_t rows)
{
    if (b->type == LINEAR_F32)
        return x;
    bf16_from_f32(x, w->narrow, rows * b->shape.hidden);
    return w->narrow;
}

static void attend(const struct bert *b, struct bert_work *w, const struct layer *y,
                   const uint32_t *lengths, size_t count, size_t tokens)
{
    size_t hidden = b->shape.hidden, t = 0;
    linear_run(y->qkv, input(b, w, w->x, tokens), tokens, LINEAR_SET, w->qkv);
    for (size_t i = 0; i < count; t += lengths[i++])
        attention_f32(w->qkv + t * 3 * hidden, lengths[i], b->shape.heads, hidden / b->shape.heads,
                      w->scratch, w->context + t * hidden);
    linear_run(y->attention_out, input(b, w, w->context, tokens), tokens, LINEAR_ADD, w->x);
    normalise(b, &y->attention_norm, w->x, tokens);
}

static void feed(const struct bert *b, struct bert_work *w, const struct layer *y, size_t tokens)
{
    for (size_t t = 0; t < tokens; t += FEED_ROWS) {
        size_t rows = tokens - t < FEED_ROWS ? tokens - t : FEED_ROWS;
        float *x = w->x + t * b->shape.hidden;
        linear_run(y->up, input(b, w, x, rows), rows, LINEAR_GELU, w->wide);
        linear_run(y->down, w->wide, rows, LINEAR_ADD, x);
        normalise(b, &y->feed_norm, x, rows);
    }
}

static void pool(const struct bert *b, const float *x, uint32_t length, enum bert_pooling pooling,
                 float *out)
{
    size_t hidden = b->shape.hidden;
    memcpy(out, x, hidden * sizeof *out);
    if (pooling == BERT_MEAN) /* the sum has the direction of the mean */
        for (uint32_t t = 1; t < length; t++)
            rows_add(out, x + t * hidden, hidden);
    normalise_f32(out, hidden);
}

void bert_run(const struct bert *b, struct bert_work *w, const uint32_t *ids,
              const uint32_t *lengths, size_t count, enum bert_pooling pooling, float *out)
{
    size_t hidden = b->shape.hidden, sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += lengths[i];
    assert(sum <= w->tokens_max);
    size_t tokens = look_up(b, w->x, ids, lengths, count);
    for (unsigned i = 0; i < b->shape.layers; i++) {
        attend(b, w, &b->layers[i], lengths, count, tokens);
        feed(b, w, &b->layers[i], tokens);
    }
    for (size_t i = 0, t = 0; i < count; t += lengths[i++])
        pool(b, w->x + t * hidden, lengths[i], pooling, out + i * hidden);
}
