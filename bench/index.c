/* build/bench/index --base A.npy --queries Q.npy [--threads N] [--json]: the vector graph alone.
 *
 * Builds the graph of A (float32 or float16 rows, made length 1), compares its answers to Q with
 * exact ones, and prints for a sweep of widths recall@10, queries a second, p50 and p99; then
 * seconds of the build, bytes a vector, inserts and deletes a second of one live writer. */
#include "npy.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "graph/graph.h"
#include "index_exact.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/topk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define K 10
#define BATCH_MAX 1024u
#define THREADS_MAX 64u

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

/* The same, kept in a file: K slots a query. */
static struct truth truth_kept(const char *path, const uint16_t *halves, const struct matrix *base,
                               const struct matrix *queries)
{
    char *data;
    size_t n, want = queries->count * sizeof(uint32_t[K]);
    struct err_info e = {0};
    struct truth t;
    if (!file_exists(path)) {
        t = truth_make(halves, base, queries);
        if (file_write_atomic(path, t.best, want, 0644, &e))
            die(path, e.message);
        return t;
    }
    if (file_read_all(path, want + 1, &data, &n, &e))
        die(path, e.message);
    if (n != want)
        die(path, "the exact answers to other queries than --queries");
    t.best = xmalloc(want + 1);
    memcpy(t.best, data, want);
    free(data);
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

/* Each thread asks all queries, from a place of its own on: as much work as a process by itself. */
struct run {
    struct graph *g;
    const struct matrix *queries;
    size_t width, from, batch;
    const struct truth *truth;
    double *us;
    size_t hits_right, scored;
};

static size_t right(const struct graph_hit *hits, size_t n, const uint32_t *best)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < K; j++)
            found += hits[i].slot == best[j];
    return found;
}

/* As many queries at once; a query's time is that of its batch. */
static void run_batches(struct run *run)
{
    size_t found[BATCH_MAX], count = run->queries->count, hits_right = 0;
    struct graph_hit *hits = xmalloc(BATCH_MAX * K * sizeof *hits);
    for (size_t q = 0; q < count; q += run->batch) {
        size_t n = count - q < run->batch ? count - q : run->batch;
        int64_t begin = clock_mono_ns();
        struct graph_reader *r = graph_enter(run->g);
        graph_search_many(r, run->queries->rows + q * run->queries->dims, n, K, run->width, hits,
                          found);
        graph_leave(r);
        for (size_t i = 0; i < n; i++) {
            run->us[q + i] = (double)(clock_mono_ns() - begin) / 1e3;
            hits_right += right(hits + i * K, found[i], run->truth->best[q + i]);
        }
    }
    run->hits_right = hits_right;
    free(hits);
}

static void run_queries(void *arg)
{
    struct run *run = arg;
    struct graph_hit hits[K];
    size_t hits_right = 0, scored = 0, count = run->queries->count;
    if (run->batch) {
        run_batches(run);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t q = (run->from + i) % count;
        int64_t begin = clock_mono_ns();
        struct graph_reader *r = graph_enter(run->g);
        size_t n = graph_search(r, run->queries->rows + q * run->queries->dims, K, run->width, NULL,
                                hits, NULL);
        scored += graph_scored(r);
        graph_leave(r);
        run->us[q] = (double)(clock_mono_ns() - begin) / 1e3;
        hits_right += right(hits, n, run->truth->best[q]);
    }
    run->hits_right = hits_right;
    run->scored = scored;
}

struct result {
    double recall, qps, p50, p99, scored;
};

static struct result round_of(struct run *runs, double *us, unsigned threads)
{
    struct thread *started[THREADS_MAX];
    size_t hits_right = 0, scored = 0, count = runs[0].queries->count, all = threads * count;
    double begin = seconds();
    for (unsigned t = 1; t < threads; t++)
        started[t] = thread_start("search", run_queries, &runs[t]);
    run_queries(&runs[0]);
    for (unsigned t = 1; t < threads; t++)
        thread_join(started[t]);
    double took = seconds() - begin;
    for (unsigned t = 0; t < threads; t++) {
        hits_right += runs[t].hits_right;
        scored += runs[t].scored;
    }
    qsort(us, all, sizeof *us, double_cmp);
    return (struct result){(double)hits_right / (double)(all * K), (double)all / took, us[all / 2],
                           us[all * 99 / 100], (double)scored / (double)all};
}

struct options {
    const char *base, *queries, *graph, *truth;
    unsigned threads, rounds;
    size_t width; /* 0: all */
    size_t batch; /* 0: graph_search */
    bool json, live, exact_walk, ask, no_writes;
};

