/* Imports: each document once, in order, bad ones alone, whatever the number of workers. */
#include "../sanitized.h"
#include "help.h"

#define MANY (SLOW ? 2007 : 10007)

struct stream {
    size_t count, at;
    size_t bad_every; /* 0: none */
    uint64_t last_line;
    size_t ok, failed, unchanged;
    bool in_order;
};

static enum err next_document(void *ctx, struct strbuf *line, struct err_info *e)
{
    struct stream *s = ctx;
    if (s->at == s->count)
        return ERR_NOT_FOUND;
    size_t i = s->at++;
    if (s->bad_every && i % s->bad_every == s->bad_every - 1)
        strbuf_printf(line, i % 2 ? "{\"id\":\"n%zu\",\"text\":" : "{\"id\":\"n%zu\",\"tags\":[]}",
                      i);
    else
        strbuf_printf(
            line,
            "{\"id\":\"n%zu\",\"text\":\"document number%zu of the stream, group%zu\",\"n\":%zu}",
            i, i, i % 7, i);
    return 0;
}

static enum err take_result(void *ctx, uint64_t line, const struct put_result *r)
{
    struct stream *s = ctx;
    char id[32];
    s->in_order = s->in_order && line == s->last_line + 1;
    s->last_line = line;
    if (r->err) {
        s->failed++;
        return 0;
    }
    snprintf(id, sizeof id, "n%llu", (unsigned long long)line - 1);
    s->in_order = s->in_order && str_eq_c(r->id, id);
    s->unchanged += strcmp(r->status, "unchanged") == 0;
    s->ok++;
    return 0;
}

static struct stream import(struct fixture *f, size_t count, size_t bad_every)
{
    struct stream s = {.count = count, .bad_every = bad_every, .in_order = true};
    struct ingest_source source = {next_document, &s};
    struct ingest_sink sink = {take_result, &s};
    struct ingest_progress progress;
    struct put_options o = {.lane = LANE_BULK};
    struct str position;
    OK(engine_ingest(f->x, C, &source, &sink, &o, &progress, &position, f->a, e));
    assert_int_equal(progress.read, count);
    assert_int_equal(progress.done + progress.failed, count);
    assert_int_equal(s.last_line, count);
    assert_true(s.in_order);
    return s;
}

static void each_exactly_once(void **state)
{
    struct fixture *f = *state;
    static const size_t counts[] = {0, 1, 3, 10, MANY};
    for (unsigned workers = 1; workers <= 8; workers += workers == 1 ? 1 : 3 - (workers == 5)) {
        fixture_close(f);
        f->workers = workers;
        fixture_open(f);
        for (size_t i = 0; i < 5; i++) {
            struct collection_info info;
            create(f, "c");
            struct stream s = import(f, counts[i], 0);
            assert_int_equal(s.ok, counts[i]);
            OK(engine_collection_get(f->x, C, f->a, &info, e));
            assert_int_equal(info.documents, counts[i]);
            if (counts[i] == MANY && workers <= 2)
                doctor(f, NULL);
            OK(engine_collection_delete(f->x, C, e));
        }
        arena_reset(f->a);
    }
}

static void bad_lines_fail_alone(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    struct stream s = import(f, 1000, 37);
    assert_int_equal(s.failed, 27);
    assert_int_equal(s.ok, 973);
    doctor(f, NULL);
}

static void repeating_an_import_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char first[65], second[65];
    create(f, "c");
    import(f, 500, 0);
    doctor(f, first);
    double before = metric("akin_embeddings_generated_total{model=\"stub\"} ");
    struct stream s = import(f, 500, 0);
    assert_int_equal(s.unchanged, 500);
    assert_true(metric("akin_embeddings_generated_total{model=\"stub\"} ") == before);
    doctor(f, second);
    assert_string_equal(first, second);
}

/* The same few ids over and over: the last one must win, as if they had come one by one. */
static enum err next_same(void *ctx, struct strbuf *line, struct err_info *e)
{
    struct stream *s = ctx;
    if (s->at == s->count)
        return ERR_NOT_FOUND;
    size_t i = s->at++;
    strbuf_printf(line, "{\"id\":\"n%zu\",\"text\":\"version of %zu\",\"n\":%zu}", i % 3, i % 5 / 2,
                  i);
    return 0;
}

static enum err count_result(void *ctx, uint64_t line, const struct put_result *r)
{
    struct stream *s = ctx;
    s->ok += !r->err;
    return 0;
}

