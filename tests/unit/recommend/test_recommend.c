/* Planted clusters: documents 100 c ... 100 c + 19 lie around one of four centres. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/rng.h"
#include "base/docset.h"
#include "index/vectors.h"
#include "math/dot.h"
#include "math/half.h"
#include "recommend/recommend.h"
#include <math.h>
#include <string.h>

enum { DIMS = 32, CLUSTERS = 4, MEMBERS = 20 };

static struct vectors *v;
static struct arena *a;

/* Centre c is the axes 4 c ... 4 c + 3; a share of axis 31 makes neighbours of 0 and 1. */
static void member_make(struct rng *r, unsigned cluster, float *out)
{
    for (int i = 0; i < DIMS; i++)
        out[i] = .05f * rng_normal(r);
    for (unsigned i = 0; i < 4; i++)
        out[4 * cluster + i] += .5f;
    if (cluster < 2)
        out[31] += .5f;
    normalise_f32(out, DIMS);
}

static int setup(void **state)
{
    struct rng r;
    rng_init(&r, 1);
    v = vectors_new(DIMS);
    a = arena_new(0);
    for (unsigned c = 0; c < CLUSTERS; c++)
        for (unsigned m = 0; m < MEMBERS; m++) {
            float x[DIMS];
            uint16_t row[DIMS];
            member_make(&r, c, x);
            half_from_f32(x, row, DIMS);
            assert_int_equal(vectors_put(v, 100 * c + m, 1000 + m, row, 1, NULL), 0);
        }
    return 0;
}

static int teardown(void **state)
{
    vectors_free(v);
    arena_free(a);
    return 0;
}

static size_t run(struct recommend_query q, struct recommend_hit **hits)
{
    size_t n = 99;
    struct err_info e = {0};
    if (!q.depth)
        q.depth = 10;
    if (recommend_run(v, &q, a, hits, &n, &e))
        fail_msg("%s", e.message);
    return n;
}

static size_t members(const struct recommend_hit *hits, size_t n, unsigned cluster)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += hits[i].number / 100 == cluster;
    return count;
}

static void test_liked_cluster_comes_first(void **state)
{
    struct recommend_example liked[] = {{200, 1}, {201, .5}};
    struct docset seen;
    struct recommend_hit *hits;
    docset_init(&seen);
    docset_add(&seen, 200);
    docset_add(&seen, 201);
    size_t n = run(
        (struct recommend_query){
            .examples = liked, .example_count = 2, .without = &seen, .depth = 30},
        &hits);
    assert_int_equal(n, 30);
    assert_int_equal(members(hits, MEMBERS - 2, 2), MEMBERS - 2);
    for (size_t i = 0; i < n; i++) {
        assert_true(hits[i].score >= 0 && hits[i].score <= 1);
        assert_true(i == 0 || hits[i].score <= hits[i - 1].score);
        assert_int_equal(hits[i].revision, 1000 + hits[i].number % 100);
        assert_string_equal(hits[i].source, "profile");
        assert_int_equal(hits[i].share_count, 0);
    }
    docset_release(&seen);
}

static void test_weights_decide(void **state)
{
    struct recommend_example liked[] = {{200, 1}, {300, .1}};
    struct recommend_hit *hits;
    size_t n = run((struct recommend_query){.examples = liked, .example_count = 2}, &hits);
    assert_int_equal(members(hits, n, 2), 10);
    liked[0].weight = .1;
    liked[1].weight = 1;
    n = run((struct recommend_query){.examples = liked, .example_count = 2}, &hits);
    assert_int_equal(members(hits, n, 3), 10);
}

static double best_of_cluster(struct recommend_query q, unsigned cluster)
{
    struct recommend_hit *hits;
    q.depth = 80;
    size_t n = run(q, &hits);
    for (size_t i = 0; i < n; i++)
        if (hits[i].number / 100 == cluster)
            return hits[i].score;
    return -1;
}

static void test_negatives_push_away(void **state)
{
    struct recommend_example x[] = {{0, 1}, {100, -1}};
    struct recommend_query liked = {.examples = x, .example_count = 1};
    struct recommend_query both = {.examples = x, .example_count = 2};
    assert_true(best_of_cluster(both, 1) < best_of_cluster(liked, 1) - .1);
    assert_true(best_of_cluster(both, 0) > .7);
}

static void test_within_and_without_hold(void **state)
{
    struct recommend_example liked[] = {{0, 1}, {1, 1}, {2, 1}};
    struct docset within, without;
    struct recommend_hit *hits;
    docset_init(&within);
    docset_init(&without);
    for (uint32_t i = 0; i < MEMBERS; i += 2)
        docset_add(&within, i);
    docset_add(&within, 300);
    for (uint32_t i = 0; i < MEMBERS; i += 4)
        docset_add(&without, i);
    for (int mmr = 0; mmr < 2; mmr++) {
        struct recommend_query q = {.examples = liked,
                                    .example_count = 3,
                                    .within = &within,
                                    .without = &without,
                                    .depth = 50,
                                    .diversity = mmr * .7};
        size_t n = run(q, &hits);
        assert_int_equal(n, 6); /* 2, 6, 10, 14, 18 and 300 */
        for (size_t i = 0; i < n; i++)
            assert_true(docset_has(&within, hits[i].number) &&
                        !docset_has(&without, hits[i].number));
    }
    docset_release(&within);
    docset_release(&without);
}

