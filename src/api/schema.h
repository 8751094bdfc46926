/* Schemas: what a JSON value may be. One description serves the validator (validate.h) and the
 * OpenAPI document (openapi_schema.c), so what is refused and what is documented cannot drift
 * apart. Constant tables, no state. */
#ifndef API_SCHEMA_H
#define API_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

enum schema_type {
    SCHEMA_ANY,
    SCHEMA_OBJECT,
    SCHEMA_ARRAY,
    SCHEMA_STRING,
    SCHEMA_ID,      /* a string or an integer, which becomes a string */
    SCHEMA_INTEGER, /* 10 and 10.0 */
    SCHEMA_NUMBER,
    SCHEMA_BOOLEAN,
    SCHEMA_ONE_OF, /* the first alternative whose JSON type fits, and for arrays their first item's,
                      is the one that is checked */
};

enum schema_format {
    FORMAT_NONE,
    FORMAT_ID,   /* 1 to 255 bytes, no control characters, not "." or ".." */
    FORMAT_NAME, /* of a collection: [a-z0-9][a-z0-9_-]{0,63} */
    FORMAT_TIME, /* RFC 3339 */
};

struct schema;

struct field {
    const char *name; /* NULL ends a list */
    const struct schema *schema;
    bool required;
    const char *fallback; /* the default as JSON; NULL: none */
    const char *help;
};

struct schema {
    const char *name; /* under components/schemas; NULL: written where it is used */
    enum schema_type type;
    enum schema_format format;
    const char *help;
    double min, max; /* numbers, if `bounded` */
    bool bounded;
    size_t count_min, count_max; /* strings: code points; arrays: items; 0: no bound */
    const char *choices;         /* strings: "hybrid|semantic|lexical" */
    const char *pattern;         /* strings: described only, the handler judges it */
    const char *keys;            /* objects with free keys: the pattern of one, described only */
    const char *rules;           /* further keywords, "\"if\":...,\"then\":...", described only */
    bool nullable;
    bool open;     /* objects: unknown fields are allowed */
    bool deferred; /* only the type and the count are checked: the handler judges what is inside */
    const struct field *fields;
    const struct schema *extends;             /* objects: its fields too */
    const struct schema *items;               /* arrays; objects with free keys */
    const struct schema *const *alternatives; /* SCHEMA_ONE_OF, NULL ends */
    const char *exactly_one; /* objects: "id|ids|positive,negative": fields of exactly one group are
                                there */
    const char *example;     /* JSON */
};

#endif
