/* When a collection is trained by itself, and what becomes of trainings whose process fails. The
 * trainings themselves are tested with the real program (tests/e2e/test_recommenders.py). */
#include "help.h"
#include "engine/training.h"
#include "engine/recommenders.h"

/* The worker is a program that fails: a training is over at once, and says so. */
static void reopen(struct fixture *f)
{
    struct engine_options o = {.data_dir = f->dir,
                               .model_dir = "stub",
                               .embed_threads = 1,
                               .ingest_workers = 1,
                               .snapshot_seconds = 3600,
                               .worker_path = "/bin/false"};
    if (f->x)
        fixture_close(f);
    OK(engine_open(&o, &f->x, e));
}

static void feedback(struct fixture *f, unsigned first, unsigned count)
{
    struct feedback_in *rows = arena_array(f->a, count, sizeof *rows);
    struct put_result *results = arena_array(f->a, count, sizeof *results);
    struct str position;
    for (unsigned i = 0; i < count; i++)
        rows[i] = (struct feedback_in){.user = str_c(arena_printf(f->a, "u%u", (first + i) % 25)),
                                       .document = STR("a"),
                                       .type = STR("like"),
                                       .event_id = str_c(arena_printf(f->a, "e%u", first + i)),
                                       .position = -1};
    OK(engine_feedback_add(f->x, C, rows, count, NULL, f->a, results, &position, e));
}

static void settings(struct fixture *f, const char *text)
{
    struct collection_info info;
    json_t *v = parse(text);
    OK(engine_collection_update(f->x, C, v, f->a, &info, e));
    json_decref(v);
}

/* Another model, trained on all that is there. */
static uint32_t trained(struct fixture *f, uint64_t acts, uint32_t version)
{
    struct collection *c;
    struct position at;
    OK(collection_find(f->x, C, &c, e));
    store_position(f->x->store, &at);
    struct store_act act = {.kind = ACT_RECOMMENDER_CREATE,
                            .recommender = {.collection = c->id,
                                            .kind = STR("ease"),
                                            .digest = STR("x"),
                                            .change = at.change,
                                            .acts = acts,
                                            .version = version,
                                            .created_us = 1 /* long ago */}};
    OK(recommender_act(f->x, &act, e));
    collection_unref(c);
    return (uint32_t)act.id;
}

static struct task_info ended(struct fixture *f, uint64_t id)
{
    struct task_info t;
    OK(engine_task_wait(f->x, id, clock_mono_ns() + 20000000000, f->a, &t, e));
    return t;
}

static bool says(struct str details, const char *text)
{
    return memmem(details.s, details.n, text, strlen(text)) != NULL;
}

/* What is queued when the schedules are looked at: "" or the reason. */
static const char *due(struct fixture *f)
{
    static const char *const reasons[] = {"changes", "time", "embedding version", "erasure"};
    struct task_info *list;
    struct arena *a = arena_new(0);
    size_t before, after;
    OK(engine_task_list(f->x, 0, 1000, f->a, &list, &before, e));
    training_schedule(f->x, a);
    arena_free(a);
    OK(engine_task_list(f->x, 0, 1000, f->a, &list, &after, e));
    if (after == before)
        return "";
    struct task_info t = ended(f, list[0].id);
    assert_string_equal(t.status, "failed"); /* /bin/false */
    struct collection *c;
    OK(collection_find(f->x, C, &c, e));
    lock_take(&c->lock);
    c->training.tried_us = 0; /* the pause after it is another test's */
    c->training.failures = 0;
    lock_drop(&c->lock);
    collection_unref(c);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (says(t.details, arena_printf(f->a, "\"reason\":\"%s\"", reasons[i])))
            return reasons[i];
    return "another";
}

static void test_due(void **state)
{
    struct fixture *f = *state;
    reopen(f);
    create(f, "c");
    put(f, "{'id':'a','text':'one'}");
    assert_string_equal(due(f), ""); /* nobody has read anything */
    feedback(f, 0, 19);
    assert_string_equal(due(f), ""); /* 19 readers */
    feedback(f, 19, 6);
    assert_string_equal(due(f), "changes");
    settings(f, "{\"training\":{\"schedule\":\"manual\"}}");
    assert_string_equal(due(f), "");
    settings(f, "{\"training\":{\"schedule\":\"automatic\",\"min_changes\":0.5}}");
    trained(f, 60, 1);
    feedback(f, 100, 29);
    assert_string_equal(due(f), ""); /* 29 of 60 */
    feedback(f, 200, 1);
    assert_string_equal(due(f), "changes");
    trained(f, 60, 1);
    assert_string_equal(due(f), "");
    trained(f, 60, 99);
    assert_string_equal(due(f), "embedding version");
    uint32_t last = trained(f, 60, 1);
    settings(f, "{\"training\":{\"schedule\":\"periodic\"}}");
    assert_string_equal(due(f), ""); /* nothing has changed */
    feedback(f, 300, 1);
    assert_string_equal(due(f), "time");
    settings(f, "{\"training\":{\"schedule\":\"automatic\"}}");
    struct store_act act = {.kind = ACT_RECOMMENDER_ACTIVATE, .recommender.id = last};
    OK(recommender_act(f->x, &act, e));
    assert_string_equal(due(f), "");
    OK(engine_user_delete(f->x, C, STR("u3"), e));
    assert_string_equal(due(f), "erasure");
}

