/* Prefixes and near words against all terms looked at one by one, while documents come and go. */
#include "base/rng.h"
#include "base/thread.h"
#include "lexical/edits.h"
#include "lexical/lexical.h"

#include "../sanitized.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define WORDS 3000u
#define DOCUMENTS 400u
#define TOKENS 40u
#define MAX 20u

struct world {
    struct lexical *x;
    struct rng rng;
    char words[WORDS][48];
    uint32_t df[WORDS];
    uint32_t of[DOCUMENTS][TOKENS]; /* words, each once */
    uint32_t count[DOCUMENTS];      /* 0: not there */
};

/* Much alike: few characters, long common beginnings, ends that are one another's prefix. */
static void word_make(struct world *w, unsigned i)
{
    static const char *const begins[] = {
        "",     "", "a", "internationali", "internat", "b", "\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2",
        "a\xCC"};
    static const char *const parts[] = {"a", "b", "c", "d", "e", "ab", "\xD0\xB5", "1"};
    char *p = w->words[i];
    strcpy(p, begins[rng_below(&w->rng, 8)]);
    for (uint64_t n = 1 + rng_below(&w->rng, 9); n > 0; n--)
        strcat(p, parts[rng_below(&w->rng, 8)]);
    for (unsigned k = 0; k < i; k++)
        if (strcmp(w->words[k], p) == 0) {
            word_make(w, i);
            return;
        }
}

static struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    rng_init(&w->rng, seed);
    w->x = lexical_new();
    for (unsigned i = 0; i < WORDS; i++)
        word_make(w, i);
    return w;
}

static void world_free(struct world *w)
{
    lexical_free(w->x);
    free(w);
}

static void document_forget(struct world *w, unsigned d)
{
    for (uint32_t i = 0; i < w->count[d]; i++)
        w->df[w->of[d][i]]--;
    w->count[d] = 0;
}

/* Low numbers of words are in most documents, high ones come and go. */
static void document_put(struct world *w, unsigned d, unsigned first)
{
    struct lexical_token tokens[TOKENS];
    document_forget(w, d);
    for (uint64_t want = 1 + rng_below(&w->rng, TOKENS); w->count[d] < want;) {
        uint32_t word = (uint32_t)rng_below(&w->rng, 1 + rng_below(&w->rng, WORDS - first));
        word += first;
        bool again = false;
        for (uint32_t i = 0; i < w->count[d]; i++)
            again = again || w->of[d][i] == word;
        if (again) {
            want--;
            continue;
        }
        tokens[w->count[d]] = (struct lexical_token){str_c(w->words[word]), w->count[d], 1};
        w->of[d][w->count[d]++] = word;
        w->df[word]++;
    }
    struct lexical_document doc = {d + 1, 1, tokens, w->count[d], {0, w->count[d], 0}, 0};
    lexical_put(w->x, &doc);
}

static void document_delete(struct world *w, unsigned d)
{
    document_forget(w, d);
    lexical_delete(w->x, d + 1);
}

/* ---- one by one ---- */

struct candidate {
    const char *word;
    uint32_t df;
    unsigned edits;
};

static int candidate_cmp(const void *a, const void *b)
{
    const struct candidate *p = a, *q = b;
    if (p->edits != q->edits)
        return p->edits < q->edits ? -1 : 1;
    if (p->df != q->df)
        return p->df > q->df ? -1 : 1;
    return str_cmp(str_c(p->word), str_c(q->word));
}

static void check(const struct lexical_word *got, size_t n, struct candidate *all, size_t count)
{
    qsort(all, count, sizeof *all, candidate_cmp);
    assert_int_equal(n, count < MAX ? count : MAX);
    for (size_t i = 0; i < n; i++) {
        assert_true(str_eq_c(got[i].term, all[i].word));
        assert_int_equal(got[i].df, all[i].df);
        assert_int_equal(got[i].edits, all[i].edits);
    }
}

static size_t check_prefix(struct world *w, struct arena *a)
{
    static struct candidate all[WORDS];
    struct lexical_word got[MAX];
    size_t n = 0;
    const char *of = w->words[rng_below(&w->rng, WORDS)];
    struct str prefix = {of, rng_below(&w->rng, strlen(of) + 1)};
    for (unsigned i = 0; i < WORDS; i++)
        if (w->df[i] && str_starts(str_c(w->words[i]), prefix))
            all[n++] = (struct candidate){w->words[i], w->df[i], 0};
    check(got, lexical_prefixed(w->x, 0, prefix, MAX, a, got), all, n);
    return n;
}

static size_t check_near(struct world *w, struct arena *a)
{
    static struct candidate all[WORDS];
    static struct edits_word prepared;
    struct lexical_word got[MAX];
    size_t n = 0;
    char word[64];
    unsigned edits = 1 + (unsigned)rng_below(&w->rng, 2);
    snprintf(word, sizeof word, "%s", w->words[rng_below(&w->rng, WORDS)]);
    word[rng_below(&w->rng, strlen(word))] = 'c';
    assert_true(edits_prepare(&prepared, str_c(word)));
    for (unsigned i = 0; i < WORDS; i++) {
        unsigned far = w->df[i] ? edits_between(&prepared, str_c(w->words[i])) : 0;
        if (far && far <= edits)
            all[n++] = (struct candidate){w->words[i], w->df[i], far};
    }
    check(got, lexical_near(w->x, 0, str_c(word), edits, MAX, a, got), all, n);
    return n;
}

static void check_all(struct world *w, struct arena *a, size_t *found)
{
    for (unsigned i = 0; i < 20; i++) {
        *found += check_prefix(w, a) + check_near(w, a);
        arena_reset(a);
    }
}

