#include "base/file.h"
#include "base/rng.h"
#include "base/thread.h"
#include "index/words.h"
#include "../sanitized.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* --- a trivial analyser: lower-case ASCII words; everything but blanks belongs to a word. English
 * words lose an s, German ones an n. --- */

static void *session_new(void)
{
    return xmalloc(1);
}

static void session_free(void *session)
{
    free(session);
}

static uint32_t analyze(void *session, unsigned language, struct str text, words_term_fn *emit,
                        void *ctx)
{
    char term[512];
    uint32_t position = 0;
    assert_non_null(session);
    for (size_t at = 0; at < text.n;) {
        size_t n = 0, start = at;
        while (at < text.n && text.s[at] != ' ' && n < sizeof term)
            term[n++] = (char)tolower((unsigned char)text.s[at++]);
        if (!n) {
            at++;
            continue;
        }
        struct words_term t = {.text = {term, n},
                               .start = start,
                               .end = at,
                               .position = position++,
                               .word = true,
                               .phrase = true};
        emit(ctx, &t);
        if (language && n > 2 && term[n - 1] == (language == 1 ? 's' : 'n')) {
            t.text.n--;
            t.stem = true;
            t.word = t.phrase = false;
            emit(ctx, &t);
        }
    }
    return position;
}

static unsigned language_of(struct str code)
{
    return str_eq_c(code, "en") ? 1 : str_eq_c(code, "de") ? 2 : 0;
}

static const char *language_code(unsigned language)
{
    static const char *const codes[] = {"", "en", "de"};
    return codes[language];
}

static bool is_stop(unsigned language, struct str word)
{
    return str_eq_c(word, language == 1 ? "the" : "die");
}

static const struct words_analyzer analyzer = {
    .version = 3,
    .session_new = session_new,
    .session_free = session_free,
    .analyze = analyze,
    .language_of = language_of,
    .language_code = language_code,
    .is_stop = is_stop,
};

/* --- a plain model --- */

#define VOCABULARY 400
#define FIELDS 3
static const double weights[FIELDS] = {2, 1, 1.5};

struct plain {
    bool there;
    uint64_t revision;
    unsigned char count[FIELDS][VOCABULARY];
    double length;
};

static struct rng rng;
static const struct words_options plain_options;

/* As after a restart. */
static struct words *saved_and_loaded(struct words *w)
{
    char path[] = "/tmp/akin-words-XXXXXX";
    int fd = mkstemp(path);
    struct file *f = NULL;
    struct words *again = NULL;
    struct err_info e = {0};
    uint64_t offset = 0, size = 0;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_open(path, FILE_CREATE, &f, &e), 0);
    if (words_save(w, f, &e) || words_load(f, &offset, &analyzer, &again, &e))
        fail_msg("%s", e.message);
    assert_int_equal(file_size(f, &size, &e), 0);
    assert_int_equal(offset, size);
    file_close(f);
    unlink(path);
    words_free(w);
    return again;
}

/* Few words are common, most are rare. */
static unsigned random_term(void)
{
    double u = rng_unit(&rng);
    return (unsigned)(u * u * u * VOCABULARY);
}

static void term_add(struct strbuf *b, unsigned term)
{
    static const char *const odd[] = {"quo\"ted", "AND", "near(", "*",      "a-b",
                                      "x:y",      "'",   "x\"\"", "title:", "^up"};
    if (term < 10)
        strbuf_add_c(b, odd[term]);
    else
        strbuf_printf(b, "w%u", term);
    strbuf_add_char(b, ' ');
}

static void text_make(struct strbuf *b, struct plain *p, unsigned field, unsigned words)
{
    strbuf_init(b, 0);
    while (words--) {
        unsigned t = random_term();
        if (p->count[field][t] == 255)
            continue;
        p->count[field][t]++;
        p->length += weights[field];
        term_add(b, t);
    }
}

struct fresh {
    struct words_document d;
    struct strbuf text[FIELDS];
};

static void fresh_make(struct fresh *f, struct plain *p, uint32_t number)
{
    uint64_t revision = p->revision + 1;
    *p = (struct plain){.there = true, .revision = revision};
    text_make(&f->text[0], p, 0, (unsigned)rng_below(&rng, 5));
    text_make(&f->text[1], p, 1, (unsigned)rng_below(&rng, rng_below(&rng, 10) ? 30 : 300));
    text_make(&f->text[2], p, 2, (unsigned)rng_below(&rng, 3));
    f->d = (struct words_document){number,
                                   revision,
                                   STR(""),
                                   strbuf_str(&f->text[0]),
                                   strbuf_str(&f->text[1]),
                                   strbuf_str(&f->text[2]),
                                   STR("")};
}

