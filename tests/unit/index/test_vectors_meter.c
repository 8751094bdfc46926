/* The recall meter beside brute force, while the index changes, and as it holds its target. */
#include "../sanitized.h"
#include "base/arena.h"
#include "base/rng.h"
#include "base/thread.h"
#include "index/vectors_impl.h"
#include "math/dot.h"
#include "math/half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DIMS 128
#define DOCUMENTS (THREADS_ONLY ? 1000 : 6000)
#define CENTRES 50
#define K 10
#define PART 512

static struct rng rng;
static uint16_t rows[DOCUMENTS][DIMS];

static void row_near(uint32_t centre, float *x)
{
    struct rng c;
    rng_init(&c, 1000 + centre);
    for (uint32_t i = 0; i < DIMS; i++)
        x[i] = rng_normal(&c) + .5f * rng_normal(&rng);
    normalise_f32(x, DIMS);
}

static void put(struct vectors *v, uint32_t number, const float *x)
{
    half_from_f32(x, rows[number], DIMS);
    assert_int_equal(vectors_put(v, number, 1, rows[number], 1, NULL), 0);
}

static struct vectors *filled(void)
{
    struct vectors *v = vectors_new(DIMS);
    float x[DIMS];
    v->scan_rows = 300; /* as a large index is, with fewer rows */
    v->scan_to_walk = .01;
    for (uint32_t i = 0; i < DOCUMENTS; i++) {
        row_near((uint32_t)rng_below(&rng, CENTRES), x);
        put(v, i, x);
    }
    while (vectors_merge_step(v, 1000000000))
        ;
    return v;
}

