#include "world.h"

#include "base/arena.h"
#include "math/dot.h"
#include "math/half.h"

#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct rng rng;

int world_setup(void **state)
{
    rng_init(&rng, 42);
    return 0;
}

void memory_fill(void)
{
    mallopt(M_PERTURB, 0xfe ^ 0xff); /* glibc fills with its complement */
}

void memory_fill_stop(void)
{
    mallopt(M_PERTURB, 0);
}

struct world world_new(uint32_t dims, uint32_t centres, float noise)
{
    struct world w = {.g = graph_new(dims), .dims = dims, .centres = centres, .noise = noise};
    w.cap = 1 << 16;
    w.centre = xcalloc(w.cap, sizeof *w.centre);
    w.rows = xcalloc(w.cap, sizeof *w.rows);
    w.slots = xcalloc(w.cap, sizeof *w.slots);
    return w;
}

struct world world_fresh(const struct world *w)
{
    struct world fresh = world_new(w->dims, w->centres, w->noise);
    float *x = xmalloc(w->dims * sizeof *x);
    for (uint32_t i = 0; i < w->slot_count; i++) {
        half_to_f32(w->rows[w->slots[i]], x, w->dims);
        graph_insert(fresh.g, hold(&fresh, x));
    }
    free(x);
    return fresh;
}

void world_free(struct world *w)
{
    for (uint32_t i = 0; i < w->cap; i++)
        free(w->rows[i]);
    free(w->rows);
    free(w->slots);
    free(w->centre);
    graph_free(w->g);
}

void row_near(const struct world *w, uint32_t centre, float *x)
{
    struct rng c, group;
    rng_init(&c, 1000 + centre);
    rng_init(&group, 9000 + centre / 8);
    float each = 1 / sqrtf((float)w->dims);
    for (uint32_t i = 0; i < w->dims; i++)
        x[i] =
            each * (.7f * rng_normal(&c) + .7f * rng_normal(&group) + w->noise * rng_normal(&rng));
    normalise_f32(x, w->dims);
}

void row_random(const struct world *w, float *x)
{
    row_near(w, (uint32_t)rng_below(&rng, w->centres), x);
}

uint32_t hold(struct world *w, const float *x)
{
    uint16_t *half = xmalloc(w->dims * sizeof *half);
    half_from_f32(x, half, w->dims);
    uint32_t slot = graph_slot_take(w->g);
    assert_true(slot < w->cap);
    assert_null(w->rows[slot]);
    graph_row_set(w->g, slot, half);
    w->rows[slot] = half;
    w->slots[w->slot_count++] = slot;
    return slot;
}

uint32_t add(struct world *w, uint32_t centre)
{
    float *x = xmalloc(w->dims * sizeof *x);
    row_near(w, centre, x);
    uint32_t slot = hold(w, x);
    graph_insert(w->g, slot);
    w->centre[slot] = centre;
    free(x);
    return slot;
}

void add_many(struct world *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        add(w, (uint32_t)rng_below(&rng, w->centres));
}

void delete_at(struct world *w, uint32_t at)
{
    uint32_t slot = w->slots[at];
    graph_delete(w->g, slot);
    free(w->rows[slot]);
    w->rows[slot] = NULL;
    w->slots[at] = w->slots[--w->slot_count];
}

void delete_centre(struct world *w, uint32_t centre)
{
    for (uint32_t i = 0; i < w->slot_count;)
        if (w->centre[w->slots[i]] == centre)
            delete_at(w, i);
        else
            i++;
}

void check(struct world *w, double share)
{
    struct err_info e = {0};
    size_t reachable = 0;
    if (graph_check(w->g, &reachable, &e))
        fail_msg("%s", e.message);
    assert_int_equal(graph_count(w->g), w->slot_count);
    if ((double)reachable < share * w->slot_count)
        fail_msg("%zu of %u slots can be reached", reachable, w->slot_count);
}

int float_down(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

double recall(struct world *w, unsigned queries, size_t width)
{
    float *x = xmalloc(w->dims * sizeof *x), *all = xmalloc((w->slot_count + 1) * sizeof *all);
    size_t right = 0, wanted = 0;
    for (unsigned q = 0; q < queries; q++) {
        struct graph_hit hits[K];
        row_random(w, x);
        struct graph_reader *r = graph_enter(w->g);
        size_t n = graph_search(r, x, K, width, NULL, hits, NULL);
        graph_leave(r);
        for (uint32_t i = 0; i < w->slot_count; i++)
            all[i] = dot_f16_f32(w->rows[w->slots[i]], x, w->dims);
        qsort(all, w->slot_count, sizeof *all, float_down);
        size_t k = w->slot_count < K ? w->slot_count : K;
        assert_true(n <= k);
        for (size_t i = 0; i < n; i++) {
            assert_non_null(w->rows[hits[i].slot]);
            assert_true(hits[i].cosine == dot_f16_f32(w->rows[hits[i].slot], x, w->dims));
            assert_true(i == 0 || hits[i - 1].cosine > hits[i].cosine ||
                        (hits[i - 1].cosine == hits[i].cosine && hits[i - 1].slot < hits[i].slot));
            right += hits[i].cosine >= all[k - 1] - 1e-6f;
        }
        wanted += k;
    }
    free(x);
    free(all);
    return wanted ? (double)right / (double)wanted : 1;
}

void expect_recall(struct world *w, size_t width, double least)
{
    double found = recall(w, 200, width);
    if (found < least)
        fail_msg("recall %.4f at width %zu, %u slots of %u dimensions: want %.3f", found, width,
                 w->slot_count, w->dims, least);
}

double found_themselves(struct world *w, size_t width)
{
    float *x = xmalloc(w->dims * sizeof *x);
    size_t found = 0;
    for (uint32_t i = 0; i < w->slot_count; i++) {
        struct graph_hit hit;
        half_to_f32(w->rows[w->slots[i]], x, w->dims);
        struct graph_reader *r = graph_enter(w->g);
        size_t n = graph_search(r, x, 1, width, NULL, &hit, NULL);
        graph_leave(r);
        found += n == 1 && memcmp(w->rows[hit.slot], w->rows[w->slots[i]], 2 * w->dims) == 0;
    }
    free(x);
    return (double)found / w->slot_count;
}
