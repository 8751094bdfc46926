/* Experiments: who is in which variant, what counts, what may change while one runs; and scores
 * that were brought. */
#include "help.h"
#include "engine/experiments.h"
#include "engine/recommend_impl.h"
#include "engine/recommenders.h"
#include "recommend/served.h"
#include "../sanitized.h"
#include <math.h>

static struct collection *collection_of(struct fixture *f)
{
    struct collection *c;
    OK(collection_find(f->x, C, &c, e));
    return c;
}

static json_t *quoted(struct fixture *f, const char *text)
{
    char *t = arena_strdup(f->a, text);
    for (char *p = t; *p; p++)
        if (*p == '\'')
            *p = '"';
    return parse(t);
}

static enum err experiment_try(struct fixture *f, const char *name, const char *text, bool only_new,
                               struct experiment_out *out, struct err_info *e)
{
    bool created;
    json_t *body = quoted(f, text);
    enum err err =
        engine_experiment_put(f->x, C, str_c(name), body, only_new, f->a, out, &created, e);
    json_decref(body);
    return err;
}

static struct experiment_out made(struct fixture *f, const char *name, const char *text)
{
    struct experiment_out out;
    OK(experiment_try(f, name, text, false, &out, e));
    return out;
}

static struct experiment_out set(struct fixture *f, const char *name, bool running)
{
    struct experiment_out out;
    OK(engine_experiment_set(f->x, C, str_c(name), running, f->a, &out, e));
    return out;
}

static void refused(struct fixture *f, const char *text, enum err want, const char *field,
                    const char *message)
{
    struct experiment_out out;
    struct err_info e = {0};
    assert_int_equal(experiment_try(f, "bad", text, false, &out, &e), want);
    assert_string_equal(e.field, field);
    if (!strstr(e.message, message))
        fail_msg("%s", e.message);
}

/* ---- who is in which ---- */

struct assigned {
    const char *experiment, *variant;
    struct recommend_request r;
};

static struct assigned assign(struct fixture *f, const char *user, const char *session,
                              const char *scenario)
{
    struct collection *c = collection_of(f);
    struct assigned out = {
        .r = {.user = str_c(user), .scenario = str_c(scenario), .diversity = .1}};
    struct str experiment, variant;
    experiment_assign(c, &out.r, str_c(session), f->a, &experiment, &variant);
    out.experiment = arena_printf(f->a, "%.*s", STR_ARG(experiment));
    out.variant = arena_printf(f->a, "%.*s", STR_ARG(variant));
    collection_unref(c);
    return out;
}

static void test_assignment(void **state)
{
    struct fixture *f = *state;
    unsigned counts[3] = {0}, moved = 0;
    create(f, "c");
    made(f, "x",
         "{'variants':[{'name':'a','weight':1},{'name':'b','weight':2,'blend':'popular',"
         "'diversity':0.5,'explore':0.2,'half_life_days':3},{'name':'off','weight':0},"
         "{'name':'c','weight':1}]}");
    assert_string_equal(assign(f, "u", "", "").experiment, ""); /* a draft does nothing */
    set(f, "x", true);
    char before[2000];
    for (unsigned i = 0; i < 2000; i++) {
        struct assigned s = assign(f, arena_printf(f->a, "reader %u", i), "", "");
        assert_string_equal(s.experiment, "x");
        before[i] = s.variant[0];
        counts[s.variant[0] - 'a']++;
        assert_string_not_equal(s.variant, "off");
        assert_true(s.r.diversity == (s.variant[0] == 'b' ? .5 : .1));
        assert_true(s.r.explore == (s.variant[0] == 'b' ? .2 : 0));
        assert_true(str_eq_c(s.r.blend, s.variant[0] == 'b' ? "popular" : ""));
    }
    /* four standard deviations */
    assert_true(abs((int)counts[0] - 500) < 78 && abs((int)counts[2] - 500) < 78);
    assert_true(abs((int)counts[1] - 1000) < 90);
    fixture_close(f);
    fixture_open(f); /* the same after a start */
    for (unsigned i = 0; i < 2000; i++)
        moved += assign(f, arena_printf(f->a, "reader %u", i), "", "any").variant[0] != before[i];
    assert_int_equal(moved, 0);
    assert_string_equal(assign(f, "", "", "").variant, ""); /* nobody can be told */
    assert_true(assign(f, "", "s1", "").variant[0] == assign(f, "", "s1", "").variant[0]);

    /* another weight moves those between the old and the new bounds, and nobody else */
    made(f, "x",
         "{'variants':[{'name':'a','weight':2},{'name':'b','weight':2,'blend':'popular',"
         "'diversity':0.5,'explore':0.2,'half_life_days':3},{'name':'off','weight':0},"
         "{'name':'c','weight':1}]}");
    for (unsigned i = 0; i < 2000; i++) {
        char now = assign(f, arena_printf(f->a, "reader %u", i), "", "").variant[0];
        moved += now != before[i];
        assert_true(now <= before[i]);
    }
    assert_true(moved > 300 && moved < 800);
}

