/* akin feedback: what readers did, told one by one or from files; listed, exported, forgotten. */
#include "base/clock.h"
#include "main/answer.h"
#include "main/progress.h"
#include "main/records.h"
#include "main/session.h"
#include "main/settings.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command_option options[] = {
    OPTION_COLLECTION,
    {"--user", 0, "ID", "of whom; to add one, and of list"},
    {"--document", 0, "ID", "what they did it with; to add one, and of list"},
    {"--type", 0, "TYPE", "view, click, like, save, read, rate, dislike, custom, or your own"},
    {"--value", 0, "N", "of a rating (1 to 5), or of an act of your own"},
    {"--session", 0, "NAME", "acts of one visit"},
    {"--recommendation", 0, "ID", "the answer that it came from"},
    {"--position", 0, "N", "where it stood in that answer, from 0"},
    {"--time", 0, "TIME", "when (default: now)"},
    {"--event", 0, "ID", "the same one again changes nothing"},
    {"--create", 0, NULL, "make documents that are not there (they have a title only)"},
    {"--map", 0, "PAIRS", "akin's field = yours: document=item,time=timestamp"},
    {"--format", 0, "FORMAT", "jsonl, csv or tsv (default: by the file's name)"},
    {"--limit", 'n', "N", "list: at most so many (default 20)"},
    {"--quiet", 'q', NULL, "no progress"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

enum { BATCH = 1000, FAULTS_SHOWN = 10, LIST_DEFAULT = 20, LIST_MAX = 1000 };

struct deed {
    const struct args *a;
    struct session *s;
    const char *path; /* of the collection */
    bool json;
    uint64_t created, unchanged, failed, warned;
};

/* ---- one act ---- */

/* Numbers and times as files have them: "4.5", seconds since 1970; what is empty was not said. */
static void row_clean(json_t *row)
{
    static const char *const numbers[] = {"value", "position"};
    static const char *const all[] = {"event_id", "session",  "recommendation_id",
                                      "value",    "position", "time"};
    double number;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const json_t *v = json_object_get(row, all[i]);
        if (v && (json_is_null(v) || (json_is_string(v) && !json_str(v).n)))
            json_object_del(row, all[i]);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const json_t *v = json_object_get(row, numbers[i]);
        if (!json_is_string(v) || str_to_f64(json_str(v), &number))
            continue;
        json_object_set_new(row, numbers[i],
                            number == floor(number) && fabs(number) < 1e9
                                ? json_integer((json_int_t)number)
                                : json_real(number));
    }
    const json_t *time = json_object_get(row, "time");
    char text[CLOCK_TEXT];
    if (json_is_number(time))
        number = json_number_value(time);
    else if (!json_is_string(time) || str_to_f64(json_str(time), &number))
        return;
    if (!(fabs(number) < 1e11))
        return; /* not seconds: the server says what it wants */
    clock_format((int64_t)(number * 1e6), text);
    json_object_set_new(row, "time", json_string(text));
}

static void row_set(json_t *row, const char *key, const struct args *a, const char *option)
{
    const char *value = args_get(a, option);
    if (value)
        json_object_set_new(row, key, json_string(value));
}

static json_t *row_of_options(const struct args *a)
{
    json_t *row = json_object();
    row_set(row, "user", a, "--user");
    row_set(row, "document", a, "--document");
    row_set(row, "type", a, "--type");
    row_set(row, "value", a, "--value");
    row_set(row, "session", a, "--session");
    row_set(row, "recommendation_id", a, "--recommendation");
    row_set(row, "position", a, "--position");
    row_set(row, "time", a, "--time");
    row_set(row, "event_id", a, "--event");
    row_clean(row);
    return row;
}

/* ---- adding ---- */

static void fault_print(struct deed *d, const json_t *row, uint64_t line)
{
    const json_t *error = json_object_get(row, "error"),
                 *first = json_array_get(json_object_get(error, "errors"), 0);
    const char *detail = json_string_value(json_object_get(first ? first : error, "detail"));
    const char *pointer = json_string_value(json_object_get(first, "pointer"));
    const char *field = pointer ? strchr(pointer + 1, '/') : NULL;
    if (++d->failed <= FAULTS_SHOWN && !d->json)
        fprintf(stderr, "row %" PRIu64 "%s%s: %s\n", line, field ? ", " : "",
                field ? field + 1 : "", detail ? detail : "failed");
}

static void rows_count(struct deed *d, const json_t *answer, uint64_t before)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(answer, "data"), i, row)
    {
        const char *status = json_string_value(json_object_get(row, "status"));
        d->created += status && strcmp(status, "created") == 0;
        d->unchanged += status && strcmp(status, "unchanged") == 0;
        d->warned += json_object_get(row, "warning") != NULL;
        if (status && strcmp(status, "failed") == 0)
            fault_print(d, row, before + i + 1);
        if (d->json) {
            char *text = json_dumps(row, JSON_COMPACT);
            printf("%s\n", text);
            free(text);
        }
    }
}

