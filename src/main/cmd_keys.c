/* akin keys: who may do what. */
#include "base/clock.h"
#include "main/answer.h"
#include "main/deed.h"
#include "main/settings.h"
#include <stdio.h>
#include <string.h>

static const struct command_option options[] = {
    {"--scope", 0, "LIST",
     "create: of documents.read, documents.write, search, recommend, "
     "feedback.write, users.read, users.write, embed, train, models, events, "
     "backup, metrics, collections, keys, admin; commas, or several times"},
    {"--collection", 'c', "LIST", "create: the only collections that are there for it"},
    {"--filter", 0, "FILTER", "create: the only documents that are there for it"},
    {"--from", 0, "LIST", "create: the addresses it is taken from, as 192.0.2.0/24"},
    {"--expires", 0, "WHEN", "create: 12h, 30d, or a time as 2030-01-01T00:00:00Z"},
    {"--requests", 0, "RATE", "create: its own limit of requests, as \"100/s burst 200\""},
    {"--tokens", 0, "RATE", "create: its own limit of embedding tokens"},
    {"--name", 0, "NAME", "create: what it is for"},
    {"--grace", 0, "SECONDS", "rotate: so long the old secret works too (default 0)"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

/* ---- printing ---- */

static void print_list(const json_t *k, const char *key)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(k, key), i, v)
        printf("%s%s", i ? "," : "", json_string_value(v));
}

static void print_bound(const json_t *k, const char *key, const char *what)
{
    if (!json_array_size(json_object_get(k, key)))
        return;
    printf("  %s ", what);
    print_list(k, key);
}

static void print_text(const json_t *k, const char *key, const char *what)
{
    if (*text_of(k, key))
        printf("  %s %s", what, text_of(k, key));
}

static void print_key(const json_t *k)
{
    printf("%s  ", text_of(k, "id"));
    print_list(k, "scopes");
    print_text(k, "name", "name");
    print_bound(k, "collections", "collections");
    print_text(k, "filter", "filter");
    print_bound(k, "addresses", "from");
    print_text(json_object_get(k, "limits"), "requests", "requests");
    print_text(json_object_get(k, "limits"), "tokens", "tokens");
    print_text(k, "expires", "expires");
    print_text(k, "old_secret_until", "old secret until");
    printf("  %s\n", *text_of(k, "last_used") ? "" : "never used");
    if (*text_of(k, "last_used"))
        printf("              last used %s\n", text_of(k, "last_used"));
}

/* The key alone on stdout, so that it can be taken into a variable or a file. */
static void print_new(const json_t *k)
{
    printf("%s\n", text_of(k, "key"));
    fflush(stdout);
    fprintf(stderr, "akin: the key %s is shown this once; whoever has it may: ", text_of(k, "id"));
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(k, "scopes"), i, v)
        fprintf(stderr, "%s%s", i ? ", " : "", json_string_value(v));
    fputc('\n', stderr);
}

static void print_answer(const struct deed *d, const struct deed_verb *v)
{
    const json_t *data = json_object_get(d->answer, "data");
    size_t i;
    json_t *key;
    if (args_has(d->a, "--json") && d->answer) {
        print_json(d->answer);
    } else if (json_object_get(d->answer, "key")) {
        print_new(d->answer);
    } else if (data) {
        json_array_foreach(data, i, key) print_key(key);
    } else if (d->answer) {
        print_key(d->answer);
    }
}

/* ---- the body of a new key ---- */

static void list_put(json_t *body, const char *key, const struct args *a, const char *option)
{
    const char *const *values;
    unsigned n = args_all(a, option, &values);
    json_t *list = json_array();
    for (unsigned i = 0; i < n; i++)
        for (const char *at = values[i]; *at;) {
            size_t word = strcspn(at, ",");
            json_array_append_new(list, json_stringn(at, word));
            at += word + (at[word] == ',');
        }
    if (n)
        json_object_set_new(body, key, list);
    else
        json_decref(list);
}

