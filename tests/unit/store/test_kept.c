/* Answers that are kept for requests with an Idempotency-Key. */
#include "fixture.h"
#include "base/file.h"

open_fn *fixture_open = store_open;

static struct kept_record kept_of(const char *key, const char *owner, uint32_t collection)
{
    struct kept_record k = {.owner = str_c(owner), .collection = collection, .at_us = 1000};
    memset(k.key, 0, sizeof k.key);
    snprintf((char *)k.key, sizeof k.key, "%s", key);
    memset(k.request, 'q', sizeof k.request);
    memset(k.rights, 'r', sizeof k.rights);
    return k;
}

static enum err kept_get(struct fixture *f, const struct kept_record *k, struct kept_record *out)
{
    return store_kept_get(f->s, f->a, k->key, out, NULL);
}

static struct store_act act_done(struct fixture *f, struct store_act act)
{
    ok(store_write(f->s, &act, 1, false, NULL, &f->e));
    ok(act.err);
    return act;
}

static uint32_t collection_make(struct fixture *f, const char *name)
{
    return (uint32_t)act_done(f, act_collection(name)).id;
}

/* Writes what a request with this ticket would. */
static void wrote(struct fixture *f, struct store_ticket *t, struct store_act act)
{
    store_ticket_set(t);
    ok(store_write(f->s, &act, 1, false, NULL, &f->e));
    store_ticket_set(NULL);
}

static void answered(struct fixture *f, const struct kept_record *k, enum kept_state state,
                     const char *body)
{
    struct kept_record with = *k;
    with.state = state;
    with.status = 201;
    with.headers = STR("Location: /here\n");
    with.body = str_c(body);
    act_done(f, (struct store_act){.kind = ACT_KEPT_ANSWER, .kept = &with});
}

static void test_row_comes_with_the_write(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_make(f, "news");
    struct kept_record k = kept_of("a", "me", c), got;
    struct store_ticket t = {.record = &k};
    wrote(f, &t, act_put(f, c, STR("d1"), "text"));
    assert_true(t.written);
    reopen(f); /* as after a crash that came before the answer */
    ok(kept_get(f, &k, &got));
    assert_int_equal(got.state, KEPT_BEGUN);
    assert_true(got.collection == c && got.at_us == 1000 && str_eq_c(got.owner, "me"));
    assert_memory_equal(got.request, k.request, sizeof k.request);
    assert_memory_equal(got.rights, k.rights, sizeof k.rights);

    answered(f, &k, KEPT_ANSWERED, "{\"id\":\"d1\"}\n");
    reopen(f);
    ok(kept_get(f, &k, &got));
    assert_int_equal(got.state, KEPT_ANSWERED);
    assert_int_equal(got.status, 201);
    assert_true(str_eq_c(got.headers, "Location: /here\n"));
    assert_true(str_eq_c(got.body, "{\"id\":\"d1\"}\n"));
    answered(f, &k, KEPT_ANSWERED, "another"); /* the first one stays */
    ok(kept_get(f, &k, &got));
    assert_true(str_eq_c(got.body, "{\"id\":\"d1\"}\n"));
    ok(store_check(f->s, &f->e));
}

static void test_no_row_without_a_write(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_make(f, "news");
    struct kept_record k = kept_of("a", "me", c), got;
    struct store_ticket t = {.record = &k};
    struct store_act gone = {.kind = ACT_DOCUMENT_DELETE,
                             .document = {.collection = c, .id = STR("none")}};
    struct store_act used = {.kind = ACT_KEY_USED, .key = {.id = STR("x"), .used_us = 1}};
    wrote(f, &t, gone);
    wrote(f, &t, used); /* bookkeeping */
    struct store_act both[] = {act_put(f, c, STR("d1"), "text"), gone};
    store_ticket_set(&t);
    assert_int_equal(store_write(f->s, both, 2, true, NULL, NULL), ERR_NOT_FOUND); /* undone */
    store_ticket_set(NULL);
    assert_false(t.written);
    assert_int_equal(kept_get(f, &k, &got), ERR_NOT_FOUND);
    answered(f, &k, KEPT_ANSWERED, "nothing");
    assert_int_equal(kept_get(f, &k, &got), ERR_NOT_FOUND);

    store_ticket_set(&t); /* one of two that is done is a write */
    ok(store_write(f->s, both, 2, false, NULL, NULL));
    store_ticket_set(NULL);
    assert_true(t.written);
    ok(kept_get(f, &k, &got));
    act_done(f, act_put(f, c, STR("d2"), "of nobody"));
    ok(store_check(f->s, &f->e));
}

