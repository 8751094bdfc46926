#include "api/api.h"
#include "api/routes.h"
#include "api/validate.h"
#include "base/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static json_t *document;

static int begin(void **state)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    api_openapi(&b);
    json_error_t e; /* as a client parses it: json_parse keeps a budget meant for small bodies */
    document = json_loadb(b.buf, b.n, JSON_REJECT_DUPLICATES, &e);
    if (!document)
        fail_msg("%s", e.text);
    strbuf_release(&b);
    return 0;
}

static int end(void **state)
{
    json_decref(document);
    return 0;
}

static const json_t *at(const json_t *v, const char *key)
{
    const json_t *x = json_object_get(v, key);
    if (!x)
        fail_msg("no %s", key);
    return x;
}

static void every_route_is_in_it(void **state)
{
    assert_string_equal(json_string_value(at(document, "openapi")), "3.1.0");
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        char method[8] = "";
        for (size_t j = 0; routes[i].method[j]; j++)
            method[j] = (char)(routes[i].method[j] | 32);
        const json_t *operation = at(at(at(document, "paths"), routes[i].path), method);
        assert_string_equal(json_string_value(at(operation, "operationId")), routes[i].name);
        assert_int_equal(json_object_get(operation, "requestBody") != NULL, routes[i].media != 0);
        assert_non_null(json_object_get(at(operation, "responses"), "default"));
    }
}

/* Follows every $ref; a dangling one fails. */
static void resolve(const json_t *v)
{
    const char *key;
    json_t *x;
    size_t i;
    const char *ref = json_string_value(json_object_get(v, "$ref"));
    if (ref) {
        char path[128];
        snprintf(path, sizeof path, "%s", ref + 2);
        const json_t *target = document;
        for (char *part = strtok(path, "/"); part; part = strtok(NULL, "/"))
            target = at(target, part);
    }
    json_object_foreach((json_t *)v, key, x) resolve(x);
    json_array_foreach(v, i, x) resolve(x);
}

static void every_reference_leads_somewhere(void **state)
{
    resolve(document);
}

/* An example that the validator refuses would be a lie. */
static void examples_of_bodies_pass_the_validator(void **state)
{
    struct arena *a = arena_new(0);
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        if (!routes[i].body || !routes[i].body->example)
            continue;
        json_t *v;
        struct faults f;
        struct err_info e = {0};
        faults_init(&f, a);
        if (body_check(&routes[i], str_c(routes[i].body->example), &v, &f, &e))
            fail_msg("%s: %s", routes[i].name, f.count ? f.list[0].detail : e.message);
        json_decref(v);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_in_it),
        cmocka_unit_test(every_reference_leads_somewhere),
        cmocka_unit_test(examples_of_bodies_pass_the_validator),
    };
    json_setup();
    return cmocka_run_group_tests(tests, begin, end);
}
