/* akin: one program that embeds, stores, indexes, finds and recommends. */
#include "main/command.h"
#include "base/json.h"
#include "base/log.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_serve,       &command_add,      &command_search,  &command_similar,
    &command_recommend,   &command_feedback, &command_train,   &command_recommenders,
    &command_experiments, &command_classify, &command_embed,   &command_tokenize,
    &command_model,       &command_eval,     &command_export,  &command_backup,
    &command_restore,     &command_config,   &command_doctor,  &command_openapi,
    &command_version,     &command_keys,     &command_aliases,
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void help(FILE *f)
{
    fprintf(f,
            "akin %s: search, similar documents and recommendations over your own text\n\n"
            "usage: akin COMMAND [options]\n\n",
            AKIN_VERSION);
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        fprintf(f, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(f,
            "\n`akin COMMAND --help` shows the options and an example.\n"
            "Data is in ./.akin unless --data or AKIN_DATA says otherwise; settings in akin.yaml\n"
            "(`akin config print` shows each with where it came from).\n");
}

static const struct command *find(const char *name)
{
    if (strcmp(name, command_train_worker.name) == 0) /* the server's own, so not in the help */
        return &command_train_worker;
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *nearest = NULL;
    unsigned best = 3;
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        unsigned d = str_distance(str_c(name), str_c(commands[i]->name), best);
        if (d < best) {
            best = d;
            nearest = commands[i]->name;
        }
    }
    fprintf(stderr, "akin: unknown command \"%s\"%s%s%s\n", name,
            nearest ? "; did you mean \"" : "", nearest ? nearest : "",
            nearest ? "\"?" : "; `akin help` lists them");
    return 2;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    umask(077); /* what akin writes is its user's */
    json_setup();
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        const struct command *c = argc > 2 ? find(argv[2]) : NULL;
        if (c)
            command_help(c, false);
        else
            help(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    const struct command *c = strcmp(argv[1], "--version") == 0 ? &command_version : find(argv[1]);
    if (!c)
        return unknown(argv[1]);
    if (wants_help(argc, argv)) {
        command_help(c, false);
        return 0;
    }
    struct args args;
    struct err_info e = {0};
    int code = args_parse(c, argc - 2, argv + 2, &args, &e) == ERR_OK ? c->run(&args)
                                                                      : command_fail(&e, 2);
    args_release(&args);
    if (fflush(stdout) != 0 && code == 0)
        code = 1; /* what was asked for could not be written */
    return code;
}
