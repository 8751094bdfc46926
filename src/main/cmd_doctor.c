/* akin doctor: is everything whole? Asks the server that holds the data directory, or looks by
 * itself, which sees more: nobody is to be held up then. */
#include "main/progress.h"
#include "main/session.h"
#include "main/settings.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct doctor {
    bool json;
    json_t *checks;       /* each line as an object */
    struct strbuf report; /* what is wrong, a line each */
    struct progress progress;
    const char *progress_what;
};

/* ---- what is said ---- */

static void say(const json_t *l)
{
    const char *collection = json_string_value(json_object_get(l, "collection"));
    const char *state = json_string_value(json_object_get(l, "state"));
    const char *unit = json_string_value(json_object_get(l, "unit"));
    const char *text = json_string_value(json_object_get(l, "text"));
    const char *next = json_string_value(json_object_get(l, "next"));
    long long version = (long long)json_integer_value(json_object_get(l, "version"));
    printf("%-9s %s", state, json_string_value(json_object_get(l, "what")));
    if (*collection)
        printf(" of %s", collection);
    if (version)
        printf(", version %lld", version);
    if (*unit)
        printf(": %lld %s", (long long)json_integer_value(json_object_get(l, "count")), unit);
    putchar('\n');
    for (const char *at = text, *end; *at; at = end + (*end != 0)) {
        end = at + strcspn(at, "\n");
        printf("          %.*s\n", (int)(end - at), at);
    }
    if (*next)
        printf("          next: %s\n", next);
    fflush(stdout);
}

/* Takes the object over. */
static void line_take(struct doctor *d, json_t *l)
{
    if (strcmp(json_string_value(json_object_get(l, "state")), "wrong") == 0)
        strbuf_printf(&d->report, "%s %s: %s\n",
                      json_string_value(json_object_get(l, "collection")),
                      json_string_value(json_object_get(l, "what")),
                      json_string_value(json_object_get(l, "text")));
    if (!d->json)
        say(l);
    json_array_append_new(d->checks, l);
}

/* ---- by itself ---- */

static void on_line(void *ctx, const struct check_line *l)
{
    static const char *const states[] = {
        [CHECK_OK] = "ok", [CHECK_WRONG] = "wrong", [CHECK_LEFT_OUT] = "left out"};
    struct doctor *d = ctx;
    if (d->progress_what)
        progress_end(&d->progress, d->progress.total);
    d->progress_what = NULL;
    line_take(d, json_pack("{s:s,s:s,s:I,s:I,s:s,s:s,s:s,s:s}", "what", l->what, "collection",
                           l->collection, "version", (json_int_t)l->version, "count",
                           (json_int_t)l->count, "unit", l->unit, "state", states[l->state], "text",
                           l->text, "next", l->next));
}

static void on_progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    struct doctor *d = ctx;
    if (d->progress_what != what)
        progress_start(&d->progress, "checking", what, total);
    d->progress_what = what;
    progress_show(&d->progress, done);
}

static enum err examine(struct doctor *d, const struct config *c, char digest[65],
                        struct err_info *e)
{
    struct check_watch w = {.ctx = d, .line = on_line, .progress = on_progress};
    struct strbuf model_dir;
    struct remote_options remote;
    struct engine_options o;
    struct engine *x = NULL;
    strbuf_init(&model_dir, 0);
    enum err rc = settings_engine(c, &model_dir, &remote, &o, e);
    o.quiet = true;
    if (rc == ERR_OK)
        rc = engine_open(&o, &x, e);
    if (rc == ERR_OK)
        rc = engine_check(x, &w, digest, e);
    if (x)
        engine_close(x, 0);
    strbuf_release(&model_dir);
    return rc;
}

/* ---- by the server ---- */

static enum err ask(struct doctor *d, const struct args *a, char digest[65], struct err_info *e)
{
    struct session *s = NULL;
    json_t *answer = NULL, *l;
    size_t i;
    enum err rc = session_open(a, &s, e);
    if (rc == ERR_OK)
        rc = session_call(s, "POST", "/v1/checks", NULL, &STR(""), &answer, e);
    if (rc == ERR_OK)
        snprintf(digest, 65, "%s", json_string_value(json_object_get(answer, "digest")));
    json_array_foreach(json_object_get(answer, "checks"), i, l) line_take(d, json_incref(l));
    if (rc == ERR_OK && !json_is_true(json_object_get(answer, "ok")))
        rc = err_set(e, ERR_CORRUPT, NULL, "something is wrong: see what is said of it");
    json_decref(answer);
    session_close(s);
    return rc;
}

static bool served(const struct args *a, const struct config *c)
{
    struct arena *arena = arena_new(0);
    struct str held;
    bool answer = args_get(a, "--url") || (getenv("AKIN_URL") && !args_get(a, "--data")) ||
                  engine_address(config_str(c, "data.dir"), arena, &held, NULL) == ERR_OK;
    arena_free(arena);
    return answer;
}

static int run_doctor(const struct args *a)
{
    struct err_info e = {0};
    struct config *c = NULL;
    struct doctor d = {.json = args_has(a, "--json"), .checks = json_array()};
    char digest[65] = "";
    strbuf_init(&d.report, 0);
    enum err rc = settings_load(a, &c, &e);
    if (rc == ERR_OK) {
        settings_log(c, true);
        rc = served(a, c) ? ask(&d, a, digest, &e) : examine(&d, c, digest, &e);
    }
    if (d.json) {
        json_t *out = json_pack("{s:b,s:s,s:s,s:O}", "ok", rc == ERR_OK, "digest", digest, "report",
                                d.report.n ? d.report.buf : "", "checks", d.checks);
        if (out && json_dumpf(out, stdout, JSON_COMPACT) == 0)
            putchar('\n');
        json_decref(out);
    } else if (rc == ERR_OK) {
        printf("nothing is wrong; digest %.16s\n", digest);
    }
    json_decref(d.checks);
    strbuf_release(&d.report);
    config_free(c);
    return rc == ERR_OK ? 0 : command_fail(&e, 1);
}

static const struct command_option options[] = {
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};
const struct command command_doctor = {
    .name = "doctor",
    .summary = "check the store, its indexes and the models",
    .usage = "akin doctor [options]",
    .text =
        "Asks the server that holds the data directory; it goes on serving, and leaves out what "
        "would hold up writers (the graph, words, near-duplicates). While no server runs, all "
        "is checked, and damaged indexes are made anew on the way. Exit code 1 if anything is "
        "wrong; each finding says what to do next.",
    .example = "  akin doctor --data ./news\n",
    .options = options,
    .run = run_doctor,
};
