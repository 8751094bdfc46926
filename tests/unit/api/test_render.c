#include "api/render.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static struct strbuf out;
static struct json_writer w;

static int begin(void **state)
{
    strbuf_init(&out, 0);
    json_writer_init(&w, &out);
    return 0;
}

static int end(void **state)
{
    strbuf_release(&out);
    return 0;
}

static void a_document_is_one_object(void **state)
{
    struct document_out d = {.id = STR("a\"1"),
                             .payload = STR(" {\"title\":\"T\",\"tags\":[]} "),
                             .revision = 17,
                             .created_us = 0,
                             .updated_us = 1500000,
                             .pending = true};
    render_document(&w, &d);
    assert_string_equal(
        out.buf, "{\"id\":\"a\\\"1\",\"title\":\"T\",\"tags\":[],\"created\":\"1970-01-01T00:00:00."
                 "000000Z\","
                 "\"updated\":\"1970-01-01T00:00:01.500000Z\",\"revision\":17,\"pending\":true}");
}

static void an_empty_payload_leaves_no_comma(void **state)
{
    struct document_out d = {.id = STR("a"), .payload = STR("{}")};
    json_t *v;
    render_document(&w, &d);
    assert_int_equal(json_parse(strbuf_str(&out), &v, NULL), ERR_OK);
    assert_int_equal(json_object_size(v), 4);
    json_decref(v);
}

static void a_missing_part_is_null(void **state)
{
    struct find_hit h = {.score = .5,
                         .semantic = NAN,
                         .lexical = .25,
                         .document = {.id = STR("a"), .payload = STR("{}")}};
    json_t *v;
    render_hit(&w, &h, &(struct hit_style){0});
    assert_int_equal(json_parse(strbuf_str(&out), &v, NULL), ERR_OK);
    const json_t *scores = json_object_get(v, "scores");
    assert_true(json_is_null(json_object_get(scores, "semantic")));
    assert_float_equal(json_number_value(json_object_get(scores, "lexical")), .25, 0);
    assert_true(json_is_null(json_object_get(v, "passage")));
    assert_null(json_object_get(v, "explain"));
    json_decref(v);
}

static void pointers_of_rows(void **state)
{
    static const struct {
        const char *field, *place;
        size_t index;
        const char *wanted;
    } cases[] = {
        {"/text", "", 0, "/text"},
        {"/0/text", "", 0, "/text"},
        {"/0/text", "/0", 0, "/0/text"},
        {"/3/text", "/7", 3, "/7/text"},
        {"/3", "/7", 3, "/7"},
        {"/33/x", "/7", 3, "/7/33/x"},
        {"", "/7", 3, "/7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char pointer[ROW_POINTER];
        row_pointer(cases[i].field, &(struct row_place){"id", cases[i].place, cases[i].index, 0},
                    pointer);
        assert_string_equal(pointer, cases[i].wanted);
    }
}

static void rows(void **state)
{
    struct put_result good = {.id = STR("a"), .status = "created", .revision = 3};
    struct put_result bad = {.id = STR("b"), .err = ERR_INVALID};
    (void)err_set(&bad.info, ERR_INVALID, "/1/text", "is empty");
    json_array_begin(&w);
    render_row(&w, &good, &(struct row_place){"id", "/0", 0, 1});
    render_row(&w, &bad, &(struct row_place){"id", "/1", 1, 9});
    json_array_end(&w);
    assert_string_equal(
        out.buf, "[{\"id\":\"a\",\"status\":\"created\",\"revision\":3},"
                 "{\"line\":9,\"id\":\"b\",\"status\":\"failed\",\"error\":{\"status\":422,"
                 "\"code\":\"invalid\","
                 "\"detail\":\"is empty\",\"errors\":[{\"pointer\":\"/1/text\",\"detail\":\"is "
                 "empty\"}]}}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_document_is_one_object, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_payload_leaves_no_comma, begin, end),
        cmocka_unit_test_setup_teardown(a_missing_part_is_null, begin, end),
        cmocka_unit_test_setup_teardown(pointers_of_rows, begin, end),
        cmocka_unit_test_setup_teardown(rows, begin, end),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
