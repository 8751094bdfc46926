/* Planted clusters: documents 100 c ... 100 c + 19 lie around one of four centres. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/rng.h"
#include "index/vectors.h"
#include "math/dot.h"
#include "math/half.h"
#include "recommend/profile.h"
#include <math.h>
#include <string.h>

enum { DIMS = 32, CLUSTERS = 4, MEMBERS = 20 };

static struct vectors *v;
static struct arena *a;
static float centre[DIMS];

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
    for (int i = 0; i < DIMS; i++)
        centre[i] = .05f * rng_normal(&r);
    return 0;
}

static int teardown(void **state)
{
    vectors_free(v);
    arena_free(a);
    return 0;
}

static bool make(const struct recommend_example *x, size_t count, const float *of, double mean,
                 struct profile *p)
{
    return profile_make(v, of, mean, x, count, a, p);
}

static double score(const struct profile *p, uint32_t number)
{
    float row[DIMS];
    assert_true(profile_row(p, number, row));
    return profile_score(p, row);
}

/* The place of the best of a cluster among all documents. */
static unsigned better_than(const struct profile *p, uint32_t number)
{
    unsigned n = 0;
    for (unsigned c = 0; c < CLUSTERS; c++)
        for (unsigned m = 0; m < MEMBERS; m++)
            n += score(p, 100 * c + m) > score(p, number);
    return n;
}

static void test_what_is_like_the_liked_comes_first(void **state)
{
    struct recommend_example liked[] = {{200, 1, NULL}, {201, .5, NULL}};
    struct profile p;
    assert_true(make(liked, 2, NULL, .2, &p));
    for (unsigned m = 0; m < MEMBERS; m++)
        assert_true(better_than(&p, 200 + m) < MEMBERS);
}

static void test_weights_decide(void **state)
{
    struct recommend_example liked[] = {{200, 1, NULL}, {300, .1, NULL}};
    struct profile p;
    assert_true(make(liked, 2, NULL, 0, &p));
    assert_true(score(&p, 205) > score(&p, 305));
    liked[1].weight = 2;
    assert_true(make(liked, 2, NULL, 0, &p));
    assert_true(score(&p, 205) < score(&p, 305));
}

static void test_negatives_push_away(void **state)
{
    struct recommend_example x[] = {{0, 1, NULL}, {100, -1, NULL}};
    struct profile liked, both;
    assert_true(make(x, 1, NULL, 0, &liked) && make(x, 2, NULL, 0, &both));
    assert_true(score(&both, 105) < score(&liked, 105) - .1);
    assert_true(score(&both, 5) > .5);
}

/* Nearer than the mean is above 0, farther below; likeness knows no weights. */
static void test_the_mean_cosine(void **state)
{
    struct recommend_example liked = {200, 1, NULL};
    struct profile p, q;
    float row[DIMS];
    assert_true(make(&liked, 1, NULL, 0, &p) && make(&liked, 1, NULL, .5, &q));
    assert_true(fabs(score(&q, 205) - (score(&p, 205) - .5) / .5) < 1e-6);
    assert_true(score(&q, 305) < 0);
    liked.weight = 7;
    assert_true(make(&liked, 1, NULL, .5, &p));
    assert_true(profile_row(&p, 205, row));
    assert_true(fabs(profile_likeness(&p, row) - profile_likeness(&q, row)) < 1e-6);
    assert_true(fabs(profile_score(&p, row) - 7 * profile_score(&q, row)) < 1e-5);
}

static void examples_random(struct rng *r, struct recommend_example *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t number = 100 * rng_below(r, CLUSTERS) + rng_below(r, MEMBERS);
        x[i] = (struct recommend_example){number, rng_unit(r) * 2 - (rng_below(r, 4) == 0), NULL};
    }
    x[0].weight = 2;
}

static double part_of(const struct profile *p, const double *parts, uint32_t number)
{
    for (size_t k = 0; k < p->count; k++)
        if (p->parts[k].number == number)
            return parts[k];
    return 0;
}

/* With and without a centre; what was liked outweighs what was not, so that leaving one out
 * changes no other factor. */
static void test_parts_add_up_and_leave_one_out(void **state)
{
    struct rng r;
    rng_init(&r, 5);
    for (int run = 0; run < 200; run++) {
        struct recommend_example x[12];
        struct profile p, q;
        float row[DIMS];
        const float *of = run % 2 ? centre : NULL;
        examples_random(&r, x, 12);
        uint32_t number = 100 * rng_below(&r, CLUSTERS) + rng_below(&r, MEMBERS);
        if (!make(x, 12, of, .3, &p) || !profile_row(&p, number, row))
            continue;
        double sum = 0, *parts = arena_array(a, p.count, sizeof *parts);
        profile_parts(&p, row, parts);
        for (size_t k = 0; k < p.count; k++)
            sum += parts[k];
        assert_true(fabs(sum - profile_score(&p, row)) < 1e-9);
        struct recommend_example rest[12];
        size_t n = 0;
        for (size_t i = 0; i < 12; i++)
            if (x[i].number != x[0].number)
                rest[n++] = x[i];
        double liked = 0, unwanted = 0;
        for (size_t k = 0; k < p.count; k++)
            *(p.parts[k].weight > 0 ? &liked : &unwanted) += fabs(p.parts[k].weight);
        if (liked - 3 < unwanted || !make(rest, n, of, .3, &q))
            continue;
        assert_true(fabs(sum - profile_score(&q, row) - part_of(&p, parts, x[0].number)) < 1e-6);
    }
}