static double weight_in(const struct plain *p, unsigned t)
{
    double w = 0;
    for (unsigned f = 0; p->there && f < FIELDS; f++)
        w += weights[f] * p->count[f][t];
    return w;
}

/* The formula of words.h, for every document. */
static double model_scores(const struct plain *all, uint32_t n, const bool *asked, double *scores)
{
    double documents = 0, length = 0, bound = 0;
    for (uint32_t i = 0; i < n; i++) {
        documents += all[i].there;
        length += all[i].there ? all[i].length : 0;
        scores[i] = 0;
    }
    double mean = length > 0 ? length / documents : 1;
    for (unsigned t = 0; t < VOCABULARY; t++) {
        double df = 0;
        if (!asked[t])
            continue;
        for (uint32_t i = 0; i < n; i++)
            df += weight_in(&all[i], t) > 0;
        double idf = log(1 + (documents - df + .5) / (df + .5));
        bound += idf;
        for (uint32_t i = 0; i < n; i++) {
            double tf = weight_in(&all[i], t);
            if (tf > 0)
                scores[i] += idf * tf / (tf + 1.2 * (.25 + .75 * all[i].length / mean));
        }
    }
    return bound;
}

static void check_search(struct words *w, const struct plain *all, uint32_t n, const double *scores,
                         double bound, struct str text, const struct docset *within, size_t k)
{
    struct arena *a = arena_new(0);
    struct word_hit *hits = NULL;
    size_t matching = 0;
    const struct words_query *q = words_query(w, text, &plain_options, a);
    assert_true(fabs(words_query_bound(q) - bound) < 1e-9 * (1 + bound));
    size_t count = words_search(w, q, k, within, a, &hits);
    double *best = arena_array(a, n + 1, sizeof *best);
    for (uint32_t i = 0; i < n; i++) {
        if (scores[i] <= 0 || (within && !docset_has(within, i)))
            continue;
        size_t at = matching++;
        for (; at && best[at - 1] < scores[i]; at--)
            best[at] = best[at - 1];
        best[at] = scores[i];
    }
    assert_int_equal(count, matching < k ? matching : k);
    for (size_t i = 0; i < count; i++) {
        assert_true(fabs(hits[i].bm25 - best[i]) < 1e-6 * (1 + best[i]));
        assert_true(fabs(hits[i].bm25 - scores[hits[i].number]) < 1e-6 * (1 + best[i]));
        assert_int_equal(hits[i].revision, all[hits[i].number].revision);
        assert_true(!within || docset_has(within, hits[i].number));
        assert_true(!i || hits[i].bm25 < hits[i - 1].bm25 ||
                    (hits[i].bm25 == hits[i - 1].bm25 && hits[i].number > hits[i - 1].number));
    }
    assert_int_equal(words_count(w, q, within, a), matching);
    /* words_score gives the same numbers, bit for bit */
    uint32_t *numbers = arena_array(a, count + 1, sizeof *numbers);
    struct word_hit *again = arena_array(a, count + 1, sizeof *again);
    for (size_t i = 0; i < count; i++)
        numbers[i] = hits[i].number;
    words_score(w, q, numbers, count, a, again);
    for (size_t i = 0; i < count; i++)
        assert_true(again[i].bm25 == hits[i].bm25 && again[i].revision == hits[i].revision);
    arena_free(a);
}

static void check_queries(struct words *w, const struct plain *all, uint32_t n, int queries)
{
    static const size_t ks[] = {1, 5, 20, 1000};
    double *scores = xcalloc(n, sizeof *scores);
    for (int q = 0; q < queries; q++) {
        bool asked[VOCABULARY] = {0};
        struct strbuf b;
        struct docset within;
        docset_init(&within);
        strbuf_init(&b, 0);
        for (uint64_t terms = rng_below(&rng, 8); terms-- > 0;) {
            unsigned t = rng_below(&rng, 2) ? random_term() : (unsigned)rng_below(&rng, VOCABULARY);
            asked[t] = true;
            term_add(&b, t);
        }
        double bound = model_scores(all, n, asked, scores);
        uint64_t share = 1 + rng_below(&rng, 40);
        for (uint32_t i = 0; i < n; i++)
            if (!rng_below(&rng, share))
                docset_add(&within, i);
        check_search(w, all, n, scores, bound, strbuf_str(&b), q % 2 ? &within : NULL,
                     ks[rng_below(&rng, 4)]);
        docset_release(&within);
        strbuf_release(&b);
    }
    free(scores);
}

