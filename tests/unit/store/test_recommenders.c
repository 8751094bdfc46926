/* Recommenders, and feedback as trainings read it. */
#include "fixture.h"

open_fn *fixture_open = store_open;

static struct store_act act_done(struct fixture *f, struct store_act act)
{
    ok(store_write(f->s, &act, 1, false, NULL, &f->e));
    if (act.err)
        print_error("%s\n", act.info.message);
    ok(act.err);
    return act;
}

static void act_refused(struct fixture *f, struct store_act act, enum err want)
{
    struct position before, after;
    store_position(f->s, &before);
    ok(store_write(f->s, &act, 1, false, NULL, &f->e));
    assert_int_equal(act.err, want);
    store_position(f->s, &after);
    assert_int_equal(before.change, after.change);
}

static uint32_t collection_make(struct fixture *f, const char *name)
{
    return (uint32_t)act_done(f, act_collection(name)).id;
}

static struct store_act act_create(uint32_t collection)
{
    return (struct store_act){.kind = ACT_RECOMMENDER_CREATE,
                              .recommender = {.collection = collection,
                                              .kind = STR("ease"),
                                              .digest = STR("0123"),
                                              .bytes = 77,
                                              .version = 1,
                                              .change = 1,
                                              .acts = 5,
                                              .report = STR("{\"promote\":true}")}};
}

static struct store_act act_on(enum act_kind kind, uint32_t id)
{
    return (struct store_act){.kind = kind, .recommender.id = id};
}

/* "c1 a2 r3": states and ids of a collection's. */
static void states_are(struct fixture *f, uint32_t collection, const char *want)
{
    struct recommender_record *rows;
    size_t n;
    char got[256] = "";
    ok(store_recommender_list(f->s, f->a, collection, &rows, &n, &f->e));
    for (size_t i = 0; i < n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%c%u", i ? " " : "",
                 "car"[rows[i].state], rows[i].id);
    assert_string_equal(got, want);
}

static void test_life(void **state)
{
    struct fixture *f = *state;
    struct recommender_record r;
    uint32_t c = collection_make(f, "news"), other = collection_make(f, "other");
    struct store_act made = act_done(f, act_create(c));
    assert_int_equal(made.status, ACT_CREATED);
    uint32_t first = (uint32_t)made.id, second = (uint32_t)act_done(f, act_create(c)).id;
    assert_int_equal(second, first + 1);
    ok(store_recommender_get(f->s, f->a, first, &r, &f->e));
    assert_int_equal(r.collection, c);
    assert_int_equal(r.state, RECOMMENDER_CANDIDATE);
    assert_int_equal(r.bytes, 77);
    assert_int_equal(r.version, 1);
    assert_int_equal(r.change, 1);
    assert_int_equal(r.acts, 5);
    assert_int_equal(r.revision, made.revision);
    assert_true(str_eq_c(r.kind, "ease") && str_eq_c(r.digest, "0123"));
    assert_true(str_eq_c(r.report, "{\"promote\":true}"));
    assert_true(r.created_us > 0);
    states_are(f, c, "c1 c2");
    act_done(f, act_on(ACT_RECOMMENDER_ACTIVATE, first));
    states_are(f, c, "a1 c2");
    act_done(f, act_on(ACT_RECOMMENDER_ACTIVATE, second));
    states_are(f, c, "r1 a2");
    act_done(f, act_on(ACT_RECOMMENDER_ACTIVATE, first));
    states_are(f, c, "a1 r2");
    act_refused(f, act_on(ACT_RECOMMENDER_ACTIVATE, first), ERR_CONFLICT);
    act_refused(f, act_on(ACT_RECOMMENDER_DELETE, first), ERR_CONFLICT);
    act_refused(f, act_on(ACT_RECOMMENDER_RETIRE, second), ERR_CONFLICT);
    act_refused(f, act_on(ACT_RECOMMENDER_ACTIVATE, 99), ERR_NOT_FOUND);
    act_done(f, act_on(ACT_RECOMMENDER_RETIRE, first));
    states_are(f, c, "r1 r2");
    act_done(f, act_on(ACT_RECOMMENDER_DELETE, second));
    states_are(f, c, "r1");
    states_are(f, other, "");
    act_refused(f, act_on(ACT_RECOMMENDER_DELETE, second), ERR_NOT_FOUND);
    assert_int_equal(store_recommender_get(f->s, f->a, second, &r, &f->e), ERR_NOT_FOUND);
    ok(store_check(f->s, &f->e));
    reopen(f);
    assert_int_equal(act_done(f, act_create(c)).id, second + 1); /* numbers are never reused */
    ok(store_check(f->s, &f->e));
}

