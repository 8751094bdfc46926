/* Users, feedback, recommendations; collections that come and go; the change feed; embeddings. */
#include "help.h"
#include "base/thread.h"
#include "events/events.h"
#include <math.h>

static void fill(struct fixture *f, int count)
{
    static const char *const topics[] = {"football match goal", "garden flower soil",
                                         "guitar music song", "stock market bank"};
    char text[200];
    create(f, "c");
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, "{'id':'d%d','text':'%s number%d','topic':%d}", i,
                 topics[i % 4], i, i % 4);
        put(f, text);
    }
}

static struct put_result feed(struct fixture *f, const char *event, const char *user,
                              const char *document, const char *type, double value)
{
    struct feedback_in row = {.event_id = str_c(event),
                              .user = str_c(user),
                              .document = str_c(document),
                              .type = str_c(type),
                              .position = -1};
    struct put_result r;
    struct str position;
    row.value = value;
    row.value_set = value != 0;
    OK(engine_feedback_add(f->x, C, &row, 1, NULL, f->a, &r, &position, e));
    return r;
}

static struct recommend_answer for_user(struct fixture *f, const char *user, size_t limit)
{
    struct recommend_request r = {
        .user = str_c(user), .limit = limit, .exclude_seen = true, .explain = true};
    struct recommend_answer answer;
    OK(engine_recommend(f->x, C, &r, f->a, &answer, e));
    return answer;
}

static void feedback_counts_once(void **state)
{
    struct fixture *f = *state;
    fill(f, 8);
    assert_string_equal(feed(f, "e1", "u", "d1", "like", 0).status, "created");
    assert_string_equal(feed(f, "e1", "u", "d1", "like", 0).status, "unchanged");
    assert_string_equal(feed(f, "", "u", "d2", "click", 0).status, "created");
    assert_string_equal(feed(f, "", "u", "d2", "click", 0).status, "unchanged");
    assert_string_equal(feed(f, "", "u", "d3", "click", 0).status, "created");
    struct feedback_out *rows;
    size_t count;
    OK(engine_feedback_list(f->x, C, STR(""), STR("u"), STR(""), 0, 10, f->a, &rows, &count,
                            &(uint64_t){0}, e));
    assert_int_equal(count, 3);
    assert_true(str_eq_c(rows[0].document, "d3"));
}

static void wrong_feedback_names_row_and_field(void **state)
{
    struct fixture *f = *state;
    struct {
        struct feedback_in row;
        enum err err;
        const char *field;
    } cases[] = {
        {{.user = STR("u"), .document = STR("none"), .type = STR("like")},
         ERR_NOT_FOUND,
         "/0/document"},
        {{.user = STR(""), .document = STR("d0"), .type = STR("like")}, ERR_INVALID, "/0/user"},
        {{.user = STR("u"), .document = STR("d0"), .type = STR("lick")}, ERR_INVALID, "/0/type"},
        {{.user = STR("u"), .document = STR("d0"), .type = STR("rate")}, ERR_INVALID, "/0/value"},
        {{.user = STR("u"),
          .document = STR("d0"),
          .type = STR("rate"),
          .value = 9,
          .value_set = true},
         ERR_INVALID,
         "/0/value"},
        {{.user = STR("u"),
          .document = STR("d0"),
          .type = STR("like"),
          .value = NAN,
          .value_set = true},
         ERR_INVALID,
         "/0/value"},
        {{.user = STR("u"), .document = STR("d0"), .type = STR("like"), .time = STR("noon")},
         ERR_INVALID,
         "/0/time"},
        {{.user = STR("u"),
          .document = STR("d0"),
          .type = STR("like"),
          .time = STR("2999-01-01T00:00:00Z")},
         ERR_INVALID,
         "/0/time"},
        {{.user = STR("u"), .document = STR("d0"), .type = STR("like"), .position = -2},
         ERR_INVALID,
         "/0/position"},
    };
    fill(f, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct put_result r;
        OK(engine_feedback_add(f->x, C, &cases[i].row, 1, NULL, f->a, &r, NULL, e));
        assert_string_equal(r.status, "failed");
        assert_int_equal(r.err, cases[i].err);
        assert_string_equal(r.info.field, cases[i].field);
    }
}

