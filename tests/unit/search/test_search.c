/* Searches over random collections, held to the formulas applied to every document. */
#include "world.h"
#include "../sanitized.h"
#include "index/vectors_impl.h"

#define NEAR 1e-6

static struct search_result run_as_asked(struct world *w, const struct question *text,
                                         struct search_query *q)
{
    struct search_result r;
    struct err_info e = {0};
    q->text = str_c(text->text);
    q->words = world_words_query(w, text->text);
    q->vector = text->vector;
    enum err err = search_run(&w->view, q, w->arena, &r, &e);
    if (err)
        fail_msg("%s", e.message);
    return r;
}

static struct search_result run(struct world *w, const struct question *text,
                                struct search_query *q)
{
    q->exact = true;
    return run_as_asked(w, text, q);
}

static const struct search_boost both_boosts[] = {
    {SEARCH_BOOST_RECENCY, {"age", 3}, .3, 200, 900, NULL},
    {SEARCH_BOOST_NUMBER, {"popularity", 10}, .4, 50, 0, NULL},
};

static int descending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

/* The best scores among those of `within` that are candidates of the mode. */
static size_t best_scores(const struct world *w, const struct expected *x,
                          const struct search_query *q, const struct docset *within, double *out)
{
    size_t n = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        bool words = q->mode != SEARCH_SEMANTIC && x[i].lexical > 0;
        bool near = q->mode != SEARCH_LEXICAL && !isnan(x[i].cosine);
        if ((words || near) && !(x[i].score < q->min_score) &&
            (!within || docset_has(within, i + 1)))
            out[n++] = x[i].score;
    }
    qsort(out, n, sizeof *out, descending);
    return n < q->depth ? n : q->depth;
}

/* Each hit has the score that its document should have, and no other document a better one. */
static void hold(struct world *w, const struct question *text, struct search_query *q,
                 const struct docset *within)
{
    struct search_result r = run(w, text, q);
    struct expected *x = world_expect(w, text, q);
    double *best = arena_array(w->arena, w->count + 1, sizeof *best);
    size_t n = best_scores(w, x, q, within, best);
    assert_int_equal(r.count, n);
    assert_true(r.complete && r.sure >= (q->sure && q->sure < n ? q->sure : n));
    for (size_t i = 0; i < n; i++) {
        const struct search_hit *h = &r.hits[i];
        const struct expected *d = &x[h->number - 1];
        assert_true(!within || docset_has(within, h->number));
        assert_true(fabs(h->score - d->score) < NEAR);
        assert_true(i >= r.sure || fabs(h->score - best[i]) < NEAR);
        assert_true(fabs(h->relevance - d->relevance) < NEAR);
        assert_true(isnan(h->lexical) || fabs(h->lexical - d->lexical) < NEAR);
        assert_true(isnan(h->semantic) || fabs(h->semantic - d->semantic) < NEAR);
        assert_true(h->score >= 0 && h->score <= 1);
        assert_true(i == 0 || h->score <= r.hits[i - 1].score);
        assert_int_equal(h->revision, h->number);
    }
}

static struct search_query random_query(struct world *w)
{
    static const size_t depths[] = {1, 10, 37, 150};
    struct search_query q = {.mode = (enum search_mode)rng_below(&w->rng, 3),
                             .depth = depths[rng_below(&w->rng, 4)]};
    if (!rng_below(&w->rng, 3)) {
        q.words_weight = (double)rng_below(&w->rng, 5);
        q.vectors_weight = (double)rng_below(&w->rng, 5);
    }
    if (rng_below(&w->rng, 2)) {
        q.boosts = both_boosts;
        q.boost_count = 1 + rng_below(&w->rng, 2);
    }
    if (rng_below(&w->rng, 2))
        q.sure = 1 + rng_below(&w->rng, q.depth);
    if (!rng_below(&w->rng, 4))
        q.min_score = .3 * rng_unit(&w->rng);
    return q;
}

