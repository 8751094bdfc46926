/* Splits: nothing is lost or seen twice, shares are kept, and nobody's place depends on others. */
#include "train/split.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const enum split_kind kinds[] = {SPLIT_READERS, SPLIT_TIME, SPLIT_ITEMS};

/* The place of a reader in the training set, or -1. */
static long trained(const struct split *p, uint64_t key)
{
    for (uint32_t r = 0; r < p->train->readers; r++)
        if (p->train->keys[r] == key)
            return r;
    return -1;
}

static bool holds(const struct training_act *a, size_t count, uint32_t item)
{
    for (size_t i = 0; i < count; i++)
        if (a[i].item == item)
            return true;
    return false;
}

static size_t acts_in_training(const struct split *p, uint64_t key, struct training_act **out)
{
    long r = trained(p, key);
    if (r < 0)
        return 0;
    *out = p->train->acts + p->train->start[r];
    return p->train->start[r + 1] - p->train->start[r];
}

static void check_case(const struct training_set *s, const struct split *p, enum split_kind kind,
                       const struct split_case *c)
{
    struct training_act *own = NULL;
    size_t count = acts_in_training(p, s->keys[c->reader], &own);
    assert_true(c->given_count > 0 && c->wanted_count > 0);
    for (uint32_t i = 0; i < c->wanted_count; i++) {
        assert_true(c->wanted[i].weight > 0);
        assert_false(holds(c->given, c->given_count, c->wanted[i].item));
        assert_false(holds(own, count, c->wanted[i].item));
    }
    for (uint32_t i = 1; i < c->given_count; i++)
        assert_true(c->given[i - 1].time_us <= c->given[i].time_us);
    if (kind == SPLIT_READERS) {
        assert_int_equal(count, 0);
        assert_int_equal(c->given_count + c->wanted_count,
                         s->start[c->reader + 1] - s->start[c->reader]);
    } else {
        assert_int_equal(c->reader_is_new, count == 0);
        if (!c->reader_is_new) /* what is given is what was trained on */
            assert_int_equal(c->given_count, count);
    }
}

static void test_disjoint(void **state)
{
    struct training_set *s = set_make(400, 120, 10, 1, true, 0, 1);
    for (size_t k = 0; k < 3; k++) {
        struct split *p = split_make(s, &(struct split_options){.kind = kinds[k], .seed = 7});
        assert_true(p->validation_count > 20 && p->test_count > 20);
        for (uint32_t i = 0; i < p->validation_count; i++)
            check_case(s, p, kinds[k], &p->validation[i]);
        for (uint32_t i = 0; i < p->test_count; i++)
            check_case(s, p, kinds[k], &p->test[i]);
        for (uint32_t i = 0; i < p->validation_count; i++)
            for (uint32_t j = 0; j < p->test_count; j++)
                assert_int_not_equal(p->validation[i].reader, p->test[j].reader);
        split_free(p);
    }
    set_free(s);
}

/* Of readers: who is not held out is trained on, whole. */
static void test_readers(void **state)
{
    struct training_set *s = set_make(4000, 100, 10, 1, false, 0, 2);
    struct split *p = split_make(s, &(struct split_options){.kind = SPLIT_READERS, .seed = 42});
    uint32_t held = p->validation_count + p->test_count;
    assert_in_range(held, 700, 900);
    assert_in_range(p->test_count, 340, 460);
    assert_int_equal(p->train->readers + held, 4000);
    for (uint32_t r = 0; r < p->train->readers; r += 50) {
        uint32_t of = 0;
        while (s->keys[of] != p->train->keys[r])
            of++;
        assert_memory_equal(p->train->acts + p->train->start[r], s->acts + s->start[of],
                            (s->start[of + 1] - s->start[of]) * sizeof *s->acts);
    }
    for (uint32_t i = 0; i < p->test_count; i++) {
        const struct split_case *c = &p->test[i];
        assert_int_equal(c->wanted_count, (c->wanted_count + c->given_count) / 5);
    }
    split_free(p);
    set_free(s);
}

