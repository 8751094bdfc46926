/* Queue and pool: each case runs once with real threads and then under many seeds. */
#include "test.h"
#include "base/clock.h"
#include "base/pool.h"
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 300, PUSHERS = 3, POPPERS = 3, EACH = 12, ITEMS = PUSHERS * EACH };

/* What happened, in order; under one lock, so that it is the same for the same schedule. */
static struct {
    struct lock lock;
    int64_t events[4096];
    size_t count;
} trace;

static void trace_add(int64_t event)
{
    lock_take(&trace.lock);
    assert_true(trace.count < sizeof trace.events / sizeof *trace.events);
    trace.events[trace.count++] = event;
    lock_drop(&trace.lock);
}

static void trace_reset(void)
{
    memset(&trace, 0, sizeof trace);
    lock_init(&trace.lock, LOCK_LEAF);
}

static void with_real_threads_and_seeds(unsigned real, void (*run)(void))
{
    static int64_t first[4096];
    for (unsigned i = 0; i < real; i++) {
        trace_reset();
        run();
    }
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        trace_reset();
        sched_start(seed);
        run();
        sched_stop();
        size_t count = trace.count;
        memcpy(first, trace.events, sizeof first);
        trace_reset();
        sched_start(seed);
        run();
        sched_stop();
        assert_int_equal(trace.count, count);
        assert_memory_equal(trace.events, first, count * sizeof *first);
    }
}

static struct queue *queue;
static int items[ITEMS], pusher_numbers[PUSHERS];
static int popped[ITEMS];

static void push_all(void *arg)
{
    int number = *(int *)arg;
    for (int i = 0; i < EACH; i++)
        assert_int_equal(queue_push(queue, &items[number * EACH + i]), ERR_OK);
}

static void pop_all(void *arg)
{
    int last[PUSHERS] = {-1, -1, -1};
    for (int *item; (item = arg ? queue_pop(queue) : queue_pop_until(queue, INT64_MAX));) {
        int which = (int)(item - items);
        popped[which]++; /* each item is popped by one: no lock */
        assert_true(which % EACH > last[which / EACH]);
        last[which / EACH] = which % EACH;
        trace_add(which);
    }
    assert_int_equal(queue_try_push(queue, &items[0]), ERR_CANCELLED); /* waited until then */
}

static void queue_case(void)
{
    struct thread *pushers[PUSHERS], *poppers[POPPERS];
    memset(popped, 0, sizeof popped);
    queue = queue_new(2);
    for (int i = 0; i < POPPERS; i++)
        poppers[i] = thread_start("pop", pop_all, i ? queue : NULL);
    for (int i = 0; i < PUSHERS; i++) {
        pusher_numbers[i] = i;
        pushers[i] = thread_start("push", push_all, &pusher_numbers[i]);
    }
    for (int i = 0; i < PUSHERS; i++)
        thread_join(pushers[i]);
    queue_close(queue);
    for (int i = 0; i < POPPERS; i++)
        thread_join(poppers[i]);
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(popped[i], 1);
    queue_free(queue);
}

static void queue_delivers_once_in_order(void **state)
{
    with_real_threads_and_seeds(20, queue_case);
}

static void push_until_closed(void *arg)
{
    enum err rc = ERR_OK;
    while (!rc)
        rc = queue_push(queue, arg);
    assert_int_equal(rc, ERR_CANCELLED);
}

/* Pushers wait at a full queue when it is closed; what is in it can still be popped. */
static void queue_close_case(void)
{
    struct thread *pushers[PUSHERS];
    queue = queue_new(4);
    for (int i = 0; i < PUSHERS; i++)
        pushers[i] = thread_start("push", push_until_closed, &items[i]);
    while (queue_count(queue) < 4)
        clock_sleep_ns(1000);
    queue_close(queue);
    for (int i = 0; i < PUSHERS; i++)
        thread_join(pushers[i]);
    int count = 0;
    for (int *item; (item = queue_pop(queue)); count++)
        trace_add(item - items);
    assert_int_equal(count, 4);
    assert_null(queue_try_pop(queue));
    queue_free(queue);
}

static void queue_closes_while_full(void **state)
{
    with_real_threads_and_seeds(20, queue_close_case);
}

static void queue_bounds(void **state)
{
    int a, b, c;
    struct queue *q = queue_new(2);
    assert_null(queue_try_pop(q));
    assert_int_equal(queue_try_push(q, &a), ERR_OK);
    assert_int_equal(queue_try_push(q, &b), ERR_OK);
    assert_int_equal(queue_try_push(q, &c), ERR_BUSY);
    assert_int_equal(queue_count(q), 2);
    assert_ptr_equal(queue_try_pop(q), &a);
    assert_ptr_equal(queue_pop_until(q, 0), &b);
    assert_null(queue_pop_until(q, clock_mono_ns() + 1000000));
    assert_int_equal(queue_try_push(q, &b), ERR_OK);
    queue_close(q);
    assert_int_equal(queue_try_push(q, &c), ERR_CANCELLED);
    assert_int_equal(queue_push(q, &c), ERR_CANCELLED);
    assert_ptr_equal(queue_pop(q), &b);
    assert_null(queue_pop(q));
    assert_null(queue_pop_until(q, INT64_MAX));
    queue_free(q);
}

static struct pool *pool;
static int done[2 * ITEMS];
static int numbers[2 * ITEMS];

static void job(void *arg)
{
    int number = *(int *)arg;
    __atomic_add_fetch(&done[number], 1, __ATOMIC_RELAXED);
    trace_add(number);
}