static void the_best_are_found_and_scored_as_the_formula_says(void **state)
{
    const int rounds = SLOW ? 20 : 250;
    struct world *w = world_new(1, SLOW ? 400 : 2500);
    const struct filter *filter;
    struct err_info e = {0};
    struct docset sets[6] = {0}, *german = &sets[0], *odd = &sets[1], *both = &sets[2];
    struct docset *even = &sets[3], *few = &sets[4], *many = &sets[5];
    for (int i = 0; i < 6; i++)
        docset_init(&sets[i]);
    assert_int_equal(filter_parse(w->arena, STR("lang = de"), &filter, &e), ERR_OK);
    assert_int_equal(attributes_select(w->attributes, filter, german, &e), ERR_OK);
    for (uint32_t n = 1; n <= w->count; n += 2)
        docset_add(odd, n);
    docset_copy(both, german);
    docset_and(both, odd);
    for (uint32_t n = 2; n <= w->count; n += 2)
        docset_add(even, n);
    for (uint32_t n = 0; n < 40; n++)
        docset_add(few, 1 + (uint32_t)rng_below(&w->rng, w->count));
    docset_copy(many, odd);
    docset_or(many, even);
    docset_minus(many, few);
    for (int i = 0; i < rounds; i++) {
        struct question text = question(w);
        struct search_query q = random_query(w);
        hold(w, &text, &q, NULL);
        q.filter = filter;
        hold(w, &text, &q, german);
        q.within = odd;
        hold(w, &text, &q, both);
        q.filter = NULL;
        hold(w, &text, &q, odd);
        q.within = NULL;
        q.without = i % 2 ? few : even;
        hold(w, &text, &q, i % 2 ? many : odd);
    }
    for (int i = 0; i < 6; i++)
        docset_release(&sets[i]);
    world_free(w);
}

/* The same document, the same score: however few or many are asked for, and whichever list found
 * it. */
static void a_score_is_the_same_to_the_bit(void **state)
{
    struct world *w = world_new(2, SLOW ? 300 : 1500);
    for (int i = 0; i < (SLOW ? 5 : 40); i++) {
        struct question text = question(w);
        struct search_query q = random_query(w);
        double *score = arena_array(w->arena, w->count + 1, sizeof *score);
        q.min_score = 0;
        q.sure = 0;
        q.depth = w->count;
        struct search_result all = run(w, &text, &q);
        for (size_t k = 0; k < all.count; k++)
            score[all.hits[k].number] = all.hits[k].score;
        for (q.depth = 1; q.depth < 200; q.depth *= 3) {
            struct search_result some = run(w, &text, &q);
            for (size_t k = 0; k < some.count; k++) {
                assert_int_equal(some.hits[k].number, all.hits[k].number);
                assert_true(some.hits[k].score == score[some.hits[k].number]);
            }
        }
    }
    world_free(w);
}

/* A document that is in the middle of both lists, behind all that are at the front of one, is the
 * best of all: lists of any fixed length miss it. */
static void what_is_best_by_both_and_first_in_neither_list_is_found(void **state)
{
    struct world *w = world_new(3, 0);
    struct question text = {.text = "cat", .vector = {1}};
    const uint32_t each = SLOW ? 100 : 300;
    for (uint32_t n = 1; n <= 2 * each; n++) { /* near and wordless; worded and far */
        float row[DIMS] = {n <= each ? .9f : 0, n <= each ? .4358899f : 1};
        world_put_rows(w, n, row, 1);
        world_words_put(w, n, n <= each ? "dog dog dog" : "cat cat cat");
    }
    float row[DIMS] = {.8f, .6f};
    world_put_rows(w, 2 * each + 1, row, 1);
    world_words_put(w, 2 * each + 1, "cat dog cow");
    w->count = 2 * each + 1;
    struct search_query q = {.mode = SEARCH_HYBRID, .depth = 5};
    struct search_result r = run(w, &text, &q);
    assert_int_equal(r.hits[0].number, 2 * each + 1);
    assert_true(r.complete && (r.depth.semantic > each || r.depth.lexical > each));
    world_free(w);
}

/* A walk of the graph has estimates and misses a few: what it gives is scored like all else. */
static void what_a_walk_found_has_the_score_of_a_scan(void **state)
{
    struct world *w = world_new(10, SLOW ? 1200 : 2500);
    uint64_t ways[VECTORS_WAYS];
    size_t found = 0, wanted = 0;
    w->vectors->scan_rows = 1;
    w->vectors->scan_to_walk = .01;
    while (vectors_merge_step(w->vectors, 100000000))
        ;
    for (int i = 0; i < (SLOW ? 10 : 100); i++) {
        struct question text = question(w);
        struct search_query q = {
            .mode = i % 3 ? SEARCH_HYBRID : SEARCH_SEMANTIC, .depth = 20, .sure = 10};
        struct search_result r = run_as_asked(w, &text, &q);
        struct expected *x = world_expect(w, &text, &q);
        double *best = arena_array(w->arena, w->count + 1, sizeof *best);
        assert_int_equal(r.count, 20);
        best_scores(w, x, &q, NULL, best);
        for (size_t k = 0; k < r.count; k++) {
            assert_true(fabs(r.hits[k].score - x[r.hits[k].number - 1].score) < NEAR);
            found += k < 10 && r.hits[k].score > best[9] - NEAR;
        }
        wanted += 10;
    }
    vectors_ways(w->vectors, ways);
    assert_true(ways[VECTORS_WALKED] > 0);
    assert_true((double)found >= .95 * (double)wanted);
    world_free(w);
}

