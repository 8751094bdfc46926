#include "api/validate.h"
#include "base/clock.h"
#include <math.h>
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

static void expect_choices(const char *choices, char *out, size_t size)
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

static void expect(const struct schema *s, char *out, size_t size)
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
        expect_choices(s->choices, out, size);
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

static void fault_expected(const struct schema *s, const json_t *v, const char *pointer,
                           struct faults *f)
{
    char right[320], number[32];
    expect(s, right, sizeof right);
    bool kind = s->choices || s->bounded || s->format ||
                (s->type != SCHEMA_ARRAY && s->type != SCHEMA_STRING);
    if (kind || json_typeof(v) == JSON_NULL || (json_is_string(v) != (s->type == SCHEMA_STRING)))
        faults_add(f, pointer, NULL, "must be %s, not %s", right,
                   json_is_string(v) && s->choices ? "another word" : found(v, number));
    else
        faults_add(f, pointer, NULL, "must be %s", right);
}

/* ---- strings and numbers ---- */

static size_t code_points(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.s[i] & 0xC0) != 0x80;
    return n;
}

static bool id_valid(struct str s)
{
    if (s.n == 0 || s.n > 255 || str_eq_c(s, ".") || str_eq_c(s, ".."))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.s[i];
        unsigned char next = i + 1 < s.n ? (unsigned char)s.s[i + 1] : 0;
        if (c < 0x20 || c == 0x7F || (c == 0xC2 && next >= 0x80 && next < 0xA0))
            return false; /* C0, DEL, C1 */
    }
    return true;
}

