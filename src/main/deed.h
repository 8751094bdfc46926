/* Commands whose first word says what to do with the things that a path of the API names:
 * `akin keys rotate ID`. */
#ifndef MAIN_DEED_H
#define MAIN_DEED_H

#include "base/json.h"
#include "main/command.h"
#include "main/session.h"

/* Its strings are in the session's arena. */
struct deed {
    const struct args *a;
    struct session *s;
    const char *collection; /* its path; NULL: the things are of no collection */
    const char *path;       /* of the things */
    json_t *answer;         /* of the last call; NULL: it had none */
};

struct deed_verb {
    const char *name;
    unsigned words_min, words_max; /* behind the verb */
    const char *wants;             /* "the id of a key"; NULL: nothing more */
    enum err (*run)(struct deed *d, struct err_info *e);
};
struct deed_kind {
    const struct command *command;
    const char *things; /* "keys" */
    bool of_collection;
    const struct deed_verb *verbs; /* the first one is meant where no word says one */
    size_t verb_count;
    void (*print)(const struct deed *d, const struct deed_verb *v); /* the answer */
};

/* Runs what the words say; returns the exit code. */
int deed_run(const struct args *a, const struct deed_kind *k);

/* For commands that have no verb. deed_close after an error too. */
enum err deed_open(struct deed *d, const struct args *a, const char *things, bool of_collection,
                   struct err_info *e) MUST_CHECK;
void deed_close(struct deed *d);

/* body: borrowed; NULL: none. */
enum err deed_call(struct deed *d, const char *method, const char *path, const json_t *body,
                   struct err_info *e) MUST_CHECK;
/* The path of all the things, or of the one that the word behind the verb names. */
const char *deed_all(const struct deed *d, const char *suffix);
const char *deed_one(const struct deed *d, const char *suffix);

#endif