static void a_document_of_many_passages_starves_nobody(void **state)
{
    struct world *w = world_new(4, 0);
    struct question text = {.text = "cat", .vector = {1}};
    float *rows = calloc(500 * DIMS, sizeof *rows);
    for (int p = 0; p < 500; p++) {
        rows[p * DIMS] = 1;
        rows[p * DIMS + 1] = (float)p * 1e-4f;
        normalise_f32(rows + p * DIMS, DIMS);
    }
    world_put_rows(w, 1, rows, 500);
    world_words_put(w, 1, "cat cat cat cat");
    for (uint32_t n = 2; n <= 60; n++) {
        float row[DIMS] = {1, .3f + (float)n * .01f};
        normalise_f32(row, DIMS);
        world_put_rows(w, n, row, 1);
        world_words_put(w, n, "cat dog");
    }
    for (uint32_t n = 1; n <= 60; n++) {
        json_t *d = json_pack("{s:s}", "id", "x");
        attributes_put(w->attributes, n, d);
        json_decref(d);
    }
    w->vectors->scan_rows = 1;
    w->vectors->scan_to_walk = .01;
    while (vectors_merge_step(w->vectors, 100000000))
        ;
    for (int i = 0; i < 8; i++) {
        struct docset none, other;
        docset_init(&none);
        docset_init(&other);
        docset_add(&other, 1000);
        struct search_query q = {.mode = i & 1 ? SEARCH_HYBRID : SEARCH_SEMANTIC,
                                 .depth = 20,
                                 .without = i & 2 ? &other : &none};
        struct search_result r = i & 4 ? run(w, &text, &q) : run_as_asked(w, &text, &q);
        assert_int_equal(r.count, 20);
        for (uint32_t k = 0; k < 20; k++)
            assert_int_equal(r.hits[k].number, k + 1);
        docset_release(&none);
        docset_release(&other);
    }
    free(rows);
    world_free(w);
}

static void totals_with_min_score_are_exact_or_say_so(void **state)
{
    struct world *w = world_new(5, SLOW ? 300 : 1500);
    for (int i = 0; i < (SLOW ? 10 : 60); i++) {
        struct question text = question(w);
        struct search_query q = random_query(w);
        q.min_score = .02 + .4 * rng_unit(&w->rng);
        struct search_result r = run(w, &text, &q);
        struct expected *x = world_expect(w, &text, &q);
        double *best = arena_array(w->arena, w->count + 1, sizeof *best);
        size_t depth = q.depth;
        q.depth = w->count;
        size_t all = best_scores(w, x, &q, NULL, best);
        q.depth = depth;
        if (r.total_exact)
            assert_int_equal(r.total, all);
        assert_true(r.total <= all && r.total >= r.count);
        if (r.count < depth)
            assert_true(r.total_exact);
    }
    world_free(w);
}

/* --- the other fusions --- */

static size_t place(const uint32_t *list, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == number)
            return i + 1;
    return 0;
}

static size_t numbers_of(const struct search_result *r, uint32_t *out)
{
    for (size_t i = 0; i < r->count; i++)
        out[i] = r->hits[i].number;
    return r->count;
}

static void ranks_are_fused(void **state)
{
    struct world *w = world_new(6, 400);
    uint32_t words[400], near[400];
    for (int i = 0; i < 20; i++) {
        struct question text = question(w);
        struct search_query q = {.mode = SEARCH_LEXICAL, .depth = 400};
        struct search_result r = run(w, &text, &q);
        size_t words_count = numbers_of(&r, words);
        q.mode = SEARCH_SEMANTIC;
        r = run(w, &text, &q);
        size_t near_count = numbers_of(&r, near);
        q = (struct search_query){.mode = SEARCH_HYBRID, .depth = 30, .fusion = SEARCH_RRF};
        r = run(w, &text, &q);
        assert_int_equal(r.count, 30);
        for (size_t k = 0; k < r.count; k++) {
            size_t a = place(words, words_count, r.hits[k].number);
            size_t b = place(near, near_count, r.hits[k].number);
            double score = (a ? 1. / (60 + (double)a) : 0) + (b ? 1. / (60 + (double)b) : 0);
            assert_true(fabs(r.hits[k].score - score) < 1e-12);
            assert_true(k == 0 || r.hits[k].score <= r.hits[k - 1].score);
        }
    }
    world_free(w);
}

