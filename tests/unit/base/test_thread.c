#include "test.h"
#include "base/clock.h"
#include "base/thread.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 4, ROUNDS = 200 };

struct shared {
    struct lock lock;
    struct cond cond;
    struct rwlock rw;
    int turn, count, readers, writers;
    char trace[WORKERS * ROUNDS + 1];
    size_t traced;
};
static struct shared g;
static int numbers[WORKERS];

static void shared_init(void)
{
    memset(&g, 0, sizeof g);
    lock_init(&g.lock, LOCK_INDEX);
    cond_init(&g.cond);
    rwlock_init(&g.rw, LOCK_CACHE);
    for (int i = 0; i < WORKERS; i++)
        numbers[i] = i;
}

static void shared_release(void)
{
    lock_release(&g.lock);
    cond_release(&g.cond);
    rwlock_release(&g.rw);
}

static void run_workers(void (*run)(void *arg))
{
    struct thread *t[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        t[i] = thread_start("worker", run, &numbers[i]);
    for (int i = 0; i < WORKERS; i++)
        thread_join(t[i]);
}

static void counting(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        lock_take(&g.lock);
        int seen = g.count;
        if (sched_running())
            clock_sleep_ns(1); /* others may run, but not take the lock */
        g.count = seen + 1;
        g.trace[g.traced++] = (char)('a' + *(int *)arg);
        lock_drop(&g.lock);
    }
}

static void lock_excludes(void **state)
{
    shared_init();
    run_workers(counting);
    assert_int_equal(g.count, WORKERS * ROUNDS);
    shared_release();
}

static void in_turn(void *arg)
{
    int number = *(int *)arg;
    for (int i = 0; i < ROUNDS; i++) {
        lock_take(&g.lock);
        while (g.turn % WORKERS != number)
            cond_wait(&g.cond, &g.lock);
        g.turn++;
        cond_broadcast(&g.cond);
        lock_drop(&g.lock);
    }
}

static void cond_hands_over(void **state)
{
    shared_init();
    run_workers(in_turn);
    assert_int_equal(g.turn, WORKERS * ROUNDS);
    shared_release();
}

static void reading_and_writing(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 4 == *(int *)arg % 4) {
            rwlock_write(&g.rw);
            g.writers++;
            assert_int_equal(g.writers, 1);
            if (sched_running())
                clock_sleep_ns(1);
            assert_int_equal(__atomic_load_n(&g.readers, __ATOMIC_RELAXED), 0);
            g.count++;
            g.writers--;
        } else {
            rwlock_read(&g.rw);
            __atomic_add_fetch(&g.readers, 1, __ATOMIC_RELAXED);
            if (sched_running())
                clock_sleep_ns(1);
            assert_int_equal(g.writers, 0);
            __atomic_sub_fetch(&g.readers, 1, __ATOMIC_RELAXED);
        }
        rwlock_drop(&g.rw);
    }
}

static void rwlock_excludes(void **state)
{
    shared_init();
    run_workers(reading_and_writing);
    assert_int_equal(g.count, WORKERS * ROUNDS / 4);
    shared_release();
}

static void wait_times_out(void **state)
{
    shared_init();
    lock_take(&g.lock);
    int64_t deadline = clock_mono_ns() + 2000000;
    while (cond_wait_until(&g.cond, &g.lock, deadline))
        ;
    assert_true(clock_mono_ns() >= deadline);
    assert_false(cond_wait_until(&g.cond, &g.lock, deadline - 1));
    lock_assert_held(&g.lock);
    lock_drop(&g.lock);
    shared_release();
}

static void seeded_runs_hold(void **state)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        sched_start(seed);
        assert_true(sched_running());
        lock_excludes(NULL);
        cond_hands_over(NULL);
        rwlock_excludes(NULL);
        wait_times_out(NULL);
        sched_stop();
        assert_false(sched_running());
    }
}

static void trace_of(uint64_t seed, char out[WORKERS * ROUNDS + 1])
{
    sched_start(seed);
    shared_init();
    run_workers(counting);
    memcpy(out, g.trace, sizeof g.trace);
    shared_release();
    sched_stop();
}

