/* akin version: of akin itself; and, with a verb, the embedding versions of a collection. */
#include "main/answer.h"
#include "main/deed.h"
#include "main/input.h"
#include "main/progress.h"
#include "main/settings.h"
#include "base/clock.h"
#include <stdio.h>
#include <string.h>

#define POLL_NS 200000000

static const struct command_option options[] = {
    OPTION_COLLECTION,
    {"--precision", 0, "P", "build: auto (default), fp32, bf16 or int8"},
    {"--dimensions", 0, "N", "build: the first N dimensions of the model's vectors"},
    {"--no-wait", 0, NULL, "build: return at once, the server goes on"},
    {"--queries", 0, "FILE", "compare: a query a line, instead of some from the documents"},
    {"--judgments", 0, "FILE", "compare: lines of query TAB document TAB grade"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

/* ---- printing ---- */

static void print_side(const char *name, const json_t *side)
{
    printf("  %-10s version %-4.0f", name, number_of(side, "version"));
    if (json_object_get(side, "latency_ms_p50"))
        printf("  p50 %.2f ms", number_of(side, "latency_ms_p50"));
    printf("  vectors %.1f MB  model %.1f MB", number_of(side, "bytes") / 1e6,
           number_of(side, "model_bytes") / 1e6);
    if (json_object_get(side, "ndcg_at_10"))
        printf("  nDCG@10 %.4f", number_of(side, "ndcg_at_10"));
    putchar('\n');
}

static void print_comparison(const json_t *c)
{
    printf("  compared on %.0f queries: overlap@10 %.3f, rank-biased overlap %.3f\n",
           number_of(c, "queries"), number_of(c, "overlap_at_10"), number_of(c, "rbo"));
    print_side("active", json_object_get(c, "active"));
    print_side("candidate", json_object_get(c, "candidate"));
}

static void print_version(const json_t *v)
{
    const json_t *p = json_object_get(v, "progress"), *c = json_object_get(v, "comparison");
    printf("%-4.0f %-9s %s %s %.0f  %.0f of %.0f documents\n", number_of(v, "id"),
           text_of(v, "state"), text_of(v, "model"), text_of(v, "precision"), number_of(v, "dims"),
           number_of(p, "done"), number_of(p, "total"));
    if (*text_of(p, "error"))
        printf("  %s\n", text_of(p, "error"));
    if (c)
        print_comparison(c);
}

static void print_answer(const struct deed *d, const struct deed_verb *verb)
{
    const json_t *list = json_object_get(d->answer, "data");
    size_t i;
    json_t *v;
    if (args_has(d->a, "--json")) {
        print_json(d->answer);
    } else if (list) {
        json_array_foreach(list, i, v) print_version(v);
    } else if (d->answer) {
        print_version(d->answer);
    }
}

/* ---- asking ---- */

static enum err do_list(struct deed *d, struct err_info *e)
{
    return deed_call(d, "GET", d->path, NULL, e);
}

static enum err do_promote(struct deed *d, struct err_info *e)
{
    return deed_call(d, "POST", deed_one(d, ":promote"), NULL, e);
}

static enum err do_delete(struct deed *d, struct err_info *e)
{
    return deed_call(d, "DELETE", deed_one(d, ""), NULL, e);
}

static enum err do_rollback(struct deed *d, struct err_info *e)
{
    return deed_call(d, "POST", deed_all(d, ":rollback"), NULL, e);
}

/* Shows the progress until it is ready. One that pauses says why and is waited for. */
static enum err build_wait(struct deed *d, struct err_info *e)
{
    struct progress p;
    const char *path =
        arena_printf(session_arena(d->s), "%s/%.0f", d->path, number_of(d->answer, "id"));
    const json_t *now = json_object_get(d->answer, "progress");
    progress_start(&p, "embedding", "documents", (uint64_t)number_of(now, "total"));
    enum err err = ERR_OK;
    while (!err && strcmp(text_of(d->answer, "state"), "building") == 0) {
        progress_show(&p, (uint64_t)number_of(json_object_get(d->answer, "progress"), "done"));
        clock_sleep_ns(POLL_NS);
        err = deed_call(d, "GET", path, NULL, e);
    }
    progress_end(&p, (uint64_t)number_of(json_object_get(d->answer, "progress"), "done"));
    return err;
}

static enum err do_build(struct deed *d, struct err_info *e)
{
    int64_t dimensions;
    enum err err = args_int(d->a, "--dimensions", 1, 4096, 0, &dimensions, e);
    if (err)
        return err;
    json_t *body = json_object();
    if (d->a->word_count > 1)
        json_object_set_new(body, "model", json_string(d->a->words[1]));
    if (args_get(d->a, "--precision"))
        json_object_set_new(body, "precision", json_string(args_get(d->a, "--precision")));
    if (dimensions)
        json_object_set_new(body, "dimensions", json_integer(dimensions));
    err = deed_call(d, "POST", d->path, body, e);
    json_decref(body);
    return err || args_has(d->a, "--no-wait") ? err : build_wait(d, e);
}

static enum err queries_read(const char *path, json_t *out, struct err_info *e)
{
    struct input in;
    struct str line;
    enum err err = input_open(&in, path, e);
    if (err)
        return err;
    while (!(err = input_next(&in, &line, e)))
        if (str_trim(line).n)
            json_array_append_new(out, json_stringn(line.s, line.n));
    input_close(&in);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static json_t *judgment_read(struct str line)
{
    const char *tab = memchr(line.s, '\t', line.n), *end = line.s + line.n;
    const char *second = tab ? memchr(tab + 1, '\t', (size_t)(end - tab - 1)) : NULL;
    double grade;
    if (!second ||
        str_to_f64(str_trim((struct str){second + 1, (size_t)(end - second - 1)}), &grade))
        return NULL;
    return json_pack("{s:o,s:o,s:f}", "query", json_stringn(line.s, (size_t)(tab - line.s)),
                     "document", json_stringn(tab + 1, (size_t)(second - tab - 1)), "grade", grade);
}

static enum err judgments_of(const char *path, json_t *out, struct err_info *e)
{
    struct input in;
    struct str line;
    enum err err = input_open(&in, path, e);
    if (err)
        return err;
    while (!(err = input_next(&in, &line, e))) {
        json_t *row = judgment_read(line);
        if (!row) {
            err = err_set(e, ERR_SYNTAX, "--judgments",
                          "line %llu of %s is not query TAB document TAB grade", in.number, path);
            break;
        }
        json_array_append_new(out, row);
    }
    input_close(&in);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err do_compare(struct deed *d, struct err_info *e)
{
    json_t *body = json_object(), *queries = json_array(), *judgments = json_array();
    enum err err = ERR_OK;
    json_object_set_new(body, "queries", queries);
    json_object_set_new(body, "judgments", judgments);
    if (args_get(d->a, "--queries"))
        err = queries_read(args_get(d->a, "--queries"), queries, e);
    if (!err && args_get(d->a, "--judgments"))
        err = judgments_of(args_get(d->a, "--judgments"), judgments, e);
    if (!err)
        err = deed_call(d, "POST", deed_one(d, ":compare"), body, e);
    json_decref(body);
    return err;
}

/* ---- the command ---- */

#define ONE "the number of a version"
static const struct deed_verb verbs[] = {
    {"list", 0, 0, NULL, do_list},         {"build", 0, 1, "at most the name of a model", do_build},
    {"compare", 1, 1, ONE, do_compare},    {"promote", 1, 1, ONE, do_promote},
    {"rollback", 0, 0, NULL, do_rollback}, {"delete", 1, 1, ONE, do_delete},
};
static const struct deed_kind kind = {
    .command = &command_version,
    .things = "embedding-versions",
    .of_collection = true,
    .verbs = verbs,
    .verb_count = sizeof verbs / sizeof *verbs,
    .print = print_answer,
};

static int run(const struct args *a)
{
    if (a->word_count == 0) {
        printf(args_has(a, "--json") ? "{\"version\":\"%s\"}\n" : "akin %s\n", AKIN_VERSION);
        return 0;
    }
    return deed_run(a, &kind);
}

const struct command command_version = {
    .name = "version",
    .summary = "print the version; build, compare, switch embedding versions",
    .usage = "akin version [--json] | list | build [MODEL] | compare N | promote N | rollback | "
             "delete N",
    .text = "A collection's vectors are of one model at a time, its active embedding version. "
            "Another one is built beside it in the background, compared with it on exact search of "
            "the same queries, and promoted without a pause; rollback goes back at once.",
    .example = "  akin version build multilingual-e5-small -c news\n"
               "  akin version list -c news\n"
               "  akin version promote 2 -c news\n",
    .options = options,
    .run = run,
};
