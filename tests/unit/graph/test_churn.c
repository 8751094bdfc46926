/* What many changes leave behind: recall, slots, links; nothing that was deleted. */
#include "base/arena.h"
#include "base/rng.h"
#include "graph/internal.h"
#include "math/dot.h"
#include "math/half.h"

#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define QUERIES (SLOW ? 60u : 200u)
#define WIDTH 128

/* As who owns a graph does it: a delete is followed by some refining. */
static void refine_for(struct world *w, uint32_t deleted)
{
    for (uint32_t i = 0; i < deleted; i++)
        graph_refine_step(w->g, 2);
}

static void half_deleted(struct world *w)
{
    for (uint32_t n = w->slot_count / 2; n > 0; n--) {
        delete_at(w, (uint32_t)rng_below(&rng, w->slot_count));
        refine_for(w, 1);
    }
}

/* A third of the clusters go, whole; what comes in their place may be in them again. */
static void clusters_deleted(struct world *w, uint32_t round)
{
    for (uint32_t c = round % 3; c < w->centres; c += 3) {
        uint32_t before = w->slot_count;
        delete_centre(w, c);
        refine_for(w, before - w->slot_count);
    }
}

/* Recall of a graph that is made of the same rows, with the same queries; the generator is moved as
 * one recall moves it. */
static void expect_as_fresh(struct world *w, unsigned round)
{
    struct world fresh = world_fresh(w);
    struct rng same = rng;
    double wanted = recall(&fresh, QUERIES, WIDTH);
    rng = same;
    double found = recall(w, QUERIES, WIDTH), themselves = found_themselves(w, WIDTH);
    if (found < wanted - .01)
        fail_msg("round %u: recall %.4f, %.4f when built anew; %u rows of %u dimensions", round,
                 found, wanted, w->slot_count, w->dims);
    if (themselves < .999)
        fail_msg("round %u: %.4f of %u rows of %u dimensions find themselves", round, themselves,
                 w->slot_count, w->dims);
    world_free(&fresh);
}

static void churn(uint32_t dims, uint32_t rows, uint32_t centres, float noise, unsigned rounds)
{
    struct world w = world_new(dims, centres, noise);
    add_many(&w, rows);
    for (unsigned round = 1; round <= rounds; round++) {
        if (round % 2)
            half_deleted(&w);
        else
            clusters_deleted(&w, round);
        check(&w, .999);
        add_many(&w, rows - w.slot_count);
        check(&w, .999);
        if (round % 5 == 0 || round == rounds)
            expect_as_fresh(&w, round);
        if (graph_slots_end(w.g) > rows + rows / 20)
            fail_msg("round %u: %u slots for %u rows of %u dimensions", round, graph_slots_end(w.g),
                     rows, dims);
    }
    world_free(&w);
}

static void test_ten_rounds(void **state)
{
    churn(32, SLOW ? 300 : 2000, 30, .5f, 10);
    churn(100, SLOW ? 300 : 2000, 40, .3f, 10);
    churn(384, SLOW ? 200 : 1000, 30, .6f, 10);
}

static void test_odd_dims(void **state)
{
    churn(1, 100, 2, .5f, 4);
    churn(33, 200, 10, .5f, 4);
    memory_fill_stop(); /* a chunk of these is 400 MB, most of it never touched */
    churn(4096, 60, 6, .5f, 2);
    memory_fill();
}

/* Without any refining slots are used again all the same. */
static void test_not_refined(void **state)
{
    struct world w = world_new(96, 40, .8f);
    uint32_t rows = SLOW ? 500 : 1500;
    add_many(&w, rows);
    for (unsigned i = 0; i < 4 * rows; i++) {
        delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
        add_many(&w, 1);
    }
    check(&w, .999);
    if (graph_slots_end(w.g) > rows + rows / 4)
        fail_msg("%u slots for %u rows", graph_slots_end(w.g), rows);
    world_free(&w);
}

/* It links to all that link to it. */
static bool links_are_mutual(const struct world *w, uint32_t slot)
{
    uint32_t own[DEGREE], list[DEGREE];
    unsigned own_count = links_read(w->g, slot, own), mutual = 0;
    for (unsigned i = 0; i < own_count; i++) {
        unsigned n = links_read(w->g, own[i], list);
        for (unsigned j = 0; j < n; j++)
            mutual += list[j] == slot;
    }
    return mutual == indegree_of(w->g, slot);
}