static void apply_random(struct words *w, struct plain *all, uint32_t n, unsigned puts,
                         unsigned removes)
{
    for (unsigned i = 0; i < removes; i++) {
        uint32_t number = 1 + (uint32_t)rng_below(&rng, n - 1);
        all[number].there = false;
        words_delete(w, number);
    }
    for (unsigned i = 0; i < puts; i++) {
        struct fresh f;
        uint32_t number = 1 + (uint32_t)rng_below(&rng, n - 1);
        fresh_make(&f, &all[number], number);
        words_put(w, &f.d);
        for (unsigned j = 0; j < FIELDS; j++)
            strbuf_release(&f.text[j]);
    }
}

static void check(struct words *w)
{
    struct err_info e = {0};
    if (words_check(w, &e))
        fail_msg("%s", e.message);
}

static void test_exact(void **state)
{
    enum { N = 1200 };
    struct plain *all = xcalloc(N, sizeof *all);
    rng_init(&rng, 1);
    struct words *w = words_new(&analyzer);
    check_queries(w, all, N, 4); /* empty */
    for (int step = 0; step < (SLOW ? 40 : 120); step++) {
        apply_random(w, all, N, (unsigned)rng_below(&rng, 30), (unsigned)rng_below(&rng, 8));
        check_queries(w, all, N, 6);
        if (step % 40 == 39) {
            check(w);
            w = saved_and_loaded(w);
            check(w);
        }
    }
    size_t there = 0;
    for (uint32_t i = 0; i < N; i++)
        there += all[i].there;
    assert_int_equal(words_documents(w), there);
    assert_true(words_bytes(w) > 0);
    words_free(w);
    free(all);
}

/* --- small worlds --- */

static void put_in(struct words *w, uint32_t number, const char *lang, const char *title,
                   const char *text)
{
    struct words_document d = {number, 1, str_c(lang), str_c(title), str_c(text), STR(""), STR("")};
    words_put(w, &d);
}

static void put_one(struct words *w, uint32_t number, const char *title, const char *text)
{
    put_in(w, number, "", title, text);
}

/* The documents that match, best first, as "3 1". */
static const char *found_with(struct words *w, const char *text, const struct words_options *o)
{
    static char out[256];
    struct arena *a = arena_new(0);
    struct word_hit *hits;
    const struct words_query *q = words_query(w, str_c(text), o, a);
    size_t n = words_search(w, q, 20, NULL, a, &hits), at = 0;
    out[0] = 0;
    for (size_t i = 0; i < n; i++) {
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%u", i ? " " : "", hits[i].number);
        assert_true(hits[i].bm25 > 0 && hits[i].bm25 < words_query_bound(q));
    }
    arena_free(a);
    return out;
}

static const char *found(struct words *w, const char *text)
{
    return found_with(w, text, &plain_options);
}

/* Whatever the text is, a query without quotes and minus signs is words and nothing else. */
static void test_syntax(void **state)
{
    static const char *const queries[] = {
        "\"",        "\"\"\"",   "AND OR NOT", "title:x", "a* NEAR(b c, 2)",
        "{a b} : c", "^a",       "a + b",      "- a",     "'; DROP TABLE fts; --",
        "\x1f\x1f",  "\xff\xfe", "()",         "*"};
    static const uint32_t expected[] = {0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 2, 0, 0};
    struct words *w = words_new(&analyzer);
    put_one(w, 1, "AND", "\"\"\" drop table a* ^a");
    put_one(w, 2, "x\x1fy", "\xff\xfe \x01");
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        const char *got = found(w, queries[i]);
        if (strcmp(got, expected[i] == 1 ? "1" : expected[i] == 2 ? "2" : "") != 0)
            fail_msg("%s: %s", queries[i], got);
    }
    check(w);
    words_free(w);
}

