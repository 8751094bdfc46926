/* Embedding versions: built beside the active one, compared, promoted and rolled back while the
 * collection is read and written; nothing of two versions is ever mixed. The stub in another
 * precision is another space of the same dimensions. */
#include <sqlite3.h> /* uses the name C, which help.h takes */
#include "help.h"
#include "base/thread.h"
#include <math.h>
#include <sys/wait.h>

#define WAIT_NS 20000000000LL

static void fill(struct fixture *f, int from, int to)
{
    char text[200];
    for (int i = from; i < to; i++) {
        snprintf(text, sizeof text,
                 "{'id':'d%d','title':'title %d of shelf%d','text':'document number%d about "
                 "topic%d','n':%d}",
                 i, i, i % 7, i, i % 5, i);
        assert_int_equal(put(f, text).err, 0);
    }
}

static struct version_info get(struct fixture *f, uint32_t id)
{
    struct version_info v;
    OK(engine_version_get(f->x, C, id, f->a, &v, e));
    return v;
}

static uint32_t begin(struct fixture *f, const char *precision, unsigned dimensions)
{
    struct version_info v;
    struct version_choice choice = {.precision = str_c(precision), .dimensions = dimensions};
    OK(engine_version_create(f->x, C, &choice, f->a, &v, e));
    assert_string_equal(v.state, "building");
    return v.id;
}

static void wait_state(struct fixture *f, uint32_t id, const char *state)
{
    int64_t deadline = clock_mono_ns() + WAIT_NS;
    struct version_info v = get(f, id);
    while (strcmp(v.state, state) != 0 || v.missing > 0) {
        if (clock_mono_ns() > deadline)
            fail_msg("version %u is %s, %llu missing", id, v.state, (unsigned long long)v.missing);
        clock_sleep_ns(5000000);
        v = get(f, id);
    }
}

static uint32_t build(struct fixture *f, const char *precision, unsigned dimensions)
{
    uint32_t id = begin(f, precision, dimensions);
    wait_state(f, id, "ready");
    return id;
}

static void promote(struct fixture *f, uint32_t id)
{
    struct version_info v;
    OK(engine_version_promote(f->x, C, id, f->a, &v, e));
    assert_string_equal(v.state, "active");
}

static uint32_t rollback(struct fixture *f)
{
    struct version_info v;
    OK(engine_version_rollback(f->x, C, f->a, &v, e));
    return v.id;
}

static uint32_t active(struct fixture *f)
{
    struct collection_info info;
    OK(engine_collection_get(f->x, C, f->a, &info, e));
    return info.embedding_version;
}

static struct find_answer semantic(struct fixture *f, const char *q, size_t limit)
{
    return search(f, q, SEARCH_SEMANTIC, "", limit);
}

static void check_nearest(struct fixture *f, uint32_t version, int document)
{
    char q[100], id[20];
    snprintf(q, sizeof q, "title %d of shelf%d\ndocument number%d about topic%d", document,
             document % 7, document, document % 5);
    snprintf(id, sizeof id, "d%d", document);
    struct find_answer answer = semantic(f, q, 3);
    assert_int_equal(answer.embedding_version, version);
    assert_true(found(&answer, id));
    assert_true(answer.hits[0].score > .99);
}

static void a_version_is_built_promoted_and_rolled_back(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    fill(f, 0, 250);
    uint32_t first = active(f), second = build(f, "bf16", 32);
    struct version_info v = get(f, second);
    assert_int_equal(v.dims, 32);
    assert_int_equal(v.passages, 250);
    assert_true(v.bytes > 0);
    check_nearest(f, first, 7);
    promote(f, second);
    assert_int_equal(active(f), second);
    check_nearest(f, second, 7);
    assert_string_equal(get(f, first).state, "retired");
    doctor(f, NULL);
    assert_int_equal(rollback(f), first);
    check_nearest(f, first, 7);
    assert_int_equal(rollback(f), second);
    check_nearest(f, second, 8);
    doctor(f, NULL);
}

/* Everything that a search may find of a version after writes: they are caught up in all of them.
 */
