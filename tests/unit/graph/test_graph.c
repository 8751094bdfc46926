#include "base/arena.h"
#include "base/file.h"
#include "base/rng.h"
#include "graph/graph.h"
#include "math/dot.h"
#include "math/half.h"

#include "world.h"

#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

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
        add_many(&w, SLOW ? 300 : 2000);
        check(&w, 1);
        expect_recall(&w, 64, .97); /* few dimensions have as many signs as 384 */
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

static void test_build(void **state)
{
    struct world one = world_new(128, 100, .7f);
    float *x = xmalloc(128 * sizeof *x);
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct world w = world_new(128, 100, .7f);
        for (unsigned i = 0; i < (SLOW ? 600 : 3000); i++) {
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
    for (unsigned i = 0; i < (SLOW ? 2000 : 8000); i++) {
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

/* The same changes give the same file, whatever memory held before. */
static char *saved_after_changes(uint32_t dims, int fill, size_t *n)
{
    mallopt(M_PERTURB, fill);
    world_setup(NULL);
    struct world w = world_new(dims, 20, .7f);
    float *x = xmalloc(dims * sizeof *x);
    char *data;
    add_many(&w, 1100); /* new lines were made at 256, 512 and 1,024 */
    for (unsigned i = 0; i < 300; i++)
        delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
    for (unsigned i = 0; i < 50; i++) {
        row_random(&w, x);
        hold(&w, x);
    }
    graph_slot_take(w.g); /* not filled yet */
    graph_free(saved_and_loaded(w.g));
    assert_int_equal(file_read_all(path, 1 << 24, &data, n, NULL), 0);
    free(x);
    world_free(&w);
    memory_fill();
    return data;
}

static void test_saved_bytes(void **state)
{
    static const uint32_t dims[] = {40, 200};
    for (unsigned i = 0; i < 2; i++) {
        size_t a_bytes, b_bytes;
        char *a = saved_after_changes(dims[i], 0x11, &a_bytes);
        char *b = saved_after_changes(dims[i], 0xee, &b_bytes);
        assert_int_equal(a_bytes, b_bytes);
        assert_memory_equal(a, b, a_bytes);
        free(a);
        free(b);
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
    for (unsigned i = 0; i < (SLOW ? 600 : 3000); i++) {
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

int main(void)
{
    memory_fill();
    snprintf(path, sizeof path, "/tmp/akin_test_graph.%d", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_small, world_setup),
        cmocka_unit_test_setup(test_dims, world_setup),
        cmocka_unit_test_setup(test_clusters, world_setup),
        cmocka_unit_test_setup(test_duplicates, world_setup),
        cmocka_unit_test_setup(test_equal_rows, world_setup),
        cmocka_unit_test_setup(test_build, world_setup),
        cmocka_unit_test_setup(test_many, world_setup),
        cmocka_unit_test_setup(test_filters, world_setup),
        cmocka_unit_test_setup(test_filter_gives_up, world_setup),
        cmocka_unit_test_setup(test_save_load, world_setup),
        cmocka_unit_test_setup(test_saved_bytes, world_setup),
        cmocka_unit_test_setup(test_damaged, world_setup),
    };
    const struct CMUnitTest threads[] = {
        cmocka_unit_test_setup(test_build, world_setup),
        cmocka_unit_test_setup(test_save_load, world_setup),
    };
    int failed = THREADS_ONLY ? cmocka_run_group_tests(threads, NULL, NULL)
                              : cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
