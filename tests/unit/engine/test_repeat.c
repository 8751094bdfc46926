/* Requests that come again under their Idempotency-Key. */
#include "help.h"
#include "base/thread.h"
#include "engine/repeat.h"
#include <stdatomic.h>
#include <time.h>

#define HOUR_US 3600000000LL

static _Atomic int64_t later_us;

static int64_t now_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t wall_us(void *ctx)
{
    return now_us(CLOCK_REALTIME) + atomic_load(&later_us);
}

static atomic_bool stopped; /* then an answer waits for a write to come along with */

static int64_t mono_ns(void *ctx)
{
    if (atomic_load(&stopped))
        return 1;
    return now_us(CLOCK_MONOTONIC) * 1000;
}

static void sleep_ns(void *ctx, int64_t ns)
{
    nanosleep(&(struct timespec){ns / 1000000000, ns % 1000000000}, NULL);
}

static struct repeat_question question(char key, char request)
{
    struct repeat_question q = {.owner = STR("me"), .collection = C};
    memset(q.key, key, sizeof q.key);
    memset(q.request, request, sizeof q.request);
    return q;
}

static enum repeat_verdict ask(struct fixture *f, const struct repeat_question *q,
                               struct repeat **r, struct repeat_answer *answer)
{
    enum repeat_verdict v = REPEAT_VERDICTS;
    OK(repeat_begin(f->x, q, f->a, r, &v, answer, e));
    return v;
}

/* As ask, of one that is not to be done. */
static enum repeat_verdict asked(struct fixture *f, char key, char request,
                                 struct repeat_answer *answer)
{
    struct repeat_question q = question(key, request);
    struct repeat *r;
    enum repeat_verdict v = ask(f, &q, &r, answer);
    if (v == REPEAT_FIRST)
        repeat_end(r, &(struct repeat_answer){0}, false, false);
    return v;
}

static int setup_stopped(void **state)
{
    atomic_store(&stopped, true);
    return fixture_setup(state);
}

static int teardown_stopped(void **state)
{
    int rc = fixture_teardown(state);
    atomic_store(&stopped, false);
    return rc;
}

static const struct repeat_answer good = {200, {"Akin-Position: x\n", 17}, {"{}\n", 3}};

/* A first request that writes a document, or nothing, and is answered. */
static void first(struct fixture *f, char key, bool writes, const struct repeat_answer *answer,
                  bool keep, bool unwritten)
{
    struct repeat_question q = question(key, 'q');
    struct repeat *r;
    struct repeat_answer none;
    assert_int_equal(ask(f, &q, &r, &none), REPEAT_FIRST);
    if (writes)
        put(f, "{'text':'of no id'}");
    repeat_end(r, answer, keep, unwritten);
}

static void test_again(void **state)
{
    struct fixture *f = *state;
    struct repeat_answer got;
    create(f, "c");
    first(f, 'a', true, &good, true, false);
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_ANSWERED);
    assert_true(got.status == 200 && str_eq(got.headers, good.headers) &&
                str_eq(got.body, good.body));
    assert_int_equal(asked(f, 'a', 'p', &got), REPEAT_OTHER);
    assert_int_equal(asked(f, 'b', 'q', &got), REPEAT_FIRST);
    struct repeat_question q = question('a', 'q');
    struct repeat *r;
    q.rights[0] = 1;
    assert_int_equal(ask(f, &q, &r, &got), REPEAT_NARROWED);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_ANSWERED);

    OK(engine_collection_delete(f->x, C, e)); /* another one of its name */
    create(f, "c");
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_FIRST);
}

static void test_what_is_kept(void **state)
{
    struct fixture *f = *state;
    struct repeat_answer got, busy = {503, STR(""), STR("{}")}, large = good;
    create(f, "c");
    first(f, 'a', false, &good, true, false); /* nothing written: nothing is known of it */
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_FIRST);
    first(f, 'a', false, &good, true, true);
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_ANSWERED);
    first(f, 'b', false, &busy, false, true);
    assert_int_equal(asked(f, 'b', 'q', &got), REPEAT_FIRST);
    first(f, 'b', true, &busy, false, false); /* failed when a part was written */
    assert_int_equal(asked(f, 'b', 'q', &got), REPEAT_DONE);
    assert_true(got.status == 503 && got.body.n == 0);
    assert_int_equal(asked(f, 'b', 'p', &got), REPEAT_OTHER);
    char *body = xcalloc(1, REPEAT_BODY_MAX + 1);
    large.body = (struct str){body, REPEAT_BODY_MAX};
    first(f, 'c', true, &large, true, false);
    assert_int_equal(asked(f, 'c', 'q', &got), REPEAT_ANSWERED);
    assert_int_equal(got.body.n, REPEAT_BODY_MAX);
    large.body.n++;
    first(f, 'd', true, &large, true, false);
    assert_int_equal(asked(f, 'd', 'q', &got), REPEAT_DONE);
    assert_true(got.status == 200 && str_eq(got.headers, good.headers) && got.body.n == 0);
    free(body);
}

