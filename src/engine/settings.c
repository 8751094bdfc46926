#include "engine/settings.h"
#include "base/clock.h"
#include "engine/document.h"
#include <assert.h>
#include <string.h>

const char *const document_field_names[FIELD_COUNT] = {
    [FIELD_ID] = "id",           [FIELD_TITLE] = "title", [FIELD_TEXT] = "text",
    [FIELD_URL] = "url",         [FIELD_LANG] = "lang",   [FIELD_TAGS] = "tags",
    [FIELD_EXPIRES] = "expires",
};

#define PASSAGE_TOKENS_MIN 16
#define OVERLAP_TOKENS 32
#define VERSIONS_KEPT 1
#define VERSIONS_KEPT_MAX 4 /* of the store's 8: there is room to build others */

void settings_default(struct settings *s, unsigned tokens_best, unsigned specials)
{
    assert(tokens_best > specials);
    memset(s, 0, sizeof *s);
    s->passage_tokens = tokens_best - specials;
    if (s->passage_tokens < PASSAGE_TOKENS_MIN)
        s->passage_tokens = PASSAGE_TOKENS_MIN;
    s->versions_kept = VERSIONS_KEPT;
    feedback_settings_default(&s->feedback);
    training_settings_default(&s->training);
    recommend_settings_default(&s->recommend);
    s->overlap_tokens = OVERLAP_TOKENS;
    if (s->overlap_tokens > s->passage_tokens / 4)
        s->overlap_tokens = s->passage_tokens / 4;
}

static enum err read_unsigned(const json_t *v, const char *pointer, unsigned min, unsigned max,
                              unsigned *out, struct err_info *e)
{
    int64_t n;
    if (!json_whole(v, &n) || n < min || n > max)
        return err_set(e, ERR_INVALID, pointer, "must be a whole number from %u to %u", min, max);
    *out = (unsigned)n;
    return 0;
}

static int field_find(const char *name)
{
    for (int f = 0; f < FIELD_COUNT; f++)
        if (strcmp(document_field_names[f], name) == 0)
            return f;
    return -1;
}

static enum err read_mapping(struct settings *s, const json_t *mapping, struct err_info *e)
{
    if (!json_is_object(mapping))
        return err_set(e, ERR_INVALID, "/mapping", "must be an object such as {\"text\":\"body\"}");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)mapping, key, v)
    {
        char pointer[FIELD_NAME_MAX + 16];
        snprintf(pointer, sizeof pointer, "/mapping/%.100s", key);
        int f = field_find(key);
        if (f < 0)
            return err_set(
                e, ERR_INVALID, pointer,
                "unknown field; id, title, text, url, lang, tags and expires can be mapped");
        if (json_is_null(v)) {
            s->mapping[f][0] = 0;
            continue;
        }
        struct str name = json_str(v);
        if (!json_is_string(v) || name.n == 0 || name.n > FIELD_NAME_MAX)
            return err_set(e, ERR_INVALID, pointer, "must be the name of a field, 1 to %d bytes",
                           FIELD_NAME_MAX);
        memcpy(s->mapping[f], name.s, name.n);
        s->mapping[f][name.n] = 0;
    }
    return 0;
}

static enum err read_extra_fields(struct settings *s, const json_t *v, struct err_info *e)
{
    struct str word = json_str(v);
    if (!str_eq_c(word, "attributes") && !str_eq_c(word, "error"))
        return err_set(e, ERR_INVALID, "/extra_fields", "must be \"attributes\" or \"error\"");
    s->extra_fields_refused = str_eq_c(word, "error");
    return 0;
}

/* ---- tenants ---- */

static bool is_attribute_name(struct str name)
{
    bool fits = name.n > 0 && name.n <= FIELD_NAME_MAX;
    for (size_t i = 0; i < name.n && fits; i++)
        fits = (name.s[i] >= 'a' && name.s[i] <= 'z') || (name.s[i] >= 'A' && name.s[i] <= 'Z') ||
               (i && name.s[i] >= '0' && name.s[i] <= '9') || name.s[i] == '_';
    return fits && !document_name_reserved(name);
}