static void test_scenarios(void **state)
{
    struct fixture *f = *state;
    struct experiment_out out;
    struct err_info info = {0};
    static const char two[] = "{'scenario':'front','variants':[{'name':'a'},{'name':'b'}]}",
                      any[] = "{'variants':[{'name':'a'},{'name':'b'}]}";
    create(f, "c");
    made(f, "one", two);
    made(f, "two", two);
    made(f, "any", any);
    set(f, "one", true);
    set(f, "any", true);
    assert_int_equal(engine_experiment_set(f->x, C, STR("two"), true, f->a, &out, &info),
                     ERR_CONFLICT);
    assert_non_null(strstr(info.message, "the experiment one is running"));
    assert_string_equal(assign(f, "u", "", "front").experiment, "one");
    assert_string_equal(assign(f, "u", "", "end").experiment, "any");
    assert_string_equal(assign(f, "u", "", "").experiment, "any");
    assert_string_equal(set(f, "one", false).state, "stopped");
    assert_string_equal(assign(f, "u", "", "front").experiment, "any");
    set(f, "two", true);
    assert_string_equal(assign(f, "u", "", "front").experiment, "two");
    struct experiment_out *list;
    size_t n;
    OK(engine_experiment_list(f->x, C, f->a, &list, &n, e));
    assert_int_equal(n, 3);
    assert_string_equal(list[1].state, "stopped");
    OK(engine_experiment_delete(f->x, C, STR("two"), e));
    assert_string_equal(assign(f, "u", "", "front").experiment, "any");
}

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    struct experiment_out out;
    struct err_info e = {0};
    create(f, "c");
    refused(f, "{'variants':[{'name':'a'}]}", ERR_INVALID, "/variants", "2 to 10");
    refused(f, "{'variants':[{'name':'a'},{'name':'a'}]}", ERR_INVALID, "/variants/1/name",
            "variant 0 already");
    refused(f, "{'variants':[{'name':'a'},{'name':'B'}]}", ERR_INVALID, "/variants/1/name", "a-z");
    refused(f, "{'variants':[{'name':'a','weight':0},{'name':'b'}]}", ERR_INVALID, "/variants",
            "weight above 0");
    refused(f, "{'variants':[{'name':'a','weight':-1},{'name':'b'}]}", ERR_INVALID,
            "/variants/0/weight", "from 0");
    refused(f, "{'variants':[{'name':'a'},{'name':'b','diversity':2}]}", ERR_INVALID,
            "/variants/1/diversity", "from 0 to 1");
    refused(f, "{'variants':[{'name':'a'},{'name':'b','blend':'model +'}]}", ERR_INVALID,
            "/variants/1/blend", "character 8");
    refused(f, "{'variants':[{'name':'a'},{'name':'b','recommender':77}]}", ERR_INVALID,
            "/variants/1/recommender", "no recommender 77");
    refused(f, "{'metric':'fame','variants':[{'name':'a'},{'name':'b'}]}", ERR_INVALID, "/metric",
            "click_through");
    assert_int_equal(experiment_try(f, "A b", "{}", false, &out, &e), ERR_INVALID);

    made(f, "x", "{'variants':[{'name':'a'},{'name':'b'}]}");
    e = (struct err_info){0};
    assert_int_equal(
        experiment_try(f, "x", "{'variants':[{'name':'a'},{'name':'b'}]}", true, &out, &e),
        ERR_CONFLICT);
    made(f, "x", "{'variants':[{'name':'a'},{'name':'c'}]}");
    assert_int_equal(engine_experiment_set(f->x, C, STR("x"), false, f->a, &out, &e), ERR_CONFLICT);
    set(f, "x", true);
    assert_int_equal(engine_experiment_set(f->x, C, STR("x"), true, f->a, &out, &e), ERR_CONFLICT);
    e = (struct err_info){0};
    assert_int_equal(
        experiment_try(f, "x", "{'variants':[{'name':'a'},{'name':'d'}]}", false, &out, &e),
        ERR_CONFLICT);
    assert_non_null(strstr(e.message, "only the weights"));
    made(f, "x", "{'variants':[{'name':'a','weight':3},{'name':'c'}]}");
    set(f, "x", false);
    assert_int_equal(
        experiment_try(f, "x", "{'variants':[{'name':'a'},{'name':'c'}]}", false, &out, &e),
        ERR_CONFLICT);
    assert_int_equal(engine_experiment_set(f->x, C, STR("x"), true, f->a, &out, &e), ERR_CONFLICT);
    assert_int_equal(engine_experiment_get(f->x, C, STR("y"), f->a, &out, &e), ERR_NOT_FOUND);
}

