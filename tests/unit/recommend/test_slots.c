/* Rules against a checker that knows only what the header says, and takes its time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "../sanitized.h"
#include "base/docset.h"
#include "base/rng.h"
#include "math/dot.h"
#include "recommend/slots.h"
#include <math.h>
#include <string.h>

enum { DIMS = 8, WORLD = 64, CAPS = 2, VALUES = 3 };

/* What is known of each document. */
static struct world {
    float vectors[WORLD][DIMS];
    bool has_vector[WORLD];
    uint32_t values[WORLD][CAPS][VALUES];
    size_t value_count[WORLD][CAPS];
} world;

static bool world_vector(void *ctx, uint32_t number, float *out)
{
    memcpy(out, world.vectors[number], sizeof world.vectors[number]);
    return world.has_vector[number];
}

static size_t world_values(void *ctx, size_t cap, uint32_t number, uint32_t *out, size_t max)
{
    memcpy(out, world.values[number][cap], sizeof world.values[number][cap]);
    return world.value_count[number][cap];
}

static const struct slot_documents documents = {
    .dims = DIMS, .vector = world_vector, .values = world_values};

static void world_make(struct rng *r)
{
    for (int d = 0; d < WORLD; d++) {
        for (int i = 0; i < DIMS; i++)
            world.vectors[d][i] = rng_normal(r);
        normalise_f32(world.vectors[d], DIMS);
        world.has_vector[d] = rng_below(r, 10) > 0;
        for (int k = 0; k < CAPS; k++) {
            size_t n = rng_below(r, VALUES + 1);
            world.value_count[d][k] = n;
            for (size_t i = 0; i < n; i++) /* distinct: each from a range of its own */
                world.values[d][k][i] = (uint32_t)(rng_below(r, 4) * VALUES + i);
        }
    }
}

/* ---- a random question ---- */

struct question {
    struct slot_candidate candidates[WORLD];
    size_t count;
    struct slot_rules r;
    struct docset without, within, boosted[2];
    struct slot_pin pins[4];
    struct slot_boost boosts[2];
    size_t caps[CAPS];
    uint32_t before[10];
};

static void shuffle(struct rng *r, uint32_t *p)
{
    for (uint32_t i = 0; i < WORLD; i++)
        p[i] = i;
    for (uint32_t i = WORLD - 1; i > 0; i--) {
        uint32_t j = (uint32_t)rng_below(r, i + 1), swap = p[i];
        p[i] = p[j];
        p[j] = swap;
    }
}

static void docset_some(struct rng *r, struct docset *d, unsigned of_ten)
{
    docset_init(d);
    for (uint32_t i = 0; i < WORLD; i++)
        if (rng_below(r, 10) < of_ten)
            docset_add(d, i);
}

static bool coin(struct rng *r)
{
    return rng_below(r, 2);
}

static void pins_make(struct rng *r, struct question *q)
{
    uint32_t order[WORLD];
    shuffle(r, order);
    q->r.pins = q->pins;
    q->r.pin_count = rng_below(r, 5);
    for (size_t i = 0, at = 0; i < q->r.pin_count; i++, at += 1 + rng_below(r, 6))
        q->pins[i] = (struct slot_pin){order[i], at};
    if (q->r.pin_count > 1) { /* in any order */
        struct slot_pin swap = q->pins[0];
        q->pins[0] = q->pins[1];
        q->pins[1] = swap;
    }
}

