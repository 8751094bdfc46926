/* The commands of `akin`: how one is described, how its arguments are read, how it ends.
 * The table is in main.c; each command is a file that exports one `struct command`. */
#ifndef MAIN_COMMAND_H
#define MAIN_COMMAND_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct command_option {
    const char *name;  /* "--limit"; a list ends with NULL */
    char letter;       /* 'n', or 0 */
    const char *value; /* "N" in the help; NULL: a flag */
    const char *help;
};

#define OPTIONS_MAX 40

struct args {
    const struct command_option *options;
    const char *values[OPTIONS_MAX]; /* by place in options; flags "1" */
    const char **more[OPTIONS_MAX];  /* all values of an option given several times */
    unsigned counts[OPTIONS_MAX];
    const char **words; /* what is not an option */
    unsigned word_count;
};

struct command {
    const char *name;
    const char *summary; /* one line of `akin help` */
    const char *usage;   /* "akin search [options] QUERY" */
    const char *text;    /* a paragraph; may be NULL */
    const char *example; /* lines that can be pasted */
    const struct command_option *options;
    int (*run)(const struct args *a); /* the exit code: 0, 1 failed, 2 wrong use */
};

/* The value of an option that the command declared (assert), or NULL. */
const char *args_get(const struct args *a, const char *name);
bool args_has(const struct args *a, const char *name);
unsigned args_all(const struct args *a, const char *name, const char *const **values);
/* A whole number in [min, max], `fallback` if absent. */
enum err args_int(const struct args *a, const char *name, int64_t min, int64_t max,
                  int64_t fallback, int64_t *out, struct err_info *e) MUST_CHECK;

/* Reads argv behind the command's name. ERR_INVALID names the nearest known option. */
enum err args_parse(const struct command *c, int argc, char **argv, struct args *out,
                    struct err_info *e) MUST_CHECK;
void args_release(struct args *a);
void command_help(const struct command *c, bool error);

/* "akin: message (field)" on stderr, with the next step if there is one; returns `code`. */
int command_fail(const struct err_info *e, int code);
int command_wrong(const struct command *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

extern const struct command command_serve, command_add, command_search, command_similar,
    command_recommend, command_embed, command_tokenize, command_model, command_eval, command_backup,
    command_restore, command_config, command_doctor, command_version, command_train_worker,
    command_feedback, command_train, command_recommenders, command_experiments, command_classify,
    command_openapi, command_export, command_keys, command_aliases;

#endif