struct other {
    struct fixture *f;
    enum repeat_verdict same, another;
};

static void other_run(void *arg)
{
    struct other *o = arg;
    struct repeat_answer got;
    o->same = asked(o->f, 'a', 'q', &got);
    o->another = asked(o->f, 'a', 'p', &got);
}

static void test_at_the_same_time(void **state)
{
    struct fixture *f = *state;
    struct other o = {.f = f};
    struct repeat_question q = question('a', 'q');
    struct repeat *r;
    struct repeat_answer got;
    create(f, "c");
    assert_int_equal(ask(f, &q, &r, &got), REPEAT_FIRST);
    thread_join(thread_start("other", other_run, &o));
    assert_int_equal(o.same, REPEAT_RUNNING);
    assert_int_equal(o.another, REPEAT_OTHER);
    put(f, "{'text':'of no id'}");
    repeat_end(r, &good, true, false);
    thread_join(thread_start("other", other_run, &o));
    assert_int_equal(o.same, REPEAT_ANSWERED);
    first(f, 'z', false, &good, true, false);
    put(f, "{'text':'of nobody'}"); /* after the end nothing is of it */
    assert_int_equal(asked(f, 'z', 'q', &got), REPEAT_FIRST);
}

static void test_age(void **state)
{
    struct fixture *f = *state;
    struct repeat_answer got;
    create(f, "c");
    first(f, 'a', true, &good, true, false);
    put(f, "{'id':'x','text':'the answer is on the disk behind this'}");
    atomic_store(&later_us, 24 * HOUR_US - 60000000);
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_ANSWERED);
    atomic_store(&later_us, 24 * HOUR_US + 1);
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_FIRST);
    first(f, 'a', true, &good, true, false); /* in place of the old one */
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_ANSWERED);
}

/* ---- on the way to the disk ---- */

static double commits(void)
{
    return metric("akin_db_query_duration_seconds_count{query=\"commit\"} ");
}

static void test_it_is_given_before_it_is_on_the_disk(void **state)
{
    struct fixture *f = *state;
    struct repeat_answer got, busy = {503, STR(""), STR("{}")};
    struct repeat_question q = question('a', 'q');
    struct repeat *r;
    create(f, "c");
    double before = commits();
    first(f, 'a', true, &good, true, false);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_ANSWERED);
        assert_true(got.status == 200 && str_eq(got.headers, good.headers) &&
                    str_eq(got.body, good.body));
    }
    assert_int_equal(asked(f, 'a', 'p', &got), REPEAT_OTHER);
    q.rights[0] = 1;
    assert_int_equal(ask(f, &q, &r, &got), REPEAT_NARROWED);
    assert_true(commits() == before + 1); /* nothing waited for the disk */
    first(f, 'b', true, &busy, false, false);
    assert_int_equal(asked(f, 'b', 'q', &got), REPEAT_DONE);
    assert_true(got.status == 503);
    assert_true(commits() == before + 2);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_ANSWERED);
    assert_true(str_eq(got.headers, good.headers) && str_eq(got.body, good.body));
    assert_int_equal(asked(f, 'b', 'q', &got), REPEAT_DONE);
    assert_true(got.status == 503);
}

static void forget_run(void *arg)
{
    OK(engine_user_delete(((struct fixture *)arg)->x, C, STR("anna"), e));
}

static void test_a_reader_is_forgotten_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct repeat_answer got;
    struct repeat_question said = question('a', 'q'), saying = question('b', 'q');
    struct repeat *r;
    struct feedback_in act = {
        .user = STR("anna"), .document = STR("d"), .type = STR("like"), .position = -1};
    struct put_result result;
    create(f, "c");
    put(f, "{'id':'d','text':'text'}");
    said.readers = saying.readers = true;
    assert_int_equal(ask(f, &said, &r, &got), REPEAT_FIRST);
    OK(engine_feedback_add(f->x, C, &act, 1, NULL, f->a, &result, NULL, e));
    repeat_end(r, &good, true, false); /* on its way when the reader goes */
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_ANSWERED);
    assert_int_equal(ask(f, &saying, &r, &got), REPEAT_FIRST);
    put(f, "{'text':'what it writes'}");
    thread_join(thread_start("other", forget_run, f));
    repeat_end(r, &good, true, false); /* answered after that */
    for (int i = 0; i < 2; i++) {
        for (char key = 'a'; key <= 'b'; key++) {
            assert_int_equal(asked(f, key, 'q', &got), REPEAT_DONE);
            assert_true(got.body.n == 0 && got.headers.n == 0);
        }
        fixture_close(f);
        fixture_open(f);
    }
}

