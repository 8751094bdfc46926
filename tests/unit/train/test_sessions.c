/* How acts become sessions; and that the session model finds what comes next where the order says
 * it, better than what is popular and than neighbours of all that was read. */
#include "train/sessions.h"
#include "base/arena.h"
#include "base/rng.h"
#include "train/neighbours.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

#define MINUTE_US 60000000LL

/* ---- cutting ---- */

/* 120 readers who all do the same, the first of them is looked at. */
static struct session_model *of_acts(const struct training_act *acts, size_t n,
                                     uint32_t sessions_max)
{
    enum { READERS = 120 };
    struct training_set s = {.items = 50, .readers = READERS};
    uint64_t keys[READERS];
    size_t start[READERS + 1] = {0};
    s.acts = xcalloc(n * READERS, sizeof *s.acts);
    for (uint32_t r = 0; r < READERS; r++) {
        keys[r] = r;
        start[r + 1] = start[r] + n;
        memcpy(s.acts + start[r], acts, n * sizeof *acts);
    }
    s.keys = keys, s.start = start;
    struct session_model *m =
        sessions_train(&s, &(struct sessions_options){.sessions_max = sessions_max});
    free(s.acts);
    return m;
}

static bool together(const struct session_model *m, uint32_t a, uint32_t b)
{
    float scores[50];
    session_model_score(m, &a, 1, scores);
    return scores[b] > 0;
}

static void test_pauses_cut(void **state)
{
    const struct training_act acts[] = {{1, 1, 0, 0},
                                        {2, 1, 29 * MINUTE_US, 0},
                                        {9, -1, 40 * MINUTE_US, 0}, /* not wanted */
                                        {3, 1, 58 * MINUTE_US, 0},
                                        {4, 1, 89 * MINUTE_US, 0},
                                        {5, 1, 100 * MINUTE_US, 0},
                                        {6, 1, 500 * MINUTE_US, 0}};
    struct session_model *m = of_acts(acts, 7, 0);
    assert_true(together(m, 1, 2) && together(m, 2, 3) && together(m, 1, 3));
    assert_true(together(m, 4, 5) && !together(m, 3, 4) && !together(m, 5, 6));
    assert_true(!together(m, 1, 9) && !together(m, 3, 9));
    assert_int_equal(session_model_count(m), 240); /* one of one document is none */
    session_model_free(m);
}

static void test_names_cut(void **state)
{
    const struct training_act acts[] = {{1, 1, 0, 77},
                                        {2, 1, 0, 88},
                                        {3, 1, 1, 77},
                                        {4, 1, 1, 0},
                                        {5, 1, 2, 88},
                                        {6, 1, 3, 0},
                                        {7, 1, 999 * MINUTE_US, 77}};
    struct session_model *m = of_acts(acts, 7, 0);
    assert_true(together(m, 1, 3) && together(m, 3, 7) && together(m, 2, 5) && together(m, 4, 6));
    assert_true(!together(m, 1, 2) && !together(m, 1, 4) && !together(m, 5, 6));
    assert_int_equal(session_model_count(m), 360);
    session_model_free(m);
}

/* Sets without times or names have no sessions. */
static void test_no_order(void **state)
{
    const struct training_act acts[] = {{1, 1, 5, 0}, {2, 1, 5, 0}, {3, 1, 5, 0}};
    assert_null(of_acts(acts, 3, 0));
}

static void test_newest_stay(void **state)
{
    struct training_act acts[100];
    for (uint32_t i = 0; i < 40; i++)
        acts[i] = (struct training_act){i, 1, i, 1};
    struct session_model *m = of_acts(acts, 40, 10);
    assert_int_equal(session_model_count(m), 10);
    assert_true(together(m, 39, 8) && !together(m, 39, 7)); /* the newest SESSION_ITEMS_MAX */
    session_model_free(m);
}

/* ---- what comes next ---- */

enum { ITEMS = 600, READERS = 500, SESSIONS = 8, LENGTH = 10, HELD = 400, BEST = 5 };

/* Each item has one that often comes next. A session is a walk along these, and a reader's sessions
 * have nothing to do with one another. */
