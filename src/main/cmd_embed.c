/* akin embed, akin tokenize: the model alone, for scripts, tests and measurements. */
#include "base/clock.h"
#include "base/json.h"
#include "embed/embed.h"
#include "main/cmd_model.h"
#include "main/input.h"
#include "main/settings.h"
#include "text/tokenizer.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct command_option embed_options[] = {
    OPTION_MODEL,
    {"--format", 'f', "FORMAT", "jsonl (default: an array a line) or npy (float32)"},
    {"--precision", 0, "P", "auto (default), fp32, bf16 or int8"},
    {"--role", 0, "ROLE", "query or passage: with the model's prefix for it (default: none)"},
    {"--dimensions", 0, "N", "the first N of each vector, of length 1 again (Matryoshka models)"},
    {"--threads", 't', "N", "computing threads (default: one a core)"},
    {"--stats", 0, NULL, "ends with: texts N tokens N seconds S tokens_per_s T"},
    OPTIONS_DATA,
    {0},
};
static const struct command_option tokenize_options[] = {OPTION_MODEL, OPTIONS_DATA, {0}};

enum { CHUNK = 4096 }; /* texts embedded by one call */

struct texts {
    struct embed_text *items;
    float *vectors;
    size_t count, cap;
};

static void texts_add(struct texts *t, struct str s)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : CHUNK;
        t->items = xrealloc(t->items, t->cap * sizeof(*t->items));
    }
    t->items[t->count++] = (struct embed_text){.text = str_dup(s)};
}

static void texts_release(struct texts *t)
{
    for (size_t i = 0; i < t->count; i++)
        free((char *)t->items[i].text.s);
    free(t->items);
    free(t->vectors);
}

static enum err read_texts(const char *path, struct texts *t, struct err_info *e)
{
    struct input in;
    struct str line;
    enum err rc = input_open(&in, path, e);
    while (rc == ERR_OK && (rc = input_next(&in, &line, e)) == ERR_OK)
        texts_add(t, line);
    input_close(&in);
    return rc == ERR_NOT_FOUND && in.file ? ERR_OK : rc;
}

/* NPY 1.0: magic, version, header length, a Python dict padded to 64 bytes, the rows. */
static void write_npy(const float *rows, size_t count, unsigned dims)
{
    char header[128];
    int n = snprintf(header, sizeof(header),
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %u), }", count, dims);
    memset(header + n, ' ', (size_t)(117 - n));
    header[117] = '\n';
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, stdout);
    fwrite(header, 1, 118, stdout);
    fwrite(rows, sizeof(float) * dims, count, stdout);
}

static void write_jsonl(const float *rows, size_t count, unsigned dims)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 0);
    for (size_t i = 0; i < count; i++) {
        strbuf_clear(&b);
        json_writer_init(&w, &b);
        json_array_begin(&w);
        for (unsigned d = 0; d < dims; d++)
            json_put_float(&w, rows[i * dims + d]);
        json_array_end(&w);
        strbuf_add_char(&b, '\n');
        fwrite(b.buf, 1, b.n, stdout);
    }
    strbuf_release(&b);
}

static enum err role_parse(const char *s, enum embed_role *out, struct err_info *e)
{
    static const char *const names[ROLE_COUNT] = {"none", "query", "passage"};
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (!s || strcmp(s, names[i]) == 0) {
            *out = (enum embed_role)i;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID, "--role", "--role \"%.40s\" is none of query, passage, none", s);
}

static enum err embed_all(struct embedder *x, struct model *m, enum embed_role role,
                          struct texts *t, struct err_info *e)
{
    struct err_info info = {0};
    unsigned dims = model_info(m)->dims;
    t->vectors = xmalloc((t->count * dims + 1) * sizeof(float));
    for (size_t i = 0; i < t->count; i++)
        t->items[i].out = t->vectors + i * dims;
    enum err rc = embedder_embed(x, m, role, LANE_BULK, t->items, t->count, 0, &info);
    if (rc == ERR_TOO_LARGE && info.field[0] == '/') {
        size_t line = strtoull(info.field + 1, NULL, 10) + 1;
        return err_set(e, rc, NULL, "line %zu: %s", line, info.message);
    }
    return rc == ERR_OK ? rc : err_set(e, rc, info.field, "%s", info.message);
}

static void print_stats(const struct texts *t, int64_t ns)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < t->count; i++)
        tokens += t->items[i].tokens;
    double s = (double)ns / 1e9;
    fprintf(stderr, "texts %zu tokens %" PRIu64 " seconds %.3f tokens_per_s %.0f\n", t->count,
            tokens, s, s > 0 ? (double)tokens / s : 0);
}

static enum err settings_of(const struct args *a, struct config **out, struct err_info *e)
{
    enum err rc = settings_load(a, out, e);
    if (rc == ERR_OK)
        settings_log(*out, true);
    return rc;
}

static enum err open_local(const struct config *c, const struct args *a, struct model **out,
                           struct err_info *e)
{
    struct strbuf dir;
    char cache[MODEL_CACHE_BYTES];
    struct model_options mo = {.cache_dir = model_cache_dir(c, cache)};
    int64_t dimensions = 0;
    const char *precision = args_get(a, "--precision");
    strbuf_init(&dir, 0);
    enum err rc = precision_parse(str_c(precision ? precision : config_str(c, "embed.precision")),
                                  &mo.precision, e);
    if (rc == ERR_OK)
        rc = args_int(a, "--dimensions", 1, 65536, 0, &dimensions, e);
    mo.dimensions = (unsigned)dimensions;
    if (rc == ERR_OK)
        rc = settings_model_dir(c, config_str(c, "embed.model"), &dir, e);
    if (rc == ERR_OK)
        rc = model_open(dir.buf, &mo, out, e);
    strbuf_release(&dir);
    return rc;
}