static void test_titles_weigh_more(void **state)
{
    struct arena *a = arena_new(0);
    struct words *w = words_new(&analyzer);
    put_one(w, 1, "other words", "apple");
    put_one(w, 2, "apple words", "other");
    put_one(w, 3, "nothing", "here");
    assert_string_equal(found(w, "apple APPLE apple"), "2 1");
    assert_string_equal(found(w, ""), "");
    assert_string_equal(found(w, "unknown"), "");
    const struct words_query *q = words_query(w, STR("apple APPLE apple"), &plain_options, a);
    assert_true(fabs(words_query_bound(q) - log(1 + 1.5 / 2.5)) < 1e-12);
    q = words_query(w, STR("unknown"), &plain_options, a);
    assert_true(fabs(words_query_bound(q) - log(1 + 3.5 / .5)) < 1e-12);
    q = words_query(w, STR(""), &plain_options, a);
    assert_true(words_query_bound(q) == 0);
    words_free(w);
    arena_free(a);
}

static struct words *pets(void)
{
    struct words *w = words_new(&analyzer);
    put_in(w, 1, "en", "The cat", "cats and dogs");
    put_in(w, 2, "en", "A dog", "the dog and the cat");
    put_in(w, 3, "en", "The bird", "birds sing and the cat is away");
    put_in(w, 4, "de", "Katzen", "die katzen singen");
    put_in(w, 5, "de", "Hunde", "hunde und katze");
    return w;
}

/* A word is counted once, however many of its forms are there, and its idf is that of the most
 * frequent of them. */
static void test_forms(void **state)
{
    struct arena *a = arena_new(0);
    struct words *w = pets();
    assert_string_equal(found(w, "birds"), "3");
    assert_string_equal(found(w, "bird birds"), "3");
    assert_string_equal(found(w, "katzen"), "4 5");
    assert_string_equal(found(w, "dogs"), "2 1");
    const struct words_query *q = words_query(w, STR("cats"), &plain_options, a);
    assert_true(fabs(words_query_bound(q) - log(1 + 2.5 / 3.5)) < 1e-12);
    assert_true(words_query_has(q, STR("cats")) && words_query_has(q, STR("cat")));
    assert_false(words_query_has(q, STR("dog")) || words_query_has(q, STR("")));
    struct word_hit *hits, one;
    assert_int_equal(words_search(w, q, 10, NULL, a, &hits), 3);
    assert_int_equal(hits[0].number, 1); /* title and text */
    uint32_t number = 1;
    words_score(w, words_query(w, STR("cat"), &plain_options, a), &number, 1, a, &one);
    assert_true(one.bm25 == hits[0].bm25);
    words_free(w);
    arena_free(a);
}

/* Queries are read in the languages that one document in a hundred has. */
static void test_languages(void **state)
{
    struct words *w = words_new(&analyzer);
    for (uint32_t i = 1; i <= 150; i++)
        put_in(w, i, "en", "", "filler");
    put_in(w, 151, "de", "", "katze");
    put_in(w, 152, "en", "", "cat");
    assert_string_equal(found(w, "katzen"), ""); /* 1 of 152 */
    for (uint32_t i = 1; i <= 60; i++)
        words_delete(w, i);
    assert_string_equal(found(w, "katzen"), "151");
    assert_string_equal(found(w, "cats"), "152");
    w = saved_and_loaded(w);
    check(w);
    assert_string_equal(found(w, "katzen"), "151");
    for (uint32_t i = 61; i <= 152; i++)
        put_in(w, i, "", "", "cat"); /* no language any more */
    assert_string_equal(found(w, "cats"), "");
    words_free(w);
}

static const char *selected(struct words *w, const char *text)
{
    static char out[256];
    struct arena *a = arena_new(0);
    struct docset set;
    size_t at = 0;
    docset_init(&set);
    const struct words_query *q = words_query(w, str_c(text), &plain_options, a);
    assert_true(words_query_selects(q));
    words_select(w, q, a, &set);
    out[0] = 0;
    for (uint32_t n = docset_next(&set, 0); n != UINT32_MAX; n = docset_next(&set, n + 1))
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%u", at ? " " : "", n);
    docset_release(&set);
    arena_free(a);
    return out;
}

