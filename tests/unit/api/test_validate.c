#include "api/schemas.h"
#include "api/validate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct arena *arena;

static enum err check(enum route_id id, const char *body, struct faults *f)
{
    json_t *v = NULL;
    struct err_info e = {0};
    faults_init(f, arena);
    enum err err = body_check(&routes[id], str_c(body), &v, f, &e);
    assert_true(err == ERR_OK || v == NULL);
    json_decref(v);
    return err;
}

static void expect_fault(enum route_id id, const char *body, const char *pointer, const char *says)
{
    struct faults f;
    assert_int_equal(check(id, body, &f), ERR_INVALID);
    for (unsigned i = 0; i < f.count; i++)
        if (f.list[i].pointer && !strcmp(f.list[i].pointer, pointer) &&
            strstr(f.list[i].detail, says))
            return;
    fail_msg("%s: no fault at %s that says %s; first: %s %s", body, pointer, says,
             f.list[0].pointer, f.list[0].detail);
}

static void expect_sound(enum route_id id, const char *body)
{
    struct faults f;
    enum err err = check(id, body, &f);
    if (err)
        fail_msg("%s: %s %s", body, f.count ? f.list[0].pointer : "",
                 f.count ? f.list[0].detail : "unreadable");
}

static void sound_bodies_pass(void **state)
{
    expect_sound(ROUTE_SEARCH, "{\"q\":\"x\",\"cursor\":null,\"limit\":10.0,\"min_score\":1}");
    expect_sound(ROUTE_SIMILAR, "{\"id\":5}");
    expect_sound(ROUTE_SIMILAR, "{\"ids\":[5.0,-1e2]}");
    expect_sound(ROUTE_SIMILAR, "{\"vector\":[1,0.5,-2e3]}");
    expect_sound(ROUTE_RECOMMEND, "{\"positive\":[\"a\"],\"negative\":[\"b\"]}");
    expect_sound(ROUTE_RECOMMEND, "{\"negative\":[\"b\"]}");
    expect_sound(ROUTE_RECOMMEND, "{\"user\":\"u\",\"positive\":[\"a\"]}");
    expect_sound(ROUTE_COLLECTIONS_CREATE,
                 "{\"name\":\"a_b-1\",\"settings\":{\"mapping\":{\"text\":\"body\"}}}");
    expect_sound(
        ROUTE_FEEDBACK_ADD,
        "{\"user\":1,\"document\":\"a\",\"type\":\"like\",\"time\":\"2026-01-02T03:04:05Z\"}");
    expect_sound(ROUTE_FEEDBACK_ADD, "[{\"type\":\"wrong, but judged alone\"}]");
    expect_sound(ROUTE_EMBEDDINGS,
                 "{\"input\":[\"a\",\"b\"],\"dimensions\":8,\"encoding_format\":\"base64\"}");
    expect_sound(ROUTE_EMBEDDINGS,
                 "{\"input\":\"a\",\"dimensions\":null,\"encoding_format\":null,\"user\":null,"
                 "\"input_type\":null,\"on_overflow\":null}");
    expect_sound(ROUTE_TEI_EMBED, "{\"inputs\":\"a\",\"dimensions\":null,\"prompt_name\":null,"
                                  "\"truncation_direction\":null}");
    expect_sound(ROUTE_EMBEDDINGS, "\xef\xbb\xbf {\"input\":\"a\"}"); /* a byte order mark */
    expect_sound(ROUTE_DOCUMENTS_ADD, "{\"anything\":{\"goes\":[1]}}");
}