/* Other weights, and none, in a profile that is there: as if it had been made of them. */
static void test_changed(void **state)
{
    struct rng r;
    unsigned spoke = 0;
    rng_init(&r, 9);
    for (unsigned run = 0; run < 200; run++) {
        struct recommend_example x[12], other[12];
        struct profile p, made, changed;
        const float *of = run % 2 ? centre : NULL;
        double weights[12];
        float row[DIMS];
        size_t n = 0;
        examples_random(&r, x, 12);
        (void)make(x, 12, of, .3, &p);
        for (size_t k = 0; k < p.count; k++) {
            weights[k] = p.parts[k].weight;
            if (k == run % p.count)
                weights[k] = 0;
            else if (run % 3 == 0)
                weights[k] = rng_unit(&r) - .4;
            if (weights[k] != 0)
                other[n++] = (struct recommend_example){p.parts[k].number, weights[k], NULL};
        }
        bool any = make(other, n, of, .3, &made);
        assert_true(profile_changed(&p, weights, a, &changed) == any);
        if (!any)
            continue;
        spoke++;
        for (unsigned c = 0; c < CLUSTERS; c++) {
            assert_true(profile_row(&p, 100 * c + run % MEMBERS, row));
            assert_true(fabs(profile_score(&made, row) - profile_score(&changed, row)) < 1e-9);
            assert_true(fabs(profile_likeness(&made, row) - profile_likeness(&changed, row)) <
                        1e-5);
        }
    }
    assert_true(spoke > 50);
}

/* Ten dislikes push no more than one that weighs as much as all that was liked. */
static void test_dislikes_do_not_drown_what_was_liked(void **state)
{
    struct recommend_example x[] = {{0, 1, NULL},    {200, -1, NULL}, {201, -1, NULL},
                                    {202, -1, NULL}, {203, -1, NULL}, {204, -1, NULL},
                                    {300, -1, NULL}};
    struct profile p;
    assert_true(make(x, 7, NULL, 0, &p));
    assert_true(better_than(&p, 5) < MEMBERS);
    double push = 0;
    for (size_t k = 0; k < p.count; k++)
        push += p.parts[k].weight < 0 ? -p.parts[k].weight * p.push : 0;
    assert_true(fabs(push - .5) < 1e-9);
}

static void test_same_input_same_output(void **state)
{
    struct recommend_example one[] = {
        {3, .2, NULL}, {205, 1, NULL}, {3, .3, NULL}, {101, -.5, NULL}, {7, .9, NULL}};
    struct recommend_example two[] = {
        {7, .9, NULL}, {101, -.5, NULL}, {3, .3, NULL}, {205, 1, NULL}, {3, .2, NULL}};
    struct profile p, q;
    assert_true(make(one, 5, centre, 0, &p) && make(two, 5, centre, 0, &q));
    assert_int_equal(p.count, 4); /* 3 was given twice and counts once */
    assert_memory_equal(p.sum, q.sum, DIMS * sizeof *p.sum);
    assert_memory_equal(p.direction, q.direction, DIMS * sizeof *p.direction);
}

static void test_a_text_is_an_example(void **state)
{
    float vector[DIMS];
    struct profile of_text, of_document;
    assert_true(vectors_document(v, 203, vector));
    struct recommend_example text = {0, 1, vector}, document = {203, 1, NULL};
    assert_true(make(&text, 1, centre, 0, &of_text));
    assert_true(make(&document, 1, centre, 0, &of_document));
    assert_memory_equal(of_text.sum, of_document.sum, DIMS * sizeof *of_text.sum);
    assert_ptr_equal(of_text.parts[0].vector, vector);
}

static bool goes_by(const struct recommend_example *x, size_t count)
{
    struct profile p;
    return make(x, count, NULL, 0, &p);
}

static void test_nothing_to_go_by(void **state)
{
    struct recommend_example disliked = {0, -1, NULL}, unknown = {77, 1, NULL}, zero = {0, 0, NULL};
    struct recommend_example undone[] = {{0, 1, NULL}, {0, -1, NULL}}, odd = {0, NAN, NULL};
    assert_false(goes_by(NULL, 0));
    assert_false(goes_by(&disliked, 1));
    assert_false(goes_by(&unknown, 1));
    assert_false(goes_by(&zero, 1));
    assert_false(goes_by(&odd, 1));
    assert_false(goes_by(undone, 2));
    assert_true(goes_by(undone, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_like_the_liked_comes_first),
        cmocka_unit_test(test_weights_decide),
        cmocka_unit_test(test_negatives_push_away),
        cmocka_unit_test(test_the_mean_cosine),
        cmocka_unit_test(test_parts_add_up_and_leave_one_out),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_dislikes_do_not_drown_what_was_liked),
        cmocka_unit_test(test_same_input_same_output),
        cmocka_unit_test(test_a_text_is_an_example),
        cmocka_unit_test(test_nothing_to_go_by),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
