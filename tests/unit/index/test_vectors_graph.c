/* The vector index with a graph behind it: recall and completeness under changes, merging and
 * filters; saving in the middle of it; damaged files. test_vectors.c has the exact scan. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/thread.h"
#include "../sanitized.h"
#include "index/vectors_impl.h"
#include "math/dot.h"
#include "math/half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define DIMS 48
#define DOCUMENTS (THREADS_ONLY ? 1000 : 3000)
#define CENTRES 40
#define PASSAGES_MAX 3
#define K 10

static struct rng rng;

/* What the index should hold. */
static struct document {
    uint32_t count, centre;
    uint64_t revision;
    uint16_t rows[PASSAGES_MAX][DIMS];
} documents[DOCUMENTS];

/* As a large index is, with fewer rows. */
static void limits_lower(struct vectors *v)
{
    v->scan_rows = 300;
    v->scan_to_walk = .1;
    vectors_width_set(v, 256);
}

static void row_near(uint32_t centre, float *x)
{
    struct rng c;
    rng_init(&c, 1000 + centre);
    for (uint32_t i = 0; i < DIMS; i++)
        x[i] = rng_normal(&c) + .6f * rng_normal(&rng);
    normalise_f32(x, DIMS);
}

static void put(struct vectors *v, uint32_t number)
{
    struct document *d = &documents[number];
    float x[DIMS];
    d->centre = (uint32_t)rng_below(&rng, CENTRES);
    d->count = rng_below(&rng, 4) ? 1 : 1 + (uint32_t)rng_below(&rng, PASSAGES_MAX);
    d->revision++;
    for (uint32_t p = 0; p < d->count; p++) {
        row_near(d->centre, x);
        half_from_f32(x, d->rows[p], DIMS);
    }
    assert_int_equal(vectors_put(v, number, d->revision, d->rows[0], d->count, NULL), 0);
}

static void delete_at(struct vectors *v, uint32_t number)
{
    documents[number].count = 0;
    vectors_delete(v, number);
}

static void merge_all(struct vectors *v)
{
    while (vectors_merge_step(v, 1000000000))
        ;
}

static struct vectors *filled(void)
{
    struct vectors *v = vectors_new(DIMS);
    memset(documents, 0, sizeof documents);
    limits_lower(v);
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        put(v, i);
    return v;
}

static void check(struct vectors *v)
{
    struct err_info e = {0};
    if (vectors_check(v, &e))
        fail_msg("%s", e.message);
}

/* --- against brute force --- */

static float best_of(uint32_t number, const float *query, uint32_t *passage)
{
    float best = -INFINITY;
    for (uint32_t p = 0; p < documents[number].count; p++) {
        float c = dot_f16_f32(documents[number].rows[p], query, DIMS);
        if (c > best) {
            best = c;
            *passage = p;
        }
    }
    return best;
}

