/* Does a model give the vectors that it should? */
#include "embed/model_tokenizer.h"
#include "base/arena.h"
#include "embed/weights.h"
#include "math/dot.h"
#include "math/simd.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const sentences[] = {
    "That is a happy person",
    "That is a happy dog",
    "That is a very happy person",
    "Today is a sunny day",
};
enum { SENTENCES = sizeof sentences / sizeof *sentences };

struct expected {
    const char *model;
    float cosines[SENTENCES]; /* to the first sentence */
};
static const struct expected expected[] = {{"all-MiniLM-L6-v2", {1, .6946f, .9429f, .2569f}}};

struct check {
    struct model *model;
    struct model_run *run;
    uint32_t *ids, lengths[SENTENCES];
    size_t tokens;
    float *together, *alone; /* SENTENCES x dims each */
};

static void tokenize(struct check *c)
{
    struct tokens t;
    tokens_init(&t);
    for (size_t i = 0; i < SENTENCES; i++) {
        tokenizer_encode(model_tokenizer(c->model), str_c(sentences[i]), true, &t);
        size_t n = t.n < c->model->info.tokens_max ? t.n : c->model->info.tokens_max;
        c->ids = xrealloc(c->ids, (c->tokens + n + 1) * sizeof *c->ids);
        memcpy(c->ids + c->tokens, t.ids, n * sizeof *t.ids);
        c->lengths[i] = (uint32_t)n;
        c->tokens += n;
    }
    tokens_release(&t);
}

static enum err check_rows(const struct check *c, struct err_info *e)
{
    unsigned dims = c->model->info.dims;
    for (size_t i = 0; i < SENTENCES; i++) {
        const float *row = c->together + i * dims;
        float norm = norm_f32(row, dims), same = dot_f32(row, c->alone + i * dims, dims);
        if (!(fabsf(norm - 1) < 1e-3f))
            return err_set(e, ERR_CORRUPT, NULL, "\"%s\" gives a vector of length %g instead of 1",
                           sentences[i], (double)norm);
        if (!(same > .9999f))
            return err_set(e, ERR_CORRUPT, NULL,
                           "\"%s\" alone and in a batch has cosine %g instead of 1", sentences[i],
                           (double)same);
    }
    return ERR_OK;
}

static enum err check_known(const struct check *c, struct err_info *e)
{
    const struct model_info *info = &c->model->info;
    float near = info->precision == PRECISION_INT8 ? .015f : .005f;
    for (size_t k = 0; k < sizeof expected / sizeof *expected; k++) {
        if (strcmp(expected[k].model, info->name) != 0)
            continue;
        for (size_t i = 1; i < SENTENCES; i++) {
            float cosine = dot_f32(c->together, c->together + i * info->dims, info->dims);
            if (!(fabsf(cosine - expected[k].cosines[i]) < near))
                return err_set(e, ERR_CORRUPT, NULL,
                               "\"%s\" against \"%s\" has cosine %.4f, expected %.4f", sentences[0],
                               sentences[i], (double)cosine, (double)expected[k].cosines[i]);
        }
    }
    return ERR_OK;
}

static enum err check_run(struct check *c, struct err_info *e)
{
    unsigned dims = c->model->info.dims;
    c->run = model_run_new(c->model, 256);
    c->together = xcalloc(SENTENCES * dims, sizeof(float));
    c->alone = xcalloc(SENTENCES * dims, sizeof(float));
    tokenize(c);
    enum err err = model_embed(c->run, c->ids, c->lengths, SENTENCES, c->together, e);
    const uint32_t *ids = c->ids;
    for (size_t i = 0; i < SENTENCES && !err; ids += c->lengths[i++])
        err = model_embed(c->run, ids, &c->lengths[i], 1, c->alone + i * dims, e);
    if (!err)
        err = check_rows(c, e);
    return err ? err : check_known(c, e);
}

/* --- files --- */

static enum err check_file(struct home *h, const char *file, char sha256[65], struct err_info *e)
{
    char before[65] = "";
    const char *known = home_digest_known(h, file);
    if (known)
        snprintf(before, sizeof before, "%s", known);
    enum err err = home_digest(h, file, true, sha256, e);
    if (!err && before[0] && strcmp(before, sha256) != 0)
        err = err_set(e, ERR_CORRUPT, file,
                      "%s has another content than when it was read first, though nobody wrote to "
                      "it since: look after the disk, and get the model again",
                      file);
    return err;
}

/* Of the names that are known, the weights are too. */
static enum err check_weights_of_name(const char *dir, const char *sha256, struct err_info *e)
{
    const char *base = strrchr(dir, '/');
    const struct model_known *k = model_known_by_name(base ? base + 1 : dir);
    if (k && strcmp(k->weights_sha256, sha256) != 0)
        return err_set(e, ERR_CORRUPT, "model.safetensors",
                       "model.safetensors has SHA-256 %s; %s has %s", sha256, k->name,
                       k->weights_sha256);
    return ERR_OK;
}

static enum err check_files(const char *dir, struct home *h, struct err_info *e)
{
    static const char *const words[] = {"tokenizer.json", "vocab.txt", "tokenizer_config.json"};
    char path[4200], sha256[65], weights[65];
    struct model_config c = {0};
    enum err err = model_config_read(dir, &c, e);
    for (size_t i = 0; i < sizeof words / sizeof *words && !err; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, words[i]);
        if (file_exists(path))
            err = check_file(h, words[i], sha256, e);
    }
    if (!err)
        err = check_file(h, "model.safetensors", weights, e);
    if (!err)
        err = check_weights_of_name(dir, weights, e);
    if (!err)
        model_tokenizer_check(h);
    if (!err)
        weights_check(&(struct weights){dir, h, &c, NULL, weights});
    return err;
}

static enum err check_dir(const char *dir, const char *cache_dir, struct err_info *e)
{
    struct home h;
    if (strlen(dir) > 3900 || !file_is_dir(dir))
        return err_set(e, ERR_NOT_FOUND, "model", "there is no model directory %.300s", dir);
    home_open(&h, dir, cache_dir);
    enum err err = check_files(dir, &h, e);
    home_close(&h);
    return err;
}

enum err model_verify(const char *dir, const char *cache_dir, struct err_info *e)
{
    struct check c = {0};
    struct model_options o = {.cache_dir = cache_dir};
    enum err err = simd_setup(e);
    if (!err && strcmp(dir, "stub") != 0)
        err = check_dir(dir, cache_dir, e);
    if (!err)
        err = model_open(dir, &o, &c.model, e);
    if (!err)
        err = check_run(&c, e);
    model_run_free(c.run);
    free(c.ids);
    free(c.together);
    free(c.alone);
    model_unref(c.model);
    return err;
}
