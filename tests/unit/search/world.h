/* Random documents in the real indexes, and what the formulas of search.h say of each: the plain
 * model that searches are held to. */
#ifndef TEST_SEARCH_WORLD_H
#define TEST_SEARCH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/docset.h"
#include "base/rng.h"
#include "index/filter.h"
#include "index/vectors.h"
#include "index/words.h"
#include "math/dot.h"
#include "math/half.h"
#include "search/search.h"

#define DIMS 16
#define TOPICS 12
#define VOCABULARY 300
#define QUERY_WORDS 5

struct world {
    struct vectors *vectors;
    struct words *words;
    struct attributes *attributes;
    struct search_view view;
    struct rng rng;
    float topics[TOPICS][DIMS];
    uint32_t count;
    struct arena *arena;
};

struct question {
    char text[200];
    float vector[DIMS];
};

/* --- words: blanks between them --- */

static void *world_session(void)
{
    return malloc(1);
}

static uint32_t world_analyze(void *session, unsigned language, struct str text,
                              words_term_fn *emit, void *ctx)
{
    uint32_t position = 0;
    for (size_t at = 0, end; at < text.n; at = end + 1) {
        for (end = at; end < text.n && text.s[end] != ' ';)
            end++;
        struct words_term t = {.text = {text.s + at, end - at},
                               .start = at,
                               .end = end,
                               .position = position,
                               .word = true,
                               .phrase = true};
        if (end > at) {
            emit(ctx, &t);
            position++;
        }
    }
    return position;
}

static struct words *world_words_new(void)
{
    static const struct words_analyzer analyzer = {
        .session_new = world_session, .session_free = free, .analyze = world_analyze};
    return words_new(&analyzer);
}

static void world_words_put(struct world *w, uint32_t number, const char *text)
{
    words_put(w->words,
              &(struct words_document){.number = number, .revision = number, .text = str_c(text)});
}

static const struct words_query *world_words_query(struct world *w, const char *text)
{
    static const struct words_options plain;
    return words_query(w->words, str_c(text), &plain, w->arena);
}

static void world_words_score(struct world *w, const char *text, const uint32_t *numbers,
                              size_t count, double *lexical)
{
    struct word_hit *hits = arena_array(w->arena, count + 1, sizeof *hits);
    const struct words_query *q = world_words_query(w, text);
    double bound = words_query_bound(q);
    words_score(w->words, q, numbers, count, w->arena, hits);
    for (size_t i = 0; i < count; i++)
        lexical[i] = bound > 0 ? hits[i].bm25 / bound : 0;
}

/* --- documents --- */

static unsigned world_word(struct world *w) /* few are frequent */
{
    double u = rng_unit(&w->rng);
    return (unsigned)(VOCABULARY * u * u * u);
}

static void world_vector(struct world *w, unsigned topic, float spread, float *out)
{
    for (int d = 0; d < DIMS; d++)
        out[d] = w->topics[topic][d] + spread * rng_normal(&w->rng);
    normalise_f32(out, DIMS);
}

static void world_put_rows(struct world *w, uint32_t number, const float *rows, uint32_t passages)
{
    uint16_t *halves = malloc(passages * DIMS * sizeof *halves);
    struct err_info e = {0};
    half_from_f32(rows, halves, passages * DIMS);
    assert_int_equal(vectors_put(w->vectors, number, number, halves, passages, &e), ERR_OK);
    free(halves);
}

/* Words of 2 topics, 1 to 3 passages; one in 20 has no vector yet, one in 5 no popularity. */
static void world_put(struct world *w, uint32_t number)
{
    char text[1200];
    int n = 0;
    float rows[3 * DIMS];
    uint32_t passages = 1 + (uint32_t)rng_below(&w->rng, 3);
    unsigned topic = (unsigned)rng_below(&w->rng, TOPICS), length = 5 + world_word(w) / 4;
    for (unsigned i = 0; i < length; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "w%u ",
                      (world_word(w) + topic * 7) % VOCABULARY);
    world_words_put(w, number, text);
    for (uint32_t p = 0; p < passages; p++)
        world_vector(w, topic, .25f, rows + p * DIMS);
    if (rng_below(&w->rng, 20))
        world_put_rows(w, number, rows, passages);
    json_t *d =
        json_pack("{s:s,s:s,s:{s:i}}", "id", "x", "lang", rng_below(&w->rng, 3) ? "en" : "de",
                  "attributes", "age", (int)rng_below(&w->rng, 1000));
    if (rng_below(&w->rng, 5))
        json_object_set_new(json_object_get(d, "attributes"), "popularity",
                            json_integer((json_int_t)rng_below(&w->rng, 500)));
    attributes_put(w->attributes, number, d);
    json_decref(d);
}

