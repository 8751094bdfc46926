/* A random BERT of 2 layers in a temporary folder, and what a plain forward pass makes of it. */
#ifndef TEST_EMBED_TINY_H
#define TEST_EMBED_TINY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "embed/embed.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HIDDEN = 32, HEADS = 2, LAYERS = 2, WIDE = 72, VOCAB = 40, POSITIONS = 48, TYPES = 2 };

struct tiny_tensor {
    char name[100];
    size_t rows, columns; /* columns 0: a vector */
    float *values;
};
struct tiny {
    char dir[64];
    struct tiny_tensor tensors[64];
    size_t count;
    const char *pooling; /* "cls", "mean" or "last" */
    const char *kind;    /* model_type; the tensors have BERT's names here, their own in the file */
    size_t position_first; /* row of the table for a text's first token */
    bool relative;         /* MPNet's biases */
};
enum { BUCKETS = 32 };

static inline void tiny_put(const struct tiny *t, const char *file, const void *p, size_t n)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", t->dir, file);
    assert_int_equal(file_write_atomic(path, p, n, 0600, NULL), ERR_OK);
}

static inline void tiny_text(const struct tiny *t, const char *file, const char *text)
{
    tiny_put(t, file, text, strlen(text));
}

static inline void tiny_remove(const struct tiny *t, const char *file)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", t->dir, file);
    assert_int_equal(file_remove(path, NULL), ERR_OK);
}

static inline void tiny_tensor(struct tiny *t, struct rng *r, const char *name, size_t rows,
                               size_t columns)
{
    struct tiny_tensor *x = &t->tensors[t->count++];
    size_t n = rows * (columns ? columns : 1);
    snprintf(x->name, sizeof x->name, "%s", name);
    x->rows = rows;
    x->columns = columns;
    x->values = xcalloc(n, sizeof(float));
    bool gain = strstr(name, "LayerNorm.weight") != NULL;
    for (size_t i = 0; i < n; i++)
        x->values[i] = (gain ? 1 : 0) + .25f * rng_normal(r);
}

static inline void tiny_linear(struct tiny *t, struct rng *r, int layer, const char *name,
                               size_t out, size_t in)
{
    char full[100];
    snprintf(full, sizeof full, "encoder.layer.%d.%s.weight", layer, name);
    tiny_tensor(t, r, full, out, in);
    snprintf(full, sizeof full, "encoder.layer.%d.%s.bias", layer, name);
    tiny_tensor(t, r, full, out, 0);
}

static inline const float *tiny_find(const struct tiny *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->tensors[i].name, name) == 0)
            return t->tensors[i].values;
    return NULL;
}

/* BERT's name of a tensor -> that of the kind. */
static inline void tiny_name(const struct tiny *t, const char *bert, char *out, size_t cap)
{
    static const char *const renamed[][3] = {
        {"mpnet", "attention.self.query", "attention.attn.q"},
        {"mpnet", "attention.self.key", "attention.attn.k"},
        {"mpnet", "attention.self.value", "attention.attn.v"},
        {"mpnet", "attention.output.dense", "attention.attn.o"},
        {"mpnet", "attention.output.LayerNorm", "attention.LayerNorm"},
        {"distilbert", "attention.self.query", "attention.q_lin"},
        {"distilbert", "attention.self.key", "attention.k_lin"},
        {"distilbert", "attention.self.value", "attention.v_lin"},
        {"distilbert", "attention.output.dense", "attention.out_lin"},
        {"distilbert", "attention.output.LayerNorm", "sa_layer_norm"},
        {"distilbert", "intermediate.dense", "ffn.lin1"},
        {"distilbert", "output.dense", "ffn.lin2"},
        {"distilbert", "output.LayerNorm", "output_layer_norm"},
    };
    int head = 0;
    snprintf(out, cap, "%s", bert);
    if (sscanf(bert, "encoder.layer.%*d.%n", &head) != 0 || head == 0)
        return;
    const char *stem = strcmp(t->kind, "distilbert") == 0 ? "transformer" : "encoder";
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++) {
        size_t n = strlen(renamed[i][1]);
        if (strcmp(t->kind, renamed[i][0]) == 0 && strncmp(bert + head, renamed[i][1], n) == 0) {
            snprintf(out, cap, "%s%.*s%s%s", stem, head - 7, bert + 7, renamed[i][2],
                     bert + head + n);
            return;
        }
    }
}