static void test_a_row_of_long_ago_makes_way(void **state)
{
    struct fixture *f = *state;
    struct kept_record k = kept_of("a", "me", 0), got;
    k.state = KEPT_ANSWERED;
    k.body = STR("old");
    act_done(f, (struct store_act){.kind = ACT_KEPT_ADD, .kept = &k});
    struct kept_record now = kept_of("a", "me", 0);
    now.at_us = 9000;
    struct store_ticket t = {.record = &now};
    wrote(f, &t, act_collection("news"));
    ok(kept_get(f, &k, &got));
    assert_true(got.state == KEPT_BEGUN && got.at_us == 9000 && got.body.n == 0);
    answered(f, &k, KEPT_ANSWERED, "of the old one");
    ok(kept_get(f, &k, &got));
    assert_int_equal(got.state, KEPT_BEGUN);
    ok(store_check(f->s, &f->e));
}

static void test_age(void **state)
{
    struct fixture *f = *state;
    struct kept_record got;
    bool any;
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "k%d", i);
        struct kept_record k = kept_of(name, "me", 0);
        k.at_us = i * 100;
        act_done(f, (struct store_act){.kind = ACT_KEPT_ADD, .kept = &k});
    }
    ok(store_kept_before(f->s, 0, &any, NULL));
    assert_false(any);
    ok(store_kept_before(f->s, 300, &any, NULL));
    assert_true(any);
    struct store_act act = {.kind = ACT_KEPT_FORGET, .kept_before_us = 300};
    assert_int_equal(act_done(f, act).id, 3);
    assert_int_equal(act_done(f, act).id, 0);
    struct kept_record k2 = kept_of("k2", "me", 0), k3 = kept_of("k3", "me", 0);
    assert_int_equal(kept_get(f, &k2, &got), ERR_NOT_FOUND);
    ok(kept_get(f, &k3, &got));
    ok(store_check(f->s, &f->e));
}

static void test_bounds(void **state)
{
    struct fixture *f = *state;
    char *body = xcalloc(1, 9001);
    struct kept_record got;
    store_close(f->s);
    f->s = NULL;
    ok(store_open(f->dir, &(struct store_options){.kept_owner_bytes = 50000, .kept_bytes = 70000},
                  &f->s, &f->e));
    memset(body, 'x', 9000);
    for (int i = 0; i < 16; i++) { /* five of an owner fit, seven in all */
        char name[8];
        snprintf(name, sizeof name, "k%d", i);
        struct kept_record k = kept_of(name, i < 10 ? "one" : "other", 0);
        k.body = str_c(body);
        act_done(f, (struct store_act){.kind = ACT_KEPT_ADD, .kept = &k});
        if (i == 9) {
            struct kept_record k4 = kept_of("k4", "", 0), k5 = kept_of("k5", "", 0);
            assert_int_equal(kept_get(f, &k4, &got), ERR_NOT_FOUND);
            ok(kept_get(f, &k5, &got));
        }
    }
    for (int i = 0; i < 16; i++) {
        char name[8];
        snprintf(name, sizeof name, "k%d", i);
        struct kept_record k = kept_of(name, "", 0);
        assert_int_equal(kept_get(f, &k, &got), i == 8 || i == 9 || i > 10 ? 0 : ERR_NOT_FOUND);
    }
    ok(store_check(f->s, &f->e));
    struct kept_record large = kept_of("large", "", 0);
    large.body = (struct str){xcalloc(1, STORE_KEPT_BODY_MAX + 1), STORE_KEPT_BODY_MAX + 1};
    struct store_act act = {.kind = ACT_KEPT_ADD, .kept = &large};
    ok(store_write(f->s, &act, 1, false, NULL, NULL));
    assert_int_equal(act.err, ERR_INVALID);
    free((char *)large.body.s);
    free(body);
}

