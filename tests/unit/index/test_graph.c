#include "base/arena.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/thread.h"
#include "index/graph.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/simd.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define K 10

static struct rng rng;

/* What the graph should hold: the rows by slot; NULL: none. */
struct world {
    struct graph *g;
    uint32_t dims, centres;
    float noise;
    uint16_t **rows;
    uint32_t *slots, slot_count, cap;
};

static struct world world_new(uint32_t dims, uint32_t centres, float noise)
{
    struct world w = {graph_new(dims), dims, centres, noise, NULL, NULL, 0, 0};
    w.cap = 1 << 16;
    w.rows = xcalloc(w.cap, sizeof *w.rows);
    w.slots = xcalloc(w.cap, sizeof *w.slots);
    return w;
}

static void world_free(struct world *w)
{
    for (uint32_t i = 0; i < w->cap; i++)
        free(w->rows[i]);
    free(w->rows);
    free(w->slots);
    graph_free(w->g);
}

/* Of one of w->centres clusters, eight of which are near each other; noise is the length of what is
 * added to the centre's 1. */
static void row_near(const struct world *w, uint32_t centre, float *x)
{
    struct rng c, group;
    rng_init(&c, 1000 + centre);
    rng_init(&group, 9000 + centre / 8);
    float each = 1 / sqrtf((float)w->dims);
    for (uint32_t i = 0; i < w->dims; i++)
        x[i] =
            each * (.7f * rng_normal(&c) + .7f * rng_normal(&group) + w->noise * rng_normal(&rng));
    normalise_f32(x, w->dims);
}

static void row_random(const struct world *w, float *x)
{
    row_near(w, (uint32_t)rng_below(&rng, w->centres), x);
}

static uint32_t hold(struct world *w, const float *x)
{
    uint16_t *half = xmalloc(w->dims * sizeof *half);
    half_from_f32(x, half, w->dims);
    uint32_t slot = graph_slot_take(w->g);
    assert_true(slot < w->cap);
    assert_null(w->rows[slot]);
    graph_row_set(w->g, slot, half);
    w->rows[slot] = half;
    w->slots[w->slot_count++] = slot;
    return slot;
}

static uint32_t add(struct world *w, uint32_t centre)
{
    float *x = xmalloc(w->dims * sizeof *x);
    row_near(w, centre, x);
    uint32_t slot = hold(w, x);
    graph_insert(w->g, slot);
    free(x);
    return slot;
}

static void add_many(struct world *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        add(w, (uint32_t)rng_below(&rng, w->centres));
}

static void delete_at(struct world *w, uint32_t at)
{
    uint32_t slot = w->slots[at];
    graph_delete(w->g, slot);
    free(w->rows[slot]);
    w->rows[slot] = NULL;
    w->slots[at] = w->slots[--w->slot_count];
}

static void check(struct world *w, double share)
{
    struct err_info e = {0};
    size_t reachable = 0;
    if (graph_check(w->g, &reachable, &e))
        fail_msg("%s", e.message);
    assert_int_equal(graph_count(w->g), w->slot_count);
    if ((double)reachable < share * w->slot_count)
        fail_msg("%zu of %u slots can be reached", reachable, w->slot_count);
}

