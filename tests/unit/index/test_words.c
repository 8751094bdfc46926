#include "base/file.h"
#include "base/rng.h"
#include "base/sqlite.h"
#include "base/thread.h"
#include "index/words.h"

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

/* --- a trivial analyser: lower-case ASCII words; everything but blanks belongs to a word --- */

static void *session_new(void)
{
    return xmalloc(1);
}

static void session_free(void *session)
{
    free(session);
}

static void analyze(void *session, struct str text,
                    void (*emit)(void *ctx, struct str term, size_t start, size_t end), void *ctx)
{
    char term[512];
    assert_non_null(session);
    for (size_t at = 0; at < text.n;) {
        size_t n = 0, start = at;
        while (at < text.n && text.s[at] != ' ' && n < sizeof term)
            term[n++] = (char)tolower((unsigned char)text.s[at++]);
        if (n)
            emit(ctx, (struct str){term, n}, start, at);
        else
            at++;
    }
}

static const struct words_analyzer analyzer = {session_new, session_free, analyze};

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
static char dir[64];

static void dir_make(void)
{
    snprintf(dir, sizeof dir, "/tmp/akin-words-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static void dir_drop(void)
{
    assert_int_equal(file_remove_tree(dir, NULL), 0);
}

static struct words *opened(void)
{
    struct words *w = NULL;
    struct err_info e = {0};
    if (words_open(dir, &analyzer, &w, &e))
        fail_msg("%s", e.message);
    return w;
}

/* Few words are common, most are rare. */
static unsigned random_term(void)
{
    double u = rng_unit(&rng);
    return (unsigned)(u * u * u * VOCABULARY);
}

static void term_add(struct strbuf *b, unsigned term)
{
    static const char *const odd[] = {"\"quoted\"", "AND", "near(", "*",      "a-b",
                                      "x:y",        "'",   "\"\"",  "title:", "^up"};
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
    f->d = (struct words_document){number, revision, strbuf_str(&f->text[0]),
                                   strbuf_str(&f->text[1]), strbuf_str(&f->text[2])};
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
                         double bound, struct str query, const struct docset *within, size_t k)
{
    struct arena *a = arena_new(0);
    struct word_hit *hits = NULL;
    size_t count = 0, matching = 0, counted = 0;
    double got = -1;
    struct err_info e = {0};
    if (words_search(w, a, query, k, within, &hits, &count, &got, &e))
        fail_msg("%s", e.message);
    assert_true(fabs(got - bound) < 1e-9 * (1 + bound));
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
    assert_int_equal(words_count(w, query, within, &counted, &e), 0);
    assert_int_equal(counted, matching);
    /* words_score gives the same numbers, bit for bit */
    uint32_t *numbers = arena_array(a, count + 1, sizeof *numbers);
    struct word_hit *again = arena_array(a, count + 1, sizeof *again);
    for (size_t i = 0; i < count; i++)
        numbers[i] = hits[i].number;
    assert_int_equal(words_score(w, query, numbers, count, again, &got, &e), 0);
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
                         unsigned removes, int step)
{
    struct fresh *f = xcalloc(puts + 1, sizeof *f);
    struct words_document *put = xcalloc(puts + 1, sizeof *put);
    uint32_t removed[64];
    char position[64];
    struct err_info e = {0};
    for (unsigned i = 0; i < removes; i++) {
        removed[i] = (uint32_t)rng_below(&rng, n);
        all[removed[i]].there = false;
    }
    for (unsigned i = 0; i < puts; i++) {
        uint32_t number = (uint32_t)rng_below(&rng, n);
        fresh_make(&f[i], &all[number], number);
        put[i] = f[i].d;
    }
    snprintf(position, sizeof position, "x7-%d", step);
    if (words_apply(w, put, puts, removed, removes, str_c(position), &e))
        fail_msg("%s", e.message);
    char held[64];
    words_position(w, held);
    assert_string_equal(held, position);
    for (unsigned i = 0; i < puts; i++)
        for (unsigned j = 0; j < FIELDS; j++)
            strbuf_release(&f[i].text[j]);
    free(f);
    free(put);
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
    dir_make();
    struct words *w = opened();
    check_queries(w, all, N, 4); /* empty */
    for (int step = 0; step < 120; step++) {
        apply_random(w, all, N, (unsigned)rng_below(&rng, 30), (unsigned)rng_below(&rng, 8), step);
        check_queries(w, all, N, 6);
        if (step % 40 == 39) {
            check(w);
            words_close(w);
            w = opened();
            char position[64], expected[64];
            words_position(w, position);
            snprintf(expected, sizeof expected, "x7-%d", step);
            assert_string_equal(position, expected);
        }
    }
    size_t there = 0;
    for (uint32_t i = 0; i < N; i++)
        there += all[i].there;
    assert_int_equal(words_documents(w), there);
    assert_true(words_bytes(w) > 0);
    check(w);
    words_close(w);
    dir_drop();
    free(all);
}

/* Numbers over several windows, and terms common enough to be left out of the walk. */
static void test_windows(void **state)
{
    enum { N = 20000 };
    struct plain *all = xcalloc(N, sizeof *all);
    rng_init(&rng, 2);
    dir_make();
    struct words *w = opened();
    for (int step = 0; step < 6; step++)
        apply_random(w, all, N, 500, 0, step);
    check_queries(w, all, N, 60);
    words_close(w);
    dir_drop();
    free(all);
}

static void put_one(struct words *w, uint32_t number, const char *title, const char *text)
{
    struct words_document d = {number, 1, str_c(title), str_c(text), STR("")};
    struct err_info e = {0};
    if (words_apply(w, &d, 1, NULL, 0, STR("p"), &e))
        fail_msg("%s", e.message);
}

/* Whatever the text is, a query is words and nothing else. */
static void test_syntax(void **state)
{
    static const char *const queries[] = {
        "\"",        "\"\"\"",   "AND OR NOT", "title:x", "a* NEAR(b c, 2)",
        "{a b} : c", "^a",       "a + b",      "- a",     "'; DROP TABLE fts; --",
        "\x1f\x1f",  "\xff\xfe", "()",         "*"};
    dir_make();
    struct words *w = opened();
    struct arena *a = arena_new(0);
    put_one(w, 1, "AND", "\"\"\" drop table a* ^a");
    put_one(w, 2, "x\x1fy", "\xff\xfe \x01");
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct word_hit *hits = NULL;
        size_t count = 0;
        double bound = 0;
        struct err_info e = {0};
        if (words_search(w, a, str_c(queries[i]), 10, NULL, &hits, &count, &bound, &e))
            fail_msg("%s: %s", queries[i], e.message);
        static const uint32_t expected[] = {0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 2, 0, 0};
        assert_int_equal(count, expected[i] > 0);
        if (count)
            assert_int_equal(hits[0].number, expected[i]);
    }
    check(w);
    arena_free(a);
    words_close(w);
    dir_drop();
}

static void test_titles_weigh_more(void **state)
{
    struct word_hit *hits = NULL;
    size_t count = 0;
    double bound = 0;
    struct arena *a = arena_new(0);
    dir_make();
    struct words *w = opened();
    put_one(w, 1, "other words", "apple");
    put_one(w, 2, "apple words", "other");
    put_one(w, 3, "nothing", "here");
    assert_int_equal(
        words_search(w, a, STR("apple APPLE apple"), 10, NULL, &hits, &count, &bound, NULL), 0);
    assert_int_equal(count, 2);
    assert_int_equal(hits[0].number, 2);
    assert_true(fabs(bound - log(1 + 1.5 / 2.5)) < 1e-12);
    assert_true(hits[0].bm25 < bound);
    assert_int_equal(words_search(w, a, STR(""), 10, NULL, &hits, &count, &bound, NULL), 0);
    assert_int_equal(count, 0);
    assert_true(bound == 0);
    assert_int_equal(words_search(w, a, STR("unknown"), 10, NULL, &hits, &count, &bound, NULL), 0);
    assert_true(count == 0 && fabs(bound - log(1 + 3.5 / .5)) < 1e-12);
    struct err_info e = {0};
    char longer[65];
    memset(longer, 'x', 64);
    longer[64] = 0;
    assert_int_equal(words_apply(w, NULL, 0, NULL, 0, str_c(longer), &e), ERR_INVALID);
    arena_free(a);
    words_close(w);
    dir_drop();
}

static void test_damaged(void **state)
{
    struct words *w = NULL;
    struct err_info e = {0};
    char path[128], garbage[8192];
    dir_make();
    snprintf(path, sizeof path, "%s/words.db", dir);
    memset(garbage, 'g', sizeof garbage);
    assert_int_equal(file_write_atomic(path, garbage, sizeof garbage, 0600, NULL), 0);
    assert_int_equal(words_open(dir, &analyzer, &w, &e), ERR_CORRUPT);
    assert_int_equal(file_remove(path, NULL), 0);
    w = opened(); /* a newer format */
    words_close(w);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite_open(path, false, DB_CACHE, &db, NULL), 0);
    assert_int_equal(sqlite_exec(db, "PRAGMA user_version=9", NULL), 0);
    sqlite3_close(db);
    assert_int_equal(words_open(dir, &analyzer, &w, NULL), ERR_CORRUPT);
    dir_drop();
    dir_make(); /* a table is missing */
    snprintf(path, sizeof path, "%s/words.db", dir);
    words_close(opened());
    assert_int_equal(sqlite_open(path, false, DB_CACHE, &db, NULL), 0);
    assert_int_equal(sqlite_exec(db, "DROP TABLE lengths", NULL), 0);
    sqlite3_close(db);
    assert_int_equal(words_open(dir, &analyzer, &w, NULL), ERR_CORRUPT);
    dir_drop();
}