static const char usage[] =
    "usage: index --base A.npy --queries Q.npy [OPTIONS]\n"
    "the vector graph alone: recall@10, queries/s, p50 and p99 for a sweep of widths, then "
    "seconds\n"
    "of the build, bytes a vector, live inserts and deletes a second\n\n"
    "  --base A.npy     the rows: float32 or float16, made length 1\n"
    "  --queries Q.npy  as many dimensions\n"
    "  --threads N      searching, each thread asks all queries; and building (1)\n"
    "  --json           a line a width, and one for the rest\n"
    "  --width W        this width only\n"
    "  --rounds N       of N rounds the quickest is printed (5)\n"
    "  --batch N        N queries (<= 1024) by one call\n"
    "  --live           insert one by one instead of building at once\n"
    "  --graph FILE     read the graph from FILE, or write it there if there is none\n"
    "  --truth FILE     read the exact answers from FILE, or write them there if there is none\n"
    "  --no-writes      leave out the inserts and deletes\n"
    "  --exact-walk     beside it recall of the same graph walked with exact distances\n"
    "  --ask            widths come from standard input, a line each, and are answered in turn\n";

static size_t number(const char *option, const char *text, size_t least, size_t most)
{
    char why[80], *end;
    unsigned long long n = text ? strtoull(text, &end, 10) : 0;
    if (text && *text >= '0' && *text <= '9' && !*end && n >= least && n <= most)
        return (size_t)n;
    snprintf(why, sizeof why, "wanted a number from %zu to %zu", least, most);
    die(option, why);
    return 0;
}

static bool flag_read(struct options *o, const char *name)
{
    const struct {
        const char *name;
        bool *to;
    } flags[] = {{"--json", &o->json},
                 {"--live", &o->live},
                 {"--exact-walk", &o->exact_walk},
                 {"--ask", &o->ask},
                 {"--no-writes", &o->no_writes}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (!strcmp(name, flags[i].name))
            return *flags[i].to = true;
    return false;
}

static void value_read(struct options *o, const char *name, const char *value)
{
    if (!strcmp(name, "--threads"))
        o->threads = (unsigned)number(name, value, 1, THREADS_MAX);
    else if (!strcmp(name, "--rounds"))
        o->rounds = (unsigned)number(name, value, 1, 100000);
    else if (!strcmp(name, "--width"))
        o->width = number(name, value, 1, GRAPH_WIDTH_MAX);
    else if (!strcmp(name, "--batch"))
        o->batch = number(name, value, 1, BATCH_MAX);
    else if (!strcmp(name, "--base") && value)
        o->base = value;
    else if (!strcmp(name, "--queries") && value)
        o->queries = value;
    else if (!strcmp(name, "--graph") && value)
        o->graph = value;
    else if (!strcmp(name, "--truth") && value)
        o->truth = value;
    else
        die(name, "unknown, or without its value; --help tells the options");
}

static struct options options_read(int argc, char **argv)
{
    struct options o = {.threads = 1, .rounds = 5};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(usage, stdout);
            exit(0);
        }
        if (!flag_read(&o, argv[i])) {
            value_read(&o, argv[i], argv[i + 1]);
            i++;
        }
    }
    if (!o.base || !o.queries)
        die(o.base ? "--queries" : "--base", "missing; --help tells the options");
    return o;
}

/* --- the graph --- */

struct totals {
    double build_s, build_cpu_s, load_s, inserts_s, deletes_s, resident;
};

static double resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

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
        die(path, "the graph of other vectors than --base");
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
    size_t n = base->count / 4 < 4000 ? base->count / 4 : 4000, step = base->count / n;
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

/* --- what is printed --- */

static void totals_print(const struct options *o, const struct totals *t, struct graph_bytes bytes,
                         size_t count)
{
    double n = (double)count, all = (double)bytes.all / n, hot = (double)bytes.hot / n;
    if (o->json)
        printf("{\"build_s\":%.3f,\"build_cpu_s\":%.3f,\"load_s\":%.4f,\"bytes_per_vector\":%.1f,"
               "\"hot_bytes_per_vector\":%.1f,\"resident_bytes_per_vector\":%.1f,"
               "\"inserts_s\":%.0f,\"deletes_s\":%.0f}\n",
               t->build_s, t->build_cpu_s, t->load_s, all, hot, t->resident / n, t->inserts_s,
               t->deletes_s);
    else
        printf("build %.1f s (%.1f of processor), load %.3f s, %.0f bytes a vector, %.0f of them "
               "hot (the process grew by %.0f), %.0f inserts/s, %.0f deletes/s\n",
               t->build_s, t->build_cpu_s, t->load_s, all, hot, t->resident / n, t->inserts_s,
               t->deletes_s);
}

