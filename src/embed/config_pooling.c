/* How a model's vectors are made of its tokens, and what its texts begin with:
 * sentence-transformers' files, families that are known by name, and akin.json, which overrides
 * them. */
#include "embed/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- pooling --- */

static const char *const pooling_names[] = {"mean", "cls", "last"};

const char *pooling_name(enum bert_pooling p)
{
    return pooling_names[p];
}

static enum err pooling_parse(const char *name, const char *file, enum bert_pooling *out,
                              struct err_info *e)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(pooling_names[i], name) == 0) {
            *out = (enum bert_pooling)i;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID, file, "pooling \"%.40s\" is none of mean, cls, last", name);
}

static enum err pooling_of(const json_t *config, const char *file, enum bert_pooling *out,
                           struct err_info *e)
{
    static const char *const modes[] = {"pooling_mode_mean_tokens",
                                        "pooling_mode_cls_token",
                                        "pooling_mode_lasttoken",
                                        "pooling_mode_max_tokens",
                                        "pooling_mode_mean_sqrt_len_tokens",
                                        "pooling_mode_weightedmean_tokens"};
    unsigned set = 0, which = 0;
    for (unsigned i = 0; i < 6; i++) {
        if (json_is_true(json_object_get(config, modes[i]))) {
            set++;
            which = i;
        }
    }
    if (set == 1 && which == 4)
        which = 0; /* of length 1 again, it is the mean */
    if (set != 1 || which > 2)
        return err_set(e, ERR_UNSUPPORTED, file,
                       "%s: exactly one of mean, CLS and last token pooling is known", file);
    *out = (enum bert_pooling)which;
    return ERR_OK;
}

static enum err read_pooling(const char *dir, const char *file, const struct bert_shape *shape,
                             enum bert_pooling *out, struct err_info *e)
{
    json_t *config = NULL;
    enum err err = config_read(dir, file, &config, e);
    if (err)
        return err;
    const json_t *dims = json_object_get(config, "word_embedding_dimension");
    err = pooling_of(config, file, out, e);
    if (!err && dims && json_integer_value(dims) != (json_int_t)shape->hidden)
        err = err_set(e, ERR_INVALID, file,
                      "%s: \"word_embedding_dimension\" is not \"hidden_size\" %u", file,
                      shape->hidden);
    if (!err && json_is_false(json_object_get(config, "include_prompt")))
        err =
            err_set(e, ERR_UNSUPPORTED, file,
                    "%s: \"include_prompt\" false (pooling without the prefix) is not known", file);
    json_decref(config);
    return err;
}

/* modules.json: a transformer, a pooling, a normalisation; anything else would change the vectors.
 */
static enum err read_modules(const char *dir, char *pooling_path, size_t cap, struct err_info *e)
{
    json_t *modules = NULL;
    enum err err = config_read_optional(dir, "modules.json", &modules, e);
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

/* --- prefixes --- */

static enum err prefix_set(struct model_config *c, enum embed_role role, const char *text,
                           const char *file, struct err_info *e)
{
    if (strlen(text) >= MODEL_PREFIX_MAX)
        return err_set(e, ERR_TOO_LARGE, file, "%s: a prefix of more than %u bytes", file,
                       MODEL_PREFIX_MAX - 1);
    snprintf(c->prefix[role], MODEL_PREFIX_MAX, "%s", text);
    return ERR_OK;
}

/* Families whose cards ask for prefixes that their files do not tell of. */
static const struct {
    const char *begins, *holds, *query, *passage;
} families[] = {
    {"e5-", "", "query: ", "passage: "},
    {"multilingual-e5-", "", "query: ", "passage: "},
    {"bge-", "-en", "Represent this sentence for searching relevant passages: ", ""},
    {"bge-", "-zh", "为这个句子生成表示以用于检索相关文章：", ""},
};

static void prefix_by_family(struct model_config *c, const char *name)
{
    const char *base = strrchr(name, '/');
    base = base ? base + 1 : name;
    if (strcasestr(base, "instruct"))
        return; /* their prefix is a task of the caller's */
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (strncasecmp(base, families[i].begins, strlen(families[i].begins)) != 0 ||
            !strcasestr(base, families[i].holds))
            continue;
        snprintf(c->prefix[ROLE_QUERY], MODEL_PREFIX_MAX, "%s", families[i].query);
        snprintf(c->prefix[ROLE_PASSAGE], MODEL_PREFIX_MAX, "%s", families[i].passage);
        return;
    }
}

/* The folder's name, or what the model was called where it was trained. */
static enum err prefix_by_name(const char *dir, struct model_config *c, struct err_info *e)
{
    json_t *config = NULL;
    enum err err = config_read(dir, "config.json", &config, e);
    char name[256];
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    snprintf(name, sizeof name, "%.*s", (int)(n < 255 ? n : 255), dir + (n < 255 ? 0 : n - 255));
    prefix_by_family(c, name);
    const char *origin = json_string_value(json_object_get(config, "_name_or_path"));
    if (origin && !c->prefix[ROLE_QUERY][0])
        prefix_by_family(c, origin);
    json_decref(config);
    return err;
}