static void each_fault_is_named(void **state)
{
    expect_fault(ROUTE_EMBEDDINGS, "{}", "/input", "missing");
    expect_fault(ROUTE_SEARCH, "{\"q\":1}", "/q", "a string");
    expect_fault(ROUTE_SEARCH, "{\"q\":null}", "/q", "not null");
    expect_fault(ROUTE_SEARCH, "{\"q\":\"x\",\"limit\":1001}", "/limit", "from 1 to 1000");
    expect_fault(ROUTE_SEARCH, "{\"q\":\"x\",\"limit\":-1}", "/limit", "not -1");
    expect_fault(ROUTE_SEARCH, "{\"q\":\"x\",\"limit\":1.5}", "/limit", "not 1.5");
    expect_fault(ROUTE_EMBEDDINGS, "{\"input\":[-7]}", "/input/0", "not -7");
    expect_fault(ROUTE_SEARCH, "{\"q\":\"x\",\"limit\":\"5\"}", "/limit", "an integer");
    expect_fault(ROUTE_SIMILAR, "{\"id\":5.5}", "/id", "not 5.5");
    expect_fault(ROUTE_SEARCH, "{\"q\":\"x\",\"limit\":true}", "/limit", "a boolean");
    expect_fault(ROUTE_SEARCH, "{\"q\":\"x\",\"mode\":\"fast\"}", "/mode",
                 "hybrid, semantic, lexical");
    expect_fault(ROUTE_SEARCH, "{\"q\":\"x\",\"limt\":1}", "/limt", "did you mean limit?");
    expect_fault(ROUTE_SEARCH, "{\"q\":\"x\",\"facets\":[\"a\",7]}", "/facets/1", "a string");
    expect_fault(ROUTE_SEARCH, "[]", "", "an object");
    expect_fault(ROUTE_SIMILAR, "{}", "", "exactly one of id, ids");
    expect_fault(ROUTE_SIMILAR, "{\"id\":\"a\",\"text\":\"b\"}", "", "2 are there");
    expect_fault(ROUTE_SIMILAR, "{\"ids\":[]}", "/ids", "1 to 1000 items");
    expect_fault(ROUTE_SIMILAR, "{\"id\":\"..\"}", "/id", "not . or ..");
    expect_fault(ROUTE_SIMILAR, "{\"id\":\"a\\u0007\"}", "/id", "control characters");
    expect_fault(ROUTE_SIMILAR, "{\"vector\":[1,\"2\"]}", "/vector/1", "a number");
    expect_fault(ROUTE_SIMILAR, "{\"id\":\"a\",\"diversity\":1.1}", "/diversity", "from 0 to 1");
    expect_fault(ROUTE_COLLECTIONS_CREATE, "{\"name\":\"News\"}", "/name", "a-z");
    expect_fault(ROUTE_COLLECTIONS_CREATE, "{\"name\":\"-a\"}", "/name", "a-z");
    expect_fault(ROUTE_COLLECTIONS_CREATE,
                 "{\"name\":\"a\",\"settings\":{\"feedback\":{\"types\":{\"te/x~t\":true}}}}",
                 "/settings/feedback/types/te~1x~0t", "a number");
    expect_fault(ROUTE_COLLECTION_UPDATE, "{\"extra_fields\":\"drop\"}", "/extra_fields",
                 "attributes, error");
    expect_fault(ROUTE_FEEDBACK_ADD,
                 "{\"user\":\"u\",\"document\":\"a\",\"type\":\"like\",\"time\":\"today\"}",
                 "/time", "RFC 3339");
    expect_fault(ROUTE_FEEDBACK_ADD, "\"like\"", "", "an object or an array");
    expect_fault(ROUTE_EMBEDDINGS, "{\"input\":\"\"}", "/input", "at least 1");
    expect_fault(ROUTE_EMBEDDINGS, "{\"input\":[]}", "/input", "1 to 2048");
    expect_fault(ROUTE_EMBEDDINGS, "{\"input\":[\"a\",\"\"]}", "/input/1", "at least 1");
    expect_fault(ROUTE_EMBEDDINGS, "{\"input\":[[1,-2]]}", "/input/0/1", "from 0");
    expect_fault(ROUTE_DOCUMENTS_ADD, "7", "", "an object or an array");
}

