#include "train/report.h"

#include "base/json.h"

static void put(struct json_writer *w, const char *key, double v)
{
    json_key(w, key);
    json_put_double(w, v);
}

void report_metrics(struct json_writer *w, const struct measured *m, uint64_t seed)
{
    json_object_begin(w);
    for (enum measure what = 0; what < MEASURE_COUNT; what++) {
        struct measured_mean x = measured_mean(m, what, seed);
        json_key(w, measure_name(what));
        json_object_begin(w);
        put(w, "mean", x.mean);
        put(w, "low", x.range.low);
        put(w, "high", x.range.high);
        json_object_end(w);
    }
    put(w, "coverage@20", m->coverage);
    put(w, "gini@20", m->gini);
    json_object_end(w);
}

void report_difference_members(struct json_writer *w, const struct measured *a,
                               const struct measured *b, enum measure metric, uint64_t seed)
{
    struct measured_difference d = measured_compare(a, b, metric, seed);
    json_key(w, "metric");
    json_put_c(w, measure_name(metric));
    put(w, "mean", d.mean);
    put(w, "low", d.range.low);
    put(w, "high", d.range.high);
    put(w, "p", d.p);
}

void report_difference(struct json_writer *w, const struct measured *a, const struct measured *b,
                       enum measure metric, uint64_t seed)
{
    json_object_begin(w);
    report_difference_members(w, a, b, metric, seed);
    json_object_end(w);
}

void report_trials(struct json_writer *w, const struct trials *t, enum measure metric)
{
    for (unsigned i = 0; i < t->count; i++) {
        json_object_begin(w);
        json_key(w, "parameters");
        recipe_render(w, &t->all[i].recipe);
        put(w, measure_name(metric), t->all[i].metric); /* NaN: null */
        put(w, "seconds", t->all[i].seconds);
        json_object_end(w);
    }
}
