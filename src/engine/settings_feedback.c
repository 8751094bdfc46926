#include "engine/settings_feedback.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define HALF_LIFE_DAYS 30
#define HALF_LIFE_DAYS_MIN .01
#define DAYS_MAX 36500
#define ANSWERS_DAYS 90
#define DAY_US 86400e6

/* By name. */
static const struct feedback_type built_in[] = {
    {"click", .5, true, VALUE_IGNORED},   {"custom", 1, true, VALUE_FACTOR},
    {"dislike", -1, true, VALUE_IGNORED}, {"like", 1, true, VALUE_IGNORED},
    {"rate", 1, true, VALUE_RATING},      {"read", .7, true, VALUE_IGNORED},
    {"save", 1, true, VALUE_IGNORED},     {"view", .2, true, VALUE_IGNORED},
};
#define BUILT_IN (sizeof built_in / sizeof *built_in)

void feedback_settings_default(struct feedback_settings *f)
{
    memset(f, 0, sizeof *f);
    memcpy(f->types, built_in, sizeof built_in);
    f->count = BUILT_IN;
    f->half_life_days = HALF_LIFE_DAYS;
    f->answers_days = ANSWERS_DAYS;
}

/* ---- types ---- */

static const struct feedback_type *built_in_find(const char *name)
{
    for (size_t i = 0; i < BUILT_IN; i++)
        if (strcmp(built_in[i].name, name) == 0)
            return &built_in[i];
    return NULL;
}

const struct feedback_type *feedback_type_find(const struct feedback_settings *f, struct str type)
{
    for (unsigned i = 0; i < f->count; i++)
        if (str_eq_c(type, f->types[i].name))
            return &f->types[i];
    return NULL;
}