/* A model that an experiment serves goes into the request, and stays while it runs. */
static void test_recommender(void **state)
{
    struct fixture *f = *state;
    struct err_info info = {0};
    create(f, "c");
    struct collection *c = collection_of(f);
    struct store_act act = {
        .kind = ACT_RECOMMENDER_CREATE,
        .recommender = {.collection = c->id, .kind = STR("ease"), .digest = STR("0"), .change = 1}};
    OK(recommender_act(f->x, &act, e));
    uint32_t id = (uint32_t)act.id;
    made(f, "x",
         arena_printf(f->a, "{'variants':[{'name':'a','recommender':%u},{'name':'b'}]}", id));
    assert_int_equal(assign(f, "u", "", "").r.recommender, 0);
    set(f, "x", true);
    unsigned served = 0;
    for (unsigned i = 0; i < 20; i++) {
        struct assigned s = assign(f, arena_printf(f->a, "u%u", i), "", "");
        assert_int_equal(s.r.recommender, s.variant[0] == 'a' ? id : 0);
        served += s.r.recommender == id;
    }
    assert_true(served > 0 && served < 20);
    assert_int_equal(engine_recommender_delete(f->x, C, id, &info), ERR_CONFLICT);
    assert_non_null(strstr(info.message, "running experiment"));
    set(f, "x", false);
    OK(engine_recommender_delete(f->x, C, id, e));
    collection_unref(c);
}

/* ---- what counts ---- */

/* An answer of two seconds ago with documents `first` and the next, as recommending logs it. */
static void answer(struct fixture *f, uint8_t token, const char *user, const char *variant,
                   uint32_t first, int64_t at_us)
{
    struct collection *c = collection_of(f);
    float features[FEATURE_COUNT] = {0};
    struct served_slot slots[] = {{first, 1, 1, features}, {first + 1, .5f, 1, features}};
    struct served s = {.user = str_c(user),
                       .scenario = STR("front"),
                       .experiment = *variant ? STR("x") : STR(""),
                       .variant = str_c(variant),
                       .at_us = at_us,
                       .slots = slots,
                       .count = 2};
    memset(s.token, token, sizeof s.token);
    served_add(c, &s);
    served_flush(f->x);
    collection_unref(c);
}

