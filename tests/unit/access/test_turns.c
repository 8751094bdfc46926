#include "access/turns.h"
#include "base/rng.h"
#include "base/thread.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000LL

static void *item(uintptr_t n)
{
    return (void *)n;
}

static uintptr_t pop(struct turns *t, int64_t now)
{
    uint64_t who = 0;
    uintptr_t n = (uintptr_t)turns_pop(t, &who, now);
    if (n) {
        assert_int_equal(who, n / 100);
        turns_leave(t, who);
    }
    return n;
}

static void one_after_the_other_of_each(void **state)
{
    struct turns *t = turns_new(16, 4);
    for (uintptr_t i = 0; i < 6; i++)
        assert_null(turns_push(t, 1, item(100 + i), 0));
    assert_null(turns_push(t, 2, item(200), 0));
    assert_null(turns_push(t, 3, item(300), 0));
    assert_null(turns_push(t, 3, item(301), 0));
    static const uintptr_t order[] = {100, 200, 300, 101, 301, 102, 103, 104, 105, 0};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        assert_int_equal(pop(t, 0), order[i]);
    turns_free(t);
}

static void the_longest_loses_its_newest(void **state)
{
    struct turns *t = turns_new(4, 2);
    for (uintptr_t i = 0; i < 4; i++)
        assert_null(turns_push(t, 1, item(100 + i), 0));
    assert_ptr_equal(turns_push(t, 1, item(104), 0), item(104)); /* itself */
    assert_ptr_equal(turns_push(t, 2, item(200), 0), item(103));
    assert_ptr_equal(turns_push(t, 3, item(300), 0), item(102));
    assert_ptr_equal(turns_push(t, 2, item(201), 0), item(201)); /* would be as long */
    assert_int_equal(turns_count(t), 4);
    static const uintptr_t order[] = {100, 200, 300, 101, 0};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        assert_int_equal(pop(t, 0), order[i]);
    turns_free(t);
}

static void half_of_the_seats_while_others_ask(void **state)
{
    struct turns *t = turns_new(16, 4);
    uint64_t who;
    for (uintptr_t i = 0; i < 8; i++)
        assert_null(turns_push(t, 1, item(100 + i), 0));
    for (int i = 0; i < 4; i++) /* alone: all seats */
        assert_non_null(turns_pop(t, &who, 0));
    for (int i = 0; i < 4; i++)
        turns_leave(t, 1);
    assert_null(turns_push(t, 2, item(200), SECOND));
    assert_ptr_equal(turns_pop(t, &who, SECOND), item(104));
    assert_ptr_equal(turns_pop(t, &who, SECOND), item(200));
    assert_ptr_equal(turns_pop(t, &who, SECOND), item(105));
    assert_null(turns_pop(t, &who, SECOND));                     /* a seat is kept for 2 */
    assert_ptr_equal(turns_pop(t, &who, 2 * SECOND), item(106)); /* 2 has gone */
    turns_free(t);
}

/* Against the plainest model: whatever comes and goes, nothing is lost or comes twice, each
 * subject's in their order, and while a subject waits no other is served more than once between. */
static void nothing_is_lost(void **state)
{
    struct rng rng;
    rng_init(&rng, 3);
    struct turns *t = turns_new(32, 3);
    enum { SUBJECTS = 7, STEPS = 200000 };
    uintptr_t next[SUBJECTS + 1] = {0}, last[SUBJECTS + 1] = {0}, sitting[3];
    size_t in = 0, out = 0, sits = 0;
    for (size_t i = 0; i < STEPS; i++) {
        uint64_t who = 1 + rng_below(&rng, SUBJECTS);
        if (rng_below(&rng, 2)) {
            void *lost = turns_push(t, who, item(who * 10000000 + ++next[who]), (int64_t)i * 1000);
            in += lost == NULL;
        } else if (sits < 3) {
            uintptr_t n = (uintptr_t)turns_pop(t, &who, (int64_t)i * 1000);
            if (n) {
                assert_int_equal(n / 10000000, who);
                assert_true(n % 10000000 > last[who]);
                last[who] = n % 10000000;
                sitting[sits++] = who;
                out++;
            }
        }
        if (sits && rng_below(&rng, 2))
            turns_leave(t, sitting[--sits]);
        assert_int_equal(turns_count(t), in - out);
    }
    assert_true(out > STEPS / 10);
    turns_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other_of_each),
        cmocka_unit_test(the_longest_loses_its_newest),
        cmocka_unit_test(half_of_the_seats_while_others_ask),
        cmocka_unit_test(nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
