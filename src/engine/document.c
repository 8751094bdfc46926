#include "engine/document.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/rng.h"
#include "math/dot.h"
#include "math/half.h"
#include "text/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TITLE_BYTES_MAX (64u << 10)
#define TEXT_BYTES_MAX (10u << 20)
#define URL_BYTES_MAX 8192
#define LANG_BYTES_MAX 35
#define TAGS_MAX 1000
#define TAG_BYTES_MAX 255
#define ATTRIBUTES_MAX 1000
#define MADE_ID_DIGITS 24
#define VECTOR_DIGEST_DIGITS 64
#define HALF_LENGTH_ERROR                                                                          \
    5e-4 /* of a vector of length 1 whose numbers are float16: 2^-11 at most */

/* Beside the fields that can be mapped; from "revision" on set by akin, accepted and ignored so
 * that what was read can be written back. */
static const char *const unmapped[] = {
    "vector",  "attributes",   "revision",      "created",   "updated",
    "pending", "duplicate_of", "detected_lang", "predicted",
};
/* Where the text is looked for if the collection maps it to nothing. */
static const char *const text_names[] = {"text", "content", "body"};

/* ---- canonical JSON ---- */

static int key_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_canonical(struct json_writer *w, const json_t *v);

static void put_canonical_object(struct json_writer *w, const json_t *object)
{
    size_t n = json_object_size(object), i = 0;
    const char **keys = xmalloc((n + 1) * sizeof *keys);
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)object, key, v) keys[i++] = key;
    qsort(keys, n, sizeof *keys, key_compare);
    json_object_begin(w);
    for (i = 0; i < n; i++) {
        json_key(w, keys[i]);
        put_canonical(w, json_object_get(object, keys[i]));
    }
    json_object_end(w);
    free(keys);
}

static void put_canonical(struct json_writer *w, const json_t *v)
{
    if (json_is_object(v)) {
        put_canonical_object(w, v);
    } else if (json_is_array(v)) {
        json_array_begin(w);
        for (size_t i = 0; i < json_array_size(v); i++)
            put_canonical(w, json_array_get(v, i));
        json_array_end(w);
    } else {
        json_put_value(w, v);
    }
}

void json_put_canonical(struct strbuf *out, const json_t *v)
{
    struct json_writer w;
    json_writer_init(&w, out);
    put_canonical(&w, v);
}

/* ---- reading ---- */

enum err id_check(struct str id, const char *pointer, struct err_info *e)
{
    if (id.n == 0 || id.n > ID_BYTES_MAX)
        return err_set(e, ERR_INVALID, pointer, "an id has 1 to %d bytes, this one %zu",
                       ID_BYTES_MAX, id.n);
    if (str_eq_c(id, ".") || str_eq_c(id, ".."))
        return err_set(e, ERR_INVALID, pointer,
                       "an id cannot be \".\" or \"..\": clients rewrite such paths");
    if (utf8_valid(id) != id.n)
        return err_set(e, ERR_INVALID, pointer, "an id must be valid UTF-8");
    for (size_t at = 0; at < id.n;) {
        uint32_t c = utf8_next(id, &at);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            return err_set(e, ERR_INVALID, pointer, "an id cannot hold control characters");
    }
    return 0;
}

static const char *field_name(const struct settings *s, enum document_field f)
{
    return s->mapping[f][0] ? s->mapping[f] : document_field_names[f];
}

/* The value of a field under its name in this collection; `*name` is set to where it was found. */
static const json_t *field_get(const struct settings *s, const json_t *object,
                               enum document_field f, const char **name)
{
    *name = field_name(s, f);
    const json_t *v = json_object_get(object, *name);
    if (f == FIELD_TEXT && !s->mapping[f][0])
        for (size_t i = 1; (!v || json_is_null(v)) && i < sizeof text_names / sizeof *text_names;
             i++) {
            v = json_object_get(object, text_names[i]);
            if (v && !json_is_null(v))
                *name = text_names[i];
        }
    return json_is_null(v) ? NULL : v;
}

