/* bench_index --base A.npy --queries Q.npy [--threads N] [--json]: the vector graph alone.
 *
 * Builds the graph of A (float32 or float16 rows, made length 1), compares its answers to Q with
 * exact ones, and prints for a sweep of widths recall@10, queries a second, p50 and p99; then
 * seconds of the build, bytes a vector, inserts and deletes a second of one live writer. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "index/graph.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/topk.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define K 10
#define BATCH_MAX 1024u

static void die(const char *what, const char *why)
{
    fprintf(stderr, "index: %s: %s\n", what, why);
    exit(1);
}

/* --- npy files --- */

struct matrix {
    float *rows;
    size_t count;
    uint32_t dims;
};

static struct matrix npy_read(const char *path)
{
    char *data;
    size_t n, header;
    struct err_info e = {0};
    struct matrix m = {0};
    if (file_read_all(path, (size_t)1 << 36, &data, &n, &e))
        die(path, e.message);
    if (n < 12 || memcmp(data, "\x93NUMPY", 6) != 0)
        die(path, "not an npy file");
    header = data[6] == 1 ? 10 + (size_t)(uint8_t)data[8] + 256 * (size_t)(uint8_t)data[9]
                          : 12 + (size_t)(uint8_t)data[8] + 256 * (size_t)(uint8_t)data[9];
    if (header > n)
        die(path, "cut short");
    char text[512] = {0};
    memcpy(text, data + 10, header - 10 < 511 ? header - 10 : 511);
    const char *shape = strstr(text, "'shape': (");
    bool half = strstr(text, "'<f2'") != NULL;
    if (!shape || (!half && !strstr(text, "'<f4'")) || strstr(text, "'fortran_order': True") ||
        sscanf(shape, "'shape': (%zu, %" SCNu32 ")", &m.count, &m.dims) != 2 || !m.dims ||
        m.dims > GRAPH_DIMS_MAX)
        die(path, "wanted: float32 or float16, two dimensions, rows in order");
    size_t values = m.count * m.dims;
    if (m.count > n || n - header < values * (half ? 2 : 4))
        die(path, "cut short");
    m.rows = xmalloc(values * sizeof(float) + 1);
    if (half)
        half_to_f32((const uint16_t *)(data + header), m.rows, values);
    else
        memcpy(m.rows, data + header, values * sizeof(float));
    for (size_t i = 0; i < m.count; i++)
        normalise_f32(m.rows + i * m.dims, m.dims);
    free(data);
    return m;
}

/* --- the truth --- */

struct truth {
    uint32_t (*best)[K];
};

/* Exact: of the float16 rows, in blocks of rows that stay in cache while all queries pass. */
static struct truth truth_make(const uint16_t *halves, const struct matrix *base,
                               const struct matrix *queries)
{
    struct truth t = {xmalloc(queries->count * sizeof *t.best)};
    struct topk *tops = xcalloc(queries->count, sizeof *tops);
    struct topk_item *items = xcalloc(queries->count * K, sizeof *items);
    for (size_t q = 0; q < queries->count; q++)
        topk_init(&tops[q], items + q * K, K);
    for (size_t from = 0; from < base->count; from += 1024) {
        size_t to = from + 1024 < base->count ? from + 1024 : base->count;
        for (size_t q = 0; q < queries->count; q++)
            for (size_t i = from; i < to; i++)
                topk_add(&tops[q],
                         dot_f16_f32(halves + i * base->dims, queries->rows + q * base->dims,
                                     base->dims),
                         i);
    }
    for (size_t q = 0; q < queries->count; q++) {
        topk_sort(&tops[q]);
        for (size_t i = 0; i < K; i++)
            t.best[q][i] = i < tops[q].count ? (uint32_t)tops[q].items[i].id : UINT32_MAX;
    }
    free(tops);
    free(items);
    return t;
}

/* --- measuring --- */

static double seconds(void)
{
    return (double)clock_mono_ns() / 1e9;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int double_cmp(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct run {
    struct graph *g;
    const struct matrix *queries;
    size_t width, from, step, hits_right;
    const struct truth *truth;
    double *us;
    size_t scored, batch;
};

static size_t right(const struct graph_hit *hits, size_t n, const uint32_t *best)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < K; j++)
            found += hits[i].slot == best[j];
    return found;
}

/* Shares of the queries, as many at once; a query's time is that of its share. */
static void run_batches(struct run *run)
{
    size_t found[BATCH_MAX], count = run->queries->count;
    struct graph_hit *hits = xmalloc(BATCH_MAX * K * sizeof *hits);
    for (size_t q = run->from * run->batch; q < count; q += run->step * run->batch) {
        size_t n = count - q < run->batch ? count - q : run->batch;
        int64_t begin = clock_mono_ns();
        struct graph_reader *r = graph_enter(run->g);
        graph_search_many(r, run->queries->rows + q * run->queries->dims, n, K, run->width, hits,
                          found);
        graph_leave(r);
        for (size_t i = 0; i < n; i++) {
            run->us[q + i] = (double)(clock_mono_ns() - begin) / 1e3;
            run->hits_right += right(hits + i * K, found[i], run->truth->best[q + i]);
        }
    }
    free(hits);
}

