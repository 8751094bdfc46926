#include "index/posting.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define SPAN 1000

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
        cmocka_unit_test(test_posting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