static void recommendations_follow_and_leave_out_what_was_seen(void **state)
{
    struct fixture *f = *state;
    fill(f, 40);
    feed(f, "e1", "u", "d0", "like", 0);
    feed(f, "e2", "u", "d4", "like", 0);
    feed(f, "e3", "u", "d1", "dislike", 0);
    struct recommend_answer answer = for_user(f, "u", 5);
    assert_string_equal(answer.model, "profile");
    assert_int_equal(strlen(answer.recommendation_id), 32);
    assert_int_equal(answer.count, 5);
    for (size_t i = 0; i < answer.count; i++) {
        const struct recommend_row *r = &answer.rows[i];
        assert_false(str_eq_c(r->document.id, "d0") || str_eq_c(r->document.id, "d4") ||
                     str_eq_c(r->document.id, "d1"));
        assert_non_null(memmem(r->document.payload.s, r->document.payload.n, "\"topic\":0", 9));
        assert_true(r->explanation_count >= 1);
    }
    answer = for_user(f, "u", 100);
    assert_true(answer.count <= 37);
    for (size_t i = 0; i < answer.count; i++)
        assert_false(str_eq_c(answer.rows[i].document.id, "d4"));
}

static void strangers_get_what_is_popular(void **state)
{
    struct fixture *f = *state;
    fill(f, 12);
    struct recommend_answer answer = for_user(f, "stranger", 3);
    assert_string_equal(answer.model, "newest");
    assert_true(str_eq_c(answer.rows[0].document.id, "d11"));
    fixture_close(f); /* what was counted a moment ago is kept for half a second */
    fixture_open(f);
    feed(f, "e1", "a", "d3", "like", 0);
    feed(f, "e2", "b", "d3", "like", 0);
    feed(f, "e3", "b", "d5", "click", 0);
    feed(f, "e4", "b", "d6", "dislike", 0);
    answer = for_user(f, "stranger", 4);
    assert_string_equal(answer.model, "popular");
    assert_true(str_eq_c(answer.rows[0].document.id, "d3"));
    assert_true(str_eq_c(answer.rows[1].document.id, "d5"));
    assert_string_equal(answer.rows[2].source, "newest");
    assert_true(answer.next.n > 0);
}

static void examples_and_sessions(void **state)
{
    struct fixture *f = *state;
    fill(f, 40);
    struct str positive[] = {STR("d2")}, session[] = {STR("d0"), STR("d3")};
    struct recommend_request r = {
        .positive = positive, .positive_count = 1, .limit = 5, .filter = STR("topic != 3")};
    struct recommend_answer answer;
    OK(engine_recommend(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.count, 5);
    for (size_t i = 0; i < answer.count; i++)
        assert_null(memmem(answer.rows[i].document.payload.s, answer.rows[i].document.payload.n,
                           "\"topic\":3", 9));
    r = (struct recommend_request){.session = session, .session_count = 2, .limit = 3};
    OK(engine_recommend(f->x, C, &r, f->a, &answer, e));
    assert_non_null(memmem(answer.rows[0].document.payload.s, answer.rows[0].document.payload.n,
                           "\"topic\":3", 9));
    struct err_info info = {0};
    r = (struct recommend_request){.limit = 3};
    assert_int_equal(engine_recommend(f->x, C, &r, f->a, &answer, &info), ERR_INVALID);
    struct str unknown = STR("none");
    r = (struct recommend_request){.positive = &unknown, .positive_count = 1, .limit = 3};
    assert_int_equal(engine_recommend(f->x, C, &r, f->a, &answer, &info), ERR_NOT_FOUND);
}

static void users_live_and_go_with_their_feedback(void **state)
{
    struct fixture *f = *state;
    struct user_out u;
    bool created;
    fill(f, 4);
    json_t *body = parse("{\"labels\":[\"x\"],\"attributes\":{\"b\":1,\"a\":2}}");
    OK(engine_user_put(f->x, C, STR("u"), body, f->a, &u, &created, e));
    assert_true(created);
    assert_true(str_eq_c(u.payload, "{\"attributes\":{\"a\":2,\"b\":1},\"labels\":[\"x\"]}"));
    json_decref(body);
    body = parse("{\"name\":1}");
    struct err_info info = {0};
    assert_int_equal(engine_user_put(f->x, C, STR("u"), body, f->a, &u, &created, &info),
                     ERR_INVALID);
    assert_string_equal(info.field, "/name");
    json_decref(body);
    feed(f, "e1", "u", "d1", "like", 0);
    OK(engine_user_delete(f->x, C, STR("u"), e));
    assert_int_equal(engine_user_get(f->x, C, STR("u"), f->a, &u, NULL), ERR_NOT_FOUND);
    struct feedback_out *rows;
    size_t count;
    OK(engine_feedback_list(f->x, C, STR(""), STR("u"), STR(""), 0, 10, f->a, &rows, &count,
                            &(uint64_t){0}, e));
    assert_int_equal(count, 0);
}

static void a_collection_of_the_same_name_is_another(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 3; round++) {
        char text[80];
        create(f, "c");
        struct err_info info = {0};
        struct collection_info ci;
        assert_int_equal(engine_collection_create(f->x, C, NULL, NULL, f->a, &ci, &info),
                         ERR_CONFLICT);
        struct find_answer answer = search(f, "round", SEARCH_HYBRID, "", 10);
        assert_int_equal(answer.count, 0);
        snprintf(text, sizeof text, "{'id':'r%d','text':'round and round'}", round);
        put(f, text);
        answer = search(f, "round", SEARCH_HYBRID, "", 10);
        assert_int_equal(answer.count, 1);
        doctor(f, NULL);
        OK(engine_collection_delete(f->x, C, e));
        assert_int_equal(engine_collection_delete(f->x, C, NULL), ERR_NOT_FOUND);
    }
    struct collection_info info;
    assert_int_equal(engine_collection_create(f->x, STR("Bad Name"), NULL, NULL, f->a, &info, NULL),
                     ERR_INVALID);
    fixture_close(f);
    fixture_open(f);
    struct collection_info *list;
    size_t count;
    OK(engine_collection_list(f->x, STR(""), 10, f->a, &list, &count, e));
    assert_int_equal(count, 0);
}