static void pointer_of(char out[160], const char *name)
{
    size_t n = 0;
    out[n++] = '/';
    for (; *name && n < 150; name++) { /* RFC 6901: ~ and / are escaped */
        if (*name == '~' || *name == '/') {
            out[n++] = '~';
            out[n++] = *name == '~' ? '0' : '1';
        } else {
            out[n++] = *name;
        }
    }
    out[n] = 0;
}

static enum err read_string(const struct settings *s, const json_t *object, enum document_field f,
                            size_t bytes_max, struct str *out, struct err_info *e)
{
    const char *name;
    char pointer[160];
    const json_t *v = field_get(s, object, f, &name);
    *out = STR("");
    if (!v)
        return 0;
    pointer_of(pointer, name);
    if (!json_is_string(v))
        return err_set(e, ERR_INVALID, pointer, "must be a string");
    *out = json_str(v);
    if (out->n > bytes_max)
        return err_set(e, ERR_TOO_LARGE, pointer, "has %zu bytes, at most %zu are allowed", out->n,
                       bytes_max);
    return 0;
}

static enum err read_nfc(const struct settings *s, const json_t *object, enum document_field f,
                         size_t bytes_max, struct arena *a, struct str *out, struct err_info *e)
{
    enum err err = read_string(s, object, f, bytes_max, out, e);
    return err ? err : text_nfc(a, *out, out, e);
}

static enum err read_id(const struct settings *s, const json_t *object, struct arena *a,
                        struct str *out, struct err_info *e)
{
    const char *name;
    char pointer[160];
    const json_t *v = field_get(s, object, FIELD_ID, &name);
    pointer_of(pointer, name);
    if (!v) {
        char *id = arena_alloc(a, MADE_ID_DIGITS + 1);
        rng_hex(id, MADE_ID_DIGITS);
        *out = str_c(id);
        return 0;
    }
    int64_t whole;
    if (json_whole(v, &whole)) {
        *out = str_c(arena_printf(a, "%lld", (long long)whole));
        return 0;
    }
    if (!json_is_string(v))
        return err_set(e, ERR_INVALID, pointer, "an id must be a string or a whole number");
    *out = json_str(v);
    return id_check(*out, pointer, e);
}

/* A subtag of BCP 47 at `at`: 1 to 8 letters and digits. Where it ends; `at` if there is none. */
static size_t subtag_end(struct str tag, size_t at, bool *letters)
{
    size_t end = at;
    *letters = true;
    for (; end < tag.n && tag.s[end] != '-'; end++) {
        unsigned char c = (unsigned char)tag.s[end];
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (end - at == 8 || (!letter && !(c >= '0' && c <= '9')))
            return at;
        *letters &= letter;
    }
    return end;
}

/* RFC 5646, section 2.1, by its shape: a language of 2 or more letters (or "x" or "i" and what was
 * agreed on), then subtags. */
static bool is_language_tag(struct str tag)
{
    bool letters;
    size_t at = 0, end = subtag_end(tag, 0, &letters);
    bool private = end == 1 && end < tag.n && strchr("xXiI", tag.s[0]);
    if (!letters || (end < 2 && !private))
        return false;
    while (end < tag.n) {
        at = end + 1;
        end = subtag_end(tag, at, &letters);
        if (end == at)
            return false;
    }
    return true;
}

static enum err check_lang(struct str lang, const char *name, struct err_info *e)
{
    char pointer[160];
    if (lang.n == 0 || is_language_tag(lang))
        return 0;
    pointer_of(pointer, name);
    return err_set(e, ERR_INVALID, pointer, "must be a language tag such as \"en\" or \"pt-BR\"");
}