/* Where all that leads to a slot is found, it is free at once. */
static void test_links_all_found(void **state)
{
    struct world w = world_new(96, 4, .8f);
    unsigned mutual = 0;
    add_many(&w, 12);
    for (unsigned i = 0; i < 300; i++) {
        uint32_t at = (uint32_t)rng_below(&rng, w.slot_count);
        bool expected = links_are_mutual(&w, w.slots[at]);
        size_t before = w.g->limbo_count;
        delete_at(&w, at);
        if (expected)
            assert_int_equal(w.g->limbo_count, before);
        mutual += expected;
        add_many(&w, 1);
    }
    assert_true(mutual > 30);
    check(&w, 1);
    world_free(&w);
}

static void test_clusters_deleted(void **state)
{
    struct world w = world_new(96, 40, .3f);
    add_many(&w, SLOW ? 600 : 3000);
    for (uint32_t gone = 0; gone < 36; gone++) {
        uint32_t before = w.slot_count;
        delete_centre(&w, gone);
        refine_for(&w, before - w.slot_count);
        if (gone % 9 == 8) {
            check(&w, .999);
            expect_as_fresh(&w, gone);
        }
    }
    while (w.slot_count)
        delete_at(&w, 0);
    check(&w, 1);
    add_many(&w, 20);
    check(&w, 1);
    assert_true(found_themselves(&w, 20) == 1);
    world_free(&w);
}

/* All rows of one moment are gone at the next, many times: codings come and go with them. */
static void test_all_replaced(void **state)
{
    struct world w = world_new(64, 16, .4f);
    for (unsigned round = 0; round < 6; round++) {
        uint32_t before = w.slot_count;
        for (uint32_t i = 0; i < (SLOW ? 300 : 1100); i++) {
            add(&w, (round % 2) * 8 + (uint32_t)rng_below(&rng, 8));
            if (i < before)
                delete_at(&w, 0); /* swaps: not only old ones */
            if (i % 16 == 0)
                graph_refine_step(w.g, 8);
        }
        check(&w, .999);
        expect_as_fresh(&w, round);
    }
    world_free(&w);
}

/* New centroids come (at 1,024 rows, a part with each insertion) while all kinds of slots change.
 */
static void held_change(struct world *w, uint32_t slot, bool insert)
{
    if (insert) {
        w->slots[w->slot_count++] = slot;
        graph_insert(w->g, slot);
        return;
    }
    graph_delete(w->g, slot);
    free(w->rows[slot]);
    w->rows[slot] = NULL;
}

static void test_recoding(void **state)
{
    struct world w = world_new(96, 40, .7f);
    uint32_t held[40], held_count = 0;
    float x[96];
    add_many(&w, SLOW ? 250 : 1010);
    while (held_count < 40) {
        row_random(&w, x);
        held[held_count++] = hold(&w, x);
        w.slot_count--; /* not to be found */
    }
    for (unsigned i = 0; i < 900; i++) {
        w.noise = i % 4 ? .7f : 0;
        add_many(&w, 1);
        if (i % 2)
            delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
        if (i % 20 == 0 && held_count)
            held_change(&w, held[--held_count], i % 40);
        if (i % (SLOW ? 50 : 10) == 0)
            check(&w, .999);
    }
    w.noise = .7f;
    check(&w, .999);
    expect_recall(&w, 100, .95);
    world_free(&w);
}

/* Slots that are dead while links still lead to them, as new lines are made: walks come by. */
static void test_dead_at_recoding(void **state)
{
    struct world w = world_new(64, 20, .6f);
    add_many(&w, 1023);
    for (unsigned i = 0; i < 300; i++) {
        uint32_t slot = w.slots[rng_below(&rng, w.slot_count)];
        uint32_t from = w.slots[rng_below(&rng, w.slot_count)];
        if (from != slot && graph_is_linked(w.g, slot) && graph_is_linked(w.g, from))
            link_force(w.g, from, slot); /* from far away: it will not be looked for there */
    }
    for (unsigned i = 0; i < 500; i++)
        delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
    assert_true(w.g->limbo_count > 50);
    const struct coding *before = atomic_load(&w.g->coding);
    while (atomic_load(&w.g->coding) == before) {
        add_many(&w, 1);
        assert_true(w.slot_count < 3000);
    }
    check(&w, .999);
    expect_recall(&w, 100, .95);
    world_free(&w);
}