static void question_make(struct rng *r, struct question *q)
{
    uint32_t order[WORLD];
    memset(q, 0, sizeof *q);
    shuffle(r, order);
    q->count = rng_below(r, WORLD + 1);
    for (size_t i = 0; i < q->count; i++)
        q->candidates[i] = (struct slot_candidate){
            .number = order[i],
            .relevance = floor(rng_unit(r) * 30) / 20 - (coin(r) ? .2 : 0), /* ties, some below 0 */
            .age_days = coin(r) ? NAN : rng_unit(r) * 100 - 1,
            .shown = coin(r) ? 0 : (double)rng_below(r, 6),
        };
    docset_some(r, &q->without, (unsigned)rng_below(r, 4));
    docset_some(r, &q->within, 5 + (unsigned)rng_below(r, 6));
    q->r.without = coin(r) ? &q->without : NULL;
    q->r.within = coin(r) ? &q->within : NULL;
    pins_make(r, q);
    q->r.caps = q->caps;
    q->r.cap_count = rng_below(r, CAPS + 1);
    q->r.boosts = q->boosts;
    q->r.boost_count = rng_below(r, 3);
    for (int i = 0; i < 2; i++) {
        q->caps[i] = 1 + rng_below(r, 4);
        docset_some(r, &q->boosted[i], 3);
        q->boosts[i] = (struct slot_boost){&q->boosted[i], .1 + 3 * rng_unit(r)};
    }
    q->r.relevance_min = coin(r) ? -INFINITY : .3 * rng_unit(r);
    q->r.half_life_days = coin(r) ? 0 : 5 + 50 * rng_unit(r);
    q->r.fatigue = coin(r) ? 0 : .98 * rng_unit(r);
    q->r.diversity = coin(r) ? 0 : rng_unit(r);
    q->r.explore = coin(r) ? 0 : rng_unit(r);
    q->r.limit = rng_below(r, 25);
    shuffle(r, order);
    q->r.before = q->before;
    q->r.before_count = coin(r) ? 0 : rng_below(r, 11);
    for (size_t i = 0; i < q->r.before_count; i++)
        q->before[i] = order[i];
}

static void question_release(struct question *q)
{
    docset_release(&q->without);
    docset_release(&q->within);
    docset_release(&q->boosted[0]);
    docset_release(&q->boosted[1]);
}

/* ---- the checker ---- */

struct list {
    uint32_t numbers[2 * WORLD];
    size_t count;
};

static bool list_has(const struct list *l, uint32_t number)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->numbers[i] == number)
            return true;
    return false;
}

static bool allowed(const struct question *q, uint32_t number)
{
    return !(q->r.without && docset_has(q->r.without, number)) &&
           !(q->r.within && !docset_has(q->r.within, number));
}

static bool is_pin(const struct question *q, uint32_t number, const struct list *before)
{
    for (size_t i = 0; i < q->r.pin_count; i++)
        if (q->pins[i].number == number)
            return allowed(q, number) && !list_has(before, number);
    return false;
}

/* The pin that must stand at `position`: its own, or one whose own has passed. UINT32_MAX: none. */
static uint32_t pin_due(const struct question *q, const struct list *shown, size_t position)
{
    const struct slot_pin *best = NULL;
    for (size_t i = 0; i < q->r.pin_count; i++) {
        const struct slot_pin *p = &q->pins[i];
        if (allowed(q, p->number) && !list_has(shown, p->number) && p->position <= position &&
            (!best || p->position < best->position))
            best = p;
    }
    return best ? best->number : UINT32_MAX;
}

/* `counted`: what stands already, and all pins that are to come. */
static bool caps_hold(const struct question *q, const struct list *counted, uint32_t number)
{
    for (size_t k = 0; k < q->r.cap_count; k++)
        for (size_t i = 0; i < world.value_count[number][k]; i++) {
            size_t n = 0;
            for (size_t j = 0; j < counted->count; j++) {
                uint32_t other = counted->numbers[j];
                for (size_t v = 0; v < world.value_count[other][k]; v++)
                    n += world.values[other][k][v] == world.values[number][k][i];
            }
            if (n + 1 > q->caps[k])
                return false;
        }
    return true;
}

static double score_of(const struct question *q, const struct slot_candidate *c)
{
    double factor = 1;
    for (size_t i = 0; i < q->r.boost_count; i++)
        if (docset_has(&q->boosted[i], c->number))
            factor *= q->boosts[i].factor;
    if (q->r.half_life_days > 0 && c->age_days > 0)
        factor *= pow(.5, c->age_days / q->r.half_life_days);
    if (q->r.fatigue > 0 && c->shown > 0)
        factor *= pow(1 - q->r.fatigue, c->shown);
    return c->relevance >= 0 ? c->relevance * factor : c->relevance / factor;
}

