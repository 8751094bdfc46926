/* An engine with the stub model in a directory of its own. */
#ifndef TEST_ENGINE_HELP_H
#define TEST_ENGINE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "engine/engine.h"

struct fixture {
    char dir[256];
    struct engine *x;
    struct arena *a;
    unsigned workers;
};

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err_info *e_ = &(struct err_info){0};                                               \
        struct err_info *e = e_;                                                                   \
        enum err err_ = (call);                                                                    \
        if (err_)                                                                                  \
            fail_msg("%s: %s (%s) %s", #call, err_name(err_), e->field, e->message);               \
    } while (0)

static inline void fixture_open(struct fixture *f)
{
    struct engine_options o = {.data_dir = f->dir,
                               .model_dir = "stub",
                               .embed_threads = 2,
                               .ingest_workers = f->workers,
                               .snapshot_seconds = 3600};
    OK(engine_open(&o, &f->x, e));
}

static inline void fixture_close(struct fixture *f)
{
    engine_close(f->x, clock_mono_ns() + 2000000000);
    f->x = NULL;
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *tmp = getenv("TMPDIR");
    json_setup();
    log_set_level(LOG_ERROR);
    snprintf(f->dir, sizeof f->dir, "%s/akin-engine-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    f->a = arena_new(0);
    f->workers = 2;
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    if (f->x)
        fixture_close(f);
    arena_free(f->a);
    (void)!file_remove_tree(f->dir, NULL);
    free(f);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define C STR("c")

static inline void create(struct fixture *f, const char *name)
{
    struct collection_info info;
    OK(engine_collection_create(f->x, str_c(name), NULL, NULL, f->a, &info, e));
}

static inline json_t *parse(const char *text)
{
    json_t *v = NULL;
    OK(json_parse(str_c(text), &v, e));
    return v;
}

/* One document; single quotes stand for double ones. */
static inline struct put_result put_into(struct fixture *f, struct str collection, const char *text)
{
    char *quoted = arena_strdup(f->a, text);
    for (char *p = quoted; *p; p++)
        if (*p == '\'')
            *p = '"';
    json_t *v = parse(quoted);
    const json_t *docs[] = {v};
    struct put_result r;
    struct str position;
    OK(engine_put(f->x, collection, docs, 1, NULL, f->a, &r, &position, e));
    r.id = arena_str(f->a, r.id);
    json_decref(v);
    return r;
}

static inline struct put_result put(struct fixture *f, const char *text)
{
    return put_into(f, C, text);
}

static inline struct find_answer search(struct fixture *f, const char *q, enum search_mode mode,
                                        const char *filter, size_t limit)
{
    struct find_request r = {.mode = mode, .q = str_c(q), .filter = str_c(filter), .limit = limit};
    struct find_answer answer;
    OK(engine_search(f->x, C, &r, f->a, &answer, e));
    return answer;
}

static inline bool found(const struct find_answer *answer, const char *id)
{
    for (size_t i = 0; i < answer->count; i++)
        if (str_eq_c(answer->hits[i].document.id, id))
            return true;
    return false;
}

static inline void delete_one(struct fixture *f, const char *id)
{
    struct str s = str_c(id), position;
    struct put_result r;
    OK(engine_delete(f->x, C, &s, 1, NULL, f->a, &r, &position, e));
}

/* What the indexes hold is what the store holds; the digest of it. */
static inline void doctor_line(void *report, const struct check_line *l)
{
    if (l->state == CHECK_WRONG)
        strbuf_printf(report, "%s %s: %s\n", l->collection, l->what, l->text);
}

static inline void doctor(struct fixture *f, char digest[65])
{
    struct strbuf report;
    struct err_info info = {0};
    struct check_watch w = {.ctx = &report, .line = doctor_line};
    strbuf_init(&report, 0);
    enum err err = engine_check(f->x, &w, digest, &info);
    if (err)
        fail_msg("doctor: %s\n%.*s", info.message, STR_ARG(strbuf_str(&report)));
    strbuf_release(&report);
}

static inline double metric(const char *line_start)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    metrics_render(&b);
    double value = -1;
    for (const char *p = b.buf; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (strncmp(p, line_start, strlen(line_start)) == 0)
            value = atof(p + strlen(line_start));
    strbuf_release(&b);
    return value;
}

#endif
