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

static int64_t mono_ns(void *ctx)
{
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
    atomic_store(&later_us, 24 * HOUR_US - 60000000);
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_ANSWERED);
    atomic_store(&later_us, 24 * HOUR_US + 1);
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_FIRST);
    first(f, 'a', true, &good, true, false); /* in place of the old one */
    assert_int_equal(asked(f, 'a', 'q', &got), REPEAT_ANSWERED);
}

int main(void)
{
    clock_replace(&(struct clock_source){wall_us, mono_ns, sleep_ns, NULL});
    const struct CMUnitTest tests[] = {TEST(test_again), TEST(test_what_is_kept),
                                       TEST(test_at_the_same_time), TEST(test_age)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