static void the_last_of_equal_ids_wins(void **state)
{
    struct fixture *f = *state;
    struct stream s = {.count = 1000};
    struct ingest_source source = {next_same, &s};
    struct ingest_sink sink = {count_result, &s};
    struct str position;
    create(f, "c");
    OK(engine_ingest(f->x, C, &source, &sink, NULL, NULL, &position, f->a, e));
    assert_int_equal(s.ok, 1000);
    for (size_t k = 0; k < 3; k++) {
        char id[8], payload[100];
        struct document_out d;
        size_t last = 999 - (999 - k) % 3;
        snprintf(id, sizeof id, "n%zu", k);
        snprintf(payload, sizeof payload,
                 "{\"attributes\":{\"n\":%zu},\"text\":\"version of %zu\"}", last, last % 5 / 2);
        OK(engine_get(f->x, C, STR(""), str_c(id), f->a, &d, e));
        if (!str_eq_c(d.payload, payload))
            fail_msg("%s: %.*s instead of %s", id, STR_ARG(d.payload), payload);
    }
    doctor(f, NULL);
}

/* What is stored comes again far behind another version of it: the later line wins here too. */
static enum err next_there_and_back(void *ctx, struct strbuf *line, struct err_info *e)
{
    struct stream *s = ctx;
    size_t i = s->at++;
    if (i == 201)
        return ERR_NOT_FOUND;
    if (i == 0)
        strbuf_add_c(line, "{\"id\":\"k\",\"text\":\"away\"}");
    else if (i == 200)
        strbuf_add_c(line, "{\"id\":\"k\",\"text\":\"home\"}");
    else
        strbuf_printf(line, "{\"id\":\"x%zu\",\"text\":\"between\"}", i);
    return 0;
}

static void a_version_that_returns_wins(void **state)
{
    struct fixture *f = *state;
    struct stream s = {0};
    struct ingest_source source = {next_there_and_back, &s};
    struct ingest_sink sink = {count_result, &s};
    struct document_out d;
    create(f, "c");
    put(f, "{'id':'k','text':'home'}");
    OK(engine_ingest(f->x, C, &source, &sink, NULL, NULL, NULL, f->a, e));
    OK(engine_get(f->x, C, STR(""), STR("k"), f->a, &d, e));
    assert_true(str_eq_c(d.payload, "{\"text\":\"home\"}"));
    doctor(f, NULL);
}

static enum err long_line(void *ctx, struct strbuf *line, struct err_info *e)
{
    struct stream *s = ctx;
    if (s->at == 3)
        return ERR_NOT_FOUND;
    if (s->at++ == 1)
        return err_set(e, ERR_TOO_LARGE, "", "a line has at most %u bytes", INGEST_LINE_MAX);
    strbuf_printf(line, "{\"id\":\"n%zu\",\"text\":\"short\"}", s->at - 1);
    return 0;
}

static void a_line_over_the_bound_fails_alone(void **state)
{
    struct fixture *f = *state;
    struct stream s = {.in_order = true};
    struct ingest_source source = {long_line, &s};
    struct ingest_sink sink = {take_result, &s};
    create(f, "c");
    OK(engine_ingest(f->x, C, &source, &sink, NULL, NULL, NULL, f->a, e));
    assert_int_equal(s.ok, 2);
    assert_int_equal(s.failed, 1);
    assert_true(s.in_order);
}

static enum err broken_source(void *ctx, struct strbuf *line, struct err_info *e)
{
    struct stream *s = ctx;
    if (s->at == 250)
        return err_set(e, ERR_CANCELLED, NULL, "the client has left");
    return next_document(ctx, line, e);
}

static void a_source_that_breaks_ends_the_import(void **state)
{
    struct fixture *f = *state;
    struct stream s = {.count = 1000, .in_order = true};
    struct ingest_source source = {broken_source, &s};
    struct ingest_sink sink = {take_result, &s};
    struct err_info info = {0};
    create(f, "c");
    assert_int_equal(engine_ingest(f->x, C, &source, &sink, NULL, NULL, NULL, f->a, &info),
                     ERR_CANCELLED);
    assert_string_equal(info.message, "the client has left");
    assert_true(s.in_order && s.ok <= 250);
    doctor(f, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_exactly_once),
        TEST(bad_lines_fail_alone),
        TEST(repeating_an_import_changes_nothing),
        TEST(the_last_of_equal_ids_wins),
        TEST(a_version_that_returns_wins),
        TEST(a_line_over_the_bound_fails_alone),
        TEST(a_source_that_breaks_ends_the_import),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