/* Of all sound candidates, in order; ties as they came. */
struct ranked {
    uint32_t number;
    double score, relevance;
};
static size_t ranked_make(const struct question *q, struct ranked *out)
{
    size_t n = 0;
    for (size_t i = 0; i < q->count; i++) {
        const struct slot_candidate *c = &q->candidates[i];
        if (!allowed(q, c->number) || c->relevance < q->r.relevance_min)
            continue;
        struct ranked x = {c->number, score_of(q, c), c->relevance};
        size_t at = n++;
        for (; at > 0 && out[at - 1].score < x.score; at--)
            out[at] = out[at - 1];
        out[at] = x;
    }
    return n;
}

static double mmr_value(const struct question *q, const struct ranked *all, size_t n,
                        const struct ranked *x, const struct list *shown)
{
    double w = q->r.diversity * q->r.diversity, sum = 0, most = -INFINITY;
    double lowest = all[(n < SLOTS_POOL ? n : SLOTS_POOL) - 1].score;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, all[i].relevance);
    most = fmin(all[0].score, most);
    double span = (most > lowest ? most : all[0].score) - lowest, t = (double)shown->count;
    for (size_t i = 0; i < shown->count; i++) {
        uint32_t other = shown->numbers[i];
        if (world.has_vector[other] && world.has_vector[x->number])
            sum += (double)dot_f32(world.vectors[other], world.vectors[x->number], DIMS);
    }
    double z = span > 0 ? (x->score - lowest) / span : 0;
    return (1 - w) * pow(z, 3) - w * pow(fmin(1, t / SLOTS_HEAD), 1.5) * (t > 0 ? sum / t : 0);
}

#define NEAR 1e-6 /* two ways to the same value */

/* Does the free slot hold what it should? */
static void check_free(const struct question *q, const struct ranked *all, size_t n,
                       const struct list *shown, const struct list *counted, const struct slot *s)
{
    size_t fit = 0, place = SIZE_MAX;
    double best = -INFINITY, mine = NAN, score = NAN;
    bool exact = !(q->r.half_life_days > 0) && !(q->r.fatigue > 0); /* ties are ties */
    for (size_t i = 0; i < n; i++) {
        if (list_has(counted, all[i].number) || !caps_hold(q, counted, all[i].number))
            continue;
        double value = q->r.diversity > 0 ? mmr_value(q, all, n, &all[i], shown)
                       : exact            ? -(double)fit
                                          : all[i].score;
        if (all[i].number == s->number) {
            place = fit;
            mine = value;
            score = all[i].score;
        }
        best = fmax(best, value);
        fit++;
    }
    assert_true(place != SIZE_MAX); /* it may stand here */
    assert_true(fabs(s->score - score) <= NEAR * fmax(1, fabs(score)));
    double share = q->r.explore / (double)(fit < SLOTS_EXPLORE ? fit : SLOTS_EXPLORE);
    double chance = (s->explored ? 0 : 1 - q->r.explore) + (place < SLOTS_EXPLORE ? share : 0);
    assert_true(fabs(s->propensity - chance) < 1e-12);
    assert_true(s->explored || mine >= best - NEAR * fmax(1, fabs(best)));
    assert_true(!s->explored || (q->r.explore > 0 && place < SLOTS_EXPLORE));
}

static void check(const struct question *q, const struct slots *out)
{
    struct list before = {.count = q->r.before_count}, shown, counted;
    struct ranked all[WORLD];
    memcpy(before.numbers, q->before, sizeof q->before);
    shown = counted = before;
    for (size_t i = 0; i < q->r.pin_count; i++)
        if (is_pin(q, q->pins[i].number, &before))
            counted.numbers[counted.count++] = q->pins[i].number;
    size_t n = ranked_make(q, all);
    assert_true(out->count <= q->r.limit);
    for (size_t i = 0; i < out->count; i++) {
        const struct slot *s = &out->list[i];
        uint32_t due = pin_due(q, &shown, shown.count);
        assert_true(allowed(q, s->number));
        assert_false(list_has(&shown, s->number));
        if (s->pinned) {
            assert_true(is_pin(q, s->number, &before));
            assert_true(due == s->number || due == UINT32_MAX);
            assert_true(s->propensity == 1);
        } else {
            assert_true(due == UINT32_MAX);
            check_free(q, all, n, &shown, &counted, s);
            counted.numbers[counted.count++] = s->number;
        }
        if (s->pinned && due == UINT32_MAX) /* it came up: nothing else may stand here */
            for (size_t j = 0; j < n; j++)
                assert_true(list_has(&counted, all[j].number) ||
                            !caps_hold(q, &counted, all[j].number));
        shown.numbers[shown.count++] = s->number;
    }
    /* Is there more, exactly if something may stand behind the last? */
    bool more = false;
    for (size_t i = 0; i < q->r.pin_count; i++)
        more |= is_pin(q, q->pins[i].number, &shown);
    for (size_t j = 0; j < n; j++)
        more |= !list_has(&counted, all[j].number) && caps_hold(q, &counted, all[j].number);
    assert_int_equal(out->more, more);
    assert_true(!more || out->count == q->r.limit);
    assert_int_equal(out->emptied_by != SLOTS_NOT_EMPTY, out->count == 0 && !more);
}

