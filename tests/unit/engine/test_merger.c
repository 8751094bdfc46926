/* The vector graphs are worked at in the background, and that is kept. */
#include "../sanitized.h"
#include "help.h"
#include "base/clock.h"
#include "index/vectors.h"

/* More than stay in the tail. */
#define COUNT (VECTORS_SCAN_ROWS + 500)

static enum err next_document(void *ctx, struct strbuf *line, struct err_info *e)
{
    size_t *at = ctx;
    if (*at == COUNT)
        return ERR_NOT_FOUND;
    strbuf_printf(line, "{\"id\":\"n%zu\",\"text\":\"number%zu of group%zu\"}", *at, *at, *at % 7);
    ++*at;
    return 0;
}

static enum err take_result(void *ctx, uint64_t line, const struct put_result *r)
{
    assert_int_equal(r->err, 0);
    return 0;
}

/* What the merger did after the last change is not done again after a stop. */
static void merged_vectors_are_kept(void **state)
{
    struct fixture *f = *state;
    size_t at = 0;
    if (THREADS_ONLY) /* minutes; test_vectors_graph has the threads */
        skip();
    struct ingest_source source = {next_document, &at};
    struct ingest_sink sink = {take_result, NULL};
    create(f, "c");
    OK(engine_ingest(f->x, C, &source, &sink, NULL, NULL, NULL, f->a, e));
    fixture_close(f);
    fixture_open(f);
    while (metric("akin_index_tail_rows ") > 0 || metric("akin_index_rough_rows ") > 0)
        clock_sleep_ns(1000000);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(metric("akin_index_tail_rows "), 0);
    assert_int_equal(metric("akin_index_rough_rows "), 0);
    assert_int_equal(metric("akin_passages{collection=\"c\"} "), COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(merged_vectors_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