static int float_down(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* The share of answers that are as near as the true ones; the answers must be live, different, in
 * order, and their cosines those of the rows. */
static double recall(struct world *w, unsigned queries, size_t width)
{
    float *x = xmalloc(w->dims * sizeof *x), *all = xmalloc((w->slot_count + 1) * sizeof *all);
    size_t right = 0, wanted = 0;
    for (unsigned q = 0; q < queries; q++) {
        struct graph_hit hits[K];
        row_random(w, x);
        struct graph_reader *r = graph_enter(w->g);
        size_t n = graph_search(r, x, K, width, NULL, hits, NULL);
        graph_leave(r);
        for (uint32_t i = 0; i < w->slot_count; i++)
            all[i] = dot_f16_f32(w->rows[w->slots[i]], x, w->dims);
        qsort(all, w->slot_count, sizeof *all, float_down);
        size_t k = w->slot_count < K ? w->slot_count : K;
        assert_true(n <= k);
        for (size_t i = 0; i < n; i++) {
            assert_non_null(w->rows[hits[i].slot]);
            assert_true(hits[i].cosine == dot_f16_f32(w->rows[hits[i].slot], x, w->dims));
            assert_true(i == 0 || hits[i - 1].cosine > hits[i].cosine ||
                        (hits[i - 1].cosine == hits[i].cosine && hits[i - 1].slot < hits[i].slot));
            right += hits[i].cosine >= all[k - 1] - 1e-6f;
        }
        wanted += k;
    }
    free(x);
    free(all);
    return wanted ? (double)right / (double)wanted : 1;
}

static void expect_recall(struct world *w, size_t width, double least)
{
    double found = recall(w, 200, width);
    if (found < least)
        fail_msg("recall %.4f at width %zu, %u slots of %u dimensions: want %.3f", found, width,
                 w->slot_count, w->dims, least);
}

/* Each live row, as a query, finds itself or its equal. */
static double found_themselves(struct world *w, size_t width)
{
    float *x = xmalloc(w->dims * sizeof *x);
    size_t found = 0;
    for (uint32_t i = 0; i < w->slot_count; i++) {
        struct graph_hit hit;
        half_to_f32(w->rows[w->slots[i]], x, w->dims);
        struct graph_reader *r = graph_enter(w->g);
        size_t n = graph_search(r, x, 1, width, NULL, &hit, NULL);
        graph_leave(r);
        found += n == 1 && memcmp(w->rows[hit.slot], w->rows[w->slots[i]], 2 * w->dims) == 0;
    }
    free(x);
    return (double)found / w->slot_count;
}

/* --- */

static void test_small(void **state)
{
    struct world w = world_new(32, 3, 1);
    check(&w, 1);
    assert_true(recall(&w, 1, 10) == 1); /* nothing found in nothing */
    for (uint32_t n = 0; n < 100; n++) {
        add(&w, n % 3);
        check(&w, 1);
        assert_true(recall(&w, 20, 100) >= .985); /* all are found; 12 are looked at closely */
    }
    while (w.slot_count) {
        delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
        check(&w, 1);
    }
    add(&w, 0);
    check(&w, 1);
    assert_true(recall(&w, 5, 10) == 1);
    world_free(&w);
}

static void test_dims(void **state)
{
    static const uint32_t dims[] = {32, 100, 128, 384, 1024};
    for (unsigned i = 0; i < sizeof dims / sizeof *dims; i++) {
        struct world w = world_new(dims[i], 100, .7f);
        add_many(&w, 2000);
        check(&w, 1);
        expect_recall(&w, 64, dims[i] < 64 ? .9 : .95);
        expect_recall(&w, 256, .985);
        graph_refine_step(w.g, 2000);
        assert_int_equal(graph_unrefined(w.g), 0);
        check(&w, 1);
        expect_recall(&w, 256, .99);
        world_free(&w);
    }
}

/* Tight clusters, far apart: to get from one to another the walk needs the few long links. */
static void test_clusters(void **state)
{
    struct world w = world_new(128, 60, .1f);
    for (uint32_t c = 0; c < 60; c++) /* one after the other, the worst order */
        for (unsigned i = 0; i < 50; i++)
            add(&w, c);
    check(&w, .999);
    expect_recall(&w, 128, .97);
    assert_true(found_themselves(&w, 64) >= .999);
    world_free(&w);
}

static void test_duplicates(void **state)
{
    struct world w = world_new(64, 50, 0);
    add_many(&w, 3000); /* about 60 copies of 50 rows */
    w.noise = .7f;
    add_many(&w, 500);
    for (unsigned i = 0; i < 2000; i++) { /* and one very often */
        w.noise = 0;
        add(&w, 7);
    }
    check(&w, 1);
    w.noise = .7f;
    expect_recall(&w, 64, .97);
    assert_true(found_themselves(&w, 32) == 1);
    while (w.slot_count > 300) /* heirs take over */
        delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
    check(&w, .99);
    expect_recall(&w, 64, .95);
    graph_refine_step(w.g, 3000);
    check(&w, .99);
    assert_true(found_themselves(&w, 64) >= .99);
    world_free(&w);
}

static void test_equal_rows(void **state)
{
    struct world w = world_new(384, 1, 0);
    add_many(&w, 500);
    check(&w, 1);
    assert_true(recall(&w, 1, 20) == 1);
    while (w.slot_count)
        delete_at(&w, 0);
    check(&w, 1);
    world_free(&w);
}

static void test_churn(void **state)
{
    struct world w = world_new(96, 40, .8f);
    add_many(&w, 3000);
    uint32_t end = 0;
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 1500; i++) {
            delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
            if (i % 2 == 0)
                add_many(&w, 2);
        }
        graph_refine_step(w.g, 200);
        check(&w, .999);
        expect_recall(&w, 100, .95);
        if (round == 1)
            end = graph_slots_end(w.g);
    }
    assert_true(graph_slots_end(w.g) <= end + end / 20); /* slots are used again */
    assert_true(found_themselves(&w, 64) >= .999);
    world_free(&w);
}

