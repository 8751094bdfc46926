#include "api/faults.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void faults_init(struct faults *f, struct arena *a)
{
    *f = (struct faults){.arena = a};
}

void faults_add(struct faults *f, const char *pointer, const char *parameter, const char *fmt, ...)
{
    char text[480];
    va_list ap;
    f->total++;
    if (f->count == FAULTS_MAX)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    f->list[f->count++] = (struct fault){
        .pointer = pointer ? arena_strdup(f->arena, pointer) : NULL,
        .parameter = parameter ? arena_strdup(f->arena, parameter) : NULL,
        .detail = arena_strdup(f->arena, text),
    };
}

/* ---- what would be right, in words ---- */

static void expect_count(const struct schema *s, const char *what, char *out, size_t size)
{
    size_t n = strlen(out);
    if (s->count_min && s->count_max)
        snprintf(out + n, size - n, " of %zu to %zu %s", s->count_min, s->count_max, what);
    else if (s->count_max)
        snprintf(out + n, size - n, " of at most %zu %s", s->count_max, what);
    else if (s->count_min)
        snprintf(out + n, size - n, " of at least %zu %s", s->count_min, what);
}

void choices_words(const char *choices, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "one of ");
    for (const char *c = choices; *c && n + 3 < size; c++) {
        if (*c == '|') {
            out[n++] = ',';
            out[n++] = ' ';
        } else {
            out[n++] = *c;
        }
    }
    out[n] = '\0';
}

static const char *type_words(const struct schema *s)
{
    switch (s->type) {
    case SCHEMA_ANY:
        return "any value";
    case SCHEMA_OBJECT:
        return "an object";
    case SCHEMA_ARRAY:
        return "an array";
    case SCHEMA_STRING:
        return "a string";
    case SCHEMA_ID:
        return "a string or an integer";
    case SCHEMA_INTEGER:
        return "an integer";
    case SCHEMA_NUMBER:
        return "a number";
    case SCHEMA_BOOLEAN:
        return "true or false";
    case SCHEMA_ONE_OF:
        return "";
    }
    return "";
}

void schema_words(const struct schema *s, char *out, size_t size)
{
    if (s->type == SCHEMA_ONE_OF) {
        out[0] = '\0';
        for (size_t i = 0; s->alternatives[i]; i++) {
            size_t n = strlen(out);
            snprintf(out + n, size - n, "%s%s", i ? " or " : "", type_words(s->alternatives[i]));
        }
        return;
    }
    snprintf(out, size, "%s", type_words(s));
    if (s->choices)
        choices_words(s->choices, out, size);
    else if (s->format == FORMAT_NAME)
        snprintf(out, size, "1 to 64 of a-z, 0-9, _ and -, the first a letter or a digit");
    else if (s->format == FORMAT_ID)
        snprintf(out, size, "1 to 255 bytes without control characters, and not . or ..");
    else if (s->format == FORMAT_TIME)
        snprintf(out, size, "a time as in RFC 3339, \"2026-11-22T16:09:02Z\"");
    else if (s->bounded)
        snprintf(out + strlen(out), size - strlen(out), " from %.15g to %.15g", s->min, s->max);
    else if (s->type == SCHEMA_STRING)
        expect_count(s, "characters", out, size);
    else if (s->type == SCHEMA_ARRAY)
        expect_count(s, "items", out, size);
    if (s->nullable)
        snprintf(out + strlen(out), size - strlen(out), ", or null");
}

/* A number by its value: its kind is right more often than not. */
static const char *found(const json_t *v, char out[32])
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        snprintf(out, 32, "%.15g", json_number_value(v));
        return out;
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "null";
    }
}

void fault_expected(const struct schema *s, const json_t *v, const char *pointer, struct faults *f)
{
    char right[320], number[32];
    schema_words(s, right, sizeof right);
    bool kind = s->choices || s->bounded || s->format ||
                (s->type != SCHEMA_ARRAY && s->type != SCHEMA_STRING);
    if (kind || json_typeof(v) == JSON_NULL || (json_is_string(v) != (s->type == SCHEMA_STRING)))
        faults_add(f, pointer, NULL, "must be %s, not %s", right,
                   json_is_string(v) && s->choices ? "another word" : found(v, number));
    else
        faults_add(f, pointer, NULL, "must be %s", right);
}

/* ---- unknown names ---- */

static const char *field_nearest(const struct field *fields, const char *name)
{
    const char *best = NULL;
    unsigned least = strlen(name) > 5 ? 3 : 2;
    for (const struct field *x = fields; x && x->name; x++) {
        unsigned d = strlen(name) > 64 ? 99 : str_distance(str_c(name), str_c(x->name), least);
        if (d <= least && (!best || d < least)) {
            best = x->name;
            least = d;
        }
    }
    return best;
}

static void fields_list(const struct field *fields, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (const struct field *x = fields; x && x->name && n < size; x++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", x->name);
}

void fault_unknown(const struct field *fields, const char *name, const char *pointer,
                   const char *parameter, struct faults *f)
{
    char known[320];
    const char *nearest = field_nearest(fields, name);
    fields_list(fields, known, sizeof known);
    if (nearest)
        faults_add(f, pointer, parameter, "unknown; did you mean %s?", nearest);
    else if (known[0])
        faults_add(f, pointer, parameter, "unknown; known are %s", known);
    else
        faults_add(f, pointer, parameter, "unknown; there is none here");
}
