/* akin export: a collection as lines that `akin add` takes. An answer that is cut is gone on with
 * behind its last whole line; a file has its name only when it is whole. */
#include "base/clock.h"
#include "base/file.h"
#include "main/progress.h"
#include "main/session.h"
#include "main/settings.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct command_option options[] = {
    OPTION_COLLECTION,
    {"--filter", 'f', "FILTER", "only what passes, as in: 'lang = \"en\" AND year >= 2020'"},
    {"--field", 0, "FIELD",
     "only this part beside the id (title, attributes.year); may be repeated"},
    {"--after", 0, "ID", "only documents behind this id, bytewise"},
    {"--quiet", 'q', NULL, "no progress"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

enum { TRIES = 5 }; /* without a line between them */
#define PAUSE_NS 1000000000LL

struct export
{
    const struct args *a;
    struct session *s;
    const char *collection, *name, *part; /* name NULL: standard output */
    struct file *file;
    struct progress progress;
    struct strbuf buffer, last; /* not yet written; the last line */
    struct str position;        /* of the first answer */
    uint64_t documents, bytes;
    enum err err; /* of writing */
    struct err_info info;
};

/* ---- writing ---- */

static enum err flush(struct export *x)
{
    struct str text = strbuf_str(&x->buffer);
    if (x->err || !text.n)
        return x->err;
    if (x->file)
        x->err = file_write(x->file, text.s, text.n, &x->info);
    else if (fwrite(text.s, 1, text.n, stdout) != text.n || fflush(stdout))
        x->err = err_set(&x->info, ERR_IO, NULL, "standard output takes no more");
    strbuf_clear(&x->buffer);
    return x->err;
}

static bool take(void *ctx, struct str line)
{
    struct export *x = ctx;
    strbuf_add_str(&x->buffer, line);
    strbuf_add_char(&x->buffer, '\n');
    strbuf_clear(&x->last);
    strbuf_add_str(&x->last, line);
    x->documents++;
    x->bytes += line.n + 1;
    progress_show(&x->progress, x->documents);
    return x->buffer.n < 256u << 10 || !flush(x);
}

/* ---- asking ---- */

/* The id stands first, under whatever name. */
static const char *last_id(struct export *x)
{
    json_t *row = NULL;
    if (!x->last.n)
        return args_get(x->a, "--after");
    if (json_parse(strbuf_str(&x->last), &row, NULL))
        return NULL;
    const char *id = json_string_value(json_object_iter_value(json_object_iter(row)));
    id = id ? arena_strdup(session_arena(x->s), id) : NULL;
    json_decref(row);
    return id;
}

static const char *path_of(struct export *x)
{
    struct strbuf b;
    const char *const *fields, *filter = args_get(x->a, "--filter"), *after = last_id(x);
    unsigned n = args_all(x->a, "--field", &fields);
    strbuf_init(&b, 0);
    strbuf_printf(&b, "/v1/collections/%s/documents:export?", x->collection);
    if (filter)
        strbuf_printf(&b, "filter=%s&", session_encode(x->s, str_c(filter)));
    for (unsigned i = 0; i < n; i++)
        strbuf_printf(&b, "fields=%s&", session_encode(x->s, str_c(fields[i])));
    if (after)
        strbuf_printf(&b, "after=%s&", session_encode(x->s, str_c(after)));
    b.buf[--b.n] = 0; /* the last & or ? */
    const char *path = arena_strdup(session_arena(x->s), b.buf);
    strbuf_release(&b);
    return path;
}

static enum err lines_get(struct export *x, struct err_info *e)
{
    for (int tries = 0;; tries++) {
        struct str position;
        uint64_t before = x->documents;
        enum err err = session_lines(x->s, path_of(x), take, x, &position, e);
        if (!x->position.n)
            x->position = position;
        if (x->err || flush(x))
            return err_set(e, x->err, x->info.field, "%s", x->info.message);
        tries = x->documents > before ? 0 : tries;
        if (err != ERR_UNAVAILABLE || !x->position.n || tries + 1 == TRIES)
            return err;
        clock_sleep_ns(PAUSE_NS);
    }
}

/* ---- the whole ---- */

static enum err file_begin(struct export *x, struct err_info *e)
{
    if (!x->name)
        return ERR_OK;
    x->part = arena_printf(session_arena(x->s), "%s.part", x->name);
    return file_open(x->part, FILE_CREATE, &x->file, e);
}

static enum err file_end(struct export *x, enum err err, struct err_info *e)
{
    if (!x->file)
        return err;
    if (!err)
        err = file_sync(x->file, e);
    file_close(x->file);
    if (!err)
        return file_rename(x->part, x->name, e);
    (void)!file_remove(x->part, NULL);
    return err;
}

static void summary(const struct export *x)
{
    FILE *f = x->name ? stdout : stderr;
    struct str at = x->position;
    if (args_has(x->a, "--json"))
        fprintf(f, "{\"documents\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"position\":\"%.*s\"}\n",
                x->documents, x->bytes, STR_ARG(at));
    else
        fprintf(f, "%" PRIu64 " documents, %" PRIu64 " bytes, position %.*s\n", x->documents,
                x->bytes, STR_ARG(at));
}

static enum err export_all(struct export *x, struct err_info *e)
{
    enum err err = session_collection(x->s, x->a, &x->collection, e);
    if (!err)
        err = file_begin(x, e);
    if (err)
        return err;
    progress_start(&x->progress, "exporting", "documents", 0);
    x->progress.quiet = args_has(x->a, "--quiet");
    err = lines_get(x, e);
    progress_end(&x->progress, x->documents);
    return file_end(x, err, e);
}

static int run(const struct args *a)
{
    struct err_info e = {0};
    struct export x = {.a = a};
    if (a->word_count > 1)
        return command_wrong(&command_export, "wants one file to write, or none");
    if (a->word_count && strcmp(a->words[0], "-") != 0)
        x.name = a->words[0];
    if (x.name && file_exists(x.name))
        return command_wrong(&command_export, "%s exists already; name a new file", x.name);
    strbuf_init(&x.buffer, 0);
    strbuf_init(&x.last, 0);
    enum err err = session_open(a, &x.s, &e);
    if (!err)
        err = export_all(&x, &e);
    if (!err)
        summary(&x);
    strbuf_release(&x.buffer);
    strbuf_release(&x.last);
    session_close(x.s);
    return err ? command_fail(&e, 1) : 0;
}

const struct command command_export = {
    .name = "export",
    .summary = "the documents of a collection, one JSON object a line",
    .usage = "akin export [options] [FILE]",
    .text =
        "To a file, or to standard output. What is written is what `akin add` takes: into a "
        "collection of the same settings it gives the same documents. An answer that breaks off "
        "is gone on with; a file is there only when it is whole. The position that is told at "
        "the end is that of the beginning: changes behind it may be in what was written or not.",
    .example = "  akin export -c news news.jsonl\n"
               "  akin export -c news --filter 'lang = \"en\"' | gzip > english.jsonl.gz\n"
               "  akin add -c copy news.jsonl\n",
    .options = options,
    .run = run,
};
