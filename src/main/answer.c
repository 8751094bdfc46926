#include "main/answer.h"

#include <stdio.h>

const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

void print_json(const json_t *v)
{
    json_dumpf(v, stdout, JSON_COMPACT);
    putchar('\n');
}