static int float_down(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* A live search, and its recall by brute force. */
static double searched(struct vectors *v, const float *query, const struct docset *within)
{
    static float all[DOCUMENTS];
    struct vector_hit hits[K];
    size_t matches = 0, right = 0;
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        if (!within || docset_has(within, i))
            all[matches++] = dot_f16_f32(rows[i], query, DIMS);
    qsort(all, matches, sizeof *all, float_down);
    size_t n = vectors_search(v, query, K, within, false, hits);
    assert_int_equal(n, K < matches ? K : matches);
    for (size_t i = 0; i < n; i++)
        right += hits[i].cosine >= all[n - 1];
    return (double)right / (double)n;
}

/* Measures all there is. How many were walks. */
static unsigned measure(struct vectors *v, double target)
{
    unsigned walks = 0;
    for (enum vectors_measured m;
         (m = vectors_measure_step(v, target, PART)) != VECTORS_MEASURED_NOTHING;)
        walks += m == VECTORS_MEASURED_WALK || m == VECTORS_MEASURED_FILTERED;
    return walks;
}

static void search_near(struct vectors *v, const struct docset *within)
{
    struct vector_hit hits[K];
    float query[DIMS];
    row_near((uint32_t)rng_below(&rng, CENTRES), query);
    vectors_search(v, query, K, within, false, hits);
}

static void test_true_recall(void **state)
{
    rng_init(&rng, 1);
    struct vectors *v = filled();
    assert_true(vectors_recall(v).ratio == 1 && vectors_recall(v).samples == 0);
    struct docset half;
    docset_init(&half);
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        if (rng_below(&rng, 2))
            docset_add(&half, i);
    vectors_width_set(v, 16); /* so that something is missed */
    double sum = 0, plain = 0;
    for (int i = 0; i < 30; i++) {
        float query[DIMS];
        row_near((uint32_t)rng_below(&rng, CENTRES), query);
        sum += searched(v, query, i % 3 ? NULL : &half);
        plain = sum;
    }
    assert_true(plain < 29.9);
    assert_int_equal(measure(v, .5), 30);
    struct vectors_recall r = vectors_recall(v);
    assert_int_equal(r.samples, 30);
    assert_true(fabs(r.ratio - sum / 30) < 1e-9);
    assert_int_equal(r.width, 16);
    docset_release(&half);
    vectors_free(v);
}

/* Documents with the same row: which of them are found does not matter. */
static void test_ties(void **state)
{
    rng_init(&rng, 2);
    struct vectors *v = filled();
    float query[DIMS];
    row_near(3, query);
    for (uint32_t i = 0; i < 200; i++)
        put(v, i * 20, query);
    while (vectors_merge_step(v, 1000000000))
        ;
    struct vector_hit hits[K];
    assert_int_equal(vectors_search(v, query, K, NULL, false, hits), K);
    assert_int_equal(measure(v, .98), 1);
    assert_true(vectors_recall(v).ratio == 1);
    vectors_free(v);
}

/* Everything that was found goes, and nearer documents come, while it is scanned. */
static void test_changes(void **state)
{
    rng_init(&rng, 3);
    struct vectors *v = filled();
    vectors_width_set(v, 2048);
    struct vector_hit hits[K];
    float query[DIMS];
    for (int round = 0; round < 5; round++) {
        row_near((uint32_t)round, query);
        size_t n = vectors_search(v, query, K, NULL, false, hits);
        assert_int_equal(vectors_measure_step(v, .98, PART), VECTORS_MEASURED_PART);
        for (size_t i = 0; i < n; i++)
            vectors_delete(v, hits[i].number);
        for (uint32_t i = 0; i < 20; i++)
            put(v, (uint32_t)rng_below(&rng, DOCUMENTS), query);
        while (vectors_merge_step(v, 1000000000))
            ;
        assert_int_equal(measure(v, .98), 1);
        assert_true(vectors_recall(v).ratio == 1);
    }
    struct err_info e = {0};
    assert_int_equal(vectors_check(v, &e), 0);
    vectors_search(v, query, K, NULL, false, hits);
    assert_int_equal(vectors_measure_step(v, .98, PART), VECTORS_MEASURED_PART);
    vectors_free(v); /* in the middle of one */
}

static void test_target_held(void **state)
{
    rng_init(&rng, 4);
    struct vectors *v = filled();
    struct docset most;
    docset_init(&most);
    for (uint32_t i = 0; i < DOCUMENTS; i += 2)
        docset_add(&most, i);
    vectors_width_set(v, 16);
    double before = 0, after = 0;
    for (int i = 0; i < 200; i++) {
        float query[DIMS];
        row_near((uint32_t)rng_below(&rng, CENTRES), query);
        before += searched(v, query, NULL) / 200;
    }
    assert_true(before < .95);
    for (int i = 0; i < 1500; i++) {
        search_near(v, i % 2 ? &most : NULL);
        measure(v, .98);
    }
    for (int i = 0; i < 400; i++) {
        float query[DIMS];
        row_near((uint32_t)rng_below(&rng, CENTRES), query);
        after += searched(v, query, NULL) / 400;
    }
    assert_true(after >= .975);
    struct vectors_recall r = vectors_recall(v);
    assert_true(r.ratio > .97 && r.width > 16 && r.width_filtered > 16);
    assert_true(r.width < 1000);
    unsigned high = 4 * r.width;
    vectors_width_set(v, high);
    for (int i = 0; i < 1100; i++) {
        search_near(v, NULL);
        measure(v, .98);
    }
    assert_in_range(vectors_recall(v).width, high / 3, high * 8 / 10); /* two steps down */
    assert_int_equal(vectors_recall(v).width_filtered, high);          /* by itself */
    docset_release(&most);
    vectors_free(v);
}

/* Where walks became dearer than scans, scans answer; the width comes back. */
static void test_scan_for_width(void **state)
{
    rng_init(&rng, 5);
    struct vectors *v = filled();
    v->scan_to_walk = 10;
    vectors_width_set(v, 1000);
    for (int i = 0; i < 600; i++) {
        search_near(v, NULL);
        assert_int_equal(measure(v, .98), 0);
    }
    assert_int_equal(vectors_recall(v).width, 700);
    v->scan_to_walk = 1000; /* it would be a scan with any width: nothing is learnt */
    for (int i = 0; i < 600; i++) {
        search_near(v, NULL);
        assert_int_equal(measure(v, .98), 0);
    }
    assert_int_equal(vectors_recall(v).width, 700);
    assert_int_equal(vectors_recall(v).samples, 1200);
    assert_true(vectors_recall(v).ratio == 1);
    vectors_free(v);
}

/* Each search of a batch is as likely kept as another, and few are; exact ones are not. */
static void test_sample(void **state)
{
    rng_init(&rng, 6);
    struct vectors *v = filled();
    struct docset most;
    struct vector_hit hits[K];
    float query[DIMS] = {1};
    docset_init(&most);
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        docset_add(&most, i);
    size_t before = vectors_bytes(v), samples = 0;
    for (int batch = 0; batch < 8; batch++) {
        unsigned filtered = 0;
        for (int i = 0; i < 1000; i++) {
            vectors_search(v, query, K, i < 500 ? &most : NULL, false, hits);
            vectors_search(v, query, K, NULL, true, hits);
        }
        assert_true(vectors_bytes(v) < before + 128 * (DIMS * 4 + DOCUMENTS / 4));
        for (enum vectors_measured m;
             (m = vectors_measure_step(v, .5, DOCUMENTS)) != VECTORS_MEASURED_NOTHING;)
            filtered += m == VECTORS_MEASURED_FILTERED;
        samples += 32;
        assert_int_equal(vectors_recall(v).samples, samples);
        assert_in_range(filtered, 5, 27);
    }
    docset_release(&most);
    vectors_free(v);
}

/* Filters of millions of documents are kept up to some bytes. */
static void test_memory(void **state)
{
    rng_init(&rng, 7);
    struct vectors *v = filled();
    struct docset wide;
    docset_init(&wide);
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        docset_add(&wide, i);
    docset_add(&wide, 4u << 20); /* 512 KiB */
    size_t before = vectors_bytes(v);
    for (int i = 0; i < 100; i++)
        search_near(v, &wide);
    assert_true(vectors_bytes(v) > before + (2u << 20));
    assert_true(vectors_bytes(v) < before + (5u << 20));
    assert_true(measure(v, .98) > 0);
    docset_release(&wide);
    vectors_free(v);
}

/* --- searches, writers, merging and measuring beside each other --- */

struct shared {
    struct vectors *v;
    struct docset half;
    atomic_bool stop;
    atomic_uint measured;
};

static void searches_run(void *arg)
{
    struct shared *s = arg;
    struct rng r;
    struct vector_hit hits[K];
    rng_init(&r, (uintptr_t)&r);
    while (!atomic_load(&s->stop)) {
        float query[DIMS];
        for (int i = 0; i < DIMS; i++)
            query[i] = rng_normal(&r);
        normalise_f32(query, DIMS);
        vectors_search(s->v, query, K, rng_below(&r, 2) ? &s->half : NULL, false, hits);
    }
}

static void merging_run(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop))
        vectors_merge_step(s->v, 1000000);
}

