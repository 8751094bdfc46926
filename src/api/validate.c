#include "api/validate.h"
#include "base/clock.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

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

bool schema_string_fits(const struct schema *s, struct str v)
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
    int64_t whole;
    if (!json_is_number(v) || !isfinite(x))
        return false;
    if (s->type == SCHEMA_INTEGER && (!json_whole(v, &whole) || fabs(x) >= 0x1p53))
        return false;
    return !s->bounded || (x >= s->min && x <= s->max);
}

static bool scalar_fits(const struct schema *s, const json_t *v)
{
    int64_t whole;
    switch (s->type) {
    case SCHEMA_ANY:
        return true;
    case SCHEMA_STRING:
        return json_is_string(v) && schema_string_fits(s, json_str(v));
    case SCHEMA_ID:
        return json_whole(v, &whole) || (json_is_string(v) && schema_string_fits(s, json_str(v)));
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

const struct field *schema_field(const struct field *fields, const char *name)
{
    for (const struct field *x = fields; x && x->name; x++)
        if (!strcmp(x->name, name))
            return x;
    return NULL;
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
    choices_words(s->exactly_one, words, sizeof words);
    faults_add(f, pointer, NULL, "needs exactly %s; %u are there", words, present);
}

static void validate_required(const struct schema *s, const json_t *v, const char *pointer,
                              struct faults *f)
{
    for (const struct field *x = s->fields; x && x->name; x++)
        if (x->required && !json_object_get(v, x->name))
            faults_add(f, pointer_key(f->arena, pointer, x->name), NULL, "is missing");
    if (s->extends)
        validate_required(s->extends, v, pointer, f);
}

static void validate_object(const struct schema *s, const json_t *v, const char *pointer,
                            struct faults *f)
{
    const char *key;
    json_t *value;
    validate_required(s, v, pointer, f);
    json_object_foreach((json_t *)v, key, value)
    {
        if (f->total > FAULTS_MAX)
            return;
        const struct field *x = schema_field(s->fields, key);
        if (!x && s->extends)
            x = schema_field(s->extends->fields, key);
        if (x)
            validate_value(x->schema, value, pointer_key(f->arena, pointer, key), f);
        else if (s->items)
            validate_value(s->items, value, pointer_key(f->arena, pointer, key), f);
        else if (!s->open)
            fault_unknown(s->extends ? s->extends->fields : s->fields, key,
                          pointer_key(f->arena, pointer, key), NULL, f);
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
        schema_words(s, right, sizeof right);
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

/* `levels`: of arrays whose first item has to fit too. */
static const struct schema *alternative_of(const struct schema *s, const json_t *v,
                                           unsigned levels);

static bool type_fits(const struct schema *s, const json_t *v, unsigned levels)
{
    switch (s->type) {
    case SCHEMA_OBJECT:
        return json_is_object(v);
    case SCHEMA_ARRAY:
        return json_is_array(v) && (!levels || !s->items || !json_array_size(v) ||
                                    type_fits(s->items, json_array_get(v, 0), levels - 1));
    case SCHEMA_STRING:
        return json_is_string(v);
    case SCHEMA_INTEGER:
    case SCHEMA_NUMBER:
        return json_is_number(v);
    case SCHEMA_ID:
        return json_is_string(v) || json_is_number(v);
    case SCHEMA_BOOLEAN:
        return json_is_boolean(v);
    case SCHEMA_ONE_OF:
        return alternative_of(s, v, levels) != NULL;
    case SCHEMA_ANY:
        return true;
    }
    return false;
}

static const struct schema *alternative_of(const struct schema *s, const json_t *v, unsigned levels)
{
    for (size_t i = 0; s->alternatives[i]; i++)
        if (type_fits(s->alternatives[i], v, levels))
            return s->alternatives[i];
    return NULL;
}

void validate_value(const struct schema *s, const json_t *v, const char *pointer, struct faults *f)
{
    if (s->type == SCHEMA_ANY || (s->nullable && json_is_null(v)))
        return;
    if (s->type == SCHEMA_ONE_OF) {
        const struct schema *fits = alternative_of(s, v, 2);
        fits = fits ? fits : alternative_of(s, v, 0);
        if (fits)
            validate_value(fits, v, pointer, f);
        else
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
