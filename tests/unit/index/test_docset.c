#include "base/rng.h"
#include "index/docset.h"
#include "index/posting.h"

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

/* Through all three forms and back. */
static void test_posting(void **state)
{
    struct rng r;
    rng_init(&r, 2);
    for (int round = 0; round < 40; round++) {
        struct posting p = {0};
        struct docset d, into;
        docset_init(&d);
        unsigned adding = 1 + (unsigned)rng_below(&r, 9);
        for (int i = 0; i < 4000; i++) {
            uint32_t x = (uint32_t)rng_below(&r, SPAN);
            bool had = docset_has(&d, x);
            if (rng_below(&r, 10) < (i < 2000 ? adding : 10 - adding)) {
                assert_int_equal(posting_add(&p, x), !had);
                docset_add(&d, x);
            } else {
                assert_int_equal(posting_remove(&p, x), had);
                docset_remove(&d, x);
            }
            assert_int_equal(p.count, d.count);
            assert_int_equal(posting_has(&p, x), docset_has(&d, x));
            assert_true(posting_next(&p, x) == docset_next(&d, x));
        }
        docset_init(&into);
        posting_into(&p, &into);
        assert_int_equal(posting_shared(&p, &d), d.count);
        docset_minus(&into, &d);
        assert_int_equal(into.count, 0);
        docset_release(&into);
        docset_release(&d);
        posting_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_posting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