static void submit(enum lane lane, int number)
{
    numbers[number] = number;
    enum err rc;
    while ((rc = pool_submit(pool, lane, job, &numbers[number])) == ERR_BUSY)
        clock_sleep_ns(1000);
    assert_int_equal(rc, ERR_OK);
}

static void submit_bulk(void *arg)
{
    for (int i = 0; i < ITEMS; i++)
        submit(LANE_BULK, i);
}

static void submit_interactive(void *arg)
{
    for (int i = ITEMS; i < 2 * ITEMS; i++)
        submit(LANE_INTERACTIVE, i);
}

/* The lanes are full at times, and the pool is freed with work still queued. */
static void pool_case_of(unsigned threads)
{
    memset(done, 0, sizeof done);
    pool = pool_new("test", threads, 5);
    struct thread *a = thread_start("bulk", submit_bulk, NULL);
    struct thread *b = thread_start("interactive", submit_interactive, NULL);
    thread_join(a);
    thread_join(b);
    pool_free(pool);
    for (int i = 0; i < 2 * ITEMS; i++)
        assert_int_equal(done[i], 1);
}

static void pool_case_many(void)
{
    pool_case_of(3);
}

static void pool_case_one(void)
{
    int64_t last[2] = {-1, -1};
    pool_case_of(1);
    assert_int_equal(trace.count, 2 * ITEMS);
    for (size_t i = 0; i < trace.count; i++) {
        int lane = trace.events[i] >= ITEMS;
        assert_true(trace.events[i] > last[lane]);
        last[lane] = trace.events[i];
    }
}

static void pool_runs_each_once(void **state)
{
    with_real_threads_and_seeds(20, pool_case_many);
}

static void pool_keeps_order_in_a_lane(void **state)
{
    with_real_threads_and_seeds(20, pool_case_one);
}

static struct gate {
    struct lock lock;
    struct cond cond;
    bool entered, open;
} gate;

static void wait_at_gate(void *arg)
{
    lock_take(&gate.lock);
    gate.entered = true;
    cond_broadcast(&gate.cond);
    while (!gate.open)
        cond_wait(&gate.cond, &gate.lock);
    lock_drop(&gate.lock);
}

static void gate_wait_entered(void)
{
    lock_take(&gate.lock);
    while (!gate.entered)
        cond_wait(&gate.cond, &gate.lock);
    lock_drop(&gate.lock);
}

static void gate_open(void)
{
    lock_take(&gate.lock);
    gate.open = true;
    cond_broadcast(&gate.cond);
    lock_drop(&gate.lock);
}

/* While the only worker is held, both lanes fill; then the interactive one goes first. */
static void pool_lane_case(void)
{
    memset(&gate, 0, sizeof gate);
    lock_init(&gate.lock, LOCK_INDEX);
    cond_init(&gate.cond);
    for (int i = 0; i < 8; i++)
        numbers[i] = i;
    pool = pool_new("lanes", 1, 4);
    assert_int_equal(pool_threads(pool), 1);
    assert_int_equal(pool_submit(pool, LANE_BULK, wait_at_gate, NULL), ERR_OK);
    gate_wait_entered();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pool_submit(pool, LANE_BULK, job, &numbers[4 + i]), ERR_OK);
    assert_int_equal(pool_submit(pool, LANE_BULK, job, &numbers[0]), ERR_BUSY);
    assert_int_equal(pool_depth(pool, LANE_BULK), 4);
    assert_int_equal(pool_depth(pool, LANE_INTERACTIVE), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pool_submit(pool, LANE_INTERACTIVE, job, &numbers[i]), ERR_OK);
    gate_open();
    pool_free(pool);
    assert_int_equal(trace.count, 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(trace.events[i], i);
    cond_release(&gate.cond);
    lock_release(&gate.lock);
}

static void pool_interactive_goes_first(void **state)
{
    with_real_threads_and_seeds(20, pool_lane_case);
}

static void submit_again(void *arg)
{
    gate_wait_entered();
    enum err rc;
    while ((rc = pool_submit(pool, LANE_BULK, job, &numbers[0])) != ERR_CANCELLED)
        clock_sleep_ns(1000); /* until the pool stops */
    trace_add(-1);
}

static void pool_stop_case(void)
{
    memset(&gate, 0, sizeof gate);
    lock_init(&gate.lock, LOCK_INDEX);
    cond_init(&gate.cond);
    pool = pool_new("stop", 2, 4);
    assert_int_equal(pool_submit(pool, LANE_BULK, submit_again, NULL), ERR_OK);
    gate.open = true;
    assert_int_equal(pool_submit(pool, LANE_BULK, wait_at_gate, NULL), ERR_OK);
    pool_free(pool);
    assert_int_equal(trace.events[trace.count - 1], -1);
    cond_release(&gate.cond);
    lock_release(&gate.lock);
}

static void pool_refuses_when_stopping(void **state)
{
    trace_reset();
    for (uint64_t seed = 0; seed < 50; seed++) {
        trace_reset();
        sched_start(seed);
        pool_stop_case();
        sched_stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_bounds),
        cmocka_unit_test(queue_delivers_once_in_order),
        cmocka_unit_test(queue_closes_while_full),
        cmocka_unit_test(pool_runs_each_once),
        cmocka_unit_test(pool_keeps_order_in_a_lane),
        cmocka_unit_test(pool_interactive_goes_first),
        cmocka_unit_test(pool_refuses_when_stopping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
