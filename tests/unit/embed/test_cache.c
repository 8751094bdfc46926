#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "base/thread.h"
#include "embed/cache.h"
#include "embed/memo.h"
#include <stdlib.h>
#include <string.h>

enum { DIMS = 384 };

static void key_of(uint64_t i, uint8_t key[EMBED_KEY])
{
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, &i, sizeof i);
    sha256_end(&s, key);
}

/* The vector of number i. */
static const float *vector_of(uint64_t i, unsigned dims)
{
    static _Thread_local float v[4096];
    for (unsigned d = 0; d < dims; d++)
        v[d] = (float)(i % 1000) + (float)d;
    return v;
}

static void put(struct cache *c, uint64_t i, unsigned dims)
{
    uint8_t key[EMBED_KEY];
    key_of(i, key);
    cache_put(c, key, dims, vector_of(i, dims), (unsigned)(i % 100));
}

static bool get(struct cache *c, uint64_t i, unsigned dims)
{
    uint8_t key[EMBED_KEY];
    float out[4096];
    unsigned tokens = 0;
    key_of(i, key);
    if (!cache_get(c, key, dims, out, &tokens))
        return false;
    assert_memory_equal(out, vector_of(i, dims), dims * sizeof *out);
    assert_int_equal(tokens, i % 100);
    return true;
}

/* --- the cache alone --- */

static void test_holds_what_it_says(void **state)
{
    struct cache *c = cache_new(16 << 20); /* the default of the configuration */
    for (uint64_t i = 0; i < 1000; i++)
        put(c, i, 1024);
    assert_int_equal(cache_count(c), 1000);
    for (uint64_t i = 0; i < 1000; i++)
        assert_true(get(c, i, 1024));
    assert_false(get(c, 1000, 1024));
    assert_false(get(c, 5, DIMS)); /* not of these dims */
    put(c, 5, 1024);               /* again */
    assert_int_equal(cache_count(c), 1000);
    cache_check(c);
    for (uint64_t i = 1000; i < 60000; i++)
        put(c, i, DIMS);
    assert_true(cache_bytes(c) <= 16 << 20);
    assert_true(cache_bytes(c) > (15 << 20) && cache_count(c) > 8000);
    cache_check(c);
    cache_free(c);
}

static void test_small_ones(void **state)
{
    struct cache *c = cache_new(3000);
    put(c, 1, DIMS);
    put(c, 2, 4096); /* larger than all of it: not taken, and nothing goes for it */
    assert_false(get(c, 2, 4096));
    assert_true(get(c, 1, DIMS));
    put(c, 3, DIMS);
    assert_true(get(c, 3, DIMS));
    assert_int_equal(cache_count(c), 1);
    cache_check(c);
    cache_free(c);
    cache_free(NULL);
}

/* What is asked again and again stays while what is asked once passes through. */
static void test_the_popular_stay(void **state)
{
    enum { HOT = 50, ROOM = 200 };
    struct cache *c = cache_new(ROOM * 1700);
    size_t hits = 0, asked = 0;
    for (uint64_t i = 0; i < HOT; i++)
        put(c, i, DIMS);
    for (uint64_t i = 0; i < 5000; i++) {
        put(c, 1000 + i, DIMS);
        bool hit = get(c, i % HOT, DIMS);
        hits += hit;
        asked++;
        if (!hit)
            put(c, i % HOT, DIMS);
    }
    assert_true(hits == asked); /* first in, first out keeps none of them for long */
    cache_check(c);
    cache_free(c);
}

static void test_random_deeds(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng r;
        rng_init(&r, seed);
        struct cache *c = cache_new(4000 + rng_below(&r, 100000));
        for (int i = 0; i < 2000; i++) {
            uint64_t number = rng_below(&r, 300);
            unsigned dims = number % 3 ? 64 : 512;
            if (rng_below(&r, 2))
                put(c, number, dims);
            else
                (void)get(c, number, dims);
            if (i % 100 == 0)
                cache_check(c);
        }
        cache_check(c);
        cache_free(c);
    }
}

/* --- claims --- */

static struct claim claim_of(uint64_t i, enum lane lane, float *out, struct cond *wake)
{
    struct claim c = {.lane = lane, .dims = DIMS, .out = out, .wake = wake};
    key_of(i, c.key);
    return c;
}

static void test_lanes_of_claims(void **state)
{
    struct memo *m = memo_new(1 << 20);
    struct cond wake;
    float out[4][DIMS];
    cond_init(&wake);
    struct claim bulk = claim_of(1, LANE_BULK, out[0], &wake);
    struct claim query = claim_of(1, LANE_INTERACTIVE, out[1], &wake);
    struct claim bulk_two = claim_of(1, LANE_BULK, out[2], &wake);
    struct claim query_two = claim_of(1, LANE_INTERACTIVE, out[3], &wake);
    assert_int_equal(memo_ask(m, &bulk), CLAIM_LEADS);
    assert_int_equal(memo_ask(m, &query), CLAIM_LEADS); /* does not wait for the import */
    assert_int_equal(memo_ask(m, &bulk_two), CLAIM_WAITS);
    assert_int_equal(memo_ask(m, &query_two), CLAIM_WAITS);
    memo_serve(m, &query, vector_of(1, DIMS), 7);
    assert_int_equal(query_two.state, CLAIM_SERVED);
    assert_int_equal(query_two.tokens, 7);
    assert_memory_equal(out[3], vector_of(1, DIMS), sizeof out[3]);
    memo_serve(m, &bulk, vector_of(1, DIMS), 7);
    assert_int_equal(bulk_two.state, CLAIM_SERVED);
    memo_leave(m, &bulk, 1);
    memo_free(m);
    cond_release(&wake);
}