static void seed_replays(void **state)
{
    static char a[WORKERS * ROUNDS + 1], b[WORKERS * ROUNDS + 1];
    int differ = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        trace_of(seed, a);
        trace_of(seed, b);
        assert_string_equal(a, b);
        trace_of(seed + 1000, b);
        differ += strcmp(a, b) != 0;
    }
    assert_int_equal(differ, 20);
}

/* A day passes at once. */
static void virtual_time_jumps(void **state)
{
    const int64_t day = INT64_C(86400) * 1000000000;
    sched_start(3);
    int64_t start = clock_mono_ns(), wall = clock_wall_us();
    clock_sleep_ns(day);
    assert_true(clock_mono_ns() - start >= day);
    assert_true(clock_wall_us() - wall >= day / 1000);
    assert_true(clock_mono_ns() - start < day + 1000000000);
    sched_stop();
}

/* Run `f` in a child of its own that must end by abort(); what it printed goes to `out`. */
static void must_abort(void (*f)(void), char *out, size_t n)
{
    int fds[2], status = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(fds[1], 2);
        signal(SIGABRT, SIG_DFL);
        f();
        _exit(0);
    }
    close(fds[1]);
    size_t got = 0;
    for (ssize_t r; got < n - 1 && (r = read(fds[0], out + got, n - 1 - got)) > 0;)
        got += (size_t)r;
    out[got] = 0;
    close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void never_signalled(void *arg)
{
    lock_take(&g.lock);
    while (true)
        cond_wait(&g.cond, &g.lock);
}

static void make_deadlock(void)
{
    sched_start(1);
    shared_init();
    thread_join(thread_start("sleeper", never_signalled, NULL));
}

static void deadlock_is_reported(void **state)
{
    char text[4096];
    must_abort(make_deadlock, text, sizeof text);
    assert_non_null(strstr(text, "deadlock"));
    assert_non_null(strstr(text, "thread sleeper waits for condition"));
    assert_non_null(strstr(text, "thread 0 waits for the end of thread"));
}

static void take_against_order(void)
{
    struct lock early, late;
    lock_init(&early, LOCK_ENGINE);
    lock_init(&late, LOCK_LOG);
    lock_take(&late);
    lock_take(&early);
}

static void take_two_of_a_rank(void)
{
    struct lock a, b;
    lock_init(&a, LOCK_LEAF);
    lock_init(&b, LOCK_LEAF);
    lock_take(&a);
    lock_take(&b);
}

static void drop_what_is_not_held(void)
{
    struct lock l;
    lock_init(&l, LOCK_LEAF);
    lock_drop(&l);
}

static void bugs_abort(void **state)
{
    char text[4096];
    must_abort(take_against_order, text, sizeof text);
    assert_non_null(strstr(text, "rank_take"));
    must_abort(take_two_of_a_rank, text, sizeof text);
    assert_non_null(strstr(text, "rank_take"));
    must_abort(drop_what_is_not_held, text, sizeof text);
    assert_non_null(strstr(text, "lock_assert_held"));
}

static void locks_in_order(void **state)
{
    struct lock early, late;
    lock_init(&early, LOCK_ENGINE);
    lock_init(&late, LOCK_LOG);
    for (int i = 0; i < 2; i++) {
        lock_take(&early);
        lock_take(&late);
        lock_drop(i ? &early : &late); /* in any order */
        lock_drop(i ? &late : &early);
    }
    lock_release(&early);
    lock_release(&late);
}

static void look_at_signals(void *arg)
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    *(int *)arg =
        sigismember(&now, SIGTERM) && sigismember(&now, SIGINT) && !sigismember(&now, SIGSEGV);
}

static void threads_take_no_signals(void **state)
{
    int blocked = 0;
    sigset_t now;
    thread_join(thread_start("signals", look_at_signals, &blocked));
    assert_true(blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    assert_false(sigismember(&now, SIGTERM));
    assert_true(thread_cores() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lock_excludes),
        cmocka_unit_test(cond_hands_over),
        cmocka_unit_test(rwlock_excludes),
        cmocka_unit_test(wait_times_out),
        cmocka_unit_test(seeded_runs_hold),
        cmocka_unit_test(seed_replays),
        cmocka_unit_test(virtual_time_jumps),
        cmocka_unit_test(deadlock_is_reported),
        cmocka_unit_test(bugs_abort),
        cmocka_unit_test(locks_in_order),
        cmocka_unit_test(threads_take_no_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
