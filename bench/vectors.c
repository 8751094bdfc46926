/* bench_vectors [rows [dims [queries]]]: the exact scan, one thread, then readers on every core
 * beside a writer. Rows: 1,000 centres with noise, so that neighbours exist; queries: noisy rows.
 * Prints milliseconds a query, of wall clock and of the thread's processor time, the GB/s of int8
 * rows that the latter means, and how long an insert takes. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"
#include "index/vectors.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/simd.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CENTRES 1000
#define THREADS_MAX 16

static uint32_t dims;

static void row_make(struct rng *r, const float *centres, float noise, float *out)
{
    const float *c = centres + rng_below(r, CENTRES) * dims;
    for (uint32_t i = 0; i < dims; i++)
        out[i] = c[i] + noise * rng_normal(r);
    normalise_f32(out, dims);
}

static int double_cmp(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of this thread: what a loaded machine does not distort. */
static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void report(const char *name, double *ms, double *cpu, size_t n, double bytes)
{
    qsort(ms, n, sizeof *ms, double_cmp);
    qsort(cpu, n, sizeof *cpu, double_cmp);
    printf("%-26s wall p50 %7.3f p99 %7.3f ms, cpu p50 %7.3f p99 %7.3f ms, %6.2f GB/s\n", name,
           ms[n / 2], ms[n * 99 / 100], cpu[n / 2], cpu[n * 99 / 100], bytes / cpu[n / 2] / 1e6);
}

static void measure(struct vectors *v, const float *queries, size_t n, size_t k,
                    const struct docset *within, const char *name)
{
    double *ms = xcalloc(n, sizeof *ms), *cpu = xcalloc(n, sizeof *cpu);
    struct vector_hit *hits = xcalloc(k, sizeof *hits);
    for (size_t q = 0; q < n; q++) {
        int64_t begin = clock_mono_ns();
        double cpu_begin = cpu_ms();
        vectors_search(v, queries + q * dims, k, within, true, hits);
        cpu[q] = cpu_ms() - cpu_begin;
        ms[q] = (double)(clock_mono_ns() - begin) / 1e6;
    }
    report(name, ms, cpu, n, (double)(within ? within->count : vectors_count(v)) * dims);
    free(ms);
    free(cpu);
    free(hits);
}

struct reader {
    struct vectors *v;
    const float *queries;
    size_t count;
    atomic_bool *stop;
    size_t done;
};

static void read_loop(void *arg)
{
    struct reader *r = arg;
    struct vector_hit hits[10];
    for (; !atomic_load(r->stop); r->done++)
        vectors_search(r->v, r->queries + r->done % r->count * dims, 10, NULL, true, hits);
}

static void beside_writer(struct vectors *v, const float *queries, size_t count,
                          const uint16_t *rows, uint32_t documents)
{
    struct reader readers[THREADS_MAX];
    struct thread *threads[THREADS_MAX];
    unsigned n = thread_cores() < THREADS_MAX ? thread_cores() : THREADS_MAX;
    atomic_bool stop = false;
    for (unsigned i = 0; i < n; i++) {
        readers[i] = (struct reader){v, queries, count, &stop, 0};
        threads[i] = thread_start("bench", read_loop, &readers[i]);
    }
    int64_t begin = clock_mono_ns();
    size_t puts = 0, searches = 0;
    while (clock_mono_ns() - begin < 2000000000) {
        uint32_t d = (uint32_t)(puts++ * 7919 % documents);
        if (vectors_put(v, d, puts, rows + (size_t)d * dims, 1, NULL))
            abort();
        clock_sleep_ns(500000);
    }
    double seconds = (double)(clock_mono_ns() - begin) / 1e9;
    atomic_store(&stop, true);
    for (unsigned i = 0; i < n; i++) {
        thread_join(threads[i]);
        searches += readers[i].done;
    }
    printf("%u readers beside a writer: %.0f searches/s, %.0f puts/s\n", n,
           (double)searches / seconds, (double)puts / seconds);
}

int main(int argc, char **argv)
{
    uint32_t rows = argc > 1 ? (uint32_t)atoi(argv[1]) : 60000;
    dims = argc > 2 ? (uint32_t)atoi(argv[2]) : 384;
    size_t count = argc > 3 ? (size_t)atoi(argv[3]) : 400;
    if (!rows || !dims || dims > 4096 || !count || simd_setup(NULL))
        return 2;
    struct rng r;
    rng_init(&r, 1);
    float *centres = xmalloc(CENTRES * (size_t)dims * sizeof *centres),
          *x = xmalloc(dims * sizeof *x);
    float *queries = xmalloc(count * dims * sizeof *queries);
    uint16_t *halves = xmalloc((size_t)rows * dims * sizeof *halves);
    struct vectors *v = vectors_new(dims);
    for (size_t i = 0; i < CENTRES * (size_t)dims; i++)
        centres[i] = rng_normal(&r);
    for (uint32_t i = 0; i < rows; i++) {
        row_make(&r, centres, .8f, x);
        half_from_f32(x, halves + (size_t)i * dims, dims);
    }
    for (size_t q = 0; q < count; q++)
        row_make(&r, centres, .8f, queries + q * dims);
    int64_t begin = clock_mono_ns();
    for (uint32_t i = 0; i < rows; i++)
        if (vectors_put(v, i, 1, halves + (size_t)i * dims, 1, NULL))
            abort();
    printf("akin %s, %u rows of %u, %s, one thread; put %.2f us a row, %.0f MB\n", AKIN_VERSION,
           rows, dims, simd_name(simd_level()), (double)(clock_mono_ns() - begin) / 1e3 / rows,
           (double)vectors_bytes(v) / 1e6);
    struct docset tenth, hundredth;
    docset_init(&tenth);
    docset_init(&hundredth);
    for (uint32_t i = 0; i < rows; i++) {
        if (rng_below(&r, 10) == 0)
            docset_add(&tenth, i);
        if (rng_below(&r, 100) == 0)
            docset_add(&hundredth, i);
    }
    measure(v, queries, count, 10, NULL, "k 10");
    measure(v, queries, count, 200, NULL, "k 200");
    measure(v, queries, count, 200, &tenth, "k 200, within a tenth");
    measure(v, queries, count, 200, &hundredth, "k 200, within a hundredth");
    beside_writer(v, queries, count, halves, rows);
    docset_release(&tenth);
    docset_release(&hundredth);
    vectors_free(v);
    free(centres);
    free(x);
    free(queries);
    free(halves);
    return 0;
}
