/* What comes and goes leaves nothing behind: memory, terms, slots. And what is large. */
#include "world.h"

#include "../sanitized.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define NUMBERS (SLOW ? 600u : 2500u)
#define ROUNDS 10u

static size_t fresh_bytes(const struct world *w)
{
    struct lexical *fresh = lexical_new();
    for (uint32_t i = 0; i < w->numbers; i++)
        if (w->texts[i].number)
            text_put(fresh, &w->texts[i]);
    size_t bytes = lexical_bytes(fresh);
    assert_int_equal(lexical_terms(fresh), lexical_terms(w->x));
    lexical_free(fresh);
    return bytes;
}

/* Each round a third of the documents is replaced and a third deleted; words come and go. */
static void test_memory(void **state)
{
    struct world w;
    world_init(&w, 5, NUMBERS, 100000, 60);
    for (uint32_t i = 1; i < NUMBERS; i++)
        world_put(&w, i);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 1; i < NUMBERS; i++)
            if (rng_below(&w.rng, 3) == 0)
                world_delete(&w, i);
        for (uint32_t i = 1; i < NUMBERS; i++)
            if (!w.texts[i].number || rng_below(&w.rng, 3) == 0)
                world_put(&w, i);
    }
    double ratio = (double)lexical_bytes(w.x) / (double)fresh_bytes(&w);
    print_message("%zu bytes, %.3f of a fresh one's\n", lexical_bytes(w.x), ratio);
    assert_true(ratio < 1.15);
    struct err_info e = {0};
    assert_int_equal(lexical_check(w.x, &e), ERR_OK);
    world_release(&w);
}

static struct lexical_document document(uint32_t number, const struct lexical_token *tokens,
                                        size_t n)
{
    struct lexical_document d = {
        .number = number, .revision = number, .tokens = tokens, .token_count = n};
    d.lengths[LEXICAL_TEXT] = (uint32_t)n;
    return d;
}

static size_t find(struct lexical *x, const char *const *words, size_t n, bool phrase,
                   struct arena *a, struct lexical_hit **hits)
{
    struct lexical_group *groups = arena_array(a, n, sizeof *groups);
    uint32_t *offsets = arena_array(a, n, sizeof *offsets);
    for (size_t i = 0; i < n; i++) {
        struct lexical_term *t = arena_array(a, 1, sizeof *t);
        *t = (struct lexical_term){str_c(words[i]), 1};
        groups[i] = (struct lexical_group){t, 1, 1, 1, LEXICAL_MUST};
        offsets[i] = (uint32_t)i;
    }
    struct lexical_phrase p = {groups, offsets, n, LEXICAL_MUST};
    struct lexical_query q = {.groups = groups, .group_count = n, .phrases = &p};
    q.phrase_count = phrase;
    return lexical_search(x, &q, 10, a, hits);
}

/* One document of a million words, most of them the same, beside small ones. */
static void test_large_document(void **state)
{
    size_t n = SLOW ? 100000 : 1000000;
    struct lexical *x = lexical_new();
    struct arena *a = arena_new(0);
    struct lexical_token *tokens = xmalloc(n * sizeof *tokens);
    for (size_t i = 0; i < n; i++)
        tokens[i] = (struct lexical_token){STR("same"), (uint32_t)i, LEXICAL_TEXT};
    tokens[n - 2].term = STR("other");
    for (uint32_t i = 1; i <= 200; i++)
        lexical_put(x, &(struct lexical_document){.number = i,
                                                  .revision = 1,
                                                  .tokens = tokens,
                                                  .token_count = 10,
                                                  .lengths = {0, 10, 0}});
    struct lexical_document large = document(201, tokens, n);
    lexical_put(x, &large);
    struct lexical_hit *hits;
    assert_int_equal(find(x, (const char *[]){"same", "other", "same"}, 3, true, a, &hits), 1);
    assert_int_equal(hits[0].number, 201);
    assert_int_equal(find(x, (const char *[]){"other", "other"}, 2, true, a, &hits), 0);
    assert_int_equal(find(x, (const char *[]){"same"}, 1, false, a, &hits), 10);
    lexical_put(x, &(struct lexical_document){.number = 201, .revision = 2});
    assert_int_equal(lexical_terms(x), 1);
    assert_int_equal(lexical_frequency(x, 0, STR("same")), 200);
    assert_true(lexical_bytes(x) < 1000000);
    free(tokens);
    arena_free(a);
    lexical_free(x);
}

/* Terms of 255 bytes, as many groups and members as there may be, no document at all. */
static void test_bounds(void **state)
{
    struct lexical *x = lexical_new();
    struct arena *a = arena_new(0);
    char(*text)[LEXICAL_TERM_MAX] = xcalloc(64, sizeof *text);
    struct lexical_token tokens[64];
    struct lexical_term terms[LEXICAL_MEMBERS_MAX];
    struct lexical_group *groups = arena_array(a, LEXICAL_GROUPS_MAX, sizeof *groups);
    for (uint32_t i = 0; i < 64; i++) {
        for (unsigned j = 0; j < LEXICAL_TERM_MAX; j++)
            text[i][j] = (char)(j + 1 < LEXICAL_TERM_MAX ? 'a' + i % 3 : 'a' + i % 60);
        tokens[i] = (struct lexical_token){{text[i], sizeof text[i]}, i, LEXICAL_TAGS};
        terms[i] = (struct lexical_term){tokens[i].term, i ? .5f : 1};
    }
    for (unsigned i = 0; i < LEXICAL_GROUPS_MAX; i++)
        groups[i] = (struct lexical_group){terms, 64, 1, 1, LEXICAL_SHOULD};
    struct lexical_query q = {.groups = groups, .group_count = LEXICAL_GROUPS_MAX};
    struct lexical_hit *hits;
    assert_int_equal(lexical_search(x, &q, 10000, a, &hits), 0);
    assert_int_equal(lexical_search(x, &(struct lexical_query){0}, 10, a, &hits), 0);
    for (uint32_t i = 1; i <= 50; i++) {
        struct lexical_document d = document(i, tokens, i);
        lexical_put(x, &d);
    }
    assert_int_equal(lexical_search(x, &q, 0, a, &hits), 0);
    assert_int_equal(lexical_search(x, &(struct lexical_query){0}, 10, a, &hits), 0);
    assert_int_equal(lexical_search(x, &q, 10000, a, &hits), 50);
    for (unsigned i = 0; i + 1 < 50; i++)
        assert_true(hits[i].score >= hits[i + 1].score);
    free(text);
    arena_free(a);
    lexical_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_large_document),
                                       cmocka_unit_test(test_bounds)};
    return THREADS_ONLY ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