static void writes_reach_every_version(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    fill(f, 0, 30);
    uint32_t first = active(f), second = build(f, "bf16", 0);
    fill(f, 30, 60); /* new ones */
    assert_int_equal(put(f, "{'id':'d3','text':'quite another text'}").err, 0);
    assert_int_equal(put(f, "{'id':'d4','title':'title 4 of shelf4','text':'document number4 about "
                            "topic4','n':99}")
                         .err,
                     0); /* the same text: nothing is embedded again */
    delete_one(f, "d5");
    wait_state(f, second, "ready");
    doctor(f, NULL);
    promote(f, second);
    check_nearest(f, second, 45);
    check_nearest(f, second, 4);
    struct find_answer answer = semantic(f, "quite another text", 1);
    assert_true(found(&answer, "d3"));
    fill(f, 60, 80);
    wait_state(f, first, "retired");
    assert_int_equal(rollback(f), first);
    check_nearest(f, first, 75);
    doctor(f, NULL);
    for (int i = 0; i < 2; i++) { /* and after a restart */
        fixture_close(f);
        fixture_open(f);
        doctor(f, NULL);
        check_nearest(f, first, 75);
    }
    assert_int_equal(rollback(f), second);
    check_nearest(f, second, 75);
}

static void a_comparison_tells_how_alike_they_are(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    fill(f, 0, 120);
    uint32_t first = active(f), second = build(f, "fp32", 48);
    json_t *report = parse(arena_strdup(f->a, get(f, second).report.s));
    assert_int_equal(json_integer_value(json_object_get(report, "against")), first);
    assert_int_equal(json_integer_value(json_object_get(report, "queries")), 100);
    double overlap = json_number_value(json_object_get(report, "overlap_at_10"));
    double rbo = json_number_value(json_object_get(report, "rbo"));
    assert_true(overlap > .2 && overlap < 1); /* three quarters of the same space */
    assert_true(rbo > .2 && rbo < 1);
    json_decref(report);
    struct str queries[] = {STR("title 7 of shelf0\ndocument number7 about topic2")};
    struct compare_judgment judged[] = {{queries[0], STR("d7"), 1}};
    struct compare_request r = {queries, 1, judged, 1};
    struct version_info v;
    OK(engine_version_compare(f->x, C, second, &r, 0, f->a, &v, e));
    report = parse(arena_strdup(f->a, v.report.s));
    json_t *candidate = json_object_get(report, "candidate");
    assert_true(json_number_value(json_object_get(candidate, "ndcg_at_10")) == 1.0);
    assert_int_equal(json_integer_value(json_object_get(report, "queries")), 1);
    json_decref(report);
    assert_true(str_eq(get(f, second).report, v.report)); /* it is kept */
    struct err_info info = {0};
    assert_int_equal(engine_version_compare(f->x, C, first, &r, 0, f->a, &v, &info), ERR_CONFLICT);
}

#define REFUSED(call, code)                                                                        \
    do {                                                                                           \
        info = (struct err_info){0};                                                               \
        assert_int_equal(call, code);                                                              \
    } while (0)

static void what_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err_info info = {0};
    struct version_info v;
    create(f, "c");
    fill(f, 0, 20);
    uint32_t first = active(f);
    struct version_choice same = {0}, unknown = {.model = STR("no-such-model")},
                          outside = {.model = STR("../x")}, large = {.dimensions = 65},
                          wrong = {.precision = STR("fp12")};
    REFUSED(engine_version_create(f->x, C, &same, f->a, &v, &info), ERR_CONFLICT);
    REFUSED(engine_version_create(f->x, C, &unknown, f->a, &v, &info), ERR_NOT_FOUND);
    assert_string_equal(info.field, "/model");
    REFUSED(engine_version_create(f->x, C, &outside, f->a, &v, &info), ERR_INVALID);
    REFUSED(engine_version_create(f->x, C, &large, f->a, &v, &info), ERR_INVALID);
    assert_string_equal(info.field, "/dimensions");
    REFUSED(engine_version_create(f->x, C, &wrong, f->a, &v, &info), ERR_INVALID);
    assert_string_equal(info.field, "/precision");
    REFUSED(engine_version_rollback(f->x, C, f->a, &v, &info), ERR_CONFLICT);
    REFUSED(engine_version_delete(f->x, C, first, &info), ERR_CONFLICT);
    REFUSED(engine_version_delete(f->x, C, 999, &info), ERR_NOT_FOUND);
    REFUSED(engine_version_promote(f->x, C, 999, f->a, &v, &info), ERR_NOT_FOUND);
    promote(f, first); /* it is already */
    uint32_t second = build(f, "bf16", 0);
    OK(engine_version_delete(f->x, C, second, e));
    REFUSED(engine_version_get(f->x, C, second, f->a, &v, &info), ERR_NOT_FOUND);
    fill(f, 20, 400); /* and one that is being built */
    for (int i = 0; i < 5; i++) {
        uint32_t id = begin(f, "bf16", 0);
        while (i > 0 && get(f, id).missing == 400)
            clock_sleep_ns(500000);
        OK(engine_version_delete(f->x, C, id, e));
        doctor(f, NULL);
    }
    assert_int_equal(active(f), first);
    doctor(f, NULL);
}

