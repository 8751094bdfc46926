/* Experiments, and what became of recommendations. */
#include "api/render.h"
#include "api/response.h"
#include "base/clock.h"
#include <math.h>

static struct str experiment_name(const struct call *c)
{
    return route_value(&c->match, "experiment");
}

static void str_put(struct json_writer *w, const char *key, struct str s)
{
    json_key_str(w, key, s);
}

static void count_put(struct json_writer *w, const char *key, uint64_t n)
{
    json_key_int(w, key, (int64_t)n);
}

static void experiment_render(struct json_writer *w, const struct experiment_out *x)
{
    json_object_begin(w);
    str_put(w, "name", x->name);
    str_put(w, "scenario", x->scenario);
    str_put(w, "state", str_c(x->state));
    str_put(w, "metric", str_c(x->metric));
    json_key(w, "variants");
    json_put_raw(w, x->variants);
    render_time(w, "created", x->created_us);
    render_time(w, "updated", x->updated_us);
    if (x->started_us)
        render_time(w, "started", x->started_us);
    if (x->stopped_us)
        render_time(w, "stopped", x->stopped_us);
    count_put(w, "revision", x->revision);
    if (x->results.n) {
        json_key(w, "results");
        json_put_raw(w, x->results);
    }
    json_object_end(w);
}

static void experiment_reply(struct call *c, int status, const struct experiment_out *x)
{
    struct response out;
    experiment_render(response_begin(&out), x);
    response_send(c, status, &out);
}

