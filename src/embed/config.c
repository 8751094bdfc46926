/* What a model directory says about itself. Sizes are bounded here, before anything is allocated.
 */
#include "base/json.h"
#include "embed/model.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_BYTES_MAX (1u << 20)

static enum err read_json(const char *dir, const char *file, json_t **out, struct err_info *e)
{
    char path[4096], *text = NULL;
    size_t n;
    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return err_set(e, ERR_INVALID, file, "the path of the model directory is too long");
    enum err err = file_read_all(path, CONFIG_BYTES_MAX, &text, &n, e);
    if (err)
        return err;
    struct err_info inner = {0};
    err = json_parse((struct str){text, n}, out, &inner);
    free(text);
    if (!err && !json_is_object(*out) && !json_is_array(*out))
        err = ERR_SYNTAX;
    if (err)
        return err_set(e, ERR_CORRUPT, file, "%s: %s", file,
                       inner.message[0] ? inner.message : "an object is expected");
    return ERR_OK;
}

/* A file that may be absent: *out stays NULL. */
static enum err read_optional(const char *dir, const char *file, json_t **out, struct err_info *e)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return file_exists(path) ? read_json(dir, file, out, e) : ERR_OK;
}

static enum err get_size(const json_t *config, const char *key, unsigned max, unsigned *out,
                         struct err_info *e)
{
    const json_t *v = json_object_get(config, key);
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > (json_int_t)max)
        return err_set(e, ERR_INVALID, "config.json",
                       "config.json: \"%s\" must be a number from 1 to %u", key, max);
    *out = (unsigned)json_integer_value(v);
    return ERR_OK;
}

static enum err expect_word(const json_t *config, const char *key, const char *word,
                            struct err_info *e)
{
    const char *found = json_string_value(json_object_get(config, key));
    if (found && strcmp(found, word) != 0)
        return err_set(e, ERR_UNSUPPORTED, "config.json",
                       "config.json: \"%s\" is \"%.60s\"; only \"%s\" is known", key, found, word);
    return ERR_OK;
}

static enum err check_architecture(const json_t *config, struct err_info *e)
{
    const json_t *list = json_object_get(config, "architectures");
    const char *name = json_string_value(json_array_get(list, 0));
    if (name && strcmp(name, "BertModel") != 0)
        return err_set(e, ERR_UNSUPPORTED, "config.json",
                       "config.json: architecture %.80s is not known; BertModel is", name);
    enum err err = expect_word(config, "model_type", "bert", e);
    if (!err && !name && !json_object_get(config, "model_type"))
        err = err_set(e, ERR_UNSUPPORTED, "config.json",
                      "config.json names no architecture; BertModel is known");
    if (!err)
        err = expect_word(config, "hidden_act", "gelu", e);
    if (!err)
        err = expect_word(config, "position_embedding_type", "absolute", e);
    return err;
}

static enum err read_shape(const json_t *config, struct bert_shape *s, struct err_info *e)
{
    const struct {
        const char *key;
        unsigned max, *out;
    } sizes[] = {
        {"num_hidden_layers", 128, &s->layers},  {"hidden_size", 8192, &s->hidden},
        {"num_attention_heads", 256, &s->heads}, {"intermediate_size", 65536, &s->intermediate},
        {"vocab_size", 2000000, &s->vocab},      {"max_position_embeddings", 32768, &s->positions},
        {"type_vocab_size", 1024, &s->types},
    };
    enum err err = check_architecture(config, e);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !err; i++)
        err = get_size(config, sizes[i].key, sizes[i].max, sizes[i].out, e);
    if (err)
        return err;
    if (s->hidden % s->heads || s->hidden % 2 || s->intermediate % 2)
        return err_set(e, ERR_INVALID, "config.json",
                       "config.json: \"hidden_size\" %u must be even and divide into %u "
                       "\"num_attention_heads\"; \"intermediate_size\" must be even",
                       s->hidden, s->heads);
    const json_t *epsilon = json_object_get(config, "layer_norm_eps");
    s->epsilon = epsilon ? (float)json_number_value(epsilon) : 1e-12f;
    if (!(s->epsilon >= 0 && s->epsilon < 1))
        return err_set(e, ERR_INVALID, "config.json",
                       "config.json: \"layer_norm_eps\" must be in [0, 1)");
    return ERR_OK;
}

static enum err read_pooling(const char *dir, const char *file, const struct bert_shape *shape,
                             enum bert_pooling *out, struct err_info *e)
{
    json_t *config = NULL;
    enum err err = read_json(dir, file, &config, e);
    if (err)
        return err;
    bool cls = json_is_true(json_object_get(config, "pooling_mode_cls_token"));
    bool mean = json_is_true(json_object_get(config, "pooling_mode_mean_tokens"));
    const json_t *dims = json_object_get(config, "word_embedding_dimension");
    if (cls == mean)
        err = err_set(e, ERR_UNSUPPORTED, file, "%s: exactly one of mean and CLS pooling is known",
                      file);
    else if (dims && json_integer_value(dims) != (json_int_t)shape->hidden)
        err = err_set(e, ERR_INVALID, file,
                      "%s: \"word_embedding_dimension\" is not \"hidden_size\" %u", file,
                      shape->hidden);
    *out = cls ? BERT_CLS : BERT_MEAN;
    json_decref(config);
    return err;
}

/* modules.json: a transformer, a pooling, a normalisation; anything else would change the vectors.
 */
static enum err read_modules(const char *dir, char *pooling_path, size_t cap, struct err_info *e)
{
    json_t *modules = NULL;
    enum err err = read_optional(dir, "modules.json", &modules, e);
    for (size_t i = 0; i < json_array_size(modules) && !err; i++) {
        const json_t *module = json_array_get(modules, i);
        const char *type = json_string_value(json_object_get(module, "type"));
        const char *path = json_string_value(json_object_get(module, "path"));
        const char *last = type ? strrchr(type, '.') : NULL;
        last = last ? last + 1 : type ? type : "?";
        if (strcmp(last, "Pooling") == 0 && path && !strchr(path, '/') && strcmp(path, "..") != 0)
            snprintf(pooling_path, cap, "%.100s/config.json", path);
        else if (strcmp(last, "Transformer") != 0 && strcmp(last, "Normalize") != 0)
            err = err_set(
                e, ERR_UNSUPPORTED, "modules.json",
                "modules.json: module %.80s is not known; Transformer, Pooling and Normalize are",
                last);
    }
    json_decref(modules);
    return err;
}

static enum err read_best(const char *dir, struct model_config *c, struct err_info *e)
{
    json_t *config = NULL;
    enum err err = read_optional(dir, "sentence_bert_config.json", &config, e);
    json_int_t best = json_integer_value(json_object_get(config, "max_seq_length"));
    c->tokens_best =
        best >= 8 && best < (json_int_t)c->shape.positions ? (unsigned)best : c->shape.positions;
    json_decref(config);
    return err;
}

enum err model_config_read(const char *dir, struct model_config *out, struct err_info *e)
{
    json_t *config = NULL;
    char pooling[128] = "1_Pooling/config.json";
    enum err err = read_json(dir, "config.json", &config, e);
    if (!err)
        err = read_shape(config, &out->shape, e);
    if (!err)
        err = read_modules(dir, pooling, sizeof pooling, e);
    if (!err)
        err = read_pooling(dir, pooling, &out->shape, &out->pooling, e);
    if (!err)
        err = read_best(dir, out, e);
    json_decref(config);
    return err;
}
