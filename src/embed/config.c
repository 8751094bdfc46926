/* config.json: what encoder a model is. Sizes are bounded here, before anything is allocated. */
#include "embed/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_BYTES_MAX (1u << 20)

enum err config_parse(struct str text, const char *file, json_t **out, struct err_info *e)
{
    struct err_info inner = {0};
    json_t *v = NULL;
    enum err err = json_parse(text, &v, &inner);
    if (!err && !json_is_object(v) && !json_is_array(v))
        err = ERR_SYNTAX;
    if (err) {
        json_decref(v);
        return err_set(e, ERR_CORRUPT, file, "%s: %s", file,
                       inner.message[0] ? inner.message : "an object is expected");
    }
    *out = v;
    return ERR_OK;
}

enum err config_read(const char *dir, const char *file, json_t **out, struct err_info *e)
{
    char path[4096], *text = NULL;
    size_t n;
    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return err_set(e, ERR_INVALID, file, "the path of the model directory is too long");
    enum err err = file_exists(path) ? file_regular(path, e) : ERR_OK;
    if (!err)
        err = file_read_all(path, CONFIG_BYTES_MAX, &text, &n, e);
    if (err)
        return err;
    err = config_parse((struct str){text, n}, file, out, e);
    free(text);
    return err;
}

enum err config_read_optional(const char *dir, const char *file, json_t **out, struct err_info *e)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return file_exists(path) ? config_read(dir, file, out, e) : ERR_OK;
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
    const json_t *v = json_object_get(config, key);
    const char *found = json_string_value(v);
    if (v && (!found || strcmp(found, word) != 0))
        return err_set(e, ERR_UNSUPPORTED, "config.json",
                       "config.json: \"%s\" is \"%.60s\"; only \"%s\" is known", key,
                       found ? found : "no text", word);
    return ERR_OK;
}

static enum err unknown(struct err_info *e, const char *what, const char *name)
{
    return err_set(e, ERR_UNSUPPORTED, "config.json",
                   "config.json: %s %.80s is not known; encoders of %s are", what, name,
                   bert_names_known());
}

/* Absent or null: NULL. */
static enum err get_name(const json_t *v, const char *key, const char **out, struct err_info *e)
{
    if (v && !json_is_null(v) && !json_is_string(v))
        return err_set(e, ERR_INVALID, "config.json", "config.json: \"%s\" must be a string", key);
    *out = json_string_value(v);
    return ERR_OK;
}

/* The class names a head too (BertForMaskedLM), which is not read. */
static enum err check_class(const char *name, const struct bert_names *n, struct err_info *e)
{
    size_t stem = strlen(n->architecture);
    if (!name || (strncmp(name, n->architecture, stem) == 0 &&
                  (strcmp(name + stem, "Model") == 0 || strncmp(name + stem, "For", 3) == 0)))
        return ERR_OK;
    return unknown(e, "architecture", name);
}

static enum err read_architecture(const json_t *config, const struct bert_names **out,
                                  struct err_info *e)
{
    const char *type = NULL, *name = NULL;
    enum err err = get_name(json_object_get(config, "model_type"), "model_type", &type, e);
    if (!err)
        err = get_name(json_array_get(json_object_get(config, "architectures"), 0),
                       "architectures/0", &name, e);
    if (err)
        return err;
    if (!type && name && strncmp(name, "BertModel", 9) == 0)
        type = "bert"; /* files from before model_type */
    if (!type)
        return err_set(e, ERR_UNSUPPORTED, "config.json",
                       "config.json names no \"model_type\"; encoders of %s are known",
                       bert_names_known());
    const struct bert_names *n = bert_names_find(type);
    if (!n)
        return unknown(e, "\"model_type\"", type);
    err = check_class(name, n, e);
    if (!err)
        err = expect_word(config, n->distil ? "activation" : "hidden_act", "gelu", e);
    if (!err)
        err = expect_word(config, "position_embedding_type", "absolute", e);
    if (!err && json_is_true(json_object_get(config, "is_decoder")))
        err = err_set(e, ERR_UNSUPPORTED, "config.json",
                      "config.json: \"is_decoder\" is true; only encoders are known");
    *out = n;
    return err;
}

