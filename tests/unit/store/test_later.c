/* Writes that nobody waits for. */
#include "fixture.h"
#include "base/file.h"
#include "base/metrics.h"
#include <errno.h>
#include <stdatomic.h>
#include <time.h>

open_fn *fixture_open = store_open;

static atomic_bool stopped; /* the clock: what waits for its time waits for ever */

static int64_t mono_ns(void *ctx)
{
    struct timespec t;
    if (atomic_load(&stopped))
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t wall_us(void *ctx)
{
    return mono_ns(NULL) / 1000;
}

static void sleep_ns(void *ctx, int64_t ns)
{
    nanosleep(&(struct timespec){ns / 1000000000, ns % 1000000000}, NULL);
}

static int setup_stopped(void **state)
{
    atomic_store(&stopped, true);
    return setup(state);
}

static int teardown_stopped(void **state)
{
    int rc = teardown(state);
    atomic_store(&stopped, false);
    return rc;
}

static long commits(void)
{
    const char *name = "akin_db_query_duration_seconds_count{query=\"commit\"} ";
    struct strbuf out;
    strbuf_init(&out, 0);
    metrics_render(&out);
    const char *at = strstr(out.buf, name);
    long n = at ? atol(at + strlen(name)) : 0;
    strbuf_release(&out);
    return n;
}

struct seen {
    atomic_uint told;
    enum err err;
};

static void see(void *ctx, enum err err, const struct err_info *e)
{
    struct seen *s = ctx;
    s->err = err;
    atomic_fetch_add(&s->told, 1);
}

static void later(struct fixture *f, struct store_act act, struct seen *s)
{
    ok(store_write_later(f->s, &act, see, s, &f->e));
}

static bool told(struct seen *s, unsigned count)
{
    for (int i = 0; i < 10000 && atomic_load(&s->told) < count; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    return atomic_load(&s->told) == count;
}

static void is_there(struct fixture *f, uint32_t c, const char *id, enum err want)
{
    struct document_record d;
    assert_int_equal(store_document_get(f->s, f->a, c, str_c(id), DOCUMENT_PAYLOAD, &d, NULL),
                     want);
}

static void test_it_joins_the_next_commit(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct seen s = {0};
    long before = commits();
    for (unsigned i = 0; i < 20; i++) {
        struct str id = str_c(arena_printf(f->a, "d%u", i));
        later(f, act_put(f, c, id, "later"), &s);
        assert_int_equal(atomic_load(&s.told), i);
        done(f, act_delete(c, id)); /* finds it: the calls' order is kept */
        assert_int_equal(atomic_load(&s.told), i + 1);
        assert_int_equal(s.err, ERR_OK);
    }
    assert_int_equal(commits(), before + 20);
    ok(store_check(f->s, &f->e));
}

static void test_many_have_a_commit_of_their_own(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct seen s = {0};
    for (unsigned i = 0; i < 64; i++)
        later(f, act_put(f, c, str_c(arena_printf(f->a, "d%u", i)), "later"), &s);
    assert_true(told(&s, 64));
    is_there(f, c, "d63", ERR_OK);
}

/* One that fills a group is not put off by what waits already. */
static void test_beside_a_full_group(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct store_act acts[512];
    struct seen s = {0};
    long before = commits();
    for (unsigned i = 0; i < 512; i++)
        acts[i] = act_put(f, c, str_c(arena_printf(f->a, "full%u", i)), "x");
    later(f, act_put(f, c, STR("d"), "later"), &s);
    ok(store_write(f->s, acts, 512, false, NULL, &f->e));
    assert_true(atomic_load(&s.told) == 1 && commits() == before + 1);
}

static void test_closing_writes_it(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct seen s = {0};
    later(f, act_put(f, c, STR("a"), "later"), &s);
    later(f, act_put(f, c, STR("b"), "later"), &s);
    reopen(f);
    assert_true(atomic_load(&s.told) == 2 && s.err == ERR_OK);
    is_there(f, c, "a", ERR_OK);
    is_there(f, c, "b", ERR_OK);
}

static void test_alone_it_is_written_soon(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct seen s = {0};
    for (unsigned i = 0; i < 3; i++) {
        struct str id = str_c(arena_printf(f->a, "d%u", i));
        later(f, act_put(f, c, id, "later"), &s);
        assert_true(told(&s, i + 1));
        is_there(f, c, id.s, ERR_OK);
    }
}

static atomic_bool disk_is_full;

static int disk_before(void *ctx, enum file_op op, const char *path, uint64_t offset, size_t n,
                       size_t *torn)
{
    return op == FILE_WRITE && atomic_load(&disk_is_full) ? ENOSPC : 0;
}

static int setup_disk(void **state)
{
    static const struct file_hook disk = {.before = disk_before};
    file_hook(&disk);
    return setup(state);
}

static int teardown_disk(void **state)
{
    int rc = teardown(state);
    file_hook(NULL);
    return rc;
}

static void test_what_fails_is_told(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct seen s = {0};
    struct store_act bad = act_put(f, c, STR(""), "no id");
    assert_int_equal(store_write_later(f->s, &bad, see, &s, NULL), ERR_INVALID);
    later(f, act_delete(c, STR("none")), &s);
    assert_true(told(&s, 1)); /* of those that are refused nothing is told */
    assert_int_equal(s.err, ERR_NOT_FOUND);
    atomic_store(&disk_is_full, true);
    later(f, act_put(f, c, STR("d"), "later"), &s);
    bool failed = told(&s, 2);
    atomic_store(&disk_is_full, false);
    assert_true(failed && s.err == ERR_FULL);
    is_there(f, c, "d", ERR_NOT_FOUND);
    later(f, act_put(f, c, STR("d"), "later"), &s);
    assert_true(told(&s, 3) && s.err == ERR_OK);
    is_there(f, c, "d", ERR_OK);
}

struct caller {
    struct fixture *f;
    struct seen seen;
    unsigned number;
    uint32_t collection;
    struct thread *thread;
    struct arena *a; /* of what it writes: until that is told */
};

#define ROUNDS 40
static void call_run(void *arg)
{
    struct caller *x = arg;
    struct arena *a = x->a;
    struct fixture own = {.s = x->f->s, .a = a};
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct str id = str_c(arena_printf(a, "%u-%u", x->number, i));
        later(&own, act_put(&own, x->collection, id, "later"), &x->seen);
        if (i % 3 == x->number)
            done(&own, act_delete(x->collection, id));
    }
}

static void any_order_of(struct fixture *f, const char *name)
{
    struct caller all[3];
    uint32_t c = collection_made(f, name);
    memset(all, 0, sizeof all);
    for (unsigned i = 0; i < 3; i++) {
        all[i].f = f;
        all[i].number = i;
        all[i].collection = c;
        all[i].a = arena_new(0);
        all[i].thread = thread_start("caller", call_run, &all[i]);
    }
    for (unsigned i = 0; i < 3; i++)
        thread_join(all[i].thread);
    reopen(f);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(atomic_load(&all[i].seen.told) == ROUNDS && all[i].seen.err == ERR_OK);
        arena_free(all[i].a);
    }
    is_there(f, c, "0-1", ERR_OK);
    is_there(f, c, "0-3", ERR_NOT_FOUND);
    ok(store_check(f->s, &f->e));
}

static void test_of_many_callers(void **state)
{
    any_order_of(*state, "news");
}

static void test_any_order_of_threads(void **state)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        void *made = NULL;
        sched_start(seed);
        setup(&made);
        any_order_of(made, "news");
        teardown(&made);
        sched_stop();
    }
}

int main(void)
{
    static const struct clock_source clock = {wall_us, mono_ns, sleep_ns, NULL};
    const struct CMUnitTest seeded[] = {cmocka_unit_test(test_any_order_of_threads)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_joins_the_next_commit, setup_stopped,
                                        teardown_stopped),
        cmocka_unit_test_setup_teardown(test_many_have_a_commit_of_their_own, setup_stopped,
                                        teardown_stopped),
        cmocka_unit_test_setup_teardown(test_beside_a_full_group, setup_stopped, teardown_stopped),
        cmocka_unit_test_setup_teardown(test_closing_writes_it, setup_stopped, teardown_stopped),
        cmocka_unit_test_setup_teardown(test_alone_it_is_written_soon, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_fails_is_told, setup_disk, teardown_disk),
        cmocka_unit_test_setup_teardown(test_of_many_callers, setup, teardown),
    };
    int failed = cmocka_run_group_tests(seeded, NULL, NULL);
    clock_replace(&clock);
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