static void test_so_many(void **state)
{
    struct training_set *s = set_make(300, 100, 10, 1, false, 0, 3);
    struct split_options o = {.kind = SPLIT_READERS, .validation = 40, .test = 50, .seed = 1};
    struct split *p = split_make(s, &o);
    assert_int_equal(p->validation_count, 40);
    assert_int_equal(p->test_count, 50);
    assert_int_equal(p->train->readers, 210);
    split_free(p);
    o = (struct split_options){.kind = SPLIT_READERS, .part_max = 10, .seed = 1};
    p = split_make(s, &o);
    assert_int_equal(p->validation_count, 10);
    assert_int_equal(p->test_count, 10);
    assert_int_equal(p->train->readers, 280);
    split_free(p);
    set_free(s);
}

/* Who liked less than acts_min is trained on. */
static void test_too_little(void **state)
{
    struct training_set *s = set_make(200, 100, 4, 1, true, 0, 4);
    struct split *p =
        split_make(s, &(struct split_options){.kind = SPLIT_READERS, .test = 200, .acts_min = 6});
    assert_true(p->test_count > 0 && p->test_count < 120);
    for (uint32_t i = 0; i < p->test_count; i++) {
        const struct split_case *c = &p->test[i];
        uint32_t likes = c->wanted_count;
        for (uint32_t g = 0; g < c->given_count; g++)
            likes += c->given[g].weight > 0;
        assert_true(likes >= 6);
    }
    assert_int_equal(p->train->readers, 200 - p->test_count);
    split_free(p);
    set_free(s);
}

static void test_time(void **state)
{
    struct training_set *s = set_make(1000, 100, 10, 1, false, 0, 5);
    struct split *p = split_make(s, &(struct split_options){.kind = SPLIT_TIME, .held_out = .3});
    size_t before = p->train->start[p->train->readers], all = s->start[s->readers];
    uint32_t late = 0;
    assert_true(fabs((double)before - .7 * (double)all) <= .01 * (double)all);
    for (size_t i = 0; i < before; i++)
        assert_true(p->train->acts[i].time_us < p->after_us);
    for (uint32_t i = 0; i < p->test_count; i++) {
        const struct split_case *c = &p->test[i];
        late += c->reader_is_new;
        assert_true(c->wanted[0].time_us >= p->after_us);
        assert_true(c->given[c->given_count - 1].time_us <= c->wanted[0].time_us);
        assert_int_equal(c->reader_is_new, c->given[0].time_us >= p->after_us);
    }
    assert_true(late < p->test_count);
    split_free(p);
    set_free(s);
}

/* Readers who begin after the moment: the last fifth of what they did is to be found. */
static void test_new_readers(void **state)
{
    struct training_set *s = set_make(2000, 100, 10, 1, false, 0, 6);
    for (uint32_t r = 0; r < 2000; r++) /* one after the other */
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++)
            s->acts[i].time_us = r * 1000000 + (int64_t)(i - s->start[r]);
    struct split *p = split_make(s, &(struct split_options){.kind = SPLIT_TIME});
    assert_in_range(p->validation_count + p->test_count, 380, 420);
    for (uint32_t i = 0; i < p->test_count; i++) {
        const struct split_case *c = &p->test[i];
        if (!c->reader_is_new)
            continue;
        assert_int_equal(c->wanted_count, (c->given_count + c->wanted_count) / 5);
        assert_true(c->given[c->given_count - 1].time_us < c->wanted[0].time_us);
    }
    split_free(p);
    for (size_t i = 0; i < s->start[2000]; i++)
        s->acts[i].time_us = 5; /* no times: nothing comes after */
    p = split_make(s, &(struct split_options){.kind = SPLIT_TIME});
    assert_int_equal(p->validation_count + p->test_count, 0);
    assert_int_equal(p->train->start[p->train->readers], s->start[2000]);
    split_free(p);
    set_free(s);
}

static void test_items(void **state)
{
    struct training_set *s = set_make(300, 2000, 20, 1, false, 0, 7);
    struct split *p = split_make(s, &(struct split_options){.kind = SPLIT_ITEMS, .seed = 3});
    assert_in_range(p->items_new, 330, 470);
    for (size_t i = 0; i < p->train->start[p->train->readers]; i++)
        assert_false(p->item_is_new[p->train->acts[i].item]);
    for (uint32_t i = 0; i < p->test_count; i++) {
        const struct split_case *c = &p->test[i];
        for (uint32_t k = 0; k < c->wanted_count; k++)
            assert_true(p->item_is_new[c->wanted[k].item]);
        for (uint32_t k = 0; k < c->given_count; k++)
            assert_false(p->item_is_new[c->given[k].item]);
    }
    split_free(p);
    set_free(s);
}

