/* Weights from a safetensors file into the encoder. */
#include "base/arena.h"
#include "embed/bert_impl.h"
#include "math/rows.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static struct linear layer_pack(struct bert *b, const float *weights, const float *bias, size_t in,
                                size_t out, enum linear_type type)
{
    void *packed = xaligned(linear_packed_bytes(in, out, type));
    linear_pack(weights, bias, in, out, type, packed);
    b->owned = xrealloc(b->owned, (b->owned_count + 1) * sizeof *b->owned);
    b->owned[b->owned_count++] = packed;
    return (struct linear){type, in, out, packed};
}

/* `count` tensors of the same inputs, one behind the other, as one layer (query, key, value). */
static enum err load_linear(struct loader *l, const char *const *tensors, unsigned count,
                            unsigned in, unsigned out, enum linear_type type, struct bert *b,
                            struct linear *made)
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
        *made = layer_pack(b, weights, bias, in, (size_t)count * out, type);
    free(weights);
    free(bias);
    return err;
}

static enum err load_layer(struct loader *l, struct bert *b, struct layer *y)
{
    static const char *const qkv[] = {"attention.self.query", "attention.self.key",
                                      "attention.self.value"};
    static const char *const attention_out[] = {"attention.output.dense"};
    static const char *const up[] = {"intermediate.dense"}, *const down[] = {"output.dense"};
    unsigned hidden = b->shape.hidden, wide = b->shape.intermediate;
    enum err err = load_linear(l, qkv, 3, hidden, hidden, b->type, b, &y->qkv);
    if (!err)
        err = load_linear(l, attention_out, 1, hidden, hidden, b->type, b, &y->attention_out);
    if (!err)
        err = load_norm(l, "attention.output.LayerNorm", hidden, &y->attention_norm);
    if (!err)
        err = load_linear(l, up, 1, hidden, wide, b->type, b, &y->up);
    if (!err)
        err = load_linear(l, down, 1, wide, hidden, b->type, b, &y->down);
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
        norm_release(&y->attention_norm);
        norm_release(&y->feed_norm);
    }
    for (size_t i = 0; i < b->owned_count; i++)
        free(b->owned[i]);
    free(b->owned);
    norm_release(&b->norm);
    free(b->words);
    free(b->positions);
    free(b->layers);
    free(b);
}

static uint64_t layer_bytes(const struct linear *l)
{
    return linear_packed_bytes(l->in, l->out, l->type);
}

uint64_t bert_bytes(const struct bert *b)
{
    uint64_t bytes =
        ((uint64_t)b->shape.vocab + b->shape.positions) * b->shape.hidden * sizeof(float);
    for (unsigned i = 0; i < b->shape.layers; i++) {
        const struct layer *y = &b->layers[i];
        bytes += layer_bytes(&y->qkv) + layer_bytes(&y->attention_out) + layer_bytes(&y->up) +
                 layer_bytes(&y->down) + 4ull * b->shape.hidden * sizeof(float);
    }
    return bytes;
}
