/* bench_words FILE [threads [queries]]: the word index over a text a line: documents/s in batches
 * of 100, opening, and queries of two to five words of other lines, k 200 and then the scores of
 * 200 other documents, first cold (doclists come from FTS5), then warm, then on several threads.
 * Analyser: lower-case ASCII words. */
#include "lines.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/thread.h"
#include "index/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 100
#define K 200
#define THREADS_MAX 16

static void *session_new(void)
{
    return xmalloc(1);
}

static void analyze(void *session, struct str text,
                    void (*emit)(void *ctx, struct str term, size_t start, size_t end), void *ctx)
{
    char term[64];
    size_t n = 0;
    for (size_t at = 0; at <= text.n; at++) {
        char c = at < text.n ? text.s[at] : ' ';
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) && n < sizeof term)
            term[n++] = c;
        else if (n) {
            emit(ctx, (struct str){term, n}, at - n, at);
            n = 0;
        }
    }
}

static const struct words_analyzer analyzer = {session_new, free, analyze};

static struct words *words;

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fill(void)
{
    struct words_document d[BATCH];
    struct err_info e = {0};
    int64_t begin = clock_mono_ns();
    double cpu = cpu_ms();
    for (size_t at = 0; at < line_count; at += BATCH) {
        size_t n = line_count - at < BATCH ? line_count - at : BATCH;
        for (size_t i = 0; i < n; i++)
            d[i] = (struct words_document){(uint32_t)(at + i), 1, STR(""), lines[at + i], STR("")};
        must(words_apply(words, d, n, NULL, 0, STR("p"), &e), &e);
    }
    double seconds = (double)(clock_mono_ns() - begin) / 1e9;
    printf("%zu documents: %.0f/s, %.0f/s of processor time, %.1f MB on disk\n", line_count,
           (double)line_count / seconds, (double)line_count / ((cpu_ms() - cpu) / 1e3),
           (double)words_bytes(words) / 1e6);
}

static struct str query_make(struct arena *a, struct rng *r)
{
    struct str line = lines[rng_below(r, line_count)];
    size_t first = rng_below(r, line.n + 1), want = 2 + rng_below(r, 4), end = first;
    for (; end < line.n && want; end++)
        want -= line.s[end] == ' ';
    return arena_str(a, (struct str){line.s + first, end - first});
}

static int double_cmp(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct run {
    uint64_t seed;
    size_t queries;
    double *ms, *cpu;
};

static void run_queries(void *arg)
{
    struct run *x = arg;
    struct rng r;
    uint32_t others[K];
    struct word_hit scored[K];
    rng_init(&r, x->seed);
    for (size_t q = 0; q < x->queries; q++) {
        struct arena *a = arena_new(0);
        struct err_info e = {0};
        struct word_hit *hits = NULL;
        size_t count = 0;
        double bound = 0;
        struct str text = query_make(a, &r);
        for (size_t i = 0; i < K; i++)
            others[i] = (uint32_t)rng_below(&r, line_count);
        int64_t begin = clock_mono_ns();
        double cpu = cpu_ms();
        must(words_search(words, a, text, K, NULL, &hits, &count, &bound, &e), &e);
        must(words_score(words, text, others, K, scored, &bound, &e), &e);
        x->cpu[q] = cpu_ms() - cpu;
        x->ms[q] = (double)(clock_mono_ns() - begin) / 1e6;
        arena_free(a);
    }
}

static void measure(const char *name, unsigned threads, size_t queries, uint64_t seed)
{
    struct run runs[THREADS_MAX];
    struct thread *started[THREADS_MAX];
    double *ms = xcalloc(threads * queries, sizeof *ms),
           *cpu = xcalloc(threads * queries, sizeof *cpu);
    size_t n = threads * queries;
    int64_t begin = clock_mono_ns();
    for (unsigned i = 0; i < threads; i++) {
        runs[i] = (struct run){seed + i, queries, ms + i * queries, cpu + i * queries};
        started[i] = thread_start("bench", run_queries, &runs[i]);
    }
    for (unsigned i = 0; i < threads; i++)
        thread_join(started[i]);
    double seconds = (double)(clock_mono_ns() - begin) / 1e9;
    qsort(ms, n, sizeof *ms, double_cmp);
    qsort(cpu, n, sizeof *cpu, double_cmp);
    printf(
        "%-10s %u threads: %6.0f queries/s, wall p50 %.3f p99 %.3f ms, cpu p50 %.3f p99 %.3f ms\n",
        name, threads, (double)n / seconds, ms[n / 2], ms[n * 99 / 100], cpu[n / 2],
        cpu[n * 99 / 100]);
    free(ms);
    free(cpu);
}

int main(int argc, char **argv)
{
    static const char dir[] = "bench-words";
    struct err_info e = {0};
    unsigned threads = argc > 2 ? (unsigned)atoi(argv[2]) : 4;
    size_t queries = argc > 3 ? (size_t)atoi(argv[3]) : 1000;
    if (argc < 2 || !threads || threads > THREADS_MAX || !queries) {
        fprintf(stderr, "usage: bench_words FILE [threads [queries]]\n");
        return 2;
    }
    lines_read(argv[1]);
    must(file_remove_tree(dir, &e), &e);
    must(words_open(dir, &analyzer, &words, &e), &e);
    fill();
    words_close(words);
    int64_t begin = clock_mono_ns();
    must(words_open(dir, &analyzer, &words, &e), &e);
    printf("opened in %.1f ms\n", (double)(clock_mono_ns() - begin) / 1e6);
    measure("cold", 1, queries, 1);
    measure("warm", 1, queries, 1);
    measure("other", threads, queries, 100);
    words_close(words);
    must(file_remove_tree(dir, &e), &e);
    return 0;
}