static void test_what_is_kept(void **state)
{
    struct memo *m = memo_new(1 << 20);
    struct cond wake;
    float out[DIMS];
    cond_init(&wake);
    for (int round = 0; round < 2; round++) {
        struct claim bulk = claim_of(1, LANE_BULK, out, &wake);
        assert_int_equal(memo_ask(m, &bulk), CLAIM_LEADS); /* both times */
        memo_serve(m, &bulk, vector_of(1, DIMS), 7);
        struct claim query = claim_of(2, LANE_INTERACTIVE, out, &wake);
        assert_int_equal(memo_ask(m, &query), round ? CLAIM_SERVED : CLAIM_LEADS);
        if (!round)
            memo_serve(m, &query, vector_of(2, DIMS), 7);
    }
    struct claim bulk = claim_of(2, LANE_BULK, out, &wake); /* bulk looks up too */
    assert_int_equal(memo_ask(m, &bulk), CLAIM_SERVED);
    memo_free(m);
    cond_release(&wake);
}

static void test_a_leader_that_gives_up(void **state)
{
    struct memo *m = memo_new(1 << 20);
    struct cond wake;
    float out[3][DIMS];
    cond_init(&wake);
    struct claim c[3];
    for (int i = 0; i < 3; i++)
        c[i] = claim_of(1, LANE_INTERACTIVE, out[i], &wake);
    assert_int_equal(memo_ask(m, &c[0]), CLAIM_LEADS);
    assert_int_equal(memo_ask(m, &c[1]), CLAIM_WAITS);
    assert_int_equal(memo_ask(m, &c[2]), CLAIM_WAITS);
    assert_int_equal(memo_wait(m, &c[1], 1, clock_mono_ns() + 1000), ERR_TIMEOUT);
    memo_leave(m, &c[1], 1); /* its own deadline: the others go on */
    memo_leave(m, &c[0], 1);
    assert_int_equal(memo_wait(m, &c[2], 1, 0), ERR_OK);
    assert_int_equal(c[2].state, CLAIM_NONE);
    assert_int_equal(memo_ask(m, &c[2]), CLAIM_LEADS);
    memo_serve(m, &c[2], vector_of(1, DIMS), 7);
    memo_free(m);
    cond_release(&wake);
}

/* --- many threads that ask for the same --- */

enum { ASKERS = 6, KEYS = 8, SEEDS = 60 };

struct asker {
    struct memo *memo;
    uint64_t seed;
    unsigned computed, gave_up, wrong;
    unsigned *computed_of; /* by key, atomic */
};

/* All keys in an order of its own, each computed by whoever leads; now and then a leader gives up
 * first. */
static void ask(void *arg)
{
    struct asker *k = arg;
    struct rng r;
    struct cond wake;
    float out[DIMS];
    rng_init(&r, k->seed);
    cond_init(&wake);
    for (unsigned i = 0; i < KEYS; i++) {
        uint64_t key = (i + k->seed) % KEYS;
        struct claim c = claim_of(key, LANE_INTERACTIVE, out, &wake);
        while (c.state == CLAIM_NONE) {
            if (memo_ask(k->memo, &c) == CLAIM_LEADS) {
                clock_sleep_ns(1000);
                if (rng_below(&r, 4) == 0) {
                    k->gave_up++;
                    memo_leave(k->memo, &c, 1);
                } else {
                    __atomic_fetch_add(&k->computed_of[key], 1, __ATOMIC_RELAXED);
                    memcpy(out, vector_of(key, DIMS), sizeof out);
                    memo_serve(k->memo, &c, out, 7);
                }
            } else if (memo_wait(k->memo, &c, 1, 0)) {
                k->wrong++;
            }
        }
        k->wrong += memcmp(out, vector_of(key, DIMS), sizeof out) != 0;
    }
    cond_release(&wake);
}

static unsigned ask_all(uint64_t seed)
{
    struct memo *m = memo_new(1 << 20);
    struct thread *threads[ASKERS];
    struct asker askers[ASKERS];
    unsigned computed_of[KEYS] = {0}, gave_up = 0;
    for (unsigned i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.memo = m, .seed = seed * 100 + i, .computed_of = computed_of};
        threads[i] = thread_start("asker", ask, &askers[i]);
    }
    for (unsigned i = 0; i < ASKERS; i++) {
        thread_join(threads[i]);
        assert_int_equal(askers[i].wrong, 0);
        gave_up += askers[i].gave_up;
    }
    for (unsigned i = 0; i < KEYS; i++)
        assert_int_equal(computed_of[i], 1);
    memo_free(m);
    return gave_up;
}

static void test_computed_once_seeded(void **state)
{
    unsigned gave_up = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        sched_start(seed);
        gave_up += ask_all(seed);
        sched_stop();
    }
    assert_true(gave_up > SEEDS);
}

static void test_computed_once(void **state)
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        ask_all(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_what_it_says),     cmocka_unit_test(test_small_ones),
        cmocka_unit_test(test_the_popular_stay),       cmocka_unit_test(test_random_deeds),
        cmocka_unit_test(test_lanes_of_claims),        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_a_leader_that_gives_up), cmocka_unit_test(test_computed_once_seeded),
        cmocka_unit_test(test_computed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
