/* Scores that were brought, experiments, keys and aliases. */
#include "fixture.h"
#include <math.h>

open_fn *fixture_open = store_open;

static struct store_act act_done(struct fixture *f, struct store_act act)
{
    ok(store_write(f->s, &act, 1, false, NULL, &f->e));
    if (act.err)
        print_error("%s\n", act.info.message);
    ok(act.err);
    return act;
}

static struct err_info act_refused(struct fixture *f, struct store_act act, enum err want)
{
    ok(store_write(f->s, &act, 1, false, NULL, &f->e));
    assert_int_equal(act.err, want);
    return act.info;
}

static uint32_t collection_make(struct fixture *f, const char *name)
{
    return (uint32_t)act_done(f, act_collection(name)).id;
}

/* ---- keys ---- */

static struct store_act key_act(enum act_kind kind, const char *id, int64_t used_us)
{
    struct store_act act = {.kind = kind,
                            .key = {.id = str_c(id),
                                    .old_until_us = 5,
                                    .payload = STR("{\"scopes\":[]}"),
                                    .created_us = 1,
                                    .updated_us = 2,
                                    .used_us = used_us}};
    memset(act.key.hash, 'h', sizeof act.key.hash);
    memset(act.key.old_hash, 'o', sizeof act.key.old_hash);
    return act;
}

static size_t keys_list(struct fixture *f, const char *after, size_t limit, struct key_record **out)
{
    size_t n;
    ok(store_key_list(f->s, f->a, str_c(after), limit, out, &n, NULL));
    return n;
}

static void test_keys(void **state)
{
    struct fixture *f = *state;
    struct key_record *rows;
    struct position before, after;
    assert_int_equal(keys_list(f, "", 10, &rows), 0);
    store_position(f->s, &before);
    act_done(f, key_act(ACT_KEY_PUT, "b", 0));
    act_done(f, key_act(ACT_KEY_PUT, "a", 7));
    act_done(f, key_act(ACT_KEY_USED, "b", 9));
    act_done(f, key_act(ACT_KEY_USED, "a", 6)); /* earlier */
    act_done(f, key_act(ACT_KEY_USED, "gone", 6));
    reopen(f);
    assert_int_equal(keys_list(f, "", 10, &rows), 2);
    assert_true(str_eq_c(rows[0].id, "a") && str_eq_c(rows[1].id, "b"));
    assert_int_equal(rows[0].used_us, 7);
    assert_int_equal(rows[1].used_us, 9);
    assert_true(rows[0].hash[31] == 'h' && rows[0].old_hash[31] == 'o');
    assert_true(str_eq_c(rows[0].payload, "{\"scopes\":[]}"));
    assert_true(rows[0].old_until_us == 5 && rows[0].created_us == 1 && rows[0].updated_us == 2);
    assert_int_equal(keys_list(f, "a", 10, &rows), 1);
    assert_int_equal(keys_list(f, "", 1, &rows), 1);
    act_done(f, key_act(ACT_KEY_DELETE, "a", 0));
    act_refused(f, key_act(ACT_KEY_DELETE, "a", 0), ERR_NOT_FOUND);
    act_refused(f, key_act(ACT_KEY_PUT, "", 0), ERR_INVALID);
    assert_int_equal(keys_list(f, "", 10, &rows), 1);
    store_position(f->s, &after);
    assert_int_equal(after.change, before.change); /* nobody who follows is told */
    ok(store_check(f->s, NULL));
}

/* ---- scores ---- */

static struct store_act scores_act(uint32_t c, const char *source, const char *user)
{
    static const uint32_t numbers[] = {3, 7, 4000000000u};
    static const float scores[] = {.5f, -1, 1e30f};
    return (struct store_act){.kind = ACT_BROUGHT_PUT,
                              .brought = {.collection = c,
                                          .source = str_c(source),
                                          .user = str_c(user),
                                          .numbers = numbers,
                                          .scores = scores,
                                          .count = 3}};
}

static enum err scores_get(struct fixture *f, uint32_t c, const char *source, const char *user,
                           struct brought_record *out)
{
    return store_brought_get(f->s, f->a, c, str_c(source), str_c(user), out, NULL);
}