static void text_put(json_t *body, const char *key, const struct args *a, const char *option)
{
    if (args_has(a, option))
        json_object_set_new(body, key, json_string(args_get(a, option)));
}

static void limits_put(json_t *body, const struct args *a)
{
    json_t *limits = json_object();
    text_put(limits, "requests", a, "--requests");
    text_put(limits, "tokens", a, "--tokens");
    if (json_object_size(limits))
        json_object_set(body, "limits", limits);
    json_decref(limits);
}

/* "30d", "12h", "90m"; anything else is a time, which the server reads. */
static void expiry_put(json_t *body, const struct args *a)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'m', 60}, {'h', 3600}, {'d', 86400}};
    const char *text = args_get(a, "--expires");
    char time[CLOCK_TEXT];
    int64_t n;
    size_t length = text ? strlen(text) : 0;
    for (size_t i = 0; length && i < sizeof units / sizeof *units; i++) {
        if (text[length - 1] != units[i].letter ||
            str_to_i64((struct str){text, length - 1}, 1, 36500, &n))
            continue;
        clock_format(clock_wall_us() + n * units[i].seconds * 1000000, time);
        text = time;
        break;
    }
    if (text)
        json_object_set_new(body, "expires", json_string(text));
}

/* ---- the verbs ---- */

static enum err do_list(struct deed *d, struct err_info *e)
{
    return deed_call(d, "GET", deed_all(d, "?limit=1000"), NULL, e);
}

static enum err do_create(struct deed *d, struct err_info *e)
{
    json_t *body = json_object();
    list_put(body, "scopes", d->a, "--scope");
    list_put(body, "collections", d->a, "--collection");
    list_put(body, "addresses", d->a, "--from");
    text_put(body, "filter", d->a, "--filter");
    text_put(body, "name", d->a, "--name");
    limits_put(body, d->a);
    expiry_put(body, d->a);
    enum err err = deed_call(d, "POST", d->path, body, e);
    json_decref(body);
    return err;
}

static enum err do_show(struct deed *d, struct err_info *e)
{
    return deed_call(d, "GET", deed_one(d, ""), NULL, e);
}

static enum err do_rotate(struct deed *d, struct err_info *e)
{
    int64_t grace = 0;
    enum err err = args_int(d->a, "--grace", 0, 604800, 0, &grace, e);
    if (err)
        return err;
    json_t *body = json_pack("{s:I}", "grace_seconds", (json_int_t)grace);
    err = deed_call(d, "POST", deed_one(d, ":rotate"), body, e);
    json_decref(body);
    return err;
}

static enum err do_delete(struct deed *d, struct err_info *e)
{
    return deed_call(d, "DELETE", deed_one(d, ""), NULL, e);
}

#define ONE "the id of a key"
static const struct deed_verb verbs[] = {
    {"list", 0, 0, NULL, do_list},     {"show", 1, 1, ONE, do_show},
    {"create", 0, 0, NULL, do_create}, {"rotate", 1, 1, ONE, do_rotate},
    {"delete", 1, 1, ONE, do_delete},
};
static const struct deed_kind kind = {
    .command = &command_keys,
    .things = "keys",
    .verbs = verbs,
    .verb_count = sizeof verbs / sizeof *verbs,
    .print = print_answer,
};

static int run(const struct args *a)
{
    return deed_run(a, &kind);
}

const struct command command_keys = {
    .name = "keys",
    .summary = "make, list, rotate and revoke keys of the API",
    .usage = "akin keys [list | create | show ID | rotate ID | delete ID] [options]",
    .text = "A new key stands alone on standard output, and is never shown again. Without --key it "
            "asks with server.admin_key,\nor with the key in DATA/admin.key that the first start "
            "beyond this machine wrote.",
    .example = "  akin keys create --scope search,recommend --name shop --collection books\n"
               "  akin keys create --scope search --filter 'tenant = \"acme\"' --expires 30d\n"
               "  akin keys rotate k3v7q2mxa5bd --grace 3600\n",
    .options = options,
    .run = run,
};