/* The safetensors file; returns its bytes, *n of them, for tests that damage them. */
static inline char *tiny_bytes(const struct tiny *t, size_t *n)
{
    struct strbuf header, data;
    strbuf_init(&header, 0);
    strbuf_init(&data, 0);
    strbuf_add_c(&header, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < t->count; i++) {
        const struct tiny_tensor *x = &t->tensors[i];
        size_t bytes = x->rows * (x->columns ? x->columns : 1) * sizeof(float);
        char name[120];
        tiny_name(t, x->name, name, sizeof name);
        strbuf_printf(&header, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%zu", name, x->rows);
        if (x->columns)
            strbuf_printf(&header, ",%zu", x->columns);
        strbuf_printf(&header, "],\"data_offsets\":[%zu,%zu]}", data.n, data.n + bytes);
        strbuf_add(&data, x->values, bytes);
    }
    strbuf_add_c(&header, "}");
    *n = 8 + header.n + data.n;
    char *all = xcalloc(1, *n);
    for (unsigned i = 0; i < 8; i++)
        all[i] = (char)(header.n >> 8 * i & 255);
    memcpy(all + 8, header.buf, header.n);
    memcpy(all + 8 + header.n, data.buf, data.n);
    strbuf_release(&header);
    strbuf_release(&data);
    return all;
}

static inline void tiny_config(const struct tiny *t, const char *architecture, int wide)
{
    char text[900];
    bool distil = strcmp(t->kind, "distilbert") == 0;
    snprintf(text, sizeof text,
             "{\"architectures\":[\"%s\"],\"model_type\":\"%s\",\"%s\":\"gelu\",\"%s\":%d,"
             "\"%s\":%d,\"%s\":%d,\"%s\":%d,\"vocab_size\":%d,\"max_position_embeddings\":%d,"
             "\"type_vocab_size\":%d,\"relative_attention_num_buckets\":%d,\"pad_token_id\":%d,"
             "\"layer_norm_eps\":1e-12}",
             architecture, t->kind, distil ? "activation" : "hidden_act",
             distil ? "dim" : "hidden_size", HIDDEN, distil ? "n_heads" : "num_attention_heads",
             HEADS, distil ? "n_layers" : "num_hidden_layers", LAYERS,
             distil ? "hidden_dim" : "intermediate_size", wide, VOCAB,
             POSITIONS + (int)t->position_first, TYPES, BUCKETS,
             t->position_first ? (int)t->position_first - 1 : 0);
    tiny_text(t, "config.json", text);
}

static inline void tiny_pooling(struct tiny *t, const char *pooling)
{
    char text[300];
    t->pooling = pooling;
    snprintf(text, sizeof text,
             "{\"word_embedding_dimension\":%d,\"pooling_mode_cls_token\":%s,"
             "\"pooling_mode_lasttoken\":%s,\"pooling_mode_mean_tokens\":%s}",
             HIDDEN, strcmp(pooling, "cls") == 0 ? "true" : "false",
             strcmp(pooling, "last") == 0 ? "true" : "false",
             strcmp(pooling, "mean") == 0 ? "true" : "false");
    tiny_text(t, "1_Pooling/config.json", text);
}

/* Writes the tensors as they are now. */
static inline void tiny_save(const struct tiny *t)
{
    size_t n;
    char *bytes = tiny_bytes(t, &n);
    tiny_put(t, "model.safetensors", bytes, n);
    free(bytes);
}

static inline void tiny_make_kind(struct tiny *t, const char *kind, const char *architecture)
{
    struct rng r;
    char path[100];
    memset(t, 0, sizeof *t);
    t->kind = kind;
    t->relative = strcmp(kind, "mpnet") == 0;
    t->position_first = strcmp(kind, "bert") == 0 || strcmp(kind, "distilbert") == 0 ? 0 : 2;
    snprintf(t->dir, sizeof t->dir, "/tmp/akin-tiny-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    snprintf(path, sizeof path, "%s/1_Pooling", t->dir);
    assert_int_equal(file_mkdirs(path, 0700, NULL), ERR_OK);
    rng_init(&r, 17);
    tiny_tensor(t, &r, "embeddings.word_embeddings.weight", VOCAB, HIDDEN);
    tiny_tensor(t, &r, "embeddings.position_embeddings.weight", POSITIONS + t->position_first,
                HIDDEN);
    if (!t->relative && strcmp(kind, "distilbert") != 0)
        tiny_tensor(t, &r, "embeddings.token_type_embeddings.weight", TYPES, HIDDEN);
    if (t->relative)
        tiny_tensor(t, &r, "encoder.relative_attention_bias.weight", BUCKETS, HEADS);
    tiny_tensor(t, &r, "embeddings.LayerNorm.weight", HIDDEN, 0);
    tiny_tensor(t, &r, "embeddings.LayerNorm.bias", HIDDEN, 0);
    for (int i = 0; i < LAYERS; i++) {
        tiny_linear(t, &r, i, "attention.self.query", HIDDEN, HIDDEN);
        tiny_linear(t, &r, i, "attention.self.key", HIDDEN, HIDDEN);
        tiny_linear(t, &r, i, "attention.self.value", HIDDEN, HIDDEN);
        tiny_linear(t, &r, i, "attention.output.dense", HIDDEN, HIDDEN);
        tiny_linear(t, &r, i, "attention.output.LayerNorm", HIDDEN, 0);
        tiny_linear(t, &r, i, "intermediate.dense", WIDE, HIDDEN);
        tiny_linear(t, &r, i, "output.dense", HIDDEN, WIDE);
        tiny_linear(t, &r, i, "output.LayerNorm", HIDDEN, 0);
    }
    tiny_save(t);
    tiny_config(t, architecture, WIDE);
    tiny_pooling(t, "mean");
    struct strbuf vocab;
    strbuf_init(&vocab, 0);
    strbuf_add_c(&vocab, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (int i = 5; i < VOCAB; i++)
        strbuf_printf(&vocab, "w%c\n", 'a' + i - 5 < 'z' ? 'a' + i - 5 : '0' + i - 30);
    tiny_put(t, "vocab.txt", vocab.buf, vocab.n);
    strbuf_release(&vocab);
    tiny_text(t, "tokenizer_config.json", "{\"do_lower_case\":true}");
}

static inline void tiny_make(struct tiny *t)
{
    tiny_make_kind(t, "bert", "BertModel");
}

static inline void tiny_release(struct tiny *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->tensors[i].values);
    assert_int_equal(file_remove_tree(t->dir, NULL), ERR_OK);
}

#endif