static void experiment_put(struct call *c, struct str name, bool only_new)
{
    struct err_info e = {0};
    struct experiment_out x;
    bool created;
    if (engine_experiment_put(c->engine, call_collection(c), name, c->body, only_new, c->arena, &x,
                              &created, &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    if (created)
        call_location(c, "/v1/collections/%.*s/experiments/%.*s", STR_ARG(call_collection(c)),
                      STR_ARG(x.name));
    experiment_reply(c, created ? 201 : 200, &x);
}

void run_experiment_create(struct call *c)
{
    experiment_put(c, input_str(c->body, "name"), true);
}

void run_experiment_put(struct call *c)
{
    experiment_put(c, experiment_name(c), false);
}

void run_experiments_list(struct call *c)
{
    struct err_info e = {0};
    struct experiment_out *list;
    size_t count;
    struct response out;
    if (engine_experiment_list(c->engine, call_collection(c), c->arena, &list, &count, &e)) {
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        experiment_render(w, &list[i]);
    response_page_send(c, &out, NULL); /* all fit in one page */
}

void run_experiment_get(struct call *c)
{
    struct err_info e = {0};
    struct experiment_out x;
    if (engine_experiment_get(c->engine, call_collection(c), experiment_name(c), c->arena, &x, &e))
        call_error(c, &e);
    else
        experiment_reply(c, 200, &x);
}

static void experiment_set(struct call *c, bool running)
{
    struct err_info e = {0};
    struct experiment_out x;
    if (engine_experiment_set(c->engine, call_collection(c), experiment_name(c), running, c->arena,
                              &x, &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    experiment_reply(c, 200, &x);
}

void run_experiment_start(struct call *c)
{
    experiment_set(c, true);
}

void run_experiment_stop(struct call *c)
{
    experiment_set(c, false);
}

void run_experiment_delete(struct call *c)
{
    struct err_info e = {0};
    if (engine_experiment_delete(c->engine, call_collection(c), experiment_name(c), &e)) {
        call_error(c, &e);
        return;
    }
    call_position_now(c);
    call_empty(c, 204);
}

/* ---- what became of recommendations ---- */

static unsigned by_read(struct call *c)
{
    static const struct {
        const char *name;
        unsigned bit;
    } all[] = {{"day", STATS_DAY},
               {"scenario", STATS_SCENARIO},
               {"model", STATS_MODEL},
               {"variant", STATS_VARIANT}};
    size_t n;
    unsigned by = 0;
    struct str *names = input_strs(c->arena, c->input, "by", &n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            if (str_eq_c(names[i], all[k].name))
                by |= all[k].bit;
    return by;
}

static void rate_put(struct json_writer *w, const char *key, double part, double whole)
{
    json_key_double(w, key, whole > 0 ? fmin(1, part / whole) : 0);
}

static void stats_render(struct json_writer *w, const struct stats_row *r, unsigned by,
                         uint64_t documents)
{
    json_object_begin(w);
    if (by & STATS_DAY)
        render_time(w, "day", r->day_us);
    if (by & STATS_SCENARIO)
        str_put(w, "scenario", r->scenario);
    if (by & STATS_MODEL)
        count_put(w, "recommender", r->recommender);
    if (by & STATS_VARIANT) {
        str_put(w, "experiment", r->experiment);
        str_put(w, "variant", r->variant);
    }
    count_put(w, "answers", r->answers);
    count_put(w, "shown", r->shown);
    count_put(w, "clicked", r->clicked);
    count_put(w, "converted", r->converted);
    count_put(w, "readers", (uint64_t)round(r->readers));
    count_put(w, "documents", (uint64_t)round(r->documents));
    rate_put(w, "click_through", (double)r->clicked, (double)r->answers);
    rate_put(w, "conversion", (double)r->converted, (double)r->answers);
    rate_put(w, "coverage", r->documents, (double)documents);
    json_object_end(w);
}

static int64_t time_read(const struct call *c, const char *name)
{
    int64_t us = 0;
    struct str text = input_str(c->input, name);
    return text.n && !clock_parse(text, &us) ? us : 0;
}

void run_recommend_stats(struct call *c)
{
    struct err_info e = {0};
    struct stats_answer s;
    struct response out;
    unsigned by = by_read(c);
    if (engine_recommend_stats(c->engine, call_collection(c), by, time_read(c, "from"),
                               time_read(c, "to"), c->arena, &s, &e)) {
        call_error(c, &e);
        return;
    }
    struct json_writer *w = response_list_begin(&out);
    for (size_t i = 0; i < s.count; i++)
        stats_render(w, &s.rows[i], by, s.documents);
    json_array_end(w);
    render_time(w, "as_of", s.through_us);
    json_key_bool(w, "complete", s.complete);
    json_object_end(w);
    response_send(c, 200, &out);
}

/* ---- what another way would have earned ---- */

static const char *verdict_of(struct call *c, const struct estimate_answer *s)
{
    if (!s->slots)
        return "no explored answers to go by: recommend with explore above 0, such as 0.1, name "
               "recommendation_id in feedback, and ask again";
    if (s->effective < ESTIMATE_EFFECTIVE_MIN)
        return arena_printf(c->arena,
                            "too few explored answers: the estimate rests on %.0f slots, %d are "
                            "wanted",
                            floor(s->effective), ESTIMATE_EFFECTIVE_MIN);
    if (s->low > s->observed)
        return "better than what was shown";
    return s->high < s->observed ? "worse than what was shown" : "no difference found";
}

static void estimate_put(struct call *c, struct json_writer *w, const struct estimate_request *r,
                         const struct estimate_answer *s)
{
    count_put(w, "recommender", s->recommender);
    str_put(w, "metric", str_c(r->conversion ? "conversion" : "click_through"));
    json_key(w, "estimate");
    json_object_begin(w);
    json_key_double(w, "rate", s->rate);
    json_key_double(w, "low", s->low);
    json_key_double(w, "high", s->high);
    json_object_end(w);
    json_key_double(w, "observed", s->observed);
    count_put(w, "answers", s->answers);
    count_put(w, "slots", s->slots);
    count_put(w, "matched", s->matched);
    json_key_double(w, "effective", round(s->effective * 10) / 10);
    json_key_bool(w, "enough", s->effective >= ESTIMATE_EFFECTIVE_MIN);
    str_put(w, "verdict", str_c(verdict_of(c, s)));
    if (s->from_us)
        render_time(w, "from", s->from_us);
    if (s->through_us)
        render_time(w, "through", s->through_us);
    json_key_bool(w, "complete", s->complete);
}

void run_recommend_estimate(struct call *c)
{
    struct err_info e = {0};
    struct estimate_answer s;
    struct response out;
    struct estimate_request r = {
        .recommender = (uint32_t)input_int(c->input, "recommender", 0),
        .blend = input_str(c->input, "blend"),
        .scenario = input_str(c->input, "scenario"),
        .filter = input_str(c->input, "filter"),
        .conversion = str_eq_c(input_str(c->input, "metric"), "conversion"),
        .from_us = time_read(c, "from"),
        .to_us = time_read(c, "to"),
    };
    if (engine_recommend_estimate(c->engine, call_collection(c), &r, c->arena, &s, &e)) {
        call_input_error(c, &e);
        return;
    }
    struct json_writer *w = response_begin(&out);
    json_object_begin(w);
    estimate_put(c, w, &r, &s);
    json_object_end(w);
    response_send(c, 200, &out);
}