static int float_down(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

struct score {
    size_t right, wanted;
};

static void floor_hold(const struct score *s, double least, const char *what)
{
    if ((double)s->right < least * (double)s->wanted)
        fail_msg("%s: recall %.4f", what, (double)s->right / (double)s->wanted);
}

/* The answer is complete, live, in order, with the true scores; how many of it belong there. */
static void search_check(struct vectors *v, const float *query, size_t k,
                         const struct docset *within, struct score *s)
{
    static float all[DOCUMENTS];
    static struct vector_hit hits[DOCUMENTS];
    size_t matches = 0;
    uint32_t passage = 0;
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        if (documents[i].count && (!within || docset_has(within, i)))
            all[matches++] = best_of(i, query, &passage);
    qsort(all, matches, sizeof *all, float_down);
    size_t n = vectors_search(v, query, k, within, false, hits);
    assert_int_equal(n, k < matches ? k : matches);
    for (size_t i = 0; i < n; i++) {
        assert_true(hits[i].number < DOCUMENTS && documents[hits[i].number].count);
        assert_true(!within || docset_has(within, hits[i].number));
        assert_true(hits[i].cosine == best_of(hits[i].number, query, &passage));
        assert_int_equal(hits[i].passage, passage);
        assert_int_equal(hits[i].revision, documents[hits[i].number].revision);
        assert_true(i == 0 || hits[i - 1].cosine > hits[i].cosine ||
                    (hits[i - 1].cosine == hits[i].cosine && hits[i - 1].number < hits[i].number));
        s->right += hits[i].cosine >= all[n - 1];
    }
    s->wanted += n;
}

enum filter { SHARE_50, SHARE_20, SHARE_5, SHARE_1, SHARE_0, CLUSTERS, OWN, ELSEWHERE, FILTERS };
static const char *const filter_names[] = {
    "50 %", "20 %", "5 %", "1 %", "a few", "whole clusters", "its own cluster", "elsewhere"};

static void filter_make(struct docset *d, enum filter f, uint32_t own)
{
    static const uint32_t share[] = {5000, 2000, 500, 100, 10};
    docset_init(d);
    for (uint32_t i = 0; i < DOCUMENTS; i++) {
        uint32_t c = documents[i].centre;
        bool in = f <= SHARE_0    ? rng_below(&rng, 10000) < share[f]
                  : f == CLUSTERS ? (c + CENTRES - own) % CENTRES < 8
                  : f == OWN      ? c == own
                                  : c != own;
        if (in && documents[i].count)
            docset_add(d, i);
    }
}

static void filters_check(struct vectors *v, struct score *scores)
{
    for (enum filter f = 0; f < FILTERS; f++) {
        struct docset d;
        float query[DIMS];
        uint32_t own = (uint32_t)rng_below(&rng, CENTRES);
        filter_make(&d, f, own);
        for (int q = 0; q < 4; q++) {
            row_near(own, query);
            search_check(v, query, K, &d, &scores[f]);
        }
        docset_release(&d);
    }
}

static void test_random(void **state)
{
    rng_init(&rng, 1);
    struct vectors *v = filled();
    struct score scores[FILTERS] = {0}, all = {0}, many = {0};
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 150; i++) {
            uint32_t number = (uint32_t)rng_below(&rng, DOCUMENTS);
            if (rng_below(&rng, 3))
                put(v, number);
            else
                delete_at(v, number);
            if (rng_below(&rng, 2))
                vectors_merge_step(v, (int64_t)rng_below(&rng, 3000000));
        }
        for (int q = 0; q < 10; q++) {
            float query[DIMS];
            row_near((uint32_t)rng_below(&rng, CENTRES), query);
            search_check(v, query, K, NULL, &all);
            search_check(v, query, 100, NULL, &many);
        }
        search_check(v, (float[DIMS]){1}, DOCUMENTS, NULL, &many); /* everything */
        filters_check(v, scores);
        if (round % 10 == 9)
            check(v);
        if (round % 10 == 4) /* however slow the machine is */
            merge_all(v);
    }
    assert_true(graph_count(v->graph) > DOCUMENTS / 2); /* or nothing was tried */
    floor_hold(&all, .97, "all");
    floor_hold(&many, .97, "k 100");
    for (enum filter f = 0; f < FILTERS; f++)
        floor_hold(&scores[f], .97, filter_names[f]);
    vectors_free(v);
}

/* --- every selectivity, of every kind --- */

enum kind { AT_RANDOM, FOLLOWING, NOT_OWN, KINDS };

/* `want` documents: at random; whole clusters, the query's own first; at random, but none of its
 * own. */
static void share_make(struct docset *d, enum kind kind, uint32_t want, uint32_t own)
{
    docset_init(d);
    for (uint32_t c = 0; kind == FOLLOWING && c < CENTRES; c++)
        for (uint32_t i = 0; i < DOCUMENTS && d->count < want; i++)
            if (documents[i].centre == (own + c) % CENTRES)
                docset_add(d, i);
    while (d->count < want) {
        uint32_t i = (uint32_t)rng_below(&rng, DOCUMENTS);
        if (kind == AT_RANDOM || documents[i].centre != own)
            docset_add(d, i);
    }
}