static void sources_are(struct fixture *f, uint32_t c, const char *want)
{
    struct str *names;
    size_t n;
    char got[256] = "";
    ok(store_brought_sources(f->s, f->a, c, &names, &n, NULL));
    for (size_t i = 0; i < n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s ", STR_ARG(names[i]));
    assert_string_equal(got, want);
}

static void test_scores(void **state)
{
    struct fixture *f = *state;
    struct brought_record b;
    uint32_t c = collection_make(f, "news"), other = collection_make(f, "other");
    assert_int_equal(scores_get(f, c, "mine", "u", &b), ERR_NOT_FOUND);
    sources_are(f, c, "");
    assert_int_equal(act_done(f, scores_act(c, "mine", "u")).status, ACT_CREATED);
    assert_int_equal(act_done(f, scores_act(c, "mine", "u")).status, ACT_UPDATED);
    act_done(f, scores_act(c, "mine", ""));
    act_done(f, scores_act(c, "also", "u"));
    act_done(f, scores_act(other, "theirs", "u"));
    reopen(f);
    ok(scores_get(f, c, "mine", "u", &b));
    assert_int_equal(b.count, 3);
    assert_int_equal(b.numbers[2], 4000000000u);
    assert_true(b.scores[0] == .5f && b.scores[1] == -1 && b.scores[2] == 1e30f);
    assert_true(b.updated_us > 0);
    sources_are(f, c, "also mine ");
    /* of nobody: an empty list is one */
    struct store_act empty = scores_act(c, "mine", "u");
    empty.brought.count = 0;
    act_done(f, empty);
    ok(scores_get(f, c, "mine", "u", &b));
    assert_int_equal(b.count, 0);

    struct store_act gone = scores_act(c, "mine", "u");
    gone.kind = ACT_BROUGHT_DELETE;
    assert_int_equal(act_done(f, gone).status, ACT_DELETED);
    act_refused(f, gone, ERR_NOT_FOUND);
    ok(scores_get(f, c, "mine", "", &b));
    ok(store_check(f->s, &f->e));
}

static void test_scores_refused(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_make(f, "news");
    static const uint32_t unordered[] = {7, 7};
    static const float nan_scores[] = {0, NAN}, sound[] = {0, 1};
    static const uint32_t numbers[] = {1, 2};
    struct store_act act = scores_act(c, "", "u");
    act_refused(f, act, ERR_INVALID);
    act = scores_act(c + 9, "mine", "u");
    act_refused(f, act, ERR_NOT_FOUND);
    act = scores_act(c, "mine", "u");
    act.brought.count = STORE_SCORES_MAX + 1;
    act_refused(f, act, ERR_TOO_LARGE);
    act.brought.count = 2;
    act.brought.numbers = unordered;
    act.brought.scores = sound;
    act_refused(f, act, ERR_INVALID);
    act.brought.numbers = numbers;
    act.brought.scores = nan_scores;
    act_refused(f, act, ERR_INVALID);
    for (unsigned i = 0; i < STORE_SOURCES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", i);
        act_done(f, scores_act(c, name, "u"));
    }
    act_refused(f, scores_act(c, "more", "u"), ERR_CONFLICT);
    act_done(f, scores_act(c, "s31", "v")); /* of those that are there more readers may come */
}

/* A source of more readers than one step takes; a user with scores alone; a collection. */
static void test_scores_removed(void **state)
{
    struct fixture *f = *state;
    struct brought_record b;
    uint32_t c = collection_make(f, "news");
    struct store_act *acts = calloc(600, sizeof *acts);
    for (unsigned i = 0; i < 600; i++)
        acts[i] = scores_act(c, i % 2 ? "mine" : "also", arena_printf(f->a, "u%u", i / 2));
    ok(store_write(f->s, acts, 600, true, NULL, &f->e));
    free(acts);
    struct store_act clear = scores_act(c, "mine", "");
    clear.kind = ACT_BROUGHT_CLEAR;
    assert_int_equal(act_done(f, clear).id, 256);
    assert_int_equal(act_done(f, clear).id, 44);
    act_refused(f, clear, ERR_NOT_FOUND);
    sources_are(f, c, "also ");

    act_done(f, scores_act(c, "mine", "u7"));
    struct store_act user = {.kind = ACT_USER_DELETE, .user_collection = c, .user.id = STR("u7")};
    act_done(f, user);
    assert_int_equal(scores_get(f, c, "mine", "u7", &b), ERR_NOT_FOUND);
    assert_int_equal(scores_get(f, c, "also", "u7", &b), ERR_NOT_FOUND);
    ok(scores_get(f, c, "also", "u8", &b));
    act_refused(f, user, ERR_NOT_FOUND);

    act_done(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection.id = c});
    assert_int_equal(scores_get(f, c, "also", "u8", &b), ERR_NOT_FOUND);
    sources_are(f, c, "");
    ok(store_check(f->s, &f->e));
}