static void act(struct fixture *f, uint8_t token, const char *type, const char *document)
{
    char id[40] = "";
    for (unsigned i = 0; token && i < 16; i++)
        snprintf(id + 2 * i, 3, "%02x", token);
    static unsigned event;
    struct feedback_in row = {.event_id = str_c(arena_printf(f->a, "e%u", event++)),
                              .user = STR("u"),
                              .document = str_c(document),
                              .type = str_c(type),
                              .recommendation_id = str_c(id),
                              .value = 1,
                              .position = -1};
    struct put_result r;
    OK(engine_feedback_add(f->x, C, &row, 1, NULL, f->a, &r, NULL, e));
    if (r.err)
        fail_msg("%s", r.info.message);
}

static struct stats_answer stats(struct fixture *f, unsigned by)
{
    struct stats_answer s;
    OK(engine_recommend_stats(f->x, C, by, 0, 0, f->a, &s, e));
    assert_true(s.complete);
    return s;
}

static json_t *results(struct fixture *f, const char *name)
{
    struct experiment_out out;
    OK(engine_experiment_get(f->x, C, str_c(name), f->a, &out, e));
    return parse(arena_printf(f->a, "%.*s", STR_ARG(out.results)));
}

static double at(const json_t *v, const char *key, size_t variant, const char *name)
{
    const json_t *x = json_array_get(json_object_get(v, "variants"), variant);
    x = json_object_get(x, key);
    return json_number_value(name ? json_object_get(x, name) : x);
}

static void test_counts(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    for (unsigned i = 1; i <= 8; i++)
        put(f, arena_printf(f->a, "{'id':'d%u','text':'document %u'}", i, i));
    made(f, "x", "{'scenario':'front','variants':[{'name':'a'},{'name':'b'}]}");
    set(f, "x", true);
    struct experiment_out started;
    OK(engine_experiment_get(f->x, C, STR("x"), f->a, &started, e));
    /* The log is counted a second behind; the experiment has to be older than its answers. */
    clock_sleep_ns(1300000000L);
    int64_t now = started.started_us + 1000;
    answer(f, 6, "u5", "a", 5, now - 60000000); /* of an experiment of that name before */
    answer(f, 1, "u1", "a", 1, now);
    answer(f, 2, "u1", "a", 2, now + 1);
    answer(f, 3, "u2", "b", 1, now + 2);
    answer(f, 4, "u3", "b", 3, now + 3);
    answer(f, 5, "u4", "", 7, now + 4); /* in no variant */
    act(f, 1, "click", "d1");
    act(f, 1, "click", "d2"); /* the same answer again */
    act(f, 2, "click", "d7"); /* was not in it */
    act(f, 3, "like", "d2");
    act(f, 3, "view", "d1");
    act(f, 3, "dislike", "d1");
    act(f, 5, "click", "d8");
    act(f, 0, "click", "d1");  /* names no answer */
    act(f, 99, "click", "d1"); /* one that there is not */

    json_t *r = results(f, "x");
    assert_true(at(r, "answers", 0, NULL) == 2 && at(r, "answers", 1, NULL) == 2);
    assert_true(at(r, "readers", 0, NULL) == 1 && at(r, "readers", 1, NULL) == 2);
    assert_true(at(r, "documents", 0, NULL) == 3 && at(r, "documents", 1, NULL) == 4);
    assert_true(at(r, "coverage", 0, NULL) == 3.0 / 8);
    assert_true(at(r, "click_through", 0, "rate") == .5 && at(r, "click_through", 1, "rate") == 0);
    assert_true(at(r, "conversion", 0, "rate") == 0 && at(r, "conversion", 1, "rate") == .5);
    assert_true(at(r, "versus_control", 1, "difference") == -.5);
    assert_true(at(r, "versus_control", 1, "p") == 1); /* too few */
    json_decref(r);

    struct stats_answer s = stats(f, STATS_VARIANT);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.documents, 8);
    assert_true(str_eq_c(s.rows[0].variant, "") && s.rows[0].answers == 1 &&
                s.rows[0].clicked == 1);
    assert_true(str_eq_c(s.rows[1].variant, "a") && s.rows[1].answers == 3 &&
                s.rows[1].clicked == 1);
    assert_true(s.rows[2].converted == 1 && s.rows[2].clicked == 0 && s.rows[2].shown == 4);
    s = stats(f, STATS_SCENARIO | STATS_MODEL);
    assert_int_equal(s.count, 1);
    assert_true(str_eq_c(s.rows[0].scenario, "front") && s.rows[0].answers == 6);
    assert_true(s.rows[0].clicked == 2 && s.rows[0].documents == 8 && s.rows[0].readers == 5);
    s = stats(f, STATS_DAY);
    assert_true(s.count >= 1 && s.rows[0].day_us % 86400000000LL == 0);

    /* after a start it is counted again from the log, and comes to the same */
    fixture_close(f);
    fixture_open(f);
    s = stats(f, STATS_VARIANT);
    assert_int_equal(s.count, 3);
    assert_true(s.rows[1].answers == 3 && s.rows[1].clicked == 1 && s.rows[2].converted == 1);
    r = results(f, "x");
    assert_true(at(r, "answers", 0, NULL) == 2 && at(r, "click_through", 0, "rate") == .5);
    json_decref(r);

    /* numbers of one that was stopped stay as they are */
    struct experiment_out out = set(f, "x", false);
    assert_true(out.stopped_us > out.started_us);
    r = results(f, "x");
    assert_true(at(r, "answers", 1, NULL) == 2 && at(r, "conversion", 1, "rate") == .5);
    json_decref(r);
}

