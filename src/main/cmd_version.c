/* akin version: of akin itself; and, with a verb, the embedding versions of a collection. */
#include "main/input.h"
#include "main/progress.h"
#include "main/session.h"
#include "main/settings.h"
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>
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

struct deed {
    const struct args *a;
    struct session *s;
    const char *path; /* of the collection's versions */
    json_t *answer;
};

/* ---- printing ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

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

static void print_answer(const struct deed *d)
{
    const json_t *list = json_object_get(d->answer, "data");
    size_t i;
    json_t *v;
    if (args_has(d->a, "--json")) {
        json_dumpf(d->answer, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (list) {
        json_array_foreach(list, i, v) print_version(v);
    } else if (d->answer) {
        print_version(d->answer);
    }
}

/* ---- asking ---- */

static enum err call(struct deed *d, const char *method, const char *path, const json_t *body,
                     struct err_info *e)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct str payload = text ? str_c(text) : STR("");
    json_decref(d->answer);
    d->answer = NULL;
    enum err err = body && !text
                       ? err_set(e, ERR_SYNTAX, NULL, "the arguments are not UTF-8 text")
                       : session_call(d->s, method, path, body ? "application/json" : NULL,
                                      body ? &payload : NULL, &d->answer, e);
    free(text);
    return err;
}

static const char *version_path(struct deed *d, const char *verb)
{
    return arena_printf(session_arena(d->s), "%s/%s%s", d->path,
                        session_encode(d->s, str_c(d->a->words[1])), verb);
}

static enum err do_list(struct deed *d, struct err_info *e)
{
    return call(d, "GET", d->path, NULL, e);
}

static enum err do_promote(struct deed *d, struct err_info *e)
{
    return call(d, "POST", version_path(d, ":promote"), NULL, e);
}

static enum err do_delete(struct deed *d, struct err_info *e)
{
    return call(d, "DELETE", version_path(d, ""), NULL, e);
}

static enum err do_rollback(struct deed *d, struct err_info *e)
{
    return call(d, "POST", arena_printf(session_arena(d->s), "%s:rollback", d->path), NULL, e);
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
        err = call(d, "GET", path, NULL, e);
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
    err = call(d, "POST", d->path, body, e);
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
        err = call(d, "POST", version_path(d, ":compare"), body, e);
    json_decref(body);
    return err;
}

/* ---- the command ---- */

static const struct verb {
    const char *name;
    unsigned words_min, words_max; /* behind the verb */
    enum err (*run)(struct deed *d, struct err_info *e);
} verbs[] = {
    {"list", 0, 0, do_list},       {"build", 0, 1, do_build},       {"compare", 1, 1, do_compare},
    {"promote", 1, 1, do_promote}, {"rollback", 0, 0, do_rollback}, {"delete", 1, 1, do_delete},
};

static int run_verb(const struct args *a, const struct verb *v)
{
    struct err_info e = {0};
    struct deed d = {.a = a};
    const char *collection;
    enum err err = session_open(a, &d.s, &e);
    if (!err)
        err = session_collection(d.s, a, &collection, &e);
    if (!err) {
        d.path =
            arena_printf(session_arena(d.s), "/v1/collections/%s/embedding-versions", collection);
        err = v->run(&d, &e);
    }
    if (!err)
        print_answer(&d);
    json_decref(d.answer);
    session_close(d.s);
    return err ? command_fail(&e, 1) : 0;
}

static int run(const struct args *a)
{
    if (a->word_count == 0) {
        printf(args_has(a, "--json") ? "{\"version\":\"%s\"}\n" : "akin %s\n", AKIN_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        unsigned words = a->word_count - 1;
        if (strcmp(a->words[0], verbs[i].name) != 0)
            continue;
        if (words < verbs[i].words_min || words > verbs[i].words_max)
            return command_wrong(&command_version, "%s wants %s", verbs[i].name,
                                 verbs[i].words_max == 0   ? "nothing more"
                                 : verbs[i].words_min == 0 ? "at most the name of a model"
                                                           : "the number of a version");
        return run_verb(a, &verbs[i]);
    }
    return command_wrong(&command_version, "has no \"%s\"", a->words[0]);
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
