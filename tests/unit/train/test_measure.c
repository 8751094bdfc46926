/* Measures against values worked out by hand, and rankings against sorting everything. */
#include "train/measure.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static void test_list(void **state)
{
    double v[MEASURE_COUNT];
    uint32_t list[100];
    struct training_act wanted[60];
    for (uint32_t i = 0; i < 100; i++)
        list[i] = 1000 - i;
    for (uint32_t i = 0; i < 60; i++)
        wanted[i] = (struct training_act){.item = i, .weight = 1};
    wanted[0].item = list[1]; /* ranks 2, 20, 21, 100 */
    wanted[1].item = list[19];
    wanted[2].item = list[20];
    wanted[3].item = list[99];
    measure_list(list, 100, wanted, 4, v);
    assert_true(near(v[MEASURE_RECALL_20], .5) && near(v[MEASURE_PLAIN_20], .5));
    assert_true(near(v[MEASURE_RECALL_50], .75) && near(v[MEASURE_RECALL_100], 1));
    assert_true(near(v[MEASURE_MRR], .5));
    double gain = 1 / log2(3), ideal = 1 + 1 / log2(3) + 1 / log2(4) + 1 / log2(5);
    assert_true(near(v[MEASURE_NDCG_10], gain / ideal));
    gain += 1 / log2(21) + 1 / log2(22) + 1 / log2(101);
    assert_true(near(v[MEASURE_NDCG_100], gain / ideal));
    /* More is wanted than the list can hold: only the plain recall minds. */
    measure_list(list, 100, wanted, 60, v);
    assert_true(near(v[MEASURE_RECALL_20], 2 / 20.) && near(v[MEASURE_PLAIN_20], 2 / 60.));
    assert_true(near(v[MEASURE_RECALL_50], 3 / 50.) && near(v[MEASURE_RECALL_100], 4 / 60.));
    measure_list(list, 0, wanted, 4, v);
    for (int k = 0; k < MEASURE_COUNT; k++)
        assert_true(v[k] == 0);
}

/* ---- whole rankings ---- */

struct table {
    uint32_t items;
    float (*of)(uint32_t reader, uint32_t item);
};

static void table_score(void *ctx, const struct split_case *cases, unsigned count, float *scores)
{
    struct table *t = ctx;
    for (unsigned k = 0; k < count; k++)
        for (uint32_t i = 0; i < t->items; i++)
            scores[(size_t)k * t->items + i] = t->of(cases[k].reader, i);
}

/* Few values, so that many are equal; every 13th item cannot be ranked. */
static float coarse(uint32_t reader, uint32_t item)
{
    return item % 13 == 5 ? NAN : (float)((item * 7 + reader * 11) % 50);
}

static bool before(uint32_t reader, uint32_t a, uint32_t b)
{
    float x = coarse(reader, a), y = coarse(reader, b);
    return x > y || (x == y && a < b);
}

static bool has(const struct training_act *a, uint32_t count, uint32_t item)
{
    for (uint32_t i = 0; i < count; i++)
        if (a[i].item == item)
            return true;
    return false;
}

static void check_ranks(const struct measured *m, uint32_t at, const struct split_case *c,
                        const uint8_t *among)
{
    const uint32_t *list = m->list + (size_t)at * MEASURE_DEPTH;
    for (uint32_t i = 0; i < m->length[at]; i++) {
        uint32_t ahead = 0;
        assert_false(has(c->given, c->given_count, list[i]));
        assert_true(list[i] % 13 != 5 && (!among || among[list[i]]));
        for (uint32_t j = 0; j < m->items; j++)
            ahead += !has(c->given, c->given_count, j) && j % 13 != 5 && (!among || among[j]) &&
                     before(c->reader, j, list[i]);
        assert_int_equal(ahead, i);
    }
}

static void test_all_are_ranked(void **state)
{
    struct training_set *s = set_make(100, 300, 10, 1, true, 0, 1);
    struct split *p = split_make(s, &(struct split_options){.kind = SPLIT_READERS, .test = 40});
    struct table t = {300, coarse};
    struct ranker r = {"table", &t, table_score};
    uint8_t even[300];
    for (uint32_t i = 0; i < 300; i++)
        even[i] = i % 2 == 0;
    for (int half = 0; half < 2; half++) {
        struct measure_options o = {.among = half ? even : NULL, .threads = 1};
        struct measured one, three;
        assert_int_equal(measure_run(p->test, 40, 300, &r, &o, &one, NULL), 0);
        o.threads = 3;
        assert_int_equal(measure_run(p->test, 40, 300, &r, &o, &three, NULL), 0);
        assert_int_equal(one.ranked, half ? 150 : 300);
        for (uint32_t i = 0; i < 40; i++) {
            assert_int_equal(one.length[i], 100);
            check_ranks(&one, i, &p->test[i], o.among);
        }
        assert_memory_equal(one.list, three.list, sizeof(uint32_t) * 40 * MEASURE_DEPTH);
        for (int k = 0; k < MEASURE_COUNT; k++)
            assert_memory_equal(one.values[k], three.values[k], 40 * sizeof(double));
        measured_release(&one);
        measured_release(&three);
    }
    split_free(p);
    set_free(s);
}

