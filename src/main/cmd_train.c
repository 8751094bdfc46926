/* akin train: a recommender from a collection's readers. akin recommenders: what was trained. */
#include "main/answer.h"
#include "main/classifier_print.h"
#include "main/deed.h"
#include "main/progress.h"
#include "main/settings.h"
#include "base/clock.h"
#include <stdio.h>
#include <string.h>

#define POLL_NS 100000000
#define ADAPTER "adapter"
#define CLASSIFIER "classifier"

static const struct command_option train_options[] = {
    OPTION_COLLECTION,
    {"--kind", 0, "KIND", "ease, neighbours, walks or ials; default: those that suit the size"},
    {"--label", 0, "LABEL", "of a classifier: what it learns to tell, tags or attributes.NAME"},
    {"--min-probability", 0, "P",
     "of a classifier: what is less probable it does not tell in documents; default .5"},
    {"--seed", 0, "N", "default 42: the same data and seed give the same model"},
    {"--held-out", 0, "SHARE",
     "of readers, to choose parameters and to judge by (of a classifier: of documents); default "
     ".2"},
    {"--no-promote", 0, NULL, "it stays a candidate, whatever the gate says"},
    {"--no-wait", 0, NULL, "return at once, the server goes on"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

static const struct command_option recommenders_options[] = {
    OPTION_COLLECTION,
    {"--label", 0, "LABEL", "rollback: the classifier of this label"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

/* ---- printing ---- */

static void print_metric(const char *name, const json_t *metrics)
{
    const json_t *m = json_object_get(metrics, name);
    if (json_is_object(m))
        printf("  %s %.4f (%.4f to %.4f)", name, number_of(m, "mean"), number_of(m, "low"),
               number_of(m, "high"));
}

static void print_line(const json_t *r)
{
    const json_t *metrics = json_object_get(json_object_get(r, "report"), "metrics");
    if (strcmp(text_of(r, "kind"), CLASSIFIER) == 0) {
        classifier_print_line(r);
        return;
    }
    printf("%-4.0f %-9s %-10s %.19s  %.0f acts", number_of(r, "id"), text_of(r, "state"),
           text_of(r, "kind"), text_of(r, "created"), number_of(r, "acts"));
    print_metric("ndcg@100", metrics);
    printf("%s\n", json_is_true(json_object_get(r, "serving")) ? "  serves" : "");
    if (*text_of(r, "error"))
        printf("     %s\n", text_of(r, "error"));
}

static void print_parameters(const json_t *parameters)
{
    const char *key;
    json_t *v;
    printf("  parameters:");
    json_object_foreach((json_t *)parameters, key, v) if (json_is_number(v))
        printf(" %s %g", key, json_number_value(v));
    putchar('\n');
}

static void print_all(const json_t *r)
{
    const json_t *report = json_object_get(r, "report");
    const json_t *counts = json_object_get(report, "counts");
    size_t i;
    json_t *b;
    if (strcmp(text_of(r, "kind"), CLASSIFIER) == 0) {
        classifier_print(r);
        return;
    }
    print_line(r);
    printf("  learned from %.0f readers, %.0f documents that they read, %.0f acts\n",
           number_of(counts, "readers"), number_of(counts, "documents_read"),
           number_of(counts, "acts"));
    print_parameters(json_object_get(report, "parameters"));
    print_metric("recall@20", json_object_get(report, "metrics"));
    print_metric("ndcg@10", json_object_get(report, "metrics"));
    putchar('\n');
    json_array_foreach(json_object_get(report, "baselines"), i, b)
    {
        const json_t *d = json_object_get(b, "difference");
        printf("  against %-12s %+.4f %s, p %.3f\n", text_of(b, "name"), number_of(d, "mean"),
               text_of(d, "metric"), number_of(d, "p"));
    }
    if (json_is_object(json_object_get(report, "ranker")))
        printf("  ranker %s\n", text_of(json_object_get(report, "ranker"), "reason"));
    printf("  %s: %s\n",
           json_is_true(json_object_get(report, "promote")) ? "promoted" : "not promoted",
           text_of(report, "reason"));
}

/* ---- akin train ---- */

static bool is_word(const struct args *a, const char *word)
{
    return a->word_count == 1 && strcmp(a->words[0], word) == 0;
}

static enum err share_put(const struct args *a, const char *option, const char *field, json_t *body,
                          struct err_info *e)
{
    double share;
    const char *text = args_get(a, option);
    if (!text)
        return ERR_OK;
    if (str_to_f64(str_c(text), &share))
        return err_set(e, ERR_INVALID, option, "must be a number between 0 and 1");
    json_object_set_new(body, field, json_real(share));
    return ERR_OK;
}

static enum err order_make(const struct args *a, json_t *body, struct err_info *e)
{
    int64_t seed = 0;
    enum err err = args_int(a, "--seed", 0, INT64_C(9007199254740991), 42, &seed, e);
    if (!err)
        err = share_put(a, "--held-out", "held_out", body, e);
    if (!err)
        err = share_put(a, "--min-probability", "min_probability", body, e);
    if (err)
        return err;
    json_object_set_new(body, "seed", json_integer(seed));
    if (a->word_count || args_get(a, "--kind"))
        json_object_set_new(body, "kind",
                            json_string(a->word_count ? a->words[0] : args_get(a, "--kind")));
    if (args_get(a, "--label"))
        json_object_set_new(body, "label", json_string(args_get(a, "--label")));
    if (args_has(a, "--no-promote"))
        json_object_set_new(body, "promote", json_false());
    return ERR_OK;
}

static bool going_on(const json_t *task)
{
    const char *status = text_of(task, "status");
    return strcmp(status, "queued") == 0 || strcmp(status, "running") == 0;
}

/* A step a line; a new one when it begins. */
static void step_show(const json_t *task, char *shown, size_t size)
{
    const char *step = text_of(json_object_get(task, "progress"), "step");
    if (!*step || strcmp(step, shown) == 0)
        return;
    snprintf(shown, size, "%s", step);
    fprintf(stderr, "training: %s\n", step);
}

static enum err task_wait(struct deed *d, struct err_info *e)
{
    char shown[64] = "";
    const char *path =
        arena_printf(session_arena(d->s), "/v1/tasks/%.0f", number_of(d->answer, "id"));
    enum err err = ERR_OK;
    while (!err && going_on(d->answer)) {
        step_show(d->answer, shown, sizeof shown);
        clock_sleep_ns(POLL_NS);
        err = deed_call(d, "GET", path, NULL, e);
    }
    return err;
}

/* What it made, in place of the task; or why it made nothing. */
static enum err task_result(struct deed *d, struct err_info *e)
{
    const json_t *details = json_object_get(d->answer, "details");
    const json_t *error = json_object_get(details, "error");
    if (strcmp(text_of(d->answer, "status"), "done") != 0)
        return err_set(e, ERR_CONFLICT, NULL, "the training %s%s%s", text_of(d->answer, "status"),
                       error ? ": " : "", text_of(error, "detail"));
    if (strcmp(text_of(details, "kind"), ADAPTER) == 0)
        return ERR_OK; /* the task says it all */
    const char *path =
        arena_printf(session_arena(d->s), "%s/%.0f", d->path, number_of(details, "recommender"));
    return deed_call(d, "GET", path, NULL, e);
}

static void print_part(const json_t *report, const char *key, const char *what)
{
    const json_t *part = json_object_get(report, key);
    printf("  %-22s", what);
    print_metric("recall@100", part);
    printf(", before %.4f: %+.4f, p %.4f\n", number_of(json_object_get(part, "before"), "mean"),
           number_of(part, "difference"), number_of(part, "p"));
}

static void print_adapter(const json_t *task)
{
    const json_t *details = json_object_get(task, "details"),
                 *report = json_object_get(details, "report"),
                 *version = json_object_get(details, "embedding_version");
    size_t i;
    json_t *s;
    json_array_foreach(json_object_get(report, "strengths"), i, s)
    {
        printf("  at %g of its strength\n", number_of(s, "strength"));
        print_part(s, "held_out", "  held-out readers");
        print_part(s, "new_documents", "  new documents");
    }
    if (version)
        printf("  embedding version %.0f %s: %s\n", json_number_value(version),
               json_is_true(json_object_get(details, "promoted")) ? "is the active one now"
                                                                  : "is made, not promoted",
               text_of(details, "why"));
    else
        printf("  not kept: %s\n", text_of(details, "why"));
}

static enum err train(struct deed *d, struct err_info *e)
{
    json_t *body = json_object();
    enum err err = order_make(d->a, body, e);
    if (!err)
        err = deed_call(d, "POST", deed_all(d, ":train"), body, e);
    json_decref(body);
    if (!err && !args_has(d->a, "--no-wait")) {
        err = task_wait(d, e);
        if (!err)
            err = task_result(d, e);
    }
    return err;
}

static int run_train(const struct args *a)
{
    struct err_info e = {0};
    struct deed d;
    if (a->word_count && !is_word(a, ADAPTER) && !is_word(a, CLASSIFIER))
        return command_wrong(&command_train, "takes no argument \"%s\"",
                             a->words[a->word_count - 1]);
    if (is_word(a, CLASSIFIER) && !args_has(a, "--label"))
        return command_wrong(&command_train, "classifier wants --label, as in --label "
                                             "attributes.topic");
    enum err err = deed_open(&d, a, "recommenders", true, &e);
    if (!err)
        err = train(&d, &e);
    if (!err && args_has(a, "--json"))
        print_json(d.answer);
    else if (!err && args_has(a, "--no-wait"))
        printf("task %.0f\n", number_of(d.answer, "id"));
    else if (!err && is_word(a, ADAPTER))
        print_adapter(d.answer);
    else if (!err)
        print_all(d.answer);
    deed_close(&d);
    return err ? command_fail(&e, 1) : 0;
}

const struct command command_train = {
    .name = "train",
    .summary = "learn from what readers did, and judge what was learned",
    .usage = "akin train [adapter | classifier --label LABEL] [options]",
    .text = "Trains a recommender on the collection's feedback, in a process of its own: tries "
            "parameters on held-out readers,\njudges the best one beside popularity, neighbours, "
            "content and the active recommender, and promotes it if it is\nnot worse. The server "
            "does so by itself when enough has changed (setting `training` of the collection).\n"
            "classifier: learns from documents that have a label to tell it of those that have "
            "none; judged on held-out documents,\npromoted if it is better than the most frequent "
            "label and not worse than the active classifier of that label.",
    .example = "  akin train -c news\n"
               "  akin train adapter -c news\n"
               "  akin train classifier -c news --label attributes.topic\n"
               "  akin recommenders list -c news\n",
    .options = train_options,
    .run = run_train,
};

/* ---- akin recommenders ---- */

static enum err do_list(struct deed *d, struct err_info *e)
{
    return deed_call(d, "GET", d->path, NULL, e);
}

static enum err do_show(struct deed *d, struct err_info *e)
{
    return deed_call(d, "GET", deed_one(d, ""), NULL, e);
}

static enum err do_promote(struct deed *d, struct err_info *e)
{
    return deed_call(d, "POST", deed_one(d, ":promote"), NULL, e);
}

static enum err do_retire(struct deed *d, struct err_info *e)
{
    return deed_call(d, "POST", deed_one(d, ":retire"), NULL, e);
}

static enum err do_delete(struct deed *d, struct err_info *e)
{
    return deed_call(d, "DELETE", deed_one(d, ""), NULL, e);
}

static enum err do_rollback(struct deed *d, struct err_info *e)
{
    const char *label = args_get(d->a, "--label");
    return deed_call(d, "POST",
                     arena_printf(session_arena(d->s), "%s:rollback%s%s", d->path,
                                  label ? "?label=" : "",
                                  label ? session_encode(d->s, str_c(label)) : ""),
                     NULL, e);
}

static void print_answer(const struct deed *d, const struct deed_verb *v)
{
    const json_t *list = json_object_get(d->answer, "data");
    size_t i;
    json_t *r;
    if (args_has(d->a, "--json"))
        print_json(d->answer);
    else if (v->run == do_show)
        print_all(d->answer);
    else if (list)
        json_array_foreach(list, i, r) print_line(r);
    else if (d->answer)
        print_line(d->answer);
}

#define ONE "the number of a recommender"
static const struct deed_verb verbs[] = {
    {"list", 0, 0, NULL, do_list},      {"show", 1, 1, ONE, do_show},
    {"promote", 1, 1, ONE, do_promote}, {"rollback", 0, 0, NULL, do_rollback},
    {"retire", 1, 1, ONE, do_retire},   {"delete", 1, 1, ONE, do_delete},
};
static const struct deed_kind kind = {
    .command = &command_recommenders,
    .things = "recommenders",
    .of_collection = true,
    .verbs = verbs,
    .verb_count = sizeof verbs / sizeof *verbs,
    .print = print_answer,
};

static int run_recommenders(const struct args *a)
{
    return deed_run(a, &kind);
}

const struct command command_recommenders = {
    .name = "recommenders",
    .summary = "list, show, promote, roll back what was trained",
    .usage = "akin recommenders list | show N | promote N | rollback | retire N | delete N",
    .text = "What `akin train` made of a collection's readers, and its classifiers: the last five "
            "of each are kept, at most one is active.\npromote and rollback switch without a "
            "pause; retire serves "
            "without a trained one.",
    .example = "  akin recommenders list -c news\n"
               "  akin recommenders show 3 -c news\n"
               "  akin recommenders rollback -c news\n",
    .options = recommenders_options,
    .run = run_recommenders,
};
