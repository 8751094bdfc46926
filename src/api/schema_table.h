/* How tables of schemas are written; for the files that hold them. */
#ifndef API_SCHEMA_TABLE_H
#define API_SCHEMA_TABLE_H

#include "api/schema.h"

/* A row of a table names what it has; the rest is zero by intention. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define FIELDS(...) ((const struct field[]){__VA_ARGS__, {NULL}})
#define NEED .required = true
#define LIST_OF(x)                                                                                 \
    &(const struct schema)                                                                         \
    {                                                                                              \
        .type = SCHEMA_ARRAY, .items = (x)                                                         \
    }

#endif