/* Of alternatives that are arrays the first item says which is meant. */
static void arrays_are_told_apart_by_their_first_item(void **state)
{
    expect_sound(ROUTE_EMBEDDINGS, "{\"input\":[5,6.0]}");
    expect_sound(ROUTE_EMBEDDINGS, "{\"input\":[[5],[6,7]]}");
    expect_sound(ROUTE_TEI_DECODE, "{\"ids\":[[],[6,7]]}");
    expect_fault(ROUTE_EMBEDDINGS, "{\"input\":[\"a\",5]}", "/input/1", "must be a string");
    expect_fault(ROUTE_EMBEDDINGS, "{\"input\":[5,\"a\"]}", "/input/1", "must be an integer");
    expect_fault(ROUTE_EMBEDDINGS, "{\"input\":[[5],\"a\"]}", "/input/1", "must be an array");
    expect_fault(ROUTE_EMBEDDINGS, "{\"input\":[[5],[\"a\"]]}", "/input/1/0", "must be an integer");
    expect_fault(ROUTE_EMBEDDINGS, "{\"input\":[true]}", "/input/0", "not a boolean");
    expect_fault(ROUTE_TEI_DECODE, "{\"ids\":[[1],2]}", "/ids/1", "must be an array");
    expect_fault(ROUTE_TEI_DECODE, "{\"ids\":[2,[1]]}", "/ids/1", "must be an integer");
}

static void all_faults_are_named_at_once(void **state)
{
    struct faults f;
    assert_int_equal(
        check(ROUTE_SEARCH, "{\"limit\":-1,\"mode\":3,\"explain\":1,\"colour\":\"red\"}", &f),
        ERR_INVALID);
    assert_int_equal(f.count, 4);
    char body[8192] = "{\"q\":\"x\"";
    for (int i = 0; i < 200; i++)
        sprintf(body + strlen(body), ",\"z%d\":1", i);
    strcat(body, "}");
    assert_int_equal(check(ROUTE_SEARCH, body, &f), ERR_INVALID);
    assert_int_equal(f.count, FAULTS_MAX);
}

static void unreadable_is_not_wrong(void **state)
{
    static const char *const bodies[] = {"",
                                         "  ",
                                         "{",
                                         "{\"q\":NaN}",
                                         "{\"q\":\"\xff\"}",
                                         "{\"q\":1,\"q\":2}",
                                         "{\"a\":1e999}",
                                         "\xef\xbb\xbf",
                                         "{}\xef\xbb\xbf"};
    struct faults f;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_int_equal(check(ROUTE_SEARCH, bodies[i], &f), ERR_SYNTAX);
    char deep[201];
    memset(deep, '[', 200);
    deep[200] = 0;
    assert_int_equal(check(ROUTE_SEARCH, deep, &f), ERR_SYNTAX);
}

/* ---- queries ---- */

static json_t *query(enum route_id id, const struct http_param *p, unsigned n, struct faults *f)
{
    faults_init(f, arena);
    return validate_query(&routes[id], p, n, f);
}

static void a_query_becomes_a_body(void **state)
{
    struct faults f;
    const struct http_param p[] = {{STR("q"), STR("tool")},        {STR("limit"), STR("5")},
                                   {STR("facets"), STR("a,b")},    {STR("facets"), STR("c")},
                                   {STR("min_score"), STR("0.5")}, {STR("explain"), STR("")}};
    json_t *v = query(ROUTE_SEARCH_GET, p, 6, &f);
    char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
    assert_int_equal(f.total, 0);
    assert_string_equal(text, "{\"explain\":true,\"facets\":\"a,b,c\",\"limit\":5,\"min_"
                              "score\":0.5,\"q\":\"tool\"}");
    free(text);
    json_decref(v);
}

