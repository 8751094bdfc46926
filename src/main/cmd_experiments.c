/* akin experiments: which way to recommend is better, asked of the readers. */
#include "main/answer.h"
#include "main/deed.h"
#include "main/settings.h"
#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (1u << 20)

static const struct command_option options[] = {
    OPTION_COLLECTION,
    {"--variant", 0, "V",
     "create, change: NAME[:WEIGHT][,KEY=VALUE...], the control first; keys: recommender, "
     "diversity, explore, fatigue, half_life_days, ranker (0 or 1), blend (last: it may hold "
     "commas)"},
    {"--scenario", 0, "S",
     "create, change: the scenario it is of (default: any other); estimate: only of this one"},
    {"--metric", 0, "M", "create, change, estimate: click_through (default) or conversion"},
    {"--from", 0, "FILE", "create, change: all of it as JSON instead"},
    {"--by", 0, "LIST", "stats: of day, scenario, model, variant (default: the last three)"},
    {"--since", 0, "TIME", "stats, estimate: from then on, as 2026-11-22T00:00:00Z"},
    {"--recommender", 0, "N", "estimate: this one (default: the active one)"},
    {"--blend", 0, "EXPRESSION", "estimate: this blend (default: the collection's)"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

/* ---- printing ---- */

static void print_overrides(const json_t *variant)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)variant, key, v)
    {
        if (strcmp(key, "name") == 0 || strcmp(key, "weight") == 0)
            continue;
        if (json_is_string(v))
            printf("  %s=%s", key, json_string_value(v));
        else
            printf("  %s=%g", key, json_number_value(v));
    }
}

static void print_experiment(const json_t *x)
{
    const char *scenario = text_of(x, "scenario");
    size_t i;
    json_t *v;
    printf("%-24s %-8s %-14s %s\n", text_of(x, "name"), text_of(x, "state"), text_of(x, "metric"),
           *scenario ? scenario : "(any other scenario)");
    json_array_foreach(json_object_get(x, "variants"), i, v)
    {
        printf("  %-22s weight %-6g", text_of(v, "name"), number_of(v, "weight"));
        print_overrides(v);
        putchar('\n');
    }
}

static void print_rate(const json_t *rate)
{
    printf(" %8.2f %%  %6.2f ... %6.2f", 100 * number_of(rate, "rate"),
           100 * number_of(rate, "low"), 100 * number_of(rate, "high"));
}

static void print_verdict(const json_t *c)
{
    if (!c)
        return;
    printf("  %+.2f points (%+.2f ... %+.2f), p %.4f: %s", 100 * number_of(c, "difference"),
           100 * number_of(c, "low"), 100 * number_of(c, "high"), number_of(c, "p"),
           text_of(c, "verdict"));
}

static void print_results(const json_t *x)
{
    const json_t *r = json_object_get(x, "results");
    const char *metric = text_of(x, "metric");
    size_t i;
    json_t *v;
    if (!r)
        return;
    printf("\n%-22s %9s %8s %9s %10s  %-21s  %s\n", "variant", "answers", "readers", "coverage",
           strcmp(metric, "conversion") == 0 ? "converted" : "clicked", "always-valid 95 %",
           "against the control");
    json_array_foreach(json_object_get(r, "variants"), i, v)
    {
        printf("%-22s %9.0f %8.0f %7.1f %%", text_of(v, "name"), number_of(v, "answers"),
               number_of(v, "readers"), 100 * number_of(v, "coverage"));
        print_rate(json_object_get(v, metric));
        print_verdict(json_object_get(v, "versus_control"));
        putchar('\n');
    }
    printf("as of %s%s\n", text_of(r, "as_of"),
           json_is_true(json_object_get(r, "complete")) ? "" : "; still counting older answers");
}

static void print_stats(const json_t *list)
{
    size_t i;
    json_t *r;
    printf("%-11s %-16s %6s %-16s %-16s %9s %9s %9s %9s\n", "day", "scenario", "model",
           "experiment", "variant", "answers", "clicked", "converted", "coverage");
    json_array_foreach(list, i, r) printf(
        "%-11.10s %-16s %6.0f %-16s %-16s %9.0f %7.2f %% %7.2f %% %7.1f %%\n", text_of(r, "day"),
        text_of(r, "scenario"), number_of(r, "recommender"), text_of(r, "experiment"),
        text_of(r, "variant"), number_of(r, "answers"), 100 * number_of(r, "click_through"),
        100 * number_of(r, "conversion"), 100 * number_of(r, "coverage"));
}