/* Of retired versions the collection keeps as many as it says; those of another one not at all. */
static void retired_versions_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct version_info *list;
    struct collection_info info;
    size_t count;
    create(f, "c");
    fill(f, 0, 20);
    promote(f, build(f, "fp32", 60));
    promote(f, build(f, "fp32", 56));
    OK(engine_version_list(f->x, C, f->a, &list, &count, e));
    assert_int_equal(count, 2); /* the active one and the last */
    assert_int_equal(list[0].dims, 60);
    json_t *none = parse("{\"versions_kept\":0}");
    OK(engine_collection_update(f->x, C, none, f->a, &info, e));
    json_decref(none);
    promote(f, build(f, "fp32", 52));
    OK(engine_version_list(f->x, C, f->a, &list, &count, e));
    assert_int_equal(count, 1);
    check_nearest(f, list[0].id, 7);
    doctor(f, NULL);
}

/* ---- under load ---- */

struct reader {
    struct fixture *f;
    struct thread *thread;
    double expected[2]; /* the score of the first hit, by version */
    uint32_t versions[2];
    int stop;
    unsigned answers[2];
    char why[300];
};

#define QUERY "title 3 of shelf3 number3 words" /* nearer to it than what is written */

static void reader_run(void *arg)
{
    struct reader *w = arg;
    struct arena *a = arena_new(0);
    while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED) && !w->why[0]) {
        struct find_request r = {.mode = SEARCH_SEMANTIC, .q = STR(QUERY), .limit = 5};
        struct find_answer answer;
        struct err_info info = {0};
        if (engine_search(w->f->x, C, &r, a, &answer, &info)) {
            snprintf(w->why, sizeof w->why, "%.200s", info.message);
            break;
        }
        int i = answer.embedding_version == w->versions[1];
        w->answers[i]++;
        if (answer.embedding_version != w->versions[i] || answer.count != 5 ||
            fabs(answer.hits[0].score - w->expected[i]) > 1e-6)
            snprintf(w->why, sizeof w->why, "version %u: %zu hits, score %.9f instead of %.9f",
                     answer.embedding_version, answer.count, answer.hits[0].score, w->expected[i]);
        arena_reset(a);
    }
    arena_free(a);
}

#define WRITTEN 40

/* The text of a written document follows from its id and the round. */
static void written_text(int i, unsigned round, char *text, size_t size)
{
    int n = snprintf(text, size, "zzz%d yyy%d r%u", i, i * i, round);
    for (int k = 0; k < 150 && (size_t)n + 20 < size; k++)
        n += snprintf(text + n, size - (size_t)n, " w%u",
                      (round * 50 + (unsigned)i) * 1000 + (unsigned)k);
}

/* What is written has vectors of the version's own space, in whichever version it is looked for. */
static void check_written(struct reader *w, unsigned round, struct arena *a, bool missing)
{
    for (int i = 0; i < WRITTEN && !w->why[0]; i++) {
        char text[2000], filter[40];
        struct find_answer answer;
        struct err_info info = {0};
        written_text(i, round, text, sizeof text);
        snprintf(filter, sizeof filter, "id = \"w%d\"", i);
        struct find_request r = {
            .mode = SEARCH_SEMANTIC, .q = str_c(text), .filter = str_c(filter), .limit = 1};
        if (engine_search(w->f->x, C, &r, a, &answer, &info))
            snprintf(w->why, sizeof w->why, "%.200s", info.message);
        else if (answer.count == 0 ? !missing : answer.hits[0].score < .99)
            snprintf(w->why, sizeof w->why, "w%d: %.3f in version %u", i,
                     answer.count ? answer.hits[0].score : 0., answer.embedding_version);
    }
}

/* Removes and writes a batch again and again, each time with texts to embed. */
static void writer_run(void *arg)
{
    struct reader *w = arg;
    struct arena *a = arena_new(0);
    while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED) && !w->why[0]) {
        const json_t *docs[WRITTEN];
        struct put_result results[WRITTEN];
        struct str ids[WRITTEN];
        struct err_info info = {0};
        for (int i = 0; i < WRITTEN; i++) {
            char text[2000];
            written_text(i, w->answers[0], text, sizeof text);
            ids[i] = str_c(arena_printf(a, "w%d", i));
            docs[i] = json_pack("{ssss}", "id", ids[i].s, "text", text);
        }
        if (engine_delete(w->f->x, C, ids, WRITTEN, NULL, a, results, NULL, &info) ||
            engine_put(w->f->x, C, docs, WRITTEN, NULL, a, results, NULL, &info))
            snprintf(w->why, sizeof w->why, "%.200s", info.message);
        for (int i = 0; i < WRITTEN; i++) {
            if (!w->why[0] && results[i].err)
                snprintf(w->why, sizeof w->why, "%.200s", results[i].info.message);
            json_decref((json_t *)docs[i]);
        }
        check_written(w, w->answers[0], a, true); /* pending in the one that is active by now */
        w->answers[0]++;
        arena_reset(a);
    }
    arena_free(a);
}