/* All that is near was seen, more than the slack of the first search. */
static void test_much_was_seen(void **state)
{
    struct recommend_example liked = {0, 1};
    struct recommend_query q = {.examples = &liked, .example_count = 1, .depth = 80};
    struct docset seen;
    struct recommend_hit *all, *hits;
    docset_init(&seen);
    assert_int_equal(run(q, &all), 80);
    for (int i = 0; i < 77; i++)
        docset_add(&seen, all[i].number);
    q.depth = 3;
    q.without = &seen;
    assert_int_equal(run(q, &hits), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(hits[i].number, all[77 + i].number);
    docset_release(&seen);
}

static void test_shares(void **state)
{
    struct recommend_example liked[] = {{0, .5}, {1, 1}, {100, .3}, {200, .1}, {300, -1}};
    struct recommend_hit *hits;
    size_t n = run(
        (struct recommend_query){
            .examples = liked, .example_count = 5, .explain = true, .depth = 40},
        &hits);
    assert_int_equal(n, 40);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        assert_in_range(hits[i].share_count, 1, 3);
        for (size_t k = 0; k < hits[i].share_count; k++) {
            assert_true(hits[i].shares[k].share > 0);
            assert_true(k == 0 || hits[i].shares[k].share <= hits[i].shares[k - 1].share);
            assert_int_not_equal(hits[i].shares[k].number, 300);
            sum += hits[i].shares[k].share;
        }
        assert_true(fabs(sum - 1) < 1e-9);
    }
    assert_int_equal(hits[0].shares[0].number, 1); /* twice the weight of 0, as near */
    assert_int_equal(hits[0].shares[1].number, 0);
}

static void test_diversity(void **state)
{
    struct recommend_example liked[] = {{0, 1}, {1, 1}, {200, .9}};
    struct recommend_query q = {.examples = liked, .example_count = 3, .depth = 6};
    struct recommend_hit *plain, *mixed;
    size_t n = run(q, &plain);
    assert_int_equal(members(plain, n, 0), 6);
    q.diversity = .6;
    n = run(q, &mixed);
    assert_int_equal(n, 6);
    assert_int_equal(mixed[0].number, plain[0].number);
    assert_true(members(mixed, n, 0) < 6);
}

static void test_same_input_same_output(void **state)
{
    struct recommend_example one[] = {{3, .2}, {205, 1}, {3, .3}, {101, -.5}, {7, .9}};
    struct recommend_example two[] = {{7, .9}, {101, -.5}, {3, .3}, {205, 1}, {3, .2}};
    struct recommend_query q = {
        .examples = one, .example_count = 5, .depth = 40, .diversity = .3, .explain = true};
    struct recommend_hit *x, *y;
    size_t n = run(q, &x);
    q.examples = two; /* the order of feedback changes nothing */
    assert_int_equal(run(q, &y), n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(x[i].number, y[i].number);
        assert_true(x[i].score == y[i].score);
        assert_int_equal(x[i].share_count, y[i].share_count);
        for (size_t k = 1; k < x[i].share_count; k++) /* 3 was given twice and counts once */
            assert_int_not_equal(x[i].shares[k].number, x[i].shares[k - 1].number);
        assert_memory_equal(x[i].shares, y[i].shares, x[i].share_count * sizeof *x[i].shares);
    }
}

static size_t found_by(const struct recommend_example *x, size_t count)
{
    struct recommend_hit *hits;
    return run((struct recommend_query){.examples = x, .example_count = count}, &hits);
}

static void test_nothing_to_go_by(void **state)
{
    struct recommend_example disliked = {0, -1}, unknown = {77, 1}, zero = {0, 0};
    struct recommend_example undone[] = {{0, 1}, {0, -1}}, odd = {0, NAN};
    assert_int_equal(found_by(NULL, 0), 0);
    assert_int_equal(found_by(&disliked, 1), 0);
    assert_int_equal(found_by(&unknown, 1), 0);
    assert_int_equal(found_by(&zero, 1), 0);
    assert_int_equal(found_by(&odd, 1), 0);
    assert_int_equal(found_by(undone, 2), 0);
    assert_int_equal(found_by(undone, 1), 10);
}

static void test_bad_diversity(void **state)
{
    static const double bad[] = {-.1, 1.1, NAN};
    struct recommend_example liked = {0, 1};
    for (int i = 0; i < 3; i++) {
        struct recommend_query q = {
            .examples = &liked, .example_count = 1, .depth = 5, .diversity = bad[i]};
        struct recommend_hit *hits;
        struct err_info e = {0};
        size_t n;
        assert_int_equal(recommend_run(v, &q, a, &hits, &n, &e), ERR_INVALID);
        assert_string_equal(e.field, "/diversity");
    }
}

static void test_score_follows_the_mean_cosine(void **state)
{
    struct recommend_example liked = {200, 1};
    struct recommend_hit *x, *y;
    struct recommend_query q = {.examples = &liked, .example_count = 1, .depth = 5};
    (void)run(q, &x);
    q.mean_cosine = .5f;
    (void)run(q, &y);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(x[i].number, y[i].number);
        assert_true(fabs(y[i].score - (x[i].score - .5) / .5) < 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_liked_cluster_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_weights_decide, setup, teardown),
        cmocka_unit_test_setup_teardown(test_negatives_push_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_within_and_without_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_much_was_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shares, setup, teardown),
        cmocka_unit_test_setup_teardown(test_diversity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_input_same_output, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_go_by, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_diversity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_score_follows_the_mean_cosine, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
