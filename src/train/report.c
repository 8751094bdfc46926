#include "train/report.h"

#include "base/json.h"

void report_metrics(struct json_writer *w, const struct measured *m, uint64_t seed)
{
    json_object_begin(w);
    for (enum measure what = 0; what < MEASURE_COUNT; what++) {
        struct measured_mean x = measured_mean(m, what, seed);
        json_key(w, measure_name(what));
        json_object_begin(w);
        json_key_double(w, "mean", x.mean);
        json_key_double(w, "low", x.range.low);
        json_key_double(w, "high", x.range.high);
        json_object_end(w);
    }
    json_key_double(w, "coverage@20", m->coverage);
    json_key_double(w, "gini@20", m->gini);
    json_object_end(w);
}

void report_difference_members(struct json_writer *w, const struct measured *a,
                               const struct measured *b, enum measure metric, uint64_t seed)
{
    struct measured_difference d = measured_compare(a, b, metric, seed);
    json_key_c(w, "metric", measure_name(metric));
    json_key_double(w, "mean", d.mean);
    json_key_double(w, "low", d.range.low);
    json_key_double(w, "high", d.range.high);
    json_key_double(w, "p", d.p);
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
        json_key_double(w, measure_name(metric), t->all[i].metric); /* NaN: null */
        json_key_double(w, "seconds", t->all[i].seconds);
        json_object_end(w);
    }
}