static void cell_check(struct vectors *v, enum kind kind, double share, double least)
{
    static const char *const names[] = {"at random", "following clusters", "not its own cluster"};
    struct score s = {0};
    char what[64];
    uint32_t want = (uint32_t)(share * DOCUMENTS);
    for (int q = 0; q < 30; q++) {
        struct docset d;
        float query[DIMS];
        uint32_t own = (uint32_t)rng_below(&rng, CENTRES);
        share_make(&d, kind, want ? want : 1, own);
        row_near(own, query);
        search_check(v, query, K, &d, &s);
        docset_release(&d);
    }
    snprintf(what, sizeof what, "%g %% %s", 100 * share, names[kind]);
    floor_hold(&s, least, what);
}

static const double shares[] = {.5, .1, .01, .001, .0001};

static void ways_since(struct vectors *v, uint64_t ways[VECTORS_WAYS])
{
    uint64_t before[VECTORS_WAYS];
    memcpy(before, ways, sizeof before);
    vectors_ways(v, ways);
    for (int i = 0; i < VECTORS_WAYS; i++)
        before[i] = ways[i] - before[i];
    memcpy(ways, before, sizeof before);
}

/* As the planner chooses; and without a scan but where walks give up. */
static void test_shares(void **state)
{
    rng_init(&rng, 7);
    struct vectors *v = filled();
    merge_all(v);
    for (int forced = 0; forced < 2; forced++) {
        if (forced)
            v->scan_to_walk = 0;
        for (enum kind kind = 0; kind < KINDS; kind++)
            for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
                uint64_t ways[VECTORS_WAYS];
                vectors_ways(v, ways);
                cell_check(v, kind, shares[i], .97);
                ways_since(v, ways);
                if (shares[i] == .5 && kind != NOT_OWN) /* there a walk must see most of so few */
                    assert_in_range(ways[VECTORS_WALKED], 15, 30);
                else if (shares[i] <= .01 && !forced)
                    assert_int_equal(ways[VECTORS_SCANNED], 30);
            }
    }
    vectors_free(v);
}

/* Deletes beyond what walks are asked for: ended slots are met everywhere until they are merged
 * out. */
static void test_mass_delete(void **state)
{
    rng_init(&rng, 2);
    struct vectors *v = filled();
    struct score s = {0};
    float query[DIMS];
    merge_all(v);
    assert_int_equal(vectors_tail(v), 0);
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        if (documents[i].centre < CENTRES - 4)
            delete_at(v, i);
    for (int merged = 0; merged < 2; merged++) {
        for (uint32_t c = 0; c < CENTRES; c++) {
            row_near(c, query);
            search_check(v, query, K, NULL, &s);
        }
        check(v);
        merge_all(v);
    }
    floor_hold(&s, .97, "after deleting most");
    assert_int_equal(graph_count(v->graph), vectors_count(v));
    vectors_free(v);
}

/* A document of 500 passages, all nearer than anything else. */
static void test_starving(void **state)
{
    rng_init(&rng, 3);
    struct vectors *v = filled();
    static uint16_t rows[500][DIMS];
    static struct vector_hit hits[DOCUMENTS], exact[DOCUMENTS];
    float query[DIMS], x[DIMS];
    row_near(7, query);
    for (int p = 0; p < 500; p++) {
        for (int i = 0; i < DIMS; i++)
            x[i] = query[i] + .01f * rng_normal(&rng);
        normalise_f32(x, DIMS);
        half_from_f32(x, rows[p], DIMS);
    }
    assert_int_equal(vectors_put(v, DOCUMENTS, 9, rows[0], 500, NULL), 0);
    merge_all(v);
    for (size_t k = 1; k <= 100; k *= 10) {
        assert_int_equal(vectors_search(v, query, k, NULL, false, hits), k);
        assert_int_equal(vectors_search(v, query, k, NULL, true, exact), k);
        assert_int_equal(hits[0].number, DOCUMENTS);
        size_t right = 0;
        for (size_t i = 0; i < k; i++)
            right += hits[i].cosine >= exact[k - 1].cosine;
        assert_true(hits[0].passage == exact[0].passage && hits[0].cosine == exact[0].cosine);
        assert_true((double)right >= .95 * (double)k);
    }
    vectors_free(v);
}