static void settings_are_checked_and_kept(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *settings, *field;
    } cases[] = {
        {"{\"passage_tokens\":4}", "/settings/passage_tokens"},
        {"{\"passage_tokens\":100000}", "/settings/passage_tokens"},
        {"{\"overlap_tokens\":200,\"passage_tokens\":64}", "/settings/overlap_tokens"},
        {"{\"extra_fields\":\"drop\"}", "/settings/extra_fields"},
        {"{\"mapping\":{\"name\":\"x\"}}", "/settings/mapping/name"},
        {"{\"color\":1}", "/settings/color"},
    };
    struct collection_info info;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err_info why = {0};
        json_t *s = parse(cases[i].settings);
        assert_int_equal(engine_collection_create(f->x, C, s, NULL, f->a, &info, &why),
                         ERR_INVALID);
        assert_string_equal(why.field, cases[i].field);
        json_decref(s);
    }
    create(f, "c");
    json_t *s = parse("{\"passage_tokens\":40}");
    OK(engine_collection_update(f->x, C, s, f->a, &info, e));
    json_decref(s);
    assert_non_null(strstr(info.settings.s, "\"passage_tokens\":40"));
    fixture_close(f);
    fixture_open(f);
    OK(engine_collection_get(f->x, C, f->a, &info, e));
    assert_non_null(strstr(info.settings.s, "\"passage_tokens\":40"));
}

static void changes_are_told_in_order(void **state)
{
    struct fixture *f = *state;
    fill(f, 2);
    delete_one(f, "d0");
    struct change_out *rows;
    size_t count;
    struct str next;
    static const char *const types[] = {"collection.created", "document.processed",
                                        "document.processed", "document.deleted"};
    OK(engine_changes(f->x, NULL, STR(""), 100, f->a, &rows, &count, &next, e));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(rows[i].type, types[i]);
    assert_non_null(strstr(rows[3].data.s, "\"document_id\":\"d0\""));
    OK(engine_changes(f->x, NULL, rows[1].position, 1, f->a, &rows, &count, &next, e));
    assert_int_equal(count, 1);
    assert_int_equal(
        engine_changes(f->x, NULL, STR("000000000000-1"), 1, f->a, &rows, &count, &next, NULL),
        ERR_GONE);
    assert_int_equal(engine_changes(f->x, NULL, STR("what"), 1, f->a, &rows, &count, &next, NULL),
                     ERR_INVALID);
    struct str now;
    engine_position(f->x, f->a, &now);
    OK(engine_wait(f->x, now, 0, e));
    assert_int_equal(engine_wait(f->x, STR("what"), 0, NULL), ERR_INVALID);
}

