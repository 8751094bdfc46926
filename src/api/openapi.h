/* A schema of the table as JSON Schema: what openapi.c writes of bodies, answers and parameters. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "api/schema.h"
#include "base/json.h"

void openapi_put(struct json_writer *w, const char *key, const char *value);
/* `follow`: write a named schema out (under components) instead of referring to it. */
void openapi_schema(struct json_writer *w, const struct schema *s, bool follow);
/* The plainest form of it, for models: of alternatives the first, an id as a string, fields' own
 * words instead of their schemas'; no names, patterns, lengths, examples, nor which fields exclude
 * each other (models' providers refuse a oneOf at the top). Whatever fits it fits `s`, those aside.
 */
void openapi_plain(struct json_writer *w, const struct schema *s);

/* The named schemas that `s` is made of, itself among them, each once. */
#define SCHEMA_NAMES_MAX 192
struct schema_names {
    const struct schema *list[SCHEMA_NAMES_MAX];
    unsigned count;
};
void schema_names_add(struct schema_names *n, const struct schema *s);

#endif