static void no_answer_is_mixed_under_load(void **state)
{
    struct fixture *f = *state;
    struct reader readers[4] = {{0}};
    uint32_t versions[2];
    double expected[2];
    create(f, "c");
    fill(f, 0, 200);
    versions[0] = active(f);
    versions[1] = build(f, "bf16", 0);
    expected[0] = semantic(f, QUERY, 1).hits[0].score;
    promote(f, versions[1]);
    expected[1] = semantic(f, QUERY, 1).hits[0].score;
    assert_true(fabs(expected[0] - expected[1]) > 1e-4); /* else nothing would show */
    for (int i = 0; i < 4; i++) {
        struct reader *w = &readers[i];
        w->f = f;
        memcpy(w->expected, expected, sizeof expected);
        memcpy(w->versions, versions, sizeof versions);
        w->thread = thread_start("reader", i < 3 ? reader_run : writer_run, w);
    }
    for (int i = 0; i < 30; i++) {
        int64_t t0 = clock_mono_ns();
        uint32_t id = rollback(f);
        assert_int_equal(id, versions[i % 2]);
        assert_true(clock_mono_ns() - t0 < 5000000000LL);
        assert_int_equal(semantic(f, QUERY, 1).embedding_version, id); /* acknowledged: in effect */
        clock_sleep_ns(10000000);
    }
    for (int i = 0; i < 4; i++) {
        __atomic_store_n(&readers[i].stop, 1, __ATOMIC_RELAXED);
        thread_join(readers[i].thread);
        if (readers[i].why[0])
            fail_msg("%d: %s", i, readers[i].why);
        assert_true(readers[i].answers[0] > 0);
        assert_true(i == 3 || readers[i].answers[1] > 0);
    }
    for (int i = 0; i < 2; i++) {
        wait_state(f, versions[i], i == 0 ? "retired" : "active");
        doctor(f, NULL);
    }
    check_written(&readers[3], readers[3].answers[0] - 1, f->a, false);
    rollback(f);
    check_written(&readers[3], readers[3].answers[0] - 1, f->a, false);
    assert_string_equal(readers[3].why, "");
}

/* ---- what is left after a crash ---- */

