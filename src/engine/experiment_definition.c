/* An experiment as clients send it, as the store keeps it, and as it is here. */
#include "engine/experiments.h"
#include "recommend/expression.h"
#include <math.h>
#include <string.h>

const char *const experiment_metric_names[2] = {"click_through", "conversion"};

static bool name_is_valid(struct str name)
{
    if (!name.n || name.n > EXPERIMENT_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char k = name.s[i];
        bool first = (k >= 'a' && k <= 'z') || (k >= '0' && k <= '9');
        if (!first && !(i && (k == '-' || k == '_')))
            return false;
    }
    return true;
}

static enum err name_copy(struct str name, const char *pointer, char out[EXPERIMENT_NAME_MAX + 1],
                          struct err_info *e)
{
    if (!name_is_valid(name))
        return err_set(e, ERR_INVALID, pointer,
                       "must be 1 to 64 of a-z, 0-9, - and _, beginning with a letter or a digit");
    memcpy(out, name.s, name.n);
    out[name.n] = '\0';
    return 0;
}

/* ---- reading ---- */

/* A number of a variant, if it is there. */
static enum err number_read(const json_t *v, const char *key, double min, double max, size_t at,
                            double *out, bool *there, struct err_info *e)
{
    char pointer[96];
    const json_t *value = json_object_get(v, key);
    *there = value && !json_is_null(value);
    if (!*there)
        return 0;
    double number = json_is_number(value) ? json_number_value(value) : NAN;
    snprintf(pointer, sizeof pointer, "/variants/%zu/%s", at, key);
    if (!(number >= min && number <= max))
        return err_set(e, ERR_INVALID, pointer, "must be a number from %g to %g", min, max);
    *out = number;
    return 0;
}

static enum err numbers_read(const json_t *v, size_t at, struct variant *out, struct err_info *e)
{
    const struct {
        const char *key;
        enum variant_field field;
        double min, max, *to;
    } all[] = {
        {"diversity", VARIANT_DIVERSITY, 0, 1, &out->diversity},
        {"explore", VARIANT_EXPLORE, 0, 1, &out->explore},
        {"fatigue", VARIANT_FATIGUE, 0, 1, &out->fatigue},
        {"half_life_days", VARIANT_HALF_LIFE, 0, 36500, &out->half_life_days},
    };
    double id = 0;
    bool there;
    enum err err = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && !err; i++) {
        err = number_read(v, all[i].key, all[i].min, all[i].max, at, all[i].to, &there, e);
        if (!err && there)
            out->fields |= all[i].field;
    }
    if (!err)
        err = number_read(v, "recommender", 1, UINT32_MAX, at, &id, &there, e);
    if (!err && there) {
        out->fields |= VARIANT_RECOMMENDER;
        out->recommender = (uint32_t)id;
    }
    out->weight = 1;
    return err ? err : number_read(v, "weight", 0, 1e6, at, &out->weight, &there, e);
}

static enum err blend_read(const json_t *v, size_t at, struct arena *a, struct variant *out,
                           struct err_info *e)
{
    const struct expression *parsed;
    struct err_info info = {0};
    char pointer[96];
    const json_t *blend = json_object_get(v, "blend");
    if (!blend || json_is_null(blend))
        return 0;
    out->blend = arena_str(a, json_str(blend));
    out->fields |= VARIANT_BLEND;
    enum err err = expression_parse(a, out->blend, &parsed, &info);
    snprintf(pointer, sizeof pointer, "/variants/%zu/blend", at);
    return err ? err_set(e, err, pointer, "%s", info.message) : 0;
}

static enum err ranker_read(const json_t *v, size_t at, struct variant *out, struct err_info *e)
{
    char pointer[96];
    const json_t *ranker = json_object_get(v, "ranker");
    if (!ranker || json_is_null(ranker))
        return 0;
    snprintf(pointer, sizeof pointer, "/variants/%zu/ranker", at);
    if (!json_is_boolean(ranker))
        return err_set(e, ERR_INVALID, pointer, "must be true or false");
    out->ranker = json_is_true(ranker);
    out->fields |= VARIANT_RANKER;
    return 0;
}

static enum err variant_read(const json_t *v, size_t at, struct arena *a, struct variant *out,
                             struct err_info *e)
{
    char pointer[96];
    snprintf(pointer, sizeof pointer, "/variants/%zu/name", at);
    memset(out, 0, sizeof *out);
    enum err err = name_copy(json_str(json_object_get(v, "name")), pointer, out->name, e);
    if (!err)
        err = numbers_read(v, at, out, e);
    if (!err)
        err = ranker_read(v, at, out, e);
    return err ? err : blend_read(v, at, a, out, e);
}

/* Two variants that say the same would only find that nothing differs from itself, which is what
 * an A/A run is for: that is allowed. */
static enum err variants_check(const struct experiment *x, struct err_info *e)
{
    char pointer[96];
    unsigned served = 0;
    for (unsigned i = 0; i < x->variant_count; i++) {
        served += x->variants[i].weight > 0;
        for (unsigned k = 0; k < i; k++) {
            snprintf(pointer, sizeof pointer, "/variants/%u/name", i);
            if (strcmp(x->variants[i].name, x->variants[k].name) == 0)
                return err_set(e, ERR_INVALID, pointer, "is the name of variant %u already", k);
        }
    }
    if (served < 2)
        return err_set(e, ERR_INVALID, "/variants",
                       "at least two variants must have a weight above 0, or there is nothing to "
                       "compare");
    return 0;
}