/* New centroids come (at 1,024 rows, a part with each insertion) while all kinds of slots change.
 */
static void test_recoding(void **state)
{
    struct world w = world_new(96, 40, .7f);
    uint32_t held[40], held_count = 0;
    float x[96];
    add_many(&w, 1010);
    while (held_count < 40) {
        row_random(&w, x);
        held[held_count++] = hold(&w, x);
        w.slot_count--; /* not to be found */
    }
    for (unsigned i = 0; i < 900; i++) {
        w.noise = i % 4 ? .7f : 0;
        add_many(&w, 1);
        if (i % 2)
            delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
        if (i % 20 == 0 && held_count) {
            uint32_t slot = held[--held_count];
            w.slots[w.slot_count++] = slot;
            if (i % 40)
                graph_insert(w.g, slot);
            else {
                graph_delete(w.g, slot);
                free(w.rows[slot]);
                w.rows[slot] = NULL;
                w.slot_count--;
            }
        }
        if (i % 10 == 0)
            check(&w, .999);
    }
    w.noise = .7f;
    check(&w, .999);
    expect_recall(&w, 100, .95);
    world_free(&w);
}

static void test_clusters_deleted(void **state)
{
    struct world w = world_new(96, 40, .3f);
    uint32_t *centre = xcalloc(w.cap, sizeof *centre);
    for (unsigned i = 0; i < 3000; i++) {
        uint32_t c = (uint32_t)rng_below(&rng, 40);
        centre[add(&w, c)] = c;
    }
    for (uint32_t gone = 0; gone < 30; gone++) {
        for (uint32_t i = 0; i < w.slot_count;)
            if (centre[w.slots[i]] == gone)
                delete_at(&w, i);
            else
                i++;
        if (gone % 10 == 9) {
            for (unsigned i = 0; i < 10; i++) /* the centroids follow */
                graph_refine_step(w.g, 20);
            check(&w, .999);
            struct world fresh = world_new(96, 40, .3f);
            float x[96];
            for (uint32_t i = 0; i < w.slot_count; i++) {
                half_to_f32(w.rows[w.slots[i]], x, 96);
                graph_insert(fresh.g, hold(&fresh, x));
            }
            struct rng same = rng;
            double wanted = recall(&fresh, 200, 200) - .01;
            rng = same;
            expect_recall(&w, 200, wanted);
            world_free(&fresh);
        }
    }
    assert_true(found_themselves(&w, 64) >= .999);
    free(centre);
    world_free(&w);
}

static void test_build(void **state)
{
    struct world one = world_new(128, 100, .7f);
    float *x = xmalloc(128 * sizeof *x);
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct world w = world_new(128, 100, .7f);
        for (unsigned i = 0; i < 3000; i++) {
            row_random(&w, x);
            if (i % 10 == 9)
                half_to_f32(w.rows[w.slots[i - 1]], x, 128);
            hold(&w, x);
        }
        assert_int_equal(graph_count(w.g), 0);
        graph_build(w.g, w.slots, w.slot_count, threads);
        assert_int_equal(graph_unrefined(w.g), 0);
        check(&w, 1);
        expect_recall(&w, 128, .98);
        world_free(&w);
    }
    free(x);
    world_free(&one);
}

