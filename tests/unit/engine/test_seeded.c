/* The whole engine under the seeded scheduler: many orders of its threads, each of which a seed
 * replays. */
#include "help.h"
#include "base/thread.h"

#define DOCUMENTS 230
#define SEEDS 25

struct stream {
    size_t at;
    uint64_t line;
    bool in_order;
};

static enum err next_document(void *ctx, struct strbuf *line, struct err_info *e)
{
    struct stream *s = ctx;
    if (s->at == DOCUMENTS)
        return ERR_NOT_FOUND;
    strbuf_printf(line, "{\"id\":\"n%zu\",\"text\":\"document number%zu\",\"n\":%zu}", s->at % 150,
                  s->at, s->at);
    s->at++;
    return 0;
}

static enum err take_result(void *ctx, uint64_t line, const struct put_result *r)
{
    struct stream *s = ctx;
    s->in_order = s->in_order && !r->err && line == s->line + 1;
    s->line = line;
    return 0;
}

static void import(struct fixture *f)
{
    struct stream s = {.in_order = true};
    struct ingest_source source = {next_document, &s};
    struct ingest_sink sink = {take_result, &s};
    OK(engine_ingest(f->x, C, &source, &sink, NULL, NULL, NULL, f->a, e));
    assert_true(s.in_order && s.line == DOCUMENTS);
}

struct rival {
    struct fixture *f;
    struct arena *a;
    enum err err;
};

/* Writes what the import writes too. */
static void rival_run(void *arg)
{
    struct rival *r = arg;
    for (int i = 0; i < 5 && !r->err; i++) {
        char id[16];
        struct put_result result;
        snprintf(id, sizeof id, "n%d", 20 * i);
        json_t *v = json_pack("{ssss}", "id", id, "text", i % 2 ? "rival" : "document number0");
        const json_t *docs[] = {v};
        r->err = engine_put(r->f->x, C, docs, 1, NULL, r->a, &result, NULL, NULL);
        json_decref(v);
    }
}

static void any_order_ends_well(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        void *made = NULL;
        char before[65], after[65];
        sched_start(seed);
        fixture_setup(&made);
        struct fixture *f = made;
        struct rival r = {.f = f, .a = arena_new(0)};
        create(f, "c");
        struct thread *t = thread_start("rival", rival_run, &r);
        import(f);
        thread_join(t);
        assert_int_equal(r.err, 0);
        struct find_answer answer = search(f, "number229", SEARCH_LEXICAL, "", 5);
        assert_true(found(&answer, "n79"));
        doctor(f, before);
        fixture_close(f);
        fixture_open(f);
        doctor(f, after);
        assert_string_equal(before, after);
        arena_free(r.a);
        fixture_teardown(&made);
        sched_stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