static void run_queries(void *arg)
{
    struct run *run = arg;
    struct graph_hit hits[K];
    if (run->batch) {
        run_batches(run);
        return;
    }
    for (size_t q = run->from; q < run->queries->count; q += run->step) {
        int64_t begin = clock_mono_ns();
        struct graph_reader *r = graph_enter(run->g);
        size_t n = graph_search(r, run->queries->rows + q * run->queries->dims, K, run->width, NULL,
                                hits, NULL);
        run->scored += graph_scored(r);
        graph_leave(r);
        run->us[q] = (double)(clock_mono_ns() - begin) / 1e3;
        run->hits_right += right(hits, n, run->truth->best[q]);
    }
}

struct result {
    double recall, qps, p50, p99, scored;
};

/* The best of some rounds: of the same work, the least disturbed. */
static struct result measure(struct graph *g, const struct matrix *queries,
                             const struct truth *truth, size_t width, unsigned threads,
                             size_t batch)
{
    struct result best = {0};
    double *us = xcalloc(queries->count, sizeof *us);
    for (unsigned round = 0; round < 5; round++) {
        struct run runs[64];
        struct thread *started[64];
        size_t hits_right = 0, scored = 0;
        double begin = seconds();
        for (unsigned t = 0; t < threads; t++) {
            runs[t] = (struct run){g, queries, width, t, threads, 0, truth, us, 0, batch};
            started[t] = t ? thread_start("search", run_queries, &runs[t]) : NULL;
        }
        run_queries(&runs[0]);
        for (unsigned t = 0; t < threads; t++) {
            if (t)
                thread_join(started[t]);
            hits_right += runs[t].hits_right;
            scored += runs[t].scored;
        }
        double took = seconds() - begin;
        qsort(us, queries->count, sizeof *us, double_cmp);
        struct result r = {(double)hits_right / (double)(queries->count * K),
                           (double)queries->count / took, us[queries->count / 2],
                           us[queries->count * 99 / 100], (double)scored / (double)queries->count};
        if (r.qps > best.qps)
            best = r;
    }
    free(us);
    return best;
}

struct options {
    const char *base, *queries, *graph;
    unsigned threads;
    size_t width; /* 0: all */
    size_t batch; /* 0: graph_search */
    bool json, live;
};

static const char usage[] =
    "index --base A.npy --queries Q.npy [--threads N] [--json] [--live] [--graph FILE] [--width "
    "W] [--batch N]\n"
    "  --live        insert one by one instead of building at once\n"
    "  --graph FILE  read the graph from FILE, or write it there if there is none\n"
    "  --batch N     N queries (<= 1024) at once";

static struct options options_read(int argc, char **argv)
{
    struct options o = {.threads = 1};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            o.json = true;
        else if (!strcmp(argv[i], "--live"))
            o.live = true;
        else if (!strcmp(argv[i], "--base") && i + 1 < argc)
            o.base = argv[++i];
        else if (!strcmp(argv[i], "--queries") && i + 1 < argc)
            o.queries = argv[++i];
        else if (!strcmp(argv[i], "--graph") && i + 1 < argc)
            o.graph = argv[++i];
        else if (!strcmp(argv[i], "--width") && i + 1 < argc)
            o.width = (size_t)atoi(argv[++i]);
        else if (!strcmp(argv[i], "--batch") && i + 1 < argc)
            o.batch = (size_t)atoi(argv[++i]);
        else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
            o.threads = (unsigned)atoi(argv[++i]);
        else
            die(argv[i], usage);
    }
    if (!o.base || !o.queries || o.threads < 1 || o.threads > 64 || o.batch > BATCH_MAX)
        die("usage", usage);
    return o;
}

/* --- the graph --- */

struct totals {
    double build_s, build_cpu_s, load_s, inserts_s, deletes_s;
};

static struct graph *graph_make(const struct options *o, const uint16_t *halves,
                                const struct matrix *base, struct totals *t)
{
    struct graph *g = graph_new(base->dims);
    uint32_t *slots = xmalloc((base->count + 1) * sizeof *slots);
    double begin = seconds(), cpu = cpu_seconds();
    for (size_t i = 0; i < base->count; i++) {
        slots[i] = graph_slot_take(g);
        graph_row_set(g, slots[i], halves + i * base->dims);
        if (o->live)
            graph_insert(g, slots[i]);
    }
    if (!o->live)
        graph_build(g, slots, base->count, o->threads);
    t->build_s = seconds() - begin;
    t->build_cpu_s = cpu_seconds() - cpu;
    free(slots);
    return g;
}

