/* A schema of the table as JSON Schema: what openapi.c writes of bodies, answers and parameters. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "api/schema.h"
#include "base/json.h"

void openapi_put(struct json_writer *w, const char *key, const char *value);
/* `follow`: write a named schema out (under components) instead of referring to it. */
void openapi_schema(struct json_writer *w, const struct schema *s, bool follow);

/* The named schemas that `s` is made of, itself among them, each once. */
#define SCHEMA_NAMES_MAX 192
struct schema_names {
    const struct schema *list[SCHEMA_NAMES_MAX];
    unsigned count;
};
void schema_names_add(struct schema_names *n, const struct schema *s);
/* Puts what openapi_schema wrote, its references pointing into `where` ("#/$defs/"). */
void openapi_rebase(struct json_writer *w, struct str schema, const char *where);

#endif