static enum err check_tags(const json_t *tags, const char *name, struct err_info *e)
{
    char pointer[160], item[200];
    pointer_of(pointer, name);
    if (!json_is_array(tags))
        return err_set(e, ERR_INVALID, pointer, "must be an array of strings");
    if (json_array_size(tags) > TAGS_MAX)
        return err_set(e, ERR_TOO_LARGE, pointer, "has %zu tags, at most %d are allowed",
                       json_array_size(tags), TAGS_MAX);
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const json_t *v = json_array_get(tags, i);
        struct str tag = json_str(v);
        snprintf(item, sizeof item, "%s/%zu", pointer, i);
        if (!json_is_string(v) || tag.n == 0 || tag.n > TAG_BYTES_MAX)
            return err_set(e, ERR_INVALID, item, "a tag must be a string of 1 to %d bytes",
                           TAG_BYTES_MAX);
    }
    return 0;
}

static enum err read_expires(const struct settings *s, const json_t *object, int64_t *out,
                             struct err_info *e)
{
    const char *name;
    char pointer[160];
    const json_t *v = field_get(s, object, FIELD_EXPIRES, &name);
    *out = 0;
    if (!v)
        return 0;
    pointer_of(pointer, name);
    if (!json_is_string(v) || clock_parse(json_str(v), out) || *out <= 0)
        return err_set(e, ERR_INVALID, pointer,
                       "must be a time such as \"2030-01-31T12:00:00Z\", from 1970 on");
    return 0;
}

/* Rounded once already, as an export has it: to make it of length 1 again could round it again. */
static bool rounded_before(const float *x, const uint16_t *half, unsigned dims)
{
    double sum = 0;
    for (unsigned i = 0; i < dims; i++) {
        float back;
        half_to_f32(&half[i], &back, 1);
        if (back != x[i])
            return false;
        sum += (double)x[i] * (double)x[i];
    }
    return fabs(sqrt(sum) - 1) < HALF_LENGTH_ERROR;
}

static enum err read_vector(const struct document_rules *rules, const json_t *object,
                            struct arena *a, const uint16_t **out, struct err_info *e)
{
    const json_t *v = json_object_get(object, "vector");
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_array(v) || json_array_size(v) != rules->dims)
        return err_set(e, ERR_INVALID, "/vector",
                       "must be an array of %u numbers, the dimensions of this collection",
                       rules->dims);
    float *x = arena_array(a, rules->dims, sizeof *x);
    for (unsigned i = 0; i < rules->dims; i++) {
        const json_t *n = json_array_get(v, i);
        double value = json_number_value(n);
        if (!json_is_number(n) || !isfinite(value) || fabs(value) > 1e18) {
            char pointer[40];
            snprintf(pointer, sizeof pointer, "/vector/%u", i);
            return err_set(e, ERR_INVALID, pointer, "must be a finite number");
        }
        x[i] = (float)value;
    }
    uint16_t *half = arena_array(a, rules->dims, sizeof *half);
    *out = half;
    half_from_f32(x, half, rules->dims);
    if (rounded_before(x, half, rules->dims))
        return 0;
    if (!(normalise_f32(x, rules->dims) > 1e-12f))
        return err_set(e, ERR_INVALID, "/vector", "must not be all zeros");
    half_from_f32(x, half, rules->dims);
    return 0;
}

static bool is_one_of(struct str name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_c(name, list[i]))
            return true;
    return false;
}

static bool is_unmapped(struct str name)
{
    return is_one_of(name, unmapped, sizeof unmapped / sizeof *unmapped);
}

bool document_name_reserved(struct str name)
{
    return is_unmapped(name) || is_one_of(name, document_field_names, FIELD_COUNT) ||
           is_one_of(name, text_names, sizeof text_names / sizeof *text_names);
}

static bool is_own_field(const struct settings *s, const json_t *object, const char *key)
{
    if (is_unmapped(str_c(key)))
        return true;
    for (int f = 0; f < FIELD_COUNT; f++) {
        const char *name;
        field_get(s, object, f, &name);
        if (strcmp(key, name) == 0)
            return true;
    }
    return false;
}

