#include "world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const double weights[LEXICAL_FIELDS] = {2, 1, 1.5};

void world_init(struct world *w, uint64_t seed, uint32_t numbers, unsigned words,
                unsigned length_max)
{
    *w = (struct world){.x = lexical_new(),
                        .numbers = numbers,
                        .words = words,
                        .length_max = length_max,
                        .texts = xcalloc(numbers, sizeof *w->texts),
                        .names = xcalloc(words, sizeof *w->names)};
    rng_init(&w->rng, seed);
    for (unsigned i = 0; i < words; i++)
        snprintf(w->names[i], sizeof w->names[i], i % 7 ? "w%u" : "a-long-one-%u", i);
}

void world_release(struct world *w)
{
    for (uint32_t i = 0; i < w->numbers; i++)
        free(w->texts[i].tokens);
    free(w->texts);
    free(w->names);
    lexical_free(w->x);
}

struct str world_word(const struct world *w, unsigned i)
{
    return str_c(w->names[i]);
}

unsigned world_draw(struct world *w)
{
    double u = rng_unit(&w->rng);
    unsigned i = (unsigned)(pow((double)w->words, u) - 1);
    return i < w->words ? i : w->words - 1;
}

struct text world_text(struct world *w, uint32_t number)
{
    struct text t = {.number = number, .revision = ++w->revision};
    size_t words = rng_below(&w->rng, rng_below(&w->rng, 40) ? w->length_max : 20 * w->length_max);
    t.tokens = xmalloc((2 * words + 1) * sizeof *t.tokens);
    for (uint32_t f = 0, begin = 0; f < LEXICAL_FIELDS; f++) {
        size_t n = f == 1 ? words - words / 4 : words / 8;
        bool same = rng_below(&w->rng, 200) == 0; /* the same word all the time */
        unsigned word = world_draw(w);
        for (uint32_t i = 0; i < n; i++) {
            word = same ? word : world_draw(w);
            begin += rng_below(&w->rng, 300) ? 0 : 20000;
            uint32_t position = i + begin;
            t.tokens[t.count++] = (struct lexical_token){world_word(w, word), position, f};
            if (word % 5 == 1 && word > 0) /* as a stem beside its form */
                t.tokens[t.count++] = (struct lexical_token){world_word(w, word - 1), position, f};
        }
        t.lengths[f] = (uint32_t)n;
    }
    return t;
}

void text_put(struct lexical *x, const struct text *t)
{
    struct lexical_document d = {
        .number = t->number, .revision = t->revision, .tokens = t->tokens, .token_count = t->count};
    memcpy(d.lengths, t->lengths, sizeof d.lengths);
    lexical_put(x, &d);
}

void world_put(struct world *w, uint32_t number)
{
    struct text *t = &w->texts[number];
    w->live += !t->number;
    free(t->tokens);
    *t = world_text(w, number);
    text_put(w->x, t);
}

void world_delete(struct world *w, uint32_t number)
{
    struct text *t = &w->texts[number];
    w->live -= t->number != 0;
    free(t->tokens);
    *t = (struct text){0};
    lexical_delete(w->x, number);
}

/* --- queries --- */

static struct lexical_group group_draw(struct world *w, struct arena *a, enum lexical_role role)
{
    size_t n = rng_below(&w->rng, 3) ? 1 : 1 + rng_below(&w->rng, 4);
    struct lexical_term *terms = arena_array(a, n, sizeof *terms);
    for (size_t i = 0; i < n; i++) {
        terms[i].term = rng_below(&w->rng, 50) ? world_word(w, world_draw(w)) : STR("nowhere");
        terms[i].boost = i ? (float)(.1 + .9 * rng_unit(&w->rng)) : 1;
    }
    double idf = lexical_idf(w->x, 0, lexical_frequency(w->x, 0, terms[0].term));
    return (struct lexical_group){terms, n, rng_below(&w->rng, 30) ? idf : 0,
                                  rng_below(&w->rng, 4) ? 1 : .3, role};
}

static uint32_t group_take(struct world *w, struct lexical_group *g, const struct text *t,
                           struct arena *a)
{
    const struct lexical_token *k = &t->tokens[rng_below(&w->rng, t->count)];
    struct lexical_term *terms = arena_array(a, 1, sizeof *terms);
    terms[0] = (struct lexical_term){k->term, 1};
    g->terms = terms;
    g->term_count = 1;
    return k->position;
}