static struct graph *graph_kept(const char *path, const struct matrix *base, struct totals *t)
{
    struct err_info e = {0};
    struct graph *g = NULL;
    struct file *f;
    uint64_t offset = 0;
    double begin = seconds();
    if (file_open(path, FILE_READ_ONLY, &f, &e) || graph_load(f, &offset, &g, &e))
        die(path, e.message);
    file_close(f);
    t->load_s = seconds() - begin;
    if (graph_dims(g) != base->dims || graph_count(g) != base->count)
        die(path, "the graph of other vectors");
    return g;
}

static void graph_keep(const char *path, struct graph *g)
{
    struct err_info e = {0};
    struct file *f;
    if (file_open(path, FILE_CREATE, &f, &e) || graph_save(g, f, &e))
        die(path, e.message);
    file_close(f);
}

/* One live writer: deletes some rows and inserts them again, in their old slots or others. */
static void writes_measure(struct graph *g, const uint16_t *halves, const struct matrix *base,
                           struct totals *t)
{
    size_t n = base->count / 4 < 4000 ? base->count / 4 : 4000, step = n ? base->count / n : 1;
    double begin = seconds();
    for (size_t i = 0; i < n; i++)
        graph_delete(g, (uint32_t)(i * step));
    double middle = seconds();
    for (size_t i = 0; i < n; i++) {
        uint32_t slot = graph_slot_take(g);
        graph_row_set(g, slot, halves + i * step * base->dims);
        graph_insert(g, slot);
    }
    t->deletes_s = (double)n / (middle - begin);
    t->inserts_s = (double)n / (seconds() - middle);
}

static void totals_print(const struct options *o, const struct totals *t, struct graph_bytes bytes,
                         size_t count)
{
    double all = (double)bytes.all / (double)count, hot = (double)bytes.hot / (double)count;
    if (o->json)
        printf("{\"build_s\":%.3f,\"build_cpu_s\":%.3f,\"load_s\":%.4f,\"bytes_per_vector\":%.1f,"
               "\"hot_bytes_per_vector\":%.1f,\"inserts_s\":%.0f,\"deletes_s\":%.0f}\n",
               t->build_s, t->build_cpu_s, t->load_s, all, hot, t->inserts_s, t->deletes_s);
    else
        printf(
            "build %.1f s (%.1f of processor), load %.3f s, %.0f bytes a vector, %.0f of them hot, "
            "%.0f inserts/s, %.0f deletes/s\n",
            t->build_s, t->build_cpu_s, t->load_s, all, hot, t->inserts_s, t->deletes_s);
}

static void sweep(const struct options *o, struct graph *g, const struct matrix *queries,
                  const struct truth *truth)
{
    static const size_t widths[] = {10, 14, 20,  28,  34,  40,  48,  56, 64,
                                    80, 96, 128, 160, 192, 256, 384, 512};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        if (o->width && o->width != widths[i])
            continue;
        struct result r = measure(g, queries, truth, widths[i], o->threads, o->batch);
        if (o->json)
            printf("{\"ef\":%zu,\"recall\":%.4f,\"qps\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
                   widths[i], r.recall, r.qps, r.p50, r.p99);
        else
            printf("width %4zu  recall %.4f %9.0f q/s  p50 %7.1f us  p99 %7.1f us  %.0f scored\n",
                   widths[i], r.recall, r.qps, r.p50, r.p99, r.scored);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct options o = options_read(argc, argv);
    struct matrix base = npy_read(o.base), queries = npy_read(o.queries);
    struct totals t = {0};
    if (base.dims != queries.dims)
        die("--queries", "other dimensions than --base");
    if (base.count < K || base.count > GRAPH_SLOTS_MAX || !queries.count)
        die("--base, --queries", "too few or too many rows");
    uint16_t *halves = xmalloc(base.count * base.dims * sizeof *halves + 1);
    half_from_f32(base.rows, halves, base.count * base.dims);
    free(base.rows);
    bool kept = o.graph && file_exists(o.graph);
    struct graph *g = kept ? graph_kept(o.graph, &base, &t) : graph_make(&o, halves, &base, &t);
    if (o.graph && !kept)
        graph_keep(o.graph, g);
    struct truth truth = truth_make(halves, &base, &queries);
    sweep(&o, g, &queries, &truth);
    struct graph_bytes bytes = graph_bytes(g);
    if (!o.width)
        writes_measure(g, halves, &base, &t);
    totals_print(&o, &t, bytes, base.count);
    free(truth.best);
    free(queries.rows);
    free(halves);
    graph_free(g);
    return 0;
}
