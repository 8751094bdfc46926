/* A model as a file: what is loaded is what was saved, and any flip, cut or foreign file is
 * refused. What it says: sums of rows, with parts that add up. */
#include "recommend/model.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "math/half.h"
#include "recommend/factors.h"
#include "recommend/item_model.h"
#include "recommend/rank_trees.h"
#include "recommend/session_model.h"
#include "recommend/text_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <math.h>

#define ITEMS 40u
#define KEPT 6u
#define DIMS 4u

static char path[64];

static struct item_model *rows_make(struct rng *r)
{
    uint32_t counts[ITEMS], to[ITEMS * KEPT];
    float weights[ITEMS * KEPT];
    for (uint32_t i = 0; i < ITEMS; i++) {
        counts[i] = i % (KEPT + 1);
        for (uint32_t k = 0; k < KEPT; k++) {
            to[i * KEPT + k] = k * KEPT + i % KEPT;
            weights[i * KEPT + k] = rng_normal(r);
        }
    }
    return item_model_new(ITEMS, KEPT, counts, to, weights);
}

static struct text_model *text_make(struct rng *r)
{
    struct text_model *t = xcalloc(1, sizeof *t);
    *t = (struct text_model){
        .dims = DIMS, .near = 3, .blend = .5, .scale = 2, .offset = -.25, .deviation = .1};
    t->mean = xmalloc(DIMS * sizeof(float));
    t->readers = xmalloc(DIMS * DIMS * sizeof(float));
    for (size_t d = 0; d < DIMS; d++)
        t->mean[d] = .1f * rng_normal(r);
    for (size_t d = 0; d < DIMS * DIMS; d++)
        t->readers[d] = rng_normal(r);
    return t;
}

static struct factors *factors_make(struct rng *r)
{
    struct factors *f = xcalloc(1, sizeof *f);
    *f = (struct factors){.items = ITEMS, .dims = DIMS, .alpha = .1, .lambda = .01, .nu = 1};
    f->gram = xcalloc(DIMS, sizeof *f->gram);
    f->vectors = xmalloc(ITEMS * DIMS * sizeof *f->vectors);
    for (size_t i = 0; i < ITEMS * DIMS; i++)
        f->vectors[i] = half_of_float(rng_normal(r));
    return f;
}

static struct session_model *sessions_make(void)
{
    static const size_t start[] = {0, 3, 5};
    static const uint32_t at[] = {1, 7, 30, 7, 2};
    return session_model_new(ITEMS, 2, start, at);
}

static struct rank_trees *ranker_make(void)
{
    struct rank_trees *t = rank_trees_new(2, (const uint32_t[]){3, 1});
    t->nodes[0] = (struct rank_node){.feature = 6, .value = 30, .left = 1, .unknown_right = 1};
    t->nodes[1].value = .5f;
    t->nodes[2].value = -.25f;
    t->nodes[3].value = 1;
    return t;
}

/* Rows; with `all` a text, sessions and a ranker too. */
static struct recommend_model *model_make(uint64_t seed, bool all)
{
    struct rng r;
    rng_init(&r, seed);
    struct recommend_model *m = xcalloc(1, sizeof *m);
    *m = (struct recommend_model){.kind = MODEL_NEIGHBOURS, .items = ITEMS, .position = 77};
    m->numbers = xmalloc(ITEMS * sizeof *m->numbers);
    m->readers = xmalloc(ITEMS * sizeof *m->readers);
    for (uint32_t i = 0; i < ITEMS; i++) {
        m->numbers[i] = 3 * i + 1;
        m->readers[i] = (float)(i % 5);
    }
    m->rows = rows_make(&r);
    m->text = all ? text_make(&r) : NULL;
    m->sessions = all ? sessions_make() : NULL;
    m->ranker = all ? ranker_make() : NULL;
    m->report = xstrdup("{\"kind\":\"neighbours\",\"metrics\":{\"ndcg\":0.25}}");
    recommend_model_measure(m);
    return m;
}

