#include "api/routes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct arena *arena;

static enum err find(const char *method, const char *path, struct route_match *m)
{
    return route_find(arena, str_c(method), str_c(path), m);
}

static void expect_route(const char *method, const char *path, enum route_id id)
{
    struct route_match m;
    assert_int_equal(find(method, path, &m), ERR_OK);
    assert_ptr_equal(m.route, &routes[id]);
}

static void every_route_is_found(void **state)
{
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        struct route_match m;
        char path[256];
        snprintf(path, sizeof path, "%s", routes[i].path);
        for (char *at = strchr(path, '{'); at; at = strchr(path, '{')) {
            char *end = strchr(at, '}');
            *at = 'x';
            memmove(at + 1, end + 1, strlen(end + 1) + 1);
        }
        assert_int_equal(find(routes[i].method, path, &m), ERR_OK);
        assert_ptr_equal(m.route, &routes[i]);
    }
}

static void parameters_are_decoded(void **state)
{
    struct route_match m;
    assert_int_equal(find("GET", "/v1/collections/news/documents/a%2Fb%20c%25", &m), ERR_OK);
    assert_true(str_eq_c(route_value(&m, "c"), "news"));
    assert_true(str_eq_c(route_value(&m, "id"), "a/b c%"));
    assert_int_equal(route_value(&m, "nothing").n, 0);
}

/* The one that matters: none of these may be a DELETE of the collection. */
static void dots_never_reach_a_collection(void **state)
{
    static const char *const paths[] = {
        "/v1/collections/news/documents/..",      "/v1/collections/news/documents/%2e%2e",
        "/v1/collections/news/documents/%2E.",    "/v1/collections/news/documents/.",
        "/v1/collections/news/documents/..%2F",   "/v1/collections/news/documents/%2e%2e%2f",
        "/v1/collections/news/documents/../",     "/v1/collections/news/documents/../..",
        "/v1/collections/news/documents/%2e%2e/", "/v1/collections/news/",
        "/v1/collections/news/documents//",       "/v1/collections/news//",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct route_match m;
        enum err err = find("DELETE", paths[i], &m);
        assert_true(err == ERR_NOT_FOUND || (!err && m.route == &routes[ROUTE_DOCUMENT_DELETE]));
    }
}

static void verbs_stand_behind_a_colon(void **state)
{
    struct route_match m;
    expect_route("POST", "/v1/collections/news/documents:delete", ROUTE_DOCUMENTS_DELETE);
    expect_route("POST", "/v1/collections/news/documents%3Adelete", ROUTE_DOCUMENTS_DELETE);
    assert_int_equal(find("POST", "/v1/collections/news/documents:delet", &m), ERR_NOT_FOUND);
}

#define VERSIONS "/v1/collections/news/embedding-versions"

static void verbs_stand_behind_a_parameter(void **state)
{
    struct route_match m;
    expect_route("POST", VERSIONS ":rollback", ROUTE_VERSIONS_ROLLBACK);
    expect_route("POST", VERSIONS "/12:promote", ROUTE_VERSION_PROMOTE);
    expect_route("DELETE", VERSIONS "/12", ROUTE_VERSION_DELETE);
    assert_int_equal(find("POST", VERSIONS "/12:compare", &m), ERR_OK);
    assert_ptr_equal(m.route, &routes[ROUTE_VERSION_COMPARE]);
    assert_true(str_eq_c(route_value(&m, "version"), "12"));
    assert_true(str_eq_c(route_value(&m, "c"), "news"));
    /* The verb's own methods, not those of a version that is called so. */
    assert_int_equal(find("GET", VERSIONS "/12:promote", &m), ERR_UNSUPPORTED);
    assert_string_equal(m.allow, "POST, OPTIONS");
    assert_int_equal(find("GET", VERSIONS "/:promote", &m), ERR_OK); /* no value: not the verb */
    assert_ptr_equal(m.route, &routes[ROUTE_VERSION_GET]);
    expect_route("POST", "/v1/collections/news/experiments/a-b:start", ROUTE_EXPERIMENT_START);
    expect_route("PUT", "/v1/collections/news/scores/mine/users/all", ROUTE_SCORES_PUT);
    expect_route("PUT", "/v1/collections/news/scores/mine/all", ROUTE_SCORES_ALL_PUT);
    /* A document may be called so. */
    expect_route("GET", "/v1/collections/news/documents/a:promote", ROUTE_DOCUMENT_GET);
}

static void unknown_is_not_found(void **state)
{
    static const char *const paths[] = {
        "",
        "v1",
        "//",
        "/v1",
        "/v1/",
        "/v1/collections/",
        "/livez/",
        "/v1/collections/a/b",
        "/a/b/c/d/e/f/g/h/i/j/k",
        "/v1/collections/%2F/x",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct route_match m;
        assert_int_equal(find("GET", paths[i], &m), ERR_NOT_FOUND);
    }
}

static void bad_escapes_are_unreadable(void **state)
{
    static const char *const paths[] = {"/v1/collections/%",   "/v1/collections/%4",
                                        "/v1/collections/%zz", "/v1/collections/%ff",
                                        "/v1/collections/%00", "/v1/collections/%c0%af"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct route_match m;
        assert_int_equal(find("GET", paths[i], &m), ERR_SYNTAX);
    }
}

static void other_methods_name_the_allowed(void **state)
{
    struct route_match m;
    assert_int_equal(find("PUT", "/v1/collections", &m), ERR_UNSUPPORTED);
    assert_string_equal(m.allow, "GET, HEAD, POST, OPTIONS");
    assert_int_equal(find("get", "/livez", &m), ERR_UNSUPPORTED);
    assert_int_equal(find("OPTIONS", "/v1/collections/c/documents/d", &m), ERR_OK);
    assert_true(m.options);
    assert_string_equal(m.allow, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
}

static void head_is_a_get(void **state)
{
    struct route_match m;
    assert_int_equal(find("HEAD", "/livez", &m), ERR_OK);
    assert_true(m.head);
    assert_ptr_equal(m.route, &routes[ROUTE_LIVEZ]);
    assert_int_equal(find("HEAD", "/v1/embeddings", &m), ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_found),
        cmocka_unit_test(parameters_are_decoded),
        cmocka_unit_test(dots_never_reach_a_collection),
        cmocka_unit_test(verbs_stand_behind_a_colon),
        cmocka_unit_test(verbs_stand_behind_a_parameter),
        cmocka_unit_test(unknown_is_not_found),
        cmocka_unit_test(bad_escapes_are_unreadable),
        cmocka_unit_test(other_methods_name_the_allowed),
        cmocka_unit_test(head_is_a_get),
    };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
