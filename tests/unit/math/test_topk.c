#include "levels.h"
#include "math/topk.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_order(const void *a, const void *b)
{
    const struct topk_item *x = a, *y = b;
    return topk_before(*x, *y) ? -1 : topk_before(*y, *x) ? 1 : 0;
}

/* Few distinct scores, so that ties are common; each count and each k against a full sort. */
static void test_against_sort(void **state)
{
    struct rng r;
    rng_init(&r, 5);
    for (unsigned round = 0; round < 2000; round++) {
        struct topk_item all[64], kept[64];
        size_t count = rng_below(&r, 65), k = rng_below(&r, 20);
        struct topk t;
        topk_init(&t, kept, k);
        for (size_t i = 0; i < count; i++) {
            all[i] = (struct topk_item){(float)rng_below(&r, 5) - 2, rng_below(&r, 1000) * 64 + i};
            bool wanted = topk_wants(&t, all[i].score, all[i].id);
            assert_int_equal(topk_add(&t, all[i].score, all[i].id), wanted);
        }
        qsort(all, count, sizeof *all, by_order);
        topk_sort(&t);
        assert_int_equal(t.count, count < k ? count : k);
        for (size_t i = 0; i < t.count; i++)
            assert_true(kept[i].score == all[i].score && kept[i].id == all[i].id);
    }
}

static void test_nan_is_never_kept(void **state)
{
    struct topk_item kept[2];
    struct topk t;
    topk_init(&t, kept, 2);
    assert_false(topk_add(&t, NAN, 1));
    assert_true(topk_add(&t, -INFINITY, 2));
    assert_true(topk_add(&t, 1, 3));
    assert_false(topk_add(&t, NAN, 0));
    topk_sort(&t);
    assert_true(kept[0].id == 3 && kept[1].id == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_sort),
        cmocka_unit_test(test_nan_is_never_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