struct bench {
    struct options o;
    struct graph *g;
    struct matrix queries;
    struct truth truth;
    struct exact_walk *exact; /* or NULL */
};

static double exact_walk_recall(struct bench *b, size_t width)
{
    uint32_t found[K];
    size_t hits_right = 0;
    for (size_t q = 0; q < b->queries.count; q++) {
        size_t n =
            exact_walk_search(b->exact, b->queries.rows + q * b->queries.dims, K, width, found);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < K; j++)
                hits_right += found[i] == b->truth.best[q][j];
    }
    return (double)hits_right / (double)(b->queries.count * K);
}

/* The best of some rounds: of the same work, the least disturbed. */
static struct result measure(struct bench *b, size_t width)
{
    struct run runs[THREADS_MAX];
    struct result best = {0};
    unsigned threads = b->o.threads;
    size_t count = b->queries.count;
    double *us = xcalloc(threads * count, sizeof *us);
    for (unsigned round = 0; round < b->o.rounds; round++) {
        for (unsigned t = 0; t < threads; t++)
            runs[t] = (struct run){.g = b->g,
                                   .queries = &b->queries,
                                   .width = width,
                                   .from = t * count / threads,
                                   .batch = b->o.batch,
                                   .truth = &b->truth,
                                   .us = us + t * count};
        struct result r = round_of(runs, us, threads);
        if (r.qps > best.qps)
            best = r;
    }
    free(us);
    return best;
}

static void width_print(struct bench *b, size_t width)
{
    struct result r = measure(b, width);
    char exact[40] = "";
    if (b->exact)
        snprintf(exact, sizeof exact,
                 b->o.json ? ",\"exact_walk_recall\":%.4f" : "  exact walk %.4f",
                 exact_walk_recall(b, width));
    if (b->o.json)
        printf("{\"ef\":%zu,\"recall\":%.4f,\"qps\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f%s}\n",
               width, r.recall, r.qps, r.p50, r.p99, exact);
    else
        printf("width %4zu  recall %.4f %9.0f q/s  p50 %7.1f us  p99 %7.1f us  %.0f scored%s\n",
               width, r.recall, r.qps, r.p50, r.p99, r.scored, exact);
    fflush(stdout);
}

static void widths_print(struct bench *b)
{
    static const size_t widths[] = {10, 14,  20,  28,  34,  40,  48,  56,  64,  80,
                                    96, 128, 160, 192, 256, 384, 512, 768, 1024};
    char line[32];
    if (b->o.ask)
        while (fgets(line, sizeof line, stdin)) {
            line[strcspn(line, "\n")] = 0;
            width_print(b, number("width", line, 1, GRAPH_WIDTH_MAX));
        }
    else if (b->o.width)
        width_print(b, b->o.width);
    else
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
            width_print(b, widths[i]);
}

int main(int argc, char **argv)
{
    struct bench b = {.o = options_read(argc, argv)};
    struct options *o = &b.o;
    struct matrix base = npy_read(o->base);
    struct totals t = {0};
    b.queries = npy_read(o->queries);
    if (base.dims != b.queries.dims)
        die("--queries", "other dimensions than --base");
    if (base.count < K || base.count > GRAPH_SLOTS_MAX || !b.queries.count)
        die("--base, --queries", "wanted at least 10 rows and a query");
    uint16_t *halves = xmalloc(base.count * base.dims * sizeof *halves + 1);
    half_from_f32(base.rows, halves, base.count * base.dims);
    free(base.rows);
    bool kept = o->graph && file_exists(o->graph);
    double resident = resident_bytes();
    b.g = kept ? graph_kept(o->graph, &base, &t) : graph_make(o, halves, &base, &t);
    t.resident = resident_bytes() - resident;
    if (o->graph && !kept)
        graph_keep(o->graph, b.g);
    b.truth = o->truth ? truth_kept(o->truth, halves, &base, &b.queries)
                       : truth_make(halves, &base, &b.queries);
    b.exact = o->exact_walk ? exact_walk_new(b.g) : NULL;
    widths_print(&b);
    struct graph_bytes bytes = graph_bytes(b.g);
    if (!o->width && !o->no_writes)
        writes_measure(b.g, halves, &base, &t);
    totals_print(o, &t, bytes, base.count);
    if (b.exact)
        exact_walk_free(b.exact);
    free(b.truth.best);
    free(b.queries.rows);
    free(halves);
    graph_free(b.g);
    return 0;
}