static void ranges_are_fused(void **state)
{
    struct world *w = world_new(7, 400);
    for (int i = 0; i < 20; i++) {
        struct question text = question(w);
        struct search_query q = {.mode = SEARCH_LEXICAL, .depth = 400};
        struct search_result words = run(w, &text, &q);
        q.mode = SEARCH_SEMANTIC;
        struct search_result near = run(w, &text, &q);
        q = (struct search_query){.mode = SEARCH_HYBRID, .depth = 30, .fusion = SEARCH_MINMAX};
        struct search_result r = run(w, &text, &q);
        double low = words.hits[words.count - 1].lexical, high = words.hits[0].lexical;
        double far = near.hits[near.count - 1].cosine, nearest = near.hits[0].cosine;
        for (size_t k = 0; k < r.count; k++) {
            const struct search_hit *h = &r.hits[k];
            double a = h->lexical > 0 ? (h->lexical - low) / (high - low) : 0;
            double b = isnan(h->cosine) ? 0 : (h->cosine - far) / (nearest - far);
            assert_true(fabs(h->score - (.6 * a + .4 * b)) < NEAR);
        }
    }
    world_free(w);
}

/* --- boosts --- */

static void a_boost_rises_with_its_field_and_is_explained(void **state)
{
    struct world *w = world_new(8, 0);
    struct question text = {.text = "cat", .vector = {1}};
    for (uint32_t n = 1; n <= 8; n++) {
        float row[DIMS] = {.8f, .6f};
        json_t *d = json_pack("{s:s,s:{s:f}}", "id", "x", "attributes", "age", 100. * n);
        if (n == 8)
            json_object_clear(json_object_get(d, "attributes"));
        attributes_put(w->attributes, n, d);
        world_put_rows(w, n, row, 1);
        world_words_put(w, n, "cat");
        json_decref(d);
    }
    struct search_boost boost = {SEARCH_BOOST_RECENCY, STR("age"), .5, 100, 600, NULL};
    struct search_query q = {
        .mode = SEARCH_SEMANTIC, .depth = 10, .boosts = &boost, .boost_count = 1};
    struct search_result r = run(w, &text, &q);
    static const uint32_t order[] = {6, 7, 5, 4, 3, 2, 1, 8};
    static const double of[] = {1, 1, .5, .25, .125, .0625, .03125, 0};
    assert_int_equal(r.count, 8);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(r.hits[i].number, order[i]);
        assert_true(fabs(r.hits[i].boosts[0] - of[i]) < 1e-12);
        assert_true(fabs(r.hits[i].score - r.hits[i].relevance * (.5 + .5 * of[i])) < 1e-12);
        assert_true(i == 7 ? isnan(r.hits[i].boost_values[0])
                           : r.hits[i].boost_values[0] == 100. * order[i]);
    }
    boost.kind = SEARCH_BOOST_NUMBER;
    r = run(w, &text, &q);
    for (uint32_t i = 0; i < 7; i++) {
        double value = 700 - 100. * i;
        assert_int_equal(r.hits[i].number, 7 - i);
        assert_true(fabs(r.hits[i].boosts[0] - value / (value + 100)) < 1e-12);
    }
    world_free(w);
}

/* A document far down either list that alone has all of the boost. */
static void a_boost_reaches_what_is_deep_in_the_lists(void **state)
{
    const uint32_t count = SLOW ? 300 : 2000;
    struct world *w = world_new(9, 0);
    struct question text = {.text = "cat", .vector = {1}};
    for (uint32_t n = 1; n <= count; n++) {
        float row[DIMS] = {1, .2f + .0001f * (float)n};
        json_t *d = json_pack("{s:s,s:{s:i}}", "id", "x", "attributes", "popularity",
                              n == count - 1 ? 1000000 : 1);
        normalise_f32(row, DIMS);
        attributes_put(w->attributes, n, d);
        world_put_rows(w, n, row, 1);
        world_words_put(w, n, "cat");
        json_decref(d);
    }
    struct search_boost boost = {SEARCH_BOOST_NUMBER, STR("popularity"), .5, 10, 0, NULL};
    for (enum search_mode mode = SEARCH_HYBRID; mode <= SEARCH_LEXICAL; mode++) {
        struct search_query q = {.mode = mode, .depth = 3, .boosts = &boost, .boost_count = 1};
        struct search_result r = run(w, &text, &q);
        assert_int_equal(r.hits[0].number, count - 1);
        assert_true(r.complete);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_are_found_and_scored_as_the_formula_says),
        cmocka_unit_test(a_score_is_the_same_to_the_bit),
        cmocka_unit_test(what_is_best_by_both_and_first_in_neither_list_is_found),
        cmocka_unit_test(what_a_walk_found_has_the_score_of_a_scan),
        cmocka_unit_test(a_document_of_many_passages_starves_nobody),
        cmocka_unit_test(totals_with_min_score_are_exact_or_say_so),
        cmocka_unit_test(ranks_are_fused),
        cmocka_unit_test(ranges_are_fused),
        cmocka_unit_test(a_boost_rises_with_its_field_and_is_explained),
        cmocka_unit_test(a_boost_reaches_what_is_deep_in_the_lists),
    };
    return THREADS_ONLY ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
