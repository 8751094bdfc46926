#include "api/problem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void every_code_has_a_status(void **state)
{
    static const int wanted[] = {200, 400, 422, 404, 409, 412, 413, 415, 401, 403,
                                 410, 503, 503, 507, 500, 500, 503, 503, 503};
    for (int code = 0; code >= ERR_NO_MEMORY; code--)
        assert_int_equal(err_status((enum err)code, ""), wanted[-code]);
    assert_int_equal(err_status(ERR_TOO_LARGE, "/text"), 422);
    assert_int_equal(err_status_shaped(ERR_INVALID, "/input", SHAPE_OPENAI), 400);
    assert_int_equal(err_status_shaped(ERR_BUSY, NULL, SHAPE_OPENAI), 503);
    assert_int_equal(err_status_shaped(ERR_BUSY, NULL, SHAPE_TEI), 429);
    assert_int_equal(err_status_shaped(ERR_TOO_LARGE, "/0", SHAPE_TEI), 413);
    assert_int_equal(err_status_shaped(ERR_INVALID, "/0", SHAPE_TEI), 422);
}

static json_t *write(const struct problem *p)
{
    struct strbuf b;
    json_t *v = NULL;
    strbuf_init(&b, 0);
    problem_write(p, &b);
    assert_int_equal(json_parse(strbuf_str(&b), &v, NULL), ERR_OK);
    strbuf_release(&b);
    return v;
}

static const char *text(const json_t *v, const char *key)
{
    return json_string_value(json_object_get(v, key));
}

static void a_problem_has_its_members(void **state)
{
    struct fault f[] = {{"/a~1b", NULL, "one \"quoted\""}, {NULL, "limit", "two"}};
    json_t *v = write(&(struct problem){.status = 422,
                                        .code = "invalid",
                                        .detail = "what",
                                        .faults = f,
                                        .fault_count = 2,
                                        .trace_id = "abc",
                                        .shape = SHAPE_PROBLEM});
    assert_string_equal(text(v, "type"), "/docs#invalid");
    assert_string_equal(text(v, "title"), "Unprocessable Content");
    assert_int_equal(json_integer_value(json_object_get(v, "status")), 422);
    assert_string_equal(text(v, "code"), "invalid");
    assert_string_equal(text(v, "detail"), "what");
    assert_string_equal(text(v, "trace_id"), "abc");
    const json_t *errors = json_object_get(v, "errors");
    assert_string_equal(text(json_array_get(errors, 0), "pointer"), "/a~1b");
    assert_string_equal(text(json_array_get(errors, 0), "detail"), "one \"quoted\"");
    assert_string_equal(text(json_array_get(errors, 1), "parameter"), "limit");
    json_decref(v);
}

static void openai_has_its_own_shape(void **state)
{
    struct fault f = {"/input", NULL, "bad"};
    json_t *v = write(&(struct problem){.status = 400,
                                        .code = "invalid",
                                        .detail = "what",
                                        .faults = &f,
                                        .fault_count = 1,
                                        .trace_id = "abc",
                                        .shape = SHAPE_OPENAI});
    const json_t *e = json_object_get(v, "error");
    assert_string_equal(text(e, "message"), "what");
    assert_string_equal(text(e, "type"), "invalid_request_error");
    assert_string_equal(text(e, "param"), "input");
    json_decref(v);
    v = write(&(struct problem){.status = 401,
                                .code = "unauthenticated",
                                .detail = "key",
                                .faults = NULL,
                                .fault_count = 0,
                                .trace_id = "abc",
                                .shape = SHAPE_OPENAI});
    assert_string_equal(text(json_object_get(v, "error"), "type"), "authentication_error");
    assert_true(json_is_null(json_object_get(json_object_get(v, "error"), "param")));
    json_decref(v);
}

static void json_rpc_has_its_own_shape(void **state)
{
    struct fault f = {"/limit", NULL, "bad"};
    struct problem p = {.status = 400,
                        .code = "invalid",
                        .detail = "what",
                        .faults = &f,
                        .fault_count = 1,
                        .trace_id = "abc",
                        .shape = SHAPE_RPC,
                        .rpc_id = STR("\"x\"")};
    json_t *v = write(&p);
    const json_t *e = json_object_get(v, "error");
    assert_string_equal(text(v, "jsonrpc"), "2.0");
    assert_string_equal(text(v, "id"), "x");
    assert_int_equal(json_integer_value(json_object_get(e, "code")), -32600);
    assert_string_equal(text(e, "message"), "what");
    assert_string_equal(text(json_object_get(e, "data"), "code"), "invalid");
    json_decref(v);
    p.code = "syntax";
    p.rpc_id = STR("");
    v = write(&p);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(v, "error"), "code")),
                     -32700);
    assert_true(json_is_null(json_object_get(v, "id")));
    json_decref(v);
    p.status = 403;
    p.code = "denied";
    v = write(&p);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(v, "error"), "code")), 403);
    json_decref(v);
    assert_int_equal(err_status_shaped(ERR_INVALID, "/input", SHAPE_RPC), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_status),
        cmocka_unit_test(a_problem_has_its_members),
        cmocka_unit_test(openai_has_its_own_shape),
        cmocka_unit_test(json_rpc_has_its_own_shape),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