/* A process of its own does `act` with the same directory and ends without closing. */
static void crash_after(struct fixture *f, void (*act)(struct fixture *))
{
    int status;
    fixture_close(f);
    pid_t pid = fork();
    if (pid == 0) {
        fixture_open(f);
        act(f);
        _exit(0); /* without a snapshot */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fixture_open(f);
}

/* Version 2 is whole: nothing contradicts, and promoted it finds document `n`. */
static void check_whole(struct fixture *f, int n)
{
    doctor(f, NULL);
    promote(f, 2);
    check_nearest(f, 2, n);
}

static void build_some(struct fixture *f)
{
    uint32_t id = begin(f, "bf16", 32);
    while (get(f, id).missing > 200)
        clock_sleep_ns(1000000);
}

static void a_crash_while_building_is_resumed(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    fill(f, 0, 400);
    crash_after(f, build_some);
    wait_state(f, 2, "ready");
    check_whole(f, 333);
}

static void build_the_rest(struct fixture *f)
{
    wait_state(f, 2, "ready");
}

/* The snapshot holds half of a version, and no change tells of the other half. */
static void a_snapshot_of_half_a_version_is_noticed(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    fill(f, 0, 600);
    begin(f, "bf16", 32);
    while (get(f, 2).missing > 450)
        clock_sleep_ns(1000000);
    crash_after(f, build_the_rest);
    assert_int_equal(get(f, 2).missing, 0);
    check_whole(f, 599);
}

static void fill_more(struct fixture *f)
{
    fill(f, 60, 70);
    wait_state(f, 2, "ready");
}

/* Vectors that come without a change are after the last snapshot, and no change tells of them. */
static void vectors_after_a_snapshot_are_not_lost(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    fill(f, 0, 50);
    build(f, "bf16", 32);
    fill(f, 50, 60);
    crash_after(f, fill_more); /* which closes first: a snapshot of both */
    wait_state(f, 2, "ready");
    check_whole(f, 69);
}

static void a_damaged_snapshot_rebuilds_only_its_version(void **state)
{
    struct fixture *f = *state;
    char path[400];
    create(f, "c");
    fill(f, 0, 50);
    build(f, "bf16", 32);
    fixture_close(f);
    snprintf(path, sizeof path, "%s/index/1/2/rows", f->dir);
    OK(file_write_atomic(path, "AKINVECS damaged", 16, 0600, e));
    fixture_open(f);
    check_whole(f, 33);
}

/* ---- models ---- */

static void sql(struct fixture *f, const char *statement)
{
    char path[400];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/akin.db", f->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, statement, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* As a data directory was before there were versions. */
static void precision_of_before_is_recorded(void **state)
{
    struct fixture *f = *state;
    char path[400];
    create(f, "c");
    fill(f, 0, 10);
    promote(f, build(f, "bf16", 0));
    fixture_close(f);
    sql(f, "UPDATE version SET model = '', settings = x''");
    snprintf(path, sizeof path, "%s/PRECISION", f->dir);
    OK(file_write_atomic(path, "bf16", 4, 0600, e));
    for (int i = 0; i < 2; i++) {
        fixture_open(f);
        check_nearest(f, 2, 7);
        assert_true(str_eq_c(get(f, 2).precision, "bf16"));
        assert_true(str_eq_c(get(f, 1).precision, "fp32"));
        assert_true(str_eq_c(get(f, 2).model, "stub"));
        assert_false(file_exists(path));
        fixture_close(f);
    }
}

static void a_model_that_is_gone_leaves_words(void **state)
{
    struct fixture *f = *state;
    struct err_info info = {0};
    struct find_answer answer;
    create(f, "c");
    fill(f, 0, 10);
    fixture_close(f);
    sql(f, "UPDATE version SET model = 'gone'");
    fixture_open(f);
    assert_non_null(strstr(get(f, 1).error.s, "gone"));
    answer = search(f, "number7", SEARCH_LEXICAL, "", 5);
    assert_true(found(&answer, "d7"));
    answer = search(f, "number7", SEARCH_HYBRID, "", 5);
    assert_true(found(&answer, "d7"));
    assert_true(answer.degraded.n > 0);
    struct find_request r = {.mode = SEARCH_SEMANTIC, .q = STR("number7"), .limit = 5};
    assert_int_equal(engine_search(f->x, C, &r, f->a, &answer, &info), ERR_UNAVAILABLE);
    assert_non_null(strstr(info.message, "gone"));
    struct find_request like = {.ids = (struct str[]){STR("d7")}, .id_count = 1, .limit = 5};
    OK(engine_similar(f->x, C, &like, f->a, &answer, e)); /* its vectors are there */
    assert_int_equal(answer.count, 5);
    /* A way out: another version. */
    uint32_t second = begin(f, "fp32", 32);
    int64_t deadline = clock_mono_ns() + WAIT_NS;
    while (strcmp(get(f, second).state, "ready") != 0 && clock_mono_ns() < deadline)
        clock_sleep_ns(5000000);
    promote(f, second);
    check_nearest(f, second, 7);
}

static void collections_have_models_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct collection_info info;
    struct version_choice choice = {.precision = STR("int8"), .dimensions = 16};
    OK(engine_collection_create(f->x, C, NULL, &choice, f->a, &info, e));
    assert_int_equal(info.dims, 16);
    create(f, "d");
    fill(f, 0, 20);
    assert_int_equal(put_into(f, STR("d"), "{'id':'x','text':'one two'}").err, 0);
    fixture_close(f);
    fixture_open(f);
    check_nearest(f, 1, 7);
    OK(engine_collection_get(f->x, STR("d"), f->a, &info, e));
    assert_int_equal(info.dims, 64);
    doctor(f, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_version_is_built_promoted_and_rolled_back),
        TEST(writes_reach_every_version),
        TEST(a_comparison_tells_how_alike_they_are),
        TEST(what_cannot_be_is_refused),
        TEST(retired_versions_are_bounded),
        TEST(no_answer_is_mixed_under_load),
        TEST(a_crash_while_building_is_resumed),
        TEST(a_snapshot_of_half_a_version_is_noticed),
        TEST(vectors_after_a_snapshot_are_not_lost),
        TEST(a_damaged_snapshot_rebuilds_only_its_version),
        TEST(precision_of_before_is_recorded),
        TEST(a_model_that_is_gone_leaves_words),
        TEST(collections_have_models_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
