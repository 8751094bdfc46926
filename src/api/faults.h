/* What is wrong with a request, all of it at once, and the words for it: what would be right, what
 * is there instead, which name was meant. Pure functions; one arena a request. */
#ifndef API_FAULTS_H
#define API_FAULTS_H

#include "api/schema.h"
#include "base/arena.h"
#include "base/json.h"

#define FAULTS_MAX 32 /* more are counted, not listed */

struct fault {
    const char *pointer;   /* into the body, or NULL */
    const char *parameter; /* of the path, the query or a header, or NULL */
    const char *detail;
};
struct faults {
    struct arena *arena;
    struct fault list[FAULTS_MAX];
    unsigned count, total;
};
void faults_init(struct faults *f, struct arena *a);
/* Strings are copied into the arena. */
void faults_add(struct faults *f, const char *pointer, const char *parameter, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* What the schema takes: "an integer from 1 to 1000, or null". */
void schema_words(const struct schema *s, char *out, size_t size);
/* "a|b" as "one of a, b". */
void choices_words(const char *choices, char *out, size_t size);
/* `v` is not what `s` takes. */
void fault_expected(const struct schema *s, const json_t *v, const char *pointer, struct faults *f);
/* `name` is none of `fields`; says the nearest, or which there are. */
void fault_unknown(const struct field *fields, const char *name, const char *pointer,
                   const char *parameter, struct faults *f);

#endif