static enum err read_tenant_field(struct settings *s, const json_t *v, struct err_info *e)
{
    struct str name = json_str(v);
    s->tenant_field[0] = 0;
    if (json_is_null(v))
        return 0;
    if (!json_is_string(v) || !is_attribute_name(name))
        return err_set(e, ERR_INVALID, "/tenant_field",
                       "must be the name of an attribute: letters, digits and _, not a digit "
                       "first, at most %d, and none of akin's own fields",
                       FIELD_NAME_MAX);
    memcpy(s->tenant_field, name.s, name.n);
    s->tenant_field[name.n] = 0;
    return 0;
}

/* A field that is mapped is no attribute. */
static enum err check_tenant_field(const struct settings *s, struct err_info *e)
{
    for (int f = 0; f < FIELD_COUNT && s->tenant_field[0]; f++)
        if (strcmp(s->mapping[f], s->tenant_field) == 0)
            return err_set(e, ERR_INVALID, "/tenant_field", "is mapped to %s, so no attribute",
                           document_field_names[f]);
    return 0;
}

struct str tenant_name(const json_t *v)
{
    struct str name = json_str(v);
    int64_t us;
    bool fits = json_is_string(v) && name.n > 0 && name.n <= TENANT_BYTES_MAX;
    bool day = name.n == 10 && name.s[4] == '-' && name.s[7] == '-';
    return fits && !day && clock_parse(name, &us) ? name : STR("");
}

/* ---- words ---- */

static enum err check_words(const json_t *list, const char *pointer, size_t max, struct err_info *e)
{
    char at[128];
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > max)
        return err_set(e, ERR_INVALID, pointer, "must be a list of 1 to %zu words", max);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct str word = json_str(json_array_get(list, i));
        snprintf(at, sizeof at, "%s/%zu", pointer, i);
        if (!json_is_string(json_array_get(list, i)) || str_trim(word).n == 0 ||
            word.n > RULE_WORD_MAX)
            return err_set(e, ERR_INVALID, at, "must be a word or several, 1 to %d bytes",
                           RULE_WORD_MAX);
    }
    return 0;
}

static enum err check_synonym(const json_t *v, const char *pointer, struct err_info *e)
{
    char at[96];
    const char *key;
    json_t *side;
    if (!json_is_object(v) || !json_object_get(v, "words"))
        return err_set(e, ERR_INVALID, pointer,
                       "must be an object such as {\"words\":[\"car\",\"automobile\"]} or "
                       "{\"words\":[\"tv\"],\"means\":[\"television\"]}");
    json_object_foreach((json_t *)v, key, side)
    {
        snprintf(at, sizeof at, "%s/%.40s", pointer, key);
        if (strcmp(key, "words") != 0 && strcmp(key, "means") != 0)
            return err_set(e, ERR_INVALID, at, "unknown; there are words and means");
        enum err err = check_words(side, at, SYNONYM_WORDS_MAX, e);
        if (err)
            return err;
    }
    if (!json_object_get(v, "means") && json_array_size(json_object_get(v, "words")) < 2)
        return err_set(e, ERR_INVALID, pointer, "one word alone is a synonym of nothing");
    return 0;
}

static enum err read_synonyms(struct settings *s, const json_t *v, struct err_info *e)
{
    char at[40];
    enum err err = 0;
    if (!json_is_null(v) && (!json_is_array(v) || json_array_size(v) > SYNONYMS_MAX))
        return err_set(e, ERR_INVALID, "/synonyms", "must be a list of at most %d rules",
                       SYNONYMS_MAX);
    for (size_t i = 0; i < json_array_size(v) && !err; i++) {
        snprintf(at, sizeof at, "/synonyms/%zu", i);
        err = check_synonym(json_array_get(v, i), at, e);
    }
    if (!err)
        s->synonyms = json_array_size(v) ? v : NULL;
    return err;
}

static enum err read_stop_words(struct settings *s, const json_t *v, struct err_info *e)
{
    bool none = json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0);
    enum err err = none ? 0 : check_words(v, "/stop_words", STOP_WORDS_MAX, e);
    if (!err)
        s->stop_words = none ? NULL : v;
    return err;
}