/* No more often than every_hours; later after each failure. */
static void test_pauses(void **state)
{
    struct fixture *f = *state;
    struct task_info *list;
    struct arena *a = arena_new(0);
    size_t n;
    reopen(f);
    create(f, "c");
    put(f, "{'id':'a','text':'one'}");
    feedback(f, 0, 25);
    for (int i = 0; i < 3; i++) {
        training_schedule(f->x, a);
        OK(engine_task_list(f->x, 0, 1000, f->a, &list, &n, e));
        assert_int_equal(n, 1);
        ended(f, list[0].id);
    }
    struct collection *c;
    OK(collection_find(f->x, C, &c, e));
    assert_int_equal(c->training.failures, 1);
    lock_take(&c->lock);
    c->training.tried_us -= 3700LL * 1000000; /* an hour is not enough after a failure */
    lock_drop(&c->lock);
    training_schedule(f->x, a);
    OK(engine_task_list(f->x, 0, 1000, f->a, &list, &n, e));
    assert_int_equal(n, 1);
    lock_take(&c->lock);
    c->training.tried_us -= 3700LL * 1000000;
    lock_drop(&c->lock);
    training_schedule(f->x, a);
    OK(engine_task_list(f->x, 0, 1000, f->a, &list, &n, e));
    assert_int_equal(n, 2);
    collection_unref(c);
    arena_free(a);
}

static void test_failed(void **state)
{
    struct fixture *f = *state;
    struct train_request r = {.promote = true, .seed = 42};
    struct task_info t;
    struct err_info why = {0};
    reopen(f);
    create(f, "c");
    put(f, "{'id':'a','text':'one'}");
    assert_int_equal(engine_train(f->x, C, &r, f->a, &t, &why), ERR_CONFLICT);
    assert_true(strstr(why.message, "0 of at least 20 readers") != NULL);
    feedback(f, 0, 25);
    r.kind = STR("magic");
    assert_int_equal(engine_train(f->x, C, &r, f->a, &t, NULL), ERR_INVALID);
    r.kind = STR("ease");
    OK(engine_train(f->x, C, &r, f->a, &t, e));
    t = ended(f, t.id);
    assert_string_equal(t.status, "failed");
    assert_true(says(t.details, "ended with 1 and without a report"));
    assert_true(says(t.details, "\"kind\":\"ease\""));
    assert_int_equal(engine_task_cancel(f->x, t.id, f->a, &t, NULL), ERR_CONFLICT);
    assert_int_equal(engine_task_get(f->x, 99, f->a, &t, NULL), ERR_NOT_FOUND);
}

/* Cut off by akin's own end: begun anew, and given up after three times. */
static void test_recovered(void **state)
{
    struct fixture *f = *state;
    struct training_order o = {.collection = "c", .seed = 42, .reason = "asked", .attempt = 1};
    uint64_t id;
    reopen(f);
    create(f, "c");
    put(f, "{'id':'a','text':'one'}");
    feedback(f, 0, 25);
    o.collection_id = 77; /* deleted meanwhile: it fails, after it was taken up */
    OK(training_queue(f->x, &o, &id, e));
    assert_string_equal(ended(f, id).status, "failed");
    o.attempt = 1;
    OK(training_task_write(f->x, id, TASK_RUNNING, &o, e));
    reopen(f);
    struct task_info t = ended(f, id);
    assert_string_equal(t.status, "failed");
    assert_true(says(t.details, "\"attempt\":2") && says(t.details, "was deleted"));
    o.attempt = 3;
    OK(training_task_write(f->x, id, TASK_RUNNING, &o, e));
    reopen(f);
    t = ended(f, id);
    assert_string_equal(t.status, "failed");
    assert_true(says(t.details, "interrupted 3 times"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_due), TEST(test_pauses), TEST(test_failed),
                                       TEST(test_recovered)};
    return cmocka_run_group_tests_name("training", tests, NULL, NULL);
}