/* Words of a text, most of them where they stand there. */
static struct lexical_phrase phrase_draw(struct world *w, struct arena *a)
{
    size_t n = 1 + rng_below(&w->rng, 3);
    struct lexical_group *groups = arena_array(a, n, sizeof *groups);
    uint32_t *offsets = arena_array(a, n, sizeof *offsets);
    const struct text *t = &w->texts[rng_below(&w->rng, w->numbers)];
    size_t at = t->count > 4 ? rng_below(&w->rng, t->count - 4) : 0;
    for (size_t i = 0; i < n; i++) {
        groups[i] = group_draw(w, a, LEXICAL_MUST);
        offsets[i] = (uint32_t)i;
        if (t->count <= 4 || !rng_below(&w->rng, 8))
            continue;
        struct lexical_term *terms = arena_array(a, 1, sizeof *terms);
        terms[0] = (struct lexical_term){t->tokens[at + i].term, 1};
        groups[i].terms = terms;
        groups[i].term_count = 1;
        offsets[i] = t->tokens[at + i].position - t->tokens[at].position;
        if (offsets[i] > 1000)
            offsets[i] = (uint32_t)i;
    }
    enum lexical_role role = rng_below(&w->rng, 4) ? LEXICAL_MUST : LEXICAL_MUST_NOT;
    return (struct lexical_phrase){groups, offsets, n, role};
}

struct lexical_query world_query(struct world *w, struct arena *a)
{
    static const enum lexical_role roles[] = {LEXICAL_SHOULD, LEXICAL_MUST, LEXICAL_MUST_NOT};
    size_t n = rng_below(&w->rng, 20) ? 1 + rng_below(&w->rng, 4) : rng_below(&w->rng, 60);
    struct lexical_group *groups = arena_array(a, n, sizeof *groups);
    unsigned kind = (unsigned)rng_below(&w->rng, 3); /* any, all, mixed */
    for (size_t i = 0; i < n; i++) {
        enum lexical_role role = kind < 2 ? roles[kind] : roles[rng_below(&w->rng, 3)];
        groups[i] = group_draw(w, a, role);
        if (kind == 1 && n < 5 && rng_below(&w->rng, 2)) {
            const struct text *t = &w->texts[rng_below(&w->rng, w->numbers)];
            if (t->count)
                group_take(w, &groups[i], t, a);
        }
    }
    struct lexical_query q = {.groups = groups, .group_count = n};
    if (rng_below(&w->rng, 4) == 0) {
        q.phrase_count = 1 + rng_below(&w->rng, 2);
        struct lexical_phrase *phrases = arena_array(a, q.phrase_count, sizeof *phrases);
        for (size_t i = 0; i < q.phrase_count; i++)
            phrases[i] = phrase_draw(w, a);
        q.phrases = phrases;
    }
    return q;
}

/* --- what a query should find --- */

struct counted {
    double tf;
    size_t count;
};

static struct counted text_tf(const struct text *t, struct str term)
{
    struct counted c = {0};
    for (size_t i = 0; i < t->count; i++)
        if (str_eq(t->tokens[i].term, term)) {
            c.tf += weights[t->tokens[i].field];
            c.count++;
        }
    return c;
}

static bool text_has(const struct text *t, const struct lexical_group *g)
{
    for (size_t i = 0; i < g->term_count; i++)
        if (text_tf(t, g->terms[i].term).count)
            return true;
    return false;
}

static bool stands_at(const struct text *t, const struct lexical_group *g, uint32_t field,
                      uint32_t position)
{
    for (size_t i = 0; i < t->count; i++)
        for (size_t j = 0; j < g->term_count; j++)
            if (t->tokens[i].field == field && t->tokens[i].position == position &&
                str_eq(t->tokens[i].term, g->terms[j].term))
                return true;
    return false;
}

static bool text_has_phrase(const struct text *t, const struct lexical_phrase *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (!text_has(t, &p->groups[i]))
            return false;
    for (size_t i = 0; i < t->count; i++) {
        size_t n = 0;
        uint32_t begin = t->tokens[i].position - p->offsets[0];
        if (t->tokens[i].position < p->offsets[0])
            continue;
        while (n < p->count &&
               stands_at(t, &p->groups[n], t->tokens[i].field, begin + p->offsets[n]))
            n++;
        if (n == p->count)
            return true;
    }
    return false;
}

static bool text_matches(const struct text *t, const struct lexical_query *q)
{
    bool some = false, must = false;
    for (size_t i = 0; i < q->group_count; i++) {
        const struct lexical_group *g = &q->groups[i];
        bool has = text_has(t, g);
        must = must || g->role == LEXICAL_MUST;
        if (g->role == LEXICAL_SHOULD)
            some = some || has;
        else if (has != (g->role == LEXICAL_MUST))
            return false;
    }
    for (size_t i = 0; i < q->phrase_count; i++) {
        must = must || q->phrases[i].role == LEXICAL_MUST;
        if (text_has_phrase(t, &q->phrases[i]) != (q->phrases[i].role == LEXICAL_MUST))
            return false;
    }
    return some || must;
}

static double text_length(const struct text *t)
{
    double n = 0;
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        n += weights[f] * t->lengths[f];
    return n;
}