struct size_key {
    const char *key, *distil; /* NULL: DistilBERT has none */
    unsigned max, *out;
};

static enum err read_sizes(const json_t *config, struct bert_shape *s, struct err_info *e)
{
    const struct size_key sizes[] = {
        {"num_hidden_layers", "n_layers", 128, &s->layers},
        {"hidden_size", "dim", 8192, &s->hidden},
        {"num_attention_heads", "n_heads", 256, &s->heads},
        {"intermediate_size", "hidden_dim", 65536, &s->intermediate},
        {"vocab_size", "vocab_size", 2000000, &s->vocab},
        {"max_position_embeddings", "max_position_embeddings", 32768, &s->positions},
        {s->names->types ? "type_vocab_size" : NULL, NULL, 1024, &s->types},
        {s->names->relative ? "relative_attention_num_buckets" : NULL, NULL, 1024, &s->buckets},
    };
    enum err err = ERR_OK;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !err; i++) {
        const char *key = s->names->distil ? sizes[i].distil : sizes[i].key;
        if (key)
            err = get_size(config, key, sizes[i].max, sizes[i].out, e);
    }
    return err;
}

/* RoBERTa counts positions from behind the padding token's id. */
static enum err read_first_position(const json_t *config, struct bert_shape *s, struct err_info *e)
{
    const json_t *v = json_object_get(config, "pad_token_id");
    if (!s->names->padded_positions)
        return ERR_OK;
    bool fixed = s->names->relative || !v; /* MPNet's code says 1, whatever the file says */
    json_int_t pad = fixed ? 1 : json_integer_value(v);
    if (pad < 0 || pad > 1000 || (!fixed && !json_is_integer(v)) ||
        (unsigned)pad + 1 >= s->positions)
        return err_set(e, ERR_INVALID, "config.json",
                       "config.json: \"pad_token_id\" must be a number that leaves positions of "
                       "%u \"max_position_embeddings\"",
                       s->positions);
    s->position_first = (unsigned)pad + 1;
    s->positions -= s->position_first;
    return ERR_OK;
}

static enum err check_shape(const json_t *config, struct bert_shape *s, struct err_info *e)
{
    if (s->hidden % s->heads || s->hidden % 2 || s->intermediate % 2)
        return err_set(e, ERR_INVALID, "config.json",
                       "config.json: \"hidden_size\" %u must be even and divide into %u "
                       "\"num_attention_heads\"; \"intermediate_size\" must be even",
                       s->hidden, s->heads);
    if (s->buckets % 4)
        return err_set(e, ERR_INVALID, "config.json",
                       "config.json: \"relative_attention_num_buckets\" must divide by 4");
    const json_t *size = json_object_get(config, "embedding_size");
    if (size && json_integer_value(size) != (json_int_t)s->hidden)
        return err_set(e, ERR_UNSUPPORTED, "config.json",
                       "config.json: \"embedding_size\" other than \"hidden_size\" is not known");
    const json_t *epsilon = json_object_get(config, "layer_norm_eps");
    s->epsilon = epsilon ? (float)json_number_value(epsilon) : 1e-12f;
    if (!(s->epsilon >= 0 && s->epsilon < 1) || (epsilon && !json_is_number(epsilon)))
        return err_set(e, ERR_INVALID, "config.json",
                       "config.json: \"layer_norm_eps\" must be in [0, 1)");
    return ERR_OK;
}

static enum err read_shape(const json_t *config, struct bert_shape *s, struct err_info *e)
{
    *s = (struct bert_shape){0};
    enum err err = read_architecture(config, &s->names, e);
    if (!err)
        err = read_sizes(config, s, e);
    if (!err)
        err = read_first_position(config, s, e);
    return err ? err : check_shape(config, s, e);
}

enum err model_shape_parse(struct str text, struct bert_shape *out, struct err_info *e)
{
    json_t *config = NULL;
    enum err err = config_parse(text, "config.json", &config, e);
    if (!err)
        err = read_shape(config, out, e);
    json_decref(config);
    return err;
}

enum err model_shape_read(const char *dir, struct bert_shape *out, struct err_info *e)
{
    json_t *config = NULL;
    enum err err = config_read(dir, "config.json", &config, e);
    if (!err)
        err = read_shape(config, out, e);
    json_decref(config);
    return err;
}