static void walk(struct rng *r, const uint32_t *next, uint32_t *out)
{
    out[0] = (uint32_t)rng_below(r, ITEMS);
    for (int i = 1; i < LENGTH; i++) {
        bool again;
        out[i] = rng_unit(r) < .6 ? next[out[i - 1]] : (uint32_t)rng_below(r, ITEMS);
        do {
            again = false;
            for (int k = 0; k < i; k++)
                again |= out[k] == out[i];
            if (again)
                out[i] = (uint32_t)rng_below(r, ITEMS);
        } while (again);
    }
}

static struct training_set *walks(struct rng *r, const uint32_t *next)
{
    struct training_set *s = xcalloc(1, sizeof *s);
    s->items = ITEMS, s->readers = READERS;
    s->keys = xcalloc(READERS, sizeof *s->keys);
    s->start = xcalloc(READERS + 1, sizeof *s->start);
    s->acts = xcalloc((size_t)READERS * SESSIONS * LENGTH, sizeof *s->acts);
    for (uint32_t u = 0; u < READERS; u++) {
        bool had[ITEMS] = {false};
        s->keys[u] = u + 1;
        s->start[u + 1] = s->start[u];
        for (int k = 0; k < SESSIONS; k++) {
            uint32_t w[LENGTH];
            walk(r, next, w);
            for (int i = 0; i < LENGTH; i++)
                if (!had[w[i]])
                    s->acts[s->start[u + 1]++] = (struct training_act){
                        w[i], 1, (k * 100 + i) * MINUTE_US + (int64_t)rng_below(r, 1000), 0};
            for (int i = 0; i < LENGTH; i++)
                had[w[i]] = true;
        }
    }
    return s;
}

static bool among_best(const float *scores, const uint32_t *given, size_t count, uint32_t item)
{
    int before = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= given[k] == i;
        before += !known && (scores[i] > scores[item] || (scores[i] == scores[item] && i < item));
    }
    return scores[item] > 0 && before < BEST;
}

static struct item_model *neighbours_of(const struct training_set *s, float *popular)
{
    struct interaction *all = xcalloc(s->start[READERS], sizeof *all);
    size_t n = 0;
    for (uint32_t u = 0; u < READERS; u++)
        for (size_t k = s->start[u]; k < s->start[u + 1]; k++) {
            all[n++] = (struct interaction){u, s->acts[k].item, 1};
            popular[s->acts[k].item]++;
        }
    struct interactions *x = interactions_new(all, n, READERS, ITEMS);
    struct item_model *m = NULL;
    assert_int_equal(
        neighbours_train(x, &(struct neighbours_options){.kind = NEIGHBOURS_RP3BETA}, &m, NULL), 0);
    interactions_free(x);
    free(all);
    return m;
}

static void test_order_tells(void **state)
{
    uint32_t next[ITEMS], w[LENGTH];
    float popular[ITEMS] = {0}, scores[ITEMS], ones[LENGTH];
    int by_sessions = 0, by_neighbours = 0, by_popularity = 0;
    struct rng r;
    rng_init(&r, 21);
    for (uint32_t i = 0; i < ITEMS; i++)
        next[i] = (i * 7 + 3) % ITEMS;
    struct training_set *s = walks(&r, next);
    struct session_model *m = sessions_train(s, &(struct sessions_options){0});
    struct item_model *neighbours = neighbours_of(s, popular);
    assert_non_null(m);
    for (int i = 0; i < LENGTH; i++)
        ones[i] = 1;
    for (int h = 0; h < HELD; h++) {
        walk(&r, next, w);
        session_model_score(m, w, LENGTH - 1, scores);
        by_sessions += among_best(scores, w, LENGTH - 1, w[LENGTH - 1]);
        memset(scores, 0, sizeof scores);
        item_model_score(neighbours, w, ones, LENGTH - 1, scores);
        by_neighbours += among_best(scores, w, LENGTH - 1, w[LENGTH - 1]);
        by_popularity += among_best(popular, w, LENGTH - 1, w[LENGTH - 1]);
    }
    if (by_sessions < HELD / 2 || by_sessions < 2 * by_neighbours ||
        by_sessions < 10 * by_popularity)
        fail_msg("of %d: sessions %d, neighbours %d, popularity %d", HELD, by_sessions,
                 by_neighbours, by_popularity);
    session_model_free(m);
    item_model_free(neighbours);
    training_set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses_cut),  cmocka_unit_test(test_names_cut),
        cmocka_unit_test(test_no_order),    cmocka_unit_test(test_newest_stay),
        cmocka_unit_test(test_order_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
