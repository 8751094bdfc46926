/* What came out of an experiment, as JSON:
 *
 *   {"as_of","complete","metric","variants":[{"name","answers","readers","shown","documents",
 *    "coverage","click_through":RATE,"conversion":RATE,"versus_control":{..}}],"conclusion"}
 *
 * Intervals and p hold whenever and however often one looks (math/sequential.h); with several
 * variants beside the control each comparison gets its share of alpha (Bonferroni). */
#include "engine/tally.h"
#include "base/clock.h"
#include <math.h>
#include <string.h>

struct outcome {
    const struct experiment *x;
    struct tally_experiment *t; /* NULL: nothing was counted */
    struct sequential_arm arms[2][EXPERIMENT_VARIANTS_MAX];
    double alpha; /* of one comparison */
    size_t documents;
};

static void number_put(struct json_writer *w, const char *key, double v)
{
    json_key_double(w, key, v);
}

static void rate_put(struct json_writer *w, const char *key, const struct sequential_arm *a)
{
    double low, high;
    sequential_range(a, EXPERIMENT_ALPHA, &low, &high);
    json_key(w, key);
    json_object_begin(w);
    number_put(w, "answers", a->events);
    number_put(w, "rate", a->rate);
    number_put(w, "low", low);
    number_put(w, "high", high);
    json_object_end(w);
}

static void comparison_put(struct json_writer *w, const struct outcome *o, unsigned at)
{
    const struct sequential_arm *arms = o->arms[o->x->metric];
    struct sequential_result s = sequential_compare(&arms[0], &arms[at], o->alpha);
    json_key(w, "versus_control");
    json_object_begin(w);
    number_put(w, "difference", s.difference);
    number_put(w, "low", s.low);
    number_put(w, "high", s.high);
    number_put(w, "lift", arms[0].rate > 0 ? s.difference / arms[0].rate : NAN);
    number_put(w, "p", s.p);
    json_key_c(w, "verdict",
               !s.told            ? "too few answers to tell"
               : s.p > o->alpha   ? "no difference found yet"
               : s.difference > 0 ? "better"
                                  : "worse");
    json_object_end(w);
}

static void variant_put(struct json_writer *w, const struct outcome *o, unsigned at)
{
    static const struct tally_variant none;
    const struct tally_variant *v = o->t ? &o->t->variants[at] : &none;
    double documents = distinct_count(&v->documents);
    json_object_begin(w);
    json_key_c(w, "name", o->x->variants[at].name);
    number_put(w, "answers", o->arms[0][at].units);
    number_put(w, "readers", round(distinct_count(&v->readers)));
    number_put(w, "shown", (double)v->shown);
    number_put(w, "documents", round(documents));
    number_put(w, "coverage", o->documents ? fmin(1, documents / (double)o->documents) : 0);
    rate_put(w, "click_through", &o->arms[METRIC_CLICK_THROUGH][at]);
    rate_put(w, "conversion", &o->arms[METRIC_CONVERSION][at]);
    if (at > 0)
        comparison_put(w, o, at);
    json_object_end(w);
}

static void outcome_make(struct collection *c, const struct experiment *x, struct arena *a,
                         struct outcome *o)
{
    *o = (struct outcome){.x = x, .t = tally_experiment_copy(c->tally, x->name, a)};
    o->alpha = EXPERIMENT_ALPHA / (x->variant_count - 1);
    for (unsigned m = 0; o->t && m < 2; m++)
        for (unsigned i = 0; i < x->variant_count; i++)
            o->arms[m][i] = sequential_arm_buckets(o->t->variants[i].buckets[m], TALLY_BUCKETS);
    lock_take(&c->lock);
    o->documents = c->documents;
    lock_drop(&c->lock);
}

enum err experiment_results(struct collection *c, const struct experiment *x, int64_t deadline_ns,
                            struct arena *a, struct str *out, struct err_info *e)
{
    struct outcome o;
    struct strbuf b;
    struct json_writer w;
    char time[CLOCK_TEXT];
    bool complete;
    enum err err = tally_fold(c->tally, deadline_ns, &complete, e);
    if (err)
        return err;
    outcome_make(c, x, a, &o);
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_key(&w, "as_of");
    clock_format(tally_through_us(c->tally), time);
    json_put_c(&w, time);
    json_key_bool(&w, "complete", complete);
    number_put(&w, "alpha", EXPERIMENT_ALPHA);
    json_key(&w, "variants");
    json_array_begin(&w);
    for (unsigned i = 0; i < x->variant_count; i++)
        variant_put(&w, &o, i);
    json_array_end(&w);
    json_object_end(&w);
    *out = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return 0;
}