static void print_estimate(const json_t *x)
{
    const json_t *o = json_object_get(x, "estimate");
    printf("%s: %s\n", text_of(x, "metric"), text_of(x, "verdict"));
    if (number_of(x, "slots") > 0)
        printf("estimated %.2f %% of slots (%.2f ... %.2f), observed %.2f %%\n",
               100 * number_of(o, "rate"), 100 * number_of(o, "low"), 100 * number_of(o, "high"),
               100 * number_of(x, "observed"));
    printf("from %.0f explored answers, %.0f slots, %.0f of them as it would have had them%s\n",
           number_of(x, "answers"), number_of(x, "slots"), number_of(x, "matched"),
           json_is_true(json_object_get(x, "complete")) ? "" : "; there are later ones");
}

static void print_answer(const struct deed *d, const struct deed_verb *v)
{
    const json_t *list = json_object_get(d->answer, "data");
    size_t i;
    json_t *x;
    if (!d->answer)
        return; /* deleted */
    if (args_has(d->a, "--json")) {
        print_json(d->answer);
    } else if (json_object_get(d->answer, "estimate")) {
        print_estimate(d->answer);
    } else if (json_object_get(d->answer, "as_of")) {
        print_stats(list);
    } else if (list) {
        json_array_foreach(list, i, x) print_experiment(x);
    } else {
        print_experiment(d->answer);
        print_results(d->answer);
    }
}

/* ---- saying what it is ---- */

static enum err field_put(json_t *variant, const char *key, size_t key_n, const char *value,
                          struct err_info *e)
{
    char name[32], *end;
    double number = strtod(value, &end);
    snprintf(name, sizeof name, "%.*s", (int)(key_n < 31 ? key_n : 31), key);
    if (strcmp(name, "blend") == 0) {
        json_object_set_new(variant, name, json_string(value));
        return 0;
    }
    if (end == value || (*end && *end != ','))
        return err_set(e, ERR_INVALID, "--variant", "%s wants a number, not %.40s", name, value);
    json_object_set_new(variant, name,
                        strcmp(name, "ranker") == 0        ? json_boolean(number != 0)
                        : strcmp(name, "recommender") == 0 ? json_integer((json_int_t)number)
                                                           : json_real(number));
    return 0;
}

/* NAME[:WEIGHT][,KEY=VALUE...]; what stands behind blend= is all of it. */
static enum err variant_put(json_t *list, const char *text, struct err_info *e)
{
    json_t *v = json_object();
    const char *at = text + strcspn(text, ":,");
    json_array_append_new(list, v);
    json_object_set_new(v, "name", json_stringn(text, (size_t)(at - text)));
    enum err err = *at == ':' ? field_put(v, "weight", 6, at + 1, e) : 0;
    at += strcspn(at, ",");
    while (!err && *at == ',') {
        const char *key = at + 1;
        size_t n = strcspn(key, "=,");
        if (key[n] != '=')
            return err_set(e, ERR_INVALID, "--variant",
                           "\"%.80s\" is not NAME[:WEIGHT][,KEY=VALUE...]", text);
        err = field_put(v, key, n, key + n + 1, e);
        bool blend = n == 5 && strncmp(key, "blend", n) == 0;
        at = blend ? "" : key + n + strcspn(key + n, ",");
    }
    return err;
}

static enum err body_read(const struct deed *d, json_t **out, struct err_info *e)
{
    const char *from = args_get(d->a, "--from"), *const * variants;
    unsigned n = args_all(d->a, "--variant", &variants);
    enum err err = 0;
    if (from) {
        char *text = NULL;
        size_t size = 0;
        err = file_read_all(from, FILE_BYTES_MAX, &text, &size, e);
        if (!err)
            err = json_parse((struct str){text, size}, out, e);
        free(text);
        if (!err && !json_is_object(*out))
            err = err_set(e, ERR_INVALID, from, "must hold an object");
        return err;
    }
    *out = json_object();
    json_t *list = json_array();
    json_object_set_new(*out, "variants", list);
    for (unsigned i = 0; i < n && !err; i++)
        err = variant_put(list, variants[i], e);
    if (args_has(d->a, "--scenario"))
        json_object_set_new(*out, "scenario", json_string(args_get(d->a, "--scenario")));
    if (args_has(d->a, "--metric"))
        json_object_set_new(*out, "metric", json_string(args_get(d->a, "--metric")));
    return err;
}

/* ---- the verbs ---- */

static enum err do_list(struct deed *d, struct err_info *e)
{
    return deed_call(d, "GET", d->path, NULL, e);
}

