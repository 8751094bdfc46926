#include "access/scope.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static const struct str nowhere = {"", 0};

static void names_and_bits_are_one_to_one(void **state)
{
    static const struct {
        unsigned bit;
        const char *name;
    } all[] = {
        {SCOPE_DOCUMENTS_READ, "documents.read"},
        {SCOPE_DOCUMENTS_WRITE, "documents.write"},
        {SCOPE_SEARCH, "search"},
        {SCOPE_RECOMMEND, "recommend"},
        {SCOPE_FEEDBACK_WRITE, "feedback.write"},
        {SCOPE_USERS_READ, "users.read"},
        {SCOPE_USERS_WRITE, "users.write"},
        {SCOPE_EMBED, "embed"},
        {SCOPE_TRAIN, "train"},
        {SCOPE_MODELS, "models"},
        {SCOPE_EVENTS, "events"},
        {SCOPE_BACKUP, "backup"},
        {SCOPE_METRICS, "metrics"},
        {SCOPE_COLLECTIONS, "collections"},
        {SCOPE_KEYS, "keys"},
        {SCOPE_ADMIN_ALL, "admin"},
    };
    assert_int_equal(sizeof all / sizeof *all, SCOPE_COUNT);
    for (unsigned i = 0; i < SCOPE_COUNT; i++) {
        assert_int_equal(scope_parse(str_c(all[i].name)), all[i].bit);
        assert_string_equal(scope_name(i), all[i].name);
    }
    assert_null(scope_name(SCOPE_COUNT));
    assert_int_equal(scope_parse(STR("")), 0);
    assert_int_equal(scope_parse(STR("Search")), 0);
    assert_int_equal(scope_parse(STR("documents")), 0);
}

static void nobody_may_do_what_names_no_scope(void **state)
{
    struct caller admin = {.scopes = SCOPE_ADMIN_ALL};
    assert_int_equal(authorize(&admin, 0, nowhere), ACCESS_DENIED);
    assert_int_equal(authorize(NULL, 0, nowhere), ACCESS_UNAUTHENTICATED);
}

static void every_scope_opens_itself_alone(void **state)
{
    for (unsigned has = 0; has < SCOPE_COUNT - 1; has++)
        for (unsigned wants = 0; wants < SCOPE_COUNT; wants++) {
            struct caller c = {.scopes = 1u << has};
            assert_int_equal(authorize(&c, 1u << wants, nowhere),
                             has == wants ? ACCESS_ALLOWED : ACCESS_DENIED);
        }
    for (unsigned wants = 0; wants < SCOPE_COUNT; wants++) {
        struct caller admin = {.scopes = SCOPE_ADMIN_ALL}, none = {0};
        assert_int_equal(authorize(&admin, 1u << wants, nowhere), ACCESS_ALLOWED);
        assert_int_equal(authorize(&none, 1u << wants, nowhere), ACCESS_DENIED);
        assert_int_equal(authorize(NULL, 1u << wants, nowhere), ACCESS_UNAUTHENTICATED);
    }
}

static void any_of_several_is_enough(void **state)
{
    struct caller c = {.scopes = SCOPE_SEARCH | SCOPE_EMBED};
    assert_int_equal(authorize(&c, SCOPE_TRAIN | SCOPE_EMBED, nowhere), ACCESS_ALLOWED);
    assert_int_equal(authorize(&c, SCOPE_TRAIN | SCOPE_MODELS, nowhere), ACCESS_DENIED);
    assert_int_equal(authorize(NULL, SCOPE_OPEN, nowhere), ACCESS_ALLOWED);
}

static void a_bit_that_is_no_scope_opens_nothing(void **state)
{
    struct caller c = {.scopes = ~0u & ~SCOPES_ALL};
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(authorize(&c, 1u << i, nowhere), ACCESS_DENIED);
}

static void collections_bind(void **state)
{
    const struct str allowed[] = {STR("news"), STR("blog")};
    struct caller c = {.scopes = SCOPE_SEARCH, .collections = allowed, .collection_count = 2};
    assert_int_equal(authorize(&c, SCOPE_SEARCH, STR("news")), ACCESS_ALLOWED);
    assert_int_equal(authorize(&c, SCOPE_SEARCH, STR("blog")), ACCESS_ALLOWED);
    assert_int_equal(authorize(&c, SCOPE_SEARCH, STR("new")), ACCESS_OUTSIDE);
    assert_int_equal(authorize(&c, SCOPE_SEARCH, STR("newsx")), ACCESS_OUTSIDE);
    assert_int_equal(authorize(&c, SCOPE_EMBED, STR("other")), ACCESS_DENIED); /* says no more */
    c.scopes = SCOPE_ADMIN_ALL;
    assert_int_equal(authorize(&c, SCOPE_COLLECTIONS, STR("news")), ACCESS_ALLOWED);
    assert_int_equal(authorize(&c, SCOPE_COLLECTIONS, STR("other")), ACCESS_OUTSIDE);
    assert_int_equal(authorize(&c, SCOPE_BACKUP, nowhere), ACCESS_DENIED);
    assert_int_equal(authorize(&c, SCOPE_METRICS, nowhere), ACCESS_DENIED);
}

static void a_filter_takes_what_concerns_the_whole(void **state)
{
    struct caller c = {.scopes = SCOPE_ADMIN_ALL, .filter = STR("a = 1")};
    const unsigned whole =
        SCOPE_BACKUP | SCOPE_METRICS | SCOPE_COLLECTIONS | SCOPE_MODELS | SCOPE_TRAIN;
    for (unsigned i = 0; i < SCOPE_COUNT; i++)
        assert_int_equal(authorize(&c, 1u << i, STR("news")),
                         whole & 1u << i ? ACCESS_DENIED : ACCESS_ALLOWED);
}

static void scopes_are_printed_within_bounds(void **state)
{
    char out[200], small[10];
    scopes_print(SCOPE_TRAIN | SCOPE_MODELS, out, sizeof out);
    assert_string_equal(out, "train or models");
    scopes_print(0, out, sizeof out);
    assert_string_equal(out, "");
    scopes_print(SCOPES_ALL, small, sizeof small);
    assert_int_equal(strlen(small), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_bits_are_one_to_one),
        cmocka_unit_test(nobody_may_do_what_names_no_scope),
        cmocka_unit_test(every_scope_opens_itself_alone),
        cmocka_unit_test(any_of_several_is_enough),
        cmocka_unit_test(a_bit_that_is_no_scope_opens_nothing),
        cmocka_unit_test(collections_bind),
        cmocka_unit_test(a_filter_takes_what_concerns_the_whole),
        cmocka_unit_test(scopes_are_printed_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
