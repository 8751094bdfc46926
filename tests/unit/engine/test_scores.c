/* What scores are made of stays what it is: mu is fixed once, and outlives restarts. */
#include "help.h"
#include "../sanitized.h"
#include "engine/internal.h"
#include <math.h>

#define ROWS 100

static const char *const words_of[] = {"river",  "stone",  "bridge", "night",
                                       "garden", "engine", "letter", "winter"};

/* Documents `from` to `to`; `same`: all of one text. */
static void put_many(struct fixture *f, int from, int to, bool same)
{
    for (int i = from; i < to;) {
        const json_t *docs[ROWS];
        struct put_result results[ROWS];
        struct str position;
        size_t n = 0;
        for (; i < to && n < ROWS; i++, n++) {
            char text[200] = "the river", id[16];
            snprintf(id, sizeof id, "d%d", i);
            if (!same)
                snprintf(text, sizeof text, "%s and %s by the %s, number%d", words_of[i % 8],
                         words_of[i / 8 % 8], words_of[i / 3 % 8], i);
            docs[n] = json_pack("{s:s,s:s}", "id", id, "text", text);
        }
        OK(engine_put(f->x, C, docs, n, NULL, f->a, results, &position, e));
        while (n)
            json_decref((json_t *)docs[--n]);
    }
}

static double mean_cosine(struct fixture *f)
{
    return search(f, "river", SEARCH_HYBRID, "", 1).hits[0].mean_cosine;
}

static uint64_t documents(struct fixture *f)
{
    struct collection_info info;
    OK(engine_collection_get(f->x, C, f->a, &info, e));
    return info.documents;
}

/* The keeper has gone a whole round: what had expired is gone, twice. */
static void keeper_round(struct fixture *f)
{
    uint64_t before = documents(f);
    for (int i = 0; i < 2; i++) {
        put(f, "{'id':'old','text':'old','expires':'2020-01-01T00:00:00Z'}");
        while (documents(f) != before) {
            keeper_wake(f->x);
            clock_sleep_ns(5000000);
        }
    }
}

static void mu_is_fixed_at_a_thousand_passages_for_good(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    put_many(f, 0, 990, false);
    double constant = mean_cosine(f);
    keeper_round(f);
    assert_true(mean_cosine(f) == constant);
    put_many(f, 990, 1100, false);
    keeper_round(f);
    double mu = mean_cosine(f);
    assert_true(mu != constant && mu > 0 && mu < 1);
    put_many(f, 1100, 1600, true);
    keeper_round(f);
    assert_true(mean_cosine(f) == mu);
    struct find_answer before = search(f, "stone bridge", SEARCH_HYBRID, "", 50);
    fixture_close(f);
    fixture_open(f);
    keeper_round(f);
    struct find_answer after = search(f, "stone bridge", SEARCH_HYBRID, "", 50);
    assert_int_equal(after.count, before.count);
    for (size_t i = 0; i < after.count; i++) {
        assert_true(str_eq(after.hits[i].document.id, before.hits[i].document.id));
        assert_true(fabs(after.hits[i].score - before.hits[i].score) < 1e-6);
        assert_true(after.hits[i].mean_cosine == mu);
    }
}

/* All alike: mu is 1, or next to it. */
static void a_thousand_copies_leave_scores_in_their_range(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    put_many(f, 0, 1000, true);
    put(f, "{'id':'other','text':'an engine of copper'}");
    keeper_round(f);
    assert_true(mean_cosine(f) > .5 && mean_cosine(f) < .99);
    for (enum search_mode mode = SEARCH_HYBRID; mode <= SEARCH_LEXICAL; mode++) {
        struct find_answer a = search(f, "engine of copper", mode, "", 20);
        assert_true(str_eq_c(a.hits[0].document.id, "other"));
        assert_true(mode == SEARCH_SEMANTIC || a.hits[0].score > .1);
        for (size_t i = 0; i < a.count; i++)
            assert_true(a.hits[i].score >= 0 && a.hits[i].score <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(mu_is_fixed_at_a_thousand_passages_for_good),
        TEST(a_thousand_copies_leave_scores_in_their_range),
    };
    return THREADS_ONLY ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