static void test_random_rules(void **state)
{
    struct rng r;
    struct arena *a = arena_new(0);
    size_t slots = 0, pins = 0, explored = 0, rounds = SLOW ? 1000 : 10000;
    rng_init(&r, 7);
    for (size_t i = 0; i < rounds; i++) {
        struct question q;
        struct slots out;
        if (i % 10 == 0)
            world_make(&r);
        question_make(&r, &q);
        slots_fill(q.candidates, q.count, &q.r, &documents, &r, a, &out);
        check(&q, &out);
        for (size_t k = 0; k < out.count; k++) {
            pins += out.list[k].pinned;
            explored += out.list[k].explored;
        }
        slots += out.count;
        question_release(&q);
        arena_reset(a);
    }
    arena_free(a);
    assert_true(slots > 4 * rounds && pins > rounds / 3 && explored > rounds / 2);
}

/* One list of twelve, or pages of any size. */
static void test_pages_are_cuts(void **state)
{
    struct rng r;
    struct arena *a = arena_new(0);
    rng_init(&r, 8);
    world_make(&r);
    for (int round = 0; round < 300; round++) {
        struct question q;
        struct slots whole, page;
        uint32_t shown[2 * WORLD];
        size_t n = 0;
        question_make(&r, &q);
        q.r.explore = 0;
        q.r.before_count = 0;
        q.r.limit = 2 * WORLD;
        slots_fill(q.candidates, q.count, &q.r, &documents, NULL, a, &whole);
        assert_false(whole.more);
        q.r.before = shown;
        do {
            q.r.before_count = n;
            q.r.limit = 1 + rng_below(&r, 7);
            slots_fill(q.candidates, q.count, &q.r, &documents, NULL, a, &page);
            for (size_t i = 0; i < page.count; i++, n++) {
                assert_true(n < whole.count);
                shown[n] = page.list[i].number;
                assert_int_equal(shown[n], whole.list[n].number);
            }
        } while (page.more);
        assert_int_equal(n, whole.count);
        question_release(&q);
        arena_reset(a);
    }
    arena_free(a);
}

/* Propensities are how often it happens. */
static void test_propensities(void **state)
{
    enum { N = 6, ROUNDS = SLOW ? 4000 : 60000 };
    struct rng r;
    struct arena *a = arena_new(0);
    struct slot_candidate candidates[N];
    struct slot_pin pin = {5, 1};
    struct slot_rules rules = {.relevance_min = -INFINITY,
                               .diversity = .6,
                               .explore = .3,
                               .limit = 3,
                               .pins = &pin,
                               .pin_count = 1};
    double first[N] = {0}, stated[N] = {0};                 /* of the first slot */
    double third[N][N] = {{0}}, third_stated[N][N] = {{0}}; /* of the third, given the first */
    rng_init(&r, 9);
    world_make(&r);
    for (uint32_t i = 0; i < N; i++)
        candidates[i] =
            (struct slot_candidate){.number = i, .relevance = 1 - .1 * i, .age_days = NAN};
    for (int i = 0; i < ROUNDS; i++) {
        struct slots out;
        slots_fill(candidates, N, &rules, &documents, &r, a, &out);
        assert_int_equal(out.count, 3);
        assert_int_equal(out.list[1].number, 5);
        const struct slot *s = out.list;
        first[s[0].number]++;
        stated[s[0].number] = s[0].propensity;
        third[s[0].number][s[2].number]++;
        third_stated[s[0].number][s[2].number] = s[2].propensity;
        arena_reset(a);
    }
    arena_free(a);
    double all = 0;
    for (int i = 0; i < 5; i++) {
        double p = stated[i], off = 4.5 * sqrt(p * (1 - p) / ROUNDS), sum = 0;
        assert_true(fabs(first[i] / ROUNDS - p) < off);
        all += p;
        for (int j = 0; j < 5; j++) {
            double q = third_stated[i][j];
            assert_true(fabs(third[i][j] / first[i] - q) <= 4.5 * sqrt(q * (1 - q) / first[i]));
            sum += q;
        }
        assert_true(fabs(sum - 1) < 1e-9);
    }
    assert_true(fabs(all - 1) < 1e-9);
}