/* ---- experiments ---- */

static struct store_act experiment_act(uint32_t c, const char *name, const char *scenario,
                                       enum experiment_state state)
{
    return (struct store_act){.kind = ACT_EXPERIMENT_PUT,
                              .experiment = {.collection = c,
                                             .name = str_c(name),
                                             .scenario = str_c(scenario),
                                             .state = state,
                                             .payload = STR("{\"variants\":[]}")}};
}

static void test_experiments(void **state)
{
    struct fixture *f = *state;
    struct experiment_record x, *list;
    size_t n;
    uint32_t c = collection_make(f, "news"), other = collection_make(f, "other");
    struct store_act made = act_done(f, experiment_act(c, "b", "", EXPERIMENT_DRAFT));
    assert_int_equal(made.status, ACT_CREATED);
    act_done(f, experiment_act(c, "a", "front", EXPERIMENT_RUNNING));
    act_done(f, experiment_act(c, "b", "", EXPERIMENT_RUNNING));
    act_done(f, experiment_act(other, "a", "front", EXPERIMENT_RUNNING));
    reopen(f);
    ok(store_experiment_get(f->s, f->a, c, STR("b"), &x, NULL));
    assert_int_equal(x.state, EXPERIMENT_RUNNING);
    assert_true(x.revision > made.revision && str_eq_c(x.payload, "{\"variants\":[]}"));
    ok(store_experiment_list(f->s, f->a, c, &list, &n, NULL));
    assert_int_equal(n, 2);
    assert_true(str_eq_c(list[0].name, "a") && str_eq_c(list[0].scenario, "front"));

    struct err_info e =
        act_refused(f, experiment_act(c, "c", "front", EXPERIMENT_RUNNING), ERR_CONFLICT);
    assert_non_null(strstr(e.message, "the experiment a is running"));
    act_done(f, experiment_act(c, "c", "front", EXPERIMENT_DRAFT));
    act_refused(f, experiment_act(c, "c", "", EXPERIMENT_RUNNING), ERR_CONFLICT);
    act_done(f, experiment_act(c, "a", "front", EXPERIMENT_STOPPED));
    act_done(f, experiment_act(c, "c", "front", EXPERIMENT_RUNNING));

    struct store_act stale = experiment_act(c, "b", "", EXPERIMENT_STOPPED);
    stale.if_revision = made.revision;
    act_refused(f, stale, ERR_PRECONDITION);
    struct store_act gone = {.kind = ACT_EXPERIMENT_DELETE,
                             .experiment = {.collection = c, .name = STR("b")}};
    act_done(f, gone);
    act_refused(f, gone, ERR_NOT_FOUND);
    act_refused(f, experiment_act(c, "", "", EXPERIMENT_DRAFT), ERR_INVALID);
    act_refused(f, experiment_act(c, "x", "", (enum experiment_state)3), ERR_INVALID);

    act_done(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection.id = c});
    assert_int_equal(store_experiment_get(f->s, f->a, c, STR("a"), &x, NULL), ERR_NOT_FOUND);
    ok(store_check(f->s, &f->e));
}

/* ---- aliases ---- */

static struct store_act aliases_act(struct alias_record *rows, size_t count)
{
    return (struct store_act){.kind = ACT_ALIASES_SET, .aliases = rows, .alias_count = count};
}

static struct alias_record alias_of(const char *name, const char *collection)
{
    return (struct alias_record){.name = str_c(name), .collection_name = str_c(collection)};
}

static void alias_is(struct fixture *f, const char *name, const char *collection)
{
    struct alias_record r;
    ok(store_alias_get(f->s, f->a, str_c(name), &r, &f->e));
    assert_true(str_eq_c(r.collection_name, collection));
}

