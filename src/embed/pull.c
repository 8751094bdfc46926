/* A model directory from somewhere: collected in a folder beside, opened once, renamed. */
#include "embed/pull.h"
#include "base/file.h"
#include "base/rng.h"
#include "embed/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL (64u << 20)
const struct pull_file pull_files[PULL_FILES] = {
    {"config.json", true, 1u << 20},
    {"tokenizer.json", false, SMALL},
    {"vocab.txt", false, SMALL},
    {"tokenizer_config.json", false, SMALL},
    {"special_tokens_map.json", false, 1u << 20},
    {"modules.json", false, 1u << 20},
    {"1_Pooling/config.json", false, 1u << 20},
    {"sentence_bert_config.json", false, 1u << 20},
    {"config_sentence_transformers.json", false, 1u << 20},
    {"akin.json", false, 1u << 20},
    {"model.safetensors", true, 16ull << 30},
};

static enum err name_check(const char *name, struct err_info *e)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (n == 0 || n > 95 || name[n] || name[0] == '.')
        return err_set(e, ERR_INVALID, "name",
                       "a model name has 1 to 95 letters, digits, '.', '_' or '-' and does not "
                       "start with '.'");
    return ERR_OK;
}

static enum err pull_from_dir(const struct pull *p, struct err_info *e)
{
    char from[4096], to[4096];
    for (size_t i = 0; i < PULL_FILES; i++) {
        const struct pull_file *f = &pull_files[i];
        if (snprintf(from, sizeof from, "%s/%s", p->source, f->name) >= (int)sizeof from)
            return err_set(e, ERR_INVALID, "source", "the path is too long");
        snprintf(to, sizeof to, "%s/%s", p->dir, f->name);
        if (!file_exists(from)) {
            if (f->required)
                return err_set(e, ERR_NOT_FOUND, f->name, "%s is missing in %s", f->name,
                               p->source);
            continue;
        }
        enum err err = file_copy(from, to, e);
        if (err)
            return err;
        pull_progress(p, f->name, 1, 1);
    }
    return ERR_OK;
}

static enum err collect(const struct pull *p, struct err_info *e)
{
    if (strstr(p->source, "://"))
        return pull_from_hub(p, e);
    if (file_is_dir(p->source))
        return pull_from_dir(p, e);
    if (file_exists(p->source))
        return pull_from_zip(p, e);
    return err_set(e, ERR_NOT_FOUND, "source",
                   "%.300s is no directory, no .whl or .zip file and no https:// address",
                   p->source);
}

/* A known name must be the known weights; any other must open. */
static enum err check(const char *name, const char *dir, struct err_info *e)
{
    const struct model_known *k = model_known_by_name(name);
    char path[4096], sha256[65];
    struct model *m = NULL;
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    enum err err = k ? file_sha256(path, sha256, e) : ERR_OK;
    if (!err && k && strcmp(sha256, k->weights_sha256) != 0)
        return err_set(e, ERR_CORRUPT, "model.safetensors",
                       "model.safetensors has SHA-256 %s; %s has %s", sha256, name,
                       k->weights_sha256);
    if (!err)
        err = model_open(dir, NULL, &m, e);
    if (!err)
        model_unref(m);
    return err;
}

static enum err settle(const struct model_pull_options *o, const char *dir, struct err_info *e)
{
    struct model_settings s = {o->query_prefix, o->passage_prefix, o->pooling};
    if (!s.query_prefix && !s.passage_prefix && !s.pooling)
        return ERR_OK;
    return model_settings_write(dir, &s, e);
}

enum err model_pull(const char *models_dir, const char *name, const char *source,
                    const struct model_pull_options *o, struct err_info *e)
{
    static const struct model_pull_options none;
    char final[4000], dir[4032], pooling[4064], random[17];
    enum err err = name_check(name, e);
    if (err)
        return err;
    if (snprintf(final, sizeof final, "%s/%s", models_dir, name) >= (int)sizeof final)
        return err_set(e, ERR_INVALID, "models", "the path is too long");
    if (file_exists(final) || file_is_dir(final))
        return err_set(e, ERR_CONFLICT, "name", "%s is there already; remove it first", final);
    rng_hex(random, 16);
    if (snprintf(dir, sizeof dir, "%s/.pull-%s", models_dir, random) >= (int)sizeof dir)
        return err_set(e, ERR_INVALID, "models", "the path is too long");
    snprintf(pooling, sizeof pooling, "%s/1_Pooling", dir);
    o = o ? o : &none;
    struct pull p = {.source = source,
                     .dir = dir,
                     .progress = o->progress,
                     .ctx = o->ctx,
                     .outbound = o->outbound};
    err = file_mkdirs(pooling, 0700, e);
    if (!err)
        err = collect(&p, e);
    if (!err)
        err = settle(o, dir, e);
    if (!err)
        err = check(name, dir, e);
    if (!err)
        err = file_rename(dir, final, e);
    if (err)
        (void)!file_remove_tree(dir, NULL);
    return err;
}

/* --- a model that is there --- */

static enum err put_back(const char *path, const char *text, size_t n)
{
    return text ? file_write_atomic(path, text, n, 0600, NULL) : file_remove(path, NULL);
}

enum err model_configure(const char *dir, const struct model_pull_options *o, struct err_info *e)
{
    char path[4096], *before = NULL;
    size_t n = 0;
    struct model *m = NULL;
    if (snprintf(path, sizeof path, "%s/akin.json", dir) >= (int)sizeof path)
        return err_set(e, ERR_INVALID, "models", "the path is too long");
    enum err err = file_exists(path) ? file_read_all(path, 1u << 20, &before, &n, e) : ERR_OK;
    if (!err)
        err = settle(o, dir, e);
    if (!err && (err = model_open(dir, NULL, &m, e)))
        (void)!put_back(path, before, n);
    model_unref(m);
    free(before);
    return err;
}