/* Of each label one is active, beside the recommender; the bound is of each. */
static void test_labels(void **state)
{
    struct fixture *f = *state;
    struct recommender_record r;
    uint32_t c = collection_make(f, "news");
    struct store_act topic = act_create(c), tags = act_create(c);
    topic.recommender.label = STR("attributes.topic");
    tags.recommender.label = STR("tags");
    act_done(f, act_create(c));
    act_done(f, topic);
    act_done(f, topic);
    act_done(f, tags);
    for (uint32_t id = 1; id <= 4; id++)
        act_done(f, act_on(ACT_RECOMMENDER_ACTIVATE, id));
    states_are(f, c, "a1 r2 a3 a4");
    act_done(f, act_on(ACT_RECOMMENDER_RETIRE, 4));
    act_done(f, act_on(ACT_RECOMMENDER_ACTIVATE, 2));
    states_are(f, c, "a1 a2 r3 r4");
    ok(store_recommender_get(f->s, f->a, 2, &r, &f->e));
    assert_true(str_eq_c(r.label, "attributes.topic"));
    ok(store_check(f->s, &f->e));
    for (int i = 1; i < STORE_RECOMMENDERS_MAX; i++)
        act_done(f, tags);
    act_refused(f, tags, ERR_CONFLICT);
    act_done(f, act_create(c));
    char long_label[STORE_LABEL_MAX + 2];
    memset(long_label, 'x', sizeof long_label);
    tags.recommender.label = (struct str){long_label, STORE_LABEL_MAX + 1};
    act_refused(f, tags, ERR_INVALID);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_make(f, "news");
    struct store_act act = act_create(99);
    act_refused(f, act, ERR_NOT_FOUND);
    act = act_create(c);
    act.recommender.kind = STR("");
    act_refused(f, act, ERR_INVALID);
    act = act_create(c);
    act.recommender.change = 1000;
    act_refused(f, act, ERR_INVALID);
    uint64_t revision = act_done(f, act_create(c)).revision;
    act = act_on(ACT_RECOMMENDER_ACTIVATE, 1);
    act.if_revision = revision + 1;
    act_refused(f, act, ERR_PRECONDITION);
    for (int i = 1; i < STORE_RECOMMENDERS_MAX; i++)
        act_done(f, act_create(c));
    act_refused(f, act_create(c), ERR_CONFLICT);
}

static void test_changes(void **state)
{
    static const enum change_kind want[] = {
        CHANGE_COLLECTION_CREATED,  CHANGE_RECOMMENDER_CREATED, CHANGE_RECOMMENDER_ACTIVATED,
        CHANGE_RECOMMENDER_RETIRED, CHANGE_RECOMMENDER_DELETED,
    };
    struct fixture *f = *state;
    struct change_record *rows;
    size_t n;
    act_done(f, act_create(collection_make(f, "news")));
    act_done(f, act_on(ACT_RECOMMENDER_ACTIVATE, 1));
    act_done(f, act_on(ACT_RECOMMENDER_RETIRE, 1));
    act_done(f, act_on(ACT_RECOMMENDER_DELETE, 1));
    ok(store_changes(f->s, f->a, 0, 100, &rows, &n, &f->e));
    assert_int_equal(n, sizeof want / sizeof *want);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(rows[i].kind, want[i]);
    assert_true(str_eq_c(rows[2].subject, "1") && str_eq_c(rows[2].collection_name, "news"));
}

static void test_gone_with_collection(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_make(f, "news");
    struct store_act act = {.kind = ACT_COLLECTION_DELETE, .collection.id = c};
    act_done(f, act_create(c));
    act_done(f, act_on(ACT_RECOMMENDER_ACTIVATE, 1));
    act_done(f, act);
    states_are(f, c, "");
    act_refused(f, act_on(ACT_RECOMMENDER_RETIRE, 1), ERR_NOT_FOUND);
    ok(store_check(f->s, &f->e));
}

/* ---- feedback as it is read ---- */

static void feedback_add(struct fixture *f, uint32_t c, const char *event, const char *user)
{
    act_done(f, (struct store_act){.kind = ACT_FEEDBACK_ADD,
                                   .feedback = {.collection = c,
                                                .event_id = str_c(event),
                                                .user = str_c(user),
                                                .document = STR("a"),
                                                .type = STR("click"),
                                                .value = 1,
                                                .time_us = 1}});
}

struct seen {
    char text[256];
    unsigned stop_after;
};

static enum err seen_add(void *ctx, const struct feedback_record *r)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%.*s ", STR_ARG(r->event_id));
    return s->stop_after && --s->stop_after == 0 ? ERR_CANCELLED : ERR_OK;
}

static void test_feedback_scan(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_make(f, "news"), other = collection_make(f, "other");
    struct seen s = {0};
    struct position at;
    uint64_t n;
    unsigned readers;
    feedback_add(f, c, "e1", "u1");
    feedback_add(f, other, "x1", "u9");
    feedback_add(f, c, "e2", "u2");
    store_position(f->s, &at);
    feedback_add(f, c, "e3", "u1");
    ok(store_feedback_scan(f->s, c, 0, at.change, seen_add, &s, &f->e));
    assert_string_equal(s.text, "e1 e2 ");
    s = (struct seen){.stop_after = 1};
    assert_int_equal(store_feedback_scan(f->s, c, 0, at.change, seen_add, &s, &f->e),
                     ERR_CANCELLED);
    assert_string_equal(s.text, "e1 ");
    ok(store_feedback_since(f->s, c, 0, 10, &n, &f->e));
    assert_int_equal(n, 3);
    ok(store_feedback_since(f->s, c, 0, 2, &n, &f->e));
    assert_int_equal(n, 2);
    ok(store_feedback_since(f->s, c, at.change, 10, &n, &f->e));
    assert_int_equal(n, 1);
    ok(store_feedback_readers(f->s, c, 20, &readers, &f->e));
    assert_int_equal(readers, 2);
    ok(store_feedback_readers(f->s, c, 1, &readers, &f->e));
    assert_int_equal(readers, 1);
    act_done(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection.id = c});
    s = (struct seen){0};
    ok(store_feedback_scan(f->s, c, 0, at.change, seen_add, &s, &f->e));
    assert_string_equal(s.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_labels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone_with_collection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_feedback_scan, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