static void test_aliases(void **state)
{
    struct fixture *f = *state;
    struct alias_record *list, rows[2] = {alias_of("x", "one"), alias_of("y", "two")};
    uint32_t one = collection_make(f, "one");
    size_t n;
    collection_make(f, "two");
    act_done(f, aliases_act(rows, 2));
    assert_int_equal(rows[0].status, ACT_CREATED);
    assert_true(rows[0].collection == one && rows[1].revision == rows[0].revision + 1);
    rows[0].collection_name = STR("two");
    struct store_act moved = act_done(f, aliases_act(rows, 2));
    assert_int_equal(rows[0].status, ACT_UPDATED);
    assert_int_equal(rows[1].status, ACT_UNCHANGED);
    assert_true(moved.revision == rows[0].revision && rows[1].revision < moved.revision);
    act_done(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection.id = one});
    reopen(f);
    alias_is(f, "x", "two");
    ok(store_alias_list(f->s, f->a, STR("x"), 9, &list, &n, NULL));
    assert_true(n == 1 && str_eq_c(list[0].name, "y"));
    ok(store_check(f->s, &f->e));
}

static void test_aliases_refused(void **state)
{
    struct fixture *f = *state;
    struct alias_record gone, rows[2] = {alias_of("x", "one"), alias_of("y", "one")};
    uint32_t one = collection_make(f, "one");
    collection_make(f, "two");
    act_done(f, aliases_act(rows, 2));
    const struct {
        struct alias_record row;
        enum err err;
        const char *field;
    } cases[] = {
        {alias_of("y", "none"), ERR_NOT_FOUND, "collection"},
        {alias_of("z", ""), ERR_NOT_FOUND, "name"},
        {alias_of("two", "one"), ERR_CONFLICT, "name"},
        {alias_of("x", "one"), ERR_INVALID, "name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct alias_record two[2] = {alias_of("x", "two"), cases[i].row};
        struct err_info e = act_refused(f, aliases_act(two, 2), cases[i].err);
        assert_string_equal(e.field, cases[i].field);
        alias_is(f, "x", "one"); /* nothing of it was done */
    }
    act_refused(f, act_collection("x"), ERR_CONFLICT);
    struct store_act gone_collection = {.kind = ACT_COLLECTION_DELETE, .collection.id = one};
    assert_non_null(strstr(act_refused(f, gone_collection, ERR_CONFLICT).message, "x, y"));
    rows[0].collection_name = rows[1].collection_name = STR("");
    act_done(f, aliases_act(rows, 2));
    assert_int_equal(rows[0].status, ACT_DELETED);
    assert_int_equal(store_alias_get(f->s, f->a, STR("x"), &gone, NULL), ERR_NOT_FOUND);
    act_done(f, gone_collection);
    ok(store_check(f->s, &f->e));
}

/* Each says how many of the same act follow. */
static void test_alias_changes(void **state)
{
    struct fixture *f = *state;
    struct alias_record rows[3] = {alias_of("x", "one"), alias_of("y", "one"),
                                   alias_of("z", "two")};
    struct change_record *list;
    struct position at;
    size_t n;
    collection_make(f, "one");
    collection_make(f, "two");
    act_done(f, aliases_act(rows + 1, 1));
    rows[0].collection_name = STR("two");
    store_position(f->s, &at);
    act_done(f, aliases_act(rows, 3));
    ok(store_changes(f->s, f->a, at.change, 9, &list, &n, NULL));
    assert_int_equal(n, 2);
    assert_true(list[0].kind == CHANGE_ALIAS_SET && str_eq_c(list[0].subject, "x"));
    assert_true(str_eq_c(list[0].collection_name, "two") && list[0].number == 1);
    assert_true(str_eq_c(list[1].subject, "z") && list[1].number == 0);
    rows[0].collection_name = STR("");
    act_done(f, aliases_act(rows, 1));
    ok(store_changes(f->s, f->a, at.change + 2, 9, &list, &n, NULL));
    assert_true(n == 1 && list[0].kind == CHANGE_ALIAS_DELETED);
    assert_true(str_eq_c(list[0].collection_name, "two"));
}

/* Their changes are in the log; scores make none. */
static void test_changes(void **state)
{
    struct fixture *f = *state;
    struct change_record *list;
    struct position at;
    size_t n;
    uint32_t c = collection_make(f, "news");
    store_position(f->s, &at);
    act_done(f, scores_act(c, "mine", "u"));
    act_done(f, experiment_act(c, "a", "", EXPERIMENT_DRAFT));
    ok(store_changes(f->s, f->a, at.change, 9, &list, &n, NULL));
    assert_int_equal(n, 1);
    assert_int_equal(list[0].kind, CHANGE_EXPERIMENT_PUT);
    assert_true(str_eq_c(list[0].subject, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scores, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scores_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scores_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_experiments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aliases, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aliases_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alias_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