static void test_phrases_and_exclusions(void **state)
{
    struct arena *a = arena_new(0);
    struct words *w = pets();
    assert_string_equal(found(w, "\"the cat\""), "1 3 2");
    assert_string_equal(found(w, "\"cat the\""), "");
    assert_string_equal(found(w, "\"the dog and the\""), "2");
    assert_string_equal(found(w, "\"cats\""), "1"); /* as it stands */
    assert_string_equal(found(w, "bird \"the cat\""), "3 1 2");
    assert_string_equal(found(w, "\"the cat\" -bird"), "1 2");
    assert_string_equal(found(w, "cat -dogs"), "3"); /* in all its forms */
    assert_string_equal(found(w, "cat -\"dogs\""), "2 3");
    assert_string_equal(found(w, "cat -\"the dog\""), "1 3");
    assert_string_equal(found(w, "cat \xe2\x80\x9c"
                                 "birds sing\xe2\x80\x9d"),
                        "1 2 3");                        /* such quotes are text */
    assert_string_equal(found(w, "\"the cat"), "1 2 3"); /* still being typed */
    assert_string_equal(found(w, "dog-cat a-b"), "");
    assert_string_equal(found(w, "-cat"), "");
    assert_string_equal(selected(w, "-cat"), "4 5");
    assert_string_equal(selected(w, "bird -\"and dogs\""), "2 3 4 5");
    assert_string_equal(selected(w, "bird \"the cat\" -sing"), "1 2");
    const struct words_query *q =
        words_query(w, STR("big \"the cat\" -small of"), &plain_options, a);
    assert_true(str_eq_c(words_query_text(q), "big the cat of"));
    assert_true(words_query_has(q, STR("cat")) && !words_query_has(q, STR("small")));
    q = words_query(w, STR(" as it   is "), &plain_options, a);
    assert_true(str_eq_c(words_query_text(q), " as it   is ") && !words_query_selects(q));
    words_free(w);
    arena_free(a);
}

/* With all: stop words need not be there, unless there is nothing else. */
static void test_all(void **state)
{
    const struct words_options all = {.all = true};
    struct words *w = pets();
    assert_string_equal(found_with(w, "cat dog", &all), "2 1");
    assert_string_equal(found_with(w, "cats birds", &all), "3");
    assert_string_equal(found_with(w, "the cats singing", &all), "");
    put_in(w, 6, "en", "", "dogs and cats");
    assert_string_equal(found_with(w, "the dogs and cats", &all),
                        "6 1 2"); /* `the` weighs little */
    struct arena *a = arena_new(0);
    double bound = words_query_bound(words_query(w, STR("the"), &all, a));
    assert_true(fabs(bound - .25 * log(1 + 3.5 / 3.5)) < 1e-12);
    arena_free(a);
    assert_string_equal(found_with(w, "die the", &all), ""); /* nothing else: in no document both */
    assert_string_equal(found_with(w, "the", &all), "3 1 2");
    words_free(w);
}

static void test_prefix(void **state)
{
    const struct words_options typing = {.prefix = true};
    struct words *w = pets();
    assert_string_equal(found_with(w, "bir", &typing), "3");
    assert_string_equal(found_with(w, "bir ", &typing), "");
    assert_string_equal(found_with(w, "bir dog", &typing), "2 1");
    assert_string_equal(found_with(w, "kat", &typing), "4 5");
    assert_string_equal(found(w, "kat"), "");
    words_free(w);
}

static void test_typos(void **state)
{
    const struct words_options typos = {.typos = true};
    struct words *w = words_new(&analyzer);
    put_in(w, 1, "en", "", "elephants live here");
    put_in(w, 2, "en", "", "an elephant sleeps");
    put_in(w, 3, "en", "", "bird by bird");
    put_in(w, 4, "en", "", "model x2000 and 2000");
    assert_string_equal(found_with(w, "elepant", &typos), "1 2"); /* one edit, and its other form */
    assert_string_equal(found_with(w, "elefant", &typos), "");    /* two, in seven letters */
    assert_string_equal(found_with(w, "elefants", &typos), "1 2");
    assert_string_equal(found_with(w, "brid", &typos), "3");
    assert_string_equal(found_with(w, "bid", &typos), ""); /* too short */
    assert_string_equal(found_with(w, "x2001", &typos), "");
    assert_string_equal(found_with(w, "\"brid\"", &typos), "");
    assert_string_equal(found_with(w, "bird -brid", &typos), "3");
    assert_string_equal(found(w, "brid"), "");
    put_in(w, 5, "en", "", "brid"); /* known now */
    assert_string_equal(found_with(w, "brid", &typos), "5");
    words_free(w);
}

