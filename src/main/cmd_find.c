/* akin search, similar, recommend: one request, printed for people or as the JSON that came. */
#include "main/session.h"
#include "main/settings.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_FIND                                                                               \
    OPTION_COLLECTION, {"--limit", 'n', "N", "hits (default 10, at most 1000)"},                   \
        {"--filter", 'f', "FILTER", "as in: 'lang = \"en\" AND year >= 2020'"}, OPTION_JSON,       \
        OPTIONS_SESSION

static const struct command_option search_options[] = {
    OPTIONS_FIND,
    {"--mode", 0, "MODE", "hybrid (default), semantic or lexical"},
    {"--min-score", 0, "X", "leave out what scores less"},
    {"--explain", 0, NULL, "with --json: the parts of each score"},
    {0},
};
static const struct command_option similar_options[] = {
    OPTIONS_FIND,
    {"--text", 0, NULL, "the argument is a text, not a document's id"},
    {"--diversity", 0, "X", "0 (default) to 1: fewer hits that resemble each other"},
    {0},
};
static const struct command_option recommend_options[] = {
    OPTIONS_FIND,
    {"--like", 0, "ID", "a document as positive example; may be repeated"},
    {"--dislike", 0, "ID", "a negative example; may be repeated"},
    {"--diversity", 0, "X", "0 (default) to 1: fewer hits that resemble each other"},
    {"--explain", 0, NULL, "which examples a recommendation comes from"},
    {0},
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

/* One line of a passage: white space folded, cut at `columns` characters. */
static void print_line(const char *s, unsigned columns)
{
    bool blank = false;
    unsigned n = 0;
    for (; *s && n < columns; s++) {
        if (*s == ' ' || *s == '\n' || *s == '\t' || *s == '\r') {
            blank = n > 0;
            continue;
        }
        if ((*s & 0xC0) != 0x80)
            n += 1 + blank;
        if (blank)
            putchar(' ');
        blank = false;
        putchar((unsigned char)*s < 32 ? '?' : *s); /* no control characters to the terminal */
    }
    while ((*s & 0xC0) == 0x80)
        putchar(*s++);
    printf("%s\n", *s ? " ..." : "");
}

static void print_hit(size_t place, const json_t *hit)
{
    bool color = isatty(STDOUT_FILENO);
    const json_t *document = json_object_get(hit, "document");
    const char *title = text_of(document, "title");
    const char *passage = text_of(json_object_get(hit, "passage"), "text");
    printf("%3zu  %.3f  %s%s%s%s", place, json_number_value(json_object_get(hit, "score")),
           color ? "\x1b[1m" : "", text_of(hit, "id"), color ? "\x1b[0m" : "",
           *title ? "  " : "\n");
    if (*title)
        print_line(title, 90);
    if (!*passage)
        passage = text_of(document, "text");
    if (*passage) {
        printf("            ");
        print_line(passage, 100);
    }
}

static void print_shares(const json_t *hit)
{
    size_t i;
    json_t *part;
    json_array_foreach(json_object_get(hit, "explanation"), i, part)
        printf("%s%s %.0f %%%s", i ? ", " : "            since: ", text_of(part, "document"),
               100 * json_number_value(json_object_get(part, "share")),
               i + 1 == json_array_size(json_object_get(hit, "explanation")) ? "\n" : "");
}

static void print_answer(const json_t *answer, const struct args *a)
{
    const json_t *hits = json_object_get(answer, "data");
    size_t i;
    json_t *hit;
    if (args_has(a, "--json")) {
        json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
        putchar('\n');
        return;
    }
    json_array_foreach(hits, i, hit)
    {
        print_hit(i + 1, hit);
        print_shares(hit);
    }
    if (!json_array_size(hits))
        printf("nothing found\n");
}

static enum err put_number(json_t *body, const struct args *a, const char *option, const char *key,
                           struct err_info *e)
{
    double x;
    const char *value = args_get(a, option);
    if (!value)
        return ERR_OK;
    if (str_to_f64(str_c(value), &x) != ERR_OK)
        return err_set(e, ERR_INVALID, option, "%s takes a number, not \"%s\"", option, value);
    json_object_set_new(body, key, json_real(x));
    return ERR_OK;
}

static enum err put_shared(json_t *body, const struct args *a, struct err_info *e)
{
    int64_t limit;
    enum err rc = args_int(a, "--limit", 0, 1000, 10, &limit, e);
    json_object_set_new(body, "limit", json_integer(limit));
    if (args_get(a, "--filter"))
        json_object_set_new(body, "filter", json_string(args_get(a, "--filter")));
    return rc;
}

/* Posts `body` (taken over) to the collection's `verb` and prints what comes. */
static int ask(const struct args *a, const char *verb, json_t *body, struct err_info *e)
{
    struct session *s = NULL;
    json_t *answer = NULL;
    const char *collection;
    char *text = json_dumps(body, JSON_COMPACT);
    enum err rc = text ? session_open(a, &s, e)
                       : err_set(e, ERR_SYNTAX, NULL, "the arguments are not UTF-8 text");
    if (rc == ERR_OK)
        rc = session_collection(s, a, &collection, e);
    if (rc == ERR_OK) {
        struct str payload = str_c(text);
        rc = session_call(s, "POST",
                          arena_printf(session_arena(s), "/v1/collections/%s/%s", collection, verb),
                          "application/json", &payload, &answer, e);
    }
    if (rc == ERR_OK)
        print_answer(answer, a);
    json_decref(answer);
    json_decref(body);
    free(text);
    session_close(s);
    return rc == ERR_OK ? 0 : command_fail(e, 1);
}

static char *joined(const struct args *a)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    for (unsigned i = 0; i < a->word_count; i++)
        strbuf_printf(&b, "%s%s", i ? " " : "", a->words[i]);
    return strbuf_detach(&b, NULL);
}