/* ---- spread and novelty ---- */

static float same_for_all(uint32_t reader, uint32_t item)
{
    return -(float)item;
}

/* Reader r has the 20 from 20 r on. */
static float one_each(uint32_t reader, uint32_t item)
{
    return item / 20 == reader ? 1 : 0;
}

static void measure(const struct split_case *cases, uint32_t count, uint32_t items,
                    float (*of)(uint32_t, uint32_t), const float *readers, struct measured *out)
{
    struct table t = {items, of};
    struct ranker r = {"table", &t, table_score};
    struct measure_options o = {.readers = readers, .reader_count = 7, .threads = 2};
    assert_int_equal(measure_run(cases, count, items, &r, &o, out, NULL), 0);
}

static void test_spread(void **state)
{
    struct training_act wanted = {.item = 3, .weight = 1};
    struct split_case cases[5] = {{0}};
    float readers[100];
    struct measured m, other;
    for (uint32_t i = 0; i < 5; i++)
        cases[i] = (struct split_case){.reader = i, .wanted = &wanted, .wanted_count = 1};
    for (uint32_t i = 0; i < 100; i++)
        readers[i] = i < 20 ? 1 : 3;
    measure(cases, 5, 100, one_each, readers, &m);
    assert_true(near(m.coverage, 1) && near(m.gini, 0));
    assert_true(near(m.values[MEASURE_NOVELTY][0], 2)); /* (1 + 1) / (7 + 1) */
    assert_true(near(m.values[MEASURE_NOVELTY][4], 1));
    measure(cases, 5, 100, same_for_all, readers, &other);
    assert_true(near(other.coverage, .2) && near(other.gini, .8));
    assert_true(near(other.values[MEASURE_MRR][2], .25));
    measured_append(&m, &other);
    assert_int_equal(m.cases, 10);
    assert_true(near(m.coverage, .6) && near(m.gini, .4));
    assert_true(near(measured_mean(&m, MEASURE_NOVELTY, 1).mean, (2 + 4 + 10) / 10.));
    measured_release(&m);
    measured_release(&other);
}

static float better(uint32_t reader, uint32_t item)
{
    return item == 3 ? 2 : same_for_all(reader, item);
}

static void test_compare(void **state)
{
    struct training_act wanted = {.item = 3, .weight = 1};
    struct split_case cases[20] = {{0}};
    struct measured a, b;
    for (uint32_t i = 0; i < 20; i++)
        cases[i] = (struct split_case){.reader = i, .wanted = &wanted, .wanted_count = 1};
    measure(cases, 20, 100, better, NULL, &a);
    measure(cases, 20, 100, same_for_all, NULL, &b);
    struct measured_difference d = measured_compare(&a, &b, MEASURE_MRR, 1);
    assert_true(near(d.mean, .75) && d.p < .001 && d.range.low > .7);
    d = measured_compare(&b, &a, MEASURE_MRR, 1);
    assert_true(near(d.mean, -.75) && d.p < .001 && d.range.high < -.7);
    d = measured_compare(&a, &a, MEASURE_MRR, 1);
    assert_true(near(d.mean, 0) && near(d.p, 1));
    measured_release(&a);
    measured_release(&b);
}

static void test_cancel(void **state)
{
    struct training_act wanted = {.item = 3, .weight = 1};
    struct split_case c = {.wanted = &wanted, .wanted_count = 1};
    struct table t = {100, better};
    struct ranker r = {"table", &t, table_score};
    atomic_bool stop = true;
    struct measured m;
    struct err_info e = {0};
    struct measure_options o = {.stop = &stop};
    assert_int_equal(measure_run(&c, 1, 100, &r, &o, &m, &e), ERR_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),   cmocka_unit_test(test_all_are_ranked),
        cmocka_unit_test(test_spread), cmocka_unit_test(test_compare),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