/* Many at once: the same answers. */
static void test_many(void **state)
{
    struct world w = world_new(100, 40, .7f);
    float *queries = xmalloc((size_t)9 * 100 * sizeof *queries);
    struct graph_hit one[K], many[9 * K];
    size_t found[9];
    for (unsigned i = 0; i < 9; i++)
        row_random(&w, queries + (size_t)i * 100);
    struct graph_reader *r = graph_enter(w.g);
    graph_search_many(r, queries, 9, K, 40, many, found);
    assert_int_equal(found[0] + found[8], 0); /* an empty graph */
    graph_leave(r);
    add_many(&w, 3000);
    r = graph_enter(w.g);
    for (size_t count = 0; count <= 9; count++) {
        memset(many, 0xff, sizeof many);
        graph_search_many(r, queries, count, K, 10 + 20 * count, many, found);
        for (size_t i = 0; i < count; i++) {
            size_t n = graph_search(r, queries + i * 100, K, 10 + 20 * count, NULL, one, NULL);
            assert_int_equal(n, found[i]);
            assert_memory_equal(one, many + i * K, n * sizeof *one);
        }
    }
    graph_leave(r);
    free(queries);
    world_free(&w);
}

/* --- filters --- */

struct passing {
    const bool *may;
    size_t asked;
};

static void pass(void *ctx, const uint32_t *slots, unsigned count, bool *out)
{
    struct passing *p = ctx;
    assert_true(count >= 1 && count <= 32);
    for (unsigned i = 0; i < count; i++)
        out[i] = p->may[slots[i]];
    p->asked += count;
}

/* Recall among what passes; -1 if it gave up each time. */
static double filtered_recall(struct world *w, const bool *may, size_t width, uint32_t centre)
{
    float *x = xmalloc(w->dims * sizeof *x), *all = xmalloc((w->slot_count + 1) * sizeof *all);
    size_t right = 0, wanted = 0;
    uint32_t seeds[64];
    unsigned seed_count = 0;
    for (uint32_t i = 0; i < w->slot_count && seed_count < 64; i++)
        if (may[w->slots[i]] && rng_below(&rng, 10) == 0)
            seeds[seed_count++] = w->slots[i];
    for (unsigned q = 0; q < 100; q++) {
        struct graph_hit hits[K];
        struct passing p = {.may = may};
        struct graph_filter f = {pass, &p, 0, seeds, seed_count};
        bool gave_up = false;
        size_t passing = 0;
        row_near(w, centre == UINT32_MAX ? (uint32_t)rng_below(&rng, w->centres) : centre, x);
        struct graph_reader *r = graph_enter(w->g);
        size_t n = graph_search(r, x, K, width, &f, hits, &gave_up);
        graph_leave(r);
        for (uint32_t i = 0; i < w->slot_count; i++)
            if (may[w->slots[i]])
                all[passing++] = dot_f16_f32(w->rows[w->slots[i]], x, w->dims);
        qsort(all, passing, sizeof *all, float_down);
        size_t k = passing < K ? passing : K;
        assert_true(n == k || gave_up);
        if (gave_up)
            continue;
        for (size_t i = 0; i < n; i++) {
            assert_true(may[hits[i].slot]);
            right += hits[i].cosine >= all[k - 1] - 1e-6f;
        }
        wanted += k;
    }
    free(x);
    free(all);
    return wanted ? (double)right / (double)wanted : -1;
}