/* ---- scores ---- */

static void test_scores(void **state)
{
    struct fixture *f = *state;
    const struct score_of own[] = {{STR("d2"), 2}, {STR("gone"), 1}, {STR("d1"), -1}},
                          all[] = {{STR("d1"), 10}, {STR("d3"), 30}},
                          twice[] = {{STR("d1"), 1}, {STR("d1"), 2}};
    struct scores_in in[] = {{STR("u"), own, 3}, {STR(""), all, 2}, {STR("v"), twice, 2}};
    struct scores_result results[3];
    struct scores_out out;
    const uint32_t *numbers;
    const float *scores;
    size_t n;
    create(f, "c");
    for (unsigned i = 1; i <= 3; i++)
        put(f, arena_printf(f->a, "{'id':'d%u','text':'document %u'}", i, i));
    OK(engine_scores_put(f->x, C, STR("mine"), in, 3, f->a, results, e));
    assert_string_equal(results[0].status, "created");
    assert_int_equal(results[0].count, 2);
    assert_int_equal(results[0].unknown_count, 1);
    assert_true(str_eq_c(results[0].unknown[0], "gone"));
    assert_string_equal(results[2].status, "failed");
    assert_string_equal(results[2].info.field, "/scores/1/document");
    OK(engine_scores_get(f->x, C, STR("mine"), STR("u"), f->a, &out, e));
    assert_int_equal(out.count, 2);
    assert_true(str_eq_c(out.scores[0].document, "d1") && out.scores[0].score == -1);

    struct collection *c = collection_of(f);
    OK(brought_scores(c, STR("mine"), STR("u"), f->a, &numbers, &scores, &n, e));
    assert_int_equal(n, 3);
    assert_true(scores[0] == -1 && scores[1] == 2 && scores[2] == 30 && numbers[2] == 3);
    OK(brought_scores(c, STR("mine"), STR("nobody"), f->a, &numbers, &scores, &n, e));
    assert_true(n == 2 && scores[0] == 10);
    OK(brought_scores(c, STR("other"), STR("u"), f->a, &numbers, &scores, &n, e));
    assert_int_equal(n, 0);
    OK(engine_user_delete(f->x, C, STR("u"), e));
    OK(brought_scores(c, STR("mine"), STR("u"), f->a, &numbers, &scores, &n, e));
    assert_int_equal(n, 2);
    collection_unref(c);
    OK(engine_scores_clear(f->x, C, STR("mine"), e));
    struct err_info info = {0};
    assert_int_equal(engine_scores_get(f->x, C, STR("mine"), STR(""), f->a, &out, &info),
                     ERR_NOT_FOUND);
    assert_int_equal(engine_scores_put(f->x, C, STR("Not-so"), in, 1, f->a, results, &info),
                     ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_assignment),  TEST(test_scenarios), TEST(test_refusals),
        TEST(test_recommender), TEST(test_counts),    TEST(test_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