static void wrong_parameters_are_named(void **state)
{
    static const struct {
        const char *name, *value, *says;
    } wrong[] = {
        {"limit", "ten", "an integer from 1 to 1000"},
        {"limit", "", "integer"},
        {"limit", "1001", "1000"},
        {"offset", "-1", "from 0"},
        {"min_score", "nan", "number"},
        {"mode", "x", "hybrid"},
        {"limt", "1", "did you mean limit?"},
        {"explain", "maybe", "true or false"},
        {"colour", "x", "known are q"},
        {"q", "again", "given twice"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct faults f;
        const struct http_param p[] = {{STR("q"), STR("x")},
                                       {str_c(wrong[i].name), str_c(wrong[i].value)}};
        json_decref(query(ROUTE_SEARCH_GET, p, 2, &f));
        assert_int_equal(f.total, 1);
        assert_string_equal(f.list[0].parameter, wrong[i].name);
        assert_non_null(strstr(f.list[0].detail, wrong[i].says));
    }
    struct faults f;
    json_decref(query(ROUTE_SEARCH_GET, NULL, 0, &f)); /* without q: all documents */
    assert_int_equal(f.total, 0);
    json_decref(query(ROUTE_PAGE, (const struct http_param[]){{STR("utm"), STR("x")}}, 1, &f));
    assert_int_equal(f.total, 0);
}

/* ---- whole requests ---- */

static enum err request(const char *method, const char *path, const char *type, const char *body)
{
    struct checked c;
    struct err_info e = {0};
    enum err err =
        request_check(arena, str_c(method), str_c(path), NULL, 0, str_c(type), str_c(body), &c, &e);
    checked_release(&c);
    return err;
}

static void whole_requests(void **state)
{
    assert_int_equal(request("POST", "/v1/collections", "application/json", "{\"name\":\"a\"}"),
                     ERR_OK);
    assert_int_equal(
        request("POST", "/v1/collections", "Application/JSON; charset=utf-8", "{\"name\":\"a\"}"),
        ERR_OK);
    assert_int_equal(request("POST", "/v1/collections", "text/plain", "{\"name\":\"a\"}"),
                     ERR_UNSUPPORTED);
    assert_int_equal(request("POST", "/v1/collections", "", "{\"name\":\"a\"}"), ERR_UNSUPPORTED);
    assert_int_equal(request("POST", "/v1/collections", "application/x-ndjson", "{}"),
                     ERR_UNSUPPORTED);
    assert_int_equal(
        request("POST", "/v1/collections/a/documents", "application/x-ndjson", "whatever"), ERR_OK);
    assert_int_equal(
        request("POST", "/v1/collections/A/documents", "application/x-ndjson", "whatever"),
        ERR_INVALID);
    assert_int_equal(request("DELETE", "/v1/collections/a/documents/%2e%2e", "", ""), ERR_INVALID);
    assert_int_equal(
        request("PATCH", "/v1/collections/a/documents/b", "application/merge-patch+json", "{}"),
        ERR_OK);
    assert_int_equal(request("OPTIONS", "/v1/collections", "", ""), ERR_OK);
    assert_int_equal(request("GET", "/nowhere", "", ""), ERR_NOT_FOUND);
}

static void ids_are_bounded_in_bytes(void **state)
{
    char body[600] = "{\"id\":\"", id[300];
    memset(id, 'a', sizeof id);
    id[255] = 0;
    strcat(strcat(body, id), "\"}");
    expect_sound(ROUTE_SIMILAR, body);
    snprintf(body, sizeof body, "{\"id\":\"%sa\"}", id);
    expect_fault(ROUTE_SIMILAR, body, "/id", "1 to 255 bytes");
}

/* Short values take many times their size when parsed; a body full of them is still a sound one. */
static void a_full_batch_of_short_values_is_read(void **state)
{
    struct faults f;
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_add_c(&b, "[{\"id\":\"x\",\"text\":\"a b\"}");
    for (int i = 1; i < DOCUMENTS_MAX; i++)
        strbuf_printf(&b, ",{\"id\":\"%d\",\"text\":\"a b\"}", i);
    strbuf_add_char(&b, ']');
    assert_int_equal(check(ROUTE_DOCUMENTS_ADD, b.buf, &f), ERR_OK);
    strbuf_clear(&b);
    strbuf_add_c(&b, "{\"ids\":[\"a\"");
    for (int i = 1; i < ROWS_MAX; i++)
        strbuf_printf(&b, ",\"%d\"", i);
    strbuf_add_c(&b, "]}");
    assert_int_equal(check(ROUTE_DOCUMENTS_DELETE, b.buf, &f), ERR_OK);
    strbuf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_bodies_pass),
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(arrays_are_told_apart_by_their_first_item),
        cmocka_unit_test(all_faults_are_named_at_once),
        cmocka_unit_test(unreadable_is_not_wrong),
        cmocka_unit_test(a_query_becomes_a_body),
        cmocka_unit_test(wrong_parameters_are_named),
        cmocka_unit_test(whole_requests),
        cmocka_unit_test(ids_are_bounded_in_bytes),
        cmocka_unit_test(a_full_batch_of_short_values_is_read),
    };
    json_setup();
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