static bool name_valid(struct str s)
{
    if (s.n == 0 || s.n > 64 || s.s[0] == '_' || s.s[0] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.s[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static bool choice_valid(const char *choices, struct str s)
{
    while (*choices) {
        const char *end = strchrnul(choices, '|');
        if (str_eq((struct str){choices, (size_t)(end - choices)}, s))
            return true;
        choices = *end ? end + 1 : end;
    }
    return false;
}

static bool string_fits(const struct schema *s, struct str v)
{
    int64_t us;
    if (s->format == FORMAT_ID)
        return id_valid(v);
    if (s->format == FORMAT_NAME)
        return name_valid(v);
    if (s->format == FORMAT_TIME)
        return !clock_parse(v, &us);
    if (s->choices)
        return choice_valid(s->choices, v);
    if (s->count_min && v.n == 0)
        return false;
    if (s->count_max && v.n > s->count_max) {
        size_t n = code_points(v);
        return n >= s->count_min && n <= s->count_max;
    }
    return s->count_min < 2 || code_points(v) >= s->count_min;
}

static bool number_fits(const struct schema *s, const json_t *v)
{
    double x = json_number_value(v);
    if (!json_is_number(v) || !isfinite(x))
        return false;
    if (s->type == SCHEMA_INTEGER && (x != floor(x) || fabs(x) > 9007199254740991.0))
        return false;
    return !s->bounded || (x >= s->min && x <= s->max);
}

static bool scalar_fits(const struct schema *s, const json_t *v)
{
    switch (s->type) {
    case SCHEMA_ANY:
        return true;
    case SCHEMA_STRING:
        return json_is_string(v) && string_fits(s, json_str(v));
    case SCHEMA_ID:
        return json_is_integer(v) || (json_is_string(v) && string_fits(s, json_str(v)));
    case SCHEMA_INTEGER:
    case SCHEMA_NUMBER:
        return number_fits(s, v);
    case SCHEMA_BOOLEAN:
        return json_is_boolean(v);
    default:
        return false;
    }
}

/* ---- objects and arrays ---- */

static const char *pointer_key(struct arena *a, const char *pointer, const char *key)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_add_c(&b, pointer);
    strbuf_add_char(&b, '/');
    for (; *key; key++) {
        if (*key == '~' || *key == '/')
            strbuf_add_c(&b, *key == '~' ? "~0" : "~1");
        else
            strbuf_add_char(&b, *key);
    }
    const char *out = arena_strdup(a, b.buf);
    strbuf_release(&b);
    return out;
}

static const struct field *field_find(const struct field *fields, const char *name)
{
    for (const struct field *x = fields; x && x->name; x++)
        if (!strcmp(x->name, name))
            return x;
    return NULL;
}

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

static void fault_unknown(const struct field *fields, const char *name, const char *pointer,
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

/* Does `v` hold a field of the group [group, end), names separated by commas? */
static bool group_present(const char *group, const char *end, const json_t *v)
{
    char name[64];
    while (group < end) {
        const char *comma = memchr(group, ',', (size_t)(end - group));
        const char *stop = comma ? comma : end;
        snprintf(name, sizeof name, "%.*s", (int)(stop - group), group);
        if (json_object_get(v, name))
            return true;
        group = stop + (comma != NULL);
    }
    return false;
}

static void validate_groups(const struct schema *s, const json_t *v, const char *pointer,
                            struct faults *f)
{
    char words[160];
    unsigned present = 0;
    for (const char *g = s->exactly_one; *g;) {
        const char *end = strchrnul(g, '|');
        present += group_present(g, end, v);
        g = *end ? end + 1 : end;
    }
    if (present == 1)
        return;
    expect_choices(s->exactly_one, words, sizeof words);
    faults_add(f, pointer, NULL, "needs exactly %s; %u are there", words, present);
}

static void validate_object(const struct schema *s, const json_t *v, const char *pointer,
                            struct faults *f)
{
    const char *key;
    json_t *value;
    for (const struct field *x = s->fields; x && x->name; x++)
        if (x->required && !json_object_get(v, x->name))
            faults_add(f, pointer_key(f->arena, pointer, x->name), NULL, "is missing");
    json_object_foreach((json_t *)v, key, value)
    {
        if (f->total > FAULTS_MAX)
            return;
        const struct field *x = field_find(s->fields, key);
        if (x)
            validate_value(x->schema, value, pointer_key(f->arena, pointer, key), f);
        else if (s->items)
            validate_value(s->items, value, pointer_key(f->arena, pointer, key), f);
        else if (!s->open)
            fault_unknown(s->fields, key, pointer_key(f->arena, pointer, key), NULL, f);
    }
    if (s->exactly_one)
        validate_groups(s, v, pointer, f);
}

static void validate_array(const struct schema *s, const json_t *v, const char *pointer,
                           struct faults *f)
{
    size_t n = json_array_size(v);
    if (n < s->count_min || (s->count_max && n > s->count_max)) {
        char right[320];
        expect(s, right, sizeof right);
        faults_add(f, pointer, NULL, "must be %s, not %zu", right, n);
        return;
    }
    if (s->deferred || !s->items)
        return;
    char at[512];
    for (size_t i = 0; i < n && f->total <= FAULTS_MAX; i++) {
        const json_t *item = json_array_get(v, i);
        if (s->items->type != SCHEMA_OBJECT && s->items->type != SCHEMA_ARRAY &&
            scalar_fits(s->items, item))
            continue; /* no pointer is written for what is right: vectors have thousands */
        snprintf(at, sizeof at, "%s/%zu", pointer, i);
        validate_value(s->items, item, at, f);
    }
}

static bool type_fits(const struct schema *s, const json_t *v)
{
    switch (s->type) {
    case SCHEMA_OBJECT:
        return json_is_object(v);
    case SCHEMA_ARRAY:
        return json_is_array(v);
    case SCHEMA_STRING:
        return json_is_string(v);
    default:
        return scalar_fits(s, v);
    }
}

void validate_value(const struct schema *s, const json_t *v, const char *pointer, struct faults *f)
{
    if (s->type == SCHEMA_ANY || (s->nullable && json_is_null(v)))
        return;
    if (s->type == SCHEMA_ONE_OF) {
        for (size_t i = 0; s->alternatives[i]; i++)
            if (type_fits(s->alternatives[i], v)) {
                validate_value(s->alternatives[i], v, pointer, f);
                return;
            }
        fault_expected(s, v, pointer, f);
    } else if (s->type == SCHEMA_OBJECT && json_is_object(v)) {
        if (!s->deferred)
            validate_object(s, v, pointer, f);
    } else if (s->type == SCHEMA_ARRAY && json_is_array(v)) {
        validate_array(s, v, pointer, f);
    } else if (!scalar_fits(s, v)) {
        fault_expected(s, v, pointer, f);
    }
}

/* ---- path and query ---- */

void validate_path(const struct route_match *m, struct faults *f)
{
    char right[320];
    for (unsigned i = 0; i < m->count; i++) {
        const struct field *x = route_path_parameter(m->route, m->names[i]);
        if (!x || string_fits(x->schema, m->values[i]))
            continue;
        expect(x->schema, right, sizeof right);
        faults_add(f, NULL, x->name, "must be %s", right);
    }
}

static json_t *param_value(const struct schema *s, struct str v)
{
    int64_t i;
    double d;
    switch (s->type) {
    case SCHEMA_INTEGER:
        return str_to_i64(v, INT64_MIN, INT64_MAX, &i) ? NULL : json_integer(i);
    case SCHEMA_NUMBER:
        return str_to_f64(v, &d) ? NULL : json_real(d);
    case SCHEMA_BOOLEAN:
        if (v.n == 0 || str_eq_c(v, "true") || str_eq_c(v, "1"))
            return json_true();
        return str_eq_c(v, "false") || str_eq_c(v, "0") ? json_false() : NULL;
    default:
        return json_stringn(v.s, v.n);
    }
}

/* "a,b" and repeated parameters both: ["a","b"]. */
static void param_array_add(json_t *array, struct str v)
{
    size_t start = 0;
    for (size_t i = 0; i <= v.n; i++) {
        if (i < v.n && v.s[i] != ',')
            continue;
        if (i > start)
            json_array_append_new(array, json_stringn(v.s + start, i - start));
        start = i + 1;
    }
}

static void param_check(const struct field *x, const json_t *value, struct faults *f)
{
    struct faults own;
    faults_init(&own, f->arena);
    validate_value(x->schema, value, "", &own);
    for (unsigned i = 0; i < own.count; i++)
        faults_add(f, NULL, x->name, "%s", own.list[i].detail);
}

static void param_take(const struct field *x, struct str v, json_t *out, struct faults *f)
{
    char right[320];
    json_t *value = json_object_get(out, x->name);
    if (x->schema->type == SCHEMA_ARRAY) {
        if (!value) {
            value = json_array();
            json_object_set_new(out, x->name, value);
        }
        param_array_add(value, v);
        return;
    }
    if (value) {
        faults_add(f, NULL, x->name, "is given twice");
        return;
    }
    value = param_value(x->schema, v);
    if (!value) {
        expect(x->schema, right, sizeof right);
        faults_add(f, NULL, x->name, "must be %s", right);
        return;
    }
    json_object_set_new(out, x->name, value);
    param_check(x, value, f);
}

json_t *validate_query(const struct route *r, const struct http_param *params, unsigned count,
                       struct faults *f)
{
    json_t *out = json_object();
    for (unsigned i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", STR_ARG(params[i].name));
        const struct field *x = params[i].name.n < sizeof name ? field_find(r->query, name) : NULL;
        if (x)
            param_take(x, params[i].value, out, f);
        else if (!r->any_query)
            fault_unknown(r->query, name, NULL, name, f);
    }
    for (const struct field *x = r->query; x && x->name; x++) {
        const json_t *value = json_object_get(out, x->name);
        if (x->required && !value)
            faults_add(f, NULL, x->name, "is missing");
        if (value && x->schema->type == SCHEMA_ARRAY)
            param_check(x, value, f);
    }
    return out;
}

/* ---- whole requests ---- */

static const struct {
    unsigned media;
    const char *name;
} media_table[] = {
    {MEDIA_JSON, "application/json"},
    {MEDIA_NDJSON, "application/x-ndjson"},
    {MEDIA_NDJSON, "application/jsonl"},
    {MEDIA_MERGE_PATCH, "application/merge-patch+json"},
};

unsigned media_parse(struct str content_type)
{
    const char *semicolon = content_type.n ? memchr(content_type.s, ';', content_type.n) : NULL;
    struct str type = {content_type.s,
                       semicolon ? (size_t)(semicolon - content_type.s) : content_type.n};
    type = str_trim(type);
    for (size_t i = 0; i < sizeof media_table / sizeof *media_table; i++)
        if (type.n == strlen(media_table[i].name) &&
            !strncasecmp(type.s, media_table[i].name, type.n))
            return media_table[i].media;
    return 0;
}

void media_names(unsigned media, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof media_table / sizeof *media_table && n < size; i++)
        if (media & media_table[i].media)
            n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", media_table[i].name);
}

/* Memory for a parsed body. A short document of some 30 bytes takes 500 when parsed, so a batch of
 * them needs far more than its own size; as only the workers parse, all of them together stay under
 * workers x the most. */
static size_t body_budget(size_t bytes)
{
    size_t least = 1u << 20, most = 64u << 20;
    size_t wanted = bytes < most / 32 ? bytes * 32 : most;
    return wanted < least ? least : wanted;
}

enum err body_check(const struct route *r, struct str body, json_t **out, struct faults *f,
                    struct err_info *e)
{
    struct err_info own = {0};
    json_t *v = NULL;
    if (body.n >= 3 && memcmp(body.s, "\xef\xbb\xbf", 3) == 0) /* RFC 8259, 8.1: may be ignored */
        body = (struct str){body.s + 3, body.n - 3};
    if (str_trim(body).n == 0)
        return err_set(e, ERR_SYNTAX, NULL, "the body is missing; this route takes JSON");
    if (json_parse_within(body, body_budget(body.n), &v,
                          &own)) /* too deep is as unreadable as broken */
        return err_set(e, ERR_SYNTAX, NULL, "the body is not readable JSON: %s", own.message);
    validate_value(r->body, v, "", f);
    if (f->total) {
        json_decref(v);
        return ERR_INVALID;
    }
    *out = v;
    return ERR_OK;
}

enum err request_check(struct arena *a, struct str method, struct str path,
                       const struct http_param *params, unsigned count, struct str content_type,
                       struct str body, struct checked *out, struct err_info *e)
{
    *out = (struct checked){0};
    faults_init(&out->faults, a);
    enum err err = route_find(a, method, path, &out->match);
    if (err || out->match.options)
        return err;
    const struct route *r = out->match.route;
    if (r->media && !(media_parse(content_type) & r->media))
        return err_set(e, ERR_UNSUPPORTED, NULL,
                       "Content-Type is not one of those that this route takes");
    validate_path(&out->match, &out->faults);
    out->query = validate_query(r, params, count, &out->faults);
    if (!out->faults.total && r->media && media_parse(content_type) != MEDIA_NDJSON)
        return body_check(r, body, &out->body, &out->faults, e);
    return out->faults.total ? ERR_INVALID : ERR_OK;
}

void checked_release(struct checked *c)
{
    json_decref(c->query);
    json_decref(c->body);
    c->query = c->body = NULL;
}
