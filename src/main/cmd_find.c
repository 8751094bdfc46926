/* akin search, similar, recommend: one request, printed for people or as the JSON that came. */
#include "main/answer.h"
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
    {"--match", 0, "WORDS", "any (default) of the words, or all"},
    {"--prefix", 0, NULL, "the last word may go on: it is being typed"},
    {"--exact", 0, NULL, "compare all vectors: slower, and nothing is missed"},
    {"--min-score", 0, "X", "leave out what scores less"},
    {"--sort", 0, "KEYS", "an order of its own, as in: year:desc,name"},
    {"--facet", 0, "FIELD", "count the values of this field too; may be repeated"},
    {"--user", 0, "ID", "what is like this reader's own ranks higher"},
    {"--explain", 0, NULL, "with --json: the parts of each score"},
    {0},
};
static const struct command_option similar_options[] = {
    OPTIONS_FIND,
    {"--text", 0, NULL, "the argument is a text, not a document's id"},
    {"--diversity", 0, "X", "0 (default) to 1: fewer hits that resemble each other"},
    {"--by", 0, "WHAT",
     "text, readers (who read this read that) or both; both by itself once a recommender is "
     "active"},
    {0},
};
static const struct command_option recommend_options[] = {
    OPTION_COLLECTION,
    {"--limit", 'n', "N", "recommendations (default 10, at most 200)"},
    {"--filter", 'f', "FILTER", "as in: 'lang = \"en\" AND year >= 2020'"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {"--like", 0, "ID", "a document as positive example; may be repeated"},
    {"--dislike", 0, "ID", "a negative example; may be repeated"},
    {"--session", 0, "ID", "a document that is being read now, the newest last; may be repeated"},
    {"--text", 0, "TEXT", "what is wanted, in words"},
    {"--exclude", 0, "ID", "a document that is not wanted; may be repeated"},
    {"--seen", 0, NULL, "what the user had to do with may be shown again"},
    {"--pin", 0, "ID:POSITION", "a document at a position, from 0; may be repeated"},
    {"--cap", 0, "FIELD:N", "at most N of each value of a field; may be repeated"},
    {"--boost", 0, "FACTOR:FILTER",
     "score times the factor where the filter fits, as in 1.5:'tags = soup'; may be repeated"},
    {"--half-life", 0, "DAYS", "after so many days a document counts half"},
    {"--fatigue", 0, "X", "0 (default) to 1: what was shown and not taken sinks"},
    {"--diversity", 0, "X", "0 (default) to 1: fewer hits that resemble each other; try 0.5"},
    {"--explore", 0, "X", "0 (default) to 1: this share of the slots is drawn from the 50 best"},
    {"--min-relevance", 0, "X", "leave out what is less relevant"},
    {"--blend", 0, "EXPRESSION", "how sources are blended, as in 'model + 0.3 * trending'"},
    {"--no-ranker", 0, NULL, "in the order of relevance, even if a ranker was trained"},
    {"--scenario", 0, "NAME", "where it is shown, for the log"},
    {"--explain", 0, NULL, "which documents a recommendation comes from, and what rules did to it"},
    {0},
};

/* ---- for people ---- */

#define LINE_CHARS 200 /* of what is shown of a text */

static bool colored(void)
{
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

/* Is byte `at` inside the next of the ranges? */
static bool is_marked(const json_t *ranges, size_t *next, size_t at)
{
    const json_t *r;
    while ((r = json_array_get(ranges, *next)) &&
           at >= (size_t)json_integer_value(json_object_get(r, "end")))
        ++*next;
    return r && at >= (size_t)json_integer_value(json_object_get(r, "start"));
}

static void mark_set(bool *on, bool wanted)
{
    if (*on != wanted)
        fputs(wanted ? "\x1b[1;33m" : "\x1b[0m", stdout);
    *on = wanted;
}

/* A text on one line: white space folded, no control characters to the terminal, cut at `columns`
 * characters; on a terminal the ranges (bytes of the text) stand out. */
static void print_line(const char *s, const json_t *ranges, unsigned columns)
{
    bool blank = false, color = colored(), on = false;
    unsigned n = 0;
    size_t at = 0, next = 0;
    for (; s[at] && (n < columns || (s[at] & 0xC0) == 0x80); at++) {
        unsigned char c = (unsigned char)s[at];
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            blank = n > 0;
            mark_set(&on, on && is_marked(ranges, &next, at));
            continue;
        }
        bool begins = (c & 0xC0) != 0x80;
        if (begins)
            n += 1 + blank;
        if (color && begins && !is_marked(ranges, &next, at))
            mark_set(&on, false);
        if (blank)
            putchar(' ');
        blank = false;
        if (color && begins && is_marked(ranges, &next, at))
            mark_set(&on, true);
        putchar(c < 32 || c == 127 ? '?' : c);
    }
    mark_set(&on, false);
    printf("%s\n", s[at] ? " ..." : "");
}

static void print_hit(size_t place, const json_t *hit)
{
    bool color = colored();
    const json_t *document = json_object_get(hit, "document");
    const json_t *shown = json_object_get(hit, "snippet");
    const char *title = text_of(document, "title"), *text;
    if (!json_is_object(shown))
        shown = json_object_get(hit, "passage");
    printf("%3zu  %.3f  %s%s%s%s", place, json_number_value(json_object_get(hit, "score")),
           color ? "\x1b[1m" : "", text_of(hit, "id"), color ? "\x1b[0m" : "",
           *title ? "  " : "\n");
    if (*title)
        print_line(title, json_object_get(hit, "title_highlights"), 90);
    text = text_of(shown, "text");
    if (!*text)
        text = text_of(document, "text");
    if (*text) {
        printf("            ");
        print_line(text, json_object_get(shown, "highlights"), LINE_CHARS);
    }
}

static void print_facets(const json_t *facets)
{
    const char *field;
    json_t *values, *v;
    size_t i;
    json_object_foreach((json_t *)facets, field, values)
    {
        printf("%s:", field);
        json_array_foreach(values, i, v)
        {
            const json_t *value = json_object_get(v, "value");
            char *text =
                json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
            printf("%s %s (%" JSON_INTEGER_FORMAT ")", i ? "," : "",
                   text ? text : json_string_value(value),
                   json_integer_value(json_object_get(v, "count")));
            free(text);
        }
        putchar('\n');
    }
}

/* "because of soup 61 %, bread 22 %" */
static void print_shares(const json_t *hit)
{
    size_t i, n = json_array_size(json_object_get(hit, "explanation"));
    json_t *part;
    json_array_foreach(json_object_get(hit, "explanation"), i, part)
        printf("%s%s %.0f %%%s", i ? ", " : "            because of ", text_of(part, "document"),
               100 * number_of(part, "share"), i + 1 == n ? "\n" : "");
}

/* "model; boost x 1.5, freshness x 0.9; like what stands before it: 0.42" */
static void print_adjustments(const json_t *hit)
{
    static const char *const names[] = {"boost", "freshness", "fatigue"};
    const json_t *all = json_object_get(hit, "adjustments");
    if (!all)
        return;
    printf("            %s %.3f", text_of(hit, "source"), number_of(hit, "relevance"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (number_of(all, names[i]) != 1)
            printf(", %s x %.3g", names[i], number_of(all, names[i]));
    if (number_of(all, "alike") != 0)
        printf(", like what stands before it: %.2f", number_of(all, "alike"));
    putchar('\n');
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
        print_adjustments(hit);
        print_shares(hit);
    }
    if (!json_array_size(hits) && *text_of(answer, "emptied_by"))
        printf("nothing left by: %s\n", text_of(answer, "emptied_by"));
    else if (!json_array_size(hits))
        printf("nothing found\n");
    print_facets(json_object_get(answer, "facets"));
}

/* What is not UTF-8 becomes null, which the server refuses with the field's name. */
static json_t *text_or_null(const char *s)
{
    json_t *v = json_string(s);
    return v ? v : json_null();
}

static void put_list(json_t *body, const struct args *a, const char *option, const char *key)
{
    const char *const *values;
    unsigned count = args_all(a, option, &values);
    if (!count)
        return;
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, text_or_null(values[i]));
    json_object_set_new(body, key, list);
}

static void put_text(json_t *body, const struct args *a, const char *option, const char *key)
{
    if (args_get(a, option))
        json_object_set_new(body, key, text_or_null(args_get(a, option)));
}

static void put_flag(json_t *body, const struct args *a, const char *option, const char *key)
{
    if (args_has(a, option))
        json_object_set_new(body, key, json_true());
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

/* "a:b" as {first: a, second: b}, divided at the last colon or the first; one of them a number. */
static enum err pair_put(json_t *list, const char *option, const char *value, const char *text_key,
                         const char *number_key, bool number_first, struct err_info *e)
{
    double x;
    const char *colon = number_first ? strchr(value, ':') : strrchr(value, ':');
    struct str left = {value, colon ? (size_t)(colon - value) : 0},
               right = str_c(colon ? colon + 1 : "");
    struct str number = number_first ? left : right, text = number_first ? right : left;
    if (!colon || str_to_f64(number, &x) != ERR_OK)
        return err_set(
            e, ERR_INVALID, option, "%s takes %s, not \"%s\"", option,
            number_first ? "a number, a colon and a text" : "a text, a colon and a number", value);
    json_t *item = json_object(), *t = json_stringn(text.s, text.n);
    json_object_set_new(item, text_key, t ? t : json_null());
    json_object_set_new(item, number_key, json_real(x));
    json_array_append_new(list, item);
    return ERR_OK;
}

static enum err put_pairs(json_t *body, const struct args *a, const char *option, const char *key,
                          const char *text_key, const char *number_key, bool number_first,
                          struct err_info *e)
{
    const char *const *values;
    unsigned count = args_all(a, option, &values);
    enum err rc = ERR_OK;
    if (!count)
        return rc;
    json_t *list = json_array();
    for (unsigned i = 0; i < count && rc == ERR_OK; i++)
        rc = pair_put(list, option, values[i], text_key, number_key, number_first, e);
    json_object_set_new(body, key, list);
    return rc;
}

static enum err put_shared(json_t *body, const struct args *a, struct err_info *e)
{
    int64_t limit;
    enum err rc = args_int(a, "--limit", 0, 1000, 10, &limit, e);
    json_object_set_new(body, "limit", json_integer(limit));
    put_text(body, a, "--filter", "filter");
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
    json_object_set_new(body, "q", text_or_null(q));
    free(q);
    put_text(body, a, "--mode", "mode");
    put_text(body, a, "--match", "match");
    put_text(body, a, "--sort", "sort");
    put_text(body, a, "--user", "user");
    put_list(body, a, "--facet", "facets");
    put_flag(body, a, "--prefix", "prefix");
    put_flag(body, a, "--exact", "exact");
    put_flag(body, a, "--explain", "explain");
    if (!args_has(a, "--json"))
        json_object_set_new(body, "snippet_length", json_integer(LINE_CHARS));
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
    json_object_set_new(body, args_has(a, "--text") ? "text" : "id", text_or_null(word));
    free(word);
    put_text(body, a, "--by", "by");
    if (put_shared(body, a, &e) != ERR_OK ||
        put_number(body, a, "--diversity", "diversity", &e) != ERR_OK) {
        json_decref(body);
        return command_fail(&e, 2);
    }
    return ask(a, "similar", body, &e);
}

static enum err put_rules(json_t *body, const struct args *a, struct err_info *e)
{
    static const struct {
        const char *option, *key;
    } numbers[] = {{"--fatigue", "fatigue"},
                   {"--diversity", "diversity"},
                   {"--explore", "explore"},
                   {"--min-relevance", "min_relevance"}};
    enum err rc = ERR_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && rc == ERR_OK; i++)
        rc = put_number(body, a, numbers[i].option, numbers[i].key, e);
    if (rc == ERR_OK && args_get(a, "--half-life")) {
        json_t *freshness = json_object();
        rc = put_number(freshness, a, "--half-life", "half_life_days", e);
        json_object_set_new(body, "freshness", freshness);
    }
    if (rc == ERR_OK)
        rc = put_pairs(body, a, "--pin", "pins", "id", "position", false, e);
    if (rc == ERR_OK)
        rc = put_pairs(body, a, "--cap", "caps", "field", "limit", false, e);
    return rc != ERR_OK ? rc : put_pairs(body, a, "--boost", "boosts", "filter", "factor", true, e);
}

static enum err put_recommend(json_t *body, const struct args *a, struct err_info *e)
{
    int64_t limit;
    enum err rc = args_int(a, "--limit", 1, 200, 10, &limit, e);
    json_object_set_new(body, "limit", json_integer(limit));
    put_text(body, a, "--filter", "filter");
    put_list(body, a, "--like", "positive");
    put_list(body, a, "--dislike", "negative");
    put_list(body, a, "--session", "session");
    put_list(body, a, "--exclude", "exclude");
    put_text(body, a, "--text", "text");
    put_text(body, a, "--blend", "blend");
    put_text(body, a, "--scenario", "scenario");
    put_flag(body, a, "--explain", "explain");
    if (args_has(a, "--seen"))
        json_object_set_new(body, "exclude_seen", json_false());
    if (args_has(a, "--no-ranker"))
        json_object_set_new(body, "ranker", json_false());
    return rc != ERR_OK ? rc : put_rules(body, a, e);
}

static int run_recommend(const struct args *a)
{
    struct err_info e = {0};
    if (a->word_count > 1 ||
        (!a->word_count && !args_has(a, "--like") && !args_has(a, "--dislike") &&
         !args_has(a, "--session") && !args_has(a, "--text")))
        return command_wrong(&command_recommend,
                             "wants a user, or something to go by: --like, --session or --text");
    json_t *body = json_object();
    if (a->word_count)
        json_object_set_new(body, "user", text_or_null(a->words[0]));
    if (put_recommend(body, a, &e) != ERR_OK) {
        json_decref(body);
        return command_fail(&e, 2);
    }
    return ask(a, "recommend", body, &e);
}

const struct command command_search = {
    .name = "search",
    .summary = "documents that match a query, by words and by meaning",
    .usage = "akin search [options] QUERY...",
    .text =
        "Works beside a running server (its address is in the data directory) and without one. In "
        "QUERY \"a phrase\" must be there as it stands, and -word must not; put -- in front of a "
        "query that begins with a minus. On a terminal the words of the query stand out (not if "
        "NO_COLOR is set).",
    .example = "  akin search -c debian \"tool to edit photos\"\n"
               "  akin search -c debian --facet tags --filter 'tags != games' photo -n 3\n"
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
        "  akin recommend -c debian --like gimp --like inkscape --dislike blender --explain\n"
        "  akin recommend -c debian anna --diversity 0.5 --cap section:2 --pin krita:0\n",
    .options = recommend_options,
    .run = run_recommend,
};
