/* akin classify: the labels of a text or a document, by the classifiers that are active. */
#include "main/session.h"
#include "main/settings.h"
#include <stdio.h>
#include <stdlib.h>

static const struct command_option options[] = {
    OPTION_COLLECTION,
    {"--text", 0, NULL, "what follows is a text, not the id of a document"},
    {"--label", 0, "LABEL", "by the classifier of this label; default: by all that are active"},
    {"--limit", 'n', "N", "labels of each, default 5"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

static void print(const json_t *answer)
{
    size_t i, k;
    json_t *c, *l;
    json_array_foreach(json_object_get(answer, "data"), i, c)
    {
        printf("%s\n", json_string_value(json_object_get(c, "label")));
        json_array_foreach(json_object_get(c, "labels"), k, l)
        {
            const json_t *name = json_object_get(l, "label");
            printf("  %.4f  %s\n", json_number_value(json_object_get(l, "probability")),
                   json_is_string(name) ? json_string_value(name)
                   : json_is_true(name) ? "true"
                                        : "false");
        }
    }
}

/* The words with a space between them. */
static char *joined(const struct args *a)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    for (unsigned i = 0; i < a->word_count; i++) {
        strbuf_add_c(&b, i ? " " : "");
        strbuf_add_c(&b, a->words[i]);
    }
    return strbuf_detach(&b, NULL);
}

static enum err body_make(const struct args *a, json_t *body, struct err_info *e)
{
    int64_t limit;
    char *word = joined(a);
    enum err err = args_int(a, "--limit", 1, 100, 5, &limit, e);
    if (!err &&
        (json_object_set_new(body, args_has(a, "--text") ? "text" : "id", json_string(word)) ||
         (args_has(a, "--label") &&
          json_object_set_new(body, "label", json_string(args_get(a, "--label"))))))
        err = err_set(e, ERR_SYNTAX, NULL, "the arguments are not UTF-8 text");
    if (!err)
        json_object_set_new(body, "limit", json_integer(limit));
    free(word);
    return err;
}

static enum err ask(const struct args *a, const json_t *body, json_t **answer, struct err_info *e)
{
    struct session *s = NULL;
    const char *collection;
    char *text = json_dumps(body, JSON_COMPACT);
    struct str payload = str_c(text);
    enum err err = session_open(a, &s, e);
    if (!err)
        err = session_collection(s, a, &collection, e);
    if (!err)
        err = session_call(
            s, "POST", arena_printf(session_arena(s), "/v1/collections/%s/classify", collection),
            "application/json", &payload, answer, e);
    session_close(s);
    free(text);
    return err;
}

static int run(const struct args *a)
{
    struct err_info e = {0};
    json_t *answer = NULL, *body = json_object();
    if (!a->word_count) {
        json_decref(body);
        return command_wrong(&command_classify, "wants a document's id, or a text with --text");
    }
    enum err err = body_make(a, body, &e);
    int code = err ? 2 : 1;
    if (!err)
        err = ask(a, body, &answer, &e);
    json_decref(body);
    if (!err && args_has(a, "--json")) {
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (!err) {
        print(answer);
    }
    json_decref(answer);
    return err ? command_fail(&e, code) : 0;
}

const struct command command_classify = {
    .name = "classify",
    .summary = "the labels of a text or a document, by what `akin train classifier` learned",
    .usage = "akin classify [options] ID | --text TEXT...",
    .example = "  akin train classifier -c news --label attributes.topic\n"
               "  akin classify -c news --text \"the home team won after extra time\"\n",
    .options = options,
    .run = run,
};
