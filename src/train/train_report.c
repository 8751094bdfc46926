#include "train/train_impl.h"

#include "base/clock.h"
#include "base/json.h"
#include "train/gate.h"
#include "train/known.h"
#include "train/report.h"

static void report_data(struct json_writer *w, const struct training *t)
{
    static const char *const kinds[] = {"readers", "time", "items"};
    struct known_size known = known_measure(t->s);
    size_t texts = 0;
    for (uint32_t i = 0; i < t->s->items; i++) {
        bool has = false;
        for (uint32_t d = 0; d < t->s->dims && !has; d++)
            has = (t->s->vectors[(size_t)i * t->s->dims + d] & 0x7fff) != 0;
        texts += has;
    }
    json_key(w, "split");
    json_object_begin(w);
    json_key_c(w, "kind", kinds[t->o.split.kind]);
    json_key_double(w, "held_out", t->o.split.held_out);
    json_key_int(w, "validation", t->main.validation);
    json_key_int(w, "test", t->main.test);
    json_object_end(w);
    json_key(w, "counts");
    json_object_begin(w);
    json_key_int(w, "documents", t->s->items);
    json_key_int(w, "documents_read", known.items);
    json_key_int(w, "documents_with_text", texts);
    json_key_int(w, "readers", t->s->readers);
    json_key_int(w, "acts", t->s->start[t->s->readers]);
    json_object_end(w);
}

static void report_window(struct json_writer *w, const struct training_set *s)
{
    int64_t from = INT64_MAX, to = INT64_MIN;
    char text[CLOCK_TEXT];
    for (size_t i = 0; i < s->start[s->readers]; i++) {
        from = s->acts[i].time_us < from ? s->acts[i].time_us : from;
        to = s->acts[i].time_us > to ? s->acts[i].time_us : to;
    }
    json_key(w, "window");
    if (from >= to) { /* no times */
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_key(w, "from");
    clock_format(from, text);
    json_put_c(w, text);
    json_key(w, "to");
    clock_format(to, text);
    json_put_c(w, text);
    json_object_end(w);
}

static void report_tried(struct json_writer *w, const struct evaluation *v, enum measure metric)
{
    json_key(w, "tried");
    json_array_begin(w);
    for (unsigned i = 0; i < v->count; i++)
        report_trials(w, &v->contenders[i].trials, metric);
    json_array_end(w);
}

static void report_tried_again(struct json_writer *w, const struct training *t, enum measure metric)
{
    json_key(w, "tried_again");
    if (!t->sampled) {
        json_put_null(w);
        return;
    }
    json_array_begin(w);
    for (unsigned i = 0; i < t->main.count; i++) {
        const struct contender *c = &t->main.contenders[i];
        if (!c->trials.count)
            continue;
        json_object_begin(w);
        json_key_c(w, "kind", model_kind_name(c->recipe.kind));
        json_key_double(w, measure_name(metric), c->validated);
        json_object_end(w);
    }
    json_array_end(w);
}

static void report_baselines(struct json_writer *w, const struct evaluation *v, enum measure metric,
                             bool new_readers, uint64_t seed)
{
    const struct contender *own = &v->contenders[v->best];
    json_key(w, "baselines");
    json_array_begin(w);
    for (unsigned i = 0; i < v->count; i++) {
        const struct contender *c = &v->contenders[i];
        if ((int)i == v->best || (int)i == v->active)
            continue;
        json_object_begin(w);
        json_key_c(w, "name", c->name);
        if (c->learned) {
            json_key(w, "parameters");
            recipe_render(w, &c->recipe);
        }
        json_key(w, "metrics");
        report_metrics(w, new_readers ? &c->new_readers : &c->all, seed);
        json_key(w, "difference");
        report_difference(w, new_readers ? &own->new_readers : &own->all,
                          new_readers ? &c->new_readers : &c->all, metric, seed);
        json_object_end(w);
    }
    json_array_end(w);
}

static void report_new_documents(struct json_writer *w, const struct training *t, uint64_t seed)
{
    const struct evaluation *v = &t->items;
    const struct contender *content = evaluation_find(v, "content");
    json_key(w, "new_documents");
    if (v->best < 0 || !content) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_key_int(w, "documents", v->items_new);
    json_key_int(w, "readers", v->test);
    report_tried(w, v, MEASURE_RECALL_100);
    json_key(w, "metrics");
    report_metrics(w, &v->contenders[v->best].all, seed);
    json_key(w, "content");
    report_metrics(w, &content->all, seed);
    json_key(w, "difference");
    report_difference(w, &v->contenders[v->best].all, &content->all, MEASURE_RECALL_100, seed);
    json_object_end(w);
}

static void report_new_readers(struct json_writer *w, const struct training *t, uint64_t seed)
{
    const struct evaluation *v = &t->time;
    json_key(w, "new_readers");
    if (v->best < 0 || !v->new_readers) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_key_int(w, "readers", v->new_readers);
    json_key(w, "metrics");
    report_metrics(w, &v->contenders[v->best].new_readers, seed);
    report_baselines(w, v, MEASURE_NDCG_100, true, seed);
    json_object_end(w);
}

static void report_active(struct json_writer *w, const struct training *t, enum measure metric,
                          uint64_t seed)
{
    const struct evaluation *v = &t->main;
    json_key(w, "against_active");
    if (v->active < 0) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_key(w, "parameters");
    recipe_render(w, &v->contenders[v->active].recipe);
    report_difference_members(w, &v->contenders[v->best].all, &v->contenders[v->active].all, metric,
                              seed);
    json_object_end(w);
}

static void report_decision(struct json_writer *w, const struct training *t, uint64_t seed)
{
    struct gate g = gate_decide(&t->main, seed);
    json_key_bool(w, "promote", g.promote);
    json_key_c(w, "reason", g.reason);
    json_key(w, "left_out");
    if (t->left_out.n)
        json_put_str(w, strbuf_str(&t->left_out));
    else
        json_put_null(w);
}

void training_report(const struct training *t, struct strbuf *out)
{
    struct json_writer w;
    uint64_t seed = t->o.split.seed;
    enum measure metric = evaluate_metric(t->o.split.kind);
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_key_c(&w, "kind", model_kind_name(t->best.kind));
    json_key(&w, "parameters");
    recipe_render(&w, &t->best);
    json_key_int(&w, "seed", seed);
    report_data(&w, t);
    report_window(&w, t->s);
    report_tried(&w, &t->main, metric);
    report_tried_again(&w, t, metric);
    json_key(&w, "metrics");
    report_metrics(&w, &t->main.contenders[t->main.best].all, seed);
    report_baselines(&w, &t->main, metric, false, seed);
    report_new_documents(&w, t, seed);
    report_new_readers(&w, t, seed);
    report_active(&w, t, metric, seed);
    json_key(&w, "ranker");
    if (t->o.answers)
        rank_report(&w, &t->ranking);
    else
        json_put_null(&w);
    report_decision(&w, t, seed);
    json_key_double(&w, "seconds", (double)(clock_mono_ns() - t->began_ns) * 1e-9);
    json_key_int(&w, "memory_bytes", t->bytes);
    json_object_end(&w);
}