static void test_changes(void **state)
{
    struct arena *a = arena_new(0);
    size_t found = 0;
    if (THREADS_ONLY) {
        arena_free(a);
        return;
    }
    for (uint64_t seed = 1; seed <= (SLOW ? 1 : 3); seed++) {
        struct world *w = world_new(seed);
        check_all(w, a, &found);
        for (unsigned turn = 0; turn < 60; turn++) {
            /* Turns in which it grows, shrinks, and has other words than before. */
            unsigned first = turn % 7 == 5 ? WORDS / 2 : 0;
            for (unsigned i = 0; i < 30; i++) {
                unsigned d = (unsigned)rng_below(&w->rng, DOCUMENTS);
                if (turn % 5 == 4 || rng_below(&w->rng, 4) == 0)
                    document_delete(w, d);
                else
                    document_put(w, d, first);
                if (i % 10 == 0)
                    check_all(w, a, &found);
            }
        }
        for (unsigned d = 0; d < DOCUMENTS; d++)
            document_delete(w, d);
        check_all(w, a, &found);
        assert_int_equal(lexical_terms(w->x), 0);
        world_free(w);
    }
    assert_true(found > 10000);
    arena_free(a);
}

static void test_edges(void **state)
{
    struct arena *a = arena_new(0);
    struct lexical *x = lexical_new();
    struct lexical_word out[4];
    char lengthy[200];
    memset(lengthy, 'x', sizeof lengthy);
    struct lexical_token tokens[] = {{{lengthy, 200}, 0, 1},
                                     {{lengthy, 64}, 1, 1},
                                     {{"\0a", 2}, 2, 1},
                                     {{"", 0}, 3, 1},
                                     {{"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9}, 4, 1}};
    struct lexical_document d = {1, 1, tokens, 5, {0, 5, 0}, 0};
    lexical_put(x, &d);
    assert_int_equal(lexical_prefixed(x, 0, (struct str){lengthy, 65}, 4, a, out), 1);
    assert_int_equal(out[0].term.n, 200);
    assert_int_equal(lexical_prefixed(x, 0, STR(""), 4, a, out), 4);
    assert_int_equal(lexical_prefixed(x, 0, STR("\0"), 4, a, out), 1);
    assert_int_equal(lexical_prefixed(x, 0, STR("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), 4, a, out), 1);
    assert_int_equal(lexical_prefixed(x, 0, STR("x"), 0, a, out), 0);
    assert_int_equal(lexical_near(x, 0, (struct str){lengthy, 63}, 1, 4, a, out), 1);
    assert_int_equal(lexical_near(x, 0, (struct str){lengthy, 64}, 2, 4, a, out), 0);
    assert_int_equal(lexical_near(x, 0, (struct str){lengthy, 200}, 2, 4, a, out), 0);
    assert_int_equal(lexical_near(x, 0, STR(""), 2, 4, a, out), 0);
    lexical_free(x);
    arena_free(a);
}

/* ---- readers beside a writer ---- */

struct reading {
    struct lexical *x;
    atomic_bool stop;
    char wrong[200];
    size_t answers;
};

/* The words "kept..." stay in more documents than any other. */
static void read_on(void *arg)
{
    struct reading *g = arg;
    struct arena *a = arena_new(0);
    struct lexical_word got[8];
    while (!atomic_load(&g->stop) && !g->wrong[0]) {
        size_t n = lexical_prefixed(g->x, 0, STR("kept"), 8, a, got);
        if (n != 2 || !str_eq_c(got[0].term, "keptalways") || got[0].df < 10)
            snprintf(g->wrong, sizeof g->wrong, "prefix: %zu", n);
        n = lexical_near(g->x, 0, STR("kpetalwasy"), 2, 8, a, got);
        if (n != 1 || !str_eq_c(got[0].term, "keptalways") || got[0].edits != 2)
            snprintf(g->wrong, sizeof g->wrong, "near: %zu", n);
        n = lexical_prefixed(g->x, 0, STR("a"), 8, a, got);
        for (size_t i = 0; i < n; i++)
            if (got[i].term.s[0] != 'a' || !got[i].df || (i && got[i].df > got[i - 1].df))
                snprintf(g->wrong, sizeof g->wrong, "a: %.*s", STR_ARG(got[i].term));
        lexical_near(g->x, 0, STR("abcde"), 2, 8, a, got);
        g->answers++;
        arena_reset(a);
    }
    arena_free(a);
}

static void test_readers(void **state)
{
    struct world *w = world_new(9);
    struct reading g[2] = {{.x = w->x}, {.x = w->x}};
    struct lexical_token kept[] = {{STR("keptalways"), 0, 1}, {STR("keptsometimes"), 1, 1}};
    struct thread *threads[2];
    for (uint32_t i = 0; i < 10; i++) {
        struct lexical_document d = {DOCUMENTS + 1 + i, 1, kept, i == 9 ? 2 : 1, {0, 2, 0}, 0};
        lexical_put(w->x, &d);
    }
    for (unsigned i = 0; i < 2; i++)
        threads[i] = thread_start("reader", read_on, &g[i]);
    for (unsigned i = 0; i < (SLOW ? 3000 : 8000); i++) {
        unsigned d = (unsigned)rng_below(&w->rng, DOCUMENTS);
        if (rng_below(&w->rng, 3))
            document_put(w, d, i / 1000 % 2 ? WORDS / 2 : 0);
        else
            document_delete(w, d);
    }
    for (unsigned i = 0; i < 2; i++) {
        atomic_store(&g[i].stop, true);
        thread_join(threads[i]);
        assert_string_equal(g[i].wrong, "");
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