/* A batch that fails leaves everything as it was. */
static int fail_writes(void *ctx, enum file_op op, const char *path, uint64_t offset, size_t n,
                       size_t *torn)
{
    return op == FILE_WRITE && strstr(path, "words.db") ? 28 /* ENOSPC */ : 0;
}

static void test_full_disk(void **state)
{
    enum { N = 100 };
    struct plain *all = xcalloc(N, sizeof *all);
    struct err_info e = {0};
    rng_init(&rng, 3);
    dir_make();
    struct words *w = opened();
    apply_random(w, all, N, 50, 0, 1);
    check_queries(w, all, N, 20);
    struct words_document d = {7, 99, STR("w50 w51"), STR("w52"), STR("")};
    uint32_t removed = 8;
    file_hook(&(struct file_hook){.before = fail_writes});
    assert_int_equal(words_apply(w, &d, 1, &removed, 1, STR("later"), &e), ERR_FULL);
    file_hook(NULL);
    char position[64];
    words_position(w, position);
    assert_string_equal(position, "x7-1");
    check_queries(w, all, N, 20);
    apply_random(w, all, N, 20, 3, 2);
    check_queries(w, all, N, 20);
    check(w);
    words_close(w);
    dir_drop();
    free(all);
}

/* --- readers beside the writer --- */

