/* akin aliases: second names of collections. */
#include "main/answer.h"
#include "main/deed.h"
#include "main/settings.h"
#include <stdio.h>

#define WORDS_MAX (2 * 100) /* rows of one swap */

static const struct command_option options[] = {OPTION_JSON, OPTIONS_SESSION, {0}};

static enum err do_list(struct deed *d, struct err_info *e)
{
    return deed_call(d, "GET", deed_all(d, "?limit=1000"), NULL, e);
}

/* `words` a row: the name, and what it shall stand for. */
static enum err swap(struct deed *d, unsigned words, struct err_info *e)
{
    json_t *rows = json_array();
    for (unsigned i = 1; i + words <= d->a->word_count; i += words)
        json_array_append_new(rows, json_pack("{s:s, s:s?}", "name", d->a->words[i], "collection",
                                              words == 2 ? d->a->words[i + 1] : NULL));
    json_t *body = json_pack("{s:o}", "aliases", rows);
    enum err err = deed_call(d, "POST", deed_all(d, ":swap"), body, e);
    json_decref(body);
    return err;
}

#define PAIRS "pairs of an alias and a collection"
static enum err do_set(struct deed *d, struct err_info *e)
{
    if (d->a->word_count % 2 == 0)
        return err_set(e, ERR_INVALID, NULL, "set wants " PAIRS);
    return swap(d, 2, e);
}

static enum err do_delete(struct deed *d, struct err_info *e)
{
    return swap(d, 1, e);
}

static void print(const struct deed *d, const struct deed_verb *v)
{
    size_t i;
    json_t *row;
    (void)v;
    if (args_has(d->a, "--json")) {
        print_json(d->answer);
        return;
    }
    json_array_foreach(json_object_get(d->answer, "data"), i, row)
        printf("%s -> %s\n", text_of(row, "name"), text_of(row, "collection"));
}

static const struct deed_verb verbs[] = {
    {"list", 0, 0, NULL, do_list},
    {"set", 2, WORDS_MAX, PAIRS, do_set},
    {"delete", 1, WORDS_MAX / 2, "names of aliases", do_delete},
};
static const struct deed_kind kind = {
    .command = &command_aliases,
    .things = "aliases",
    .verbs = verbs,
    .verb_count = sizeof verbs / sizeof *verbs,
    .print = print,
};

static int run(const struct args *a)
{
    return deed_run(a, &kind);
}

const struct command command_aliases = {
    .name = "aliases",
    .summary = "second names of collections, moved in one step",
    .usage = "akin aliases [list | set ALIAS COLLECTION ... | delete ALIAS ...] [options]",
    .text = "Readers ask for the alias; what it stands for is moved under them, several aliases in "
            "one step: no request fails,\nand none sees a part of it. Two collections trade places "
            "by trading their aliases.",
    .example = "  akin aliases set news news-2\n"
               "  akin aliases set news news-2 news-old news-1\n",
    .options = options,
    .run = run,
};
