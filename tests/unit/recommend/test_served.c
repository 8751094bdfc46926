/* The payload of the log of answers: what is packed comes back, what is broken is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/rng.h"
#include "recommend/served.h"
#include <math.h>
#include <string.h>

enum { SLOTS = 7, FEATURES = 8 };

static struct arena *a;
static float features[SLOTS][FEATURES];
static struct served_slot slots[SLOTS];
static struct strbuf packed;

static int setup(void **state)
{
    struct rng r;
    rng_init(&r, 7);
    a = arena_new(0);
    for (unsigned i = 0; i < SLOTS; i++) {
        for (unsigned f = 0; f < FEATURES; f++)
            features[i][f] = (i + f) % 3 ? rng_normal(&r) : NAN;
        slots[i] =
            (struct served_slot){1u << (i * 5), rng_normal(&r), i % 2 ? 1.0f : .25f, features[i]};
    }
    strbuf_init(&packed, 0);
    served_pack(slots, SLOTS, 300, FEATURES, &packed);
    return 0;
}

static int teardown(void **state)
{
    strbuf_release(&packed);
    arena_free(a);
    return 0;
}

static bool same(float x, float y)
{
    return isnan(x) ? isnan(y) : x == y;
}

static void comes_back(size_t wanted)
{
    struct served_list list;
    assert_int_equal(served_unpack(strbuf_str(&packed), wanted, a, &list, NULL), ERR_OK);
    assert_int_equal(list.count, SLOTS);
    assert_int_equal(list.first, 300);
    for (size_t i = 0; i < SLOTS; i++) {
        assert_int_equal(list.slots[i].number, slots[i].number);
        assert_true(list.slots[i].score == slots[i].score);
        assert_true(list.slots[i].propensity == slots[i].propensity);
        for (size_t f = 0; f < wanted; f++)
            assert_true(same(list.slots[i].features[f], f < FEATURES ? features[i][f] : NAN));
    }
}

static void slots_come_back_with_as_many_features_as_are_asked_for(void **state)
{
    comes_back(FEATURES);
    comes_back(0);
    comes_back(3);
    comes_back(FEATURES + 5);
}

static void an_empty_answer_comes_back(void **state)
{
    struct served_list list = {.count = 9};
    struct strbuf none;
    strbuf_init(&none, 0);
    served_pack(NULL, 0, 0, FEATURES, &none);
    assert_int_equal(served_unpack(strbuf_str(&none), FEATURES, a, &list, NULL), ERR_OK);
    assert_int_equal(list.count, 0);
    strbuf_release(&none);
}

static void what_is_cut_short_or_longer_is_refused(void **state)
{
    struct served_list list;
    for (size_t n = 0; n < packed.n; n++)
        assert_int_equal(served_unpack((struct str){packed.buf, n}, FEATURES, a, &list, NULL),
                         ERR_CORRUPT);
    strbuf_add_char(&packed, 0);
    assert_int_equal(served_unpack(strbuf_str(&packed), FEATURES, a, &list, NULL), ERR_CORRUPT);
    strbuf_clear(&packed);
    served_pack(slots, SLOTS, 300, FEATURES, &packed);
}

static void refused(const char *bytes, size_t n)
{
    struct served_list list;
    size_t before = arena_bytes(a);
    assert_int_equal(served_unpack((struct str){bytes, n}, FEATURES, a, &list, NULL), ERR_CORRUPT);
    assert_true(arena_bytes(a) - before < 4096);
}

/* Counts that a head claims are not believed before memory is taken. */
static void wrong_heads_and_slots_are_refused(void **state)
{
    refused("\x02\x00\x00\x00", 4);                                  /* version */
    refused("\x01\x00\x8f\x4e\x00", 5);                              /* 9,999 slots in no bytes */
    refused("\x01\x00\xff\xff\xff\xff\x0f\x00", 8);                  /* 2^32 - 1 slots */
    refused("\x01\x00\x00\x7f", 4);                                  /* 127 features */
    refused("\x01\x80\x00\x00\x00", 5);                              /* 0 in two bytes */
    refused("\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00", 10);         /* document 0 */
    refused("\x01\x00\x01\x00\x01\x00\x00\x00\xc0\x7f", 10);         /* score NaN */
    refused("\x01\x00\x01\x00\x01\x02\x00\x00\x00\x00", 10);         /* a feature too many */
    refused("\x01\x00\x01\x00\x01\x01\0\0\0\0\x00\x00\x00\x40", 14); /* propensity 2 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_come_back_with_as_many_features_as_are_asked_for),
        cmocka_unit_test(an_empty_answer_comes_back),
        cmocka_unit_test(what_is_cut_short_or_longer_is_refused),
        cmocka_unit_test(wrong_heads_and_slots_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