/* The given attributes and the extra fields, as one new object; NULL out if there are none. */
static enum err read_attributes(const struct settings *s, const json_t *object, json_t **out,
                                struct err_info *e)
{
    char pointer[160];
    const json_t *given = json_object_get(object, "attributes");
    if (given && !json_is_object(given) && !json_is_null(given))
        return err_set(e, ERR_INVALID, "/attributes", "must be an object");
    json_t *all = json_object();
    const char *key;
    json_t *v;
    if (json_is_object(given))
        json_object_foreach((json_t *)given, key, v) json_object_set(all, key, v);
    json_object_foreach((json_t *)object, key, v)
    {
        if (is_own_field(s, object, key) || json_is_null(v))
            continue;
        pointer_of(pointer, key);
        enum err err = 0;
        if (s->extra_fields_refused)
            err = err_set(
                e, ERR_INVALID, pointer,
                "unknown field, and this collection refuses extra fields (extra_fields: error)");
        else if (json_object_get(all, key))
            err = err_set(e, ERR_INVALID, pointer, "is given under attributes too");
        if (err) {
            json_decref(all);
            return err;
        }
        json_object_set(all, key, v);
    }
    if (json_object_size(all) > ATTRIBUTES_MAX) {
        size_t n = json_object_size(all);
        json_decref(all);
        return err_set(e, ERR_TOO_LARGE, "/attributes",
                       "has %zu attributes, at most %d are allowed", n, ATTRIBUTES_MAX);
    }
    if (json_object_size(all) == 0) {
        json_decref(all);
        all = NULL;
    }
    *out = all;
    return 0;
}

/* ---- payload and digests ---- */

struct fields {
    struct str url, lang, detected_lang;
    const json_t *tags;
    json_t *attributes;
    struct str vector_digest;
};

static void put_field(struct json_writer *w, const char *key, struct str value)
{
    if (value.n == 0)
        return;
    json_key_str(w, key, value);
}

static void payload_make(struct draft *d, const struct fields *f, struct arena *a)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    put_field(&w, "detected_lang", f->detected_lang);
    if (f->attributes) {
        json_key(&w, "attributes");
        put_canonical(&w, f->attributes);
    }
    if (d->expires_us) {
        char text[CLOCK_TEXT];
        clock_format(d->expires_us, text);
        put_field(&w, "expires", str_c(text));
    }
    put_field(&w, "lang", f->lang);
    if (json_array_size(f->tags) > 0) {
        json_key(&w, "tags");
        put_canonical(&w, f->tags);
    }
    put_field(&w, "text", d->text);
    put_field(&w, "title", d->title);
    put_field(&w, "url", f->url);
    put_field(&w, "vector_digest", f->vector_digest);
    json_object_end(&w);
    d->payload = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    payload_digest(d->payload, d->digest); /* of what the client gave */
}

/* Of everything that the vectors follow from, but for the model: the same for every version. */
static void text_digest_make(struct draft *d, const struct document_rules *rules,
                             struct str vector_digest)
{
    struct sha256 h;
    unsigned cut[2] = {rules->settings.passage_tokens, rules->settings.overlap_tokens};
    uint64_t title_bytes = d->title.n;
    sha256_init(&h);
    sha256_add(&h, cut, sizeof cut);
    sha256_add(&h, vector_digest.s, vector_digest.n);
    sha256_add(&h, &title_bytes, sizeof title_bytes);
    sha256_add(&h, d->title.s, d->title.n);
    sha256_add(&h, d->text.s, d->text.n);
    sha256_end(&h, d->text_digest);
}