static void assert_same(const struct recommend_model *a, const struct recommend_model *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->items, b->items);
    assert_int_equal(a->position, b->position);
    assert_int_equal(a->bytes, b->bytes);
    assert_string_equal(a->report, b->report);
    assert_memory_equal(a->numbers, b->numbers, a->items * sizeof *a->numbers);
    assert_memory_equal(a->readers, b->readers, a->items * sizeof *a->readers);
    for (uint32_t i = 0; i < ITEMS; i++)
        for (uint32_t j = 0; j < ITEMS; j++)
            assert_true(item_model_weight(a->rows, i, j) == item_model_weight(b->rows, i, j));
    assert_int_equal(a->sessions == NULL, b->sessions == NULL);
    assert_int_equal(a->text == NULL, b->text == NULL);
    assert_int_equal(a->ranker == NULL, b->ranker == NULL);
    if (!a->text)
        return;
    assert_int_equal(a->ranker->trees, b->ranker->trees);
    assert_memory_equal(a->ranker->start, b->ranker->start, 3 * sizeof *a->ranker->start);
    assert_memory_equal(a->ranker->nodes, b->ranker->nodes, 4 * sizeof *a->ranker->nodes);
    assert_memory_equal(a->text->mean, b->text->mean, DIMS * sizeof(float));
    assert_memory_equal(a->text->readers, b->text->readers, DIMS * DIMS * sizeof(float));
    assert_true(a->text->near == b->text->near && a->text->blend == b->text->blend &&
                a->text->scale == b->text->scale && a->text->offset == b->text->offset &&
                a->text->deviation == b->text->deviation);
}

static void test_again(void **state)
{
    for (int text = 0; text < 2; text++) {
        struct recommend_model *m = model_make(5, text), *again = NULL;
        struct err_info e = {0};
        assert_int_equal(recommend_model_save(m, path, &e), 0);
        assert_int_equal(recommend_model_load(path, &again, &e), 0);
        assert_same(m, again);
        recommend_model_free(m);
        recommend_model_free(again);
    }
}

static void test_factors(void **state)
{
    struct recommend_model *m = model_make(5, true), *again = NULL;
    const struct model_read read[] = {{3, 1}, {17, -.5f}, {6, .3f}};
    float scores[ITEMS], scores_again[ITEMS];
    struct rng r;
    rng_init(&r, 3);
    item_model_free(m->rows);
    m->rows = NULL;
    m->factors = factors_make(&r);
    assert_int_equal(recommend_model_save(m, path, NULL), 0);
    assert_int_equal(recommend_model_load(path, &again, NULL), ERR_CORRUPT); /* rows are missing */
    m->kind = MODEL_IALS;
    assert_int_equal(recommend_model_save(m, path, NULL), 0);
    assert_int_equal(recommend_model_load(path, &again, NULL), 0);
    recommend_model_score(m, read, 3, scores);
    recommend_model_score(again, read, 3, scores_again);
    assert_memory_equal(scores, scores_again, sizeof scores);
    for (uint32_t j = 0; j < ITEMS; j++) {
        double parts[3];
        recommend_model_parts(again, read, 3, j, parts);
        assert_true(scores[j] != 0 && fabs(parts[0] + parts[1] + parts[2] - (double)scores[j]) <
                                          1e-6 * (1 + fabs((double)scores[j])));
    }
    recommend_model_free(m);
    recommend_model_free(again);
}

/* ---- what is not whole ---- */

static void file_put(const char *bytes, size_t n)
{
    struct file *f = NULL;
    assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), 0);
    assert_int_equal(file_write(f, bytes, n, NULL), 0);
    file_close(f);
}

static void assert_refused(void)
{
    struct recommend_model *m = NULL;
    struct err_info e = {0};
    enum err err = recommend_model_load(path, &m, &e);
    assert_true(err == ERR_CORRUPT || err == ERR_UNSUPPORTED);
    assert_true(e.code == err && strstr(e.message, path));
    assert_null(m);
}

static size_t saved(char **bytes)
{
    struct recommend_model *m = model_make(6, true);
    size_t n;
    assert_int_equal(recommend_model_save(m, path, NULL), 0);
    assert_int_equal(file_read_all(path, 1u << 20, bytes, &n, NULL), 0);
    recommend_model_free(m);
    return n;
}

