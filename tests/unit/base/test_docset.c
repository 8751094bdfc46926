#include "base/docset.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SPAN 1000

struct plain {
    bool has[SPAN];
};

static void same(const struct docset *d, const struct plain *p)
{
    size_t count = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < SPAN; i++) {
        assert_int_equal(docset_has(d, i), p->has[i]);
        if (!p->has[i])
            continue;
        count++;
        assert_int_equal(docset_next(d, next), i);
        next = i + 1;
    }
    assert_int_equal(d->count, count);
    assert_true(docset_next(d, next) == UINT32_MAX);
}

static void fill(struct rng *r, struct docset *d, struct plain *p, unsigned n, uint32_t below)
{
    docset_init(d);
    memset(p, 0, sizeof *p);
    while (n--) {
        uint32_t x = (uint32_t)rng_below(r, below);
        docset_add(d, x);
        p->has[x] = true;
    }
}

static void test_random(void **state)
{
    struct rng r;
    rng_init(&r, 1);
    for (int round = 0; round < 300; round++) {
        struct docset a, b, c;
        struct plain pa, pb, pc = {0};
        fill(&r, &a, &pa, (unsigned)rng_below(&r, 300), round % 2 ? SPAN : 200);
        fill(&r, &b, &pb, (unsigned)rng_below(&r, 300), round % 3 ? SPAN : 100);
        for (int i = 0; i < 20; i++) {
            uint32_t x = (uint32_t)rng_below(&r, SPAN);
            docset_remove(&a, x);
            pa.has[x] = false;
        }
        same(&a, &pa);
        docset_init(&c);
        for (int op = 0; op < 3; op++) {
            docset_copy(&c, &a);
            same(&c, &pa);
            (op == 0 ? docset_and : op == 1 ? docset_or : docset_minus)(&c, &b);
            for (int i = 0; i < SPAN; i++)
                pc.has[i] = op == 0   ? pa.has[i] && pb.has[i]
                            : op == 1 ? pa.has[i] || pb.has[i]
                                      : pa.has[i] && !pb.has[i];
            same(&c, &pc);
        }
        docset_release(&a);
        docset_release(&b);
        docset_release(&c);
    }
}

static void test_empty(void **state)
{
    struct docset a, b;
    docset_init(&a);
    docset_init(&b);
    docset_and(&a, &b);
    docset_or(&a, &b);
    docset_minus(&a, &b);
    docset_copy(&a, &b);
    docset_remove(&a, 7);
    assert_int_equal(a.count, 0);
    assert_true(docset_next(&a, 0) == UINT32_MAX);
    docset_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