/* Rows outside a query's cluster are all about as far, which signs tell badly: hence the width. */
static void test_filters(void **state)
{
    struct world w = world_new(96, 400, .7f);
    uint32_t *centre = xcalloc(w.cap, sizeof *centre);
    bool *may = xcalloc(w.cap, sizeof *may);
    for (unsigned i = 0; i < 8000; i++) {
        uint32_t c = (uint32_t)rng_below(&rng, 400);
        w.noise = i % 50 ? .7f : 0; /* some twins */
        centre[add(&w, c)] = c;
    }
    w.noise = .7f;
    graph_refine_step(w.g, 8000);
    static const unsigned percent[] = {100, 50, 20, 10, 5};
    for (unsigned p = 0; p < 5; p++) {
        for (uint32_t s = 0; s < w.cap; s++)
            may[s] = rng_below(&rng, 100) < percent[p];
        double found = filtered_recall(&w, may, 384, UINT32_MAX);
        if (found < .97)
            fail_msg("recall %.4f where %u %% pass", found, percent[p]);
    }
    for (uint32_t s = 0; s < w.cap; s++) /* follows the clusters */
        may[s] = centre[s] < 80;
    double found = filtered_recall(&w, may, 384, UINT32_MAX);
    if (found < .97)
        fail_msg("recall %.4f with a filter that follows clusters", found);
    for (uint32_t s = 0; s < w.cap; s++) /* all but the query's own cluster */
        may[s] = centre[s] != 3;
    found = filtered_recall(&w, may, 384, 3);
    if (found < .97)
        fail_msg("recall %.4f with the query's cluster filtered away", found);
    free(centre);
    free(may);
    world_free(&w);
}

static void test_filter_gives_up(void **state)
{
    struct world w = world_new(64, 20, .7f);
    bool *may = xcalloc(w.cap, sizeof *may), gave_up = false;
    struct passing p = {.may = may};
    struct graph_filter f = {.pass = pass, .ctx = &p, .visits_max = 100};
    struct graph_hit hits[K];
    float x[64];
    add_many(&w, 2000);
    row_random(&w, x);
    struct graph_reader *r = graph_enter(w.g);
    assert_int_equal(graph_search(r, x, K, 64, &f, hits, &gave_up), 0); /* nothing passes */
    assert_true(gave_up);
    for (unsigned i = 0; i < 1000; i++)
        may[w.slots[i]] = true;
    p.asked = 0;
    graph_search(r, x, K, 64, &f, hits, &gave_up);
    assert_true(gave_up && p.asked < 100 + 32 * 33);
    f.visits_max = 0;
    assert_int_equal(graph_search(r, x, K, 64, &f, hits, &gave_up), K);
    assert_false(gave_up);
    graph_leave(r);
    free(may);
    world_free(&w);
}

/* --- files --- */

static char path[64];

static struct graph *saved_and_loaded(struct graph *g)
{
    struct file *f;
    struct err_info e = {0};
    struct graph *out = NULL;
    uint64_t offset = 0;
    assert_int_equal(file_open(path, FILE_CREATE, &f, &e), 0);
    assert_int_equal(graph_save(g, f, &e), 0);
    file_close(f);
    assert_int_equal(file_open(path, FILE_READ_ONLY, &f, &e), 0);
    if (graph_load(f, &offset, &out, &e))
        fail_msg("%s", e.message);
    file_close(f);
    return out;
}

static void test_save_load(void **state)
{
    static const uint32_t dims[] = {33, 384};
    for (unsigned i = 0; i < 2; i++) {
        struct world w = world_new(dims[i], 30, .7f);
        add_many(&w, 1000);
        w.noise = 0;
        add_many(&w, 200); /* twins */
        w.noise = .7f;
        for (unsigned n = 0; n < 300; n++)
            delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
        check(&w, .99);
        double before = recall(&w, 1, 1); /* moves the generator as the next does */
        (void)before;
        struct graph *g = saved_and_loaded(w.g), *was = w.g;
        struct rng same = rng;
        double first = recall(&w, 100, 50);
        rng = same;
        w.g = g;
        check(&w, .99);
        assert_true(fabs(recall(&w, 100, 50) - first) < .01);
        for (uint32_t s = 0; s < w.slot_count; s++)
            assert_memory_equal(graph_row(g, w.slots[s]), w.rows[w.slots[s]], 2 * dims[i]);
        add_many(&w, 200);
        check(&w, .99);
        graph_free(was);
        world_free(&w);
    }
}

