/* akin train-worker: what a training computes, in a process of its own that the server starts. It
 * is not in the help: its arguments and what it says are the server's business alone.
 *
 *     akin train-worker FEED MODEL [--active MODEL] [--kind KIND] [--seed N] [--held-out SHARE]
 *                       [--memory BYTES] [--threads N]
 *
 * It says a line of JSON for each step, {"step":"fit","done":.4}, and last {"report":{...}} or
 * {"error":"full","message":"..."}. It ends with the server, however that ended. */
#include "main/command.h"
#include "base/json.h"
#include "base/process.h"
#include "recommend/training_feed.h"
#include "train/adapter.h"
#include "train/classifier.h"
#include "train/train.h"
#include <stdio.h>
#include <string.h>

#define NICE 10
#define ADDRESS_SLACK (UINT64_C(1) << 30) /* programs, libraries, stacks, what malloc reserves */
#define REPORT_MAX (4u << 20)

static const struct command_option options[] = {
    {"--active", 0, "FILE", "model that serves now"},
    {"--kind", 0, "KIND",
     "ease, neighbours, walks, ials, adapter or classifier; default: those that suit the size"},
    {"--seed", 0, "N", "default 42"},
    {"--held-out", 0, "SHARE", "of readers, to judge by; default .2"},
    {"--memory", 0, "BYTES", "at most so much; default: no bound"},
    {"--threads", 0, "N", "default: one a core"},
    {0},
};

/* ---- what it says ---- */

static void line_end(struct json_writer *w)
{
    json_object_end(w);
    strbuf_add_char(w->out, '\n');
    fwrite(w->out->buf, 1, w->out->n, stdout);
    fflush(stdout);
    strbuf_release(w->out);
}

static void line_begin(struct json_writer *w, struct strbuf *b)
{
    strbuf_init(b, 0);
    json_writer_init(w, b);
    json_object_begin(w);
}

static void say_step(void *ctx, const char *step, double done)
{
    struct strbuf b;
    struct json_writer w;
    line_begin(&w, &b);
    json_key_c(&w, "step", step);
    json_key_double(&w, "done", done);
    line_end(&w);
}

static void say_report(struct str report)
{
    struct strbuf b;
    struct json_writer w;
    line_begin(&w, &b);
    json_key(&w, "report");
    json_put_raw(&w, report);
    line_end(&w);
}

static int say_error(const struct err_info *e)
{
    struct strbuf b;
    struct json_writer w;
    line_begin(&w, &b);
    json_key_c(&w, "error", err_name(e->code));
    json_key_c(&w, "message", e->message);
    line_end(&w);
    return 1;
}

/* ---- what it does ---- */

static bool wanted(const struct args *a, const char *what)
{
    const char *kind = args_get(a, "--kind");
    return kind && strcmp(kind, what) == 0;
}

static enum err kind_read(const struct args *a, unsigned *kinds, struct err_info *e)
{
    bool other = wanted(a, "adapter") || wanted(a, "classifier");
    const char *name = other ? NULL : args_get(a, "--kind");
    *kinds = 0;
    for (unsigned k = 0; name && k <= MODEL_IALS; k++)
        if (strcmp(model_kind_name((enum model_kind)k), name) == 0)
            *kinds = 1u << k;
    return !name || *kinds ? ERR_OK
                           : err_set(e, ERR_INVALID, "--kind", "there is no kind \"%s\"", name);
}

static enum err options_read(const struct args *a, struct train_options *o, struct err_info *e)
{
    int64_t seed = 0, memory = 0, threads = 0;
    double held_out = 0;
    enum err err = kind_read(a, &o->kinds, e);
    if (!err)
        err = args_int(a, "--seed", 0, INT64_MAX, SPLIT_SEED, &seed, e);
    if (!err)
        err = args_int(a, "--memory", 0, INT64_MAX / 2, 0, &memory, e);
    if (!err)
        err = args_int(a, "--threads", 0, 1024, 0, &threads, e);
    const char *share = args_get(a, "--held-out");
    if (!err && share && (str_to_f64(str_c(share), &held_out) || !(held_out > 0 && held_out < 1)))
        err = err_set(e, ERR_INVALID, "--held-out", "must be between 0 and 1");
    o->active_path = args_get(a, "--active");
    o->model_path = a->words[1];
    o->split.held_out = held_out;
    o->split.seed = o->fit.seed = (uint64_t)seed;
    o->fit.memory_max = (size_t)memory;
    o->fit.threads = (unsigned)threads;
    o->fit.progress = say_step;
    return err;
}

static enum err adapt(const struct training_set *s, const struct train_options *o,
                      struct strbuf *report, struct err_info *e)
{
    struct adapter *made = NULL;
    enum err err = adapter_train(s, &o->fit, &made, report, e);
    if (!err)
        err = adapter_save(made, o->model_path, e);
    adapter_free(made);
    return err;
}

static enum err train(const struct args *a, struct strbuf *report, struct err_info *e)
{
    struct train_options o = {0};
    struct training_set *s = NULL;
    struct answers *answers = NULL;
    enum err err = options_read(a, &o, e);
    if (err)
        return err;
    process_restrain(NICE, o.fit.memory_max ? o.fit.memory_max + ADDRESS_SLACK : 0);
    say_step(NULL, "reading", 0);
    if (wanted(a, "classifier"))
        return classifier_train_file(a->words[0], o.active_path, o.model_path,
                                     o.split.held_out > 0 ? o.split.held_out : SPLIT_SHARE, &o.fit,
                                     report, e);
    err = feed_read(a->words[0], &s, &answers, e);
    o.answers = answers;
    if (!err)
        err = wanted(a, "adapter") ? adapt(s, &o, report, e) : train_set(s, &o, report, e);
    training_set_free(s);
    answers_free(answers);
    return err;
}

static int run(const struct args *a)
{
    struct err_info e = {0};
    struct strbuf report;
    if (a->word_count != 2)
        return command_wrong(&command_train_worker, "is started by the server");
    process_follow();
    strbuf_init(&report, REPORT_MAX);
    enum err err = train(a, &report, &e);
    if (!err)
        say_report(strbuf_str(&report));
    strbuf_release(&report);
    return err ? say_error(&e) : 0;
}

const struct command command_train_worker = {
    .name = "train-worker",
    .summary = "what a training computes; the server starts it",
    .usage = "akin train-worker FEED MODEL [options]",
    .options = options,
    .run = run,
};