static struct slots filled(struct arena *a, const struct slot_rules *r)
{
    static const struct slot_candidate three[] = {
        {1, .9, NAN, 0, 0}, {2, .5, NAN, 0, 0}, {3, .1, NAN, 0, 0}};
    struct slots out;
    slots_fill(three, 3, r, &documents, NULL, a, &out);
    return out;
}

/* What a ranker adds decides the order and what boosts lift, not what is relevant enough. */
static void test_ranked(void **state)
{
    static const struct slot_candidate three[] = {
        {3, .1, NAN, 0, .8}, {1, .9, NAN, 0, -.4}, {2, .5, NAN, 0, -.4}};
    struct arena *a = arena_new(0);
    struct slot_rules r = {.within = NULL, .relevance_min = -INFINITY, .limit = 3};
    struct slots out;
    slots_fill(three, 3, &r, &documents, NULL, a, &out);
    assert_int_equal(out.count, 3);
    assert_int_equal(out.list[0].number, 3);
    assert_true(fabs(out.list[0].score - .9) < 1e-12);
    assert_int_equal(out.list[1].number, 1);
    r.relevance_min = .2;
    slots_fill(three, 3, &r, &documents, NULL, a, &out);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.list[0].number, 1);
    arena_free(a);
}

/* Who emptied it? */
static void test_emptied(void **state)
{
    struct arena *a = arena_new(0);
    struct docset all, none;
    docset_init(&all);
    docset_init(&none);
    for (uint32_t i = 0; i < WORLD; i++)
        docset_add(&all, i);
    struct slot_rules r = {.relevance_min = -INFINITY, .limit = 5};
    uint32_t before[] = {3, 1, 2};
    assert_int_equal(filled(a, &r).emptied_by, SLOTS_NOT_EMPTY);
    r.without = &all;
    assert_int_equal(filled(a, &r).emptied_by, SLOTS_BY_EXCLUDE);
    r.without = NULL;
    r.within = &none;
    assert_int_equal(filled(a, &r).emptied_by, SLOTS_BY_FILTER);
    r.within = NULL;
    r.relevance_min = 1;
    assert_int_equal(filled(a, &r).emptied_by, SLOTS_BY_RELEVANCE);
    r.relevance_min = -INFINITY;
    r.before = before;
    r.before_count = 3;
    assert_int_equal(filled(a, &r).emptied_by, SLOTS_BY_PAGES);
    struct slots out;
    r.before_count = 0;
    slots_fill(NULL, 0, &r, &documents, NULL, a, &out);
    assert_int_equal(out.emptied_by, SLOTS_NO_CANDIDATES);
    /* All three have a value that a pin uses up. */
    for (uint32_t i = 1; i < 5; i++) {
        world.value_count[i][0] = 1;
        world.values[i][0][0] = 7;
    }
    r.caps = (size_t[]){1};
    r.cap_count = 1;
    r.before = (uint32_t[]){4};
    r.before_count = 1;
    assert_int_equal(filled(a, &r).emptied_by, SLOTS_BY_CAPS);
    docset_release(&all);
    docset_release(&none);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_rules), cmocka_unit_test(test_pages_are_cuts),
        cmocka_unit_test(test_propensities), cmocka_unit_test(test_ranked),
        cmocka_unit_test(test_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
