/* The index under random documents, updates and deletions answers every query as an exhaustive
 * scorer does that knows nothing of lists. */
#include "world.h"

#include "math/simd.h"

#include "../sanitized.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define ROUNDS (SLOW ? 6u : 30u)
#define CHANGES 150u
#define QUERIES 12u

static void within_draw(struct world *w, struct lexical_query *q, struct docset *within)
{
    if (rng_below(&w->rng, 3))
        return;
    uint64_t part = 1 + rng_below(&w->rng, rng_below(&w->rng, 2) ? 20 : w->numbers);
    for (uint32_t i = 0; i < w->numbers; i++)
        if (rng_below(&w->rng, part) == 0)
            docset_add(within, i);
    q->within = within;
}

static void queries_check(struct world *w, unsigned count)
{
    struct arena *a = arena_new(0);
    for (unsigned i = 0; i < count; i++) {
        struct docset within;
        docset_init(&within);
        struct lexical_query q = world_query(w, a);
        within_draw(w, &q, &within);
        world_check_query(w, &q, a);
        docset_release(&within);
        arena_reset(a);
    }
    arena_free(a);
}

static void change(struct world *w, unsigned deletions)
{
    uint32_t number = 1 + (uint32_t)rng_below(&w->rng, w->numbers - 1);
    if (rng_below(&w->rng, 10) < deletions)
        world_delete(w, number);
    else
        world_put(w, number);
}

static void level_next(void)
{
    static unsigned at;
    while (!simd_supported((enum simd_level)(++at % SIMD_LEVELS)))
        ;
    simd_force((enum simd_level)(at % SIMD_LEVELS));
}

static void run(uint64_t seed, uint32_t numbers, unsigned words, unsigned length, unsigned rounds)
{
    struct world w;
    world_init(&w, seed, numbers, words, length);
    for (unsigned round = 0; round < rounds; round++) {
        level_next();
        unsigned deletions = round % 8 == 5 ? 9 : round % 8 < 3 ? 1 : 4;
        for (unsigned i = 0; i < (round == 0 ? numbers : CHANGES); i++)
            change(&w, deletions);
        world_check(&w);
        assert_int_equal(lexical_check(w.x, NULL), ERR_OK);
        queries_check(&w, QUERIES);
    }
    for (uint32_t i = 0; i < numbers; i++)
        world_delete(&w, i);
    world_check(&w);
    queries_check(&w, 3);
    world_release(&w);
}

static void test_few_words(void **state)
{
    run(1, 900, 40, 30, ROUNDS); /* lists of many blocks */
}

static void test_many_words(void **state)
{
    run(2, 500, 3000, 60, ROUNDS);
}

static void test_many_windows(void **state)
{
    run(3, 13000, 300, 9, ROUNDS / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_few_words),
                                       cmocka_unit_test(test_many_words),
                                       cmocka_unit_test(test_many_windows)};
    return THREADS_ONLY ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