/* With the version: sent again when another one is active, the vector is news to that. */
static void vector_digest_hex(const uint16_t *vector, unsigned dims, uint32_t version,
                              char hex[VECTOR_DIGEST_DIGITS + 1])
{
    struct sha256 h;
    uint8_t digest[32];
    sha256_init(&h);
    sha256_add(&h, &version, sizeof version);
    sha256_add(&h, vector, dims * sizeof *vector);
    sha256_end(&h, digest);
    sha256_hex(digest, hex);
}

static struct str vector_digest_make(const uint16_t *vector, const struct document_rules *rules,
                                     struct arena *a)
{
    char *hex = arena_alloc(a, VECTOR_DIGEST_DIGITS + 1);
    vector_digest_hex(vector, rules->dims, rules->version, hex);
    return str_c(hex);
}

bool vector_digest_is(struct str digest, const uint16_t *vector, unsigned dims, uint32_t version)
{
    char hex[VECTOR_DIGEST_DIGITS + 1];
    vector_digest_hex(vector, dims, version, hex);
    return str_eq_c(digest, hex);
}

static enum err read_fields(const struct document_rules *rules, const json_t *object,
                            struct arena *a, struct draft *d, struct fields *f, struct err_info *e)
{
    const struct settings *s = &rules->settings;
    const char *name;
    enum err err;
    if ((err = read_id(s, object, a, &d->id, e)) ||
        (err = read_nfc(s, object, FIELD_TITLE, TITLE_BYTES_MAX, a, &d->title, e)) ||
        (err = read_nfc(s, object, FIELD_TEXT, TEXT_BYTES_MAX, a, &d->text, e)) ||
        (err = read_string(s, object, FIELD_URL, URL_BYTES_MAX, &f->url, e)) ||
        (err = read_string(s, object, FIELD_LANG, LANG_BYTES_MAX, &f->lang, e)) ||
        (err = check_lang(f->lang, field_name(s, FIELD_LANG), e)) ||
        (err = read_expires(s, object, &d->expires_us, e)) ||
        (err = read_vector(rules, object, a, &d->vector, e)))
        return err;
    f->tags = field_get(s, object, FIELD_TAGS, &name);
    if (f->tags && (err = check_tags(f->tags, name, e)))
        return err;
    if (str_trim(d->title).n == 0 && str_trim(d->text).n == 0) {
        char pointer[160];
        pointer_of(pointer, field_name(s, FIELD_TEXT));
        return err_set(e, ERR_INVALID, pointer, "a document needs a text or a title");
    }
    return read_attributes(s, object, &f->attributes, e);
}

/* Whose it is must be said, and by one name. */
static enum err read_tenant(const struct settings *s, const json_t *attributes, struct arena *a,
                            struct str *out, struct err_info *e)
{
    char pointer[FIELD_NAME_MAX + 16];
    const json_t *v = json_object_get(attributes, s->tenant_field);
    struct str name = tenant_name(v);
    *out = STR("");
    if (!s->tenant_field[0])
        return 0;
    snprintf(pointer, sizeof pointer, "/attributes/%s", s->tenant_field);
    if (!name.n)
        return err_set(e, ERR_INVALID, pointer,
                       "must name the tenant whose document it is, the tenant_field of this "
                       "collection: a string of 1 to %d bytes that is no date",
                       TENANT_BYTES_MAX);
    *out = arena_str(a, name);
    return 0;
}

enum err draft_read(const struct document_rules *rules, const json_t *object,
                    struct str vector_digest, struct arena *a, struct draft *d, struct err_info *e)
{
    struct fields f = {.vector_digest = vector_digest};
    memset(d, 0, sizeof *d);
    if (!json_is_object(object))
        return err_set(e, ERR_INVALID, "", "a document must be a JSON object");
    enum err err = read_fields(rules, object, a, d, &f, e);
    if (!err)
        err = read_tenant(&rules->settings, f.attributes, a, &d->tenant, e);
    if (err) {
        json_decref(f.attributes);
        return err;
    }
    if (d->vector)
        f.vector_digest = vector_digest_make(d->vector, rules, a);
    if (f.lang.n == 0 && rules->languages)
        f.detected_lang = str_c(
            language_code(language_detect_document(rules->languages, d->title, d->text).language));
    payload_make(d, &f, a);
    json_decref(f.attributes);
    text_digest_make(d, rules, f.vector_digest);
    return 0;
}