/* 40 answers of 128 KiB at once: over 4 MiB, one waits for the disk, and all before it with it. */
static void test_few_are_on_their_way(void **state)
{
    struct fixture *f = *state;
    struct repeat *all[40];
    struct repeat_answer got, large = good;
    char *body = xcalloc(1, REPEAT_BODY_MAX);
    large.body = (struct str){body, REPEAT_BODY_MAX};
    create(f, "c");
    for (char i = 0; i < 40; i++) {
        struct repeat_question q = question((char)('0' + i), 'q');
        assert_int_equal(ask(f, &q, &all[(int)i], &got), REPEAT_FIRST);
        put(f, "{'text':'of no id'}");
    }
    double before = commits();
    for (int i = 0; i < 31; i++)
        repeat_end(all[i], &large, true, false);
    assert_true(commits() == before);
    repeat_end(all[31], &large, true, false);
    assert_true(commits() == before + 1);
    for (int i = 32; i < 40; i++)
        repeat_end(all[i], &large, true, false);
    assert_true(commits() == before + 1);
    for (char i = 0; i < 40; i++) {
        assert_int_equal(asked(f, (char)('0' + i), 'q', &got), REPEAT_ANSWERED);
        assert_int_equal(got.body.n, REPEAT_BODY_MAX);
    }
    free(body);
}

#define ASKERS 3
struct askers {
    struct fixture *f;
    atomic_uint firsts;
    atomic_bool ended[6];
};

static void askers_run(void *arg)
{
    struct askers *s = arg;
    struct fixture own = {.x = s->f->x, .a = arena_new(0)};
    struct repeat_answer got;
    for (char key = '0'; key < '6'; key++) {
        struct repeat_question q = question(key, 'q');
        for (int i = 0; i < 4; i++) {
            struct repeat *r;
            bool ended = atomic_load(&s->ended[key - '0']);
            enum repeat_verdict v = ask(&own, &q, &r, &got);
            assert_true(!ended || v == REPEAT_ANSWERED); /* though others ask at the same time */
            if (v == REPEAT_FIRST) {
                put(&own, "{'text':'once'}");
                repeat_end(r, &good, true, false);
                atomic_fetch_add(&s->firsts, 1);
                atomic_store(&s->ended[key - '0'], true);
            } else if (v == REPEAT_ANSWERED) {
                assert_true(str_eq(got.headers, good.headers) && str_eq(got.body, good.body));
            } else {
                assert_int_equal(v, REPEAT_RUNNING);
            }
        }
    }
    arena_free(own.a);
}

static void test_any_order(void **state)
{
    for (uint64_t seed = 1; seed <= 15; seed++) {
        void *made = NULL;
        struct repeat_answer got;
        struct thread *threads[ASKERS];
        sched_start(seed);
        fixture_setup(&made);
        struct askers s = {.f = made};
        create(s.f, "c");
        for (int i = 0; i < ASKERS; i++)
            threads[i] = thread_start("asker", askers_run, &s);
        for (int i = 0; i < ASKERS; i++)
            thread_join(threads[i]);
        assert_int_equal(atomic_load(&s.firsts), 6);
        if (seed % 2) {
            fixture_close(s.f);
            fixture_open(s.f);
        }
        for (char key = '0'; key < '6'; key++)
            assert_int_equal(asked(s.f, key, 'q', &got), REPEAT_ANSWERED);
        fixture_teardown(&made);
        sched_stop();
    }
}

int main(void)
{
    const struct CMUnitTest seeded[] = {cmocka_unit_test(test_any_order)};
    const struct CMUnitTest tests[] = {
        TEST(test_again),
        TEST(test_what_is_kept),
        TEST(test_at_the_same_time),
        TEST(test_age),
        cmocka_unit_test_setup_teardown(test_it_is_given_before_it_is_on_the_disk, setup_stopped,
                                        teardown_stopped),
        cmocka_unit_test_setup_teardown(test_a_reader_is_forgotten_meanwhile, setup_stopped,
                                        teardown_stopped),
        cmocka_unit_test_setup_teardown(test_few_are_on_their_way, setup_stopped, teardown_stopped),
    };
    int failed = cmocka_run_group_tests(seeded, NULL, NULL);
    clock_replace(&(struct clock_source){wall_us, mono_ns, sleep_ns, NULL});
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
