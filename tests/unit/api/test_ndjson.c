#include "api/ndjson.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct source {
    const char *text;
    size_t n, at, step;
};

static enum err source_read(void *ctx, void *buf, size_t size, size_t *n, struct err_info *e)
{
    struct source *s = ctx;
    *n = s->n - s->at < s->step ? s->n - s->at : s->step;
    *n = *n < size ? *n : size;
    memcpy(buf, s->text + s->at, *n);
    s->at += *n;
    return ERR_OK;
}

/* The same lines, however the bytes come. */
static void lines_do_not_depend_on_pieces(void **state)
{
    const char text[] = "one\n\n two \r\n\t\nthree";
    for (size_t step = 1; step <= sizeof text; step++) {
        struct source s = {text, sizeof text - 1, 0, step};
        struct ndjson l;
        struct strbuf line;
        ndjson_init(&l, 100, source_read, &s);
        strbuf_init(&line, 0);
        assert_int_equal(ndjson_next(&l, &line, NULL), ERR_OK);
        assert_string_equal(line.buf, "one");
        assert_int_equal(l.number, 1);
        assert_int_equal(ndjson_next(&l, &line, NULL), ERR_OK);
        assert_string_equal(line.buf, " two \r");
        assert_int_equal(l.number, 3);
        assert_int_equal(ndjson_next(&l, &line, NULL), ERR_OK);
        assert_string_equal(line.buf, "three");
        assert_int_equal(l.number, 5);
        assert_int_equal(ndjson_next(&l, &line, NULL), ERR_NOT_FOUND);
        assert_int_equal(ndjson_next(&l, &line, NULL), ERR_NOT_FOUND);
        strbuf_release(&line);
        ndjson_release(&l);
    }
}

static void a_long_line_fails_alone(void **state)
{
    size_t n = 300000;
    char *text = malloc(n + 16);
    memset(text, 'x', n);
    memcpy(text + n, "\nshort\n", 8);
    struct source s = {text, n + 7, 0, 70000};
    struct ndjson l;
    struct strbuf line;
    struct err_info e = {0};
    ndjson_init(&l, 1000, source_read, &s);
    strbuf_init(&line, 2000);
    assert_int_equal(ndjson_next(&l, &line, &e), ERR_TOO_LARGE);
    assert_non_null(strstr(e.message, "1000"));
    assert_int_equal(ndjson_next(&l, &line, NULL), ERR_OK);
    assert_string_equal(line.buf, "short");
    assert_int_equal(l.number, 2);
    assert_false(line.failed);
    assert_int_equal(ndjson_next(&l, &line, NULL), ERR_NOT_FOUND);
    strbuf_release(&line);
    ndjson_release(&l);
    free(text);
}

static void exactly_the_bound_passes(void **state)
{
    struct source s = {"12345\n123456\n", 13, 0, 4};
    struct ndjson l;
    struct strbuf line;
    ndjson_init(&l, 5, source_read, &s);
    strbuf_init(&line, 0);
    assert_int_equal(ndjson_next(&l, &line, NULL), ERR_OK);
    assert_int_equal(ndjson_next(&l, &line, NULL), ERR_TOO_LARGE);
    assert_int_equal(ndjson_next(&l, &line, NULL), ERR_NOT_FOUND);
    strbuf_release(&line);
    ndjson_release(&l);
}

static enum err broken(void *ctx, void *buf, size_t size, size_t *n, struct err_info *e)
{
    return err_set(e, ERR_CANCELLED, NULL, "gone");
}

static void errors_of_the_source_come_through(void **state)
{
    struct ndjson l;
    struct strbuf line;
    ndjson_init(&l, 5, broken, NULL);
    strbuf_init(&line, 0);
    assert_int_equal(ndjson_next(&l, &line, NULL), ERR_CANCELLED);
    strbuf_release(&line);
    ndjson_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_do_not_depend_on_pieces),
        cmocka_unit_test(a_long_line_fails_alone),
        cmocka_unit_test(exactly_the_bound_passes),
        cmocka_unit_test(errors_of_the_source_come_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