static void test_rules(void **state)
{
    const struct str car[] = {STR("car"), STR("automobile")}, tv[] = {STR("TV")},
                     television[] = {STR("television"), STR("goggle box")},
                     york[] = {STR("new york"), STR("nyc")}, stops[] = {STR("Pub"), STR("the cat")};
    const struct words_synonym synonyms[] = {
        {car, NULL, 2, 0}, {tv, television, 1, 2}, {york, NULL, 2, 0}};
    struct words_rules *rules = words_rules_new(&analyzer, synonyms, 3, stops, 2);
    const struct words_options o = {.rules = rules}, all = {.all = true, .rules = rules};
    struct words *w = words_new(&analyzer);
    put_in(w, 1, "en", "", "my car");
    put_in(w, 2, "en", "", "an automobile of automobiles");
    put_in(w, 3, "en", "", "television tonight");
    put_in(w, 4, "en", "", "a tv");
    put_in(w, 5, "en", "", "box of goggle");
    put_in(w, 6, "en", "", "a pub in new york");
    put_in(w, 7, "en", "", "nyc pub");
    put_in(w, 8, "en", "", "york has new streets");
    put_in(w, 9, "en", "", "new things");
    assert_string_equal(found_with(w, "cars", &o), "1 2");
    assert_string_equal(found_with(w, "automobiles", &o), "2 1"); /* any form of it */
    assert_string_equal(found_with(w, "automobile", &o), "2 1");
    assert_string_equal(found_with(w, "tv", &all), "4 3 5");   /* goggle and box, wherever */
    assert_string_equal(found_with(w, "television", &o), "3"); /* one way */
    assert_string_equal(found_with(w, "nyc", &all), "7 8 6");
    assert_string_equal(found_with(w, "new york", &all), "7 8 6");
    assert_string_equal(found_with(w, "new car", &all), "");
    assert_string_equal(found_with(w, "pub nyc", &all), "7 8 6"); /* the pub does not count */
    assert_string_equal(found_with(w, "pub", &o), "7 6");         /* unless there is nothing else */
    struct arena *a = arena_new(0);
    double alone = words_query_bound(words_query(w, STR("nyc"), &plain_options, a));
    double parted = words_query_bound(words_query(w, STR("nyc"), &o, a));
    assert_true(parted <= alone);
    arena_free(a);
    words_rules_unref(rules);
    words_free(w);
}

/* What is too much is left out, and nothing takes long. */
static void test_bounds(void **state)
{
    struct words *w = pets();
    struct arena *a = arena_new(0);
    struct strbuf b;
    const struct words_options o = {.all = true, .prefix = true, .typos = true};
    strbuf_init(&b, 0);
    for (int i = 0; i < 10000; i++)
        strbuf_printf(&b, "%sw%d ", i % 3 ? "" : i % 2 ? "-" : "\"x\" ", i);
    assert_string_equal(found_with(w, b.buf, &o), "");
    strbuf_clear(&b);
    strbuf_add_c(&b, "cat ");
    for (int i = 0; i < 10240; i++)
        strbuf_add_char(&b, 'y');
    assert_string_equal(found_with(w, b.buf, &plain_options), "1 2 3");
    strbuf_clear(&b);
    for (int i = 0; i < 10000; i++)
        strbuf_add_c(&b, i % 2 ? "-" : "\"");
    (void)found_with(w, b.buf, &o);
    strbuf_release(&b);
    arena_free(a);
    words_free(w);
}

/* --- files --- */

static void test_another_analysis(void **state)
{
    char path[] = "/tmp/akin-words-XXXXXX";
    struct words_analyzer newer = analyzer;
    struct words *w = pets(), *again = NULL;
    struct file *f = NULL;
    struct err_info e = {0};
    uint64_t offset = 0;
    close(mkstemp(path));
    newer.version++;
    assert_int_equal(file_open(path, FILE_CREATE, &f, &e), 0);
    assert_int_equal(words_save(w, f, &e), 0);
    assert_int_equal(words_load(f, &offset, &newer, &again, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.message, "another version of the analysis"));
    file_close(f);
    unlink(path);
    words_free(w);
}

/* --- readers beside the writer --- */

/* Every document holds "all", one of "even" and "odd" by its revision, and that word is its title
 * too. */
struct shared {
    struct words *w;
    atomic_bool stop;
    atomic_long searches;
};