/* ---- reading back ---- */

void document_canonical_names(const struct settings *s, json_t *object)
{
    for (int f = 0; f < FIELD_COUNT; f++) {
        const char *name, *own = document_field_names[f];
        const json_t *v = field_get(s, object, f, &name);
        if (!v || strcmp(name, own) == 0)
            continue;
        json_object_set(object, own, (json_t *)v);
        json_object_del(object, name);
    }
}

static const char *mapped_name(const struct settings *s, const char *own)
{
    for (int f = 0; f < FIELD_COUNT; f++)
        if (strcmp(own, document_field_names[f]) == 0)
            return field_name(s, (enum document_field)f);
    return own;
}

static bool maps_any(const struct settings *s)
{
    bool any = false;
    for (int f = 0; f < FIELD_COUNT; f++)
        any |= s->mapping[f][0] != 0;
    return any;
}

struct str payload_mapped(const struct settings *s, struct arena *a, struct str payload)
{
    struct strbuf b;
    json_t *object, *named, *v;
    const char *key;
    if (!maps_any(s) || json_parse_stored(payload, &object, NULL))
        return payload;
    named = json_object();
    json_object_foreach(object, key, v) json_object_set(named, mapped_name(s, key), v);
    strbuf_init(&b, 0);
    json_put_canonical(&b, named);
    struct str out = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    json_decref(named);
    json_decref(object);
    return out;
}

#define VECTOR_KEY ",\"vector_digest\":\""
#define VECTOR_TAIL (sizeof VECTOR_KEY - 1 + VECTOR_DIGEST_DIGITS + 2)

struct str payload_vector_digest(struct str payload)
{
    /* Its key sorts last, so it can only stand at the end; quotes inside of a text are escaped. */
    if (payload.n < VECTOR_TAIL)
        return STR("");
    const char *at = payload.s + payload.n - VECTOR_TAIL;
    if (memcmp(at, VECTOR_KEY, sizeof VECTOR_KEY - 1) != 0 || payload.s[payload.n - 2] != '"')
        return STR("");
    return (struct str){at + sizeof VECTOR_KEY - 1, VECTOR_DIGEST_DIGITS};
}

struct str payload_for_readers(struct arena *a, struct str payload)
{
    if (payload_vector_digest(payload).n == 0)
        return payload;
    size_t n = payload.n - VECTOR_TAIL;
    char *copy = arena_alloc(a, n + 2);
    memcpy(copy, payload.s, n);
    memcpy(copy + n, "}", 2);
    return (struct str){copy, n + 1};
}

static void set_time(json_t *object, const char *key, int64_t wall_us)
{
    char text[CLOCK_TEXT];
    clock_format(wall_us, text);
    json_object_set_new(object, key, json_string(text));
}

json_t *document_for_filters(const struct document_record *d)
{
    json_t *object;
    if (json_parse_stored(d->payload, &object, NULL))
        return NULL;
    json_object_set_new(object, "id", json_stringn(d->id.s, d->id.n));
    set_time(object, "created", d->created_us);
    set_time(object, "updated", d->updated_us);
    json_object_del(object, "vector_digest");
    struct str lang = document_lang(object);
    if (lang.n)
        json_object_set_new(object, "lang", json_stringn(lang.s, lang.n));
    json_object_del(object, "detected_lang");
    return object;
}

struct str document_lang(const json_t *object)
{
    struct str given = json_str(json_object_get(object, "lang"));
    return given.n ? given : json_str(json_object_get(object, "detected_lang"));
}