/* --- readers, a writer and merging beside each other --- */

struct shared {
    struct vectors *v;
    atomic_bool stop;
    atomic_long searches;
};

/* Rows tell their revision: the first coordinate does not, the length of the second does. */
static void told_put(struct vectors *v, uint32_t number, uint64_t revision)
{
    uint16_t rows[2][DIMS] = {{0}};
    float x[DIMS];
    uint32_t count = 1 + (uint32_t)(revision % 2);
    for (uint32_t p = 0; p < count; p++) {
        row_near(number % CENTRES, x);
        x[0] = (float)(revision % 1000) / 2000;
        half_from_f32(x, rows[p], DIMS);
    }
    assert_int_equal(vectors_put(v, number, revision, rows[0], count, NULL), 0);
}

static void read_loop(void *arg)
{
    struct shared *s = arg;
    struct vector_hit hits[20], again;
    struct docset within;
    docset_init(&within);
    for (uint32_t i = 0; i < DOCUMENTS; i += 3)
        docset_add(&within, i);
    for (long i = 0; !atomic_load(&s->stop); i++) {
        float query[DIMS] = {0};
        query[i % DIMS] = 1;
        size_t n = vectors_search(s->v, query, 20, i % 2 ? &within : NULL, false, hits);
        assert_int_equal(n, 20);
        for (size_t j = 0; j < n; j++) {
            assert_true(hits[j].number < DOCUMENTS);
            assert_true(i % 2 == 0 || hits[j].number % 3 == 0);
            for (size_t other = 0; other < j; other++)
                assert_true(hits[other].number != hits[j].number);
            if (i % DIMS == 0)
                assert_true(hits[j].cosine ==
                            half_to_float(half_of_float((float)(hits[j].revision % 1000) / 2000)));
        }
        vectors_score(s->v, query, &hits[0].number, 1, &again);
        assert_true(!isnan(again.cosine));
        vectors_mean_cosine(s->v, 3, 1);
        atomic_fetch_add(&s->searches, 1);
    }
    docset_release(&within);
}

static void merge_loop(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop))
        if (!vectors_merge_step(s->v, 2000000))
            clock_sleep_ns(100000);
}

static void save_loop(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop)) {
        char path[] = "/tmp/akin-vectors-XXXXXX";
        struct file *f = NULL;
        struct vectors *y = NULL;
        uint64_t offset = 0;
        close(mkstemp(path));
        assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), 0);
        assert_int_equal(vectors_save(s->v, f, NULL), 0);
        assert_int_equal(vectors_load(f, &offset, &y, NULL), 0);
        check(y);
        vectors_free(y);
        file_close(f);
        unlink(path);
    }
}

static void test_threads(void **state)
{
    struct shared s = {.v = vectors_new(DIMS)};
    struct thread *threads[4];
    rng_init(&rng, 4);
    limits_lower(s.v);
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        told_put(s.v, i, i);
    threads[0] = thread_start("reader", read_loop, &s);
    threads[1] = thread_start("reader", read_loop, &s);
    threads[2] = thread_start("merger", merge_loop, &s);
    threads[3] = thread_start("saver", save_loop, &s);
    for (uint64_t i = DOCUMENTS;
         i < DOCUMENTS + (SLOW ? 1500 : 5000) || atomic_load(&s.searches) < (SLOW ? 100 : 400);
         i++) {
        told_put(s.v, (uint32_t)rng_below(&rng, DOCUMENTS), i);
        if (i % 16 == 0)
            clock_sleep_ns(1000000);
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < 4; i++)
        thread_join(threads[i]);
    check(s.v);
    merge_all(s.v);
    check(s.v);
    assert_int_equal(vectors_documents(s.v), DOCUMENTS);
    vectors_free(s.v);
}

/* --- files --- */

static struct file *saved(struct vectors *v, char *path)
{
    struct file *f = NULL;
    close(mkstemp(path));
    assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), 0);
    assert_int_equal(vectors_save(v, f, NULL), 0);
    return f;
}

