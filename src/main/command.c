#include "main/command.h"
#include "base/arena.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int option_index(const struct command_option *options, const char *name)
{
    for (int i = 0; options && options[i].name; i++)
        if (strcmp(options[i].name, name) == 0)
            return i;
    return -1;
}

static unsigned place(const struct args *a, const char *name)
{
    int i = option_index(a->options, name);
    assert(i >= 0 && i < OPTIONS_MAX);
    return (unsigned)i;
}

const char *args_get(const struct args *a, const char *name)
{
    return a->values[place(a, name)];
}

bool args_has(const struct args *a, const char *name)
{
    return args_get(a, name) != NULL;
}

unsigned args_all(const struct args *a, const char *name, const char *const **values)
{
    unsigned i = place(a, name);
    *values = a->more[i];
    return a->counts[i];
}

enum err args_int(const struct args *a, const char *name, int64_t min, int64_t max,
                  int64_t fallback, int64_t *out, struct err_info *e)
{
    const char *value = args_get(a, name);
    if (!value) {
        *out = fallback;
        return ERR_OK;
    }
    if (str_to_i64(str_c(value), min, max, out) != ERR_OK)
        return err_set(e, ERR_INVALID, name,
                       "%s takes a whole number from %lld to %lld, not \"%s\"", name,
                       (long long)min, (long long)max, value);
    return ERR_OK;
}

static enum err unknown_option(const struct command *c, const char *given, struct err_info *e)
{
    const char *nearest = NULL;
    unsigned best = 4;
    for (unsigned i = 0; c->options && c->options[i].name; i++) {
        unsigned d = str_distance(str_c(given), str_c(c->options[i].name), best);
        if (d < best) {
            best = d;
            nearest = c->options[i].name;
        }
    }
    if (nearest)
        return err_set(e, ERR_INVALID, given, "unknown option %s; did you mean %s?", given,
                       nearest);
    return err_set(e, ERR_INVALID, given, "unknown option %s; `akin %s --help` lists them", given,
                   c->name);
}

static void take(struct args *out, unsigned i, const char *value)
{
    assert(i < OPTIONS_MAX);
    out->values[i] = value;
    out->more[i] = xrealloc(out->more[i], (out->counts[i] + 1) * sizeof(*out->more[i]));
    out->more[i][out->counts[i]++] = value;
}

/* "--name", "--name=value" or "-n"; *value is what stands behind '='. */
static int find_option(const struct command *c, const char *arg, const char **value)
{
    const char *equals = strchr(arg, '=');
    *value = NULL;
    for (int i = 0; c->options && c->options[i].name; i++) {
        const struct command_option *o = &c->options[i];
        size_t n = strlen(o->name);
        if (strcmp(arg, o->name) == 0 ||
            (o->letter && arg[0] == '-' && arg[1] == o->letter && !arg[2]))
            return i;
        if (equals && (size_t)(equals - arg) == n && strncmp(arg, o->name, n) == 0) {
            *value = equals + 1;
            return i;
        }
    }
    return -1;
}

enum err args_parse(const struct command *c, int argc, char **argv, struct args *out,
                    struct err_info *e)
{
    *out = (struct args){.options = c->options};
    out->words = xcalloc((size_t)argc + 1, sizeof(*out->words));
    bool options_end = false;
    for (int k = 0; k < argc; k++) {
        const char *arg = argv[k], *value;
        if (options_end || arg[0] != '-' || !arg[1]) {
            out->words[out->word_count++] = arg;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            options_end = true;
            continue;
        }
        int i = find_option(c, arg, &value);
        if (i < 0)
            return unknown_option(c, arg, e);
        const struct command_option *o = &c->options[i];
        if (!o->value && value)
            return err_set(e, ERR_INVALID, o->name, "%s takes no value", o->name);
        if (!o->value)
            value = "1";
        else if (!value && k + 1 < argc)
            value = argv[++k];
        if (!value)
            return err_set(e, ERR_INVALID, o->name, "%s wants a value: %s %s", o->name, o->name,
                           o->value);
        take(out, (unsigned)i, value);
    }
    return ERR_OK;
}

void args_release(struct args *a)
{
    for (unsigned i = 0; i < OPTIONS_MAX; i++)
        free(a->more[i]);
    free(a->words);
}

void command_help(const struct command *c, bool error)
{
    FILE *f = error ? stderr : stdout;
    fprintf(f, "%s\n\nusage: %s\n", c->summary, c->usage);
    if (c->text)
        fprintf(f, "\n%s\n", c->text);
    for (unsigned i = 0; c->options && c->options[i].name; i++) {
        const struct command_option *o = &c->options[i];
        char left[64];
        snprintf(left, sizeof(left), "%s%c%s%s%s%s", o->letter ? "-" : "",
                 o->letter ? o->letter : ' ', o->letter ? ", " : "   ", o->name,
                 o->value ? " " : "", o->value ? o->value : "");
        fprintf(f, "%s  %-26s %s\n", i == 0 ? "\n" : "", left, o->help);
    }
    if (c->example)
        fprintf(f, "\nexample:\n%s\n", c->example);
}

int command_fail(const struct err_info *e, int code)
{
    bool named = e->field[0] && !strstr(e->message, e->field);
    fprintf(stderr, "akin: %s%s%s%s\n", e->message[0] ? e->message : err_name(e->code),
            named ? " (" : "", named ? e->field : "", named ? ")" : "");
    return code;
}

int command_wrong(const struct command *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "akin %s: ", c->name);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\nusage: %s\n       akin %s --help shows an example\n", c->usage, c->name);
    va_end(ap);
    return 2;
}
