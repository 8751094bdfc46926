#include "api/ranking.h"
#include "base/clock.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BOOST_WEIGHT .3

static enum search_fusion fusion_of(struct str s)
{
    if (str_eq_c(s, "rrf"))
        return SEARCH_RRF;
    return str_eq_c(s, "minmax") ? SEARCH_MINMAX : SEARCH_LINEAR;
}

/* "90s", "15m", "12h", "30d", "2w", "1.5y"; a number is seconds. */
static enum err duration_read(const json_t *v, double *seconds)
{
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1},     {'m', 60},     {'h', 3600},
                 {'d', 86400}, {'w', 604800}, {'y', 365.25 * 86400}};
    struct str s = str_trim(json_str(v));
    if (!json_is_string(v)) {
        *seconds = json_number_value(v);
        return *seconds > 0 ? ERR_OK : ERR_INVALID;
    }
    for (size_t i = 0; s.n > 1 && i < sizeof units / sizeof *units; i++) {
        if (s.s[s.n - 1] != units[i].unit)
            continue;
        if (str_to_f64(str_trim((struct str){s.s, s.n - 1}), seconds) || !(*seconds > 0))
            return ERR_INVALID;
        *seconds *= units[i].seconds;
        return isfinite(*seconds) ? ERR_OK : ERR_INVALID;
    }
    return ERR_INVALID;
}

static enum err wrong(size_t i, const char *name, const char *right, struct err_info *e)
{
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/boosts/%zu/%s", i, name);
    return err_set(e, ERR_INVALID, pointer, "%s", right);
}

static enum err boost_read(const json_t *v, size_t i, struct search_boost *out, struct err_info *e)
{
    const json_t *half_life = json_object_get(v, "half_life");
    struct str origin = input_str(v, "origin");
    int64_t us;
    *out = (struct search_boost){.kind = half_life ? SEARCH_BOOST_RECENCY : SEARCH_BOOST_NUMBER,
                                 .field = input_str(v, "field"),
                                 .weight = input_double(v, "weight", BOOST_WEIGHT),
                                 .scale = input_double(v, "pivot", 1),
                                 .origin = (double)NAN};
    if (half_life && duration_read(half_life, &out->scale))
        return wrong(i, "half_life",
                     "must be more than 0: seconds, or as \"30d\" with s, m, h, d, w or y", e);
    if (origin.n && !half_life)
        return wrong(i, "origin", "belongs to a half_life", e);
    if (!origin.n)
        return ERR_OK;
    if (clock_parse(origin, &us))
        return wrong(i, "origin", "must be a time as RFC 3339 has it", e);
    out->origin = (double)us / 1e6;
    return ERR_OK;
}

enum err input_ranking(struct arena *a, const json_t *input, struct find_request *r,
                       struct err_info *e)
{
    const json_t *weights = json_object_get(input, "weights");
    const json_t *boosts = json_object_get(input, "boosts");
    r->fusion = fusion_of(input_str(input, "fusion"));
    r->weighted = json_is_object(weights);
    r->words_weight = input_double(weights, "lexical", 0);
    r->vectors_weight = input_double(weights, "semantic", 0);
    r->boost_count = json_array_size(boosts);
    struct search_boost *out = arena_array(a, r->boost_count + 1, sizeof *out);
    enum err err = ERR_OK;
    for (size_t i = 0; i < r->boost_count && !err; i++)
        err = boost_read(json_array_get(boosts, i), i, &out[i], e);
    r->boosts = out;
    return err;
}