static void test_flips(void **state)
{
    char *bytes;
    size_t n = saved(&bytes);
    struct rng r;
    rng_init(&r, 1);
    struct file *f = NULL;
    assert_int_equal(file_open(path, FILE_READ_WRITE, &f, NULL), 0);
    for (size_t i = 0; i < 2 * n; i++) {
        size_t at = i / 2;
        char flipped = (char)(bytes[at] ^ (1 << rng_below(&r, 8)));
        assert_int_equal(file_pwrite(f, at, &flipped, 1, NULL), 0);
        assert_refused();
        assert_int_equal(file_pwrite(f, at, bytes + at, 1, NULL), 0);
    }
    file_close(f);
    struct recommend_model *m = NULL;
    assert_int_equal(recommend_model_load(path, &m, NULL), 0);
    recommend_model_free(m);
    free(bytes);
}

static void test_cut(void **state)
{
    char *bytes;
    size_t n = saved(&bytes);
    for (size_t end = 0; end < n; end++) {
        file_put(bytes, end);
        assert_refused();
    }
    bytes = xrealloc(bytes, n + 1);
    bytes[n] = 0;
    file_put(bytes, n + 1);
    assert_refused();
    free(bytes);
}

static void test_foreign(void **state)
{
    struct recommend_model *m = NULL;
    struct err_info e = {0};
    char *bytes;
    size_t n = saved(&bytes);
    bytes[8] = 1; /* without a ranker, but there is one */
    file_put(bytes, n);
    assert_int_equal(recommend_model_load(path, &m, NULL), ERR_CORRUPT);
    bytes[8] = 3;
    file_put(bytes, n);
    assert_int_equal(recommend_model_load(path, &m, &e), ERR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "newer akin"));
    err_clear(&e);
    file_put("SQLite format 3, and so on", 26);
    assert_int_equal(recommend_model_load(path, &m, &e), ERR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "not a recommender"));
    err_clear(&e);
    assert_int_equal(recommend_model_load("/dev/zero", &m, &e), ERR_INVALID);
    unlink(path);
    assert_int_equal(recommend_model_load(path, &m, NULL), ERR_NOT_FOUND);
    free(bytes);
}

/* ---- a write that fails ---- */

static int fail_nth(void *ctx, enum file_op op, const char *at, uint64_t offset, size_t n,
                    size_t *torn)
{
    int *left = ctx;
    if (--*left)
        return 0;
    *torn = n / 2;
    return 28; /* ENOSPC */
}

/* Whichever operation fails, the old file is what is read, or the new one once it stands. */
static void test_full_disk(void **state)
{
    struct recommend_model *old = model_make(1, false), *new = model_make(2, true);
    int failures = 0;
    for (int nth = 1;; nth++) {
        int left = nth;
        struct recommend_model *m = NULL;
        assert_int_equal(recommend_model_save(old, path, NULL), 0);
        file_hook(&(struct file_hook){.before = fail_nth, .ctx = &left});
        enum err err = recommend_model_save(new, path, NULL);
        file_hook(NULL);
        failures += err != 0;
        assert_int_equal(recommend_model_load(path, &m, NULL), 0);
        if (err == 0 || m->text)
            assert_same(new, m);
        else
            assert_same(old, m);
        recommend_model_free(m);
        if (left > 0)
            break;
    }
    assert_true(failures >= 4); /* open, writes, sync, rename */
    recommend_model_free(old);
    recommend_model_free(new);
}

/* ---- what it says ---- */

static void test_items(void **state)
{
    struct recommend_model *m = model_make(3, false);
    for (uint32_t i = 0; i < ITEMS; i++) {
        assert_int_equal(recommend_model_item(m, 3 * i + 1), i);
        assert_int_equal(recommend_model_item(m, 3 * i), MODEL_ITEM_NONE);
        assert_true(recommend_model_knows(m, i) == (i % 5 != 0));
    }
    assert_int_equal(recommend_model_item(m, 3 * ITEMS + 1), MODEL_ITEM_NONE);
    m->items = 0;
    assert_int_equal(recommend_model_item(m, 1), MODEL_ITEM_NONE);
    m->items = ITEMS;
    recommend_model_free(m);
}

