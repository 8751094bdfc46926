/* The worker of a training: `akin train-worker`, started, heard, and killed if the training is
 * cancelled, akin stops, or it takes too long. What it says is read line by line; a line that is
 * not understood is passed over. */
#include "engine/training.h"
#include "engine/recommenders.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS 100000000                  /* how late a cancel is noticed */
#define LINE_MAX (8u << 20)                /* the report */
#define WORK_NS (12 * 3600 * 1000000000LL) /* at most */
#define END_NS 10000000000LL               /* from its last word to its end */
#define MEMORY_DEFAULT_MAX (UINT64_C(4) << 30)
#define MEMORY_DEFAULT_MIN (UINT64_C(256) << 20)
#define ARGUMENTS_MAX 24

struct work {
    struct training_job *j;
    struct process *p;
    struct strbuf line;
    bool said; /* its last word: a report or an error */
    struct err_info error;
};

/* ---- what it may take ---- */

static uint64_t number_in(const char *path)
{
    char *text;
    size_t n;
    int64_t bytes = 0;
    if (!file_exists(path) || file_read_all(path, 4096, &text, &n, NULL))
        return 0;
    if (str_to_i64(str_trim((struct str){text, n}), 0, INT64_MAX, &bytes))
        bytes = 0; /* "max" */
    free(text);
    return (uint64_t)bytes;
}

/* Half of what this machine, or the group that akin runs in, has. */
static uint64_t memory_default(void)
{
    uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t group = number_in("/sys/fs/cgroup/memory.max");
    if (group && group < all)
        all = group;
    all /= 2;
    return all > MEMORY_DEFAULT_MAX   ? MEMORY_DEFAULT_MAX
           : all < MEMORY_DEFAULT_MIN ? MEMORY_DEFAULT_MIN
                                      : all;
}

static void argument(const char **argv, size_t *n, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    argv[(*n)++] = name;
    argv[(*n)++] = value;
}

static enum err worker_start(struct work *w, struct err_info *e)
{
    const struct engine_options *o = &w->j->x->options;
    const struct training_order *order = w->j->order;
    struct arena *a = w->j->a;
    const char *argv[ARGUMENTS_MAX] = {"akin", "train-worker", w->j->feed, w->j->model};
    size_t n = 4;
    uint64_t memory = o->train_memory_bytes ? o->train_memory_bytes : memory_default();
    argument(argv, &n, "--kind", order->kind);
    argument(argv, &n, "--seed", arena_printf(a, "%llu", (unsigned long long)order->seed));
    argument(argv, &n, "--held-out", arena_printf(a, "%.6g", order->held_out));
    argument(argv, &n, "--memory", arena_printf(a, "%llu", (unsigned long long)memory));
    if (o->train_threads)
        argument(argv, &n, "--threads", arena_printf(a, "%u", o->train_threads));
    if (w->j->active)
        argument(argv, &n, "--active", recommender_path(w->j->c, w->j->active, a));
    argv[n] = NULL;
    return process_start(o->worker_path ? o->worker_path : "/proc/self/exe", argv, &w->p, e);
}

/* ---- what it says ---- */

static enum err error_code(struct str name)
{
    for (int code = ERR_SYNTAX; code >= ERR_NO_MEMORY; code--)
        if (str_eq_c(name, err_name((enum err)code)))
            return (enum err)code;
    return ERR_UNAVAILABLE;
}

static void line_heard(struct work *w, struct str line)
{
    json_t *v = NULL;
    if (json_parse_within(line, 64u << 20, &v, NULL)) /* a report is all small numbers */
        return;
    const json_t *report = json_object_get(v, "report"), *error = json_object_get(v, "error"),
                 *step = json_object_get(v, "step");
    if (json_is_object(report)) {
        struct strbuf b;
        struct json_writer out;
        strbuf_init(&b, 0);
        json_writer_init(&out, &b);
        json_put_value(&out, report);
        w->j->report = arena_str(w->j->a, strbuf_str(&b));
        strbuf_release(&b);
        w->said = true;
    } else if (json_is_string(error)) {
        err_set(&w->error, error_code(json_str(error)), NULL, "%.*s",
                STR_ARG(json_str(json_object_get(v, "message"))));
        w->said = true;
    } else if (json_is_string(step)) {
        training_at(w->j->x, json_string_value(step),
                    json_number_value(json_object_get(v, "done")));
    }
    json_decref(v);
}

static void lines_hear(struct work *w, const char *p, size_t n)
{
    strbuf_add(&w->line, p, n);
    for (;;) {
        char *end = w->line.n ? memchr(w->line.buf, '\n', w->line.n) : NULL;
        if (!end)
            break;
        size_t used = (size_t)(end - w->line.buf) + 1;
        line_heard(w, (struct str){w->line.buf, used - 1});
        memmove(w->line.buf, w->line.buf + used, w->line.n - used);
        w->line.n -= used;
    }
}

/* Until it closes its output. */
static enum err worker_hear(struct work *w, int64_t deadline_ns, struct err_info *e)
{
    char buf[16384];
    size_t got = 1;
    while (got > 0) {
        enum err err = process_read(w->p, buf, sizeof buf, clock_mono_ns() + LOOK_NS, &got, NULL);
        if (err && err != ERR_TIMEOUT)
            return err_set(e, err, NULL, "what the training says cannot be read");
        if (!err)
            lines_hear(w, buf, got);
        if (training_cancelled(w->j->x, w->j->task) || trainer_stopping(w->j->x))
            return err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
        if (clock_mono_ns() > deadline_ns)
            return err_set(e, ERR_TIMEOUT, NULL, "the training took longer than 12 hours");
    }
    return 0;
}

static enum err worker_end(struct work *w, struct err_info *e)
{
    struct process_end end;
    enum err err = process_wait(w->p, clock_mono_ns() + END_NS, &end, e);
    if (err)
        return err;
    if (end.signal)
        return err_set(e, ERR_UNAVAILABLE, NULL, "the training's process was ended by signal %d%s",
                       end.signal,
                       end.signal == 9   ? " (killed, by the system if memory ran out)"
                       : end.signal == 6 ? " (memory ran out, or a fault of akin's)"
                                         : "");
    if (w->error.code)
        return err_set(e, w->error.code, w->error.field, "%s", w->error.message);
    if (end.code != 0 || !w->said)
        return err_set(e, ERR_UNAVAILABLE, NULL,
                       "the training's process ended with %d and without a report", end.code);
    return 0;
}

enum err training_work(struct training_job *j, struct err_info *e)
{
    struct work w = {.j = j};
    enum err err = worker_start(&w, e);
    if (err)
        return err;
    log_event(LOG_INFO, "training", LOG_S("collection", j->c->name), LOG_I("task", j->task),
              LOG_I("pid", process_pid(w.p)), LOG_I("acts", j->acts));
    strbuf_init(&w.line, LINE_MAX);
    err = worker_hear(&w, clock_mono_ns() + WORK_NS, e);
    if (!err)
        err = worker_end(&w, e);
    process_free(w.p);
    strbuf_release(&w.line);
    return err;
}