static double text_score(const struct text *t, const struct lexical_query *q, double mean)
{
    double score = 0, k = 1.2 * (.25 + .75 * text_length(t) / mean);
    for (size_t i = 0; i < q->group_count; i++) {
        const struct lexical_group *g = &q->groups[i];
        double most = 0;
        for (size_t j = 0; j < g->term_count; j++) {
            double tf = text_tf(t, g->terms[j].term).tf;
            most = fmax(most, g->terms[j].boost * tf / (tf + k));
        }
        if (g->role != LEXICAL_MUST_NOT)
            score += g->weight * g->idf * most;
    }
    return score;
}

static int hit_cmp(const void *a, const void *b)
{
    const struct lexical_hit *p = a, *q = b;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    return p->number < q->number ? -1 : p->number > q->number;
}

size_t world_search(const struct world *w, const struct lexical_query *q, struct arena *a,
                    struct lexical_hit **out)
{
    struct lexical_hit *hits = arena_array(a, w->live + 1, sizeof *hits);
    size_t n = 0;
    double sum = 0;
    for (uint32_t i = 0; i < w->numbers; i++)
        sum += text_length(&w->texts[i]);
    for (uint32_t i = 0; i < w->numbers; i++) {
        const struct text *t = &w->texts[i];
        if (t->number && (!q->within || docset_has(q->within, i)) && text_matches(t, q))
            hits[n++] =
                (struct lexical_hit){i, t->revision, text_score(t, q, sum / (double)w->live)};
    }
    qsort(hits, n, sizeof *hits, hit_cmp);
    *out = hits;
    return n;
}

static void hits_check(const struct lexical_hit *is, size_t n, const struct lexical_hit *should,
                       size_t all, size_t k)
{
    assert_int_equal(n, k < all ? k : all);
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs(is[i].score - should[i].score) < 1e-9);
        if (is[i].number == should[i].number)
            assert_int_equal(is[i].revision, should[i].revision);
        else /* in the last bits two sums differ: then both are there with that score */
            assert_true(i > 0 ? is[i - 1].score >= is[i].score : true);
        if (i > 0 && is[i].score == is[i - 1].score)
            assert_true(is[i].number > is[i - 1].number);
    }
}

void world_check_query(struct world *w, const struct lexical_query *q, struct arena *a)
{
    static const size_t ks[] = {1, 3, 10, 100, 100000};
    struct lexical_hit *should, *is;
    struct docset matches;
    size_t all = world_search(w, q, a, &should), k = ks[rng_below(&w->rng, 5)];
    size_t n = lexical_search(w->x, q, k, a, &is);
    hits_check(is, n, should, all, k);

    uint32_t *numbers = arena_array(a, w->numbers, sizeof *numbers);
    for (uint32_t i = 0; i < w->numbers; i++)
        numbers[i] = i;
    struct lexical_hit *scores = arena_array(a, w->numbers, sizeof *scores);
    lexical_score(w->x, q, numbers, w->numbers, a, scores);
    for (size_t i = 0; i < n; i++) {
        assert_true(scores[is[i].number].score == is[i].score);
        assert_int_equal(scores[is[i].number].revision, is[i].revision);
    }
    for (size_t i = 0; i < all; i++) {
        assert_true(fabs(scores[should[i].number].score - should[i].score) < 1e-9);
        scores[should[i].number].score = 0;
    }
    for (uint32_t i = 0; i < w->numbers; i++) {
        assert_true(scores[i].score == 0);
        assert_int_equal(scores[i].revision, w->texts[i].revision);
    }
    docset_init(&matches);
    lexical_match(w->x, q, a, &matches);
    assert_int_equal(matches.count, all);
    for (size_t i = 0; i < all; i++)
        assert_true(docset_has(&matches, should[i].number));
    docset_release(&matches);
}

void world_check(struct world *w)
{
    struct docset all;
    docset_init(&all);
    lexical_all(w->x, 0, &all);
    assert_int_equal(all.count, w->live);
    assert_int_equal(lexical_documents(w->x, 0), w->live);
    uint32_t *df = xcalloc(w->words, sizeof *df), *seen = xcalloc(w->words, sizeof *seen);
    size_t distinct = 0;
    for (uint32_t i = 0; i < w->numbers; i++) {
        const struct text *t = &w->texts[i];
        assert_int_equal(docset_has(&all, i), t->number != 0);
        assert_int_equal(lexical_revision(w->x, i), t->revision);
        for (size_t j = 0; j < t->count; j++) {
            unsigned word = (unsigned)strtoul(
                t->tokens[j].term.s + strcspn(t->tokens[j].term.s, "0123456789"), NULL, 10);
            df[word] += seen[word] != i + 1;
            seen[word] = i + 1;
        }
    }
    for (unsigned i = 0; i < w->words; i++) {
        assert_int_equal(lexical_frequency(w->x, 0, world_word(w, i)), df[i]);
        distinct += df[i] > 0;
    }
    assert_int_equal(lexical_terms(w->x), distinct);
    free(df);
    free(seen);
    docset_release(&all);
}