/* A failed assertion in another thread than the first ends the process. */
#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void read_loop(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop)) {
        struct arena *a = arena_new(0);
        struct word_hit *hits = NULL;
        char text[32];
        snprintf(text, sizeof text, "even w%ld", atomic_load(&s->searches) % 300);
        const struct words_query *q = words_query(s->w, str_c(text), &plain_options, a);
        size_t count = words_search(s->w, q, 300, NULL, a, &hits);
        for (size_t i = 0; i < count; i++)
            MUST(hits[i].bm25 > 0);
        q = words_query(s->w, STR("all"), &plain_options, a);
        MUST(words_search(s->w, q, 300, NULL, a, &hits) == 200);
        q = words_query(s->w, STR("even odd"), &plain_options, a);
        MUST(words_count(s->w, q, NULL, a) == 200);
        q = words_query(s->w, STR("\"all even\" \"odd\""), &plain_options, a);
        MUST(words_count(s->w, q, NULL, a) == 0);
        size_t n = words_documents(s->w); /* one may be on its way */
        MUST(n >= 199 && n <= 201);
        atomic_fetch_add(&s->searches, 1);
        arena_free(a);
    }
}

static void put_numbered(struct words *w, uint32_t first, unsigned count, uint64_t revision)
{
    for (unsigned i = 0; i < count; i++) {
        char text[64];
        const char *kind = revision % 2 ? "odd" : "even";
        snprintf(text, sizeof text, "all %s w%u f%u", kind, (unsigned)rng_below(&rng, 300),
                 (unsigned)revision);
        words_put(w, &(struct words_document){1 + (first + i) % 200, revision,
                                              revision % 3 ? STR("en") : STR("de"), str_c(kind),
                                              str_c(text), STR(""), STR("")});
    }
}

static void test_threads(void **state)
{
    rng_init(&rng, 4);
    struct shared s = {.w = words_new(&analyzer)};
    struct thread *readers[3];
    for (uint32_t i = 0; i < 200; i += 20)
        put_numbered(s.w, i, 20, 1);
    for (int i = 0; i < 3; i++)
        readers[i] = thread_start("reader", read_loop, &s);
    for (uint64_t i = 0; i < 150 || atomic_load(&s.searches) < 300; i++)
        put_numbered(s.w, (uint32_t)rng_below(&rng, 200), 1 + (unsigned)rng_below(&rng, 20), i);
    atomic_store(&s.stop, true);
    for (int i = 0; i < 3; i++)
        thread_join(readers[i]);
    check(s.w);
    words_free(s.w);
}

/* --- tenants --- */

/* Beside others the tenant's documents have 7 times their numbers. */
struct worlds {
    struct words *alone, *beside;
    uint32_t there[200]; /* of the tenant: the text's seed; 0: none */
};

static void tenant_text(struct strbuf *b, struct rng *r)
{
    strbuf_init(b, 0);
    for (unsigned n = 1 + (unsigned)rng_below(r, 20); n; n--) {
        double u = rng_unit(r);
        strbuf_printf(b, "%s%u%s ", rng_below(r, 2) ? "word" : "werke", (unsigned)(u * u * 90),
                      rng_below(r, 3) ? "" : "s");
    }
}

static void tenant_put(struct words *w, uint32_t number, const char *tenant, uint64_t seed,
                       uint64_t revision)
{
    struct rng r;
    struct strbuf title, text;
    rng_init(&r, seed);
    tenant_text(&title, &r);
    tenant_text(&text, &r);
    words_put(w, &(struct words_document){.number = number,
                                          .revision = revision,
                                          .title = strbuf_str(&title),
                                          .text = strbuf_str(&text),
                                          .lang = seed % 3 ? STR("en") : STR("de"),
                                          .tenant = str_c(tenant)});
    strbuf_release(&title);
    strbuf_release(&text);
}

/* One act of the tenant in both worlds, and some of others in one. */
static void worlds_step(struct worlds *o)
{
    uint32_t i = (uint32_t)rng_below(&rng, 200), seed = 1 + (uint32_t)rng_below(&rng, 500);
    if (rng_below(&rng, 4)) {
        tenant_put(o->alone, i + 1, "a", seed, seed);
        tenant_put(o->beside, 7 * (i + 1), "a", seed, seed);
        o->there[i] = seed;
    } else {
        words_delete(o->alone, i + 1);
        words_delete(o->beside, 7 * (i + 1));
        o->there[i] = 0;
    }
    for (unsigned k = 0; k < 3; k++) {
        uint32_t number =
            7 * (1 + (uint32_t)rng_below(&rng, 200)) + 1 + (uint32_t)rng_below(&rng, 6);
        seed = 1 + (uint32_t)rng_below(&rng, 500);
        if (rng_below(&rng, 4))
            tenant_put(o->beside, number,
                       rng_below(&rng, 3)   ? "b"
                       : rng_below(&rng, 2) ? "ab"
                                            : "",
                       rng_below(&rng, 2) ? seed : o->there[rng_below(&rng, 200)], 9);
        else
            words_delete(o->beside, number);
    }
}