static enum err open_model(const struct args *a, struct model **out, struct err_info *e)
{
    struct config *c = NULL;
    struct remote_options ro;
    enum err rc = settings_of(a, &c, e);
    if (rc == ERR_OK && !settings_provider(c))
        rc = open_local(c, a, out, e);
    else if (rc == ERR_OK && (rc = settings_remote(c, &ro, e)) == ERR_OK)
        rc = model_open_remote(&ro, out, e);
    config_free(c);
    return rc;
}

/* No weights are read for it. */
static enum err open_tokenizer(const struct args *a, struct tokenizer **out, struct err_info *e)
{
    struct config *c = NULL;
    struct strbuf dir;
    strbuf_init(&dir, 0);
    enum err rc = settings_of(a, &c, e);
    if (rc == ERR_OK && settings_provider(c))
        rc = err_set(e, ERR_UNSUPPORTED, "embed.provider",
                     "the tokens of a model that is elsewhere are not known here");
    if (rc == ERR_OK)
        rc = settings_model_dir(c, config_str(c, "embed.model"), &dir, e);
    if (rc == ERR_OK && strcmp(dir.buf, "stub") == 0)
        *out = tokenizer_stub();
    else if (rc == ERR_OK)
        rc = tokenizer_open(dir.buf, out, e);
    strbuf_release(&dir);
    config_free(c);
    return rc;
}

static int run_embed(const struct args *a)
{
    struct err_info e = {0};
    struct model *m = NULL;
    struct texts t = {0};
    int64_t threads;
    enum embed_role role = ROLE_NONE;
    const char *format = args_get(a, "--format") ? args_get(a, "--format") : "jsonl";
    if (a->word_count > 1 || (strcmp(format, "npy") && strcmp(format, "jsonl")))
        return command_wrong(&command_embed,
                             "wants one file or standard input, and --format jsonl or npy");
    enum err rc = args_int(a, "--threads", 1, 256, 0, &threads, &e);
    if (rc == ERR_OK)
        rc = role_parse(args_get(a, "--role"), &role, &e);
    if (rc == ERR_OK)
        rc = open_model(a, &m, &e);
    if (rc == ERR_OK)
        rc = read_texts(a->word_count ? a->words[0] : NULL, &t, &e);
    if (rc == ERR_OK) {
        struct embedder_options o = {.threads = (unsigned)threads,
                                     .queue_tokens_max = SIZE_MAX / 2};
        struct embedder *x = embedder_new(&o);
        int64_t started = clock_mono_ns();
        rc = embed_all(x, m, role, &t, &e);
        if (rc == ERR_OK) {
            int64_t ns = clock_mono_ns() - started;
            (strcmp(format, "npy") == 0 ? write_npy : write_jsonl)(t.vectors, t.count,
                                                                   model_info(m)->dims);
            if (args_has(a, "--stats"))
                print_stats(&t, ns);
        }
        embedder_free(x);
    }
    texts_release(&t);
    model_unref(m);
    return rc == ERR_OK ? 0 : command_fail(&e, 1);
}

static int run_tokenize(const struct args *a)
{
    struct err_info e = {0};
    struct tokenizer *t = NULL;
    struct input in = {0};
    struct str line;
    struct tokens tokens;
    struct strbuf b;
    struct json_writer w;
    tokens_init(&tokens);
    strbuf_init(&b, 0);
    enum err rc = open_tokenizer(a, &t, &e);
    if (rc == ERR_OK)
        rc = input_open(&in, a->word_count ? a->words[0] : NULL, &e);
    while (rc == ERR_OK && (rc = input_next(&in, &line, &e)) == ERR_OK) {
        tokenizer_encode(t, line, true, &tokens);
        strbuf_clear(&b);
        json_writer_init(&w, &b);
        json_array_begin(&w);
        for (size_t i = 0; i < tokens.n; i++)
            json_put_int(&w, tokens.ids[i]);
        json_array_end(&w);
        strbuf_add_char(&b, '\n');
        fwrite(b.buf, 1, b.n, stdout);
    }
    bool ended = rc == ERR_NOT_FOUND && in.file;
    input_close(&in);
    strbuf_release(&b);
    tokens_release(&tokens);
    tokenizer_free(t);
    return ended ? 0 : command_fail(&e, 1);
}

const struct command command_embed = {
    .name = "embed",
    .summary = "texts, a line each, to vectors",
    .usage = "akin embed [options] [FILE]",
    .text = "A text that is longer than the model reads is an error that names its line; the "
            "server splits long texts itself.",
    .example = "  echo \"That is a happy person\" | akin embed\n"
               "  akin embed --format npy --stats texts.txt > vectors.npy\n",
    .options = embed_options,
    .run = run_embed,
};
const struct command command_tokenize = {
    .name = "tokenize",
    .summary = "texts, a line each, to the model's token ids",
    .usage = "akin tokenize [options] [FILE]",
    .example = "  echo \"That is a happy person\" | akin tokenize\n",
    .options = tokenize_options,
    .run = run_tokenize,
};