enum err settings_merge(struct settings *s, const json_t *object, unsigned tokens_max,
                        struct err_info *e)
{
    if (!object || json_is_null(object))
        return 0;
    if (!json_is_object(object))
        return err_set(e, ERR_INVALID, "", "settings must be an object");
    struct settings new = *s;
    bool overlap_given = false;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)object, key, v)
    {
        enum err err;
        char pointer[96];
        snprintf(pointer, sizeof pointer, "/%.80s", key);
        if (strcmp(key, "passage_tokens") == 0)
            err = read_unsigned(v, pointer, PASSAGE_TOKENS_MIN, tokens_max, &new.passage_tokens, e);
        else if (strcmp(key, "overlap_tokens") == 0) {
            err = read_unsigned(v, pointer, 0, tokens_max, &new.overlap_tokens, e);
            overlap_given = true;
        } else if (strcmp(key, "extra_fields") == 0)
            err = read_extra_fields(&new, v, e);
        else if (strcmp(key, "tenant_field") == 0)
            err = read_tenant_field(&new, v, e);
        else if (strcmp(key, "mapping") == 0)
            err = read_mapping(&new, v, e);
        else if (strcmp(key, "versions_kept") == 0)
            err = read_unsigned(v, pointer, 0, VERSIONS_KEPT_MAX, &new.versions_kept, e);
        else if (strcmp(key, "feedback") == 0)
            err = feedback_settings_merge(&new.feedback, v, e);
        else if (strcmp(key, "training") == 0)
            err = training_settings_merge(&new.training, v, e);
        else if (strcmp(key, "recommend") == 0)
            err = recommend_settings_merge(&new.recommend, v, e);
        else if (strcmp(key, "quota") == 0)
            err = quota_settings_merge(&new.quota, v, e);
        else if (strcmp(key, "synonyms") == 0)
            err = read_synonyms(&new, v, e);
        else if (strcmp(key, "stop_words") == 0)
            err = read_stop_words(&new, v, e);
        else
            err =
                err_set(e, ERR_INVALID, pointer,
                        "unknown setting; there are passage_tokens, overlap_tokens, extra_fields, "
                        "mapping, synonyms, stop_words, feedback, quota, recommend, "
                        "tenant_field, training and versions_kept");
        if (err)
            return err;
    }
    enum err fault = check_tenant_field(&new, e);
    if (fault)
        return fault;
    if (new.overlap_tokens * 2 >= new.passage_tokens) {
        if (overlap_given)
            return err_set(e, ERR_INVALID, "/overlap_tokens",
                           "must be less than half of passage_tokens (%u)", new.passage_tokens);
        new.overlap_tokens = (new.passage_tokens - 1) / 2;
    }
    *s = new;
    return 0;
}

static void words_print(struct json_writer *w, const json_t *list)
{
    if (list)
        json_put_value(w, list);
    else
        json_put_raw(w, STR("[]"));
}

void settings_print(const struct settings *s, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_key_c(&w, "extra_fields", s->extra_fields_refused ? "error" : "attributes");
    json_key(&w, "feedback");
    feedback_settings_print(&s->feedback, &w);
    json_key(&w, "mapping");
    json_object_begin(&w);
    for (int f = 0; f < FIELD_COUNT; f++) {
        if (!s->mapping[f][0])
            continue;
        json_key_c(&w, document_field_names[f], s->mapping[f]);
    }
    json_object_end(&w);
    json_key_int(&w, "overlap_tokens", s->overlap_tokens);
    json_key_int(&w, "passage_tokens", s->passage_tokens);
    json_key(&w, "quota");
    quota_settings_print(&s->quota, &w);
    json_key(&w, "recommend");
    recommend_settings_print(&s->recommend, &w);
    json_key(&w, "stop_words");
    words_print(&w, s->stop_words);
    json_key(&w, "synonyms");
    words_print(&w, s->synonyms);
    if (s->tenant_field[0])
        json_key_c(&w, "tenant_field", s->tenant_field);
    json_key(&w, "training");
    training_settings_print(&s->training, &w);
    json_key_int(&w, "versions_kept", s->versions_kept);
    json_object_end(&w);
}