static void measuring_run(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop)) {
        enum vectors_measured m = vectors_measure_step(s->v, .98, PART);
        if (m > VECTORS_MEASURED_PART)
            atomic_fetch_add(&s->measured, 1);
        struct vectors_recall r = vectors_recall(s->v);
        if (!(r.ratio >= 0 && r.ratio <= 1))
            abort();
    }
}

static void test_threads(void **state)
{
    rng_init(&rng, 8);
    struct shared s = {.v = filled()};
    struct thread *threads[4];
    docset_init(&s.half);
    for (uint32_t i = 0; i < DOCUMENTS; i += 2)
        docset_add(&s.half, i);
    threads[0] = thread_start("search-1", searches_run, &s);
    threads[1] = thread_start("search-2", searches_run, &s);
    threads[2] = thread_start("merging", merging_run, &s);
    threads[3] = thread_start("measuring", measuring_run, &s);
    for (int i = 0; i < (SLOW ? 500 : 3000) || atomic_load(&s.measured) < (SLOW ? 10 : 50); i++) {
        float x[DIMS];
        uint32_t number = (uint32_t)rng_below(&rng, DOCUMENTS);
        row_near((uint32_t)rng_below(&rng, CENTRES), x);
        if (i % 4)
            put(s.v, number, x);
        else
            vectors_delete(s.v, number);
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < 4; i++)
        thread_join(threads[i]);
    struct err_info e = {0};
    if (vectors_check(s.v, &e))
        fail_msg("%s", e.message);
    docset_release(&s.half);
    vectors_free(s.v);
}

int main(void)
{
    const struct CMUnitTest threads[] = {cmocka_unit_test(test_threads)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true_recall),    cmocka_unit_test(test_ties),
        cmocka_unit_test(test_changes),        cmocka_unit_test(test_target_held),
        cmocka_unit_test(test_scan_for_width), cmocka_unit_test(test_sample),
        cmocka_unit_test(test_memory),         cmocka_unit_test(test_threads),
    };
    if (THREADS_ONLY)
        return cmocka_run_group_tests(threads, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
