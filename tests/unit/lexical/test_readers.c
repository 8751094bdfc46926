/* Readers that never pause beside a writer. What a document holds follows from its revision, and so
 * does its score: all have the same length, and the queries' idf is 1. Some documents are replaced
 * again and again but never deleted: each search must find every one of them, whole. */
#include "base/rng.h"
#include "base/thread.h"
#include "lexical/lexical.h"
#include "math/simd.h"

#include "../sanitized.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define THREADS 2u
#define LASTING 300u
#define NUMBERS 900u
#define TERMS 7u
#define LENGTH 40u
#define SEARCHES (SLOW ? 400 : 3000)

static const char *const terms[TERMS] = {"one", "two", "three", "four", "five", "six", "seven"};

static struct lexical *x;
static _Atomic uint64_t known[NUMBERS]; /* the revision that a put has returned with */
static atomic_long left;

/* Each word tf times, in an order that only this revision has: word w at w, w + 7, ... */
static uint32_t tf_of(uint64_t revision, unsigned term)
{
    return 1 + (uint32_t)((revision * UINT64_C(0x9E3779B97F4A7C15) >> (3 * term + 8)) % 5);
}

static void put(uint32_t number, uint64_t revision)
{
    struct lexical_token tokens[TERMS * 5 + 2];
    char own[24];
    size_t n = 0;
    for (uint32_t i = 0; i < 5; i++)
        for (unsigned t = 0; t < TERMS; t++)
            if (i < tf_of(revision, t))
                tokens[n++] = (struct lexical_token){str_c(terms[t]), i * TERMS + t, LEXICAL_TEXT};
    snprintf(own, sizeof own, "r%lu", (unsigned long)revision);
    tokens[n++] = (struct lexical_token){str_c(own), 100, LEXICAL_TEXT};
    struct lexical_document d = {
        .number = number, .revision = revision, .tokens = tokens, .token_count = n};
    d.lengths[LEXICAL_TEXT] = LENGTH;
    lexical_put(x, &d);
}

static double score_of(uint64_t revision, unsigned from, unsigned count)
{
    double score = 0;
    for (unsigned t = from; t < from + count; t++)
        score += tf_of(revision, t) / (tf_of(revision, t) + 1.2);
    return score;
}

struct reading {
    uint64_t seed;
    size_t hits;
    char wrong[160]; /* the first thing that was */
};

static void wrong(struct reading *r, const char *what, uint32_t number, uint64_t revision)
{
    if (!r->wrong[0])
        snprintf(r->wrong, sizeof r->wrong, "%s: document %u, revision %lu", what, number,
                 (unsigned long)revision);
}

static void hits_check(struct reading *r, const struct lexical_hit *hits, size_t n, unsigned from,
                       unsigned count, const uint64_t *before)
{
    uint8_t seen[NUMBERS] = {0};
    for (size_t i = 0; i < n; i++) {
        const struct lexical_hit *h = &hits[i];
        if (fabs(h->score - score_of(h->revision, from, count)) > 1e-9)
            wrong(r, "found in parts", h->number, h->revision);
        if (seen[h->number]++)
            wrong(r, "found twice", h->number, h->revision);
        if (h->revision < before[h->number])
            wrong(r, "found as it was", h->number, h->revision);
    }
    for (uint32_t i = 1; i < LASTING; i++)
        if (!seen[i])
            wrong(r, "not found", i, before[i]);
    r->hits += n;
}

static void search_one(struct reading *r, struct rng *rng, struct arena *a)
{
    unsigned from = (unsigned)rng_below(rng, TERMS - 2), count = 1 + (unsigned)rng_below(rng, 3);
    struct lexical_term t[TERMS];
    struct lexical_group g[TERMS];
    uint32_t offsets[TERMS];
    uint64_t before[NUMBERS];
    enum lexical_role role = rng_below(rng, 2) ? LEXICAL_MUST : LEXICAL_SHOULD;
    for (unsigned i = 0; i < count; i++) {
        t[i] = (struct lexical_term){str_c(terms[from + i]), 1};
        g[i] = (struct lexical_group){&t[i], 1, 1, 1, role};
        offsets[i] = i;
    }
    struct lexical_phrase phrase = {g, offsets, count, LEXICAL_MUST};
    struct lexical_query q = {.groups = g, .group_count = count, .phrases = &phrase};
    q.phrase_count = rng_below(rng, 2);
    for (uint32_t i = 0; i < NUMBERS; i++)
        before[i] = atomic_load(&known[i]);
    struct lexical_hit *hits, scores[LASTING];
    size_t n = lexical_search(x, &q, NUMBERS, a, &hits);
    hits_check(r, hits, n, from, count, before);
    uint32_t numbers[LASTING];
    for (uint32_t i = 1; i < LASTING; i++)
        numbers[i - 1] = i;
    lexical_score(x, &q, numbers, LASTING - 1, a, scores);
    hits_check(r, scores, LASTING - 1, from, count, before);
    struct docset all;
    docset_init(&all);
    lexical_match(x, &q, a, &all);
    for (uint32_t i = 1; i < LASTING; i++)
        if (!docset_has(&all, i))
            wrong(r, "does not match", i, before[i]);
    docset_release(&all);
}

static void read_loop(void *arg)
{
    struct reading *r = arg;
    struct rng rng;
    struct arena *a = arena_new(0);
    rng_init(&rng, r->seed);
    while (atomic_fetch_sub(&left, 1) > 0 && !r->wrong[0]) {
        search_one(r, &rng, a);
        arena_reset(a);
    }
    arena_free(a);
}

static void test_whole(void **state)
{
    struct reading readings[THREADS];
    struct thread *threads[THREADS];
    struct rng rng;
    uint64_t revision = 0, begun;
    if (THREADS_ONLY)
        simd_force(SIMD_SCALAR); /* the sanitizer does not see what other kernels read */
    rng_init(&rng, 1);
    x = lexical_new();
    for (uint32_t i = 1; i < LASTING; i++) {
        put(i, ++revision);
        atomic_store(&known[i], revision);
    }
    atomic_store(&left, SEARCHES);
    begun = revision;
    for (unsigned i = 0; i < THREADS; i++) {
        readings[i] = (struct reading){.seed = i};
        threads[i] = thread_start("reader", read_loop, &readings[i]);
    }
    while (atomic_load(&left) > 0 || revision < begun + 500) {
        uint32_t number = 1 + (uint32_t)rng_below(&rng, NUMBERS - 1);
        if (number >= LASTING && rng_below(&rng, 3) == 0) {
            atomic_store(&known[number], 0);
            lexical_delete(x, number);
            continue;
        }
        put(number, ++revision);
        atomic_store(&known[number], revision);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
        if (readings[i].wrong[0])
            fail_msg("%s", readings[i].wrong);
        assert_true(readings[i].hits > 0);
    }
    print_message("%d searches, %lu puts\n", SEARCHES, (unsigned long)(revision - begun));
    lexical_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