/* `rows`: an array, or one object, which is refused as a whole. */
static enum err rows_send(struct deed *d, const json_t *rows, uint64_t before, struct err_info *e)
{
    struct strbuf b;
    struct json_writer w;
    json_t *answer = NULL;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_put_value(&w, rows);
    struct str body = strbuf_str(&b);
    const char *path = arena_printf(session_arena(d->s), "%s/feedback%s", d->path,
                                    args_has(d->a, "--create") ? "?create=true" : "");
    enum err err = session_call(d->s, "POST", path, "application/json", &body, &answer, e);
    strbuf_release(&b);
    if (!err)
        rows_count(d, answer, before);
    json_decref(answer);
    return err;
}

struct reading {
    struct records *records;
    struct strbuf line;
    struct progress progress;
    uint64_t sent;
};

/* Up to BATCH rows; *more: the file goes on. */
static enum err batch_read(struct reading *r, json_t *rows, bool *more, struct err_info *e)
{
    enum err err = ERR_OK;
    *more = false;
    while (json_array_size(rows) < BATCH) {
        json_t *row = NULL;
        err = records_next(r->records, &r->line, e);
        if (err)
            return err == ERR_NOT_FOUND ? ERR_OK : err;
        if (json_parse(strbuf_str(&r->line), &row, NULL))
            row = json_string("not JSON"); /* the server reports it by its row */
        row_clean(row);
        json_array_append_new(rows, row);
    }
    *more = true;
    return ERR_OK;
}

static void reading_show(struct reading *r, size_t count)
{
    uint64_t done, total;
    r->sent += count;
    records_progress(r->records, &done, &total);
    if (total && r->sent)
        r->progress.total = done < total ? r->sent * total / (done ? done : 1) : r->sent;
    progress_show(&r->progress, r->sent);
}

static enum err file_add(struct deed *d, const char *name, struct err_info *e)
{
    struct reading r = {0};
    bool more = true;
    enum err err =
        records_open(name, args_get(d->a, "--format"), args_get(d->a, "--map"), &r.records, e);
    if (err)
        return err;
    strbuf_init(&r.line, 0);
    progress_start(&r.progress, "adding", "acts", 0);
    r.progress.quiet = args_has(d->a, "--quiet");
    while (more && !err) {
        json_t *rows = json_array();
        err = batch_read(&r, rows, &more, e);
        if (!err && json_array_size(rows))
            err = rows_send(d, rows, r.sent, e);
        reading_show(&r, json_array_size(rows));
        json_decref(rows);
    }
    progress_end(&r.progress, r.sent);
    strbuf_release(&r.line);
    records_close(r.records);
    return err;
}

static void summary(const struct deed *d, double seconds)
{
    printf("%" PRIu64 " acts: %" PRIu64 " created, %" PRIu64 " unchanged, %" PRIu64
           " failed, %.1f s\n",
           d->created + d->unchanged + d->failed, d->created, d->unchanged, d->failed, seconds);
    if (d->warned)
        fprintf(stderr,
                "%" PRIu64 " name a recommendation that they cannot have come from; they are kept, "
                "but not counted for it\n",
                d->warned);
}

static enum err do_add(struct deed *d, struct err_info *e)
{
    int64_t started_ns = clock_mono_ns();
    enum err err = ERR_OK;
    if (d->a->word_count < 2) {
        json_t *row = row_of_options(d->a);
        err = rows_send(d, row, 0, e);
        json_decref(row);
    }
    for (unsigned i = 1; i < d->a->word_count && !err; i++)
        err = file_add(d, d->a->words[i], e);
    if (!err && !d->json)
        summary(d, (double)(clock_mono_ns() - started_ns) / 1e9);
    return err;
}

/* ---- the others ---- */

static enum err do_list(struct deed *d, struct err_info *e)
{
    int64_t limit;
    size_t i;
    json_t *answer = NULL, *row;
    enum err err = args_int(d->a, "--limit", 1, LIST_MAX, LIST_DEFAULT, &limit, e);
    if (err)
        return err;
    const char *user = args_get(d->a, "--user"), *document = args_get(d->a, "--document");
    const char *path = arena_printf(
        session_arena(d->s), "%s/feedback?limit=%d%s%s%s%s", d->path, (int)limit,
        user ? "&user=" : "", user ? session_encode(d->s, str_c(user)) : "",
        document ? "&document=" : "", document ? session_encode(d->s, str_c(document)) : "");
    err = session_call(d->s, "GET", path, NULL, NULL, &answer, e);
    json_array_foreach(json_object_get(answer, "data"), i, row)
    {
        if (d->json) {
            char *text = json_dumps(row, JSON_COMPACT);
            printf("%s\n", text);
            free(text);
        } else {
            printf("%-27s  %-8s  %-20s  %-20s  %g\n", text_of(row, "time"), text_of(row, "type"),
                   text_of(row, "user"), text_of(row, "document"),
                   json_number_value(json_object_get(row, "value")));
        }
    }
    json_decref(answer);
    return err;
}