static void feedback(struct fixture *f, struct store_ticket *t, uint32_t c, const char *user)
{
    struct store_act act = {.kind = ACT_FEEDBACK_ADD};
    act.feedback = (struct feedback_record){.collection = c,
                                            .event_id = str_c(user),
                                            .user = str_c(user),
                                            .document = STR("d1"),
                                            .type = STR("click"),
                                            .session = STR(""),
                                            .recommendation_id = STR(""),
                                            .time_us = 1};
    wrote(f, t, act);
    assert_true(t->written);
}

static void test_a_reader_is_forgotten(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_make(f, "news"), other = collection_make(f, "other");
    struct kept_record said = kept_of("said", "me", c), saying = kept_of("saying", "me", c),
                       elsewhere = kept_of("elsewhere", "me", other),
                       plain = kept_of("plain", "me", c), got;
    said.readers = saying.readers = elsewhere.readers = true;
    struct kept_record *all[] = {&said, &saying, &elsewhere, &plain};
    for (int i = 0; i < 4; i++) {
        struct store_ticket t = {.record = all[i]};
        feedback(f, &t, all[i]->collection, i == 2 ? "bob" : i ? "carol-9c" : "anna-7f3a");
        if (all[i] != &saying)
            answered(f, all[i], KEPT_ANSWERED, i == 2 ? "bob" : "anna-7f3a");
    }
    act_done(f, (struct store_act){.kind = ACT_USER_DELETE,
                                   .user_collection = c,
                                   .user = {.id = STR("anna-7f3a")}});
    answered(f, &saying, KEPT_ANSWERED, "anna-7f3a"); /* on its way meanwhile */
    ok(kept_get(f, &said, &got));
    assert_true(got.state == KEPT_DONE && got.body.n == 0 && got.headers.n == 0);
    assert_int_equal(got.request[0], 0);
    ok(kept_get(f, &saying, &got));
    assert_true(got.state == KEPT_DONE && got.body.n == 0);
    ok(kept_get(f, &elsewhere, &got));
    assert_true(str_eq_c(got.body, "bob"));
    ok(kept_get(f, &plain, &got));
    assert_int_equal(got.state, KEPT_ANSWERED); /* nothing of readers in it, by its maker's word */
    ok(store_check(f->s, &f->e));
}

static void test_a_collection_goes(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_make(f, "news");
    struct kept_record k = kept_of("a", "me", c), late = kept_of("b", "me", c), got;
    struct store_ticket t = {.record = &k};
    wrote(f, &t, act_put(f, c, STR("d1"), "text"));
    answered(f, &k, KEPT_ANSWERED, "d1");
    act_done(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection = {.id = c}});
    late.state = KEPT_ANSWERED;
    late.body = STR("said of it");
    act_done(f, (struct store_act){.kind = ACT_KEPT_ADD, .kept = &late});
    ok(kept_get(f, &late, &got));
    assert_true(got.state == KEPT_DONE && got.collection == 0 && got.body.n == 0);
    ok(store_check(f->s, &f->e));
    for (int i = 0; i < 1000 && kept_get(f, &k, &got) == ERR_OK; i++)
        clock_sleep_ns(1000000); /* rows go in the background */
    assert_int_equal(kept_get(f, &k, &got), ERR_NOT_FOUND);
    ok(store_check(f->s, &f->e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_row_comes_with_the_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_row_without_a_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_row_of_long_ago_makes_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reader_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_collection_goes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