static enum err do_show(struct deed *d, struct err_info *e)
{
    return deed_call(d, "GET", deed_one(d, ""), NULL, e);
}

static enum err do_write(struct deed *d, bool create, struct err_info *e)
{
    json_t *body = NULL;
    enum err err = body_read(d, &body, e);
    if (!err && create)
        json_object_set_new(body, "name", json_string(d->a->words[1]));
    if (!err)
        err = create ? deed_call(d, "POST", d->path, body, e)
                     : deed_call(d, "PUT", deed_one(d, ""), body, e);
    json_decref(body);
    return err;
}

static enum err do_create(struct deed *d, struct err_info *e)
{
    return do_write(d, true, e);
}

static enum err do_change(struct deed *d, struct err_info *e)
{
    return do_write(d, false, e);
}

static enum err do_start(struct deed *d, struct err_info *e)
{
    return deed_call(d, "POST", deed_one(d, ":start"), NULL, e);
}

static enum err do_stop(struct deed *d, struct err_info *e)
{
    return deed_call(d, "POST", deed_one(d, ":stop"), NULL, e);
}

static enum err do_delete(struct deed *d, struct err_info *e)
{
    return deed_call(d, "DELETE", deed_one(d, ""), NULL, e);
}

static enum err do_stats(struct deed *d, struct err_info *e)
{
    const char *by = args_get(d->a, "--by"), *since = args_get(d->a, "--since");
    const char *path =
        arena_printf(session_arena(d->s), "%s/recommendations/stats?by=%s%s%s", d->collection,
                     session_encode(d->s, str_c(by ? by : "scenario,model,variant")),
                     since ? "&from=" : "", since ? session_encode(d->s, str_c(since)) : "");
    return deed_call(d, "GET", path, NULL, e);
}

static enum err do_estimate(struct deed *d, struct err_info *e)
{
    static const char *const options_of[][2] = {{"--recommender", "recommender"},
                                                {"--blend", "blend"},
                                                {"--scenario", "scenario"},
                                                {"--metric", "metric"},
                                                {"--since", "from"}};
    const char *path =
        arena_printf(session_arena(d->s), "%s/recommendations/estimate", d->collection);
    char mark = '?';
    for (size_t i = 0; i < sizeof options_of / sizeof *options_of; i++) {
        const char *value = args_get(d->a, options_of[i][0]);
        if (!value)
            continue;
        path = arena_printf(session_arena(d->s), "%s%c%s=%s", path, mark, options_of[i][1],
                            session_encode(d->s, str_c(value)));
        mark = '&';
    }
    return deed_call(d, "GET", path, NULL, e);
}

#define ONE "the name of an experiment"
static const struct deed_verb verbs[] = {
    {"list", 0, 0, NULL, do_list},         {"show", 1, 1, ONE, do_show},
    {"create", 1, 1, ONE, do_create},      {"change", 1, 1, ONE, do_change},
    {"start", 1, 1, ONE, do_start},        {"stop", 1, 1, ONE, do_stop},
    {"delete", 1, 1, ONE, do_delete},      {"stats", 0, 0, NULL, do_stats},
    {"estimate", 0, 0, NULL, do_estimate},
};
static const struct deed_kind kind = {
    .command = &command_experiments,
    .things = "experiments",
    .of_collection = true,
    .verbs = verbs,
    .verb_count = sizeof verbs / sizeof *verbs,
    .print = print_answer,
};

static int run(const struct args *a)
{
    return deed_run(a, &kind);
}

const struct command command_experiments = {
    .name = "experiments",
    .summary = "compare ways to recommend on live readers; what became of recommendations",
    .usage = "akin experiments [list | stats | estimate | (show | create | change | start | stop | "
             "delete) "
             "NAME] [options]",
    .text = "A reader is always in the same variant, by a keyed hash and the weights. What a "
            "variant sets goes in place of what a request says. Feedback counts that names a "
            "recommendation; intervals and p hold however often one looks. While an experiment "
            "runs only its weights can be changed, which moves some readers. estimate asks of "
            "answers that were explored what another recommender or blend would have earned.",
    .example = "  akin experiments create diverse --scenario front --variant control "
               "--variant diverse:1,diversity=0.4\n"
               "  akin experiments start diverse\n"
               "  akin experiments show diverse\n"
               "  akin experiments stats --by scenario,variant\n"
               "  akin experiments estimate --blend \"model + 0.5 * brought.mine\"\n",
    .options = options,
    .run = run,
};