/* A score is the sum of its parts, and without one reading it is less by that part. */
static void test_parts(void **state)
{
    struct recommend_model *m = model_make(4, false);
    const struct model_read read[] = {{3, 1}, {17, -.5f}, {6, .3f}, {39, 2}, {20, 1}};
    float all[ITEMS], less[ITEMS];
    recommend_model_score(m, read, 5, all);
    recommend_model_score(m, read + 1, 4, less);
    for (uint32_t j = 0; j < ITEMS; j++) {
        double parts[5], sum = 0, wanted = 0;
        recommend_model_parts(m, read, 5, j, parts);
        for (size_t k = 0; k < 5; k++) {
            sum += parts[k];
            wanted += (double)read[k].weight * (double)item_model_weight(m->rows, read[k].item, j);
        }
        assert_true(fabs(sum - wanted) < 1e-12);
        assert_true(fabs(sum - (double)all[j]) < 1e-6);
        assert_true(fabs((double)all[j] - parts[0] - (double)less[j]) < 1e-6);
    }
    recommend_model_free(m);
}

/* By their definition, in double. */
static void test_text(void **state)
{
    struct recommend_model *m = model_make(8, true);
    const struct text_model *t = m->text;
    const float a[DIMS] = {.5f, -.5f, .5f, .5f}, b[DIMS] = {0, 1, 0, 0};
    float ea[DIMS], eb[DIMS], profile[DIMS] = {0};
    double length = 0, ridge = 0;
    assert_true(text_model_centre(t, a, ea) && text_model_centre(t, b, eb));
    assert_false(text_model_centre(t, t->mean, (float[DIMS]){0}));
    for (size_t d = 0; d < DIMS; d++)
        length += pow((double)a[d] - (double)t->mean[d], 2);
    for (size_t d = 0; d < DIMS; d++)
        assert_true(fabs((double)ea[d] - ((double)a[d] - (double)t->mean[d]) / sqrt(length)) <
                    1e-6);
    text_model_read(t, ea, .5f, profile);
    for (size_t d = 0; d < DIMS; d++)
        for (size_t c = 0; c < DIMS; c++)
            ridge += .5 * (double)eb[d] * (double)t->readers[d * DIMS + c] * (double)ea[c];
    const float scores[] = {1, 3, 9}, cosines[] = {1, .5f, -.1f};
    double near = (1 + .125 * 3) / 1.125;
    assert_true(fabs(text_model_score(t, profile, eb, scores, cosines, 3) -
                     (2 * (ridge + .5 * near) - .25)) < 1e-5);
    assert_true(fabs(text_model_score(t, profile, eb, NULL, NULL, 0) - (2 * ridge - .25)) < 1e-5);
    recommend_model_free(m);
}

/* Half at a quarter of what rows have at most in their mean. */
static void test_lift(void **state)
{
    struct recommend_model *m = model_make(8, true);
    double mean = 0, squares = 0;
    for (uint32_t i = 0; i < ITEMS; i++)
        for (uint32_t j = 0; j < ITEMS; j++) {
            double b = (double)item_model_weight(m->rows, i, j);
            mean += b / (ITEMS * ITEMS);
            squares += b * b / (ITEMS * ITEMS);
        }
    double most = 0, with = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
        float row = 0;
        for (uint32_t j = 0; j < ITEMS; j++)
            row = fmaxf(row, item_model_weight(m->rows, i, j));
        most += (double)row;
        with += row > 0;
    }
    assert_true(with > 0 && fabs(m->row_greatest - most / with) < 1e-9);
    assert_true(fabs(m->row_deviation - sqrt(squares - mean * mean)) < 1e-9);
    assert_true(fabs(recommend_model_lift(m, m->row_greatest / 4) - .5) < 1e-9);
    assert_true(fabs(recommend_model_lift(m, m->row_greatest) - .8) < 1e-9);
    assert_true(recommend_model_lift(m, -1) == 0 && recommend_model_lift(m, 0) == 0);
    recommend_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),     cmocka_unit_test(test_flips),
        cmocka_unit_test(test_factors),   cmocka_unit_test(test_lift),
        cmocka_unit_test(test_cut),       cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_full_disk), cmocka_unit_test(test_items),
        cmocka_unit_test(test_parts),     cmocka_unit_test(test_text),
    };
    json_setup();
    snprintf(path, sizeof path, "/dev/shm/akin-model-%ld", (long)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
