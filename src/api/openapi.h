/* A schema of the table as JSON Schema: what openapi.c writes of bodies, answers and parameters. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "api/schema.h"
#include "base/json.h"

void openapi_put(struct json_writer *w, const char *key, const char *value);
/* `follow`: write a named schema out (under components) instead of referring to it. */
void openapi_schema(struct json_writer *w, const struct schema *s, bool follow);

#endif
