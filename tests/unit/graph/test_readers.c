/* Readers that never pause beside a writer that does all there is to do. What the writer did is in
 * a log that readers look at: a slot that was dead when a search began, or held, must not be in its
 * answer. AKIN_GRAPH_QUERIES: how many searches in all. */
#include "base/arena.h"
#include "base/rng.h"
#include "base/thread.h"
#include "graph/graph.h"
#include "math/dot.h"

#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define THREADS 2
#define TOGETHER 4
#define SLOTS_MAX (1u << 16)

/* Moments by the writer's count: a slot's last birth (before graph_insert is called) and death
 * (after graph_delete returned). */
struct log {
    _Atomic uint64_t now;
    _Atomic uint64_t born[SLOTS_MAX], died[SLOTS_MAX];
};

struct reading {
    struct graph *g;
    struct log *log;
    uint64_t seed;
    atomic_long *left; /* searches */
    size_t searches, hits;
    char wrong[160]; /* the first thing that was */
};

/* Some slots at random, other ones for each search. */
static void pass_some(void *ctx, const uint32_t *slots, unsigned count, bool *out)
{
    const uint64_t *salt = ctx;
    for (unsigned i = 0; i < count; i++)
        out[i] = ((slots[i] + *salt) * UINT64_C(0x9E3779B97F4A7C15) >> 33) % 4 != 0;
}

static bool was_dead(const struct log *log, uint32_t slot, uint64_t begin)
{
    uint64_t died = atomic_load(&log->died[slot]); /* first: it may be born again meanwhile */
    uint64_t born = atomic_load(&log->born[slot]);
    return died <= begin && born <= died;
}

static void answer_check(struct reading *x, const float *query, uint64_t begin,
                         const struct graph_hit *hits, size_t n)
{
    for (size_t i = 0; i < n && !x->wrong[0]; i++) {
        uint32_t slot = hits[i].slot;
        float cosine = dot_f16_f32(graph_row(x->g, slot), query, graph_dims(x->g));
        bool again = false;
        for (size_t j = 0; j < i; j++)
            again = again || hits[j].slot == slot;
        if (was_dead(x->log, slot, begin))
            snprintf(x->wrong, sizeof x->wrong, "slot %u was dead when the search began", slot);
        else if (hits[i].cosine != cosine)
            snprintf(x->wrong, sizeof x->wrong, "slot %u changed under a reader", slot);
        else if (again || (i > 0 && hits[i - 1].cosine < hits[i].cosine))
            snprintf(x->wrong, sizeof x->wrong, "slot %u is there twice, or out of order", slot);
    }
    x->searches++;
    x->hits += n;
}

static void search_one(struct reading *x, struct graph_reader *r, const float *query, uint64_t salt,
                       bool filtered)
{
    struct graph_hit hits[K];
    struct graph_filter filter = {.pass = pass_some, .ctx = &salt};
    uint64_t begin = atomic_load(&x->log->now);
    size_t n = graph_search(r, query, K, 32, filtered ? &filter : NULL, hits, NULL);
    answer_check(x, query, begin, hits, n);
}

static void search_together(struct reading *x, struct graph_reader *r, const float *queries)
{
    struct graph_hit hits[TOGETHER * K];
    size_t found[TOGETHER];
    uint64_t begin = atomic_load(&x->log->now);
    graph_search_many(r, queries, TOGETHER, K, 32, hits, found);
    for (unsigned i = 0; i < TOGETHER; i++)
        answer_check(x, queries + i * graph_dims(x->g), begin, hits + (size_t)i * K, found[i]);
}