static void embeddings_have_length_one(void **state)
{
    struct fixture *f = *state;
    const uint32_t ids[] = {2000, 2001};
    const struct embed_input inputs[] = {{.text = STR("one text")}, {.ids = ids, .id_count = 2}};
    struct embed_request r = {.inputs = inputs, .count = 2};
    struct embed_answer out;
    struct model_out *models;
    size_t count;
    engine_models(f->x, f->a, &models, &count);
    assert_int_equal(count, 1);
    for (unsigned want = 0; want <= 8; want += 8) {
        r.dimensions = want;
        OK(engine_embed(f->x, &r, f->a, &out, e));
        assert_int_equal(out.dims, want ? want : models[0].dims);
        assert_true(out.tokens >= 3);
        assert_int_equal(out.tokens, out.inputs[0].tokens + out.inputs[1].tokens);
        for (int i = 0; i < 2; i++) {
            double sum = 0;
            for (unsigned d = 0; d < out.dims; d++)
                sum += (double)out.vectors[(unsigned)i * out.dims + d] *
                       out.vectors[(unsigned)i * out.dims + d];
            assert_true(fabs(sum - 1) < 1e-4);
        }
    }
    r.dimensions = 5000;
    assert_int_equal(engine_embed(f->x, &r, f->a, &out, NULL), ERR_INVALID);
    r = (struct embed_request){.model = STR("other"), .inputs = inputs, .count = 2};
    assert_int_equal(engine_embed(f->x, &r, f->a, &out, NULL), ERR_NOT_FOUND);
}

struct listener {
    struct lock lock;
    unsigned processed, finished;
};

static enum err listen(void *ctx, const struct event *e, struct err_info *info)
{
    struct listener *l = ctx;
    lock_take(&l->lock);
    l->processed += str_eq_c(e->type, "document.processed");
    l->finished += str_eq_c(e->type, "task.finished");
    lock_drop(&l->lock);
    return 0;
}

/* Documents that were stored pending are embedded by themselves, each tells of it once, and the end
 * is told. */
static void a_backlog_is_worked_off_and_told(void **state)
{
    struct fixture *f = *state;
    struct listener l = {0};
    struct subscription *sub;
    struct subscription_options so = {.type = "*"};
    struct put_options async = {.async = true};
    struct put_result r[130];
    const json_t *docs[130];
    bool over = false;
    lock_init(&l.lock, LOCK_LEAF);
    create(f, "c");
    OK(event_subscribe(engine_events(f->x), &so, listen, &l, &sub, e));
    for (size_t i = 0; i < 130; i++) {
        char id[16], text[32];
        snprintf(id, sizeof id, "p%zu", i);
        snprintf(text, sizeof text, "waiting number%zu", i);
        docs[i] = json_pack("{ssss}", "id", id, "text", text);
    }
    OK(engine_put(f->x, C, docs, 130, &async, f->a, r, NULL, e));
    for (size_t i = 0; i < 130; i++)
        json_decref((json_t *)docs[i]);
    for (int i = 0; i < 1000 && !over; i++) {
        clock_sleep_ns(10000000);
        lock_take(&l.lock);
        over = l.finished > 0 && l.processed >= 130;
        lock_drop(&l.lock);
    }
    event_unsubscribe(sub);
    assert_int_equal(l.processed, 130);
    assert_int_equal(l.finished, 1);
    lock_release(&l.lock);
    struct collection_info info;
    OK(engine_collection_get(f->x, C, f->a, &info, e));
    assert_int_equal(info.pending, 0);
    struct find_answer answer = search(f, "waiting number77", SEARCH_SEMANTIC, "", 1);
    assert_true(found(&answer, "p77"));
    doctor(f, NULL);
}

static void metrics_stand_at_zero_from_the_start(void **state)
{
    static const char *const names[] = {
        "akin_index_lag_changes 0",
        "akin_feedback_total{type=\"save\"} ",
        "akin_search_duration_seconds_count{mode=\"hybrid\"} ",
        "akin_document_processing_seconds_count{stage=\"embed\",outcome=\"failed\"} ",
        "akin_recommend_duration_seconds_count{strategy=\"profile\"} ",
        "akin_errors_total{class=\"full\"} ",
        "akin_events_published_total{type=\"document.processed\"} ",
        "akin_index_bytes ",
        "akin_index_memory_bytes{part=\"vectors\"} ",
        "akin_index_tail_rows ",
        "akin_index_rough_rows "};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (metric(names[i]) < 0)
            fail_msg("%s", names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feedback_counts_once),
        TEST(wrong_feedback_names_row_and_field),
        TEST(recommendations_follow_and_leave_out_what_was_seen),
        TEST(strangers_get_what_is_popular),
        TEST(examples_and_sessions),
        TEST(users_live_and_go_with_their_feedback),
        TEST(a_collection_of_the_same_name_is_another),
        TEST(settings_are_checked_and_kept),
        TEST(changes_are_told_in_order),
        TEST(embeddings_have_length_one),
        TEST(a_backlog_is_worked_off_and_told),
        TEST(metrics_stand_at_zero_from_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