/* In the middle of merging, with ended slots in tail and graph: the loaded one answers as this. */
static void test_reload(void **state)
{
    rng_init(&rng, 5);
    struct vectors *v = filled();
    struct score s = {0};
    for (int round = 0; round < 8; round++) {
        char path[] = "/tmp/akin-vectors-XXXXXX";
        uint64_t offset = 0, size = 0;
        struct vectors *y = NULL;
        for (int i = 0; i < 300; i++) {
            uint32_t number = (uint32_t)rng_below(&rng, DOCUMENTS);
            if (rng_below(&rng, 3))
                put(v, number);
            else
                delete_at(v, number);
        }
        for (int i = 0; i < 5 * round; i++)
            vectors_merge_step(v, 1000000);
        struct file *f = saved(v, path);
        assert_int_equal(vectors_load(f, &offset, &y, NULL), 0);
        assert_int_equal(file_size(f, &size, NULL), 0);
        assert_int_equal(offset, size);
        file_close(f);
        unlink(path);
        assert_int_equal(vectors_documents(y), vectors_documents(v));
        assert_int_equal(vectors_count(y), vectors_count(v));
        limits_lower(y);
        check(y);
        vectors_free(v);
        v = y;
        for (int q = 0; q < 20; q++) {
            float query[DIMS];
            row_near((uint32_t)rng_below(&rng, CENTRES), query);
            search_check(v, query, K, NULL, &s);
        }
    }
    floor_hold(&s, .97, "reloaded");
    vectors_free(v);
}

/* A flipped bit or a cut anywhere: refused, and nothing else happens. */
static void test_damaged(void **state)
{
    rng_init(&rng, 6);
    struct vectors *v = vectors_new(8);
    char path[] = "/tmp/akin-vectors-XXXXXX";
    limits_lower(v);
    for (uint32_t i = 0; i < 400; i++) {
        float x[8];
        uint16_t half[8];
        for (int j = 0; j < 8; j++)
            x[j] = rng_normal(&rng);
        normalise_f32(x, 8);
        half_from_f32(x, half, 8);
        assert_int_equal(vectors_put(v, i, 1, half, 1, NULL), 0);
    }
    merge_all(v);
    struct file *f = saved(v, path);
    uint64_t size = 0;
    char *bytes = NULL;
    size_t n = 0;
    assert_int_equal(file_size(f, &size, NULL), 0);
    assert_int_equal(file_read_all(path, (size_t)size, &bytes, &n, NULL), 0);
    for (int i = 0; i < 10000; i++) {
        struct vectors *y = NULL;
        uint64_t at = rng_below(&rng, size), offset = 0;
        uint8_t wrong = (uint8_t)bytes[at] ^ (uint8_t)(1 << rng_below(&rng, 8));
        bool cut = i % 10 == 0;
        if (cut)
            assert_int_equal(truncate(path, (off_t)at), 0);
        else
            assert_int_equal(file_pwrite(f, at, &wrong, 1, NULL), 0);
        assert_true(vectors_load(f, &offset, &y, NULL) != 0);
        assert_null(y);
        if (cut)
            assert_int_equal(file_pwrite(f, at, bytes + at, size - at, NULL), 0);
        else
            assert_int_equal(file_pwrite(f, at, bytes + at, 1, NULL), 0);
    }
    struct vectors *y = NULL;
    uint64_t offset = 0;
    assert_int_equal(vectors_load(f, &offset, &y, NULL), 0); /* whole again */
    check(y);
    vectors_free(y);
    vectors_free(v);
    free(bytes);
    file_close(f);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest threads[] = {cmocka_unit_test(test_threads)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),  cmocka_unit_test(test_random),
        cmocka_unit_test(test_shares),   cmocka_unit_test(test_mass_delete),
        cmocka_unit_test(test_starving), cmocka_unit_test(test_reload),
        cmocka_unit_test(test_damaged),
    };
    if (THREADS_ONLY)
        return cmocka_run_group_tests(threads, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