static struct world *world_new(uint64_t seed, uint32_t count)
{
    struct world *w = calloc(1, sizeof *w);
    rng_init(&w->rng, seed);
    w->arena = arena_new(0);
    w->vectors = vectors_new(DIMS);
    w->attributes = attributes_new();
    w->words = world_words_new();
    for (int t = 0; t < TOPICS; t++)
        for (int d = 0; d < DIMS; d++)
            w->topics[t][d] = .3f * rng_normal(&w->rng);
    w->count = count;
    for (uint32_t n = 1; n <= count; n++)
        world_put(w, n);
    w->view = (struct search_view){
        .vectors = w->vectors, .words = w->words, .attributes = w->attributes, .mean_cosine = .2f};
    return w;
}

static void world_free(struct world *w)
{
    vectors_free(w->vectors);
    words_free(w->words);
    attributes_free(w->attributes);
    arena_free(w->arena);
    free(w);
}

static struct question question(struct world *w)
{
    struct question q;
    int n = 0;
    unsigned topic = (unsigned)rng_below(&w->rng, TOPICS);
    for (int i = 0; i < QUERY_WORDS; i++)
        n += snprintf(q.text + n, sizeof q.text - (size_t)n, "w%u ",
                      (world_word(w) + topic * 7) % VOCABULARY);
    world_vector(w, (unsigned)rng_below(&w->rng, 4) ? topic : 0, .3f, q.vector);
    return q;
}

/* --- what each document should have, by number --- */

struct expected {
    double lexical, semantic, cosine, relevance, score;
    uint32_t number;
};

static double world_boost(const struct search_boost *b, double value)
{
    if (isnan(value))
        return 0;
    if (b->kind == SEARCH_BOOST_RECENCY)
        return value >= b->origin ? 1 : pow(.5, (b->origin - value) / b->scale);
    return value > 0 ? value / (value + b->scale) : 0;
}

static struct expected *world_expect(struct world *w, const struct question *text,
                                     const struct search_query *q)
{
    struct expected *x = arena_array(w->arena, w->count + 1, sizeof *x);
    uint32_t *numbers = arena_array(w->arena, w->count, sizeof *numbers);
    double *column = arena_array(w->arena, w->count, sizeof *column);
    struct vector_hit *near = arena_array(w->arena, w->count, sizeof *near);
    double a = q->words_weight + q->vectors_weight > 0 ? q->words_weight : .6;
    double b = q->words_weight + q->vectors_weight > 0 ? q->vectors_weight : .4;
    double sum = a + b;
    for (uint32_t i = 0; i < w->count; i++)
        numbers[i] = i + 1;
    world_words_score(w, text->text, numbers, w->count, column);
    vectors_score(w->vectors, text->vector, numbers, w->count, near);
    for (uint32_t i = 0; i < w->count; i++) {
        double mu = (double)w->view.mean_cosine, cosine = (double)near[i].cosine;
        double semantic = isnan(cosine) ? 0 : fmin(fmax(0, (cosine - mu) / (1 - mu)), 1);
        struct expected *d = &x[i];
        *d = (struct expected){
            .lexical = column[i], .semantic = semantic, .cosine = cosine, .number = i + 1};
        d->relevance = q->mode == SEARCH_LEXICAL    ? d->lexical
                       : q->mode == SEARCH_SEMANTIC ? d->semantic
                                                    : (a * d->lexical + b * d->semantic) / sum;
        d->score = 1;
    }
    for (size_t k = 0; k < q->boost_count; k++) {
        attributes_number(w->attributes, q->boosts[k].field, ATTRIBUTES_GREATEST, numbers, w->count,
                          column);
        for (uint32_t i = 0; i < w->count; i++)
            x[i].score -= q->boosts[k].weight * (1 - world_boost(&q->boosts[k], column[i]));
    }
    for (uint32_t i = 0; i < w->count; i++)
        x[i].score *= x[i].relevance;
    return x;
}

#endif