/* The set without the readers at odd places. */
static struct training_set *half_of(const struct training_set *s)
{
    struct training_set *h = xcalloc(1, sizeof *h);
    *h = *s;
    h->readers = 0;
    h->keys = xcalloc(s->readers, sizeof *h->keys);
    h->start = xcalloc((size_t)s->readers + 1, sizeof *h->start);
    h->acts = xcalloc(s->start[s->readers], sizeof *h->acts);
    for (uint32_t r = 0; r < s->readers; r += 2) {
        size_t n = s->start[r + 1] - s->start[r];
        memcpy(h->acts + h->start[h->readers], s->acts + s->start[r], n * sizeof *h->acts);
        h->keys[h->readers++] = s->keys[r];
        h->start[h->readers] = h->start[h->readers - 1] + n;
    }
    return h;
}

static const struct split_case *case_of(const struct training_set *s, const struct split_case *c,
                                        uint32_t count, uint64_t key)
{
    for (uint32_t i = 0; i < count; i++)
        if (s->keys[c[i].reader] == key)
            return &c[i];
    return NULL;
}

/* Readers that are there whether others are or not, are held out alike, with the same given. */
static void test_independent(void **state)
{
    struct training_set *s = set_make(500, 300, 12, 1, false, 0, 8), *h = half_of(s);
    for (size_t k = 0; k < 3; k += 2) {
        struct split_options o = {.kind = kinds[k], .seed = 11};
        struct split *all = split_make(s, &o), *half = split_make(h, &o);
        for (uint32_t r = 0; r < h->readers; r++) {
            const struct split_case *a = case_of(s, all->test, all->test_count, h->keys[r]);
            const struct split_case *b = case_of(h, half->test, half->test_count, h->keys[r]);
            assert_int_equal(!a, !b);
            if (!a)
                continue;
            assert_int_equal(a->given_count, b->given_count);
            assert_memory_equal(a->given, b->given, a->given_count * sizeof *a->given);
        }
        split_free(all);
        split_free(half);
    }
    free(h->keys);
    free(h->start);
    free(h->acts);
    free(h);
    set_free(s);
}

static bool same(const struct split *a, const struct split *b)
{
    if (a->test_count != b->test_count)
        return false;
    for (uint32_t i = 0; i < a->test_count; i++)
        if (a->test[i].reader != b->test[i].reader ||
            a->test[i].given_count != b->test[i].given_count ||
            memcmp(a->test[i].given, b->test[i].given,
                   a->test[i].given_count * sizeof *a->test[i].given) != 0)
            return false;
    return true;
}

static void test_seeds(void **state)
{
    struct training_set *s = set_make(500, 300, 12, 1, false, 0, 9);
    for (size_t k = 0; k < 3; k += 2) {
        struct split *a = split_make(s, &(struct split_options){.kind = kinds[k], .seed = 1});
        struct split *b = split_make(s, &(struct split_options){.kind = kinds[k], .seed = 1});
        struct split *c = split_make(s, &(struct split_options){.kind = kinds[k], .seed = 2});
        assert_true(same(a, b));
        assert_false(same(a, c));
        split_free(a);
        split_free(b);
        split_free(c);
    }
    set_free(s);
}

static void test_empty(void **state)
{
    struct training_set *s = set_make(0, 5, 3, 1, false, 0, 1);
    for (size_t k = 0; k < 3; k++) {
        struct split *p = split_make(s, &(struct split_options){.kind = kinds[k]});
        assert_int_equal(p->test_count + p->validation_count + p->train->readers, 0);
        split_free(p);
    }
    set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disjoint), cmocka_unit_test(test_readers),
        cmocka_unit_test(test_so_many),  cmocka_unit_test(test_too_little),
        cmocka_unit_test(test_time),     cmocka_unit_test(test_new_readers),
        cmocka_unit_test(test_items),    cmocka_unit_test(test_independent),
        cmocka_unit_test(test_seeds),    cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