static int run_search(const struct args *a)
{
    struct err_info e = {0};
    if (!a->word_count)
        return command_wrong(&command_search, "wants a query");
    json_t *body = json_object();
    char *q = joined(a);
    json_object_set_new(body, "q", json_string(q));
    free(q);
    if (args_get(a, "--mode"))
        json_object_set_new(body, "mode", json_string(args_get(a, "--mode")));
    if (args_has(a, "--explain"))
        json_object_set_new(body, "explain", json_true());
    if (put_shared(body, a, &e) != ERR_OK ||
        put_number(body, a, "--min-score", "min_score", &e) != ERR_OK) {
        json_decref(body);
        return command_fail(&e, 2);
    }
    return ask(a, "search", body, &e);
}

static int run_similar(const struct args *a)
{
    struct err_info e = {0};
    if (!a->word_count)
        return command_wrong(&command_similar, "wants a document's id, or a text with --text");
    json_t *body = json_object();
    char *word = joined(a);
    json_object_set_new(body, args_has(a, "--text") ? "text" : "id", json_string(word));
    free(word);
    if (put_shared(body, a, &e) != ERR_OK ||
        put_number(body, a, "--diversity", "diversity", &e) != ERR_OK) {
        json_decref(body);
        return command_fail(&e, 2);
    }
    return ask(a, "similar", body, &e);
}

static void put_list(json_t *body, const struct args *a, const char *option, const char *key)
{
    const char *const *values;
    unsigned count = args_all(a, option, &values);
    if (!count)
        return;
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_string(values[i]));
    json_object_set_new(body, key, list);
}

static int run_recommend(const struct args *a)
{
    struct err_info e = {0};
    if (a->word_count > 1 ||
        (!a->word_count && !args_has(a, "--like") && !args_has(a, "--dislike")))
        return command_wrong(&command_recommend, "wants a user, or examples with --like");
    json_t *body = json_object();
    if (a->word_count)
        json_object_set_new(body, "user", json_string(a->words[0]));
    put_list(body, a, "--like", "positive");
    put_list(body, a, "--dislike", "negative");
    if (args_has(a, "--explain"))
        json_object_set_new(body, "explain", json_true());
    if (put_shared(body, a, &e) != ERR_OK ||
        put_number(body, a, "--diversity", "diversity", &e) != ERR_OK) {
        json_decref(body);
        return command_fail(&e, 2);
    }
    return ask(a, "recommend", body, &e);
}

const struct command command_search = {
    .name = "search",
    .summary = "documents that match a query, by words and by meaning",
    .usage = "akin search [options] QUERY...",
    .text = "Works beside a running server (its address is in the data directory) and without one.",
    .example = "  akin search -c debian \"tool to edit photos\"\n"
               "  akin search -c debian --mode semantic -n 3 --json \"reads mail\"\n",
    .options = search_options,
    .run = run_search,
};
const struct command command_similar = {
    .name = "similar",
    .summary = "documents like one of yours, or like a text",
    .usage = "akin similar [options] ID | --text TEXT...",
    .example = "  akin similar -c debian gimp\n"
               "  akin similar -c debian --text \"a small web server written in C\"\n",
    .options = similar_options,
    .run = run_similar,
};
const struct command command_recommend = {
    .name = "recommend",
    .summary = "what a reader should see next",
    .usage = "akin recommend [options] [USER]",
    .example =
        "  akin recommend -c debian anna\n"
        "  akin recommend -c debian --like gimp --like inkscape --dislike blender --explain\n",
    .options = recommend_options,
    .run = run_recommend,
};