/* A page a line: however much there is, it goes through. */
static enum err do_export(struct deed *d, struct err_info *e)
{
    const char *cursor = NULL, *user = session_encode(d->s, str_c(d->a->words[1]));
    enum err err;
    do {
        json_t *page = NULL;
        const char *path =
            arena_printf(session_arena(d->s), "%s/users/%s:export?limit=%d%s%s", d->path, user,
                         LIST_MAX, cursor ? "&cursor=" : "", cursor ? cursor : "");
        err = session_call(d->s, "GET", path, NULL, NULL, &page, e);
        if (err)
            return err;
        const char *next = json_string_value(json_object_get(page, "next_cursor"));
        cursor = next ? arena_strdup(session_arena(d->s), next) : NULL;
        json_object_del(page, "next_cursor");
        char *text = json_dumps(page, JSON_COMPACT);
        printf("%s\n", text);
        free(text);
        json_decref(page);
    } while (cursor);
    return ERR_OK;
}

static enum err do_forget(struct deed *d, struct err_info *e)
{
    const char *path = arena_printf(session_arena(d->s), "%s/users/%s", d->path,
                                    session_encode(d->s, str_c(d->a->words[1])));
    json_t *answer = NULL;
    enum err err = session_call(d->s, "DELETE", path, NULL, NULL, &answer, e);
    json_decref(answer);
    if (!err && d->json)
        printf("{\"forgotten\":true}\n");
    else if (!err)
        printf("forgotten, with feedback, answers and scores; models are trained anew without\n");
    return err;
}

static const struct verb {
    const char *name;
    unsigned least, most; /* words behind it */
    const char *wants;
    enum err (*run)(struct deed *d, struct err_info *e);
} verbs[] = {
    {"add", 0, 1000, "files, or --user, --document and --type", do_add},
    {"list", 0, 0, "nothing more", do_list},
    {"export", 1, 1, "a user's id", do_export},
    {"forget", 1, 1, "a user's id", do_forget},
};

static int run_verb(const struct args *a, const struct verb *v)
{
    struct err_info e = {0};
    struct deed d = {.a = a, .json = args_has(a, "--json")};
    const char *collection;
    enum err err = session_open(a, &d.s, &e);
    if (!err)
        err = session_collection(d.s, a, &collection, &e);
    if (!err) {
        d.path = arena_printf(session_arena(d.s), "/v1/collections/%s", collection);
        err = v->run(&d, &e);
    }
    session_close(d.s);
    return err ? command_fail(&e, 1) : d.failed ? 1 : 0;
}

static int run(const struct args *a)
{
    unsigned words = a->word_count ? a->word_count - 1 : 0;
    bool alone = words == 0;
    if (!a->word_count)
        return command_wrong(&command_feedback, "wants: add, list, export or forget");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const struct verb *v = &verbs[i];
        if (strcmp(a->words[0], v->name) != 0)
            continue;
        bool one = args_has(a, "--user") && args_has(a, "--document") && args_has(a, "--type");
        if (words < v->least || words > v->most || (v->run == do_add && alone && !one))
            return command_wrong(&command_feedback, "%s wants %s", v->name, v->wants);
        return run_verb(a, v);
    }
    return command_wrong(&command_feedback, "\"%s\" is not one of add, list, export, forget",
                         a->words[0]);
}

const struct command command_feedback = {
    .name = "feedback",
    .summary = "tell what readers did; list, export or forget it",
    .usage = "akin feedback add -c COLLECTION (--user U --document D --type T | FILE|-...)\n"
             "       akin feedback list [--user U] [--document D] [-n N]\n"
             "       akin feedback (export | forget) USER",
    .text = "Files are JSON lines or CSV with user, document, type, and maybe value, time (also "
            "seconds since 1970), session, event_id, recommendation_id, position. A row that is "
            "wrong fails alone; one that was told before changes nothing.\n"
            "forget erases a reader and all that is known of them; models are trained anew "
            "without. export prints a page a line.",
    .example = "  akin feedback add -c news --user u1 --document a17 --type like\n"
               "  akin feedback add -c shop --map document=item,time=timestamp clicks.csv\n"
               "  akin feedback export -c news u1 > u1.jsonl\n",
    .options = options,
    .run = run,
};