static void test_damaged(void **state)
{
    struct world w = world_new(40, 10, .7f);
    add_many(&w, 200);
    graph_free(saved_and_loaded(w.g));
    char *data;
    size_t n;
    assert_int_equal(file_read_all(path, 1 << 24, &data, &n, NULL), 0);
    for (unsigned i = 0; i < 3000; i++) {
        size_t at = (size_t)rng_below(&rng, n), bytes = n;
        char was = data[at];
        if (i % 3 == 2)
            bytes = at;
        else
            data[at] = (char)(was ^ (1 << rng_below(&rng, 8)));
        struct file *f;
        struct graph *g = NULL;
        uint64_t offset = 0;
        assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), 0);
        assert_int_equal(file_write(f, data, bytes, NULL), 0);
        file_close(f);
        assert_int_equal(file_open(path, FILE_READ_ONLY, &f, NULL), 0);
        assert_int_equal(graph_load(f, &offset, &g, NULL), ERR_CORRUPT);
        assert_null(g);
        file_close(f);
        data[at] = was;
    }
    free(data);
    world_free(&w);
}

/* --- readers beside the writer --- */

struct reading {
    struct graph *g;
    uint32_t dims;
    uint64_t seed;
    atomic_bool *stop;
    size_t searches;
};

/* Every answer is in order, has no slot twice, and its cosines are those of the rows: rows that
 * are reached do not change. */
static void read_loop(void *arg)
{
    struct reading *x = arg;
    struct rng own;
    float *query = xmalloc(x->dims * sizeof *query);
    rng_init(&own, x->seed);
    while (!atomic_load(x->stop)) {
        struct graph_hit hits[K];
        for (uint32_t i = 0; i < x->dims; i++)
            query[i] = rng_normal(&own);
        normalise_f32(query, x->dims);
        struct graph_reader *r = graph_enter(x->g);
        size_t n = graph_search(r, query, K, 32, NULL, hits, NULL);
        for (size_t i = 0; i < n; i++) {
            assert_true(hits[i].cosine ==
                        dot_f16_f32(graph_row(x->g, hits[i].slot), query, x->dims));
            assert_true(i == 0 || hits[i - 1].cosine >= hits[i].cosine);
            for (size_t j = 0; j < i; j++)
                assert_true(hits[i].slot != hits[j].slot);
        }
        graph_leave(r);
        x->searches++;
    }
    free(query);
}

static void test_readers(void **state)
{
    struct world w = world_new(48, 20, .8f);
    atomic_bool stop = false;
    struct reading reading[2];
    struct thread *threads[2];
    add_many(&w, 500);
    for (unsigned i = 0; i < 2; i++) {
        reading[i] = (struct reading){w.g, w.dims, i, &stop, 0};
        threads[i] = thread_start("reader", read_loop, &reading[i]);
    }
    for (unsigned i = 0; i < 6000; i++) {
        if (w.slot_count > 400 && rng_below(&rng, 2))
            delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
        else {
            w.noise = rng_below(&rng, 4) ? .8f : 0;
            add_many(&w, 1);
        }
        if (i % 100 == 0)
            graph_refine_step(w.g, 20);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 2; i++) {
        thread_join(threads[i]);
        assert_true(reading[i].searches > 0);
    }
    check(&w, .99);
    world_free(&w);
}

static int setup(void **state)
{
    rng_init(&rng, 42);
    return 0;
}

int main(void)
{
    snprintf(path, sizeof path, "/tmp/akin_test_graph.%d", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_small, setup),
        cmocka_unit_test_setup(test_dims, setup),
        cmocka_unit_test_setup(test_clusters, setup),
        cmocka_unit_test_setup(test_duplicates, setup),
        cmocka_unit_test_setup(test_equal_rows, setup),
        cmocka_unit_test_setup(test_churn, setup),
        cmocka_unit_test_setup(test_recoding, setup),
        cmocka_unit_test_setup(test_clusters_deleted, setup),
        cmocka_unit_test_setup(test_build, setup),
        cmocka_unit_test_setup(test_many, setup),
        cmocka_unit_test_setup(test_filters, setup),
        cmocka_unit_test_setup(test_filter_gives_up, setup),
        cmocka_unit_test_setup(test_save_load, setup),
        cmocka_unit_test_setup(test_damaged, setup),
        cmocka_unit_test_setup(test_readers, setup),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