static void read_loop(void *arg)
{
    struct reading *x = arg;
    struct rng own;
    uint32_t dims = graph_dims(x->g);
    float *queries = xmalloc((size_t)TOGETHER * dims * sizeof *queries);
    rng_init(&own, x->seed);
    while (atomic_fetch_sub(x->left, 1 + TOGETHER) > 0 && !x->wrong[0]) {
        for (uint32_t i = 0; i < TOGETHER; i++) {
            for (uint32_t j = 0; j < dims; j++)
                queries[i * dims + j] = rng_normal(&own);
            normalise_f32(queries + i * dims, dims);
        }
        struct graph_reader *r = graph_enter(x->g);
        search_one(x, r, queries, rng_next(&own), rng_below(&own, 2));
        search_together(x, r, queries); /* a reader may search as often as it likes */
        graph_leave(r);
    }
    free(queries);
}

/* --- the writer --- */

struct writing {
    struct world w;
    struct log *log;
    uint32_t held[64], held_count;
};

static void link_held(struct writing *x, uint32_t slot)
{
    atomic_store(&x->log->born[slot], atomic_fetch_add(&x->log->now, 1) + 1);
    graph_insert(x->w.g, slot);
    x->w.slots[x->w.slot_count++] = slot;
}

static void take(struct writing *x)
{
    float *row = xmalloc(x->w.dims * sizeof *row);
    x->w.noise = rng_below(&rng, 4) ? .8f : 0; /* some twins */
    row_random(&x->w, row);
    uint32_t slot = hold(&x->w, row);
    x->w.slot_count--;
    free(row);
    if (x->held_count < 64 && rng_below(&rng, 4) == 0)
        x->held[x->held_count++] = slot;
    else
        link_held(x, slot);
}

static void drop(struct writing *x)
{
    uint32_t at = (uint32_t)rng_below(&rng, x->w.slot_count), slot = x->w.slots[at];
    delete_at(&x->w, at);
    atomic_store(&x->log->died[slot], atomic_fetch_add(&x->log->now, 1) + 1);
}

static void held_link_or_drop(struct writing *x)
{
    uint32_t slot = x->held[--x->held_count];
    if (rng_below(&rng, 2)) {
        link_held(x, slot);
        return;
    }
    graph_delete(x->w.g, slot);
    free(x->w.rows[slot]);
    x->w.rows[slot] = NULL;
}

/* Up to 1,100 rows and down to 200, again and again: new centroids at each doubling. */
static void write_step(struct writing *x, bool *up)
{
    if (x->w.slot_count > 1100)
        *up = false;
    if (x->w.slot_count < 200)
        *up = true;
    if (rng_below(&rng, 10) < (*up ? 7 : 3))
        take(x);
    else if (x->w.slot_count)
        drop(x);
    if (x->held_count && rng_below(&rng, 4) == 0)
        held_link_or_drop(x);
    if (rng_below(&rng, 100) == 0)
        graph_refine_step(x->w.g, 20);
}

static long queries_wanted(void)
{
    const char *s = getenv("AKIN_GRAPH_QUERIES");
    return s ? strtol(s, NULL, 10) : SLOW ? 2000 : 20000;
}

static void test_no_ghosts(void **state)
{
    struct writing x = {.w = world_new(48, 20, .8f), .log = xcalloc(1, sizeof *x.log)};
    atomic_long left = queries_wanted();
    struct reading reading[THREADS];
    struct thread *threads[THREADS];
    size_t searches = 0, steps = 0, hits = 0;
    bool up = true;
    while (x.w.slot_count < 300)
        take(&x);
    for (unsigned i = 0; i < THREADS; i++) {
        reading[i] = (struct reading){.g = x.w.g, .log = x.log, .seed = i, .left = &left};
        threads[i] = thread_start("reader", read_loop, &reading[i]);
    }
    for (; atomic_load(&left) > 0 || steps < 3000; steps++)
        write_step(&x, &up);
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
        searches += reading[i].searches;
        hits += reading[i].hits;
        if (reading[i].wrong[0])
            fail_msg("%s", reading[i].wrong);
    }
    assert_true(hits > 9 * searches);
    print_message("%zu searches, %zu changes\n", searches, steps);
    check(&x.w, .99);
    world_free(&x.w);
    free(x.log);
}

int main(void)
{
    memory_fill();
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_no_ghosts, world_setup)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