static void tenant_query(struct strbuf *b)
{
    strbuf_init(b, 0);
    for (unsigned n = 1 + (unsigned)rng_below(&rng, 4); n; n--) {
        unsigned kind = (unsigned)rng_below(&rng, 12);
        double u = rng_unit(&rng);
        strbuf_printf(b, "%s%s%u%s%s ",
                      kind == 0   ? "-"
                      : kind == 1 ? "\""
                                  : "",
                      kind == 2            ? "wrod"
                      : kind == 3          ? "werk"
                      : rng_below(&rng, 2) ? "word"
                                           : "werke",
                      (unsigned)(u * u * 99), rng_below(&rng, 3) ? "" : "s",
                      kind == 1 ? " word1\"" : "");
    }
    if (!rng_below(&rng, 3))
        strbuf_add_c(b, "wor");
}

static void worlds_ask(struct worlds *o, const struct words_rules *rules)
{
    struct arena *a = arena_new(0);
    struct strbuf text;
    struct word_hit *one = NULL, *two = NULL;
    struct docset x, y;
    tenant_query(&text);
    struct words_options of = {.all = !rng_below(&rng, 4),
                               .prefix = rng_below(&rng, 2),
                               .typos = rng_below(&rng, 2),
                               .rules = (struct words_rules *)(uintptr_t)rules,
                               .tenant = STR("a")};
    const struct words_query *q = words_query(o->alone, strbuf_str(&text), &of, a);
    const struct words_query *p = words_query(o->beside, strbuf_str(&text), &of, a);
    assert_true(words_query_bound(q) == words_query_bound(p));
    size_t k = rng_below(&rng, 2) ? 5 : 1000, n = words_search(o->alone, q, k, NULL, a, &one);
    assert_int_equal(words_search(o->beside, p, k, NULL, a, &two), n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(two[i].number, 7 * one[i].number);
        assert_true(two[i].bm25 == one[i].bm25 && two[i].revision == one[i].revision);
        struct word_hit again;
        words_score(o->beside, p, &two[i].number, 1, a, &again);
        assert_true(again.bm25 == two[i].bm25);
    }
    docset_init(&x);
    docset_init(&y);
    words_select(o->alone, q, a, &x);
    words_select(o->beside, p, a, &y);
    assert_int_equal(x.count, y.count);
    for (uint32_t d = docset_next(&x, 0); d != UINT32_MAX; d = docset_next(&x, d + 1))
        assert_true(docset_has(&y, 7 * d));
    docset_release(&x);
    docset_release(&y);
    strbuf_release(&text);
    arena_free(a);
}

static void test_tenants_are_apart(void **state)
{
    (void)state;
    struct worlds o = {words_new(&analyzer), words_new(&analyzer), {0}};
    struct str car[] = {STR("word3"), STR("werke5")}, long_form[] = {STR("word7 word8")};
    struct words_synonym synonyms[] = {{car, NULL, 2, 0}, {long_form, car, 1, 2}};
    struct words_rules *rules = words_rules_new(&analyzer, synonyms, 2, NULL, 0);
    struct err_info e = {0};
    rng_init(&rng, 77);
    for (unsigned i = 0; i < (SLOW ? 600u : 3000u); i++) {
        worlds_step(&o);
        if (i % 500 == 499) {
            if (words_check(o.beside, &e))
                fail_msg("%s", e.message);
            o.beside = saved_and_loaded(o.beside);
        }
        worlds_ask(&o, i % 2 ? rules : NULL);
    }
    if (words_check(o.beside, &e))
        fail_msg("%s", e.message);
    words_rules_unref(rules);
    words_free(o.alone);
    words_free(o.beside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_titles_weigh_more),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_languages),
        cmocka_unit_test(test_phrases_and_exclusions),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_typos),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_another_analysis),
        cmocka_unit_test(test_tenants_are_apart),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