static enum err variants_read(const json_t *list, struct arena *a, struct experiment *x,
                              struct err_info *e)
{
    size_t n = json_array_size(list);
    if (n < 2 || n > EXPERIMENT_VARIANTS_MAX)
        return err_set(e, ERR_INVALID, "/variants", "must be 2 to %d variants, the control first",
                       EXPERIMENT_VARIANTS_MAX);
    enum err err = 0;
    for (size_t i = 0; i < n && !err; i++)
        err = variant_read(json_array_get(list, i), i, a, &x->variants[i], e);
    x->variant_count = (unsigned)n;
    return err ? err : variants_check(x, e);
}

static enum err metric_read(const json_t *v, enum experiment_metric *out, struct err_info *e)
{
    struct str name = json_str(v);
    *out = METRIC_CLICK_THROUGH;
    if (!v || json_is_null(v))
        return 0;
    for (unsigned i = 0; i < 2; i++)
        if (str_eq_c(name, experiment_metric_names[i])) {
            *out = (enum experiment_metric)i;
            return 0;
        }
    return err_set(e, ERR_INVALID, "/metric", "must be click_through or conversion");
}

enum err experiment_read(const json_t *body, struct str name, struct arena *a,
                         struct experiment *out, struct err_info *e)
{
    memset(out, 0, sizeof *out);
    out->scenario = arena_str(a, json_str(json_object_get(body, "scenario")));
    enum err err = name_copy(name, "/name", out->name, e);
    if (!err && out->scenario.n > 255)
        err = err_set(e, ERR_INVALID, "/scenario", "must be at most 255 bytes");
    if (!err)
        err = metric_read(json_object_get(body, "metric"), &out->metric, e);
    return err ? err : variants_read(json_object_get(body, "variants"), a, out, e);
}

/* ---- writing ---- */

static void number_put(struct json_writer *w, const struct variant *v, enum variant_field field,
                       const char *key, double value)
{
    if (!(v->fields & field))
        return;
    json_key_double(w, key, value);
}

static void variant_put(struct json_writer *w, const struct variant *v)
{
    json_object_begin(w);
    json_key_c(w, "name", v->name);
    json_key_double(w, "weight", v->weight);
    number_put(w, v, VARIANT_RECOMMENDER, "recommender", v->recommender);
    if (v->fields & VARIANT_BLEND)
        json_key_str(w, "blend", v->blend);
    number_put(w, v, VARIANT_DIVERSITY, "diversity", v->diversity);
    number_put(w, v, VARIANT_EXPLORE, "explore", v->explore);
    number_put(w, v, VARIANT_FATIGUE, "fatigue", v->fatigue);
    number_put(w, v, VARIANT_HALF_LIFE, "half_life_days", v->half_life_days);
    if (v->fields & VARIANT_RANKER)
        json_key_bool(w, "ranker", v->ranker);
    json_object_end(w);
}

static void variants_put(struct json_writer *w, const struct experiment *x)
{
    json_array_begin(w);
    for (unsigned i = 0; i < x->variant_count; i++)
        variant_put(w, &x->variants[i]);
    json_array_end(w);
}

struct str experiment_variants(const struct experiment *x, struct arena *a)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    variants_put(&w, x);
    struct str text = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return text;
}

struct str experiment_payload(const struct experiment *x, struct str results, struct arena *a)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_key_c(&w, "metric", experiment_metric_names[x->metric]);
    json_key(&w, "variants");
    variants_put(&w, x);
    json_key_int(&w, "started_us", x->started_us);
    json_key_int(&w, "stopped_us", x->stopped_us);
    if (results.n) {
        json_key(&w, "results");
        json_put_raw(&w, results);
    }
    json_object_end(&w);
    struct str text = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return text;
}

static struct str value_text(const json_t *v, struct arena *a)
{
    struct strbuf b;
    struct json_writer w;
    if (!v)
        return (struct str){"", 0};
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_put_value(&w, v);
    struct str text = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return text;
}

enum err experiment_stored(const struct experiment_record *r, struct arena *a,
                           struct experiment *out, struct str *results, struct err_info *e)
{
    json_t *v = NULL;
    struct err_info info = {0};
    enum err err = json_parse_stored(r->payload, &v, &info);
    if (!err)
        err = experiment_read(v, r->name, a, out, &info);
    if (err)
        err = err_set(e, ERR_CORRUPT, "experiment", "the stored experiment %.*s cannot be read: %s",
                      STR_ARG(r->name), info.message);
    if (!err) {
        out->scenario = arena_str(a, r->scenario);
        out->state = r->state;
        out->started_us = json_integer_value(json_object_get(v, "started_us"));
        out->stopped_us = json_integer_value(json_object_get(v, "stopped_us"));
        if (results)
            *results = value_text(json_object_get(v, "results"), a);
    }
    json_decref(v);
    return err;
}