/* Every document holds "all", one of "even" and "odd" by its revision, and that word is its title
 * too. */
struct shared {
    struct words *w;
    atomic_bool stop;
    atomic_long searches;
    atomic_ulong step; /* of the writer: each brings a new term */
};

/* Doclists that are loaded just while the writer changes them. */
static void load_fresh(struct shared *s)
{
    char query[64];
    size_t n = 0;
    unsigned long step = atomic_load(&s->step);
    snprintf(query, sizeof query, "f%lu f%lu f%lu", step, step + 1, step + 2);
    assert_int_equal(words_count(s->w, str_c(query), NULL, &n, NULL), 0);
}

static void read_loop(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop)) {
        struct arena *a = arena_new(0);
        struct word_hit *hits = NULL;
        size_t count = 0;
        double bound = 0, other = 0;
        load_fresh(s);
        char query[32];
        snprintf(query, sizeof query, "even w%ld", atomic_load(&s->searches) % 300);
        struct err_info e = {0};
        if (words_search(s->w, a, str_c(query), 300, NULL, &hits, &count, &bound, &e)) {
            fprintf(stderr, "%s\n",
                    e.message); /* a failed assertion here ends the process at once */
            abort();
        }
        for (size_t i = 0; i < count; i++) {
            struct word_hit again;
            assert_true(hits[i].bm25 > 0 && hits[i].bm25 <= bound);
            if (i < 3)
                assert_int_equal(
                    words_score(s->w, STR("odd all"), &hits[i].number, 1, &again, &other, NULL), 0);
        }
        assert_int_equal(words_search(s->w, a, STR("all"), 300, NULL, &hits, &count, &bound, NULL),
                         0);
        assert_int_equal(count, 200);
        size_t even = 0, n = 0;
        assert_int_equal(words_count(s->w, STR("even odd"), NULL, &even, NULL), 0);
        assert_int_equal(even, 200);
        n = words_documents(s->w);
        assert_int_equal(n, 200);
        atomic_fetch_add(&s->searches, 1);
        arena_free(a);
    }
}

static void put_numbered(struct words *w, uint32_t first, unsigned count, uint64_t revision)
{
    struct words_document d[20];
    char text[20][64];
    struct err_info e = {0};
    for (unsigned i = 0; i < count; i++) {
        snprintf(text[i], sizeof text[i], "all %s w%u f%u", revision % 2 ? "odd" : "even",
                 (unsigned)rng_below(&rng, 300), (unsigned)revision);
        d[i] = (struct words_document){(first + i) % 200, revision,
                                       revision % 2 ? STR("odd") : STR("even"), str_c(text[i]),
                                       STR("")};
    }
    if (words_apply(w, d, count, NULL, 0, STR("p"), &e))
        fail_msg("%s", e.message);
}

static void test_threads(void **state)
{
    rng_init(&rng, 4);
    dir_make();
    struct shared s = {.w = opened()};
    struct thread *readers[3];
    for (uint32_t i = 0; i < 200; i += 20)
        put_numbered(s.w, i, 20, 1);
    for (int i = 0; i < 3; i++)
        readers[i] = thread_start("reader", read_loop, &s);
    for (uint64_t i = 0; i < 150 || atomic_load(&s.searches) < 300; i++) {
        atomic_store(&s.step, i);
        put_numbered(s.w, (uint32_t)rng_below(&rng, 200), 1 + (unsigned)rng_below(&rng, 20), i);
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < 3; i++)
        thread_join(readers[i]);
    check(s.w);
    words_close(s.w);
    dir_drop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),   cmocka_unit_test(test_windows),
        cmocka_unit_test(test_syntax),  cmocka_unit_test(test_titles_weigh_more),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