void feedback_type_names(const struct feedback_settings *f, char *out, size_t size)
{
    size_t n = 0;
    out[0] = 0;
    for (unsigned i = 0; i < f->count && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", f->types[i].name);
}

/* The place of a type; where it would stand if it is not there. */
static unsigned type_place(const struct feedback_settings *f, const char *name, bool *there)
{
    unsigned i = 0;
    while (i < f->count && strcmp(f->types[i].name, name) < 0)
        i++;
    *there = i < f->count && strcmp(f->types[i].name, name) == 0;
    return i;
}

static void type_remove(struct feedback_settings *f, const char *name)
{
    bool there;
    unsigned i = type_place(f, name, &there);
    const struct feedback_type *own = built_in_find(name);
    if (own) {
        f->types[i] = *own;
    } else if (there) {
        f->count--;
        memmove(&f->types[i], &f->types[i + 1], (f->count - i) * sizeof *f->types);
    }
}

static enum err name_check(const char *name, const char *pointer, struct err_info *e)
{
    size_t n = strlen(name);
    bool good = n > 0 && n <= FEEDBACK_TYPE_BYTES;
    for (size_t i = 0; i < n && good; i++)
        good = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
               (i > 0 && (name[i] == '_' || name[i] == '-' || name[i] == '.'));
    if (good)
        return 0;
    return err_set(e, ERR_INVALID, pointer,
                   "a type is named by 1 to %d of a-z, 0-9, \"_\", \"-\" and \".\", a letter or a "
                   "digit first",
                   FEEDBACK_TYPE_BYTES);
}

static enum err read_weight(struct feedback_type *t, const json_t *v, const char *pointer,
                            struct err_info *e)
{
    double weight = json_number_value(v);
    const struct feedback_type *own = built_in_find(t->name);
    if (!json_is_number(v) || !(fabs(weight) <= FEEDBACK_WEIGHT_MAX))
        return err_set(e, ERR_INVALID, pointer, "must be a number from %d to %d",
                       -FEEDBACK_WEIGHT_MAX, FEEDBACK_WEIGHT_MAX);
    if (own && own->value != VALUE_FACTOR && weight * own->weight < 0)
        return err_set(e, ERR_INVALID, pointer,
                       own->weight < 0 ? "a %s cannot weigh more than 0"
                                       : "a %s cannot weigh less than 0",
                       t->name);
    t->weight = weight;
    return 0;
}

static enum err read_type(struct feedback_type *t, const json_t *v, const char *pointer,
                          struct err_info *e)
{
    const char *key;
    json_t *member;
    enum err err = 0;
    if (json_is_number(v))
        return read_weight(t, v, pointer, e);
    if (!json_is_object(v))
        return err_set(e, ERR_INVALID, pointer,
                       "must be a weight, or an object such as {\"weight\":0.5,\"seen\":false}");
    json_object_foreach((json_t *)v, key, member)
    {
        char at[128];
        snprintf(at, sizeof at, "%s/%.40s", pointer, key);
        if (strcmp(key, "weight") == 0)
            err = read_weight(t, member, at, e);
        else if (strcmp(key, "seen") != 0)
            err = err_set(e, ERR_INVALID, at, "unknown; a type has weight and seen");
        else if (!json_is_boolean(member))
            err = err_set(e, ERR_INVALID, at, "must be true or false");
        else
            t->seen = json_is_true(member);
        if (err)
            return err;
    }
    return 0;
}

static enum err read_types(struct feedback_settings *f, const json_t *types, struct err_info *e)
{
    const char *key;
    json_t *v;
    if (!json_is_object(types))
        return err_set(e, ERR_INVALID, "/feedback/types",
                       "must be an object such as {\"view\":0.1,\"bookmark\":1}");
    json_object_foreach((json_t *)types, key, v)
    {
        char pointer[80];
        bool there;
        snprintf(pointer, sizeof pointer, "/feedback/types/%.40s", key);
        enum err err = name_check(key, pointer, e);
        if (err)
            return err;
        if (json_is_null(v)) {
            type_remove(f, key);
            continue;
        }
        unsigned i = type_place(f, key, &there);
        struct feedback_type t = {.weight = 1, .seen = true, .value = VALUE_FACTOR};
        if (there)
            t = f->types[i];
        snprintf(t.name, sizeof t.name, "%s", key);
        if ((err = read_type(&t, v, pointer, e)))
            return err;
        if (!there && f->count == FEEDBACK_TYPES_MAX)
            return err_set(e, ERR_INVALID, pointer, "there can be at most %d types",
                           FEEDBACK_TYPES_MAX);
        if (!there) {
            memmove(&f->types[i + 1], &f->types[i], (f->count - i) * sizeof *f->types);
            f->count++;
        }
        f->types[i] = t;
    }
    return 0;
}

/* ---- the rest ---- */

static enum err read_half_life(double *out, const json_t *v, struct err_info *e)
{
    double days = json_number_value(v);
    bool none = json_is_null(v);
    if (!none && !(json_is_number(v) && days >= HALF_LIFE_DAYS_MIN && days <= DAYS_MAX))
        return err_set(e, ERR_INVALID, "/feedback/half_life_days",
                       "must be a number of days from %g to %d, or null: nothing decays",
                       HALF_LIFE_DAYS_MIN, DAYS_MAX);
    *out = none ? 0 : days;
    return 0;
}

static enum err read_threshold(double *out, const json_t *v, struct err_info *e)
{
    double threshold = json_number_value(v);
    if (!(json_is_number(v) && threshold >= 0 && threshold <= FEEDBACK_WEIGHT_MAX))
        return err_set(e, ERR_INVALID, "/feedback/threshold", "must be a number from 0 to %d",
                       FEEDBACK_WEIGHT_MAX);
    *out = threshold;
    return 0;
}

static enum err read_answers_days(unsigned *out, const json_t *v, struct err_info *e)
{
    int64_t days;
    if (!json_whole(v, &days) || days < 0 || days > DAYS_MAX)
        return err_set(e, ERR_INVALID, "/feedback/answers_days",
                       "must be a whole number of days from 0 (they are kept) to %d", DAYS_MAX);
    *out = (unsigned)days;
    return 0;
}

enum err feedback_settings_merge(struct feedback_settings *f, const json_t *object,
                                 struct err_info *e)
{
    const char *key;
    json_t *v;
    struct feedback_settings new = *f;
    enum err err = 0;
    if (!json_is_object(object))
        return err_set(e, ERR_INVALID, "/feedback",
                       "must be an object such as {\"types\":{\"view\":0.1}}");
    json_object_foreach((json_t *)object, key, v)
    {
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/feedback/%.40s", key);
        if (strcmp(key, "types") == 0)
            err = read_types(&new, v, e);
        else if (strcmp(key, "half_life_days") == 0)
            err = read_half_life(&new.half_life_days, v, e);
        else if (strcmp(key, "threshold") == 0)
            err = read_threshold(&new.threshold, v, e);
        else if (strcmp(key, "answers_days") == 0)
            err = read_answers_days(&new.answers_days, v, e);
        else
            err = err_set(e, ERR_INVALID, pointer,
                          "unknown; there are types, half_life_days, threshold and answers_days");
        if (err)
            return err;
    }
    *f = new;
    return 0;
}

void feedback_settings_print(const struct feedback_settings *f, struct json_writer *w)
{
    json_object_begin(w);
    json_key_int(w, "answers_days", f->answers_days);
    json_key(w, "half_life_days");
    if (f->half_life_days > 0)
        json_put_double(w, f->half_life_days);
    else
        json_put_null(w);
    json_key_double(w, "threshold", f->threshold);
    json_key(w, "types");
    json_object_begin(w);
    for (unsigned i = 0; i < f->count; i++) {
        json_key(w, f->types[i].name);
        json_object_begin(w);
        json_key_bool(w, "seen", f->types[i].seen);
        json_key_double(w, "weight", f->types[i].weight);
        json_object_end(w);
    }
    json_object_end(w);
    json_object_end(w);
}

/* ---- weights ---- */

static double factor(enum feedback_value how, double value)
{
    switch (how) {
    case VALUE_IGNORED:
        return 1;
    case VALUE_RATING:
        return (value - 3) / 2;
    case VALUE_FACTOR:
        return value < -2 ? -2 : value > 2 ? 2 : value;
    }
    return 0;
}

double feedback_weight(const struct feedback_settings *f, struct str type, double value,
                       int64_t age_us)
{
    const struct feedback_type *t = feedback_type_find(f, type);
    if (!t)
        return 0;
    double weight = t->weight * factor(t->value, value);
    if (f->half_life_days > 0 && age_us > 0)
        weight *= exp2(-(double)age_us / (f->half_life_days * DAY_US));
    return weight;
}

bool feedback_counts(const struct feedback_settings *f, double total)
{
    return total != 0 && fabs(total) >= f->threshold;
}
