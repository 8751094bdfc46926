/* bench_lexical TOKENS QUERIES TEXTS: the inverted index on one thread, told by lines on its
 * standard input what to do; each is answered by a line of JSON.
 *
 *     index     a new index of TOKENS, a document a line, its terms between single blanks
 *     or, and   all of QUERIES (terms between blanks, a query a line), top 10
 *     empty     what a query costs that has no words
 *     hits or|and   the numbers of the documents that each query finds, best first
 *     near, prefix  the dictionary, by the queries' words: one letter wrong, or its first letters
 *     text      a new index of TEXTS by way of the analyzer, to be thrown away
 *     file      saved and loaded again
 *
 * Times: the terms' frequencies are looked up within a query's time, splitting a line into tokens
 * within that of indexing. */
#include "lines.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "lexical/lexical.h"
#include "text/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define K 10
#define QUERY_TERMS_MAX 8

struct texts {
    struct str *lines;
    size_t count;
};
static struct texts documents, queries, raw;
static struct lexical *x;

static struct texts texts_read(const char *path)
{
    line_count = 0;
    lines_read(path);
    return (struct texts){lines, line_count};
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- indexing ---- */

struct tokens {
    struct lexical_token *all;
    size_t count, cap;
};

static void tokens_add(struct tokens *t, struct str term, uint32_t position)
{
    if (t->count == t->cap) {
        t->cap = 2 * t->cap + 64;
        t->all = xrealloc(t->all, t->cap * sizeof *t->all);
    }
    t->all[t->count++] = (struct lexical_token){term, position, LEXICAL_TEXT};
}

/* The next run without blanks; false at the end. */
static bool word_next(struct str line, size_t *at, struct str *word)
{
    while (*at < line.n && line.s[*at] == ' ')
        ++*at;
    const char *begin = line.s + *at, *end = memchr(begin, ' ', line.n - *at);
    size_t n = end ? (size_t)(end - begin) : line.n - *at;
    *at += n;
    *word = (struct str){begin, n < LEXICAL_TERM_MAX ? n : LEXICAL_TERM_MAX};
    return n > 0;
}

static void index_line(struct lexical *into, struct tokens *t, size_t i)
{
    struct str word;
    t->count = 0;
    for (size_t at = 0; word_next(documents.lines[i], &at, &word);)
        tokens_add(t, word, (uint32_t)t->count);
    struct lexical_document d = {.number = (uint32_t)i + 1,
                                 .revision = 1,
                                 .tokens = t->all,
                                 .token_count = t->count,
                                 .lengths = {[LEXICAL_TEXT] = (uint32_t)t->count}};
    lexical_put(into, &d);
}

static void index_all(void)
{
    struct tokens t = {0};
    lexical_free(x);
    double begin = (double)clock_mono_ns(), cpu = cpu_seconds();
    x = lexical_new();
    for (size_t i = 0; i < documents.count; i++)
        index_line(x, &t, i);
    printf(
        "{\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":%zu,\"terms\":%zu,\"documents\":%zu}\n",
        ((double)clock_mono_ns() - begin) / 1e9, cpu_seconds() - cpu, lexical_bytes(x),
        lexical_terms(x), lexical_documents(x, 0));
    free(t.all);
}

struct analyzing {
    struct tokens tokens;
    struct arena *arena;
};

static void term_take(void *ctx, const struct term *term)
{
    struct analyzing *a = ctx;
    tokens_add(&a->tokens, arena_str(a->arena, term->text), term->position);
}

static void index_text(void)
{
    struct analyzing a = {.arena = arena_new(0)};
    struct lexical *into = lexical_new();
    struct term_analyzer *analyzer = term_analyzer_new();
    double begin = (double)clock_mono_ns();
    for (size_t i = 0; i < raw.count; i++) {
        arena_reset(a.arena);
        a.tokens.count = 0;
        uint32_t words = term_analyze(analyzer, LANGUAGE_en, raw.lines[i], term_take, &a);
        struct lexical_document d = {.number = (uint32_t)i + 1,
                                     .revision = 1,
                                     .tokens = a.tokens.all,
                                     .token_count = a.tokens.count,
                                     .lengths = {[LEXICAL_TEXT] = words}};
        lexical_put(into, &d);
    }
    printf("{\"seconds\":%.6f}\n", ((double)clock_mono_ns() - begin) / 1e9);
    term_analyzer_free(analyzer);
    lexical_free(into);
    arena_free(a.arena);
    free(a.tokens.all);
}

/* ---- queries ---- */

static size_t ask(struct str line, enum lexical_role role, struct arena *a,
                  struct lexical_hit **hits)
{
    struct lexical_term terms[QUERY_TERMS_MAX];
    struct lexical_group groups[QUERY_TERMS_MAX];
    struct lexical_query q = {.groups = groups};
    struct str word;
    for (size_t at = 0; q.group_count < QUERY_TERMS_MAX && word_next(line, &at, &word);) {
        size_t i = q.group_count++;
        terms[i] = (struct lexical_term){word, 1};
        groups[i] = (struct lexical_group){.terms = &terms[i],
                                           .term_count = 1,
                                           .idf = lexical_idf(x, 0, lexical_frequency(x, 0, word)),
                                           .weight = 1,
                                           .role = role};
    }
    *hits = NULL;
    return lexical_search(x, &q, K, a, hits);
}

static int double_cmp(const void *a, const void *b)
{
    double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

static void times_print(double *us, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += us[i];
    qsort(us, n, sizeof *us, double_cmp);
    printf("{\"p50_us\":%.3f,\"p99_us\":%.3f,\"qps\":%.1f}\n", us[n / 2], us[n * 99 / 100],
           1e6 * (double)n / sum);
}

static void ask_all(enum lexical_role role, bool empty)
{
    struct arena *a = arena_new(0);
    double *us = xcalloc(queries.count, sizeof *us);
    struct lexical_hit *hits;
    for (size_t i = 0; i < queries.count; i++) {
        int64_t begin = clock_mono_ns();
        ask(empty ? STR("") : queries.lines[i], role, a, &hits);
        us[i] = (double)(clock_mono_ns() - begin) / 1e3;
        arena_reset(a);
    }
    times_print(us, queries.count);
    free(us);
    arena_free(a);
}

static void hits_print(enum lexical_role role)
{
    struct arena *a = arena_new(0);
    struct lexical_hit *hits;
    for (size_t i = 0; i < queries.count; i++) {
        size_t n = ask(queries.lines[i], role, a, &hits);
        printf("%s[", i ? "," : "[");
        for (size_t k = 0; k < n; k++)
            printf("%s%u", k ? "," : "", hits[k].number);
        printf("]");
        arena_reset(a);
    }
    puts("]");
    arena_free(a);
}

/* ---- the dictionary ---- */

static size_t words_near(struct str word, struct arena *a)
{
    char wrong[LEXICAL_TERM_MAX];
    struct lexical_word out[50];
    memcpy(wrong, word.s, word.n);
    wrong[word.n / 2] = 'q';
    return lexical_near(x, 0, (struct str){wrong, word.n}, word.n < 8 ? 1 : 2, 50, a, out);
}

static size_t words_prefixed(struct str word, struct arena *a)
{
    struct lexical_word out[50];
    return lexical_prefixed(x, 0, (struct str){word.s, 1 + word.n / 4}, 50, a, out);
}

static void dictionary_ask(size_t (*look)(struct str word, struct arena *a))
{
    struct arena *a = arena_new(0);
    double *us = xcalloc(queries.count, sizeof *us);
    for (size_t i = 0; i < queries.count; i++) {
        size_t at = 0;
        struct str word;
        word_next(queries.lines[i], &at, &word);
        int64_t begin = clock_mono_ns();
        look(word, a);
        us[i] = (double)(clock_mono_ns() - begin) / 1e3;
        arena_reset(a);
    }
    times_print(us, queries.count);
    free(us);
    arena_free(a);
}

/* ---- a file ---- */

static void file_and_back(void)
{
    char path[128];
    struct err_info e = {0};
    struct file *f = NULL;
    struct lexical *again = NULL;
    uint64_t bytes = 0, offset = 0;
    snprintf(path, sizeof path, "/tmp/bench-lexical-%ld", (long)getpid());
    must(file_open(path, FILE_CREATE, &f, &e), &e);
    double begin = (double)clock_mono_ns();
    must(lexical_save(x, f, &e), &e);
    double saved = (double)clock_mono_ns();
    must(lexical_load(f, &offset, &again, &e), &e);
    double loaded = (double)clock_mono_ns();
    must(file_size(f, &bytes, &e), &e);
    printf("{\"save_ms\":%.3f,\"load_ms\":%.3f,\"bytes\":%llu}\n", (saved - begin) / 1e6,
           (loaded - saved) / 1e6, (unsigned long long)bytes);
    file_close(f);
    unlink(path);
    lexical_free(again);
}

static void command_do(const char *command)
{
    if (strcmp(command, "index") == 0)
        index_all();
    else if (strcmp(command, "or") == 0)
        ask_all(LEXICAL_SHOULD, false);
    else if (strcmp(command, "and") == 0)
        ask_all(LEXICAL_MUST, false);
    else if (strcmp(command, "empty") == 0)
        ask_all(LEXICAL_SHOULD, true);
    else if (strcmp(command, "hits or") == 0)
        hits_print(LEXICAL_SHOULD);
    else if (strcmp(command, "hits and") == 0)
        hits_print(LEXICAL_MUST);
    else if (strcmp(command, "near") == 0)
        dictionary_ask(words_near);
    else if (strcmp(command, "prefix") == 0)
        dictionary_ask(words_prefixed);
    else if (strcmp(command, "text") == 0)
        index_text();
    else if (strcmp(command, "file") == 0)
        file_and_back();
    else
        puts("{}");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char command[32];
    if (argc != 4) {
        fprintf(stderr, "usage: bench_lexical TOKENS QUERIES TEXTS\n");
        return 2;
    }
    documents = texts_read(argv[1]);
    queries = texts_read(argv[2]);
    raw = texts_read(argv[3]);
    while (fgets(command, sizeof command, stdin)) {
        command[strcspn(command, "\n")] = 0;
        command_do(command);
    }
    lexical_free(x);
    return 0;
}