/* --- a dead slot's links may lead to anything --- */

struct passing {
    uint32_t but;
};

static void pass_all_but(void *ctx, const uint32_t *slots, unsigned count, bool *out)
{
    const struct passing *p = ctx;
    for (unsigned i = 0; i < count; i++)
        out[i] = slots[i] != p->but;
}

/* The slots that the dead one linked to are deleted, and used again for held rows. */
static uint32_t neighbours_replaced(struct world *w, uint32_t dead, const float *x)
{
    uint32_t links[DEGREE], held = 0;
    unsigned n = links_read(w->g, dead, links);
    for (uint32_t i = 0; i < w->slot_count;) {
        bool linked = false;
        for (unsigned j = 0; j < n; j++)
            linked = linked || links[j] == w->slots[i];
        if (linked)
            delete_at(w, i);
        else
            i++;
    }
    for (unsigned i = 0; i < 100; i++) {
        uint32_t slot = hold(w, x);
        for (unsigned j = 0; j < n; j++)
            held += links[j] == slot;
        w->slot_count--; /* not to be found */
    }
    return held;
}

static void all_lead_to(struct world *w, uint32_t slot)
{
    for (uint32_t i = 0; i < w->slot_count; i++)
        if (w->slots[i] != slot && node_of(w->g, w->slots[i])->state == NODE_LINKED)
            link_force(w->g, w->slots[i], slot);
}

static void test_nothing_behind_the_dead(void **state)
{
    struct world w = world_new(64, 20, .6f);
    struct graph_hit hits[K];
    float x[64];
    add_many(&w, 2000);
    uint32_t at = 0;
    while (node_of(w.g, w.slots[at])->state != NODE_LINKED)
        at++;
    uint32_t dead = w.slots[at];
    half_to_f32(w.rows[dead], x, 64);
    all_lead_to(&w, dead); /* too many to be found when it is deleted */
    delete_at(&w, at);
    assert_true(indegree_of(w.g, dead) > 0);
    assert_true(neighbours_replaced(&w, dead, x) > 0);
    assert_int_equal(node_of(w.g, dead)->state, NODE_DEAD);
    all_lead_to(&w, dead);
    struct passing passing = {dead};
    struct graph_filter filter = {.pass = pass_all_but, .ctx = &passing};
    struct graph_reader *r = graph_enter(w.g);
    size_t n = graph_search(r, x, K, 64, &filter, hits, NULL);
    graph_leave(r);
    assert_int_equal(n, K);
    for (size_t i = 0; i < n; i++)
        assert_true(graph_is_linked(w.g, hits[i].slot));
    world_free(&w);
}

/* Rows that come and go at a size where new centroids are made get them once. */
static void test_centroids_at_one_size(void **state)
{
    struct world w = world_new(48, 10, .6f);
    add_many(&w, 256);
    const struct coding *first = atomic_load(&w.g->coding);
    for (unsigned i = 0; i < 2000 && atomic_load(&w.g->coding) == first; i++) {
        delete_at(&w, (uint32_t)rng_below(&rng, w.slot_count));
        add_many(&w, 1); /* 256 again */
    }
    assert_true(atomic_load(&w.g->coding)->count > 1);
    world_free(&w);
}

int main(void)
{
    memory_fill();
    if (THREADS_ONLY) /* there is one; test_readers has more */
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ten_rounds, world_setup),
        cmocka_unit_test_setup(test_odd_dims, world_setup),
        cmocka_unit_test_setup(test_not_refined, world_setup),
        cmocka_unit_test_setup(test_links_all_found, world_setup),
        cmocka_unit_test_setup(test_clusters_deleted, world_setup),
        cmocka_unit_test_setup(test_all_replaced, world_setup),
        cmocka_unit_test_setup(test_recoding, world_setup),
        cmocka_unit_test_setup(test_dead_at_recoding, world_setup),
        cmocka_unit_test_setup(test_nothing_behind_the_dead, world_setup),
        cmocka_unit_test_setup(test_centroids_at_one_size, world_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