static enum err read_prompts(const char *dir, struct model_config *c, struct err_info *e)
{
    static const char file[] = "config_sentence_transformers.json";
    static const struct {
        const char *key;
        enum embed_role role;
    } keys[] = {{"query", ROLE_QUERY}, {"document", ROLE_PASSAGE}, {"passage", ROLE_PASSAGE}};
    json_t *config = NULL;
    enum err err = config_read_optional(dir, file, &config, e);
    const json_t *prompts = json_object_get(config, "prompts");
    for (size_t i = 0; i < 3 && !err; i++) {
        const char *text = json_string_value(json_object_get(prompts, keys[i].key));
        if (text && *text)
            err = prefix_set(c, keys[i].role, text, file, e);
    }
    const char *always = json_string_value(json_object_get(config, "default_prompt_name"));
    const char *text = always ? json_string_value(json_object_get(prompts, always)) : NULL;
    if (text && !err)
        err = prefix_set(c, ROLE_NONE, text, file, e);
    json_decref(config);
    return err;
}

/* --- akin.json --- */

static const char *const setting_keys[] = {"query_prefix", "passage_prefix", "pooling"};

static enum err check_settings(const json_t *settings, struct err_info *e)
{
    const char *key;
    json_t *v;
    if (settings && !json_is_object(settings))
        return err_set(e, ERR_INVALID, "akin.json", "akin.json: an object is expected");
    json_object_foreach((json_t *)settings, key, v)
    {
        unsigned i = 0;
        while (i < 3 && strcmp(key, setting_keys[i]) != 0)
            i++;
        if (i == 3)
            return err_set(e, ERR_INVALID, "akin.json",
                           "akin.json: \"%.60s\" is not known; query_prefix, passage_prefix and "
                           "pooling are",
                           key);
        if (!json_is_string(v))
            return err_set(e, ERR_INVALID, "akin.json", "akin.json: \"%s\" must be text", key);
    }
    return ERR_OK;
}

static enum err apply_settings(const json_t *settings, struct model_config *c, struct err_info *e)
{
    const char *query = json_string_value(json_object_get(settings, "query_prefix"));
    const char *passage = json_string_value(json_object_get(settings, "passage_prefix"));
    const char *pooling = json_string_value(json_object_get(settings, "pooling"));
    enum err err = query ? prefix_set(c, ROLE_QUERY, query, "akin.json", e) : ERR_OK;
    if (!err && passage)
        err = prefix_set(c, ROLE_PASSAGE, passage, "akin.json", e);
    if (!err && pooling)
        err = pooling_parse(pooling, "akin.json", &c->pooling, e);
    return err;
}

enum err model_settings_write(const char *dir, const struct model_settings *s, struct err_info *e)
{
    const char *values[] = {s->query_prefix, s->passage_prefix, s->pooling};
    char path[4096];
    json_t *settings = NULL;
    struct model_config trial = {0};
    snprintf(path, sizeof path, "%s/akin.json", dir);
    enum err err = config_read_optional(dir, "akin.json", &settings, e);
    if (!err)
        err = check_settings(settings, e);
    if (!settings)
        settings = json_object();
    for (unsigned i = 0; i < 3 && !err; i++)
        if (values[i] && json_object_set_new(settings, setting_keys[i], json_string(values[i])))
            err = err_set(e, ERR_INVALID, setting_keys[i], "\"%s\" is not UTF-8", setting_keys[i]);
    if (!err)
        err = apply_settings(settings, &trial, e);
    char *text = err ? NULL : json_dumps(settings, JSON_INDENT(1));
    if (text)
        err = file_write_atomic(path, text, strlen(text), 0600, e);
    free(text);
    json_decref(settings);
    return err;
}

/* --- all --- */

static enum err read_best(const char *dir, struct model_config *c, struct err_info *e)
{
    json_t *config = NULL;
    enum err err = config_read_optional(dir, "sentence_bert_config.json", &config, e);
    json_int_t best = json_integer_value(json_object_get(config, "max_seq_length"));
    c->tokens_best =
        best >= 8 && best < (json_int_t)c->shape.positions ? (unsigned)best : c->shape.positions;
    json_decref(config);
    return err;
}

/* A model without a pooling module is a bare encoder: somebody must say what its vectors are. */
static enum err find_pooling(const char *dir, const char *file, const json_t *settings,
                             struct model_config *c, struct err_info *e)
{
    char path[4300];
    if (json_object_get(settings, "pooling"))
        return ERR_OK; /* apply_settings */
    snprintf(path, sizeof path, "%s/%s", dir, file);
    if (!file_exists(path))
        return err_set(e, ERR_NOT_FOUND, file,
                       "%s is missing, so nothing tells how the model's vectors are made of its "
                       "tokens; add it with `akin model add %.120s --pooling mean` (or cls, last)",
                       file, dir);
    return read_pooling(dir, file, &c->shape, &c->pooling, e);
}

enum err model_config_read(const char *dir, struct model_config *out, struct err_info *e)
{
    char pooling[128] = "1_Pooling/config.json";
    json_t *settings = NULL;
    *out = (struct model_config){0};
    enum err err = model_shape_read(dir, &out->shape, e);
    if (!err)
        err = read_modules(dir, pooling, sizeof pooling, e);
    if (!err)
        err = config_read_optional(dir, "akin.json", &settings, e);
    if (!err)
        err = check_settings(settings, e);
    if (!err)
        err = find_pooling(dir, pooling, settings, out, e);
    if (!err)
        err = read_best(dir, out, e);
    if (!err)
        err = prefix_by_name(dir, out, e);
    if (!err)
        err = read_prompts(dir, out, e);
    if (!err)
        err = apply_settings(settings, out, e);
    json_decref(settings);
    return err;
}
